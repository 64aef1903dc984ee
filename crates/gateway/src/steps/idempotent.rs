//! Idempotent: at most one request is forwarded under a caller's key. A repetition is answered from what is kept, or told that the first one
//! is open or its outcome unknown. Asked where the call leaves for its provider, not where it goes on to another node, which asks itself.
//! Not here: how keys and answers are kept (`lgsp_peer::idempotency`).

use super::verify::{Arrived, Content, Given, Incoming};
use crate::body::intake::RequestBody;
use crate::exchange::{Exchange, Why};
use crate::record::digest::sha256;
use http::Response;
use lgsp_kernel::{ExchangeId, Refusal, Step, fault};
use lgsp_peer::idempotency::{Begun, Ended, KeptAnswer, Key};
use std::borrow::Cow;

/// Whether a key decides about this call here: one with an effect, whose provider is reached from this node.
pub(crate) fn asked(x: &Exchange) -> bool {
    x.key.is_some()
        && !x.safe()
        && x.gateway.idempotency().is_some()
        && x.route().version.legs.iter().all(|l| l.version.is_some())
}

/// Asks whether the request may be forwarded; gives back the answer of the first one where there is one.
pub(crate) async fn begin(x: &mut Exchange) -> Result<Option<Arrived>, Refusal> {
    let (Some(store), Some(key)) = (x.gateway.idempotency().cloned(), &x.key) else { return Ok(None) };
    let (key, request, again) = (Key::new(&holder(x), key), request(x)?, x.route().operation.idempotent);
    let (begun, permit) = store.begin(key, request, x.id, again).await?;
    let named =
        |kind, first: ExchangeId| Err(Refusal::new(kind, format!("The first exchange under it is {first}.")));
    match begun {
        Begun::New => {
            x.permit = permit.map(Box::new);
            Ok(None)
        }
        Begun::Open(first) => named(&fault::KEY_IN_USE, first),
        Begun::Other(first) => named(&fault::KEY_REUSED, first),
        Begun::Unknown(first) | Begun::AnsweredUnkept(first) => named(&fault::OUTCOME_UNKNOWN, first),
        Begun::Answered(first, kept) => {
            x.original = Some(first);
            crate::steps::record::request_body(x);
            x.passed(Step::Record, Why::Text(Cow::Owned(format!("answered before, as {first}"))));
            Ok(Some(arrived(kept)))
        }
    }
}

/// Whose the key is: one agency's system, for one service and its version.
fn holder(x: &Exchange) -> String {
    let caller = x.caller.as_ref().map_or("", |c| c.system.spec.id.as_str());
    let agency = x.caller.as_ref().map_or("", |c| c.system.agency.as_str());
    format!("{agency}/{caller}/{}", x.route().version.key)
}

/// A digest of what is asked for: method, path and query after the version, body.
fn request(x: &Exchange) -> Result<[u8; 32], Refusal> {
    let body = match &x.body {
        RequestBody::Whole(bytes, _) => sha256(bytes),
        RequestBody::None | RequestBody::Unread(_) => sha256(b""),
        RequestBody::Large(_) => {
            let max = x.gateway.config.collect_max;
            let detail = format!("With an idempotency key the limit is {max} bytes.");
            return Err(Refusal::new(&fault::BODY_TOO_LARGE, detail));
        }
    };
    let mut text = format!("{} {}\n", x.head.method, x.route().rest).into_bytes();
    text.extend_from_slice(&body);
    Ok(sha256(&text))
}

fn arrived(kept: KeptAnswer) -> Arrived {
    let mut response = Response::new(());
    if let Ok(status) = http::StatusCode::from_u16(kept.status) {
        *response.status_mut() = status;
    }
    *response.headers_mut() = kept.headers;
    Arrived { head: response.into_parts().0, body: Incoming::Whole(kept.body) }
}

/// What is kept of an answer.
pub(crate) fn kept(given: &Given) -> Ended {
    match &given.content {
        Content::Whole(bytes, _) => Ended::Answered(KeptAnswer {
            status: given.head.status.as_u16(),
            headers: given.head.headers.clone(),
            body: bytes.clone(),
        }),
        Content::Large { .. } => Ended::AnsweredUnkept,
    }
}

/// Keeps the answer, before it is given.
pub(crate) async fn answered(x: &mut Exchange, ended: Ended) -> Result<(), Refusal> {
    match x.permit.take() {
        Some(permit) => permit.end(ended).await,
        None => Ok(()),
    }
}

/// Notes that there is no answer. Where that cannot be noted, the outcome counts as unknown.
pub(crate) async fn refused(x: &mut Exchange) {
    let Some(permit) = x.permit.take() else { return };
    let ended = if x.progress.may_have_acted { Ended::Unknown } else { Ended::NotForwarded };
    if let Err(refusal) = permit.end(ended).await {
        tracing::warn!(exchange = %x.id, cause = ?refusal.internal, "how the request of a key ended is not on record");
    }
}
