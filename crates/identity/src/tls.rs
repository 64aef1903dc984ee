//! Optional client certificates at the TLS edge. With a CA, the chain is verified (webpki). Without one, any certificate whose private
//! key the client has proven to hold is let through, self-signed ones included: who it is follows from its fingerprint, which the
//! registry pins. Not here: looking the fingerprint up (`identify`).

use crate::identify::sha256;
use lgsp_kernel::snapshot::Digest;
use lgsp_kernel::{Clock, Millis};
use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, RootCertStore, SignatureScheme,
};
use std::sync::Arc;

/// Largest client certificate that is looked at, bytes of DER.
pub const CERTIFICATE_MAX: usize = 16 << 10;

/// Why client certificates cannot be verified as configured.
#[derive(Debug, thiserror::Error)]
pub enum ClientVerifierError {
    /// The PEM text has no certificate that can be read.
    #[error("the client CA has no readable PEM certificate: {0}")]
    Pem(String),
    /// A certificate cannot be a trust anchor.
    #[error("a certificate of the client CA cannot be trusted: {0}")]
    Anchor(String),
}

/// A verifier of optional client certificates: chained to `ca_pem` where given, pinned by fingerprint otherwise.
pub fn client_verifier(
    ca_pem: Option<&[u8]>,
    clock: Clock,
) -> Result<Arc<dyn ClientCertVerifier>, ClientVerifierError> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let Some(pem) = ca_pem else { return Ok(Arc::new(Pinned { provider, clock })) };
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        let certificate = certificate.map_err(|e| ClientVerifierError::Pem(e.to_string()))?;
        roots.add(certificate).map_err(|e| ClientVerifierError::Anchor(e.to_string()))?;
    }
    if roots.is_empty() {
        return Err(ClientVerifierError::Pem("there is none".into()));
    }
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
        .allow_unauthenticated()
        .build()
        .map_err(|e| ClientVerifierError::Anchor(e.to_string()))?;
    Ok(verifier)
}

/// The fingerprint by which a client certificate is known.
pub fn fingerprint(certificate: &CertificateDer<'_>) -> Digest {
    sha256(certificate)
}

/// Lets through any certificate in its days whose key the client holds.
#[derive(Debug)]
struct Pinned {
    provider: Arc<CryptoProvider>,
    clock: Clock,
}

impl ClientCertVerifier for Pinned {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }
    fn client_auth_mandatory(&self) -> bool {
        false
    }
    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        in_its_days(end_entity, self.clock.now())?;
        Ok(ClientCertVerified::assertion())
    }
    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }
    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }
    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

fn in_its_days(certificate: &CertificateDer<'_>, now: Millis) -> Result<(), Error> {
    use x509_parser::prelude::FromDer as _;
    let bad = || Error::InvalidCertificate(CertificateError::BadEncoding);
    if certificate.len() > CERTIFICATE_MAX {
        return Err(bad());
    }
    let (rest, read) = x509_parser::certificate::X509Certificate::from_der(certificate).map_err(|_| bad())?;
    if !rest.is_empty() {
        return Err(bad());
    }
    let validity = read.validity();
    if now.seconds() < validity.not_before.timestamp() {
        return Err(Error::InvalidCertificate(CertificateError::NotValidYet));
    }
    if now.seconds() > validity.not_after.timestamp() {
        return Err(Error::InvalidCertificate(CertificateError::Expired));
    }
    Ok(())
}
