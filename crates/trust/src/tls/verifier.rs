//! The check of the other node's certificate inside the handshake, the same on both sides, and what its failures mean.

use super::PeerTls;
use crate::certificate::{CertError, NODE_SUFFIX, Subject};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{
    AlertDescription, CertificateError, DigitallySignedStruct, DistinguishedName, Error, OtherError,
    SignatureScheme,
};
use std::sync::Arc;

#[derive(Debug)]
pub(super) struct Peers(pub Arc<PeerTls>);

impl Peers {
    fn subject(&self, end: &CertificateDer<'_>, rest: &[CertificateDer<'_>]) -> Result<Subject, Error> {
        let chain: Vec<CertificateDer<'_>> = std::iter::once(end).chain(rest).cloned().collect();
        self.0.check(&chain).map_err(refused)
    }
    fn signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        rustls::crypto::verify_tls13_signature(
            message,
            cert,
            dss,
            &self.0.provider.signature_verification_algorithms,
        )
    }
}

fn no_tls12() -> Error {
    Error::General("nodes speak TLS 1.3 only".into())
}

impl ClientCertVerifier for Peers {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        // Which authorities are listed changes while the configuration stands; a node has one certificate to show anyway.
        &[]
    }
    fn verify_client_cert(
        &self,
        end: &CertificateDer<'_>,
        rest: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        self.subject(end, rest).map(|_| ClientCertVerified::assertion())
    }
    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(no_tls12())
    }
    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.signature(message, cert, dss)
    }
    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ECDSA_NISTP256_SHA256]
    }
}

impl ServerCertVerifier for Peers {
    fn verify_server_cert(
        &self,
        end: &CertificateDer<'_>,
        rest: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let subject = self.subject(end, rest)?;
        let wanted = server_name.to_str();
        let wanted = wanted.strip_suffix(NODE_SUFFIX).unwrap_or(&wanted);
        let found = subject.node.as_ref().map_or("", |n| n.as_str());
        if found != wanted {
            return Err(refused(CertError::OtherName { wanted: wanted.to_owned(), found: found.to_owned() }));
        }
        Ok(ServerCertVerified::assertion())
    }
    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(no_tls12())
    }
    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.signature(message, cert, dss)
    }
    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ECDSA_NISTP256_SHA256]
    }
}

/// The three reasons that TLS has an alert for are told to the peer by it, so that its operator learns what to do; the rest keep our words.
fn refused(error: CertError) -> Error {
    Error::InvalidCertificate(match error {
        CertError::Expired { .. } => CertificateError::Expired,
        CertError::Revoked { .. } => CertificateError::Revoked,
        CertError::UnknownAuthority { .. } => CertificateError::UnknownIssuer,
        other => CertificateError::Other(OtherError(Arc::new(other))),
    })
}

pub(super) fn explain(error: &Error) -> Option<String> {
    let text = match error {
        Error::InvalidCertificate(CertificateError::Other(other)) => other.0.to_string(),
        Error::InvalidCertificate(CertificateError::Expired) => "the peer's certificate has expired: it must renew it".into(),
        Error::InvalidCertificate(CertificateError::Revoked) => "the peer's certificate is revoked".into(),
        Error::InvalidCertificate(CertificateError::UnknownIssuer) => {
            "the peer's certificate is from no authority listed here: fetch the directory, or have the peer renew it".into()
        }
        Error::NoCertificatesPresented => "the peer showed no certificate: nodes must".into(),
        Error::AlertReceived(alert) => of_alert(*alert)?.into(),
        _ => return None,
    };
    Some(text)
}

fn of_alert(alert: AlertDescription) -> Option<&'static str> {
    Some(match alert {
        AlertDescription::CertificateExpired => {
            "the peer says that this node's certificate has expired: renew it, and compare the clocks"
        }
        AlertDescription::CertificateRevoked => {
            "the peer says that this node's certificate is revoked: join again with a new key"
        }
        AlertDescription::UnknownCA => {
            "the peer does not know the authority of this node's certificate: one of the two has an old directory, or renewal is due"
        }
        AlertDescription::CertificateRequired => "the peer demands a certificate and got none",
        AlertDescription::CertificateUnknown
        | AlertDescription::BadCertificate
        | AlertDescription::UnsupportedCertificate => {
            "the peer refuses this node's certificate: its log says why"
        }
        AlertDescription::NoApplicationProtocol => "the peer does not speak HTTP/2 at this address",
        _ => return None,
    })
}
