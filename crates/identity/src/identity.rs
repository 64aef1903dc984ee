//! The state of identification in one process: keys, remembered and revoked tokens, failures. What it does with them is in
//! `identify` (calls), `token` (token endpoints) and `rotation` (keys and upkeep).

use crate::config::IdentityConfig;
use crate::denylist::Denylist;
use crate::jwt::{Expected, KeyFailure};
use crate::keys::KeyRing;
use crate::remembered::RememberedTokens;
use crate::throttle::Throttle;
use arc_swap::ArcSwap;
use bytes::Bytes;
use lgsp_kernel::vault::VaultError;
use lgsp_kernel::{Clock, Vault};
use lgsp_store::{RevokedToken, SigningKey, Store, StoreError};
use std::sync::Arc;

/// Identification of callers, and the tokens of this node.
pub struct Identity {
    pub(crate) store: Store,
    pub(crate) vault: Arc<Vault>,
    pub(crate) clock: Clock,
    pub(crate) config: IdentityConfig,
    pub(crate) keys: ArcSwap<KeyRing>,
    pub(crate) remembered: RememberedTokens,
    pub(crate) denylist: Denylist,
    pub(crate) throttle: Throttle,
}

/// Why identification could not be opened or kept up.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// The store did not do its part.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A signing key in the store does not open.
    #[error("the token-signing key {kid} in the store does not open: {why}")]
    Sealed {
        /// Which.
        kid: String,
        /// Why.
        why: VaultError,
    },
    /// A key could not be made, sealed or read.
    #[error("the token-signing key could not be made or read")]
    Key,
}

impl From<KeyFailure> for IdentityError {
    fn from(_: KeyFailure) -> Self {
        Self::Key
    }
}

impl Identity {
    /// Opens it on a migrated store: reads keys and revoked tokens, makes the first key where there is none.
    pub async fn open(
        store: Store,
        vault: Arc<Vault>,
        clock: Clock,
        config: IdentityConfig,
    ) -> Result<Arc<Self>, IdentityError> {
        let identity = Self::new(store, vault, clock, config);
        identity.maintain().await?;
        Ok(Arc::new(identity))
    }

    /// Opens it while the store is away, on the keys (sealed) and revoked tokens that the node kept of it. [`Identity::maintain`] takes
    /// over what the store says once it is back.
    pub fn open_copy(
        store: Store,
        vault: Arc<Vault>,
        clock: Clock,
        config: IdentityConfig,
        keys: Vec<SigningKey>,
        revoked: &[RevokedToken],
    ) -> Result<Arc<Self>, IdentityError> {
        let identity = Self::new(store, vault, clock, config);
        let now = identity.clock.now();
        identity.take_keys(keys.iter().filter(|k| k.retires_at.is_none_or(|t| now < t)))?;
        identity.take_denylist(revoked, now);
        Ok(Arc::new(identity))
    }

    fn new(store: Store, vault: Arc<Vault>, clock: Clock, config: IdentityConfig) -> Self {
        Self {
            remembered: RememberedTokens::new(config.cache_max),
            store,
            vault,
            clock,
            config,
            keys: ArcSwap::default(),
            denylist: Denylist::default(),
            throttle: Throttle::default(),
        }
    }

    /// The public keys, as `GET /.well-known/jwks.json` shows them.
    pub fn jwks(&self) -> Bytes {
        self.keys.load().jwks(self.clock.now()).into()
    }

    /// How many verified tokens are remembered, for metrics.
    pub fn remembered_tokens(&self) -> usize {
        self.remembered.len()
    }

    pub(crate) fn expected(&self) -> Expected<'_> {
        Expected { issuer: &self.config.issuer, audience: &self.config.audience }
    }
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Identity").field("issuer", &self.config.issuer).finish_non_exhaustive()
    }
}
