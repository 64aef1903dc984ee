//! What the node hands over to be put in a container, and why a container could not be made.

use crate::cms::SealError;
use lgsp_evidence::{Hash, NoteError, ProofFile};
use lgsp_kernel::Millis;

/// The most members of each kind.
pub(crate) const PARTS_MAX: usize = 99;

/// Everything that proves one exchange at this node. Statements and received messages are read from the records in `proof`; the rest is what
/// is needed to check them. What is not there is left out, and the script says so.
#[derive(Debug, Clone)]
pub struct Bundle {
    /// This node.
    pub node: String,
    /// When the container is made.
    pub made: Millis,
    /// The exchange's entries of this node's log, with kept bodies.
    pub proof: ProofFile,
    /// Verifier keys (C2SP): of this node's log, and of logs of peers whose checkpoints are in here. Those that a delegation names need not
    /// stand here.
    pub log_keys: Vec<String>,
    /// Delegations, whole texts: those of this node's agencies for its log, and those that peers' messages rest on. Those that `proof` holds
    /// as records of kind `credential` need not stand here.
    pub delegations: Vec<String>,
    /// Certificates, DER, between those in the delegations and an authority.
    pub certificates: Vec<Vec<u8>>,
    /// Checkpoints with cosignatures or timestamps. One that entries lead to may stand here again with more signatures.
    pub checkpoints: Vec<StampedCheckpoint>,
    /// Proofs that a later checkpoint goes on from an earlier: they carry cosignatures and timestamps back to the entries.
    pub links: Vec<Link>,
    /// Verifier keys of witnesses (type 4, cosignature/v1).
    pub witnesses: Vec<String>,
    /// Authorities for agencies, DER: what this node trusted. Whoever checks brings their own.
    pub authorities: Vec<Vec<u8>>,
    /// Timestamp authorities, DER; the same holds.
    pub timestamp_authorities: Vec<Vec<u8>>,
}

/// A checkpoint and what others added to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StampedCheckpoint {
    /// The signed note, with or without cosignatures.
    pub note: String,
    /// RFC 3161 tokens, DER, over [`super::checkpoint_digest`].
    pub tokens: Vec<Vec<u8>>,
}

/// A proof of consistency (RFC 6962, section 2.1.2) between two checkpoints of one log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// The log and epoch, as in the checkpoints.
    pub origin: String,
    /// Size of the earlier.
    pub older: u64,
    /// Size of the later.
    pub newer: u64,
    /// The proof.
    pub proof: Vec<Hash>,
}

/// Why there is no container.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// More parts than a container holds.
    #[error("more than {PARTS_MAX} {0}")]
    TooMany(&'static str),
    /// A part that is not what it should be.
    #[error("{part}: {what}")]
    Part {
        /// Which.
        part: String,
        /// Why.
        what: String,
    },
    /// A checkpoint that cannot be read.
    #[error("a checkpoint: {0}")]
    Note(#[from] NoteError),
    /// Neither signed nor stamped.
    #[error("a container needs a signature or a timestamp over its manifest")]
    Unsealed,
    /// The signature could not be made.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// The archive could not be written.
    #[error("writing the archive: {0}")]
    Archive(String),
}

impl ExportError {
    pub(crate) fn part(part: impl Into<String>, what: impl Into<String>) -> Self {
        Self::Part { part: part.into(), what: what.into() }
    }
}
