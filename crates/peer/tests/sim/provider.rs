//! What the provider's node and the relay do with a message, in the order of `crates/gateway/src/peer/{serve,relay,reply}.rs` and
//! `crates/gateway/src/steps/record.rs`, with the idempotency ledger where docs/protocol/peer.md has it: the key is begun and the records are durable before
//! the provider's system sees anything; the answer leaves when it is kept, recorded and stated. Not here: the provider's system (`history`).

use crate::cast::{H, service};
use crate::consumer::{durable, problem};
use crate::node::{Ctx, Task, facing};
use crate::sim::{Call, Effect, Event, Packet, Planted, What};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode, request, response};
use lgsp_evidence::hash::sha256;
use lgsp_kernel::{ExchangeId, Refusal, fault};
use lgsp_peer::idempotency::{Begun, Ended, KeptAnswer, Key, LedgerError};
use lgsp_peer::{Opened, OutgoingAnswer, PeerBody, ReplyTo, Unopened};
use std::time::Duration;
use tokio::sync::oneshot;

/// How long the addressed node may take, milliseconds.
const PATIENCE: u64 = 60_000;

/// A call that ends without the provider's answer.
struct Refused {
    refusal: Box<Refusal>,
    reply: Option<Box<ReplyTo>>,
    may_have_acted: bool,
}

/// An answer, and the exchange that had it before.
struct Answer {
    kept: KeptAnswer,
    original: Option<ExchangeId>,
}

/// Takes a message.
pub fn serve(packet: Packet) -> impl FnOnce(Ctx) -> Task {
    move |ctx| {
        Box::pin(async move {
            let Packet { from, stream, what, .. } = packet.clone();
            let What::Request(head, body) = what else { return };
            let done = if ctx.place == H {
                pass(&ctx, from, &head, body).await
            } else {
                here(&ctx, from, &head, body).await
            };
            let (head, body) = match done {
                Ok(answer) => answer,
                Err(refused) => refuse(&ctx, refused).await,
            };
            ctx.sim.post(Packet { from: ctx.place, to: from, stream, what: What::Answer(head, body) });
        })
    }
}

fn unopened(why: Unopened) -> Refused {
    Refused { refusal: why.refusal.into(), reply: why.reply, may_have_acted: false }
}

fn refused(reply: &ReplyTo, refusal: Refusal, may_have_acted: bool) -> Refused {
    Refused { refusal: refusal.into(), reply: Some(reply.clone().into()), may_have_acted }
}

fn not_recorded(reply: &ReplyTo) -> Refused {
    refused(reply, Refusal::new(&fault::NOT_RECORDED, ""), false)
}

async fn here(
    ctx: &Ctx,
    from: usize,
    head: &request::Parts,
    body: Bytes,
) -> Result<(response::Parts, Bytes), Refused> {
    let opened = ctx.peers.open_request(&crate::cast::role(from).name, head).map_err(unopened)?;
    let reply = &opened.reply;
    opened.check_body(&body).map_err(|e| refused(reply, e, false))?;
    let received = ctx.peers.record(opened.received.clone()).map_err(|_| not_recorded(reply))?;
    let key = opened.idempotency_key.as_deref().map(|key| named(&opened, key));
    if let Some(key) = key
        && let Some(answer) = begin(ctx, key, &opened, &head.method, &body)?
    {
        let record = ctx.exchange(opened.exchange, "whole", "answered");
        let record = record.ok_or_else(|| not_recorded(reply))?;
        received.durable().await.map_err(|_| not_recorded(reply))?;
        return seal(ctx, &opened, answer, Some(record)).await;
    }
    let recorded = if head.method == Method::GET {
        None
    } else {
        let record = ctx.exchange(opened.exchange, "request", "pending");
        let durable = match record {
            _ if ctx.sim.has(Planted::ForwardBeforeRecord) => Ok(()),
            Some(record) => durable(Some(record)).await,
            None => Err(()),
        };
        Some(durable)
    };
    let received = match recorded {
        // Without effect: its records follow with the answer.
        None => Some(received),
        Some(_) if ctx.sim.has(Planted::ForwardBeforeRecord) => {
            drop(received);
            None
        }
        Some(record) => {
            if record.is_err() || received.durable().await.is_err() {
                end(ctx, key, &opened, Ended::NotForwarded).map_err(|_| not_recorded(reply))?;
                return Err(not_recorded(reply));
            }
            None
        }
    };
    let provided = forward(ctx, &opened, &head.method, &body).await;
    let unknown = |refusal| refused(reply, refusal, true);
    let Some(answer) = provided else {
        let noted = end(ctx, key, &opened, Ended::Unknown);
        let record = ctx.exchange(opened.exchange, "answer", "unknown");
        let recorded = durable(record).await;
        noted.and(recorded).map_err(|()| unknown(Refusal::new(&fault::ANSWER_NOT_RECORDED, "")))?;
        return Err(unknown(Refusal::new(&fault::PROVIDER_BROKE_OFF, "")));
    };
    let ended = end(ctx, key, &opened, Ended::Answered(answer.clone()));
    ended.map_err(|()| unknown(Refusal::new(&fault::ANSWER_NOT_RECORDED, "")))?;
    let part = if received.is_some() { "whole" } else { "answer" };
    let record = ctx.exchange(opened.exchange, part, "answered");
    if let Some(received) = received {
        let durable = received.durable().await;
        durable.map_err(|_| unknown(Refusal::new(&fault::ANSWER_NOT_RECORDED, "")))?;
    }
    seal(ctx, &opened, Answer { kept: answer, original: None }, record).await
}

fn named(opened: &Opened, key: &str) -> Key {
    Key::new(
        &format!("{}/{}/{}/{}/{}", opened.from, opened.agency, opened.system, opened.service, opened.version),
        key,
    )
}

/// Begins a key: none if the request goes on; the answer, if there is one.
fn begin(
    ctx: &Ctx,
    key: Key,
    opened: &Opened,
    method: &Method,
    body: &[u8],
) -> Result<Option<Answer>, Refused> {
    let refused = |kind| Err(refused(&opened.reply, Refusal::new(kind, ""), false));
    let digest = sha256(Call::text(method, &opened.rest, body).as_bytes()).0;
    let (mut ledger, now) = (ctx.ledger.borrow_mut(), ctx.now());
    let begun = ledger.begin(key, digest, opened.exchange, Call::idempotent(method), now);
    let begun = begun.and_then(|begun| {
        if begun == Begun::New && !ctx.sim.has(Planted::KeyNotFlushed) {
            ledger.flush(now)?;
        }
        Ok(begun)
    });
    match begun {
        Ok(Begun::New) => Ok(None),
        Ok(Begun::Open(_)) => refused(&fault::KEY_IN_USE),
        Ok(Begun::Other(_)) => refused(&fault::KEY_REUSED),
        Ok(Begun::Unknown(_) | Begun::AnsweredUnkept(_)) => refused(&fault::OUTCOME_UNKNOWN),
        Ok(Begun::Answered(original, kept)) => Ok(Some(Answer { kept, original: Some(original) })),
        Err(LedgerError::Io(..)) => refused(&fault::NOT_RECORDED),
        Err(other) => {
            ctx.sim.wrong(format!("the ledger of place {}: {other}", ctx.place));
            refused(&fault::NOT_RECORDED)
        }
    }
}

fn end(ctx: &Ctx, key: Option<Key>, opened: &Opened, ended: Ended) -> Result<(), ()> {
    let Some(key) = key else { return Ok(()) };
    let (mut ledger, now) = (ctx.ledger.borrow_mut(), ctx.now());
    ledger.end(key, opened.exchange, ended, now);
    ledger.flush(now).map_err(drop)
}

/// The provider's system acts at once, and answers after a while or not at all.
async fn forward(ctx: &Ctx, opened: &Opened, method: &Method, body: &[u8]) -> Option<KeptAnswer> {
    if ctx.sim.off[ctx.place].get() {
        return std::future::pending().await;
    }
    let text = Call::text(method, &opened.rest, body);
    let number = {
        let mut state = ctx.sim.state();
        let (exchange, key) = (opened.exchange, opened.idempotency_key.clone());
        let effect = Effect { place: ctx.place, exchange, key, method: method.clone(), text: text.clone() };
        state.out.effects.push(effect);
        state.out.effects.len()
    };
    ctx.sim.tell(|| format!("effect {number} of {} at {}: {text}", opened.exchange, ctx.place));
    let (id, (done, provided)) = (ctx.sim.number(), oneshot::channel());
    ctx.sim.state().provided.insert(id, done);
    let slow = ctx.sim.chance(5) && !ctx.sim.state().calm;
    let delay = if slow { 40_000 } else { 1 + ctx.sim.below(200) };
    ctx.sim.after(delay, Event::Provided(id));
    let broken = ctx.sim.state().plan.broken;
    let broken = ctx.sim.chance(broken) && !ctx.sim.state().calm;
    provided.await.ok()?;
    if broken {
        return None;
    }
    let mut headers = HeaderMap::new();
    headers.insert("x-service", HeaderValue::from_str(service().as_str()).expect("an id is visible ASCII"));
    Some(KeptAnswer { status: 200, headers, body: Bytes::from(format!("{number} {text}")) })
}

async fn seal(
    ctx: &Ctx,
    opened: &Opened,
    answer: Answer,
    record: Option<lgsp_evidence::Ticket>,
) -> Result<(response::Parts, Bytes), Refused> {
    let unrecorded = || refused(&opened.reply, Refusal::new(&fault::ANSWER_NOT_RECORDED, ""), true);
    let Some(record) = record else { return Err(unrecorded()) };
    let Answer { kept, original } = answer;
    let outgoing = OutgoingAnswer {
        agency: Some(crate::cast::role(ctx.place).agency.clone()),
        status: StatusCode::from_u16(kept.status).expect("it was one"),
        headers: kept.headers,
        body: PeerBody::Whole(kept.body.clone()),
        refusal: None,
        original,
    };
    ctx.sim.state().out.sealed.entry(opened.exchange).or_default().push((ctx.place, kept.body.clone()));
    let sealed = ctx.peers.seal_answer(&opened.reply, outgoing).await;
    let settled = durable(Some(record)).await;
    let (Ok(sealed), Ok(())) = (sealed, settled) else { return Err(unrecorded()) };
    Ok((sealed.into_parts().0, kept.body))
}

async fn refuse(ctx: &Ctx, refused: Refused) -> (response::Parts, Bytes) {
    let Refused { refusal, reply, may_have_acted } = refused;
    let code = refusal.kind.code;
    ctx.sim.tell(|| format!("place {} refuses: {code} {}", ctx.place, refusal.detail));
    let body = problem(code);
    let status = StatusCode::from_u16(refusal.kind.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    if let Some(reply) = reply {
        let answer = OutgoingAnswer {
            agency: None,
            status,
            headers: HeaderMap::new(),
            body: PeerBody::Whole(body.clone()),
            refusal: Some((code, may_have_acted)),
            original: None,
        };
        if let Ok(sealed) = ctx.peers.seal_answer(&reply, answer).await {
            return (sealed.into_parts().0, body);
        }
    }
    // As `unsigned` in crates/gateway/src/peer/reply.rs.
    let mut response = Response::new(());
    *response.status_mut() = match status {
        _ if may_have_acted => StatusCode::INTERNAL_SERVER_ERROR,
        status if status.is_client_error() => status,
        _ => StatusCode::SERVICE_UNAVAILABLE,
    };
    (response.into_parts().0, body)
}

/// Passes a message on, and its answer back.
async fn pass(
    ctx: &Ctx,
    from: usize,
    head: &request::Parts,
    body: Bytes,
) -> Result<(response::Parts, Bytes), Refused> {
    let opened = ctx.peers.open_relay(&crate::cast::role(from).name, head).map_err(unopened)?;
    let reply = &opened.reply;
    opened.check_body(&body).map_err(|e| refused(reply, e, false))?;
    let received = ctx.peers.record(opened.received.clone()).map_err(|_| not_recorded(reply))?;
    let record = ctx.exchange(opened.exchange, "request", "pending").ok_or_else(|| not_recorded(reply))?;
    received.durable().await.map_err(|_| not_recorded(reply))?;
    durable(Some(record)).await.map_err(|()| not_recorded(reply))?;
    let patience = Duration::from_millis(PATIENCE);
    let onward = ctx.peers.onward(&opened, head, PeerBody::Whole(body.clone()), patience);
    let (request, awaited) = onward.map_err(|e| refused(reply, e.refusal, e.may_have_acted))?;
    let to = facing(&ctx.sim, crate::cast::B, ctx.place);
    let carried = ctx.sim.ask(ctx.place, to, request.into_parts().0, body, PATIENCE).await.ok().flatten();
    let (head, body) =
        carried.ok_or_else(|| refused(reply, Refusal::new(&fault::PROVIDER_TIMEOUT, ""), true))?;
    let relayed = ctx.peers.check_relayed(&awaited, head, body.clone());
    let relayed = relayed.map_err(|e| refused(reply, e.refusal, e.may_have_acted))?;
    let unrecorded = || refused(reply, Refusal::new(&fault::ANSWER_NOT_RECORDED, ""), true);
    let received = ctx.peers.record(relayed.received).map_err(|_| unrecorded())?;
    let record = ctx.exchange(opened.exchange, "answer", "answered").ok_or_else(unrecorded)?;
    received.durable().await.map_err(|_| unrecorded())?;
    durable(Some(record)).await.map_err(|()| unrecorded())?;
    Ok((relayed.response.into_parts().0, body))
}
