//! How the log will grow: bytes a day as observed, what will be erased when, and when the disk is full.
//! Not here: erasing (`retention`).

use crate::archive::{Archive, ArchiveError};
use crate::index::Stats;
use crate::retention::RetentionPolicy;
use lgsp_kernel::Millis;
use serde::Serialize;

const DAY: i64 = 86_400_000;
/// Growth is observed over this many days at most: what was a year ago says little about tomorrow.
pub const OBSERVED_DAYS: i64 = 30;
/// The moments that are looked ahead to, days.
pub const AHEAD_DAYS: [u32; 3] = [30, 90, 365];
/// How far the day is searched on which the disk is full.
const SEARCH_DAYS: u32 = 3650;

/// A forecast.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Forecast {
    /// Bytes of the log's segments now.
    pub bytes_now: u64,
    /// Of them kept bodies.
    pub body_bytes_now: u64,
    /// Days that growth was observed over.
    pub observed_days: f64,
    /// Bytes a day, bodies left out.
    pub records_per_day: f64,
    /// Bytes of kept bodies a day.
    pub bodies_per_day: f64,
    /// Bytes that records leave behind when they are erased, a day: commitments, checkpoints.
    pub residue_per_day: f64,
    /// For each of [`AHEAD_DAYS`]: bytes on disk then, erasures taken into account.
    pub ahead: Vec<(u32, u64)>,
    /// Bytes of what is on disk now that will have been erased by each of [`AHEAD_DAYS`].
    pub erased_by: Vec<(u32, u64)>,
    /// Bytes free on the disk now.
    pub free_now: u64,
    /// Days until the disk is full, if growth goes on like this; none if it is not full within ten years.
    pub full_in_days: Option<u32>,
}

/// A segment's share of the forecast.
struct Part {
    at: i64,
    records: u64,
    residue: u64,
    bodies: u64,
    bodies_due: i64,
}

fn part(s: &Stats) -> Part {
    // What an erased entry leaves: its frame without record and salt, and its share of the group's checkpoint.
    let residue = (s.records * 68).min(s.record_bytes) + s.end.saturating_sub(s.record_bytes + s.body_bytes);
    Part {
        at: s.last_at,
        records: s.end.saturating_sub(s.body_bytes),
        residue,
        bodies: s.body_bytes,
        bodies_due: s.bodies_due,
    }
}

/// Looks ahead from now.
pub fn forecast(archive: &Archive, policy: RetentionPolicy, now: Millis) -> Result<Forecast, ArchiveError> {
    let mut parts = Vec::new();
    let mut oldest = now.0;
    let epochs = archive.epochs()?;
    for epoch in &epochs {
        let firsts = archive.segments(*epoch)?;
        for (i, first) in firsts.iter().enumerate() {
            let active = Some(epoch) == epochs.last() && i + 1 == firsts.len();
            let index = archive.index(&archive.segment_path(*epoch, *first), active)?;
            if index.stats.next > index.stats.first {
                oldest = oldest.min(index.stats.first_at);
                parts.push(part(&index.stats));
            }
        }
    }
    let window = now.0 - OBSERVED_DAYS * DAY;
    let observed_days = (now.0 - oldest.max(window)).max(DAY / 24) as f64 / DAY as f64;
    let recent = || parts.iter().filter(|p| p.at >= window);
    let per_day = |of: fn(&Part) -> u64| recent().map(of).sum::<u64>() as f64 / observed_days;
    let rates = Rates {
        records: per_day(|p| p.records),
        residue: per_day(|p| p.residue),
        bodies: per_day(|p| p.bodies),
        bodies_days: bodies_days(&parts, window),
        records_days: policy.records_days.map(f64::from),
    };
    let free_now =
        archive.disk.free_bytes(&archive.dir).map_err(|e| ArchiveError::Io(archive.dir.clone(), e))?;
    let bytes_now: u64 = parts.iter().map(|p| p.records + p.bodies).sum();
    let room = bytes_now.saturating_add(free_now);
    let at = |days: u32| remaining(&parts, policy, now, days) + rates.grown(days);
    Ok(Forecast {
        bytes_now,
        body_bytes_now: parts.iter().map(|p| p.bodies).sum(),
        observed_days,
        records_per_day: rates.records,
        bodies_per_day: rates.bodies,
        residue_per_day: rates.residue,
        ahead: AHEAD_DAYS.iter().map(|d| (*d, at(*d))).collect(),
        erased_by: AHEAD_DAYS.iter().map(|d| (*d, bytes_now - remaining(&parts, policy, now, *d))).collect(),
        free_now,
        full_in_days: (0..SEARCH_DAYS).find(|d| at(*d) > room),
    })
}

/// How long bodies are kept after they were written, days: as the recent segments say.
fn bodies_days(parts: &[Part], window: i64) -> Option<f64> {
    let terms = parts.iter().filter(|p| p.at >= window && p.bodies > 0 && p.bodies_due < i64::MAX);
    terms.map(|p| (p.bodies_due - p.at).max(0) as f64 / DAY as f64).reduce(f64::max)
}

struct Rates {
    records: f64,
    residue: f64,
    bodies: f64,
    bodies_days: Option<f64>,
    records_days: Option<f64>,
}

impl Rates {
    /// Bytes that what will have been written from now on takes after this many days.
    fn grown(&self, days: u32) -> u64 {
        let days = f64::from(days);
        let whole = self.records_days.map_or(days, |keep| keep.min(days));
        let bodies = self.bodies_days.map_or(whole, |keep| keep.min(whole));
        (self.records * whole + self.residue * (days - whole) + self.bodies * bodies) as u64
    }
}

/// Bytes that remain after this many days of what is there now.
fn remaining(parts: &[Part], policy: RetentionPolicy, now: Millis, days: u32) -> u64 {
    let then = now.0 + i64::from(days) * DAY;
    let one = |p: &Part| {
        let records_due = policy.records_days.is_some_and(|d| p.at + i64::from(d) * DAY < then);
        let bodies = if records_due || p.bodies_due <= then { 0 } else { p.bodies };
        bodies + if records_due { p.residue.min(p.records) } else { p.records }
    };
    parts.iter().map(one).sum()
}
