//! Answers and refusals to other nodes: this node stands by each before it leaves. What it cannot stand by says nothing of the call,
//! except by its status whether the provider may have acted.

use crate::answer::AnswerBody;
use crate::body::BoxError;
use crate::edge::{name_exchange, whole};
use crate::exchange::Exchange;
use crate::gateway::Gateway;
use crate::pipeline::streaming;
use crate::steps::record::settle;
use crate::steps::verify::{Content, Given};
use http::header::{CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER};
use http::{Response, StatusCode};
use http_body_util::BodyExt as _;
use lgsp_kernel::{ExchangeId, Refusal, fault};
use lgsp_peer::{BodyError, OutgoingAnswer, PeerBody, Peers, ReplyTo};
use lgsp_wire::problem;

/// Gives an answer whose record was handed to the log.
pub(crate) async fn give(mut x: Box<Exchange>, given: Given) -> Response<AnswerBody> {
    let gateway = x.gateway.clone();
    let (Some(peers), Some(reply)) = (gateway.peers(), x.member.as_ref().map(|m| m.reply.clone())) else {
        return unsigned(&Refusal::new(&fault::INTERNAL, "There is no network of nodes."), x.id, true);
    };
    let agency = x.route.as_ref().map(|r| r.service.agency.clone());
    let Given { head, content } = given;
    let (status, headers, original) = (head.status, head.headers, x.original);
    let answer = |body| OutgoingAnswer { agency, status, headers, body, refusal: None, original };
    match content {
        Content::Whole(bytes, _) => {
            let sealed = peers.seal_answer(&reply, answer(PeerBody::Whole(bytes.clone()))).await;
            let settled = settle(&mut x, &fault::ANSWER_NOT_RECORDED).await;
            match settled.and(sealed) {
                Ok(sealed) => {
                    gateway.finished(&x, None);
                    sealed.map(|_| AnswerBody::whole(bytes))
                }
                Err(refusal) => ungiven(&gateway, &x, &refusal),
            }
        }
        Content::Large { first, rest, known } => {
            if let Err(refusal) = settle(&mut x, &fault::ANSWER_NOT_RECORDED).await {
                return ungiven(&gateway, &x, &refusal);
            }
            let id = x.id;
            let body = streaming(x, first, rest, known).map_err(of_body);
            match peers.seal_answer(&reply, answer(PeerBody::Stream(Box::pin(body)))).await {
                Ok(sealed) => sealed.map(|body| AnswerBody::stream(body.map_err(BoxError::from))),
                Err(refusal) => unsigned(&refusal, id, true),
            }
        }
    }
}

/// An answer that is withheld, because it is not on record or nobody can stand by it.
fn ungiven(gateway: &Gateway, x: &Exchange, refusal: &Refusal) -> Response<AnswerBody> {
    gateway.finished(x, Some(refusal));
    unsigned(refusal, x.id, true)
}

fn of_body(error: BoxError) -> BodyError {
    match error.downcast::<Refusal>() {
        Ok(refusal) => BodyError::Refused(*refusal),
        Err(other) => BodyError::Broken(other.to_string()),
    }
}

/// Tells a refusal that is on record.
pub(crate) async fn refuse(x: &mut Exchange, refusal: &Refusal) -> Response<AnswerBody> {
    let may_have_acted = x.progress.may_have_acted;
    match &x.member {
        Some(member) => signed(&x.gateway, &member.reply, refusal, may_have_acted).await,
        None => unsigned(refusal, x.id, may_have_acted),
    }
}

/// A refusal that this node stands by.
pub(super) async fn signed(
    gateway: &Gateway,
    reply: &ReplyTo,
    refusal: &Refusal,
    may_have_acted: bool,
) -> Response<AnswerBody> {
    match gateway.peers() {
        Some(peers) => match seal(peers, reply, refusal, may_have_acted).await {
            Ok(response) => response,
            Err(unsealed) => {
                let text = unsealed.internal.as_deref().unwrap_or(&unsealed.detail);
                tracing::warn!(exchange = %reply.exchange, cause = %text, "a refusal goes out unsigned");
                unsigned(refusal, reply.exchange, may_have_acted)
            }
        },
        None => unsigned(refusal, reply.exchange, may_have_acted),
    }
}

async fn seal(
    peers: &Peers,
    reply: &ReplyTo,
    refusal: &Refusal,
    may_have_acted: bool,
) -> Result<Response<AnswerBody>, Refusal> {
    let body = problem::body(refusal, Some(reply.exchange));
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(problem::CONTENT_TYPE));
    if let Some(seconds) = refusal.retry_after {
        headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    let answer = OutgoingAnswer {
        agency: None,
        status: StatusCode::from_u16(refusal.kind.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
        headers,
        body: PeerBody::Whole(body.clone()),
        refusal: Some((refusal.kind.code, may_have_acted)),
        original: None,
    };
    let sealed = peers.seal_answer(reply, answer).await?;
    Ok(sealed.map(|_| AnswerBody::whole(body)))
}

/// A refusal that nobody stands by. Its status alone says what became of the call: 4xx and 503 that it was not taken, all else that this
/// is not known.
pub(super) fn unsigned(refusal: &Refusal, id: ExchangeId, may_have_acted: bool) -> Response<AnswerBody> {
    let status = match StatusCode::from_u16(refusal.kind.status) {
        _ if may_have_acted => StatusCode::INTERNAL_SERVER_ERROR,
        Ok(status) if status.is_client_error() => status,
        _ if std::ptr::eq(refusal.kind, &fault::INTERNAL) => StatusCode::INTERNAL_SERVER_ERROR,
        _ => StatusCode::SERVICE_UNAVAILABLE,
    };
    let mut response = whole(status, problem::CONTENT_TYPE, problem::body(refusal, Some(id)));
    name_exchange(response.headers_mut(), &id.to_string());
    if let Some(seconds) = refusal.retry_after {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}
