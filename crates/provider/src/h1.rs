//! One HTTP/1.1 connection. It has no task of its own: the exchange that uses it drives it, which saves two wake-ups and a task
//! switch for each call. While idle nobody drives it; whoever takes it from the pool looks first whether it is still good.
//! Dropping it closes it, and with it whatever was in progress.

use crate::connect::Stream;
use crate::failure::{Broken, Failure};
use crate::head::keep_alive_hint;
use crate::out_body::Wired;
use crate::wire_io::{Counted, Traffic};
use futures_util::task::AtomicWaker;
use http::header::{self, HeaderMap, HeaderValue};
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

type Driver = Pin<Box<dyn Future<Output = hyper::Result<()>> + Send>>;

/// A connection and who is woken by it.
pub(crate) struct H1Conn {
    send: http1::SendRequest<Wired>,
    driver: Driver,
    over: bool,
    relay: Arc<Relay>,
    waker: Waker,
    pub(crate) traffic: Arc<Traffic>,
    pub(crate) idle_since: Instant,
    /// The timer of its exchanges, kept from one to the next.
    pub(crate) timer: Option<Pin<Box<tokio::time::Sleep>>>,
    /// How long the provider says that it keeps it.
    keep: Option<Duration>,
    /// The provider will close it.
    closing: bool,
}

/// Passes a connection's wake-ups on to whoever drives it. Silenced while the driver itself causes them: it looks at the connection
/// right after, so the wake-up would only make its task run once more for nothing. What it misses meanwhile it remembers.
struct Relay {
    state: AtomicU8,
    to: AtomicWaker,
}

const SILENT: u8 = 1;
const MISSED: u8 = 2;

impl Relay {
    fn silence(&self) {
        self.state.store(SILENT, Ordering::Release);
    }
    /// Ends the silence; says whether a wake-up came during it.
    fn listen(&self) -> bool {
        self.state.swap(0, Ordering::AcqRel) & MISSED != 0
    }
}

impl Wake for Relay {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }
    fn wake_by_ref(self: &Arc<Self>) {
        if self.state.fetch_or(MISSED, Ordering::AcqRel) & SILENT == 0 {
            self.to.wake();
        }
    }
}

impl H1Conn {
    /// Speaks HTTP/1.1 on a fresh stream. Nothing is sent yet.
    pub(crate) async fn new(stream: Stream, head_max: usize) -> Result<Self, hyper::Error> {
        let traffic = Arc::new(Traffic::default());
        let mut builder = http1::Builder::new();
        builder.max_buf_size(head_max);
        let (send, driver): (_, Driver) = match stream {
            Stream::Plain(s) => {
                let (send, conn) = builder.handshake(TokioIo::new(Counted::new(s, traffic.clone()))).await?;
                (send, Box::pin(conn))
            }
            Stream::Tls(s) => {
                let (send, conn) = builder.handshake(TokioIo::new(Counted::new(s, traffic.clone()))).await?;
                (send, Box::pin(conn))
            }
        };
        let relay = Arc::new(Relay { state: AtomicU8::new(SILENT), to: AtomicWaker::new() });
        let waker = Waker::from(relay.clone());
        Ok(Self {
            send,
            driver,
            over: false,
            relay,
            waker,
            traffic,
            idle_since: Instant::now(),
            timer: None,
            keep: None,
            closing: false,
        })
    }

    /// Whether an idle connection can carry another exchange: the provider has not closed it, nor sent what nobody asked for.
    pub(crate) fn is_good(&mut self) -> bool {
        self.drive();
        !self.over && self.send.is_ready()
    }

    /// Lets the connection do what it can now.
    fn drive(&mut self) {
        if !self.over {
            self.over = self.driver.as_mut().poll(&mut Context::from_waker(&self.waker)).is_ready();
        }
    }

    /// Drives it for a task, which is woken when there is more to do. `step` looks at what the connection produced.
    pub(crate) fn poll_with<T>(
        &mut self,
        cx: &mut Context<'_>,
        mut step: impl FnMut(&mut Context<'_>) -> Poll<T>,
    ) -> Poll<Result<T, Broken>> {
        let mut deaf = Context::from_waker(Waker::noop());
        self.relay.silence();
        if let Poll::Ready(done) = step(&mut deaf) {
            return Poll::Ready(Ok(done));
        }
        self.relay.to.register(cx.waker());
        self.relay.listen();
        self.drive();
        self.relay.silence();
        match step(&mut deaf) {
            Poll::Ready(done) => Poll::Ready(Ok(done)),
            Poll::Pending if self.over => Poll::Ready(Err(Broken)),
            Poll::Pending => {
                if self.relay.listen() {
                    cx.waker().wake_by_ref();
                }
                Poll::Pending
            }
        }
    }

    /// Sends a request and waits for the head of its answer; `late` ends the waiting.
    pub(crate) async fn exchange(
        &mut self,
        request: Request<Wired>,
        mut late: impl FnMut(&mut Context<'_>) -> Poll<Failure>,
    ) -> Result<Response<Incoming>, Attempted> {
        self.relay.silence();
        // Unconstrained: a budget that runs out would wake the deaf waker, and the answer would lie there unseen.
        let mut answer = pin!(tokio::task::unconstrained(self.send.try_send_request(request)));
        std::future::poll_fn(|cx| match self.poll_with(cx, |deaf| answer.as_mut().poll(deaf)) {
            Poll::Ready(Ok(Ok(response))) => Poll::Ready(Ok(response)),
            Poll::Ready(Ok(Err(error))) => Poll::Ready(Err(Attempted::Failed {
                unsent: error.message().is_some(),
                error: Some(error.into_error()),
            })),
            Poll::Ready(Err(Broken)) => Poll::Ready(Err(Attempted::Failed { unsent: false, error: None })),
            Poll::Pending => late(cx).map(|f| Err(Attempted::Late(f))),
        })
        .await
    }

    /// Notes what an answer's head says about the connection. Read before the head is stripped.
    pub(crate) fn note(&mut self, headers: &HeaderMap) {
        if headers.contains_key(header::CONNECTION) {
            let closes = |v: &HeaderValue| v.to_str().is_ok_and(|t| t.to_ascii_lowercase().contains("close"));
            self.closing = headers.get_all(header::CONNECTION).iter().any(closes);
        }
        if let Some(said) = keep_alive_hint(headers) {
            // A second earlier than the provider, so that it does not close it just as we write; half its time if it is short.
            self.keep = Some(said.saturating_sub(Duration::from_secs(1)).max(said / 2));
        }
    }

    /// Whether it has been idle for too long.
    pub(crate) fn has_expired(&self, idle_for: Duration) -> bool {
        self.idle_since.elapsed() >= self.keep.map_or(idle_for, |k| k.min(idle_for))
    }

    /// Whether the exchange is over on both sides, so that the connection may serve another. `request_sent`: nothing of the request is left.
    pub(crate) fn is_reusable(&mut self, request_sent: bool) -> bool {
        !self.over && !self.closing && (request_sent || self.is_good())
    }
}

/// How an exchange ended without a head.
pub(crate) enum Attempted {
    /// The connection failed. `unsent`: surely before anything of the request was written.
    Failed { unsent: bool, error: Option<hyper::Error> },
    /// Its time was up.
    Late(Failure),
}
