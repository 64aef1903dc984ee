//! Verifying a log: every record against its commitment, every commitment against the tree, every group against its signature,
//! the whole against a checkpoint kept elsewhere. What is wrong is named. `walk` goes through an epoch; here stand the question,
//! the report, and what ties epochs together. Nothing is repaired.

mod content;
mod derived;
mod diagnose;
mod range;
mod walk;

pub(crate) use content::covers;

use crate::archive::{Archive, ArchiveError};
use crate::note::{Checkpoint, Verifier};
use lgsp_kernel::ExchangeId;
use lgsp_kernel::record::{Entry, EpochRecord};
use serde::Serialize;
use std::path::PathBuf;

/// The most problems that are listed; more are counted.
pub const PROBLEMS_MAX: usize = 1000;

/// What is to be verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Span {
    /// Every epoch, every entry.
    #[default]
    All,
    /// Entries `[from, to)` of one epoch, and that they are in the tree of its last checkpoint.
    Range {
        /// The epoch.
        epoch: u32,
        /// First index.
        from: u64,
        /// Index after the last.
        to: u64,
    },
}

/// What kind of thing is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ProblemKind {
    /// A record, salt or commitment is not what was signed.
    Changed,
    /// Entries that were signed are not there.
    Removed,
    /// Entries stand in another order than was signed.
    Reordered,
    /// An entry that was never signed.
    Inserted,
    /// Content is gone, and no erasure in the log covers it.
    ContentMissing,
    /// A kept body does not have the digest in its record.
    Body,
    /// Bytes of a file that are no frame.
    Damaged,
    /// A checkpoint that the key did not sign, or that is of another log.
    Signature,
    /// The tree is not the one of a checkpoint.
    Checkpoint,
    /// An epoch does not go on from the one before, or that one went on after it.
    Epoch,
    /// A file that can be derived (tile, index) says something else than the segments.
    Derived,
}

/// Something that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// What kind.
    pub kind: ProblemKind,
    /// The epoch.
    pub epoch: u32,
    /// The entries concerned: first index, and index after the last.
    pub entries: Option<(u64, u64)>,
    /// The exchange, where it is known.
    pub exchange: Option<ExchangeId>,
    /// The file.
    pub path: PathBuf,
    /// Where in it.
    pub offset: Option<u64>,
    /// In words.
    pub what: String,
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "epoch {}", self.epoch)?;
        match self.entries {
            Some((from, to)) if to == from + 1 => write!(f, ", entry {from}")?,
            Some((from, to)) => write!(f, ", entries {from} to {}", to.saturating_sub(1))?,
            None => {}
        }
        if let Some(id) = self.exchange {
            write!(f, ", exchange {id}")?;
        }
        write!(f, ": {} ({}", self.what, self.path.display())?;
        match self.offset {
            Some(at) => write!(f, " at byte {at})"),
            None => write!(f, ")"),
        }
    }
}

/// An epoch as it was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EpochReport {
    /// The epoch.
    pub epoch: u32,
    /// Number of entries.
    pub size: u64,
    /// The last checkpoint whose signature and tree are right, as its note.
    pub checkpoint: Option<String>,
}

/// What verifying found.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct VerifyReport {
    /// Whether nothing is wrong.
    pub ok: bool,
    /// Entries that were looked at.
    pub entries: u64,
    /// Records that open their commitments.
    pub records: u64,
    /// Entries whose content was erased under a rule that the log names.
    pub erased: u64,
    /// Kept bodies that have the digest in their record.
    pub bodies: u64,
    /// Groups whose signature and root are right.
    pub groups: u64,
    /// The epochs.
    pub epochs: Vec<EpochReport>,
    /// Whether the tree is that of the kept checkpoint; none if none was given.
    pub kept_matches: Option<bool>,
    /// What is wrong.
    pub problems: Vec<Problem>,
    /// Problems beyond those listed.
    pub more_problems: u64,
}

impl VerifyReport {
    fn report(&mut self, problem: Problem) {
        if self.problems.len() < PROBLEMS_MAX {
            self.problems.push(problem);
        } else {
            self.more_problems += 1;
        }
    }
}

/// A size at which the tree must have a root, and who says so.
#[derive(Debug, Clone)]
struct Claim {
    checkpoint: Checkpoint,
    kind: ClaimKind,
    /// Whether the root at the size was met and right.
    met: Option<bool>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ClaimKind {
    /// Kept elsewhere, and given by whoever verifies.
    Kept,
    /// The `checkpoint` file.
    Published,
    /// Named by the first entry of this later epoch.
    Successor(u32),
}

impl Archive {
    /// Verifies the log or a part of it with the node's public key. `kept` is a checkpoint, a signed note, that someone kept
    /// elsewhere: what was changed before it is found even if the log was rewritten and signed anew.
    pub fn verify(
        &self,
        span: Span,
        verifier: &Verifier,
        kept: Option<&str>,
    ) -> Result<VerifyReport, ArchiveError> {
        let mut report = VerifyReport::default();
        let kept = match kept {
            None => None,
            Some(note) => {
                let c = verifier.check(note);
                Some(
                    c.map_err(|e| ArchiveError::Missing(format!("the kept checkpoint cannot be used: {e}")))?,
                )
            }
        };
        report.kept_matches = kept.as_ref().map(|_| false);
        match span {
            Span::All => self.verify_all(verifier, kept, &mut report)?,
            Span::Range { epoch, from, to } => {
                range::verify(self, verifier, kept, (epoch, from, to), &mut report)?
            }
        }
        report.ok = report.problems.is_empty() && report.kept_matches != Some(false);
        Ok(report)
    }

    fn verify_all(
        &self,
        verifier: &Verifier,
        kept: Option<Checkpoint>,
        report: &mut VerifyReport,
    ) -> Result<(), ArchiveError> {
        let epochs = self.epochs()?;
        if epochs.is_empty() {
            return Err(ArchiveError::Missing(format!("there is no message log in {}", self.dir.display())));
        }
        let links: Vec<_> = epochs.iter().map(|e| (*e, self.previous(verifier, *e, report))).collect();
        let mut content = content::ContentState::default();
        for epoch in &epochs {
            let mut claims = Vec::new();
            let mut claim = |checkpoint: &Checkpoint, kind| {
                claims.push(Claim { checkpoint: checkpoint.clone(), kind, met: None });
            };
            let origin = self.origin(verifier.name(), *epoch);
            kept.iter().filter(|k| k.origin == origin).for_each(|k| claim(k, ClaimKind::Kept));
            for (later, previous) in &links {
                previous
                    .iter()
                    .filter(|p| p.origin == origin)
                    .for_each(|p| claim(p, ClaimKind::Successor(*later)));
            }
            if let Some(published) = derived::published(self, verifier, *epoch, &origin, report) {
                claim(&published, ClaimKind::Published);
            }
            walk::epoch(self, verifier, *epoch, claims, &mut content, report)?;
        }
        content.judge(report);
        if let Some(k) = &kept
            && !epochs.iter().any(|e| self.origin(verifier.name(), *e) == k.origin)
        {
            report.report(Problem {
                kind: ProblemKind::Removed,
                epoch: k.epoch().unwrap_or(0),
                entries: Some((0, k.size)),
                exchange: None,
                path: self.dir.clone(),
                offset: None,
                what: format!("the kept checkpoint is of {}, which is not there", k.origin),
            });
        }
        Ok(())
    }

    /// The checkpoint that the first entry of an epoch names; reports what is wrong with it.
    fn previous(&self, verifier: &Verifier, epoch: u32, report: &mut VerifyReport) -> Option<Checkpoint> {
        let problem = |what: String| Problem {
            kind: ProblemKind::Epoch,
            epoch,
            entries: Some((0, 1)),
            exchange: None,
            path: self.epoch_dir(epoch),
            offset: None,
            what,
        };
        let first = self.entries(epoch, 0..1).ok()?.next()?.ok()?;
        let record = first.record().and_then(|r| serde_json::from_slice(r).ok());
        let Some(Entry::Epoch(EpochRecord { origin, epoch: named, previous, .. })) = record else {
            report.report(problem("the first entry does not say what came before the epoch".into()));
            return None;
        };
        if named != epoch || origin != self.origin(verifier.name(), epoch) {
            report.report(problem(format!("its first entry is of {origin}, epoch {named}")));
        }
        let Some(note) = previous else {
            if epoch > 1 {
                report.report(problem("its first entry names no checkpoint of an epoch before".into()));
            }
            return None;
        };
        match verifier.check(&note) {
            Ok(c) if c.epoch().is_some_and(|e| e < epoch) => Some(c),
            Ok(c) => {
                report.report(problem(format!("the checkpoint that it goes on from is of {}", c.origin)));
                None
            }
            Err(e) => {
                report.report(problem(format!("the checkpoint that it goes on from: {e}")));
                None
            }
        }
    }
}
