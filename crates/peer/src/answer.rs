//! The consumer's side, coming in: an answer is verified against the request that it must be of. Not here: its recording, which the gateway does with its own record.

use crate::body::PeerBody;
use crate::bounds::ANSWER_SKEW_MAX;
use crate::fields::{self, To, read_answerer, single};
use crate::peers::{Inner, Peers, Received};
use crate::seal::SendError;
use crate::statement::{Subject, digest_text};
use crate::stream::ProvenStream;
use crate::transport::Lease;
use crate::verify::{Believed, Expected, Unproven};
use bytes::Bytes;
use http::response::Parts;
use http::{HeaderMap, Response, StatusCode};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use lgsp_evidence::hash::{Hash, sha256};
use lgsp_kernel::model::SignatureMode;
use lgsp_kernel::{AgencyCode, ExchangeId, NodeName, Refusal, fault};
use std::sync::Arc;
use std::time::Duration;

/// What an answer must be of.
#[derive(Debug, Clone)]
pub struct Awaited {
    pub(crate) exchange: ExchangeId,
    pub(crate) to: To,
    pub(crate) via: Option<NodeName>,
    pub(crate) mode: SignatureMode,
    pub(crate) digest: Hash,
    pub(crate) patience: Duration,
    pub(crate) answer_max: usize,
}

/// A refusal that another platform stands by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerRefusal {
    /// Its code.
    pub code: String,
    /// Whether the provider may have acted.
    pub may_have_acted: bool,
}

/// A verified answer.
#[derive(Debug)]
pub struct PeerAnswer {
    /// The status.
    pub status: StatusCode,
    /// The provider's fields.
    pub headers: HeaderMap,
    /// The body: verified, or verified as it is read.
    pub body: PeerBody,
    /// What must be durable before the consumer gets the answer.
    pub received: Received,
    /// Who answered: the provider's node or, with a refusal, the relay.
    pub node: NodeName,
    /// For which agency.
    pub agency: AgencyCode,
    /// How it is stood by.
    pub mode: SignatureMode,
    /// A platform answered, not the provider's system.
    pub refusal: Option<PeerRefusal>,
    /// The exchange that had this answer before, under the same idempotency key.
    pub original: Option<ExchangeId>,
    /// The other node's clock minus ours by its own word, where it reported that ours is off, seconds.
    pub clock_reported: Option<i64>,
    /// Keeps the connection's place until a streaming body has ended.
    lease: Option<Lease>,
}

impl PeerAnswer {
    pub(crate) fn with_lease(mut self, lease: Lease) -> Self {
        if let PeerBody::Stream(_) = self.body {
            self.lease = Some(lease);
        }
        self
    }
}

impl Peers {
    /// Verifies a whole answer that no connection of ours brought.
    pub fn check_answer(
        &self,
        awaited: &Awaited,
        head: &Parts,
        body: Bytes,
    ) -> Result<PeerAnswer, SendError> {
        if !head.headers.contains_key(&fields::SIGNATURE_INPUT) {
            return Err(unsigned(awaited, head.status, &body));
        }
        let checked = check(&self.0, awaited, head).map_err(unproven)?;
        let digest = checked.digest.ok_or_else(|| unproven(Unproven::Digest))?;
        let body = whole(body, &digest)?;
        Ok(proven(awaited, head, checked, |_| body))
    }
}

pub(crate) fn unproven(why: Unproven) -> SendError {
    SendError::unknown(why.of_answer())
}

/// A body, if it is the one whose digest was stated.
pub(crate) fn whole(body: Bytes, digest: &[u8; 32]) -> Result<PeerBody, SendError> {
    if sha256(&body).0 == *digest { Ok(PeerBody::Whole(body)) } else { Err(unproven(Unproven::Digest)) }
}

/// Reads and verifies an answer.
pub(crate) async fn take(
    inner: &Arc<Inner>,
    awaited: &Awaited,
    response: Response<Incoming>,
) -> Result<PeerAnswer, SendError> {
    let (parts, body) = response.into_parts();
    let taken = take_parts(inner, awaited, &parts, body).await;
    taken.map_err(|error| SendError { came: Some(Box::new(parts)), ..error })
}

async fn take_parts(
    inner: &Arc<Inner>,
    awaited: &Awaited,
    parts: &Parts,
    body: Incoming,
) -> Result<PeerAnswer, SendError> {
    if !parts.headers.contains_key(&fields::SIGNATURE_INPUT) {
        return Err(unsigned(awaited, parts.status, &said(body).await));
    }
    let checked = check(inner, awaited, parts).map_err(unproven)?;
    Ok(match checked.digest {
        Some(digest) => {
            let body = whole(collect(body, awaited.answer_max).await?, &digest)?;
            proven(awaited, parts, checked, |_| body)
        }
        None => proven(awaited, parts, checked, |believed| {
            let (inner, exchange) = (inner.clone(), awaited.exchange);
            PeerBody::Stream(Box::pin(ProvenStream::new(inner, exchange, believed, &parts.headers, body)))
        }),
    })
}

/// An answer whose head was checked, in the gateway's words.
fn proven(
    awaited: &Awaited,
    head: &Parts,
    mut checked: CheckedAnswer,
    body: impl FnOnce(&Believed) -> PeerBody,
) -> PeerAnswer {
    let mut headers = std::mem::take(&mut checked.believed.fields);
    fields::strip_platform(&mut headers);
    let received = Received::new(checked.believed, awaited.exchange);
    let believed = received.believed();
    PeerAnswer {
        status: head.status,
        headers,
        body: body(believed),
        node: believed.delegation.says.node.clone(),
        agency: believed.delegation.says.agency.clone(),
        mode: believed.mode,
        refusal: checked.refusal,
        original: checked.original,
        clock_reported: single(&head.headers, &fields::HOP_CLOCK).and_then(|t| t.parse().ok()),
        received,
        lease: None,
    }
}

pub(crate) struct CheckedAnswer {
    pub(crate) believed: Believed,
    pub(crate) digest: Option<[u8; 32]>,
    pub(crate) refusal: Option<PeerRefusal>,
    pub(crate) original: Option<ExchangeId>,
}

/// Checks an answer's head against its request.
pub(crate) fn check(inner: &Inner, awaited: &Awaited, parts: &Parts) -> Result<CheckedAnswer, Unproven> {
    let claimed = single(&parts.headers, &fields::FROM).and_then(read_answerer);
    let (node, agency) = claimed.ok_or(Unproven::Field("lgsp-from"))?;
    let expected = Expected {
        node: &node,
        agency: &agency,
        exchange: &awaited.exchange,
        mode: Some(awaited.mode),
        skew_max: ANSWER_SKEW_MAX,
    };
    let (subject, now) = (Subject::Answer { status: parts.status }, inner.clock.now());
    let believed = inner.checker.check(subject, &parts.headers, &expected, now)?;
    Inner::meter_clock(&believed);
    let field = |name| single(&believed.fields, name);
    let refusal = field(&fields::REFUSAL).map(|code| PeerRefusal {
        code: code.chars().take(64).collect(),
        may_have_acted: field(&fields::ACTED) != Some("no"),
    });
    let provider = node == awaited.to.node;
    let relay = awaited.via.as_ref() == Some(&node);
    let may_answer = provider || (relay && refusal.is_some());
    if !may_answer {
        return Err(Unproven::Proof("the answer is another node's"));
    }
    let members = inner.checker.members();
    let offers = members.offers(&awaited.to.node, &awaited.to.service, &awaited.to.version, &agency);
    if refusal.is_none() && offers == Some(false) {
        return Err(Unproven::Proof("the answer is not of the agency that offers the service"));
    }
    if field(&fields::EXCHANGE) != Some(awaited.exchange.to_string().as_str()) {
        return Err(Unproven::Proof("the answer is of another exchange"));
    }
    if field(&fields::IN_REPLY_TO) != Some(digest_text(&awaited.digest).as_str()) {
        return Err(Unproven::Proof("the answer is of another request"));
    }
    let digest = stated_digest(&believed.fields)?;
    let original = match field(&fields::ORIGINAL_EXCHANGE) {
        Some(text) => Some(text.parse().map_err(|_| Unproven::Field("lgsp-original-exchange"))?),
        None => None,
    };
    Ok(CheckedAnswer { believed, digest, refusal, original })
}

/// The digest that a head states; none if the body streams.
pub(crate) fn stated_digest(headers: &HeaderMap) -> Result<Option<[u8; 32]>, Unproven> {
    if let Some(text) = single(headers, &fields::BODY) {
        return if text == "streamed" { Ok(None) } else { Err(Unproven::Field("lgsp-body")) };
    }
    let text = single(headers, &fields::CONTENT_DIGEST).ok_or(Unproven::Field("content-digest"))?;
    fields::read_content_digest(text).map(Some).ok_or(Unproven::Field("content-digest"))
}

pub(crate) async fn collect(body: Incoming, max: usize) -> Result<Bytes, SendError> {
    match Limited::new(body, max).collect().await {
        Ok(all) => Ok(all.to_bytes()),
        Err(e) if e.is::<http_body_util::LengthLimitError>() => {
            let detail = format!("The limit is {max} bytes.");
            Err(SendError::unknown(Refusal::new(&fault::ANSWER_TOO_LARGE, detail)))
        }
        Err(e) => {
            let refusal = Refusal::new(&fault::PROVIDER_BROKE_OFF, "The other node's answer broke off.");
            Err(SendError::unknown(refusal.with_internal(e)))
        }
    }
}

/// The body of an answer without a statement, as far as it is read.
pub(crate) async fn said(body: Incoming) -> Bytes {
    const MAX: usize = 16 << 10;
    Limited::new(body, MAX).collect().await.map(|b| b.to_bytes()).unwrap_or_default()
}

/// What an answer without a statement means: nothing is proven, but the neighbour, known by its certificate, says that it did not take the message.
pub(crate) fn unsigned(awaited: &Awaited, status: StatusCode, said: &[u8]) -> SendError {
    let neighbour = awaited.via.as_ref().unwrap_or(&awaited.to.node);
    let problem: serde_json::Value = serde_json::from_slice(said).unwrap_or_default();
    let text = |name: &str| {
        problem.get(name).and_then(|v| v.as_str()).unwrap_or("").chars().take(300).collect::<String>()
    };
    let (kind, detail) = (text("type"), text("detail"));
    let code = kind.strip_prefix("urn:lgsp:problem:").unwrap_or("no reason given");
    let refusal = Refusal::new(
        &fault::PEER_UNREACHABLE,
        format!("The node {neighbour} did not take the message ({} {code}). {detail}", status.as_u16()),
    );
    // Of a repetition the first may have acted; and a relay could have passed the message on before it says that it did not.
    let not_taken = status == StatusCode::SERVICE_UNAVAILABLE
        || (status.is_client_error() && status != StatusCode::CONFLICT);
    if not_taken && awaited.via.is_none() {
        SendError::before(refusal)
    } else {
        SendError::unknown(Refusal::new(
            &fault::ANSWER_UNPROVEN,
            format!("The node {neighbour} answered {} without a statement.", status.as_u16()),
        ))
    }
}
