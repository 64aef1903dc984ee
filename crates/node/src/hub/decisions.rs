//! Decisions that operators make at the hub, by command or over the API: on record first, then made. A decision that nobody can explain
//! later would be worse than a record of one that failed. Not here: what each decision does (`desk`).

use super::desk::{HubDesk, HubError, Revoked};
use super::requests::Request;
use lgsp_directory::Versions;
use lgsp_directory::members::Member;
use lgsp_kernel::{AgencyCode, NodeName, OpContext};
use lgsp_store::{AuditEntry, Store, StoreError};
use std::sync::Arc;

/// Why a decision was not made.
#[derive(Debug, thiserror::Error)]
pub enum DecisionError {
    /// It could not be put on record.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The hub did not do it.
    #[error(transparent)]
    Hub(#[from] HubError),
}

/// A hub and the trail of its decisions.
#[derive(Debug, Clone)]
pub struct Decisions {
    desk: Arc<HubDesk>,
    store: Store,
}

/// Puts on record what is about to be done at the hub.
pub async fn record(store: &Store, by: OpContext, action: &str, id: &str) -> Result<(), StoreError> {
    let entry = AuditEntry {
        at: by.at,
        actor: by.actor,
        reason: by.reason,
        action: action.into(),
        kind: "hub".into(),
        id: id.into(),
        before: None,
        after: None,
    };
    store.audit_append(&entry).await.map(drop)
}

impl Decisions {
    /// At this desk, with the trail in this store.
    pub fn new(desk: Arc<HubDesk>, store: Store) -> Self {
        Self { desk, store }
    }

    /// Takes a node in, for these agencies of those it asked for (none named: all).
    pub async fn approve(
        &self,
        by: OpContext,
        meant: String,
        only: Vec<AgencyCode>,
    ) -> Result<Member, DecisionError> {
        record(&self.store, by, "approve", &meant).await?;
        self.at_desk(move |desk| desk.approve(&meant, &only)).await
    }

    /// Refuses a request.
    pub async fn reject(
        &self,
        by: OpContext,
        meant: String,
        reason: String,
    ) -> Result<Request, DecisionError> {
        record(&self.store, by, "reject", &meant).await?;
        self.at_desk(move |desk| desk.reject(&meant, &reason)).await
    }

    /// Shuts something out.
    pub async fn revoke(
        &self,
        by: OpContext,
        what: Revoked,
        reason: String,
    ) -> Result<Versions, DecisionError> {
        record(&self.store, by, "revoke", &what.id()).await?;
        self.at_desk(move |desk| desk.revoke(&what, &reason)).await
    }

    /// Lets a member take part again.
    pub async fn reinstate(&self, by: OpContext, node: NodeName) -> Result<Versions, DecisionError> {
        record(&self.store, by, "reinstate", node.as_str()).await?;
        self.at_desk(move |desk| desk.reinstate(&node)).await
    }

    /// Work at the hub's folder, which waits for disks and for whoever else is at it. Goes on to its end if nobody waits for it any more.
    pub async fn at_desk<T: Send + 'static>(
        &self,
        work: impl FnOnce(&HubDesk) -> Result<T, HubError> + Send + 'static,
    ) -> Result<T, DecisionError> {
        let desk = self.desk.clone();
        let working = tokio::task::spawn_blocking(move || work(&desk));
        Ok(working.await.map_err(|e| HubError::Io(std::io::Error::other(e)))??)
    }
}
