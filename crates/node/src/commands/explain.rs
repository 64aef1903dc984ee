//! `lgsp explain`: what each step decided on an exchange, how it ended, and where that is recorded.

use super::desk::Desk;
use super::failure::{Failure, Trying as _};
use super::out;
use crate::cli::ExplainArgs;
use lgsp_evidence::Found;
use lgsp_kernel::ExchangeId;
use lgsp_kernel::record::{Entry, ExchangeRecord, Leg, MessageDigest};
use serde::Serialize;

/// Prints the records of an exchange, oldest first.
pub fn run(desk: &Desk, args: &ExplainArgs) -> Result<(), Failure> {
    let id: ExchangeId = args.exchange.parse().trying("the exchange id")?;
    let found = desk.archive()?.find(id)?;
    if found.is_empty() {
        let help = "exchanges refused before the caller was identified are security events, not records";
        return Err(Failure::new(format!("there is no record of {id} in this node's log")).help(help));
    }
    let mut text = if args.json { String::new() } else { format!("{id}, begun {}\n", id.time().rfc3339()) };
    for entry in &found {
        let record = entry.record().and_then(|r| serde_json::from_slice(r).ok());
        match (&record, args.json) {
            (Some(Entry::Exchange(r)), true) => text.push_str(&format!("{}\n", serde_json::to_string(r)?)),
            (Some(other), true) => text.push_str(&format!("{}\n", serde_json::to_string(other)?)),
            (None, true) => text.push_str("null\n"),
            (Some(Entry::Exchange(r)), false) => text.push_str(&readable(entry, r)),
            (Some(other), false) => text.push_str(&stated(entry, other)),
            (None, false) => text.push_str(&format!("\n{}: erased by retention\n", place(entry))),
        }
    }
    out::print(&text);
    Ok(())
}

fn place(entry: &Found) -> String {
    format!("epoch {}, entry {}", entry.position.epoch, entry.position.index)
}

/// What nodes stated to each other of the exchange.
fn stated(entry: &Found, record: &Entry) -> String {
    let (what, base) = match record {
        Entry::Statement(s) => ("stated by this node".to_owned(), &s.base),
        Entry::Received(r) => {
            let (from, agency, mode) = (&r.from, &r.agency, &r.mode);
            (format!("stated by {from} for {agency}, mode {mode}, delegation {}", r.delegation), &r.base)
        }
        _ => return format!("\n{}: a record of another kind\n", place(entry)),
    };
    let lines: String = base.lines().map(|line| format!("    {line}\n")).collect();
    format!("\n{} ({})\n  {what}\n{lines}", place(entry), entry.path.display())
}

/// A word as the record writes it.
fn word<T: Serialize>(value: &T) -> String {
    serde_json::to_value(value).ok().and_then(|v| v.as_str().map(str::to_owned)).unwrap_or_default()
}

fn readable(entry: &Found, r: &ExchangeRecord) -> String {
    let mut rows: Vec<Vec<String>> = Vec::new();
    let mut row = |name: &str, value: Option<String>| {
        if let Some(value) = value.filter(|v| !v.is_empty()) {
            rows.push(vec![format!("  {name}"), value]);
        }
    };
    row("recorded", Some(format!("{} as {}", r.at.rfc3339(), word(&r.part))));
    row("outcome", Some(outcome(r)));
    if let Some(refusal) = &r.refusal {
        row(
            "refused",
            Some(format!("{} ({}'s fault): {}", refusal.code, word(&refusal.blame), refusal.detail)),
        );
    }
    row(
        "caller",
        r.caller.as_ref().map(|c| {
            format!("{} of {}, by {} {:?} from {}", c.system, c.agency, c.how, c.credential, c.source)
        }),
    );
    row("request", joined(&[r.method.clone(), r.target.clone(), Some(format!("({})", r.edge))]));
    row("operation", joined(&[r.service.clone(), r.version.clone(), r.operation.clone()]));
    row("grant", r.grant.clone());
    if let Some(stated) = &r.stated {
        row("officer", stated.officer.clone());
        row("purpose", stated.purpose.clone());
        row("dossier", stated.dossier.clone());
    }
    row("provider", r.provider.clone());
    legs(&mut row, "request", r.request.as_ref());
    legs(&mut row, "answer", r.answer.as_ref());
    row("trace", r.trace.clone());
    if entry.bodies_kept > 0 {
        let state = if entry.bodies_erased { "erased by retention" } else { "kept" };
        row("bodies", Some(format!("{}, {state}", entry.bodies_kept)));
    }
    let mut text = format!("\n{} ({})\n{}\n", place(entry), entry.path.display(), columns(&rows));
    if !r.steps.is_empty() {
        let steps: Vec<Vec<String>> = r
            .steps
            .iter()
            .map(|s| {
                vec![
                    format!("    {}", s.step.as_str()),
                    if s.ok { "passed" } else { "refused" }.into(),
                    s.why.clone(),
                ]
            })
            .collect();
        text.push_str(&format!("  steps\n{}\n", columns(&steps)));
    }
    text
}

fn outcome(r: &ExchangeRecord) -> String {
    let mut text = word(&r.outcome);
    if let Some(status) = r.status {
        text.push_str(&format!(", status {status}"));
    }
    if let Some(took) = r.took_ms {
        text.push_str(&format!(", after {took} ms"));
    }
    text
}

fn legs(row: &mut impl FnMut(&str, Option<String>), name: &str, leg: Option<&Leg>) {
    let Some(leg) = leg else { return };
    for (way, digest) in [("as received", &leg.received), ("as sent", &leg.sent)] {
        row(&format!("{name} {way}"), digest.as_ref().map(message));
    }
}

fn message(digest: &MessageDigest) -> String {
    let mut text = format!("head sha-256 {}", digest.head);
    if let Some(body) = &digest.body {
        text.push_str(&format!(", body sha-256 {body}"));
    }
    if let Some(bytes) = digest.bytes {
        text.push_str(&format!(" ({bytes} bytes)"));
    }
    text
}

fn joined(parts: &[Option<String>]) -> Option<String> {
    let parts: Vec<&str> = parts.iter().flatten().map(String::as_str).collect();
    (!parts.is_empty()).then(|| parts.join(" "))
}

/// Columns without headings.
fn columns(rows: &[Vec<String>]) -> String {
    let widest = rows.iter().map(Vec::len).max().unwrap_or(0);
    let text = out::table(&vec![""; widest], rows);
    text.split_once('\n').map(|(_, rest)| rest.to_owned()).unwrap_or_default()
}
