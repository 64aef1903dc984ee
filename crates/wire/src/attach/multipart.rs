//! Parts of a `multipart/...` body as its bytes come (RFC 2046, 5.1). What readers could split in another way is refused.

use super::{AttachFault, PART_HEAD_MAX, PartHead, delimiter, is_boundary};
use bytes::Bytes;
use memchr::memmem;

/// Parts of one message, the document included.
pub const PARTS_MAX: usize = 100;
/// Blanks behind a boundary: RFC 2046 sets no bound, and no writer adds any.
pub const PADDING_MAX: usize = 64;

/// What a body is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PartEvent {
    /// A part begins.
    Head(PartHead),
    /// Some of its bytes, as they are; not decoded.
    Data(Bytes),
    /// It ends.
    End,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Preamble,
    Head,
    Body,
    Epilogue,
}

/// Reads a body. Holds at most the header lines of a part, or a boundary and the blanks behind it.
#[derive(Debug)]
pub struct MultipartReader {
    finder: memmem::Finder<'static>,
    /// `--boundary`.
    line: Vec<u8>,
    held: Vec<u8>,
    state: State,
    parts: usize,
    /// Bytes before those held.
    at: u64,
    /// The two bytes before those held count as a line end: at the start, and behind header lines.
    fresh: bool,
}

/// What stands behind a hit of the boundary.
enum After {
    /// Too few bytes to tell.
    Open,
    /// A boundary: the bytes up to the next line, and whether it is the last one.
    Boundary(usize, bool),
    /// Some readers would take it for one.
    Ambiguous,
}

impl MultipartReader {
    /// A reader for the boundary of the content type.
    pub fn new(boundary: &str) -> Result<Self, AttachFault> {
        if !is_boundary(boundary) {
            return Err(AttachFault::Boundary);
        }
        let line = delimiter(boundary);
        let finder = memmem::Finder::new(&line).into_owned();
        Ok(Self { finder, line, held: Vec::new(), state: State::Preamble, parts: 0, at: 0, fresh: true })
    }

    /// Takes the next bytes.
    pub fn push(&mut self, input: &[u8], out: &mut Vec<PartEvent>) -> Result<(), AttachFault> {
        self.held.extend_from_slice(input);
        self.run(false, out)
    }

    /// Says that there are no more.
    pub fn finish(&mut self, out: &mut Vec<PartEvent>) -> Result<(), AttachFault> {
        self.run(true, out)?;
        if self.state == State::Epilogue {
            Ok(())
        } else {
            Err(AttachFault::Truncated("the closing boundary"))
        }
    }

    /// Bytes held at the moment.
    pub fn held(&self) -> usize {
        self.held.len()
    }

    fn run(&mut self, last: bool, out: &mut Vec<PartEvent>) -> Result<(), AttachFault> {
        loop {
            let more = match self.state {
                State::Preamble | State::Body => self.content(last, out)?,
                State::Head => self.head(out)?,
                State::Epilogue => {
                    if !self.held.trim_ascii().is_empty() {
                        return Err(AttachFault::Trailing);
                    }
                    self.take(self.held.len());
                    false
                }
            };
            if !more {
                return Ok(());
            }
        }
    }

    fn take(&mut self, n: usize) {
        self.held.drain(..n);
        self.at += n as u64;
    }

    fn give(&mut self, n: usize, out: &mut Vec<PartEvent>) {
        if self.state == State::Body && n > 0 {
            out.push(PartEvent::Data(Bytes::copy_from_slice(&self.held[..n])));
        }
    }

    /// Content up to a boundary. Whether to go on.
    fn content(&mut self, last: bool, out: &mut Vec<PartEvent>) -> Result<bool, AttachFault> {
        let mut from = 0;
        while let Some(hit) = self.finder.find(&self.held[from..]).map(|i| from + i) {
            let before = &self.held[..hit];
            let ended = before.ends_with(b"\r\n") || (hit == 0 && self.fresh);
            if !ended {
                if before.ends_with(b"\n") || before.ends_with(b"\r") {
                    return Err(AttachFault::Ambiguous(self.at + hit as u64));
                }
                from = hit + 1;
                continue;
            }
            match after(&self.held[hit + self.line.len()..], last) {
                After::Ambiguous => return Err(AttachFault::Ambiguous(self.at + hit as u64)),
                After::Open => {
                    // The line end before it may belong to it.
                    let sure = hit.saturating_sub(2);
                    self.pass(sure, out);
                    return Ok(false);
                }
                After::Boundary(len, closing) => {
                    self.boundary(hit, len, closing, out)?;
                    return Ok(true);
                }
            }
        }
        // A boundary and the line end before it may begin in what was read.
        let keep = (self.line.len() + 1).min(self.held.len());
        self.pass(self.held.len() - keep, out);
        Ok(false)
    }

    fn pass(&mut self, n: usize, out: &mut Vec<PartEvent>) {
        if n > 0 {
            self.give(n, out);
            self.take(n);
            self.fresh = false;
        }
    }

    fn boundary(
        &mut self,
        hit: usize,
        len: usize,
        closing: bool,
        out: &mut Vec<PartEvent>,
    ) -> Result<(), AttachFault> {
        if self.state == State::Body {
            // The line end before a boundary belongs to it. A part without any bytes has none of its own.
            self.give(hit.saturating_sub(2), out);
            out.push(PartEvent::End);
        }
        self.take(hit + self.line.len() + len);
        if closing {
            if self.parts == 0 {
                return Err(AttachFault::Truncated("the first part"));
            }
            self.state = State::Epilogue;
            return Ok(());
        }
        if self.parts == PARTS_MAX {
            return Err(AttachFault::Parts);
        }
        self.parts += 1;
        self.state = State::Head;
        Ok(())
    }

    /// The header lines of a part. Whether to go on.
    fn head(&mut self, out: &mut Vec<PartEvent>) -> Result<bool, AttachFault> {
        let index = self.parts - 1;
        // Without header lines a part begins with the empty line.
        let (head, len) = if self.held.starts_with(b"\r\n") {
            (0, 2)
        } else {
            match memmem::find(&self.held, b"\r\n\r\n") {
                Some(end) if end <= PART_HEAD_MAX => (end, end + 4),
                None if self.held.len() < PART_HEAD_MAX + 4 => return Ok(false),
                _ => return Err(AttachFault::Head(index)),
            }
        };
        out.push(PartEvent::Head(PartHead::parse(&self.held[..head], index)?));
        self.take(len);
        (self.state, self.fresh) = (State::Body, true);
        Ok(true)
    }
}

/// What follows `--boundary`.
fn after(rest: &[u8], last: bool) -> After {
    let (closing, blanks) = match rest {
        [b'-', b'-', blanks @ ..] => (true, blanks),
        [] | [b'-'] if !last => return After::Open,
        _ => (false, rest),
    };
    let padding = blanks.iter().take_while(|b| matches!(b, b' ' | b'\t')).count();
    if padding > PADDING_MAX {
        return After::Ambiguous;
    }
    let len = if closing { 2 } else { 0 } + padding;
    match &blanks[padding..] {
        [b'\r', b'\n', ..] => After::Boundary(len + 2, closing),
        [] if closing && last => After::Boundary(len, true),
        [] | [b'\r'] if !last => After::Open,
        _ => After::Ambiguous,
    }
}
