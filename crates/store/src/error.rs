//! What can go wrong with the store, told apart by what the caller can do about it. Which driver error means what is
//! decided in `backend`.

use std::fmt;

/// A failure of the store.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The database is away, overloaded, full or timed out: go on with what is in memory and try again later. After a
    /// failed `commit` the change may or may not have been made; the generation tells.
    #[error("the store is unavailable: {0}")]
    Unavailable(String),
    /// The database answers, but its content is damaged: stop and restore.
    #[error("the store is damaged: {0}")]
    Corrupt(String),
    /// Somebody else changed the same thing first, or it exists already: read again and decide anew.
    #[error("conflict in the store: {0}")]
    Conflict(String),
    /// The schema does not fit this program.
    #[error("the store's schema does not fit: {0}")]
    Schema(String),
    /// What was asked for cannot be stored or read: an argument, an address or a dump is wrong.
    #[error("invalid for the store: {0}")]
    Invalid(String),
    /// The database refused a statement for another reason: a defect of this program or of the database's permissions.
    #[error("the store refused a statement: {0}")]
    Refused(String),
}

impl StoreError {
    /// Whether trying again later may help.
    pub fn is_unavailable(&self) -> bool {
        matches!(self, Self::Unavailable(_))
    }
    /// Whether the content is damaged.
    pub fn is_corrupt(&self) -> bool {
        matches!(self, Self::Corrupt(_))
    }
    /// Whether somebody else was first.
    pub fn is_conflict(&self) -> bool {
        matches!(self, Self::Conflict(_))
    }
    pub(crate) fn invalid(what: impl fmt::Display) -> Self {
        Self::Invalid(what.to_string())
    }
    pub(crate) fn corrupt(what: impl fmt::Display) -> Self {
        Self::Corrupt(what.to_string())
    }
}

/// What all functions of the store return.
pub type Result<T, E = StoreError> = std::result::Result<T, E>;
