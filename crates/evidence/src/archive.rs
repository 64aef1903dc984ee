//! Reading the log, while another process may be writing it: entries by exchange and by index. Not here: search, verification,
//! proofs, retention, which build on this.

use crate::disk::{Disk, Mode};
use crate::draft::Position;
use crate::epoch::origin;
use crate::frame::{BodyRole, EntryHead, Frame};
use crate::hash::{self, EntryBytes, Hash, SALT_LEN};
use crate::hashes::Hashes;
use crate::index::{Collector, Index, Row};
use crate::note::{Checkpoint, NOTE_MAX};
use crate::segment::{
    Damage, Found as FrameFound, ReadError, SegmentReader, epoch_dir, epochs, segment_path, segments,
    segments_dir,
};
use bytes::Bytes;
use lgsp_kernel::{ExchangeId, Millis};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The most entries of one exchange that are returned: a request, an answer, openings and closings.
pub const FOUND_MAX: usize = 64;

/// Why the log could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// The disk failed.
    #[error("{0}: {1}")]
    Io(PathBuf, #[source] io::Error),
    /// A file is damaged.
    #[error("{0}; verify the log")]
    Damaged(#[from] Damage),
    /// There is no such log, epoch or entry.
    #[error("{0}")]
    Missing(String),
    /// The files contradict each other.
    #[error("the log's files do not fit together: {0}; verify the log")]
    Broken(String),
}

impl From<ReadError> for ArchiveError {
    fn from(e: ReadError) -> Self {
        match e {
            ReadError::Io(path, e) => Self::Io(path, e),
            ReadError::Damage(d) => Self::Damaged(d),
        }
    }
}

/// What of an entry can be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Where it stands.
    pub position: Position,
    /// The entry of the tree.
    pub entry: EntryBytes,
    /// The exchange, where it is of one.
    pub exchange: Option<ExchangeId>,
    /// Record and salt; none if they were erased.
    pub content: Option<Content>,
    /// Number of bodies that were kept with it.
    pub bodies_kept: u8,
    /// Whether its bodies were erased.
    pub bodies_erased: bool,
    /// The bodies that are there.
    pub bodies: Vec<(BodyRole, Bytes)>,
    /// The segment file.
    pub path: PathBuf,
    /// Where in it.
    pub offset: u64,
}

/// What opens a commitment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content {
    /// The salt.
    pub salt: [u8; SALT_LEN],
    /// The record, JSON.
    pub record: Bytes,
    /// Until when bodies are kept.
    pub bodies_until: Option<Millis>,
}

impl Found {
    /// The record's bytes; none if they were erased.
    pub fn record(&self) -> Option<&Bytes> {
        self.content.as_ref().map(|c| &c.record)
    }
}

/// A log, for reading.
#[derive(Debug)]
pub struct Archive {
    pub(crate) disk: Disk,
    pub(crate) dir: PathBuf,
    indexes: Mutex<HashMap<PathBuf, Arc<Index>>>,
    /// What was read of the last segment so far.
    growing: Mutex<Option<(PathBuf, Collector)>>,
}

/// How many indexes of sealed segments are kept open.
const INDEXES_MAX: usize = 4096;

impl Archive {
    /// A log's folder.
    pub fn open(dir: impl Into<PathBuf>) -> Self {
        Self::open_on(Disk::Real, dir)
    }
    /// The same on a disk of choice.
    pub fn open_on(disk: Disk, dir: impl Into<PathBuf>) -> Self {
        Self { disk, dir: dir.into(), indexes: Mutex::default(), growing: Mutex::default() }
    }
    fn io(&self, e: io::Error) -> ArchiveError {
        ArchiveError::Io(self.dir.clone(), e)
    }
    /// The epochs, ascending.
    pub fn epochs(&self) -> Result<Vec<u32>, ArchiveError> {
        epochs(&self.disk, &self.dir).map_err(|e| self.io(e))
    }
    /// The folder of an epoch.
    pub fn epoch_dir(&self, epoch: u32) -> PathBuf {
        epoch_dir(&self.dir, epoch)
    }
    /// The first indexes of an epoch's segments, ascending.
    pub fn segments(&self, epoch: u32) -> Result<Vec<u64>, ArchiveError> {
        segments(&self.disk, &self.epoch_dir(epoch)).map_err(|e| self.io(e))
    }
    /// The file of a segment.
    pub fn segment_path(&self, epoch: u32, first: u64) -> PathBuf {
        segment_path(&self.epoch_dir(epoch), first)
    }

    /// The checkpoint in the `checkpoint` file, its signature NOT checked; none if there is no such file yet.
    pub fn published(&self, epoch: u32) -> Result<Option<Checkpoint>, ArchiveError> {
        let path = self.epoch_dir(epoch).join("checkpoint");
        let bytes = self.disk.read(&path, NOTE_MAX as u64).map_err(|e| ArchiveError::Io(path.clone(), e))?;
        let Some(bytes) = bytes else { return Ok(None) };
        let note = String::from_utf8(bytes).ok().and_then(|n| Checkpoint::read_unchecked(&n).ok());
        note.map(Some).ok_or_else(|| ArchiveError::Broken(format!("{} holds no checkpoint", path.display())))
    }

    /// The checkpoint of the last group in an epoch, made durable before it is returned: what is proven with it must not
    /// vanish with the power. Its signature is NOT checked.
    pub fn head(&self, epoch: u32) -> Result<Option<Checkpoint>, ArchiveError> {
        for first in self.segments(epoch)?.into_iter().rev() {
            let path = self.segment_path(epoch, first);
            let mut reader = match SegmentReader::open(&self.disk, &path) {
                // Begun this moment.
                Err(ReadError::Damage(_)) => continue,
                other => other?,
            };
            let mut last = None;
            loop {
                match reader.read_frame() {
                    Ok(Some(FrameFound { frame: Frame::Group { note, .. }, .. })) => {
                        last = Some(note.to_owned())
                    }
                    Ok(Some(_)) => {}
                    Ok(None) | Err(ReadError::Damage(_)) => break,
                    Err(e) => return Err(e.into()),
                }
            }
            let Some(note) = last else { continue };
            let durable = reader
                .file()
                .sync_data()
                .and_then(|()| self.disk.sync_dir(&segments_dir(&self.epoch_dir(epoch))));
            if durable.is_err() {
                return self.published(epoch);
            }
            let broken =
                |_| ArchiveError::Broken(format!("{}: the last group holds no checkpoint", path.display()));
            return Checkpoint::read_unchecked(&note).map(Some).map_err(broken);
        }
        self.published(epoch)
    }

    /// The index of the last segment, which grows: what came since the last time is read.
    fn growing(&self, path: &Path) -> Result<Index, ArchiveError> {
        let mut growing = self.growing.lock();
        let mut reader = SegmentReader::open(&self.disk, path)?;
        let rewrites = reader.start().rewrites;
        let known = growing.take().filter(|(p, c)| p == path && c.stats.rewrites == u64::from(rewrites));
        let mut collector = known.map_or_else(|| Collector::new(reader.start().first, rewrites), |(_, c)| c);
        if collector.stats.end > 0 {
            reader.seek(collector.stats.end);
        }
        collector.read_on(&mut reader)?;
        let index = Index::of(collector.clone());
        *growing = Some((path.to_owned(), collector));
        Ok(index)
    }

    /// The index of a segment.
    pub(crate) fn index(&self, path: &Path, is_last: bool) -> Result<Arc<Index>, ArchiveError> {
        if is_last {
            return self.growing(path).map(Arc::new);
        }
        let known = self.indexes.lock().get(path).cloned();
        let reader = SegmentReader::open(&self.disk, path)?;
        if let Some(index) = known
            && index.stats.rewrites == u64::from(reader.start().rewrites)
        {
            return Ok(index);
        }
        let index = Arc::new(Index::open(&self.disk, path)?);
        let mut indexes = self.indexes.lock();
        if indexes.len() >= INDEXES_MAX {
            indexes.clear();
        }
        indexes.insert(path.to_owned(), index.clone());
        Ok(index)
    }

    /// The entries of an exchange, oldest first.
    pub fn find(&self, exchange: ExchangeId) -> Result<Vec<Found>, ArchiveError> {
        let mut found = Vec::new();
        for epoch in self.epochs()? {
            let firsts = self.segments(epoch)?;
            for (i, first) in firsts.iter().enumerate() {
                let path = self.segment_path(epoch, *first);
                let index = match self.index(&path, i + 1 == firsts.len()) {
                    // The last segment may be begun this moment.
                    Err(ArchiveError::Damaged(_)) if i + 1 == firsts.len() => continue,
                    other => other?,
                };
                for row in index.find(exchange).iter().take(FOUND_MAX) {
                    found.push(self.read_at(epoch, &path, row)?);
                }
            }
        }
        found.truncate(FOUND_MAX);
        Ok(found)
    }

    fn read_at(&self, epoch: u32, path: &Path, row: &Row) -> Result<Found, ArchiveError> {
        let mut reader = SegmentReader::open(&self.disk, path)?;
        reader.seek(row.offset);
        let mut entries = EntryReader { epoch, reader, pending: None };
        let found = entries.next_entry()?;
        found.filter(|f| f.position.index == row.index && f.exchange == Some(row.exchange)).ok_or_else(|| {
            ArchiveError::Broken(format!("the index beside {} does not fit the segment", path.display()))
        })
    }

    /// The entries of an epoch in this range, in order. Streams: one entry is in memory at a time.
    pub fn entries(&self, epoch: u32, range: Range<u64>) -> Result<Entries<'_>, ArchiveError> {
        let firsts = self.segments(epoch)?;
        let from = firsts.partition_point(|f| *f <= range.start).saturating_sub(1);
        let rest =
            firsts[from.min(firsts.len())..].iter().copied().filter(|f| *f < range.end).rev().collect();
        Ok(Entries { archive: self, epoch, range, rest, current: None })
    }

    /// Hashes of the tree of an epoch at this size, from tile files if wanted.
    pub(crate) fn hashes(&self, epoch: u32, size: u64, use_tiles: bool) -> Hashes<'_> {
        let leaves = move |from: u64, to: u64| self.leaves(epoch, from, to);
        Hashes::new(self.disk.clone(), &self.epoch_dir(epoch), size, use_tiles, Box::new(leaves))
    }

    fn leaves(&self, epoch: u32, from: u64, to: u64) -> Result<Vec<Hash>, ArchiveError> {
        let leaves: Vec<_> = self
            .entries(epoch, from..to)?
            .map(|e| e.map(|e| hash::leaf(&e.entry)))
            .collect::<Result<_, _>>()?;
        if leaves.len() as u64 == to - from {
            return Ok(leaves);
        }
        Err(ArchiveError::Broken(format!("entries {from} to {to} of epoch {epoch} are not all there")))
    }

    /// The origin that a log whose key has this name gives an epoch.
    pub(crate) fn origin(&self, key_name: &str, epoch: u32) -> String {
        origin(key_name, epoch)
    }
    /// Whether the log's folder is there.
    pub fn exists(&self) -> bool {
        self.disk.open(&self.dir.join("lock"), Mode::Read).is_ok()
            || self.epochs().is_ok_and(|e| !e.is_empty())
    }
}

/// Reads entries with their bodies from one segment.
#[derive(Debug)]
pub(crate) struct EntryReader {
    pub epoch: u32,
    pub reader: SegmentReader,
    /// An entry whose bodies may follow.
    pub pending: Option<Found>,
}

impl EntryReader {
    /// The next entry, whole. An entry at the very end of a file whose group is not there yet is returned too; callers bound
    /// by a checkpoint.
    pub(crate) fn next_entry(&mut self) -> Result<Option<Found>, ArchiveError> {
        loop {
            let path = self.reader.path().to_owned();
            let next = match self.reader.read_frame() {
                Ok(next) => next,
                // An entry that was read whole is returned before the error behind it is met.
                Err(_) if self.pending.is_some() => return Ok(self.pending.take()),
                Err(e) => return Err(e.into()),
            };
            let Some(FrameFound { offset, frame, .. }) = next else { return Ok(self.pending.take()) };
            let entry = |head: EntryHead, content: Option<Content>, bodies_erased| Found {
                position: Position { epoch: self.epoch, index: head.index },
                entry: head.entry,
                exchange: head.exchange,
                content,
                bodies_kept: head.bodies,
                bodies_erased,
                bodies: Vec::new(),
                path,
                offset,
            };
            let next = match frame {
                Frame::Entry { head, bodies_until, bodies_erased, salt, record } => {
                    let record = Bytes::copy_from_slice(record);
                    entry(head, Some(Content { salt: *salt, record, bodies_until }), bodies_erased)
                }
                Frame::Erased(head) => entry(head, None, true),
                Frame::Body { index, role, bytes } => {
                    if let Some(p) = self.pending.as_mut().filter(|p| p.position.index == index) {
                        p.bodies.push((role, Bytes::copy_from_slice(bytes)));
                    }
                    continue;
                }
                Frame::Group { .. } | Frame::Start(_) => match self.pending.take() {
                    Some(done) => return Ok(Some(done)),
                    None => continue,
                },
            };
            if let Some(done) = self.pending.replace(next) {
                return Ok(Some(done));
            }
        }
    }
}

/// Entries of a range, in order.
#[derive(Debug)]
pub struct Entries<'a> {
    archive: &'a Archive,
    epoch: u32,
    range: Range<u64>,
    /// Segments still to be read, the next one last.
    rest: Vec<u64>,
    current: Option<EntryReader>,
}

impl Entries<'_> {
    fn step(&mut self) -> Result<Option<Found>, ArchiveError> {
        loop {
            if self.current.is_none() {
                let Some(first) = self.rest.pop() else { return Ok(None) };
                let path = self.archive.segment_path(self.epoch, first);
                let reader = match SegmentReader::open(&self.archive.disk, &path) {
                    Err(ReadError::Damage(_)) if self.rest.is_empty() => return Ok(None),
                    other => other?,
                };
                self.current = Some(EntryReader { epoch: self.epoch, reader, pending: None });
            }
            let current = self.current.as_mut().expect("opened above");
            let found = match current.next_entry() {
                // The end of the last segment may be half written.
                Err(ArchiveError::Damaged(_)) if self.rest.is_empty() => return Ok(None),
                other => other?,
            };
            match found {
                Some(f) if f.position.index >= self.range.end => return Ok(None),
                Some(f) if f.position.index >= self.range.start => return Ok(Some(f)),
                Some(_) => {}
                None => self.current = None,
            }
        }
    }
}

impl Iterator for Entries<'_> {
    type Item = Result<Found, ArchiveError>;
    fn next(&mut self) -> Option<Self::Item> {
        let step = self.step();
        if !matches!(step, Ok(Some(_))) {
            // Nothing follows an end or an error.
            self.rest.clear();
            self.range = 0..0;
            self.current = None;
        }
        step.transpose()
    }
}
