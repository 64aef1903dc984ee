//! Keys that sign access tokens, and tokens that were revoked before their time. Keys are sealed by the caller.

use crate::Store;
use crate::error::Result;
use lgsp_kernel::Millis;

/// A key that signs access tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SigningKey {
    /// Its id, as in a token's header.
    pub kid: String,
    /// Its algorithm, as in a token's header.
    pub alg: String,
    /// The private key, sealed by the vault.
    pub sealed: String,
    /// When it was made.
    pub created_at: Millis,
    /// When it may be forgotten; none while it signs.
    pub retires_at: Option<Millis>,
}

/// A token that must not be accepted although it has not expired.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RevokedToken {
    /// The token's id.
    pub jti: String,
    /// When it was revoked.
    pub revoked_at: Millis,
    /// When it would have expired.
    pub expires_at: Millis,
}

impl Store {
    /// Keeps a new key; a conflict if its id is taken.
    pub async fn signing_key_add(&self, key: &SigningKey) -> Result<()> {
        let mut tx = self.backend.write().await?;
        tx.run(
            "INSERT INTO signing_keys (kid, alg, sealed, created_at, retires_at) VALUES ($1, $2, $3, $4, $5)",
            &[
                (&key.kid).into(),
                (&key.alg).into(),
                (&key.sealed).into(),
                key.created_at.0.into(),
                key.retires_at.map(|t| t.0).into(),
            ],
        )
        .await?;
        tx.commit().await
    }

    /// Takes `next` into use and gives all keys that sign now the given end, in one transaction, unless the newest key
    /// is another one than `expected` (none: there is no key yet): then another process rotated first and nothing is
    /// done. Whether it was done.
    pub async fn signing_key_rotate(
        &self,
        expected: Option<&str>,
        next: &SigningKey,
        retire_others_at: Millis,
    ) -> Result<bool> {
        let mut tx = self.backend.write_alone().await?;
        let newest =
            tx.first("SELECT kid FROM signing_keys ORDER BY created_at DESC, kid DESC LIMIT 1", &[]).await?;
        let newest = newest.map(|r| r.text(0)).transpose()?;
        if newest.as_deref() != expected {
            return Ok(false);
        }
        tx.run(
            "UPDATE signing_keys SET retires_at = $1 WHERE retires_at IS NULL",
            &[retire_others_at.0.into()],
        )
        .await?;
        tx.run(
            "INSERT INTO signing_keys (kid, alg, sealed, created_at, retires_at) VALUES ($1, $2, $3, $4, $5)",
            &[
                (&next.kid).into(),
                (&next.alg).into(),
                (&next.sealed).into(),
                next.created_at.0.into(),
                next.retires_at.map(|t| t.0).into(),
            ],
        )
        .await?;
        tx.commit().await?;
        Ok(true)
    }

    /// All keys, newest first.
    pub async fn signing_keys(&self) -> Result<Vec<SigningKey>> {
        let sql = "SELECT kid, alg, sealed, created_at, retires_at FROM signing_keys ORDER BY created_at DESC, kid DESC";
        let rows = self.backend.read().await?.all(sql, &[]).await?;
        rows.iter()
            .map(|r| {
                Ok(SigningKey {
                    kid: r.text(0)?,
                    alg: r.text(1)?,
                    sealed: r.text(2)?,
                    created_at: Millis(r.int(3)?),
                    retires_at: r.maybe_int(4)?.map(Millis),
                })
            })
            .collect()
    }

    /// Says when a key retires; whether there is such a key.
    pub async fn signing_key_retire(&self, kid: &str, at: Millis) -> Result<bool> {
        let mut tx = self.backend.write().await?;
        let sql = "UPDATE signing_keys SET retires_at = $2 WHERE kid = $1";
        let touched = tx.run(sql, &[kid.into(), at.0.into()]).await?;
        tx.commit().await?;
        Ok(touched > 0)
    }

    /// Forgets a key; whether there was one.
    pub async fn signing_key_remove(&self, kid: &str) -> Result<bool> {
        let mut tx = self.backend.write().await?;
        let touched = tx.run("DELETE FROM signing_keys WHERE kid = $1", &[kid.into()]).await?;
        tx.commit().await?;
        Ok(touched > 0)
    }

    /// Revokes a token. Revoking it again changes nothing.
    pub async fn revoked_token_add(&self, token: &RevokedToken) -> Result<()> {
        let mut tx = self.backend.write().await?;
        tx.run(
            "INSERT INTO revoked_tokens (jti, revoked_at, expires_at) VALUES ($1, $2, $3) ON CONFLICT (jti) DO NOTHING",
            &[(&token.jti).into(), token.revoked_at.0.into(), token.expires_at.0.into()],
        )
        .await?;
        tx.commit().await
    }

    /// Revoked tokens that would still be accepted at the given time.
    pub async fn revoked_tokens_active(&self, now: Millis) -> Result<Vec<RevokedToken>> {
        let sql = "SELECT jti, revoked_at, expires_at FROM revoked_tokens WHERE expires_at > $1 ORDER BY revoked_at, jti";
        let rows = self.backend.read().await?.all(sql, &[now.0.into()]).await?;
        rows.iter()
            .map(|r| {
                Ok(RevokedToken {
                    jti: r.text(0)?,
                    revoked_at: Millis(r.int(1)?),
                    expires_at: Millis(r.int(2)?),
                })
            })
            .collect()
    }

    /// Forgets revoked tokens that have expired anyway; how many.
    pub async fn revoked_tokens_trim(&self, now: Millis) -> Result<u64> {
        let mut tx = self.backend.write().await?;
        let touched = tx.run("DELETE FROM revoked_tokens WHERE expires_at <= $1", &[now.0.into()]).await?;
        tx.commit().await?;
        Ok(touched)
    }
}
