//! A connection's bytes, counted: whether anything was written of a request, or read of its answer, decides whether it may be sent
//! again. Counted above TLS, so a byte is a byte of HTTP.

use std::cell::RefCell;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Parts that are no longer than this together are joined before they are written.
const JOINED_MAX: usize = 8 << 10;

thread_local! {
    static JOINED: RefCell<Vec<u8>> = RefCell::new(Vec::with_capacity(JOINED_MAX));
}

/// Writes several parts. A head with a short body is copied together first: for the kernel one piece is much less work than two,
/// and `send` than `writev`.
pub fn poll_write_parts<S: AsyncWrite>(
    stream: Pin<&mut S>,
    cx: &mut Context<'_>,
    parts: &[io::IoSlice<'_>],
) -> Poll<io::Result<usize>> {
    let mut full = parts.iter().filter(|p| !p.is_empty());
    match (full.next(), full.next()) {
        (None, _) => stream.poll_write(cx, &[]),
        (Some(only), None) => stream.poll_write(cx, only),
        _ if parts.iter().map(|p| p.len()).sum::<usize>() <= JOINED_MAX => JOINED.with_borrow_mut(|joined| {
            joined.clear();
            parts.iter().for_each(|p| joined.extend_from_slice(p));
            stream.poll_write(cx, joined)
        }),
        _ => stream.poll_write_vectored(cx, parts),
    }
}

/// Bytes of HTTP read and written on one connection. One task at a time changes it.
#[derive(Debug, Default)]
pub(crate) struct Traffic {
    read: AtomicU64,
    written: AtomicU64,
}

impl Traffic {
    /// Bytes read and written until now.
    pub(crate) fn mark(&self) -> (u64, u64) {
        (self.read.load(Ordering::Relaxed), self.written.load(Ordering::Relaxed))
    }
}

/// Adds without a locked instruction: there is one writer at a time.
fn add(counter: &AtomicU64, n: usize) {
    counter.store(counter.load(Ordering::Relaxed) + n as u64, Ordering::Relaxed);
}

/// A stream whose bytes are counted.
pub(crate) struct Counted<S> {
    inner: S,
    traffic: Arc<Traffic>,
}

impl<S> Counted<S> {
    pub(crate) fn new(inner: S, traffic: Arc<Traffic>) -> Self {
        Self { inner, traffic }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Counted<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let result = Pin::new(&mut self.inner).poll_read(cx, buf);
        add(&self.traffic.read, buf.filled().len() - before);
        result
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Counted<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.inner).poll_write(cx, buf);
        if let Poll::Ready(Ok(n)) = &result {
            add(&self.traffic.written, *n);
        }
        result
    }
    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let result = poll_write_parts(Pin::new(&mut self.inner), cx, bufs);
        if let Poll::Ready(Ok(n)) = &result {
            add(&self.traffic.written, *n);
        }
        result
    }
    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::{JOINED_MAX, poll_write_parts};
    use std::io::IoSlice;
    use std::pin::Pin;

    async fn written(parts: &[&[u8]]) -> Vec<u8> {
        let mut out: Vec<u8> = Vec::new();
        let parts: Vec<IoSlice<'_>> = parts.iter().map(|p| IoSlice::new(p)).collect();
        let n = std::future::poll_fn(|cx| poll_write_parts(Pin::new(&mut out), cx, &parts)).await.unwrap();
        assert_eq!(n, out.len());
        out
    }

    #[tokio::test]
    async fn parts_are_written_in_their_order_whether_joined_or_not() {
        let large = vec![7u8; JOINED_MAX];
        assert_eq!(written(&[b"head", b"", b"body"]).await, b"headbody");
        assert_eq!(written(&[b"head"]).await, b"head");
        assert_eq!(written(&[]).await, b"");
        assert_eq!(written(&[b"head", &large]).await, [b"head", &large[..]].concat());
    }
}
