//! Bodies on their way between nodes: whole, or streaming. Not here: how a streaming body is stated and verified (`stream`).

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use lgsp_kernel::Refusal;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

/// Why a body ended early.
#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    /// The connection or the source failed.
    #[error("{0}")]
    Broken(String),
    /// What came is not what was stated, or could not be recorded.
    #[error("{0}")]
    Refused(Refusal),
}

/// A body that streams.
pub type Streaming = Pin<Box<dyn Body<Data = Bytes, Error = BodyError> + Send>>;

/// A body.
pub enum PeerBody {
    /// In memory.
    Whole(Bytes),
    /// Passing through.
    Stream(Streaming),
}

impl fmt::Debug for PeerBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole(bytes) => write!(f, "Whole({} bytes)", bytes.len()),
            Self::Stream(_) => f.write_str("Stream"),
        }
    }
}

impl PeerBody {
    /// Of no bytes.
    pub fn empty() -> Self {
        Self::Whole(Bytes::new())
    }
}

/// A body as HTTP sends it: [`PeerBody`] with its whole bytes taken once.
pub struct OutBody(Inner);

enum Inner {
    Whole(Bytes),
    Stream(Streaming),
}

impl fmt::Debug for OutBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OutBody")
    }
}

impl From<PeerBody> for OutBody {
    fn from(body: PeerBody) -> Self {
        match body {
            PeerBody::Whole(bytes) => Self(Inner::Whole(bytes)),
            PeerBody::Stream(stream) => Self(Inner::Stream(stream)),
        }
    }
}

impl Body for OutBody {
    type Data = Bytes;
    type Error = BodyError;
    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        match &mut self.0 {
            Inner::Whole(bytes) if bytes.is_empty() => Poll::Ready(None),
            Inner::Whole(bytes) => Poll::Ready(Some(Ok(Frame::data(std::mem::take(bytes))))),
            Inner::Stream(stream) => stream.as_mut().poll_frame(cx),
        }
    }
    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Inner::Whole(bytes) => bytes.is_empty(),
            Inner::Stream(stream) => stream.is_end_stream(),
        }
    }
    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Inner::Whole(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Inner::Stream(stream) => stream.size_hint(),
        }
    }
}
