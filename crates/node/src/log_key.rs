//! The key that signs the message log's checkpoints: made once, sealed under the master key in `<data_dir>/log.key`, on the same
//! disk as the log, so that a node can start while its store is away. Where `keys.log` names a token, the key is there, and the file
//! holds its public half, also sealed: commands that only read the log do without the token.

use crate::config::Config;
use crate::membership::keys::{is_about_pin, tokens};
use lgsp_evidence::LogKey;
use lgsp_evidence::note::origin_name;
use lgsp_kernel::Vault;
use lgsp_kernel::vault::VaultError;
use lgsp_trust::key::ed25519_raw;
use lgsp_trust::{Algorithm, KeyConfig, KeyError};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use zeroize::Zeroizing;

/// The place name under which the seed is sealed.
const PLACE: &str = "log-key";
/// The place name under which the public half of a key on a token is sealed.
const PUBLIC: &str = "log-key-public";

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
    #[error("{0}: what it holds is not an Ed25519 key")]
    Form(PathBuf),
    /// The file and the configuration contradict each other.
    #[error("{path}: the message log's key {is}; a log keeps its key, so correct keys.log")]
    Elsewhere {
        /// The file.
        path: PathBuf,
        /// Where the key is, and where the configuration says it is.
        is: &'static str,
    },
    /// The token does not give or use the key.
    #[error("the message log's key {key:?} on the token {token:?} (keys.log): {why}")]
    Token {
        /// The key's label.
        key: String,
        /// The token's label.
        token: String,
        /// Why.
        why: KeyError,
    },
    /// The token's key cannot be this log's.
    #[error("the message log's key {key:?} on the token {token:?} (keys.log) {is}")]
    Unfit {
        /// The key's label.
        key: String,
        /// The token's label.
        token: String,
        /// What it is.
        is: &'static str,
    },
}

impl LogKeyError {
    /// Whether the token refused the PIN.
    pub fn is_about_pin(&self) -> bool {
        matches!(self, Self::Token { why, .. } if is_about_pin(why))
    }
}

/// What the file holds.
enum Kept {
    Seed(Zeroizing<[u8; 32]>),
    Public([u8; 32]),
}

/// The file.
pub fn place(data_dir: &Path) -> PathBuf {
    data_dir.join("log.key")
}

/// The key, to sign with.
pub fn open(config: &Config, vault: &Vault) -> Result<LogKey, LogKeyError> {
    let elsewhere = |is| Err(LogKeyError::Elsewhere { path: place(&config.node.data_dir), is });
    match (config.keys.log.token(), kept(config, vault)?) {
        (None, Kept::Seed(seed)) => Ok(LogKey::for_node(&config.node.name, *seed)),
        (Some(at), Kept::Public(public)) => {
            let key = on_token(config, vault, at, Missing::Refused)?;
            if key.public() == public {
                return Ok(key);
            }
            Err(unfit(at, "is not the one that this log was begun with: put that token back"))
        }
        (None, Kept::Public(_)) => elsewhere("is on a token, but keys.log names none"),
        (Some(_), Kept::Seed(_)) => elsewhere("is in this file, but keys.log names a token"),
    }
}

/// The key's public half as a verifier key (C2SP). A token is asked only where the file is missing.
pub fn verifier(config: &Config, vault: &Vault) -> Result<String, LogKeyError> {
    match (kept(config, vault), config.keys.log.token()) {
        (Ok(Kept::Seed(seed)), _) => Ok(LogKey::for_node(&config.node.name, *seed).verifier()),
        (Ok(Kept::Public(public)), _) => {
            let never = |_: &[u8]| Err("only the public half is here".to_owned());
            Ok(LogKey::external(&origin_name(&config.node.name), public, Arc::new(never)).verifier())
        }
        (Err(LogKeyError::Io { .. }), Some(at)) => {
            Ok(on_token(config, vault, at, Missing::Refused)?.verifier())
        }
        (Err(e), _) => Err(e),
    }
}

/// Makes the key if there is none; what was made, in words.
pub fn create_if_missing(config: &Config, vault: &Vault) -> Result<Option<String>, LogKeyError> {
    let path = place(&config.node.data_dir);
    if path.exists() {
        return Ok(None);
    }
    let Some(at) = config.keys.log.token() else {
        let mut seed = Zeroizing::new([0u8; 32]);
        let random = getrandom::fill(&mut *seed).map_err(|e| VaultError::Random(e.to_string()));
        random.map_err(|source| LogKeyError::Sealed { path: path.clone(), source })?;
        keep(&path, vault, PLACE, &*seed)?;
        return Ok(Some(format!("log key {}", path.display())));
    };
    let key = on_token(config, vault, at, Missing::Made)?;
    keep(&path, vault, PUBLIC, &key.public())?;
    let (key, token) = labels(at);
    Ok(Some(format!("log key {key:?} on the token {token:?}, its public half in {}", path.display())))
}

fn kept(config: &Config, vault: &Vault) -> Result<Kept, LogKeyError> {
    let path = place(&config.node.data_dir);
    let text =
        std::fs::read_to_string(&path).map_err(|source| LogKeyError::Io { path: path.clone(), source })?;
    let form = |_| LogKeyError::Form(path.clone());
    if let Ok(public) = vault.open(PUBLIC, text.trim()) {
        return public.expose().try_into().map(Kept::Public).map_err(form);
    }
    let seed = vault
        .open(PLACE, text.trim())
        .map_err(|source| LogKeyError::Sealed { path: path.clone(), source })?;
    seed.expose().try_into().map(|seed| Kept::Seed(Zeroizing::new(seed))).map_err(form)
}

fn keep(path: &Path, vault: &Vault, name: &str, key: &[u8]) -> Result<(), LogKeyError> {
    let sealed = vault.seal(name, key);
    let sealed = sealed.map_err(|source| LogKeyError::Sealed { path: path.into(), source })?;
    write_new(path, &sealed).map_err(|source| LogKeyError::Io { path: path.into(), source })
}

/// What becomes of a key that the token does not hold.
#[derive(PartialEq, Eq)]
enum Missing {
    Made,
    Refused,
}

fn on_token(config: &Config, vault: &Vault, at: &KeyConfig, missing: Missing) -> Result<LogKey, LogKeyError> {
    let opened = match at.open(vault, tokens()) {
        Err(KeyError::NoSuchKey { .. }) if missing == Missing::Made => {
            at.create(vault, tokens(), Algorithm::Ed25519)
        }
        other => other,
    };
    let signer = opened.map_err(|why| {
        let (key, token) = labels(at);
        LogKeyError::Token { key, token, why }
    })?;
    let public = ed25519_raw(&signer.public_key_der());
    let public = public.ok_or_else(|| unfit(at, "is no Ed25519 key, which a log's key must be"))?;
    let sign = move |bytes: &[u8]| {
        let made = signer.sign(bytes).map_err(|e| e.to_string())?;
        made.try_into().map_err(|_| "the token's signature does not have 64 bytes".to_owned())
    };
    Ok(LogKey::external(&origin_name(&config.node.name), public, Arc::new(sign)))
}

fn unfit(at: &KeyConfig, is: &'static str) -> LogKeyError {
    let (key, token) = labels(at);
    LogKeyError::Unfit { key, token, is }
}

/// The labels of a key and of its token.
fn labels(at: &KeyConfig) -> (String, String) {
    match at {
        KeyConfig::Token { token, key, .. } => (key.clone(), token.clone()),
        KeyConfig::File { file } => (file.display().to_string(), String::new()),
    }
}

fn write_new(path: &Path, sealed: &str) -> std::io::Result<()> {
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    writeln!(file, "{sealed}")?;
    file.sync_all()?;
    path.parent().map_or(Ok(()), |d| std::fs::File::open(d)?.sync_all())
}
