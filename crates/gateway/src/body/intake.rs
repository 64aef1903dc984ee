//! Takes a request's body in: counted against its limit and against the clock, so that neither an endless nor a trickling body holds anything.

use super::BoxError;
use crate::config::GatewayConfig;
use crate::server::conn::Conn;
use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use lgsp_kernel::{Refusal, fault};
use lgsp_peer::BodyError;
use lgsp_peer::body::Streaming;
use lgsp_wire::framing::Fault;
use std::future::Future as _;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::time::{Instant, Sleep};

/// The body of a request as the steps see it.
#[derive(Default)]
pub(crate) enum RequestBody {
    /// None, or handed on already.
    #[default]
    None,
    /// Not read yet.
    Unread(Incoming),
    /// Collected.
    Whole(Bytes, Option<HeaderMap>),
    /// Too large to collect: what was read, and the rest.
    Large(Intake),
}

impl RequestBody {
    pub fn of(body: Incoming) -> Self {
        if body.is_end_stream() { Self::None } else { Self::Unread(body) }
    }
}

/// Where a body comes from.
enum Source {
    Http(Incoming),
    /// Another node, verified as it is read.
    Peer(Streaming),
}

/// What became of a source.
enum Lost {
    Http(hyper::Error),
    Peer(BodyError),
}

impl Source {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Lost>>> {
        match self {
            Self::Http(body) => Pin::new(body).poll_frame(cx).map(|f| f.map(|r| r.map_err(Lost::Http))),
            Self::Peer(body) => body.as_mut().poll_frame(cx).map(|f| f.map(|r| r.map_err(Lost::Peer))),
        }
    }
    fn exact(&self) -> Option<u64> {
        match self {
            Self::Http(body) => body.size_hint().exact(),
            Self::Peer(body) => body.size_hint().exact(),
        }
    }
}

/// A body that is being read.
pub(crate) struct Intake {
    body: Source,
    /// Read before, to be given out first.
    first: Option<Bytes>,
    seen: u64,
    limit: u64,
    conn: Arc<Conn>,
    number: u64,
    pace: Pace,
}

/// How long the sender has been waited for.
struct Pace {
    idle: Duration,
    grace: Duration,
    rate_min: u64,
    waited: Duration,
    waiting: Option<(Instant, Pin<Box<Sleep>>)>,
}

impl Intake {
    pub fn new(body: Incoming, limit: u64, config: &GatewayConfig, conn: Arc<Conn>, number: u64) -> Self {
        Self::of(Source::Http(body), limit, config, conn, number)
    }

    /// Of another node, verified as it is read.
    pub fn of_peer(body: Streaming, config: &GatewayConfig, conn: Arc<Conn>, number: u64) -> Self {
        Self::of(Source::Peer(body), config.body_max, config, conn, number)
    }

    fn of(body: Source, limit: u64, config: &GatewayConfig, conn: Arc<Conn>, number: u64) -> Self {
        let pace = Pace {
            idle: config.body_idle_timeout,
            grace: config.body_grace,
            rate_min: config.body_rate_min,
            waited: Duration::ZERO,
            waiting: None,
        };
        Self { body, first: None, seen: 0, limit, conn, number, pace }
    }

    /// Takes no more than this.
    pub fn lower_limit(&mut self, limit: u64) {
        self.limit = self.limit.min(limit);
    }

    /// The body's whole length, where it was announced.
    pub fn known_length(&self) -> Option<u64> {
        self.body.exact().map(|rest| rest + self.seen)
    }

    /// Collects up to `max` bytes. `Large` if there is more.
    pub async fn collect(mut self, max: usize) -> Result<RequestBody, Refusal> {
        if self.known_length().is_some_and(|n| n > max as u64) {
            return Ok(RequestBody::Large(self));
        }
        let (mut one, mut many, mut trailers) = (Bytes::new(), BytesMut::new(), None);
        while let Some(frame) = std::future::poll_fn(|cx| self.poll_next(cx)).await {
            match frame?.into_data() {
                Ok(data) if one.is_empty() && many.is_empty() => one = data,
                Ok(data) => {
                    if many.is_empty() {
                        many.extend_from_slice(&std::mem::take(&mut one));
                    }
                    many.extend_from_slice(&data);
                }
                Err(frame) => trailers = frame.into_trailers().ok(),
            }
            if one.len().max(many.len()) > max {
                self.first = Some(if many.is_empty() { one } else { many.freeze() });
                return Ok(RequestBody::Large(self));
            }
        }
        let whole = if many.is_empty() { one } else { many.freeze() };
        Ok(RequestBody::Whole(whole, trailers))
    }

    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Refusal>>> {
        match self.body.poll(cx) {
            Poll::Pending => {
                ready!(self.pace.poll_too_slow(cx));
                Poll::Ready(Some(Err(self.pace.refusal())))
            }
            Poll::Ready(None) => Poll::Ready(None),
            Poll::Ready(Some(Err(e))) => Poll::Ready(Some(Err(self.broken(&e)))),
            Poll::Ready(Some(Ok(frame))) => {
                self.seen += frame.data_ref().map_or(0, |d| d.len() as u64);
                if self.seen > self.limit {
                    return Poll::Ready(Some(Err(too_large(self.limit))));
                }
                if self.pace.arrived(self.seen) {
                    return Poll::Ready(Some(Err(self.pace.refusal())));
                }
                Poll::Ready(Some(Ok(frame)))
            }
        }
    }

    fn broken(&self, lost: &Lost) -> Refusal {
        let early = format!("The body ended after {} bytes.", self.seen);
        let error = match lost {
            Lost::Http(error) => error,
            Lost::Peer(BodyError::Refused(refusal)) => return refusal.clone(),
            Lost::Peer(why) => return Refusal::new(&fault::BODY_INCOMPLETE, early).with_internal(why),
        };
        match self.conn.body_refused(self.number) {
            Some(Fault::Malformed(why)) => {
                return Refusal::new(&fault::MALFORMED_REQUEST, format!("Not accepted: {why}."));
            }
            Some(_) => return Refusal::new(&fault::HEAD_TOO_LARGE, "The trailer section is too large."),
            None => {}
        }
        Refusal::new(&fault::BODY_INCOMPLETE, early).with_internal(error)
    }
}

/// The refusal of a body beyond its limit.
pub(crate) fn too_large(limit: u64) -> Refusal {
    Refusal::new(&fault::BODY_TOO_LARGE, format!("The limit is {limit} bytes."))
}

impl Pace {
    fn poll_too_slow(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let idle = self.idle;
        let (_, sleep) =
            self.waiting.get_or_insert_with(|| (Instant::now(), Box::pin(tokio::time::sleep(idle))));
        sleep.as_mut().poll(cx)
    }
    /// Notes an arrival; whether all of them together were too slow.
    fn arrived(&mut self, seen: u64) -> bool {
        let Some((since, _)) = self.waiting.take() else { return false };
        self.waited += since.elapsed();
        self.waited > self.grace && (seen as f64) < self.waited.as_secs_f64() * self.rate_min as f64
    }
    fn refusal(&self) -> Refusal {
        let detail = format!(
            "The body paused for {} s, or came at less than {} bytes a second.",
            self.idle.as_secs(),
            self.rate_min
        );
        Refusal::new(&fault::REQUEST_TIMEOUT, detail)
    }
}

impl Body for Intake {
    type Data = Bytes;
    /// Always a [`Refusal`].
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = self.get_mut();
        if let Some(first) = this.first.take() {
            return Poll::Ready(Some(Ok(Frame::data(first))));
        }
        this.poll_next(cx).map(|frame| frame.map(|f| f.map_err(BoxError::from)))
    }
    fn size_hint(&self) -> SizeHint {
        let first = self.first.as_ref().map_or(0, |b| b.len() as u64);
        match self.body.exact() {
            Some(rest) => SizeHint::with_exact(rest + first),
            None => SizeHint::default(),
        }
    }
}
