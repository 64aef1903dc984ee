//! A consumer's request to another node, and its answer: recorded like any other, stated and stood by, and given only once what proves
//! it is on record here too.

use crate::body::BoxError;
use crate::exchange::{COUNTERSIGNED, Decision, Exchange, Waiting, Why};
use crate::record::digest::answer_head;
use crate::record::view::Message;
use crate::steps::carried::Carried;
use crate::steps::legs::Failed;
use crate::steps::record::{request_begun, settle, untaken};
use crate::steps::verify::{Arrived, Incoming};
use bytes::Bytes;
use http::Response;
use http::header::{HeaderMap, RETRY_AFTER};
use http_body_util::BodyExt as _;
use lgsp_kernel::model::LegSpec;
use lgsp_kernel::{Refusal, RefusalKind, Step, fault};
use lgsp_peer::{BodyError, OutgoingRequest, PeerAnswer, PeerBody, PeerLeg, PeerRefusal, Peers, mode_text};
use lgsp_provider::{OutBody, OutHead};
use std::borrow::Cow;
use std::time::Duration;

/// Carries the request on a leg to another node. The outer error ends the exchange: a record was not taken.
pub(crate) async fn call(
    x: &mut Exchange,
    leg: &LegSpec,
    out: &OutHead,
    body: &mut Carried,
) -> Result<Result<Arrived, Failed>, Refusal> {
    let gateway = x.gateway.clone();
    let way = way(x, leg);
    let (Some(peers), Some(way)) = (gateway.peers(), way) else {
        let refusal = Refusal::new(&fault::PEER_UNREACHABLE, "This node is not in a network of nodes.");
        return Ok(Err(Failed { refusal, may_have_acted: false, elsewhere: true }));
    };
    let recording = request_begun(x, out, None)?;
    body.take(x);
    if let Carried::Stream(_) = body
        // It can be sent only once: before it is handed over, whether there is anyone to take it.
        && let Err(refusal) = peers.probe(way.via.as_ref().unwrap_or(&way.node)).await
    {
        return unsent(x, recording, refusal).await;
    }
    let (request, safe) = (request(x, out, body), x.safe());
    let request = OutgoingRequest { safe: safe && !recording, ..request };
    let sealed = match peers.seal_request(&way, request).await {
        Ok(sealed) => sealed,
        Err(refusal) => return unsent(x, recording, refusal).await,
    };
    if recording {
        settle(x, &fault::NOT_RECORDED).await?;
    }
    if let Some(leg) = &mut x.leg {
        leg.mode = Some(mode_text(sealed.mode()).into());
    }
    let acted_before = x.progress.may_have_acted;
    (x.progress.forwarded, x.progress.may_have_acted) = (true, true);
    let sent = peers.send(sealed).await;
    let result = match sent {
        Ok(answer) => answered(x, peers, answer).await?,
        Err(error) => {
            let elsewhere = error.refusal.kind.step == Step::Forward;
            // Not believed, but what came is on record.
            x.answer.received = error.came.map(|head| Message {
                head: answer_head(head.status, &head.headers),
                body: None,
                bytes: None,
            });
            Err(Failed { refusal: error.refusal, may_have_acted: error.may_have_acted, elsewhere })
        }
    };
    if let Err(failed) = &result {
        x.progress.may_have_acted = acted_before || failed.may_have_acted;
        note(x, false, format!("{}: {}", failed.refusal.kind.code, failed.refusal.detail));
    }
    Ok(result)
}

/// Whom it is for, in the names of the node there.
fn way(x: &Exchange, leg: &LegSpec) -> Option<PeerLeg> {
    let LegSpec::Peer { node, via, service, version, mode } = leg else { return None };
    let route = x.route();
    Some(PeerLeg {
        node: node.clone(),
        via: via.clone(),
        service: service.clone().unwrap_or_else(|| route.service.spec.id.clone()),
        version: version.clone().unwrap_or_else(|| route.version.spec.version.clone()),
        mode: *mode,
    })
}

/// Nothing was sent. What is wrong with the request itself is wrong on every leg.
async fn unsent(
    x: &mut Exchange,
    recording: bool,
    refusal: Refusal,
) -> Result<Result<Arrived, Failed>, Refusal> {
    if recording {
        settle(x, &fault::NOT_RECORDED).await?;
    }
    note(x, false, format!("{}: {}", refusal.kind.code, refusal.detail));
    let elsewhere = !matches!(refusal.kind.step, Step::Receive | Step::Record);
    Ok(Err(Failed { refusal, may_have_acted: false, elsewhere }))
}

fn request(x: &Exchange, out: &OutHead, body: &mut Carried) -> OutgoingRequest {
    let spec = &x.route().version.spec;
    let caller = x.caller.as_ref().expect("identify has found a caller");
    let patience = spec.upstream.total_timeout_ms.unwrap_or(lgsp_provider::TOTAL_TIMEOUT_MS);
    let body = match body {
        Carried::Whole(bytes, _) => PeerBody::Whole(bytes.clone()),
        other => match other.for_provider() {
            OutBody::Stream(stream) => PeerBody::Stream(Box::pin(stream.map_err(of_source))),
            OutBody::Full(bytes) => PeerBody::Whole(bytes),
            OutBody::Empty => PeerBody::empty(),
        },
    };
    OutgoingRequest {
        exchange: x.id,
        agency: caller.system.agency.clone(),
        system: caller.system.spec.id.clone(),
        method: out.method().clone(),
        rest: out.rest().to_owned(),
        headers: out.headers().clone(),
        body,
        stated: x.stated.clone(),
        idempotency_key: x.key.as_deref().map(str::to_owned),
        safe: false,
        patience: Duration::from_millis(u64::from(patience)),
        answer_max: x.gateway.config.collect_max,
    }
}

fn of_source(error: BoxError) -> BodyError {
    match error.downcast::<Refusal>() {
        Ok(refusal) => BodyError::Refused(*refusal),
        Err(other) => BodyError::Broken(other.to_string()),
    }
}

/// A proven answer: what proves it goes to the log now and is waited for before the consumer gets anything of it.
async fn answered(
    x: &mut Exchange,
    peers: &Peers,
    answer: PeerAnswer,
) -> Result<Result<Arrived, Failed>, Refusal> {
    let PeerAnswer { status, headers, body, received, node, refusal, original, .. } = answer;
    let ticket = peers.record(received).map_err(|e| untaken(&fault::ANSWER_NOT_RECORDED, e))?;
    x.waiting.push(Waiting::Received(ticket));
    if let Some(leg) = &mut x.leg {
        leg.proves = COUNTERSIGNED.into();
    }
    x.provider = Some(node.as_str().into());
    if let Some(refused) = refusal {
        let body = match body {
            PeerBody::Whole(bytes) => bytes,
            PeerBody::Stream(_) => Bytes::new(),
        };
        return Ok(Err(told(&refused, &headers, &body)));
    }
    x.original = original;
    note(x, true, format!("{node} answered {}", status.as_u16()));
    let mut response = Response::new(());
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    let (head, ()) = response.into_parts();
    let body = match body {
        PeerBody::Whole(bytes) => Incoming::Whole(bytes),
        PeerBody::Stream(stream) => Incoming::Peer(stream),
    };
    Ok(Ok(Arrived { head, body }))
}

fn note(x: &mut Exchange, ok: bool, text: String) {
    x.decisions.push(Decision { step: Step::Forward, ok, why: Why::Text(Cow::Owned(text)) });
}

/// A refusal of another platform, as this one's consumer reads it: the same kind with the same detail. It makes room for another leg where
/// the other platform could not carry the call, not where it would not.
fn told(refused: &PeerRefusal, headers: &HeaderMap, body: &[u8]) -> Failed {
    let problem: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
    let detail = problem.get("detail").and_then(|d| d.as_str()).unwrap_or_default();
    // A message that is not what it was on its way between the nodes is no fault of this consumer.
    let known = fault::ALL_KINDS.iter().find(|k| k.code == refused.code && k.code != fault::PEER_BODY.code);
    let mut refusal = match known {
        Some(kind) => Refusal::new(kind, clip(detail)),
        // Between the nodes, or a later version's: its code says what.
        None => Refusal::new(
            other(refused),
            format!("The other node refused: {}. {}", refused.code, clip(detail)),
        ),
    };
    refusal.retry_after = headers.get(RETRY_AFTER).and_then(|v| v.to_str().ok()).and_then(|t| t.parse().ok());
    let elsewhere = matches!(refusal.kind.status, 502..=504) && !refused.may_have_acted;
    Failed { refusal, may_have_acted: refused.may_have_acted, elsewhere }
}

fn other(refused: &PeerRefusal) -> &'static RefusalKind {
    if refused.may_have_acted { &fault::PROVIDER_BROKE_OFF } else { &fault::PEER_UNREACHABLE }
}

/// A detail is a sentence or two.
fn clip(detail: &str) -> String {
    detail.chars().take(1_000).collect()
}

#[cfg(test)]
mod tests {
    use super::told;
    use http::{HeaderMap, HeaderValue};
    use lgsp_kernel::fault;
    use lgsp_peer::PeerRefusal;

    #[test]
    fn a_refusal_keeps_its_kind_and_detail_and_one_of_a_later_version_its_code() {
        let mut headers = HeaderMap::new();
        headers.insert("retry-after", HeaderValue::from_static("7"));
        let refused = |code: &str, may_have_acted| PeerRefusal { code: code.into(), may_have_acted };
        let failed = told(&refused("authorize.grant", false), &headers, br#"{"detail":"no"}"#);
        assert!(std::ptr::eq(failed.refusal.kind, &fault::NO_GRANT) && !failed.elsewhere);
        assert_eq!((failed.refusal.detail.as_str(), failed.refusal.retry_after), ("no", Some(7)));
        let altered = told(&refused("validate.peer_digest", false), &headers, br#"{"detail":"d"}"#);
        assert!(altered.refusal.kind.blame != lgsp_kernel::Blame::Caller && altered.elsewhere);
        assert!(altered.refusal.detail.contains("validate.peer_digest"));
        let later = told(&refused("limit.moon", false), &headers, b"not json");
        assert!(later.refusal.detail.contains("limit.moon"));
        assert!(std::ptr::eq(later.refusal.kind, &fault::PEER_UNREACHABLE));
        let acted = told(&refused("limit.moon", true), &headers, b"");
        assert!(acted.may_have_acted && !acted.elsewhere);
    }
}
