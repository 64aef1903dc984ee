//! Forward: hands the request to the provider. What is sent is decided before it is recorded (`prepare`), so that the record can say it.

use super::identify::{DOSSIER, OFFICER, PURPOSE};
use super::verify::Arrived;
use crate::body::intake::{Intake, RequestBody};
use crate::body::sealed::{Bounds, Closer, End, Sealed};
use crate::body::{BoxError, intake};
use crate::edge::xroad::{self, Hashed};
use crate::exchange::{Decision, Exchange, Why};
use bytes::Bytes;
use http::header::{HeaderMap, HeaderName, HeaderValue, TRAILER};
use http_body::Frame;
use http_body_util::{BodyExt as _, StreamBody};
use lgsp_kernel::record::{Entry, MessageDigest, Outcome, Part};
use lgsp_kernel::snapshot::Version;
use lgsp_kernel::{Refusal, Step, fault};
use lgsp_provider::{OutBody, OutHead, SendError, Sent};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use std::collections::VecDeque;
use std::sync::Arc;

/// Percent-encoded in statements that are passed on: what is not plain printable ASCII, and the percent sign itself.
const ENCODED: &AsciiSet = &CONTROLS.add(b'%');

/// The head that will be sent.
pub(crate) fn prepare(x: &mut Exchange) -> OutHead {
    let mut headers = std::mem::take(&mut x.head.headers);
    if x.xroad.is_some() {
        headers = xroad::outgoing(x, headers);
    }
    take_out_ours(&mut headers);
    if !x.trace.passes_state(&headers) {
        headers.remove("tracestate");
    }
    if !matches!(&x.body, RequestBody::Large(i) if i.known_length().is_some()) {
        // Known from the body itself, or not known at all.
        headers.remove(http::header::CONTENT_LENGTH);
    }
    if let RequestBody::Whole(_, Some(trailers)) = &x.body
        && !headers.contains_key(TRAILER)
    {
        // HTTP/1 carries on only what is announced.
        let names: Vec<&str> = trailers.keys().map(HeaderName::as_str).collect();
        headers.insert(TRAILER, ascii(&names.join(", ")));
    }
    let rest = std::mem::take(&mut x.route.as_mut().expect("resolved").rest);
    let method = x.mediation.as_mut().and_then(|m| m.method.take());
    let method = method.unwrap_or_else(|| x.head.method.clone());
    let mut out = OutHead::new(method, rest, headers, x.head.version);
    let text = x.trace.own.to_string();
    let headers = out.headers_mut();
    headers.insert(HeaderName::from_static("traceparent"), ascii(&text));
    if x.route().version.spec.pass_context {
        pass_context(x, headers);
    }
    out
}

/// What only the platform may say to a provider, and what a consumer could make it believe of others, is never passed through.
fn take_out_ours(headers: &mut HeaderMap) {
    let ours: Vec<HeaderName> = headers.keys().filter(|n| is_ours(n.as_str())).cloned().collect();
    for name in &ours {
        headers.remove(name);
    }
}

/// Whether a line is one that only the platform may say, or that tells of others.
pub(crate) fn is_ours(name: &str) -> bool {
    const OF_OTHERS: [&str; 5] =
        ["forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip"];
    name.starts_with("lgsp") || OF_OTHERS.contains(&name)
}

fn pass_context(x: &Exchange, headers: &mut HeaderMap) {
    let mut put = |name: &HeaderName, text: Option<&str>| {
        if let Some(text) = text {
            headers.insert(name.clone(), ascii(&utf8_percent_encode(text, ENCODED).to_string()));
        }
    };
    put(&OFFICER, x.stated.officer.as_deref());
    put(&PURPOSE, x.stated.purpose.as_deref());
    put(&DOSSIER, x.stated.dossier.as_deref());
    put(&crate::edge::EXCHANGE, Some(&x.id_text));
    if let Some(caller) = &x.caller {
        put(&HeaderName::from_static("lgsp-consumer-system"), Some(caller.system.spec.id.as_str()));
        put(&HeaderName::from_static("lgsp-consumer-agency"), Some(caller.system.agency.as_str()));
    }
}

fn ascii(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).unwrap_or_else(|_| HeaderValue::from_static(""))
}

/// Sends the request to the version's own targets and waits for the head of the answer.
pub(crate) async fn forward(x: &mut Exchange, out: OutHead) -> Result<Arrived, Refusal> {
    let body = body(x);
    let version = x.route().version.clone();
    match send(x, &version, out, body).await {
        Ok(sent) => Ok(Arrived::from(sent)),
        Err(error) => {
            x.progress.may_have_acted = error.may_have_acted;
            Err(error.refusal)
        }
    }
}

/// Sends the request to the targets of a version or of a leg, and notes which one it was.
pub(super) async fn send(
    x: &mut Exchange,
    version: &Arc<Version>,
    out: OutHead,
    body: OutBody,
) -> Result<Sent, SendError> {
    x.progress.forwarded = true;
    // Until it is known better: a call dropped from here on may have had its effect.
    x.progress.may_have_acted = true;
    let (gateway, operation) = (x.gateway.clone(), x.route().operation.clone());
    let result = gateway.providers.send(version, &operation, out, body).await;
    match &result {
        Ok(sent) => {
            x.provider = Some(sent.target.clone());
            x.passed(Step::Forward, Why::Target(sent.target.clone(), sent.attempts));
        }
        Err(error) => {
            if let Some(target) = &error.target {
                x.provider = Some(target.clone());
                let why = Why::Target(target.clone(), error.attempts);
                x.decisions.push(Decision { step: Step::Forward, ok: false, why });
            }
        }
    }
    result
}

/// The body to be sent. A large one streams, and its end waits for the record that has its digest.
pub(super) fn body(x: &mut Exchange) -> OutBody {
    match std::mem::take(&mut x.body) {
        RequestBody::None | RequestBody::Unread(_) => OutBody::Empty,
        RequestBody::Whole(bytes, None) => OutBody::Full(bytes),
        RequestBody::Whole(bytes, Some(trailers)) => OutBody::Stream(with_trailers(bytes, trailers)),
        RequestBody::Large(intake) => OutBody::Stream(large(x, intake)),
    }
}

type Streamed = http_body_util::combinators::UnsyncBoxBody<Bytes, BoxError>;

pub(super) fn with_trailers(bytes: Bytes, trailers: HeaderMap) -> Streamed {
    let frames = [Ok(Frame::data(bytes)), Ok(Frame::trailers(trailers))];
    StreamBody::new(futures_util::stream::iter(frames)).boxed_unsync()
}

fn large(x: &mut Exchange, intake: Intake) -> Streamed {
    let bounds = Bounds {
        known: intake.known_length(),
        limit: u64::MAX,
        over_limit: intake::too_large,
        broken: |e| match e.downcast::<Refusal>() {
            Ok(refusal) => *refusal,
            Err(e) => Refusal::new(&fault::BODY_INCOMPLETE, "The body could not be read.").with_internal(e),
        },
    };
    let intake = Hashed::new(intake, xroad::slot(x));
    Sealed::new(intake, VecDeque::new(), bounds, x.digests_bodies(), request_closer(x)).boxed_unsync()
}

/// Writes the `Request` record when the body has passed: what the opening record said, and now the body's digest.
fn request_closer(x: &mut Exchange) -> Closer {
    // Whole once more, although the opening record has been written: it must stand for itself beside the digest. The leg is left out:
    // the body may yet go another way.
    let (requested, leg) = (x.progress.requested.take(), x.leg.take());
    let opening = crate::record::json(x, Part::Request, Outcome::Pending, None);
    (x.progress.requested, x.leg) = (requested, leg);
    let (gateway, exchange, clock) = (x.gateway.clone(), x.id, x.gateway.clock.clone());
    Box::new(move |end| {
        let End::Whole(digest, bytes) = end else { return None };
        let record = serde_json::from_slice(&opening).map(|entry| match entry {
            Entry::Exchange(mut record) => {
                record.at = clock.now();
                record.steps.clear();
                for leg in record.request.iter_mut() {
                    for message in [&mut leg.received, &mut leg.sent].into_iter().flatten() {
                        let MessageDigest { body, bytes: length, .. } = message;
                        *body = digest.map(crate::record::view::base64_string);
                        *length = Some(bytes);
                    }
                }
                Entry::Exchange(record)
            }
            other => other,
        });
        let record = record.and_then(|entry| serde_json::to_vec(&entry)).unwrap_or_default();
        let draft = lgsp_evidence::Draft::of(Some(exchange), record.into());
        Some(super::record::durable(gateway.log.append(draft), &fault::NOT_RECORDED))
    })
}
