//! The bytes of a segment file: the magic, and frames with length and checksum. `docs/protocol/message-log.md`, "Segment
//! files", is the specification. Not here: which frames follow which (`segment`).

use crate::hash::{ENTRY_LEN, EntryBytes, HASH_LEN, Hash, SALT_LEN};
use lgsp_kernel::{ExchangeId, Millis, bounds};
use uuid::Uuid;

/// What a segment file begins with.
pub const MAGIC: &[u8; 8] = b"lgspseg1";
/// What the payload of a group's last frame begins with, so that a group's end can be found behind damage.
pub const GROUP_MARK: &[u8; 8] = b"lgspgrp1";
/// Length, checksum, kind.
pub const FRAME_HEAD: usize = 4 + 4 + 1;
/// The longest record, bytes: a head's worth of names, statements and decisions is far below.
pub const RECORD_MAX: usize = 256 << 10;
/// The longest kept body, bytes: larger ones stream and are not collected.
pub const BODY_MAX: usize = bounds::COLLECT_MAX;
/// The most kept bodies of one entry.
pub const BODIES_MAX: usize = 4;
/// The longest payload of a frame, bytes.
pub const PAYLOAD_MAX: usize = BODY_MAX + 256;

const START: u8 = 1;
const ENTRY: u8 = 2;
pub(crate) const BODY: u8 = 3;
const ERASED: u8 = 4;
const GROUP: u8 = 5;

const HAS_EXCHANGE: u8 = 1;
const HAS_BODIES_UNTIL: u8 = 2;
const BODIES_ERASED: u8 = 4;

/// Which message a kept body is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BodyRole {
    /// The request's.
    Request,
    /// The answer's.
    Answer,
}

/// The first frame of a segment: where it stands in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Start {
    /// The epoch.
    pub epoch: u32,
    /// How often retention has rewritten the segment.
    pub rewrites: u32,
    /// Index of the first entry.
    pub first: u64,
    /// When the segment was begun.
    pub at: Millis,
    /// The peaks of the tree before the first entry, largest first.
    pub peaks: Vec<Hash>,
}

/// What of an entry stays whatever is erased.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EntryHead {
    /// Index in the tree.
    pub index: u64,
    /// The entry of the tree.
    pub entry: EntryBytes,
    /// The exchange that the record is of.
    pub exchange: Option<ExchangeId>,
    /// Number of bodies that were kept with it.
    pub bodies: u8,
}

/// A frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frame<'a> {
    /// Begins a segment.
    Start(Start),
    /// An entry with its content.
    Entry {
        /// What stays.
        head: EntryHead,
        /// Until when its bodies are kept.
        bodies_until: Option<Millis>,
        /// Whether retention erased its bodies.
        bodies_erased: bool,
        /// The salt of the commitment.
        salt: &'a [u8; SALT_LEN],
        /// The record.
        record: &'a [u8],
    },
    /// A kept body of the entry before.
    Body {
        /// Index of its entry.
        index: u64,
        /// Which message.
        role: BodyRole,
        /// The bytes.
        bytes: &'a [u8],
    },
    /// An entry whose record, salt and bodies were erased.
    Erased(EntryHead),
    /// Ends a group: what was made durable by one sync.
    Group {
        /// Index of the group's first entry.
        first: u64,
        /// When.
        at: Millis,
        /// Size of the tree.
        size: u64,
        /// Its root.
        root: Hash,
        /// The signed checkpoint.
        note: &'a str,
    },
}

/// Why bytes are no frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// The bytes end before the frame does: more of them could make it whole.
    #[error("the file ends inside a frame")]
    Short,
    /// A length that no frame has.
    #[error("a frame of impossible length")]
    Length,
    /// The checksum is another.
    #[error("the checksum of a frame does not match")]
    Checksum,
    /// Whole, but its parts make no sense.
    #[error("a frame whose parts make no sense")]
    Content,
}

fn checksum(kind: u8, payload: &[u8]) -> u32 {
    let mut h = crc32fast::Hasher::new();
    h.update(&[kind]);
    h.update(payload);
    h.finalize()
}

/// Appends a frame whose payload the closure appends.
fn put(out: &mut Vec<u8>, kind: u8, payload: impl FnOnce(&mut Vec<u8>)) {
    let at = out.len();
    out.extend([0; FRAME_HEAD]);
    out[at + 8] = kind;
    payload(out);
    let len = u32::try_from(out.len() - at - FRAME_HEAD).expect("callers bound records and bodies");
    let sum = checksum(kind, &out[at + FRAME_HEAD..]);
    out[at..at + 4].copy_from_slice(&len.to_be_bytes());
    out[at + 4..at + 8].copy_from_slice(&sum.to_be_bytes());
}

fn put_head(out: &mut Vec<u8>, head: &EntryHead, flags: u8, bodies_until: Option<Millis>) {
    out.extend(head.index.to_be_bytes());
    out.extend(head.entry);
    out.push(
        flags
            | if head.exchange.is_some() { HAS_EXCHANGE } else { 0 }
            | if bodies_until.is_some() { HAS_BODIES_UNTIL } else { 0 },
    );
    if let Some(id) = head.exchange {
        out.extend(id.bytes());
    }
    if let Some(until) = bodies_until {
        out.extend(until.0.to_be_bytes());
    }
    out.push(head.bodies);
}

impl Frame<'_> {
    /// Appends the frame to bytes.
    pub fn put(&self, out: &mut Vec<u8>) {
        match self {
            Frame::Start(s) => put(out, START, |out| {
                out.extend(s.epoch.to_be_bytes());
                out.extend(s.rewrites.to_be_bytes());
                out.extend(s.first.to_be_bytes());
                out.extend(s.at.0.to_be_bytes());
                s.peaks.iter().for_each(|p| out.extend(p.0));
            }),
            Frame::Entry { head, bodies_until, bodies_erased, salt, record } => put(out, ENTRY, |out| {
                put_head(out, head, if *bodies_erased { BODIES_ERASED } else { 0 }, *bodies_until);
                out.extend(*salt);
                out.extend(*record);
            }),
            Frame::Body { index, role, bytes } => put(out, BODY, |out| {
                out.extend(index.to_be_bytes());
                out.push(match role {
                    BodyRole::Request => 1,
                    BodyRole::Answer => 2,
                });
                out.extend(*bytes);
            }),
            Frame::Erased(head) => put(out, ERASED, |out| put_head(out, head, BODIES_ERASED, None)),
            Frame::Group { first, at, size, root, note } => put(out, GROUP, |out| {
                out.extend(GROUP_MARK);
                out.extend(first.to_be_bytes());
                out.extend(at.0.to_be_bytes());
                out.extend(size.to_be_bytes());
                out.extend(root.0);
                out.extend(note.as_bytes());
            }),
        }
    }
}

/// Reads fields one after the other.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn bytes<const N: usize>(&mut self) -> Result<&'a [u8; N], FrameError> {
        let (head, rest) = self.0.split_first_chunk().ok_or(FrameError::Content)?;
        self.0 = rest;
        Ok(head)
    }
    fn u8(&mut self) -> Result<u8, FrameError> {
        self.bytes::<1>().map(|b| b[0])
    }
    fn u32(&mut self) -> Result<u32, FrameError> {
        self.bytes().map(|b| u32::from_be_bytes(*b))
    }
    fn u64(&mut self) -> Result<u64, FrameError> {
        self.bytes().map(|b| u64::from_be_bytes(*b))
    }
    fn millis(&mut self) -> Result<Millis, FrameError> {
        self.bytes().map(|b| Millis(i64::from_be_bytes(*b)))
    }
    fn rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.0)
    }
    fn head(&mut self) -> Result<(EntryHead, u8, Option<Millis>), FrameError> {
        let index = self.u64()?;
        let entry = *self.bytes::<ENTRY_LEN>()?;
        let flags = self.u8()?;
        let exchange = match flags & HAS_EXCHANGE {
            0 => None,
            _ => Some(ExchangeId(Uuid::from_bytes(*self.bytes()?))),
        };
        let until = match flags & HAS_BODIES_UNTIL {
            0 => None,
            _ => Some(self.millis()?),
        };
        let bodies = self.u8()?;
        Ok((EntryHead { index, entry, exchange, bodies }, flags, until))
    }
}

/// The length of the frame that begins here, head included, if its length is possible.
pub fn frame_len(bytes: &[u8]) -> Result<usize, FrameError> {
    let len = bytes.first_chunk().map(|b| u32::from_be_bytes(*b) as usize).ok_or(FrameError::Short)?;
    if len == 0 || len > PAYLOAD_MAX {
        return Err(FrameError::Length);
    }
    Ok(FRAME_HEAD + len)
}

/// Reads the frame that begins here; says its length, head included.
pub fn read(bytes: &[u8]) -> Result<(Frame<'_>, usize), FrameError> {
    let whole = frame_len(bytes)?;
    let bytes = bytes.get(..whole).ok_or(FrameError::Short)?;
    let (head, payload) = bytes.split_at(FRAME_HEAD);
    let sum = u32::from_be_bytes([head[4], head[5], head[6], head[7]]);
    if sum != checksum(head[8], payload) {
        return Err(FrameError::Checksum);
    }
    read_payload(head[8], payload).map(|frame| (frame, whole))
}

/// Reads a frame that was just made, without its checksum.
pub(crate) fn read_trusted(bytes: &[u8]) -> Result<(Frame<'_>, usize), FrameError> {
    let whole = frame_len(bytes)?;
    let bytes = bytes.get(..whole).ok_or(FrameError::Short)?;
    read_payload(bytes[8], &bytes[FRAME_HEAD..]).map(|frame| (frame, whole))
}

fn read_payload(kind: u8, payload: &[u8]) -> Result<Frame<'_>, FrameError> {
    let mut f = Fields(payload);
    let frame = match kind {
        START => {
            let (epoch, rewrites, first, at) = (f.u32()?, f.u32()?, f.u64()?, f.millis()?);
            let (peaks, rest) = f.rest().as_chunks::<HASH_LEN>();
            if !rest.is_empty() || peaks.len() != first.count_ones() as usize {
                return Err(FrameError::Content);
            }
            Frame::Start(Start {
                epoch,
                rewrites,
                first,
                at,
                peaks: peaks.iter().map(|p| Hash(*p)).collect(),
            })
        }
        ENTRY => {
            let (head, flags, bodies_until) = f.head()?;
            let salt = f.bytes()?;
            let bodies_erased = flags & BODIES_ERASED != 0;
            Frame::Entry { head, bodies_until, bodies_erased, salt, record: f.rest() }
        }
        BODY => {
            let index = f.u64()?;
            let role = match f.u8()? {
                1 => BodyRole::Request,
                2 => BodyRole::Answer,
                _ => return Err(FrameError::Content),
            };
            Frame::Body { index, role, bytes: f.rest() }
        }
        ERASED => {
            let (head, _, _) = f.head()?;
            Frame::Erased(head)
        }
        GROUP => {
            if f.bytes::<8>()? != GROUP_MARK {
                return Err(FrameError::Content);
            }
            let (first, at, size) = (f.u64()?, f.millis()?, f.u64()?);
            let root = Hash(*f.bytes()?);
            let note = std::str::from_utf8(f.rest()).map_err(|_| FrameError::Content)?;
            Frame::Group { first, at, size, root, note }
        }
        _ => return Err(FrameError::Content),
    };
    if f.0.is_empty() { Ok(frame) } else { Err(FrameError::Content) }
}
