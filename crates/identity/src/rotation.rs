//! Upkeep, once at start and every few seconds after: signing keys of all processes of the node, their rotation, revoked tokens.
//! Of two
//! processes that rotate at the same moment, one does and the other takes its key over.

use crate::config::{LEEWAY_SECONDS, PUBLISH_AHEAD_SECONDS};
use crate::identity::{Identity, IdentityError};
use crate::keys::{KeyRing, SigningKey};
use lgsp_kernel::Millis;
use lgsp_store::{RevokedToken, SigningKey as Row};
use std::sync::Arc;
use uuid::Uuid;

/// Why keys are changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rotation {
    /// In good order: the new key is published now and signs ten minutes later; tokens of the old ones stay good until they expire.
    Orderly,
    /// A key may have leaked: the new key signs at once, and tokens of the old ones are refused, here now and in the node's other
    /// processes with their next upkeep.
    Compromised,
}

impl Identity {
    /// Brings this process up to date with the store, makes a key where one is due, and forgets what has expired. The caller decides
    /// how often; every five seconds is meant. After a failure, what is in memory stays in use.
    pub async fn maintain(&self) -> Result<(), IdentityError> {
        let now = self.clock.now();
        let newest = self.refresh_keys(now).await?;
        if self.key_is_due(now) {
            self.rotate_after(newest.as_deref(), Rotation::Orderly).await?;
        }
        self.refresh_denylist(now).await?;
        self.remembered.retain(|t| now < t.expires);
        Ok(())
    }

    /// Makes a new signing key; whether it was this process that did: another one may have been first, whose key is then taken over.
    pub async fn rotate(&self, why: Rotation) -> Result<bool, IdentityError> {
        let newest = self.refresh_keys(self.clock.now()).await?;
        self.rotate_after(newest.as_deref(), why).await
    }

    /// Rotates, unless another key than the one this was decided on is the newest by now.
    async fn rotate_after(&self, newest: Option<&str>, why: Rotation) -> Result<bool, IdentityError> {
        let now = self.clock.now();
        let (key, pkcs8) = SigningKey::generate(now)?;
        let kid = key.kid().to_owned();
        let sealed = self.vault.seal(&place(&kid), pkcs8.expose());
        let sealed = sealed.map_err(|why| IdentityError::Sealed { kid: kid.clone(), why })?;
        let next = Row { kid: kid.clone(), alg: "ES256".into(), sealed, created_at: now, retires_at: None };
        let retires = match why {
            Rotation::Compromised => now,
            // An old key signs until the new one is known to all, and its last token must live out its life.
            Rotation::Orderly => {
                now.plus_seconds(PUBLISH_AHEAD_SECONDS + self.config.token_life() + 2 * LEEWAY_SECONDS)
            }
        };
        let others = self.store.signing_keys().await?;
        let done = self.store.signing_key_rotate(newest, &next, retires).await?;
        if done && why == Rotation::Compromised {
            for old in others.iter().filter(|k| k.retires_at.is_some_and(|t| now < t)) {
                self.store.signing_key_retire(&old.kid, now).await?;
            }
        }
        self.refresh_keys(now).await?;
        if done {
            tracing::info!(kid, ?why, "a new token-signing key is published");
        }
        Ok(done)
    }

    fn key_is_due(&self, now: Millis) -> bool {
        let ring = self.keys.load();
        let days = i64::from(self.config.key_rotation_days.max(1));
        ring.keys().last().is_none_or(|newest| newest.created_at.plus_seconds(days * 86_400) <= now)
    }

    /// Answers the name of the newest key in the store, retired or not.
    async fn refresh_keys(&self, now: Millis) -> Result<Option<String>, IdentityError> {
        let rows = self.store.signing_keys().await?;
        let (retired, current): (Vec<&Row>, Vec<&Row>) =
            rows.iter().partition(|row| row.retires_at.is_some_and(|t| t <= now));
        for row in retired {
            self.forget_key(row, now).await?;
        }
        self.take_keys(current)?;
        Ok(rows.first().map(|newest| newest.kid.clone()))
    }

    /// Takes these keys, and no others, for the node's.
    pub(crate) fn take_keys<'k>(&self, rows: impl IntoIterator<Item = &'k Row>) -> Result<(), IdentityError> {
        let before = self.keys.load_full();
        let mut keys = Vec::new();
        for row in rows {
            let known = before.keys().iter().find(|k| k.kid() == row.kid && k.retires_at == row.retires_at);
            keys.push(match known {
                Some(key) => key.clone(),
                None => Arc::new(self.open_key(row)?),
            });
        }
        let gone = before.keys().iter().any(|old| !keys.iter().any(|k| k.kid() == old.kid()));
        self.keys.store(Arc::new(KeyRing::new(keys)));
        if gone {
            // In good order all its tokens have expired; after a compromise this is what ends them.
            self.remembered.retain(|_| false);
        }
        Ok(())
    }

    /// A retired key stays in the store for a day, so that an operator can still see it.
    async fn forget_key(&self, row: &Row, now: Millis) -> Result<(), IdentityError> {
        if row.retires_at.is_some_and(|t| t.plus_seconds(86_400) <= now) {
            self.store.signing_key_remove(&row.kid).await?;
        }
        Ok(())
    }

    fn open_key(&self, row: &Row) -> Result<SigningKey, IdentityError> {
        let sealed = |why| IdentityError::Sealed { kid: row.kid.clone(), why };
        let pkcs8 = self.vault.open(&place(&row.kid), &row.sealed).map_err(sealed)?;
        let key = SigningKey::open(&pkcs8, row.created_at, row.retires_at)?;
        if key.kid() == row.kid { Ok(key) } else { Err(IdentityError::Key) }
    }

    async fn refresh_denylist(&self, now: Millis) -> Result<(), IdentityError> {
        let rows = self.store.revoked_tokens_active(now).await?;
        self.take_denylist(&rows, now);
        Ok(())
    }

    pub(crate) fn take_denylist(&self, rows: &[RevokedToken], now: Millis) {
        let named = rows.iter().filter_map(|r| Some((Uuid::try_parse(&r.jti).ok()?, r.expires_at)));
        if self.denylist.merge(named, now) {
            self.remembered.retain(|t| !self.denylist.contains(&t.jti));
        }
    }
}

fn place(kid: &str) -> String {
    format!("signing-key/{kid}")
}
