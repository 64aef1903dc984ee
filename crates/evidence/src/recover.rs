//! Finding the end of the log when it is opened: what a power cut left half written is cut off, and everything that is kept
//! is checked. Damage before the end is refused. Not here: checking the whole log (`verify`).

use crate::disk::{Disk, DiskFile, Mode};
use crate::epoch::{first_record, origin};
use crate::frame::{EntryHead, Frame, FrameError};
use crate::hash::{self, EntryBytes, Hash};
use crate::index::Collector;
use crate::log::{LogConfig, LogError};
use crate::note::{Checkpoint, LogKey, NOTE_MAX, Verifier};
use crate::segment::{
    Damage, GroupEnd, ReadError, SegmentReader, epoch_dir, epochs, index_path, segment_path, segments,
    segments_dir,
};
use crate::tiles::TileWriter;
use crate::tree::Frontier;
use crate::writer::{Active, Tail, begin_segment};
use lgsp_kernel::Clock;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// Where an epoch is looked for.
struct Place<'a> {
    disk: &'a Disk,
    cfg: &'a LogConfig,
    dir: PathBuf,
    epoch: u32,
    origin: String,
    verifier: Verifier,
}

/// A segment as found.
struct Scanned {
    path: PathBuf,
    /// Where the last whole group begins, and where it ends.
    begin: u64,
    end: u64,
    len: u64,
    edge: Frontier,
    frontier: Frontier,
    collector: Collector,
    last: Option<GroupEnd>,
    entries: Vec<(EntryBytes, Hash)>,
}

impl From<ReadError> for LogError {
    fn from(e: ReadError) -> Self {
        match e {
            ReadError::Io(path, e) => Self::Io(path, e),
            ReadError::Damage(d) => Self::Damaged(d),
        }
    }
}

/// Finds where the log goes on.
pub(crate) fn recover(disk: &Disk, cfg: &LogConfig, key: &LogKey, clock: &Clock) -> Result<Tail, LogError> {
    let io = |e| LogError::Io(cfg.dir.clone(), e);
    let all = epochs(disk, &cfg.dir).map_err(io)?;
    let epoch = all.last().copied().unwrap_or(1);
    let verifier = Verifier::parse(&key.verifier()).map_err(|e| LogError::Config(e.to_string()))?;
    let at = |epoch| Place {
        disk,
        cfg,
        dir: epoch_dir(&cfg.dir, epoch),
        epoch,
        origin: origin(key.name(), epoch),
        verifier: verifier.clone(),
    };
    for earlier in all.iter().filter(|e| **e < epoch) {
        restore_tiles(&at(*earlier), key);
    }
    let place = at(epoch);
    disk.create_dir_all(&segments_dir(&place.dir)).map_err(io)?;
    remove_temporaries(&place).map_err(io)?;
    let tail = match last_segment(&place)? {
        Some(scanned) => go_on(&place, key, scanned)?,
        None => begin(&place, key, clock)?,
    };
    guard(&place, &tail)?;
    if tail.frontier.size() > 0 {
        return Ok(tail);
    }
    let record = first_record(disk, &cfg.dir, epoch, &place.origin, clock.now())?;
    Ok(Tail { opening: Some(record), ..tail })
}

fn remove_temporaries(place: &Place<'_>) -> std::io::Result<()> {
    let dir = segments_dir(&place.dir);
    for name in place.disk.list(&dir)?.iter().filter(|n| n.ends_with(".tmp")) {
        place.disk.remove(&dir.join(name))?;
    }
    Ok(())
}

/// A new epoch, or one that got no further than its folder.
fn begin(place: &Place<'_>, key: &LogKey, clock: &Clock) -> Result<Tail, LogError> {
    let edge = Frontier::default();
    let active =
        begin_segment(place.disk, &place.dir, place.epoch, &edge, clock.now(), place.cfg.segment_bytes)
            .map_err(|e| LogError::Io(place.dir.clone(), e))?;
    Ok(Tail {
        epoch: place.epoch,
        epoch_dir: place.dir.clone(),
        origin: place.origin.clone(),
        checkpoint: sign(key, place, &edge)?,
        frontier: edge,
        active,
        tiles: TileWriter::new(place.disk.clone(), &place.dir),
        opening: None,
    })
}

/// The last segment that was begun. One that the power cut left without its first frame is removed.
fn last_segment(place: &Place<'_>) -> Result<Option<Scanned>, LogError> {
    let io = |e| LogError::Io(place.dir.clone(), e);
    let mut firsts = segments(place.disk, &place.dir).map_err(io)?;
    let Some(last) = firsts.pop() else { return Ok(None) };
    match scan(place, last) {
        Err(LogError::Damaged(d)) => {
            let path = segment_path(&place.dir, last);
            // The first frame was durable before any group was written.
            let group = behind(place, &path, 0, last)?;
            if group.is_some() || (firsts.is_empty() && last != 0) {
                return Err(LogError::Damaged(d));
            }
            tracing::warn!(path = %path.display(), "message log: a segment that was never begun is removed");
            place.disk.remove(&path).map_err(io)?;
            place.disk.sync_dir(&segments_dir(&place.dir)).map_err(io)?;
            let Some(before) = firsts.pop() else { return Ok(None) };
            let scanned = scan(place, before)?;
            if scanned.frontier.size() != last {
                return Err(broken(
                    &scanned.path,
                    format!(
                        "it ends with {} entries, the next segment begins at {last}",
                        scanned.frontier.size()
                    ),
                ));
            }
            Ok(Some(scanned))
        }
        other => other.map(Some),
    }
}

fn broken(path: &Path, what: String) -> LogError {
    LogError::Broken { path: path.to_owned(), what }
}

/// Reads a segment up to its last whole group.
fn scan(place: &Place<'_>, first: u64) -> Result<Scanned, LogError> {
    let path = segment_path(&place.dir, first);
    let mut reader = SegmentReader::open(place.disk, &path)?;
    let start = reader.start().clone();
    let edge = Frontier::new(start.first, start.peaks.clone());
    let edge = edge.filter(|_| start.first == first && start.epoch == place.epoch);
    let edge = edge.ok_or_else(|| broken(&path, "its first frame belongs to another place".into()))?;
    let len = reader.file().len().map_err(|e| LogError::Io(path.clone(), e))?;
    let mut s = Scanned {
        begin: reader.offset(),
        end: reader.offset(),
        len,
        frontier: edge.clone(),
        edge,
        collector: Collector::new(first, start.rewrites),
        last: None,
        entries: Vec::new(),
        path: path.clone(),
    };
    let stopped = loop {
        match s.group(&mut reader) {
            Ok(true) => {}
            Ok(false) => break None,
            Err(ReadError::Damage(d)) => break Some(d),
            Err(e) => return Err(e.into()),
        }
    };
    if let Some(damage) = stopped
        && let Some(offset) = behind(place, &path, damage.offset, s.frontier.size() + 1)?
    {
        tracing::error!(%damage, offset, "message log: damage before a later group that is signed");
        return Err(LogError::Damaged(damage));
    }
    if let Some(last) = &s.last {
        check(place, &path, last)?;
    }
    Ok(s)
}

impl Scanned {
    /// Reads one group; false at the end of the file. Takes nothing of a group that is not whole.
    fn group(&mut self, reader: &mut SegmentReader) -> Result<bool, ReadError> {
        let begin = reader.offset();
        let torn = |what| ReadError::from(Damage { path: self.path.clone(), offset: begin, what });
        let mut frontier = self.frontier.clone();
        let mut entries = Vec::new();
        let first = frontier.size();
        loop {
            let Some(found) = reader.read_frame()? else {
                return if reader.offset() == begin { Ok(false) } else { Err(torn(FrameError::Short)) };
            };
            match found.frame {
                Frame::Entry { head: EntryHead { index, entry, .. }, .. }
                | Frame::Erased(EntryHead { index, entry, .. }) => {
                    if index != frontier.size() {
                        return Err(torn(FrameError::Content));
                    }
                    let leaf = hash::leaf(&entry);
                    frontier.push(leaf);
                    entries.push((entry, leaf));
                }
                Frame::Body { index, .. } if index + 1 == frontier.size() => {}
                Frame::Group { first: f, at, size, root, note } => {
                    if f != first || size != frontier.size() || root != frontier.root() || entries.is_empty()
                    {
                        return Err(torn(FrameError::Content));
                    }
                    self.last = Some(GroupEnd { first, at, size, root, note: note.to_owned() });
                    (self.begin, self.end) = (begin, found.end);
                    break;
                }
                Frame::Body { .. } | Frame::Start(_) => return Err(torn(FrameError::Content)),
            }
        }
        self.frontier = frontier;
        self.entries.append(&mut entries);
        Ok(true)
    }
}

/// Whether a group that begins at entry `from` or later, and that the key signed, lies behind the damage: then the damage is not at the
/// end. (A power cut leaves at most one group half written, the last.) The signature matters: kept bodies hold what callers
/// sent, and that may look like a frame.
fn behind(place: &Place<'_>, path: &Path, mut offset: u64, from: u64) -> Result<Option<u64>, LogError> {
    let mut reader = SegmentReader::open_at(place.disk, path)?;
    while let Some((at, end)) = reader.find_group_end(offset)? {
        if end.first >= from && genuine(place, &end) {
            return Ok(Some(at));
        }
        offset = at + 1;
    }
    Ok(None)
}

fn genuine(place: &Place<'_>, end: &GroupEnd) -> bool {
    place
        .verifier
        .check(&end.note)
        .is_ok_and(|c| c.origin == place.origin && c.size == end.size && c.root == end.root)
}

fn check(place: &Place<'_>, path: &Path, end: &GroupEnd) -> Result<(), LogError> {
    let note = |source| LogError::Note { path: path.to_owned(), source };
    let c = place.verifier.check(&end.note).map_err(note)?;
    if c.origin != place.origin || c.size != end.size || c.root != end.root {
        return Err(broken(
            path,
            format!("the checkpoint of the last group is of {} at size {}", c.origin, c.size),
        ));
    }
    Ok(())
}

fn go_on(place: &Place<'_>, key: &LogKey, s: Scanned) -> Result<Tail, LogError> {
    let io = |e| LogError::Io(s.path.clone(), e);
    let file = place.disk.open(&s.path, Mode::Write).map_err(io)?;
    if s.len > s.end {
        tracing::warn!(path = %s.path.display(), from = s.end, to = s.len, "message log: a group that was not finished is cut off");
        file.set_len(s.end).map_err(io)?;
        file.sync_data().map_err(io)?;
    }
    settle(&file, s.begin..s.end).map_err(io)?;
    if s.last.is_none() {
        check_edge(place, &s)?;
    }
    // Of a segment that is written again the index beside it would miss what comes.
    let index = index_path(&s.path);
    if place.disk.exists(&index) {
        place.disk.remove(&index).map_err(io)?;
    }
    rebuild_indexes(place, s.edge.size())?;
    let mut tiles = match TileWriter::resume(place.disk.clone(), &place.dir, &s.edge) {
        Some(tiles) => tiles,
        None => rebuild_tiles(place, s.edge.size())?,
    };
    for (entry, leaf) in &s.entries {
        tiles.push(entry, *leaf);
        flush(&mut tiles, &place.dir);
    }
    let mut collector = s.collector;
    let mut reader = SegmentReader::open(place.disk, &s.path)?;
    collector.read_on(&mut reader)?;
    Ok(Tail {
        epoch: place.epoch,
        epoch_dir: place.dir.clone(),
        origin: place.origin.clone(),
        checkpoint: match &s.last {
            Some(end) => place
                .verifier
                .check(&end.note)
                .map_err(|source| LogError::Note { path: s.path.clone(), source })?,
            None => sign(key, place, &s.frontier)?,
        },
        frontier: s.frontier,
        active: Active { file, len: s.end, path: s.path, collector },
        tiles,
        opening: None,
    })
}

fn sign(key: &LogKey, place: &Place<'_>, edge: &Frontier) -> Result<Checkpoint, LogError> {
    key.sign(&place.origin, edge.size(), edge.root()).map_err(LogError::Signing)
}

/// Makes the last group durable. The process may have ended between its write and its sync, or the sync may have failed, and what is read
/// here may be in memory only; the next group would then stand behind one that a power cut can still take. Written once more, since
/// after a failed sync the system may take it for written.
fn settle(file: &DiskFile, group: Range<u64>) -> io::Result<()> {
    let mut bytes = vec![0; usize::try_from(group.end - group.start).unwrap_or(usize::MAX)];
    let got = file.read_at(&mut bytes, group.start)?;
    file.write_all_at(&bytes[..got], group.start)?;
    file.sync_data()
}

fn flush(tiles: &mut TileWriter, dir: &Path) {
    if tiles.is_full()
        && let Err(e) = tiles.flush()
    {
        tracing::warn!(dir = %dir.display(), error = %e, "message log: tiles were not written; they follow later");
    }
}

/// A segment without a group stands on the one before it.
fn check_edge(place: &Place<'_>, s: &Scanned) -> Result<(), LogError> {
    let firsts = segments(place.disk, &place.dir).map_err(|e| LogError::Io(place.dir.clone(), e))?;
    let before = firsts.into_iter().rfind(|f| *f < s.edge.size());
    match before {
        None if s.edge.size() == 0 => Ok(()),
        None => Err(broken(&s.path, "the segments before it are missing".into())),
        Some(first) => {
            let before = scan(place, first)?;
            let fits = before.frontier == s.edge && before.len == before.end;
            if fits {
                Ok(())
            } else {
                Err(broken(&s.path, "it does not go on where the segment before it ends".into()))
            }
        }
    }
}

/// Indexes of sealed segments are derived: where one is missing it is made again.
fn rebuild_indexes(place: &Place<'_>, before: u64) -> Result<(), LogError> {
    let io = |e| LogError::Io(place.dir.clone(), e);
    for first in segments(place.disk, &place.dir).map_err(io)?.into_iter().filter(|f| *f < before) {
        let path = segment_path(&place.dir, first);
        if !place.disk.exists(&index_path(&path)) {
            Collector::read(place.disk, &path)?.write(place.disk, &path).map_err(io)?;
        }
    }
    Ok(())
}

/// Makes all tiles again from the segments before this entry.
fn rebuild_tiles(place: &Place<'_>, before: u64) -> Result<TileWriter, LogError> {
    tracing::warn!(dir = %place.dir.display(), "message log: tiles are made again from the segments");
    let mut tiles = TileWriter::new(place.disk.clone(), &place.dir);
    let firsts = segments(place.disk, &place.dir).map_err(|e| LogError::Io(place.dir.clone(), e))?;
    for first in firsts.into_iter().filter(|f| *f < before) {
        let mut reader = SegmentReader::open(place.disk, &segment_path(&place.dir, first))?;
        while let Some(found) = reader.read_frame()? {
            if let Frame::Entry { head, .. } | Frame::Erased(head) = found.frame {
                tiles.push(&head.entry, hash::leaf(&head.entry));
                flush(&mut tiles, &place.dir);
            }
        }
    }
    if tiles.size() == before {
        Ok(tiles)
    } else {
        Err(broken(&place.dir, format!("the segments before entry {before} hold {} entries", tiles.size())))
    }
}

/// An earlier epoch that came from a backup has no tiles: without them each proof would read it through. Failing here does not keep
/// the log from being opened; verifying tells what is wrong.
fn restore_tiles(place: &Place<'_>, key: &LogKey) {
    if place.disk.exists(&place.dir.join("tile")) {
        return;
    }
    let made = || -> Result<(), LogError> {
        let Some(last) = segments(place.disk, &place.dir).ok().and_then(|s| s.last().copied()) else {
            return Ok(());
        };
        let scanned = scan(place, last)?;
        let mut tiles = rebuild_tiles(place, scanned.edge.size())?;
        for (entry, leaf) in &scanned.entries {
            tiles.push(entry, *leaf);
            flush(&mut tiles, &place.dir);
        }
        let checkpoint = sign(key, place, &scanned.frontier)?;
        tiles.publish(&checkpoint).map_err(|e| LogError::Io(place.dir.clone(), e))
    };
    if let Err(e) = made() {
        tracing::warn!(epoch = place.epoch, error = %e, "message log: tiles of an earlier epoch were not made again");
    }
}

/// The `checkpoint` file is written after its group is durable: if it knows more than the segments, acknowledged entries are gone.
fn guard(place: &Place<'_>, tail: &Tail) -> Result<(), LogError> {
    let path = place.dir.join("checkpoint");
    let Ok(Some(bytes)) = place.disk.read(&path, NOTE_MAX as u64) else { return Ok(()) };
    let known = std::str::from_utf8(&bytes).ok().and_then(|note| place.verifier.check(note).ok());
    let Some(Checkpoint { origin, size, root, .. }) = known else {
        tracing::warn!(path = %path.display(), "message log: the checkpoint file is not signed by the log's key; it is made again");
        return Ok(());
    };
    let here = tail.frontier.size();
    if origin != place.origin || size > here {
        return Err(broken(
            &path,
            format!("it is of {origin} with {size} entries; the segments hold {here} of {}", place.origin),
        ));
    }
    if size == here && root != tail.frontier.root() {
        return Err(broken(&path, format!("its root at {size} entries is not that of the segments")));
    }
    Ok(())
}
