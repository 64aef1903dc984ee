//! SHA-512 of a request's body that streams, made as it passes: the request hash in the answer's head needs it.

use aws_lc_rs::digest::{Context as Sha, SHA512};
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use parking_lot::Mutex;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

/// What has passed so far.
struct Running {
    sha: Sha,
    bytes: u64,
    ended: bool,
}

/// Where a body leaves its hash.
#[derive(Clone)]
pub(crate) struct Slot(Arc<Mutex<Running>>, Option<u64>);

impl Slot {
    /// For a body whose length is known, or not.
    pub fn new(known: Option<u64>) -> Self {
        Self(Arc::new(Mutex::new(Running { sha: Sha::new(&SHA512), bytes: 0, ended: false })), known)
    }

    /// The hash; None while not all of the body has passed.
    pub fn hash(&self) -> Option<[u8; 64]> {
        let running = self.0.lock();
        let whole = running.ended || self.1 == Some(running.bytes);
        whole.then(|| of(running.sha.clone()))
    }
}

fn of(sha: Sha) -> [u8; 64] {
    let mut out = [0; 64];
    out.copy_from_slice(sha.finish().as_ref());
    out
}

/// SHA-512 of bytes.
pub(super) fn sha512(bytes: &[u8]) -> [u8; 64] {
    let mut sha = Sha::new(&SHA512);
    sha.update(bytes);
    of(sha)
}

/// A body that passes through, hashed where somebody wants that.
pub(crate) struct Hashed<B> {
    source: B,
    slot: Option<Slot>,
}

impl<B> Hashed<B> {
    pub fn new(source: B, slot: Option<Slot>) -> Self {
        Self { source, slot }
    }
}

impl<B: Body<Data = Bytes> + Unpin> Body for Hashed<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let this = self.get_mut();
        let frame = ready!(Pin::new(&mut this.source).poll_frame(cx));
        if let Some(slot) = &this.slot {
            let mut running = slot.0.lock();
            match &frame {
                None => running.ended = true,
                Some(Ok(frame)) => {
                    if let Some(data) = frame.data_ref() {
                        running.sha.update(data);
                        running.bytes += data.len() as u64;
                    } else {
                        // Trailers come last.
                        running.ended = true;
                    }
                }
                Some(Err(_)) => {}
            }
        }
        Poll::Ready(frame)
    }
    fn is_end_stream(&self) -> bool {
        self.source.is_end_stream()
    }
    fn size_hint(&self) -> SizeHint {
        self.source.size_hint()
    }
}
