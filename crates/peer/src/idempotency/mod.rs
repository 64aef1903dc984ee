//! Idempotency: at most one forward per key. The consumer names its request by a key of its own; a request that comes again under the
//! key is answered from the record, and where no answer is on record it is told that the outcome is unknown (docs/protocol/peer.md,
//! "Idempotency"). `ledger` decides, without threads and without a clock; `journal` is its file; `store` runs it under load.
//! Not here: who may call, and the exchange records themselves.

pub mod journal;
pub mod ledger;
pub mod store;

pub use ledger::{Begun, Ledger, LedgerConfig, LedgerError};
pub use store::{IdempotencyStore, Permit};

use aws_lc_rs::digest::{Context, SHA256};
use bytes::Bytes;
use http::HeaderMap;
use lgsp_kernel::ExchangeId;

/// The name of a request: SHA-256 over who sent it and the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key(pub [u8; 32]);

impl Key {
    /// The key of this sender. Senders never share keys; neither part can be mistaken for the other.
    pub fn new(sender: &str, key: &str) -> Self {
        let mut c = Context::new(&SHA256);
        c.update(b"lgsp idempotency key v1\n");
        c.update(&(sender.len() as u64).to_be_bytes());
        c.update(sender.as_bytes());
        c.update(key.as_bytes());
        let mut out = [0; 32];
        out.copy_from_slice(c.finish().as_ref());
        Self(out)
    }
}

/// An answer as it is kept: what a repeated request is answered with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptAnswer {
    /// The status.
    pub status: u16,
    /// The header lines that were given.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

/// How a request under a key ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// With this answer.
    Answered(KeptAnswer),
    /// With an answer that is too large to be kept, or streamed: the exchange is on record, its body is not here.
    AnsweredUnkept,
    /// The provider has not seen it: the key is free again.
    NotForwarded,
    /// The provider may have acted, and no answer came.
    Unknown,
}

/// What is known of a key's request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Known {
    /// The exchange that the key was first used for.
    pub exchange: ExchangeId,
}
