//! Revoked tokens that have not expired, by name (RFC 7009). A copy in memory of what the store keeps, so that a call never waits
//! for the store; other processes' revocations arrive with `Identity::maintain`.

use lgsp_kernel::Millis;
use parking_lot::RwLock;
use std::collections::HashMap;
use uuid::Uuid;

/// The names of revoked tokens, with the time after which each may be forgotten.
#[derive(Debug, Default)]
pub struct Denylist {
    until: RwLock<HashMap<Uuid, Millis>>,
}

impl Denylist {
    /// Whether this token was revoked.
    pub fn contains(&self, jti: &Uuid) -> bool {
        self.until.read().contains_key(jti)
    }
    /// Adds a token.
    pub fn add(&self, jti: Uuid, until: Millis) {
        self.until.write().insert(jti, until);
    }
    /// Adds what others revoked and forgets what has expired; whether anything is new.
    pub fn merge(&self, revoked: impl Iterator<Item = (Uuid, Millis)>, now: Millis) -> bool {
        let mut list = self.until.write();
        let mut news = false;
        for (jti, until) in revoked.filter(|(_, until)| now < *until) {
            news |= list.insert(jti, until).is_none();
        }
        list.retain(|_, until| now < *until);
        news
    }
    /// How many are listed.
    pub fn len(&self) -> usize {
        self.until.read().len()
    }
}
