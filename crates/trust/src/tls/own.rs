//! The certificate this node shows, with a key that may live on a token.

use super::PeerTls;
use crate::certificate::{self, CertError};
use crate::key::{Algorithm, Signer};
use lgsp_kernel::{Millis, NodeName};
use rustls::pki_types::{CertificateDer, SubjectPublicKeyInfoDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{SignatureAlgorithm, SignatureScheme};
use std::sync::Arc;

/// A node's own certificate, its key, and what it says.
#[derive(Debug)]
pub struct OwnCertificate {
    certified: Arc<CertifiedKey>,
    node: NodeName,
    sha256: [u8; 32],
    not_before: Millis,
    not_after: Millis,
}

impl OwnCertificate {
    /// A chain, the end certificate first, and its key; refused if they do not belong together.
    pub fn new(chain: Vec<Vec<u8>>, signer: Arc<dyn Signer>) -> Result<Self, CertError> {
        let end = chain.first().ok_or(CertError::Form("there is none"))?;
        let read = certificate::parse(end)?;
        if read.public_key().raw != signer.public_key_der() {
            return Err(CertError::OtherKey(certificate::whose(&read)));
        }
        certificate::check_purpose(&read, crate::Purpose::Node)?;
        let (node, sha256) = (certificate::node_named(&read)?, crate::sha256(end));
        let (not_before, not_after) = (certificate::not_before(&read), certificate::not_after(&read));
        let key = TlsKey { public: signer.public_key_der(), signer };
        let chain = chain.into_iter().map(CertificateDer::from).collect();
        Ok(Self {
            certified: Arc::new(CertifiedKey::new(chain, Arc::new(key))),
            node,
            sha256,
            not_before,
            not_after,
        })
    }
    /// Whom it names.
    pub fn node(&self) -> &NodeName {
        &self.node
    }
    /// Its digest.
    pub fn sha256(&self) -> [u8; 32] {
        self.sha256
    }
    /// Until when it is valid.
    pub fn not_after(&self) -> Millis {
        self.not_after
    }
    /// When to renew it: after two thirds of its time.
    pub fn renew_at(&self) -> Millis {
        crate::Term { from: self.not_before, until: self.not_after }.renew_at()
    }
}

#[derive(Debug)]
pub(super) struct Presented(pub Arc<PeerTls>);

impl ResolvesServerCert for Presented {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.own().certified.clone())
    }
}

impl rustls::client::ResolvesClientCert for Presented {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        Some(self.0.own().certified.clone())
    }
    fn has_certs(&self) -> bool {
        true
    }
}

#[derive(Debug, Clone)]
struct TlsKey {
    signer: Arc<dyn Signer>,
    public: Vec<u8>,
}

impl TlsKey {
    fn scheme(&self) -> SignatureScheme {
        match self.signer.algorithm() {
            Algorithm::EcdsaP256 => SignatureScheme::ECDSA_NISTP256_SHA256,
            Algorithm::Ed25519 => SignatureScheme::ED25519,
            Algorithm::RsaPss => SignatureScheme::RSA_PSS_SHA256,
        }
    }
}

impl rustls::sign::SigningKey for TlsKey {
    fn choose_scheme(&self, offered: &[SignatureScheme]) -> Option<Box<dyn rustls::sign::Signer>> {
        offered.contains(&self.scheme()).then(|| Box::new(self.clone()) as Box<dyn rustls::sign::Signer>)
    }
    fn public_key(&self) -> Option<SubjectPublicKeyInfoDer<'_>> {
        Some(SubjectPublicKeyInfoDer::from(self.public.as_slice()))
    }
    fn algorithm(&self) -> SignatureAlgorithm {
        match self.signer.algorithm() {
            Algorithm::EcdsaP256 => SignatureAlgorithm::ECDSA,
            Algorithm::Ed25519 => SignatureAlgorithm::ED25519,
            Algorithm::RsaPss => SignatureAlgorithm::RSA,
        }
    }
}

impl rustls::sign::Signer for TlsKey {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rustls::Error> {
        self.signer.sign(message).map_err(|e| rustls::Error::General(e.to_string()))
    }
    fn scheme(&self) -> SignatureScheme {
        Self::scheme(self)
    }
}
