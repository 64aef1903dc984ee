//! The monitor: holds the checkpoints of other logs that this node saw against each other, and reports in bounded time what does not fit. Two of
//! one size are compared at once; between sizes the log's owner is asked for a proof. Not here: how it is asked, whom a report reaches.

mod report;
mod track;

pub use report::{Report, ReportKind, SignedBy};
pub use track::Sighting;

use crate::known::{EPOCHS_MAX, Logs, Signed, epoch_of, signed};
use futures_util::StreamExt;
use lgsp_evidence::note::NoteError;
use lgsp_evidence::{Checkpoint, Disk, Hash};
use lgsp_kernel::{Clock, Millis};
use parking_lot::Mutex;
use report::Reports;
use std::collections::{BTreeMap, HashSet};
use std::future::Future;
use std::io;
use std::path::PathBuf;
use std::time::Duration;
use track::{Answer, Track};

/// After this long without a proof it is reported that there is none: the design promises five minutes, and a round of asking takes some of them.
pub const UNPROVEN_AFTER: Duration = Duration::from_secs(240);
/// How often a node should call [`Monitor::round`].
pub const ROUND_EVERY: Duration = Duration::from_secs(15);
/// How long one owner has for one proof.
const ASK_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a round may take: then those that were not asked wait for the next, and what is overdue is reported in time.
const ROUND_MAX: Duration = Duration::from_secs(30);
/// Owners that are asked at the same time.
const ASK_AT_ONCE: usize = 16;
/// Proofs that one owner is asked for in one round.
const ASKS_MAX: usize = 64;
/// The most notes that one peer hands over at a time.
pub const HANDOVER_MAX: usize = 256;
/// The longest text about who handed a checkpoint in.
const FROM_MAX: usize = 128;

/// Why there was no proof.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OwnerError {
    /// No answer.
    Away(String),
    /// The owner says that it cannot prove this.
    Refused(String),
}

/// Asks the owner of a log for proofs.
pub trait Owner {
    /// RFC 6962 proof of consistency between two sizes (`0 < old < new`) of an origin.
    fn consistency(
        &self,
        origin: &str,
        old: u64,
        new: u64,
    ) -> impl Future<Output = Result<Vec<Hash>, OwnerError>> + Send;
}

/// Why a checkpoint was not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SeeError {
    /// Not a checkpoint.
    #[error("{0}")]
    Malformed(NoteError),
    /// Nobody knows the log.
    #[error("this log is not known here")]
    UnknownLog,
    /// The key did not sign it.
    #[error("{0}")]
    Unsigned(NoteError),
    /// More epochs than any log has.
    #[error("this log has had {EPOCHS_MAX} epochs; no more are followed")]
    TooManyEpochs,
}

/// A log as the monitor knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WatchedLog {
    /// The origin: a log and an epoch.
    pub origin: String,
    /// The largest checkpoint that fits all that came before it.
    pub head: Checkpoint,
    /// When the origin was first seen.
    pub first_at: Millis,
    /// Whether another epoch of the log was seen before this one: it was restored.
    pub restored: bool,
    /// Checkpoints for which a proof is still to come.
    pub pending: usize,
}

struct State {
    tracks: BTreeMap<String, Track>,
    reports: Reports,
    /// Origins whose state in the folder is old.
    dirty: HashSet<String>,
}

/// A monitor. All but [`Monitor::round`] is quick; a round, and a fork, write files.
pub struct Monitor {
    disk: Disk,
    dir: PathBuf,
    clock: Clock,
    logs: Logs,
    state: Mutex<State>,
}

impl std::fmt::Debug for Monitor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Monitor({} logs)", self.state.lock().tracks.len())
    }
}

impl Monitor {
    /// Goes on from a folder of its own. What was seen since the last round before an end without notice is not in it: it stands in the
    /// message log with the messages that brought it, and can be shown again.
    pub fn open(dir: impl Into<PathBuf>, clock: Clock, logs: Logs) -> io::Result<Self> {
        Self::open_on(Disk::Real, dir, clock, logs)
    }
    /// The same on a disk of choice.
    pub fn open_on(disk: Disk, dir: impl Into<PathBuf>, clock: Clock, logs: Logs) -> io::Result<Self> {
        let dir = dir.into();
        disk.create_dir_all(&dir)?;
        let tracks = track::read_all(&disk, &dir)?.into_iter().map(|t| (t.origin.clone(), t));
        let mut tracks: BTreeMap<String, Track> = tracks.collect();
        let mut reports = Reports::read(&disk, &dir)?;
        // A report is on disk before what it waits for: if the process ended in between, nobody would ask for the proof any more.
        for report in reports.unproven() {
            let now = clock.now();
            let track = tracks.entry(report.origin.clone()).or_insert_with(|| Track::of_report(report, now));
            if !track.waits_for(&report.other) {
                report.resolved_at = Some(now);
            }
        }
        let state = State { tracks, reports, dirty: HashSet::new() };
        Ok(Self { disk, dir, clock, logs, state: Mutex::new(state) })
    }

    /// Takes a checkpoint that somebody showed.
    pub fn see(&self, note: &str, from: &str) -> Result<Sighting, SeeError> {
        let claimed = Checkpoint::read_unchecked(note).map_err(SeeError::Malformed)?;
        if let Some(known) = self.state.lock().tracks.get(&claimed.origin)
            && known.knows(&claimed)
        {
            return Ok(Sighting::Known);
        }
        match signed(&self.logs, &claimed) {
            Signed::By(checkpoint) => self.see_signed(&checkpoint, from),
            Signed::UnknownLog => Err(SeeError::UnknownLog),
            Signed::Not(why) => Err(SeeError::Unsigned(why)),
        }
    }

    /// The same for one whose signature was checked just now.
    pub fn see_signed(&self, checkpoint: &Checkpoint, from: &str) -> Result<Sighting, SeeError> {
        let (name, _) = epoch_of(&checkpoint.origin).ok_or(SeeError::UnknownLog)?;
        let from: String = from.chars().filter(|c| !c.is_control()).take(FROM_MAX).collect();
        let now = self.clock.now();
        let mut state = self.state.lock();
        if !state.tracks.contains_key(&checkpoint.origin) {
            let epochs = state.tracks.keys().filter(|o| epoch_of(o).is_some_and(|(n, _)| n == name)).count();
            if epochs >= EPOCHS_MAX {
                return Err(SeeError::TooManyEpochs);
            }
            let restored = epochs > 0;
            if restored {
                tracing::warn!(
                    origin = checkpoint.origin,
                    "monitor: a log was restored and began a new epoch"
                );
            }
            let track = Track::begin(checkpoint, &from, now, restored);
            state.tracks.insert(checkpoint.origin.clone(), track);
            state.dirty.insert(checkpoint.origin.clone());
            return Ok(Sighting::First);
        }
        let track = state.tracks.get_mut(&checkpoint.origin).expect("looked for above");
        let (sighting, conflict) = track.see(checkpoint, &from, now);
        if sighting != Sighting::Known {
            state.dirty.insert(checkpoint.origin.clone());
        }
        if let Some(report) = conflict {
            self.report(&mut state, report);
        }
        Ok(sighting)
    }

    fn report(&self, state: &mut State, report: Report) {
        let (kind, origin) = (report.kind, report.origin.clone());
        if !state.reports.add(report) {
            return;
        }
        tracing::error!(origin, ?kind, "monitor: two views of a log do not fit");
        if let Err(e) = state.reports.write(&self.disk, &self.dir) {
            tracing::error!(error = %e, "monitor: the report could not be written; it is kept in memory");
        }
    }

    /// Asks owners for the proofs that are missing, reports what does not fit and what is overdue, and writes what was learned.
    pub async fn round(&self, owner: &impl Owner) {
        self.judge();
        let origins: Vec<String> = {
            let state = self.state.lock();
            state.tracks.values().filter(|t| t.wants_proof()).map(|t| t.origin.clone()).collect()
        };
        let asking = futures_util::stream::iter(origins)
            .for_each_concurrent(ASK_AT_ONCE, |origin| async move { self.ask(owner, &origin).await });
        // Who was not asked is asked in the next round; nothing is lost by breaking off.
        let _ = tokio::time::timeout(ROUND_MAX, asking).await;
        self.judge();
        self.write();
    }

    async fn ask(&self, owner: &impl Owner, origin: &str) {
        for _ in 0..ASKS_MAX {
            let question = self.state.lock().tracks.get_mut(origin).and_then(Track::question);
            let Some((old, new)) = question else { return };
            let asked = owner.consistency(origin, old.size, new.size);
            let answer = match tokio::time::timeout(ASK_TIMEOUT, asked).await {
                Ok(answer) => answer,
                Err(_) => Err(OwnerError::Away("no answer in time".into())),
            };
            let away = matches!(answer, Err(OwnerError::Away(_)));
            let now = self.clock.now();
            let mut state = self.state.lock();
            let Some(track) = state.tracks.get_mut(origin) else { return };
            let outcome = track.answer(&old, &new, answer, now);
            state.dirty.insert(origin.to_owned());
            match outcome {
                Answer::Fits(checkpoint) => {
                    let solved = state.reports.solve(origin, &checkpoint, now);
                    if solved && let Err(e) = state.reports.write(&self.disk, &self.dir) {
                        tracing::warn!(error = %e, "monitor: a report could not be written");
                    }
                }
                Answer::Fork(report) => self.report(&mut state, *report),
                Answer::Nothing => {}
            }
            if away {
                return;
            }
        }
    }

    /// Reports what has waited too long for its proof. Quick; may be called more often than rounds are.
    pub fn judge(&self) {
        let now = self.clock.now();
        let mut state = self.state.lock();
        let mut overdue = Vec::new();
        for track in state.tracks.values_mut() {
            overdue.extend(track.overdue(now));
        }
        for report in overdue {
            state.dirty.insert(report.origin.clone());
            self.report(&mut state, report);
        }
    }

    /// Writes what changed.
    fn write(&self) {
        let (changed, dirty) = {
            let mut state = self.state.lock();
            let dirty = std::mem::take(&mut state.dirty);
            let changed: Vec<Track> = dirty.iter().filter_map(|o| state.tracks.get(o).cloned()).collect();
            (changed, dirty)
        };
        for track in &changed {
            if let Err(e) = track.write(&self.disk, &self.dir) {
                tracing::warn!(error = %e, "monitor: its state could not be written; it is tried again");
                self.state.lock().dirty.extend(dirty);
                return;
            }
        }
    }

    /// What does not fit, oldest first; resolved reports stay.
    pub fn reports(&self) -> Vec<Report> {
        self.state.lock().reports.all()
    }

    /// The logs that are followed.
    pub fn logs(&self) -> Vec<WatchedLog> {
        self.state.lock().tracks.values().map(Track::shown).collect()
    }

    /// What was learned since the last call, to be handed on to others (the hub): of each log the newest checkpoint and those that have no
    /// proof. At most [`HANDOVER_MAX`]; the rest comes with the next call.
    pub fn handover(&self) -> Vec<String> {
        let mut notes = Vec::new();
        for track in self.state.lock().tracks.values_mut() {
            if notes.len() >= HANDOVER_MAX {
                break;
            }
            notes.extend(track.handover(HANDOVER_MAX - notes.len()));
        }
        notes
    }
}
