//! `lgsp audit`: who changed what, when and why, and whether that list is as it was written.

use super::desk::Desk;
use super::failure::Failure;
use super::out;
use crate::backup::load::anchors;
use crate::cli::AuditCommand;
use lgsp_store::{AuditProblem, AuditReport, AuditRow};
use serde_json::json;

/// List or verify.
pub async fn run(desk: &Desk, command: AuditCommand) -> Result<(), Failure> {
    match command {
        AuditCommand::List { from, limit, json } => list(desk, from, limit, json).await,
        AuditCommand::Verify => verify(desk).await,
    }
}

async fn list(desk: &Desk, from: Option<i64>, limit: u32, as_json: bool) -> Result<(), Failure> {
    let store = desk.store().await?;
    let last = store.audit_head().await?.map_or(0, |h| h.seq);
    let from = from.unwrap_or_else(|| (last - i64::from(limit) + 1).max(1));
    let rows = store.audit_rows(from, i64::from(limit)).await?;
    if as_json {
        let lines: Vec<String> = rows.iter().map(|r| as_line(r).to_string()).collect();
        out::print(&lines.join("\n"));
        return Ok(());
    }
    let cells: Vec<Vec<String>> = rows
        .iter()
        .map(|r| {
            let what = format!("{} {} {}", r.action, r.kind, r.id);
            vec![
                r.seq.to_string(),
                r.at.rfc3339(),
                r.actor.clone(),
                what,
                r.reason.clone().unwrap_or_else(|| "-".into()),
            ]
        })
        .collect();
    out::print(&out::table(&["SEQ", "AT", "WHO", "WHAT", "WHY"], &cells));
    Ok(())
}

fn as_line(r: &AuditRow) -> serde_json::Value {
    json!({
        "seq": r.seq, "at": r.at.rfc3339(), "actor": r.actor, "reason": r.reason, "generation": r.generation,
        "action": r.action, "kind": r.kind, "id": r.id, "before": r.before, "after": r.after, "hash": r.hash,
    })
}

async fn verify(desk: &Desk) -> Result<(), Failure> {
    let anchors = match desk.archive() {
        Ok(archive) => anchors(&archive)?,
        Err(_) => Vec::new(),
    };
    let report = desk.store().await?.audit_verify(&anchors).await?;
    out::print(&format!("{} rows, compared with {} anchors in the message log", report.rows, report.anchors));
    if report.is_clean() {
        out::print("sound");
        return Ok(());
    }
    Err(Failure::new(told(&report)))
}

/// The findings, each in words, and then what to do, each advice once.
fn told(report: &AuditReport) -> String {
    let mut lines = vec!["the audit trail is NOT as it was written".to_owned()];
    lines.extend(report.findings.iter().map(|f| format!("row {}: {}", f.seq, f.problem)));
    if report.more {
        lines.push(format!("and more: only the first {} are listed", report.findings.len()));
    }
    lines.push("what to do:".into());
    let mut advice: Vec<&str> = Vec::new();
    for text in report.findings.iter().flat_map(|f| what_to_do(&f.problem)).chain(&[KEEP]) {
        if !advice.contains(text) {
            advice.push(text);
        }
    }
    lines.extend(advice.iter().map(|a| format!("  - {a}")));
    lines.join("\n")
}

const COMPARE: &str = "restore the last backup into an empty folder (`lgsp restore <backup> --into <folder>`) and compare: \
    `lgsp audit list --from <row> --json` there and here shows what the rows said before";
const SINCE: &str = "what was changed after the last row that is sound has to be looked at by somebody else than who may write to \
    the store: `lgsp get <kind> -o yaml` against what was decided";
const REGISTRY: &str = "look at the item with `lgsp get <kind> <id> -o yaml`; if it is wrong, `lgsp apply` what was decided: that goes \
    through the trail";
const KEEP: &str = "change nothing in the store or the message log before a copy of both is kept as evidence, and find out who can \
    write to the store besides the node";

fn what_to_do(problem: &AuditProblem) -> &'static [&'static str] {
    match problem {
        AuditProblem::Content | AuditProblem::Chain | AuditProblem::Missing { .. } => &[COMPARE],
        AuditProblem::BehindHead | AuditProblem::Head | AuditProblem::AnchorMissing => &[COMPARE, SINCE],
        AuditProblem::AnchorDiffers { .. } => &[COMPARE, SINCE],
        AuditProblem::Registry { .. } => &[REGISTRY],
    }
}

#[cfg(test)]
mod tests {
    use super::{COMPARE, KEEP, REGISTRY, told};
    use lgsp_store::{AuditFinding, AuditProblem, AuditReport};

    #[test]
    fn findings_are_told_in_words_with_each_advice_once() {
        let finding = |seq, problem| AuditFinding { seq, problem };
        let registry = AuditProblem::Registry { kind: "grant".into(), id: "g1".into() };
        let findings = vec![
            finding(6, AuditProblem::Missing { to: 7 }),
            finding(8, AuditProblem::Chain),
            finding(9, registry),
        ];
        let report = AuditReport { rows: 9, head: None, anchors: 0, findings, more: true };
        let text = told(&report);
        assert!(text.contains("row 6: rows are missing from here up to and including 7"), "{text}");
        assert!(text.contains("row 9: the registry holds something else for the grant g1"), "{text}");
        assert!(text.contains("only the first 3 are listed"), "{text}");
        for advice in [COMPARE, REGISTRY, KEEP] {
            assert_eq!(text.matches(advice).count(), 1, "{text}");
        }
        assert!(!text.contains('{') && !text.contains("Missing"), "{text}");
    }
}
