//! Messages of other nodes for other nodes: recorded, passed on unchanged over a connection of this node, the answer likewise. What it
//! refuses it refuses with its own word. Not here: what is verified and what goes on (`lgsp_peer`).

use crate::answer::AnswerBody;
use crate::body::BoxError;
use crate::exchange::{Exchange, Waiting};
use crate::pipeline;
use crate::record::digest::{answer_head, request_head, sha256};
use crate::record::view::Message;
use crate::steps::record::{passed_answer, passed_request, settle, untaken};
use crate::steps::verify::Rest;
use bytes::Bytes;
use http::Response;
use http::request::Parts;
use http_body_util::BodyExt as _;
use lgsp_kernel::{Refusal, fault};
use lgsp_peer::{Opened, OutBody, PeerBody, fields};
use std::collections::VecDeque;
use std::time::Duration;

/// How long the addressed node may take: longer than a consumer's node waits as a rule, so that it is not the relay that gives up.
const PATIENCE: Duration = Duration::from_secs(120);

/// A message that is to be passed on.
pub(super) struct Passing {
    pub x: Box<Exchange>,
    pub head: Parts,
    pub body: PeerBody,
    pub opened: Opened,
}

/// Passes a message on and its answer back.
pub(super) async fn pass(passing: Box<Passing>) -> Response<AnswerBody> {
    let Passing { mut x, head, body, opened } = *passing;
    match carry(&mut x, &head, body, &opened).await {
        Ok(response) => give(x, response),
        Err(refusal) => pipeline::refuse(x, refusal).await,
    }
}

async fn carry(
    x: &mut Exchange,
    head: &Parts,
    body: PeerBody,
    opened: &Opened,
) -> Result<Response<Body>, Refusal> {
    let gateway = x.gateway.clone();
    let peers =
        gateway.peers().ok_or_else(|| Refusal::new(&fault::INTERNAL, "There is no network of nodes."))?;
    let digest = request_head(head.method.as_str(), &x.target, None, &head.headers);
    let content = match &body {
        PeerBody::Whole(bytes) => Some((sha256(bytes), bytes.len() as u64)),
        PeerBody::Stream(_) => None,
    };
    let message = message(digest, content);
    (x.request.received, x.request.sent) = (Some(message), Some(message));
    passed_request(x, content.is_none())?;
    settle(x, &fault::NOT_RECORDED).await?;
    (x.progress.forwarded, x.progress.may_have_acted) = (true, true);
    let relayed = peers.relay(opened, head, body, PATIENCE).await.map_err(|error| {
        x.progress.may_have_acted = error.may_have_acted;
        error.refusal
    })?;
    let ticket = peers.record(relayed.received).map_err(|e| untaken(&fault::ANSWER_NOT_RECORDED, e))?;
    x.waiting.push(Waiting::Received(ticket));
    x.provider = Some(relayed.node.as_str().into());
    let (head, body) = relayed.response.into_parts();
    let body = take(body, head.headers.contains_key(&fields::BODY)).await?;
    let content = match &body {
        Body::Whole(bytes) => Some((sha256(bytes), bytes.len() as u64)),
        Body::Stream(_) => None,
    };
    let message = self::message(answer_head(head.status, &head.headers), content);
    (x.answer.received, x.answer.sent) = (Some(message), Some(message));
    x.status = Some(head.status.as_u16());
    passed_answer(x, content.is_none())?;
    settle(x, &fault::ANSWER_NOT_RECORDED).await?;
    Ok(Response::from_parts(head, body))
}

enum Body {
    Whole(Bytes),
    Stream(OutBody),
}

async fn take(body: OutBody, streams: bool) -> Result<Body, Refusal> {
    if streams {
        return Ok(Body::Stream(body));
    }
    let broken = |e| Refusal::new(&fault::PROVIDER_BROKE_OFF, "The answer broke off.").with_internal(e);
    Ok(Body::Whole(body.collect().await.map_err(broken)?.to_bytes()))
}

fn message(head: [u8; 32], content: Option<([u8; 32], u64)>) -> Message {
    Message { head, body: content.map(|c| c.0), bytes: content.map(|c| c.1) }
}

fn give(x: Box<Exchange>, response: Response<Body>) -> Response<AnswerBody> {
    response.map(|body| match body {
        Body::Whole(bytes) => {
            x.gateway.clone().finished(&x, None);
            AnswerBody::whole(bytes)
        }
        Body::Stream(stream) => {
            let body = pipeline::streaming(x, VecDeque::new(), Rest::Peer(Box::pin(stream)), None);
            AnswerBody::stream(body.map_err(BoxError::from))
        }
    })
}
