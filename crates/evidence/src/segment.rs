//! Reading a segment file frame by frame, in bounded memory, and the names of segment files.
//! Not here: what frames mean for the tree (`recover`, `verify`).

use crate::disk::{Disk, DiskFile, Mode};
use crate::frame::{self, FRAME_HEAD, Frame, FrameError, GROUP_MARK, MAGIC, PAYLOAD_MAX, Start};
use std::io;
use std::path::{Path, PathBuf};

/// How much is read at once, bytes.
const CHUNK: usize = 256 << 10;

/// The folder of an epoch.
pub fn epoch_dir(dir: &Path, epoch: u32) -> PathBuf {
    dir.join(format!("{epoch:08}"))
}
/// The folder of an epoch's segments.
pub fn segments_dir(epoch_dir: &Path) -> PathBuf {
    epoch_dir.join("segments")
}
/// The file of the segment that begins with this entry.
pub fn segment_path(epoch_dir: &Path, first: u64) -> PathBuf {
    segments_dir(epoch_dir).join(format!("{first:020}.seg"))
}
/// The index beside a sealed segment.
pub fn index_path(segment: &Path) -> PathBuf {
    segment.with_extension("idx")
}

/// The numbers of the epochs in a log's folder, ascending.
pub fn epochs(disk: &Disk, dir: &Path) -> io::Result<Vec<u32>> {
    let names = disk.list(dir)?;
    Ok(names.iter().filter(|n| n.len() == 8).filter_map(|n| n.parse().ok()).filter(|n| *n > 0).collect())
}

/// The first indexes of the segments of an epoch, ascending.
pub fn segments(disk: &Disk, epoch_dir: &Path) -> io::Result<Vec<u64>> {
    let names = disk.list(&segments_dir(epoch_dir))?;
    let firsts = names.iter().filter_map(|n| n.strip_suffix(".seg")).filter(|n| n.len() == 20);
    Ok(firsts.filter_map(|n| n.parse().ok()).collect())
}

/// What is wrong in a segment file, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path} at byte {offset}: {what}", path = path.display())]
pub struct Damage {
    /// The file.
    pub path: PathBuf,
    /// Offset in it.
    pub offset: u64,
    /// What is wrong.
    pub what: FrameError,
}

/// Why a segment cannot be read on.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The disk failed.
    #[error("{0}: {1}")]
    Io(PathBuf, #[source] io::Error),
    /// The bytes are no frame.
    #[error(transparent)]
    Damage(#[from] Damage),
}

/// A frame in a file.
#[derive(Debug)]
pub struct Found<'a> {
    /// Where it begins.
    pub offset: u64,
    /// Where it ends.
    pub end: u64,
    /// The frame.
    pub frame: Frame<'a>,
}

/// Reads a segment file from its start, or from an offset.
#[derive(Debug)]
pub struct SegmentReader {
    path: PathBuf,
    file: DiskFile,
    start: Start,
    buf: Vec<u8>,
    /// Offset in the file of the first byte in `buf`.
    base: u64,
    /// Offset in `buf` of the next frame.
    at: usize,
}

impl SegmentReader {
    /// Opens a segment and reads its first frame.
    pub fn open(disk: &Disk, path: &Path) -> Result<Self, ReadError> {
        let io = |e| ReadError::Io(path.to_owned(), e);
        let mut r = Self::open_at(disk, path)?;
        r.fill(MAGIC.len()).map_err(io)?;
        let damage = |offset, what| Damage { path: path.to_owned(), offset, what };
        match r.buf.get(..MAGIC.len()) {
            Some(m) if m == MAGIC => r.at = MAGIC.len(),
            Some(_) => return Err(damage(0, FrameError::Content).into()),
            None => return Err(damage(0, FrameError::Short).into()),
        }
        let start = match r.read_frame()? {
            Some(Found { frame: Frame::Start(s), .. }) => Ok(s),
            Some(_) => Err(damage(MAGIC.len() as u64, FrameError::Content)),
            None => Err(damage(MAGIC.len() as u64, FrameError::Short)),
        };
        r.start = start?;
        Ok(r)
    }
    /// Opens a segment without reading its first frame, which may be damaged: to look for what lies behind.
    pub fn open_at(disk: &Disk, path: &Path) -> Result<Self, ReadError> {
        let file = disk.open(path, Mode::Read).map_err(|e| ReadError::Io(path.to_owned(), e))?;
        let start = Start { epoch: 0, rewrites: 0, first: 0, at: lgsp_kernel::Millis(0), peaks: Vec::new() };
        Ok(Self { path: path.to_owned(), file, start, buf: Vec::new(), base: 0, at: 0 })
    }
    /// The first frame.
    pub fn start(&self) -> &Start {
        &self.start
    }
    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }
    /// The open file.
    pub fn file(&self) -> &DiskFile {
        &self.file
    }
    /// Offset of the next frame.
    pub fn offset(&self) -> u64 {
        self.base + self.at as u64
    }
    /// Goes on reading at this offset.
    pub fn seek(&mut self, offset: u64) {
        self.buf.clear();
        self.base = offset;
        self.at = 0;
    }
    /// Makes at least `want` bytes from `at` on available, if the file has them.
    fn fill(&mut self, want: usize) -> io::Result<()> {
        if self.buf.len() - self.at >= want {
            return Ok(());
        }
        self.buf.drain(..self.at);
        self.base += self.at as u64;
        self.at = 0;
        let have = self.buf.len();
        self.buf.resize(want.max(CHUNK), 0);
        let got = self.file.read_at(&mut self.buf[have..], self.base + have as u64)?;
        self.buf.truncate(have + got);
        Ok(())
    }
    /// The next frame; `None` at the end of the file.
    pub fn read_frame(&mut self) -> Result<Option<Found<'_>>, ReadError> {
        let io = |path: &Path, e| ReadError::Io(path.to_owned(), e);
        self.fill(FRAME_HEAD).map_err(|e| io(&self.path, e))?;
        if self.buf.len() == self.at {
            return Ok(None);
        }
        let offset = self.offset();
        let damage = |what| Damage { path: self.path.clone(), offset, what };
        let len = frame::frame_len(&self.buf[self.at..]).map_err(damage)?;
        self.fill(len).map_err(|e| io(&self.path, e))?;
        let from = self.at;
        let (frame, len) = frame::read(&self.buf[from..]).map_err(|what| Damage {
            path: self.path.clone(),
            offset,
            what,
        })?;
        self.at = from + len;
        Ok(Some(Found { offset, end: offset + len as u64, frame }))
    }
    /// Steps over a frame whose checksum is wrong, if its length can be believed: if a whole frame follows it. Says whether it
    /// was a kept body, as far as can be told; none if it was not stepped over.
    pub fn skip_damaged_frame(&mut self) -> Option<bool> {
        let here = self.offset();
        let len = frame::frame_len(&self.buf[self.at..]).ok()?;
        let is_body = self.buf.get(self.at + 8) == Some(&frame::BODY);
        self.seek(here + len as u64);
        let follows = matches!(self.read_frame(), Ok(Some(_)));
        self.seek(if follows { here + len as u64 } else { here });
        follows.then_some(is_body)
    }
    /// Looks for the next frame that ends a group from this offset on, whatever lies between; says where it begins and
    /// stands behind it.
    pub fn find_group_end(&mut self, offset: u64) -> Result<Option<(u64, GroupEnd)>, ReadError> {
        self.seek(offset);
        loop {
            self.fill(PAYLOAD_MAX.min(CHUNK)).map_err(|e| ReadError::Io(self.path.clone(), e))?;
            let window = &self.buf[self.at..];
            if window.len() < FRAME_HEAD + GROUP_MARK.len() {
                return Ok(None);
            }
            let mark = window[FRAME_HEAD..].windows(GROUP_MARK.len()).position(|w| w == GROUP_MARK);
            let Some(begin) = mark else {
                // The last bytes may be the beginning of a frame.
                self.at = self.buf.len() - (FRAME_HEAD + GROUP_MARK.len() - 1);
                let before = self.offset();
                self.fill(FRAME_HEAD + GROUP_MARK.len()).map_err(|e| ReadError::Io(self.path.clone(), e))?;
                if self.buf.len() - self.at < FRAME_HEAD + GROUP_MARK.len() {
                    debug_assert_eq!(before, self.offset());
                    return Ok(None);
                }
                continue;
            };
            self.at += begin;
            let found = self.offset();
            if let Ok(Some(Found { offset, frame: Frame::Group { first, at, size, root, note }, .. })) =
                self.read_frame()
            {
                return Ok(Some((offset, GroupEnd { first, at, size, root, note: note.to_owned() })));
            }
            self.seek(found + 1);
        }
    }
}

/// The frame that ends a group, owned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupEnd {
    /// Index of the group's first entry.
    pub first: u64,
    /// When.
    pub at: lgsp_kernel::Millis,
    /// Size of the tree.
    pub size: u64,
    /// Its root.
    pub root: crate::hash::Hash,
    /// The signed checkpoint.
    pub note: String,
}
