//! CMS signatures (RFC 5652) with the attribute that names the signing certificate (RFC 5035): what a timestamp token and a
//! CAdES signature have in common. Not here: what is signed; checking of tokens (`tsa::token`).

use aws_lc_rs::digest::{Algorithm, SHA1_FOR_LEGACY_USE_ONLY, SHA256, SHA384, SHA512, digest};
use cms::cert::{CertificateChoices, IssuerAndSerialNumber};
use cms::content_info::{CmsVersion, ContentInfo};
use cms::signed_data::{
    CertificateSet, EncapsulatedContentInfo, SignedAttributes, SignedData, SignerIdentifier, SignerInfo,
    SignerInfos,
};
use der::asn1::{Any, ObjectIdentifier, OctetString, SetOfVec, UtcTime};
use der::{Decode, Encode, Sequence};
use std::time::Duration;
use x509_cert::Certificate;
use x509_cert::attr::Attribute;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::serial_number::SerialNumber;
use x509_cert::spki::AlgorithmIdentifierOwned;

pub(crate) const DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.1");
pub(crate) const SIGNED_DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.2");
pub(crate) const CONTENT_TYPE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.3");
pub(crate) const MESSAGE_DIGEST: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.4");
pub(crate) const SIGNING_TIME: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.5");
pub(crate) const SIGNING_CERTIFICATE: ObjectIdentifier =
    ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.2.12");
pub(crate) const SIGNING_CERTIFICATE_V2: ObjectIdentifier =
    ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.2.47");
pub(crate) const OID_SHA1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.14.3.2.26");
pub(crate) const OID_SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.1");
pub(crate) const OID_SHA384: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.2");
pub(crate) const OID_SHA512: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.3");
pub(crate) const ECDSA_SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.2");
pub(crate) const RSA_PSS: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.10");

/// RSASSA-PSS parameters: SHA-256, MGF1 with SHA-256, a salt of 32 bytes (RFC 4055).
pub(crate) const PSS_SHA256: &[u8] = &[
    0x30, 0x34, 0xa0, 0x0f, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01,
    0x05, 0x00, 0xa1, 0x1c, 0x30, 0x1a, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x08,
    0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0xa2, 0x03,
    0x02, 0x01, 0x20,
];

/// How a [`SealKey`] signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SealAlgorithm {
    /// ECDSA on P-256 with SHA-256, the signature in ASN.1.
    EcdsaP256,
    /// RSASSA-PSS with SHA-256 and a salt of 32 bytes.
    RsaPss,
}

/// A key that signs containers and tokens, wherever it is kept.
pub trait SealKey: Send + Sync {
    /// How it signs.
    fn algorithm(&self) -> SealAlgorithm;
    /// Signs a message (not its digest). The error is for the operator.
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, String>;
}

/// Why nothing was signed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// The key did not sign.
    #[error("the key did not sign: {0}")]
    Key(String),
    /// The certificate cannot be read, or there is none.
    #[error("the certificate of the signing key cannot be used: {0}")]
    Certificate(String),
    /// Something that does not fit the format.
    #[error("this cannot be encoded: {0}")]
    Encoding(String),
}

impl From<der::Error> for SealError {
    fn from(e: der::Error) -> Self {
        Self::Encoding(e.to_string())
    }
}

/// RFC 5035, `SigningCertificateV2`.
#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
pub(crate) struct SigningCertificateV2 {
    pub(crate) certs: Vec<EssCertIdV2>,
    #[asn1(optional = "true")]
    pub(crate) policies: Option<Any>,
}

/// RFC 5035, `ESSCertIDv2`.
#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
pub(crate) struct EssCertIdV2 {
    /// SHA-256 where it is absent.
    #[asn1(optional = "true")]
    pub(crate) hash_algorithm: Option<AlgorithmIdentifierOwned>,
    pub(crate) cert_hash: OctetString,
    #[asn1(optional = "true")]
    pub(crate) issuer_serial: Option<IssuerSerial>,
}

/// RFC 2634, `SigningCertificate`: the older form, SHA-1 only.
#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
pub(crate) struct SigningCertificateV1 {
    pub(crate) certs: Vec<EssCertIdV1>,
    #[asn1(optional = "true")]
    pub(crate) policies: Option<Any>,
}

/// RFC 2634, `ESSCertID`.
#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
pub(crate) struct EssCertIdV1 {
    pub(crate) cert_hash: OctetString,
    #[asn1(optional = "true")]
    pub(crate) issuer_serial: Option<IssuerSerial>,
}

/// RFC 5035, `IssuerSerial`.
#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
pub(crate) struct IssuerSerial {
    pub(crate) issuer: Vec<GeneralName>,
    pub(crate) serial: SerialNumber,
}

/// SHA-256 as an algorithm without parameters.
pub(crate) fn sha256_algorithm() -> AlgorithmIdentifierOwned {
    AlgorithmIdentifierOwned { oid: OID_SHA256, parameters: None }
}

/// The hash that an identifier names. SHA-1 is for naming a certificate only.
pub(crate) fn hash_of(oid: ObjectIdentifier) -> Option<&'static Algorithm> {
    match oid {
        OID_SHA1 => Some(&SHA1_FOR_LEGACY_USE_ONLY),
        OID_SHA256 => Some(&SHA256),
        OID_SHA384 => Some(&SHA384),
        OID_SHA512 => Some(&SHA512),
        _ => None,
    }
}

pub(crate) fn signature_algorithm(algorithm: SealAlgorithm) -> Result<AlgorithmIdentifierOwned, der::Error> {
    Ok(match algorithm {
        SealAlgorithm::EcdsaP256 => AlgorithmIdentifierOwned { oid: ECDSA_SHA256, parameters: None },
        SealAlgorithm::RsaPss => {
            AlgorithmIdentifierOwned { oid: RSA_PSS, parameters: Some(Any::from_der(PSS_SHA256)?) }
        }
    })
}

/// What a signature is over.
pub(crate) enum Content<'a> {
    /// Carried inside, with its type.
    Inside(ObjectIdentifier, &'a [u8]),
    /// `data` that is kept elsewhere.
    Detached(&'a [u8]),
}

/// One signature over the content as a `ContentInfo`. `certificates`: the signer's first, then its issuers.
pub(crate) fn sign(
    content: &Content<'_>,
    certificates: &[Vec<u8>],
    key: &dyn SealKey,
    signing_time: Duration,
    with_certificates: bool,
) -> Result<Vec<u8>, SealError> {
    let own = certificates.first().ok_or_else(|| SealError::Certificate("there is none".into()))?;
    let parsed: Result<Vec<Certificate>, _> = certificates.iter().map(|c| Certificate::from_der(c)).collect();
    let parsed = parsed.map_err(|e| SealError::Certificate(e.to_string()))?;
    let (oid, bytes) = match content {
        Content::Inside(oid, bytes) => (*oid, *bytes),
        Content::Detached(bytes) => (DATA, *bytes),
    };
    let named = SigningCertificateV2 {
        certs: vec![EssCertIdV2 {
            hash_algorithm: None,
            cert_hash: OctetString::new(digest(&SHA256, own).as_ref())?,
            issuer_serial: None,
        }],
        policies: None,
    };
    let signed_attrs: SignedAttributes = SetOfVec::try_from(vec![
        attribute(CONTENT_TYPE, &oid)?,
        attribute(MESSAGE_DIGEST, &OctetString::new(digest(&SHA256, bytes).as_ref())?)?,
        attribute(SIGNING_TIME, &UtcTime::from_unix_duration(signing_time)?)?,
        attribute(SIGNING_CERTIFICATE_V2, &named)?,
    ])?;
    let signature = key.sign(&signed_attrs.to_der()?).map_err(SealError::Key)?;
    let tbs = &parsed[0].tbs_certificate;
    let signer = SignerInfo {
        version: CmsVersion::V1,
        sid: SignerIdentifier::IssuerAndSerialNumber(IssuerAndSerialNumber {
            issuer: tbs.issuer.clone(),
            serial_number: tbs.serial_number.clone(),
        }),
        digest_alg: sha256_algorithm(),
        signed_attrs: Some(signed_attrs),
        signature_algorithm: signature_algorithm(key.algorithm())?,
        signature: OctetString::new(signature)?,
        unsigned_attrs: None,
    };
    let econtent = match content {
        Content::Inside(_, bytes) => Some(Any::encode_from(&OctetString::new(*bytes)?)?),
        Content::Detached(_) => None,
    };
    let choices = parsed.into_iter().map(CertificateChoices::Certificate).collect::<Vec<_>>();
    let data = SignedData {
        version: if oid == DATA { CmsVersion::V1 } else { CmsVersion::V3 },
        digest_algorithms: SetOfVec::try_from(vec![sha256_algorithm()])?,
        encap_content_info: EncapsulatedContentInfo { econtent_type: oid, econtent },
        certificates: if with_certificates {
            Some(CertificateSet(SetOfVec::try_from(choices)?))
        } else {
            None
        },
        crls: None,
        signer_infos: SignerInfos(SetOfVec::try_from(vec![signer])?),
    };
    Ok(ContentInfo { content_type: SIGNED_DATA, content: Any::encode_from(&data)? }.to_der()?)
}

fn attribute<T: der::Tagged + der::EncodeValue>(oid: ObjectIdentifier, value: &T) -> der::Result<Attribute> {
    Ok(Attribute { oid, values: SetOfVec::try_from(vec![Any::encode_from(value)?])? })
}
