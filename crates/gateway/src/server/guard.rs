//! Stands between an HTTP/1 connection and hyper and hands on only bytes that [`lgsp_wire::framing`] accepts. Where a head is
//! refused, hyper gets an innocent stand-in head, and the connection's [`Conn`] says which request of it is refused and why: so the answer has
//! the platform's documented form, comes in its turn, and closes the connection. HTTP/2 passes through untouched.

use super::conn::Conn;
use lgsp_wire::framing::{ChunkReader, Fault, Framing, HeadLimits, HeadReader};
use std::future::Future as _;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

/// What hyper reads in place of a refused head.
const STAND_IN: &[u8] = b"GET /refused HTTP/1.1\r\nhost: refused\r\nconnection: close\r\n\r\n";
/// Bytes read at once.
const READ: usize = 8 << 10;
/// What is still read and thrown away when a connection closes with unread bytes, so that the peer sees the answer rather than a reset.
const LINGER_BYTES: usize = 1 << 20;
const LINGER_TIME: Duration = Duration::from_millis(500);

/// How long a connection may take.
#[derive(Debug, Clone, Copy)]
pub struct GuardTimes {
    /// From the first byte of a head to its last.
    pub head: Duration,
    /// Between two requests.
    pub idle: Duration,
    /// That the peer takes nothing of what is written to it.
    pub write: Duration,
}

enum State {
    /// HTTP/2: bytes are not looked at.
    Through,
    Head(HeadReader),
    Length(u64),
    Chunked(ChunkReader),
    /// Nothing more is handed on.
    Refused,
    /// Closing: reading away what the peer still sends.
    Lingering(usize, Pin<Box<Sleep>>),
}

/// A connection whose HTTP/1 framing is checked.
pub struct Guard<T> {
    io: T,
    conn: Arc<Conn>,
    limits: HeadLimits,
    times: GuardTimes,
    state: State,
    /// `bytes[start..ready]` may be handed on, `bytes[ready..filled]` is not checked yet.
    bytes: Vec<u8>,
    start: usize,
    ready: usize,
    filled: usize,
    heads: u64,
    /// Empty lines that were skipped.
    blanks: u64,
    deadline: Instant,
    timer: Option<Pin<Box<Sleep>>>,
    /// Runs while the peer takes nothing.
    stalled: Option<Pin<Box<Sleep>>>,
    eof: bool,
}

impl<T: AsyncRead + AsyncWrite + Unpin> Guard<T> {
    /// Guards a connection of which `first` has been read already.
    pub fn new(
        io: T,
        conn: Arc<Conn>,
        first: Vec<u8>,
        http1: bool,
        limits: HeadLimits,
        times: GuardTimes,
    ) -> Self {
        let filled = first.len();
        let state = if http1 { State::Head(HeadReader::default()) } else { State::Through };
        let ready = if http1 { 0 } else { filled };
        let deadline = Instant::now() + if filled > 0 { times.head } else { times.idle };
        Self {
            io,
            conn,
            limits,
            times,
            state,
            bytes: first,
            start: 0,
            ready,
            filled,
            heads: 0,
            blanks: 0,
            deadline,
            timer: None,
            stalled: None,
            eof: false,
        }
    }

    fn refuse(&mut self, fault: Fault) {
        self.heads += 1;
        self.conn.refuse(self.heads, fault);
        self.state = State::Refused;
        self.bytes.clear();
        self.bytes.extend_from_slice(STAND_IN);
        (self.start, self.ready, self.filled) = (0, self.bytes.len(), self.bytes.len());
    }

    /// Checks what has arrived and not been checked. Whether there is now something to hand on.
    fn check(&mut self) -> io::Result<bool> {
        while self.ready < self.filled {
            let fresh = &self.bytes[self.ready..self.filled];
            match &mut self.state {
                State::Through => self.ready = self.filled,
                State::Head(reader) => {
                    if self.start == self.ready && fresh.starts_with(b"\r\n") && self.blanks <= self.heads {
                        // RFC 9112 2.2: an empty line before a request is skipped; one for each.
                        self.blanks += 1;
                        *reader = HeadReader::default();
                        self.start += 2;
                        self.ready += 2;
                        continue;
                    }
                    match reader.read(fresh, &self.limits) {
                        Ok(None) => return Ok(false),
                        Ok(Some((length, framing))) => {
                            self.heads += 1;
                            self.ready += length;
                            self.state = match framing {
                                Framing::Length(0) => State::Head(HeadReader::default()),
                                Framing::Length(n) => State::Length(n),
                                Framing::Chunked => State::Chunked(ChunkReader::default()),
                            };
                            // One message at a time: what follows it is looked at when hyper asks for it.
                            return Ok(true);
                        }
                        Err(fault) => self.refuse(fault),
                    }
                }
                State::Length(left) => {
                    let step = usize::try_from(*left).unwrap_or(usize::MAX).min(fresh.len());
                    *left -= step as u64;
                    self.ready += step;
                    if *left == 0 {
                        self.state = State::Head(HeadReader::default());
                    }
                    return Ok(true);
                }
                State::Chunked(reader) => match reader.read(fresh) {
                    Ok((step, done)) => {
                        self.ready += step;
                        if done {
                            self.state = State::Head(HeadReader::default());
                        }
                        return Ok(true);
                    }
                    Err(fault) => {
                        self.conn.refuse_body(self.heads, fault);
                        self.state = State::Refused;
                        return Err(io::Error::new(io::ErrorKind::InvalidData, "a malformed chunk"));
                    }
                },
                State::Refused | State::Lingering(..) => return Ok(self.start < self.ready),
            }
        }
        Ok(self.start < self.ready)
    }

    fn hand_on(&mut self, out: &mut ReadBuf<'_>) {
        let n = out.remaining().min(self.ready - self.start);
        out.put_slice(&self.bytes[self.start..self.start + n]);
        self.start += n;
        if self.start == self.filled {
            (self.start, self.ready, self.filled) = (0, 0, 0);
            // Between messages none is kept: most connections only wait, and a head that comes in one piece needs none.
            if self.bytes.len() > READ || matches!(self.state, State::Head(_)) {
                self.bytes = Vec::new();
            }
        }
    }

    /// Reads what should be a head straight to where hyper wants it. Left there if it is one whole head, and no more than the beginning
    /// of its body; taken into the buffer to be looked at there otherwise. Whether anything was read, and whether it was left.
    fn poll_head(&mut self, cx: &mut Context<'_>, out: &mut ReadBuf<'_>) -> Poll<io::Result<(bool, bool)>> {
        let before = out.filled().len();
        ready!(Pin::new(&mut self.io).poll_read(cx, out))?;
        let fresh = &out.filled()[before..];
        if fresh.is_empty() {
            return Poll::Ready(Ok((false, false)));
        }
        if let Ok(Some((head, Framing::Length(body)))) = HeadReader::default().read(fresh, &self.limits)
            && let Some(left) = body.checked_sub((fresh.len() - head) as u64)
        {
            self.heads += 1;
            self.state = if left == 0 { State::Head(HeadReader::default()) } else { State::Length(left) };
            return Poll::Ready(Ok((true, true)));
        }
        self.bytes.clear();
        self.bytes.extend_from_slice(fresh);
        (self.start, self.ready, self.filled) = (0, 0, fresh.len());
        self.deadline = Instant::now() + self.times.head;
        out.set_filled(before);
        Poll::Ready(Ok((true, false)))
    }

    /// Reads more into the buffer; `false` at the end of the stream.
    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<bool>> {
        if self.filled + 1024 > self.bytes.len() {
            self.bytes.drain(..self.start);
            self.ready -= self.start;
            self.filled -= self.start;
            self.start = 0;
            let more = (self.bytes.len() * 2).max(READ);
            self.bytes.resize(more.min(self.filled + (64 << 10)).max(self.filled + READ), 0);
        }
        let mut buf = ReadBuf::new(&mut self.bytes[self.filled..]);
        ready!(Pin::new(&mut self.io).poll_read(cx, &mut buf))?;
        let n = buf.filled().len();
        if self.filled == self.ready && n > 0 {
            self.deadline = Instant::now() + self.times.head;
        }
        self.filled += n;
        Poll::Ready(Ok(n > 0))
    }

    /// While a head is awaited: whether its time is up. The timer is set once and only moved when it fires or is too late.
    fn poll_late(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if !matches!(self.state, State::Head(_)) {
            return Poll::Pending;
        }
        let deadline = self.deadline;
        loop {
            let timer = self.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(deadline)));
            if timer.deadline() > deadline {
                timer.as_mut().reset(deadline);
            }
            ready!(timer.as_mut().poll(cx));
            let now = Instant::now();
            let deadline =
                if self.conn.busy() && self.filled == self.ready { now + self.times.idle } else { deadline };
            if now >= deadline {
                return Poll::Ready(());
            }
            timer.as_mut().reset(deadline);
            self.deadline = deadline;
        }
    }

    /// Passes on how a write went; an error once the peer has taken nothing for too long.
    fn written(&mut self, cx: &mut Context<'_>, result: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if result.is_ready() {
            self.stalled = None;
            return result;
        }
        let limit = self.times.write;
        let stalled = self.stalled.get_or_insert_with(|| Box::pin(tokio::time::sleep(limit)));
        ready!(stalled.as_mut().poll(cx));
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the peer takes nothing")))
    }

    fn waiting_since_now(&mut self) {
        if self.filled == self.ready && matches!(self.state, State::Head(_)) {
            self.deadline = Instant::now() + self.times.idle;
        }
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> AsyncRead for Guard<T> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, out: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.start == this.filled {
            match &mut this.state {
                State::Through => return Pin::new(&mut this.io).poll_read(cx, out),
                State::Length(left) => {
                    // Large bodies are not copied twice, and never read beyond their end.
                    let room = usize::try_from(*left).unwrap_or(usize::MAX).min(out.remaining());
                    let mut part = ReadBuf::new(out.initialize_unfilled_to(room));
                    ready!(Pin::new(&mut this.io).poll_read(cx, &mut part))?;
                    let n = part.filled().len();
                    out.advance(n);
                    *left -= n as u64;
                    if *left == 0 {
                        this.state = State::Head(HeadReader::default());
                    }
                    return Poll::Ready(Ok(()));
                }
                _ => this.waiting_since_now(),
            }
        }
        loop {
            if this.filled == 0
                && !this.eof
                && matches!(this.state, State::Head(_))
                && out.remaining() >= READ / 2
            {
                match this.poll_head(cx, out)? {
                    Poll::Ready((_, true)) => return Poll::Ready(Ok(())),
                    Poll::Ready((true, false)) => {}
                    Poll::Ready((false, false)) => {
                        this.eof = true;
                        return Poll::Ready(Ok(()));
                    }
                    Poll::Pending => {
                        ready!(this.poll_late(cx));
                        this.eof = true;
                        return Poll::Ready(Ok(()));
                    }
                }
            }
            if this.start < this.ready || this.check()? {
                this.hand_on(out);
                return Poll::Ready(Ok(()));
            }
            if this.eof {
                return Poll::Ready(Ok(()));
            }
            match &this.state {
                State::Refused | State::Lingering(..) => return Poll::Pending,
                _ => {}
            }
            match this.poll_fill(cx) {
                Poll::Ready(Ok(true)) => {}
                Poll::Ready(Ok(false)) => {
                    this.eof = true;
                    return Poll::Ready(Ok(()));
                }
                Poll::Ready(Err(e)) => return Poll::Ready(Err(e)),
                Poll::Pending => {
                    ready!(this.poll_late(cx));
                    if this.filled == this.ready {
                        this.eof = true;
                        return Poll::Ready(Ok(()));
                    }
                    this.refuse(Fault::Timeout);
                }
            }
        }
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Guard<T> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let result = Pin::new(&mut this.io).poll_write(cx, buf);
        this.written(cx, result)
    }
    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let result = lgsp_provider::poll_write_parts(Pin::new(&mut this.io), cx, bufs);
        this.written(cx, result)
    }
    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }
    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_flush(cx)
    }
    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if !matches!(this.state, State::Lingering(..)) {
            ready!(Pin::new(&mut this.io).poll_shutdown(cx))?;
            let clean = this.eof
                || (matches!(this.state, State::Head(_) | State::Through) && this.start == this.filled);
            if clean {
                return Poll::Ready(Ok(()));
            }
            this.state = State::Lingering(LINGER_BYTES, Box::pin(tokio::time::sleep(LINGER_TIME)));
            this.bytes.resize(READ, 0);
        }
        let State::Lingering(left, timer) = &mut this.state else { return Poll::Ready(Ok(())) };
        loop {
            if *left == 0 || timer.as_mut().poll(cx).is_ready() {
                return Poll::Ready(Ok(()));
            }
            let mut buf = ReadBuf::new(&mut this.bytes);
            match Pin::new(&mut this.io).poll_read(cx, &mut buf) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Err(_)) => return Poll::Ready(Ok(())),
                Poll::Ready(Ok(())) if buf.filled().is_empty() => return Poll::Ready(Ok(())),
                Poll::Ready(Ok(())) => *left = left.saturating_sub(buf.filled().len()),
            }
        }
    }
}
