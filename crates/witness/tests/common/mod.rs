//! What the tests of witnesses share: logs whose trees are in memory, so that one can fork.
#![allow(dead_code, clippy::unwrap_used)]

use lgsp_evidence::hash::{self, Hash};
use lgsp_evidence::tree::{consistency_proof, root_of};
use lgsp_evidence::{Checkpoint, LogKey, Verifier};
use lgsp_kernel::{Clock, Millis};
use lgsp_witness::{Logs, Owner, OwnerError};
use parking_lot::Mutex;
use std::convert::Infallible;
use std::sync::Arc;

pub const NODE: &str = "tinh-a";
pub const NOW: Millis = Millis(1_790_000_000_000);

pub fn key() -> LogKey {
    LogKey::for_node(NODE, [7; 32])
}
pub fn origin() -> String {
    format!("lgsp/{NODE}/log/1")
}
pub fn clock() -> Clock {
    Clock::manual(NOW)
}
/// Knows the one log.
pub fn logs() -> Logs {
    Arc::new(|origin: &str| {
        let known = origin.starts_with("lgsp/tinh-a/log/");
        known.then(|| Verifier::parse(&key().verifier()).unwrap()).into_iter().collect()
    })
}

/// The leaves of a log; another branch differs from a point on.
#[derive(Clone)]
pub struct Tree(Vec<Hash>);

impl Tree {
    pub fn new(size: u64) -> Self {
        Self((0..size).map(|i| hash::leaf(&i.to_be_bytes())).collect())
    }
    pub fn forked(size: u64, at: u64) -> Self {
        let mut tree = Self::new(size);
        tree.0[at as usize..].iter_mut().for_each(|h| h.0[0] ^= 1);
        tree
    }
    pub fn root(&self, size: u64) -> Hash {
        root_of(&self.0[..size as usize])
    }
    pub fn checkpoint(&self, size: u64) -> Checkpoint {
        self.of(&origin(), size)
    }
    pub fn of(&self, origin: &str, size: u64) -> Checkpoint {
        key().sign(origin, size, self.root(size)).unwrap()
    }
    pub fn proof(&self, old: u64, new: u64) -> Vec<Hash> {
        let mut full = |level: u32, n: u64| -> Result<Hash, Infallible> {
            Ok(root_of(&self.0[(n << level) as usize..((n + 1) << level) as usize]))
        };
        if old == 0 || old == new { Vec::new() } else { consistency_proof(old, new, &mut full).unwrap() }
    }
    pub fn len(&self) -> u64 {
        self.0.len() as u64
    }
}

/// The owner of a log, who shows one tree of it, lies, or is away.
pub struct Shows {
    pub tree: Mutex<Tree>,
    pub away: Mutex<bool>,
    pub asked: Mutex<u64>,
}

impl Shows {
    pub fn new(tree: &Tree) -> Self {
        Self { tree: Mutex::new(tree.clone()), away: Mutex::new(false), asked: Mutex::new(0) }
    }
}

impl Owner for Shows {
    async fn consistency(&self, _: &str, old: u64, new: u64) -> Result<Vec<Hash>, OwnerError> {
        *self.asked.lock() += 1;
        if *self.away.lock() {
            return Err(OwnerError::Away("refused".into()));
        }
        let tree = self.tree.lock();
        if new > tree.len() {
            return Err(OwnerError::Refused("there are not as many entries".into()));
        }
        Ok(tree.proof(old, new))
    }
}
