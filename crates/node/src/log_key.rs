//! The key that signs the message log's checkpoints: made once, sealed under the master key in `<data_dir>/log.key`, on the same
//! disk as the log, so that a node can start while its store is away.

use crate::config::Config;
use lgsp_kernel::Vault;
use lgsp_kernel::vault::VaultError;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// The place name under which the seed is sealed.
const PLACE: &str = "log-key";

/// Why there is no log key.
#[derive(Debug, thiserror::Error)]
pub enum LogKeyError {
    /// The file is not there or cannot be read.
    #[error("{path}: {source}; `lgsp init` makes it")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the file system said.
        source: std::io::Error,
    },
    /// Sealed under another master key, or altered.
    #[error("{path}: {source}")]
    Sealed {
        /// The file.
        path: PathBuf,
        /// What the vault said.
        source: VaultError,
    },
    /// What was sealed is not a seed.
    #[error("{0}: what it holds is not an Ed25519 seed")]
    Form(PathBuf),
}

/// The file.
pub fn place(data_dir: &Path) -> PathBuf {
    data_dir.join("log.key")
}

/// Reads the seed of the key.
pub fn read(config: &Config, vault: &Vault) -> Result<Zeroizing<[u8; 32]>, LogKeyError> {
    let path = place(&config.node.data_dir);
    let text =
        std::fs::read_to_string(&path).map_err(|source| LogKeyError::Io { path: path.clone(), source })?;
    let seed = vault
        .open(PLACE, text.trim())
        .map_err(|source| LogKeyError::Sealed { path: path.clone(), source })?;
    seed.expose().try_into().map(Zeroizing::new).map_err(|_| LogKeyError::Form(path))
}

/// Makes the key if there is none; whether it did.
pub fn create_if_missing(config: &Config, vault: &Vault) -> Result<bool, LogKeyError> {
    let path = place(&config.node.data_dir);
    if path.exists() {
        return Ok(false);
    }
    let mut seed = Zeroizing::new([0u8; 32]);
    let random = getrandom::fill(&mut *seed).map_err(|e| VaultError::Random(e.to_string()));
    let sealed = random
        .and_then(|()| vault.seal(PLACE, &*seed))
        .map_err(|source| LogKeyError::Sealed { path: path.clone(), source })?;
    write_new(&path, &sealed).map_err(|source| LogKeyError::Io { path, source })?;
    Ok(true)
}

fn write_new(path: &Path, sealed: &str) -> std::io::Result<()> {
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    writeln!(file, "{sealed}")?;
    file.sync_all()?;
    path.parent().map_or(Ok(()), |d| std::fs::File::open(d)?.sync_all())
}
