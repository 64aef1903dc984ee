//! The body of a request on its way to a provider: none, whole (and so repeatable), or a stream that can be sent once. Remembers
//! whether a stream was begun, why it failed and who kept whom waiting.

use crate::head::strip_trailers;
use bytes::Bytes;
use futures_util::task::AtomicWaker;
use http_body::{Body, Frame, SizeHint};
use http_body_util::combinators::UnsyncBoxBody;
use parking_lot::Mutex;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::time::Instant;

/// An error of a body.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// The body of a request.
///
/// An error of a stream that is a [`lgsp_kernel::Refusal`] becomes the refusal of the exchange; any other one says that the consumer's
/// body was incomplete.
#[derive(Default)]
pub enum OutBody {
    /// None.
    #[default]
    Empty,
    /// All of it: may be sent again.
    Full(Bytes),
    /// Arrives while it is sent; can be sent once.
    Stream(UnsyncBoxBody<Bytes, BoxError>),
}

impl std::fmt::Debug for OutBody {
    /// Says of what kind it is, never what is in it.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Empty => f.write_str("Empty"),
            Self::Full(bytes) => write!(f, "Full({} bytes)", bytes.len()),
            Self::Stream(_) => f.write_str("Stream"),
        }
    }
}

/// What is left of a body after an attempt took its share: enough for another one.
#[derive(Clone)]
pub(crate) enum Source {
    Empty,
    Full(Bytes),
    Stream(Arc<StreamState>),
}

impl From<OutBody> for Source {
    fn from(body: OutBody) -> Self {
        match body {
            OutBody::Empty => Self::Empty,
            OutBody::Full(bytes) if bytes.is_empty() => Self::Empty,
            OutBody::Full(bytes) => Self::Full(bytes),
            OutBody::Stream(stream) => Self::Stream(Arc::new(StreamState::new(stream))),
        }
    }
}

impl Source {
    /// A body for one attempt.
    pub(crate) fn wired(&self) -> Wired {
        match self {
            Self::Empty => Wired::Empty,
            Self::Full(bytes) => Wired::Full(Some(bytes.clone())),
            Self::Stream(state) => Wired::Stream(state.clone()),
        }
    }
    /// The body again, if nothing of it was read.
    pub(crate) fn give_back(self) -> Option<OutBody> {
        match self {
            Self::Empty => Some(OutBody::Empty),
            Self::Full(bytes) => Some(OutBody::Full(bytes)),
            Self::Stream(state) => {
                let inner = Arc::into_inner(state)?.inner.into_inner();
                (!inner.started && !inner.cancelled).then_some(OutBody::Stream(inner.body))
            }
        }
    }
    pub(crate) fn stream(&self) -> Option<&Arc<StreamState>> {
        match self {
            Self::Stream(state) => Some(state),
            _ => None,
        }
    }
    /// Whether the whole body can (still) be sent.
    pub(crate) fn intact(&self) -> bool {
        self.stream().is_none_or(|s| !s.inner.lock().started)
    }
}

/// A stream and what became of it.
pub(crate) struct StreamState {
    inner: Mutex<Inner>,
    given_up: AtomicWaker,
}

struct Inner {
    body: UnsyncBoxBody<Bytes, BoxError>,
    started: bool,
    done: bool,
    cancelled: bool,
    /// The consumer was asked for more and has not sent it.
    waiting: bool,
    progress: Instant,
    failure: Option<BoxError>,
}

impl StreamState {
    fn new(body: UnsyncBoxBody<Bytes, BoxError>) -> Self {
        let done = body.is_end_stream();
        let inner = Inner {
            body,
            started: false,
            done,
            cancelled: false,
            waiting: false,
            progress: Instant::now(),
            failure: None,
        };
        Self { inner: Mutex::new(inner), given_up: AtomicWaker::new() }
    }
    /// Whether all of it was handed to the connection.
    pub(crate) fn done(&self) -> bool {
        self.inner.lock().done
    }
    /// When its last part moved, and whether the next is awaited from the consumer.
    pub(crate) fn progress(&self) -> (Instant, bool) {
        let inner = self.inner.lock();
        (inner.progress, inner.waiting)
    }
    /// Why the consumer's part failed.
    pub(crate) fn take_failure(&self) -> Option<BoxError> {
        self.inner.lock().failure.take()
    }
    /// Ends the stream with an error: nobody waits for the exchange any more.
    pub(crate) fn cancel(&self) {
        self.inner.lock().cancelled = true;
        self.given_up.wake();
    }
}

/// The exchange was given up while its request was still being sent.
#[derive(Debug, thiserror::Error)]
#[error("the exchange was given up")]
struct GivenUp;

/// The consumer's body failed; the cause stays with the stream.
#[derive(Debug, thiserror::Error)]
#[error("the request's body failed")]
struct SourceFailed;

/// The body that a connection sends.
pub(crate) enum Wired {
    Empty,
    Full(Option<Bytes>),
    Stream(Arc<StreamState>),
}

impl Body for Wired {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        match self.get_mut() {
            Self::Empty => Poll::Ready(None),
            Self::Full(bytes) => Poll::Ready(bytes.take().map(|b| Ok(Frame::data(b)))),
            Self::Stream(state) => poll_stream(state, cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Empty | Self::Full(None) => true,
            Self::Full(Some(_)) => false,
            Self::Stream(state) => state.inner.lock().body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Empty | Self::Full(None) => SizeHint::with_exact(0),
            Self::Full(Some(bytes)) => SizeHint::with_exact(bytes.len() as u64),
            Self::Stream(state) => state.inner.lock().body.size_hint(),
        }
    }
}

fn clean(frame: Frame<Bytes>) -> Frame<Bytes> {
    match frame.into_trailers() {
        Ok(mut trailers) => {
            strip_trailers(&mut trailers);
            Frame::trailers(trailers)
        }
        Err(data) => data,
    }
}

fn poll_stream(state: &StreamState, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
    state.given_up.register(cx.waker());
    let mut inner = state.inner.lock();
    if inner.cancelled {
        return Poll::Ready(Some(Err(Box::new(GivenUp))));
    }
    inner.started = true;
    let polled = Pin::new(&mut inner.body).poll_frame(cx);
    inner.waiting = polled.is_pending();
    match polled {
        Poll::Pending => Poll::Pending,
        Poll::Ready(Some(Err(why))) => {
            inner.failure = Some(why);
            Poll::Ready(Some(Err(Box::new(SourceFailed))))
        }
        Poll::Ready(frame) => {
            inner.progress = Instant::now();
            inner.done = frame.is_none() || inner.body.is_end_stream();
            Poll::Ready(frame.map(|f| f.map(clean)))
        }
    }
}
