//! Legs: where a version has several ways to its provider, the best one that is open is taken. A leg that failed without possible
//! effect makes room for the next; one that may have acted does so only where a repetition does no harm. Each call begins with the
//! best again: what its breaker says of it costs nothing.

use super::carried::Carried;
use super::{forward, record, xroad};
use crate::exchange::{Decision, Exchange, OURS, Why};
use crate::peer;
use crate::steps::verify::Arrived;
use lgsp_kernel::model::LegSpec;
use lgsp_kernel::record::LegRecord;
use lgsp_kernel::snapshot::{Leg, Version};
use lgsp_kernel::{Refusal, Step, fault};
use lgsp_provider::{OutBody, OutHead};
use std::borrow::Cow;
use std::sync::Arc;

/// A leg on which there was no answer.
pub(crate) struct Failed {
    pub refusal: Refusal,
    pub may_have_acted: bool,
    /// Whether another leg could fare better: not what fails for the consumer's or the message's own sake.
    pub elsewhere: bool,
}

impl Failed {
    /// By a refusal of this node or of a provider: what concerns the way is of the step that goes it.
    fn of(refusal: Refusal, may_have_acted: bool) -> Self {
        let elsewhere = refusal.kind.step == Step::Forward;
        Self { refusal, may_have_acted, elsewhere }
    }
}

/// Carries the request on the first leg that is open.
pub(crate) async fn forward(x: &mut Exchange) -> Result<Arrived, Refusal> {
    let version = x.route().version.clone();
    let idempotent = x.route().operation.idempotent;
    let out = forward::prepare(x);
    let mut body = Carried::NotTaken;
    let mut failures: Vec<(u8, &'static str, Failed)> = Vec::new();
    for leg in &version.legs {
        x.leg = Some(Box::new(said(leg)));
        let failed = match attempt(x, leg, &out, &mut body).await? {
            Ok(arrived) => return Ok(arrived),
            Err(failed) => failed,
        };
        let goes_on = body.intact() && moves_on(&failed, idempotent);
        failures.push((leg.number, leg.spec.kind(), failed));
        if !goes_on {
            break;
        }
    }
    x.progress.may_have_acted = failures.iter().any(|(_, _, f)| f.may_have_acted);
    Err(worst(failures))
}

/// One leg. The outer error ends the exchange: the record was not taken.
async fn attempt(
    x: &mut Exchange,
    leg: &Leg,
    out: &OutHead,
    body: &mut Carried,
) -> Result<Result<Arrived, Failed>, Refusal> {
    let Some(version) = &leg.version else { return peer::call(x, &leg.spec, out, body).await };
    let (out, changed) = match &leg.spec {
        LegSpec::Xroad { client, service, .. } => {
            body.look(x);
            match xroad::request(x, client, service, out.clone(), body) {
                Ok(dressed) => dressed,
                Err(refusal) => return Ok(Err(Failed::of(refusal, false))),
            }
        }
        LegSpec::Direct { .. } | LegSpec::Peer { .. } => (out.clone(), None),
    };
    record::request(x, &out, changed.as_ref()).await?;
    body.take(x);
    let sent = changed.map_or_else(|| body.for_provider(), OutBody::Full);
    Ok(plain(x, version, out, sent, body).await)
}

/// Over plain HTTP.
async fn plain(
    x: &mut Exchange,
    version: &Arc<Version>,
    out: OutHead,
    sent: OutBody,
    body: &mut Carried,
) -> Result<Arrived, Failed> {
    let acted_before = x.progress.may_have_acted;
    match forward::send(x, version, out, sent).await {
        Ok(sent) => Ok(Arrived::from(sent)),
        Err(error) => {
            body.put_back(error.body);
            x.progress.may_have_acted = acted_before || error.may_have_acted;
            if error.target.is_none() {
                not_taken(x, &error.refusal);
            }
            Err(Failed::of(error.refusal, error.may_have_acted))
        }
    }
}

/// Notes a leg that was not even tried.
fn not_taken(x: &mut Exchange, refusal: &Refusal) {
    let why = Why::Text(Cow::Owned(format!("{}: {}", refusal.kind.code, refusal.detail)));
    x.decisions.push(Decision { step: Step::Forward, ok: false, why });
}

/// Whether the next leg may be tried.
fn moves_on(failed: &Failed, idempotent: bool) -> bool {
    failed.elsewhere && (idempotent || !failed.may_have_acted)
}

/// What to tell of legs that all failed: the first that may have acted; of one leg what it said; of several that none is open.
fn worst(mut failures: Vec<(u8, &'static str, Failed)>) -> Refusal {
    if let Some(at) = failures.iter().position(|(_, _, f)| f.may_have_acted) {
        return failures.swap_remove(at).2.refusal;
    }
    let each: Vec<String> =
        failures.iter().map(|(n, kind, f)| format!("{n} ({kind}): {}.", f.refusal.kind.title)).collect();
    let last = failures.pop().map(|(_, _, f)| f.refusal);
    match last {
        // What ended the search is no matter of ways.
        Some(only) if failures.is_empty() || only.kind.step != Step::Forward => only,
        last => {
            let soonest =
                failures.iter().map(|(_, _, f)| &f.refusal).chain(&last).filter_map(|r| r.retry_after).min();
            let refusal =
                Refusal::new(&fault::NO_LEG, format!("The ways that were tried: {}", each.join(" ")));
            Refusal { retry_after: soonest, ..refusal }
        }
    }
}

/// What the record and the answer say of a leg before it is known what it can prove.
fn said(leg: &Leg) -> LegRecord {
    let (node, via) = match &leg.spec {
        LegSpec::Peer { node, via, .. } => (Some(node.to_string()), via.as_ref().map(ToString::to_string)),
        LegSpec::Xroad { .. } | LegSpec::Direct { .. } => (None, None),
    };
    LegRecord {
        kind: leg.spec.kind().into(),
        number: Some(leg.number),
        node,
        via,
        mode: None,
        proves: OURS.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::{Failed, moves_on, worst};
    use lgsp_kernel::{Refusal, RefusalKind, fault};

    fn failed(kind: &'static RefusalKind, may_have_acted: bool) -> Failed {
        Failed::of(Refusal::new(kind, "d"), may_have_acted)
    }

    #[test]
    fn only_what_cannot_have_acted_or_may_be_repeated_moves_on() {
        assert!(moves_on(&failed(&fault::PROVIDER_UNREACHABLE, false), false));
        assert!(moves_on(&failed(&fault::PROVIDER_TIMEOUT, true), true));
        assert!(!moves_on(&failed(&fault::PROVIDER_TIMEOUT, true), false));
        assert!(
            !moves_on(&failed(&fault::BODY_INCOMPLETE, false), true),
            "the consumer's fault on every leg"
        );
        assert!(!moves_on(&failed(&fault::ANSWER_MALFORMED, true), true), "an answer is an answer");
    }

    #[test]
    fn what_may_have_acted_is_told_before_what_was_tried_after_it() {
        let all = |kinds: &[(&'static RefusalKind, bool)]| {
            let failures = kinds.iter().zip(1..).map(|((k, acted), n)| (n, "direct", failed(k, *acted)));
            worst(failures.collect()).kind.code
        };
        let (down, late) = (&fault::PROVIDER_UNREACHABLE, &fault::PROVIDER_TIMEOUT);
        assert_eq!(all(&[(down, false)]), down.code);
        assert_eq!(all(&[(down, false), (down, false)]), fault::NO_LEG.code);
        assert_eq!(all(&[(down, false), (late, true), (down, false)]), late.code);
        assert_eq!(all(&[(down, false), (&fault::BODY_INCOMPLETE, false)]), fault::BODY_INCOMPLETE.code);
    }
}
