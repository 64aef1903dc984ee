//! The provider's side, coming in: a request is verified, once, and said in the gateway's words. Not here: the answer (`reply`).

use crate::body::PeerBody;
use crate::bounds::{IDEMPOTENCY_KEY_MAX, REQUEST_SKEW_MAX};
use crate::fields::{self, From, To, read_path, read_stated, single};
use crate::peers::{Inner, Peers, Received};
use crate::reply::ReplyTo;
use crate::statement::Subject;
use crate::stream::ProvenStream;
use crate::verify::{Expected, Unproven};
use http::request::Parts;
use http::{HeaderMap, HeaderName};
use hyper::body::Incoming;
use lgsp_evidence::hash::sha256;
use lgsp_kernel::model::SignatureMode;
use lgsp_kernel::record::Stated;
use lgsp_kernel::{AgencyCode, ExchangeId, NodeName, Refusal, ServiceId, SystemId, VersionLabel, fault};

/// A verified request.
#[derive(Debug)]
pub struct Opened {
    /// Who sent it.
    pub from: NodeName,
    /// The consumer's agency, as certified.
    pub agency: AgencyCode,
    /// The consumer's system, as its node says.
    pub system: SystemId,
    /// The node that relayed it, if one did.
    pub via: Option<NodeName>,
    /// The exchange.
    pub exchange: ExchangeId,
    /// The addressed node.
    pub to: NodeName,
    /// The service.
    pub service: ServiceId,
    /// The version.
    pub version: VersionLabel,
    /// Path and query after the version, byte for byte.
    pub rest: String,
    /// How it is stood by.
    pub mode: SignatureMode,
    /// What the consumer stated.
    pub stated: Stated,
    /// The consumer's key.
    pub idempotency_key: Option<String>,
    /// The digest of its content; none if the body streams.
    pub digest: Option<[u8; 32]>,
    /// The system's fields; nothing else of the head may be read.
    pub headers: HeaderMap,
    /// What must be durable before the request has an effect.
    pub received: Received,
    /// What its answer refers to.
    pub reply: ReplyTo,
}

/// A request that was not taken.
#[derive(Debug)]
pub struct Unopened {
    /// Why.
    pub refusal: Refusal,
    /// What a signed refusal refers to; none if nothing of the sender is proven: then the refusal goes out unsigned.
    pub reply: Option<Box<ReplyTo>>,
}

impl std::convert::From<Unproven> for Unopened {
    fn from(why: Unproven) -> Self {
        Self { refusal: why.of_request(), reply: None }
    }
}

impl Unopened {
    /// A refusal of a request whose statement was verified: its answer is stated, too.
    pub fn stated(refusal: Refusal, reply: ReplyTo) -> Self {
        Self { refusal, reply: Some(Box::new(reply)) }
    }
}

impl Opened {
    /// Whether a whole body is the one that was stated.
    pub fn check_body(&self, body: &[u8]) -> Result<(), Refusal> {
        match self.digest {
            Some(digest) if sha256(body).0 == digest => Ok(()),
            _ => Err(Unproven::Digest.of_request()),
        }
    }
}

impl Peers {
    /// Verifies a request that is for this node. `conn` is the node at the other end of the connection.
    pub fn open_request(&self, conn: &NodeName, head: &Parts) -> Result<Opened, Unopened> {
        let opened = self.0.open(conn, head)?;
        if opened.to != self.0.node {
            let detail = format!("This is {}, the message is for {}.", self.0.node, opened.to);
            let refusal = Refusal::new(&fault::PEER_ADDRESSEE, detail);
            return Err(Unopened::stated(refusal, opened.reply));
        }
        Ok(opened)
    }

    /// The body of a request whose digest comes in its trailers: verified, and recorded, before its last frame is given.
    pub fn body_of(&self, opened: &Opened, head: &HeaderMap, body: Incoming) -> PeerBody {
        let believed = opened.received.believed();
        PeerBody::Stream(Box::pin(ProvenStream::new(self.0.clone(), opened.exchange, believed, head, body)))
    }
}

impl Inner {
    /// Verifies a request and takes its exchange, whoever is addressed.
    pub(crate) fn open(&self, conn: &NodeName, head: &Parts) -> Result<Opened, Unopened> {
        let headers = &head.headers;
        let claimed = single(headers, &fields::FROM).and_then(From::parse);
        let from = claimed.ok_or(Unproven::Field("lgsp-from"))?;
        let exchange = single(headers, &fields::EXCHANGE).and_then(read_exchange);
        let exchange = exchange.ok_or(Unproven::Field("lgsp-exchange"))?;
        let (path_to, rest) = read_path(head.uri.path()).ok_or(Unproven::Field("the path"))?;
        let to = To::parse(path_to).ok_or(Unproven::Field("the path"))?;
        if !self.checker.members().is_member(&from.node) {
            return Err(Unproven::Unknown(from.node.to_string()).into());
        }
        let expected = Expected {
            node: &from.node,
            agency: &from.agency,
            exchange: &exchange,
            mode: None,
            skew_max: REQUEST_SKEW_MAX,
        };
        let now = self.clock.now();
        let mut believed = self.checker.check(Subject::of(head), headers, &expected, now)?;
        Self::meter_clock(&believed);
        let mut fields = std::mem::take(&mut believed.fields);
        if single(&fields, &fields::TO) != Some(path_to) {
            return Err(Unproven::Field("lgsp-to").into());
        }
        let digest = crate::answer::stated_digest(&fields)?;
        let stated = stated(&fields)?;
        let idempotency_key = idempotency_key(&fields)?;
        let mode = believed.mode;
        let reply = ReplyTo {
            exchange,
            digest: believed.statement.digest,
            mode,
            clock_difference: believed.clock_difference,
        };
        if !self.config.modes.contains(&mode) {
            let detail = "This node does not take messages in this mode.";
            return Err(Unopened::stated(Refusal::new(&fault::PEER_VERSION, detail), reply));
        }
        let taken = self.replay.take(&from.node, &exchange, believed.created, now);
        // The first one's answer is what is owed under this exchange; a repetition gets none that could be taken for it.
        taken.map_err(|refusal| Unopened { refusal, reply: None })?;
        fields::strip_platform(&mut fields);
        let rest = match head.uri.query() {
            Some(query) => format!("{rest}?{query}"),
            None => rest.to_owned(),
        };
        Ok(Opened {
            via: (*conn != from.node).then(|| conn.clone()),
            from: from.node,
            agency: from.agency,
            system: from.system,
            exchange,
            to: to.node,
            service: to.service,
            version: to.version,
            rest,
            mode,
            stated,
            idempotency_key,
            digest,
            headers: fields,
            received: Received::new(believed, exchange),
            reply,
        })
    }
}

/// Only as it is written: another spelling of the same id would be another statement of the same exchange.
fn read_exchange(text: &str) -> Option<ExchangeId> {
    text.parse::<ExchangeId>().ok().filter(|id| id.to_string() == text)
}

fn stated(headers: &HeaderMap) -> Result<Stated, Unproven> {
    let read = |name: &'static HeaderName, text| match headers.contains_key(name) {
        false => Ok(None),
        true => single(headers, name).and_then(read_stated).map(Some).ok_or(Unproven::Field(text)),
    };
    Ok(Stated {
        officer: read(&fields::OFFICER, "lgsp-officer")?,
        purpose: read(&fields::PURPOSE, "lgsp-purpose")?,
        dossier: read(&fields::DOSSIER, "lgsp-dossier")?,
    })
}

fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, Unproven> {
    if !headers.contains_key(&fields::IDEMPOTENCY_KEY) {
        return Ok(None);
    }
    let fine = |k: &&str| {
        (1..=IDEMPOTENCY_KEY_MAX).contains(&k.len()) && k.bytes().all(|b| matches!(b, 0x21..=0x7e))
    };
    let key = single(headers, &fields::IDEMPOTENCY_KEY).filter(fine);
    key.map(|k| Some(k.to_owned())).ok_or(Unproven::Field("lgsp-idempotency-key"))
}
