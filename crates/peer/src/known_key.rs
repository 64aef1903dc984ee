//! Ed25519 verification (RFC 8032, section 5.1.7) with keys that sign thousands of messages: multiples of such a key are computed once,
//! and every further verification takes a third of the time. The equation is the plain one, so what is believed here is what any
//! verifier believes; batches, which check another one, would not give that. Not here: whose key it is (`verify`).

use aws_lc_rs::digest::{Context, SHA512};
use aws_lc_rs::signature::{ED25519, ParsedPublicKey};
use curve25519_dalek::Scalar;
use curve25519_dalek::constants::ED25519_BASEPOINT_TABLE;
use curve25519_dalek::edwards::{CompressedEdwardsY, EdwardsBasepointTable};
use curve25519_dalek::traits::BasepointTable;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

/// From this use on a key is worth its table: making it costs about as much as two verifications.
const WORTH_IT: u32 = 8;
/// Tables of the process at one time, each of 30 KiB. Further keys are verified the plain way.
const TABLES_MAX: usize = 512;

static TABLES: AtomicUsize = AtomicUsize::new(0);

/// A public key that is remembered.
pub(crate) struct KnownKey {
    bytes: [u8; 32],
    plain: ParsedPublicKey,
    uses: AtomicU32,
    table: OnceLock<Option<Table>>,
}

impl std::fmt::Debug for KnownKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "KnownKey({:02x?})", &self.bytes[..4])
    }
}

impl KnownKey {
    /// A key; none if the bytes are not one.
    pub(crate) fn new(bytes: [u8; 32]) -> Option<Self> {
        let plain = ParsedPublicKey::new(&ED25519, bytes).ok()?;
        Some(Self { bytes, plain, uses: AtomicU32::new(0), table: OnceLock::new() })
    }

    /// Whether the signature is the key's over the message.
    pub(crate) fn verify(&self, message: &[u8], signature: &[u8; 64]) -> bool {
        if self.uses.load(Ordering::Relaxed) < WORTH_IT {
            self.uses.fetch_add(1, Ordering::Relaxed);
            return self.plain.verify_sig(message, signature).is_ok();
        }
        match self.table.get_or_init(|| Table::new(&self.bytes)) {
            Some(table) => table.verify(message, signature),
            None => self.plain.verify_sig(message, signature).is_ok(),
        }
    }
}

/// Multiples of the negated key.
struct Table {
    key: [u8; 32],
    minus: Box<EdwardsBasepointTable>,
}

impl Table {
    fn new(key: &[u8; 32]) -> Option<Self> {
        // Others are left to the plain verification: no key that was made as the standard says is one of them.
        let point = CompressedEdwardsY(*key).decompress().filter(|p| !p.is_small_order())?;
        if !point.is_torsion_free() {
            return None;
        }
        if TABLES.fetch_add(1, Ordering::Relaxed) >= TABLES_MAX {
            TABLES.fetch_sub(1, Ordering::Relaxed);
            return None;
        }
        Some(Self { key: *key, minus: Box::new(EdwardsBasepointTable::create(&-point)) })
    }

    /// The first half of the signature is `S * B - k * A`, as it is encoded, where `k` is the digest of that half, the key and the message.
    fn verify(&self, message: &[u8], signature: &[u8; 64]) -> bool {
        let (Some(r), Some(s)) = (signature.first_chunk::<32>(), signature.last_chunk::<32>()) else {
            return false;
        };
        // A number that is not reduced would be a second signature of the same message.
        let Some(s) = Option::<Scalar>::from(Scalar::from_canonical_bytes(*s)) else { return false };
        let mut digest = Context::new(&SHA512);
        digest.update(r);
        digest.update(&self.key);
        digest.update(message);
        let Ok(digest) = <[u8; 64]>::try_from(digest.finish().as_ref()) else { return false };
        let k = Scalar::from_bytes_mod_order_wide(&digest);
        let expected = ED25519_BASEPOINT_TABLE * &s + &*self.minus * &k;
        expected.compress().as_bytes() == r
    }
}

impl Drop for Table {
    fn drop(&mut self) {
        TABLES.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::{Context, ED25519_BASEPOINT_TABLE, KnownKey, SHA512, Scalar, Table};
    use crate::sign::MessageKey;
    use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};
    use proptest::prelude::{any, proptest};

    /// The order of the group, little-endian (RFC 8032, section 5.1).
    const ORDER: [u8; 32] = [
        0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0,
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
    ];

    fn both(key: &[u8; 32], message: &[u8], signature: &[u8; 64]) -> bool {
        let plain = UnparsedPublicKey::new(&ED25519, key).verify(message, signature).is_ok();
        if let Some(table) = Table::new(key) {
            assert_eq!(table.verify(message, signature), plain, "two verifiers differ");
        }
        plain
    }

    proptest! {
        #[test]
        fn it_believes_what_the_plain_verification_believes_and_nothing_else(
            seed: [u8; 32], message: Vec<u8>, bit in 0usize..512, other in any::<u8>(),
        ) {
            let key = MessageKey::from_seed(&seed);
            let signature = key.sign_bytes(&message);
            assert!(both(&key.public(), &message, &signature));
            let mut altered = signature;
            altered[bit / 8] ^= 1 << (bit % 8);
            assert!(!both(&key.public(), &message, &altered));
            let mut more = message.clone();
            more.push(other);
            assert!(!both(&key.public(), &more, &signature));
            assert!(!both(&MessageKey::from_seed(&[other; 32]).public(), &message, &altered));
        }
    }

    #[test]
    fn a_signature_in_a_second_spelling_is_not_believed() {
        let key = MessageKey::from_seed(&[7; 32]);
        let mut signature = key.sign_bytes(b"m");
        let mut carry = 0u16;
        for (byte, order) in signature[32..].iter_mut().zip(ORDER) {
            carry += u16::from(*byte) + u16::from(order);
            *byte = carry as u8;
            carry >>= 8;
        }
        assert!(!both(&key.public(), b"m", &signature));
    }

    #[test]
    fn keys_and_points_of_small_order_are_judged_as_the_plain_verification_judges_them() {
        // The neutral element, the point of order 2, one of order 4, and a y that is not reduced.
        let mut points = [[0u8; 32]; 4];
        points[0][0] = 1;
        points[1] = [0xff; 32];
        (points[1][0], points[1][31]) = (0xec, 0x7f);
        points[3] = [0xff; 32];
        (points[3][0], points[3][31]) = (0xee, 0x7f);
        for key in &points {
            for r in &points {
                let mut signature = [0; 64];
                signature[..32].copy_from_slice(r);
                for message in 0..8u8 {
                    both(key, &[message], &signature);
                }
            }
        }
    }

    #[test]
    fn a_signature_whose_first_half_is_the_neutral_element_is_judged_the_same() {
        let secret = Scalar::from(12345u64);
        let key = (ED25519_BASEPOINT_TABLE * &secret).compress().to_bytes();
        let mut signature = [0; 64];
        signature[0] = 1;
        let mut digest = Context::new(&SHA512);
        digest.update(&signature[..32]);
        digest.update(&key);
        digest.update(b"m");
        let k: [u8; 64] = digest.finish().as_ref().try_into().unwrap();
        let s = Scalar::from_bytes_mod_order_wide(&k) * secret;
        signature[32..].copy_from_slice(s.as_bytes());
        both(&key, b"m", &signature);
    }

    #[test]
    fn a_key_is_the_same_before_and_after_it_has_its_table() {
        let key = MessageKey::from_seed(&[9; 32]);
        let known = KnownKey::new(key.public()).unwrap();
        for n in 0..20u8 {
            let mut signature = key.sign_bytes(&[n]);
            assert!(known.verify(&[n], &signature));
            signature[40] ^= 1;
            assert!(!known.verify(&[n], &signature));
        }
        assert!(known.table.get().is_some_and(Option::is_some));
    }
}
