//! Which exchanges were received: exact over the window in which a message is acceptable, bounded, and honest about what it cannot know after a start.
//! Not here: idempotency, which is about requests that are meant to be the same.

use crate::bounds::{REMEMBERED_MAX, REMEMBERED_PER_NODE_MAX, REQUEST_SKEW_MAX};
use lgsp_kernel::{ExchangeId, Millis, NodeName, Refusal, fault};
use parking_lot::Mutex;
use std::collections::{BTreeMap, HashMap, HashSet};

/// Exchanges are forgotten by the minute.
const SLOT_SECONDS: i64 = 60;

/// Which node, by number, and which exchange.
type Key = (u32, [u8; 16]);

/// The exchanges received from others.
#[derive(Debug)]
pub struct Replay(Mutex<State>);

#[derive(Debug)]
struct State {
    /// Messages made before this, seconds since 1970, could be repetitions that are not known.
    since: i64,
    nodes: HashMap<NodeName, u32>,
    held: Vec<usize>,
    /// By the minute in which they were made: a dozen minutes at most are acceptable at one time.
    slots: BTreeMap<i64, HashSet<Key>>,
    len: usize,
    max: usize,
    max_per_node: usize,
}

/// An exchange as the log has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remembered {
    /// Who sent the request.
    pub node: NodeName,
    /// The exchange.
    pub exchange: ExchangeId,
    /// When the request was made, by its sender's clock, seconds since 1970.
    pub created: i64,
}

impl Replay {
    /// Knows nothing of messages made before `since` but these.
    pub fn new(since: Millis, known: impl IntoIterator<Item = Remembered>) -> Self {
        Self::bounded(since, known, REMEMBERED_MAX, REMEMBERED_PER_NODE_MAX)
    }

    /// The same with bounds of choice.
    pub fn bounded(
        since: Millis,
        known: impl IntoIterator<Item = Remembered>,
        max: usize,
        max_per_node: usize,
    ) -> Self {
        let mut state = State {
            since: since.seconds(),
            nodes: HashMap::new(),
            held: Vec::new(),
            slots: BTreeMap::new(),
            len: 0,
            max: usize::MAX,
            max_per_node: usize::MAX,
        };
        for r in known {
            let _ = state.take(&r.node, &r.exchange, r.created);
        }
        (state.max, state.max_per_node) = (max, max_per_node);
        Self(Mutex::new(state))
    }

    /// Takes a request that was verified, once.
    pub fn take(
        &self,
        node: &NodeName,
        exchange: &ExchangeId,
        created: i64,
        now: Millis,
    ) -> Result<(), Refusal> {
        let mut state = self.0.lock();
        state.forget(now.seconds());
        if created < state.since {
            return Err(Refusal::new(
                &fault::PEER_RESTARTED,
                "This node has no complete record of what it received when the message was made.",
            )
            .retry_after(1));
        }
        state.take(node, exchange, created)
    }

    /// Forgets a request that did not become durable, so that it had no effect.
    pub fn give_back(&self, node: &NodeName, exchange: &ExchangeId) {
        let mut state = self.0.lock();
        if let Some(number) = state.nodes.get(node).copied() {
            let key = (number, exchange.bytes());
            if state.slots.values_mut().any(|slot| slot.remove(&key)) {
                state.held[number as usize] -= 1;
                state.len -= 1;
            }
        }
    }

    /// How many exchanges are remembered.
    pub fn len(&self) -> usize {
        self.0.lock().len
    }
    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl State {
    fn take(&mut self, node: &NodeName, exchange: &ExchangeId, created: i64) -> Result<(), Refusal> {
        let number = match self.nodes.get(node) {
            Some(n) => *n,
            None => {
                let n = self.held.len() as u32;
                self.nodes.insert(node.clone(), n);
                self.held.push(0);
                n
            }
        };
        let key = (number, exchange.bytes());
        if self.slots.values().any(|slot| slot.contains(&key)) {
            return Err(Refusal::new(
                &fault::PEER_REPLAY,
                format!("The exchange {exchange} was received before."),
            ));
        }
        if self.len >= self.max || self.held[number as usize] >= self.max_per_node {
            return Err(
                Refusal::new(&fault::OVERLOADED, "Too many exchanges in a short time.").retry_after(5)
            );
        }
        self.slots.entry(created.div_euclid(SLOT_SECONDS)).or_default().insert(key);
        self.held[number as usize] += 1;
        self.len += 1;
        Ok(())
    }

    /// Drops what is too old to be accepted again, and from then on refuses what is as old, whatever the clock says later.
    fn forget(&mut self, now: i64) {
        while let Some((&slot, _)) = self.slots.first_key_value() {
            let end = (slot + 1) * SLOT_SECONDS;
            if end + REQUEST_SKEW_MAX >= now {
                return;
            }
            for key in self.slots.remove(&slot).unwrap_or_default() {
                self.held[key.0 as usize] -= 1;
                self.len -= 1;
            }
            self.since = self.since.max(end);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Remembered, Replay};
    use lgsp_kernel::{ExchangeId, Millis, NodeName, fault};

    fn node(name: &str) -> NodeName {
        NodeName::new(name).unwrap()
    }
    fn id(n: u8) -> ExchangeId {
        ExchangeId::at(Millis(0), [n; 10])
    }
    const NOW: Millis = Millis(1_000_000_000);

    #[test]
    fn an_exchange_of_a_node_is_taken_once_and_another_nodes_is_another() {
        let replay = Replay::new(Millis(0), []);
        assert!(replay.take(&node("a"), &id(1), NOW.seconds(), NOW).is_ok());
        let again = replay.take(&node("a"), &id(1), NOW.seconds() + 1, NOW).unwrap_err();
        assert_eq!(again.kind, &fault::PEER_REPLAY);
        assert!(replay.take(&node("b"), &id(1), NOW.seconds(), NOW).is_ok());
    }

    #[test]
    fn what_was_read_back_is_a_repetition_and_what_is_older_cannot_be_known() {
        let known = Remembered { node: node("a"), exchange: id(1), created: NOW.seconds() };
        let replay = Replay::new(NOW, [known]);
        let again = replay.take(&node("a"), &id(1), NOW.seconds(), NOW).unwrap_err();
        assert_eq!(again.kind, &fault::PEER_REPLAY);
        let older = replay.take(&node("a"), &id(2), NOW.seconds() - 1, NOW).unwrap_err();
        assert_eq!(older.kind, &fault::PEER_RESTARTED);
    }

    #[test]
    fn memory_ends_with_the_window_and_a_clock_put_back_does_not_open_it_again() {
        let replay = Replay::new(Millis(0), []);
        replay.take(&node("a"), &id(1), NOW.seconds(), NOW).unwrap();
        let later = NOW.plus_seconds(600);
        replay.take(&node("a"), &id(2), later.seconds(), later).unwrap();
        assert_eq!(replay.len(), 1);
        let back = replay.take(&node("a"), &id(1), NOW.seconds(), NOW).unwrap_err();
        assert_eq!(back.kind, &fault::PEER_RESTARTED);
    }

    #[test]
    fn what_had_no_effect_may_come_again_once() {
        let replay = Replay::bounded(Millis(0), [], 10, 2);
        for _ in 0..5 {
            replay.take(&node("a"), &id(1), NOW.seconds(), NOW).unwrap();
            replay.give_back(&node("a"), &id(1));
            replay.give_back(&node("a"), &id(1));
        }
        assert!(replay.is_empty());
        replay.take(&node("a"), &id(1), NOW.seconds() - 100, NOW).unwrap();
        let again = replay.take(&node("a"), &id(1), NOW.seconds() + 100, NOW).unwrap_err();
        assert_eq!(again.kind, &fault::PEER_REPLAY);
    }

    #[test]
    fn a_flooding_node_does_not_use_up_the_room_of_the_others() {
        let replay = Replay::bounded(Millis(0), [], 10, 4);
        for n in 0..4 {
            replay.take(&node("a"), &id(n), NOW.seconds(), NOW).unwrap();
        }
        let full = replay.take(&node("a"), &id(9), NOW.seconds(), NOW).unwrap_err();
        assert_eq!(full.kind, &fault::OVERLOADED);
        assert!(replay.take(&node("b"), &id(9), NOW.seconds(), NOW).is_ok());
    }
}
