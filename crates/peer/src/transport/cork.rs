//! Holds back what an HTTP/2 connection writes until the connection has been polled once, so that many small frames go out as one piece:
//! the library flushes after each body, and every flush would be a record of TLS and a system call. Not here: when it is polled.

use parking_lot::Mutex;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// With so much held back, whoever writes has to wait until the stream takes it.
const HELD_MAX: usize = 64 << 10;
/// A buffer larger than this is given back when it was not needed.
const BUFFER_KEEP: usize = 16 << 10;

/// A byte stream whose flushes wait for [`Corked`].
#[derive(Debug)]
pub struct Cork<T>(Arc<Mutex<Held<T>>>);

#[derive(Debug)]
struct Held<T> {
    io: T,
    /// `buffer[written..]` has not been written yet.
    buffer: Vec<u8>,
    written: usize,
    /// Something was written that the stream may still hold itself.
    unflushed: bool,
    /// Why the stream takes nothing more, found while nobody was told.
    broken: Option<io::ErrorKind>,
}

impl<T: AsyncRead + AsyncWrite + Unpin> Cork<T> {
    /// Holds back what is written to a stream. What is to be polled with it must be made with [`Cork::around`].
    pub fn new(io: T) -> Self {
        Self(Arc::new(Mutex::new(Held {
            io,
            buffer: Vec::new(),
            written: 0,
            unflushed: false,
            broken: None,
        })))
    }
    /// What lets it go: to be made before the stream is handed over, and to be given the connection over it.
    pub fn around(&self) -> Uncork<T> {
        Uncork(self.0.clone())
    }
}

/// The right to let go what a [`Cork`] holds.
#[derive(Debug)]
pub struct Uncork<T>(Arc<Mutex<Held<T>>>);

impl<T> Uncork<T> {
    /// A connection over the stream, which lets go what was held back each time that it has been polled.
    pub fn drive<F>(self, connection: F) -> Corked<F, T> {
        Corked { connection: Box::pin(connection), held: self.0 }
    }
}

/// A connection over a [`Cork`].
#[derive(Debug)]
pub struct Corked<F, T> {
    connection: Pin<Box<F>>,
    held: Arc<Mutex<Held<T>>>,
}

impl<F, T> Corked<F, T> {
    /// The connection itself.
    pub fn connection(self: Pin<&mut Self>) -> Pin<&mut F> {
        self.get_mut().connection.as_mut()
    }
}

impl<F: Future, T: AsyncWrite + Unpin> Future for Corked<F, T> {
    type Output = F::Output;
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.get_mut();
        let polled = this.connection.as_mut().poll(cx);
        let mut held = this.held.lock();
        if let Poll::Ready(Err(error)) = held.poll_let_go(cx)
            && held.broken.is_none()
        {
            held.broken = Some(error.kind());
            // It learns of it when it reads or writes next: now.
            cx.waker().wake_by_ref();
        }
        polled
    }
}

impl<T> Held<T> {
    fn fine(&self) -> io::Result<()> {
        self.broken.map_or(Ok(()), |kind| Err(kind.into()))
    }
}

impl<T: AsyncWrite + Unpin> Held<T> {
    /// Writes what is held back.
    fn poll_write_held(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.buffer.is_empty() {
            return Poll::Ready(Ok(()));
        }
        while self.written < self.buffer.len() {
            let rest = &self.buffer[self.written..];
            self.unflushed = true;
            match ready!(Pin::new(&mut self.io).poll_write(cx, rest))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                n => self.written += n,
            }
        }
        if self.buffer.capacity() > BUFFER_KEEP && self.buffer.len() < BUFFER_KEEP {
            self.buffer = Vec::new();
        }
        self.buffer.clear();
        self.written = 0;
        Poll::Ready(Ok(()))
    }

    fn poll_let_go(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.broken.is_some() {
            return Poll::Ready(Ok(()));
        }
        ready!(self.poll_write_held(cx))?;
        if self.unflushed {
            ready!(Pin::new(&mut self.io).poll_flush(cx))?;
            self.unflushed = false;
        }
        Poll::Ready(Ok(()))
    }

    /// Room for more.
    fn poll_room(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.fine()?;
        if self.buffer.len() < HELD_MAX { Poll::Ready(Ok(())) } else { self.poll_write_held(cx) }
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Cork<T> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, out: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let mut held = self.0.lock();
        held.fine()?;
        Pin::new(&mut held.io).poll_read(cx, out)
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Cork<T> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let mut held = self.0.lock();
        ready!(held.poll_room(cx))?;
        let taken = &bytes[..bytes.len().min(HELD_MAX)];
        held.buffer.extend_from_slice(taken);
        Poll::Ready(Ok(taken.len()))
    }
    /// Nothing is written yet: the connection is still being polled.
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(self.0.lock().fine())
    }
    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut held = self.0.lock();
        held.fine()?;
        ready!(held.poll_write_held(cx))?;
        Pin::new(&mut held.io).poll_shutdown(cx)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::{Cork, HELD_MAX};
    use parking_lot::Mutex;
    use std::future::poll_fn;
    use std::io;
    use std::pin::Pin;
    use std::sync::Arc;
    use std::task::{Context, Poll};
    use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf};

    /// Notes the length of each write, and flushes only when asked often enough, as TLS over a socket that is full.
    #[derive(Clone, Default)]
    struct Notes {
        writes: Arc<Mutex<Vec<usize>>>,
        flushes_pending: Arc<Mutex<u32>>,
        broken: bool,
    }

    impl AsyncRead for Notes {
        fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, _: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
            Poll::Pending
        }
    }

    impl AsyncWrite for Notes {
        fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, b: &[u8]) -> Poll<io::Result<usize>> {
            if self.broken {
                return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
            }
            self.writes.lock().push(b.len());
            Poll::Ready(Ok(b.len()))
        }
        fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
            let mut left = self.flushes_pending.lock();
            if *left == 0 {
                return Poll::Ready(Ok(()));
            }
            *left -= 1;
            cx.waker().wake_by_ref();
            Poll::Pending
        }
        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    #[tokio::test]
    async fn what_is_written_and_flushed_in_one_poll_goes_out_in_one_piece_after_it() {
        let notes = Notes::default();
        let mut cork = Cork::new(notes.clone());
        let uncork = cork.around();
        let mut turns = 0;
        let seen = notes.writes.clone();
        let connection = async move {
            for _ in 0..3 {
                cork.write_all(&[7; 100]).await.unwrap();
                cork.flush().await.unwrap();
            }
            assert!(seen.lock().is_empty(), "not while it is polled");
            poll_fn(|cx| {
                turns += 1;
                cx.waker().wake_by_ref();
                if turns == 2 { Poll::Ready(()) } else { Poll::Pending }
            })
            .await;
            seen.lock().clone()
        };
        assert_eq!(uncork.drive(connection).await, [300]);
    }

    #[tokio::test]
    async fn a_stream_that_holds_something_itself_is_flushed_until_it_holds_nothing() {
        let notes = Notes { flushes_pending: Arc::new(Mutex::new(3)), ..Notes::default() };
        let mut cork = Cork::new(notes.clone());
        let uncork = cork.around();
        let left = notes.flushes_pending.clone();
        let connection = async move {
            cork.write_all(b"frame").await.unwrap();
            // Nothing but the stream wakes it.
            poll_fn(|_| if *left.lock() == 0 { Poll::Ready(()) } else { Poll::Pending }).await;
        };
        uncork.drive(connection).await;
        assert_eq!(*notes.writes.lock(), [5]);
    }

    #[tokio::test]
    async fn what_is_held_back_is_bounded() {
        let notes = Notes::default();
        let mut cork = Cork::new(notes.clone());
        let uncork = cork.around();
        let connection = async move { cork.write_all(&vec![1; 3 * HELD_MAX]).await.unwrap() };
        uncork.drive(connection).await;
        assert_eq!(*notes.writes.lock(), [HELD_MAX; 3]);
    }

    #[tokio::test]
    async fn a_stream_that_breaks_is_told_to_the_connection_although_its_flush_succeeded() {
        let mut cork = Cork::new(Notes { broken: true, ..Notes::default() });
        let uncork = cork.around();
        let connection = async move {
            cork.write_all(b"frame").await.unwrap();
            cork.flush().await.unwrap();
            cork.read_u8().await.unwrap_err().kind()
        };
        assert_eq!(uncork.drive(connection).await, io::ErrorKind::BrokenPipe);
    }

    #[tokio::test]
    async fn closing_writes_what_is_held_back_first() {
        let notes = Notes::default();
        let mut cork = Cork::new(notes.clone());
        cork.write_all(b"last").await.unwrap();
        cork.shutdown().await.unwrap();
        assert_eq!(*notes.writes.lock(), [4]);
    }
}
