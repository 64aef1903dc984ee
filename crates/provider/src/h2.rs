//! HTTP/2 connections to one target: few, each carrying many exchanges at once. Unlike HTTP/1.1 ones they have tasks of their own,
//! because exchanges share them.

use crate::connect::Stream;
use crate::failure::Failure;
use crate::h1::Attempted;
use crate::out_body::Wired;
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use parking_lot::Mutex;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

/// What one stream may send before we have read it: enough for a fast link, little enough for a thousand slow readers.
const STREAM_WINDOW: u32 = 256 << 10;
/// The same for all streams of a connection.
const CONNECTION_WINDOW: u32 = 2 << 20;
/// A connection in use on which nothing is heard for this long is asked whether it is there.
const PING_EVERY: Duration = Duration::from_secs(15);
/// How long that question may stay unanswered.
const PING_PATIENCE: Duration = Duration::from_secs(10);

/// The connections.
pub(crate) struct H2Pool {
    conns: Mutex<Vec<Arc<H2Conn>>>,
    /// One opens, the others wait for it.
    opening: tokio::sync::Mutex<()>,
    max: usize,
    streams: u32,
}

/// A connection and the number of exchanges on it.
pub(crate) struct H2Conn {
    send: http2::SendRequest<Wired>,
    streams: AtomicU32,
}

/// A place on a connection for one exchange.
pub(crate) struct H2Lease {
    conn: Arc<H2Conn>,
}

impl Drop for H2Lease {
    fn drop(&mut self) {
        self.conn.streams.fetch_sub(1, Ordering::Relaxed);
    }
}

impl H2Pool {
    pub(crate) fn new(max: usize, streams: u32) -> Self {
        let opening = tokio::sync::Mutex::new(());
        Self { conns: Mutex::new(Vec::new()), opening, max: max.max(1), streams: streams.max(1) }
    }

    /// A place on a connection, opened with `open` where needed. Says whether the connection had been there before.
    pub(crate) async fn lease<F>(&self, open: impl FnOnce() -> F) -> Result<(H2Lease, bool), Failure>
    where
        F: Future<Output = Result<H2Conn, Failure>>,
    {
        if let Some(lease) = self.existing(false) {
            return Ok((lease, true));
        }
        // With a connection there, however busy, nobody waits for another one: the first opens it, the rest queue on what there is.
        let _one = match self.opening.try_lock() {
            Ok(guard) => guard,
            Err(_) => match self.existing(true) {
                Some(lease) => return Ok((lease, true)),
                None => self.opening.lock().await,
            },
        };
        let enough = self.len() >= self.max;
        if let Some(lease) = self.existing(enough) {
            return Ok((lease, true));
        }
        let conn = Arc::new(open().await?);
        conn.streams.fetch_add(1, Ordering::Relaxed);
        self.conns.lock().push(conn.clone());
        Ok((H2Lease { conn }, false))
    }

    /// The least busy connection, if it has a place, or even if it has none (then the exchange queues).
    fn existing(&self, even_full: bool) -> Option<H2Lease> {
        let mut conns = self.conns.lock();
        conns.retain(|c| !c.send.is_closed());
        let conn = conns.iter().min_by_key(|c| c.streams.load(Ordering::Relaxed))?;
        if !even_full && conn.streams.load(Ordering::Relaxed) >= self.streams {
            return None;
        }
        conn.streams.fetch_add(1, Ordering::Relaxed);
        Some(H2Lease { conn: conn.clone() })
    }

    pub(crate) fn sweep(&self) {
        self.conns.lock().retain(|c| !c.send.is_closed());
    }
    pub(crate) fn clear(&self) {
        self.conns.lock().clear();
    }
    pub(crate) fn len(&self) -> usize {
        self.conns.lock().len()
    }
    /// Gives a connection up for new exchanges; those on it go on.
    pub(crate) fn discard(&self, lease: &H2Lease) {
        self.conns.lock().retain(|c| !Arc::ptr_eq(c, &lease.conn));
    }
}

impl H2Conn {
    /// Speaks HTTP/2 on a fresh stream.
    pub(crate) async fn new(stream: Stream, head_max: u32) -> Result<Self, hyper::Error> {
        let mut builder = http2::Builder::new(TokioExecutor::new());
        builder
            .timer(TokioTimer::new())
            .keep_alive_interval(PING_EVERY)
            .keep_alive_timeout(PING_PATIENCE)
            .initial_stream_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .max_header_list_size(head_max);
        let send = match stream {
            Stream::Plain(s) => {
                let (send, conn) = builder.handshake(TokioIo::new(s)).await?;
                tokio::spawn(run(conn));
                send
            }
            Stream::Tls(s) => {
                let (send, conn) = builder.handshake(TokioIo::new(s)).await?;
                tokio::spawn(run(conn));
                send
            }
        };
        Ok(Self { send, streams: AtomicU32::new(0) })
    }
}

async fn run(conn: impl Future<Output = hyper::Result<()>>) {
    if let Err(e) = conn.await {
        tracing::debug!(error = %crate::failure::chain(&e), "HTTP/2 connection to a provider ended");
    }
}

impl H2Lease {
    /// Sends a request and waits for the head of its answer; `late` ends the waiting.
    pub(crate) async fn exchange(
        &self,
        request: Request<Wired>,
        mut late: impl FnMut(&mut Context<'_>) -> Poll<Failure>,
    ) -> Result<Response<Incoming>, Attempted> {
        let mut send = self.conn.send.clone();
        let mut answer = pin!(send.try_send_request(request));
        std::future::poll_fn(|cx| match answer.as_mut().poll(cx) {
            Poll::Ready(Ok(response)) => Poll::Ready(Ok(response)),
            Poll::Ready(Err(error)) => Poll::Ready(Err(Attempted::Failed {
                unsent: error.message().is_some(),
                error: Some(error.into_error()),
            })),
            Poll::Pending => late(cx).map(|f| Err(Attempted::Late(f))),
        })
        .await
    }
}
