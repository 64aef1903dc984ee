//! What must hold when a history is over.

use crate::cast::{A, B, B2, H, role, verifier};
use crate::history::History;
use crate::node::Node;
use crate::sim::{Call, Given};
use lgsp_evidence::tree::root_of;
use lgsp_evidence::{Archive, Hash, Span};
use lgsp_kernel::ExchangeId;
use lgsp_kernel::record::{Entry, Part};
use std::collections::BTreeMap;

/// The records of an exchange in a log, by kind.
#[derive(Debug, Default, PartialEq, Eq)]
struct Held {
    statements: usize,
    received: usize,
    request: bool,
    answer: bool,
}

fn held(archive: &Archive, exchange: ExchangeId) -> Result<Held, String> {
    let mut held = Held::default();
    for found in archive.find(exchange).map_err(|e| e.to_string())? {
        let record = found.record().ok_or("a record is gone")?;
        match serde_json::from_slice::<Entry>(record).map_err(|e| e.to_string())? {
            Entry::Statement(_) => held.statements += 1,
            Entry::Received(_) => held.received += 1,
            Entry::Exchange(e) => {
                held.request |= matches!(e.part, Part::Request | Part::Whole);
                held.answer |= matches!(e.part, Part::Answer | Part::Whole);
            }
            _ => {}
        }
    }
    Ok(held)
}

/// All that is wrong with a history.
pub fn check(history: &History) -> Vec<String> {
    let mut wrong = std::mem::take(&mut history.sim.state().out.wrong);
    if !wrong.is_empty() {
        return wrong;
    }
    let liar = history.sim.state().plan.liar;
    let archives: Vec<Archive> = history.nodes.iter().map(Node::archive).collect();
    logs_verify(history, &archives, &mut wrong);
    answers(history, &archives, &mut wrong);
    effects(history, &archives, &mut wrong);
    forks(history, liar, &mut wrong);
    let state = history.sim.state();
    for call in &history.fresh {
        if !state.out.answered.contains(call) {
            wrong.push(format!("call {call}, made when all was well, was not answered"));
        }
    }
    wrong
}

fn logs_verify(history: &History, archives: &[Archive], wrong: &mut Vec<String>) {
    for place in history.places() {
        let Node { up: Some(up), .. } = &history.nodes[place] else {
            wrong.push(format!("node {place} does not run in the end"));
            continue;
        };
        let note = up.ctx.log.checkpoint().note.clone();
        match archives[place].verify(Span::All, &verifier(place), Some(&note)) {
            Ok(report) if report.ok => {}
            Ok(report) => wrong.push(format!("the log of {place}: {:?}", report.problems)),
            Err(e) => wrong.push(format!("the log of {place}: {e}")),
        }
    }
}

/// What consumers were given is what the provider's node sealed for that exchange, is of their call, and is on record at every node.
fn answers(history: &History, archives: &[Archive], wrong: &mut Vec<String>) {
    let liar = history.sim.state().plan.liar;
    let state = history.sim.state();
    let mut first: BTreeMap<&str, &Given> = BTreeMap::new();
    for given in &state.out.given {
        let Given { exchange, original, body, .. } = given;
        let call = &state.out.calls[given.call];
        let text = Call::text(&call.method, &call.rest, &call.body);
        if std::str::from_utf8(body).ok().and_then(|b| b.split_once(' ')).is_none_or(|(_, t)| t != text) {
            wrong.push(format!("call {} was given {body:?}", given.call));
        }
        let sealed = state.out.sealed.get(exchange).map_or(&[][..], Vec::as_slice);
        let provider = sealed.iter().find(|(_, sealed)| sealed == body).map(|(place, _)| *place);
        match provider {
            Some(provider) => on_record(archives, given, provider, wrong),
            None => wrong.push(format!("{exchange} was given {body:?}, sealed was {sealed:?}")),
        }
        if let Some(key) = &call.key
            && !liar
        {
            let first = first.entry(key).or_insert(given);
            if first.body != *body {
                wrong.push(format!("under {key} there are two answers: {:?}, {body:?}", first.body));
            }
        }
        let first = original.and_then(|o| state.out.sealed.get(&o));
        if !liar && first.is_some_and(|sealed| sealed.iter().all(|(_, first)| first != body)) {
            wrong.push(format!("{exchange} was answered from {original:?}, but otherwise"));
        }
    }
}

fn on_record(archives: &[Archive], given: &Given, provider: usize, wrong: &mut Vec<String>) {
    let exchange = given.exchange;
    let ends = Held { statements: 1, received: 1, request: true, answer: true };
    for place in [A, provider] {
        match held(&archives[place], exchange) {
            Ok(held) if held == ends => {}
            other => wrong.push(format!("{exchange} was answered; at {place} is on record {other:?}")),
        }
    }
    if given.relayed {
        // An attacker may carry the answer past the relay: it is proven end to end.
        match held(&archives[H], exchange) {
            Ok(held) if held.received > 0 && held.request => {}
            other => wrong.push(format!("{exchange} was relayed; on record is {other:?}")),
        }
    }
}

/// Nothing had an effect twice, that was altered, or that is not on record.
fn effects(history: &History, archives: &[Archive], wrong: &mut Vec<String>) {
    let liar = history.sim.state().plan.liar;
    let state = history.sim.state();
    let (mut exchanges, mut keys) = (BTreeMap::new(), BTreeMap::new());
    for effect in state.out.effects.iter().filter(|e| e.method != http::Method::GET) {
        let stated = state.out.stated.get(&effect.exchange).map(|n| &state.out.calls[*n]);
        let text = stated.map(|call| Call::text(&call.method, &call.rest, &call.body));
        let key = stated.and_then(|call| call.key.clone());
        if text.as_ref() != Some(&effect.text) || key != effect.key {
            wrong.push(format!("{} had the effect {effect:?}, stated was {text:?} {key:?}", effect.exchange));
        }
        match held(&archives[effect.place], effect.exchange) {
            Ok(held) if held.received == 1 && held.request => {}
            other => wrong.push(format!("{} had an effect; on record is {other:?}", effect.exchange)),
        }
        *exchanges.entry((effect.place, effect.exchange)).or_insert(0) += 1;
        if let Some(key) = effect.key.as_ref().filter(|_| !Call::idempotent(&effect.method) && !liar) {
            *keys.entry(key.clone()).or_insert(0) += 1;
        }
    }
    let twice = exchanges.iter().filter(|(_, n)| **n > 1);
    wrong
        .extend(twice.map(|((place, exchange), n)| format!("{exchange} was forwarded {n} times at {place}")));
    let twice = keys.iter().filter(|(_, n)| **n > 1);
    wrong.extend(twice.map(|(key, n)| format!("{n} requests were forwarded under {key}")));
}

/// A fork that honest nodes saw is reported; an honest log is not accused; a witness has cosigned one line.
fn forks(history: &History, liar: bool, wrong: &mut Vec<String>) {
    let branches: Vec<Vec<Hash>> = history.places().map(|place| history.nodes[place].leaves()).collect();
    let is_of = |place: usize, size: u64, root: Hash| {
        let leaves = &branches[place];
        size as usize <= leaves.len() && root_of(&leaves[..size as usize]) == root
    };
    let origin = |place: usize| format!("{}/1", role(place).log_key.name());
    let reported: Vec<_> = [A, H]
        .iter()
        .filter_map(|place| history.nodes[*place].up.as_ref())
        .flat_map(|up| up.monitor.reports())
        .filter(|report| report.resolved_at.is_none())
        .collect();
    let is_reported = |place| reported.iter().find(|report| report.origin == origin(place));
    for place in [A, B, H] {
        let forks = liar && place == B;
        let seen = || {
            let all = [A, H].into_iter().flat_map(|p| &history.nodes[p].saw);
            all.filter(|(o, size, _)| *o == origin(place) && *size > 0)
        };
        if forks {
            let both = [B, B2].iter().all(|b| seen().any(|(_, size, root)| is_of(*b, *size, *root)));
            if both && is_reported(place).is_none() {
                wrong.push("two views of a log were seen, and nobody says so".into());
            }
            let line = |b: usize| {
                history.cosigned.iter().filter(|c| c.origin == origin(B)).all(|c| is_of(b, c.size, c.root))
            };
            if !line(B) && !line(B2) {
                wrong.push("the witness cosigned both branches of a fork".into());
            }
        } else if let Some(report) = is_reported(place) {
            wrong.push(format!("the honest log of {place} is reported: {report:?}"));
        } else if let Some((_, size, _)) = seen().find(|(_, size, root)| !is_of(place, *size, *root)) {
            wrong.push(format!("a checkpoint of {size} entries of {place} was seen, and is not in its log"));
        }
    }
}
