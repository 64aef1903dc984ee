//! Client certificates in real TLS handshakes.

use crate::support::START;
use lgsp_identity::tls::{client_verifier, fingerprint};
use lgsp_kernel::Clock;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{
    ClientConfig, ClientConnection, RootCertStore, ServerConfig, ServerConnection, SupportedProtocolVersion,
};
use std::sync::Arc;

struct Identity {
    certificate: CertificateDer<'static>,
    key: rcgen::KeyPair,
}

fn certificate(
    name: &str,
    from: i32,
    until: i32,
    issuer: Option<&rcgen::Issuer<'_, rcgen::KeyPair>>,
) -> Identity {
    let mut params = rcgen::CertificateParams::new(vec![name.to_owned()]).unwrap();
    params.not_before = rcgen::date_time_ymd(from, 1, 1);
    params.not_after = rcgen::date_time_ymd(until, 1, 1);
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = match issuer {
        None => params.self_signed(&key).unwrap(),
        Some(issuer) => params.signed_by(&key, issuer).unwrap(),
    };
    Identity { certificate: certificate.der().clone(), key }
}

/// Shakes hands in memory; the fingerprint that the server saw, or why the server refused.
fn handshake(
    ca_pem: Option<&[u8]>,
    client: Option<&Identity>,
    shown_with_key: Option<&rcgen::KeyPair>,
    version: &'static SupportedProtocolVersion,
) -> Result<Option<[u8; 32]>, rustls::Error> {
    let server = certificate("node.test", 2020, 2090, None);
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let key = |k: &rcgen::KeyPair| PrivateKeyDer::try_from(k.serialize_der()).unwrap();
    // Whether the chain is in its days is asked of the machine's clock there, so tests with a CA use long-lived ones.
    let server_config = ServerConfig::builder_with_provider(provider.clone())
        .with_protocol_versions(&[version])
        .unwrap()
        .with_client_cert_verifier(client_verifier(ca_pem, Clock::manual(START)).unwrap())
        .with_single_cert(vec![server.certificate.clone()], key(&server.key))
        .unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(server.certificate.clone()).unwrap();
    let builder = ClientConfig::builder_with_provider(provider.clone())
        .with_protocol_versions(&[version])
        .unwrap()
        .with_root_certificates(roots);
    let client_config = match client {
        None => builder.with_no_client_auth(),
        Some(client) => {
            let signer =
                provider.key_provider.load_private_key(key(shown_with_key.unwrap_or(&client.key))).unwrap();
            let certified = rustls::sign::CertifiedKey::new(vec![client.certificate.clone()], signer);
            builder.with_client_cert_resolver(Arc::new(rustls::sign::SingleCertAndKey::from(certified)))
        }
    };
    let mut a = ClientConnection::new(Arc::new(client_config), "node.test".try_into().unwrap()).unwrap();
    let mut b = ServerConnection::new(Arc::new(server_config)).unwrap();
    for _ in 0..10 {
        let mut wire = Vec::new();
        while a.wants_write() {
            a.write_tls(&mut wire).unwrap();
        }
        let mut unread = wire.as_slice();
        while !unread.is_empty() {
            b.read_tls(&mut unread).unwrap();
            b.process_new_packets()?;
        }
        let mut wire = Vec::new();
        while b.wants_write() {
            b.write_tls(&mut wire).unwrap();
        }
        let mut unread = wire.as_slice();
        while !unread.is_empty() {
            a.read_tls(&mut unread).unwrap();
            a.process_new_packets().unwrap();
        }
    }
    assert!(!b.is_handshaking());
    Ok(b.peer_certificates().map(|chain| fingerprint(&chain[0])))
}

const VERSIONS: [&SupportedProtocolVersion; 2] = [&rustls::version::TLS12, &rustls::version::TLS13];

#[test]
fn without_a_ca_any_certificate_whose_key_is_held_is_let_through_by_its_fingerprint() {
    let own = certificate("land", 2025, 2027, None);
    for version in VERSIONS {
        assert_eq!(handshake(None, Some(&own), None, version), Ok(Some(fingerprint(&own.certificate))));
        assert_eq!(handshake(None, None, None, version), Ok(None), "a client certificate is optional");
    }
}

#[test]
fn a_certificate_without_its_key_is_refused() {
    let stolen = certificate("land", 2025, 2027, None);
    let own_key = rcgen::KeyPair::generate().unwrap();
    for version in VERSIONS {
        assert!(handshake(None, Some(&stolen), Some(&own_key), version).is_err());
    }
}

#[test]
fn a_certificate_outside_its_days_is_refused() {
    let expired = certificate("land", 2020, 2025, None);
    let early = certificate("land", 2027, 2028, None);
    for version in VERSIONS {
        let why = |client| handshake(None, Some(client), None, version).unwrap_err();
        assert_eq!(why(&expired), rustls::CertificateError::Expired.into());
        assert_eq!(why(&early), rustls::CertificateError::NotValidYet.into());
    }
}

#[test]
fn with_a_ca_only_its_certificates_are_let_through() {
    let mut params = rcgen::CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let key = rcgen::KeyPair::generate().unwrap();
    let pem = params.self_signed(&key).unwrap().pem();
    let ca = rcgen::Issuer::new(params, key);
    let issued = certificate("land", 2020, 2090, Some(&ca));
    let stranger = certificate("land", 2020, 2090, None);
    for version in VERSIONS {
        let seen = handshake(Some(pem.as_bytes()), Some(&issued), None, version);
        assert_eq!(seen, Ok(Some(fingerprint(&issued.certificate))));
        assert!(handshake(Some(pem.as_bytes()), Some(&stranger), None, version).is_err());
    }
}

#[test]
fn a_ca_file_without_a_certificate_is_refused() {
    assert!(client_verifier(Some(b""), Clock::System).is_err());
    assert!(
        client_verifier(
            Some(b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"),
            Clock::System
        )
        .is_err()
    );
}
