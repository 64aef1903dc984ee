//! The log as its users hold it: open it, append, learn its state. Not here: the thread that writes (`writer`), recovery
//! (`recover`), reading (`archive`).

use crate::disk::{Disk, Lock};
use crate::draft::{AppendError, Draft, Position, Ticket};
use crate::hash::SALT_LEN;
use crate::note::{Checkpoint, LogKey, NoteError, origin_name};
use crate::receipt::{NewestPaths, Receipt, ReceiptTicket};
use crate::segment::Damage;
use crate::{recover, writer};
use lgsp_kernel::Clock;
use parking_lot::{Condvar, Mutex};
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::oneshot;

/// Default size at which a segment is sealed and the next one begun, bytes: one is read in a blink, and erasure rewrites one at a time.
pub const SEGMENT_BYTES: u64 = 64 << 20;
/// Default delay to let more records gather, where few wait: costs a lone call this much, saves a busy node syncs and signatures.
pub const GATHER: Duration = Duration::from_millis(1);
/// Default length of the queue, records: about a second at full speed.
pub const QUEUE_MAX: usize = 20_000;
/// What may wait in the queue, bytes: bodies are large, memory is not.
pub const QUEUE_BYTES_MAX: usize = 64 << 20;
/// Default space on the disk that exchanges leave free, bytes: room for the log's own entries, for erasure and for the store.
pub const DISK_RESERVE: u64 = 256 << 20;

/// How a log is kept.
#[derive(Debug, Clone)]
pub struct LogConfig {
    /// The log's folder; epochs are under it.
    pub dir: PathBuf,
    /// The node's name: part of the origin.
    pub node_name: String,
    /// Size at which a segment is sealed, bytes.
    pub segment_bytes: u64,
    /// How long to let more records gather where few wait.
    pub gather: Duration,
    /// The most records that wait.
    pub queue_max: usize,
    /// Space that exchanges leave free, bytes.
    pub disk_reserve_bytes: u64,
    /// Whether records are synced before they are acknowledged. Off only to show that tests notice.
    pub sync: bool,
}

impl LogConfig {
    /// The defaults.
    pub fn new(dir: impl Into<PathBuf>, node_name: impl Into<String>) -> Self {
        Self {
            dir: dir.into(),
            node_name: node_name.into(),
            segment_bytes: SEGMENT_BYTES,
            gather: GATHER,
            queue_max: QUEUE_MAX,
            disk_reserve_bytes: DISK_RESERVE,
            sync: true,
        }
    }
}

/// Why a log was not opened.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// Another process writes it.
    #[error("the message log {0} is already being written by another process")]
    Locked(PathBuf),
    /// The disk failed.
    #[error("{0}: {1}")]
    Io(PathBuf, #[source] io::Error),
    /// Damage before the end: not what a power cut leaves.
    #[error(
        "the message log is damaged: {0}; nothing was changed; verify it, and restore it or open a new epoch"
    )]
    Damaged(Damage),
    /// The parts do not fit together.
    #[error("the message log does not fit together: {path}: {what}", path = path.display())]
    Broken {
        /// The file.
        path: PathBuf,
        /// What does not fit.
        what: String,
    },
    /// A checkpoint that the key did not sign.
    #[error("{path}: {source}", path = path.display())]
    Note {
        /// The file.
        path: PathBuf,
        /// Why.
        source: NoteError,
    },
    /// Configuration and key do not fit.
    #[error("{0}")]
    Config(String),
    /// The key cannot sign now.
    #[error("the message log's key cannot sign: {0}")]
    Signing(String),
}

impl LogError {
    fn unopened(e: AppendError) -> Self {
        Self::Config(format!("the first entry of the epoch was not written: {e}"))
    }
}

/// Writes a log that has no thread.
#[derive(Debug)]
pub struct Driver(writer::Writer);

impl Driver {
    /// Writes one group of what waits; false if nothing waits or the log has failed. Tiles and the `checkpoint` file are left alone.
    pub fn step(&mut self) -> bool {
        self.0.step()
    }
    /// Writes tiles and the `checkpoint` file up to now.
    pub fn publish(&mut self) {
        self.0.publish();
    }
}

/// What the log is doing.
#[derive(Debug, Clone, Default, serde::Serialize)]
pub struct LogState {
    /// Whether records are being accepted.
    pub healthy: bool,
    /// Why not.
    pub why: Option<String>,
    /// Number of entries.
    pub size: u64,
    /// The epoch.
    pub epoch: u32,
    /// Records that wait.
    pub queue: usize,
    /// How long the last sync took, ms.
    pub last_sync_ms: f64,
    /// Groups written since the log was opened.
    pub groups: u64,
    /// Records written since the log was opened.
    pub records: u64,
    /// Bytes written since the log was opened.
    pub bytes: u64,
}

/// Something that waits to be written.
#[derive(Debug)]
pub(crate) struct Waiting {
    pub draft: Draft,
    pub done: Done,
}

/// Whoever waits for an entry to be durable.
#[derive(Debug)]
pub(crate) enum Done {
    Position(oneshot::Sender<Result<Position, AppendError>>),
    Receipt(oneshot::Sender<Result<Receipt, AppendError>>),
}

/// A group that became durable.
#[derive(Debug)]
pub(crate) struct Written<'a> {
    pub epoch: u32,
    pub first: u64,
    pub salts: &'a [u8],
    pub checkpoint: Arc<Checkpoint>,
    /// Made only where somebody wants a receipt.
    pub paths: Option<NewestPaths>,
}

impl Written<'_> {
    fn receipt(&self, nth: usize, position: Position) -> Result<Receipt, AppendError> {
        let salt = self.salts.get(nth * SALT_LEN..).and_then(|s| s.first_chunk().copied());
        let path = self.paths.as_ref().and_then(|p| p.path(position.index));
        let (Some(salt), Some(path)) = (salt, path) else { return Err(AppendError::Failed) };
        Ok(Receipt { position, salt, path, checkpoint: self.checkpoint.clone() })
    }
}

impl Done {
    /// Tells that the nth of the group is durable.
    pub(crate) fn written(self, group: &Written<'_>, nth: usize) {
        let position = Position { epoch: group.epoch, index: group.first + nth as u64 };
        match self {
            Self::Position(done) => drop(done.send(Ok(position))),
            Self::Receipt(done) => drop(done.send(group.receipt(nth, position))),
        }
    }
    /// Tells that it was not recorded.
    pub(crate) fn refused(self, why: AppendError) {
        match self {
            Self::Position(done) => drop(done.send(Err(why))),
            Self::Receipt(done) => drop(done.send(Err(why))),
        }
    }
}

/// What the writer finds when it looks.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    pub waiting: Vec<Waiting>,
    pub bytes: usize,
    /// Whoever wants the active segment sealed, or the checkpoint published.
    pub commands: Vec<(Command, oneshot::Sender<()>)>,
    pub closing: bool,
    pub failed: bool,
    /// The writer sleeps and must be woken; for how many waiting.
    pub wake_at: usize,
}

/// What the writer is asked besides writing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Command {
    /// Seal the active segment, if it has entries, so that it can be rewritten.
    Rotate,
    /// Write tiles and the `checkpoint` file up to now.
    Publish,
}

/// What the users of a log and its writer share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub queue: Mutex<Queue>,
    pub wake: Condvar,
    pub checkpoint: Mutex<Arc<Checkpoint>>,
    pub trouble: Mutex<Option<String>>,
    pub epoch: u32,
    pub queue_max: usize,
    pub sync_micros: AtomicU64,
    pub groups: AtomicU64,
    pub records: AtomicU64,
    pub bytes: AtomicU64,
}

#[derive(Debug)]
struct Owner {
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
    cfg: LogConfig,
    disk: Disk,
    clock: Clock,
    key: LogKey,
    lock: Mutex<Option<Lock>>,
}

/// The message log of a process. Clones are the same log.
#[derive(Debug, Clone)]
pub struct Log(Arc<Owner>);

impl Log {
    /// Opens the log in the folder, recovers what a power cut left, and goes on in its last epoch; begins the first epoch if
    /// there is none. One writer at a time.
    pub fn open(cfg: LogConfig, key: LogKey, clock: Clock) -> Result<Self, LogError> {
        Self::open_on(Disk::Real, cfg, key, clock)
    }

    /// The same on a disk of choice.
    pub fn open_on(disk: Disk, cfg: LogConfig, key: LogKey, clock: Clock) -> Result<Self, LogError> {
        let dir = cfg.dir.clone();
        let (log, writer, opening) = Self::open_parts(disk, cfg, key, clock)?;
        let thread = std::thread::Builder::new().name("message-log".into()).spawn(move || writer.run());
        *log.0.thread.lock() = Some(thread.map_err(|e| LogError::Io(dir, e))?);
        if let Some(record) = opening {
            let entry = log.append(Draft::of(None, record)).and_then(Ticket::wait);
            entry.map_err(LogError::unopened)?;
        }
        Ok(log)
    }

    /// The same without a thread: what is appended is written when the driver is stepped, one group a step. For simulations, which must
    /// repeat themselves.
    pub fn open_driven(
        disk: Disk,
        cfg: LogConfig,
        key: LogKey,
        clock: Clock,
    ) -> Result<(Self, Driver), LogError> {
        let (log, writer, opening) =
            Self::open_parts(disk, LogConfig { gather: Duration::ZERO, ..cfg }, key, clock)?;
        let mut driver = Driver(writer);
        if let Some(record) = opening {
            let ticket = log.append(Draft::of(None, record)).map_err(LogError::unopened)?;
            driver.step();
            ticket.wait().map_err(LogError::unopened)?;
        }
        Ok((log, driver))
    }

    fn open_parts(
        disk: Disk,
        cfg: LogConfig,
        key: LogKey,
        clock: Clock,
    ) -> Result<(Self, writer::Writer, Option<bytes::Bytes>), LogError> {
        let expected = origin_name(&cfg.node_name);
        if key.name() != expected {
            return Err(LogError::Config(format!(
                "the log key is named {:?}, expected {expected:?}",
                key.name()
            )));
        }
        let io = |e| LogError::Io(cfg.dir.clone(), e);
        disk.create_dir_all(&cfg.dir).map_err(io)?;
        let lock = match disk.lock(&cfg.dir.join("lock")) {
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => return Err(LogError::Locked(cfg.dir.clone())),
            other => other.map_err(io)?,
        };
        let tail = recover::recover(&disk, &cfg, &key, &clock)?;
        let shared = Arc::new(Shared {
            queue: Mutex::new(Queue::default()),
            wake: Condvar::new(),
            checkpoint: Mutex::new(Arc::new(tail.checkpoint.clone())),
            trouble: Mutex::new(None),
            epoch: tail.epoch,
            queue_max: cfg.queue_max.max(1),
            sync_micros: AtomicU64::new(0),
            groups: AtomicU64::new(0),
            records: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
        });
        let opening = tail.opening.clone();
        let writer =
            writer::Writer::new(shared.clone(), disk.clone(), cfg.clone(), key.clone(), clock.clone(), tail);
        let log = Self(Arc::new(Owner {
            shared,
            thread: Mutex::new(None),
            cfg,
            disk,
            clock,
            key,
            lock: Mutex::new(Some(lock)),
        }));
        Ok((log, writer, opening))
    }

    /// Hands over a record. Never blocks; the ticket completes when the record is durable.
    pub fn append(&self, draft: Draft) -> Result<Ticket, AppendError> {
        let (done, ticket) = oneshot::channel();
        self.enqueue(draft, Done::Position(done))?;
        Ok(Ticket(ticket))
    }

    /// The same, for a ticket that also brings what shows to others that the record is in the log.
    pub fn append_with_receipt(&self, draft: Draft) -> Result<ReceiptTicket, AppendError> {
        let (done, ticket) = oneshot::channel();
        self.enqueue(draft, Done::Receipt(done))?;
        Ok(ReceiptTicket(ticket))
    }

    fn enqueue(&self, draft: Draft, done: Done) -> Result<(), AppendError> {
        draft.check()?;
        let weight = draft.weight();
        let shared = &self.0.shared;
        let mut q = shared.queue.lock();
        if q.failed || q.closing {
            return Err(AppendError::Failed);
        }
        if q.waiting.len() >= shared.queue_max || (q.bytes + weight > QUEUE_BYTES_MAX && q.bytes > 0) {
            return Err(AppendError::QueueFull);
        }
        q.bytes += weight;
        q.waiting.push(Waiting { draft, done });
        let wake = q.wake_at > 0 && q.waiting.len() >= q.wake_at;
        if wake {
            q.wake_at = 0;
        }
        drop(q);
        if wake {
            shared.wake.notify_one();
        }
        Ok(())
    }

    /// The last durable checkpoint.
    pub fn checkpoint(&self) -> Arc<Checkpoint> {
        self.0.shared.checkpoint.lock().clone()
    }

    /// Whether the last record was taken and nothing is known to be in the way of the next: cheap, to be asked for every call.
    pub fn takes_records(&self) -> bool {
        self.0.shared.trouble.lock().is_none() && !self.0.shared.queue.lock().failed
    }

    /// What the log is doing.
    pub fn state(&self) -> LogState {
        let s = &self.0.shared;
        let (queue, failed) = {
            let q = s.queue.lock();
            (q.waiting.len(), q.failed || q.closing)
        };
        let why = s.trouble.lock().clone();
        LogState {
            healthy: !failed && why.is_none(),
            why,
            size: s.checkpoint.lock().size,
            epoch: s.epoch,
            queue,
            last_sync_ms: s.sync_micros.load(Ordering::Relaxed) as f64 / 1e3,
            groups: s.groups.load(Ordering::Relaxed),
            records: s.records.load(Ordering::Relaxed),
            bytes: s.bytes.load(Ordering::Relaxed),
        }
    }

    /// How the log is kept.
    pub fn config(&self) -> &LogConfig {
        &self.0.cfg
    }
    /// The clock it goes by.
    pub fn clock(&self) -> &Clock {
        &self.0.clock
    }
    /// The public key that checks its checkpoints, as text.
    pub fn verifier(&self) -> String {
        self.0.key.verifier()
    }
    /// The disk it is on.
    pub fn disk(&self) -> &Disk {
        &self.0.disk
    }

    /// Seals the active segment, so that retention can rewrite it. Waits.
    pub fn rotate(&self) -> Result<(), AppendError> {
        self.command(Command::Rotate)
    }
    /// Writes tiles and the `checkpoint` file up to now. Waits.
    pub fn publish(&self) -> Result<(), AppendError> {
        self.command(Command::Publish)
    }
    fn command(&self, command: Command) -> Result<(), AppendError> {
        let (done, answer) = oneshot::channel();
        let mut q = self.0.shared.queue.lock();
        if q.failed || q.closing {
            return Err(AppendError::Failed);
        }
        q.commands.push((command, done));
        drop(q);
        self.0.shared.wake.notify_one();
        crate::draft::block_on(answer).map_err(|_| AppendError::Failed)
    }

    /// Writes what waits, ends the writer and lets go of the folder. Waits for the last sync.
    pub fn close(&self) {
        self.0.close();
    }
}

impl Owner {
    fn close(&self) {
        self.shared.queue.lock().closing = true;
        self.shared.wake.notify_one();
        if let Some(thread) = self.thread.lock().take() {
            let _ = thread.join();
        }
        self.lock.lock().take();
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        self.close();
    }
}
