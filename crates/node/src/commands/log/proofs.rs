//! `lgsp log prove` and `lgsp log check-proof`: evidence that stands alone.

use super::read_key;
use crate::commands::desk::Desk;
use crate::commands::failure::{Failure, Trying as _};
use crate::commands::out;
use lgsp_evidence::BodyRole;
use lgsp_evidence::proof::{PROOF_MAX, Proven, check_proof};
use lgsp_kernel::ExchangeId;
use lgsp_kernel::record::Entry;
use std::io::Read as _;
use std::path::Path;

/// Writes the proof file of an exchange.
pub fn prove(desk: &Desk, exchange: &str, output: Option<&Path>, with_bodies: bool) -> Result<(), Failure> {
    let id: ExchangeId = exchange.parse().trying("the exchange id")?;
    let json = desk.archive()?.prove(id, with_bodies)?.to_json();
    match output {
        Some(path) => {
            std::fs::write(path, &json).trying(path.display())?;
            let key = desk.log_verifier()?;
            out::print(&format!(
                "written: {}\nto check it: lgsp log check-proof {} --key '{key}'",
                path.display(),
                path.display()
            ));
        }
        None => out::print(&String::from_utf8_lossy(&json)),
    }
    Ok(())
}

/// Checks a proof file. Needs neither configuration nor node.
pub fn check(file: &Path, key: &str) -> Result<(), Failure> {
    let verifier = read_key(key)?;
    let mut bytes = Vec::new();
    let opened = std::fs::File::open(file).trying(file.display())?;
    opened.take(PROOF_MAX as u64 + 1).read_to_end(&mut bytes).trying(file.display())?;
    let report = check_proof(&bytes, &verifier)
        .map_err(|e| Failure::from(e).while_trying("the file proves nothing"))?;
    let mut text = format!("proven: exchange {}, recorded by {}\n", report.exchange, verifier.name());
    for proven in &report.entries {
        text.push_str(&line(proven));
    }
    out::print(&text);
    Ok(())
}

fn line(proven: &Proven) -> String {
    let at = format!("epoch {}, entry {}", proven.position.epoch, proven.position.index);
    let what = match &proven.record {
        Some(Entry::Exchange(r)) => {
            let part = serde_json::to_string(&r.part).unwrap_or_default();
            let outcome = serde_json::to_string(&r.outcome).unwrap_or_default();
            let status = r.status.map(|s| format!(", status {s}")).unwrap_or_default();
            format!(
                "{} {}, outcome {}{status}",
                r.at.rfc3339(),
                part.trim_matches('"'),
                outcome.trim_matches('"')
            )
        }
        Some(Entry::Statement(_)) => "stated by this node to a peer".into(),
        Some(Entry::Received(r)) => {
            format!("stated by {} for {}, delegation {}", r.from, r.agency, r.delegation)
        }
        Some(Entry::Credential(c)) => format!("{}, SHA-256 {}", c.kind, c.sha256),
        Some(_) => "a record of another kind".into(),
        None => "erased: only its commitment is in the log".into(),
    };
    let mut text =
        format!("  {at}: {what}; under the signed checkpoint of {} entries\n", proven.checkpoint.size);
    for (role, bytes) in &proven.bodies {
        let role = if *role == BodyRole::Request { "request" } else { "answer" };
        text.push_str(&format!("    body of the {role}, {} bytes, as recorded\n", bytes.len()));
    }
    text
}
