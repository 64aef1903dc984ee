//! What is recorded of an exchange and how it is written. When, is the step's decision (`steps/record.rs`); where it is kept, is `lgsp-evidence`.

pub(crate) mod abandoned;
pub(crate) mod digest;
pub(crate) mod view;

use crate::exchange::Exchange;
use lgsp_kernel::record::{Outcome, Part, RefusalRecord};
use lgsp_kernel::{Millis, Refusal};
use view::{CallerView, View};

/// The record of an exchange, or of the part of it that is not on record yet.
pub(crate) fn json(x: &Exchange, part: Part, outcome: Outcome, refusal: Option<&Refusal>) -> Vec<u8> {
    let first = x.progress.requested.is_none();
    let route = x.route.as_ref().filter(|_| first);
    let trace = x.trace.id_text();
    let stated = &x.stated;
    let states = stated.officer.is_some() || stated.purpose.is_some() || stated.dossier.is_some();
    View {
        kind: "exchange",
        id: &x.id_text,
        part,
        at: x.now(),
        edge: x.edge.as_str(),
        caller: caller(x).filter(|_| first),
        service: route.map(|r| r.service.spec.id.as_str()),
        version: route.map(|r| r.version.spec.version.as_str()),
        operation: route.map(|r| r.operation.spec.name.as_str()),
        grant: x.grant.as_ref().filter(|_| first).map(|g| g.spec.id.as_str()),
        method: first.then(|| x.head.method.as_str()),
        target: first.then_some(x.target.as_str()),
        stated: Some(stated).filter(|_| first && states),
        idempotency_key: x.key.as_deref().filter(|_| first),
        request: Some(x.request).filter(|leg| first && !leg.is_empty()),
        answer: Some(x.answer).filter(|leg| !leg.is_empty()),
        status: x.status,
        provider: x.provider.as_deref(),
        leg: x.leg.as_deref(),
        masked: x.masked.as_deref(),
        outcome,
        refusal: refusal.map(|r| RefusalRecord {
            code: r.kind.code.into(),
            step: r.kind.step,
            blame: r.kind.blame,
            detail: r.detail.clone(),
        }),
        steps: &x.decisions[x.progress.requested.unwrap_or(0)..],
        took_ms: Some(u64::try_from(x.began.elapsed().as_millis()).unwrap_or(u64::MAX)),
        trace: if first { std::str::from_utf8(&trace).ok() } else { None },
    }
    .json()
}

/// Who called. A system of another node that is not declared here is named with its node.
fn caller(x: &Exchange) -> Option<CallerView<'_>> {
    let source = x.conn.source.as_str();
    if let Some(c) = &x.caller {
        let (system, agency) = (c.system.spec.id.as_str(), c.system.agency.as_str());
        return Some(CallerView { system, agency, credential: c.by.name(), how: c.by.how(), source });
    }
    let member = x.member.as_ref()?;
    let (name, agency) = (&*member.name, member.agency.as_str());
    Some(CallerView { system: name, agency, credential: name, how: "peer", source })
}

/// Until when the bodies of an exchange are kept.
pub(crate) fn bodies_until(x: &Exchange) -> Option<Millis> {
    let days = x.route.as_ref()?.service.spec.evidence.keep_days?;
    Some(x.at.plus_seconds(i64::from(days) * 86_400))
}
