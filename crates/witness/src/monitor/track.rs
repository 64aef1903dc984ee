//! What the monitor knows of one origin: the largest checkpoint that fits all before it, those that fit it, and those for which a proof is still to
//! come. Not here: asking (`monitor`).

use super::report::{Report, ReportKind, SignedBy};
use super::{OwnerError, UNPROVEN_AFTER, WatchedLog};
use lgsp_evidence::hash::sha256;
use lgsp_evidence::tree::roots_from_consistency;
use lgsp_evidence::{Checkpoint, Disk, Hash};
use lgsp_kernel::Millis;
use serde::{Deserialize, Serialize};
use std::collections::{HashMap, VecDeque};
use std::io;
use std::path::Path;

/// Checkpoints of one origin that wait for a proof.
pub(super) const PENDING_MAX: usize = 512;
/// Checkpoints that fit, kept to compare others of the same size with.
const FITTING_MAX: usize = 256;
/// The largest file of an origin, bytes.
const FILE_MAX: u64 = 64 << 20;

/// What was new about a checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sighting {
    /// The first of its origin.
    First,
    /// Seen before.
    Known,
    /// New: its proof is still to come.
    Pending,
    /// It shows a fork, which is reported.
    Fork,
}

/// A checkpoint that waits for its proof.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Pending {
    seen: SignedBy,
    /// Its lot when one must be dropped; none yet, if it was read from the folder.
    #[serde(skip)]
    lot: Option<Hash>,
    /// In this round it was asked for.
    #[serde(skip)]
    asked: bool,
    reported: bool,
    /// Handed on to others.
    #[serde(default)]
    handed: bool,
    /// What was wrong with the last answer.
    #[serde(default)]
    wrong: Option<String>,
}

/// One origin.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Track {
    pub origin: String,
    first_at: Millis,
    restored: bool,
    head: SignedBy,
    #[serde(default)]
    head_handed: bool,
    fitting: VecDeque<SignedBy>,
    pending: Vec<Pending>,
    /// Makes the choice of what is dropped unknown to the log's owner.
    secret: String,
}

/// What an answer of the owner showed.
pub(super) enum Answer {
    Fits(Checkpoint),
    Fork(Box<Report>),
    Nothing,
}

fn checkpoint(s: &SignedBy, origin: &str) -> Checkpoint {
    let root = Hash::from_base64(&s.root).unwrap_or(Hash([0; 32]));
    Checkpoint { origin: origin.to_owned(), size: s.size, root, note: s.note.clone() }
}

fn is(s: &SignedBy, c: &Checkpoint) -> bool {
    s.size == c.size && Hash::from_base64(&s.root) == Some(c.root)
}

impl Track {
    pub(super) fn begin(c: &Checkpoint, from: &str, now: Millis, restored: bool) -> Self {
        let mut random = [0; 16];
        // Without random numbers the choice is guessable, and nothing else is worse.
        let _ = aws_lc_rs::rand::fill(&mut random);
        Self {
            origin: c.origin.clone(),
            first_at: now,
            restored,
            head: SignedBy::new(c, from, now),
            head_handed: false,
            fitting: VecDeque::new(),
            pending: Vec::new(),
            secret: hex::encode(random),
        }
    }

    /// From a report alone, where nothing else of the origin was kept.
    pub(super) fn of_report(report: &Report, now: Millis) -> Self {
        Self::begin(&checkpoint(&report.known, &report.origin), &report.known.from, now, false)
    }

    /// Takes back what an open report waits for: it was written before this was. False if it fits by now, and the report is solved.
    pub(super) fn waits_for(&mut self, reported: &SignedBy) -> bool {
        let same = |s: &SignedBy| s.size == reported.size && s.root == reported.root;
        if let Some(p) = self.pending.iter_mut().find(|p| same(&p.seen)) {
            p.reported = true;
            return true;
        }
        if self.all().any(same) {
            return false;
        }
        let seen = reported.clone();
        self.pending.push(Pending {
            seen,
            lot: None,
            asked: false,
            reported: true,
            handed: false,
            wrong: None,
        });
        true
    }

    pub(super) fn shown(&self) -> WatchedLog {
        WatchedLog {
            origin: self.origin.clone(),
            head: checkpoint(&self.head, &self.origin),
            first_at: self.first_at,
            restored: self.restored,
            pending: self.pending.len(),
        }
    }

    fn all(&self) -> impl Iterator<Item = &SignedBy> {
        std::iter::once(&self.head).chain(&self.fitting).chain(self.pending.iter().map(|p| &p.seen))
    }

    /// Whether this very checkpoint was seen, signature and all.
    pub(super) fn knows(&self, c: &Checkpoint) -> bool {
        self.all().any(|s| is(s, c))
    }

    /// Takes a checkpoint whose signature is right.
    pub(super) fn see(&mut self, c: &Checkpoint, from: &str, now: Millis) -> (Sighting, Option<Report>) {
        if self.knows(c) {
            return (Sighting::Known, None);
        }
        let seen = SignedBy::new(c, from, now);
        if let Some(known) = self.all().find(|s| s.size == c.size) {
            let why = format!("two trees of {} entries were signed", c.size);
            let report = self.conflict(known.clone(), seen, why, Vec::new(), now);
            return (Sighting::Fork, Some(report));
        }
        // The tree without entries is the beginning of every tree; its root was fixed by its size.
        if c.size == 0 && c.root == Hash::empty_tree() {
            return (Sighting::Known, None);
        }
        if self.pending.len() >= PENDING_MAX {
            let victim = self.victim();
            self.pending.remove(victim);
        }
        self.pending.push(Pending {
            seen,
            lot: None,
            asked: false,
            reported: false,
            handed: false,
            wrong: None,
        });
        (Sighting::Pending, None)
    }

    /// One to drop: of those that came from whoever brought most, by lot; never the oldest, which waits for its report.
    /// Under load this is asked for each group that another log writes, so nothing is computed twice.
    fn victim(&mut self) -> usize {
        for p in self.pending.iter_mut().filter(|p| p.lot.is_none()) {
            p.lot = Some(sha256(format!("{}{}", self.secret, p.seen.root).as_bytes()));
        }
        let mut brought: HashMap<&str, usize> = HashMap::new();
        self.pending.iter().for_each(|p| *brought.entry(&p.seen.from).or_default() += 1);
        let most = brought.into_iter().max_by_key(|(_, n)| *n).map_or("", |(from, _)| from);
        let candidates =
            self.pending.iter().enumerate().skip(1).filter(|(_, p)| p.seen.from == most && !p.reported);
        candidates.min_by_key(|(_, p)| p.lot).map_or(self.pending.len() - 1, |(i, _)| i)
    }

    fn conflict(
        &self,
        known: SignedBy,
        other: SignedBy,
        why: String,
        proof: Vec<String>,
        now: Millis,
    ) -> Report {
        Report {
            kind: ReportKind::Fork,
            origin: self.origin.clone(),
            since: known.at.max(other.at),
            known,
            other,
            reported_at: now,
            why,
            proof,
            resolved_at: None,
        }
    }

    /// Begins a round: everything may be asked again.
    pub(super) fn wants_proof(&self) -> bool {
        !self.pending.is_empty()
    }

    /// The next proof to ask for: between the head and the smallest that was not asked for yet; none if all were: then the next round
    /// may ask again.
    pub(super) fn question(&mut self) -> Option<(Checkpoint, Checkpoint)> {
        let next = self.pending.iter_mut().filter(|p| !p.asked).min_by_key(|p| p.seen.size);
        let Some(next) = next else {
            self.pending.iter_mut().for_each(|p| p.asked = false);
            return None;
        };
        next.asked = true;
        let other = checkpoint(&next.seen, &self.origin);
        let head = checkpoint(&self.head, &self.origin);
        Some(if other.size < head.size { (other, head) } else { (head, other) })
    }

    /// Takes the owner's answer to a question.
    pub(super) fn answer(
        &mut self,
        old: &Checkpoint,
        new: &Checkpoint,
        answer: Result<Vec<Hash>, OwnerError>,
        now: Millis,
    ) -> Answer {
        let at = self.pending.iter().position(|p| is(&p.seen, old) || is(&p.seen, new));
        let Some(at) = at else { return Answer::Nothing };
        let proof = match answer {
            Ok(proof) => proof,
            Err(OwnerError::Away(_)) => return Answer::Nothing,
            Err(OwnerError::Refused(why)) => {
                self.pending[at].wrong =
                    Some(format!("the owner says: {}", why.chars().take(200).collect::<String>()));
                return Answer::Nothing;
            }
        };
        // Everything goes on from nothing.
        let roots = if old.size == 0 {
            Some((Hash::empty_tree(), new.root)).filter(|_| proof.is_empty())
        } else {
            roots_from_consistency(old.size, old.root, new.size, &proof)
        };
        match roots {
            Some(roots) if roots == (old.root, new.root) => {
                let fits = self.pending.remove(at).seen;
                let result = checkpoint(&fits, &self.origin);
                self.take_as_fitting(fits);
                Answer::Fits(result)
            }
            // The proof is of the larger tree, and shows another beginning: no answer could be better evidence.
            Some((_, root)) if root == new.root => {
                let other = self.pending.remove(at).seen;
                let proof = proof.iter().map(Hash::base64).collect();
                let why =
                    format!("the tree of {} entries does not begin with the one of {}", new.size, old.size);
                let partner = if is(&other, old) { new } else { old };
                let known = self.all().find(|s| is(s, partner)).unwrap_or(&self.head).clone();
                Answer::Fork(Box::new(self.conflict(known, other, why, proof, now)))
            }
            _ => {
                self.pending[at].wrong = Some("the owner's proof does not lead to what it signed".into());
                Answer::Nothing
            }
        }
    }

    fn take_as_fitting(&mut self, fits: SignedBy) {
        let smaller = if fits.size > self.head.size {
            self.head_handed = false;
            std::mem::replace(&mut self.head, fits)
        } else {
            fits
        };
        if self.fitting.len() >= FITTING_MAX {
            self.fitting.pop_front();
        }
        self.fitting.push_back(smaller);
    }

    /// What has waited too long, once each. It goes on waiting: a later proof solves it.
    pub(super) fn overdue(&mut self, now: Millis) -> Vec<Report> {
        let limit = UNPROVEN_AFTER.as_millis() as i64;
        let (origin, head) = (&self.origin, &self.head);
        let mut reports = Vec::new();
        for p in self.pending.iter_mut().filter(|p| !p.reported) {
            // A clock that was set back must not make anything wait for ever.
            p.seen.at = p.seen.at.min(now);
            if now.0 - p.seen.at.0 < limit {
                continue;
            }
            p.reported = true;
            let why = p.wrong.clone().unwrap_or_else(|| "the owner does not answer".into());
            reports.push(Report {
                kind: ReportKind::Unproven,
                origin: origin.clone(),
                known: head.clone(),
                other: p.seen.clone(),
                since: head.at.max(p.seen.at),
                reported_at: now,
                why,
                proof: Vec::new(),
                resolved_at: None,
            });
        }
        reports
    }

    /// Notes that others were not given yet.
    pub(super) fn handover(&mut self, max: usize) -> Vec<String> {
        let mut notes = Vec::new();
        if !self.head_handed && max > 0 {
            self.head_handed = true;
            notes.push(self.head.note.clone());
        }
        for p in self.pending.iter_mut().filter(|p| !p.handed) {
            if notes.len() >= max {
                break;
            }
            p.handed = true;
            notes.push(p.seen.note.clone());
        }
        notes
    }

    pub(super) fn write(&self, disk: &Disk, dir: &Path) -> io::Result<()> {
        let name = format!("log-{}.json", hex::encode(sha256(self.origin.as_bytes()).0));
        disk.replace(&dir.join(name), &serde_json::to_vec(self).expect("texts and numbers"), true)
    }
}

/// The origins in a folder. One that cannot be read is begun anew: it was only what is compared with, and others hold it too.
pub(super) fn read_all(disk: &Disk, dir: &Path) -> io::Result<Vec<Track>> {
    let mut tracks = Vec::new();
    for name in disk.list(dir)? {
        if name.ends_with(".tmp") {
            disk.remove(&dir.join(&name))?;
        } else if name.starts_with("log-") && name.ends_with(".json") {
            match disk.read(&dir.join(&name), FILE_MAX)?.and_then(|b| serde_json::from_slice(&b).ok()) {
                Some(track) => tracks.push(track),
                None => tracing::error!(name, "monitor: a log's state cannot be read; it is begun anew"),
            }
        }
    }
    Ok(tracks)
}
