//! What pool and worker say to each other over the worker's standard input and output: a head in JSON and two bodies of bytes, each
//! with its length before it. No knowledge of mappings being run.

use crate::mapping::CallVars;
use crate::tables::Tables;
use serde::{Deserialize, Serialize};
use std::io::{self, Read, Write};

/// A part longer than this is nonsense, not a message.
pub const MAX_PART: u32 = 1 << 30;

/// From the pool.
#[derive(Debug, Serialize, Deserialize)]
pub enum Ask {
    /// First: what the worker may have.
    Start {
        /// Bytes of memory beyond those in use.
        memory: u64,
    },
    /// A mapping to compile and keep.
    Prepare {
        /// Its digest.
        digest: String,
        /// Its text.
        text: String,
        /// Its tables.
        tables: Tables,
    },
    /// A message: the first body, and the request that it answers, the second.
    Run {
        /// The mapping's digest.
        digest: String,
        /// `$call`.
        call: CallVars,
        /// Whether there is a second body.
        request: bool,
        /// Bytes of the result.
        output: usize,
    },
}

/// From the worker.
#[derive(Debug, Serialize, Deserialize)]
pub enum Answer {
    /// Started, or compiled.
    Ready,
    /// The result is the first body.
    Done,
    /// The mapping is not kept here: it has to be prepared first.
    Unknown,
    /// It failed.
    Failed {
        /// See `MapError::Failed`.
        line: u32,
        /// See `MapError::Failed`.
        field: String,
        /// See `MapError::Failed`.
        message: String,
    },
    /// The result is too large; the worker ends.
    Output,
}

/// Head and lengths, as they go before the bodies.
pub fn head<T: Serialize>(head: &T, first: usize, second: usize) -> io::Result<Vec<u8>> {
    let json = serde_json::to_vec(head)?;
    let mut bytes = Vec::with_capacity(12 + json.len());
    for length in [json.len(), first, second] {
        let length = u32::try_from(length).ok().filter(|l| *l <= MAX_PART);
        let length =
            length.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "a part is too long"))?;
        bytes.extend_from_slice(&length.to_le_bytes());
    }
    bytes.extend_from_slice(&json);
    Ok(bytes)
}

/// The three lengths.
pub fn lengths(bytes: [u8; 12]) -> io::Result<[usize; 3]> {
    let mut lengths = [0; 3];
    for (length, part) in lengths.iter_mut().zip(bytes.chunks_exact(4)) {
        let value = part.try_into().map(u32::from_le_bytes).unwrap_or(u32::MAX);
        if value > MAX_PART {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "a part is too long"));
        }
        *length = value as usize;
    }
    Ok(lengths)
}

/// Writes an answer.
pub fn write(to: &mut impl Write, answer: &Answer, body: &[u8]) -> io::Result<()> {
    to.write_all(&head(answer, body.len(), 0)?)?;
    to.write_all(body)?;
    to.flush()
}

/// A question with its two bodies.
pub type Asked = (Ask, Vec<u8>, Vec<u8>);

/// Reads what the pool asks; none at the end.
pub fn read(from: &mut impl Read) -> io::Result<Option<Asked>> {
    let mut bytes = [0; 12];
    match from.read_exact(&mut bytes) {
        Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        other => other?,
    }
    let [head, first, second] = lengths(bytes)?;
    let mut part = |length: usize| {
        let mut part = vec![0; length];
        from.read_exact(&mut part).map(|()| part)
    };
    let (head, first, second) = (part(head)?, part(first)?, part(second)?);
    Ok(Some((serde_json::from_slice(&head)?, first, second)))
}
