//! The witness: it cosigns a checkpoint that extends what it cosigned before of the same origin, and nothing else. What it cosigned is durable
//! before the cosignature leaves. Not here: HTTP (`http`), comparing what others saw (`monitor`).

use crate::cosign::CosignKey;
use crate::known::{EPOCHS_MAX, Files, Logs, Signed, WitnessedLog, epoch_of, signed};
use lgsp_evidence::note::{NoteError, split_note};
use lgsp_evidence::tree::check_consistency;
use lgsp_evidence::{Checkpoint, Disk, Hash};
use lgsp_kernel::Clock;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

/// Why a checkpoint was not cosigned. The status of each is in c2sp.org/tlog-witness.
#[derive(Debug, thiserror::Error)]
pub enum WitnessError {
    /// Not such a request (400).
    #[error("{0}")]
    Malformed(String),
    /// No key that may sign for the origin signed it (403).
    #[error("{0}")]
    Unsigned(NoteError),
    /// Nobody knows the log (404).
    #[error("this log is not known here")]
    UnknownLog,
    /// The witness saw another size last (409).
    #[error("the last checkpoint that was cosigned here has {size} entries")]
    Conflict {
        /// The size.
        size: u64,
    },
    /// The witness cosigned another tree of the same size (409): the log forked.
    #[error("another tree of {size} entries was cosigned here: the log has forked")]
    Fork {
        /// The size.
        size: u64,
    },
    /// The proof does not show that the tree extends the one before (422).
    #[error("the proof does not show that this tree extends the last one that was cosigned here")]
    Proof,
    /// What was cosigned before cannot be read (500).
    #[error("what was cosigned of this log before cannot be read")]
    State,
    /// The state could not be made durable (500).
    #[error("the state could not be written")]
    Disk(#[source] io::Error),
    /// The key did not sign (500).
    #[error("the witness's key cannot sign now")]
    Key(String),
}

/// Told of every checkpoint whose signature is right, also of those that are refused: they may show a fork.
pub type Observer = Arc<dyn Fn(&Checkpoint) + Send + Sync>;

type Slot = Arc<Mutex<Option<WitnessedLog>>>;

/// A witness.
pub struct Witness {
    key: CosignKey,
    clock: Clock,
    logs: Logs,
    files: Files,
    /// One lock an origin, held from the comparison until the new state is durable.
    known: Mutex<HashMap<String, Slot>>,
    observer: Option<Observer>,
}

impl std::fmt::Debug for Witness {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Witness({:?}, {} logs)", self.key, self.known.lock().len())
    }
}

impl Witness {
    /// Reads what was cosigned before in a folder of its own. One witness at a time may have it.
    pub fn open(dir: impl Into<PathBuf>, key: CosignKey, clock: Clock, logs: Logs) -> io::Result<Self> {
        Self::open_on(Disk::Real, dir, key, clock, logs)
    }
    /// The same on a disk of choice.
    pub fn open_on(
        disk: Disk,
        dir: impl Into<PathBuf>,
        key: CosignKey,
        clock: Clock,
        logs: Logs,
    ) -> io::Result<Self> {
        let (files, read) = Files::open(disk, dir.into())?;
        let known = read.into_iter().map(|l| (l.origin.clone(), Arc::new(Mutex::new(Some(l))))).collect();
        Ok(Self { key, clock, logs, files, known: Mutex::new(known), observer: None })
    }
    /// With someone who is told of all that is seen.
    pub fn observed_by(mut self, observer: Observer) -> Self {
        self.observer = Some(observer);
        self
    }
    /// The public key that checks its cosignatures, as text.
    pub fn verifier(&self) -> String {
        self.key.verifier()
    }
    /// What was cosigned last, by origin.
    pub fn logs(&self) -> Vec<WitnessedLog> {
        let slots: Vec<Slot> = self.known.lock().values().cloned().collect();
        let mut logs: Vec<_> = slots.iter().filter_map(|s| s.lock().clone()).collect();
        logs.sort_by(|a, b| a.origin.cmp(&b.origin));
        logs
    }

    /// Cosigns a checkpoint: gives a signature line. Waits for the disk.
    pub fn add_checkpoint(&self, old: u64, proof: &[Hash], note: &str) -> Result<String, WitnessError> {
        let claimed = Checkpoint::read_unchecked(note).map_err(|e| WitnessError::Malformed(e.to_string()))?;
        let new = match signed(&self.logs, &claimed) {
            Signed::By(checkpoint) => checkpoint,
            Signed::UnknownLog => return Err(WitnessError::UnknownLog),
            Signed::Not(why) => return Err(WitnessError::Unsigned(why)),
        };
        if let Some(observer) = &self.observer {
            observer(&new);
        }
        if old > new.size || new.size > i64::MAX as u64 {
            return Err(WitnessError::Malformed("the old size is larger than the checkpoint's".into()));
        }
        if self.files.is_broken(&new.origin) {
            return Err(WitnessError::State);
        }
        let slot = self.slot(&new.origin)?;
        let mut last = slot.lock();
        extends(last.as_ref(), old, proof, &new)?;
        let now = self.clock.now();
        let text = split_note(&new.note).map_err(|e| WitnessError::Malformed(e.to_string()))?.0;
        let seconds = u64::try_from(now.0 / 1000).unwrap_or(0);
        let line = self.key.cosign(text, seconds).map_err(WitnessError::Key)?;
        let next = WitnessedLog {
            first_at: last.as_ref().map_or(now, |l| l.first_at),
            restored_from: match last.as_ref() {
                Some(l) => l.restored_from,
                None => self.epoch_before(&new.origin),
            },
            origin: new.origin,
            size: new.size,
            root: new.root.base64(),
            note: new.note,
            at: now,
        };
        // The same tree again changes nothing that must be kept.
        let is_new = last.as_ref().is_none_or(|l| l.size != next.size);
        if is_new {
            self.files.write(&next).map_err(WitnessError::Disk)?;
        }
        if let (None, Some(before)) = (last.as_ref(), next.restored_from) {
            tracing::warn!(origin = next.origin, before, "witness: a log was restored and began a new epoch");
        }
        *last = Some(next);
        Ok(line)
    }

    /// The lock of an origin. A log's epochs are bounded: its key could sign for any number of them.
    fn slot(&self, origin: &str) -> Result<Slot, WitnessError> {
        let mut known = self.known.lock();
        if let Some(slot) = known.get(origin) {
            return Ok(slot.clone());
        }
        let name = epoch_of(origin).map(|(name, _)| name);
        let epochs = known.keys().filter(|o| epoch_of(o).map(|(n, _)| n) == name).count();
        if epochs >= EPOCHS_MAX {
            return Err(WitnessError::UnknownLog);
        }
        Ok(known.entry(origin.to_owned()).or_default().clone())
    }

    /// The highest epoch of the same log that was cosigned before.
    fn epoch_before(&self, origin: &str) -> Option<u32> {
        let (name, epoch) = epoch_of(origin)?;
        let known = self.known.lock();
        let others = known.keys().filter_map(|o| epoch_of(o)).filter(|(n, e)| *n == name && *e != epoch);
        others.map(|(_, e)| e).max()
    }
}

/// c2sp.org/tlog-witness: whether the checkpoint extends what was cosigned last.
fn extends(
    last: Option<&WitnessedLog>,
    old: u64,
    proof: &[Hash],
    new: &Checkpoint,
) -> Result<(), WitnessError> {
    let known = last.map_or(0, |l| l.size);
    if old != known {
        return Err(WitnessError::Conflict { size: known });
    }
    let root = match last {
        Some(l) => l.hash().ok_or(WitnessError::State)?,
        None => Hash::empty_tree(),
    };
    if old == new.size && root != new.root {
        return Err(if last.is_some() && old > 0 {
            WitnessError::Fork { size: old }
        } else {
            WitnessError::Proof
        });
    }
    // From nothing every tree follows, and needs no proof.
    let fits =
        if old == 0 { proof.is_empty() } else { check_consistency(old, root, new.size, new.root, proof) };
    if fits { Ok(()) } else { Err(WitnessError::Proof) }
}
