//! Keys that sign: the one trait they share, and the public half that anybody can check. Where a key lives: `file`, `token`; `config` names it.

mod config;
mod file;
mod public;
mod token;

pub(crate) use public::read;

pub use config::{KeyConfig, PinSource};
pub use file::FileKey;
pub use public::{ed25519_raw, ed25519_spki, verify};
pub use token::{Token, TokenKey, TokenPlace, Tokens};

use std::path::PathBuf;

/// How a key signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Algorithm {
    /// ECDSA on P-256 with SHA-256; the signature is the ASN.1 sequence of two integers.
    EcdsaP256,
    /// Ed25519 (RFC 8032), 64 bytes.
    Ed25519,
    /// RSA-PSS with SHA-256, salt of 32 bytes, a key of 2048 to 8192 bits. Only verified here, for agencies whose authority issues such keys.
    RsaPss,
}

impl Algorithm {
    /// The algorithm's name in configuration and messages.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::EcdsaP256 => "ecdsa-p256",
            Self::Ed25519 => "ed25519",
            Self::RsaPss => "rsa-pss",
        }
    }
}

impl std::fmt::Display for Algorithm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A private key that signs, wherever it lives. Signing may block for tens of milliseconds when the key is on a token.
pub trait Signer: Send + Sync + std::fmt::Debug {
    /// How it signs.
    fn algorithm(&self) -> Algorithm;
    /// The public key as a DER SubjectPublicKeyInfo (RFC 5280, 4.1.2.7).
    fn public_key_der(&self) -> Vec<u8>;
    /// Signs a message (not its digest).
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError>;
}

/// Why a key could not be made, read or used. Each text says what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The key file could not be read or written.
    #[error("key file {path}: {why}")]
    File {
        /// Which file.
        path: PathBuf,
        /// What the operating system says.
        why: String,
    },
    /// The file is there already; keys are never overwritten.
    #[error("key file {0} exists already: move it away first if it is to be replaced")]
    Exists(PathBuf),
    /// Others on the machine may read the file.
    #[error("key file {0} may be read by others: chmod 600 it, and replace the key if they have had it")]
    Mode(PathBuf),
    /// Not a key file.
    #[error("key file {path}: {why}; restore it from a backup or make a new key")]
    Form {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        why: &'static str,
    },
    /// The master key does not open it.
    #[error(
        "key file {0} does not open under this node's master key: it was made under another one, renamed, or altered"
    )]
    Sealed(PathBuf),
    /// A kind of key this cannot do.
    #[error(
        "{0}: use ECDSA P-256 or Ed25519, or RSA of 2048 bits or more where an agency's authority issues it"
    )]
    Unsupported(String),
    /// The public key is not what it says.
    #[error("not a public key (SubjectPublicKeyInfo of P-256, Ed25519 or RSA)")]
    PublicKey,
    /// The signature is not of this key over these bytes.
    #[error("the signature does not verify")]
    Signature,
    /// The library would not sign.
    #[error("signing failed: {0}")]
    Sign(String),
    /// The PKCS#11 module could not be loaded.
    #[error(
        "PKCS#11 module {path} could not be loaded: {why}; check the path and that the package is installed"
    )]
    Module {
        /// The shared library.
        path: PathBuf,
        /// What the loader says.
        why: String,
    },
    /// The token is not in its slot.
    #[error("the token {0} is not there: insert it; signing goes on by itself when it is back")]
    TokenAbsent(String),
    /// The PIN was refused. It is not tried again until its source changes, since a few wrong ones lock the token.
    #[error(
        "the token {0} refused the PIN: correct the PIN's file or variable; it is not tried again before it changes, so that the token does not lock itself"
    )]
    PinRefused(String),
    /// Too many wrong PINs.
    #[error("the token {0} is locked after wrong PINs: unlock it with the security officer's PIN")]
    PinLocked(String),
    /// The PIN's file or variable cannot be read.
    #[error("the PIN of token {token} could not be read: {why}")]
    PinSource {
        /// Which token.
        token: String,
        /// Why.
        why: String,
    },
    /// No such key on the token.
    #[error("the token {token} holds no key {key}: make it there, or correct the label")]
    NoSuchKey {
        /// Which token.
        token: String,
        /// The key's label.
        key: String,
    },
    /// Several keys of one label.
    #[error("the token {token} holds several keys {key}: remove or rename all but one")]
    ManyKeys {
        /// Which token.
        token: String,
        /// The key's label.
        key: String,
    },
    /// The token holds a key of this label already.
    #[error(
        "the token {token} holds a key {key} already: choose another label, or remove it if it is to be replaced"
    )]
    KeyExists {
        /// Which token.
        token: String,
        /// The key's label.
        key: String,
    },
    /// The token's key is not the one that was there when it was opened.
    #[error(
        "the key {key} on token {token} is not the one this node started with: put the right token back, or restart to use the new key"
    )]
    OtherKey {
        /// Which token.
        token: String,
        /// The key's label.
        key: String,
    },
    /// All sessions are in use and none came free in time.
    #[error(
        "the token {0} is busy: more signatures are asked of it than it makes; use a message key for each message"
    )]
    TokenBusy(String),
    /// Anything else the token answers.
    #[error("the token {token}: {why}")]
    Token {
        /// Which token.
        token: String,
        /// The function and the return value.
        why: String,
    },
}
