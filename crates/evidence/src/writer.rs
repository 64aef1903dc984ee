//! The thread that writes: it takes all that waits, makes one group of it, one write and one sync, and completes the tickets.
//! Tiles and the `checkpoint` file follow when there is time. Not here: finding the end after a crash (`recover`).

use crate::disk::{Disk, DiskFile, Mode};
use crate::draft::AppendError;
use crate::frame::{EntryHead, Frame, MAGIC, Start};
use crate::hash::{self, EntryBytes, SALT_LEN};
use crate::index::Collector;
use crate::log::{Command, Done, LogConfig, Queue, Shared, Waiting, Written};
use crate::note::{Checkpoint, LogKey};
use crate::receipt::NewestPaths;
use crate::segment::{segment_path, segments_dir};
use crate::tiles::TileWriter;
use crate::tree::Frontier;
use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use lgsp_kernel::Clock;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// The most records of one group: bounds the work between two syncs.
pub const GROUP_RECORDS_MAX: usize = 4096;
/// About the most bytes of one group.
pub const GROUP_BYTES_MAX: usize = 8 << 20;
/// With this many waiting there is nothing to gather for.
const GATHER_BELOW: usize = 256;
/// While so many more come within one delay it is waited once more: a signature, a write and a sync cost much more than a record.
const GATHER_MORE: usize = 8;
/// But no longer than so many delays.
const GATHER_DELAYS: usize = 4;
/// How often the `checkpoint` file and partial tiles are renewed at most, while little is written.
const PUBLISH_EVERY: Duration = Duration::from_millis(250);
/// The same while much is written: new files make the journal of the file system, and with it each sync, slower. Measured at full
/// load: publishing four times a second, 99 of 100 records wait up to 96 ms, every five seconds up to 11 ms.
const PUBLISH_EVERY_BUSY: Duration = Duration::from_secs(5);
/// A group of so many records is a busy one.
const BUSY: usize = 16;
/// How often a full disk is looked at when nothing is written.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// So much before a group is forgotten with it: what the system keeps as one piece it lets go only as a whole, and the piece that two
/// groups share not with the first.
const FORGET_BEFORE: u64 = 1 << 20;
/// What is forgotten ends at a multiple of this: a page, or several.
const PAGE: u64 = 4 << 10;
/// A group's buffer larger than this is given back.
const BUFFER_KEEP: usize = 1 << 20;

/// The segment that is being written.
#[derive(Debug)]
pub(crate) struct Active {
    pub file: DiskFile,
    pub path: PathBuf,
    pub len: u64,
    pub collector: Collector,
}

/// Where the log stands after recovery.
#[derive(Debug)]
pub(crate) struct Tail {
    pub epoch: u32,
    pub epoch_dir: PathBuf,
    pub origin: String,
    pub frontier: Frontier,
    pub checkpoint: Checkpoint,
    pub active: Active,
    pub tiles: TileWriter,
    /// The record of the first entry, where the epoch is new.
    pub opening: Option<bytes::Bytes>,
}

/// The writer.
#[derive(Debug)]
pub(crate) struct Writer {
    shared: Arc<Shared>,
    disk: Disk,
    cfg: LogConfig,
    key: LogKey,
    clock: Clock,
    tail: Tail,
    random: SystemRandom,
    buf: Vec<u8>,
    salts: Vec<u8>,
    entries: Vec<(EntryBytes, hash::Hash)>,
    published_at: Option<Instant>,
    looked_at: Instant,
    publish_every: Duration,
    /// The key did not sign the last time it was asked.
    unsigned: bool,
}

/// Makes the file of a segment that begins at this edge of the tree, durably.
pub(crate) fn begin_segment(
    disk: &Disk,
    epoch_dir: &Path,
    epoch: u32,
    edge: &Frontier,
    at: lgsp_kernel::Millis,
    bytes: u64,
) -> io::Result<Active> {
    let path = segment_path(epoch_dir, edge.size());
    let file = disk.open(&path, Mode::Create)?;
    file.preallocate(bytes);
    let mut head = MAGIC.to_vec();
    let start = Start { epoch, rewrites: 0, first: edge.size(), at, peaks: edge.peaks().to_vec() };
    Frame::Start(start).put(&mut head);
    file.write_all_at(&head, 0)?;
    file.sync_data()?;
    disk.sync_dir(&segments_dir(epoch_dir))?;
    Ok(Active { file, path, len: head.len() as u64, collector: Collector::new(edge.size(), 0) })
}

/// Why a group was not written.
enum Trouble {
    /// Nothing was changed; there may be room again.
    Full(String),
    /// Nothing was changed; the key may sign again.
    Unsigned(String),
    /// Nothing is certain any more.
    Fatal(String),
}

impl Writer {
    pub(crate) fn new(
        shared: Arc<Shared>,
        disk: Disk,
        cfg: LogConfig,
        key: LogKey,
        clock: Clock,
        tail: Tail,
    ) -> Self {
        Self {
            shared,
            disk,
            cfg,
            key,
            clock,
            tail,
            random: SystemRandom::new(),
            buf: Vec::new(),
            salts: Vec::new(),
            entries: Vec::new(),
            published_at: None,
            looked_at: Instant::now(),
            publish_every: PUBLISH_EVERY,
            unsigned: false,
        }
    }

    /// Writes until closed. A panic fails the log: nothing more is acknowledged.
    pub(crate) fn run(mut self) {
        let shared = self.shared.clone();
        if catch_unwind(AssertUnwindSafe(|| self.work())).is_err() {
            fail(&shared, "the message log's writer ended unexpectedly");
        }
    }

    fn work(&mut self) {
        loop {
            let (group, commands, closing) = self.take();
            if !group.is_empty() {
                self.publish_every = if group.len() < BUSY { PUBLISH_EVERY } else { PUBLISH_EVERY_BUSY };
                self.write(group);
            }
            if self.shared.queue.lock().failed {
                return;
            }
            self.publish_if_due(closing || !commands.is_empty());
            for (command, done) in commands {
                if command == Command::Rotate
                    && self.tail.frontier.size() > self.tail.active.collector.stats.first
                {
                    self.rotate_or_report();
                }
                let _ = done.send(());
            }
            if closing && self.shared.queue.lock().waiting.is_empty() {
                return;
            }
        }
    }

    /// One group, if one waits; see [`crate::log::Driver`].
    pub(crate) fn step(&mut self) -> bool {
        let idle = {
            let q = self.shared.queue.lock();
            q.failed || q.waiting.is_empty()
        };
        if !idle {
            let (group, ..) = self.take();
            self.write(group);
        }
        !idle
    }

    /// Writes tiles and the `checkpoint` file, unless nothing is new.
    pub(crate) fn publish(&mut self) {
        self.publish_if_due(true);
    }

    /// Sleeps until there is something to do; takes a group's worth.
    #[allow(clippy::type_complexity)]
    fn take(&mut self) -> (Vec<Waiting>, Vec<(Command, tokio::sync::oneshot::Sender<()>)>, bool) {
        let shared = self.shared.clone();
        let mut q = shared.queue.lock();
        let idle = |q: &Queue| q.waiting.is_empty() && q.commands.is_empty() && !q.closing;
        if idle(&q) {
            q.wake_at = 1;
            match self.next_chore() {
                Some(wait) => drop(shared.wake.wait_for(&mut q, wait)),
                None => shared.wake.wait(&mut q),
            }
        }
        if !q.waiting.is_empty() && !self.cfg.gather.is_zero() {
            gather(&shared, &mut q, self.cfg.gather);
        }
        q.wake_at = 0;
        let mut bytes = 0;
        let n = q.waiting.iter().take(GROUP_RECORDS_MAX).take_while(|w| {
            let fits = bytes < GROUP_BYTES_MAX;
            bytes += w.draft.weight();
            fits
        });
        let n = n.count();
        let rest = q.waiting.split_off(n);
        let group = std::mem::replace(&mut q.waiting, rest);
        q.bytes = q.bytes.saturating_sub(group.iter().map(|w| w.draft.weight()).sum());
        (group, std::mem::take(&mut q.commands), q.closing)
    }

    /// How long until something is due although nothing is appended.
    fn next_chore(&self) -> Option<Duration> {
        let unpublished = self.tail.tiles.published() != self.tail.tiles.size();
        let publish = unpublished.then(|| {
            self.published_at.map_or(Duration::ZERO, |t| self.publish_every.saturating_sub(t.elapsed()))
        });
        let look = self.shared.trouble.lock().is_some().then_some(LOOK_EVERY);
        publish.into_iter().chain(look).min()
    }

    fn write(&mut self, group: Vec<Waiting>) {
        let group = match self.room(group) {
            group if group.is_empty() => return,
            group => group,
        };
        if self.tail.active.len >= self.cfg.segment_bytes && !self.rotate_or_report() {
            return refuse(group, AppendError::DiskFull);
        }
        match self.write_group(&group) {
            Ok((first, paths)) => {
                self.sign_again();
                let written = Written {
                    epoch: self.tail.epoch,
                    first,
                    salts: &self.salts,
                    checkpoint: self.shared.checkpoint.lock().clone(),
                    paths,
                };
                group.into_iter().enumerate().for_each(|(nth, w)| w.done.written(&written, nth));
            }
            Err(Trouble::Full(why)) => {
                tracing::error!(why, "message log: the disk is full; nothing is acknowledged");
                *self.shared.trouble.lock() = Some(why);
                refuse(group, AppendError::DiskFull);
            }
            Err(Trouble::Unsigned(why)) => {
                self.cannot_sign(why);
                refuse(group, AppendError::Unsigned);
            }
            Err(Trouble::Fatal(why)) => {
                tracing::error!(why, "message log: failed; it must be opened again");
                fail(&self.shared, &why);
                refuse(group, AppendError::Failed);
            }
        }
        if self.buf.capacity() > BUFFER_KEEP {
            self.buf = Vec::new();
        }
    }

    /// Turns exchanges away while less than the reserve is free; the log's own entries may use the reserve.
    fn room(&mut self, mut group: Vec<Waiting>) -> Vec<Waiting> {
        if self.has_room() {
            return group;
        }
        let (own, exchanges): (Vec<_>, Vec<_>) = group.drain(..).partition(|w| w.draft.exchange.is_none());
        refuse(exchanges, AppendError::DiskFull);
        own
    }

    /// Looks at the disk, and says in the state what it saw.
    fn has_room(&mut self) -> bool {
        self.looked_at = Instant::now();
        let reserve = self.cfg.disk_reserve_bytes;
        let free = self.disk.free_bytes(&self.tail.epoch_dir).unwrap_or(u64::MAX);
        let mut trouble = self.shared.trouble.lock();
        if free >= reserve && free > 0 {
            if !self.unsigned {
                *trouble = None;
            }
            return true;
        }
        *trouble = Some(format!("the disk has {free} bytes free, {reserve} are kept in reserve"));
        false
    }

    /// Says in the state, once, that the key does not sign.
    fn cannot_sign(&mut self, why: String) {
        if !self.unsigned {
            tracing::error!(why, "message log: its key cannot sign; nothing is acknowledged");
        }
        self.unsigned = true;
        *self.shared.trouble.lock() = Some(format!("the log's key cannot sign: {why}"));
    }

    /// The key signs: if it did not before, that trouble is over.
    fn sign_again(&mut self) {
        if std::mem::take(&mut self.unsigned) {
            tracing::info!("message log: its key signs again");
            *self.shared.trouble.lock() = None;
        }
    }

    /// Tries the key on what it signed already: callers that look first bring no group that would show that it works again.
    fn try_key(&mut self) {
        let c = &self.tail.checkpoint;
        match self.key.sign(&c.origin, c.size, c.root) {
            Ok(_) => self.sign_again(),
            Err(why) => self.cannot_sign(why),
        }
    }

    /// Makes the group durable; says the index of its first entry, and the paths of its entries where somebody wants receipts.
    fn write_group(&mut self, group: &[Waiting]) -> Result<(u64, Option<NewestPaths>), Trouble> {
        let first = self.tail.frontier.size();
        let mut frontier = self.tail.frontier.clone();
        self.salts.resize(group.len() * SALT_LEN, 0);
        self.random.fill(&mut self.salts).map_err(|_| Trouble::Fatal("no random numbers".into()))?;
        self.buf.clear();
        self.entries.clear();
        for (i, w) in group.iter().enumerate() {
            let salt = self.salts[i * SALT_LEN..].first_chunk().expect("as many salts as records");
            let entry = hash::commit(salt, &w.draft.record);
            let leaf = hash::leaf(&entry);
            put_entry(&mut self.buf, first + i as u64, entry, salt, w);
            frontier.push(leaf);
            self.entries.push((entry, leaf));
        }
        let signed = self.key.sign(&self.tail.origin, frontier.size(), frontier.root());
        let checkpoint = signed.map_err(Trouble::Unsigned)?;
        let (size, root) = (checkpoint.size, checkpoint.root);
        Frame::Group { first, at: self.clock.now(), size, root, note: &checkpoint.note }.put(&mut self.buf);
        self.make_durable()?;
        self.account(group.len());
        let wanted = group.iter().any(|w| matches!(w.done, Done::Receipt(_)));
        let paths = wanted.then(|| {
            let leaves: Vec<_> = self.entries.iter().map(|(_, leaf)| *leaf).collect();
            NewestPaths::new(&self.tail.frontier, &leaves)
        });
        self.tail.frontier = frontier;
        self.tail.checkpoint = checkpoint.clone();
        *self.shared.checkpoint.lock() = Arc::new(checkpoint);
        Ok((first, paths))
    }

    /// One write, one sync.
    fn make_durable(&mut self) -> Result<(), Trouble> {
        let active = &self.tail.active;
        if let Err(e) = active.file.write_all_at(&self.buf, active.len) {
            let why = format!("writing {}: {e}", active.path.display());
            // Back to the last durable group: nothing of this one may be taken for written.
            return match active.file.set_len(active.len) {
                Ok(()) => Err(Trouble::Full(why)),
                Err(cut) => Err(Trouble::Fatal(format!("{why}; and cutting it back: {cut}"))),
            };
        }
        let begun = Instant::now();
        if self.cfg.sync {
            // After a failed sync the kernel may have dropped what it could not write: only reading it anew can tell.
            let synced = active.file.sync_data();
            synced.map_err(|e| Trouble::Fatal(format!("syncing {}: {e}", active.path.display())))?;
        }
        let micros = u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.shared.sync_micros.store(micros, Ordering::Relaxed);
        if self.cfg.sync {
            // Not the page that the next group goes on in: it would have to be read again.
            let end = (active.len + self.buf.len() as u64) / PAGE * PAGE;
            active.file.forget(active.len.saturating_sub(FORGET_BEFORE), end);
        }
        Ok(())
    }

    /// Remembers what the group just written holds.
    fn account(&mut self, records: usize) {
        let active = &mut self.tail.active;
        let mut at = 0;
        while let Ok((frame, len)) = crate::frame::read_trusted(&self.buf[at..]) {
            active.collector.take(&frame, active.len + at as u64, len as u64);
            at += len;
        }
        active.len += self.buf.len() as u64;
        for (entry, leaf) in &self.entries {
            self.tail.tiles.push(entry, *leaf);
        }
        let s = &self.shared;
        s.groups.fetch_add(1, Ordering::Relaxed);
        s.records.fetch_add(records as u64, Ordering::Relaxed);
        s.bytes.fetch_add(self.buf.len() as u64, Ordering::Relaxed);
    }

    /// Writes tiles and the checkpoint, not too often. They are derived: failing here loses nothing.
    fn publish_if_due(&mut self, now: bool) {
        if self.shared.trouble.lock().is_some() && self.looked_at.elapsed() >= LOOK_EVERY {
            self.has_room();
            if self.unsigned {
                self.try_key();
            }
        }
        if self.tail.tiles.is_full()
            && let Err(e) = self.tail.tiles.flush()
        {
            tracing::warn!(error = %e, "message log: tiles were not written; they follow later");
        }
        let recently = self.published_at.is_some_and(|t| t.elapsed() < self.publish_every);
        let nothing_new = self.tail.tiles.published() == self.tail.tiles.size();
        if nothing_new || (recently && !now) {
            return;
        }
        self.published_at = Some(Instant::now());
        if let Err(e) = self.tail.tiles.publish(&self.tail.checkpoint) {
            tracing::warn!(error = %e, "message log: the checkpoint file was not written; it follows later");
        }
    }

    fn rotate_or_report(&mut self) -> bool {
        match self.rotate() {
            Ok(()) => true,
            Err(e) => {
                tracing::error!(error = %e, "message log: the next segment was not begun");
                *self.shared.trouble.lock() = Some(format!("beginning a segment: {e}"));
                false
            }
        }
    }

    /// Seals the active segment and begins the next. All tiles are made durable before, so that recovery need not look further
    /// back than one segment.
    fn rotate(&mut self) -> io::Result<()> {
        self.tail.tiles.publish(&self.tail.checkpoint)?;
        self.disk.sync_all(&self.tail.epoch_dir)?;
        let old = &self.tail.active;
        old.collector.write(&self.disk, &old.path)?;
        let t = &self.tail;
        let next = begin_segment(
            &self.disk,
            &t.epoch_dir,
            t.epoch,
            &t.frontier,
            self.clock.now(),
            self.cfg.segment_bytes,
        )?;
        // Gives back what was reserved ahead of the end.
        let _ = self.tail.active.file.set_len(self.tail.active.len);
        self.tail.active = next;
        Ok(())
    }
}

/// Lets more records join those that wait, as long as enough of them come.
fn gather(shared: &Shared, q: &mut parking_lot::MutexGuard<'_, Queue>, delay: Duration) {
    for _ in 0..GATHER_DELAYS {
        let (before, until) = (q.waiting.len(), Instant::now() + delay);
        q.wake_at = GATHER_BELOW;
        while q.waiting.len() < GATHER_BELOW && !q.closing && !shared.wake.wait_until(q, until).timed_out() {}
        if q.closing || q.waiting.len() >= GATHER_BELOW || q.waiting.len() < before + GATHER_MORE {
            return;
        }
    }
}

fn put_entry(out: &mut Vec<u8>, index: u64, entry: EntryBytes, salt: &[u8; SALT_LEN], w: &Waiting) {
    let d = &w.draft;
    let head = EntryHead { index, entry, exchange: d.exchange, bodies: d.bodies.len() as u8 };
    let until = d.bodies_until.filter(|_| !d.bodies.is_empty());
    Frame::Entry { head, bodies_until: until, bodies_erased: false, salt, record: &d.record }.put(out);
    for (role, bytes) in &d.bodies {
        Frame::Body { index, role: *role, bytes }.put(out);
    }
}

fn refuse(group: Vec<Waiting>, why: AppendError) {
    group.into_iter().for_each(|w| w.done.refused(why));
}

/// From now on nothing is accepted; what waits is told so.
fn fail(shared: &Shared, why: &str) {
    *shared.trouble.lock() = Some(why.to_owned());
    let (waiting, _) = {
        let mut q = shared.queue.lock();
        q.failed = true;
        q.bytes = 0;
        (std::mem::take(&mut q.waiting), std::mem::take(&mut q.commands))
    };
    refuse(waiting, AppendError::Failed);
}
