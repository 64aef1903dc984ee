//! Searching by what records say: time, consumer, service, operation, outcome, what the caller stated. Reads segments through, the
//! newest first, until enough is found. Not here: finding by exchange id, which an index answers (`archive`).

use crate::archive::{Archive, ArchiveError};
use crate::draft::Position;
use lgsp_kernel::record::{Entry, ExchangeRecord, Outcome, Part};
use lgsp_kernel::{ExchangeId, Millis};
use serde::Serialize;
use std::collections::HashMap;

/// The most exchanges that a search returns.
pub const SEARCH_MAX: usize = 10_000;

/// What to look for; what is not given fits all. Texts of names must be equal, of statements contained.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// From this moment on.
    pub from: Option<Millis>,
    /// Before this moment.
    pub to: Option<Millis>,
    /// The consumer's system.
    pub consumer: Option<String>,
    /// The service.
    pub service: Option<String>,
    /// The operation.
    pub operation: Option<String>,
    /// How it ended.
    pub outcome: Option<Outcome>,
    /// Contained in the stated officer.
    pub officer: Option<String>,
    /// Contained in the stated purpose.
    pub purpose: Option<String>,
    /// Contained in the stated dossier.
    pub dossier: Option<String>,
    /// Begun before this place in the log: where a page of results goes on.
    pub before: Option<Position>,
    /// The most exchanges; at most [`SEARCH_MAX`].
    pub limit: usize,
}

/// An exchange that fits, its records taken together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Hit {
    /// The exchange.
    pub exchange: ExchangeId,
    /// Its entries, oldest first.
    pub positions: Vec<Position>,
    /// Its records taken together: of each field what the last record that has it says.
    pub record: ExchangeRecord,
}

struct Merged {
    positions: Vec<Position>,
    record: ExchangeRecord,
    begun: bool,
}

/// Puts an older record under what is known of later ones.
fn under(later: &mut ExchangeRecord, older: ExchangeRecord) {
    macro_rules! fill {
        ($($field:ident),*) => {$( if later.$field.is_none() { later.$field = older.$field; } )*};
    }
    fill!(
        caller, service, version, operation, grant, method, target, stated, request, answer, status,
        provider, leg, masked, refusal, took_ms, trace
    );
    if later.steps.is_empty() {
        later.steps = older.steps;
    }
    later.at = older.at;
}

impl Filter {
    fn holds(&self, m: &Merged) -> bool {
        self.before.is_none_or(|b| m.positions.first().is_some_and(|p| *p < b)) && self.fits(&m.record)
    }

    fn fits(&self, r: &ExchangeRecord) -> bool {
        let equal =
            |want: &Option<String>, have: Option<&str>| want.as_deref().is_none_or(|w| have == Some(w));
        let contains = |want: &Option<String>, have: Option<&String>| {
            want.as_deref().is_none_or(|w| have.is_some_and(|h| h.contains(w)))
        };
        let stated = r.stated.as_ref();
        self.from.is_none_or(|t| r.at >= t)
            && self.to.is_none_or(|t| r.at < t)
            && equal(&self.consumer, r.caller.as_ref().map(|c| c.system.as_str()))
            && equal(&self.service, r.service.as_deref())
            && equal(&self.operation, r.operation.as_deref())
            && self.outcome.is_none_or(|o| r.outcome == o)
            && contains(&self.officer, stated.and_then(|s| s.officer.as_ref()))
            && contains(&self.purpose, stated.and_then(|s| s.purpose.as_ref()))
            && contains(&self.dossier, stated.and_then(|s| s.dossier.as_ref()))
    }
}

impl Archive {
    /// The newest exchanges that fit, newest first. Erased records are not found.
    pub fn search(&self, filter: &Filter) -> Result<Vec<Hit>, ArchiveError> {
        let limit = filter.limit.clamp(1, SEARCH_MAX);
        let mut hits = Vec::new();
        // Exchanges whose later records were met, whose first one is in an older segment.
        let mut open: HashMap<ExchangeId, Merged> = HashMap::new();
        for epoch in self.epochs()?.into_iter().rev() {
            let firsts = self.segments(epoch)?;
            for (i, first) in firsts.iter().enumerate().rev() {
                let last = i + 1 == firsts.len();
                let stats = self.index(&self.segment_path(epoch, *first), last)?.stats;
                let too_new = filter.to.is_some_and(|t| stats.first_at >= t.0 + SLACK);
                let too_old = filter.from.is_some_and(|t| stats.last_at < t.0);
                if too_old && open.is_empty() {
                    return Ok(newest(hits, limit));
                }
                if too_new || stats.records == 0 {
                    continue;
                }
                self.gather(epoch, *first..stats.next, &mut open)?;
                let done = open.extract_if(|_, m| m.begun);
                hits.extend(done.filter(|(_, m)| filter.holds(m)).map(hit));
                if hits.len() >= limit {
                    return Ok(newest(hits, limit));
                }
            }
        }
        hits.extend(open.into_iter().filter(|(_, m)| filter.holds(m)).map(hit));
        Ok(newest(hits, limit))
    }

    fn gather(
        &self,
        epoch: u32,
        range: std::ops::Range<u64>,
        open: &mut HashMap<ExchangeId, Merged>,
    ) -> Result<(), ArchiveError> {
        // Later segments came first: what they hold of an exchange lies over what this one holds.
        let mut here: HashMap<ExchangeId, Merged> = HashMap::new();
        for found in self.entries(epoch, range)? {
            let found = found?;
            let Some(Ok(Entry::Exchange(record))) = found.record().map(|r| serde_json::from_slice(r)) else {
                continue;
            };
            let begun = matches!(record.part, Part::Request | Part::Whole | Part::Opening);
            match here.remove(&record.id) {
                None => {
                    here.insert(
                        record.id,
                        Merged { positions: vec![found.position], begun, record: *record },
                    );
                }
                Some(mut older) => {
                    let mut merged = *record;
                    older.positions.push(found.position);
                    under(&mut merged, older.record);
                    here.insert(
                        merged.id,
                        Merged { positions: older.positions, begun: begun || older.begun, record: merged },
                    );
                }
            }
        }
        for (id, mut older) in here {
            match open.get_mut(&id) {
                None => {
                    open.insert(id, older);
                }
                Some(later) => {
                    older.positions.append(&mut later.positions);
                    later.positions = older.positions;
                    under(&mut later.record, older.record);
                    later.begun |= older.begun;
                }
            }
        }
        Ok(())
    }
}

/// A record is made a little before its group is written, ms.
const SLACK: i64 = 600_000;

fn hit((exchange, m): (ExchangeId, Merged)) -> Hit {
    Hit { exchange, positions: m.positions, record: m.record }
}

fn newest(mut hits: Vec<Hit>, limit: usize) -> Vec<Hit> {
    hits.sort_by(|a, b| b.positions.cmp(&a.positions));
    hits.truncate(limit);
    hits
}
