//! Erasing content whose time is over: sealed segments are written again without it. The commitments stay, so the tree can still be
//! verified; record and salt go together, so that what remains says nothing. Not here: what will be due when (`forecast`).

use crate::archive::{Archive, ArchiveError};
use crate::disk::Mode;
use crate::draft::{AppendError, Draft, is_document};
use crate::frame::{EntryHead, Frame, MAGIC, Start};
use crate::index::{Collector, Stats};
use crate::log::Log;
use crate::segment::{SegmentReader, segments_dir};
use lgsp_kernel::Millis;
use lgsp_kernel::record::{Entry, ErasureRecord};
use serde::{Deserialize, Serialize};
use std::io;
use std::path::{Path, PathBuf};

const DAY: i64 = 86_400_000;
/// What is written at once while a segment is rewritten, bytes.
const CHUNK: usize = 1 << 20;

/// How long what is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct RetentionPolicy {
    /// Days that records are kept after their group was written; without it, for ever. Bodies go with their records, or earlier, when
    /// their entry says so.
    pub records_days: Option<u32>,
}

impl RetentionPolicy {
    /// Records of groups before this moment are due.
    fn records_before(&self, now: Millis) -> Option<i64> {
        self.records_days.map(|d| now.0.saturating_sub(i64::from(d) * DAY))
    }
}

/// What is due in one segment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Due {
    /// The epoch.
    pub epoch: u32,
    /// First entry of the segment.
    pub first: u64,
    /// Last entry of the segment.
    pub last: u64,
    /// Records that are due.
    pub records: u64,
    /// Kept bodies that are due.
    pub bodies: u64,
    /// Bytes that become free.
    pub bytes: u64,
    /// Whether the segment must be sealed first.
    pub active: bool,
}

/// What was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Erased {
    /// Segments that were rewritten.
    pub segments: u64,
    /// Records that were erased.
    pub records: u64,
    /// Bodies that were erased.
    pub bodies: u64,
    /// Bytes that became free.
    pub bytes: u64,
}

/// Why nothing more was erased. What was begun is finished by running again.
#[derive(Debug, thiserror::Error)]
pub enum RetentionError {
    /// The log could not be read.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// The erasure could not be recorded; nothing was erased for it.
    #[error("the erasure was not recorded: {0}")]
    Append(#[from] AppendError),
    /// The disk failed.
    #[error("{0}: {1}")]
    Io(PathBuf, #[source] io::Error),
}

/// Whether a frame's content is due. `at` is the time of its group.
#[derive(Debug, Clone, Copy)]
struct Rule {
    records_before: Option<i64>,
    now: i64,
}

impl Rule {
    fn record(&self, at: i64) -> bool {
        self.records_before.is_some_and(|before| at < before)
    }
    fn bodies(&self, until: Option<Millis>) -> bool {
        until.is_some_and(|u| u.0 <= self.now)
    }
    /// Whether anything in a segment may be due; reads nothing but its sums.
    fn touches(&self, s: &Stats) -> bool {
        let records = s.records > 0 && self.record(s.first_at);
        records || (s.bodies > 0 && s.bodies_due <= self.now)
    }
}

/// What is due now.
pub fn plan(archive: &Archive, policy: RetentionPolicy, now: Millis) -> Result<Vec<Due>, ArchiveError> {
    let rule = Rule { records_before: policy.records_before(now), now: now.0 };
    let mut plan = Vec::new();
    for epoch in archive.epochs()? {
        let firsts = archive.segments(epoch)?;
        let newest = archive.epochs()?.last() == Some(&epoch);
        for (i, first) in firsts.iter().enumerate() {
            let path = archive.segment_path(epoch, *first);
            let active = newest && i + 1 == firsts.len();
            let index = archive.index(&path, active)?;
            if !rule.touches(&index.stats) {
                continue;
            }
            let mut count = Count::default();
            rewrite(archive, &path, rule, &mut |_| Ok(()), &mut count).map_err(|e| match e {
                RetentionError::Archive(e) => e,
                other => ArchiveError::Broken(other.to_string()),
            })?;
            if count.records + count.bodies > 0 {
                let (records, bodies, bytes) = (count.records, count.bodies, count.bytes);
                let last = index.stats.next.saturating_sub(1);
                plan.push(Due { epoch, first: *first, last, records, bodies, bytes, active });
            }
        }
    }
    Ok(plan)
}

/// Erases what is due now: records each erasure in the log, then rewrites the segment. Blocks; may be run again at any time, also after
/// it was interrupted.
pub fn run(log: &Log, policy: RetentionPolicy, now: Millis) -> Result<Erased, RetentionError> {
    let archive = Archive::open_on(log.disk().clone(), &log.config().dir);
    let mut due = plan(&archive, policy, now)?;
    if due.iter().any(|d| d.active) {
        log.rotate()?;
        due = plan(&archive, policy, now)?;
        due.retain(|d| !d.active);
    }
    let rule = Rule { records_before: policy.records_before(now), now: now.0 };
    let mut erased = Erased::default();
    for d in due {
        let record = Entry::Erasure(ErasureRecord {
            at: now,
            epoch: (d.epoch != log.state().epoch).then_some(d.epoch),
            range: (d.first, d.last),
            records: d.records,
            bodies: d.bodies,
            rule: rule_text(policy),
        });
        let json = serde_json::to_vec(&record).expect("a record is JSON");
        log.append(Draft::of(None, json.into()))?.wait()?;
        let path = archive.segment_path(d.epoch, d.first);
        let count = replace(&archive, &path, rule)?;
        erased.segments += 1;
        erased.records += count.records;
        erased.bodies += count.bodies;
        erased.bytes += count.bytes;
    }
    Ok(erased)
}

fn rule_text(policy: RetentionPolicy) -> String {
    let records = policy.records_days.map_or("records for ever".into(), |d| format!("records {d} days"));
    format!("{records}, bodies as their entries say")
}

#[derive(Debug, Default)]
struct Count {
    records: u64,
    bodies: u64,
    bytes: u64,
}

/// Writes the segment again beside the old one, and puts it in its place: at every moment one of them is there, whole.
fn replace(archive: &Archive, path: &Path, rule: Rule) -> Result<Count, RetentionError> {
    let io = |e| RetentionError::Io(path.to_owned(), e);
    let temporary = path.with_extension("seg.tmp");
    let file = archive.disk.open(&temporary, Mode::Create).map_err(io)?;
    let mut at = 0;
    let mut count = Count::default();
    rewrite(
        archive,
        path,
        rule,
        &mut |bytes| {
            file.write_all_at(bytes, at)?;
            at += bytes.len() as u64;
            Ok(())
        },
        &mut count,
    )?;
    file.sync_data().map_err(io)?;
    archive.disk.rename(&temporary, path).map_err(io)?;
    archive.disk.sync_dir(path.parent().unwrap_or(&segments_dir(&archive.dir))).map_err(io)?;
    // The old index is of the old version and is passed over from now on.
    Collector::read(&archive.disk, path)
        .map_err(ArchiveError::from)?
        .write(&archive.disk, path)
        .map_err(io)?;
    Ok(count)
}

/// Goes through a segment group by group and hands on what stays.
fn rewrite(
    archive: &Archive,
    path: &Path,
    rule: Rule,
    out: &mut impl FnMut(&[u8]) -> io::Result<()>,
    count: &mut Count,
) -> Result<(), RetentionError> {
    let mut reader = SegmentReader::open(&archive.disk, path).map_err(ArchiveError::from)?;
    let start = Start { rewrites: reader.start().rewrites + 1, ..reader.start().clone() };
    let mut bytes = MAGIC.to_vec();
    Frame::Start(start).put(&mut bytes);
    // The time of a group stands at its end: its frames wait here in both forms.
    let (mut kept, mut erased) = (Vec::new(), Vec::new());
    let (mut with, mut without) = (Count::default(), Count::default());
    let mut body_due = false;
    while let Some(found) = reader.read_frame().map_err(ArchiveError::from)? {
        let len = found.end - found.offset;
        match found.frame {
            Frame::Entry { head, bodies_until, bodies_erased, salt, record } => {
                body_due = rule.bodies(bodies_until);
                let bodies_erased = bodies_erased || (body_due && head.bodies > 0);
                Frame::Entry { head, bodies_until, bodies_erased, salt, record }.put(&mut kept);
                // The log's own entries stay: they say what was erased, and tie epochs and the audit trail to the tree. So do documents:
                // proofs of later exchanges rely on them.
                if head.exchange.is_some_and(|id| !is_document(id)) {
                    let before = erased.len();
                    Frame::Erased(EntryHead { ..head }).put(&mut erased);
                    without.records += 1;
                    without.bytes += len - (erased.len() - before) as u64;
                } else {
                    Frame::Entry { head, bodies_until, bodies_erased, salt, record }.put(&mut erased);
                }
            }
            Frame::Erased(head) => {
                Frame::Erased(head).put(&mut kept);
                Frame::Erased(head).put(&mut erased);
            }
            Frame::Body { .. } => {
                without.bodies += 1;
                without.bytes += len;
                if body_due {
                    with.bodies += 1;
                    with.bytes += len;
                } else {
                    found.frame.put(&mut kept);
                }
            }
            Frame::Group { at, .. } => {
                let (frames, sum) =
                    if rule.record(at.0) { (&mut erased, &without) } else { (&mut kept, &with) };
                bytes.append(frames);
                found.frame.put(&mut bytes);
                count.records += sum.records;
                count.bodies += sum.bodies;
                count.bytes += sum.bytes;
                (with, without) = (Count::default(), Count::default());
                kept.clear();
                erased.clear();
                if bytes.len() >= CHUNK {
                    out(&bytes).map_err(|e| RetentionError::Io(path.to_owned(), e))?;
                    bytes.clear();
                }
            }
            Frame::Start(_) => {}
        }
    }
    out(&bytes).map_err(|e| RetentionError::Io(path.to_owned(), e))
}
