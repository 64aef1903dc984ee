//! Reports of views that do not fit, and the file that keeps them. Not here: finding them (`track`).

use lgsp_evidence::{Checkpoint, Disk};
use lgsp_kernel::Millis;
use serde::{Deserialize, Serialize};
use std::io;
use std::path::Path;

/// The most reports of one origin: each further one would say the same of the same log.
const PER_ORIGIN: usize = 8;
/// The most reports.
const REPORTS_MAX: usize = 4096;
/// The largest file of reports, bytes.
const FILE_MAX: u64 = 256 << 20;
const FILE: &str = "reports.json";

/// What does not fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReportKind {
    /// The key signed two trees of which neither goes on from the other. The notes, and the proof where sizes differ, show it to anybody.
    Fork,
    /// The key signed two trees, and its owner did not show in time that one goes on from the other.
    Unproven,
}

/// A signed note, and how it came.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedBy {
    /// The note.
    pub note: String,
    /// Number of entries.
    pub size: u64,
    /// The root, base64.
    pub root: String,
    /// Who handed it in first.
    pub from: String,
    /// When.
    pub at: Millis,
}

impl SignedBy {
    pub(super) fn new(c: &Checkpoint, from: &str, at: Millis) -> Self {
        Self { note: c.note.clone(), size: c.size, root: c.root.base64(), from: from.to_owned(), at }
    }
}

/// Two views of a log that do not fit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// What it is.
    pub kind: ReportKind,
    /// The log and its epoch.
    pub origin: String,
    /// The one that fits what was seen before.
    pub known: SignedBy,
    /// The one that does not.
    pub other: SignedBy,
    /// Since when both were known.
    pub since: Millis,
    /// When it was reported.
    pub reported_at: Millis,
    /// Why, in words.
    pub why: String,
    /// A proof that leads to the larger tree's root and shows that its beginning is another tree than the smaller one; base64.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub proof: Vec<String>,
    /// When the owner showed after all that they fit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resolved_at: Option<Millis>,
}

/// All of them.
#[derive(Debug, Default)]
pub(super) struct Reports(Vec<Report>);

impl Reports {
    pub(super) fn read(disk: &Disk, dir: &Path) -> io::Result<Self> {
        let found = disk.read(&dir.join(FILE), FILE_MAX)?;
        let Some(bytes) = found else { return Ok(Self::default()) };
        let broken = |e: serde_json::Error| io::Error::new(io::ErrorKind::InvalidData, e);
        serde_json::from_slice(&bytes).map(Self).map_err(broken)
    }
    pub(super) fn write(&self, disk: &Disk, dir: &Path) -> io::Result<()> {
        let json = serde_json::to_vec_pretty(&self.0).expect("texts and numbers");
        disk.replace(&dir.join(FILE), &json, true)
    }
    /// Whether it says something new. What could not be proven and now is known to be a fork is one report.
    pub(super) fn add(&mut self, report: Report) -> bool {
        let same = |r: &&mut Report| {
            r.origin == report.origin
                && r.other.size == report.other.size
                && r.other.root == report.other.root
        };
        if let Some(known) = self.0.iter_mut().find(same) {
            let worse = known.kind == ReportKind::Unproven && report.kind == ReportKind::Fork;
            if worse {
                *known = report;
            }
            return worse;
        }
        let of_origin = self.0.iter().filter(|r| r.origin == report.origin).count();
        if of_origin >= PER_ORIGIN || self.0.len() >= REPORTS_MAX {
            // A fork is never kept out by what could only not be proven.
            let weaker = |r: &Report| {
                r.kind == ReportKind::Unproven && (r.origin == report.origin || self.0.len() >= REPORTS_MAX)
            };
            let Some(at) = self.0.iter().position(weaker).filter(|_| report.kind == ReportKind::Fork) else {
                return false;
            };
            self.0.remove(at);
        }
        self.0.push(report);
        true
    }
    /// Marks what could not be proven as solved.
    pub(super) fn solve(&mut self, origin: &str, c: &Checkpoint, now: Millis) -> bool {
        let root = c.root.base64();
        let open = self.0.iter_mut().find(|r| {
            let this = r.other.size == c.size && r.other.root == root;
            r.kind == ReportKind::Unproven && r.resolved_at.is_none() && r.origin == origin && this
        });
        open.map(|r| r.resolved_at = Some(now)).is_some()
    }
    /// What could not be proven yet.
    pub(super) fn unproven(&mut self) -> impl Iterator<Item = &mut Report> {
        self.0.iter_mut().filter(|r| r.kind == ReportKind::Unproven && r.resolved_at.is_none())
    }
    pub(super) fn all(&self) -> Vec<Report> {
        self.0.clone()
    }
}
