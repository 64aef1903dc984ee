//! A gateway on a real socket with everything behind it: a message log on a simulated disk, identity on a SQLite store, a snapshot written
//! by hand, a clock that stands still, and a provider. Not here: what is expected of them.

use crate::provider::Provider;
use arc_swap::ArcSwap;
use bytes::Bytes;
use lgsp_evidence::disk::simulated::Simulated;
use lgsp_evidence::{Disk, Log, LogConfig, LogKey};
use lgsp_gateway::{
    Gateway, GatewayConfig, GatewayParts, QuotaLedger, SecurityEvents, Shutdown, TlsAcceptorHandle,
};
use lgsp_identity::{Identity, IdentityConfig};
use lgsp_kernel::mediation::{CompileContract as _, Mediate, VersionFiles};
use lgsp_kernel::model::{CredentialSpec, GrantSpec, LegSpec, Lifecycle, Protocol, ServiceSpec, SystemSpec};
use lgsp_kernel::record::{Entry, ExchangeRecord, Outcome};
use lgsp_kernel::snapshot::{
    Credential, Grant, Leg, OpenAuth, Operation, OperationRule, Service, Snapshot, System, Version,
};
use lgsp_kernel::{Clock, ExchangeId, Millis, Secret, Vault};
use lgsp_mapping::{Pool, PoolConfig};
use lgsp_mediation::Compiler;
use lgsp_provider::{ProviderConfig, Providers};
use lgsp_store::Store;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// The API key of the system `mot-cua`, which has grants.
pub const KEY: &str = "khoa-cua-he-thong-mot-cua";
/// The API key of the system `khach`, which has none.
pub const KEY_WITHOUT_GRANT: &str = "khoa-cua-he-thong-khach";
/// OAuth 2 client of `mot-cua`.
pub const CLIENT: (&str, &str) = ("mot-cua-client", "bi-mat-cua-mot-cua-0123");

/// What a world is made of; tests change it before it begins.
pub struct Plan {
    pub config: GatewayConfig,
    pub services: Vec<Value>,
    pub grants: Vec<Value>,
    pub credentials: Vec<(Value, Option<String>)>,
    pub log_queue: usize,
    pub tls: Option<TlsAcceptorHandle>,
    pub target: Option<String>,
    pub clock: Clock,
    /// The node, as its log is named, and the agency of all its systems.
    pub node: String,
    pub agency: String,
    /// Systems of other nodes: the id here, the node, the id there, the agency.
    pub remotes: Vec<(String, String, String, String)>,
    /// Files of contracts and mappings by the digests that services name. A contract that is not here is the stand-in's of `mediated`.
    pub files: VersionFiles,
}

/// A running gateway and what stands around it.
pub struct World {
    pub gateway: Arc<Gateway>,
    pub address: SocketAddr,
    pub provider: Provider,
    pub snapshot: Arc<ArcSwap<Snapshot>>,
    pub log: Log,
    pub disk: Simulated,
    pub clock: Clock,
    pub events: SecurityEvents,
    pub shutdown: Shutdown,
    pub serving: Option<tokio::task::JoinHandle<usize>>,
    vault: Arc<Vault>,
    _dir: tempfile::TempDir,
}

/// Ten in the morning of a working day.
pub fn morning() -> Millis {
    Millis::parse("2026-03-02T10:00:00+07:00").unwrap()
}

impl Default for Plan {
    fn default() -> Self {
        let config = GatewayConfig {
            issuer: "http://nen-tang.example".into(),
            head_timeout: Duration::from_millis(400),
            idle_timeout: Duration::from_secs(5),
            body_idle_timeout: Duration::from_millis(400),
            body_grace: Duration::from_millis(500),
            body_rate_min: 4096,
            drain_limit: Duration::from_secs(5),
            ..GatewayConfig::default()
        };
        let credential = |id: &str, system: &str, kind: &str, more: Value| {
            let mut spec = json!({"id": id, "system": system, "kind": kind});
            spec.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            spec
        };
        let credentials = vec![
            (credential("mot-cua-key", "mot-cua", "api_key", json!({})), Some(KEY.into())),
            (credential("khach-key", "khach", "api_key", json!({})), Some(KEY_WITHOUT_GRANT.into())),
            (credential(CLIENT.0, "mot-cua", "client", json!({})), Some(CLIENT.1.into())),
            (
                credential("revoked", "mot-cua", "api_key", json!({"revoked": true})),
                Some("khoa-da-thu-hoi-000".into()),
            ),
            (
                credential("expired", "mot-cua", "api_key", json!({"valid_until": "2026-01-01"})),
                Some("khoa-da-het-han-0000".into()),
            ),
            (
                credential("later", "mot-cua", "api_key", json!({"valid_from": "2027-01-01"})),
                Some("khoa-chua-hieu-luc-0".into()),
            ),
        ];
        Self {
            config,
            services: vec![citizens(), population()],
            grants: vec![grant("g-citizens", "cong-dan"), grant("g-population", "dan-cu")],
            credentials,
            log_queue: 20_000,
            tls: None,
            target: None,
            clock: Clock::manual(morning()),
            node: "nen-tang".into(),
            agency: "H01.15".into(),
            remotes: Vec::new(),
            files: VersionFiles::new(),
        }
    }
}

/// A grant of everything in a service to `mot-cua`.
pub fn grant(id: &str, service: &str) -> Value {
    json!({"id": id, "consumer": "mot-cua", "service": service, "operations": ["*"],
        "purpose": "giai quyet thu tuc", "legal_basis": "NĐ 47/2020"})
}

/// A REST service with a version in every state of its life.
pub fn citizens() -> Value {
    let operation =
        |name: &str, method: &str, path: &str| json!({"name": name, "method": method, "path": path});
    let operations = json!([
        operation("get", "GET", "/citizens/{id}"),
        operation("me", "GET", "/citizens/me"),
        operation("add", "POST", "/citizens"),
        operation("replace", "PUT", "/citizens/{id}"),
        operation("change", "PATCH", "/citizens/{id}"),
        operation("remove", "DELETE", "/citizens/{id}"),
        operation("options", "OPTIONS", "/citizens"),
        operation("do", "POST", "/do/{rest*}"),
        operation("look", "GET", "/look/{rest*}"),
        {"name": "json-only", "method": "POST", "path": "/json", "consumes": ["application/json"]},
    ]);
    let version = |label: &str, lifecycle: &str| {
        json!({"version": label, "lifecycle": lifecycle, "targets": [], "operations": operations,
            "upstream": {"total_timeout_ms": 1500, "connect_timeout_ms": 500, "retries": 0}})
    };
    let mut old = version("0.9", "deprecated");
    old["sunset"] = json!("2026-06-30T17:00:00Z");
    let mut published = version("1.0", "published");
    published["pass_context"] = json!(true);
    json!({"id": "cong-dan", "system": "csdl", "title": "Công dân", "protocol": "rest",
        "versions": [version("2.0", "draft"), published, old, version("0.1", "retired")], "default_version": "1.0"})
}

/// A SOAP service.
pub fn population() -> Value {
    json!({"id": "dan-cu", "system": "csdl", "title": "Dân cư", "protocol": "soap", "versions": [{
    "version": "1.0", "lifecycle": "published", "targets": [], "operations": [
        {"name": "look", "soap_action": "urn:look", "element": "{urn:dan-cu}TraCuu"},
        {"name": "save", "soap_action": "urn:save", "element": "{urn:dan-cu}CapNhat"},
    ]}]})
}

impl Plan {
    /// Changes the first version with this label of `cong-dan`.
    pub fn version(mut self, label: &str, change: impl FnOnce(&mut Value)) -> Self {
        let versions = self.services[0]["versions"].as_array_mut().unwrap();
        change(versions.iter_mut().find(|v| v["version"] == label).unwrap());
        self
    }
    pub fn service(mut self, change: impl FnOnce(&mut Value)) -> Self {
        change(&mut self.services[0]);
        self
    }
    /// Changes the grant for `cong-dan`.
    pub fn granted(mut self, change: impl FnOnce(&mut Value)) -> Self {
        change(&mut self.grants[0]);
        self
    }
    pub fn configured(mut self, change: impl FnOnce(&mut GatewayConfig)) -> Self {
        change(&mut self.config);
        self
    }
    pub fn target(mut self, url: String) -> Self {
        self.target = Some(url);
        self
    }

    pub async fn begin(self) -> World {
        let provider = Provider::start().await;
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&format!("sqlite:{}", dir.path().join("store.db").display())).await.unwrap();
        store.migrate().await.unwrap();
        let vault = Arc::new(Vault::new(&[7; 32]));
        let identity_config =
            IdentityConfig { issuer: self.config.issuer.clone(), ..IdentityConfig::default() };
        let identity =
            Identity::open(store, vault.clone(), self.clock.clone(), identity_config).await.unwrap();
        let target = self.target.clone().unwrap_or_else(|| format!("http://{}", provider.address));
        let snapshot = Arc::new(ArcSwap::from_pointee(self.compile(&vault, &target)));
        let disk = Simulated::default();
        let mut log_config = LogConfig::new("/log", &self.node);
        log_config.queue_max = self.log_queue;
        log_config.disk_reserve_bytes = 1 << 20;
        // The simulated disk lies in memory, and segments are laid out ahead.
        log_config.segment_bytes = 2 << 20;
        let key = LogKey::for_node(&self.node, [9; 32]);
        let log = Log::open_on(Disk::Simulated(disk.clone()), log_config, key, self.clock.clone()).unwrap();
        let allowed =
            ProviderConfig { allow: vec!["127.0.0.0/8".parse().unwrap()], ..ProviderConfig::default() };
        let events = SecurityEvents::new();
        let gateway = Gateway::new(GatewayParts {
            snapshot: snapshot.clone(),
            log: log.clone(),
            identity,
            providers: Arc::new(Providers::new(allowed, self.clock.clone()).unwrap()),
            clock: self.clock.clone(),
            config: self.config,
            quota: QuotaLedger::new(),
            events: events.clone(),
        });
        let listener = lgsp_gateway::bind("127.0.0.1:0".parse().unwrap(), false).unwrap();
        let address = listener.local_addr().unwrap();
        let shutdown = Shutdown::new();
        let serving =
            tokio::spawn(lgsp_gateway::serve(gateway.clone(), listener, self.tls, shutdown.clone()));
        let clock = self.clock;
        let serving = Some(serving);
        World {
            gateway,
            address,
            provider,
            snapshot,
            log,
            disk,
            clock,
            events,
            shutdown,
            serving,
            vault,
            _dir: dir,
        }
    }

    fn compile(&self, vault: &Vault, target: &str) -> Snapshot {
        let mut s = Snapshot { generation: 1, ..Snapshot::default() };
        let own = ["mot-cua", "khach", "csdl"].map(|id| json!({"id": id, "agency": self.agency, "name": id}));
        let remote = self.remotes.iter().map(|(id, node, there, agency)| {
            json!({"id": id, "agency": agency, "name": id, "remote": {"node": node, "system": there}})
        });
        for spec in own.into_iter().chain(remote) {
            let spec: SystemSpec = serde_json::from_value(spec).unwrap();
            if let Some(remote) = &spec.remote {
                let there = remote.system.clone().unwrap();
                s.remotes.insert((remote.node.clone(), there), spec.id.clone());
            }
            let agency = spec.agency.clone();
            s.systems.insert(spec.id.clone(), Arc::new(System { spec, agency }));
        }
        for (spec, secret) in &self.credentials {
            let spec: CredentialSpec = serde_json::from_value(spec.clone()).unwrap();
            let digest = match (&spec.fingerprint, secret) {
                (Some(f), _) => hex::decode(f).unwrap().try_into().unwrap(),
                (None, secret) => vault.digest(secret.as_deref().unwrap_or_default().as_bytes()),
            };
            let credential = Arc::new(Credential { spec: spec.clone(), digest, stamp: 1 });
            match spec.kind {
                lgsp_kernel::model::CredentialKind::ApiKey => s.api_keys.insert(digest, credential.clone()),
                lgsp_kernel::model::CredentialKind::Certificate => {
                    s.certificates.insert(digest, credential.clone())
                }
                lgsp_kernel::model::CredentialKind::Client => None,
            };
            s.credentials.insert(spec.id.clone(), credential);
        }
        for spec in &self.services {
            let service = service(spec.clone(), target, &self.agency, &self.files);
            s.services.insert(service.spec.id.clone(), Arc::new(service));
        }
        for spec in &self.grants {
            let spec: GrantSpec = serde_json::from_value(spec.clone()).unwrap();
            let rules = spec
                .operations
                .iter()
                .map(|o| if o == "*" { OperationRule::Any } else { OperationRule::Name(o.clone()) });
            let grant = Arc::new(Grant { rules: rules.collect(), spec: spec.clone() });
            let of_consumer = s.grants.entry(spec.consumer.clone()).or_default();
            let mut all: Vec<Arc<Grant>> =
                of_consumer.get(&spec.service).map(|g| g.to_vec()).unwrap_or_default();
            all.push(grant);
            of_consumer.insert(spec.service.clone(), all.into());
        }
        s
    }
}

fn service(mut spec: Value, target: &str, agency: &str, files: &VersionFiles) -> Service {
    for version in spec["versions"].as_array_mut().unwrap() {
        if version["targets"].as_array().is_some_and(Vec::is_empty) {
            version["targets"] = json!([{"url": target}]);
        }
    }
    let spec: ServiceSpec = serde_json::from_value(spec).unwrap();
    let versions: Vec<Arc<Version>> =
        spec.versions.iter().map(|v| Arc::new(version(&spec, v.clone(), files))).collect();
    let published = |v: &Arc<Version>| v.spec.lifecycle == Lifecycle::Published;
    let default_version = match &spec.default_version {
        Some(label) => versions.iter().position(|v| v.spec.version == *label),
        None => versions.iter().position(published),
    };
    Service { spec, agency: agency.parse().unwrap(), versions, default_version }
}

/// What is run of a version's contract: compiled where its files are there.
fn mediator(
    protocol: Protocol,
    spec: &mut lgsp_kernel::model::VersionSpec,
    files: &VersionFiles,
) -> Option<Arc<dyn Mediate>> {
    let is_here = |d: Option<&str>| d.is_some_and(|d| files.contains_key(d));
    match &spec.contract {
        _ if !spec.is_mediated() => None,
        Some(contract) if !is_here(contract.digest.as_deref()) => Some(Arc::new(crate::mediated::Brackets)),
        _ => {
            let test = std::env::current_exe().unwrap();
            let worker = test.parent().unwrap().parent().unwrap().join("examples/mapping_worker");
            let pool = Pool::new(PoolConfig { command: Some((worker, Vec::new())), ..PoolConfig::default() });
            let compiled = Compiler::new(Some(pool)).compile(protocol, spec, files).unwrap();
            spec.operations = compiled.operations;
            compiled.mediator
        }
    }
}

fn version(
    service: &ServiceSpec,
    mut spec: lgsp_kernel::model::VersionSpec,
    files: &VersionFiles,
) -> Version {
    let mediator = mediator(service.protocol, &mut spec, files);
    let operation = |o: &lgsp_kernel::model::OperationSpec| {
        let safe = matches!(o.method.as_deref(), Some("GET" | "HEAD" | "OPTIONS"));
        let idempotent = safe || o.idempotent || matches!(o.method.as_deref(), Some("PUT" | "DELETE"));
        Arc::new(Operation { spec: o.clone(), key: format!("{}.{}", service.id, o.name), safe, idempotent })
    };
    let auth = match &spec.auth {
        lgsp_kernel::model::ProviderAuth::Bearer { token } => {
            OpenAuth::Bearer { token: Secret::new(token.value.clone().unwrap().into_bytes()) }
        }
        _ => OpenAuth::None,
    };
    let key = format!("{}/{}", service.id, spec.version);
    Version {
        legs: (1..).zip(&spec.routes).map(|(n, leg)| self::leg(n, leg, &key, &spec)).collect(),
        key,
        stamp: 1,
        auth,
        client_certificate: None,
        operations: spec.operations.iter().map(operation).collect(),
        mediator,
        spec,
    }
}

fn leg(number: u8, leg: &LegSpec, key: &str, spec: &lgsp_kernel::model::VersionSpec) -> Leg {
    let plain = match leg.clone() {
        LegSpec::Peer { .. } => None,
        LegSpec::Xroad { targets, upstream, .. } | LegSpec::Direct { targets, upstream, .. } => {
            Some((targets, upstream))
        }
    };
    let version = plain.map(|(targets, upstream)| {
        Arc::new(Version {
            key: format!("{key}#{number}"),
            stamp: u64::from(number),
            auth: OpenAuth::None,
            client_certificate: None,
            legs: Vec::new(),
            operations: Vec::new(),
            mediator: None,
            spec: lgsp_kernel::model::VersionSpec { targets, upstream, routes: Vec::new(), ..spec.clone() },
        })
    });
    Leg { number, spec: leg.clone(), version }
}

impl World {
    /// The default world.
    pub async fn new() -> Self {
        Plan::default().begin().await
    }

    /// All records of an exchange, in the order of the log.
    pub fn records(&self, exchange: ExchangeId) -> Vec<ExchangeRecord> {
        let exchanges = |entry| match entry {
            Entry::Exchange(record) => Some(*record),
            _ => None,
        };
        self.entries_of(exchange).into_iter().filter_map(exchanges).collect()
    }

    /// All entries of an exchange, in the order of the log.
    pub fn entries_of(&self, exchange: ExchangeId) -> Vec<Entry> {
        let archive = lgsp_evidence::Archive::open_on(Disk::Simulated(self.disk.clone()), "/log");
        let found = archive.find(exchange).unwrap();
        found.iter().filter_map(|f| f.record()).map(|bytes| serde_json::from_slice(bytes).unwrap()).collect()
    }

    /// How many entries the log has.
    pub fn entries(&self) -> u64 {
        self.log.state().size
    }

    /// Waits until the last record of the log's newest exchange has this outcome; for ends that nobody waits for.
    pub async fn ended(&self, exchange: ExchangeId, outcome: Outcome) -> ExchangeRecord {
        eventually(&format!("{exchange} ends as {outcome:?}"), || {
            self.records(exchange).into_iter().find(|r| r.outcome == outcome)
        })
        .await
    }

    /// Changes the snapshot as a registry would.
    pub fn change(&self, plan: &Plan) {
        let target = format!("http://{}", self.provider.address);
        self.snapshot.store(Arc::new(plan.compile(&self.vault, &target)));
    }

    pub async fn drain(&mut self) -> usize {
        self.shutdown.begin();
        self.serving.take().unwrap().await.unwrap()
    }
}

/// Asks again and again until there is an answer, for at most ten seconds.
pub async fn eventually<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    for _ in 0..1000 {
        if let Some(answer) = ask() {
            return answer;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("never: {what}");
}

/// Bytes of a pattern that shows where something is cut or doubled.
pub fn pattern(n: usize) -> Bytes {
    (0..n).map(|i| (i * 31 % 251) as u8).collect::<Vec<_>>().into()
}
