//! Where a key lives, as configuration says it.

use super::{Algorithm, FileKey, KeyError, Signer, TokenKey, TokenPlace, Tokens};
use lgsp_kernel::{Secret, Vault};
use std::io::Read as _;
use std::path::PathBuf;
use std::sync::Arc;
use zeroize::Zeroizing;

/// The longest PIN that is read, bytes.
const PIN_MAX: usize = 256;

/// Where a key lives.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, untagged)]
pub enum KeyConfig {
    /// In a sealed file.
    File {
        /// Which file.
        file: PathBuf,
    },
    /// On a PKCS#11 token.
    Token {
        /// The PKCS#11 module, a shared library.
        module: PathBuf,
        /// The token's label.
        token: String,
        /// The key's label.
        key: String,
        /// Where the PIN is.
        pin: PinSource,
    },
}

/// Where a token's PIN is read from, each time the token is opened.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PinSource {
    /// A file that holds nothing else; white space around it is dropped.
    File(PathBuf),
    /// An environment variable.
    Env(String),
}

impl PinSource {
    /// Reads the PIN.
    pub fn read(&self) -> Result<Secret, String> {
        let text = match self {
            Self::File(path) => {
                let mut text = Zeroizing::new(String::with_capacity(PIN_MAX + 2));
                let file = std::fs::File::open(path).map_err(|e| format!("{}: {e}", path.display()))?;
                let read = file.take(PIN_MAX as u64 + 2).read_to_string(&mut text);
                read.map_err(|e| format!("{}: {e}", path.display()))?;
                text
            }
            Self::Env(name) => {
                Zeroizing::new(std::env::var(name).map_err(|e| format!("variable {name}: {e}"))?)
            }
        };
        let pin = text.trim();
        if pin.is_empty() || pin.len() > PIN_MAX {
            return Err("it is empty or longer than 256 bytes".into());
        }
        Ok(Secret::new(pin))
    }
}

impl KeyConfig {
    /// Opens a key that exists.
    pub fn open(&self, vault: &Vault, tokens: &Tokens) -> Result<Arc<dyn Signer>, KeyError> {
        match self {
            Self::File { file } => Ok(Arc::new(FileKey::load(file, vault)?)),
            Self::Token { module, token, key, pin } => {
                Ok(Arc::new(TokenKey::open(&tokens.token(&place(module, token, pin))?, key)?))
            }
        }
    }

    /// Makes a key where there is none.
    pub fn create(
        &self,
        vault: &Vault,
        tokens: &Tokens,
        algorithm: Algorithm,
    ) -> Result<Arc<dyn Signer>, KeyError> {
        match self {
            Self::File { file } => Ok(Arc::new(FileKey::create(file, vault, algorithm)?)),
            Self::Token { module, token, key, pin } => {
                Ok(Arc::new(TokenKey::create(&tokens.token(&place(module, token, pin))?, key, algorithm)?))
            }
        }
    }
}

fn place(module: &std::path::Path, token: &str, pin: &PinSource) -> TokenPlace {
    TokenPlace { module: module.to_owned(), label: token.to_owned(), pin: pin.clone() }
}
