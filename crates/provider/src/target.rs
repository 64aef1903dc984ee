//! One address of a provider: its connections, its breaker, its health, and how much is in progress with it.

use crate::breaker::{Admission, Breaker, BreakerState};
use crate::connect::TlsSettings;
use crate::dice;
use crate::h1::H1Conn;
use crate::h2::H2Pool;
use http::HeaderValue;
use http::uri::{Authority, Scheme};
use lgsp_kernel::Clock;
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// What active health checks say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    /// There are none, or none has ended yet.
    Unknown,
    /// The last one was answered.
    Up,
    /// The last ones failed.
    Down,
}

/// A target.
pub(crate) struct Target {
    /// As declared: for records, metrics and logs.
    pub(crate) name: Arc<str>,
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) scheme: Scheme,
    pub(crate) authority: Authority,
    pub(crate) host_header: HeaderValue,
    /// Its base path, without a final slash; empty for the root.
    pub(crate) base: String,
    /// Its path as declared, for calls without a path of their own.
    pub(crate) root: String,
    pub(crate) weight: u32,
    pub(crate) tls: Option<TlsSettings>,
    pub(crate) breaker: Mutex<Breaker>,
    pub(crate) h2: H2Pool,
    pub(crate) connections_opened: AtomicU64,
    in_flight: AtomicU32,
    health: AtomicU8,
    idle: Mutex<Vec<H1Conn>>,
    idle_max: usize,
    idle_for: Duration,
    retired: AtomicBool,
}

/// Where a target is.
pub(crate) struct Place {
    pub(crate) name: Arc<str>,
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) scheme: Scheme,
    pub(crate) authority: Authority,
    pub(crate) host_header: HeaderValue,
    pub(crate) base: String,
    pub(crate) root: String,
    pub(crate) weight: u32,
}

impl Target {
    pub(crate) fn new(
        place: Place,
        tls: Option<TlsSettings>,
        breaker: Breaker,
        config: &crate::ProviderConfig,
    ) -> Self {
        Self {
            name: place.name,
            host: place.host,
            port: place.port,
            scheme: place.scheme,
            authority: place.authority,
            host_header: place.host_header,
            base: place.base,
            root: place.root,
            weight: place.weight,
            tls,
            breaker: Mutex::new(breaker),
            h2: H2Pool::new(config.h2_connections_max, config.h2_streams),
            connections_opened: AtomicU64::new(0),
            in_flight: AtomicU32::new(0),
            health: AtomicU8::new(0),
            idle: Mutex::new(Vec::new()),
            idle_max: config.idle_max,
            idle_for: config.idle_for,
            retired: AtomicBool::new(false),
        }
    }

    /// An idle connection that is still good; the one used last is the likeliest.
    pub(crate) fn checkout(&self) -> Option<H1Conn> {
        loop {
            let mut conn = self.idle.lock().pop()?;
            if !conn.has_expired(self.idle_for) && conn.is_good() {
                return Some(conn);
            }
        }
    }

    /// Takes a connection back, or closes it where there are enough.
    pub(crate) fn park(&self, mut conn: H1Conn) {
        conn.idle_since = Instant::now();
        let mut idle = self.idle.lock();
        if idle.len() < self.idle_max && !self.retired.load(Ordering::Relaxed) {
            idle.push(conn);
        }
    }

    /// Closes idle connections that are too old or that the provider closed.
    pub(crate) fn sweep(&self) {
        self.idle.lock().retain_mut(|c| !c.has_expired(self.idle_for) && c.is_good());
        self.h2.sweep();
    }

    /// Closes idle connections and takes none back: the version changed or is gone.
    pub(crate) fn retire(&self) {
        self.retired.store(true, Ordering::Relaxed);
        self.idle.lock().clear();
        self.h2.clear();
    }

    pub(crate) fn in_flight(&self) -> u32 {
        self.in_flight.load(Ordering::Relaxed)
    }
    pub(crate) fn idle(&self) -> usize {
        self.idle.lock().len()
    }
    pub(crate) fn breaker_state(&self) -> (BreakerState, u64) {
        let breaker = self.breaker.lock();
        (breaker.state(), breaker.opened())
    }
    pub(crate) fn health(&self) -> Health {
        match self.health.load(Ordering::Relaxed) {
            0 => Health::Unknown,
            1 => Health::Up,
            _ => Health::Down,
        }
    }
    pub(crate) fn set_health(&self, up: bool) {
        self.health.store(if up { 1 } else { 2 }, Ordering::Relaxed);
    }

    /// Begins an exchange, if the breaker and the bound allow.
    pub(crate) fn claim(self: &Arc<Self>, clock: &Clock, in_flight_max: u32) -> Result<Claim, NotNow> {
        if self.in_flight.fetch_add(1, Ordering::Relaxed) >= in_flight_max {
            self.in_flight.fetch_sub(1, Ordering::Relaxed);
            return Err(NotNow::Full);
        }
        let probe = match self.breaker.lock().admit(clock.now()) {
            Admission::Pass => false,
            Admission::Probe => true,
            Admission::Wait(ms) => {
                self.in_flight.fetch_sub(1, Ordering::Relaxed);
                return Err(NotNow::Broken(ms));
            }
        };
        Ok(Claim { target: self.clone(), clock: clock.clone(), probe, failed: false })
    }
}

/// Why an exchange cannot begin at a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NotNow {
    /// As many as allowed are in progress.
    Full,
    /// Its breaker is open for so many milliseconds more.
    Broken(i64),
    /// Health checks say that it is down.
    Down,
}

/// An exchange in progress with a target. Dropping it ends the exchange; what it says before that moves the breaker.
pub(crate) struct Claim {
    target: Arc<Target>,
    clock: Clock,
    /// It is the one that tries a target whose breaker was open.
    probe: bool,
    failed: bool,
}

impl Claim {
    pub(crate) fn target(&self) -> &Arc<Target> {
        &self.target
    }
    /// A usable head came.
    pub(crate) fn answered(&mut self) {
        if self.probe {
            self.target.breaker.lock().answered(true);
            self.probe = false;
        }
    }
    /// The whole answer came; good unless its head already said otherwise.
    pub(crate) fn completed(&mut self) {
        if !self.failed {
            self.target.breaker.lock().completed();
        }
    }
    /// The target failed. Counts once.
    pub(crate) fn failed(&mut self) {
        if std::mem::replace(&mut self.failed, true) {
            return;
        }
        self.target.breaker.lock().failed(self.clock.now(), self.probe, dice::byte());
        self.probe = false;
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.target.in_flight.fetch_sub(1, Ordering::Relaxed);
        if self.probe {
            self.target.breaker.lock().abandoned(self.clock.now());
        }
    }
}
