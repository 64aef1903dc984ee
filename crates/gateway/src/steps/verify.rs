//! Verify: whether the provider's answer is usable, and what of it the consumer is given. Short answers are taken in whole; of
//! long ones only the beginning.

use crate::body::BoxError;
use crate::exchange::{Exchange, Why};
use crate::record::digest::answer_head;
use crate::record::view::Message;
use bytes::{Bytes, BytesMut};
use http::header::{CONTENT_LENGTH, HeaderMap, HeaderName, HeaderValue};
use http::response::Parts;
use http_body::{Body, Frame, SizeHint};
use lgsp_kernel::model::{KeepBody, Lifecycle};
use lgsp_kernel::{Refusal, Step, fault};
use lgsp_peer::BodyError;
use lgsp_peer::body::Streaming;
use lgsp_provider::{AnswerBody, AnswerError, Sent};
use std::borrow::Cow;
use std::collections::VecDeque;
use std::future::Future as _;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, UNIX_EPOCH};

/// The header of an answer that says which way it came.
static LEG: HeaderName = HeaderName::from_static("lgsp-leg");

/// An answer as it came: its head, and its body, still coming or here.
pub(crate) struct Arrived {
    pub head: Parts,
    pub body: Incoming,
}

/// The body of an answer as it came.
#[expect(
    clippy::large_enum_variant,
    reason = "the large one is nearly every call's, and a box would cost each an allocation"
)]
pub(crate) enum Incoming {
    /// From a provider.
    Coming(AnswerBody),
    /// From another node, verified.
    Whole(Bytes),
    /// From another node, verified as it is read.
    Peer(Streaming),
}

/// What is still coming of an answer.
#[expect(clippy::large_enum_variant, reason = "the large one is nearly every streaming answer's")]
pub(crate) enum Rest {
    Provider(AnswerBody),
    Peer(Streaming),
}

impl Body for Rest {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        match self.get_mut() {
            Self::Provider(body) => Pin::new(body).poll_frame(cx).map(|f| f.map(|r| r.map_err(Into::into))),
            Self::Peer(body) => body.as_mut().poll_frame(cx).map(|f| f.map(|r| r.map_err(Into::into))),
        }
    }
    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Provider(body) => body.size_hint(),
            Self::Peer(body) => body.size_hint(),
        }
    }
}

impl From<Sent> for Arrived {
    fn from(sent: Sent) -> Self {
        let (head, body) = sent.response.into_parts();
        Self { head, body: Incoming::Coming(body) }
    }
}

/// An answer ready to be recorded and given.
pub(crate) struct Given {
    pub head: Parts,
    pub content: Content,
}

/// Its body.
pub(crate) enum Content {
    Whole(Bytes, Option<HeaderMap>),
    Large { first: VecDeque<Frame<Bytes>>, rest: Rest, known: Option<u64> },
}

/// Takes the answer in.
pub(crate) async fn verify(x: &mut Exchange, arrived: Arrived) -> Result<Given, Refusal> {
    let Arrived { mut head, body } = arrived;
    let received = answer_head(head.status, &head.headers);
    x.answer.received = Some(Message { head: received, body: None, bytes: None });
    let content = match body {
        Incoming::Coming(body) => take_in(x, body).await.map_err(|e| e.refusal())?,
        Incoming::Whole(bytes) => Content::Whole(bytes, None),
        Incoming::Peer(body) => {
            Content::Large { first: VecDeque::new(), known: body.size_hint().exact(), rest: Rest::Peer(body) }
        }
    };
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
async fn take_in(x: &mut Exchange, mut body: AnswerBody) -> Result<Content, AnswerError> {
    let gateway = x.gateway.clone();
    let config = &gateway.config;
    let hides =
        super::mask::hides(x) || crate::edge::xroad::reads_answer(x) || super::mediate::reads_answer(x);
    let keeps = hides || x.keep_body() == KeepBody::Full;
    let max = if keeps { config.collect_max } else { config.answer_whole_max };
    let known = body.size_hint().exact();
    if known.is_some_and(|n| n > max as u64) {
        return Ok(Content::Large { first: VecDeque::new(), rest: Rest::Provider(body), known });
    }
    let total = x.upstream().total_timeout_ms.unwrap_or(lgsp_provider::TOTAL_TIMEOUT_MS);
    let patience = match known {
        None if hides => None,
        None => Some(config.answer_gather),
        // What is to be kept, or masked, must be whole.
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
                    return Ok(Content::Large { first: frames, rest: Rest::Provider(body), known });
                }
            }
            None => return Ok(Content::Large { first: frames, rest: Rest::Provider(body), known }),
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
    if let Some(original) = x.original
        && let Ok(value) = HeaderValue::from_str(&original.to_string())
    {
        headers.insert(lgsp_peer::fields::ORIGINAL_EXCHANGE.clone(), value);
    }
    life(x, headers);
    name_leg(x, headers);
}

/// Says which way between platforms was taken and what it can prove, where there are several: an item of RFC 9651, as
/// `peer; number=1; node=ngsp; mode=group; proves=countersigned`.
pub(crate) fn name_leg(x: &Exchange, headers: &mut HeaderMap) {
    let Some(leg) = &x.leg else { return };
    let mut text = leg.kind.clone();
    if let Some(number) = leg.number {
        text.push_str(&format!("; number={number}"));
    }
    for (name, value) in [("node", &leg.node), ("via", &leg.via), ("mode", &leg.mode)] {
        if let Some(value) = value {
            text.push_str(&format!("; {name}={}", item(value)));
        }
    }
    text.push_str(&format!("; proves={}", leg.proves));
    if let Ok(value) = HeaderValue::from_str(&text) {
        headers.insert(LEG.clone(), value);
    }
}

/// A token where the text can be one, otherwise a string: names may begin with a digit.
fn item(text: &str) -> Cow<'_, str> {
    if text.starts_with(|c: char| c.is_ascii_alphabetic()) {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(format!("\"{text}\""))
    }
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
        Err(error) => match error.downcast::<BodyError>() {
            Ok(error) => match *error {
                BodyError::Refused(refusal) => refusal,
                BodyError::Broken(why) => {
                    Refusal::new(&fault::PROVIDER_BROKE_OFF, "The answer broke off.").with_internal(why)
                }
            },
            Err(error) => {
                Refusal::new(&fault::PROVIDER_BROKE_OFF, "The answer broke off.").with_internal(error)
            }
        },
    }
}
