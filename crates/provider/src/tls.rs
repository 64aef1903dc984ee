//! TLS towards providers: whom to trust, which certificate to show, which protocol to speak. Not here: dialling (`connect`).

use crate::config::ProviderConfig;
use lgsp_kernel::model::UpstreamHttp;
use lgsp_kernel::snapshot::Version;
use rustls::ClientConfig;
use rustls::RootCertStore;
use rustls::crypto::CryptoProvider;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use std::sync::Arc;

/// What all versions share that name no certificates of their own.
pub(crate) struct TlsBase {
    crypto: Arc<CryptoProvider>,
    roots: Arc<RootCertStore>,
    plain: [Arc<ClientConfig>; 2],
}

impl TlsBase {
    /// Loads the node's roots; says what is wrong with them.
    pub(crate) fn new(config: &ProviderConfig) -> Result<Self, String> {
        let crypto = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut roots = RootCertStore::empty();
        if config.public_roots {
            roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        }
        if let Some(pem) = &config.extra_roots_pem {
            add_roots(&mut roots, pem.as_bytes())?;
        }
        let roots = Arc::new(roots);
        let both = [UpstreamHttp::Http1, UpstreamHttp::Http2];
        let mut plain = Vec::with_capacity(both.len());
        for http in both {
            plain.push(Arc::new(client_config(&crypto, roots.clone(), None, http)?));
        }
        let plain = <[_; 2]>::try_from(plain).map_err(|_| "one for each version of HTTP".to_owned())?;
        Ok(Self { crypto, roots, plain })
    }

    /// The configuration for a version: the shared one unless it names certificates.
    pub(crate) fn for_version(&self, version: &Version) -> Result<Arc<ClientConfig>, String> {
        let upstream = &version.spec.upstream;
        if upstream.ca_pem.is_none() && version.client_certificate.is_none() {
            return Ok(self.plain[usize::from(upstream.http == UpstreamHttp::Http2)].clone());
        }
        let roots = match &upstream.ca_pem {
            Some(pem) => {
                let mut own = RootCertStore::empty();
                add_roots(&mut own, pem.as_bytes())?;
                Arc::new(own)
            }
            None => self.roots.clone(),
        };
        let identity = version.client_certificate.as_ref().map(|pem| identity(pem.expose())).transpose()?;
        client_config(&self.crypto, roots, identity, upstream.http).map(Arc::new)
    }
}

type Identity = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

fn client_config(
    crypto: &Arc<CryptoProvider>,
    roots: Arc<RootCertStore>,
    identity: Option<Identity>,
    http: UpstreamHttp,
) -> Result<ClientConfig, String> {
    let builder = ClientConfig::builder_with_provider(crypto.clone())
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
        .map_err(|e| e.to_string())?
        .with_root_certificates(roots);
    let mut config = match identity {
        Some((chain, key)) => {
            builder.with_client_auth_cert(chain, key).map_err(|e| format!("client certificate: {e}"))?
        }
        None => builder.with_no_client_auth(),
    };
    config.alpn_protocols = vec![match http {
        UpstreamHttp::Http1 => b"http/1.1".to_vec(),
        UpstreamHttp::Http2 => b"h2".to_vec(),
    }];
    Ok(config)
}

fn add_roots(roots: &mut RootCertStore, pem: &[u8]) -> Result<(), String> {
    let mut some = false;
    for certificate in CertificateDer::pem_slice_iter(pem) {
        let certificate = certificate.map_err(|e| format!("trusted certificates: {e}"))?;
        roots.add(certificate).map_err(|e| format!("trusted certificates: {e}"))?;
        some = true;
    }
    if some { Ok(()) } else { Err("trusted certificates: no certificate in the PEM text".to_owned()) }
}

fn identity(pem: &[u8]) -> Result<Identity, String> {
    let chain = CertificateDer::pem_slice_iter(pem)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|e| format!("client certificate: {e}"))?;
    let key = PrivateKeyDer::from_pem_slice(pem).map_err(|e| format!("client certificate's key: {e}"))?;
    if chain.is_empty() {
        return Err("client certificate: no certificate in the PEM text".to_owned());
    }
    Ok((chain, key))
}

/// The name that the provider's certificate must have.
pub(crate) fn server_name(host: &str) -> Result<ServerName<'static>, String> {
    ServerName::try_from(host.to_owned()).map_err(|_| "not a name that a certificate could have".to_owned())
}
