//! The client's side of connections between nodes: a few HTTP/2 connections to each, shared by many exchanges; another endpoint when one fails; patience
//! that grows when all do. Not here: what is sent (`seal`), the server's side (the gateway's).

mod conn;
mod connect;
mod cork;
mod hello;
mod pool;

pub use connect::{Connect, READ_AT_ONCE, TlsConnect, Wire};
pub use cork::{Cork, Corked, Uncork};
pub use hello::{Hello, Mode, VERSIONS};

pub(crate) use conn::Lease;
pub(crate) use pool::{Known, Pool};

use lgsp_kernel::{NodeName, Refusal};
use parking_lot::RwLock;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

/// How connections are made and kept.
#[derive(Debug, Clone)]
pub struct TransportConfig {
    /// How long an endpoint may take until `hello` was answered.
    pub connect_timeout: Duration,
    /// Open streams at which another connection is opened.
    pub streams_per_connection: u32,
    /// Connections to one node.
    pub connections_max: usize,
    /// The longest pause after a node could not be reached.
    pub pause_max: Duration,
}

impl Default for TransportConfig {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(3),
            streams_per_connection: crate::bounds::STREAMS_PER_CONNECTION,
            connections_max: crate::bounds::CONNECTIONS_MAX,
            pause_max: Duration::from_secs(15),
        }
    }
}

/// The connections to all nodes.
pub(crate) struct Transport {
    connect: Arc<dyn Connect>,
    config: TransportConfig,
    pools: RwLock<HashMap<NodeName, Arc<Pool>>>,
}

impl Transport {
    pub(crate) fn new(connect: Arc<dyn Connect>, config: TransportConfig) -> Self {
        Self { connect, config, pools: RwLock::default() }
    }

    /// A place on a connection to the node.
    pub(crate) async fn lease(&self, node: &NodeName, known: impl Fn() -> Known) -> Result<Lease, Refusal> {
        let pool = self.pool(node);
        pool.lease(&*self.connect, &self.config, node, known).await
    }

    /// Gives a connection up for new exchanges.
    pub(crate) fn discard(&self, node: &NodeName, lease: &Lease) {
        self.pool(node).discard(lease);
    }

    /// Drops all connections to a node: its certificate was revoked, or its endpoints changed.
    pub(crate) fn forget(&self, node: &NodeName) {
        self.pools.write().remove(node);
    }

    /// Open connections to a node, and whether the last attempt to open one failed.
    pub(crate) fn health(&self, node: &NodeName) -> (usize, bool) {
        let pool = self.pools.read().get(node).cloned();
        pool.map_or((0, false), |p| p.health())
    }

    fn pool(&self, node: &NodeName) -> Arc<Pool> {
        if let Some(pool) = self.pools.read().get(node) {
            return pool.clone();
        }
        // Bounded by the members of the directory: only their endpoints are known.
        self.pools.write().entry(node.clone()).or_default().clone()
    }
}
