//! Which logs there are, and what a witness knows of each: one small file an origin, replaced as a whole. Not here: what may be cosigned (`witness`).

use lgsp_evidence::hash::sha256;
use lgsp_evidence::{Checkpoint, Disk, Hash, Verifier};
use lgsp_kernel::Millis;
use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

/// The most epochs of one log that are known: each is a restoration; a log that had more is not looked at until someone did.
pub const EPOCHS_MAX: usize = 256;
/// The largest file of an origin, bytes.
const FILE_MAX: u64 = 64 << 10;

/// The keys that may sign for an origin: empty for a log that nobody knows. During a change of keys there are two.
pub type Logs = Arc<dyn Fn(&str) -> Vec<Verifier> + Send + Sync>;

/// The name of the log's key and the number of the epoch, of an origin as our nodes write it; `None` for anything else.
pub(crate) fn epoch_of(origin: &str) -> Option<(&str, u32)> {
    let (name, digits) = origin.rsplit_once('/')?;
    let epoch: u32 = digits.parse().ok().filter(|n| *n > 0)?;
    (epoch.to_string() == digits && origin.len() <= 512).then_some((name, epoch))
}

/// The checkpoint in a note, if a key that may sign for its origin signed it.
pub(crate) enum Signed {
    By(Checkpoint),
    UnknownLog,
    Not(lgsp_evidence::NoteError),
}

pub(crate) fn signed(logs: &Logs, claimed: &Checkpoint) -> Signed {
    if epoch_of(&claimed.origin).is_none() {
        return Signed::UnknownLog;
    }
    let keys = logs(&claimed.origin);
    let mut why = None;
    for key in &keys {
        match key.check(&claimed.note) {
            Ok(c) => return Signed::By(c),
            Err(e) => why = Some(e),
        }
    }
    why.map_or(Signed::UnknownLog, Signed::Not)
}

/// What a witness last cosigned of an origin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WitnessedLog {
    /// The origin: a log and an epoch.
    pub origin: String,
    /// Number of entries.
    pub size: u64,
    /// The root, base64.
    pub root: String,
    /// The note as it was handed in.
    pub note: String,
    /// When the origin was first cosigned.
    pub first_at: Millis,
    /// When it was last cosigned.
    pub at: Millis,
    /// The epoch before, where the witness knew one: this log was restored and began anew.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restored_from: Option<u32>,
}

impl WitnessedLog {
    pub(crate) fn hash(&self) -> Option<Hash> {
        Hash::from_base64(&self.root)
    }
}

/// The files.
#[derive(Debug)]
pub(crate) struct Files {
    disk: Disk,
    dir: PathBuf,
    /// Files that cannot be read: their origins are not cosigned, since nobody knows what was cosigned before.
    broken: HashSet<String>,
}

fn file_name(origin: &str) -> String {
    format!("{}.json", hex::encode(sha256(origin.as_bytes()).0))
}

impl Files {
    /// Reads all.
    pub(crate) fn open(disk: Disk, dir: PathBuf) -> io::Result<(Self, Vec<WitnessedLog>)> {
        disk.create_dir_all(&dir)?;
        let (mut known, mut broken) = (Vec::new(), HashSet::new());
        for name in disk.list(&dir)? {
            if name.ends_with(".tmp") {
                disk.remove(&dir.join(&name))?;
                continue;
            }
            if !name.ends_with(".json") {
                continue;
            }
            let read = disk.read(&dir.join(&name), FILE_MAX)?.and_then(|b| serde_json::from_slice(&b).ok());
            match read.filter(|log: &WitnessedLog| file_name(&log.origin) == name && log.hash().is_some()) {
                Some(log) => known.push(log),
                None => {
                    tracing::error!(dir = %dir.display(), name, "witness: a log's state cannot be read; it is not cosigned");
                    broken.insert(name);
                }
            }
        }
        Ok((Self { disk, dir, broken }, known))
    }
    pub(crate) fn is_broken(&self, origin: &str) -> bool {
        self.broken.contains(&file_name(origin))
    }
    /// Makes the state durable.
    pub(crate) fn write(&self, log: &WitnessedLog) -> io::Result<()> {
        let json = serde_json::to_vec(log).expect("texts and numbers");
        self.disk.replace(&self.dir.join(file_name(&log.origin)), &json, true)
    }
}
