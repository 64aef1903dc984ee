//! The ledger under load: requests wait for the group that makes their key durable, and one thread writes groups, as the message log does.

use super::ledger::{Begun, Group, Ledger, LedgerConfig, LedgerError};
use super::{Ended, Key};
use lgsp_evidence::disk::Disk;
use lgsp_kernel::{Clock, ExchangeId, Refusal, fault};
use parking_lot::{Condvar, Mutex};
use std::sync::Arc;
use std::thread::JoinHandle;
use tokio::sync::oneshot;

/// Says that a group is durable, or why it is not.
type Done = oneshot::Sender<Result<(), String>>;

#[derive(Debug)]
struct Inner {
    ledger: Ledger,
    waiting: Vec<Done>,
    closing: bool,
    closed: bool,
}

#[derive(Debug)]
struct Shared {
    inner: Mutex<Inner>,
    wake: Condvar,
    clock: Clock,
}

#[derive(Debug)]
struct Owner {
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// The keys of a node. Clones are the same store.
#[derive(Debug, Clone)]
pub struct IdempotencyStore(Arc<Owner>);

/// The right to forward the request of a key, once. Dropped without a word after it was granted, its outcome is unknown.
#[derive(Debug)]
pub struct Permit {
    store: IdempotencyStore,
    key: Key,
    exchange: ExchangeId,
    granted: bool,
    ended: bool,
}

impl IdempotencyStore {
    /// Opens the store in its folder.
    pub fn open(disk: Disk, cfg: LedgerConfig, clock: Clock) -> Result<Self, LedgerError> {
        let dir = cfg.dir.clone();
        let ledger = Ledger::open(disk, cfg, clock.now())?;
        let inner = Mutex::new(Inner { ledger, waiting: Vec::new(), closing: false, closed: false });
        let shared = Arc::new(Shared { inner, wake: Condvar::new(), clock });
        let writer = shared.clone();
        let thread = std::thread::Builder::new()
            .name("idempotency".into())
            .spawn(move || writer.work())
            .map_err(|e| LedgerError::Io(dir, e))?;
        Ok(Self(Arc::new(Owner { shared, thread: Mutex::new(Some(thread)) })))
    }

    /// Asks whether the request of this key may be forwarded. With `New` comes the permit, and the key is durable. `again` says that the
    /// operation may be repeated without harm; `request` is a digest of what is asked for, without what changes from try to try.
    pub async fn begin(
        &self,
        key: Key,
        request: [u8; 32],
        exchange: ExchangeId,
        again: bool,
    ) -> Result<(Begun, Option<Permit>), Refusal> {
        let shared = &self.0.shared;
        let (begun, durable) = {
            let mut inner = shared.inner.lock();
            let begun = inner.ledger.begin(key, request, exchange, again, shared.clock.now());
            let begun = begun.map_err(|e| not_recorded(&e))?;
            let durable = (begun == Begun::New).then(|| inner.wait());
            (begun, durable)
        };
        let Some(durable) = durable else { return Ok((begun, None)) };
        let mut permit = Permit { store: self.clone(), key, exchange, granted: false, ended: false };
        shared.wake.notify_one();
        match durable.await {
            Ok(Ok(())) => {
                permit.granted = true;
                Ok((begun, Some(permit)))
            }
            Ok(Err(why)) => Err(not_recorded(&why)),
            Err(_) => Err(not_recorded(&"the store of idempotency keys was closed")),
        }
    }

    /// Keys that are remembered.
    pub fn len(&self) -> usize {
        self.0.shared.inner.lock().ledger.len()
    }
    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Writes what waits and ends the thread. What is asked afterwards is refused.
    pub fn close(&self) {
        self.0.close();
    }
}

fn not_recorded(why: &dyn std::fmt::Display) -> Refusal {
    Refusal::new(&fault::NOT_RECORDED, "The idempotency key could not be recorded.").with_internal(why)
}

impl Permit {
    /// Notes how the request ended, and waits until that is durable. An answer is given after that: a request that comes again gets it.
    pub async fn end(mut self, ended: Ended) -> Result<(), Refusal> {
        self.ended = true;
        let durable = self.note(ended);
        match durable.await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(why)) => Err(Refusal::new(&fault::ANSWER_NOT_RECORDED, "").with_internal(why)),
            Err(_) => Err(Refusal::new(&fault::ANSWER_NOT_RECORDED, "").with_internal("closed")),
        }
    }

    fn note(&self, ended: Ended) -> oneshot::Receiver<Result<(), String>> {
        let shared = &self.store.0.shared;
        let mut inner = shared.inner.lock();
        inner.ledger.end(self.key, self.exchange, ended, shared.clock.now());
        let durable = inner.wait();
        drop(inner);
        shared.wake.notify_one();
        durable
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if !self.ended {
            // Nothing was forwarded while it was not granted.
            drop(self.note(if self.granted { Ended::Unknown } else { Ended::NotForwarded }));
        }
    }
}

impl Inner {
    /// Joins the group that is being gathered.
    fn wait(&mut self) -> oneshot::Receiver<Result<(), String>> {
        let (done, durable) = oneshot::channel();
        if !self.closed {
            self.waiting.push(done);
        }
        durable
    }
}

impl Shared {
    fn work(&self) {
        let mut inner = self.inner.lock();
        loop {
            while !inner.ledger.waits() && inner.waiting.is_empty() {
                if inner.closing {
                    inner.closed = true;
                    return;
                }
                self.wake.wait(&mut inner);
            }
            let waiting = std::mem::take(&mut inner.waiting);
            let taken = inner.ledger.take(self.clock.now());
            let result = match taken {
                Ok(Some(group)) => {
                    let written = parking_lot::MutexGuard::unlocked(&mut inner, || written(&group));
                    inner.ledger.written(group, written)
                }
                Ok(None) => Ok(()),
                Err(e) => {
                    inner.ledger.drop_gathered();
                    Err(e)
                }
            };
            let result = result.map_err(|e| e.to_string());
            if let Err(why) = &result {
                tracing::error!(why, "idempotency keys were not written; nothing under them is forwarded");
                // What was gathered meanwhile was taken back with it.
                finish(std::mem::take(&mut inner.waiting), &result);
            }
            finish(waiting, &result);
        }
    }
}

fn written(group: &Group) -> std::io::Result<()> {
    group.write()
}

fn finish(waiting: Vec<Done>, result: &Result<(), String>) {
    for done in waiting {
        let _ = done.send(result.clone());
    }
}

impl Owner {
    fn close(&self) {
        self.shared.inner.lock().closing = true;
        self.shared.wake.notify_one();
        if let Some(thread) = self.thread.lock().take() {
            let _ = thread.join();
        }
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        self.close();
    }
}
