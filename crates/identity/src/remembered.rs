//! Verified tokens, remembered by their SHA-256 so that a signature is checked once and not on every call. A remembered token names a
//! credential; whether that credential is still good is looked up in the snapshot on every call, so nothing here delays a
//! revocation. Sharded: readers of different tokens do not meet, readers of one token share a read lock.

use lgsp_kernel::snapshot::Digest;
use lgsp_kernel::{CredentialId, Millis};
use parking_lot::RwLock;
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Arc;
use uuid::Uuid;

const SHARDS: usize = 64;

/// What is remembered of a verified token.
#[derive(Debug, Clone)]
pub struct Remembered {
    /// The credential that asked for it.
    pub credential: CredentialId,
    /// The credential's stamp when the token was verified: under another one it is verified again.
    pub stamp: u64,
    /// When it expires.
    pub expires: Millis,
    /// Its name.
    pub jti: Uuid,
    /// The certificate it is bound to.
    pub bound_to: Option<Digest>,
}

/// SHA-256 is already spread evenly, and only tokens that we signed are inserted, so nobody can choose colliding keys: eight of its
/// bytes are the hash.
#[derive(Default)]
struct FirstBytes(u64);

impl Hasher for FirstBytes {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        if let Some(first) = bytes.first_chunk::<8>() {
            self.0 = u64::from_le_bytes(*first);
        }
    }
}

type Shard = RwLock<HashMap<Digest, Arc<Remembered>, BuildHasherDefault<FirstBytes>>>;

/// A bounded memory of verified tokens.
pub struct RememberedTokens {
    shards: Vec<Shard>,
    shard_max: usize,
}

impl RememberedTokens {
    /// Room for about this many tokens.
    pub fn new(max: usize) -> Self {
        let shards = (0..SHARDS).map(|_| Shard::default()).collect();
        Self { shards, shard_max: max.div_ceil(SHARDS) }
    }

    fn shard(&self, key: &Digest) -> &Shard {
        // Byte 31 is not among those that place the entry within its shard.
        &self.shards[usize::from(key[31]) % SHARDS]
    }

    /// What is remembered of the token with this digest.
    pub fn get(&self, key: &Digest) -> Option<Arc<Remembered>> {
        self.shard(key).read().get(key).cloned()
    }

    /// Remembers a token. A full shard first loses what has expired, then an eighth of itself: forgetting costs one verification.
    pub fn insert(&self, key: Digest, token: Remembered, now: Millis) {
        if self.shard_max == 0 {
            return;
        }
        let mut shard = self.shard(&key).write();
        if shard.len() >= self.shard_max {
            shard.retain(|_, t| now < t.expires);
        }
        if shard.len() >= self.shard_max {
            let spare = self.shard_max.div_ceil(8);
            let victims: Vec<Digest> = shard.keys().take(spare).copied().collect();
            for victim in victims {
                shard.remove(&victim);
            }
        }
        shard.insert(key, Arc::new(token));
    }

    /// Forgets one token.
    pub fn remove(&self, key: &Digest) {
        self.shard(key).write().remove(key);
    }

    /// Keeps only what the given rule wants kept. One shard is locked at a time.
    pub fn retain(&self, keep: impl Fn(&Remembered) -> bool) {
        for shard in &self.shards {
            shard.write().retain(|_, t| keep(t));
        }
    }

    /// How many are remembered.
    pub fn len(&self) -> usize {
        self.shards.iter().map(|s| s.read().len()).sum()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::{Remembered, RememberedTokens};
    use aws_lc_rs::digest::{SHA256, digest};
    use lgsp_kernel::{CredentialId, Millis};
    use uuid::Uuid;

    fn key(n: u32) -> [u8; 32] {
        digest(&SHA256, &n.to_le_bytes()).as_ref().try_into().unwrap()
    }
    fn token(expires: i64) -> Remembered {
        let credential = CredentialId::new("c").unwrap();
        Remembered { credential, stamp: 1, expires: Millis(expires), jti: Uuid::nil(), bound_to: None }
    }

    #[test]
    fn the_memory_never_holds_more_than_its_bound_and_loses_the_expired_first() {
        let memory = RememberedTokens::new(640);
        for n in 0..10_000 {
            memory.insert(
                key(n),
                token(if n < 100 { 2_000 } else { 50 }),
                Millis(if n < 100 { 0 } else { 100 }),
            );
            assert!(memory.len() <= 640);
            assert!(memory.get(&key(n)).is_some(), "the newest is always remembered");
        }
        let kept = (0..100).filter(|n| memory.get(&key(*n)).is_some()).count();
        assert!(kept > 80, "live tokens outlast expired ones: {kept} of 100");
    }

    #[test]
    fn a_memory_without_room_remembers_nothing() {
        let memory = RememberedTokens::new(0);
        memory.insert(key(1), token(10), Millis(0));
        assert_eq!(memory.len(), 0);
    }
}
