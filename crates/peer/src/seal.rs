//! The consumer's side, going out: a request is stated, stood by and sent. Not here: its answer (`answer`).

use crate::answer::{Awaited, PeerAnswer};
use crate::body::{OutBody, PeerBody};
use crate::bounds::IDEMPOTENCY_KEY_MAX;
use crate::fields::{self, From, PATH_PREFIX, To, stated_value};
use crate::peers::{Inner, Peers, Pending, not_recorded, state_whole};
use crate::statement::{Statement, Subject};
use crate::stream::StatedStream;
use crate::transport::{Hello, Lease};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Uri};
use lgsp_evidence::Ticket;
use lgsp_kernel::model::SignatureMode;
use lgsp_kernel::record::Stated;
use lgsp_kernel::{AgencyCode, ExchangeId, NodeName, Refusal, ServiceId, SystemId, VersionLabel, fault};
use std::time::Duration;

/// One way to a provider at another node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerLeg {
    /// The provider's node.
    pub node: NodeName,
    /// The node that relays, if one does.
    pub via: Option<NodeName>,
    /// The service there.
    pub service: ServiceId,
    /// The version there.
    pub version: VersionLabel,
    /// The mode demanded; none: the better one that the neighbour takes.
    pub mode: Option<SignatureMode>,
}

/// A request to be sent.
#[derive(Debug)]
pub struct OutgoingRequest {
    /// The exchange.
    pub exchange: ExchangeId,
    /// The consumer's agency.
    pub agency: AgencyCode,
    /// The consumer's system.
    pub system: SystemId,
    /// The method.
    pub method: Method,
    /// Path and query after the version, byte for byte: empty, or beginning with `/` or `?`.
    pub rest: String,
    /// What the consumer sent and is forwarded; credentials for this platform are out already.
    pub headers: HeaderMap,
    /// The body.
    pub body: PeerBody,
    /// What the consumer stated.
    pub stated: Stated,
    /// The consumer's key.
    pub idempotency_key: Option<String>,
    /// Without effect: may be sent while its record is being made durable.
    pub safe: bool,
    /// How long the answer's head, and a whole answer, may take.
    pub patience: Duration,
    /// The largest whole answer that is taken, bytes; larger ones stream or are refused.
    pub answer_max: usize,
}

/// A request that is stated and stood by, whoever carries it.
pub struct StatedRequest {
    /// The message.
    pub request: Request<OutBody>,
    /// What its answer is checked against.
    pub awaited: Awaited,
    /// In `message` mode, for a call without effect: its statement's record, to be durable before the answer is given.
    pub recording: Option<Ticket>,
}

impl std::fmt::Debug for StatedRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "StatedRequest({})", self.awaited.exchange)
    }
}

/// A request that is ready to be sent.
pub struct Sealed {
    pub(crate) stated: StatedRequest,
    pub(crate) lease: Lease,
    pub(crate) neighbour: NodeName,
}

impl std::fmt::Debug for Sealed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Sealed({} to {})", self.stated.awaited.exchange, self.neighbour)
    }
}

impl Sealed {
    /// How it is stood by.
    pub fn mode(&self) -> SignatureMode {
        self.stated.awaited.mode
    }
    /// The message as it is sent.
    pub fn request(&self) -> &Request<OutBody> {
        &self.stated.request
    }
}

/// An exchange without an answer.
#[derive(Debug)]
pub struct SendError {
    /// What to tell the caller.
    pub refusal: Refusal,
    /// False only if the provider surely cannot have acted.
    pub may_have_acted: bool,
    /// The head of an answer that came and is not believed.
    pub came: Option<Box<http::response::Parts>>,
}

impl SendError {
    pub(crate) fn before(refusal: Refusal) -> Self {
        Self { refusal, may_have_acted: false, came: None }
    }
    pub(crate) fn unknown(refusal: Refusal) -> Self {
        Self { refusal, may_have_acted: true, came: None }
    }
}

impl Peers {
    /// States a request and stands by it: on return its statement is durable (in `message` mode, for a call without effect, on its way to be). Nothing was sent.
    pub async fn seal_request(&self, leg: &PeerLeg, out: OutgoingRequest) -> Result<Sealed, Refusal> {
        let neighbour = leg.via.as_ref().unwrap_or(&leg.node).clone();
        let lease = self.0.lease(&neighbour).await?;
        let stated = self.state_request(leg, out, lease.hello()).await?;
        Ok(Sealed { stated, lease, neighbour })
    }

    /// The same without a connection, for a neighbour that said this of itself.
    pub async fn state_request(
        &self,
        leg: &PeerLeg,
        out: OutgoingRequest,
        hello: &Hello,
    ) -> Result<StatedRequest, Refusal> {
        let inner = &self.0;
        let mode = hello.mode(leg.mode).ok_or_else(|| {
            let detail = format!("The node {} takes no mode of signature that the route allows.", hello.node);
            Refusal::new(&fault::PEER_VERSION, detail)
        })?;
        let now = inner.clock.now();
        let speaker = inner.speaker(&out.agency, mode, now)?;
        let to = To { node: leg.node.clone(), service: leg.service.clone(), version: leg.version.clone() };
        let whole = matches!(&out.body, PeerBody::Whole(b) if b.len() as u64 <= hello.body_max);
        let (uri, mut headers) = head(&inner.node, &to, &out, whole)?;
        let subject = Subject::Request { method: &out.method, path: uri.path(), query: uri.query() };
        let statement = Statement::build(subject, &headers, now.seconds(), speaker.keyid());
        let statement = statement
            .map_err(|e| Refusal::new(&fault::MALFORMED_REQUEST, format!("It cannot be stated: {e}.")))?;
        let pending = inner.append_statement(&statement, &out.exchange, mode);
        let pending = pending.map_err(|e| not_recorded(&fault::NOT_RECORDED, e))?;
        let recording = match pending {
            Pending::Message(ticket) if out.safe => {
                inner.sign(&speaker, &statement, &mut headers);
                Some(ticket)
            }
            pending => {
                let stood = inner.stand_by(&speaker, &statement, pending, &mut headers).await;
                stood.map_err(|e| not_recorded(&fault::NOT_RECORDED, e))?;
                None
            }
        };
        let body = if whole {
            out.body.into()
        } else {
            StatedStream::new(inner.clone(), speaker, out.exchange, statement.digest, out.body).into()
        };
        let mut request = Request::new(body);
        (*request.method_mut(), *request.uri_mut()) = (out.method, uri);
        *request.headers_mut() = headers;
        let awaited = Awaited {
            exchange: out.exchange,
            to,
            via: leg.via.clone(),
            mode,
            digest: statement.digest,
            patience: out.patience,
            answer_max: out.answer_max,
        };
        Ok(StatedRequest { request, awaited, recording })
    }

    /// Sends a sealed request and verifies its answer: a whole one with its body, of one that streams the head now and the body as it is read.
    pub async fn send(&self, sealed: Sealed) -> Result<PeerAnswer, SendError> {
        let Sealed { stated, mut lease, neighbour } = sealed;
        let StatedRequest { request, awaited, recording } = stated;
        let patience = awaited.patience;
        let exchanged = tokio::time::timeout(patience, async {
            let response = self.0.transmit(&mut lease, &neighbour, request).await?;
            crate::answer::take(&self.0, &awaited, response).await
        });
        let answer = exchanged.await.unwrap_or_else(|_| {
            let detail = format!("The node {neighbour} did not answer within {} ms.", patience.as_millis());
            Err(SendError::unknown(Refusal::new(&fault::PROVIDER_TIMEOUT, detail)))
        })?;
        if let Some(ticket) = recording {
            let recorded = ticket.await;
            recorded.map_err(|e| SendError::unknown(not_recorded(&fault::ANSWER_NOT_RECORDED, e)))?;
        }
        Ok(answer.with_lease(lease))
    }
}

impl Inner {
    /// Sends over the leased connection; over another one if nothing was sent over it.
    pub(crate) async fn transmit(
        &self,
        lease: &mut Lease,
        neighbour: &NodeName,
        request: Request<OutBody>,
    ) -> Result<http::Response<hyper::body::Incoming>, SendError> {
        let attempted = match lease.exchange(request).await {
            Ok(response) => return Ok(response),
            Err(attempted) => attempted,
        };
        let attempted = match attempted.unsent {
            Some(request) => {
                self.transport.discard(neighbour, lease);
                *lease = self.lease(neighbour).await.map_err(SendError::before)?;
                match lease.exchange(*request).await {
                    Ok(response) => return Ok(response),
                    Err(again) => again,
                }
            }
            None => attempted,
        };
        let surely_not = attempted.unsent.is_some() || attempted.refused;
        if surely_not {
            let detail = format!("The node {neighbour} did not take the message.");
            let refusal = Refusal::new(&fault::PEER_UNREACHABLE, detail).with_internal(attempted.error);
            return Err(SendError::before(refusal));
        }
        let detail = format!("The connection to the node {neighbour} broke before the answer.");
        let refusal = Refusal::new(&fault::PROVIDER_BROKE_OFF, detail).with_internal(attempted.error);
        Err(SendError::unknown(refusal))
    }
}

/// The head, with the protocol's fields and without those of a hop.
fn head(node: &NodeName, to: &To, out: &OutgoingRequest, whole: bool) -> Result<(Uri, HeaderMap), Refusal> {
    let path = format!("{PATH_PREFIX}{}/{}/{}{}", to.node, to.service, to.version, out.rest);
    let fine = out.rest.is_empty() || out.rest.starts_with(['/', '?']);
    let uri = Uri::builder().scheme("https").authority(format!("{}.node.lgsp", to.node)).path_and_query(path);
    let uri = uri.build().ok().filter(|_| fine);
    let uri = uri.ok_or_else(|| Refusal::new(&fault::BAD_PATH, "The path cannot be sent on."))?;
    let mut headers = systems_own(&out.headers);
    let from = From { node: node.clone(), agency: out.agency.clone(), system: out.system.clone() };
    headers.insert(&fields::EXCHANGE, fields::once(fields::value(out.exchange.to_string())));
    headers.insert(&fields::FROM, from.value());
    headers.insert(&fields::TO, to.value());
    let stated = [
        (&fields::OFFICER, &out.stated.officer),
        (&fields::PURPOSE, &out.stated.purpose),
        (&fields::DOSSIER, &out.stated.dossier),
    ];
    for (name, text) in stated {
        if let Some(text) = text {
            headers.insert(name, stated_value(text));
        }
    }
    if let Some(key) = &out.idempotency_key {
        let fine =
            (1..=IDEMPOTENCY_KEY_MAX).contains(&key.len()) && key.bytes().all(|b| matches!(b, 0x21..=0x7e));
        let field = HeaderValue::from_str(key).ok().filter(|_| fine).ok_or_else(|| {
            let detail = "The idempotency key has 1 to 255 visible ASCII characters.";
            Refusal::new(&fault::MALFORMED_REQUEST, detail)
        })?;
        headers.insert(&fields::IDEMPOTENCY_KEY, fields::once(field));
    }
    for name in fields::TRACE {
        if let Some(line) = out.headers.get(name) {
            headers.insert(name, fields::once(line.clone()));
        }
    }
    state_body(&mut headers, &out.body, whole);
    Ok((uri, headers))
}

/// The fields that are the system's and may be stated.
pub(crate) fn systems_own(headers: &HeaderMap) -> HeaderMap {
    let mut own = HeaderMap::with_capacity(headers.len() + 12);
    for (name, line) in headers {
        if !fields::is_platform(name.as_str()) {
            own.append(HeaderName::clone(name), line.clone());
        }
    }
    own
}

pub(crate) fn state_body(headers: &mut HeaderMap, body: &PeerBody, whole: bool) {
    match body {
        PeerBody::Whole(bytes) if whole => state_whole(headers, bytes),
        _ => {
            headers.insert(&fields::BODY, HeaderValue::from_static("streamed"));
        }
    }
}
