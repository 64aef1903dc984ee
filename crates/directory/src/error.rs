//! Why a document was not taken: which one, which check, and what was found. The words are for an operator.

use crate::document::Role;
use std::fmt;

/// The check that a document did not pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Check {
    /// It could not be fetched.
    Fetch,
    /// It is larger than allowed, or not as long as the freshness statement says.
    Size,
    /// It is no envelope, or is cut off.
    Envelope,
    /// Too few valid signatures by keys that the root lists for its role.
    Signatures,
    /// The signed bytes are not a document of this role and format.
    Content,
    /// It is older than what was seen before.
    Rollback,
    /// It has expired: someone may be holding newer ones back.
    Expired,
    /// It is not the one that the freshness statement names.
    Mixed,
    /// It is not the root that was pinned.
    Anchor,
    /// It comes from the future: one of the clocks is wrong.
    Clock,
    /// The folder on this machine could not be read or written.
    Disk,
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Fetch => "fetch",
            Self::Size => "size",
            Self::Envelope => "envelope",
            Self::Signatures => "signatures",
            Self::Content => "content",
            Self::Rollback => "rollback",
            Self::Expired => "expired",
            Self::Mixed => "mixed versions",
            Self::Anchor => "pinned root",
            Self::Clock => "clock",
            Self::Disk => "disk",
        })
    }
}

/// A failed check without the document's name, which the caller knows.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{check}: {found}")]
pub struct Defect {
    /// The check.
    pub check: Check,
    /// What was found.
    pub found: String,
}

impl Defect {
    /// A failed check and what was found.
    pub fn new(check: Check, found: impl Into<String>) -> Self {
        Self { check, found: found.into() }
    }
    /// The same, of this document.
    pub fn of(self, role: Role, version: Option<u64>) -> DirectoryError {
        DirectoryError { role, version, check: self.check, found: self.found }
    }
}

/// A document that was not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("directory: {role}{}: {check}: {found}", .version.map_or_else(String::new, |v| format!(" {v}")))]
pub struct DirectoryError {
    /// Which document.
    pub role: Role,
    /// Its version, where known.
    pub version: Option<u64>,
    /// The check that it did not pass.
    pub check: Check,
    /// What was found.
    pub found: String,
}
