//! Every key of `lgsp.toml`, its type and its default. What each means to an operator stands in `packaging/lgsp.toml`;
//! a test holds the two together. An empty text or list means "not set": so every key has a default that can be written down.

use super::federation::{
    DirectorySection, HubSection, KeysSection, MembershipSection, PeerSection, PublicSection,
    TimestampsSection, WitnessSection,
};
use super::units::{Lasting, Listen, Size};
use ipnet::IpNet;
use lgsp_kernel::bounds;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// The whole file.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The node itself.
    pub node: NodeSection,
    /// Where it listens.
    pub listen: ListenSection,
    /// Its certificate, and those of its callers.
    pub tls: TlsSection,
    /// Where its state is kept.
    pub store: StoreSection,
    /// The message log.
    pub log: LogSection,
    /// Tokens.
    pub identity: IdentitySection,
    /// Bounds on callers.
    pub limits: LimitsSection,
    /// How providers are reached.
    pub provider: ProviderSection,
    /// How other nodes are met.
    pub peer: PeerSection,
    /// What anyone may read.
    pub public: PublicSection,
    /// Whose member the node is.
    pub membership: MembershipSection,
    /// Where its keys live.
    pub keys: KeysSection,
    /// How old what it knows of the others may become.
    pub directory: DirectorySection,
    /// How checkpoints are cosigned.
    pub witness: WitnessSection,
    /// How checkpoints are dated.
    pub timestamps: TimestampsSection,
    /// How it runs the directory, if it is the hub.
    pub hub: HubSection,
    /// What it is to callers that speak X-Road's protocols.
    pub xroad: XRoadSection,
    /// Logs, metrics, traces.
    pub telemetry: TelemetrySection,
    /// How it stops.
    pub drain: DrainSection,
}

/// `[node]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NodeSection {
    /// Names the node in its log's checkpoints: never changed afterwards.
    pub name: String,
    /// Folder of everything the node keeps.
    pub data_dir: PathBuf,
    /// File of the master key; empty: `<data_dir>/master.key`.
    pub master_key: PathBuf,
    /// Make the master key at the first `serve` if there is none.
    pub create_master_key: bool,
    /// Threads that carry calls; 0: one for each core.
    pub worker_threads: usize,
}

/// `[listen]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ListenSection {
    /// Calls without TLS.
    pub http: Listen,
    /// Calls over TLS.
    pub https: Listen,
    /// The administration API, liveness and readiness.
    pub admin: Listen,
    /// Prometheus metrics; empty: on the administration listener.
    pub metrics: Listen,
}

/// Whether callers show certificates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClientCertificates {
    /// Not asked for.
    Off,
    /// Asked for.
    Optional,
    /// No connection without.
    Required,
}

/// `[tls]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TlsSection {
    /// PEM chain, leaf first.
    pub cert: PathBuf,
    /// PEM private key.
    pub key: PathBuf,
    /// PEM roots for callers' certificates; empty: any is taken and only its fingerprint counts.
    pub client_ca: PathBuf,
    /// Whether callers show certificates.
    pub client_certificates: ClientCertificates,
}

/// `[store]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StoreSection {
    /// `sqlite:<path>` or `postgres://...`; empty: `sqlite:<data_dir>/lgsp.db`.
    pub url: String,
    /// How often changes are looked for.
    pub refresh: Lasting,
    /// How long calls go on with the last known grants while the store is away.
    pub snapshot_max_age: Lasting,
}

/// `[log]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LogSection {
    /// Folder of the message log; empty: `<data_dir>/log`.
    pub dir: PathBuf,
    /// Size at which a new segment is begun.
    pub segment: Size,
    /// How long a group waits for company before it is made durable.
    pub gather: Lasting,
    /// Records that may wait.
    pub queue: usize,
    /// Free space that is never used: below it nothing is acknowledged.
    pub reserve: Size,
    /// Days that records stay; 0: for ever.
    pub record_days: u32,
}

/// `[identity]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct IdentitySection {
    /// `iss` of the tokens: the node's address as callers know it; empty: that of its listener.
    pub issuer: String,
    /// `aud` of the tokens.
    pub audience: String,
    /// How long a token is good.
    pub token_lifetime: Lasting,
    /// Age at which the signing key is replaced.
    pub key_rotation: Lasting,
    /// Verified tokens that are remembered.
    pub remembered_tokens: usize,
}

/// `[limits]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LimitsSection {
    /// Open connections.
    pub connections: usize,
    /// Exchanges at one time.
    pub exchanges: usize,
    /// Time for a TLS handshake.
    pub handshake_timeout: Lasting,
    /// Time for a request's head.
    pub head_timeout: Lasting,
    /// How long a connection may wait for its next request.
    pub keep_alive: Lasting,
    /// Longest pause within a request's body.
    pub body_idle: Lasting,
    /// Longest that a caller may take none of its answer.
    pub write_timeout: Lasting,
    /// Slowest arrival of a body, a second.
    pub body_rate_min: Size,
    /// Waiting for a body before its rate is looked at.
    pub body_grace: Lasting,
    /// Largest body where the service does not say.
    pub body: Size,
    /// Bodies that are collected.
    pub collect: Size,
    /// Answers that are given whole.
    pub answer_whole: Size,
    /// How long an answer of unknown length may take to turn out short.
    pub answer_gather: Lasting,
    /// Head of a request.
    pub head: Size,
    /// Header lines of a request.
    pub header_lines: usize,
    /// Target of a request.
    pub target: Size,
    /// Streams of one HTTP/2 connection.
    pub http2_streams: u32,
    /// Streams that a peer may open and reset.
    pub http2_resets: usize,
    /// `Retry-After` where the platform itself is the obstacle.
    pub retry_after: Lasting,
}

/// `[provider]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ProviderSection {
    /// Networks that targets may be in.
    pub allow: Vec<IpNet>,
    /// PEM roots that providers' certificates may chain to; empty: none besides the public ones.
    pub roots: PathBuf,
    /// Whether the public roots are trusted.
    pub public_roots: bool,
    /// Exchanges in progress with one target.
    pub exchanges: u32,
    /// Idle connections kept for each target.
    pub idle_connections: usize,
    /// How long they are kept.
    pub idle_timeout: Lasting,
    /// HTTP/2 connections to one target.
    pub http2_connections: usize,
    /// Exchanges on one HTTP/2 connection.
    pub http2_streams: u32,
    /// How long a resolved name is believed.
    pub name_ttl: Lasting,
    /// Resolved names that are remembered.
    pub names: usize,
}

/// How the process logs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// One JSON object a line.
    Json,
    /// For people.
    Text,
}

/// `[telemetry]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TelemetrySection {
    /// The form of log lines.
    pub format: LogFormat,
    /// `error`, `warn`, `info`, `debug`, `trace`, or a filter such as `info,lgsp_provider=debug`.
    pub level: String,
    /// OTLP/HTTP collector, such as `http://collector:4318/v1/traces`; empty: no traces.
    pub otlp_endpoint: String,
    /// Value of the Authorization header sent to it; empty: none. A secret.
    pub otlp_authorization: String,
    /// Share of exchanges that are traced, 0 to 1.
    pub otlp_sample: f64,
    /// Time for one export.
    pub otlp_timeout: Lasting,
}

/// `[xroad]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct XRoadSection {
    /// The instance that all members belong to.
    pub instance: String,
    /// Where SOAP messages are taken besides `/`; empty: only there.
    pub soap_path: String,
}

/// `[drain]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DrainSection {
    /// How long "not ready" is shown before the listeners close.
    pub announce: Lasting,
    /// How long running exchanges may take to end.
    pub limit: Lasting,
}

impl Default for XRoadSection {
    fn default() -> Self {
        Self { instance: "VN".into(), soap_path: String::new() }
    }
}

impl Default for NodeSection {
    fn default() -> Self {
        Self {
            name: "lgsp".into(),
            data_dir: "/var/lib/lgsp".into(),
            master_key: PathBuf::new(),
            create_master_key: false,
            worker_threads: 0,
        }
    }
}

impl Default for ListenSection {
    fn default() -> Self {
        let local = |port| Listen(Some(([127, 0, 0, 1], port).into()));
        Self { http: local(8080), https: Listen(None), admin: local(8081), metrics: Listen(None) }
    }
}

impl Default for TlsSection {
    fn default() -> Self {
        Self {
            cert: PathBuf::new(),
            key: PathBuf::new(),
            client_ca: PathBuf::new(),
            client_certificates: ClientCertificates::Optional,
        }
    }
}

impl Default for StoreSection {
    fn default() -> Self {
        Self {
            url: String::new(),
            refresh: Lasting::millis(200),
            snapshot_max_age: Lasting::seconds(24 * 3600),
        }
    }
}

impl Default for LogSection {
    fn default() -> Self {
        Self {
            dir: PathBuf::new(),
            segment: Size::mib(64),
            gather: Lasting::millis(1),
            queue: 20_000,
            reserve: Size::mib(256),
            record_days: 0,
        }
    }
}

impl Default for IdentitySection {
    fn default() -> Self {
        Self {
            issuer: String::new(),
            audience: "lgsp".into(),
            token_lifetime: Lasting::seconds(3600),
            key_rotation: Lasting::days(30),
            remembered_tokens: 100_000,
        }
    }
}

impl Default for LimitsSection {
    fn default() -> Self {
        let size = |n: usize| Size(n as u64);
        Self {
            connections: 16_384,
            exchanges: 8_192,
            handshake_timeout: Lasting::seconds(10),
            head_timeout: Lasting::seconds(15),
            keep_alive: Lasting::seconds(75),
            body_idle: Lasting::seconds(30),
            write_timeout: Lasting::seconds(60),
            body_rate_min: Size(256),
            body_grace: Lasting::seconds(20),
            body: Size(bounds::BODY_MAX),
            collect: size(bounds::COLLECT_MAX),
            answer_whole: Size::kib(64),
            answer_gather: Lasting::millis(5),
            head: size(bounds::HEAD_MAX),
            header_lines: bounds::HEADERS_MAX,
            target: size(bounds::TARGET_MAX),
            http2_streams: 256,
            http2_resets: 64,
            retry_after: Lasting::seconds(2),
        }
    }
}

impl Default for ProviderSection {
    fn default() -> Self {
        let private = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"];
        Self {
            allow: private.iter().filter_map(|n| n.parse().ok()).collect(),
            roots: PathBuf::new(),
            public_roots: true,
            exchanges: 1_024,
            idle_connections: 256,
            idle_timeout: Lasting::seconds(30),
            http2_connections: 4,
            http2_streams: 100,
            name_ttl: Lasting::seconds(10),
            names: 1_024,
        }
    }
}

impl Default for TelemetrySection {
    fn default() -> Self {
        Self {
            format: LogFormat::Json,
            level: "info".into(),
            otlp_endpoint: String::new(),
            otlp_authorization: String::new(),
            otlp_sample: 0.1,
            otlp_timeout: Lasting::seconds(10),
        }
    }
}

impl Default for DrainSection {
    fn default() -> Self {
        Self { announce: Lasting::seconds(0), limit: Lasting::seconds(30) }
    }
}

impl Config {
    /// The file of the master key.
    pub fn master_key_file(&self) -> PathBuf {
        or_in(&self.node.master_key, &self.node.data_dir, "master.key")
    }
    /// The folder of the message log.
    pub fn log_dir(&self) -> PathBuf {
        or_in(&self.log.dir, &self.node.data_dir, "log")
    }
    /// The store's URL.
    pub fn store_url(&self) -> String {
        if self.store.url.is_empty() {
            format!("sqlite:{}", self.node.data_dir.join("lgsp.db").display())
        } else {
            self.store.url.clone()
        }
    }
    /// The folder of a hub's authority and directory.
    pub fn hub_dir(&self) -> PathBuf {
        or_in(&self.hub.dir, &self.node.data_dir, "hub")
    }
    /// The folder of what makes the node a member: certificates, the pinned root, the copy of the directory.
    pub fn membership_dir(&self) -> PathBuf {
        self.node.data_dir.join("membership")
    }
    /// Where others reach the peer listener.
    pub fn peer_endpoints(&self) -> Vec<String> {
        match (self.peer.endpoints.as_slice(), self.peer.listen.0) {
            ([], Some(address)) => vec![format!("https://{address}")],
            (named, _) => named.to_vec(),
        }
    }
    /// Where others reach the public listener.
    pub fn public_url(&self) -> Option<String> {
        match (self.public.url.trim_end_matches('/'), self.public.listen.0) {
            ("", address) => address.map(|a| format!("http://{a}")),
            (url, _) => Some(url.to_owned()),
        }
    }
    /// The copy of the registry that is kept for a start without the store.
    pub fn snapshot_cache(&self) -> PathBuf {
        self.node.data_dir.join("registry.copy")
    }
    /// The copy of the token-signing keys (sealed) and revoked tokens that is kept for a start without the store.
    pub fn key_cache(&self) -> PathBuf {
        self.node.data_dir.join("keys.copy")
    }
    /// The `iss` of tokens: the configured one, or the address of the listener that callers use.
    pub fn issuer(&self) -> String {
        if !self.identity.issuer.is_empty() {
            return self.identity.issuer.trim_end_matches('/').to_owned();
        }
        match (self.listen.https.0, self.listen.http.0) {
            (Some(address), _) => format!("https://{address}"),
            (None, Some(address)) => format!("http://{address}"),
            (None, None) => "http://localhost".into(),
        }
    }
}

fn or_in(path: &std::path::Path, folder: &std::path::Path, name: &str) -> PathBuf {
    if path.as_os_str().is_empty() { folder.join(name) } else { path.to_path_buf() }
}

/// Keys whose text is a secret and is never shown.
pub const SECRET_KEYS: &[&str] = &["telemetry.otlp_authorization"];

/// Keys that a reload (SIGHUP) applies; the others need a restart.
pub const LIVE_KEYS: &[&str] = &[
    "tls.cert",
    "tls.key",
    "tls.client_ca",
    "tls.client_certificates",
    "telemetry.level",
    "drain.announce",
    "log.record_days",
    "store.snapshot_max_age",
];
