//! Epochs: a log that cannot go on where it stood (it was restored from a backup) begins a new tree, whose first entry names the
//! last checkpoint known of the one before. Not here: checking the links (`verify`).

use crate::disk::Disk;
use crate::log::LogError;
use crate::note::Checkpoint;
use crate::segment::{epoch_dir, epochs, segments_dir};
use lgsp_kernel::Millis;
use lgsp_kernel::record::{Entry, EpochRecord};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// What the first entry of an epoch is to say, kept until it is written.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Opening {
    cause: String,
    previous: Option<String>,
}

/// The origin of an epoch of the log whose key has this name.
pub fn origin(key_name: &str, epoch: u32) -> String {
    format!("{key_name}/{epoch}")
}

fn opening_path(dir: &Path, epoch: u32) -> PathBuf {
    dir.join(format!("opening-{epoch:08}.json"))
}

/// Prepares the next epoch in a log's folder; its first entry is written when the log is opened. `previous` is the last
/// checkpoint that is known, from the folder itself or, where someone outside kept a newer one, from there: the new epoch's number is
/// above both, so that two restorations of one backup do not sign two trees of one name.
pub fn open_next(dir: &Path, previous: Option<&str>, cause: &str) -> Result<u32, LogError> {
    open_next_on(&Disk::Real, dir, previous, cause)
}

/// The same on a disk of choice.
pub fn open_next_on(disk: &Disk, dir: &Path, previous: Option<&str>, cause: &str) -> Result<u32, LogError> {
    let io = |e| LogError::Io(dir.to_owned(), e);
    let named = match previous {
        None => 0,
        Some(note) => Checkpoint::read_unchecked(note)
            .map_err(|source| LogError::Note { path: dir.to_owned(), source })?
            .epoch()
            .unwrap_or(0),
    };
    disk.create_dir_all(dir).map_err(io)?;
    let last = epochs(disk, dir).map_err(io)?.last().copied().unwrap_or(0);
    let next =
        last.max(named).checked_add(1).ok_or_else(|| LogError::Config("no epoch number is left".into()))?;
    let opening = Opening { cause: cause.to_owned(), previous: previous.map(str::to_owned) };
    let text = serde_json::to_vec(&opening).expect("two texts");
    disk.replace(&opening_path(dir, next), &text, true).map_err(io)?;
    disk.create_dir_all(&segments_dir(&epoch_dir(dir, next))).map_err(io)?;
    Ok(next)
}

/// The record of the first entry of an epoch.
pub(crate) fn first_record(
    disk: &Disk,
    dir: &Path,
    epoch: u32,
    origin: &str,
    at: Millis,
) -> Result<bytes::Bytes, LogError> {
    let path = opening_path(dir, epoch);
    let found = disk.read(&path, 1 << 20).map_err(|e| LogError::Io(path.clone(), e))?;
    let broken = |what: &str| LogError::Broken { path: path.clone(), what: what.to_owned() };
    let opening = match found {
        Some(text) => {
            serde_json::from_slice(&text).map_err(|_| broken("not a description of an epoch's beginning"))?
        }
        None if epoch == 1 => Opening { cause: "first".into(), previous: None },
        None => return Err(broken("missing: it says what came before this epoch")),
    };
    let record = Entry::Epoch(EpochRecord {
        at,
        origin: origin.to_owned(),
        epoch,
        cause: opening.cause,
        previous: opening.previous,
    });
    Ok(serde_json::to_vec(&record).expect("a record is JSON").into())
}
