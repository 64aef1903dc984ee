//! `lgsp log verify`: everything recomputed, and what does not fit named.

use super::read_key;
use crate::cli::VerifyArgs;
use crate::commands::desk::Desk;
use crate::commands::failure::{Failure, Trying as _};
use crate::commands::out;
use lgsp_evidence::verify::{Span, VerifyReport};
use lgsp_evidence::{Archive, Verifier};

/// Verifies all or a range, and fails if anything is wrong.
pub fn run(desk: &Desk, args: &VerifyArgs) -> Result<(), Failure> {
    let archive = desk.archive()?;
    let verifier = match &args.key {
        Some(text) => read_key(text)?,
        None => Verifier::parse(&desk.log_verifier()?)?,
    };
    let kept = match &args.checkpoint {
        Some(path) => Some(std::fs::read_to_string(path).trying(path.display())?),
        None => None,
    };
    let report = archive.verify(span(&archive, args)?, &verifier, kept.as_deref())?;
    out::print(&summary(&report));
    if report.ok {
        return Ok(());
    }
    let mut lines: Vec<String> = report.problems.iter().map(ToString::to_string).collect();
    if report.more_problems > 0 {
        lines.push(format!("and {} more", report.more_problems));
    }
    Err(Failure::new(format!("the log is NOT sound\n{}", lines.join("\n")))
        .help("keep these files as they are; compare with a backup and with checkpoints kept elsewhere"))
}

fn span(archive: &Archive, args: &VerifyArgs) -> Result<Span, Failure> {
    if args.from.is_none() && args.to.is_none() {
        return Ok(Span::All);
    }
    let epoch = archive.epochs()?.last().copied().unwrap_or(1);
    let size = archive.head(epoch)?.map_or(0, |c| c.size);
    let to = args.to.map_or(size, |to| to.saturating_add(1));
    Ok(Span::Range { epoch, from: args.from.unwrap_or(0), to })
}

fn summary(report: &VerifyReport) -> String {
    let mut text = format!(
        "{} entries in {} groups: {} records and {} bodies fit, {} erased by retention\n",
        report.entries, report.groups, report.records, report.bodies, report.erased
    );
    for epoch in &report.epochs {
        text.push_str(&format!("epoch {}: {} entries\n", epoch.epoch, epoch.size));
    }
    match report.kept_matches {
        Some(true) => text.push_str("the tree is that of the kept checkpoint\n"),
        Some(false) => text.push_str("the tree is NOT that of the kept checkpoint\n"),
        None => text.push_str("not compared with a checkpoint kept elsewhere (--checkpoint): a log rewritten and signed anew would pass\n"),
    }
    if report.ok {
        text.push_str("sound\n");
    }
    text
}
