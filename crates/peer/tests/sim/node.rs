//! A node in a history: its disk, what runs on it, its end and its next beginning. What runs is polled by the history, one log group at a time. Not here: what
//! it runs (`consumer`, `provider`).

use crate::cast::{self, B, B2, Book, H, role};
use crate::sim::{Crash, Event, Planted, Sim};
use bytes::Bytes;
use lgsp_evidence::disk::{Mode, Simulated};
use lgsp_evidence::{Archive, Checkpoint, Disk, Draft, Driver, Hash, Log, LogConfig, LogError, Ticket};
use lgsp_kernel::{ExchangeId, Millis, NodeName};
use lgsp_peer::idempotency::{Ledger, LedgerConfig, LedgerError};
use lgsp_peer::members::{CheckpointSink, Endpoint};
use lgsp_peer::transport::{Connect, Wire};
use lgsp_peer::{PeerConfig, PeerParts, Peers, Replay};
use lgsp_witness::{Monitor, Witness};
use parking_lot::Mutex;
use std::cell::{Cell, RefCell};
use std::future::Future;
use std::io;
use std::path::Path;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

/// Where a node's log is.
pub const LOG: &str = "/log";
/// How often a disk may fail in a row while a node starts.
const STARTS_MAX: u32 = 8;

pub type Task = Pin<Box<dyn Future<Output = ()>>>;

/// What a node's work has in its hands.
#[derive(Clone)]
pub struct Ctx {
    pub sim: Rc<Sim>,
    pub place: usize,
    pub peers: Peers,
    pub log: Log,
    pub ledger: Rc<RefCell<Ledger>>,
}

/// What runs.
pub struct Up {
    pub ctx: Ctx,
    driver: Driver,
    tasks: Vec<Task>,
    pub monitor: Arc<Monitor>,
    pub witness: Option<Witness>,
    sink: Arc<Sink>,
}

pub struct Node {
    sim: Rc<Sim>,
    pub place: usize,
    pub disk: Simulated,
    pub up: Option<Up>,
    life: u64,
    writing: Cell<bool>,
    failed_starts: u32,
    /// Checkpoints of others that it saw and cannot have forgotten.
    pub saw: Vec<(String, u64, Hash)>,
}

/// Checkpoints that came with messages: compared, and noted for the end of the history.
struct Sink {
    monitor: Option<Arc<Monitor>>,
    seen: Mutex<Vec<(String, u64, Hash)>>,
}

impl CheckpointSink for Sink {
    fn seen(&self, node: &NodeName, c: &Arc<Checkpoint>) {
        self.seen.lock().push((c.origin.clone(), c.size, c.root));
        if let Some(monitor) = &self.monitor {
            let _ = monitor.see_signed(c, node.as_str());
        }
    }
}

/// There are no sockets.
struct Nowhere;

impl Connect for Nowhere {
    fn connect<'a>(
        &'a self,
        _: &'a NodeName,
        _: &'a Endpoint,
    ) -> futures_util::future::BoxFuture<'a, io::Result<Box<dyn Wire>>> {
        Box::pin(async { Err(io::Error::other("there are no sockets")) })
    }
}

/// Why a node did not start.
enum NotUp {
    Disk(String),
    Never(String),
}

impl From<LogError> for NotUp {
    fn from(e: LogError) -> Self {
        match e {
            LogError::Io(..) | LogError::Config(_) => Self::Disk(e.to_string()),
            other => Self::Never(other.to_string()),
        }
    }
}

impl From<LedgerError> for NotUp {
    fn from(e: LedgerError) -> Self {
        match e {
            LedgerError::Io(..) => Self::Disk(e.to_string()),
            other => Self::Never(other.to_string()),
        }
    }
}

impl From<io::Error> for NotUp {
    fn from(e: io::Error) -> Self {
        Self::Disk(e.to_string())
    }
}

impl Node {
    pub fn new(sim: &Rc<Sim>, place: usize) -> Self {
        Self {
            sim: sim.clone(),
            place,
            disk: Simulated::default(),
            up: None,
            life: 0,
            writing: Cell::new(false),
            failed_starts: 0,
            saw: Vec::new(),
        }
    }

    fn disk(&self) -> Disk {
        Disk::Simulated(self.disk.clone())
    }
    pub fn archive(&self) -> Archive {
        Archive::open_on(self.disk(), LOG)
    }

    /// Starts the node, unless it runs.
    pub fn boot(&mut self) {
        if self.up.is_some() {
            return;
        }
        match self.start() {
            Ok(up) => {
                self.sim
                    .tell(|| format!("node {} starts with {} entries", self.place, up.ctx.log.state().size));
                (self.up, self.failed_starts) = (Some(up), 0);
                self.sim.off[self.place].set(false);
                self.life += 1;
                self.writing.set(false);
            }
            Err(NotUp::Disk(why)) if self.failed_starts < STARTS_MAX => {
                self.failed_starts += 1;
                self.sim.tell(|| format!("node {} does not start: {why}", self.place));
                if self.is_off() {
                    self.restart_disk();
                }
                self.sim.after(500, Event::Boot(self.place));
            }
            Err(NotUp::Disk(why) | NotUp::Never(why)) => {
                self.sim.wrong(format!("node {} does not start again: {why}", self.place));
            }
        }
    }

    fn start(&self) -> Result<Up, NotUp> {
        let (place, clock) = (self.place, self.sim.clock(self.place).clone());
        let role = role(place);
        let config = LogConfig {
            segment_bytes: 24_000,
            disk_reserve_bytes: 0,
            sync: !self.sim.has(Planted::NoSync),
            ..LogConfig::new(LOG, role.name.as_str())
        };
        let (log, driver) = Log::open_driven(self.disk(), config, role.log_key.clone(), clock.clone())?;
        let replay = if self.sim.has(Planted::ReplayNotReadBack) {
            Replay::new(Millis(0), [])
        } else {
            let read = Replay::read_back(&self.archive(), clock.now());
            read.map_err(|e| {
                if self.is_off() { NotUp::Disk(e.to_string()) } else { NotUp::Never(e.to_string()) }
            })?
        };
        let keys = LedgerConfig { segment_bytes: 4_000, ..LedgerConfig::new("/keys") };
        let ledger = Ledger::open(self.disk(), keys, clock.now())?;
        let monitor = Arc::new(Monitor::open_on(self.disk(), "/monitor", clock.clone(), cast::logs())?);
        let witness = match place {
            H => {
                let (disk, key) = (self.disk(), cast::witness_key());
                Some(Witness::open_on(disk, "/witness", key, clock.clone(), cast::logs())?)
            }
            _ => None,
        };
        let compares = !self.sim.has(Planted::NoComparison);
        let sink = Arc::new(Sink { monitor: compares.then(|| monitor.clone()), seen: Mutex::default() });
        let peers = Peers::new(PeerParts {
            node: role.name.clone(),
            log: log.clone(),
            clock,
            members: Arc::new(Book),
            connect: Arc::new(Nowhere),
            keys: cast::keys(place),
            sink: sink.clone(),
            replay,
            config: PeerConfig { relay: place == H, ..PeerConfig::default() },
        });
        let ledger = Rc::new(RefCell::new(ledger));
        let ctx = Ctx { sim: self.sim.clone(), place, peers, log, ledger };
        Ok(Up { ctx, driver, tasks: Vec::new(), monitor, witness, sink })
    }

    /// Whether the power went.
    pub fn is_off(&self) -> bool {
        self.disk()
            .open(Path::new("/nothing"), Mode::Read)
            .is_err_and(|e| e.kind() != io::ErrorKind::NotFound)
    }

    fn restart_disk(&mut self) {
        let mut random = self.sim.state().random.clone();
        self.disk = self.disk.restart(&mut random);
        self.sim.state().random = random;
    }

    /// Ends what runs; it starts again after a while.
    fn down(&mut self, why: &str) {
        if self.up.take().is_none() {
            return;
        }
        self.sim.off[self.place].set(true);
        let pause = 200 + self.sim.below(20_000);
        self.sim.tell(|| format!("node {} is down ({why}) for {pause} ms", self.place));
        self.sim.after(pause, Event::Boot(self.place));
    }

    pub fn crash(&mut self, how: Crash) {
        match how {
            Crash::Power => {
                self.disk.cut_power();
                self.settle();
            }
            Crash::PowerIn(operations) => self.disk.cut_power_in(operations),
            Crash::Process => self.down("process"),
            Crash::Sync(n) => self.disk.fail_sync_in(n),
            Crash::Write(n) => self.disk.fail_write_in(n),
        }
    }

    /// What was to fail later does not.
    pub fn heal(&mut self) {
        self.disk.cut_power_in(1 << 40);
        self.disk.fail_sync_in(1 << 40);
        self.disk.fail_write_in(1 << 40);
    }

    /// Notices a cut of power and a failed log; lets the log's writer run later, if something waits.
    fn settle(&mut self) {
        if self.is_off() {
            self.down("power");
            self.restart_disk();
            if self.sim.chance(25) && !self.sim.state().calm {
                // While it starts, or soon after.
                let operations = 1 + self.sim.below(60);
                self.disk.cut_power_in(operations);
            }
            return;
        }
        let Some(up) = &self.up else { return };
        let state = up.ctx.log.state();
        if !state.healthy {
            return self.down("failed log");
        }
        if state.queue > 0 && !self.writing.replace(true) {
            let delay = 1 + self.sim.below(8);
            self.sim.after(delay, Event::Write(self.place, self.life));
        }
    }

    /// Gives the node something to do.
    pub fn spawn(&mut self, task: impl FnOnce(Ctx) -> Task) {
        if let Some(up) = &mut self.up {
            up.tasks.push(task(up.ctx.clone()));
            self.run();
        }
    }

    /// Lets everything run until it waits.
    pub fn run(&mut self) {
        if let Some(up) = &mut self.up {
            let mut context = Context::from_waker(Waker::noop());
            up.tasks.retain_mut(|task| task.as_mut().poll(&mut context) == Poll::Pending);
        }
        self.settle();
    }

    /// The log's writer runs once, if it is still the same life.
    pub fn write(&mut self, life: u64) {
        if life != self.life {
            return;
        }
        self.writing.set(false);
        if let Some(up) = &mut self.up {
            up.driver.step();
            if self.is_off() {
                return self.settle();
            }
        }
        self.run();
    }

    /// What was seen before now is written, so that a crash does not forget it.
    pub fn saved(&mut self) {
        if let Some(up) = &self.up {
            self.saw.append(&mut up.sink.seen.lock());
        }
    }

    /// The leaves of its log.
    pub fn leaves(&self) -> Vec<Hash> {
        let archive = self.archive();
        let entries = archive.entries(1, 0..u64::MAX).into_iter().flatten();
        entries.map_while(Result::ok).map(|found| lgsp_evidence::hash::leaf(&found.entry)).collect()
    }
}

impl Ctx {
    /// Appends a record of the exchange, with no more in it than this history asks for.
    pub fn exchange(&self, exchange: ExchangeId, part: &str, outcome: &str) -> Option<Ticket> {
        let at = self.sim.clock(self.place).now().0;
        let record = format!(
            r#"{{"type":"exchange","id":"{exchange}","part":"{part}","at":{at},"edge":"peer","outcome":"{outcome}"}}"#
        );
        self.log.append(Draft::of(Some(exchange), Bytes::from(record))).ok()
    }
    /// Whether this place stands for a node that keeps one log.
    pub fn now(&self) -> Millis {
        self.sim.clock(self.place).now()
    }
}

/// Which place answers for a node, where it may lie to this neighbour.
pub fn facing(sim: &Sim, to: usize, from: usize) -> usize {
    if to == B && from == H && sim.state().plan.liar { B2 } else { to }
}
