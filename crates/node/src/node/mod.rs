//! A whole node inside a running tokio runtime: what `serve` starts, and what the demo and tests start beside others in one process.
//! No globals but the metrics recorder.

mod admin;
pub(crate) mod federation;
mod key_copy;
mod neighbours;
mod open;
mod parts;
mod reload;
mod tasks;

pub use parts::{gateway_config, identity_config, log_config, provider_config, retention_policy};
pub use reload::Reloaded;

use crate::config::Config;
use crate::log_key::LogKeyError;
use crate::master_key::MasterKeyError;
use crate::setup::SetupError;
use crate::telemetry::logs::LogControl;
use crate::telemetry::traces::Traces;
use arc_swap::ArcSwap;
use lgsp_evidence::{Log, LogError};
use lgsp_gateway::{Gateway, QuotaLedger, SecurityEvents, Shutdown, TlsAcceptorHandle};
use lgsp_identity::{Identity, IdentityError};
use lgsp_kernel::{Clock, Vault};
use lgsp_provider::Providers;
use lgsp_registry::{EditError, Registry};
use lgsp_store::{Store, StoreError};
use lgsp_trust::KeyError;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64};
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// What the process gives a node besides its configuration.
#[derive(Debug, Default)]
pub struct NodeOptions {
    /// The time.
    pub clock: Clock,
    /// systemd's folder of credentials.
    pub credentials: Option<PathBuf>,
    /// Changes the level of the process's log, where the node may.
    pub logs: Option<LogControl>,
}

/// Why a node did not start.
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    /// No master key.
    #[error(transparent)]
    MasterKey(#[from] MasterKeyError),
    /// The node could not be prepared.
    #[error(transparent)]
    Setup(#[from] SetupError),
    /// No log key.
    #[error(transparent)]
    LogKey(#[from] LogKeyError),
    /// The token of a certificate's key refused the PIN.
    #[error("{name}: {why}")]
    Pin {
        /// The key's name in the configuration.
        name: String,
        /// What the token said.
        why: KeyError,
    },
    /// The message log was not opened.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The store is away or of another version, and there is no copy to go on from.
    #[error("the store cannot be used: {store}{copy}")]
    Store {
        /// What the store said.
        store: StoreError,
        /// Why the copy on disk does not help.
        copy: String,
    },
    /// The registry was not loaded.
    #[error(transparent)]
    Registry(#[from] EditError),
    /// The signing keys were not loaded.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// An address could not be listened on.
    #[error("{key} = {address}: {source}")]
    Listen {
        /// The key of `lgsp.toml`.
        key: &'static str,
        /// Its value.
        address: SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file that the configuration names, or a value, is not as it must be.
    #[error("{key}: {what}")]
    Config {
        /// The key of `lgsp.toml`.
        key: &'static str,
        /// What is wrong.
        what: String,
    },
}

impl NodeError {
    /// Whether a token refused the PIN: no start may follow before somebody has corrected it.
    pub fn is_about_pin(&self) -> bool {
        match self {
            Self::Pin { .. } => true,
            Self::LogKey(e) | Self::Setup(SetupError::LogKey(e)) => e.is_about_pin(),
            _ => false,
        }
    }
}

/// A running node. Dropping it does not stop it: [`Node::stop`] does.
pub struct Node {
    /// Where calls without TLS come in.
    pub gateway_addr: Option<SocketAddr>,
    /// Where calls over TLS come in.
    pub gateway_tls_addr: Option<SocketAddr>,
    /// Where administration is.
    pub admin_addr: Option<SocketAddr>,
    /// Where metrics are, if not at `admin_addr`.
    pub metrics_addr: Option<SocketAddr>,
    /// Where other nodes call.
    pub peer_addr: Option<SocketAddr>,
    /// Where anyone reads.
    pub public_addr: Option<SocketAddr>,
    /// What is declared.
    pub registry: Registry,
    /// The message log.
    pub log: Log,
    /// The store.
    pub store: Store,
    /// Identification.
    pub identity: Arc<Identity>,
    /// The master key's vault.
    pub vault: Arc<Vault>,
    shared: Arc<Shared>,
    federation: Option<Arc<federation::Federation>>,
    tls: Option<TlsAcceptorHandle>,
    logs: Option<LogControl>,
    traces: Option<Arc<Traces>>,
    doors: Vec<JoinHandle<usize>>,
    shutdown: Shutdown,
    stop: CancellationToken,
    tasks: TaskTracker,
}

/// What a node's background tasks and its administration share.
pub(crate) struct Shared {
    pub config: ArcSwap<Config>,
    pub clock: Clock,
    pub vault: Arc<Vault>,
    pub store: Store,
    pub registry: Registry,
    pub identity: Arc<Identity>,
    pub providers: Arc<Providers>,
    pub gateway: Arc<Gateway>,
    pub log: Log,
    pub quota: QuotaLedger,
    pub events: SecurityEvents,
    /// When the store last answered, as [`lgsp_kernel::Millis`].
    pub contact: AtomicI64,
    /// Whether the store answered the last time.
    pub store_up: AtomicBool,
    /// Whether the node says that it is leaving, before it closes its doors.
    pub leaving: AtomicBool,
}

impl Shared {
    /// How long the store has been away.
    pub fn store_age(&self) -> Duration {
        let contact = self.contact.load(std::sync::atomic::Ordering::Relaxed);
        Duration::from_millis(u64::try_from(self.clock.now().0.saturating_sub(contact)).unwrap_or(0))
    }
    /// Whether what calls are decided on is young enough.
    pub fn fresh(&self) -> bool {
        self.store_age() <= self.config.load().store.snapshot_max_age.0
    }
    /// Why the node is not ready, if it is not.
    pub fn readiness(&self) -> Result<(), String> {
        if self.leaving.load(std::sync::atomic::Ordering::Relaxed) {
            return Err("stopping".into());
        }
        if self.fresh() {
            Ok(())
        } else {
            Err("the store has been away for longer than store.snapshot_max_age".into())
        }
    }
}

impl Node {
    /// Starts a node: when this returns, it takes calls. Ports may be 0; the fields of the node say which they became.
    pub async fn start(config: Config, options: NodeOptions) -> Result<Self, NodeError> {
        open::start(config, options).await
    }

    /// Exchanges that are open now.
    pub fn in_flight(&self) -> usize {
        self.shared.gateway.in_flight()
    }
    /// The configuration in effect.
    pub fn config(&self) -> Arc<Config> {
        self.shared.config.load_full()
    }
    /// The public key that checks the log's checkpoints, as text.
    pub fn log_verifier(&self) -> String {
        self.log.verifier()
    }

    /// Takes a configuration over as far as that can be done while calls are carried.
    pub fn reload(&self, config: &Config) -> Reloaded {
        reload::apply(self, config)
    }

    /// Stops: says that it is not ready, closes the doors, lets exchanges end within the limit, makes everything durable. Returns how
    /// many connections had to be cut off.
    pub async fn stop(self) -> usize {
        let drain = self.shared.config.load().drain.clone();
        self.shared.leaving.store(true, std::sync::atomic::Ordering::Relaxed);
        tokio::time::sleep(drain.announce.0).await;
        self.shutdown.begin();
        let mut cut_off = 0;
        for door in self.doors {
            cut_off += door.await.unwrap_or(0);
        }
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
        tasks::last_words(&self.shared).await;
        let log = self.log.clone();
        // Waits for the last sync.
        let _ = tokio::task::spawn_blocking(move || log.close()).await;
        self.store.close().await;
        if let Some(traces) = self.traces {
            let _ = tokio::task::spawn_blocking(move || traces.stop(Duration::from_secs(2))).await;
        }
        cut_off
    }
}

impl std::fmt::Debug for Node {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Node")
            .field("gateway", &self.gateway_addr)
            .field("gateway_tls", &self.gateway_tls_addr)
            .field("admin", &self.admin_addr)
            .finish_non_exhaustive()
    }
}
