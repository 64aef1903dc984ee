//! The index beside a sealed segment: exchange id to position, sorted, and what the segment holds in sum. Derived: it is rebuilt
//! when it is missing or of another version of the segment. Not here: searching across segments (`archive`).

use crate::disk::{Disk, DiskFile, Mode};
use crate::draft::is_document;
use crate::frame::Frame;
use crate::segment::{ReadError, SegmentReader, index_path};
use lgsp_kernel::ExchangeId;
use std::io;
use std::path::Path;
use uuid::Uuid;

const MAGIC: &[u8; 8] = b"lgspidx1";
/// Bytes of one row: id, index, offset.
const ROW: usize = 16 + 8 + 8;
/// Bytes before the rows.
const HEAD: usize = 8 + 12 * 8 + 4;

/// One entry of an exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Row {
    /// The exchange.
    pub exchange: ExchangeId,
    /// Index in the tree.
    pub index: u64,
    /// Offset of its frame in the segment.
    pub offset: u64,
}

/// What a segment holds in sum.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stats {
    /// Version of the segment: how often it was rewritten.
    pub rewrites: u64,
    /// Offset behind the last whole group.
    pub end: u64,
    /// Index of the first entry.
    pub first: u64,
    /// Index after the last entry.
    pub next: u64,
    /// Time of the first group, ms.
    pub first_at: i64,
    /// Time of the last group, ms.
    pub last_at: i64,
    /// Bytes of records with their frames.
    pub record_bytes: u64,
    /// Bytes of kept bodies with their frames.
    pub body_bytes: u64,
    /// Entries whose record is there and may be erased (those of exchanges).
    pub records: u64,
    /// Kept bodies that are there.
    pub bodies: u64,
    /// The earliest moment at which a kept body is due, ms; `i64::MAX` for none.
    pub bodies_due: i64,
}

/// Gathers rows and sums while a segment is written or read.
#[derive(Debug, Clone, Default)]
pub struct Collector {
    /// The rows.
    pub rows: Vec<Row>,
    /// The sums.
    pub stats: Stats,
    body_until: i64,
}

impl Collector {
    /// For a segment that begins here.
    pub fn new(first: u64, rewrites: u32) -> Self {
        let stats =
            Stats { first, next: first, rewrites: rewrites.into(), bodies_due: i64::MAX, ..Stats::default() };
        Self { rows: Vec::new(), stats, body_until: i64::MAX }
    }
    /// Takes a frame at this offset; `len` is its length.
    pub fn take(&mut self, frame: &Frame<'_>, offset: u64, len: u64) {
        match frame {
            Frame::Entry { head, bodies_until, .. } => {
                self.stats.record_bytes += len;
                self.body_until = bodies_until.map_or(i64::MAX, |u| u.0);
                if let Some(exchange) = head.exchange {
                    self.stats.records += u64::from(!is_document(exchange));
                    self.rows.push(Row { exchange, index: head.index, offset });
                }
            }
            Frame::Erased(head) => {
                if let Some(exchange) = head.exchange {
                    self.rows.push(Row { exchange, index: head.index, offset });
                }
            }
            Frame::Body { .. } => {
                self.stats.body_bytes += len;
                self.stats.bodies += 1;
                self.stats.bodies_due = self.stats.bodies_due.min(self.body_until);
            }
            Frame::Group { at, size, .. } => {
                if self.stats.next == self.stats.first {
                    self.stats.first_at = at.0;
                }
                self.stats.last_at = at.0;
                self.stats.next = *size;
                self.stats.end = offset + len;
            }
            Frame::Start(_) => {}
        }
    }
    /// Reads a segment through, up to its last whole group.
    pub fn read(disk: &Disk, path: &Path) -> Result<Self, ReadError> {
        let mut reader = SegmentReader::open(disk, path)?;
        let mut whole = Self::new(reader.start().first, reader.start().rewrites);
        whole.read_on(&mut reader)?;
        Ok(whole)
    }
    /// Takes the whole groups that follow; what is not a whole group is left out.
    pub fn read_on(&mut self, reader: &mut SegmentReader) -> Result<(), ReadError> {
        let (mut rows, mut stats) = (self.rows.len(), self.stats);
        let ended = loop {
            match reader.read_frame() {
                Ok(Some(found)) => {
                    self.take(&found.frame, found.offset, found.end - found.offset);
                    if matches!(found.frame, Frame::Group { .. }) {
                        (rows, stats) = (self.rows.len(), self.stats);
                    }
                }
                Ok(None) | Err(ReadError::Damage(_)) => break Ok(()),
                Err(e) => break Err(e),
            }
        };
        self.rows.truncate(rows);
        self.stats = stats;
        ended
    }
    /// Writes the index beside the segment, durably.
    pub fn write(&self, disk: &Disk, segment: &Path) -> io::Result<()> {
        let mut rows = self.rows.clone();
        rows.sort_unstable();
        let mut out = self.stats.head(rows.len() as u64);
        for r in &rows {
            out.extend(r.exchange.bytes());
            out.extend(r.index.to_be_bytes());
            out.extend(r.offset.to_be_bytes());
        }
        disk.replace(&index_path(segment), &out, true)
    }
}

impl Stats {
    fn head(&self, rows: u64) -> Vec<u8> {
        let mut out = MAGIC.to_vec();
        let numbers = [
            self.rewrites,
            self.end,
            self.first,
            self.next,
            self.first_at as u64,
            self.last_at as u64,
            self.record_bytes,
            self.body_bytes,
            self.records,
            self.bodies,
            self.bodies_due as u64,
            rows,
        ];
        numbers.iter().for_each(|n| out.extend(n.to_be_bytes()));
        let sum = crc32fast::hash(&out);
        out.extend(sum.to_be_bytes());
        out
    }
    fn read_head(head: &[u8; HEAD]) -> Option<(Self, u64)> {
        let (body, sum) = head.split_at(HEAD - 4);
        if body[..8] != *MAGIC || crc32fast::hash(body).to_be_bytes() != *sum {
            return None;
        }
        let n = |i: usize| body[8 + i * 8..].first_chunk().map_or(0, |b| u64::from_be_bytes(*b));
        let stats = Self {
            rewrites: n(0),
            end: n(1),
            first: n(2),
            next: n(3),
            first_at: n(4) as i64,
            last_at: n(5) as i64,
            record_bytes: n(6),
            body_bytes: n(7),
            records: n(8),
            bodies: n(9),
            bodies_due: n(10) as i64,
        };
        Some((stats, n(11)))
    }
}

/// The rows of a segment: in a file, or in memory.
#[derive(Debug)]
enum Rows {
    File(DiskFile, u64),
    Memory(Vec<Row>),
}

/// An index, open.
#[derive(Debug)]
pub struct Index {
    /// What the segment holds in sum.
    pub stats: Stats,
    rows: Rows,
    /// The smallest and the largest exchange id: ids begin with their time, so this tells most segments apart.
    range: Option<(ExchangeId, ExchangeId)>,
}

impl Index {
    /// Opens the index beside a segment; where there is none that fits, reads the segment.
    pub fn open(disk: &Disk, segment: &Path) -> Result<Self, ReadError> {
        let reader = SegmentReader::open(disk, segment)?;
        let rewrites = reader.start().rewrites;
        let len = reader.file().len().map_err(|e| ReadError::Io(segment.to_owned(), e))?;
        match Self::open_file(disk, &index_path(segment)) {
            Some(index) if index.stats.rewrites == u64::from(rewrites) && index.stats.end == len => Ok(index),
            _ => Collector::read(disk, segment).map(Self::of),
        }
    }
    /// The index of what was gathered.
    pub fn of(mut whole: Collector) -> Self {
        whole.rows.sort_unstable();
        let range = whole.rows.first().zip(whole.rows.last()).map(|(a, b)| (a.exchange, b.exchange));
        Self { stats: whole.stats, rows: Rows::Memory(whole.rows), range }
    }
    fn open_file(disk: &Disk, path: &Path) -> Option<Self> {
        let file = disk.open(path, Mode::Read).ok()?;
        let mut head = [0; HEAD];
        if file.read_at(&mut head, 0).ok()? != HEAD {
            return None;
        }
        let (stats, count) = Stats::read_head(&head)?;
        if file.len().ok()? != HEAD as u64 + count.checked_mul(ROW as u64)? {
            return None;
        }
        let mut index = Self { stats, rows: Rows::File(file, count), range: None };
        if count > 0 {
            index.range = Some((index.row(0)?.exchange, index.row(count - 1)?.exchange));
        }
        Some(index)
    }
    fn len(&self) -> u64 {
        match &self.rows {
            Rows::File(_, count) => *count,
            Rows::Memory(rows) => rows.len() as u64,
        }
    }
    fn row(&self, n: u64) -> Option<Row> {
        let file = match &self.rows {
            Rows::Memory(rows) => return rows.get(n as usize).copied(),
            Rows::File(file, _) => file,
        };
        let mut b = [0; ROW];
        let got = file.read_at(&mut b, HEAD as u64 + n * ROW as u64).ok()?;
        let number = |at: usize| b[at..].first_chunk().map(|b| u64::from_be_bytes(*b));
        let id = Uuid::from_slice(&b[..16]).ok()?;
        (got == ROW).then_some(Row { exchange: ExchangeId(id), index: number(16)?, offset: number(24)? })
    }
    /// All rows, sorted.
    pub fn rows(&self) -> Vec<Row> {
        (0..self.len()).map_while(|n| self.row(n)).collect()
    }
    /// The rows of an exchange, by index.
    pub fn find(&self, exchange: ExchangeId) -> Vec<Row> {
        if !self.range.is_some_and(|(low, high)| (low..=high).contains(&exchange)) {
            return Vec::new();
        }
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = low + (high - low) / 2;
            match self.row(middle) {
                Some(row) if row.exchange < exchange => low = middle + 1,
                _ => high = middle,
            }
        }
        (low..self.len()).map_while(|n| self.row(n)).take_while(|r| r.exchange == exchange).collect()
    }
}
