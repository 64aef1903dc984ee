//! A plan as text that an operator reads before saying yes.

use super::diff::SECRET_CHANGED;
use super::{Action, Change, Plan};
use std::fmt::Write as _;

/// A line for each item (`+` created, `~` updated, `-` deleted), one for each field of an update, and a summary.
pub fn render(plan: &Plan) -> String {
    let mut out = String::new();
    for change in &plan.changes {
        render_change(change, &mut out);
    }
    for warning in &plan.warnings {
        let _ = writeln!(out, "! {warning}");
    }
    for diff in plan.contracts.iter().filter(|d| !d.changes.is_empty()) {
        let _ = writeln!(out, "  contract of {} {} against {}:", diff.service, diff.version, diff.against);
        for c in &diff.changes {
            let word = if c.breaking { "BREAKING " } else { "" };
            let _ = writeln!(out, "    {word}{}: {}", c.place, c.what);
        }
    }
    let (create, update, delete) = plan.totals();
    let summary = if plan.is_empty() {
        "Nothing to change.".to_owned()
    } else {
        format!("{create} to create, {update} to update, {delete} to delete.")
    };
    out.push_str(&summary);
    out.push('\n');
    out
}

fn render_change(change: &Change, out: &mut String) {
    let (kind, id) = (change.kind, &change.id);
    // Writing to a String does not fail.
    let _ = match (change.action, change.fields.as_slice()) {
        (Action::Create, _) => writeln!(out, "+ {kind} {id}"),
        (Action::Delete, _) => writeln!(out, "- {kind} {id}"),
        (Action::Update, [one]) => writeln!(out, "~ {kind} {id}: {}", line(one)),
        (Action::Update, many) => {
            let _ = writeln!(out, "~ {kind} {id}:");
            many.iter().try_for_each(|f| writeln!(out, "    {}", line(f)))
        }
    };
}

fn line(field: &super::FieldDiff) -> String {
    let path = &field.path;
    let text = match (&field.before, &field.after) {
        (Some(b), Some(_)) if b == SECRET_CHANGED => SECRET_CHANGED.to_owned(),
        (Some(b), Some(a)) => format!("{b} -> {a}"),
        (None, Some(a)) if a == SECRET_CHANGED => "(secret set)".to_owned(),
        (None, Some(a)) => format!("(none) -> {a}"),
        (Some(b), None) if b == SECRET_CHANGED => "(secret removed)".to_owned(),
        (Some(b), None) => format!("{b} -> (none)"),
        (None, None) => String::new(),
    };
    if path.is_empty() { text } else { format!("{path}: {text}") }
}
