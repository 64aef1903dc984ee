//! The master key and what is done with it: sealing secrets for the store, and keyed digests of client secrets and API keys.
//! Where the master key comes from is the node's concern.

use crate::Secret;
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::{hkdf, hmac};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;

/// Seals and opens secrets under the node's master key (AES-256-GCM, keys derived by HKDF-SHA-256).
pub struct Vault {
    seal: LessSafeKey,
    digest: hmac::Key,
}

/// Why a sealed text could not be opened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VaultError {
    /// Not a text this vault writes.
    #[error("this is not a sealed secret of the form v1.<nonce and ciphertext>")]
    Form,
    /// Sealed under another master key, for another place, or altered.
    #[error(
        "the sealed secret does not open: it was sealed under another master key, for another place, or was altered"
    )]
    Refused,
    /// The operating system gave no random bytes.
    #[error("no random bytes: {0}")]
    Random(String),
}

struct Length(usize);
impl hkdf::KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

impl Vault {
    /// A vault under this master key.
    pub fn new(master: &[u8; 32]) -> Self {
        let prk = hkdf::Salt::new(hkdf::HKDF_SHA256, b"lgsp vault v1").extract(master);
        let derive = |label: &[u8]| {
            let mut out = zeroize::Zeroizing::new([0u8; 32]);
            prk.expand(&[label], Length(32))
                .and_then(|okm| okm.fill(&mut *out))
                .expect("32 bytes are within what HKDF-SHA-256 can give");
            out
        };
        let seal = UnboundKey::new(&AES_256_GCM, &*derive(b"seal")).expect("32 bytes are an AES-256 key");
        Self {
            seal: LessSafeKey::new(seal),
            digest: hmac::Key::new(hmac::HMAC_SHA256, &*derive(b"secret digest")),
        }
    }

    /// Seals a secret for a place (`credential/x`, `signing-key/k1`): it opens only there.
    pub fn seal(&self, place: &str, plain: &[u8]) -> Result<String, VaultError> {
        let mut nonce = [0u8; NONCE_LEN];
        getrandom::fill(&mut nonce).map_err(|e| VaultError::Random(e.to_string()))?;
        let mut sealed = plain.to_vec();
        self.seal
            .seal_in_place_append_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(place.as_bytes()),
                &mut sealed,
            )
            .map_err(|_| VaultError::Refused)?;
        Ok(format!("v1.{}", STANDARD_NO_PAD.encode([&nonce[..], &sealed].concat())))
    }

    /// Opens what [`Vault::seal`] sealed for the same place.
    pub fn open(&self, place: &str, sealed: &str) -> Result<Secret, VaultError> {
        let text = sealed.strip_prefix("v1.").ok_or(VaultError::Form)?;
        let bytes = STANDARD_NO_PAD.decode(text).map_err(|_| VaultError::Form)?;
        let (nonce, rest) = bytes.split_at_checked(NONCE_LEN).ok_or(VaultError::Form)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| VaultError::Form)?;
        let mut rest = zeroize::Zeroizing::new(rest.to_vec());
        let plain = self
            .seal
            .open_in_place(nonce, Aad::from(place.as_bytes()), &mut rest)
            .map_err(|_| VaultError::Refused)?;
        Ok(Secret::new(&*plain))
    }

    /// The keyed digest under which a client secret or API key is kept and looked up.
    pub fn digest(&self, secret: &[u8]) -> [u8; 32] {
        let tag = hmac::sign(&self.digest, secret);
        let mut out = [0u8; 32];
        out.copy_from_slice(tag.as_ref());
        out
    }
}

impl std::fmt::Debug for Vault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Vault")
    }
}

#[cfg(test)]
mod tests {
    use super::{Vault, VaultError};

    #[test]
    fn a_secret_opens_only_in_its_place_under_its_key_unaltered() {
        let vault = Vault::new(&[1; 32]);
        let sealed = vault.seal("a", b"mat khau").expect("seals");
        assert_eq!(vault.open("a", &sealed).expect("opens").expose(), b"mat khau");
        assert_eq!(vault.open("b", &sealed), Err(VaultError::Refused));
        assert_eq!(Vault::new(&[2; 32]).open("a", &sealed), Err(VaultError::Refused));
        assert_eq!(vault.open("a", "v1.AAAA"), Err(VaultError::Form));
        assert_eq!(vault.open("a", "plain"), Err(VaultError::Form));
    }
}
