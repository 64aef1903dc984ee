//! The bounds of the front door and of every exchange, with their defaults. Where they come from is the node's concern.

use crate::edge::xroad::XRoadConfig;
use lgsp_kernel::bounds;
use lgsp_wire::framing::HeadLimits;
use std::time::Duration;

/// Bounds; every one has a default that suits a province's platform on one machine.
#[derive(Debug, Clone)]
pub struct GatewayConfig {
    /// The node's address as its callers know it, without a slash at the end: what discovery says. Must be the issuer of its tokens.
    pub issuer: String,
    /// Bodies up to this are collected and recorded with their digest first; larger ones stream. Bytes.
    pub collect_max: usize,
    /// Largest body where a service says nothing else, bytes.
    pub body_max: u64,
    /// Request head, bytes.
    pub head_max: usize,
    /// Header lines of a request.
    pub headers_max: usize,
    /// Request target, bytes.
    pub target_max: usize,
    /// Connections at once; further ones wait in the kernel's queue.
    pub connections_max: usize,
    /// Exchanges at once, streamed answers included; further ones are refused.
    pub in_flight_max: usize,
    /// Time for a TLS handshake.
    pub handshake_timeout: Duration,
    /// Time from the first byte of a head to its last.
    pub head_timeout: Duration,
    /// How long a connection may wait for its next request.
    pub idle_timeout: Duration,
    /// How long a consumer may take nothing of what is sent to it.
    pub write_timeout: Duration,
    /// Longest pause within a request's body.
    pub body_idle_timeout: Duration,
    /// Slowest arrival of a request's body, bytes a second of waiting, after `body_grace`.
    pub body_rate_min: u64,
    /// Waiting for a body before its rate is looked at.
    pub body_grace: Duration,
    /// How long an answer of unknown length may take to turn out short, before it is streamed.
    pub answer_gather: Duration,
    /// Answers up to this length are recorded and given whole. Bytes.
    pub answer_whole_max: usize,
    /// How long open exchanges may go on once stopping has begun.
    pub drain_limit: Duration,
    /// HTTP/2: streams of one connection at once.
    pub h2_streams_max: u32,
    /// HTTP/2: streams that a peer may open and reset before it is cut off (rapid reset).
    pub h2_resets_max: usize,
    /// What the node is to X-Road.
    pub xroad: XRoadConfig,
    /// What `Retry-After` says when the platform itself is the obstacle, seconds.
    pub retry_after_seconds: u32,
}

impl Default for GatewayConfig {
    fn default() -> Self {
        Self {
            issuer: "http://localhost".into(),
            collect_max: bounds::COLLECT_MAX,
            body_max: bounds::BODY_MAX,
            head_max: bounds::HEAD_MAX,
            headers_max: bounds::HEADERS_MAX,
            target_max: bounds::TARGET_MAX,
            connections_max: 16_384,
            in_flight_max: 8_192,
            handshake_timeout: Duration::from_secs(10),
            head_timeout: Duration::from_secs(15),
            idle_timeout: Duration::from_secs(75),
            write_timeout: Duration::from_secs(60),
            body_idle_timeout: Duration::from_secs(30),
            body_rate_min: 256,
            body_grace: Duration::from_secs(20),
            answer_gather: Duration::from_millis(5),
            answer_whole_max: 64 << 10,
            drain_limit: Duration::from_secs(30),
            h2_streams_max: 256,
            h2_resets_max: 64,
            xroad: XRoadConfig::default(),
            retry_after_seconds: 2,
        }
    }
}

impl GatewayConfig {
    pub(crate) fn head_limits(&self) -> HeadLimits {
        HeadLimits { head: self.head_max, lines: self.headers_max, target: self.target_max }
    }
}
