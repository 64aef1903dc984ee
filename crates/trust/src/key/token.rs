//! Keys on PKCS#11 tokens.

use super::{Algorithm, KeyError, PinSource, Signer};
use std::path::PathBuf;
use std::sync::Arc;

/// Where a token is and how it is opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenPlace {
    /// The PKCS#11 module, a shared library.
    pub module: PathBuf,
    /// The token's label.
    pub label: String,
    /// Where the PIN is.
    pub pin: PinSource,
}

/// The modules and tokens in use: a module may be loaded once in a process.
#[derive(Debug, Default)]
pub struct Tokens;

impl Tokens {
    /// The token at this place.
    pub fn token(&self, place: &TokenPlace) -> Result<Arc<Token>, KeyError> {
        Err(KeyError::TokenAbsent(place.label.clone()))
    }
}

/// A token.
#[derive(Debug)]
pub struct Token;

/// A key on a token.
#[derive(Debug)]
pub struct TokenKey {
    algorithm: Algorithm,
    public: Vec<u8>,
    token: Arc<Token>,
}

impl TokenKey {
    /// The key of this label.
    pub fn open(_token: &Arc<Token>, label: &str) -> Result<Self, KeyError> {
        Err(KeyError::TokenAbsent(label.into()))
    }
    /// A new key of this label.
    pub fn create(_token: &Arc<Token>, label: &str, _algorithm: Algorithm) -> Result<Self, KeyError> {
        Err(KeyError::TokenAbsent(label.into()))
    }
}

impl Signer for TokenKey {
    fn algorithm(&self) -> Algorithm {
        self.algorithm
    }
    fn public_key_der(&self) -> Vec<u8> {
        self.public.clone()
    }
    fn sign(&self, _message: &[u8]) -> Result<Vec<u8>, KeyError> {
        Err(KeyError::TokenAbsent(format!("{:?}", self.token)))
    }
}
