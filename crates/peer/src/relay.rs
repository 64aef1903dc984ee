//! Passing on: a relay verifies and records what it carries and changes nothing that is covered (docs/protocol/peer.md, "Relay"). Not here: whether it may
//! relay for whom; the gateway decides.

use crate::answer::{Awaited, CheckedAnswer, check, collect, said, unproven, unsigned, whole};
use crate::body::{OutBody, PeerBody};
use crate::fields::{self, To};
use crate::input;
use crate::open::{Opened, Unopened};
use crate::peers::{Peers, Received};
use crate::seal::SendError;
use crate::stream::ProvenStream;
use crate::verify::{Believed, Unproven};
use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, Request, Response, Uri};
use hyper::body::Incoming;
use lgsp_kernel::{AgencyCode, NodeName, Refusal, fault};
use std::time::Duration;

/// An answer on its way through.
#[derive(Debug)]
pub struct Relayed {
    /// As it goes on.
    pub response: Response<OutBody>,
    /// What must be durable before it does.
    pub received: Received,
    /// Who answered.
    pub node: NodeName,
    /// For which agency.
    pub agency: AgencyCode,
    /// The code, where the platform there refused.
    pub refusal: Option<String>,
}

impl Peers {
    /// Verifies a request that is for another node.
    pub fn open_relay(&self, conn: &NodeName, head: &Parts) -> Result<Opened, Unopened> {
        let opened = self.0.open(conn, head)?;
        let why = if opened.to == self.0.node {
            "The message is for the relay itself."
        } else if !self.0.config.relay {
            "This node does not relay."
        } else if opened.via.is_some() {
            "The message was relayed already."
        } else if !self.members().is_member(&opened.to) {
            "The addressed node is not a member."
        } else {
            return Ok(opened);
        };
        let refusal = Refusal::new(&fault::PEER_ADDRESSEE, why);
        Err(Unopened::stated(refusal, opened.reply))
    }

    /// The body of a request to be relayed: given to [`Peers::relay`]. What streams is verified and recorded before its last frame goes on, with its trailers.
    pub fn relayed_body(&self, opened: &Opened, head: &HeaderMap, body: Incoming) -> PeerBody {
        let believed = opened.received.believed();
        let stream = ProvenStream::new(self.0.clone(), opened.exchange, believed, head, body);
        PeerBody::Stream(Box::pin(stream.with_trailers()))
    }

    /// Sends a request on, as it came, and verifies the answer. What was received must be durable before. A whole body must have been checked.
    pub async fn relay(
        &self,
        opened: &Opened,
        head: &Parts,
        body: PeerBody,
        patience: Duration,
    ) -> Result<Relayed, SendError> {
        let inner = &self.0;
        let mut lease = inner.lease(&opened.to).await.map_err(SendError::before)?;
        let (request, awaited) = self.onward(opened, head, body, patience)?;
        let exchanged = tokio::time::timeout(patience, async {
            let response = inner.transmit(&mut lease, &opened.to, request).await?;
            self.take_relayed(&awaited, response).await
        });
        exchanged.await.unwrap_or_else(|_| {
            let detail = format!("The node {} did not answer in time.", opened.to);
            Err(SendError::unknown(Refusal::new(&fault::PROVIDER_TIMEOUT, detail)))
        })
    }

    /// A request as it goes on, and what its answer is checked against.
    pub fn onward(
        &self,
        opened: &Opened,
        head: &Parts,
        body: PeerBody,
        patience: Duration,
    ) -> Result<(Request<OutBody>, Awaited), SendError> {
        let mut uri = head.uri.clone().into_parts();
        uri.scheme = Some(http::uri::Scheme::HTTPS);
        uri.authority = format!("{}.node.lgsp", opened.to).parse().ok();
        let uri = Uri::from_parts(uri).map_err(|e| {
            SendError::before(Refusal::new(&fault::BAD_PATH, "The path cannot be sent on.").with_internal(e))
        })?;
        let mut request = Request::new(body.into());
        (*request.method_mut(), *request.uri_mut()) = (head.method.clone(), uri);
        *request.headers_mut() = passed_on(&head.headers, &opened.received);
        let awaited = Awaited {
            exchange: opened.exchange,
            to: To {
                node: opened.to.clone(),
                service: opened.service.clone(),
                version: opened.version.clone(),
            },
            via: None,
            mode: opened.mode,
            digest: opened.reply.digest,
            patience,
            answer_max: usize::try_from(self.0.config.body_max).unwrap_or(usize::MAX),
        };
        Ok((request, awaited))
    }

    /// Verifies a whole answer to what went on, that no connection of ours brought.
    pub fn check_relayed(
        &self,
        awaited: &Awaited,
        head: http::response::Parts,
        body: Bytes,
    ) -> Result<Relayed, SendError> {
        if !head.headers.contains_key(&fields::SIGNATURE_INPUT) {
            return Err(unsigned(awaited, head.status, &body));
        }
        let checked = check(&self.0, awaited, &head).map_err(unproven)?;
        let digest = checked.digest.ok_or_else(|| unproven(Unproven::Digest))?;
        let body = whole(body, &digest)?;
        Ok(relayed(awaited, head, checked, |_, _| body))
    }

    async fn take_relayed(
        &self,
        awaited: &Awaited,
        response: Response<Incoming>,
    ) -> Result<Relayed, SendError> {
        let (parts, body) = response.into_parts();
        if !parts.headers.contains_key(&fields::SIGNATURE_INPUT) {
            return Err(unsigned(awaited, parts.status, &said(body).await));
        }
        let checked = check(&self.0, awaited, &parts).map_err(unproven)?;
        Ok(match checked.digest {
            Some(digest) => {
                let body = whole(collect(body, awaited.answer_max).await?, &digest)?;
                relayed(awaited, parts, checked, |_, _| body)
            }
            None => relayed(awaited, parts, checked, |believed, headers| {
                let (inner, exchange) = (self.0.clone(), awaited.exchange);
                let stream = ProvenStream::new(inner, exchange, believed, headers, body);
                PeerBody::Stream(Box::pin(stream.with_trailers()))
            }),
        })
    }
}

/// An answer whose head was checked, as it goes on.
fn relayed(
    awaited: &Awaited,
    head: http::response::Parts,
    checked: CheckedAnswer,
    body: impl FnOnce(&Believed, &HeaderMap) -> PeerBody,
) -> Relayed {
    let says = checked.believed.delegation.says.clone();
    let received = Received::new(checked.believed, awaited.exchange);
    let body = body(received.believed(), &head.headers);
    let mut response = Response::new(body.into());
    *response.status_mut() = head.status;
    *response.headers_mut() = passed_on(&head.headers, &received);
    let refusal = checked.refusal.map(|r| r.code);
    Relayed { response, received, node: says.node, agency: says.agency, refusal }
}

/// What is covered, what proves it, and the trace that it belongs to.
fn passed_on(headers: &HeaderMap, received: &Received) -> HeaderMap {
    let text = &received.believed().statement.input;
    let input = input::read(text).expect("it was read when the message was verified");
    let proves = [
        &fields::SIGNATURE_INPUT,
        &fields::SIGNATURE,
        &fields::PROOF,
        &fields::CHECKPOINT,
        &fields::DELEGATION,
    ];
    let mut passed = HeaderMap::with_capacity(input.components.len() + proves.len());
    for (name, line) in headers {
        let covered = input.components.iter().any(|c| c.name == name.as_str());
        if covered || proves.contains(&name) || fields::TRACE.contains(&name.as_str()) {
            passed.append(name.clone(), line.clone());
        }
    }
    passed
}
