//! One key on a token: found by its label, signing in the forms that everything else here uses.

use super::session::{Token, Trouble};
use crate::key::public::{ed25519_spki, p256_spki};
use crate::key::{Algorithm, KeyError, Signer};
use cryptoki::mechanism::Mechanism;
use cryptoki::mechanism::eddsa::{EddsaParams, EddsaSignatureScheme};
use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle};
use cryptoki::session::Session;
use parking_lot::Mutex;
use std::sync::Arc;

/// OBJECT IDENTIFIER prime256v1.
const P256: &[u8] = &[0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
/// PrintableString "edwards25519", as PKCS#11 3.0 names the curve.
const EDWARDS_NAME: &[u8] = b"\x13\x0cedwards25519";
/// OBJECT IDENTIFIER id-Ed25519, as other tokens do.
const EDWARDS_OID: &[u8] = &[0x06, 0x03, 0x2b, 0x65, 0x70];

/// A private key on a token. It never leaves it.
pub struct TokenKey {
    token: Arc<Token>,
    label: String,
    algorithm: Algorithm,
    public: Vec<u8>,
    /// Where the key is, and in which connection it was looked up.
    handle: Mutex<Option<(u64, ObjectHandle)>>,
}

impl std::fmt::Debug for TokenKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "TokenKey({}/{}, {})", self.token.label(), self.label, self.algorithm)
    }
}

impl TokenKey {
    /// The key of this label. The token must be there, so that its public half is known from the start.
    pub fn open(token: &Arc<Token>, label: &str) -> Result<Self, KeyError> {
        let (algorithm, public) = token.call(|session, _| read_public(token, session, label))?;
        token.call(|session, _| find(token, session, label, ObjectClass::PRIVATE_KEY))?;
        Ok(Self {
            token: token.clone(),
            label: label.to_owned(),
            algorithm,
            public,
            handle: Mutex::new(None),
        })
    }

    /// A new key of this label, which never leaves the token. Refused if the token holds one of this label.
    pub fn create(token: &Arc<Token>, label: &str, algorithm: Algorithm) -> Result<Self, KeyError> {
        let (mechanism, parameters) = match algorithm {
            Algorithm::EcdsaP256 => (Mechanism::EccKeyPairGen, P256),
            Algorithm::Ed25519 => (Mechanism::EccEdwardsKeyPairGen, EDWARDS_NAME),
            Algorithm::RsaPss => return Err(KeyError::Unsupported("an RSA key of our own".into())),
        };
        token.writing(|session| {
            let there =
                |class| session.find_objects(&[Attribute::Class(class), Attribute::Label(label.into())]);
            if !there(ObjectClass::PRIVATE_KEY)?.is_empty() || !there(ObjectClass::PUBLIC_KEY)?.is_empty() {
                let (token, key) = (token.label().to_owned(), label.to_owned());
                return Err(Trouble::Final(KeyError::KeyExists { token, key }));
            }
            let public = [
                Attribute::Token(true),
                Attribute::Private(false),
                Attribute::Verify(true),
                Attribute::Label(label.into()),
                Attribute::Id(label.into()),
                Attribute::EcParams(parameters.into()),
            ];
            let private = [
                Attribute::Token(true),
                Attribute::Private(true),
                Attribute::Sensitive(true),
                Attribute::Extractable(false),
                Attribute::Sign(true),
                Attribute::Label(label.into()),
                Attribute::Id(label.into()),
            ];
            // What failed half way must not be done again: it would leave two keys.
            session
                .generate_key_pair(&mechanism, &public, &private)
                .map_err(|e| Trouble::Final(token.explain(&e)))
        })?;
        Self::open(token, label)
    }

    fn handle(&self, session: &Session, connection: u64) -> Result<ObjectHandle, Trouble> {
        if let Some((of, handle)) = *self.handle.lock()
            && of == connection
        {
            return Ok(handle);
        }
        let (_, public) = read_public(&self.token, session, &self.label)?;
        if public != self.public {
            let (token, key) = (self.token.label().to_owned(), self.label.clone());
            return Err(Trouble::Final(KeyError::OtherKey { token, key }));
        }
        let handle = find(&self.token, session, &self.label, ObjectClass::PRIVATE_KEY)?;
        *self.handle.lock() = Some((connection, handle));
        Ok(handle)
    }
}

impl Signer for TokenKey {
    fn algorithm(&self) -> Algorithm {
        self.algorithm
    }
    fn public_key_der(&self) -> Vec<u8> {
        self.public.clone()
    }
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        if self.algorithm == Algorithm::Ed25519 {
            let how = Mechanism::Eddsa(EddsaParams::new(EddsaSignatureScheme::Pure));
            return self
                .token
                .call(|s, connection| Ok(s.sign(&how, self.handle(s, connection)?, message)?));
        }
        // Hashed here: not all tokens have the mechanism that hashes too, and a long message need not travel.
        let digest = crate::sha256(message);
        let raw = self
            .token
            .call(|s, connection| Ok(s.sign(&Mechanism::Ecdsa, self.handle(s, connection)?, &digest)?))?;
        asn1_signature(&raw).ok_or_else(|| KeyError::Token {
            token: self.token.label().to_owned(),
            why: "it made a signature that is not 64 bytes".into(),
        })
    }
}

fn find(token: &Token, session: &Session, label: &str, class: ObjectClass) -> Result<ObjectHandle, Trouble> {
    let found = session.find_objects(&[Attribute::Class(class), Attribute::Label(label.into())])?;
    let (token, key) = (token.label().to_owned(), label.to_owned());
    match found[..] {
        [one] => Ok(one),
        [] => Err(Trouble::Retry(KeyError::NoSuchKey { token, key })),
        _ => Err(Trouble::Final(KeyError::ManyKeys { token, key })),
    }
}

fn read_public(token: &Token, session: &Session, label: &str) -> Result<(Algorithm, Vec<u8>), Trouble> {
    let object = find(token, session, label, ObjectClass::PUBLIC_KEY)?;
    let wanted = [AttributeType::KeyType, AttributeType::EcParams, AttributeType::EcPoint];
    let (mut kind, mut curve, mut point) = (None, Vec::new(), Vec::new());
    for attribute in session.get_attributes(object, &wanted)? {
        match attribute {
            Attribute::KeyType(k) => kind = Some(k),
            Attribute::EcParams(p) => curve = p,
            Attribute::EcPoint(p) => point = p,
            _ => {}
        }
    }
    let other = || Trouble::Final(KeyError::Unsupported(format!("the token's key {label}")));
    match kind {
        Some(KeyType::EC) if curve == P256 => {
            let spki = p256_spki(unwrapped(&point, 65)).map_err(|_| other())?;
            Ok((Algorithm::EcdsaP256, spki))
        }
        Some(KeyType::EC_EDWARDS) if curve == EDWARDS_NAME || curve == EDWARDS_OID => {
            let raw = unwrapped(&point, 32).try_into().map_err(|_| other())?;
            Ok((Algorithm::Ed25519, ed25519_spki(raw)))
        }
        _ => Err(other()),
    }
}

/// A point as tokens give it: in an OCTET STRING, in a BIT STRING, or bare.
fn unwrapped(point: &[u8], length: usize) -> &[u8] {
    let head = point.len().saturating_sub(length);
    match (&point[..head], u8::try_from(length).unwrap_or_default()) {
        ([0x04, n], wanted) if *n == wanted => &point[head..],
        ([0x03, n, 0], wanted) if *n == wanted + 1 => &point[head..],
        _ => point,
    }
}

/// `SEQUENCE { INTEGER r, INTEGER s }` of the two numbers that a token gives as 64 bytes.
fn asn1_signature(raw: &[u8]) -> Option<Vec<u8>> {
    if raw.len() != 64 {
        return None;
    }
    let mut numbers = Vec::with_capacity(70);
    for half in raw.chunks(32) {
        let skip = half.iter().take(31).take_while(|b| **b == 0).count();
        let short = &half[skip..];
        let sign = usize::from(short[0] & 0x80 != 0);
        numbers.extend([0x02, (short.len() + sign) as u8]);
        numbers.extend(std::iter::repeat_n(0, sign));
        numbers.extend(short);
    }
    let mut out = vec![0x30, numbers.len() as u8];
    out.extend(numbers);
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::{asn1_signature, unwrapped};

    #[test]
    fn a_signature_of_two_bare_numbers_becomes_shortest_asn1() {
        let mut raw = [0u8; 64];
        raw[31] = 1;
        raw[32] = 0x80;
        let der = asn1_signature(&raw).unwrap();
        assert_eq!(&der[..8], &[0x30, 3 + 35, 2, 1, 1, 2, 33, 0]);
        assert_eq!(asn1_signature(&[0; 63]), None);
        assert_eq!(asn1_signature(&[0; 64]).unwrap(), [0x30, 6, 2, 1, 0, 2, 1, 0]);
    }

    #[test]
    fn a_point_is_read_wrapped_or_bare() {
        let bare = [7u8; 32];
        assert_eq!(unwrapped(&bare, 32), bare);
        assert_eq!(unwrapped(&[&[4, 32], &bare[..]].concat(), 32), bare);
        assert_eq!(unwrapped(&[&[3, 33, 0], &bare[..]].concat(), 32), bare);
        assert_eq!(unwrapped(&[], 32), [0u8; 0]);
    }
}
