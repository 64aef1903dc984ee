//! Mutual TLS 1.3 between nodes, HTTP/2 by ALPN. One [`PeerTls`] holds what may change while the node runs (its certificate, the authorities, what is
//! revoked); the rustls configurations read it at every handshake. Sessions are never resumed, so that none outlives a revocation. Not here:
//! sockets.

mod own;
mod verifier;

pub use own::OwnCertificate;

use crate::certificate::{CertError, Purpose, Subject, node_host};
use crate::chain::{Authorities, Chain};
use arc_swap::ArcSwap;
use lgsp_kernel::{Clock, NodeName};
use own::Presented;
use rustls::client::Resumption;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::server::NoServerSessionStorage;
use rustls::{ClientConfig, ServerConfig};
use std::sync::Arc;
use verifier::Peers;

/// The one protocol spoken between nodes.
pub const ALPN: &[u8] = b"h2";

/// Whether a certificate of this digest is revoked: the directory's word at this moment.
pub type Revoked = Arc<dyn Fn(&[u8; 32]) -> bool + Send + Sync>;

/// What a node shows and believes when it meets another.
pub struct PeerTls {
    own: ArcSwap<OwnCertificate>,
    authorities: ArcSwap<Authorities>,
    revoked: Revoked,
    clock: Clock,
    provider: Arc<CryptoProvider>,
}

impl std::fmt::Debug for PeerTls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PeerTls")
            .field("own", &self.own.load())
            .field("authorities", &self.authorities.load())
            .finish()
    }
}

impl PeerTls {
    /// What a node begins with.
    pub fn new(own: OwnCertificate, authorities: Authorities, revoked: Revoked, clock: Clock) -> Arc<Self> {
        Arc::new(Self {
            own: ArcSwap::from_pointee(own),
            authorities: ArcSwap::from_pointee(authorities),
            revoked,
            clock,
            provider: Arc::new(provider()),
        })
    }

    /// Shows another certificate from the next handshake on.
    pub fn replace_own(&self, own: OwnCertificate) {
        self.own.store(Arc::new(own));
    }
    /// Believes other authorities from the next handshake, and the next [`PeerTls::recheck`], on.
    pub fn replace_authorities(&self, authorities: Authorities) {
        self.authorities.store(Arc::new(authorities));
    }
    /// The certificate shown now.
    pub fn own(&self) -> Arc<OwnCertificate> {
        self.own.load_full()
    }

    /// How this node answers: asks for a certificate of a node and refuses all else.
    pub fn server_config(self: &Arc<Self>) -> Result<Arc<ServerConfig>, rustls::Error> {
        let mut config = ServerConfig::builder_with_provider(self.provider.clone())
            .with_protocol_versions(&[&rustls::version::TLS13])?
            .with_client_cert_verifier(Arc::new(Peers(self.clone())))
            .with_cert_resolver(Arc::new(Presented(self.clone())));
        config.alpn_protocols = vec![ALPN.to_vec()];
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        Ok(Arc::new(config))
    }

    /// How this node calls: whom is said by the [`server_name`] of each connection.
    pub fn client_config(self: &Arc<Self>) -> Result<Arc<ClientConfig>, rustls::Error> {
        let mut config = ClientConfig::builder_with_provider(self.provider.clone())
            .with_protocol_versions(&[&rustls::version::TLS13])?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Peers(self.clone())))
            .with_client_cert_resolver(Arc::new(Presented(self.clone())));
        config.alpn_protocols = vec![ALPN.to_vec()];
        config.resumption = Resumption::disabled();
        Ok(Arc::new(config))
    }

    /// Who stands behind a finished handshake: pass `peer_certificates()` of its connection.
    pub fn peer_subject(&self, certificates: Option<&[CertificateDer<'_>]>) -> Result<Subject, CertError> {
        self.check(certificates.unwrap_or_default())
    }

    /// Whether the peer of an open connection may still be heard: to be asked for each request, since a connection outlives the moment of its
    /// handshake. Costs a few look-ups, no signature.
    pub fn recheck(&self, peer: &Subject) -> Result<(), CertError> {
        let revoked = |d: &[u8; 32]| (self.revoked)(d);
        Chain::recheck(peer, &self.authorities.load(), Purpose::Node, self.clock.now(), &revoked)
    }

    fn check(&self, chain: &[CertificateDer<'_>]) -> Result<Subject, CertError> {
        let revoked = |d: &[u8; 32]| (self.revoked)(d);
        Chain::verify(chain, &self.authorities.load(), Purpose::Node, self.clock.now(), &revoked)
    }
}

/// The name to give for a connection to this node.
pub fn server_name(node: &NodeName) -> Result<ServerName<'static>, CertError> {
    ServerName::try_from(node_host(node)?).map_err(|_| CertError::NodeName(node.to_string()))
}

/// What a failed handshake means and what to do, if a certificate was the reason: ours as the peer told it, or the peer's as we saw it.
pub fn explain(error: &rustls::Error) -> Option<String> {
    verifier::explain(error)
}

fn provider() -> CryptoProvider {
    let mut provider = rustls::crypto::aws_lc_rs::default_provider();
    provider.cipher_suites.retain(|s| s.tls13().is_some());
    provider
}
