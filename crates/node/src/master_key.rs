//! Where the node's master key comes from: systemd's credentials, or a file that only its owner can read. What is done
//! with it is `kernel::Vault`'s.

use crate::config::Config;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::io::Write as _;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// The credential's name in a systemd unit: `LoadCredential=lgsp-master-key:...`.
pub const CREDENTIAL: &str = "lgsp-master-key";
/// A longer file is not a key.
const FILE_MAX: u64 = 4096;

/// 32 bytes, wiped when dropped.
pub type MasterKey = Zeroizing<[u8; 32]>;

/// Why there is no master key.
#[derive(Debug, thiserror::Error)]
pub enum MasterKeyError {
    /// None anywhere.
    #[error(
        "there is no master key at {0}: run `lgsp init`, or restore the key that this node's data was sealed under"
    )]
    Missing(PathBuf),
    /// Others can read or change the file.
    #[error("{path} has mode {mode:04o}: others may read or change the master key; run: chmod 0600 {path}")]
    Mode {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// Another user owns the file.
    #[error("{path} belongs to user {owner}, this process runs as user {own}; run: chown {own} {path}")]
    Owner {
        /// The file.
        path: PathBuf,
        /// Its owner.
        owner: u32,
        /// This process's user.
        own: u32,
    },
    /// Not a key.
    #[error("{0} does not hold 32 bytes in hexadecimal or base64")]
    Form(PathBuf),
    /// Exists and must not be overwritten.
    #[error(
        "{0} exists already: a master key is never overwritten, since everything sealed under it would be lost"
    )]
    Exists(PathBuf),
    /// The file system said no.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What it said.
        source: std::io::Error,
    },
}

/// Where the key is looked for: the credential if systemd gave one, otherwise the configured file.
pub fn place(config: &Config, credentials: Option<&Path>) -> PathBuf {
    let credential = credentials.map(|d| d.join(CREDENTIAL)).filter(|p| p.exists());
    credential.unwrap_or_else(|| config.master_key_file())
}

/// systemd's folder of credentials for this process.
pub fn credentials_directory() -> Option<PathBuf> {
    std::env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from)
}

/// Reads the key, refusing a file that others could have read.
pub fn read(config: &Config, credentials: Option<&Path>) -> Result<MasterKey, MasterKeyError> {
    let path = place(config, credentials);
    let from_systemd = credentials.is_some_and(|d| path.starts_with(d));
    let io = |source| MasterKeyError::Io { path: path.clone(), source };
    let meta = match std::fs::metadata(&path) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Err(MasterKeyError::Missing(path)),
        other => other.map_err(io)?,
    };
    // systemd keeps credentials in memory, readable by the service alone, and sets their mode itself.
    if !from_systemd {
        check_permissions(&path, meta.mode() & 0o7777, meta.uid(), own_user().map_err(io)?)?;
    }
    if meta.len() > FILE_MAX {
        return Err(MasterKeyError::Form(path));
    }
    let text = Zeroizing::new(std::fs::read(&path).map_err(io)?);
    decode(&text).ok_or(MasterKeyError::Form(path))
}

/// Makes a new key in a new file with mode 0600.
pub fn create(path: &Path) -> Result<MasterKey, MasterKeyError> {
    let io = |source| MasterKeyError::Io { path: path.to_path_buf(), source };
    let mut key: MasterKey = Zeroizing::new([0; 32]);
    getrandom::fill(&mut *key).map_err(|e| io(std::io::Error::other(e.to_string())))?;
    let opened = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    let mut file = match opened {
        Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => {
            return Err(MasterKeyError::Exists(path.to_path_buf()));
        }
        other => other.map_err(io)?,
    };
    let text = Zeroizing::new(format!("{}\n", hex::encode(*key)));
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(io)?;
    // The name too must survive a power cut, or the data that is sealed next could never be opened.
    path.parent().map_or(Ok(()), |d| std::fs::File::open(d)?.sync_all()).map_err(io)?;
    Ok(key)
}

/// A value that tells two master keys apart and says nothing about either: written into backups.
pub fn check_value(key: &MasterKey) -> String {
    hex::encode(&lgsp_kernel::Vault::new(key).digest(b"lgsp master key check value")[..8])
}

/// The user of this process.
pub fn own_user() -> std::io::Result<u32> {
    std::fs::metadata("/proc/self").map(|m| m.uid())
}

fn check_permissions(path: &Path, mode: u32, owner: u32, own: u32) -> Result<(), MasterKeyError> {
    if !matches!(mode, 0o600 | 0o400) {
        return Err(MasterKeyError::Mode { path: path.to_path_buf(), mode });
    }
    if owner != own {
        return Err(MasterKeyError::Owner { path: path.to_path_buf(), owner, own });
    }
    Ok(())
}

fn decode(text: &[u8]) -> Option<MasterKey> {
    let text = text.trim_ascii();
    let bytes = Zeroizing::new(match text.len() {
        64 => hex::decode(text).ok()?,
        _ => STANDARD.decode(text).ok()?,
    });
    let mut key: MasterKey = Zeroizing::new([0; 32]);
    (bytes.len() == key.len()).then(|| {
        key.copy_from_slice(&bytes);
        key
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::{MasterKeyError, check_permissions, check_value, create, decode, read};
    use crate::config::Config;
    use std::os::unix::fs::PermissionsExt as _;
    use std::path::Path;

    fn config(dir: &Path) -> Config {
        let mut config = Config::default();
        config.node.data_dir = dir.into();
        config
    }

    #[test]
    fn a_key_that_others_may_read_is_refused_with_the_command_that_mends_it() {
        let dir = tempfile::tempdir().unwrap();
        let config = config(dir.path());
        let file = config.master_key_file();
        assert!(matches!(read(&config, None), Err(MasterKeyError::Missing(_))));
        let made = create(&file).unwrap();
        assert_eq!(*read(&config, None).unwrap(), *made);
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
        let refused = read(&config, None).unwrap_err().to_string();
        assert!(
            refused.contains("mode 0644") && refused.ends_with(&format!("chmod 0600 {}", file.display()))
        );
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o400)).unwrap();
        assert!(read(&config, None).is_ok());
        assert!(matches!(check_permissions(&file, 0o600, 1000, 0), Err(MasterKeyError::Owner { .. })));
    }

    #[test]
    fn a_key_is_never_overwritten() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("master.key");
        let first = create(&file).unwrap();
        assert!(matches!(create(&file), Err(MasterKeyError::Exists(_))));
        assert_eq!(*read(&config(dir.path()), None).unwrap(), *first);
    }

    #[test]
    fn systemds_credential_comes_before_the_file() {
        let (dir, credentials) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let config = config(dir.path());
        create(&config.master_key_file()).unwrap();
        std::fs::write(credentials.path().join(super::CREDENTIAL), "11".repeat(32)).unwrap();
        assert_eq!(*read(&config, Some(credentials.path())).unwrap(), [0x11; 32]);
    }

    #[test]
    fn hexadecimal_and_base64_are_read_and_anything_else_is_not() {
        use base64::Engine as _;
        let text = base64::engine::general_purpose::STANDARD.encode([7; 32]);
        assert_eq!(*decode(format!("{text}\n").as_bytes()).unwrap(), [7; 32]);
        assert_eq!(*decode("07".repeat(32).as_bytes()).unwrap(), [7; 32]);
        for bad in ["", "short", &"0".repeat(63), &"zz".repeat(32)] {
            assert!(decode(bad.as_bytes()).is_none(), "{bad}");
        }
        let (one, two) = (zeroize::Zeroizing::new([1; 32]), zeroize::Zeroizing::new([2; 32]));
        assert_ne!(check_value(&one), check_value(&two));
    }
}
