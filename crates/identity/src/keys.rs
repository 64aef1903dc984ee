//! The node's token-signing keys: making them, which one signs at a given time, and the public half as a JWKS (RFC 7517).
//! Not here: where they are kept and when a new one is made (`rotation`).

use crate::config::PUBLISH_AHEAD_SECONDS;
use crate::jwt::KeyFailure;
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _, ParsedPublicKey,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use lgsp_kernel::{Millis, Secret};
use serde_json::json;
use std::sync::Arc;

/// One ES256 key and its times.
pub struct SigningKey {
    kid: String,
    pair: EcdsaKeyPair,
    public: ParsedPublicKey,
    /// When it was made, and so first published.
    pub created_at: Millis,
    /// When its last token has expired; none while nothing follows it.
    pub retires_at: Option<Millis>,
}

impl SigningKey {
    /// A new key, and its PKCS#8 form to be sealed.
    pub fn generate(now: Millis) -> Result<(Self, Secret), KeyFailure> {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).map_err(|_| KeyFailure)?;
        let pkcs8 = pair.to_pkcs8v1().map_err(|_| KeyFailure)?;
        let secret = Secret::new(pkcs8.as_ref());
        Ok((Self::new(pair, now, None)?, secret))
    }

    /// The key in this PKCS#8 form.
    pub fn open(pkcs8: &Secret, created_at: Millis, retires_at: Option<Millis>) -> Result<Self, KeyFailure> {
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8.expose())
            .map_err(|_| KeyFailure)?;
        Self::new(pair, created_at, retires_at)
    }

    fn new(pair: EcdsaKeyPair, created_at: Millis, retires_at: Option<Millis>) -> Result<Self, KeyFailure> {
        let point = pair.public_key().as_ref();
        let public = ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).map_err(|_| KeyFailure)?;
        let (x, y) = coordinates(point)?;
        Ok(Self { kid: thumbprint(&x, &y), pair, public, created_at, retires_at })
    }

    /// Its name: the RFC 7638 thumbprint.
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// Signs: the 64 bytes of `r` and `s` (RFC 7518, section 3.4).
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyFailure> {
        let signature = self.pair.sign(&SystemRandom::new(), message).map_err(|_| KeyFailure)?;
        Ok(signature.as_ref().to_vec())
    }

    /// Whether this is our signature of the message.
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        self.public.verify_sig(message, signature).is_ok()
    }

    fn live(&self, now: Millis) -> bool {
        self.retires_at.is_none_or(|t| now < t)
    }

    fn jwk(&self) -> Option<serde_json::Value> {
        let (x, y) = coordinates(self.pair.public_key().as_ref()).ok()?;
        Some(
            json!({"kty": "EC", "crv": "P-256", "x": x, "y": y, "kid": self.kid, "alg": "ES256", "use": "sig"}),
        )
    }

    /// The public key in DER (SubjectPublicKeyInfo), for those who check a token by other means.
    pub fn public_der(&self) -> Result<Vec<u8>, KeyFailure> {
        Ok(self.pair.public_key().as_der().map_err(|_| KeyFailure)?.as_ref().to_vec())
    }
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SigningKey({}, from {:?}, to {:?})", self.kid, self.created_at, self.retires_at)
    }
}

/// An uncompressed P-256 point is 4, then 32 bytes each of x and y (SEC 1, section 2.3.3).
fn coordinates(point: &[u8]) -> Result<(String, String), KeyFailure> {
    match point.split_first() {
        Some((4, xy)) if xy.len() == 64 => {
            Ok((URL_SAFE_NO_PAD.encode(&xy[..32]), URL_SAFE_NO_PAD.encode(&xy[32..])))
        }
        _ => Err(KeyFailure),
    }
}

/// RFC 7638: SHA-256 of the required members in lexical order, without spaces.
fn thumbprint(x: &str, y: &str) -> String {
    let canonical = format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#);
    URL_SAFE_NO_PAD.encode(digest(&SHA256, canonical.as_bytes()))
}

/// All keys of the node that are still of use, oldest first.
#[derive(Debug, Default, Clone)]
pub struct KeyRing {
    keys: Vec<Arc<SigningKey>>,
}

impl KeyRing {
    /// A ring of these keys.
    pub fn new(mut keys: Vec<Arc<SigningKey>>) -> Self {
        keys.sort_by(|a, b| (a.created_at, &a.kid).cmp(&(b.created_at, &b.kid)));
        Self { keys }
    }

    /// The keys, oldest first.
    pub fn keys(&self) -> &[Arc<SigningKey>] {
        &self.keys
    }

    /// The key that signs now: the newest that has been published long enough for all to know it. Where none has (the first key, or
    /// after a compromise), the oldest: of two processes that start at once on an empty store, both choose the same.
    pub fn signing(&self, now: Millis) -> Option<&Arc<SigningKey>> {
        let known = now.plus_seconds(-PUBLISH_AHEAD_SECONDS);
        let live = || self.keys.iter().filter(|k| k.live(now));
        live().rfind(|k| k.created_at <= known).or_else(|| live().next())
    }

    /// The key of this name, if its tokens may still be good.
    pub fn verifying(&self, kid: &str, now: Millis) -> Option<&SigningKey> {
        self.keys.iter().find(|k| k.kid == kid && k.live(now)).map(|k| &**k)
    }

    /// The public keys as a JWKS, future and outgoing ones included.
    pub fn jwks(&self, now: Millis) -> Vec<u8> {
        let keys: Vec<_> = self.keys.iter().filter(|k| k.live(now)).filter_map(|k| k.jwk()).collect();
        json!({ "keys": keys }).to_string().into_bytes()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::{KeyRing, SigningKey, thumbprint};
    use crate::config::PUBLISH_AHEAD_SECONDS;
    use lgsp_kernel::Millis;
    use std::sync::Arc;

    #[test]
    fn the_thumbprint_is_that_of_another_implementation() {
        // Members of the P-256 key in RFC 7517, appendix A.1; digest computed with `openssl dgst -sha256`.
        let x = "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4";
        let y = "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM";
        assert_eq!(thumbprint(x, y), "cn-I_WNMClehiVp51i_0VpOENW1upEerA8sEam5hn-s");
    }

    #[test]
    fn a_new_key_is_published_before_it_signs_and_an_old_one_verifies_until_it_retires() {
        let start = Millis(1_000_000_000_000);
        let (old, _) = SigningKey::generate(start).unwrap();
        let later = start.plus_seconds(86_400);
        let (new, _) = SigningKey::generate(later).unwrap();
        let old = SigningKey { retires_at: Some(later.plus_seconds(PUBLISH_AHEAD_SECONDS + 3600)), ..old };
        let (old_kid, new_kid) = (old.kid.clone(), new.kid.clone());
        let ring = KeyRing::new(vec![Arc::new(new), Arc::new(old)]);

        assert_eq!(ring.signing(start).unwrap().kid, old_kid, "the first key signs at once");
        let just_before = later.plus_seconds(PUBLISH_AHEAD_SECONDS - 1);
        assert_eq!(ring.signing(just_before).unwrap().kid, old_kid);
        assert!(String::from_utf8(ring.jwks(later)).unwrap().contains(&new_kid));
        let after = later.plus_seconds(PUBLISH_AHEAD_SECONDS);
        assert_eq!(ring.signing(after).unwrap().kid, new_kid);
        assert!(ring.verifying(&old_kid, after).is_some());
        let end = later.plus_seconds(PUBLISH_AHEAD_SECONDS + 3600);
        assert!(ring.verifying(&old_kid, end).is_none());
        assert!(!String::from_utf8(ring.jwks(end)).unwrap().contains(&old_kid));
    }
}
