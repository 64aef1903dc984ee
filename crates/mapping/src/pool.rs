//! The pool of worker processes: starts them when they are needed, gives each one message at a time, ends those that take too long,
//! and keeps mappings that break their bounds from the others. What a worker does is in `worker`.

use crate::frame::{self, Answer, Ask};
use crate::limits::{ENVIRONMENT, LOOK, PREPARE_TIME, PoolConfig};
use crate::mapping::{CallVars, MapError, Mapping};
use crate::spent::processor_time;
use crate::standing::{Admission, Standings};
use crate::worker::WORKER_ARGUMENT;
use bytes::Bytes;
use parking_lot::Mutex;
use std::collections::HashSet;
use std::io;
use std::os::unix::process::ExitStatusExt as _;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{Instant as Deadline, timeout, timeout_at};

/// Seconds after which a caller may try again when no worker was free.
const RETRY_AFTER: u32 = 1;
/// Signals of a process that ran out of memory (abort) or stack (segmentation fault, bus error); signal(7).
const OUT_OF_MEMORY: [i32; 3] = [6, 11, 7];

/// A pool of workers. Cheap to clone. Nothing runs before the first message.
#[derive(Debug, Clone)]
pub struct Pool {
    inner: Arc<Inner>,
}

/// What a pool did since it was made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PoolCounts {
    /// Workers started.
    pub started: u64,
    /// Workers lost or ended for breaking their bounds.
    pub lost: u64,
    /// Messages handed to workers.
    pub messages: u64,
    /// Workers that wait for work.
    pub idle: usize,
}

#[derive(Debug)]
struct Inner {
    config: PoolConfig,
    /// One permit a worker.
    slots: Semaphore,
    /// Fewer: for mappings that broke their bounds.
    suspects: Semaphore,
    waiting: AtomicUsize,
    idle: Mutex<Vec<Worker>>,
    standings: Mutex<Standings>,
    started: AtomicU64,
    lost: AtomicU64,
    messages: AtomicU64,
}

#[derive(Debug)]
struct Worker {
    child: Child,
    input: ChildStdin,
    output: ChildStdout,
    prepared: HashSet<Arc<str>>,
    since: Instant,
}

impl Pool {
    /// A pool; starts nothing yet.
    pub fn new(mut config: PoolConfig) -> Self {
        config.workers = config.workers.max(2);
        let inner = Inner {
            slots: Semaphore::new(config.workers),
            suspects: Semaphore::new((config.workers / 2).max(1)),
            waiting: AtomicUsize::new(0),
            idle: Mutex::default(),
            standings: Mutex::default(),
            started: AtomicU64::new(0),
            lost: AtomicU64::new(0),
            messages: AtomicU64::new(0),
            config,
        };
        Self { inner: Arc::new(inner) }
    }

    /// Counts for metrics.
    pub fn counts(&self) -> PoolCounts {
        PoolCounts {
            started: self.inner.started.load(Ordering::Relaxed),
            lost: self.inner.lost.load(Ordering::Relaxed),
            messages: self.inner.messages.load(Ordering::Relaxed),
            idle: self.inner.idle.lock().len(),
        }
    }

    /// Maps one message, JSON in and out. Ends before the deadline, or when the worker has had the processor for the limit of time.
    /// A message that the machine had no time for until the deadline is refused as busy. Dropping the future ends its worker.
    pub async fn run(
        &self,
        mapping: &Mapping,
        input: Bytes,
        call: &CallVars,
        deadline: Deadline,
    ) -> Result<Bytes, MapError> {
        let inner = &self.inner;
        let size = input.len().max(call.request.as_ref().map_or(0, Bytes::len));
        if size > inner.config.limits.input {
            return Err(MapError::Output);
        }
        let _slots = inner.admit(&mapping.digest, deadline).await?;
        let result = inner.run(mapping, &input, call, deadline).await;
        match &result {
            Err(MapError::Time | MapError::Memory) => {
                inner.standings.lock().strike(&mapping.digest, Instant::now())
            }
            Ok(_) | Err(MapError::Failed { .. }) => inner.standings.lock().good(&mapping.digest),
            Err(_) => {}
        }
        inner.messages.fetch_add(1, Ordering::Relaxed);
        self.end_idle_later();
        result
    }

    /// Ends workers that have had no work for a while; one task at a time looks after them while there are any.
    fn end_idle_later(&self) {
        let weak = Arc::downgrade(&self.inner);
        let idle = self.inner.config.idle;
        if self.inner.idle.lock().len() != 1 {
            return;
        }
        tokio::spawn(async move {
            tokio::time::sleep(idle + Duration::from_millis(10)).await;
            if let Some(inner) = weak.upgrade() {
                inner.idle.lock().retain(|worker| worker.since.elapsed() < idle);
            }
        });
    }
}

/// The permits of one message: of the suspects where it is one, and of a worker.
type Slots<'a> = (Option<SemaphorePermit<'a>>, SemaphorePermit<'a>);

/// Counts one who waits, for as long as it lives.
struct Waiting<'a>(&'a AtomicUsize);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Inner {
    /// A worker's slot, by how the mapping stands when its turn has come.
    async fn admit(&self, digest: &str, deadline: Deadline) -> Result<Slots<'_>, MapError> {
        let mut admission = self.admission(digest)?;
        loop {
            let slots = self.slots(admission == Admission::Suspect, deadline).await?;
            let now = self.admission(digest)?;
            if now != Admission::Suspect || admission == Admission::Suspect {
                return Ok(slots);
            }
            // it broke its bounds while this message waited: the slot goes to the next, and this one to the back
            admission = now;
        }
    }

    fn admission(&self, digest: &str) -> Result<Admission, MapError> {
        match self.standings.lock().admit(digest, Instant::now()) {
            Admission::Resting(rest) => {
                let retry_after = u32::try_from(rest.as_secs()).unwrap_or(u32::MAX).saturating_add(1);
                Err(MapError::Busy { resting: true, retry_after })
            }
            admission => Ok(admission),
        }
    }

    async fn slots(&self, suspect: bool, deadline: Deadline) -> Result<Slots<'_>, MapError> {
        let busy = || MapError::Busy { resting: false, retry_after: RETRY_AFTER };
        if let Some(slots) = self.free_slots(suspect) {
            return Ok(slots);
        }
        let before = self.waiting.fetch_add(1, Ordering::Relaxed);
        let _waiting = Waiting(&self.waiting);
        if before >= self.config.queue {
            return Err(busy());
        }
        let acquire = async {
            let first = if suspect { Some(self.suspects.acquire().await?) } else { None };
            Ok::<_, tokio::sync::AcquireError>((first, self.slots.acquire().await?))
        };
        timeout_at(deadline, acquire).await.map_err(|_| busy())?.map_err(|_| busy())
    }

    /// Slots without waiting. A slot that others wait for goes to them.
    fn free_slots(&self, suspect: bool) -> Option<Slots<'_>> {
        let first = if suspect { Some(self.suspects.try_acquire().ok()?) } else { None };
        Some((first, self.slots.try_acquire().ok()?))
    }

    async fn run(
        &self,
        mapping: &Mapping,
        input: &Bytes,
        call: &CallVars,
        deadline: Deadline,
    ) -> Result<Bytes, MapError> {
        let mut worker = self.ready(mapping).await?;
        let limits = self.config.limits;
        let ask = Ask::Run {
            digest: mapping.digest.to_string(),
            call: call.clone(),
            request: call.request.is_some(),
            output: limits.output,
        };
        let request = call.request.clone().unwrap_or_default();
        let answer = match self.bounded(&mut worker, &ask, (input, &request), deadline).await {
            Err(given_up) => {
                self.end(worker);
                if given_up != MapError::Time {
                    self.standings.lock().doubt(&mapping.digest);
                }
                return Err(given_up);
            }
            Ok(Err(_)) => return Err(self.bury(worker).await),
            Ok(Ok(answer)) => answer,
        };
        let result = match answer {
            (Answer::Done, body) => Ok(Bytes::from(body)),
            (Answer::Failed { line, field, message }, _) => Err(MapError::Failed { line, field, message }),
            (Answer::Output, _) => {
                drop(worker);
                return Err(MapError::Output);
            }
            (Answer::Unknown | Answer::Ready, _) => Err(MapError::Worker),
        };
        worker.since = Instant::now();
        self.idle.lock().push(worker);
        result
    }

    /// Asks, and looks how much of the processor the worker has had whenever that may be enough.
    async fn bounded(
        &self,
        worker: &mut Worker,
        ask: &Ask,
        (input, request): (&Bytes, &Bytes),
        deadline: Deadline,
    ) -> Result<io::Result<(Answer, Vec<u8>)>, MapError> {
        let most = self.config.limits.time;
        let pid = worker.child.id().unwrap_or_default();
        let before = processor_time(pid).unwrap_or_default();
        let mut answer = std::pin::pin!(worker.ask(ask, input, request));
        let mut left = most;
        loop {
            let until =
                Deadline::now().checked_add(left.max(LOOK)).map_or(deadline, |look| look.min(deadline));
            if let Ok(answer) = timeout_at(until, &mut answer).await {
                return Ok(answer);
            }
            let spent = processor_time(pid).unwrap_or_default().saturating_sub(before);
            if spent >= most {
                return Err(MapError::Time);
            }
            if Deadline::now() >= deadline {
                return Err(MapError::Busy { resting: false, retry_after: RETRY_AFTER });
            }
            left = most - spent;
        }
    }

    /// A worker that has the mapping compiled. One that was waiting and is gone is replaced.
    async fn ready(&self, mapping: &Mapping) -> Result<Worker, MapError> {
        loop {
            let waiting = self.take_idle(&mapping.digest);
            let fresh = waiting.is_none();
            let mut worker = match waiting {
                Some(worker) => worker,
                None => self.start().await?,
            };
            if worker.prepared.contains(&mapping.digest) {
                return Ok(worker);
            }
            match timeout(PREPARE_TIME, worker.prepare(mapping)).await {
                Ok(Ok(Answer::Ready)) => return Ok(worker),
                Ok(Ok(Answer::Failed { line, field, message })) => {
                    self.idle.lock().push(worker);
                    return Err(MapError::Failed { line, field, message });
                }
                _ => self.end(worker),
            }
            if fresh {
                return Err(MapError::Worker);
            }
        }
    }

    /// A waiting worker that still lives, rather one that has the mapping.
    fn take_idle(&self, digest: &str) -> Option<Worker> {
        let mut idle = self.idle.lock();
        loop {
            let prepared = idle.iter().rposition(|worker| worker.prepared.contains(digest));
            let at = prepared.or(idle.len().checked_sub(1))?;
            let mut worker = idle.swap_remove(at);
            if matches!(worker.child.try_wait(), Ok(None)) {
                return Some(worker);
            }
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    async fn start(&self) -> Result<Worker, MapError> {
        let started = self.spawn();
        let mut worker = started.map_err(|_| MapError::Worker)?;
        let ask = Ask::Start { memory: self.config.limits.memory };
        match timeout(PREPARE_TIME, worker.ask(&ask, &[], &[])).await {
            Ok(Ok((Answer::Ready, _))) => {
                self.started.fetch_add(1, Ordering::Relaxed);
                Ok(worker)
            }
            _ => Err(MapError::Worker),
        }
    }

    fn spawn(&self) -> io::Result<Worker> {
        let (program, arguments) = match &self.config.command {
            Some(command) => command.clone(),
            None => (std::env::current_exe()?, vec![WORKER_ARGUMENT.into()]),
        };
        let mut child = Command::new(program)
            .args(arguments)
            .env_clear()
            .envs(ENVIRONMENT)
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()?;
        let pipes = child.stdin.take().zip(child.stdout.take());
        let (input, output) = pipes.ok_or_else(|| io::Error::other("a worker without pipes"))?;
        Ok(Worker { child, input, output, prepared: HashSet::new(), since: Instant::now() })
    }

    /// Ends a worker that took too long.
    fn end(&self, worker: Worker) {
        self.lost.fetch_add(1, Ordering::Relaxed);
        drop(worker);
    }

    /// What a worker died of, that broke off while it had a message.
    async fn bury(&self, mut worker: Worker) -> MapError {
        self.lost.fetch_add(1, Ordering::Relaxed);
        let status = timeout(Duration::from_secs(1), worker.child.wait()).await;
        match status {
            Ok(Ok(status)) if status.signal().is_some_and(|s| OUT_OF_MEMORY.contains(&s)) => MapError::Memory,
            _ => MapError::Worker,
        }
    }
}

impl Worker {
    async fn prepare(&mut self, mapping: &Mapping) -> io::Result<Answer> {
        if self.prepared.len() >= crate::limits::MAX_COMPILED {
            // the worker drops those that it used longest ago; being told again does no harm
            self.prepared.clear();
        }
        let ask = Ask::Prepare {
            digest: mapping.digest.to_string(),
            text: mapping.text.to_string(),
            tables: (*mapping.tables).clone(),
        };
        let (answer, _) = self.ask(&ask, &[], &[]).await?;
        if matches!(answer, Answer::Ready) {
            self.prepared.insert(mapping.digest.clone());
        }
        Ok(answer)
    }

    async fn ask(&mut self, ask: &Ask, first: &[u8], second: &[u8]) -> io::Result<(Answer, Vec<u8>)> {
        self.input.write_all(&frame::head(ask, first.len(), second.len())?).await?;
        self.input.write_all(first).await?;
        self.input.write_all(second).await?;
        self.input.flush().await?;
        let mut lengths = [0; 12];
        self.output.read_exact(&mut lengths).await?;
        let [head, body, _] = frame::lengths(lengths)?;
        let mut bytes = vec![0; head];
        self.output.read_exact(&mut bytes).await?;
        let answer = serde_json::from_slice(&bytes)?;
        let mut bytes = vec![0; body];
        self.output.read_exact(&mut bytes).await?;
        Ok((answer, bytes))
    }
}
