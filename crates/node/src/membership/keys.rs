//! The private keys of a node, opened from where the configuration says they live, or made there.

use crate::config::Config;
use crate::config::federation_check::agency_place;
use lgsp_kernel::{AgencyCode, Vault};
use lgsp_trust::{Algorithm, KeyConfig, KeyError, Signer, Tokens};
use std::path::PathBuf;
use std::sync::{Arc, LazyLock};

/// Opens and makes keys.
#[derive(Debug)]
pub struct Keys {
    config: Arc<Config>,
    vault: Arc<Vault>,
}

/// Whether the token refused the PIN: tried again and again, it locks itself.
pub fn is_about_pin(error: &KeyError) -> bool {
    matches!(error, KeyError::PinRefused(_) | KeyError::PinLocked(_))
}

/// The process's tokens: a PKCS#11 module is started once a process, so that all keys are opened through the same.
pub fn tokens() -> &'static Tokens {
    static TOKENS: LazyLock<Tokens> = LazyLock::new(Tokens::default);
    &TOKENS
}

impl Keys {
    /// With the node's vault.
    pub fn new(config: Arc<Config>, vault: Arc<Vault>) -> Self {
        Self { config, vault }
    }

    /// The key of the node's certificate, made if there is none.
    pub fn node(&self) -> Result<Arc<dyn Signer>, KeyError> {
        let usual = self.config.membership_dir().join("node.key");
        self.open_or_make(&self.config.keys.node.or_file(&usual))
    }
    /// The key of an agency's certificate, made if there is none.
    pub fn agency(&self, code: &AgencyCode) -> Result<Arc<dyn Signer>, KeyError> {
        let named = self.config.keys.agencies.iter().filter_map(|entry| agency_place(entry).ok());
        let named = named.filter(|(of, _)| of == code).map(|(_, place)| place).next().unwrap_or_default();
        self.open_or_make(&named.or_file(&self.agency_file(code)))
    }
    /// The key of a hub's authority with this number, made if there is none. On a token the first has the label that the configuration
    /// names, later ones that label and their number.
    pub fn authority(&self, number: u32) -> Result<Arc<dyn Signer>, KeyError> {
        let usual = self.config.hub_dir().join("authority").join(format!("{number}.key"));
        let place = match self.config.keys.authority.or_file(&usual) {
            KeyConfig::Token { module, token, key, pin } if number > 1 => {
                KeyConfig::Token { module, token, key: format!("{key}-{number}"), pin }
            }
            KeyConfig::File { .. } => KeyConfig::File { file: usual },
            other => other,
        };
        self.open_or_make(&place)
    }
    /// The first of the certificates' keys whose token refuses the PIN, by its name in the configuration.
    pub fn refused_pin(&self) -> Option<(String, KeyError)> {
        let keys = &self.config.keys;
        let named = [("keys.node", &keys.node), ("keys.authority", &keys.authority)];
        let named = named.map(|(name, place)| (name.to_owned(), place.clone()));
        let agencies = keys.agencies.iter().filter_map(|entry| agency_place(entry).ok());
        let agencies = agencies.map(|(code, place)| (format!("keys.agencies, {code}"), place));
        named.into_iter().chain(agencies).find_map(|(name, place)| {
            let tried = place.token()?.open(&self.vault, tokens());
            tried.err().filter(is_about_pin).map(|why| (name, why))
        })
    }
    /// The vault that seals files.
    pub fn vault(&self) -> &Vault {
        &self.vault
    }

    fn agency_file(&self, code: &AgencyCode) -> PathBuf {
        self.config.membership_dir().join("agencies").join(format!("{code}.key"))
    }

    fn open_or_make(&self, place: &KeyConfig) -> Result<Arc<dyn Signer>, KeyError> {
        let missing = match place {
            KeyConfig::File { file } => {
                if let Some(folder) = file.parent() {
                    let made = std::fs::create_dir_all(folder);
                    made.map_err(|e| KeyError::File { path: folder.into(), why: e.to_string() })?;
                }
                !file.exists()
            }
            KeyConfig::Token { .. } => {
                matches!(place.open(&self.vault, tokens()), Err(KeyError::NoSuchKey { .. }))
            }
        };
        if missing {
            return place.create(&self.vault, tokens(), Algorithm::EcdsaP256);
        }
        place.open(&self.vault, tokens())
    }
}
