//! What an operator decides about reaching providers, with defaults and reasons. Not here: what a service's declaration decides
//! (times, retries, breaker); that is `kernel::model::UpstreamSpec`.

use ipnet::IpNet;
use std::net::SocketAddr;
use std::time::Duration;

/// Longest time to connect, TLS included, where a version does not say. Milliseconds.
pub const CONNECT_TIMEOUT_MS: u32 = 3_000;
/// Longest time to the head of the answer, and longest silence within a body, where a version does not say. Milliseconds.
pub const TOTAL_TIMEOUT_MS: u32 = 30_000;
/// Slowest arrival of an answer's body, bytes a second of waiting, once a provider has been waited for as long as the total time: what
/// comes a byte at a time is never silent and would hold its place for ever.
pub const ANSWER_RATE_MIN: u64 = 256;
/// How many more targets or connections are tried, where a version does not say.
pub const RETRIES: u8 = 1;
/// Failures in a row after which a target is left alone, where a version does not say.
pub const BREAKER_FAILURES: u16 = 5;
/// How long it is left alone, where a version does not say. Milliseconds.
pub const BREAKER_OPEN_MS: u32 = 10_000;
/// Time between two health checks, where a version does not say. Milliseconds.
pub const HEALTH_INTERVAL_MS: u32 = 10_000;
/// Failed health checks in a row after which a target counts as down: one lost packet is not an outage.
pub const HEALTH_FALL: u8 = 2;
/// The head of an answer, bytes: as large as that of a request may be.
pub const ANSWER_HEAD_MAX: usize = lgsp_kernel::bounds::HEAD_MAX;

/// How providers are reached, for all of them.
#[derive(Debug, Clone)]
pub struct ProviderConfig {
    /// Networks in which providers may be. Addresses outside are refused; so are some inside, always (see `address`).
    pub allow: Vec<IpNet>,
    /// Where this platform listens; never dialled. A wildcard address means that port on every address of this machine.
    pub own: Vec<SocketAddr>,
    /// PEM certificates trusted besides the public ones, for versions that name none.
    pub extra_roots_pem: Option<String>,
    /// Whether the public (Mozilla) roots are trusted, for versions that name none.
    pub public_roots: bool,
    /// Idle HTTP/1.1 connections kept for one target; more are closed.
    pub idle_max: usize,
    /// How long an idle connection is kept. Shorter where the provider says so (`Keep-Alive: timeout`).
    pub idle_for: Duration,
    /// Exchanges in progress with one target; more are refused, so that one slow provider cannot take the whole node.
    pub in_flight_max: u32,
    /// HTTP/2 connections to one target.
    pub h2_connections_max: usize,
    /// Exchanges on one HTTP/2 connection before another is opened: what RFC 9113 asks every server to allow at least.
    pub h2_streams: u32,
    /// How long a resolved name is believed.
    pub name_ttl: Duration,
    /// Resolved names that are remembered.
    pub names_max: usize,
}

impl Default for ProviderConfig {
    /// No network is allowed by default: the operator's configuration decides.
    fn default() -> Self {
        Self {
            allow: Vec::new(),
            own: Vec::new(),
            extra_roots_pem: None,
            public_roots: true,
            idle_max: 256,
            idle_for: Duration::from_secs(30),
            in_flight_max: 1024,
            h2_connections_max: 4,
            h2_streams: 100,
            name_ttl: Duration::from_secs(10),
            names_max: 1024,
        }
    }
}
