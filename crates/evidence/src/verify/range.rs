//! Verifying a range without reading the whole epoch: the segments that hold it are walked from the edge that their first frame
//! states (which every signed group then confirms), and the last group of the range is tied to the epoch's head, and to a kept
//! checkpoint, by proofs of consistency (RFC 6962).

use super::walk::Walk;
use super::{Problem, ProblemKind, VerifyReport};
use crate::archive::{Archive, ArchiveError};
use crate::hash::Hash;
use crate::note::{Checkpoint, Verifier};
use crate::tree::{check_consistency, consistency_proof};
use lgsp_kernel::record::Entry;

pub(super) fn verify(
    archive: &Archive,
    verifier: &Verifier,
    kept: Option<Checkpoint>,
    (epoch, from, to): (u32, u64, u64),
    report: &mut VerifyReport,
) -> Result<(), ArchiveError> {
    let origin = archive.origin(verifier.name(), epoch);
    let head = archive.head(epoch)?;
    let head = head.ok_or_else(|| ArchiveError::Missing(format!("epoch {epoch} has no entries")))?;
    if from >= to || to > head.size {
        return Err(ArchiveError::Missing(format!(
            "epoch {epoch} has entries 0 to {}",
            head.size.saturating_sub(1)
        )));
    }
    let head = verifier
        .check(&head.note)
        .map_err(|e| ArchiveError::Broken(format!("the last checkpoint of epoch {epoch}: {e}")))?;
    let firsts = archive.segments(epoch)?;
    let begin = firsts.partition_point(|f| *f <= from).saturating_sub(1);
    let mut walk = Walk::new(archive, verifier, epoch, Vec::new(), report);
    walk.content_from = from;
    walk.stop_at = Some(to);
    for (i, first) in firsts.iter().enumerate().skip(begin) {
        if *first < to {
            walk.segment(*first, i + 1 == firsts.len())?;
        }
    }
    let (size, root, lost) = (walk.frontier.size(), walk.frontier.root(), walk.lost);
    if !walk.content.gone.is_empty() {
        for entry in archive.entries(epoch, size..head.size)? {
            let entry = entry?;
            let record = entry.record().filter(|_| entry.exchange.is_none());
            if let Some(Ok(Entry::Erasure(e))) = record.map(|r| serde_json::from_slice(r)) {
                walk.content.erasures.push((epoch, entry.position.index, e));
            }
        }
    }
    walk.finish();
    std::mem::take(&mut walk.content).judge(report);
    let mut tie = |other: &Checkpoint, who: &str| {
        let fits = !lost
            && (consistent(archive, epoch, (size, root), other, true)
                || consistent(archive, epoch, (size, root), other, false));
        if !fits {
            report.report(Problem {
                kind: ProblemKind::Checkpoint,
                epoch,
                entries: Some((0, size.max(other.size))),
                exchange: None,
                path: archive.epoch_dir(epoch),
                offset: None,
                what: format!(
                    "the range cannot be tied to {who} of size {}: something was changed, or is damaged",
                    other.size
                ),
            });
        }
        fits
    };
    tie(&head, "the last checkpoint");
    if let Some(kept) = kept {
        if kept.origin != origin {
            return Err(ArchiveError::Missing(format!(
                "the kept checkpoint is of {}, the range of {origin}",
                kept.origin
            )));
        }
        let matches = tie(&kept, "the kept checkpoint");
        report.kept_matches = Some(matches);
    }
    Ok(())
}

fn consistent(
    archive: &Archive,
    epoch: u32,
    (size, root): (u64, Hash),
    other: &Checkpoint,
    use_tiles: bool,
) -> bool {
    let (old, new) = if size <= other.size {
        ((size, root), (other.size, other.root))
    } else {
        ((other.size, other.root), (size, root))
    };
    if old.0 == 0 {
        return old.1 == Hash::empty_tree();
    }
    let mut hashes = archive.hashes(epoch, new.0, use_tiles);
    let proof = consistency_proof(old.0, new.0, &mut |level, n| hashes.full(level, n));
    proof.is_ok_and(|p| check_consistency(old.0, old.1, new.0, new.1, &p))
}
