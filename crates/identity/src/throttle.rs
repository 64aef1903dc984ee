//! Slows down guessing of client secrets at `POST /token`. Only failures count: a bucket for a client at an address, and a wider one for
//! the address alone (an IPv6 address counts by its /64). A client id alone has none, or anyone could lock a system out
//! by guessing at its secret from elsewhere. Bounded in memory; not shared between processes.

use lgsp_kernel::Millis;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};
use std::net::{IpAddr, Ipv6Addr};

/// Failures in a row that a client may make from one address.
pub const CLIENT_FAILURES: i64 = 10;
/// One more is forgiven every so many milliseconds.
const CLIENT_FORGIVEN_MS: i64 = 30_000;
/// Failures in a row from one address, which may be a whole province behind address translation.
pub const ADDRESS_FAILURES: i64 = 100;
/// One more is forgiven every so many milliseconds.
const ADDRESS_FORGIVEN_MS: i64 = 3_000;
/// Buckets that are kept at most.
const BUCKETS_MAX: usize = 16_384;

/// Remembers failures.
pub struct Throttle {
    keys: RandomState,
    /// When each bucket will be empty again.
    buckets: Mutex<HashMap<u64, Millis>>,
}

#[derive(Clone, Copy)]
struct Bucket {
    key: u64,
    size: i64,
    forgiven_ms: i64,
}

impl Default for Throttle {
    fn default() -> Self {
        Self { keys: RandomState::new(), buckets: Mutex::new(HashMap::new()) }
    }
}

impl Throttle {
    fn buckets_of(&self, client: &str, address: Option<IpAddr>) -> [Bucket; 2] {
        let network = address.map(|a| match a.to_canonical() {
            IpAddr::V6(a) => IpAddr::V6(Ipv6Addr::from_bits(a.to_bits() & !u128::from(u64::MAX))),
            v4 => v4,
        });
        [
            Bucket {
                key: self.keys.hash_one((0u8, client, network)),
                size: CLIENT_FAILURES,
                forgiven_ms: CLIENT_FORGIVEN_MS,
            },
            Bucket {
                key: self.keys.hash_one((1u8, network)),
                size: ADDRESS_FAILURES,
                forgiven_ms: ADDRESS_FORGIVEN_MS,
            },
        ]
    }

    /// Whether this client at this address may try; otherwise the seconds after which it may.
    pub fn check(&self, client: &str, address: Option<IpAddr>, now: Millis) -> Result<(), u32> {
        let buckets = self.buckets.lock();
        let wait = self.buckets_of(client, address).into_iter().filter_map(|b| {
            let empty_at = buckets.get(&b.key)?;
            let over = empty_at.0 - now.0 - (b.size - 1) * b.forgiven_ms;
            (over > 0).then_some(over)
        });
        match wait.max() {
            None => Ok(()),
            Some(millis) => Err(u32::try_from((millis + 999) / 1000).unwrap_or(u32::MAX)),
        }
    }

    /// Counts a failure.
    pub fn failed(&self, client: &str, address: Option<IpAddr>, now: Millis) {
        let mut buckets = self.buckets.lock();
        for bucket in self.buckets_of(client, address) {
            if buckets.len() >= BUCKETS_MAX && !buckets.contains_key(&bucket.key) {
                make_room(&mut buckets, now);
            }
            let empty_at = buckets.entry(bucket.key).or_insert(now);
            empty_at.0 = empty_at.0.max(now.0) + bucket.forgiven_ms;
        }
    }
}

/// Drops what is forgiven anyway, then an eighth of the rest, whichever comes.
fn make_room(buckets: &mut HashMap<u64, Millis>, now: Millis) {
    buckets.retain(|_, empty_at| now < *empty_at);
    if buckets.len() >= BUCKETS_MAX {
        let victims: Vec<u64> = buckets.keys().take(BUCKETS_MAX / 8).copied().collect();
        for victim in victims {
            buckets.remove(&victim);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::{BUCKETS_MAX, CLIENT_FAILURES, Throttle};
    use lgsp_kernel::Millis;
    use std::net::IpAddr;

    fn address(text: &str) -> Option<IpAddr> {
        Some(text.parse().unwrap())
    }

    #[test]
    fn after_ten_failures_a_client_waits_and_others_do_not() {
        let throttle = Throttle::default();
        let (here, there, now) = (address("10.0.0.1"), address("10.0.0.2"), Millis(1_000_000));
        for _ in 0..CLIENT_FAILURES {
            assert_eq!(throttle.check("a", here, now), Ok(()));
            throttle.failed("a", here, now);
        }
        let wait = throttle.check("a", here, now).unwrap_err();
        assert_eq!(wait, 30);
        assert_eq!(throttle.check("b", here, now), Ok(()), "another client of the same address");
        assert_eq!(throttle.check("a", there, now), Ok(()), "the same client elsewhere");
        assert_eq!(throttle.check("a", here, now.plus_seconds(i64::from(wait))), Ok(()));
    }

    #[test]
    fn an_address_that_tries_many_clients_waits_too_and_ipv6_counts_by_network() {
        let throttle = Throttle::default();
        let now = Millis(1_000_000);
        for n in 0..100 {
            throttle.failed(&format!("guess{n}"), address(&format!("2001:db8::{n:x}")), now);
        }
        assert!(throttle.check("fresh", address("2001:db8::ffff"), now).is_err());
        assert!(throttle.check("fresh", address("2001:db8:0:1::1"), now).is_ok());
    }

    #[test]
    fn memory_is_bounded() {
        let throttle = Throttle::default();
        for n in 0..3 * BUCKETS_MAX {
            throttle.failed(&format!("c{n}"), address("10.0.0.1"), Millis(5));
        }
        assert!(throttle.buckets.lock().len() <= BUCKETS_MAX);
    }
}
