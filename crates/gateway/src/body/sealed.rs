//! A body that streams, is digested on its way, and whose end is withheld until what closes its record is durable. A receiver can
//! tell a whole message from a broken one by its end alone: the last byte where a length was announced, the end mark otherwise.

use super::BoxError;
use crate::record::digest::Running;
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use lgsp_kernel::Refusal;
use lgsp_kernel::snapshot::Digest;
use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// Becomes ready when the closing record is durable.
pub(crate) type Durable = Pin<Box<dyn Future<Output = Result<(), Refusal>> + Send>>;

/// How a body ended.
pub(crate) enum End {
    /// Whole: its digest and length.
    Whole(Option<Digest>, u64),
    /// Broken off, by whom and why; the digest and length of what had been passed on.
    Broken(Refusal, Option<Digest>, u64),
    /// The receiver went away; the digest and length of what had been passed on.
    Left(Option<Digest>, u64),
}

/// What writes the closing record: for a whole body it gives back the wait for its durability.
pub(crate) type Closer = Box<dyn FnMut(End) -> Option<Durable> + Send>;

/// A streaming body with a record at its end.
pub(crate) struct Sealed<B> {
    source: B,
    /// Read before, to be given out first.
    first: VecDeque<Frame<Bytes>>,
    known: Option<u64>,
    limit: u64,
    over_limit: fn(u64) -> Refusal,
    broken: fn(BoxError) -> Refusal,
    running: Option<Running>,
    closer: Closer,
    phase: Phase,
}

enum Phase {
    Flowing,
    /// Waiting for the record; then these frames, then the end.
    Closing(Durable, VecDeque<Frame<Bytes>>),
    Releasing(VecDeque<Frame<Bytes>>),
    Tail,
    Done,
}

impl<B> Drop for Sealed<B> {
    fn drop(&mut self) {
        if let (Phase::Flowing, Some(running)) = (&self.phase, self.running.take()) {
            let (digest, bytes) = running.finish();
            (self.closer)(End::Left(digest, bytes));
        }
    }
}

/// What bounds a body and names its faults.
pub(crate) struct Bounds {
    pub known: Option<u64>,
    pub limit: u64,
    pub over_limit: fn(u64) -> Refusal,
    pub broken: fn(BoxError) -> Refusal,
}

impl<B: Body<Data = Bytes> + Unpin> Sealed<B>
where
    B::Error: Into<BoxError>,
{
    pub fn new(
        source: B,
        first: VecDeque<Frame<Bytes>>,
        bounds: Bounds,
        digest: bool,
        closer: Closer,
    ) -> Self {
        let Bounds { known, limit, over_limit, broken } = bounds;
        let running = Some(Running::new(digest));
        Self { source, first, known, limit, over_limit, broken, running, closer, phase: Phase::Flowing }
    }

    fn poll_source(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if let Some(frame) = self.first.pop_front() {
            return Poll::Ready(Some(Ok(frame)));
        }
        Pin::new(&mut self.source).poll_frame(cx).map(|f| f.map(|r| r.map_err(Into::into)))
    }

    /// Takes the next frame; `Some` if it may pass at once.
    fn poll_flow(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Frame<Bytes>>, Refusal>> {
        let frame = match ready!(self.poll_source(cx)) {
            Some(Ok(frame)) => frame,
            Some(Err(e)) => return Poll::Ready(Err((self.broken)(e))),
            None => {
                let seen = self.running.as_ref().map_or(0, Running::bytes);
                if self.known.is_some_and(|n| n != seen) {
                    return Poll::Ready(Err((self.broken)("it ended before its announced length".into())));
                }
                self.close(VecDeque::new());
                return Poll::Ready(Ok(None));
            }
        };
        let Some(running) = &mut self.running else { return Poll::Ready(Ok(None)) };
        let Some(data) = frame.data_ref() else {
            self.close(VecDeque::from([frame]));
            return Poll::Ready(Ok(None));
        };
        running.update(data);
        let seen = running.bytes();
        if seen > self.limit {
            return Poll::Ready(Err((self.over_limit)(self.limit)));
        }
        if self.known.is_some_and(|n| seen >= n) {
            self.close(VecDeque::from([frame]));
            return Poll::Ready(Ok(None));
        }
        Poll::Ready(Ok(Some(frame)))
    }

    fn close(&mut self, last: VecDeque<Frame<Bytes>>) {
        let (digest, bytes) = self.running.take().map_or((None, 0), Running::finish);
        self.phase = match (self.closer)(End::Whole(digest, bytes)) {
            Some(durable) => Phase::Closing(durable, last),
            None => Phase::Releasing(last),
        };
    }

    fn break_off(&mut self, refusal: Refusal) -> BoxError {
        let (digest, bytes) = self.running.take().map_or((None, 0), Running::finish);
        self.phase = Phase::Done;
        let told = refusal.clone();
        (self.closer)(End::Broken(refusal, digest, bytes));
        told.into()
    }
}

impl<B: Body<Data = Bytes> + Unpin> Body for Sealed<B>
where
    B::Error: Into<BoxError>,
{
    type Data = Bytes;
    /// Always a [`Refusal`].
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = self.get_mut();
        loop {
            match &mut this.phase {
                Phase::Flowing => match ready!(this.poll_flow(cx)) {
                    Ok(Some(frame)) => return Poll::Ready(Some(Ok(frame))),
                    Ok(None) => {}
                    Err(refusal) => return Poll::Ready(Some(Err(this.break_off(refusal)))),
                },
                Phase::Closing(durable, last) => match ready!(durable.as_mut().poll(cx)) {
                    Ok(()) => this.phase = Phase::Releasing(std::mem::take(last)),
                    Err(refusal) => {
                        this.phase = Phase::Done;
                        return Poll::Ready(Some(Err(refusal.into())));
                    }
                },
                Phase::Releasing(last) => match last.pop_front() {
                    Some(frame) => return Poll::Ready(Some(Ok(frame))),
                    None => this.phase = if this.known.is_some() { Phase::Tail } else { Phase::Done },
                },
                // Trailers may follow the last byte of an announced length.
                Phase::Tail => {
                    let frame = ready!(this.poll_source(cx));
                    this.phase = Phase::Done;
                    if let Some(Ok(frame)) = frame
                        && frame.is_trailers()
                    {
                        return Poll::Ready(Some(Ok(frame)));
                    }
                }
                Phase::Done => return Poll::Ready(None),
            }
        }
    }

    fn size_hint(&self) -> SizeHint {
        match (self.known, &self.phase) {
            (Some(n), Phase::Flowing) => {
                SizeHint::with_exact(n - self.running.as_ref().map_or(0, Running::bytes).min(n))
            }
            _ => SizeHint::default(),
        }
    }
}
