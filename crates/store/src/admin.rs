//! Administration tokens: who may use the admin API. Only digests are kept. Making and revoking one goes on the audit
//! trail in the same transaction.

use crate::audit::append_entry;
use crate::error::{Result, StoreError};
use crate::sql::{Row, Tx};
use crate::{AuditEntry, Store};
use lgsp_kernel::Millis;

/// An administration token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdminToken {
    /// Its name; unique, also among revoked ones, since the trail names it.
    pub name: String,
    /// What it may do: the text of `kernel::context::Role`.
    pub role: String,
    /// Digest of the token, hexadecimal.
    pub digest: String,
    /// When it was made.
    pub created_at: Millis,
    /// When it expires.
    pub expires_at: Option<Millis>,
    /// When it was revoked.
    pub revoked_at: Option<Millis>,
    /// When it was last used, roughly.
    pub last_used_at: Option<Millis>,
}

const COLUMNS: &str = "name, role, digest, created_at, expires_at, revoked_at, last_used_at";

fn read(row: &Row) -> Result<AdminToken> {
    Ok(AdminToken {
        name: row.text(0)?,
        role: row.text(1)?,
        digest: row.text(2)?,
        created_at: Millis(row.int(3)?),
        expires_at: row.maybe_int(4)?.map(Millis),
        revoked_at: row.maybe_int(5)?.map(Millis),
        last_used_at: row.maybe_int(6)?.map(Millis),
    })
}

async fn insert(tx: &mut Tx, token: &AdminToken) -> Result<()> {
    tx.run(
        "INSERT INTO admin_tokens (name, role, digest, created_at, expires_at, revoked_at) VALUES ($1, $2, $3, $4, $5, $6)",
        &[
            (&token.name).into(),
            (&token.role).into(),
            (&token.digest).into(),
            token.created_at.0.into(),
            token.expires_at.map(|t| t.0).into(),
            token.revoked_at.map(|t| t.0).into(),
        ],
    )
    .await
    .map(drop)
    .map_err(|e| match e {
        StoreError::Conflict(_) => StoreError::Conflict(format!("an administration token {:?} exists", token.name)),
        other => other,
    })
}

impl Store {
    /// Keeps a new token and puts its making on record; a conflict if its name is taken.
    pub async fn admin_token_add(&self, token: &AdminToken, record: &AuditEntry) -> Result<()> {
        let mut tx = self.backend.write().await?;
        insert(&mut tx, token).await?;
        append_entry(&mut tx, record).await?;
        tx.commit().await
    }

    /// All tokens by name, revoked ones too.
    pub async fn admin_tokens(&self) -> Result<Vec<AdminToken>> {
        let sql = sqlx::AssertSqlSafe(format!("SELECT {COLUMNS} FROM admin_tokens"));
        let rows = self.backend.read().await?.all(sql, &[]).await?;
        let mut tokens = rows.iter().map(read).collect::<Result<Vec<_>>>()?;
        tokens.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(tokens)
    }

    /// The token with a digest.
    pub async fn admin_token_by_digest(&self, digest: &str) -> Result<Option<AdminToken>> {
        let sql = sqlx::AssertSqlSafe(format!("SELECT {COLUMNS} FROM admin_tokens WHERE digest = $1"));
        self.backend.read().await?.first(sql, &[digest.into()]).await?.as_ref().map(read).transpose()
    }

    /// Revokes a token and puts it on record; false, and no record, if there is none or it is revoked already.
    pub async fn admin_token_revoke(&self, name: &str, record: &AuditEntry) -> Result<bool> {
        let mut tx = self.backend.write().await?;
        let sql = "UPDATE admin_tokens SET revoked_at = $2 WHERE name = $1 AND revoked_at IS NULL";
        if tx.run(sql, &[name.into(), record.at.0.into()]).await? == 0 {
            return Ok(false);
        }
        append_entry(&mut tx, record).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Notes that a token was used. The caller does so rarely (once an hour is enough), not at each request.
    pub async fn admin_token_used(&self, name: &str, at: Millis) -> Result<()> {
        let mut tx = self.backend.write().await?;
        let sql = "UPDATE admin_tokens SET last_used_at = $2 WHERE name = $1";
        tx.run(sql, &[name.into(), at.0.into()]).await?;
        tx.commit().await
    }
}
