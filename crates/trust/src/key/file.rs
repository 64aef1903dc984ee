//! Keys in files: PKCS#8 sealed under the node's master key, mode 0600, written once. Not here: keys on tokens.

use super::public::{ed25519_spki, p256_spki};
use super::{Algorithm, KeyError, Signer};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lgsp_kernel::{Secret, Vault};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

/// The longest key file that is read, bytes; they have about 500.
const FILE_MAX: u64 = 4096;
const FIRST_LINE: &str = "lgsp-key/1";

enum Pair {
    P256(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

/// A key in this process's memory, usually from a sealed file.
pub struct FileKey {
    pair: Pair,
    public: Vec<u8>,
}

impl std::fmt::Debug for FileKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "FileKey({}, {})", self.algorithm(), hex::encode(&crate::sha256(&self.public)[..8]))
    }
}

impl FileKey {
    /// A new key in memory only, for what lives no longer than the process, such as a message key.
    pub fn generate(algorithm: Algorithm) -> Result<Self, KeyError> {
        Self::from_pkcs8(&generate_pkcs8(algorithm)?, algorithm)
    }

    /// A new key in a new file. A file that exists is never overwritten.
    pub fn create(path: &Path, vault: &Vault, algorithm: Algorithm) -> Result<Self, KeyError> {
        let pkcs8 = generate_pkcs8(algorithm)?;
        let key = Self::from_pkcs8(&pkcs8, algorithm)?;
        let sealed = vault
            .seal(&place(path), pkcs8.expose())
            .map_err(|e| KeyError::File { path: path.to_owned(), why: e.to_string() })?;
        let text = format!(
            "{FIRST_LINE}\nalgorithm {algorithm}\npublic {}\nsealed {sealed}\n",
            STANDARD.encode(&key.public)
        );
        write_new(path, text.as_bytes())?;
        Ok(key)
    }

    /// Opens a key file.
    pub fn load(path: &Path, vault: &Vault) -> Result<Self, KeyError> {
        let text = read_private(path)?;
        let form = |why| KeyError::Form { path: path.to_owned(), why };
        let mut lines = text.lines();
        if lines.next() != Some(FIRST_LINE) {
            return Err(form("it is no key file of this program"));
        }
        let mut field =
            |name: &str| lines.next().and_then(|l| l.strip_prefix(name)).and_then(|l| l.strip_prefix(' '));
        let algorithm = match field("algorithm") {
            Some("ecdsa-p256") => Algorithm::EcdsaP256,
            Some("ed25519") => Algorithm::Ed25519,
            _ => return Err(form("it names no algorithm that a key file can have")),
        };
        let public =
            field("public").and_then(|p| STANDARD.decode(p).ok()).ok_or(form("its public key is missing"))?;
        let sealed = field("sealed").ok_or(form("its sealed key is missing"))?;
        let pkcs8 = vault.open(&place(path), sealed).map_err(|_| KeyError::Sealed(path.to_owned()))?;
        let key = Self::from_pkcs8(&pkcs8, algorithm).map_err(|_| form("the key in it is not readable"))?;
        if key.public != public {
            return Err(form("its public key is not that of its private key"));
        }
        Ok(key)
    }

    /// Opens the file, or makes it if there is none.
    pub fn load_or_create(path: &Path, vault: &Vault, algorithm: Algorithm) -> Result<Self, KeyError> {
        match Self::create_if_absent(path, vault, algorithm)? {
            Some(key) => Ok(key),
            None => Self::load(path, vault),
        }
    }

    fn create_if_absent(path: &Path, vault: &Vault, algorithm: Algorithm) -> Result<Option<Self>, KeyError> {
        if path.exists() {
            return Ok(None);
        }
        match Self::create(path, vault, algorithm) {
            Ok(key) => Ok(Some(key)),
            Err(KeyError::Exists(_)) => Ok(None),
            Err(e) => Err(e),
        }
    }

    fn from_pkcs8(pkcs8: &Secret, algorithm: Algorithm) -> Result<Self, KeyError> {
        let bad = |e: aws_lc_rs::error::KeyRejected| KeyError::Sign(e.to_string());
        let (pair, public) = match algorithm {
            Algorithm::EcdsaP256 => {
                let pair =
                    EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, pkcs8.expose()).map_err(bad)?;
                let public = p256_spki(pair.public_key().as_ref())?;
                (Pair::P256(pair), public)
            }
            Algorithm::Ed25519 => {
                let pair = Ed25519KeyPair::from_pkcs8(pkcs8.expose()).map_err(bad)?;
                let raw = pair.public_key().as_ref().try_into().map_err(|_| KeyError::PublicKey)?;
                (Pair::Ed25519(pair), ed25519_spki(&raw))
            }
            Algorithm::RsaPss => return Err(KeyError::Unsupported("an RSA key of our own".into())),
        };
        Ok(Self { pair, public })
    }
}

impl Signer for FileKey {
    fn algorithm(&self) -> Algorithm {
        match self.pair {
            Pair::P256(_) => Algorithm::EcdsaP256,
            Pair::Ed25519(_) => Algorithm::Ed25519,
        }
    }
    fn public_key_der(&self) -> Vec<u8> {
        self.public.clone()
    }
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        match &self.pair {
            Pair::P256(pair) => pair
                .sign(&SystemRandom::new(), message)
                .map(|s| s.as_ref().to_vec())
                .map_err(|_| KeyError::Sign("the operating system gave no random bytes".into())),
            Pair::Ed25519(pair) => Ok(pair.sign(message).as_ref().to_vec()),
        }
    }
}

fn generate_pkcs8(algorithm: Algorithm) -> Result<Secret, KeyError> {
    let random = SystemRandom::new();
    let made = match algorithm {
        Algorithm::EcdsaP256 => EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random),
        Algorithm::Ed25519 => Ed25519KeyPair::generate_pkcs8(&random),
        Algorithm::RsaPss => return Err(KeyError::Unsupported("an RSA key of our own".into())),
    };
    let document = made.map_err(|_| KeyError::Sign("the operating system gave no random bytes".into()))?;
    Ok(Secret::new(document.as_ref()))
}

/// The place the vault binds the key to: a file renamed to another's name does not open, so that a TLS key cannot pass for a log key.
fn place(path: &Path) -> String {
    format!("key/{}", path.file_name().map_or_else(Default::default, |n| n.to_string_lossy()))
}

fn read_private(path: &Path) -> Result<String, KeyError> {
    let file = |e: std::io::Error| KeyError::File { path: path.to_owned(), why: e.to_string() };
    let opened = std::fs::File::open(path).map_err(file)?;
    let meta = opened.metadata().map_err(file)?;
    if !meta.is_file() || meta.len() > FILE_MAX {
        return Err(KeyError::Form { path: path.to_owned(), why: "it is no regular file of a key's size" });
    }
    if meta.permissions().mode() & 0o077 != 0 {
        return Err(KeyError::Mode(path.to_owned()));
    }
    let mut text = String::new();
    opened.take(FILE_MAX).read_to_string(&mut text).map_err(file)?;
    Ok(text)
}

/// Writes a file that must not exist: whole and synced under another name first, then linked into place, so that a crash leaves no half key and
/// of two that do it at once one is told.
fn write_new(path: &Path, bytes: &[u8]) -> Result<(), KeyError> {
    let file = |e: std::io::Error| match e.kind() {
        std::io::ErrorKind::AlreadyExists => KeyError::Exists(path.to_owned()),
        _ => KeyError::File { path: path.to_owned(), why: e.to_string() },
    };
    let folder = match path.parent() {
        Some(p) if !p.as_os_str().is_empty() => p,
        _ => Path::new("."),
    };
    let mut random = [0u8; 8];
    getrandom::fill(&mut random).map_err(|e| KeyError::File { path: path.to_owned(), why: e.to_string() })?;
    let beside = folder.join(format!(".new-key-{}", hex::encode(random)));
    let written = (|| {
        let mut new = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&beside)?;
        new.write_all(bytes)?;
        new.sync_all()?;
        std::fs::hard_link(&beside, path)
    })();
    let _ = std::fs::remove_file(&beside);
    written.map_err(file)?;
    std::fs::File::open(folder).and_then(|f| f.sync_all()).map_err(file)
}
