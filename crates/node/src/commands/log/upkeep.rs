//! `lgsp log forecast`, `retention` and `checkpoint`.

use crate::commands::desk::Desk;
use crate::commands::failure::Failure;
use crate::commands::out;
use crate::node::{log_config, retention_policy};
use lgsp_evidence::{Log, LogError, forecast as ahead, retention as erasing};

/// How the disk will fill.
pub fn forecast(desk: &Desk) -> Result<(), Failure> {
    let f = ahead::forecast(&desk.archive()?, retention_policy(desk.config()), desk.clock.now())?;
    let daily = |bytes: f64| format!("{} a day", out::size(bytes.max(0.0) as u64));
    let mut rows = vec![
        vec![
            "now".to_owned(),
            format!("{} (bodies {})", out::size(f.bytes_now), out::size(f.body_bytes_now)),
        ],
        vec!["observed".into(), format!("{:.1} days", f.observed_days)],
        vec!["records".into(), daily(f.records_per_day)],
        vec!["bodies".into(), daily(f.bodies_per_day)],
    ];
    rows.extend(f.ahead.iter().map(|(days, bytes)| vec![format!("in {days} days"), out::size(*bytes)]));
    rows.push(vec!["free now".into(), out::size(f.free_now)]);
    let full = f.full_in_days.map_or_else(|| "not within ten years".into(), |d| format!("in {d} days"));
    rows.push(vec!["disk full".into(), full]);
    out::print(&out::table(&["WHAT", "HOW MUCH"], &rows));
    Ok(())
}

/// Erases what is past its retention, or says what would be. A running node does it itself, once a day.
pub fn retention(desk: &Desk, dry_run: bool) -> Result<(), Failure> {
    let (policy, now) = (retention_policy(desk.config()), desk.clock.now());
    if dry_run {
        let due = erasing::plan(&desk.archive()?, policy, now)?;
        let rows: Vec<Vec<String>> = due
            .iter()
            .map(|d| {
                let entries = format!("{} to {}", d.first, d.last);
                vec![
                    d.epoch.to_string(),
                    entries,
                    d.records.to_string(),
                    d.bodies.to_string(),
                    out::size(d.bytes),
                ]
            })
            .collect();
        out::print(&out::table(&["EPOCH", "ENTRIES", "RECORDS", "BODIES", "FREED"], &rows));
        return Ok(());
    }
    let log =
        Log::open(log_config(desk.config()), desk.log_key()?, desk.clock.clone()).map_err(|e| match e {
            LogError::Locked(_) => Failure::new("the node runs and writes its log")
                .help("it erases by itself once a day; `--dry-run` shows what"),
            other => other.into(),
        })?;
    let erased = erasing::run(&log, policy, now);
    log.close();
    let erased = erased?;
    out::print(&format!(
        "erased: {} records, {} bodies; {} are free",
        erased.records,
        erased.bodies,
        out::size(erased.bytes)
    ));
    Ok(())
}

/// The latest signed checkpoint.
pub fn checkpoint(desk: &Desk) -> Result<(), Failure> {
    let archive = desk.archive()?;
    let epoch = archive.epochs()?.last().copied().ok_or_else(|| Failure::new("the log has no epoch yet"))?;
    let head = archive.head(epoch)?.ok_or_else(|| Failure::new("the log has no checkpoint yet"))?;
    out::print(&head.note);
    Ok(())
}
