//! What is handed to the log and what comes back. Not here: how it is written (`writer`).

use crate::frame::{BODIES_MAX, BODY_MAX, BodyRole, RECORD_MAX};
use crate::hash::sha256;
use bytes::Bytes;
use lgsp_kernel::record::{CredentialRecord, Entry};
use lgsp_kernel::{ExchangeId, Millis};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake};
use tokio::sync::oneshot;

/// Something to be recorded.
#[derive(Debug, Clone)]
pub struct Draft {
    /// The exchange it belongs to; none for the log's own entries.
    pub exchange: Option<ExchangeId>,
    /// JSON of a `kernel::record::Entry`.
    pub record: Bytes,
    /// Bodies to keep beside it, each up to `kernel::bounds::COLLECT_MAX`.
    pub bodies: Vec<(BodyRole, Bytes)>,
    /// Until when the bodies are kept; without it as long as the record.
    pub bodies_until: Option<Millis>,
}

impl Draft {
    /// A record without bodies.
    pub fn of(exchange: Option<ExchangeId>, record: Bytes) -> Self {
        Self { exchange, record, bodies: Vec::new(), bodies_until: None }
    }
    /// A document that later proofs rely on, filed so that they find it ([`document_id`]).
    pub fn credential(record: CredentialRecord) -> Self {
        let id = document_id(&record.sha256);
        let json = serde_json::to_vec(&Entry::Credential(record)).expect("a record is JSON");
        Self::of(Some(id), json.into())
    }
    /// Bytes it takes in memory and, nearly, on disk.
    pub(crate) fn weight(&self) -> usize {
        self.record.len() + self.bodies.iter().map(|(_, b)| b.len()).sum::<usize>() + 256
    }
    pub(crate) fn check(&self) -> Result<(), AppendError> {
        let bodies_fit =
            self.bodies.len() <= BODIES_MAX && self.bodies.iter().all(|(_, b)| b.len() <= BODY_MAX);
        if self.record.len() <= RECORD_MAX && bodies_fit { Ok(()) } else { Err(AppendError::TooLarge) }
    }
}

/// What a document is filed under where entries of exchanges have their exchange: a UUID of version 8 (RFC 9562, section 5.8) of its digest,
/// which no exchange has.
pub fn document_id(sha256_base64: &str) -> ExchangeId {
    let digest = sha256(sha256_base64.as_bytes()).0;
    let bytes = digest.first_chunk().expect("a digest has 32 bytes");
    ExchangeId(uuid::Builder::from_custom_bytes(*bytes).into_uuid())
}

/// Whether this names a document, not an exchange.
pub(crate) fn is_document(id: ExchangeId) -> bool {
    id.0.get_version_num() == 8
}

/// Where an entry stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub struct Position {
    /// The epoch.
    pub epoch: u32,
    /// The index in its tree.
    pub index: u64,
}

/// Why something was not recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AppendError {
    /// More waits already than the queue may hold. Passes.
    #[error("the message log's queue is full")]
    QueueFull,
    /// No room on the disk, or less than the reserve. The log goes on when there is room again.
    #[error("the message log's disk is full")]
    DiskFull,
    /// The key could not sign the group's checkpoint (its token is away). The log goes on when it signs again.
    #[error("the message log's key cannot sign now")]
    Unsigned,
    /// A sync failed or the writer ended: nothing is recorded until the log is opened again.
    #[error("the message log has failed and must be opened again")]
    Failed,
    /// Record or body beyond its bound.
    #[error("the record or a kept body is too large")]
    TooLarge,
}

/// Completes when the entry is durable.
#[derive(Debug)]
#[must_use = "nothing is recorded before the ticket says so"]
pub struct Ticket(pub(crate) oneshot::Receiver<Result<Position, AppendError>>);

impl Ticket {
    /// Waits on the calling thread, whatever thread that is.
    pub fn wait(self) -> Result<Position, AppendError> {
        block_on(self)
    }
}

impl Future for Ticket {
    type Output = Result<Position, AppendError>;
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(cx).map(|r| r.unwrap_or(Err(AppendError::Failed)))
    }
}

struct Unpark(std::thread::Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Waits for a future that another thread completes. Unlike a runtime's own way this may be called anywhere.
pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    let mut future = std::pin::pin!(future);
    let waker = Arc::new(Unpark(std::thread::current())).into();
    loop {
        if let Poll::Ready(done) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return done;
        }
        std::thread::park();
    }
}
