//! One HTTP/2 connection to another node, shared by many exchanges.

use super::connect::Wire;
use super::cork::{Cork, Uncork};
use super::hello::Hello;
use crate::body::{OutBody, PeerBody};
use crate::bounds::{HEAD_MAX, HELLO_MAX};
use crate::fields::HELLO_PATH;
use http::{Request, Response};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http2;
use hyper::rt::Executor;
use hyper_util::rt::{TokioIo, TokioTimer};
use lgsp_kernel::NodeName;
use parking_lot::Mutex;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// What one stream may send before we have read it: an answer of the usual size at once, little enough for five thousand.
const STREAM_WINDOW: u32 = 64 << 10;
/// The same for all streams of a connection.
const CONNECTION_WINDOW: u32 = 4 << 20;
/// Room for delegations and checkpoints in the header compression's table.
pub const HEADER_TABLE: u32 = 64 << 10;
/// A connection on which nothing is heard for this long is asked whether it is there.
const PING_EVERY: Duration = Duration::from_secs(10);
/// How long that question may stay unanswered.
const PING_PATIENCE: Duration = Duration::from_secs(5);

pub(crate) struct Conn {
    send: http2::SendRequest<OutBody>,
    pub(crate) streams: AtomicU32,
    pub(crate) hello: Hello,
}

/// A place on a connection for one exchange.
pub(crate) struct Lease {
    pub(crate) conn: Arc<Conn>,
}

impl std::fmt::Debug for Lease {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Lease({})", self.conn.hello.node)
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.conn.streams.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A request without an answer.
#[derive(Debug)]
pub(crate) struct Attempted {
    /// The request, if nothing of it was sent.
    pub(crate) unsent: Option<Box<Request<OutBody>>>,
    /// The other node said that it did not process it.
    pub(crate) refused: bool,
    pub(crate) error: String,
}

impl Conn {
    /// Speaks HTTP/2 on a fresh stream and asks for `hello`.
    pub(crate) async fn open(wire: Box<dyn Wire>, node: &NodeName) -> Result<Self, String> {
        let cork = Cork::new(wire);
        let mut builder = http2::Builder::new(Tasks(Arc::new(Mutex::new(Some(cork.around())))));
        builder
            .timer(TokioTimer::new())
            .keep_alive_interval(PING_EVERY)
            .keep_alive_timeout(PING_PATIENCE)
            .keep_alive_while_idle(true)
            .initial_stream_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .header_table_size(HEADER_TABLE)
            .max_header_list_size(HEAD_MAX as u32);
        let (mut send, conn) = builder.handshake(TokioIo::new(cork)).await.map_err(|e| e.to_string())?;
        let peer = node.clone();
        tokio::spawn(async move {
            if let Err(error) = conn.await {
                tracing::debug!(%peer, %error, "connection to a node ended");
            }
        });
        let hello = ask(&mut send, node).await?;
        Ok(Self { send, streams: AtomicU32::new(0), hello })
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.send.is_closed()
    }
}

/// What is written on a connection to another node, let go after each poll.
type Flow = Uncork<Box<dyn Wire>>;

/// Runs the tasks of a connection. The first is the one that reads and writes; the others hand it bodies.
#[derive(Clone)]
struct Tasks(Arc<Mutex<Option<Flow>>>);

impl<F> Executor<F> for Tasks
where
    F: Future<Output = ()> + Send + 'static,
{
    fn execute(&self, task: F) {
        let first = self.0.lock().take();
        match first {
            Some(uncork) => tokio::spawn(uncork.drive(task)),
            None => tokio::spawn(task),
        };
    }
}

async fn ask(send: &mut http2::SendRequest<OutBody>, node: &NodeName) -> Result<Hello, String> {
    let uri = format!("https://{node}.node.lgsp{HELLO_PATH}");
    let request = Request::get(uri).body(PeerBody::empty().into()).map_err(|e| e.to_string())?;
    let answer = send.send_request(request).await.map_err(|e| e.to_string())?;
    if !answer.status().is_success() {
        return Err(format!("hello was answered {}", answer.status()));
    }
    let body = Limited::new(answer.into_body(), HELLO_MAX).collect().await.map_err(|e| e.to_string())?;
    let hello: Hello =
        serde_json::from_slice(&body.to_bytes()).map_err(|e| format!("hello cannot be read: {e}"))?;
    if hello.node == *node { Ok(hello) } else { Err(format!("it calls itself {}", hello.node)) }
}

impl Lease {
    pub(crate) fn hello(&self) -> &Hello {
        &self.conn.hello
    }

    /// Sends a request and waits for the head of its answer.
    pub(crate) async fn exchange(&self, request: Request<OutBody>) -> Result<Response<Incoming>, Attempted> {
        let mut send = self.conn.send.clone();
        send.try_send_request(request).await.map_err(|mut error| {
            let unsent = error.take_message().map(Box::new);
            let error = error.into_error();
            Attempted { unsent, refused: refused(&error), error: chain(&error) }
        })
    }
}

/// Whether the other side said that it did not process the request (RFC 9113, section 8.7).
fn refused(error: &hyper::Error) -> bool {
    let mut source = std::error::Error::source(error);
    while let Some(e) = source {
        if let Some(h2) = e.downcast_ref::<h2::Error>() {
            return h2.is_remote() && h2.reason() == Some(h2::Reason::REFUSED_STREAM);
        }
        source = e.source();
    }
    false
}

pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(e) = source {
        text.push_str(": ");
        text.push_str(&e.to_string());
        source = e.source();
    }
    text
}
