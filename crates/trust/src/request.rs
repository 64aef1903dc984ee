//! Signing requests (PKCS#10, RFC 2986), made by any signer, and reading them at the hub. What a request asks for is shown to people and never
//! copied into a certificate.

use crate::certificate::{CERTIFICATE_MAX, CertError, agency_uri, node_host, node_uri, shown};
use crate::key::{Algorithm, KeyError, Signer, verify};
use lgsp_kernel::{AgencyCode, NodeName};
use rcgen::string::Ia5String;
use rcgen::{CertificateParams, DnType, PublicKeyData, SanType, SignatureAlgorithm, SigningKey};
use x509_parser::certification_request::X509CertificationRequest;
use x509_parser::prelude::FromDer as _;

/// A key as rcgen takes it. Errors of a token are kept, since rcgen's own error has no room for them.
pub(crate) struct Remote<'a> {
    signer: &'a dyn Signer,
    raw: Vec<u8>,
    failed: parking_lot::Mutex<Option<KeyError>>,
}

impl<'a> Remote<'a> {
    pub(crate) fn new(signer: &'a dyn Signer) -> Result<Self, KeyError> {
        let (algorithm, raw) = crate::key::read(&signer.public_key_der())?;
        if algorithm != signer.algorithm() || algorithm == Algorithm::RsaPss {
            return Err(KeyError::Unsupported(format!("signing certificates or requests with {algorithm}")));
        }
        Ok(Self { signer, raw, failed: parking_lot::Mutex::new(None) })
    }
    /// What went wrong, in the key's own words if the key failed.
    pub(crate) fn error(&self, error: &rcgen::Error) -> CertError {
        let key = self.failed.lock().take();
        CertError::Key(key.unwrap_or_else(|| KeyError::Sign(error.to_string())))
    }
}

pub(crate) fn rcgen_algorithm(algorithm: Algorithm) -> &'static SignatureAlgorithm {
    match algorithm {
        Algorithm::EcdsaP256 => &rcgen::PKCS_ECDSA_P256_SHA256,
        Algorithm::Ed25519 => &rcgen::PKCS_ED25519,
        Algorithm::RsaPss => &rcgen::PKCS_RSA_SHA256,
    }
}

impl PublicKeyData for Remote<'_> {
    fn der_bytes(&self) -> &[u8] {
        &self.raw
    }
    fn algorithm(&self) -> &'static SignatureAlgorithm {
        rcgen_algorithm(self.signer.algorithm())
    }
}

impl SigningKey for Remote<'_> {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        self.signer.sign(message).map_err(|e| {
            *self.failed.lock() = Some(e);
            rcgen::Error::RemoteKeyError
        })
    }
}

/// A signing request (DER) of a node's TLS key.
pub fn csr_for_node(signer: &dyn Signer, node: &NodeName) -> Result<Vec<u8>, CertError> {
    let names = vec![SanType::DnsName(ia5(&node_host(node)?)?), SanType::URI(ia5(&node_uri(node))?)];
    request(signer, node.as_str(), names)
}

/// A signing request (DER) of an agency's key.
pub fn csr_for_agency(signer: &dyn Signer, agency: &AgencyCode) -> Result<Vec<u8>, CertError> {
    request(signer, agency.as_str(), vec![SanType::URI(ia5(&agency_uri(agency))?)])
}

pub(crate) fn ia5(text: &str) -> Result<Ia5String, CertError> {
    Ia5String::try_from(text).map_err(|_| CertError::Form("a name is not ASCII"))
}

fn request(signer: &dyn Signer, name: &str, names: Vec<SanType>) -> Result<Vec<u8>, CertError> {
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params.subject_alt_names = names;
    let key = Remote::new(signer)?;
    let made = params.serialize_request(&key).map_err(|e| key.error(&e))?;
    Ok(made.der().to_vec())
}

/// What a signing request says, its signature checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Requested {
    /// The key it asks a certificate for, a DER SubjectPublicKeyInfo.
    pub public_key_der: Vec<u8>,
    /// How that key signs.
    pub algorithm: Algorithm,
    /// The name it asks for, to be shown only.
    pub asked_name: String,
    /// SHA-256 of the key: what applicant and approver compare by another way, such as the telephone.
    pub key_sha256: [u8; 32],
}

impl Requested {
    /// Reads a request and checks that whoever made it holds the key.
    pub fn read(der: &[u8]) -> Result<Self, CertError> {
        if der.len() > CERTIFICATE_MAX {
            return Err(CertError::TooLong {
                what: "the request (bytes)",
                length: der.len(),
                max: CERTIFICATE_MAX,
            });
        }
        let (rest, request) = X509CertificationRequest::from_der(der)
            .map_err(|_| CertError::Request("it is not DER of a request"))?;
        if !rest.is_empty() {
            return Err(CertError::Request("bytes follow it"));
        }
        let info = &request.certification_request_info;
        let public_key_der = info.subject_pki.raw.to_vec();
        let algorithm = Algorithm::of_public_key(&public_key_der)?;
        if algorithm == Algorithm::RsaPss {
            return Err(KeyError::Unsupported("a request with an RSA key".into()).into());
        }
        if der != whole(info.raw, algorithm, &request.signature_value.data) {
            return Err(CertError::RequestSignature);
        }
        verify(&public_key_der, algorithm, info.raw, &request.signature_value.data)
            .map_err(|_| CertError::RequestSignature)?;
        Ok(Self {
            key_sha256: crate::sha256(&public_key_der),
            asked_name: shown(&info.subject.to_string()),
            public_key_der,
            algorithm,
        })
    }
}

/// The request that these parts make. What is outside the signed part has no other form, so that no byte of it may differ.
fn whole(info: &[u8], algorithm: Algorithm, signature: &[u8]) -> Vec<u8> {
    const ECDSA_SHA256: &[u8] = &[0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02];
    const ED25519: &[u8] = &[0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70];
    let how = if algorithm == Algorithm::EcdsaP256 { ECDSA_SHA256 } else { ED25519 };
    let signature = [&[0][..], signature].concat();
    let body = [info, how, &tagged(0x03, &signature)].concat();
    tagged(0x30, &body)
}

/// A DER value of up to 65,535 bytes.
fn tagged(tag: u8, content: &[u8]) -> Vec<u8> {
    let [high, low] = u16::try_from(content.len()).unwrap_or(u16::MAX).to_be_bytes();
    let head = match (high, low) {
        (0, 0..=127) => vec![tag, low],
        (0, _) => vec![tag, 0x81, low],
        _ => vec![tag, 0x82, high, low],
    };
    [head, content.to_vec()].concat()
}
