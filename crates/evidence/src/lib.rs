//! The message log: durable and provable. Records are made durable in groups, each group signed as a checkpoint of a Merkle
//! tree of salted commitments (C2SP tlog-tiles, signed-note). `docs/protocol/message-log.md` specifies the files.
//! Not here: what a record says (`lgsp_kernel::record`), who asks for it, the store.

pub mod archive;
mod backup;
pub mod disk;
mod draft;
pub mod epoch;
pub mod forecast;
pub mod frame;
pub mod hash;
mod hashes;
mod index;
mod log;
pub mod note;
pub mod proof;
pub mod receipt;
mod recent;
mod recover;
pub mod retention;
pub mod search;
pub mod segment;
mod shared;
pub mod tiles;
pub mod tree;
pub mod verify;
mod writer;

pub use archive::{Archive, ArchiveError, Content, Found};
pub use disk::Disk;
pub use draft::{AppendError, Draft, Position, Ticket, document_id};
pub use frame::BodyRole;
pub use hash::Hash;
pub use log::{Driver, Log, LogConfig, LogError, LogState};
pub use note::{Checkpoint, ExternalSigner, LogKey, NoteError, Verifier};
pub use proof::{ProofError, ProofFile, ProofReport, Proven, check_proof};
pub use receipt::{Receipt, ReceiptTicket};
pub use recent::Recent;
pub use search::{Filter, Hit};
pub use segment::Damage;
pub use shared::Resource;
pub use verify::{Problem, ProblemKind, Span, VerifyReport};
