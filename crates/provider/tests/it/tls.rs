//! Providers behind TLS: whom the platform believes, and what it shows.

use crate::harness::{OK, assert_failed, failed, get, local, post, read, version};
use lgsp_kernel::snapshot::Version;
use lgsp_kernel::{Clock, Secret, fault};
use lgsp_provider::{ProviderConfig, Providers};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

fn authority() -> Authority {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let pem = params.self_signed(&key).unwrap().pem();
    Authority { issuer: Issuer::new(params, key), pem }
}

impl Authority {
    /// A certificate for a name and its key, as PEM.
    fn issue(&self, name: &str, tweak: impl FnOnce(&mut CertificateParams)) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        tweak(&mut params);
        (params.signed_by(&key, &self.issuer).unwrap().pem(), key.serialize_pem())
    }
}

/// A provider behind TLS. `clients`: the authority whose certificates it demands.
async fn serving(identity: (String, String), clients: Option<&Authority>, tls13: bool) -> u16 {
    let crypto = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let versions = if tls13 { &rustls::version::TLS13 } else { &rustls::version::TLS12 };
    let builder = rustls::ServerConfig::builder_with_provider(crypto.clone())
        .with_protocol_versions(&[versions])
        .unwrap();
    let builder = match clients {
        None => builder.with_no_client_auth(),
        Some(authority) => {
            let mut roots = rustls::RootCertStore::empty();
            roots.add(CertificateDer::from_pem_slice(authority.pem.as_bytes()).unwrap()).unwrap();
            let verifier = rustls::server::WebPkiClientVerifier::builder_with_provider(roots.into(), crypto);
            builder.with_client_cert_verifier(verifier.build().unwrap())
        }
    };
    let chain = vec![CertificateDer::from_pem_slice(identity.0.as_bytes()).unwrap()];
    let key = PrivateKeyDer::from_pem_slice(identity.1.as_bytes()).unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(builder.with_single_cert(chain, key).unwrap()));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let Ok(mut stream) = acceptor.accept(stream).await else { return };
                let mut buffer = [0; 4096];
                while stream.read(&mut buffer).await.is_ok_and(|n| n > 0) {
                    let _ = stream.write_all(OK).await;
                    let _ = stream.flush().await;
                }
            });
        }
    });
    port
}

fn https(port: u16, tweak: impl FnOnce(&mut Version)) -> Arc<Version> {
    version(&[&format!("https://localhost:{port}")], tweak)
}

fn providers() -> Providers {
    Providers::new(local(), Clock::System).unwrap()
}

#[tokio::test]
async fn a_provider_with_a_certificate_from_the_named_authority_is_believed() {
    let ca = authority();
    for tls13 in [true, false] {
        let port = serving(ca.issue("localhost", |_| {}), None, tls13).await;
        let version = https(port, |v| v.spec.upstream.ca_pem = Some(ca.pem.clone()));
        let providers = providers();
        for _ in 0..3 {
            assert_eq!(read(post(&providers, &version).await.unwrap()).await, (200, "ok".into()));
        }
        assert_eq!(providers.health_states()[0].connections_opened, 1);
    }
}

#[tokio::test]
async fn the_nodes_own_roots_serve_versions_that_name_none() {
    let ca = authority();
    let port = serving(ca.issue("localhost", |_| {}), None, true).await;
    let config = ProviderConfig { extra_roots_pem: Some(ca.pem.clone()), ..local() };
    let providers = Providers::new(config, Clock::System).unwrap();
    assert_eq!(read(get(&providers, &https(port, |_| {})).await.unwrap()).await.0, 200);
}

#[tokio::test]
async fn a_certificate_for_another_name_is_refused_unless_that_name_is_declared() {
    let ca = authority();
    let port = serving(ca.issue("provider.example", |_| {}), None, true).await;
    let wrong = https(port, |v| v.spec.upstream.ca_pem = Some(ca.pem.clone()));
    let error = failed(post(&providers(), &wrong).await);
    assert_eq!(error.refusal.kind.code, fault::PROVIDER_TLS.code);
    assert_eq!(error.refusal.detail, "The certificate is for another name.");
    assert!(!error.may_have_acted);
    let declared = https(port, |v| {
        v.spec.upstream.ca_pem = Some(ca.pem.clone());
        v.spec.upstream.server_name = Some("provider.example".into());
    });
    assert_eq!(read(post(&providers(), &declared).await.unwrap()).await.0, 200);
}

#[tokio::test]
async fn an_expired_certificate_and_an_unknown_authority_are_refused() {
    let ca = authority();
    let expired = ca.issue("localhost", |p| {
        p.not_before = rcgen::date_time_ymd(2020, 1, 1);
        p.not_after = rcgen::date_time_ymd(2021, 1, 1);
    });
    let version =
        https(serving(expired, None, true).await, |v| v.spec.upstream.ca_pem = Some(ca.pem.clone()));
    let error = failed(post(&providers(), &version).await);
    assert_eq!(error.refusal.detail, "The certificate has expired.");
    assert!(!error.may_have_acted);

    let unknown = https(serving(authority().issue("localhost", |_| {}), None, true).await, |v| {
        v.spec.upstream.ca_pem = Some(ca.pem.clone());
    });
    let error = failed(post(&providers(), &unknown).await);
    assert_eq!(error.refusal.kind.code, fault::PROVIDER_TLS.code);
    assert_eq!(error.refusal.detail, "The certificate's issuer is not trusted.");
}

#[tokio::test]
async fn a_provider_that_demands_a_certificate_gets_the_platforms_or_refuses() {
    let ca = authority();
    for tls13 in [true, false] {
        let port = serving(ca.issue("localhost", |_| {}), Some(&ca), tls13).await;
        let without = https(port, |v| v.spec.upstream.ca_pem = Some(ca.pem.clone()));
        assert_failed(post(&providers(), &without).await, &fault::PROVIDER_TLS, false);
        let with = https(port, |v| {
            let (certificate, key) = ca.issue("lgsp", |_| {});
            v.spec.upstream.ca_pem = Some(ca.pem.clone());
            v.client_certificate = Some(Secret::new(format!("{certificate}{key}")));
        });
        assert_eq!(read(post(&providers(), &with).await.unwrap()).await.0, 200);
    }
}

#[tokio::test]
async fn a_handshake_that_takes_too_long_ends_with_the_connect_time() {
    let silent = crate::harness::Server::start(|mut peer| async move { peer.closed().await }).await;
    let version = https(silent.address.port(), |v| v.spec.upstream.connect_timeout_ms = Some(150));
    assert_failed(post(&providers(), &version).await, &fault::PROVIDER_CONNECT_TIMEOUT, false);
}

#[tokio::test]
async fn roots_that_cannot_be_read_are_an_error_at_the_start() {
    let config = ProviderConfig { extra_roots_pem: Some("no certificate".into()), ..local() };
    assert!(Providers::new(config, Clock::System).is_err());
}
