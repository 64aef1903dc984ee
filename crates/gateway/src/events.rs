//! Security events: refusals of callers that nobody could name. They are not exchanges, anyone can cause any number of them, so they
//! are sampled per kind and network, kept in a ring of fixed size, and counted where they are left out. The node drains the ring into the store.

use lgsp_kernel::{ExchangeId, Millis};
use parking_lot::Mutex;
use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::sync::Arc;

/// Events that wait for the node at most.
const RING_MAX: usize = 4096;
/// Events of one kind from one network: at once, and then one a so many milliseconds.
const BURST: u32 = 10;
const ONE_EVERY_MS: i64 = 6_000;
/// Pairs of kind and network that are told apart at once.
const SOURCES_MAX: usize = 8192;
/// Longest detail kept, characters.
const DETAIL_MAX: usize = 200;

/// Something that happened before anyone was identified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecurityEvent {
    /// When.
    pub at: Millis,
    /// The refusal's code, or `token.<error>` for the token endpoint.
    pub kind: String,
    /// The address it came from.
    pub source: String,
    /// What the caller was told, shortened.
    pub detail: String,
    /// The exchange id that the caller was given.
    pub exchange: Option<ExchangeId>,
    /// How many events of this kind and network were left out since the last one kept.
    pub left_out: u64,
}

/// The ring; clones share it.
#[derive(Debug, Clone, Default)]
pub struct SecurityEvents(Arc<Mutex<Inner>>);

#[derive(Debug, Default)]
struct Inner {
    ring: VecDeque<SecurityEvent>,
    sources: HashMap<(&'static str, IpAddr), Bucket>,
    dropped: u64,
}

#[derive(Debug, Clone, Copy)]
struct Bucket {
    left: u32,
    refilled: Millis,
    left_out: u64,
}

impl SecurityEvents {
    /// An empty ring.
    pub fn new() -> Self {
        Self::default()
    }

    /// Notes an event, unless too many like it were noted just now.
    pub fn note(
        &self,
        at: Millis,
        kind: &'static str,
        source: IpAddr,
        detail: &str,
        exchange: Option<ExchangeId>,
    ) {
        let mut inner = self.0.lock();
        let Some(left_out) = inner.admit(at, kind, network(source)) else {
            inner.dropped += 1;
            return;
        };
        if inner.ring.len() >= RING_MAX {
            inner.ring.pop_front();
            inner.dropped += 1;
        }
        let detail = detail.chars().take(DETAIL_MAX).collect();
        let source = source.to_canonical().to_string();
        inner.ring.push_back(SecurityEvent { at, kind: kind.into(), source, detail, exchange, left_out });
    }

    /// Takes out what waits.
    pub fn drain(&self) -> Vec<SecurityEvent> {
        self.0.lock().ring.drain(..).collect()
    }

    /// How many were left out since the start, by sampling or for want of room.
    pub fn dropped(&self) -> u64 {
        self.0.lock().dropped
    }
}

impl Inner {
    /// `Some` with how many were left out before, if this one is kept.
    fn admit(&mut self, at: Millis, kind: &'static str, network: IpAddr) -> Option<u64> {
        if self.sources.len() >= SOURCES_MAX && !self.sources.contains_key(&(kind, network)) {
            self.sources.retain(|_, b| at.0 - b.refilled.0 < ONE_EVERY_MS * i64::from(BURST));
            if self.sources.len() >= SOURCES_MAX {
                return None;
            }
        }
        let fresh = Bucket { left: BURST, refilled: at, left_out: 0 };
        let bucket = self.sources.entry((kind, network)).or_insert(fresh);
        let due = (at.0 - bucket.refilled.0).max(0) / ONE_EVERY_MS;
        if due > 0 {
            bucket.left = BURST.min(bucket.left.saturating_add(u32::try_from(due).unwrap_or(BURST)));
            bucket.refilled = Millis(bucket.refilled.0 + due * ONE_EVERY_MS);
        }
        if bucket.left == 0 {
            bucket.left_out += 1;
            return None;
        }
        bucket.left -= 1;
        Some(std::mem::take(&mut bucket.left_out))
    }
}

/// The network that shares a sample: /24 of IPv4, /56 of IPv6.
fn network(source: IpAddr) -> IpAddr {
    match source.to_canonical() {
        IpAddr::V4(v4) => IpAddr::V4((u32::from(v4) & 0xFFFF_FF00).into()),
        IpAddr::V6(v6) => IpAddr::V6((u128::from(v6) & !((1u128 << 72) - 1)).into()),
    }
}

#[cfg(test)]
mod tests {
    use super::{BURST, ONE_EVERY_MS, RING_MAX, SOURCES_MAX, SecurityEvents};
    use lgsp_kernel::Millis;
    use std::net::{IpAddr, Ipv4Addr};

    fn ip(n: u32) -> IpAddr {
        IpAddr::V4(Ipv4Addr::from(n))
    }

    #[test]
    fn a_flood_leaves_a_sample_and_a_count() {
        let events = SecurityEvents::new();
        for i in 0..1000 {
            events.note(Millis(0), "identify.token", ip(0x0A00_0000 + i % 200), "no", None);
        }
        assert_eq!(events.drain().len(), BURST as usize);
        assert_eq!(events.dropped(), 990);
        events.note(Millis(ONE_EVERY_MS), "identify.token", ip(0x0A00_0001), "no", None);
        assert_eq!(events.drain()[0].left_out, 990);
        events.note(Millis(0), "identify.none", ip(0x0A00_0001), "another kind", None);
        events.note(Millis(0), "identify.token", ip(0x0B00_0001), "another network", None);
        assert_eq!(events.drain().len(), 2);
    }

    #[test]
    fn memory_is_bounded_whatever_comes() {
        let events = SecurityEvents::new();
        for i in 0..20_000u32 {
            events.note(Millis(0), "identify.token", ip(i << 8), "no", None);
        }
        assert_eq!(events.drain().len(), RING_MAX);
        assert!(events.0.lock().sources.len() <= SOURCES_MAX);
    }
}
