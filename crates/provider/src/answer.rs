//! The body of a provider's answer: driven, timed and bounded while it is read. When it was read to its end the connection goes
//! back to the pool; dropped before, the exchange is cancelled and an HTTP/1.1 connection closed.

use crate::config::ANSWER_RATE_MIN;
use crate::failure::{Broken, is_malformed};
use crate::h1::H1Conn;
use crate::h2::H2Lease;
use crate::out_body::StreamState;
use crate::target::Claim;
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use lgsp_kernel::{Refusal, fault};
use std::error::Error as StdError;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::{Instant, Sleep};

/// Why an answer's body ended early.
#[derive(Debug, thiserror::Error)]
pub enum AnswerError {
    /// Nothing came for too long.
    #[error("the provider sent nothing for {0:?}")]
    Silent(Duration),
    /// It came so slowly that it would have held its place without end.
    #[error("the provider sent less than {0} bytes a second")]
    Slow(u64),
    /// The provider closed the connection or reset the stream.
    #[error("the provider broke off: {0}")]
    BrokeOff(String),
    /// What came breaks the rules of HTTP.
    #[error("the provider's answer is malformed: {0}")]
    Malformed(String),
    /// More came than is allowed.
    #[error("the provider's answer is larger than {0} bytes")]
    TooLarge(u64),
}

impl AnswerError {
    /// The refusal that says so. The provider may have acted in every case.
    pub fn refusal(&self) -> Refusal {
        match self {
            Self::Silent(limit) => {
                let detail = format!("The answer's body paused for more than {} ms.", limit.as_millis());
                Refusal::new(&fault::PROVIDER_TIMEOUT, detail)
            }
            Self::Slow(rate) => {
                let detail = format!("The answer's body came at less than {rate} bytes a second.");
                Refusal::new(&fault::PROVIDER_TIMEOUT, detail)
            }
            Self::BrokeOff(why) => {
                Refusal::new(&fault::PROVIDER_BROKE_OFF, "The answer's body broke off.").with_internal(why)
            }
            Self::Malformed(why) => {
                Refusal::new(&fault::ANSWER_MALFORMED, "The answer's body cannot be read.").with_internal(why)
            }
            Self::TooLarge(limit) => {
                Refusal::new(&fault::ANSWER_TOO_LARGE, format!("The limit is {limit} bytes."))
            }
        }
    }
}

/// What carries an answer.
pub(crate) enum Carrier {
    H1(H1Conn),
    /// Held for its place on the connection.
    H2 {
        _lease: H2Lease,
    },
}

/// The body of an answer.
pub struct AnswerBody {
    body: Incoming,
    /// Absent once the answer has ended.
    exchange: Option<Exchange>,
    silence: Duration,
    timer: Option<Pin<Box<Sleep>>>,
    armed: bool,
    /// Waited for the provider so far, and since when now.
    waited: Duration,
    waiting: Option<Instant>,
    left: u64,
    limit: u64,
}

/// What ends with an answer.
struct Exchange {
    carrier: Option<Carrier>,
    claim: Claim,
    request: Option<Arc<StreamState>>,
}

impl Exchange {
    /// The answer was read to its end.
    fn complete(mut self) {
        self.claim.completed();
        if let Some(Carrier::H1(mut conn)) = self.carrier.take() {
            let sent = self.request.as_ref().is_none_or(|r| r.done());
            if conn.is_reusable(sent) {
                self.claim.target().park(conn);
            }
        }
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        if let Some(request) = &self.request {
            request.cancel();
        }
    }
}

impl AnswerBody {
    pub(crate) fn new(
        body: Incoming,
        carrier: Carrier,
        claim: Claim,
        request: Option<Arc<StreamState>>,
        silence: Duration,
        limit: u64,
    ) -> Self {
        let exchange = Some(Exchange { carrier: Some(carrier), claim, request });
        let mut answer = Self {
            body,
            exchange,
            silence,
            timer: None,
            armed: false,
            waited: Duration::ZERO,
            waiting: None,
            left: limit,
            limit,
        };
        answer.end_if_over();
        answer
    }

    fn end_if_over(&mut self) {
        if self.body.is_end_stream() {
            self.end();
        }
    }

    fn end(&mut self) {
        if let Some(exchange) = self.exchange.take() {
            exchange.complete();
        }
    }

    /// Ends it with an error; `counts` against the target.
    fn fail(&mut self, error: AnswerError, counts: bool) -> Poll<Option<Result<Frame<Bytes>, AnswerError>>> {
        if let Some(mut exchange) = self.exchange.take()
            && counts
        {
            exchange.claim.failed();
        }
        Poll::Ready(Some(Err(error)))
    }

    fn poll_incoming(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, AnswerError>>> {
        let body = &mut self.body;
        let carrier = self.exchange.as_mut().and_then(|e| e.carrier.as_mut());
        let polled = match carrier {
            Some(Carrier::H1(conn)) => match conn.poll_with(cx, |deaf| Pin::new(&mut *body).poll_frame(deaf))
            {
                Poll::Ready(Ok(frame)) => Poll::Ready(frame),
                Poll::Ready(Err(Broken)) => {
                    return Poll::Ready(Some(Err(AnswerError::BrokeOff("connection ended".to_owned()))));
                }
                Poll::Pending => Poll::Pending,
            },
            _ => Pin::new(body).poll_frame(cx),
        };
        polled.map(|frame| frame.map(|f| f.map_err(|e| body_error(&e))))
    }

    /// Notes an arrival; whether all of them together were too slow, once the provider has been waited for as long as it may be silent.
    fn too_slow(&mut self) -> bool {
        let Some(since) = self.waiting.take() else { return false };
        self.waited += since.elapsed();
        let seen = self.limit - self.left;
        self.waited > self.silence && (seen as f64) < self.waited.as_secs_f64() * ANSWER_RATE_MIN as f64
    }

    fn poll_silence(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let until = Instant::now() + self.silence;
        let timer = self.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(until)));
        if !self.armed {
            timer.as_mut().reset(until);
            self.armed = true;
        }
        timer.as_mut().poll(cx)
    }
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = AnswerError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, AnswerError>>> {
        let this = self.get_mut();
        if this.exchange.is_none() {
            return Poll::Ready(None);
        }
        match this.poll_incoming(cx) {
            Poll::Ready(Some(Ok(frame))) => {
                this.armed = false;
                let length = frame.data_ref().map_or(0, |d| d.len() as u64);
                if length > this.left {
                    return this.fail(AnswerError::TooLarge(this.limit), false);
                }
                this.left -= length;
                this.end_if_over();
                if this.too_slow() && this.exchange.is_some() {
                    return this.fail(AnswerError::Slow(ANSWER_RATE_MIN), true);
                }
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(Some(Err(error))) => this.fail(error, true),
            Poll::Ready(None) => {
                this.end();
                Poll::Ready(None)
            }
            Poll::Pending => {
                this.waiting.get_or_insert_with(Instant::now);
                if this.poll_silence(cx).is_ready() {
                    return this.fail(AnswerError::Silent(this.silence), true);
                }
                Poll::Pending
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.exchange.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// What a failed read of a body means. Bad chunks come as `InvalidInput` or `InvalidData`, a missing end as `UnexpectedEof`.
fn body_error(error: &hyper::Error) -> AnswerError {
    use std::io::ErrorKind;
    let text = crate::failure::chain(error);
    let mut cause = error.source();
    while let Some(e) = cause {
        if let Some(io) = e.downcast_ref::<std::io::Error>() {
            let bad = matches!(io.kind(), ErrorKind::InvalidInput | ErrorKind::InvalidData);
            // A TLS alert or a broken record is `InvalidData` too, with an inner error.
            if bad && crate::failure::rustls_error(io).is_none() {
                return AnswerError::Malformed(text);
            }
        }
        cause = e.source();
    }
    if is_malformed(error) { AnswerError::Malformed(text) } else { AnswerError::BrokeOff(text) }
}
