//! Daily quotas: how many calls of a grant have passed `limit` today (UTC+7). Exact within one process. What changed is handed
//! to the node, which keeps it; what the node has kept is loaded at start.

use lgsp_kernel::{GrantId, Millis};
use parking_lot::RwLock;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

/// Bits of a counter that hold the calls; the day stands above them. 2^40 calls a day are enough for anyone.
const USED_BITS: u32 = 40;
const USED_MASK: u64 = (1 << USED_BITS) - 1;

/// The counters of all grants with a quota.
#[derive(Debug, Clone, Default)]
pub struct QuotaLedger(Arc<RwLock<HashMap<GrantId, Arc<Counter>>>>);

/// One grant's day and calls, in one word so that midnight and a call cannot cross.
#[derive(Debug, Default)]
struct Counter {
    day_and_used: AtomicU64,
    dirty: AtomicBool,
}

fn pack(day: u64, used: u64) -> u64 {
    day << USED_BITS | used.min(USED_MASK)
}

impl QuotaLedger {
    /// No call counted yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Counts a call. `Ok` with what is left today, `Err` with the seconds until midnight (UTC+7).
    pub fn charge(&self, grant: &GrantId, quota: u64, now: Millis) -> Result<u64, u32> {
        let known = self.0.read().get(grant.as_str()).cloned();
        let counter = known.unwrap_or_else(|| self.0.write().entry(grant.clone()).or_default().clone());
        let today = u64::try_from(now.local_day()).unwrap_or(0);
        let mut seen = counter.day_and_used.load(Relaxed);
        loop {
            // A clock set back must not give a day's quota twice: the later day stays.
            let day = today.max(seen >> USED_BITS);
            let used = if seen >> USED_BITS == day { seen & USED_MASK } else { 0 };
            if used >= quota {
                return Err(until_midnight(now));
            }
            match counter.day_and_used.compare_exchange_weak(seen, pack(day, used + 1), Relaxed, Relaxed) {
                Ok(_) => {
                    counter.dirty.store(true, Relaxed);
                    return Ok(quota - used - 1);
                }
                Err(other) => seen = other,
            }
        }
    }

    /// Takes over what was kept: grant, day, calls. A count that is already higher stays.
    pub fn load(&self, rows: impl IntoIterator<Item = (GrantId, i64, u64)>) {
        let mut counters = self.0.write();
        for (grant, day, used) in rows {
            let kept = pack(u64::try_from(day).unwrap_or(0), used);
            counters.entry(grant).or_default().day_and_used.fetch_max(kept, Relaxed);
        }
    }

    /// What changed since the last time, to be kept: grant, day, calls.
    pub fn drain_dirty(&self) -> Vec<(GrantId, i64, u64)> {
        let counters = self.0.read();
        let dirty = counters.iter().filter(|(_, c)| c.dirty.swap(false, Relaxed));
        dirty
            .map(|(grant, c)| {
                let seen = c.day_and_used.load(Relaxed);
                (grant.clone(), i64::try_from(seen >> USED_BITS).unwrap_or(0), seen & USED_MASK)
            })
            .collect()
    }

    /// Forgets counters of days before today, so that the ledger does not grow with grants that came and went.
    pub fn forget_past(&self, now: Millis) {
        let today = u64::try_from(now.local_day()).unwrap_or(0);
        self.0
            .write()
            .retain(|_, c| c.day_and_used.load(Relaxed) >> USED_BITS >= today || c.dirty.load(Relaxed));
    }
}

fn until_midnight(now: Millis) -> u32 {
    let next = (now.local_day() + 1) * 86_400_000 - 7 * 3_600_000;
    u32::try_from((next - now.0).div_euclid(1000) + 1).unwrap_or(86_400)
}

#[cfg(test)]
mod tests {
    use super::QuotaLedger;
    use lgsp_kernel::{GrantId, Millis};

    fn grant() -> GrantId {
        GrantId::new("g").expect("name")
    }
    fn at(text: &str) -> Millis {
        Millis::parse(text).expect("time")
    }

    #[test]
    fn a_quota_is_used_up_to_the_call_and_returns_at_local_midnight() {
        let (ledger, evening) = (QuotaLedger::new(), at("2026-03-01T23:59:59+07:00"));
        assert_eq!(ledger.charge(&grant(), 2, evening), Ok(1));
        assert_eq!(ledger.charge(&grant(), 2, evening), Ok(0));
        assert_eq!(ledger.charge(&grant(), 2, evening), Err(2));
        assert_eq!(ledger.charge(&grant(), 2, at("2026-03-02T00:00:00+07:00")), Ok(1));
    }

    #[test]
    fn what_was_kept_counts_and_only_changes_are_handed_out() {
        let (ledger, noon) = (QuotaLedger::new(), at("2026-03-01T12:00:00+07:00"));
        ledger.load([(grant(), noon.local_day(), 4)]);
        assert!(ledger.drain_dirty().is_empty());
        assert_eq!(ledger.charge(&grant(), 5, noon), Ok(0));
        assert_eq!(ledger.drain_dirty(), vec![(grant(), noon.local_day(), 5)]);
        assert!(ledger.charge(&grant(), 5, noon).is_err());
        assert!(ledger.drain_dirty().is_empty(), "a refused call is not counted");
        ledger.forget_past(noon.plus_seconds(86_400));
        assert_eq!(ledger.charge(&grant(), 5, noon.plus_seconds(86_400)), Ok(4));
    }

    #[test]
    fn a_clock_set_back_gives_no_second_quota() {
        let (ledger, day) = (QuotaLedger::new(), at("2026-03-02T00:00:01+07:00"));
        assert_eq!(ledger.charge(&grant(), 1, day), Ok(0));
        assert!(ledger.charge(&grant(), 1, day.plus_seconds(-10)).is_err());
    }

    #[test]
    fn calls_from_many_threads_are_counted_exactly() {
        let (ledger, now) = (QuotaLedger::new(), at("2026-03-01"));
        let passed: usize = std::thread::scope(|s| {
            let threads: Vec<_> = (0..4)
                .map(|_| s.spawn(|| (0..1000).filter(|_| ledger.charge(&grant(), 2500, now).is_ok()).count()))
                .collect();
            threads.into_iter().map(|t| t.join().expect("thread")).sum()
        });
        assert_eq!(passed, 2500);
    }
}
