//! The form of a backup: one tar file, its description (`manifest.json`) first, then every part that the description names
//! with its SHA-256. `make` writes one while the node runs, `load` restores one. The master key is never in it.

pub mod load;
pub mod make;
mod steady;

use aws_lc_rs::digest::{Context, SHA256};
use serde::{Deserialize, Serialize};
use std::io::{Read, Write};
use std::path::{Component, Path, PathBuf};

/// The first field of the description.
pub const FORMAT: &str = "lgsp backup 1";
/// The description's name.
pub const MANIFEST: &str = "manifest.json";
/// The dump of the store.
pub const STORE: &str = "store.jsonl";
/// The folder of the message log.
pub const LOG: &str = "log";
/// The log's key, sealed under the master key.
pub const LOG_KEY: &str = "log.key";
/// What makes the node a member, a hub's authority and directory, and what others attested of the log: folders under the data folder,
/// where there are any. The state of the node's own witness is not among them: one that is put back could sign two histories.
pub const FEDERATION: [&str; 3] = ["hub", "membership", "attested"];
/// A longer description is not read.
const MANIFEST_MAX: u64 = 256 << 20;

/// What a backup holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// [`FORMAT`].
    pub format: String,
    /// The program that wrote it.
    pub program: String,
    /// The node's name.
    pub node: String,
    /// When it was begun, RFC 3339.
    pub at: String,
    /// Tells whether a master key is the one that the data is sealed under.
    pub master_key_check: String,
    /// The public key of the message log.
    pub log_key: String,
    /// The log's last checkpoint, a signed note; none if there was no log yet.
    pub log_checkpoint: Option<String>,
    /// The store's schema version.
    pub schema: i64,
    /// The registry's generation.
    pub generation: i64,
    /// Every other file of the backup.
    pub parts: Vec<Part>,
}

/// A file of a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// Its path in the backup, with `/`.
    pub path: String,
    /// Its length.
    pub bytes: u64,
    /// SHA-256, hexadecimal.
    pub sha256: String,
}

/// Why a backup was not made or not restored.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// A file could not be read or written.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the file system said.
        source: std::io::Error,
    },
    /// The file is no whole, unaltered backup.
    #[error("this is not a whole and unaltered backup: {0}")]
    Broken(String),
    /// The target is not fit to restore into.
    #[error("{0}")]
    Target(String),
    /// The store did not do its part.
    #[error(transparent)]
    Store(#[from] lgsp_store::StoreError),
    /// The message log could not be read.
    #[error(transparent)]
    Archive(#[from] lgsp_evidence::ArchiveError),
    /// The message log could not be opened.
    #[error(transparent)]
    Log(#[from] lgsp_evidence::LogError),
    /// Its key.
    #[error(transparent)]
    LogKey(#[from] crate::log_key::LogKeyError),
    /// Its public key.
    #[error("the log's public key: {0}")]
    Verifier(#[from] lgsp_evidence::NoteError),
}

fn at(path: &Path) -> impl Fn(std::io::Error) -> BackupError + '_ {
    move |source| BackupError::Io { path: path.to_path_buf(), source }
}

/// Copies while taking the digest; the length and the digest in hexadecimal.
fn copy_digesting(from: &mut impl Read, to: &mut impl Write) -> std::io::Result<(u64, String)> {
    let mut context = Context::new(&SHA256);
    let mut buffer = vec![0; 256 << 10];
    let mut bytes = 0;
    loop {
        let n = from.read(&mut buffer)?;
        if n == 0 {
            return Ok((bytes, hex::encode(context.finish())));
        }
        context.update(&buffer[..n]);
        to.write_all(&buffer[..n])?;
        bytes += n as u64;
    }
}

/// Whether a path stays inside the folder it is joined to.
fn stays_inside(path: &Path) -> bool {
    path.components().all(|c| matches!(c, Component::Normal(_))) && path.components().next().is_some()
}

#[cfg(test)]
mod tests {
    use super::stays_inside;
    use std::path::Path;

    #[test]
    fn a_path_that_leaves_the_folder_is_seen() {
        assert!(stays_inside(Path::new("log/epoch-1/x")));
        for bad in ["", "/etc/passwd", "../x", "log/../../x", "./x"] {
            assert!(!stays_inside(Path::new(bad)), "{bad}");
        }
    }
}
