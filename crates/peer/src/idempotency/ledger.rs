//! What is decided about keys: one request per key goes on, the rest are answered from what is known. No threads, no clock, and all input
//! and output through `evidence::Disk`, so that a simulation can cut its power. Not here: waiting (`store`).

use super::journal::{FRAME_MAX, Frame, NONCE_LEN, Nonce, What};
use super::{Ended, KeptAnswer, Key};
use lgsp_evidence::disk::{Disk, DiskFile, Lock, Mode};
use lgsp_kernel::bounds::COLLECT_MAX;
use lgsp_kernel::{ExchangeId, Millis};
use std::collections::{BTreeMap, HashMap};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// How a ledger is kept.
#[derive(Debug, Clone)]
pub struct LedgerConfig {
    /// Its folder.
    pub dir: PathBuf,
    /// How long a key is remembered, milliseconds.
    pub window_ms: i64,
    /// Size at which the next segment is begun, bytes.
    pub segment_bytes: u64,
    /// The most keys that are remembered: about 200 bytes of memory each.
    pub keys_max: usize,
}

impl LedgerConfig {
    /// A day, a million keys.
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self { dir: dir.into(), window_ms: 24 * 3600 * 1000, segment_bytes: 64 << 20, keys_max: 1 << 20 }
    }
}

/// Why the ledger does not serve.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// The disk failed. Nothing was begun.
    #[error("{0}: {1}")]
    Io(PathBuf, #[source] io::Error),
    /// Something else than the end of the journal does not read.
    #[error(
        "the journal of idempotency keys is damaged: {path}, byte {offset}: keys behind it could be forwarded twice; restore the file, or move it away knowing that"
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Where.
        offset: u64,
    },
    /// Another process writes it.
    #[error("the journal of idempotency keys in {0} is already being written by another process")]
    Locked(PathBuf),
    /// More keys than are remembered.
    #[error("{0} idempotency keys are remembered already")]
    Full(usize),
}

/// What a request under a key may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Begun {
    /// Go on, once the group that is being gathered is durable.
    New,
    /// Wait: this exchange, under the same key, is still open.
    Open(ExchangeId),
    /// Take this answer of an earlier exchange.
    Answered(ExchangeId, KeptAnswer),
    /// An earlier exchange was answered; its answer was too large to keep.
    AnsweredUnkept(ExchangeId),
    /// An earlier exchange may have had its effect; no answer is on record.
    Unknown(ExchangeId),
    /// The key was used for another request.
    Other(ExchangeId),
}

#[derive(Debug, Clone, Copy)]
enum State {
    Open,
    /// Where the frame with the answer is: segment, offset, length.
    Answered(u64, u64, u32),
    AnsweredUnkept,
    Unknown,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    exchange: ExchangeId,
    request: [u8; 32],
    at: Millis,
    state: State,
}

#[derive(Debug)]
struct Segment {
    file: Arc<DiskFile>,
    path: PathBuf,
    nonce: Nonce,
    len: u64,
    newest: Millis,
}

/// What a group does to keys: what it began is undone if it is not written, what it ended counts only once it is.
#[derive(Debug, Clone, Copy)]
enum Change {
    Begun(Key, ExchangeId),
    Ended(Key, ExchangeId, Now),
}

/// What becomes of a key.
#[derive(Debug, Clone, Copy)]
enum Now {
    /// The answer stands at this offset of the group, of this length.
    Answered(usize, u32),
    AnsweredUnkept,
    Free,
    Unknown,
}

/// A group on its way to the disk.
#[derive(Debug)]
pub struct Group {
    segment: u64,
    file: Arc<DiskFile>,
    path: PathBuf,
    offset: u64,
    bytes: Vec<u8>,
    changes: Vec<Change>,
}

impl Group {
    /// Writes and syncs it. May run while the ledger decides on.
    pub fn write(&self) -> io::Result<()> {
        self.file.write_all_at(&self.bytes, self.offset)?;
        self.file.sync_data()
    }
}

/// The ledger.
#[derive(Debug)]
pub struct Ledger {
    disk: Disk,
    cfg: LedgerConfig,
    keys: HashMap<Key, Entry>,
    segments: BTreeMap<u64, Segment>,
    group: u64,
    gathered: Vec<Frame>,
    gathered_bytes: usize,
    changes: Vec<Change>,
    broken: bool,
    _lock: Lock,
}

impl Ledger {
    /// Opens the ledger in its folder. What was begun and not ended before has an unknown outcome.
    pub fn open(disk: Disk, cfg: LedgerConfig, now: Millis) -> Result<Self, LedgerError> {
        let io = |e| LedgerError::Io(cfg.dir.clone(), e);
        disk.create_dir_all(&cfg.dir).map_err(io)?;
        let lock = disk.lock(&cfg.dir.join("lock")).map_err(|e| match e.kind() {
            io::ErrorKind::WouldBlock => LedgerError::Locked(cfg.dir.clone()),
            _ => io(e),
        })?;
        let mut numbers: Vec<u64> =
            disk.list(&cfg.dir).map_err(io)?.iter().filter_map(|n| number(n)).collect();
        numbers.sort_unstable();
        let mut ledger = Self {
            disk,
            keys: HashMap::new(),
            segments: BTreeMap::new(),
            group: 0,
            gathered: Vec::new(),
            gathered_bytes: 0,
            changes: Vec::new(),
            broken: false,
            _lock: lock,
            cfg,
        };
        let last = numbers.last().copied();
        for n in numbers {
            ledger.load(n, Some(n) == last)?;
        }
        for entry in ledger.keys.values_mut().filter(|e| matches!(e.state, State::Open)) {
            entry.state = State::Unknown;
        }
        // Never appends to a file of an earlier life: its end may have been cut, and groups are told apart by number.
        ledger.begin_segment(last.map_or(0, |n| n + 1), now)?;
        ledger.expire(now);
        Ok(ledger)
    }

    fn load(&mut self, n: u64, last: bool) -> Result<(), LedgerError> {
        let path = segment_path(&self.cfg.dir, n);
        let io = |e| LedgerError::Io(path.clone(), e);
        let max = self.cfg.segment_bytes + GROUP_MAX as u64 + FRAME_MAX as u64;
        let bytes = self.disk.read(&path, max).map_err(io)?.unwrap_or_default();
        let file = Arc::new(self.disk.open(&path, Mode::Write).map_err(io)?);
        let Some(nonce) = bytes.first_chunk::<NONCE_LEN>().copied() else {
            // Its first bytes are durable before anything else is written.
            if !last {
                return Err(LedgerError::Damaged { path, offset: 0 });
            }
            return self.disk.remove(&path).map_err(io);
        };
        let (mut offset, mut newest) = (NONCE_LEN, Millis(0));
        while offset < bytes.len() {
            let Ok((frame, length)) = Frame::read(&nonce, &bytes[offset..]) else {
                if !last || self.goes_on(&nonce, &bytes[offset..]) {
                    return Err(LedgerError::Damaged { path, offset: offset as u64 });
                }
                tracing::warn!(path = %path.display(), offset, "idempotency journal: a group that was not finished is cut off");
                file.set_len(offset as u64).map_err(io)?;
                file.sync_data().map_err(io)?;
                break;
            };
            self.group = self.group.max(frame.group);
            newest = newest.max(frame.at);
            self.apply(n, offset as u64, length, frame);
            offset += length;
        }
        if last {
            // An earlier life may have ended between a write and its sync: what was read must not be torn later, behind other segments.
            file.sync_data().map_err(io)?;
        }
        self.segments.insert(n, Segment { file, path, nonce, len: offset as u64, newest });
        Ok(())
    }

    /// Whether a group begins behind what does not read: then that is no torn end.
    fn goes_on(&self, nonce: &Nonce, bytes: &[u8]) -> bool {
        let begins = |f: &Frame| f.number == 0 || f.group > self.group + 1;
        (1..bytes.len()).any(|i| Frame::read(nonce, &bytes[i..]).is_ok_and(|(frame, _)| begins(&frame)))
    }

    fn apply(&mut self, segment: u64, offset: u64, length: usize, frame: Frame) {
        let Frame { key, exchange, at, what, .. } = frame;
        match what {
            What::Begun(request) => {
                self.keys.insert(key, Entry { exchange, request, at, state: State::Open });
            }
            What::Ended(ended) => {
                let Some(entry) = self.keys.get_mut(&key).filter(|e| e.exchange == exchange) else { return };
                match ended {
                    Ended::Answered(_) => entry.state = State::Answered(segment, offset, length as u32),
                    Ended::AnsweredUnkept => entry.state = State::AnsweredUnkept,
                    Ended::Unknown => entry.state = State::Unknown,
                    Ended::NotForwarded => drop(self.keys.remove(&key)),
                }
            }
        }
    }

    fn begin_segment(&mut self, n: u64, now: Millis) -> Result<(), LedgerError> {
        let path = segment_path(&self.cfg.dir, n);
        let io = |e| LedgerError::Io(path.clone(), e);
        let mut nonce = [0; NONCE_LEN];
        getrandom::fill(&mut nonce).map_err(|e| io(io::Error::other(e.to_string())))?;
        let file = self.disk.open(&path, Mode::Create).map_err(io)?;
        file.write_all_at(&nonce, 0).map_err(io)?;
        file.sync_data().map_err(io)?;
        self.disk.sync_dir(&self.cfg.dir).map_err(io)?;
        let file = Arc::new(file);
        self.segments.insert(n, Segment { file, path, nonce, len: NONCE_LEN as u64, newest: now });
        Ok(())
    }

    /// Says what a request under this key may do. `again` says that the operation may be repeated without harm.
    pub fn begin(
        &mut self,
        key: Key,
        request: [u8; 32],
        exchange: ExchangeId,
        again: bool,
        now: Millis,
    ) -> Result<Begun, LedgerError> {
        self.expire(now);
        if let Some(entry) = self.keys.get(&key).copied().filter(|e| now.0 - e.at.0 <= self.cfg.window_ms) {
            let before = entry.exchange;
            if entry.request != request {
                return Ok(Begun::Other(before));
            }
            match entry.state {
                State::Open => return Ok(Begun::Open(before)),
                State::Answered(segment, offset, length) => {
                    return Ok(Begun::Answered(before, self.answer(segment, offset, length)?));
                }
                State::AnsweredUnkept if !again => return Ok(Begun::AnsweredUnkept(before)),
                State::Unknown if !again => return Ok(Begun::Unknown(before)),
                State::AnsweredUnkept | State::Unknown => {}
            }
        }
        if (self.keys.len() >= self.cfg.keys_max && !self.keys.contains_key(&key)) || self.is_full() {
            return Err(LedgerError::Full(self.keys.len()));
        }
        if self.broken {
            return Err(LedgerError::Io(
                self.cfg.dir.clone(),
                io::Error::other("an earlier write failed and could not be taken back"),
            ));
        }
        self.keys.insert(key, Entry { exchange, request, at: now, state: State::Open });
        self.changes.push(Change::Begun(key, exchange));
        self.put(key, exchange, now, What::Begun(request));
        Ok(Begun::New)
    }

    /// Notes how the request ended; counts once the group that is being gathered is durable. Of no effect if the key has meanwhile gone to
    /// another exchange.
    pub fn end(&mut self, key: Key, exchange: ExchangeId, ended: Ended, now: Millis) {
        if self.keys.get(&key).is_none_or(|e| e.exchange != exchange) {
            return;
        }
        let ended = match ended {
            Ended::Answered(a) if a.body.len() > COLLECT_MAX || self.is_full() => Ended::AnsweredUnkept,
            other => other,
        };
        let at = self.gathered_bytes;
        let becomes = match &ended {
            Ended::Answered(_) => None,
            Ended::AnsweredUnkept => Some(Now::AnsweredUnkept),
            Ended::NotForwarded => Some(Now::Free),
            Ended::Unknown => Some(Now::Unknown),
        };
        let length = self.put(key, exchange, now, What::Ended(ended));
        let becomes = becomes.unwrap_or(Now::Answered(at, length));
        self.changes.push(Change::Ended(key, exchange, becomes));
    }

    fn put(&mut self, key: Key, exchange: ExchangeId, at: Millis, what: What) -> u32 {
        let number = self.gathered.len() as u32;
        let frame = Frame { group: self.group + 1, number, key, exchange, at, what };
        let length = frame.length();
        self.gathered_bytes += length as usize;
        self.gathered.push(frame);
        length
    }

    /// Whether so much is gathered that no more is taken until it is written.
    fn is_full(&self) -> bool {
        self.gathered_bytes >= GROUP_MAX
    }

    fn answer(&self, segment: u64, offset: u64, length: u32) -> Result<KeptAnswer, LedgerError> {
        let damaged = |path: &Path| LedgerError::Damaged { path: path.to_owned(), offset };
        let Some(s) = self.segments.get(&segment) else { return Err(damaged(&self.cfg.dir)) };
        let mut bytes = vec![0; length as usize];
        s.file.read_at(&mut bytes, offset).map_err(|e| LedgerError::Io(s.path.clone(), e))?;
        match Frame::read(&s.nonce, &bytes) {
            Ok((Frame { what: What::Ended(Ended::Answered(answer)), .. }, _)) => Ok(answer),
            _ => Err(damaged(&s.path)),
        }
    }

    /// Whether something waits to be written.
    pub fn waits(&self) -> bool {
        !self.gathered.is_empty()
    }

    /// Takes what waits, to be written; the next group may be gathered meanwhile. One at a time: `written` comes before the next call. If the
    /// next segment cannot be begun, nothing is taken.
    pub fn take(&mut self, now: Millis) -> Result<Option<Group>, LedgerError> {
        if self.gathered.is_empty() {
            return Ok(None);
        }
        let (n, len) = self.active(|n, s| (n, s.len));
        if len >= self.cfg.segment_bytes {
            self.begin_segment(n + 1, now)?;
        }
        self.group += 1;
        let group = self.group;
        let frames = std::mem::take(&mut self.gathered);
        let mut bytes = Vec::with_capacity(std::mem::take(&mut self.gathered_bytes));
        let changes = std::mem::take(&mut self.changes);
        Ok(Some(self.active(|segment, s| {
            s.newest = s.newest.max(now);
            for frame in frames {
                // While an earlier group was being written its number was not known to be used up.
                Frame { group, ..frame }.put(&s.nonce, &mut bytes);
            }
            Group { segment, file: s.file.clone(), path: s.path.clone(), offset: s.len, bytes, changes }
        })))
    }

    fn active<T>(&mut self, f: impl FnOnce(u64, &mut Segment) -> T) -> T {
        let (n, s) = self.segments.iter_mut().next_back().expect("one is begun when the ledger is opened");
        f(*n, s)
    }

    /// Notes whether a group was written. If it was not, what it and the group being gathered began is taken back, and what they ended has an
    /// unknown outcome.
    pub fn written(&mut self, group: Group, result: io::Result<()>) -> Result<(), LedgerError> {
        match result {
            Ok(()) => {
                self.active(|_, s| s.len = group.offset + group.bytes.len() as u64);
                for change in &group.changes {
                    if let Change::Ended(key, exchange, becomes) = change {
                        self.settle(*key, *exchange, *becomes, &group);
                    }
                }
                Ok(())
            }
            Err(e) => {
                // Bytes of this group must not be found by the next life.
                let cut = group.file.set_len(group.offset).and_then(|()| group.file.sync_data());
                self.broken |= cut.is_err();
                self.group -= 1;
                self.undo(&group.changes);
                self.drop_gathered();
                Err(LedgerError::Io(group.path, e))
            }
        }
    }

    fn settle(&mut self, key: Key, exchange: ExchangeId, becomes: Now, group: &Group) {
        let Some(entry) = self.keys.get_mut(&key).filter(|e| e.exchange == exchange) else { return };
        match becomes {
            Now::Answered(at, length) => {
                entry.state = State::Answered(group.segment, group.offset + at as u64, length);
            }
            Now::AnsweredUnkept => entry.state = State::AnsweredUnkept,
            Now::Unknown => entry.state = State::Unknown,
            Now::Free => drop(self.keys.remove(&key)),
        }
    }

    /// Takes back what is being gathered: it will not be written.
    pub fn drop_gathered(&mut self) {
        let changes = std::mem::take(&mut self.changes);
        self.undo(&changes);
        self.gathered.clear();
        self.gathered_bytes = 0;
    }

    fn undo(&mut self, changes: &[Change]) {
        for change in changes {
            match change {
                Change::Begun(key, exchange) => {
                    if self.keys.get(key).is_some_and(|e| e.exchange == *exchange) {
                        self.keys.remove(key);
                    }
                }
                Change::Ended(key, exchange, _) => {
                    if let Some(entry) = self.keys.get_mut(key).filter(|e| e.exchange == *exchange) {
                        entry.state = State::Unknown;
                    }
                }
            }
        }
    }

    /// Writes what waits.
    pub fn flush(&mut self, now: Millis) -> Result<(), LedgerError> {
        let Some(group) = self.take(now)? else { return Ok(()) };
        let result = group.write();
        self.written(group, result)
    }

    /// Forgets keys, and removes files, that are older than the window.
    fn expire(&mut self, now: Millis) {
        let old = now.0 - self.cfg.window_ms;
        loop {
            let Some((n, first)) = self.segments.first_key_value() else { return };
            if self.segments.len() < 2 || first.newest.0 >= old {
                return;
            }
            let n = *n;
            if let Err(e) = self.disk.remove(&first.path) {
                tracing::warn!(path = %first.path.display(), error = %e, "idempotency journal: an old file was not removed");
                return;
            }
            self.segments.remove(&n);
            self.keys.retain(|_, e| e.at.0 >= old);
        }
    }

    /// Keys that are remembered.
    pub fn len(&self) -> usize {
        self.keys.len()
    }
    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }
}

/// The most that is gathered while another group is written, bytes; one frame may go beyond.
const GROUP_MAX: usize = 32 << 20;

fn segment_path(dir: &Path, n: u64) -> PathBuf {
    dir.join(format!("{n:016x}.keys"))
}

fn number(name: &str) -> Option<u64> {
    name.strip_suffix(".keys").filter(|n| n.len() == 16).and_then(|n| u64::from_str_radix(n, 16).ok())
}
