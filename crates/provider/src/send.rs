//! One exchange with a provider, from the choice of a target to the head of the answer: attempts, their deadline, and when another one
//! is allowed. What an attempt's failure means is decided in `failure`.

use crate::answer::{AnswerBody, Carrier};
use crate::connect::{Dialler, Stream};
use crate::failure::{Again, Evidence, Failure, judge, judge_h2};
use crate::h1::{Attempted, H1Conn};
use crate::h2::H2Conn;
use crate::head::{OutHead, strip_answer_head};
use crate::out_body::{OutBody, Source, StreamState, Wired};
use crate::target::{Claim, Target};
use crate::upstream::{Tried, Upstream};
use http::header::{self, HeaderMap, HeaderValue};
use http::{Method, Request, Response, StatusCode, Uri, Version};
use http_body::Body;
use hyper::body::Incoming;
use lgsp_kernel::model::UpstreamHttp;
use lgsp_kernel::{Clock, Refusal, fault};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::time::{Instant, Sleep, sleep_until, timeout_at};

/// An answer whose head has come.
pub struct Sent {
    /// The answer; hop-by-hop lines are out, trailers pass through. A 304 is passed on, other redirects never arrive here.
    pub response: Response<AnswerBody>,
    /// The target that answered, as declared.
    pub target: Arc<str>,
    /// How many attempts it took.
    pub attempts: u8,
}

/// An exchange without an answer.
#[derive(Debug)]
pub struct SendError {
    /// What to tell the caller.
    pub refusal: Refusal,
    /// False only if the provider surely received nothing it could act on.
    pub may_have_acted: bool,
    /// The target of the last attempt, as declared; none where none was chosen.
    pub target: Option<Arc<str>>,
    /// How many attempts were made.
    pub attempts: u8,
    /// The request's body, if nothing of it was read: it can be sent another way.
    pub body: Option<Box<OutBody>>,
}

/// What one exchange needs besides its upstream.
pub(crate) struct Call<'a> {
    pub(crate) head: OutHead,
    pub(crate) body: Source,
    pub(crate) idempotent: bool,
    pub(crate) answer_max: u64,
    pub(crate) clock: &'a Clock,
    pub(crate) dialler: &'a Dialler,
    pub(crate) in_flight_max: u32,
}

/// Carries one exchange.
pub(crate) async fn carry(upstream: &Upstream, call: &Call<'_>) -> Result<Sent, SendError> {
    let end = Instant::now() + upstream.total;
    let mut deadline = Deadline { timer: None, total: upstream.total, end };
    let mut tried = Tried::default();
    let mut attempts = 0u8;
    let mut worst: Option<SendError> = None;
    loop {
        let (i, mut claim) = match upstream.choose(tried, call.clock, call.in_flight_max) {
            Ok(chosen) => chosen,
            Err(refusal) => {
                let none = SendError { refusal, may_have_acted: false, target: None, attempts, body: None };
                return Err(worst.unwrap_or(none));
            }
        };
        attempts += 1;
        let target = claim.target().clone();
        let failure = match attempt(upstream, call, &target, attempts > 1, &mut deadline).await {
            Ok((response, carrier)) => match receive(upstream, call, claim, response, carrier, attempts) {
                Ok(sent) => return Ok(sent),
                Err(failure) => failure,
            },
            Err(failure) => {
                if failure.counts {
                    claim.failed();
                }
                failure
            }
        };
        let another =
            may_try_again(&failure, call) && attempts <= upstream.retries && Instant::now() < deadline.end;
        // Elsewhere if there is an elsewhere; otherwise the same target, where that makes sense.
        tried.add(i);
        if failure.again != Again::Elsewhere && tried.all(upstream.targets.len()) {
            tried = Tried::default();
        }
        let error = worse(worst, failure, target.name.clone(), attempts);
        if !another {
            return Err(error);
        }
        worst = Some(error);
    }
}

fn may_try_again(failure: &Failure, call: &Call<'_>) -> bool {
    call.body.intact()
        && match failure.again {
            Again::Never => false,
            Again::Elsewhere | Again::Always => true,
            Again::IfIdempotent => call.idempotent,
        }
}

/// What to report of several failed attempts: the last, unless an earlier one may have made the provider act and the last did not.
fn worse(before: Option<SendError>, failure: Failure, target: Arc<str>, attempts: u8) -> SendError {
    match before {
        Some(before) if before.may_have_acted && !failure.may_have_acted => SendError { attempts, ..before },
        _ => SendError {
            refusal: failure.refusal,
            may_have_acted: failure.may_have_acted,
            target: Some(target),
            attempts,
            body: None,
        },
    }
}

/// The time for all attempts together. While a body streams to the provider, each part that moves extends it: a long upload is not
/// a late answer.
struct Deadline {
    /// Made when something is first waited for, or taken over from a kept connection: to set a timer for each exchange costs more
    /// than to look again when one of an earlier exchange goes off.
    timer: Option<Pin<Box<Sleep>>>,
    total: Duration,
    end: Instant,
}

impl Deadline {
    fn poll(&mut self, stream: Option<&StreamState>, cx: &mut Context<'_>) -> Poll<Failure> {
        let end = self.end;
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(end)));
        if timer.deadline() > end {
            timer.as_mut().reset(end);
        }
        loop {
            ready!(timer.as_mut().poll(cx));
            if Instant::now() < self.end {
                timer.as_mut().reset(self.end);
                continue;
            }
            if let Some(stream) = stream {
                let (progress, waiting) = stream.progress();
                let extended = progress + self.total;
                if extended > Instant::now() {
                    timer.as_mut().reset(extended);
                    self.end = extended;
                    continue;
                }
                if waiting && !stream.done() {
                    return Poll::Ready(Failure::consumer_silent(self.total.as_millis()));
                }
            }
            return Poll::Ready(Failure::timed_out(self.total.as_millis()));
        }
    }
}

/// Cancels a streamed request if the exchange is dropped before it is defused.
struct CancelOnDrop<'a>(Option<&'a StreamState>);

impl Drop for CancelOnDrop<'_> {
    fn drop(&mut self) {
        if let Some(stream) = self.0 {
            stream.cancel();
        }
    }
}

/// Tries one target. `fresh`: not over a kept connection, because one has just failed.
async fn attempt(
    upstream: &Upstream,
    call: &Call<'_>,
    target: &Target,
    fresh: bool,
    deadline: &mut Deadline,
) -> Result<(Response<Incoming>, Carrier), Failure> {
    match upstream.http {
        UpstreamHttp::Http1 => attempt_h1(upstream, call, target, fresh, deadline).await,
        // Boxed, as is connecting: a future is moved about with all that it could need, and these rarely run.
        UpstreamHttp::Http2 => Box::pin(attempt_h2(upstream, call, target, deadline)).await,
    }
}

async fn attempt_h1(
    upstream: &Upstream,
    call: &Call<'_>,
    target: &Target,
    fresh: bool,
    deadline: &mut Deadline,
) -> Result<(Response<Incoming>, Carrier), Failure> {
    let kept = if fresh { None } else { target.checkout() };
    let reused = kept.is_some();
    let mut conn = match kept {
        Some(conn) => conn,
        None => Box::pin(open_h1(call.dialler, target, upstream.connect, deadline.end)).await?,
    };
    let request = request(upstream, call, target)?;
    deadline.timer = conn.timer.take().or_else(|| deadline.timer.take());
    let (read, written) = conn.traffic.mark();
    let stream = call.body.stream().map(|s| &**s);
    match conn.exchange(request, |cx| deadline.poll(stream, cx)).await {
        Ok(response) => {
            conn.timer = deadline.timer.take();
            conn.note(response.headers());
            Ok((response, Carrier::H1(conn)))
        }
        Err(attempted) => {
            let (read_now, written_now) = conn.traffic.mark();
            let seen = Evidence { reused, written: written_now - written, read: read_now - read, stream };
            Err(judge(attempted, &seen))
        }
    }
}

async fn attempt_h2(
    upstream: &Upstream,
    call: &Call<'_>,
    target: &Target,
    deadline: &mut Deadline,
) -> Result<(Response<Incoming>, Carrier), Failure> {
    let open = || open_h2(call.dialler, target, upstream.connect, deadline.end);
    // Bounded here too: whoever waits for another's attempt to connect has waited as long as it may.
    let until = deadline.end.min(Instant::now() + upstream.connect);
    let leased = timeout_at(until, target.h2.lease(open)).await;
    let (lease, _) = leased.unwrap_or_else(|_| Err(crate::connect::late(upstream.connect, target)))?;
    let request = request(upstream, call, target)?;
    let stream = call.body.stream().map(|s| &**s);
    let mut cancel = CancelOnDrop(stream);
    match lease.exchange(request, |cx| deadline.poll(stream, cx)).await {
        Ok(response) => {
            cancel.0 = None;
            Ok((response, Carrier::H2 { _lease: lease }))
        }
        Err(Attempted::Late(failure)) => Err(failure),
        Err(Attempted::Failed { unsent, error }) => {
            if call.body.intact() {
                cancel.0 = None;
            }
            let failure = match &error {
                Some(error) => judge_h2(unsent, error, stream),
                None => Failure::timed_out(deadline.total.as_millis()),
            };
            if failure.again == Again::Always {
                // It takes no new exchanges: the next attempt needs another connection.
                target.h2.discard(&lease);
            }
            Err(failure)
        }
    }
}

/// Opens an HTTP/1.1 connection.
pub(crate) async fn open_h1(
    dialler: &Dialler,
    target: &Target,
    limit: Duration,
    end: Instant,
) -> Result<H1Conn, Failure> {
    let stream = connect(dialler, target, limit, end).await?;
    H1Conn::new(stream, crate::config::ANSWER_HEAD_MAX).await.map_err(|e| handshake_failure(&e))
}

/// Opens an HTTP/2 connection.
pub(crate) async fn open_h2(
    dialler: &Dialler,
    target: &Target,
    limit: Duration,
    end: Instant,
) -> Result<H2Conn, Failure> {
    let stream = connect(dialler, target, limit, end).await?;
    let head_max = u32::try_from(crate::config::ANSWER_HEAD_MAX).unwrap_or(u32::MAX);
    H2Conn::new(stream, head_max).await.map_err(|e| handshake_failure(&e))
}

async fn connect(
    dialler: &Dialler,
    target: &Target,
    limit: Duration,
    end: Instant,
) -> Result<Stream, Failure> {
    let stream = dialler.connect(target, limit, end).await?;
    target.connections_opened.fetch_add(1, Ordering::Relaxed);
    Ok(stream)
}

fn handshake_failure(e: &hyper::Error) -> Failure {
    Failure::unreached(&fault::PROVIDER_UNREACHABLE, "The connection failed.", crate::failure::chain(e))
}

/// The request for one target: address, host, length, and last the provider's credential.
fn request(upstream: &Upstream, call: &Call<'_>, target: &Target) -> Result<Request<Wired>, Failure> {
    let broken = |why: &dyn std::fmt::Display| {
        Failure::refused(
            Refusal::new(&fault::TARGET_FORBIDDEN, "The provider's address cannot be formed.")
                .with_internal(why),
        )
    };
    let path = call.head.path_and_query(&target.base, &target.root).map_err(|e| broken(&e))?;
    let mut request = Request::new(call.body.wired());
    *request.method_mut() = call.head.method().clone();
    let mut headers = call.head.headers().clone();
    frame(&mut headers, call, upstream.http);
    match upstream.http {
        UpstreamHttp::Http1 => {
            headers.insert(header::HOST, target.host_header.clone());
            if headers.contains_key(header::TE) {
                headers.insert(header::CONNECTION, HeaderValue::from_static("te"));
            }
            *request.uri_mut() = Uri::from(path);
        }
        UpstreamHttp::Http2 => {
            let mut parts = http::uri::Parts::default();
            parts.scheme = Some(target.scheme.clone());
            parts.authority = Some(target.authority.clone());
            parts.path_and_query = Some(path);
            *request.uri_mut() = Uri::from_parts(parts).map_err(|e| broken(&e))?;
            *request.version_mut() = Version::HTTP_2;
        }
    }
    upstream.credential.apply(&mut headers, call.clock.now()).map_err(|e| broken(&e))?;
    *request.headers_mut() = headers;
    Ok(request)
}

/// Says how long the body is, where the connection would not say it as it should.
fn frame(headers: &mut HeaderMap, call: &Call<'_>, http: UpstreamHttp) {
    match &call.body {
        Source::Full(_) => {
            headers.remove(header::CONTENT_LENGTH);
        }
        Source::Empty => {
            headers.remove(header::CONTENT_LENGTH);
            // RFC 9110, section 8.6; some servers answer 411 without it.
            if matches!(*call.head.method(), Method::POST | Method::PUT | Method::PATCH) {
                headers.insert(header::CONTENT_LENGTH, HeaderValue::from_static("0"));
            }
        }
        Source::Stream(_) => {
            // Said aloud, because otherwise a GET would be sent without its body.
            if http == UpstreamHttp::Http1 && !headers.contains_key(header::CONTENT_LENGTH) {
                headers.insert(header::TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
            }
        }
    }
}

/// What is wrong with a head that the HTTP library lets pass and the next reader might read otherwise.
fn two_readings(parts: &http::response::Parts) -> Option<&'static str> {
    if parts.status.as_u16() >= 600 {
        return Some("The answer's status is not one of HTTP.");
    }
    // RFC 9112, section 6.3: the one means a body of another length than the other.
    let lengths = parts.headers.contains_key(header::CONTENT_LENGTH);
    (lengths && parts.headers.contains_key(header::TRANSFER_ENCODING))
        .then_some("The answer has both Content-Length and Transfer-Encoding.")
}

/// Judges the head of an answer and hands its body on.
fn receive(
    upstream: &Upstream,
    call: &Call<'_>,
    mut claim: Claim,
    response: Response<Incoming>,
    carrier: Carrier,
    attempts: u8,
) -> Result<Sent, Failure> {
    let (mut parts, body) = response.into_parts();
    let status = parts.status;
    if status.is_informational() {
        claim.failed();
        let refusal =
            Refusal::new(&fault::ANSWER_MALFORMED, "The provider switched to another protocol, unasked.");
        return Err(Failure::unknown(refusal, true, Again::Never));
    }
    if let Some(why) = two_readings(&parts) {
        claim.failed();
        return Err(Failure::unknown(Refusal::new(&fault::ANSWER_MALFORMED, why), true, Again::Never));
    }
    if matches!(status.as_u16(), 502..=504) {
        claim.failed();
    } else {
        claim.answered();
    }
    if status.is_redirection()
        && status != StatusCode::NOT_MODIFIED
        && parts.headers.contains_key(header::LOCATION)
    {
        let refusal =
            Refusal::new(&fault::ANSWER_REDIRECT, format!("The provider answered {}.", status.as_u16()));
        return Err(Failure::unknown(refusal, false, Again::Never));
    }
    if body.size_hint().lower() > call.answer_max {
        let detail = format!("The limit is {} bytes.", call.answer_max);
        return Err(Failure::unknown(Refusal::new(&fault::ANSWER_TOO_LARGE, detail), false, Again::Never));
    }
    strip_answer_head(&mut parts.headers);
    let target = claim.target().name.clone();
    let request = call.body.stream().cloned();
    let body = AnswerBody::new(body, carrier, claim, request, upstream.total, call.answer_max);
    Ok(Sent { response: Response::from_parts(parts, body), target, attempts })
}
