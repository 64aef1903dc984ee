//! The request's body on its way over several legs: a whole one can be sent as often as it takes, a streaming one as long as nothing of it
//! was read.

use crate::body::intake::RequestBody;
use crate::exchange::Exchange;
use crate::steps::forward;
use bytes::Bytes;
use http::HeaderMap;
use lgsp_provider::OutBody;

/// What there is to be sent.
pub(crate) enum Carried {
    /// Still with the exchange: it is taken once the request is on record.
    NotTaken,
    Whole(Bytes, Option<HeaderMap>),
    /// None once a leg has read of it.
    Stream(Option<OutBody>),
}

impl Carried {
    /// Takes it over from the exchange, at the first leg.
    pub fn take(&mut self, x: &mut Exchange) {
        if !matches!(self, Self::NotTaken) {
            return;
        }
        *self = match std::mem::take(&mut x.body) {
            RequestBody::None | RequestBody::Unread(_) => Self::Whole(Bytes::new(), None),
            RequestBody::Whole(bytes, trailers) => Self::Whole(bytes, trailers),
            large => {
                x.body = large;
                Self::Stream(Some(forward::body(x)))
            }
        };
    }

    /// A whole body may be looked at before it is on record.
    pub fn look(&mut self, x: &Exchange) {
        if let (Self::NotTaken, RequestBody::Whole(bytes, trailers)) = (&*self, &x.body) {
            *self = Self::Whole(bytes.clone(), trailers.clone());
        }
    }

    /// For a provider over plain HTTP.
    pub fn for_provider(&mut self) -> OutBody {
        match self {
            Self::NotTaken => OutBody::Empty,
            Self::Whole(bytes, None) => OutBody::Full(bytes.clone()),
            Self::Whole(bytes, Some(trailers)) => {
                OutBody::Stream(forward::with_trailers(bytes.clone(), trailers.clone()))
            }
            Self::Stream(stream) => stream.take().unwrap_or_default(),
        }
    }

    /// Takes a streaming body back from a leg that has read nothing of it.
    pub fn put_back(&mut self, body: Option<Box<OutBody>>) {
        if let (Self::Stream(stream), Some(body)) = (self, body) {
            *stream = Some(*body);
        }
    }

    /// Whether all of it can (still) be sent.
    pub fn intact(&self) -> bool {
        !matches!(self, Self::Stream(None))
    }
}
