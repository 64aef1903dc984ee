//! Verify: whether the provider's answer is usable, and what of it the consumer is given. Short answers are taken in whole; of
//! long ones only the beginning.

use crate::body::BoxError;
use crate::exchange::{Exchange, Why};
use crate::record::digest::answer_head;
use crate::record::view::Message;
use bytes::{Bytes, BytesMut};
use http::header::{CONTENT_LENGTH, HeaderMap, HeaderName, HeaderValue};
use http::response::Parts;
use http_body::{Body as _, Frame};
use lgsp_kernel::model::{KeepBody, Lifecycle};
use lgsp_kernel::{Refusal, Step};
use lgsp_provider::{AnswerBody, AnswerError, Sent};
use std::collections::VecDeque;
use std::future::Future as _;
use std::pin::Pin;
use std::task::Poll;
use std::time::{Duration, UNIX_EPOCH};

/// An answer ready to be recorded and given.
pub(crate) struct Given {
    pub head: Parts,
    pub content: Content,
}

/// Its body.
pub(crate) enum Content {
    Whole(Bytes, Option<HeaderMap>),
    Large { first: VecDeque<Frame<Bytes>>, rest: AnswerBody, known: Option<u64> },
}

/// Takes the answer in.
pub(crate) async fn verify(x: &mut Exchange, sent: Sent) -> Result<Given, Refusal> {
    let (mut head, body) = sent.response.into_parts();
    let received = answer_head(head.status, &head.headers);
    x.answer.received = Some(Message { head: received, body: None, bytes: None });
    let content = take_in(x, body).await.map_err(|e| e.refusal())?;
    let bytes = match &content {
        Content::Whole(bytes, _) => Some(bytes.len() as u64),
        Content::Large { .. } => None,
    };
    x.passed(Step::Verify, Why::Answer(head.status.as_u16(), bytes));
    if matches!(&content, Content::Whole(_, Some(_))) {
        head.headers.remove(CONTENT_LENGTH);
    }
    dress(x, &mut head.headers);
    // The provider's connection is not the consumer's.
    head.version = http::Version::HTTP_11;
    Ok(Given { head, content })
}

/// Collects a short answer. One of unknown length may take a moment to turn out short; one that is announced to be short, twice the
/// version's total time: one that is below the lowest rate has been given up by then, and what is still coming can as well be given.
async fn take_in(x: &Exchange, mut body: AnswerBody) -> Result<Content, AnswerError> {
    let config = &x.gateway.config;
    let keeps = x.keep_body() == KeepBody::Full;
    let max = if keeps { config.collect_max } else { config.answer_whole_max };
    let known = body.size_hint().exact();
    if known.is_some_and(|n| n > max as u64) {
        return Ok(Content::Large { first: VecDeque::new(), rest: body, known });
    }
    let total = x.route().version.spec.upstream.total_timeout_ms.unwrap_or(lgsp_provider::TOTAL_TIMEOUT_MS);
    let patience = match known {
        None => Some(config.answer_gather),
        // What is to be kept must be whole.
        Some(_) if keeps => None,
        Some(_) => Some(Duration::from_millis(u64::from(total)) * 2),
    };
    let mut timer = None;
    let (mut frames, mut seen) = (VecDeque::new(), 0);
    loop {
        let next = std::future::poll_fn(|cx| match Pin::new(&mut body).poll_frame(cx) {
            Poll::Ready(frame) => Poll::Ready(Some(frame)),
            Poll::Pending => match patience {
                None => Poll::Pending,
                Some(limit) => {
                    let timer = timer.get_or_insert_with(|| Box::pin(tokio::time::sleep(limit)));
                    timer.as_mut().poll(cx).map(|()| None)
                }
            },
        });
        match next.await {
            Some(None) => return Ok(whole(frames)),
            Some(Some(frame)) => {
                let frame = frame?;
                seen += frame.data_ref().map_or(0, Bytes::len);
                frames.push_back(frame);
                if seen > max {
                    return Ok(Content::Large { first: frames, rest: body, known });
                }
            }
            None => return Ok(Content::Large { first: frames, rest: body, known }),
        }
    }
}

fn whole(mut frames: VecDeque<Frame<Bytes>>) -> Content {
    let trailers = match frames.pop_back() {
        Some(last) if last.is_trailers() => last.into_trailers().ok(),
        Some(last) => {
            frames.push_back(last);
            None
        }
        None => None,
    };
    let mut data = frames.into_iter().filter_map(|f| f.into_data().ok());
    let Some(first) = data.next() else { return Content::Whole(Bytes::new(), trailers) };
    let mut all: Option<BytesMut> = None;
    for more in data {
        all.get_or_insert_with(|| BytesMut::from(&first[..])).extend_from_slice(&more);
    }
    Content::Whole(all.map_or(first, BytesMut::freeze), trailers)
}

/// The platform's own header lines on an answer; a provider's forms of them are taken out.
fn dress(x: &Exchange, headers: &mut HeaderMap) {
    let ours: Vec<HeaderName> = headers.keys().filter(|n| n.as_str().starts_with("lgsp-")).cloned().collect();
    for name in &ours {
        headers.remove(name);
    }
    crate::edge::name_exchange(headers, &x.id_text);
    life(x, headers);
}

/// `Deprecation` (RFC 9745) and `Sunset` (RFC 8594) of a deprecated version.
pub(crate) fn life(x: &Exchange, headers: &mut HeaderMap) {
    let Some(version) = x.route.as_ref().map(|r| &r.version.spec) else { return };
    if version.lifecycle != Lifecycle::Deprecated {
        return;
    }
    // Since when is not declared; that it is deprecated now, is.
    let now = format!("@{}", x.at.seconds());
    if let Ok(value) = HeaderValue::from_str(&now) {
        headers.insert(HeaderName::from_static("deprecation"), value);
    }
    let sunset = version.sunset.and_then(|t| u64::try_from(t.0.seconds()).ok());
    if let Some(seconds) = sunset
        && let Ok(value) =
            HeaderValue::from_str(&httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_secs(seconds)))
    {
        headers.insert(HeaderName::from_static("sunset"), value);
    }
}

/// What an answer's body that broke off is called.
pub(crate) fn broken(error: BoxError) -> Refusal {
    match error.downcast::<AnswerError>() {
        Ok(error) => error.refusal(),
        Err(error) => Refusal::new(&lgsp_kernel::fault::PROVIDER_BROKE_OFF, "The answer broke off.")
            .with_internal(error),
    }
}
