//! Goes through the whole audit trail and names every row that does not fit. What it cannot show: that the last rows,
//! younger than the last anchor kept elsewhere, were not cut or rewritten by someone who can write to the database.

use crate::audit::{COLUMNS, head, read_row};
use crate::error::Result;
use crate::{AuditHead, AuditRow, GENESIS, Store};
use aws_lc_rs::digest::{SHA256, digest as hash_of};
use futures_util::TryStreamExt;
use std::collections::{BTreeMap, HashMap};
use std::fmt;

/// Findings listed at most; a trail with more is broken enough.
const FINDINGS_MAX: usize = 100;

/// A digest of an item's text: the trail of a large registry is compared without holding it in memory.
type Digest = [u8; 32];

fn digest(text: &str) -> Digest {
    let mut out = [0; 32];
    out.copy_from_slice(hash_of(&SHA256, text.as_bytes()).as_ref());
    out
}

/// What is wrong at a place of the trail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AuditProblem {
    /// The row's content does not fit its hash: it was changed, moved here from another place, or put in.
    Content,
    /// The row does not follow the row before it: that one was exchanged, or this one put in.
    Chain,
    /// Rows are missing from here up to and including the given number.
    Missing {
        /// The last one missing.
        to: i64,
    },
    /// The row stands behind the recorded end of the trail.
    BehindHead,
    /// The recorded end of the trail has another hash than the last row.
    Head,
    /// An anchor kept elsewhere names a row that is not there: the trail was cut.
    AnchorMissing,
    /// An anchor kept elsewhere has another hash for this row: the trail was written anew, at some row after `after`.
    AnchorDiffers {
        /// The last anchor that fits, 0 if none does.
        after: i64,
    },
    /// The registry holds something else for this item than the trail's last row about it (at `seq`, 0 if there is none) says:
    /// it was changed behind the trail.
    Registry {
        /// The item's kind.
        kind: String,
        /// Its id.
        id: String,
    },
}

/// Kinds of rows in the trail that stand for items of the registry; others (tokens, keys) have no row there.
const REGISTRY_KINDS: [&str; 5] = ["agency", "system", "credential", "service", "grant"];

impl fmt::Display for AuditProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Content => {
                f.write_str("its content does not fit its hash: it was changed, moved here or put in")
            }
            Self::Chain => f.write_str(
                "it does not follow the row before it: that one was exchanged, or this one put in",
            ),
            Self::Missing { to } => write!(f, "rows are missing from here up to and including {to}"),
            Self::BehindHead => f.write_str("it stands behind the recorded end of the trail"),
            Self::Head => f.write_str("the recorded end of the trail has another hash than the last row"),
            Self::AnchorMissing => f.write_str(
                "an anchor in the message log names this row, which is not there: the trail was cut",
            ),
            Self::AnchorDiffers { after } => write!(
                f,
                "an anchor in the message log has another hash for it: the trail was written anew after row {after}"
            ),
            Self::Registry { kind, id } => write!(
                f,
                "the registry holds something else for the {kind} {id} than the trail says: it was changed behind the trail"
            ),
        }
    }
}

/// A place of the trail where something is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditFinding {
    /// The row's sequence number.
    pub seq: i64,
    /// What is wrong.
    pub problem: AuditProblem,
}

/// What a verification found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditReport {
    /// Rows gone through.
    pub rows: i64,
    /// The last row.
    pub head: Option<AuditHead>,
    /// Anchors that were compared.
    pub anchors: usize,
    /// What is wrong, in order of the rows; at most 100.
    pub findings: Vec<AuditFinding>,
    /// Whether there were more findings than are listed.
    pub more: bool,
}

impl AuditReport {
    /// Whether nothing is wrong.
    pub fn is_clean(&self) -> bool {
        self.findings.is_empty()
    }
}

impl Store {
    /// Verifies the trail, and that it agrees with the given anchors: heads of this trail that were kept elsewhere, such as
    /// in the message log.
    pub async fn audit_verify(&self, anchors: &[AuditHead]) -> Result<AuditReport> {
        let mut tx = self.backend.read().await?;
        let recorded = head(&mut tx).await?;
        let mut walk = Walk::new(anchors);
        let sql = sqlx::AssertSqlSafe(format!("SELECT {COLUMNS} FROM audit ORDER BY seq"));
        let mut rows = tx.stream(sql, &[]);
        while let Some(row) = rows.try_next().await? {
            walk.step(&read_row(&row)?);
        }
        drop(rows);
        walk.end_of_trail(recorded);
        if walk.findings.is_empty() {
            // Only what a sound trail says is worth comparing with.
            let mut items = tx.stream("SELECT kind, id, spec FROM resources WHERE spec IS NOT NULL", &[]);
            while let Some(row) = items.try_next().await? {
                walk.item(row.text(0)?, row.text(1)?, &row.text(2)?);
            }
            walk.vanished();
        }
        Ok(walk.report())
    }
}

struct Walk {
    rows: i64,
    last: AuditHead,
    given: usize,
    /// Anchors not yet passed. Several for one row that disagree are all kept.
    anchors: BTreeMap<i64, Vec<String>>,
    fitting_anchor: i64,
    /// What the trail says last of each item of the registry: the row, and the digest of its text; none where it was deleted.
    said: HashMap<(String, String), (i64, Option<Digest>)>,
    findings: Vec<AuditFinding>,
    more: bool,
}

impl Walk {
    fn new(anchors: &[AuditHead]) -> Self {
        let mut by_seq: BTreeMap<i64, Vec<String>> = BTreeMap::new();
        for anchor in anchors.iter().filter(|a| a.seq > 0) {
            by_seq.entry(anchor.seq).or_default().push(anchor.hash.to_ascii_lowercase());
        }
        Self {
            rows: 0,
            last: AuditHead { seq: 0, hash: GENESIS.into() },
            given: anchors.len(),
            anchors: by_seq,
            fitting_anchor: 0,
            said: HashMap::new(),
            findings: Vec::new(),
            more: false,
        }
    }

    fn find(&mut self, seq: i64, problem: AuditProblem) {
        if self.findings.len() < FINDINGS_MAX {
            self.findings.push(AuditFinding { seq, problem });
        } else {
            self.more = true;
        }
    }

    fn step(&mut self, row: &AuditRow) {
        let expected = self.last.seq + 1;
        if row.seq > expected {
            self.find(expected, AuditProblem::Missing { to: row.seq - 1 });
        } else if row.seq < expected {
            // Numbers are unique and ascending here, so this row stands before the first.
            self.find(row.seq, AuditProblem::Chain);
        }
        if !row.is_intact() {
            self.find(row.seq, AuditProblem::Content);
        }
        if row.previous != self.last.hash && row.seq == expected {
            self.find(row.seq, AuditProblem::Chain);
        }
        for hash in self.anchors.remove(&row.seq).unwrap_or_default() {
            if hash == row.hash {
                self.fitting_anchor = row.seq;
            } else {
                self.find(row.seq, AuditProblem::AnchorDiffers { after: self.fitting_anchor });
            }
        }
        if REGISTRY_KINDS.contains(&row.kind.as_str()) {
            let text = row.after.as_deref().map(digest);
            self.said.insert((row.kind.clone(), row.id.clone()), (row.seq, text));
        }
        self.rows += 1;
        self.last = AuditHead { seq: row.seq, hash: row.hash.clone() };
    }

    /// Compares an item of the registry with what the trail says last of it.
    fn item(&mut self, kind: String, id: String, spec: &str) {
        if !REGISTRY_KINDS.contains(&kind.as_str()) {
            return;
        }
        let said = self.said.remove(&(kind.clone(), id.clone()));
        let (seq, text) = said.unwrap_or((0, None));
        if text != Some(digest(spec)) {
            self.find(seq, AuditProblem::Registry { kind, id });
        }
    }

    fn end_of_trail(&mut self, recorded: Option<AuditHead>) {
        let recorded = recorded.unwrap_or(AuditHead { seq: 0, hash: GENESIS.into() });
        if recorded.seq > self.last.seq {
            self.find(self.last.seq + 1, AuditProblem::Missing { to: recorded.seq });
        } else if recorded.seq < self.last.seq {
            self.find(recorded.seq + 1, AuditProblem::BehindHead);
        } else if recorded.hash != self.last.hash {
            self.find(self.last.seq, AuditProblem::Head);
        }
        for seq in std::mem::take(&mut self.anchors).into_keys() {
            self.find(seq, AuditProblem::AnchorMissing);
        }
    }

    /// Items that the trail says exist and the registry does not have.
    fn vanished(&mut self) {
        let said = std::mem::take(&mut self.said).into_iter();
        let mut gone: Vec<_> = said.filter(|(_, (_, text))| text.is_some()).collect();
        gone.sort_by_key(|(_, (seq, _))| *seq);
        for ((kind, id), (seq, _)) in gone {
            self.find(seq, AuditProblem::Registry { kind, id });
        }
    }

    fn report(self) -> AuditReport {
        AuditReport {
            rows: self.rows,
            head: (self.last.seq > 0).then_some(self.last),
            anchors: self.given,
            findings: self.findings,
            more: self.more,
        }
    }
}
