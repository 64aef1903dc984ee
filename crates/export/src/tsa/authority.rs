//! A small timestamp authority: a key, a certificate, and an answer to each request. For tests, the demo and installations without an
//! authority of their own; a national one takes its place without change. Not here: HTTP, and where the key is kept.

use super::wire::{Accuracy, MessageImprint, PkiStatusInfo, TST_INFO, TimeStampReq, TimeStampResp, TstInfo};
use super::{REQUEST_MAX, TsaError};
use crate::cms::{self, Content, SealAlgorithm, SealError, SealKey, hash_of, signature_algorithm};
use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair};
use der::asn1::{
    Any, BitString, GeneralizedTime, Int, ObjectIdentifier, OctetString, SetOfVec, UtcTime, Utf8StringRef,
};
use der::{Decode, Encode, Tag};
use lgsp_kernel::{Clock, Millis};
use std::fmt;
use std::time::Duration;
use x509_cert::attr::AttributeTypeAndValue;
use x509_cert::ext::pkix::{BasicConstraints, ExtendedKeyUsage, KeyUsage, KeyUsages, SubjectKeyIdentifier};
use x509_cert::ext::{AsExtension, Extension};
use x509_cert::name::{Name, RelativeDistinguishedName};
use x509_cert::serial_number::SerialNumber;
use x509_cert::spki::{AlgorithmIdentifierOwned, SubjectPublicKeyInfoOwned};
use x509_cert::time::{Time, Validity};
use x509_cert::{Certificate, TbsCertificate, Version};
use zeroize::Zeroizing;

/// The policy that is stamped under if no other is set. In the arc that RFC 5612 keeps for examples: it promises nothing.
pub const DEFAULT_POLICY: &str = "1.3.6.1.4.1.32473.1.1";
/// How long the certificates of a new authority are valid, days.
pub const VALID_DAYS: i64 = 5 * 365;
/// The longest name, bytes: the bound of a common name (RFC 5280).
const NAME_MAX: usize = 64;
const COMMON_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.3");
const EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
const TIME_STAMPING: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.8");

/// Why a request is refused: bits of `PKIFailureInfo` (RFC 3161, section 2.4.2).
#[derive(Clone, Copy)]
enum Failure {
    BadAlgorithm = 0,
    BadRequest = 2,
    BadDataFormat = 5,
    UnacceptedPolicy = 15,
    UnacceptedExtension = 16,
    NotMade = 25,
}

struct P256Key(EcdsaKeyPair);

impl SealKey for P256Key {
    fn algorithm(&self) -> SealAlgorithm {
        SealAlgorithm::EcdsaP256
    }
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, String> {
        let signature = self.0.sign(&SystemRandom::new(), message);
        signature.map(|s| s.as_ref().to_vec()).map_err(|_| "no random bytes".into())
    }
}

/// A timestamp authority.
pub struct Authority {
    key: Box<dyn SealKey>,
    pkcs8: Zeroizing<Vec<u8>>,
    chain: Vec<Vec<u8>>,
    policy: ObjectIdentifier,
    clock: Clock,
}

impl fmt::Debug for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Authority(policy {})", self.policy)
    }
}

impl Authority {
    /// A new key with a certificate for it, issued by a new authority whose own key is thrown away at once: it never signs anything
    /// else. To renew, create another and list both.
    pub fn create(name: &str, clock: Clock) -> Result<Self, SealError> {
        if name.is_empty() || name.len() > NAME_MAX || name.chars().any(char::is_control) {
            return Err(SealError::Encoding(format!("a name has 1 to {NAME_MAX} bytes")));
        }
        let (_, issuer_key) = new_key()?;
        let (pkcs8, key) = new_key()?;
        let issuer = common_name(&format!("{} CA", &name[..name.floor_char_boundary(NAME_MAX - 3)]))?;
        let from = clock.now();
        let span = (from.plus_seconds(-3600), from.plus_seconds(VALID_DAYS * 86_400));
        let certificate = |subject: &Name, of: &P256Key, ca: bool| {
            issue(&Wanted { subject, key: public_key(of)?, issuer: &issuer, span, ca }, &issuer_key)
        };
        let chain =
            vec![certificate(&common_name(name)?, &key, false)?, certificate(&issuer, &issuer_key, true)?];
        Ok(Self { key: Box::new(key), pkcs8, chain, policy: default_policy(), clock })
    }
    /// An authority from what [`Self::key_pkcs8`] and [`Self::chain`] gave, or a P-256 key and certificate from elsewhere.
    pub fn load(pkcs8: &[u8], chain: Vec<Vec<u8>>, clock: Clock) -> Result<Self, SealError> {
        let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, pkcs8)
            .map_err(|e| SealError::Key(format!("not a P-256 key in PKCS#8: {e}")))?;
        let key = P256Key(key);
        let own = chain.first().ok_or_else(|| SealError::Certificate("there is none".into()))?;
        let own = Certificate::from_der(own).map_err(|e| SealError::Certificate(e.to_string()))?;
        if own.tbs_certificate.subject_public_key_info != public_key(&key)? {
            return Err(SealError::Certificate("it is of another key".into()));
        }
        let pkcs8 = Zeroizing::new(pkcs8.to_vec());
        Ok(Self { key: Box::new(key), pkcs8, chain, policy: default_policy(), clock })
    }
    /// Stamps under this policy, as dotted numbers, instead of [`DEFAULT_POLICY`].
    pub fn with_policy(mut self, policy: &str) -> Result<Self, SealError> {
        self.policy = ObjectIdentifier::new(policy).map_err(|e| SealError::Encoding(e.to_string()))?;
        Ok(self)
    }
    /// The secret key, PKCS#8. To be sealed before it is stored.
    pub fn key_pkcs8(&self) -> Zeroizing<Vec<u8>> {
        self.pkcs8.clone()
    }
    /// The certificates, DER: its own first. The last one is what others list as authority.
    pub fn chain(&self) -> &[Vec<u8>] {
        &self.chain
    }
    /// Answers a request. What is wrong with it stands in the answer, as RFC 3161 says: there is always one.
    pub fn handle(&self, request: &[u8]) -> Vec<u8> {
        let response = self.granted(request).unwrap_or_else(|(failure, why)| rejected(failure, why));
        response.to_der().expect("it was made of parts that encode")
    }
    /// A token on a SHA-256 digest without a request: for an authority in the same process.
    pub fn stamp(&self, digest: &[u8; 32]) -> Result<Vec<u8>, TsaError> {
        let imprint = MessageImprint::sha256(digest)?;
        self.token(imprint, None, true).map_err(|e| TsaError::Refused(e.to_string()))
    }

    fn granted(&self, request: &[u8]) -> Result<TimeStampResp, (Failure, &'static str)> {
        if request.len() > REQUEST_MAX {
            return Err((Failure::BadDataFormat, "the request is too large"));
        }
        let request = TimeStampReq::from_der(request)
            .map_err(|_| (Failure::BadDataFormat, "the request is not DER of RFC 3161"))?;
        if request.version != 1 {
            return Err((Failure::BadRequest, "only version 1 is known"));
        }
        if request.extensions.is_some() {
            return Err((Failure::UnacceptedExtension, "no extension is known"));
        }
        if request.req_policy.is_some_and(|p| p != self.policy) {
            return Err((Failure::UnacceptedPolicy, "that policy is not offered"));
        }
        if request.nonce.as_ref().is_some_and(|n| n.as_bytes().len() > super::wire::NONCE_MAX + 1) {
            return Err((Failure::BadRequest, "the nonce is too long"));
        }
        let imprint = request.message_imprint;
        let length = match imprint.hash_algorithm.oid {
            crate::cms::OID_SHA1 => None,
            oid => hash_of(oid).map(aws_lc_rs::digest::Algorithm::output_len),
        };
        let length = length.ok_or((Failure::BadAlgorithm, "SHA-256, SHA-384 or SHA-512"))?;
        if imprint.hashed_message.as_bytes().len() != length {
            return Err((Failure::BadDataFormat, "the digest does not have the length of its algorithm"));
        }
        let failed = |_| (Failure::NotMade, "the token could not be made");
        let token = self.token(imprint, request.nonce, request.cert_req).map_err(failed)?;
        let token = Any::from_der(&token).map_err(|e| failed(e.into()))?;
        let status = PkiStatusInfo { status: 0, status_string: None, fail_info: None };
        Ok(TimeStampResp { status, token: Some(token) })
    }

    fn token(
        &self,
        message_imprint: MessageImprint,
        nonce: Option<Int>,
        with_certificates: bool,
    ) -> Result<Vec<u8>, SealError> {
        let now = since_1970(self.clock.now())?;
        let info = TstInfo {
            version: 1,
            policy: self.policy,
            message_imprint,
            serial_number: Int::new(&random_serial()?)?,
            gen_time: Any::encode_from(&GeneralizedTime::from_unix_duration(now)?)?,
            accuracy: Some(Accuracy { seconds: Some(1), millis: None, micros: None }),
            ordering: false,
            nonce,
            tsa: None,
            extensions: None,
        };
        let content = info.to_der()?;
        let inside = Content::Inside(TST_INFO, &content);
        // The last certificate is the authority that verifiers have: a copy in the token would say nothing.
        let sent = &self.chain[..self.chain.len().saturating_sub(1).max(1)];
        cms::sign(&inside, sent, self.key.as_ref(), now, with_certificates)
    }
}

fn default_policy() -> ObjectIdentifier {
    ObjectIdentifier::new_unwrap(DEFAULT_POLICY)
}

fn rejected(failure: Failure, why: &str) -> TimeStampResp {
    let bit = failure as usize;
    let mut bytes = vec![0; bit / 8 + 1];
    bytes[bit / 8] = 0x80 >> (bit % 8);
    let unused = u8::try_from(7 - bit % 8).expect("less than 8");
    let text = Any::new(Tag::Utf8String, why.as_bytes()).expect("a short text");
    TimeStampResp {
        status: PkiStatusInfo {
            status: 2,
            status_string: Some(vec![text]),
            fail_info: Some(BitString::new(unused, bytes).expect("the unused bits are zero")),
        },
        token: None,
    }
}

fn new_key() -> Result<(Zeroizing<Vec<u8>>, P256Key), SealError> {
    let failed = |_| SealError::Key("no random bytes".into());
    let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &SystemRandom::new())
        .map_err(failed)?;
    let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, pkcs8.as_ref())
        .map_err(|e| SealError::Key(e.to_string()))?;
    Ok((Zeroizing::new(pkcs8.as_ref().to_vec()), P256Key(key)))
}

fn public_key(key: &P256Key) -> Result<SubjectPublicKeyInfoOwned, SealError> {
    Ok(SubjectPublicKeyInfoOwned {
        algorithm: AlgorithmIdentifierOwned {
            oid: EC_PUBLIC_KEY,
            parameters: Some(Any::encode_from(&P256)?),
        },
        subject_public_key: BitString::from_bytes(key.0.public_key().as_ref())?,
    })
}

/// 16 random bytes as a positive number: unique without a counter that would have to survive.
fn random_serial() -> Result<[u8; 16], SealError> {
    let mut serial = [0; 16];
    SystemRandom::new().fill(&mut serial).map_err(|_| SealError::Key("no random bytes".into()))?;
    serial[0] = serial[0] & 0x3f | 0x40;
    Ok(serial)
}

fn common_name(name: &str) -> Result<Name, SealError> {
    let value = AttributeTypeAndValue { oid: COMMON_NAME, value: Any::from(Utf8StringRef::new(name)?) };
    Ok(vec![RelativeDistinguishedName::from(SetOfVec::try_from(vec![value])?)].into())
}

fn since_1970(at: Millis) -> Result<Duration, SealError> {
    let seconds = u64::try_from(at.seconds()).map_err(|_| SealError::Encoding("before 1970".into()))?;
    Ok(Duration::from_secs(seconds))
}

/// RFC 5280, section 4.1.2.5: two digits of the year up to 2049.
fn time(at: Millis) -> Result<Time, SealError> {
    let at = since_1970(at)?;
    Ok(match UtcTime::from_unix_duration(at) {
        Ok(t) => Time::UtcTime(t),
        Err(_) => Time::GeneralTime(GeneralizedTime::from_unix_duration(at)?),
    })
}

/// A certificate to be issued.
struct Wanted<'a> {
    subject: &'a Name,
    key: SubjectPublicKeyInfoOwned,
    issuer: &'a Name,
    span: (Millis, Millis),
    ca: bool,
}

fn issue(wanted: &Wanted<'_>, issuer: &P256Key) -> Result<Vec<u8>, SealError> {
    let key_id =
        &aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, wanted.key.subject_public_key.raw_bytes());
    let key_id = SubjectKeyIdentifier(OctetString::new(&key_id.as_ref()[..20])?);
    let mut extensions: Vec<Extension> = Vec::new();
    let mut add = |e: Result<Extension, der::Error>, critical: bool| {
        e.map(|e| extensions.push(Extension { critical, ..e }))
    };
    let subject = wanted.subject;
    let constraints = BasicConstraints { ca: wanted.ca, path_len_constraint: wanted.ca.then_some(0) };
    add(constraints.to_extension(subject, &[]), true)?;
    let usage = if wanted.ca { KeyUsages::KeyCertSign } else { KeyUsages::DigitalSignature };
    add(KeyUsage(usage.into()).to_extension(subject, &[]), true)?;
    if !wanted.ca {
        add(ExtendedKeyUsage(vec![TIME_STAMPING]).to_extension(subject, &[]), true)?;
    }
    add(key_id.to_extension(subject, &[]), false)?;
    let signature = signature_algorithm(SealAlgorithm::EcdsaP256)?;
    let tbs_certificate = TbsCertificate {
        version: Version::V3,
        serial_number: SerialNumber::new(&random_serial()?)?,
        signature: signature.clone(),
        issuer: wanted.issuer.clone(),
        validity: Validity { not_before: time(wanted.span.0)?, not_after: time(wanted.span.1)? },
        subject: subject.clone(),
        subject_public_key_info: wanted.key.clone(),
        issuer_unique_id: None,
        subject_unique_id: None,
        extensions: Some(extensions),
    };
    let signed = issuer.sign(&tbs_certificate.to_der()?).map_err(SealError::Key)?;
    let certificate = Certificate {
        tbs_certificate,
        signature_algorithm: signature,
        signature: BitString::from_bytes(&signed)?,
    };
    Ok(certificate.to_der()?)
}
