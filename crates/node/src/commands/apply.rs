//! `lgsp apply`: brings the registry to the state that files declare.

use super::desk::Desk;
use super::failure::{Failure, Trying as _};
use super::out;
use crate::cli::ApplyArgs;
use lgsp_registry::{PlanOptions, Problem, manifest, plan};

/// Reads, compares, prints the difference, and writes it unless told not to. An invalid file changes nothing.
pub async fn run(desk: &Desk, args: &ApplyArgs) -> Result<(), Failure> {
    let desired = manifest::read(&args.files).map_err(|p| listed(&p))?;
    let registry = desk.registry().await?;
    let options = PlanOptions { prune: args.prune, accept_breaking: args.accept_breaking };
    if args.dry_run {
        let planned = registry.plan(&desired, options).await.map_err(|p| listed(&p))?;
        out::print(&format!("{}(dry run: nothing was changed)", plan::render(&planned)));
        return Ok(());
    }
    let applied = registry
        .apply(&desired, options, &desk.context(args.why.reason.clone()))
        .await
        .trying("nothing was changed")?;
    let mut text = plan::render(&applied.plan);
    if !applied.plan.is_empty() {
        text.push_str(&format!("Applied: the registry is at generation {}.\n", applied.generation));
    }
    out::print(&text);
    Ok(())
}

fn listed(problems: &[Problem]) -> Failure {
    let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
    Failure::new(format!("nothing was changed\n{}", lines.join("\n")))
}
