//! Starting a node, in order: keys, store (or the copies kept of it), message log, registry, identification, listeners, gateway, tasks.
//! Nobody is asked anything: after a power cut this runs unattended.

use super::federation::{self, Federation};
use super::parts::{gateway_config, identity_config, log_config, provider_config};
use super::{Node, NodeError, NodeOptions, Shared, admin, key_copy, tasks};
use crate::config::Config;
use crate::master_key::{self, MasterKeyError};
use crate::membership::keys::Keys;
use crate::telemetry::{metrics, traces};
use crate::{contracts, log_key, setup, tls};
use arc_swap::ArcSwap;
use lgsp_evidence::{Archive, Disk, Log};
use lgsp_gateway::{
    Gateway, GatewayParts, PeerDoor, QuotaLedger, SecurityEvents, Shutdown, TlsAcceptorHandle,
};
use lgsp_identity::{Identity, IdentityError};
use lgsp_kernel::{Clock, GrantId, Millis, Vault};
use lgsp_peer::idempotency::{IdempotencyStore, LedgerConfig};
use lgsp_provider::Providers;
use lgsp_registry::{EditError, Registry};
use lgsp_store::{Store, StoreError};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicBool, AtomicI64};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// The node's state outside the message log.
struct State {
    store: Store,
    registry: Registry,
    identity: Arc<Identity>,
    /// When the store last answered; none: now.
    as_of: Option<Millis>,
}

/// The listeners that the configuration wants.
struct Doors {
    http: Option<TcpListener>,
    https: Option<TcpListener>,
    admin: Option<TcpListener>,
    metrics: Option<TcpListener>,
    peer: Option<TcpListener>,
    public: Option<TcpListener>,
}

pub(super) async fn start(mut config: Config, options: NodeOptions) -> Result<Node, NodeError> {
    let NodeOptions { clock, credentials, logs } = options;
    metrics::recorder();
    // Bound first: a second node on the same ports ends here, before it touches anything.
    let doors = Doors::open(&config)?;
    config.listen.http.0 = address(&doors.http);
    config.listen.https.0 = address(&doors.https);
    config.peer.listen.0 = address(&doors.peer);
    config.public.listen.0 = address(&doors.public);
    let vault = Arc::new(Vault::new(&*master_key_of(&config, credentials.as_deref(), &clock).await?));
    let state = match open_store(&config, &vault, &clock).await {
        Ok(state) => state,
        Err(NodeError::Store { store, .. }) if store.is_unavailable() => {
            from_copies(&config, &vault, &clock, store)?
        }
        Err(e) => return Err(e),
    };
    let log = open_log(&config, &vault, &clock).await?;
    if let Some((name, why)) = Keys::new(Arc::new(config.clone()), vault.clone()).refused_pin() {
        return Err(NodeError::Pin { name, why });
    }
    let providers = providers(&config, &clock, &doors)?;
    let quota = QuotaLedger::new();
    let events = SecurityEvents::new();
    let gateway = Gateway::new(GatewayParts {
        snapshot: state.registry.snapshot(),
        log: log.clone(),
        identity: state.identity.clone(),
        providers: providers.clone(),
        clock: clock.clone(),
        config: gateway_config(&config),
        quota: quota.clone(),
        events: events.clone(),
    });
    let traces =
        traces::start(&config).map_err(|what| NodeError::Config { key: "telemetry.otlp_endpoint", what })?;
    if let Some(traces) = &traces {
        gateway.set_trace_sink(traces.clone());
    }
    let federation = join_others(&config, &vault, &clock, &log, &gateway).await?;
    let tls = tls::server_config(&config).map_err(|(key, what)| NodeError::Config { key, what })?;
    let tls = tls.map(TlsAcceptorHandle::new);
    let shared = Arc::new(Shared {
        contact: AtomicI64::new(state.as_of.unwrap_or_else(|| clock.now()).0),
        store_up: AtomicBool::new(state.as_of.is_none()),
        leaving: AtomicBool::new(false),
        config: ArcSwap::from_pointee(config),
        vault: vault.clone(),
        store: state.store.clone(),
        registry: state.registry.clone(),
        identity: state.identity.clone(),
        providers,
        gateway: gateway.clone(),
        log: log.clone(),
        quota,
        events,
        clock,
    });
    load_quotas(&shared).await;
    let asked = Arc::downgrade(&shared);
    gateway.set_readiness(Box::new(move || asked.upgrade().map_or(Ok(()), |s| s.readiness())));
    let asked = Arc::downgrade(&shared);
    gateway.set_freshness(Box::new(move || asked.upgrade().is_none_or(|s| s.fresh())));
    let mut node = Node {
        gateway_addr: address(&doors.http),
        gateway_tls_addr: address(&doors.https),
        admin_addr: address(&doors.admin),
        metrics_addr: address(&doors.metrics),
        peer_addr: address(&doors.peer),
        public_addr: address(&doors.public),
        registry: state.registry,
        log,
        store: state.store,
        identity: state.identity,
        vault,
        shared,
        federation,
        tls,
        logs,
        traces,
        doors: Vec::new(),
        shutdown: Shutdown::new(),
        stop: CancellationToken::new(),
        tasks: TaskTracker::new(),
    };
    open_doors(&mut node, doors)?;
    tasks::spawn(&node.shared, &node.tasks, &node.stop);
    if let Some(federation) = &node.federation {
        federation::spawn(&node.shared, federation, &node.tasks, &node.stop);
    }
    Ok(node)
}

/// Makes the node one of several, if it is a member.
async fn join_others(
    config: &Config,
    vault: &Arc<Vault>,
    clock: &Clock,
    log: &Log,
    gateway: &Arc<Gateway>,
) -> Result<Option<Arc<Federation>>, NodeError> {
    let bad = |key, what: String| NodeError::Config { key, what };
    let config = &Arc::new(config.clone());
    let opened = federation::open(federation::Parts { config, vault, clock, log }).await;
    let federation = opened.map_err(|what| bad("membership.hub", what))?;
    if let Some(f) = &federation {
        gateway.set_peers(PeerDoor { peers: f.peers.clone(), tls: f.tls.clone() });
        gateway.set_catalogue(Box::new(federation::catalogue::Beyond(f.directory.clone())));
    }
    let ledger = LedgerConfig::new(config.node.data_dir.join("idempotency"));
    let store = IdempotencyStore::open(Disk::Real, ledger, clock.clone());
    gateway.set_idempotency(store.map_err(|e| bad("node.data_dir", e.to_string()))?);
    Ok(federation)
}

fn address(listener: &Option<TcpListener>) -> Option<SocketAddr> {
    listener.as_ref().and_then(|l| l.local_addr().ok())
}

async fn master_key_of(
    config: &Config,
    credentials: Option<&std::path::Path>,
    clock: &Clock,
) -> Result<master_key::MasterKey, NodeError> {
    match master_key::read(config, credentials) {
        Err(MasterKeyError::Missing(_)) if config.node.create_master_key => {
            let prepared = setup::prepare(config, clock, None).await?;
            tracing::info!(made = ?prepared.made, "the node was prepared");
            Ok(master_key::read(config, credentials)?)
        }
        other => Ok(other?),
    }
}

/// Opens the store and what lives in it. A schema of an older version is moved forward: the old program goes on serving on it.
async fn open_store(config: &Config, vault: &Arc<Vault>, clock: &Clock) -> Result<State, NodeError> {
    let bad = |store: StoreError| NodeError::Store { store, copy: String::new() };
    let store = Store::open(&config.store_url()).await.map_err(bad)?;
    let schema = store.schema().await.map_err(bad)?;
    if !schema.compatible {
        let what = format!(
            "the store's schema is at version {}, which this program (version {}) must not use; run the program that migrated it, or `lgsp store rollback` with that one",
            schema.version, schema.newest_known
        );
        return Err(NodeError::Config { key: "store.url", what });
    }
    if schema.is_behind() {
        let now = store.migrate().await.map_err(bad)?;
        tracing::info!(from = schema.version, to = now.version, "the store's schema was moved forward");
    }
    let identity = Identity::open(store.clone(), vault.clone(), clock.clone(), identity_config(config)).await;
    let identity = identity.map_err(|e| match e {
        IdentityError::Store(e) => bad(e),
        other => other.into(),
    })?;
    let registry =
        Registry::open_with(store.clone(), vault.clone(), clock.clone(), contracts::serving(config)).await;
    let registry = registry.map_err(|e| match e {
        EditError::Store(e) => bad(e),
        other => other.into(),
    })?;
    Ok(State { store, registry, identity, as_of: None })
}

/// Goes on from the copies on disk while the store is away.
fn from_copies(
    config: &Config,
    vault: &Arc<Vault>,
    clock: &Clock,
    store: StoreError,
) -> Result<State, NodeError> {
    let max = i64::try_from(config.store.snapshot_max_age.0.as_secs()).unwrap_or(i64::MAX);
    let without = |why: String| NodeError::Store {
        store: StoreError::Unavailable(store.to_string()),
        copy: format!("; and {why}"),
    };
    let path = config.snapshot_cache();
    let opened =
        Registry::open_copy_with(&path, max, vault.clone(), clock.clone(), contracts::serving(config));
    let (registry, as_of) = opened.map_err(|e| without(e.to_string()))?;
    let keys = key_copy::load(&config.key_cache(), vault, clock.now(), max)
        .map_err(|e| without(format!("the copy of the signing keys on disk is not used: {e}")))?;
    let later = Store::open_later(&config.store_url()).map_err(|e| without(e.to_string()))?;
    let identity = Identity::open_copy(
        later.clone(),
        vault.clone(),
        clock.clone(),
        identity_config(config),
        keys.keys,
        &keys.revoked,
    )?;
    tracing::warn!(error = %store, as_of = %as_of.rfc3339(), "the store is away: going on from the copy on disk");
    Ok(State { store: later, registry, identity, as_of: Some(as_of) })
}

async fn open_log(config: &Config, vault: &Vault, clock: &Clock) -> Result<Log, NodeError> {
    // A node whose data was made by an older program, or whose first start this is, has no log key yet.
    log_key::create_if_missing(config, vault)?;
    let key = log_key::open(config, vault)?;
    let (settings, clock) = (log_config(config), clock.clone());
    let opening = tokio::task::spawn_blocking(move || Log::open(settings, key, clock));
    let opened = opening.await.map_err(|e| NodeError::Config { key: "log.dir", what: e.to_string() })?;
    Ok(opened?)
}

impl Doors {
    fn open(config: &Config) -> Result<Self, NodeError> {
        let open = |key, listen: crate::config::Listen| {
            let bound = listen.0.map(|address| {
                lgsp_gateway::bind(address, false).map_err(|source| NodeError::Listen {
                    key,
                    address,
                    source,
                })
            });
            bound.transpose()
        };
        Ok(Self {
            http: open("listen.http", config.listen.http)?,
            https: open("listen.https", config.listen.https)?,
            admin: open("listen.admin", config.listen.admin)?,
            metrics: open("listen.metrics", config.listen.metrics)?,
            peer: open("peer.listen", config.peer.listen)?,
            public: open("public.listen", config.public.listen)?,
        })
    }
    fn addresses(&self) -> Vec<SocketAddr> {
        [&self.http, &self.https, &self.admin, &self.metrics, &self.peer, &self.public]
            .into_iter()
            .filter_map(address)
            .collect()
    }
}

fn providers(config: &Config, clock: &Clock, doors: &Doors) -> Result<Arc<Providers>, NodeError> {
    let bad = |what: String| NodeError::Config { key: "provider.roots", what };
    let settings =
        provider_config(config).map_err(|e| bad(format!("{}: {e}", config.provider.roots.display())))?;
    let providers = Providers::new(settings, clock.clone()).map_err(|e| bad(e.to_string()))?;
    // A service whose target is this node would turn one call into endless ones.
    providers.set_own(doors.addresses());
    Ok(Arc::new(providers))
}

/// Counts go on where the last process left off; where the store is away they begin at none until it is back.
pub(super) async fn load_quotas(shared: &Shared) {
    if !shared.store_up.load(Relaxed) {
        // Asking again would only hold the start up for as long as it takes to be told so.
        return tracing::warn!("today's quota counts begin at none while the store is away");
    }
    match shared.store.quota_load(shared.clock.now().local_day()).await {
        Ok(rows) => shared.quota.load(rows.into_iter().filter_map(|row| {
            Some((GrantId::new(&row.grant).ok()?, row.day, u64::try_from(row.used).unwrap_or(0)))
        })),
        Err(error) => tracing::warn!(%error, "today's quota counts were not loaded; they begin at none"),
    }
}

fn open_doors(node: &mut Node, doors: Doors) -> Result<(), NodeError> {
    let gateway = &node.shared.gateway;
    if let Some(listener) = doors.http {
        node.doors.push(tokio::spawn(lgsp_gateway::serve(
            gateway.clone(),
            listener,
            None,
            node.shutdown.clone(),
        )));
    }
    if let Some(listener) = doors.https {
        let missing =
            || NodeError::Config { key: "tls.cert", what: "is not set, but listen.https is".into() };
        let tls = node.tls.clone().ok_or_else(missing)?;
        node.doors.push(tokio::spawn(lgsp_gateway::serve(
            gateway.clone(),
            listener,
            Some(tls),
            node.shutdown.clone(),
        )));
    }
    open_to_others(node, doors.peer, doors.public)?;
    admin::spawn(node, doors.admin, doors.metrics)
}

/// The listeners for other nodes, and for anyone. A node that is no member has nothing to say there.
fn open_to_others(
    node: &mut Node,
    peer: Option<TcpListener>,
    public: Option<TcpListener>,
) -> Result<(), NodeError> {
    let Some(federation) = node.federation.clone() else {
        if peer.is_some() || public.is_some() {
            tracing::warn!(
                "peer.listen and public.listen are of no use before `lgsp node join` or `lgsp hub init`"
            );
        }
        return Ok(());
    };
    if let Some(listener) = peer {
        let (gateway, tls) = (node.shared.gateway.clone(), federation.tls.clone());
        let serving = lgsp_gateway::serve_peers(gateway, listener, tls, node.shutdown.clone());
        node.doors.push(tokio::spawn(async move {
            serving.await.unwrap_or_else(|error| {
                tracing::error!(%error, "other nodes cannot be served");
                0
            })
        }));
    }
    if let Some(listener) = public {
        let config = node.config();
        let archive = Archive::open(config.log_dir());
        let router = federation::router(&federation, archive, config.witness.serve);
        admin::serve(node, listener, router);
    }
    Ok(())
}
