//! Rate limits of grants: a bucket each, kept across snapshots while what is declared stays the same.

use governor::clock::{Clock as _, Reference};
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};
use lgsp_kernel::model::RateSpec;
use lgsp_kernel::snapshot::Grant;
use lgsp_kernel::{Clock, GrantId};
use parking_lot::RwLock;
use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Buckets kept; beyond it those of grants that no longer exist make room.
const BUCKETS_MAX: usize = 200_000;

/// Time that never goes back: the machine's monotonic clock, or a test's hand.
#[derive(Debug, Clone)]
struct Steady {
    origin: Instant,
    clock: Clock,
}

impl governor::clock::Clock for Steady {
    type Instant = Nanos;
    fn now(&self) -> Nanos {
        match &self.clock {
            Clock::System => Nanos::from(self.origin.elapsed()),
            Clock::Manual(_) => Nanos::from(Duration::from_millis(self.clock.now().0.max(0).unsigned_abs())),
        }
    }
}

type Limiter = RateLimiter<NotKeyed, InMemoryState, Steady, NoOpMiddleware<Nanos>>;

struct Bucket {
    spec: RateSpec,
    limiter: Limiter,
}

/// The buckets of all grants with a rate.
pub(crate) struct Rates {
    clock: Steady,
    buckets: RwLock<HashMap<GrantId, Arc<Bucket>>>,
}

impl Rates {
    pub fn new(clock: Clock) -> Self {
        Self { clock: Steady { origin: Instant::now(), clock }, buckets: RwLock::default() }
    }

    /// Takes a call out of the grant's bucket, or says after how many seconds there will be one.
    pub fn take(&self, grant: &Grant, rate: RateSpec) -> Result<(), u32> {
        let known = self.buckets.read().get(grant.spec.id.as_str()).filter(|b| b.spec == rate).cloned();
        let bucket = known.unwrap_or_else(|| self.fresh(grant, rate));
        bucket.limiter.check().map_err(|not_until| {
            let wait = not_until.earliest_possible().duration_since(self.clock.now());
            u32::try_from(wait.as_u64().div_ceil(1_000_000_000)).unwrap_or(u32::MAX).max(1)
        })
    }

    fn fresh(&self, grant: &Grant, rate: RateSpec) -> Arc<Bucket> {
        let positive = |n: u32| NonZeroU32::new(n).unwrap_or(NonZeroU32::MIN);
        let quota = Quota::per_second(positive(rate.per_second))
            .allow_burst(positive(rate.burst.unwrap_or(rate.per_second)));
        let limiter = RateLimiter::direct_with_clock(quota, self.clock.clone());
        let bucket = Arc::new(Bucket { spec: rate, limiter });
        let mut buckets = self.buckets.write();
        if let Some(other) = buckets.get(grant.spec.id.as_str()).filter(|b| b.spec == rate) {
            return other.clone();
        }
        if buckets.len() >= BUCKETS_MAX {
            // Rare: so many grants at once do not exist. A full bucket for some of them is the lesser harm.
            buckets.clear();
        }
        buckets.insert(grant.spec.id.clone(), bucket.clone());
        bucket
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::Rates;
    use lgsp_kernel::model::{GrantSpec, RateSpec};
    use lgsp_kernel::snapshot::Grant;
    use lgsp_kernel::{Clock, Millis};

    fn grant() -> Grant {
        let spec: GrantSpec = serde_json::from_value(serde_json::json!({
            "id": "g", "consumer": "a", "service": "b", "operations": ["*"], "purpose": "p", "legal_basis": "l"
        }))
        .unwrap();
        Grant { spec, rules: Vec::new() }
    }

    #[test]
    fn a_burst_passes_and_the_bucket_refills_with_time() {
        let clock = Clock::manual(Millis(1_000_000));
        let (rates, grant) = (Rates::new(clock.clone()), grant());
        let rate = RateSpec { per_second: 2, burst: Some(3) };
        for _ in 0..3 {
            assert_eq!(rates.take(&grant, rate), Ok(()));
        }
        assert_eq!(rates.take(&grant, rate), Err(1));
        clock.advance(500);
        assert_eq!(rates.take(&grant, rate), Ok(()));
        assert_eq!(rates.take(&grant, rate), Err(1));
    }

    #[test]
    fn another_rate_begins_a_new_bucket() {
        let (rates, grant) = (Rates::new(Clock::manual(Millis(5))), grant());
        let slow = RateSpec { per_second: 1, burst: None };
        assert!(rates.take(&grant, slow).is_ok() && rates.take(&grant, slow).is_err());
        assert!(rates.take(&grant, RateSpec { per_second: 5, burst: None }).is_ok());
    }
}
