//! Bodies that stream: going out, the digest is stated in trailers and the last bytes wait for that statement; coming in, the last frame waits until the trailers
//! are verified and recorded (docs/protocol/peer.md, "Large bodies").

use crate::body::{BodyError, OutBody, PeerBody, Streaming};
use crate::fields::{self, single, value};
use crate::peers::{Inner, Received, not_recorded};
use crate::sign::Speaker;
use crate::statement::{Statement, Subject, digest_text};
use crate::verify::{Believed, Expected, KnownDelegation, Unproven};
use aws_lc_rs::digest::{Context as Digest, SHA256};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::HeaderMap;
use http_body::{Body, Frame};
use hyper::body::Incoming;
use lgsp_evidence::hash::Hash;
use lgsp_kernel::model::SignatureMode;
use lgsp_kernel::{ExchangeId, Refusal, fault};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

fn finish(digest: Digest) -> [u8; 32] {
    digest.finish().as_ref().try_into().expect("SHA-256 has 32 bytes")
}

/// A body going out.
pub(crate) struct StatedStream {
    source: Streaming,
    digest: Option<Digest>,
    held: Option<Bytes>,
    stating: Option<BoxFuture<'static, Result<HeaderMap, BodyError>>>,
    trailers: Option<HeaderMap>,
    done: bool,
    part: Option<Part>,
}

/// What the trailers' statement is made with.
struct Part {
    inner: Arc<Inner>,
    speaker: Speaker,
    exchange: ExchangeId,
    head: Hash,
}

impl From<StatedStream> for OutBody {
    fn from(stream: StatedStream) -> Self {
        PeerBody::Stream(Box::pin(stream)).into()
    }
}

impl StatedStream {
    pub(crate) fn new(
        inner: Arc<Inner>,
        speaker: Speaker,
        exchange: ExchangeId,
        head: Hash,
        body: PeerBody,
    ) -> Self {
        let source = match body {
            PeerBody::Stream(stream) => stream,
            whole => Box::pin(OutBody::from(whole)),
        };
        Self {
            source,
            digest: Some(Digest::new(&SHA256)),
            held: None,
            stating: None,
            trailers: None,
            done: false,
            part: Some(Part { inner, speaker, exchange, head }),
        }
    }
}

impl Part {
    /// States the whole body: durable on return.
    async fn state(self, digest: [u8; 32]) -> Result<HeaderMap, BodyError> {
        let mut head = HeaderMap::new();
        head.insert(&fields::EXCHANGE, value(self.exchange.to_string()));
        let mut trailers = HeaderMap::new();
        trailers.insert(&fields::CONTENT_DIGEST, fields::content_digest(&digest));
        trailers.insert(&fields::HEAD, fields::once(value(digest_text(&self.head))));
        let created = self.inner.clock.now().seconds();
        let subject = Subject::Trailers(&trailers);
        let statement = Statement::build(subject, &head, created, self.speaker.keyid());
        let statement = statement.map_err(|e| BodyError::Broken(e.to_string()))?;
        let unrecorded = |e| BodyError::Refused(not_recorded(&fault::NOT_RECORDED, e));
        let mode = self.speaker.mode();
        let pending = self.inner.append_statement(&statement, &self.exchange, mode).map_err(unrecorded)?;
        let stood = self.inner.stand_by(&self.speaker, &statement, pending, &mut trailers).await;
        stood.map_err(unrecorded)?;
        // The head brought it.
        trailers.remove(&fields::DELEGATION);
        Ok(trailers)
    }
}

impl Body for StatedStream {
    type Data = Bytes;
    type Error = BodyError;
    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = &mut *self;
        loop {
            if let Some(stating) = &mut this.stating {
                let stated = ready!(stating.as_mut().poll(cx));
                this.stating = None;
                match stated {
                    Ok(trailers) => this.trailers = Some(trailers),
                    Err(e) => {
                        this.done = true;
                        return Poll::Ready(Some(Err(e)));
                    }
                }
                if let Some(last) = this.held.take() {
                    return Poll::Ready(Some(Ok(Frame::data(last))));
                }
            }
            if let Some(trailers) = this.trailers.take() {
                this.done = true;
                return Poll::Ready(Some(Ok(Frame::trailers(trailers))));
            }
            if this.done {
                return Poll::Ready(None);
            }
            match ready!(this.source.as_mut().poll_frame(cx)) {
                Some(Ok(frame)) => {
                    // What the system itself sends as trailers is not stated, so it does not travel.
                    let Ok(data) = frame.into_data() else { continue };
                    if let Some(digest) = &mut this.digest {
                        digest.update(&data);
                    }
                    if let Some(before) = this.held.replace(data) {
                        return Poll::Ready(Some(Ok(Frame::data(before))));
                    }
                }
                Some(Err(e)) => {
                    this.done = true;
                    return Poll::Ready(Some(Err(e)));
                }
                None => {
                    if let (Some(part), Some(digest)) = (this.part.take(), this.digest.take()) {
                        this.stating = Some(Box::pin(part.state(finish(digest))));
                    }
                }
            }
        }
    }
}

/// A body coming in.
pub(crate) struct ProvenStream {
    source: Incoming,
    digest: Option<Digest>,
    held: Option<Bytes>,
    recording: Option<BoxFuture<'static, Result<(), BodyError>>>,
    done: bool,
    whose: Whose,
    /// At a relay: the trailers go on after the last frame.
    pass_on: bool,
    trailers: Option<HeaderMap>,
}

/// Who must stand by the trailers.
struct Whose {
    inner: Arc<Inner>,
    exchange: ExchangeId,
    delegation: Arc<KnownDelegation>,
    mode: SignatureMode,
    head: Hash,
    skew_max: i64,
    /// The field that the trailers leave out.
    delegation_field: Option<http::HeaderValue>,
}

impl ProvenStream {
    pub(crate) fn new(
        inner: Arc<Inner>,
        exchange: ExchangeId,
        believed: &Believed,
        head: &HeaderMap,
        source: Incoming,
    ) -> Self {
        let whose = Whose {
            inner,
            exchange,
            delegation: believed.delegation.clone(),
            mode: believed.mode,
            head: believed.statement.digest,
            skew_max: crate::bounds::ANSWER_SKEW_MAX,
            delegation_field: head.get(&fields::DELEGATION).cloned(),
        };
        Self {
            source,
            digest: Some(Digest::new(&SHA256)),
            held: None,
            recording: None,
            done: false,
            whose,
            pass_on: false,
            trailers: None,
        }
    }

    /// Gives the trailers on, too.
    pub(crate) fn with_trailers(mut self) -> Self {
        self.pass_on = true;
        self
    }
}

impl Whose {
    fn check(&self, digest: [u8; 32], trailers: &HeaderMap) -> Result<Received, Unproven> {
        let mut head = HeaderMap::new();
        head.insert(&fields::EXCHANGE, value(self.exchange.to_string()));
        if let Some(field) = &self.delegation_field {
            head.insert(&fields::DELEGATION, field.clone());
        }
        let says = &self.delegation.says;
        let expected = Expected {
            node: &says.node,
            agency: &says.agency,
            exchange: &self.exchange,
            mode: Some(self.mode),
            skew_max: self.skew_max,
        };
        let now = self.inner.clock.now();
        let believed = self.inner.checker.check(Subject::Trailers(trailers), &head, &expected, now)?;
        if believed.delegation.keyid != self.delegation.keyid {
            return Err(Unproven::Proof("head and body are of different keys"));
        }
        if single(trailers, &fields::HEAD) != Some(digest_text(&self.head).as_str()) {
            return Err(Unproven::Proof("the trailers are of another message"));
        }
        let stated = single(trailers, &fields::CONTENT_DIGEST).and_then(fields::read_content_digest);
        if stated != Some(digest) {
            return Err(Unproven::Digest);
        }
        Ok(Received::new(believed, self.exchange))
    }

    /// Verifies the trailers and hands them to the log.
    fn record(
        &self,
        digest: [u8; 32],
        trailers: &HeaderMap,
    ) -> Result<BoxFuture<'static, Result<(), BodyError>>, BodyError> {
        let received = self.check(digest, trailers).map_err(|e| BodyError::Refused(e.of_request()))?;
        let unrecorded = |e| BodyError::Refused(not_recorded(&fault::NOT_RECORDED, e));
        let ticket = self.inner.record(received).map_err(unrecorded)?;
        Ok(Box::pin(async move { ticket.durable().await.map_err(unrecorded) }))
    }
}

impl Body for ProvenStream {
    type Data = Bytes;
    type Error = BodyError;
    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = &mut *self;
        loop {
            if let Some(recording) = &mut this.recording {
                let recorded = ready!(recording.as_mut().poll(cx));
                this.recording = None;
                this.done = true;
                match (recorded, this.held.take()) {
                    (Err(e), _) => {
                        this.trailers = None;
                        return Poll::Ready(Some(Err(e)));
                    }
                    (Ok(()), Some(last)) => return Poll::Ready(Some(Ok(Frame::data(last)))),
                    (Ok(()), None) => {}
                }
            }
            if this.done {
                return Poll::Ready(this.trailers.take().map(|t| Ok(Frame::trailers(t))));
            }
            let failed = match ready!(Pin::new(&mut this.source).poll_frame(cx)) {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => {
                        if let Some(digest) = &mut this.digest {
                            digest.update(&data);
                        }
                        match this.held.replace(data) {
                            Some(before) => return Poll::Ready(Some(Ok(Frame::data(before)))),
                            None => continue,
                        }
                    }
                    Err(frame) => {
                        let digest = this.digest.take().map(finish).unwrap_or_default();
                        let trailers = frame.into_trailers().unwrap_or_default();
                        match this.whose.record(digest, &trailers) {
                            Ok(recording) => {
                                this.recording = Some(recording);
                                this.trailers = this.pass_on.then_some(trailers);
                                continue;
                            }
                            Err(e) => e,
                        }
                    }
                },
                Some(Err(e)) => BodyError::Broken(e.to_string()),
                None => BodyError::Refused(Refusal::new(
                    &fault::BODY_INCOMPLETE,
                    "The body ended without the trailers that state it.",
                )),
            };
            this.done = true;
            return Poll::Ready(Some(Err(failed)));
        }
    }
}
