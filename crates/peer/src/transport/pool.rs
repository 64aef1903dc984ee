//! The connections to one node: the least busy one is used, another is opened when all are busy, and a node that cannot be reached is left alone for a while.

use super::TransportConfig;
use super::conn::{Conn, Lease};
use super::connect::Connect;
use crate::members::Endpoint;
use lgsp_kernel::{NodeName, Refusal, fault};
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::time::{Instant, timeout};

/// The first pause after a node could not be reached; it doubles with each further failure.
const PAUSE_FIRST: Duration = Duration::from_millis(200);

#[derive(Default)]
pub(crate) struct Pool {
    conns: Mutex<Vec<Arc<Conn>>>,
    /// One opens, the others wait for it.
    opening: tokio::sync::Mutex<()>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    failures: u32,
    pause: Option<(Instant, String)>,
    /// What was known of the node when an attempt failed: with anything else it is tried at once.
    known: Option<Known>,
    /// The endpoint that worked last.
    preferred: usize,
}

/// What the directory says of a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Known {
    pub(crate) endpoints: Vec<Endpoint>,
    /// The state of the directory.
    pub(crate) version: u64,
}

impl Pool {
    pub(crate) async fn lease(
        &self,
        connect: &dyn Connect,
        config: &TransportConfig,
        node: &NodeName,
        known: impl Fn() -> Known,
    ) -> Result<Lease, Refusal> {
        if let Some(lease) = self.existing(config.streams_per_connection, false) {
            return Ok(lease);
        }
        // With a connection there, however busy, nobody waits for another one: the first opens it, the rest queue on what there is.
        let _one = match self.opening.try_lock() {
            Ok(guard) => guard,
            Err(_) => match self.existing(config.streams_per_connection, true) {
                Some(lease) => return Ok(lease),
                None => self.opening.lock().await,
            },
        };
        let enough = self.conns.lock().len() >= config.connections_max;
        if let Some(lease) = self.existing(config.streams_per_connection, enough) {
            return Ok(lease);
        }
        match self.open(connect, config, node, known()).await {
            Ok(conn) => {
                conn.streams.fetch_add(1, Ordering::Relaxed);
                self.conns.lock().push(conn.clone());
                Ok(Lease { conn })
            }
            // Another connection would have been better, but there is one.
            Err(refusal) => self.existing(config.streams_per_connection, true).ok_or(refusal),
        }
    }

    fn existing(&self, streams: u32, even_full: bool) -> Option<Lease> {
        let mut conns = self.conns.lock();
        conns.retain(|c| !c.is_closed());
        let conn = conns.iter().min_by_key(|c| c.streams.load(Ordering::Relaxed))?;
        if !even_full && conn.streams.load(Ordering::Relaxed) >= streams {
            return None;
        }
        conn.streams.fetch_add(1, Ordering::Relaxed);
        Some(Lease { conn: conn.clone() })
    }

    async fn open(
        &self,
        connect: &dyn Connect,
        config: &TransportConfig,
        node: &NodeName,
        known: Known,
    ) -> Result<Arc<Conn>, Refusal> {
        let endpoints = &known.endpoints;
        let preferred = {
            let mut state = self.state.lock();
            if state.known.as_ref().is_some_and(|then| *then != known) {
                *state = State { preferred: state.preferred, ..State::default() };
            }
            if let Some((until, why)) = &state.pause
                && Instant::now() < *until
            {
                return Err(unreachable(node, why).retry_after(1));
            }
            state.preferred
        };
        let mut why = "the directory names no endpoint".to_owned();
        for i in 0..endpoints.len() {
            let at = (preferred + i) % endpoints.len();
            match timeout(config.connect_timeout, attempt(connect, node, &endpoints[at])).await {
                Ok(Ok(conn)) => {
                    *self.state.lock() = State { preferred: at, ..State::default() };
                    return Ok(Arc::new(conn));
                }
                Ok(Err(error)) => why = error,
                Err(_) => why = "it did not answer in time".to_owned(),
            }
            tracing::debug!(%node, endpoint = ?endpoints[at], %why, "a node could not be reached");
        }
        let mut state = self.state.lock();
        let pause = PAUSE_FIRST.saturating_mul(1 << state.failures.min(10)).min(config.pause_max);
        state.failures = state.failures.saturating_add(1);
        state.known = Some(known);
        state.pause = Some((Instant::now() + pause, why.clone()));
        Err(unreachable(node, &why))
    }

    pub(crate) fn discard(&self, lease: &Lease) {
        self.conns.lock().retain(|c| !Arc::ptr_eq(c, &lease.conn));
    }

    pub(crate) fn health(&self) -> (usize, bool) {
        let mut conns = self.conns.lock();
        conns.retain(|c| !c.is_closed());
        (conns.len(), self.state.lock().failures > 0)
    }
}

async fn attempt(connect: &dyn Connect, node: &NodeName, at: &Endpoint) -> Result<Conn, String> {
    let wire = connect.connect(node, at).await.map_err(|e| super::conn::chain(&e))?;
    Conn::open(wire, node).await
}

fn unreachable(node: &NodeName, why: &str) -> Refusal {
    Refusal::new(&fault::PEER_UNREACHABLE, format!("The node {node} could not be reached."))
        .with_internal(why)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::connect::Wire;
    use super::{Connect, Endpoint, Known, NodeName, PAUSE_FIRST, Pool, TransportConfig};
    use futures_util::future::BoxFuture;
    use std::io;
    use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

    /// Counts attempts; none succeeds.
    #[derive(Default)]
    struct Dead(AtomicUsize);

    impl Connect for Dead {
        fn connect<'a>(
            &'a self,
            _: &'a NodeName,
            _: &'a Endpoint,
        ) -> BoxFuture<'a, io::Result<Box<dyn Wire>>> {
            self.0.fetch_add(1, SeqCst);
            Box::pin(async { Err(io::ErrorKind::ConnectionRefused.into()) })
        }
    }

    #[tokio::test]
    async fn a_node_is_left_alone_for_a_while_but_not_once_the_directory_says_something_else_of_it() {
        let (dead, pool, node) = (Dead::default(), Pool::default(), NodeName::new("b").unwrap());
        let config = TransportConfig::default();
        let known = |port, version| Known { endpoints: vec![Endpoint { host: "b".into(), port }], version };
        for (port, version, attempts) in [
            (1, 1, 1),
            (1, 1, 1), // left alone
            (2, 1, 2), // it has moved
            (2, 1, 2),
            (2, 2, 3), // its certificates may be others
            (2, 2, 3),
        ] {
            pool.lease(&dead, &config, &node, || known(port, version)).await.unwrap_err();
            assert_eq!(dead.0.load(SeqCst), attempts, "{port} {version}");
        }
        tokio::time::sleep(2 * PAUSE_FIRST).await;
        pool.lease(&dead, &config, &node, || known(2, 2)).await.unwrap_err();
        assert_eq!(dead.0.load(SeqCst), 4);
    }
}
