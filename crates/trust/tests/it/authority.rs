//! The hub's authority: what it issues, what it refuses to copy, rotation, recovery; openssl as a second opinion.

use crate::common::{
    Foreign, agency, as_node, hub, member, never, node, now, office, p256, run, succeeds, trusting,
};
use lgsp_trust::pem::{CERTIFICATE, REQUEST, decode, encode};
use lgsp_trust::{
    Algorithm, Authorities, Authority, CertError, Chain, Origin, Purpose, Requested, Signer as _, Term,
    csr_for_agency, csr_for_node,
};

#[test]
fn a_node_gets_the_name_the_hub_approved_whatever_its_request_asks_for() {
    let (hub, key) = (hub(), p256());
    let csr = csr_for_node(&*key, &node("province-b")).unwrap();
    let issued = hub.issue_node(&csr, &node("province-a"), Term::usual(now())).unwrap();
    let subject = Chain::verify(&[&issued.der], &trusting(&hub), Purpose::Node, now(), &never).unwrap();
    assert_eq!(subject.node, Some(node("province-a")));
    assert_eq!((subject.agency, subject.algorithm), (None, Algorithm::EcdsaP256));
    assert_eq!(subject.public_key_der, key.public_key_der());
    assert_eq!((subject.serial.len(), subject.sha256), (40, issued.sha256));
    assert!(!String::from_utf8_lossy(&issued.der).contains("province-b"));
}

#[test]
fn a_request_that_asks_to_be_an_authority_gets_an_end_certificate() {
    let key = rcgen::KeyPair::generate().unwrap();
    let mut asks = Foreign::authority("province-a", 3);
    asks.subject_alt_names = as_node("hub").subject_alt_names;
    let csr = asks.serialize_request(&key).unwrap();
    let hub = hub();
    let issued = hub.issue_node(csr.der(), &node("province-a"), Term::usual(now())).unwrap();
    let subject = Chain::verify(&[&issued.der], &trusting(&hub), Purpose::Node, now(), &never).unwrap();
    assert_eq!(subject.node, Some(node("province-a")));
}

#[test]
fn a_request_altered_in_any_byte_is_refused() {
    let key = p256();
    let csr = csr_for_node(&*key, &node("province-a")).unwrap();
    assert!(Requested::read(&csr).is_ok());
    for at in 0..csr.len() {
        let mut altered = csr.clone();
        altered[at] ^= 1;
        assert!(Requested::read(&altered).is_err(), "byte {at}");
    }
    assert!(matches!(Requested::read(&[csr.clone(), vec![0]].concat()), Err(CertError::Request(_))));
    assert!(matches!(Requested::read(&vec![0x30; 9000]), Err(CertError::TooLong { .. })));
    assert!(matches!(Requested::read(&[]), Err(CertError::Request(_))));
}

#[test]
fn requests_and_keys_of_the_wrong_kind_are_refused() {
    let hub = hub();
    let ed = crate::common::key(Algorithm::Ed25519);
    let csr = csr_for_node(&*ed, &node("province-a")).unwrap();
    assert!(matches!(hub.issue_node(&csr, &node("province-a"), Term::usual(now())), Err(CertError::Key(_))));
    assert!(matches!(Authority::create(ed, &node("hub"), now()), Err(CertError::Key(_))));
    for name in ["Province", "a.b", "a-", "a_b", &"a".repeat(64)] {
        assert!(matches!(csr_for_node(&*p256(), &node(name)), Err(CertError::NodeName(_))), "{name}");
    }
}

#[test]
fn a_term_is_bounded_and_stays_within_the_authoritys_own() {
    let (hub, key) = (hub(), p256());
    let csr = csr_for_node(&*key, &node("a")).unwrap();
    let issue = |term| hub.issue_node(&csr, &node("a"), term);
    assert!(matches!(issue(Term::days(now(), 398)), Err(CertError::Term(_))));
    let late = hub.not_after().plus_seconds(-86_400);
    assert_eq!(issue(Term::days(late, 90)).unwrap().not_after.seconds(), hub.not_after().seconds());
    assert!(matches!(issue(Term::days(hub.not_after().plus_seconds(86_400), 90)), Err(CertError::Term(_))));
    assert!(matches!(issue(Term { from: now(), until: now() }), Err(CertError::Term(_))));
}

#[test]
fn while_an_authority_is_rotated_both_are_believed_and_then_only_the_new_one() {
    let (old, new) = (hub(), hub());
    let (_, before) = member(&old, "province-a");
    let both = trusting(&old).with(new.certificate_der(), Origin::Hub).unwrap();
    let check = |der: &[u8], trust: &Authorities| Chain::verify(&[der], trust, Purpose::Node, now(), &never);
    let subject = check(&before.der, &both).unwrap();
    let after = new.reissue(&subject, Term::usual(now())).unwrap();
    let again = check(&after.der, &both).unwrap();
    assert_eq!((again.node, &again.public_key_der), (subject.node, &subject.public_key_der));
    assert_ne!(again.serial, subject.serial);
    assert!(check(&after.der, &trusting(&new)).is_ok());
    assert!(matches!(check(&before.der, &trusting(&new)), Err(CertError::UnknownAuthority { .. })));
}

#[test]
fn a_revoked_authority_takes_all_it_issued_with_it_even_while_listed() {
    let (stolen, new) = (hub(), hub());
    let (_, issued) = member(&stolen, "province-a");
    let both = trusting(&stolen).with(new.certificate_der(), Origin::Hub).unwrap();
    let gone = stolen.sha256();
    let revoked = |d: &[u8; 32]| *d == gone;
    let refused = Chain::verify(&[&issued.der], &both, Purpose::Node, now(), &revoked);
    assert!(matches!(refused, Err(CertError::Revoked { sha256, .. }) if sha256 == hex(&gone)));
    let (_, fresh) = member(&new, "province-a");
    assert!(Chain::verify(&[&fresh.der], &both, Purpose::Node, now(), &revoked).is_ok());
}

#[test]
fn an_authority_is_loaded_only_with_its_own_key_and_never_from_an_end_certificate() {
    let key = p256();
    let made = Authority::create(key.clone(), &node("hub"), now()).unwrap();
    let pem = made.certificate_pem();
    let der = decode(CERTIFICATE, &pem).unwrap();
    assert_eq!(Authority::load(key.clone(), der.clone()).unwrap().sha256(), made.sha256());
    assert!(matches!(Authority::load(p256(), der), Err(CertError::AuthorityKey)));
    let (end_key, end) = member(&made, "a");
    assert!(matches!(Authority::load(end_key, end.der), Err(CertError::NotAnAuthority(_))));
}

#[test]
fn openssl_agrees_with_requests_certificates_and_their_purposes() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let (hub, key) = (hub(), p256());
    let csr = csr_for_node(&*key, &node("province-a")).unwrap();
    let office_csr = csr_for_agency(&*crate::common::key(Algorithm::Ed25519), &agency("H01.15")).unwrap();
    std::fs::write(at.join("node.csr"), encode(REQUEST, &csr)).unwrap();
    std::fs::write(at.join("agency.csr"), encode(REQUEST, &office_csr)).unwrap();
    std::fs::write(at.join("ca.pem"), hub.certificate_pem()).unwrap();
    std::fs::write(at.join("node.pem"), member(&hub, "province-a").1.pem()).unwrap();
    std::fs::write(at.join("agency.pem"), office(&hub, "H01.15", Algorithm::Ed25519).1.pem()).unwrap();
    for csr in ["node.csr", "agency.csr"] {
        assert!(succeeds("openssl", &["req", "-verify", "-noout", "-in", csr], at).contains("OK"));
    }
    let time = now().seconds().to_string();
    let verify = ["verify", "-x509_strict", "-attime", &time, "-CAfile", "ca.pem"];
    for purpose in ["sslserver", "sslclient"] {
        succeeds("openssl", &[&verify[..], &["-purpose", purpose, "node.pem"]].concat(), at);
    }
    succeeds(
        "openssl",
        &[&verify[..], &["-verify_hostname", "province-a.node.lgsp", "node.pem"]].concat(),
        at,
    );
    succeeds("openssl", &[&verify[..], &["agency.pem"]].concat(), at);
    let later = now().plus_seconds(91 * 86_400).seconds().to_string();
    let expired = ["verify", "-attime", &later, "-CAfile", "ca.pem", "node.pem"];
    assert!(!run("openssl", &expired, at).status.success());
    let text = succeeds("openssl", &["x509", "-in", "node.pem", "-noout", "-text"], at);
    for part in [
        "DNS:province-a.node.lgsp, URI:lgsp:node:province-a",
        "CA:FALSE",
        "TLS Web Server Authentication, TLS Web Client",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}
