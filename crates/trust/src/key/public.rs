//! Public keys as DER SubjectPublicKeyInfo, and checking signatures with them. Not here: certificates.

use super::{Algorithm, KeyError};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ED25519, RSA_PSS_2048_8192_SHA256, UnparsedPublicKey, VerificationAlgorithm,
};
use x509_parser::prelude::FromDer as _;

/// The longest SubjectPublicKeyInfo that is looked at, bytes: RSA of 8192 bits has about 1,060.
const SPKI_MAX: usize = 2048;
/// The longest signature that is looked at, bytes: RSA of 8192 bits has 1,024.
const SIGNATURE_MAX: usize = 1024;

/// `SEQUENCE { SEQUENCE { ecPublicKey, prime256v1 }, BIT STRING }` before the 65 bytes of an uncompressed point (RFC 5480).
const P256_PREFIX: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86,
    0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];
/// `SEQUENCE { SEQUENCE { id-Ed25519 }, BIT STRING }` before the 32 bytes (RFC 8410).
const ED25519_PREFIX: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

impl Algorithm {
    /// How a key of this SubjectPublicKeyInfo signs.
    pub fn of_public_key(spki_der: &[u8]) -> Result<Self, KeyError> {
        Ok(read(spki_der)?.0)
    }
}

/// The SubjectPublicKeyInfo of a P-256 point (65 bytes, uncompressed).
pub(crate) fn p256_spki(point: &[u8]) -> Result<Vec<u8>, KeyError> {
    if point.len() != 65 || point[0] != 4 {
        return Err(KeyError::PublicKey);
    }
    Ok([&P256_PREFIX[..], point].concat())
}

/// The SubjectPublicKeyInfo of an Ed25519 key.
pub fn ed25519_spki(key: &[u8; 32]) -> Vec<u8> {
    [&ED25519_PREFIX[..], key].concat()
}

/// The 32 bytes of an Ed25519 SubjectPublicKeyInfo, if it is one.
pub fn ed25519_raw(spki_der: &[u8]) -> Option<[u8; 32]> {
    spki_der.strip_prefix(&ED25519_PREFIX)?.try_into().ok()
}

/// The algorithm and the bare key: a point, 32 bytes, or an RSAPublicKey.
pub(crate) fn read(spki_der: &[u8]) -> Result<(Algorithm, Vec<u8>), KeyError> {
    if spki_der.len() > SPKI_MAX {
        return Err(KeyError::PublicKey);
    }
    if let Some(raw) = ed25519_raw(spki_der) {
        return Ok((Algorithm::Ed25519, raw.to_vec()));
    }
    if let Some(point) = spki_der.strip_prefix(&P256_PREFIX) {
        return if point.len() == 65 {
            Ok((Algorithm::EcdsaP256, point.to_vec()))
        } else {
            Err(KeyError::PublicKey)
        };
    }
    let (rest, info) =
        x509_parser::x509::SubjectPublicKeyInfo::from_der(spki_der).map_err(|_| KeyError::PublicKey)?;
    if !rest.is_empty() {
        return Err(KeyError::PublicKey);
    }
    if info.algorithm.algorithm != x509_parser::oid_registry::OID_PKCS1_RSAENCRYPTION {
        return Err(KeyError::Unsupported(format!("a key of the kind {}", info.algorithm.algorithm)));
    }
    Ok((Algorithm::RsaPss, info.subject_public_key.data.to_vec()))
}

/// Checks a signature over a message. The algorithm that the signature claims must be the one of the key.
pub fn verify(
    spki_der: &[u8],
    algorithm: Algorithm,
    message: &[u8],
    signature: &[u8],
) -> Result<(), KeyError> {
    let (of_key, raw) = read(spki_der)?;
    if of_key != algorithm || signature.len() > SIGNATURE_MAX {
        return Err(KeyError::Signature);
    }
    let how: &'static dyn VerificationAlgorithm = match algorithm {
        Algorithm::EcdsaP256 => &ECDSA_P256_SHA256_ASN1,
        Algorithm::Ed25519 => &ED25519,
        Algorithm::RsaPss => &RSA_PSS_2048_8192_SHA256,
    };
    UnparsedPublicKey::new(how, raw).verify(message, signature).map_err(|_| KeyError::Signature)
}
