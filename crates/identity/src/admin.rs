//! Administration tokens: made once, shown once, kept as a keyed digest. Asked of the store on every use, so that a revocation holds
//! everywhere at once; administration is rare enough to pay for that.

use lgsp_kernel::context::Role;
use lgsp_kernel::ids::{IdError, check_name};
use lgsp_kernel::vault::VaultError;
use lgsp_kernel::{Actor, Clock, Millis, OpContext, Secret, Vault};
use lgsp_store::{AdminToken, AuditEntry, Store, StoreError};
use serde_json::json;
use std::sync::Arc;

/// What every administration token begins with: leaked ones can be searched for.
pub const ADMIN_TOKEN_PREFIX: &str = "lgsp_admin_";
/// Longest text that is looked at as an administration token, bytes.
const ADMIN_TOKEN_MAX: usize = 128;

/// The administration tokens of a node.
#[derive(Debug, Clone)]
pub struct AdminTokens {
    store: Store,
    vault: Arc<Vault>,
    clock: Clock,
}

/// Why an administration token could not be made, used or revoked.
#[derive(Debug, thiserror::Error)]
pub enum AdminTokenError {
    /// The name has not the form of a name.
    #[error("the token's name {0}")]
    Name(IdError),
    /// There is one of this name, perhaps a revoked one: names in the audit trail must not change their meaning.
    #[error("there is, or was, an administration token of this name")]
    Exists,
    /// It would have expired before it was made.
    #[error("the token would have expired already")]
    Expired,
    /// The store did not do its part.
    #[error(transparent)]
    Store(StoreError),
    /// No random bytes.
    #[error(transparent)]
    Random(VaultError),
}

impl From<StoreError> for AdminTokenError {
    fn from(error: StoreError) -> Self {
        if error.is_conflict() { Self::Exists } else { Self::Store(error) }
    }
}

impl AdminTokens {
    /// The tokens kept in this store.
    pub fn new(store: Store, vault: Arc<Vault>, clock: Clock) -> Self {
        Self { store, vault, clock }
    }

    /// Makes a token and puts that on record. What is returned is the only copy of it.
    pub async fn create(
        &self,
        name: &str,
        role: Role,
        expires_at: Option<Millis>,
        by: &OpContext,
    ) -> Result<Secret, AdminTokenError> {
        check_name(name).map_err(AdminTokenError::Name)?;
        if expires_at.is_some_and(|t| t <= by.at) {
            return Err(AdminTokenError::Expired);
        }
        let secret = random_secret(ADMIN_TOKEN_PREFIX).map_err(AdminTokenError::Random)?;
        let row = AdminToken {
            name: name.into(),
            role: role.as_str().into(),
            digest: self.digest(secret.expose()),
            created_at: by.at,
            expires_at,
            revoked_at: None,
            last_used_at: None,
        };
        let after = json!({"role": role, "expires_at": expires_at.map(Millis::rfc3339)});
        self.store.admin_token_add(&row, &record(by, "create", name, Some(after.to_string()))).await?;
        Ok(secret)
    }

    /// Who holds this token; none where it is unknown, revoked or expired.
    pub async fn verify(&self, token: &str) -> Result<Option<Actor>, StoreError> {
        if token.len() > ADMIN_TOKEN_MAX || !token.starts_with(ADMIN_TOKEN_PREFIX) {
            return Ok(None);
        }
        // Looked up by its keyed digest: the time this takes tells nothing of the tokens that exist.
        let row = self.store.admin_token_by_digest(&self.digest(token.as_bytes())).await?;
        let now = self.clock.now();
        let good = row.filter(|t| t.revoked_at.is_none() && t.expires_at.is_none_or(|end| now < end));
        let Some(token) = good else { return Ok(None) };
        let Some(role) = Role::parse(&token.role) else { return Ok(None) };
        self.note_use(&token, now).await;
        Ok(Some(Actor::Operator { name: token.name, role }))
    }

    /// Once an hour is enough to see which tokens nobody uses any more. Not being able to note it is no reason to refuse.
    async fn note_use(&self, token: &AdminToken, now: Millis) {
        if token.last_used_at.is_some_and(|t| now < t.plus_seconds(3600)) {
            return;
        }
        if let Err(error) = self.store.admin_token_used(&token.name, now).await {
            tracing::warn!(%error, "the use of an administration token could not be noted");
        }
    }

    /// All tokens, without what would let anyone use them.
    pub async fn list(&self) -> Result<Vec<AdminTokenInfo>, StoreError> {
        let rows = self.store.admin_tokens().await?;
        Ok(rows.into_iter().map(AdminTokenInfo::from).collect())
    }

    /// Revokes a token for good and puts that on record; false if there is none, or it is revoked already.
    pub async fn revoke(&self, name: &str, by: &OpContext) -> Result<bool, StoreError> {
        self.store.admin_token_revoke(name, &record(by, "revoke", name, None)).await
    }

    fn digest(&self, token: &[u8]) -> String {
        hex::encode(self.vault.digest(token))
    }
}

/// An administration token as it may be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdminTokenInfo {
    /// Its name.
    pub name: String,
    /// What it may do; none where a newer program gave it a role that this one does not know (it is refused then).
    pub role: Option<Role>,
    /// When it was made.
    pub created_at: Millis,
    /// When it expires.
    pub expires_at: Option<Millis>,
    /// When it was revoked.
    pub revoked_at: Option<Millis>,
    /// When it was last used, to the hour.
    pub last_used_at: Option<Millis>,
}

impl From<AdminToken> for AdminTokenInfo {
    fn from(row: AdminToken) -> Self {
        Self {
            role: Role::parse(&row.role),
            name: row.name,
            created_at: row.created_at,
            expires_at: row.expires_at,
            revoked_at: row.revoked_at,
            last_used_at: row.last_used_at,
        }
    }
}

fn record(by: &OpContext, action: &str, name: &str, after: Option<String>) -> AuditEntry {
    AuditEntry {
        at: by.at,
        actor: by.actor.clone(),
        reason: by.reason.clone(),
        action: action.into(),
        kind: "admin_token".into(),
        id: name.into(),
        before: None,
        after,
    }
}

/// A secret of 256 random bits after a prefix, in letters and digits that survive shells, URLs and forms.
pub fn random_secret(prefix: &str) -> Result<Secret, VaultError> {
    use base64::Engine as _;
    let mut bytes = zeroize::Zeroizing::new([0u8; 32]);
    getrandom::fill(&mut *bytes).map_err(|e| VaultError::Random(e.to_string()))?;
    let mut text = zeroize::Zeroizing::new(prefix.to_owned());
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode_string(*bytes, &mut text);
    Ok(Secret::new(text.as_bytes()))
}
