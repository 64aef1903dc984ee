//! What the handlers work on. Put together once by the node.

use crate::directory::Neighbours;
use crate::hub::HubAdministration;
use lgsp_evidence::{Archive, Log};
use lgsp_identity::{AdminTokens, Identity};
use lgsp_kernel::Clock;
use lgsp_registry::Registry;
use lgsp_store::Store;
use std::sync::Arc;

/// Tells what only the node knows of itself (listeners, providers, quotas): a JSON object, made on demand.
pub type StatusSource = Arc<dyn Fn() -> serde_json::Value + Send + Sync>;

/// The parts of a node that administration reaches.
pub struct AdminParts {
    /// The registry.
    pub registry: Registry,
    /// Identification, for its keys.
    pub identity: Arc<Identity>,
    /// Administration tokens.
    pub tokens: AdminTokens,
    /// The store, for the trail and for security events.
    pub store: Store,
    /// The message log that this process writes.
    pub log: Log,
    /// The same log, to be read.
    pub archive: Archive,
    /// The time.
    pub clock: Clock,
    /// The node's hub; none: it is none.
    pub hub: Option<Arc<dyn HubAdministration>>,
    /// What the node knows of others; none: it is no member of a directory.
    pub neighbours: Option<Arc<dyn Neighbours>>,
    /// The program's version.
    pub version: &'static str,
    /// What else belongs in the status.
    pub status: StatusSource,
}

/// Shared by all handlers; cheap to clone.
#[derive(Clone)]
pub struct AdminState(Arc<AdminParts>);

impl AdminState {
    /// Shares these parts.
    pub fn new(parts: AdminParts) -> Self {
        Self(Arc::new(parts))
    }
}

impl std::ops::Deref for AdminState {
    type Target = AdminParts;
    fn deref(&self) -> &AdminParts {
        &self.0
    }
}

impl std::fmt::Debug for AdminState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("AdminState")
    }
}
