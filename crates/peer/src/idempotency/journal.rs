//! The ledger's file: frames in segments, appended in groups with one sync each, read back at the start. A frame is
//! `length u32 | crc32 u32 | group u64 | number in the group u32 | kind u8 | key 32 | exchange 16 | at i64 | content`, numbers little-endian, the
//! length that of what follows the checksum. A segment opens with [`NONCE_LEN`] random bytes that go into every checksum: a kept answer
//! cannot hold what would be taken for a frame. A power cut leaves at most the last group half written; anything else that does not read is
//! damage and is refused, since a key that is forgotten may be forwarded twice.

use super::{Ended, KeptAnswer, Key};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use lgsp_kernel::{ExchangeId, Millis};
use uuid::Uuid;

/// Bytes before the content.
const HEAD: usize = 8 + FIXED;
/// Bytes between the checksum and the content.
const FIXED: usize = 8 + 4 + 1 + 32 + 16 + 8;
/// Random bytes at the beginning of a segment.
pub const NONCE_LEN: usize = 16;
/// See [`NONCE_LEN`].
pub type Nonce = [u8; NONCE_LEN];
/// The largest frame, bytes: an answer at the collect limit and its head.
pub const FRAME_MAX: usize = lgsp_kernel::bounds::COLLECT_MAX + 2 * lgsp_kernel::bounds::HEAD_MAX + HEAD;

/// A frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// The group that it was written in.
    pub group: u64,
    /// Which of the group, from 0.
    pub number: u32,
    /// Whose.
    pub key: Key,
    /// The exchange.
    pub exchange: ExchangeId,
    /// When.
    pub at: Millis,
    /// What happened.
    pub what: What,
}

/// What a frame says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// The request, by its digest, is about to be forwarded.
    Begun([u8; 32]),
    /// How it ended.
    Ended(Ended),
}

/// Why bytes are no frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unreadable {
    /// They end early.
    Short,
    /// They are not what was written.
    Wrong,
}

fn checksum(nonce: &Nonce, bytes: &[u8]) -> u32 {
    let mut h = crc32fast::Hasher::new();
    h.update(nonce);
    h.update(bytes);
    h.finalize()
}

impl Frame {
    /// Appends the frame's bytes; says how many.
    pub fn put(&self, nonce: &Nonce, out: &mut Vec<u8>) -> u32 {
        let begin = out.len();
        out.extend([0; 8]);
        out.extend(self.group.to_le_bytes());
        out.extend(self.number.to_le_bytes());
        let kind = match &self.what {
            What::Begun(_) => 1,
            What::Ended(Ended::Answered(_)) => 2,
            What::Ended(Ended::AnsweredUnkept) => 3,
            What::Ended(Ended::NotForwarded) => 4,
            What::Ended(Ended::Unknown) => 5,
        };
        out.push(kind);
        out.extend(self.key.0);
        out.extend(self.exchange.0.as_bytes());
        out.extend(self.at.0.to_le_bytes());
        match &self.what {
            What::Begun(digest) => out.extend(digest),
            What::Ended(Ended::Answered(answer)) => put_answer(answer, out),
            What::Ended(_) => {}
        }
        let length = u32::try_from(out.len() - begin - 8).unwrap_or(u32::MAX);
        let crc = checksum(nonce, &out[begin + 8..]);
        out[begin..begin + 4].copy_from_slice(&length.to_le_bytes());
        out[begin + 4..begin + 8].copy_from_slice(&crc.to_le_bytes());
        length + 8
    }

    /// How many bytes it takes.
    pub fn length(&self) -> u32 {
        let content = match &self.what {
            What::Begun(_) => 32,
            What::Ended(Ended::Answered(a)) => {
                let lines: usize = a.headers.iter().map(|(n, v)| 8 + n.as_str().len() + v.len()).sum();
                6 + lines + a.body.len()
            }
            What::Ended(_) => 0,
        };
        u32::try_from(HEAD + content).unwrap_or(u32::MAX)
    }

    /// Reads the frame at the beginning of these bytes; says how long it is.
    pub fn read(nonce: &Nonce, bytes: &[u8]) -> Result<(Self, usize), Unreadable> {
        let mut r = Reader(bytes);
        let length = r.u32().ok_or(Unreadable::Short)? as usize;
        let crc = r.u32().ok_or(Unreadable::Short)?;
        if !(FIXED..=FRAME_MAX).contains(&length) {
            return Err(Unreadable::Wrong);
        }
        let rest = r.take(length).ok_or(Unreadable::Short)?;
        if checksum(nonce, rest) != crc {
            return Err(Unreadable::Wrong);
        }
        content(rest).map(|frame| (frame, 8 + length)).ok_or(Unreadable::Wrong)
    }
}

fn content(bytes: &[u8]) -> Option<Frame> {
    let mut r = Reader(bytes);
    let group = r.u64()?;
    let number = r.u32()?;
    let kind = r.take(1)?[0];
    let key = Key(*r.take(32)?.first_chunk()?);
    let exchange = ExchangeId(Uuid::from_bytes(*r.take(16)?.first_chunk()?));
    let at = Millis(r.u64()? as i64);
    let what = match kind {
        1 => What::Begun(*r.take(32)?.first_chunk()?),
        2 => What::Ended(Ended::Answered(read_answer(&mut r)?)),
        3 => What::Ended(Ended::AnsweredUnkept),
        4 => What::Ended(Ended::NotForwarded),
        5 => What::Ended(Ended::Unknown),
        _ => return None,
    };
    r.0.is_empty().then_some(Frame { group, number, key, exchange, at, what })
}

fn put_answer(answer: &KeptAnswer, out: &mut Vec<u8>) {
    out.extend(answer.status.to_le_bytes());
    out.extend((answer.headers.len() as u32).to_le_bytes());
    for (name, value) in &answer.headers {
        for part in [name.as_str().as_bytes(), value.as_bytes()] {
            out.extend((part.len() as u32).to_le_bytes());
            out.extend(part);
        }
    }
    out.extend(&answer.body);
}

fn read_answer(r: &mut Reader<'_>) -> Option<KeptAnswer> {
    let status = u16::from_le_bytes(*r.take(2)?.first_chunk()?);
    let count = r.u32()?;
    let mut headers = HeaderMap::new();
    for _ in 0..count {
        let length = r.u32()? as usize;
        let name = HeaderName::from_bytes(r.take(length)?).ok()?;
        let length = r.u32()? as usize;
        headers.append(name, HeaderValue::from_bytes(r.take(length)?).ok()?);
    }
    let body = Bytes::copy_from_slice(std::mem::take(&mut r.0));
    Some(KeptAnswer { status, headers, body })
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, n: usize) -> Option<&'a [u8]> {
        let (head, rest) = self.0.split_at_checked(n)?;
        self.0 = rest;
        Some(head)
    }
    fn u32(&mut self) -> Option<u32> {
        self.take(4).and_then(|b| b.first_chunk()).map(|b| u32::from_le_bytes(*b))
    }
    fn u64(&mut self) -> Option<u64> {
        self.take(8).and_then(|b| b.first_chunk()).map(|b| u64::from_le_bytes(*b))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::{Frame, Nonce, Unreadable, What};
    use crate::idempotency::{Ended, KeptAnswer, Key};
    use http::{HeaderMap, HeaderValue};
    use lgsp_kernel::{ExchangeId, Millis};
    use proptest::prelude::*;

    const NONCE: Nonce = [9; 16];

    fn frame(what: What) -> Frame {
        let exchange = ExchangeId::at(Millis(1_767_000_000_000), [5; 10]);
        Frame {
            group: 7,
            number: 2,
            key: Key::new("a/H01/x", "k"),
            exchange,
            at: Millis(1_767_000_000_123),
            what,
        }
    }

    fn answer() -> KeptAnswer {
        let mut headers = HeaderMap::new();
        headers.append("x-a", HeaderValue::from_static("1"));
        headers.append("x-a", HeaderValue::from_bytes("ế".as_bytes()).unwrap());
        KeptAnswer { status: 201, headers, body: bytes::Bytes::from_static(b"{}") }
    }

    #[test]
    fn every_frame_reads_back_and_no_changed_byte_does() {
        let all = [
            What::Begun([3; 32]),
            What::Ended(Ended::Answered(answer())),
            What::Ended(Ended::AnsweredUnkept),
            What::Ended(Ended::NotForwarded),
            What::Ended(Ended::Unknown),
        ];
        for what in all {
            let frame = frame(what);
            let mut bytes = Vec::new();
            let length = frame.put(&NONCE, &mut bytes);
            assert_eq!((length as usize, frame.length() as usize), (bytes.len(), bytes.len()));
            assert_eq!(Frame::read(&NONCE, &bytes), Ok((frame.clone(), bytes.len())));
            for i in 0..bytes.len() {
                let mut changed = bytes.clone();
                changed[i] ^= 0x40;
                assert_ne!(Frame::read(&NONCE, &changed).map(|f| f.0), Ok(frame.clone()), "byte {i}");
            }
            for n in 0..bytes.len() {
                assert_eq!(Frame::read(&NONCE, &bytes[..n]), Err(Unreadable::Short), "{n} bytes");
            }
            assert_eq!(Frame::read(&[8; 16], &bytes), Err(Unreadable::Wrong), "written for another segment");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Frame::read(&NONCE, &bytes);
            let _ = super::content(&bytes);
        }
    }

    #[test]
    fn senders_do_not_share_keys() {
        assert_ne!(Key::new("a", "bc"), Key::new("ab", "c"));
        assert_ne!(Key::new("a", "b"), Key::new("b", "b"));
    }
}
