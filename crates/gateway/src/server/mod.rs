//! The front door: accepts connections, finds out which protocol they speak, bounds what they may cost, and hands requests to the
//! [`Gateway`]. Not here: anything about a request's meaning.

pub mod conn;
pub mod guard;
mod head;
pub mod shutdown;
pub(crate) mod streams;
pub mod tls;

use crate::answer::AnswerBody;
use crate::gateway::Gateway;
use conn::Conn;
use guard::{Guard, GuardTimes};
use http::{Request, Response};
use hyper::body::Incoming;
use hyper_util::rt::{TokioIo, TokioTimer};
use lgsp_peer::transport::{Cork, READ_AT_ONCE};
use lgsp_trust::PeerTls;
use shutdown::Shutdown;
use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use streams::{Streams, Taken};
use tls::TlsAcceptorHandle;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;

/// How an HTTP/2 connection with prior knowledge begins (RFC 9113 3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// Connections that the kernel may hold ready before they are accepted.
const BACKLOG: i32 = 4096;
/// Header compression between nodes: room for the delegations and checkpoints that come with each message (docs/protocol/peer.md).
const PEER_HEADER_TABLE: u32 = 64 << 10;
/// What is left of the drain limit for connections after their last answer.
const ABORT_GRACE: Duration = Duration::from_millis(200);

/// Binds an address; with `reuse_port` several processes may share it, and the kernel spreads connections over them.
pub fn bind(address: SocketAddr, reuse_port: bool) -> io::Result<TcpListener> {
    let domain = if address.is_ipv4() { socket2::Domain::IPV4 } else { socket2::Domain::IPV6 };
    let socket = socket2::Socket::new(domain, socket2::Type::STREAM, None)?;
    socket.set_reuse_address(true)?;
    if reuse_port {
        socket.set_reuse_port(true)?;
    }
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

/// How the connections of a listener are secured, and who may come.
#[derive(Clone)]
enum Door {
    Plain,
    Tls(TlsAcceptorHandle),
    /// Other nodes.
    Peers(Arc<PeerTls>, Arc<rustls::ServerConfig>),
}

/// Serves other nodes until `shutdown` begins, as [`serve`] serves consumers. They must show a node's certificate.
pub async fn serve_peers(
    gateway: Arc<Gateway>,
    listener: TcpListener,
    tls: Arc<PeerTls>,
    shutdown: Shutdown,
) -> Result<usize, rustls::Error> {
    let config = tls.server_config()?;
    Ok(serve_at(gateway, listener, Door::Peers(tls, config), shutdown).await)
}

/// Serves until `shutdown` begins; then waits for open exchanges up to the configured limit. Returns how many connections had to be cut off.
pub async fn serve(
    gateway: Arc<Gateway>,
    listener: TcpListener,
    tls: Option<TlsAcceptorHandle>,
    shutdown: Shutdown,
) -> usize {
    serve_at(gateway, listener, tls.map_or(Door::Plain, Door::Tls), shutdown).await
}

async fn serve_at(gateway: Arc<Gateway>, listener: TcpListener, door: Door, shutdown: Shutdown) -> usize {
    gateway.serving_until(&shutdown);
    let places = Arc::new(Semaphore::new(gateway.config.connections_max));
    let tracker = TaskTracker::new();
    let abort = Shutdown::new();
    loop {
        let place = tokio::select! {
            biased;
            () = shutdown.wait() => break,
            place = places.clone().acquire_owned() => match place { Ok(p) => p, Err(_) => break },
        };
        let accepted = tokio::select! {
            biased;
            () = shutdown.wait() => break,
            accepted = listener.accept() => accepted,
        };
        let (stream, peer) = match accepted {
            Ok(ok) => ok,
            Err(e) => {
                // Out of descriptors, or the peer is gone already: neither may end the loop.
                tracing::warn!(error = %e, "a connection was not accepted");
                tokio::time::sleep(Duration::from_millis(20)).await;
                continue;
            }
        };
        let (gateway, door, shutdown, abort) =
            (gateway.clone(), door.clone(), shutdown.clone(), abort.clone());
        tracker.spawn(async move {
            let _place = place;
            abort.or(std::pin::pin!(connection(gateway, stream, peer, door, shutdown))).await;
        });
    }
    drop(listener);
    tracker.close();
    let limit = gateway.config.drain_limit;
    if tokio::time::timeout(limit, tracker.wait()).await.is_ok() {
        return 0;
    }
    let cut_off = tracker.len();
    abort.begin();
    let _ = tokio::time::timeout(ABORT_GRACE, tracker.wait()).await;
    cut_off
}

async fn connection(
    gateway: Arc<Gateway>,
    stream: TcpStream,
    peer: SocketAddr,
    door: Door,
    shutdown: Shutdown,
) {
    // Without this a small answer waits for the peer's delayed acknowledgement: 40 ms.
    let _ = stream.set_nodelay(true);
    let limit = gateway.config.handshake_timeout;
    let config = match &door {
        Door::Plain => None,
        Door::Tls(tls) => Some(tls.current()),
        Door::Peers(_, config) => Some(config.clone()),
    };
    let Some(config) = config else {
        let conn = Arc::new(Conn::new(peer, None));
        let mut stream = stream;
        let Ok(Ok((first, http2))) =
            tokio::time::timeout(gateway.config.idle_timeout, preface(&mut stream)).await
        else {
            return;
        };
        return speak(gateway, stream, conn, first, http2, shutdown).await;
    };
    // With room for one byte everything is read past the buffer: one consumer's connection would gain nothing from it.
    let at_once = if matches!(door, Door::Peers(..)) { READ_AT_ONCE } else { 1 };
    let stream = BufReader::with_capacity(at_once, stream);
    let accept = tokio_rustls::TlsAcceptor::from(config).accept(stream);
    let stream = match tokio::time::timeout(limit, accept).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(e)) => return tracing::debug!(%peer, error = %e, "TLS handshake failed"),
        Err(_) => return tracing::debug!(%peer, "TLS handshake took too long"),
    };
    let state = stream.get_ref().1;
    let http2 = state.alpn_protocol() == Some(b"h2");
    if let Door::Peers(tls, _) = &door {
        // Whoever offers no protocol at all is let through the handshake without one.
        let Some(conn) = member(tls, state, peer).filter(|_| http2) else { return };
        return speak(gateway, stream, Arc::new(conn), Vec::new(), true, shutdown).await;
    }
    let certificate = state.peer_certificates().and_then(|c| c.first()).map(lgsp_identity::tls::fingerprint);
    let conn = Arc::new(Conn::new(peer, certificate));
    speak(gateway, stream, conn, Vec::new(), http2, shutdown).await;
}

/// The node at the other end of a finished handshake.
fn member(tls: &PeerTls, state: &rustls::ServerConnection, peer: SocketAddr) -> Option<Conn> {
    match tls.peer_subject(state.peer_certificates()) {
        Ok(subject) => Some(Conn::of_member(peer, subject.node.clone()?, subject)),
        Err(error) => {
            tracing::debug!(%peer, %error, "a node's certificate is not accepted");
            None
        }
    }
}

/// Reads until it is clear whether this is the HTTP/2 preface; gives back what was read.
async fn preface(stream: &mut TcpStream) -> io::Result<(Vec<u8>, bool)> {
    let mut first = vec![0; 8 << 10];
    let mut filled = 0;
    loop {
        let n = stream.read(&mut first[filled..]).await?;
        filled += n;
        let seen = &first[..filled.min(PREFACE.len())];
        if n == 0 || !PREFACE.starts_with(seen) || filled >= PREFACE.len() {
            let http2 = first[..filled].starts_with(PREFACE);
            first.truncate(filled);
            return Ok((first, http2));
        }
    }
}

async fn speak<T>(
    gateway: Arc<Gateway>,
    io: T,
    conn: Arc<Conn>,
    first: Vec<u8>,
    http2: bool,
    shutdown: Shutdown,
) where
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let c = &gateway.config;
    let times = GuardTimes { head: c.head_timeout, idle: c.idle_timeout, write: c.write_timeout };
    let io = Guard::new(io, conn.clone(), first, !http2, c.head_limits(), times);
    let answer = {
        let (gateway, conn) = (gateway.clone(), conn.clone());
        hyper::service::service_fn(move |request: Request<Incoming>| {
            let (gateway, conn) = (gateway.clone(), conn.clone());
            let request = if http2 { request } else { head::owned(request) };
            async move {
                let answer = gateway.handle(conn, request).await;
                Ok::<Response<AnswerBody>, Infallible>(match Taken::current() {
                    Some(taken) => answer.map(|body| body.watched(taken)),
                    None => answer,
                })
            }
        })
    };
    let result = if http2 {
        let cork = Cork::new(io);
        let uncork = cork.around();
        let serving = hyper::server::conn::http2::Builder::new(Streams { patience: c.write_timeout })
            .timer(TokioTimer::new())
            .max_concurrent_streams(c.h2_streams_max)
            .max_header_list_size(u32::try_from(c.head_max).unwrap_or(u32::MAX))
            .max_pending_accept_reset_streams(c.h2_resets_max)
            .max_local_error_reset_streams(c.h2_resets_max)
            .initial_stream_window_size(256 << 10)
            .initial_connection_window_size(1 << 20)
            .max_send_buf_size(256 << 10)
            .header_table_size(conn.member.is_some().then_some(PEER_HEADER_TABLE))
            .keep_alive_interval(c.idle_timeout)
            .keep_alive_timeout(c.head_timeout)
            .serve_connection(TokioIo::new(cork), answer);
        let mut serving = std::pin::pin!(uncork.drive(serving));
        let used = {
            let used =
                std::pin::pin!(finish(serving.as_mut(), &shutdown, |s| s.connection().graceful_shutdown()));
            tokio::select! {
                biased;
                output = used => Some(output),
                () = streams::idle(&conn, c.idle_timeout) => None,
            }
        };
        match used {
            Some(output) => output,
            None => {
                // Pings alone are no use of a connection. What is asked at this very moment is still answered.
                serving.as_mut().connection().graceful_shutdown();
                tokio::time::timeout(c.write_timeout, serving).await.unwrap_or(Ok(()))
            }
        }
    } else {
        let serving = hyper::server::conn::http1::Builder::new()
            .header_read_timeout(None)
            .max_headers(c.headers_max + 8)
            .max_header_size(c.head_max + 1024)
            .max_buf_size(c.head_max + (64 << 10))
            // Not `pipeline_flush`: with it hyper takes any amount of a body into its write buffer.
            .serve_connection(TokioIo::new(io), answer);
        let mut serving = std::pin::pin!(serving);
        finish(serving.as_mut(), &shutdown, |s| s.graceful_shutdown()).await
    };
    if let Err(e) = result {
        tracing::debug!(error = %e, "a connection ended with an error");
    }
}

/// Drives a connection to its end; when stopping begins it is told to take no more requests.
async fn finish<C: Future>(
    mut connection: std::pin::Pin<&mut C>,
    shutdown: &Shutdown,
    stop: impl FnOnce(std::pin::Pin<&mut C>),
) -> C::Output {
    if let Some(output) = shutdown.or(connection.as_mut()).await {
        return output;
    }
    stop(connection.as_mut());
    connection.await
}
