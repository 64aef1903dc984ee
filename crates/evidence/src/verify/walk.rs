//! Goes through the entries of an epoch in order: opens commitments, grows the tree, holds it against every signed group and every
//! claimed checkpoint. Where something does not fit, `diagnose` finds out which entry it is.

use super::content::{ContentState, Gone, covers};
use super::derived::TileCheck;
use super::{Claim, ClaimKind, EpochReport, Problem, ProblemKind, VerifyReport, diagnose};
use crate::archive::{Archive, ArchiveError};
use crate::draft::document_id;
use crate::frame::{BodyRole, EntryHead, Frame, FrameError};
use crate::hash::{self, Hash};
use crate::index::Collector;
use crate::note::Verifier;
use crate::segment::{Damage, GroupEnd, ReadError, SegmentReader};
use crate::tree::Frontier;
use lgsp_kernel::ExchangeId;
use lgsp_kernel::record::{Entry, ExchangeRecord};
use std::path::{Path, PathBuf};

/// An entry of the group that is being read.
#[derive(Debug, Clone)]
pub(super) struct Member {
    /// The index that it says it has.
    pub says: u64,
    pub leaf: Option<Hash>,
    pub exchange: Option<ExchangeId>,
    pub offset: u64,
}

/// The bodies of the entry read last are still to come.
#[derive(Debug, Clone)]
struct Open {
    index: u64,
    exchange: Option<ExchangeId>,
    offset: u64,
    kept: u8,
    erased: bool,
    seen: u8,
    record: Option<Box<ExchangeRecord>>,
}

/// The state of going through an epoch.
pub(super) struct Walk<'a> {
    pub archive: &'a Archive,
    verifier: &'a Verifier,
    pub epoch: u32,
    origin: String,
    pub report: &'a mut VerifyReport,
    pub frontier: Frontier,
    /// After damage the tree cannot be computed until its edge is found again.
    pub lost: bool,
    claims: Vec<Claim>,
    members: Vec<Member>,
    open: Option<Open>,
    pub content: ContentState,
    tiles: Option<TileCheck>,
    path: PathBuf,
    last: Option<String>,
    /// Entries before this one are read, but their content is not looked at.
    pub content_from: u64,
    /// Where to stop, at the end of a group.
    pub stop_at: Option<u64>,
}

/// Goes through all of an epoch.
pub(super) fn epoch(
    archive: &Archive,
    verifier: &Verifier,
    epoch: u32,
    claims: Vec<Claim>,
    content: &mut ContentState,
    report: &mut VerifyReport,
) -> Result<(), ArchiveError> {
    let published = claims.iter().find(|c| c.kind == ClaimKind::Published).map_or(0, |c| c.checkpoint.size);
    let mut walk = Walk::new(archive, verifier, epoch, claims, report);
    walk.tiles = Some(TileCheck::new(published));
    walk.content = std::mem::take(content);
    let firsts = archive.segments(epoch)?;
    for (i, first) in firsts.iter().enumerate() {
        walk.segment(*first, i + 1 == firsts.len())?;
    }
    walk.finish();
    *content = walk.content;
    Ok(())
}

impl<'a> Walk<'a> {
    pub(super) fn new(
        archive: &'a Archive,
        verifier: &'a Verifier,
        epoch: u32,
        claims: Vec<Claim>,
        report: &'a mut VerifyReport,
    ) -> Self {
        Self {
            archive,
            verifier,
            epoch,
            origin: archive.origin(verifier.name(), epoch),
            report,
            frontier: Frontier::default(),
            lost: false,
            claims,
            members: Vec::new(),
            open: None,
            content: ContentState::default(),
            tiles: None,
            path: archive.epoch_dir(epoch),
            last: None,
            content_from: 0,
            stop_at: None,
        }
    }

    pub(super) fn problem(
        &mut self,
        kind: ProblemKind,
        entries: Option<(u64, u64)>,
        exchange: Option<ExchangeId>,
        offset: Option<u64>,
        what: impl Into<String>,
    ) {
        let path = self.path.clone();
        self.report.report(Problem {
            kind,
            epoch: self.epoch,
            entries,
            exchange,
            path,
            offset,
            what: what.into(),
        });
    }

    fn done(&self) -> bool {
        self.stop_at.is_some_and(|stop| self.frontier.size() >= stop)
    }

    /// Reads a segment. The end of the last one may be half written, by a power cut or at this moment.
    pub(super) fn segment(&mut self, first: u64, is_last: bool) -> Result<(), ArchiveError> {
        self.path = self.archive.segment_path(self.epoch, first);
        let path = self.path.clone();
        let mut reader = match SegmentReader::open(&self.archive.disk, &path) {
            Ok(reader) => reader,
            Err(ReadError::Damage(d)) => {
                let reader = SegmentReader::open_at(&self.archive.disk, &path)?;
                let skipped = self.skip(reader, d, is_last)?;
                let Some(reader) = skipped else { return Ok(()) };
                return self.groups(reader, is_last, None);
            }
            Err(e) => return Err(e.into()),
        };
        let start = reader.start().clone();
        if start.first != first || start.epoch != self.epoch {
            let what = format!("the file says it begins at entry {} of epoch {}", start.first, start.epoch);
            self.problem(ProblemKind::Reordered, None, None, Some(0), what);
        }
        let here = self.frontier.size();
        if start.first > here && self.stop_at.is_none() {
            self.problem(
                ProblemKind::Removed,
                Some((here, start.first)),
                None,
                None,
                "the segment that held these entries is missing",
            );
        } else if start.first < here {
            let what = "the segment begins with entries that were read before: a copy, or a file put in";
            self.problem(ProblemKind::Inserted, Some((start.first, here)), None, None, what);
        }
        let edge = Frontier::new(start.first, start.peaks.clone());
        if start.first != here || self.lost {
            if let Some(edge) = edge {
                self.frontier = edge;
                self.lost = false;
                self.tiles = None;
            }
        } else if edge.is_none_or(|e| e != self.frontier) {
            self.problem(
                ProblemKind::Changed,
                None,
                None,
                Some(0),
                "the segment's first frame states another tree than the entries before it make",
            );
        }
        reader.seek(reader.offset());
        let collector = Collector::new(start.first, start.rewrites);
        self.groups(reader, is_last, Some(collector))
    }

    fn groups(
        &mut self,
        mut reader: SegmentReader,
        is_last: bool,
        mut collector: Option<Collector>,
    ) -> Result<(), ArchiveError> {
        loop {
            if self.done() {
                return Ok(());
            }
            let offset = reader.offset();
            let damage = match reader.read_frame() {
                Ok(Some(found)) => {
                    if let Some(c) = &mut collector {
                        c.take(&found.frame, found.offset, found.end - found.offset);
                    }
                    self.frame(&found.frame, found.offset);
                    continue;
                }
                Ok(None) if self.members.is_empty() => break,
                Ok(None) => Damage { path: self.path.clone(), offset, what: FrameError::Short },
                Err(ReadError::Damage(d)) => d,
                Err(e) => return Err(e.into()),
            };
            collector = None;
            if damage.what == FrameError::Checksum
                && let Some(is_body) = reader.skip_damaged_frame()
            {
                let index = self.frontier.size() + self.members.len() as u64
                    - u64::from(is_body && !self.members.is_empty());
                self.open = None;
                self.problem(
                    ProblemKind::Damaged,
                    Some((index, index + 1)),
                    None,
                    Some(offset),
                    "the checksum of a frame does not match",
                );
                // Whether with it an entry is missing, `diagnose` sees at the end of the group.
                continue;
            }
            match self.skip(reader, damage, is_last)? {
                Some(behind) => reader = behind,
                None => break,
            }
        }
        self.close_entry();
        self.members.clear();
        if let Some(collector) = collector.filter(|_| !is_last) {
            super::derived::check_index(self, collector);
        }
        Ok(())
    }

    /// Looks for the next signed group behind damage; none if there is none, which at the end of the last segment is no damage.
    fn skip(
        &mut self,
        mut reader: SegmentReader,
        damage: Damage,
        is_last: bool,
    ) -> Result<Option<SegmentReader>, ArchiveError> {
        self.close_entry();
        let here = self.frontier.size();
        let at = here + self.members.len() as u64;
        self.members.clear();
        let mut from = damage.offset;
        while let Some((offset, end)) = reader.find_group_end(from)? {
            let torn = is_last && end.first == here && !self.archive_knows(end.size);
            if end.size > here && self.is_signed(&end) && !torn {
                let what = format!("{}; up to the end of the group nothing can be read", damage.what);
                self.problem(
                    ProblemKind::Damaged,
                    Some((at.min(end.size - 1), end.size)),
                    None,
                    Some(damage.offset),
                    what,
                );
                diagnose::find_edge(self, end.size, end.root);
                return Ok(Some(reader));
            }
            from = offset + 1;
        }
        if !is_last {
            self.problem(
                ProblemKind::Damaged,
                Some((at, at + 1)),
                None,
                Some(damage.offset),
                damage.what.to_string(),
            );
        }
        Ok(None)
    }

    /// Whether a checkpoint that somebody has covers this size: then it was durable, not half written.
    fn archive_knows(&self, size: u64) -> bool {
        self.claims.iter().any(|c| c.checkpoint.size >= size)
    }

    fn is_signed(&self, end: &GroupEnd) -> bool {
        let c = self.verifier.check(&end.note);
        c.is_ok_and(|c| c.origin == self.origin && c.size == end.size && c.root == end.root)
    }

    fn frame(&mut self, frame: &Frame<'_>, offset: u64) {
        match frame {
            Frame::Entry { head, bodies_erased, salt, record, .. } => {
                self.entry(head, offset);
                self.content(head, *bodies_erased, hash::commit(salt, record), record, offset);
            }
            Frame::Erased(head) => {
                self.entry(head, offset);
                self.report.erased += 1;
                let path = self.path.clone();
                let (from, exchange) = (head.index, head.exchange);
                self.content.lose(Gone {
                    epoch: self.epoch,
                    from,
                    to: from + 1,
                    exchange,
                    path,
                    offset,
                    record: true,
                });
            }
            Frame::Body { index, role, bytes } => self.body(*index, *role, bytes, offset),
            Frame::Group { first, size, root, note, at } => {
                self.close_entry();
                let end =
                    GroupEnd { first: *first, at: *at, size: *size, root: *root, note: (*note).to_owned() };
                self.group(&end, offset);
            }
            Frame::Start(_) => {
                self.problem(
                    ProblemKind::Damaged,
                    None,
                    None,
                    Some(offset),
                    "a segment's first frame stands in its middle",
                );
            }
        }
    }

    fn entry(&mut self, head: &EntryHead, offset: u64) {
        self.close_entry();
        self.report.entries += 1;
        let leaf = hash::leaf(&head.entry);
        self.members.push(Member { says: head.index, leaf: Some(leaf), exchange: head.exchange, offset });
        if let Some(tiles) = &mut self.tiles {
            tiles.entry(&head.entry);
        }
    }

    fn content(
        &mut self,
        head: &EntryHead,
        bodies_erased: bool,
        commitment: hash::EntryBytes,
        record: &[u8],
        offset: u64,
    ) {
        if head.index < self.content_from {
            return;
        }
        let at = Some((head.index, head.index + 1));
        let parsed = serde_json::from_slice::<Entry>(record).ok();
        let (named, mut exchange) = (filed_under(parsed.as_ref(), head.exchange), None);
        match parsed {
            Some(Entry::Exchange(e)) => exchange = Some(e),
            Some(Entry::Erasure(e)) if commitment == head.entry => {
                self.content.erasures.push((self.epoch, head.index, e))
            }
            _ => {}
        }
        if commitment == head.entry {
            self.report.records += 1;
        } else {
            let what = "record and salt do not open the entry's commitment: one of them was changed";
            self.problem(ProblemKind::Changed, at, head.exchange.or(named), Some(offset), what);
        }
        if named.is_some() && named != head.exchange {
            let what = format!("the file files it under {:?}, the record says otherwise", head.exchange);
            self.problem(ProblemKind::Changed, at, named, Some(offset), what);
        }
        self.open = Some(Open {
            index: head.index,
            exchange: head.exchange,
            offset,
            kept: head.bodies,
            erased: bodies_erased,
            seen: 0,
            record: exchange,
        });
    }

    fn body(&mut self, index: u64, role: BodyRole, bytes: &[u8], offset: u64) {
        let Some(open) = self.open.as_mut().filter(|o| o.index == index) else {
            if index >= self.content_from {
                self.problem(
                    ProblemKind::Body,
                    Some((index, index + 1)),
                    None,
                    Some(offset),
                    "a kept body stands with another entry",
                );
            }
            return;
        };
        open.seen = open.seen.saturating_add(1);
        let digest = hash::sha256(bytes).base64();
        if open.record.as_ref().is_some_and(|r| covers(r, role, &digest)) {
            self.report.bodies += 1;
        } else {
            let exchange = open.exchange;
            let what = "a kept body does not have the digest in its record";
            self.problem(ProblemKind::Body, Some((index, index + 1)), exchange, Some(offset), what);
        }
    }

    /// The entry read last is complete: its bodies must be there, or erased.
    fn close_entry(&mut self) {
        let Some(open) = self.open.take() else { return };
        if open.erased && open.kept > 0 {
            let (from, exchange, offset) = (open.index, open.exchange, open.offset);
            let path = self.path.clone();
            self.content.lose(Gone {
                epoch: self.epoch,
                from,
                to: from + 1,
                exchange,
                path,
                offset,
                record: false,
            });
        } else if open.seen != open.kept {
            let what = format!("{} of {} kept bodies are there", open.seen, open.kept);
            self.problem(
                ProblemKind::ContentMissing,
                Some((open.index, open.index + 1)),
                open.exchange,
                Some(open.offset),
                what,
            );
        }
    }

    fn group(&mut self, end: &GroupEnd, offset: u64) {
        let members = std::mem::take(&mut self.members);
        let signed = match self.verifier.check(&end.note) {
            Ok(c) if c.origin == self.origin => Some((c.size, c.root)),
            Ok(c) => {
                self.problem(
                    ProblemKind::Signature,
                    Some((end.first, end.size)),
                    None,
                    Some(offset),
                    format!("the group's checkpoint is of {}", c.origin),
                );
                None
            }
            Err(e) => {
                self.problem(
                    ProblemKind::Signature,
                    Some((end.first, end.size)),
                    None,
                    Some(offset),
                    format!("the group's checkpoint: {e}"),
                );
                None
            }
        };
        let Some((size, root)) = signed else {
            return self.advance(&members);
        };
        let before = self.frontier.clone();
        let in_order = members.iter().zip(before.size()..).all(|(m, i)| m.says == i);
        self.advance(&members);
        if !self.lost && in_order && self.frontier.size() == size && self.frontier.root() == root {
            if end.size != size || end.root != root || end.first != before.size() {
                self.problem(
                    ProblemKind::Changed,
                    Some((before.size(), size)),
                    None,
                    Some(offset),
                    "the group's frame states another tree than its checkpoint",
                );
            }
            self.report.groups += 1;
            self.last = Some(end.note.clone());
            if let Some(tiles) = self.tiles.take() {
                let (mut tiles, mut found) = (tiles, Vec::new());
                tiles.compare(self.archive, self.epoch, &mut found);
                found.into_iter().for_each(|p| self.report.report(p));
                self.tiles = Some(tiles);
            }
            return;
        }
        self.tiles = None;
        if size <= before.size() {
            let what = "a group that was signed earlier stands here again: an older copy, or entries put in";
            self.problem(ProblemKind::Inserted, Some((size, before.size())), None, Some(offset), what);
            self.frontier = before;
            return;
        }
        diagnose::group(self, &before, &members, size, root, offset);
    }

    /// Grows the tree; meets the claims on the way.
    fn advance(&mut self, members: &[Member]) {
        for m in members {
            match m.leaf {
                Some(leaf) => self.frontier.push(leaf),
                None => self.lost = true,
            }
            self.meet();
        }
    }

    /// Holds the tree against claims of this size.
    pub(super) fn meet(&mut self) {
        if self.lost {
            return;
        }
        let size = self.frontier.size();
        for c in self.claims.iter_mut().filter(|c| c.checkpoint.size == size) {
            c.met = Some(c.checkpoint.root == self.frontier.root());
        }
    }

    pub(super) fn finish(&mut self) {
        self.path = self.archive.epoch_dir(self.epoch);
        for claim in std::mem::take(&mut self.claims) {
            self.judge(&claim);
        }
        let (size, checkpoint) = (self.frontier.size(), self.last.take());
        self.report.epochs.push(EpochReport { epoch: self.epoch, size, checkpoint });
    }

    fn judge(&mut self, claim: &Claim) {
        let (c, here) = (&claim.checkpoint, self.frontier.size());
        let met = if c.size == 0 { Some(c.root == Hash::empty_tree()) } else { claim.met };
        let who = match claim.kind {
            ClaimKind::Kept => "the kept checkpoint".to_owned(),
            ClaimKind::Published => "the checkpoint file".to_owned(),
            ClaimKind::Successor(e) => format!("the checkpoint that epoch {e} goes on from"),
        };
        if claim.kind == ClaimKind::Kept {
            self.report.kept_matches = Some(met == Some(true));
        }
        match met {
            Some(true) => {}
            Some(false) => {
                let what = format!(
                    "{who} has another root at size {}: something before it was changed, removed, reordered or inserted and signed anew",
                    c.size
                );
                self.problem(ProblemKind::Checkpoint, Some((0, c.size)), None, None, what);
            }
            None if c.size > here => {
                let what =
                    format!("{who} covers {} entries; the log ends at {here}: its end was cut off", c.size);
                self.problem(ProblemKind::Removed, Some((here, c.size)), None, None, what);
            }
            None => {
                let what = format!("{who} could not be compared: the tree at size {} is damaged", c.size);
                self.problem(ProblemKind::Checkpoint, Some((0, c.size)), None, None, what);
            }
        }
        if let ClaimKind::Successor(e) = claim.kind
            && here > c.size
        {
            let what =
                format!("a fork: epoch {e} goes on from {} entries, but this epoch grew past that", c.size);
            self.problem(ProblemKind::Epoch, Some((c.size, here)), None, None, what);
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

/// What the file must file a record under.
fn filed_under(record: Option<&Entry>, filed: Option<ExchangeId>) -> Option<ExchangeId> {
    match record? {
        Entry::Exchange(e) => Some(e.id),
        Entry::Statement(s) => Some(s.exchange),
        Entry::Received(r) => Some(r.exchange),
        // One that is not filed at all is only not found.
        Entry::Credential(c) => filed.map(|_| document_id(&c.sha256)),
        _ => None,
    }
}
