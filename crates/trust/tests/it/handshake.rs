//! TLS between nodes: who is let in, who is not, and what changes while connections stand.

use crate::common::{Foreign, as_node, hub, member, node, now, p256, trusting};
use lgsp_kernel::Clock;
use lgsp_trust::tls::{Revoked, explain, server_name};
use lgsp_trust::{Authorities, Authority, CertError, Origin, OwnCertificate, PeerTls, Signer};
use parking_lot::Mutex;
use rustls::pki_types::CertificateDer;
use rustls::{ClientConnection, HandshakeKind, ServerConnection};
use std::sync::Arc;

struct Side {
    tls: Arc<PeerTls>,
    revoked: Arc<Mutex<Vec<[u8; 32]>>>,
    clock: Clock,
}

fn side(own: OwnCertificate, trust: Authorities) -> Side {
    let revoked: Arc<Mutex<Vec<[u8; 32]>>> = Arc::default();
    let seen = revoked.clone();
    let check: Revoked = Arc::new(move |d| seen.lock().contains(d));
    let clock = Clock::manual(now());
    Side { tls: PeerTls::new(own, trust, check, clock.clone()), revoked, clock }
}

fn own(hub: &Authority, name: &str) -> OwnCertificate {
    let (key, issued) = member(hub, name);
    OwnCertificate::new(vec![issued.der], key).unwrap()
}

fn pair(hub: &Authority) -> (Side, Side) {
    (side(own(hub, "province-a"), trusting(hub)), side(own(hub, "hub"), trusting(hub)))
}

type Ends = (ClientConnection, ServerConnection);
/// What one end says is wrong, and what the other was told.
type Failed = Box<(rustls::Error, Option<rustls::Error>)>;

/// Carries bytes between both until neither has any, or one fails; then what the other was told.
fn shake(client: &Side, server: &Side, wanted: &str) -> Result<Ends, Failed> {
    let name = server_name(&node(wanted)).unwrap();
    let c = ClientConnection::new(client.tls.client_config().unwrap(), name).unwrap();
    carry(c, ServerConnection::new(server.tls.server_config().unwrap()).unwrap())
}

fn carry(mut c: ClientConnection, mut s: ServerConnection) -> Result<Ends, Failed> {
    while c.wants_write() || s.wants_write() {
        let mut bytes = Vec::new();
        while c.wants_write() {
            c.write_tls(&mut bytes).unwrap();
        }
        let mut rest = &bytes[..];
        while !rest.is_empty() {
            s.read_tls(&mut rest).unwrap();
            if let Err(e) = s.process_new_packets() {
                let mut alert = Vec::new();
                while s.wants_write() {
                    s.write_tls(&mut alert).unwrap();
                }
                c.read_tls(&mut &alert[..]).unwrap();
                return Err(Box::new((e, c.process_new_packets().err())));
            }
        }
        let mut bytes = Vec::new();
        while s.wants_write() {
            s.write_tls(&mut bytes).unwrap();
        }
        let mut rest = &bytes[..];
        while !rest.is_empty() {
            c.read_tls(&mut rest).unwrap();
            if let Err(e) = c.process_new_packets() {
                return Err(Box::new((e, None)));
            }
        }
    }
    assert!(!c.is_handshaking() && !s.is_handshaking());
    Ok((c, s))
}

fn says(error: &rustls::Error, part: &str) {
    let text = explain(error).unwrap_or_else(|| format!("not explained: {error:?}"));
    assert!(text.contains(part), "{text}");
}

#[test]
fn two_members_meet_over_tls_13_and_http2_and_each_knows_the_other() {
    let hub = hub();
    let (a, h) = pair(&hub);
    let (c, s) = shake(&a, &h, "hub").unwrap();
    assert_eq!(c.protocol_version(), Some(rustls::ProtocolVersion::TLSv1_3));
    assert_eq!((c.alpn_protocol(), s.alpn_protocol()), (Some(&b"h2"[..]), Some(&b"h2"[..])));
    let at_hub = h.tls.peer_subject(s.peer_certificates()).unwrap();
    assert_eq!(at_hub.node, Some(node("province-a")));
    assert_eq!(a.tls.peer_subject(c.peer_certificates()).unwrap().node, Some(node("hub")));
    assert_eq!(at_hub.sha256, a.tls.own().sha256());
    assert!(h.tls.recheck(&at_hub).is_ok());
}

#[test]
fn a_node_that_answers_in_anothers_place_is_refused_by_name() {
    let hub = hub();
    let (a, b) =
        (side(own(&hub, "province-a"), trusting(&hub)), side(own(&hub, "province-b"), trusting(&hub)));
    let (error, _) = *shake(&a, &b, "hub").unwrap_err();
    says(&error, "that of province-b, not of hub");
}

#[test]
fn a_caller_without_a_certificate_or_with_a_self_made_one_is_refused() {
    let hub = hub();
    let (a, h) = pair(&hub);
    let mut config = rustls::ClientConfig::clone(&a.tls.client_config().unwrap());
    config.client_auth_cert_resolver = Arc::new(Nothing);
    let c = ClientConnection::new(Arc::new(config), server_name(&node("hub")).unwrap()).unwrap();
    let s = ServerConnection::new(h.tls.server_config().unwrap()).unwrap();
    let (error, told) = *carry(c, s).unwrap_err();
    says(&error, "showed no certificate");
    says(&told.unwrap(), "demands a certificate");

    let pair = rcgen::KeyPair::generate().unwrap();
    let der = as_node("province-a").self_signed(&pair).unwrap().der().to_vec();
    let certified = rustls::sign::CertifiedKey::from_der(
        vec![CertificateDer::from(der)],
        rustls::pki_types::PrivateKeyDer::try_from(pair.serialize_der()).unwrap(),
        &rustls::crypto::aws_lc_rs::default_provider(),
    )
    .unwrap();
    let mut config = rustls::ClientConfig::clone(&a.tls.client_config().unwrap());
    config.client_auth_cert_resolver = Arc::new(rustls::sign::SingleCertAndKey::from(certified));
    let c = ClientConnection::new(Arc::new(config), server_name(&node("hub")).unwrap()).unwrap();
    let s = ServerConnection::new(h.tls.server_config().unwrap()).unwrap();
    let (error, told) = *carry(c, s).unwrap_err();
    says(&error, "signed by itself");
    says(&told.unwrap(), "refuses this node's certificate");
}

#[derive(Debug)]
struct Nothing;
impl rustls::client::ResolvesClientCert for Nothing {
    fn resolve(&self, _: &[&[u8]], _: &[rustls::SignatureScheme]) -> Option<Arc<rustls::sign::CertifiedKey>> {
        None
    }
    fn has_certs(&self) -> bool {
        false
    }
}

#[test]
fn a_revocation_takes_effect_on_open_connections_and_at_the_next_handshake() {
    let hub = hub();
    let (a, h) = pair(&hub);
    let (_, s) = shake(&a, &h, "hub").unwrap();
    let subject = h.tls.peer_subject(s.peer_certificates()).unwrap();
    assert!(h.tls.recheck(&subject).is_ok());
    h.revoked.lock().push(subject.sha256);
    assert!(matches!(h.tls.recheck(&subject), Err(CertError::Revoked { .. })));
    let (error, told) = *shake(&a, &h, "hub").unwrap_err();
    says(&error, "is revoked");
    says(&told.unwrap(), "this node's certificate is revoked");
}

#[test]
fn an_expired_certificate_ends_open_connections_too_and_both_sides_learn_why() {
    let hub = hub();
    let (a, h) = pair(&hub);
    let (_, s) = shake(&a, &h, "hub").unwrap();
    let subject = h.tls.peer_subject(s.peer_certificates()).unwrap();
    h.clock.advance(91 * 86_400_000);
    assert!(matches!(h.tls.recheck(&subject), Err(CertError::Expired { .. })));
    let (error, told) = *shake(&a, &h, "hub").unwrap_err();
    says(&error, "has expired");
    says(&told.unwrap(), "this node's certificate has expired");
}

#[test]
fn certificates_and_authorities_are_replaced_under_standing_configurations() {
    let (old, new) = (hub(), hub());
    let (a, h) = pair(&old);
    let (client, server) = (a.tls.client_config().unwrap(), h.tls.server_config().unwrap());
    let connect = || {
        let c = ClientConnection::new(client.clone(), server_name(&node("hub")).unwrap()).unwrap();
        carry(c, ServerConnection::new(server.clone()).unwrap())
    };
    let (_, s) = connect().unwrap();
    let before = h.tls.peer_subject(s.peer_certificates()).unwrap();
    for side in [&a, &h] {
        side.tls.replace_authorities(trusting(&old).with(new.certificate_der(), Origin::Hub).unwrap());
    }
    a.tls.replace_own(own(&new, "province-a"));
    assert!(connect().is_ok());
    h.tls.replace_own(own(&new, "hub"));
    for side in [&a, &h] {
        side.tls.replace_authorities(trusting(&new));
    }
    assert!(connect().is_ok());
    assert!(
        matches!(h.tls.recheck(&before), Err(CertError::UnknownAuthority { .. })),
        "the old authority is dropped"
    );
    a.tls.replace_own(own(&old, "province-a"));
    let (error, told) = *connect().unwrap_err();
    says(&error, "no authority listed");
    says(&told.unwrap(), "does not know the authority");
}

#[test]
fn sessions_are_never_resumed() {
    let hub = hub();
    let (a, h) = pair(&hub);
    let (client, server) = (a.tls.client_config().unwrap(), h.tls.server_config().unwrap());
    for _ in 0..3 {
        let c = ClientConnection::new(client.clone(), server_name(&node("hub")).unwrap()).unwrap();
        let (c, s) = carry(c, ServerConnection::new(server.clone()).unwrap()).unwrap();
        assert_eq!(c.handshake_kind(), Some(HandshakeKind::Full));
        assert_eq!((s.handshake_kind(), c.tls13_tickets_received()), (Some(HandshakeKind::Full), 0));
    }
}

#[test]
fn neither_tls_12_nor_another_protocol_than_http2_is_spoken() {
    let hub = hub();
    let (a, h) = pair(&hub);
    let mut config = rustls::ClientConfig::clone(&a.tls.client_config().unwrap());
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    let c = ClientConnection::new(Arc::new(config), server_name(&node("hub")).unwrap()).unwrap();
    let (error, _) = *carry(c, ServerConnection::new(h.tls.server_config().unwrap()).unwrap()).unwrap_err();
    assert_eq!(error, rustls::Error::NoApplicationProtocol);
    let old =
        rustls::ClientConfig::builder_with_provider(rustls::crypto::aws_lc_rs::default_provider().into())
            .with_protocol_versions(&[&rustls::version::TLS12])
            .unwrap()
            .with_root_certificates(rustls::RootCertStore::empty())
            .with_no_client_auth();
    let c = ClientConnection::new(Arc::new(old), server_name(&node("hub")).unwrap()).unwrap();
    let (error, _) = *carry(c, ServerConnection::new(h.tls.server_config().unwrap()).unwrap()).unwrap_err();
    assert!(matches!(error, rustls::Error::PeerIncompatible(_)), "{error:?}");
}

#[test]
fn a_caller_with_a_foreign_authoritys_node_certificate_is_refused() {
    let hub = hub();
    let root = Foreign::root("gov", &rcgen::PKCS_ECDSA_P256_SHA256, 1);
    let key = p256();
    let der = root.issue(as_node("province-a"), &*key);
    let trust = trusting(&hub).with(&root.der(), Origin::Foreign).unwrap();
    let stranger = side(OwnCertificate::new(vec![der], key).unwrap(), trust.clone());
    let h = side(own(&hub, "hub"), trust);
    let (error, _) = *shake(&stranger, &h, "hub").unwrap_err();
    says(&error, "no authority listed");
}

#[test]
fn a_node_shows_only_a_certificate_of_its_own_key_and_for_nodes() {
    let hub = hub();
    let (_, issued) = member(&hub, "a");
    assert!(matches!(OwnCertificate::new(vec![issued.der], p256()), Err(CertError::OtherKey(_))));
    let (key, office) = crate::common::office(&hub, "H01", lgsp_trust::Algorithm::EcdsaP256);
    assert!(matches!(
        OwnCertificate::new(vec![office.der], key as Arc<dyn Signer>),
        Err(CertError::WrongPurpose { .. })
    ));
    assert!(matches!(OwnCertificate::new(Vec::new(), p256()), Err(CertError::Form(_))));
    let mine = own(&hub, "a");
    assert!(
        mine.renew_at() > now().plus_seconds(59 * 86_400)
            && mine.renew_at() < now().plus_seconds(61 * 86_400)
    );
}
