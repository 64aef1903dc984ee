//! Checking a timestamp token with nothing but the certificates of the authorities. Strict: one signer, all that RFC 3161 and
//! RFC 5816 demand of its certificate, and validity at the time that the token states. Not here: revocation.

use super::wire::{TST_INFO, TstInfo, nonce_integer, read_time};
use super::{SKEW_SECONDS, TOKEN_MAX, Timestamp, TsaError};
use crate::cms::{
    CONTENT_TYPE, IssuerSerial, MESSAGE_DIGEST, OID_SHA1, OID_SHA256, SIGNED_DATA, SIGNING_CERTIFICATE,
    SIGNING_CERTIFICATE_V2, SigningCertificateV1, SigningCertificateV2, hash_of,
};
use aws_lc_rs::digest::digest;
use cms::cert::CertificateChoices;
use cms::content_info::ContentInfo;
use cms::signed_data::{SignedData, SignerIdentifier, SignerInfo};
use der::asn1::{Any, ObjectIdentifier, OctetString};
use der::{Decode, Encode};
use lgsp_kernel::Millis;
use rustls_pki_types::{CertificateDer, SignatureVerificationAlgorithm, UnixTime};
use std::time::Duration;
use webpki::{EndEntityCert, KeyUsage, anchor_from_trusted_cert};
use x509_cert::Certificate;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::ext::pkix::{ExtendedKeyUsage, SubjectKeyIdentifier};

const EXTENDED_KEY_USAGE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.37");
const SUBJECT_KEY_ID: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.14");
const TIME_STAMPING: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.8");
/// The value of the identifier above, as webpki wants it.
const TIME_STAMPING_DER: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 3, 8];
/// The most certificates that a token may carry.
const CERTIFICATES_MAX: usize = 16;

/// Checks a token on a SHA-256 digest; `nonce` is that of the request, where the token answers one just made. `authorities` are DER
/// certificates that the token's must lead to, or be. `now` bounds the token's time from above; for old tokens any later time will do.
pub fn verify_token(
    token: &[u8],
    digest: &[u8; 32],
    nonce: Option<&[u8]>,
    authorities: &[Vec<u8>],
    now: Millis,
) -> Result<Timestamp, TsaError> {
    if token.len() > TOKEN_MAX {
        return Err(TsaError::TooLarge(TOKEN_MAX));
    }
    let outer = ContentInfo::from_der(token)?;
    if outer.content_type != SIGNED_DATA {
        return Err(TsaError::Format("a token is signed data".into()));
    }
    let signed: SignedData = outer.content.decode_as()?;
    let content = content_of(&signed)?;
    let info = TstInfo::from_der(content.as_bytes())?;
    if info.version != 1 {
        return Err(TsaError::Format(format!("version {}", info.version)));
    }
    if info.extensions.iter().flatten().any(|e| e.critical) {
        return Err(TsaError::Format("a critical extension that is not known here".into()));
    }
    if !info.message_imprint.is_sha256(digest) {
        return Err(TsaError::Imprint);
    }
    if let Some(nonce) = nonce
        && info.nonce != Some(nonce_integer(nonce)?)
    {
        return Err(TsaError::Nonce);
    }
    let time = read_time(&info.gen_time)?;
    if time > now.plus_seconds(SKEW_SECONDS) {
        return Err(TsaError::Future(time.rfc3339()));
    }
    let [signer] = signed.signer_infos.0.as_slice() else {
        return Err(TsaError::Format("a token has one signature".into()));
    };
    let carried = carried(&signed)?;
    let certificate = find_signer(signer, &carried, authorities)?;
    check_named(signer, &certificate)?;
    check_signature(signer, content.as_bytes(), &certificate)?;
    check_certificate(&certificate, &carried, authorities, time)?;
    Ok(Timestamp {
        time,
        serial: hex::encode(info.serial_number.as_bytes()),
        policy: info.policy.to_string(),
        tsa: certificate.parsed.tbs_certificate.subject.to_string(),
    })
}

/// A certificate, read, and the bytes it was read from.
struct Known {
    der: Vec<u8>,
    parsed: Certificate,
}

fn content_of(signed: &SignedData) -> Result<OctetString, TsaError> {
    let content = &signed.encap_content_info;
    if content.econtent_type != TST_INFO {
        return Err(TsaError::Format("its content is no timestamp".into()));
    }
    let inside = content.econtent.as_ref().ok_or_else(|| TsaError::Format("it has no content".into()))?;
    Ok(inside.decode_as()?)
}

fn carried(signed: &SignedData) -> Result<Vec<Known>, TsaError> {
    let mut known = Vec::new();
    for choice in signed.certificates.iter().flat_map(|set| set.0.iter()).take(CERTIFICATES_MAX) {
        if let CertificateChoices::Certificate(c) = choice {
            known.push(Known { der: c.to_der()?, parsed: c.clone() });
        }
    }
    Ok(known)
}

fn find_signer(signer: &SignerInfo, carried: &[Known], authorities: &[Vec<u8>]) -> Result<Known, TsaError> {
    let given = authorities
        .iter()
        .filter_map(|der| Certificate::from_der(der).ok().map(|parsed| Known { der: der.clone(), parsed }));
    let carried = carried.iter().map(|k| Known { der: k.der.clone(), parsed: k.parsed.clone() });
    carried
        .chain(given)
        .find(|k| is_signer(&signer.sid, &k.parsed))
        .ok_or_else(|| TsaError::Certificate("the signer's certificate is not there".into()))
}

fn is_signer(sid: &SignerIdentifier, certificate: &Certificate) -> bool {
    let tbs = &certificate.tbs_certificate;
    match sid {
        SignerIdentifier::IssuerAndSerialNumber(id) => {
            id.issuer == tbs.issuer && id.serial_number == tbs.serial_number
        }
        SignerIdentifier::SubjectKeyIdentifier(id) => tbs
            .extensions
            .iter()
            .flatten()
            .filter(|e| e.extn_id == SUBJECT_KEY_ID)
            .any(|e| SubjectKeyIdentifier::from_der(e.extn_value.as_bytes()).as_ref() == Ok(id)),
    }
}

/// The one value of an attribute that must be there once.
fn one_attribute(signer: &SignerInfo, oid: ObjectIdentifier) -> Result<Option<&Any>, TsaError> {
    let attributes = signer.signed_attrs.as_ref();
    let attributes = attributes.ok_or_else(|| TsaError::Format("no signed attributes".into()))?;
    let mut of_type = attributes.iter().filter(|a| a.oid == oid);
    match (of_type.next(), of_type.next()) {
        (None, _) => Ok(None),
        (Some(a), None) if a.values.len() == 1 => Ok(a.values.get(0)),
        _ => Err(TsaError::Format(format!("attribute {oid} does not have one value"))),
    }
}

fn needed(signer: &SignerInfo, oid: ObjectIdentifier) -> Result<&Any, TsaError> {
    one_attribute(signer, oid)?.ok_or_else(|| TsaError::Format(format!("attribute {oid} is not there")))
}

/// RFC 5816, section 2.2.1: the token names the certificate that signed it, so that another with the same key cannot take its place.
fn check_named(signer: &SignerInfo, certificate: &Known) -> Result<(), TsaError> {
    let bad = |what: &str| Err(TsaError::SigningCertificate(what.into()));
    let (algorithm, hash, issuer) = if let Some(v2) = one_attribute(signer, SIGNING_CERTIFICATE_V2)? {
        let named: SigningCertificateV2 = v2.decode_as()?;
        let Some(first) = named.certs.into_iter().next() else { return bad("the attribute is empty") };
        let algorithm = first.hash_algorithm.map_or(OID_SHA256, |a| a.oid);
        if algorithm == OID_SHA1 {
            return bad("SHA-1 has no place in the newer attribute");
        }
        (algorithm, first.cert_hash, first.issuer_serial)
    } else if let Some(v1) = one_attribute(signer, SIGNING_CERTIFICATE)? {
        let named: SigningCertificateV1 = v1.decode_as()?;
        let Some(first) = named.certs.into_iter().next() else { return bad("the attribute is empty") };
        (OID_SHA1, first.cert_hash, first.issuer_serial)
    } else {
        return bad("the attribute is not there");
    };
    let Some(algorithm) = hash_of(algorithm) else { return bad("its hash is not known here") };
    if digest(algorithm, &certificate.der).as_ref() != hash.as_bytes() {
        return bad("its hash is of another certificate");
    }
    if issuer.is_some_and(|i| !names(&i, &certificate.parsed)) {
        return bad("issuer and number are of another certificate");
    }
    Ok(())
}

fn names(id: &IssuerSerial, certificate: &Certificate) -> bool {
    let tbs = &certificate.tbs_certificate;
    let issuer = matches!(id.issuer.as_slice(), [GeneralName::DirectoryName(n)] if *n == tbs.issuer);
    issuer && id.serial == tbs.serial_number
}

fn check_signature(signer: &SignerInfo, content: &[u8], certificate: &Known) -> Result<(), TsaError> {
    let bad = |what: &str| TsaError::Signature(what.to_owned());
    if signer.digest_alg.oid == OID_SHA1 {
        return Err(bad("SHA-1"));
    }
    let algorithm = hash_of(signer.digest_alg.oid).ok_or_else(|| bad("its hash is not known here"))?;
    let kind: ObjectIdentifier = needed(signer, CONTENT_TYPE)?.decode_as()?;
    if kind != TST_INFO {
        return Err(bad("the signed content type is another"));
    }
    let stated: OctetString = needed(signer, MESSAGE_DIGEST)?.decode_as()?;
    if stated.as_bytes() != digest(algorithm, content).as_ref() {
        return Err(bad("the signed digest is not of the content"));
    }
    let attributes = signer.signed_attrs.as_ref().ok_or_else(|| bad("no signed attributes"))?;
    let message = attributes.to_der()?;
    let der = CertificateDer::from_slice(&certificate.der);
    let key = EndEntityCert::try_from(&der).map_err(|e| TsaError::Certificate(e.to_string()))?;
    let candidates = algorithms(signer);
    if candidates.is_empty() {
        return Err(bad("its algorithm is not known here"));
    }
    let verifies = |a: &&dyn SignatureVerificationAlgorithm| {
        key.verify_signature(*a, &message, signer.signature.as_bytes()).is_ok()
    };
    if candidates.iter().any(verifies) { Ok(()) } else { Err(bad("it is not by this key over this content")) }
}

/// The algorithms that the signature's identifier may mean; which, the key decides.
fn algorithms(signer: &SignerInfo) -> Vec<&'static dyn SignatureVerificationAlgorithm> {
    use webpki::aws_lc_rs as w;
    let hash = signer.digest_alg.oid.to_string();
    let hash = hash.rsplit('.').next().unwrap_or_default();
    match (signer.signature_algorithm.oid.to_string().as_str(), hash) {
        ("1.2.840.10045.4.3.2", "1") => vec![w::ECDSA_P256_SHA256, w::ECDSA_P384_SHA256],
        ("1.2.840.10045.4.3.3", "2") => vec![w::ECDSA_P256_SHA384, w::ECDSA_P384_SHA384],
        ("1.2.840.10045.4.3.4", "3") => vec![w::ECDSA_P521_SHA512],
        // The hash stands in the identifier, or, for plain rsaEncryption, in the digest algorithm beside it.
        ("1.2.840.113549.1.1.1" | "1.2.840.113549.1.1.11", "1") => vec![w::RSA_PKCS1_2048_8192_SHA256],
        ("1.2.840.113549.1.1.1" | "1.2.840.113549.1.1.12", "2") => vec![w::RSA_PKCS1_2048_8192_SHA384],
        ("1.2.840.113549.1.1.1" | "1.2.840.113549.1.1.13", "3") => vec![w::RSA_PKCS1_2048_8192_SHA512],
        ("1.2.840.113549.1.1.10", "1") => vec![w::RSA_PSS_2048_8192_SHA256_LEGACY_KEY],
        ("1.2.840.113549.1.1.10", "2") => vec![w::RSA_PSS_2048_8192_SHA384_LEGACY_KEY],
        ("1.2.840.113549.1.1.10", "3") => vec![w::RSA_PSS_2048_8192_SHA512_LEGACY_KEY],
        ("1.3.101.112", _) => vec![w::ED25519],
        _ => vec![],
    }
}

fn check_certificate(
    certificate: &Known,
    carried: &[Known],
    authorities: &[Vec<u8>],
    at: Millis,
) -> Result<(), TsaError> {
    let bad = |what: String| TsaError::Certificate(what);
    let tbs = &certificate.parsed.tbs_certificate;
    let mut usages = tbs.extensions.iter().flatten().filter(|e| e.extn_id == EXTENDED_KEY_USAGE);
    let usage = usages.next().ok_or_else(|| bad("it does not say that it is for timestamps".into()))?;
    let stated = ExtendedKeyUsage::from_der(usage.extn_value.as_bytes())?;
    if !usage.critical || stated.0 != [TIME_STAMPING] {
        return Err(bad("it is not for timestamps alone, marked critical (RFC 3161, section 2.3)".into()));
    }
    let seconds = u64::try_from(at.seconds()).map_err(|_| bad("before 1970".into()))?;
    let time = Duration::from_secs(seconds);
    let valid = tbs.validity.not_before.to_unix_duration() <= time
        && time <= tbs.validity.not_after.to_unix_duration();
    if !valid {
        return Err(bad(format!("it was not valid at {}", at.rfc3339())));
    }
    if authorities.contains(&certificate.der) {
        return Ok(());
    }
    let given: Vec<CertificateDer<'_>> = authorities.iter().map(|a| CertificateDer::from_slice(a)).collect();
    let anchors: Vec<_> = given.iter().filter_map(|a| anchor_from_trusted_cert(a).ok()).collect();
    let between: Vec<_> = carried.iter().map(|k| CertificateDer::from_slice(&k.der)).collect();
    let der = CertificateDer::from_slice(&certificate.der);
    let leaf = EndEntityCert::try_from(&der).map_err(|e| bad(e.to_string()))?;
    let usage = KeyUsage::required(TIME_STAMPING_DER);
    let time = UnixTime::since_unix_epoch(time);
    leaf.verify_for_usage(webpki::ALL_VERIFICATION_ALGS, &anchors, &between, time, usage, None, None)
        .map(|_| ())
        .map_err(|e| bad(e.to_string()))
}
