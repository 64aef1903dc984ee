//! `lgsp log search`: finds exchanges by who, what, when and what for.

use crate::cli::SearchArgs;
use crate::commands::desk::Desk;
use crate::commands::failure::Failure;
use crate::commands::out;
use lgsp_evidence::search::{Filter, Hit};
use lgsp_kernel::Millis;

/// Prints the newest that fit, newest first.
pub fn run(desk: &Desk, args: SearchArgs) -> Result<(), Failure> {
    let filter = Filter {
        from: args.since.as_deref().map(time).transpose()?,
        to: args.until.as_deref().map(time).transpose()?,
        consumer: args.system,
        service: args.service,
        officer: args.officer,
        dossier: args.dossier,
        limit: args.limit,
        ..Filter::default()
    };
    let hits = desk.archive()?.search(&filter)?;
    if args.json {
        let lines: Result<Vec<String>, _> = hits.iter().map(serde_json::to_string).collect();
        out::print(&lines?.join("\n"));
    } else {
        let rows: Vec<Vec<String>> = hits.iter().map(row).collect();
        out::print(&out::table(
            &["BEGUN", "EXCHANGE", "CALLER", "OPERATION", "OUTCOME", "STATUS", "DOSSIER"],
            &rows,
        ));
    }
    Ok(())
}

fn time(text: &str) -> Result<Millis, Failure> {
    Millis::parse(text).ok_or_else(|| {
        Failure::new(format!("{text:?} is not a time")).help("write 2026-01-31 or 2026-01-31T08:00:00+07:00")
    })
}

fn row(hit: &Hit) -> Vec<String> {
    let r = &hit.record;
    let text = |t: &Option<String>| t.clone().unwrap_or_else(|| "-".into());
    let outcome = serde_json::to_string(&r.outcome).unwrap_or_default();
    vec![
        hit.exchange.time().rfc3339(),
        hit.exchange.to_string(),
        r.caller.as_ref().map_or_else(|| "-".into(), |c| c.system.clone()),
        format!("{}/{}/{}", text(&r.service), text(&r.version), text(&r.operation)),
        outcome.trim_matches('"').to_owned(),
        r.status.map_or_else(|| "-".into(), |s| s.to_string()),
        r.stated.as_ref().map_or_else(|| "-".into(), |s| text(&s.dossier)),
    ]
}
