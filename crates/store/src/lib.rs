//! What a node keeps beside its message log: the declared registry with its audit trail, and small state (keys, revoked
//! tokens, quotas, administration tokens, security events). SQLite or PostgreSQL behind one type; one SQL for both, their
//! differences in `backend`. Not here: what the rows mean (`registry`, `identity`), and the message log (`evidence`).

mod admin;
mod audit;
mod audit_verify;
mod backend;
mod contracts;
mod dump;
mod error;
mod events;
mod keys;
mod quota;
mod registry;
mod schema;
mod sql;
mod state;

pub use admin::AdminToken;
pub use audit::{AuditEntry, AuditHead, AuditRow, GENESIS};
pub use audit_verify::{AuditFinding, AuditProblem, AuditReport};
pub use contracts::ContractFilesRow;
pub use dump::{DUMP_FORMAT, DumpSummary};
pub use error::{Result, StoreError};
pub use events::SecurityEvent;
pub use keys::{RevokedToken, SigningKey};
pub use quota::QuotaUse;
pub use registry::{ChangeRow, Commit, CommitError, Loaded, ResourceChange, ResourceRow};
pub use schema::{NEWEST, SchemaState};

use backend::Backend;

/// The store of a node. Cheap to clone; all clones share connections.
#[derive(Debug, Clone)]
pub struct Store {
    backend: Backend,
    program: i64,
}

impl Store {
    /// Opens `sqlite:<path>` (made if missing) or `postgres://...` (TLS as its `sslmode` says). Does not migrate; call
    /// [`Store::migrate`] next.
    pub async fn open(url: &str) -> Result<Self> {
        Self::open_as(url, NEWEST).await
    }

    /// A PostgreSQL store that need not answer yet: for a node that starts while its database is away. Every use fails until it is back.
    pub fn open_later(url: &str) -> Result<Self> {
        Ok(Self { backend: Backend::postgres_later(url)?, program: NEWEST })
    }

    /// Opens the store as a program would that knows the schema only up to `program`: for tests of upgrades.
    #[doc(hidden)]
    pub async fn open_as(url: &str, program: i64) -> Result<Self> {
        Ok(Self { backend: Backend::open(url).await?, program })
    }

    /// `sqlite` or `postgres`.
    pub fn backend_name(&self) -> &'static str {
        self.backend.name()
    }

    /// Whether the store answers now.
    pub async fn ping(&self) -> Result<()> {
        self.backend.read().await?.one("SELECT 1", &[]).await.map(drop)
    }

    /// Closes all connections, waiting for those in use.
    pub async fn close(&self) {
        self.backend.close().await;
    }
}

/// Callers run the store's functions in tasks of their own; this fails to build if one of them could not move between threads.
#[cfg(test)]
mod tests {
    use super::{Commit, SecurityEvent, Store};

    fn can_be_spawned<F: Future + Send>(_: F) {}

    #[allow(dead_code)]
    fn all_functions_can_be_spawned(store: &'static Store, commit: Commit, events: &'static [SecurityEvent]) {
        can_be_spawned(store.migrate());
        can_be_spawned(store.rollback_one());
        can_be_spawned(store.load());
        can_be_spawned(store.commit(commit));
        can_be_spawned(store.audit_verify(&[]));
        can_be_spawned(store.security_events_insert(events));
        can_be_spawned(store.quota_save(vec![]));
        can_be_spawned(store.dump(Vec::new()));
        can_be_spawned(store.load_dump(&b""[..]));
    }
}
