//! The body of an answer to a caller, whole or streaming, which keeps its exchange counted as open until it has been given.

use crate::body::BoxError;
use crate::gateway::Place;
use crate::server::streams::Taken;
use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

/// The body of an answer.
pub struct AnswerBody {
    kind: Kind,
    place: Option<Place>,
    taken: Option<Arc<Taken>>,
}

enum Kind {
    Whole(Option<Bytes>),
    WithTrailers(Option<Bytes>, Option<HeaderMap>),
    Stream(Pin<Box<dyn Body<Data = Bytes, Error = BoxError> + Send>>),
}

impl AnswerBody {
    pub(crate) fn whole(bytes: Bytes) -> Self {
        Self { kind: Kind::Whole(Some(bytes).filter(|b| !b.is_empty())), place: None, taken: None }
    }
    pub(crate) fn with_trailers(bytes: Bytes, trailers: Option<HeaderMap>) -> Self {
        match trailers {
            None => Self::whole(bytes),
            Some(t) => Self {
                kind: Kind::WithTrailers(Some(bytes).filter(|b| !b.is_empty()), Some(t)),
                place: None,
                taken: None,
            },
        }
    }
    pub(crate) fn stream(body: impl Body<Data = Bytes, Error = BoxError> + Send + 'static) -> Self {
        Self { kind: Kind::Stream(Box::pin(body)), place: None, taken: None }
    }
    /// Keeps the exchange counted as open until this body is gone.
    pub(crate) fn holding(mut self, place: Place) -> Self {
        self.place = Some(place);
        self
    }
    /// Notes whenever something of it is taken.
    pub(crate) fn watched(mut self, taken: Arc<Taken>) -> Self {
        taken.asked(false);
        self.taken = Some(taken);
        self
    }
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = self.get_mut();
        let frame = match &mut this.kind {
            Kind::Whole(bytes) => Poll::Ready(bytes.take().map(|b| Ok(Frame::data(b)))),
            Kind::WithTrailers(bytes, trailers) => {
                let data = bytes.take().map(Frame::data);
                Poll::Ready(data.or_else(|| trailers.take().map(Frame::trailers)).map(Ok))
            }
            Kind::Stream(body) => body.as_mut().poll_frame(cx),
        };
        if let Some(taken) = &this.taken {
            taken.asked(frame.is_pending());
        }
        frame
    }
    fn is_end_stream(&self) -> bool {
        match &self.kind {
            Kind::Whole(bytes) => bytes.is_none(),
            Kind::WithTrailers(bytes, trailers) => bytes.is_none() && trailers.is_none(),
            Kind::Stream(_) => false,
        }
    }
    fn size_hint(&self) -> SizeHint {
        match &self.kind {
            Kind::Whole(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, |b| b.len() as u64)),
            Kind::WithTrailers(..) => SizeHint::default(),
            Kind::Stream(body) => body.size_hint(),
        }
    }
}
