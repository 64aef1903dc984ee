//! Files that are derived from the segments: the `checkpoint` file, tiles, bundles, indexes. A tile that says something else than
//! the segments would make proofs fail; an index that leaves out an exchange would hide it.

use super::walk::Walk;
use super::{Problem, ProblemKind, VerifyReport};
use crate::archive::Archive;
use crate::hash::{self, ENTRY_LEN, EntryBytes, Hash};
use crate::index::{Collector, Index};
use crate::note::{Checkpoint, Verifier};
use crate::tiles::{TILE_HEIGHT, TILE_WIDTH, tile_path};
use crate::tree::root_of;

/// The checkpoint file, if it is signed; reports it if it is not.
pub(super) fn published(
    archive: &Archive,
    verifier: &Verifier,
    epoch: u32,
    origin: &str,
    report: &mut VerifyReport,
) -> Option<Checkpoint> {
    let path = archive.epoch_dir(epoch).join("checkpoint");
    let problem = |what| Problem {
        kind: ProblemKind::Signature,
        epoch,
        entries: None,
        exchange: None,
        path: path.clone(),
        offset: None,
        what,
    };
    let found = match archive.published(epoch) {
        Ok(found) => found?,
        Err(e) => {
            report.report(problem(e.to_string()));
            return None;
        }
    };
    match verifier.check(&found.note) {
        Ok(c) if c.origin == origin => Some(c),
        Ok(c) => {
            report.report(problem(format!("the checkpoint file is of {}", c.origin)));
            None
        }
        Err(e) => {
            report.report(problem(format!("the checkpoint file: {e}")));
            None
        }
    }
}

/// Full tiles and bundles as the segments make them, to compare with the files.
#[derive(Debug)]
pub(super) struct TileCheck {
    /// Files are there for the tree of this size.
    published: u64,
    size: u64,
    bundle: Vec<u8>,
    levels: Vec<Vec<Hash>>,
    full: Vec<(Option<u32>, u64, Vec<u8>)>,
}

impl TileCheck {
    pub(super) fn new(published: u64) -> Self {
        Self { published, size: 0, bundle: Vec::new(), levels: Vec::new(), full: Vec::new() }
    }

    pub(super) fn entry(&mut self, entry: &EntryBytes) {
        if self.size >= self.published {
            return;
        }
        self.size += 1;
        self.bundle.extend((ENTRY_LEN as u16).to_be_bytes());
        self.bundle.extend(entry);
        let mut h = hash::leaf(entry);
        for level in 0.. {
            if self.levels.len() == level {
                self.levels.push(Vec::new());
            }
            self.levels[level].push(h);
            if self.levels[level].len() < TILE_WIDTH {
                return;
            }
            let tile = std::mem::take(&mut self.levels[level]);
            let n = (self.size >> (TILE_HEIGHT * (level as u32 + 1))) - 1;
            self.full.push((Some(level as u32), n, tile.iter().flat_map(|h| h.0).collect()));
            if level == 0 {
                self.full.push((None, n, std::mem::take(&mut self.bundle)));
            }
            h = root_of(&tile);
        }
    }

    /// Compares what was completed; the group it belongs to is right.
    pub(super) fn compare(&mut self, archive: &Archive, epoch: u32, problems: &mut Vec<Problem>) {
        for (level, n, bytes) in self.full.drain(..) {
            let path = tile_path(&archive.epoch_dir(epoch), level, n, TILE_WIDTH);
            let found = archive.disk.read(&path, 1 << 20).ok().flatten();
            // One that is missing is made again from the segments; only one that says something else misleads.
            if found.is_none() || found.as_deref() == Some(&bytes) {
                continue;
            }
            let step = bytes.len() / TILE_WIDTH;
            let differs =
                found.as_ref().and_then(|f| f.chunks(step).zip(bytes.chunks(step)).position(|(a, b)| a != b));
            let covers = 1 << (TILE_HEIGHT * level.unwrap_or(0));
            let first = (n * TILE_WIDTH as u64 + differs.unwrap_or(0) as u64) * covers;
            let what = "the tile says something else than the signed segments; proofs are made without it";
            let entries = Some((
                first,
                if differs.is_some() { first + covers } else { first + covers * TILE_WIDTH as u64 },
            ));
            problems.push(Problem {
                kind: ProblemKind::Derived,
                epoch,
                entries,
                exchange: None,
                path,
                offset: differs.map(|d| (d * step) as u64),
                what: what.into(),
            });
        }
    }
}

/// The index beside a sealed segment must list what the segment holds.
pub(super) fn check_index(walk: &mut Walk<'_>, collector: Collector) {
    let Ok(index) = Index::open(&walk.archive.disk, walk.path()) else { return };
    let mut rows = collector.rows;
    rows.sort_unstable();
    let listed = index.rows();
    if let Some(missing) = rows.iter().find(|r| listed.binary_search(r).is_err()) {
        let (index, exchange) = (missing.index, missing.exchange);
        let what = "the index beside the segment leaves this entry out";
        walk.problem(ProblemKind::Derived, Some((index, index + 1)), Some(exchange), None, what);
    } else if listed.len() != rows.len() {
        walk.problem(
            ProblemKind::Derived,
            None,
            None,
            None,
            "the index beside the segment lists entries that are not in it",
        );
    }
}
