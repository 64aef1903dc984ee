//! One exchange on its way through the steps: what was received, what each step found, what has been recorded so far. Data only.

use crate::body::intake::RequestBody;
use crate::edge::{Edge, describe, xroad};
use crate::gateway::Gateway;
use crate::peer::Member;
use crate::record::view::Leg;
use crate::server::conn::Conn;
use crate::steps::mediate::Mediation;
use crate::trace::Trace;
use bytes::Bytes;
use http::request::Parts;
use lgsp_evidence::Ticket;
use lgsp_identity::How;
use lgsp_kernel::mediation::Face;
use lgsp_kernel::model::{KeepBody, UpstreamSpec};
use lgsp_kernel::record::{LegRecord, MaskedRecord, Stated};
use lgsp_kernel::snapshot::{Credential, Grant, Operation, Service, Snapshot, System, Version};
use lgsp_kernel::{ExchangeId, Millis, Step};
use lgsp_peer::ReceivedTicket;
use lgsp_peer::idempotency::Permit;
use smallvec::SmallVec;
use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::Instant;

/// Everything that is known of an exchange.
pub(crate) struct Exchange {
    pub gateway: Arc<Gateway>,
    pub snapshot: Arc<Snapshot>,
    pub conn: Arc<Conn>,
    /// Which request of its connection.
    pub number: u64,
    pub id: ExchangeId,
    pub id_text: String,
    pub at: Millis,
    pub began: Instant,
    /// The head; its header lines move on when the request is forwarded.
    pub head: Parts,
    /// The target as received, secrets masked.
    pub target: String,
    pub edge: Edge,
    /// What is known of a call that speaks X-Road's protocols.
    pub xroad: Option<Box<xroad::Call>>,
    pub trace: Trace,
    pub body: RequestBody,
    pub caller: Option<Caller>,
    pub stated: Stated,
    /// The other node whose message this is.
    pub member: Option<Box<Member>>,
    /// Under which at most one request is forwarded, where the caller named one.
    pub key: Option<Box<str>>,
    /// The right to forward its request, once.
    pub permit: Option<Box<Permit>>,
    pub route: Option<Route>,
    /// How the caller speaks, where that is another way than the provider's.
    pub face: Option<Face>,
    /// Where messages are converted or checked.
    pub mediation: Option<Box<Mediation>>,
    /// A description that is asked for in the place of an operation.
    pub asked: Option<Box<describe::Asked>>,
    pub grant: Option<Arc<Grant>>,
    pub decisions: SmallVec<[Decision; 8]>,
    pub request: Leg,
    pub answer: Leg,
    /// The status given to the caller.
    pub status: Option<u16>,
    /// Which target of the provider answered.
    pub provider: Option<Arc<str>>,
    /// Which way between platforms was taken, where there are several to choose from or it came from another node.
    pub leg: Option<Box<LegRecord>>,
    /// What was taken out of the answer.
    pub masked: Option<Box<MaskedRecord>>,
    /// The exchange that had this answer before, under the same key.
    pub original: Option<ExchangeId>,
    /// What has been handed to the log and must be durable before the next step that relies on it.
    pub waiting: SmallVec<[Waiting; 2]>,
    /// The request's body, where the service keeps bodies, until it is handed to the log.
    pub kept_request: Option<Bytes>,
    pub progress: Progress,
}

/// What a way can prove: both ends signed.
pub(crate) const COUNTERSIGNED: &str = "countersigned";
/// What a way can prove: this node's record alone.
pub(crate) const OURS: &str = "ours";

/// Something that the log was handed.
pub(crate) enum Waiting {
    /// A record of the exchange.
    Record(Ticket),
    /// A message of another node.
    Received(ReceivedTicket),
}

/// Who calls, and what showed it.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    pub system: Arc<System>,
    pub by: By,
}

/// What showed who calls.
#[derive(Debug, Clone)]
pub(crate) enum By {
    /// A credential of this node.
    Credential(Arc<Credential>, How),
    /// The statement of another node: `<node>/<system there>`.
    Peer(Box<str>),
}

impl By {
    /// The credential, as records name it.
    pub fn name(&self) -> &str {
        match self {
            Self::Credential(credential, _) => credential.spec.id.as_str(),
            Self::Peer(name) => name,
        }
    }
    /// How it was shown.
    pub fn how(&self) -> &'static str {
        match self {
            Self::Credential(_, how) => how.as_str(),
            Self::Peer(_) => "peer",
        }
    }
}

/// What has irrevocably happened.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Progress {
    /// The request is on record; this many decisions stand in it.
    pub requested: Option<usize>,
    /// The provider may have seen something of the request.
    pub forwarded: bool,
    /// The provider may have acted on it.
    pub may_have_acted: bool,
    /// The last record is written.
    pub closed: bool,
}

/// Where a call leads.
#[derive(Debug, Clone)]
pub(crate) struct Route {
    pub service: Arc<Service>,
    pub version: Arc<Version>,
    pub operation: Arc<Operation>,
    /// The decoded path after the version: what grants speak of.
    pub path: String,
    /// The raw path and query after the version: what is forwarded.
    pub rest: String,
}

/// What a step decided, for the record.
#[derive(Debug)]
pub(crate) struct Decision {
    pub step: Step,
    pub ok: bool,
    pub why: Why,
}

/// On what ground. Written out only when a record is written.
#[derive(Debug)]
pub(crate) enum Why {
    Credential(Arc<Credential>, &'static str),
    Route(Arc<Version>, Arc<Operation>),
    Grant(Arc<Grant>),
    /// What is left of the day's quota.
    Limit(Option<u64>),
    Body(u64),
    Streams(Option<u64>),
    Target(Arc<str>, u8),
    Answer(u16, Option<u64>),
    Text(Cow<'static, str>),
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Credential(c, how) => write!(f, "credential {} by {how}", c.spec.id),
            Self::Route(v, o) => write!(f, "{} {}", v.key, o.spec.name),
            Self::Grant(g) => write!(f, "grant {}", g.spec.id),
            Self::Limit(Some(left)) => write!(f, "within the rate; {left} calls left today"),
            Self::Limit(None) => f.write_str("within the rate; no quota"),
            Self::Body(n) => write!(f, "body of {n} bytes"),
            Self::Streams(Some(n)) => write!(f, "body of {n} bytes, streamed"),
            Self::Streams(None) => f.write_str("body of unknown length, streamed"),
            Self::Target(t, attempts) => write!(f, "{t}, attempts: {attempts}"),
            Self::Answer(status, Some(n)) => write!(f, "status {status}, {n} bytes"),
            Self::Answer(status, None) => write!(f, "status {status}, streamed"),
            Self::Text(text) => f.write_str(text),
        }
    }
}

impl Exchange {
    /// Notes that a step let the call pass.
    pub fn passed(&mut self, step: Step, why: Why) {
        self.decisions.push(Decision { step, ok: true, why });
    }
    /// The route, once resolved.
    pub fn route(&self) -> &Route {
        self.route.as_ref().expect("the steps after resolve run only when it has found a route")
    }
    /// The operation has no effect on the provider's side.
    pub fn safe(&self) -> bool {
        self.route.as_ref().is_some_and(|r| r.operation.safe)
    }
    /// How the provider is reached on the way that was taken.
    pub fn upstream(&self) -> &UpstreamSpec {
        let version = &self.route().version;
        let number = self.leg.as_ref().and_then(|l| l.number);
        let leg = number.and_then(|n| version.legs.iter().find(|l| l.number == n));
        leg.and_then(|l| l.version.as_ref()).map_or(&version.spec.upstream, |v| &v.spec.upstream)
    }
    /// What the service keeps of bodies.
    pub fn keep_body(&self) -> KeepBody {
        self.route.as_ref().map_or(KeepBody::Digest, |r| r.service.spec.evidence.body)
    }
    /// Whether bodies are digested.
    pub fn digests_bodies(&self) -> bool {
        self.keep_body() != KeepBody::Off
    }
    /// The time now.
    pub fn now(&self) -> Millis {
        self.gateway.clock.now()
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        crate::record::abandoned::close(self);
    }
}
