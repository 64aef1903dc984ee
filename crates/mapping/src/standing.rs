//! What the pool remembers of each mapping, so that one that breaks its bounds cannot starve the others: strikes and rest. Time
//! is handed in.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Strikes without a good message between them after which a mapping rests.
const STRIKES: u32 = 3;
/// The first rest; each further strike doubles it.
const REST: Duration = Duration::from_secs(2);
/// The longest rest.
const LONGEST_REST: Duration = Duration::from_secs(300);
/// Mappings remembered; beyond it those that stand well are forgotten.
const MAX_REMEMBERED: usize = 10_000;

/// How a mapping stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    /// It has broken nothing.
    Free,
    /// It broke its bounds lately: it shares the workers kept for such.
    Suspect,
    /// It rests for so long.
    Resting(Duration),
}

#[derive(Debug, Default, Clone, Copy)]
struct Standing {
    strikes: u32,
    until: Option<Instant>,
}

/// All standings.
#[derive(Debug, Default)]
pub struct Standings {
    by_digest: HashMap<Arc<str>, Standing>,
}

impl Standings {
    /// Whether a message of this mapping may run.
    pub fn admit(&self, digest: &str, now: Instant) -> Admission {
        let standing = self.by_digest.get(digest).copied().unwrap_or_default();
        match standing.until {
            Some(until) if until > now => Admission::Resting(until - now),
            _ if standing.strikes == 0 => Admission::Free,
            _ => Admission::Suspect,
        }
    }

    /// A message was mapped, or refused, within its bounds.
    pub fn good(&mut self, digest: &Arc<str>) {
        self.make_room();
        let standing = self.by_digest.entry(digest.clone()).or_default();
        *standing = Standing { strikes: standing.strikes / 2, until: None };
    }

    /// A message broke the bounds of time or memory.
    pub fn strike(&mut self, digest: &Arc<str>, now: Instant) {
        self.make_room();
        let standing = self.by_digest.entry(digest.clone()).or_default();
        standing.strikes = standing.strikes.saturating_add(1);
        if standing.strikes >= STRIKES {
            let doubled = REST.saturating_mul(1 << (standing.strikes - STRIKES).min(16));
            standing.until = Some(now + doubled.min(LONGEST_REST));
        }
    }

    /// A message was given up before it broke a bound: the machine is busy, or the mapping is slow.
    pub fn doubt(&mut self, digest: &Arc<str>) {
        self.make_room();
        let standing = self.by_digest.entry(digest.clone()).or_default();
        standing.strikes = standing.strikes.max(1);
    }

    fn make_room(&mut self) {
        if self.by_digest.len() >= MAX_REMEMBERED {
            self.by_digest.retain(|_, s| s.strikes > 0);
        }
        if self.by_digest.len() >= MAX_REMEMBERED {
            self.by_digest.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Admission, Arc, Instant, REST, Standings};

    #[test]
    fn a_mapping_that_breaks_its_bounds_three_times_rests_longer_and_longer() {
        let (mut standings, start, digest) = (Standings::default(), Instant::now(), Arc::from("a"));
        assert_eq!(standings.admit(&digest, start), Admission::Free);
        standings.strike(&digest, start);
        standings.strike(&digest, start);
        assert_eq!(standings.admit(&digest, start), Admission::Suspect);
        standings.strike(&digest, start);
        assert_eq!(standings.admit(&digest, start), Admission::Resting(REST));
        assert_eq!(standings.admit(&digest, start + REST), Admission::Suspect);
        standings.strike(&digest, start + REST);
        assert_eq!(standings.admit(&digest, start + REST), Admission::Resting(REST * 2));
        standings.good(&digest);
        standings.good(&digest);
        standings.good(&digest);
        assert_eq!(standings.admit(&digest, start), Admission::Free);
    }

    #[test]
    fn a_mapping_whose_messages_are_given_up_is_suspected_and_never_rests_for_it() {
        let (mut standings, start, digest) = (Standings::default(), Instant::now(), Arc::from("a"));
        for _ in 0..10 {
            standings.doubt(&digest);
        }
        assert_eq!(standings.admit(&digest, start), Admission::Suspect);
        standings.good(&digest);
        assert_eq!(standings.admit(&digest, start), Admission::Free);
    }
}
