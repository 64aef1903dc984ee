//! What the consumer's node does with a call, in the order of `crates/gateway/src/peer/call.rs` and `crates/gateway/src/steps/record.rs`: its records, its
//! statement, the answer, which is given when all are durable. Not here: how often a system tries (`history`).

use crate::cast::{self, A, B, H, role};
use crate::node::{Ctx, Task};
use crate::sim::{Call, Event, Given, Planted};
use bytes::Bytes;
use http::HeaderMap;
use lgsp_evidence::Ticket;
use lgsp_kernel::ExchangeId;
use lgsp_kernel::record::Stated;
use lgsp_peer::{OutgoingRequest, PeerAnswer, PeerBody, PeerLeg};
use std::time::Duration;

/// How long a request may take, milliseconds.
const PATIENCE: u64 = 30_000;

/// An exchange that came to nothing.
struct Failed {
    code: String,
    may_have_acted: bool,
}

fn failed(code: impl Into<String>, may_have_acted: bool) -> Failed {
    Failed { code: code.into(), may_have_acted }
}

/// The nth try of a system.
pub fn attempt(number: usize, nth: u32) -> impl FnOnce(Ctx) -> Task {
    move |ctx| {
        Box::pin(async move {
            let call = ctx.sim.state().out.calls[number].clone();
            let exchange = ctx.sim.exchange(ctx.now());
            ctx.sim.state().out.stated.insert(exchange, number);
            ctx.sim
                .tell(|| format!("call {number}, try {nth}: {exchange} {:?} key {:?}", call.mode, call.key));
            match carry(&ctx, &call, exchange).await {
                Ok(answer) => give(&ctx, number, exchange, &call, answer),
                Err(failed) => {
                    ctx.sim.tell(|| {
                        format!("call {number}: {} may have acted: {}", failed.code, failed.may_have_acted)
                    });
                    // Without a key a system does not repeat what may have been done.
                    let again = !failed.may_have_acted || call.key.is_some() || call.safe();
                    if again {
                        let pause = 500 + ctx.sim.below(30_000);
                        ctx.sim.after(pause, Event::Try(number, nth + 1));
                    }
                }
            }
        })
    }
}

fn give(ctx: &Ctx, call: usize, exchange: ExchangeId, of: &Call, answer: PeerAnswer) {
    if ctx.sim.off[ctx.place].get() {
        return;
    }
    let PeerBody::Whole(body) = answer.body else { return ctx.sim.wrong("an answer streams".into()) };
    ctx.sim.tell(|| format!("call {call}: answered under {exchange}, first {:?}", answer.original));
    let given = Given { call, exchange, original: answer.original, relayed: of.relayed, body };
    let mut state = ctx.sim.state();
    state.out.answered.insert(call);
    state.out.given.push(given);
}

async fn carry(ctx: &Ctx, call: &Call, exchange: ExchangeId) -> Result<PeerAnswer, Failed> {
    let neighbour = if call.relayed { H } else { B };
    let unrecorded = || failed("not recorded", false);
    let recording = match call.safe() {
        true => None,
        false => Some(ctx.exchange(exchange, "request", "pending").ok_or_else(unrecorded)?),
    };
    let (leg, request) = request(call, exchange);
    let stated = ctx.peers.state_request(&leg, request, &cast::hello(neighbour)).await;
    let stated = stated.map_err(|refusal| failed(refusal.kind.code, false))?;
    durable(recording).await.map_err(|()| unrecorded())?;
    let (head, _) = stated.request.into_parts();
    if ctx.sim.has(Planted::AnswerNotBound) {
        ctx.sim.state().awaited.insert(exchange.to_string(), stated.awaited.clone());
    }
    let carried = ctx.sim.ask(A, neighbour, head, call.body.clone(), PATIENCE).await;
    let (head, body) = carried.ok().flatten().ok_or_else(|| failed("no answer", true))?;
    let mut awaited = stated.awaited;
    if ctx.sim.has(Planted::AnswerNotBound) {
        let named = head.headers.get("lgsp-exchange").and_then(|v| v.to_str().ok()).unwrap_or_default();
        awaited = ctx.sim.state().awaited.get(named).cloned().unwrap_or(awaited);
    }
    let answer = ctx.peers.check_answer(&awaited, &head, body);
    let mut answer = answer.map_err(|e| failed(e.refusal.kind.code, e.may_have_acted))?;
    durable(stated.recording).await.map_err(|()| failed("not recorded", true))?;
    answered(ctx, call, exchange, &mut answer).await?;
    match &answer.refusal {
        None => Ok(answer),
        Some(refused) => Err(failed(refused.code.clone(), refused.may_have_acted)),
    }
}

/// What proves the answer and its record: durable before the system gets anything of it.
async fn answered(
    ctx: &Ctx,
    call: &Call,
    exchange: ExchangeId,
    answer: &mut PeerAnswer,
) -> Result<(), Failed> {
    let unrecorded = || failed("answer not recorded", true);
    let received = ctx.peers.record(answer.received.clone()).map_err(|_| unrecorded())?;
    let part = if call.safe() { "whole" } else { "answer" };
    let outcome = if answer.refusal.is_some() { "unknown" } else { "answered" };
    let record = ctx.exchange(exchange, part, outcome).ok_or_else(unrecorded)?;
    received.durable().await.map_err(|_| unrecorded())?;
    durable(Some(record)).await.map_err(|()| unrecorded())
}

pub async fn durable(ticket: Option<Ticket>) -> Result<(), ()> {
    match ticket {
        Some(ticket) => ticket.await.map(drop).map_err(drop),
        None => Ok(()),
    }
}

fn request(call: &Call, exchange: ExchangeId) -> (PeerLeg, OutgoingRequest) {
    let leg = PeerLeg {
        node: role(B).name.clone(),
        via: call.relayed.then(|| role(H).name.clone()),
        service: cast::service(),
        version: cast::version(),
        mode: Some(call.mode),
    };
    let request = OutgoingRequest {
        exchange,
        agency: role(A).agency.clone(),
        system: cast::system(),
        method: call.method.clone(),
        rest: call.rest.clone(),
        headers: HeaderMap::new(),
        body: PeerBody::Whole(call.body.clone()),
        stated: Stated { purpose: Some("17".into()), ..Stated::default() },
        idempotency_key: call.key.clone(),
        safe: call.safe(),
        patience: Duration::from_millis(PATIENCE),
        answer_max: 1 << 20,
    };
    (leg, request)
}

/// A body that says why.
pub fn problem(code: &str) -> Bytes {
    Bytes::from(format!(r#"{{"type":"urn:lgsp:problem:{code}"}}"#))
}
