//! Each way in which a chain can be wrong has its own answer.

use crate::common::{
    Foreign, agency, as_agency, as_node, blank, hub, member, never, node, now, office, p256, succeeds,
    trusting,
};
use lgsp_kernel::Millis;
use lgsp_trust::{Algorithm, Authorities, CertError, Chain, Origin, Purpose, Subject};

fn check(certs: &[Vec<u8>], trust: &Authorities, purpose: Purpose) -> Result<Subject, CertError> {
    Chain::verify(certs, trust, purpose, now(), &never)
}

fn foreign(root: &Foreign) -> Authorities {
    Authorities::new().with(&root.der(), Origin::Foreign).unwrap()
}

#[test]
fn time_is_checked_to_the_second_at_both_ends() {
    let hub = hub();
    let (_, issued) = member(&hub, "a");
    let trust = trusting(&hub);
    let at = |t: Millis| Chain::verify(&[&issued.der], &trust, Purpose::Node, t, &never);
    let from = at(now()).unwrap().not_before;
    assert!(at(from).is_ok() && at(issued.not_after).is_ok());
    assert!(matches!(at(Millis(from.0 - 1)), Err(CertError::NotYetValid { .. })));
    assert!(matches!(at(Millis(issued.not_after.0 + 1)), Err(CertError::Expired { .. })));
    assert!(matches!(at(Millis(i64::MIN)), Err(CertError::NotYetValid { .. })));
    assert!(matches!(at(Millis(i64::MAX)), Err(CertError::Expired { .. })));
}

#[test]
fn a_revoked_certificate_is_refused_by_its_digest() {
    let hub = hub();
    let (_, issued) = member(&hub, "a");
    let revoked = |d: &[u8; 32]| *d == issued.sha256;
    let got = Chain::verify(&[&issued.der], &trusting(&hub), Purpose::Node, now(), &revoked);
    assert!(matches!(got, Err(CertError::Revoked { .. })));
}

#[test]
fn a_certificate_serves_its_own_purpose_only() {
    let hub = hub();
    let trust = trusting(&hub);
    let (_, of_node) = member(&hub, "a");
    let (_, of_agency) = office(&hub, "H01.15", Algorithm::EcdsaP256);
    assert_eq!(
        check(std::slice::from_ref(&of_agency.der), &trust, Purpose::Agency).unwrap().agency,
        Some(agency("H01.15"))
    );
    for (der, purpose) in [
        (&of_node.der, Purpose::Agency),
        (&of_agency.der, Purpose::Node),
        (&of_node.der, Purpose::Tsa),
        (&of_agency.der, Purpose::Tsa),
    ] {
        assert!(
            matches!(check(std::slice::from_ref(der), &trust, purpose), Err(CertError::WrongPurpose { .. })),
            "{purpose}"
        );
    }
}

#[test]
fn a_self_made_certificate_is_called_that_whether_it_claims_to_be_an_authority_or_not() {
    let trust = trusting(&hub());
    let key = rcgen::KeyPair::generate().unwrap();
    for ca in [rcgen::IsCa::ExplicitNoCa, rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained)] {
        let mut params = as_node("a");
        params.is_ca = ca;
        let der = params.self_signed(&key).unwrap().der().to_vec();
        assert!(matches!(check(&[der], &trust, Purpose::Node), Err(CertError::SelfMade(_))));
    }
}

#[test]
fn a_stranger_who_copies_the_authoritys_name_is_found_out_by_the_signature() {
    let hub = hub();
    let own =
        rcgen::Issuer::from_ca_cert_der(&hub.certificate_der().into(), rcgen::KeyPair::generate().unwrap())
            .unwrap();
    let key = rcgen::KeyPair::generate().unwrap();
    let der = as_node("a").signed_by(&key, &own).unwrap().der().to_vec();
    assert!(matches!(check(&[der], &trusting(&hub), Purpose::Node), Err(CertError::BadSignature(_))));
    let stranger = Foreign::root("somebody", &rcgen::PKCS_ECDSA_P256_SHA256, 0);
    let der = stranger.issue(as_node("a"), &*p256());
    assert!(matches!(check(&[der], &trusting(&hub), Purpose::Node), Err(CertError::UnknownAuthority { .. })));
}

#[test]
fn every_altered_byte_of_a_certificate_is_refused() {
    let hub = hub();
    let (trust, (_, issued)) = (trusting(&hub), member(&hub, "a"));
    for at in 0..issued.der.len() {
        let mut altered = issued.der.clone();
        altered[at] ^= 0x01;
        assert!(check(&[altered], &trust, Purpose::Node).is_err(), "byte {at}");
    }
}

#[test]
fn an_end_certificate_that_issues_another_is_no_authority() {
    let hub = hub();
    let key = rcgen::KeyPair::generate().unwrap();
    let csr = as_node("a").serialize_request(&key).unwrap();
    let issued = hub.issue_node(csr.der(), &node("a"), lgsp_trust::Term::usual(now())).unwrap();
    let abuse = rcgen::Issuer::from_ca_cert_der(&issued.der.as_slice().into(), key).unwrap();
    let forged =
        as_node("hub").signed_by(&rcgen::KeyPair::generate().unwrap(), &abuse).unwrap().der().to_vec();
    let got = check(&[forged, issued.der], &trusting(&hub), Purpose::Node);
    assert!(matches!(got, Err(CertError::NotAnAuthority(_))), "{got:?}");
}

#[test]
fn an_authority_does_not_speak_and_an_end_certificate_is_not_listed_as_one() {
    let root = Foreign::root("gov", &rcgen::PKCS_ECDSA_P256_SHA256, 2);
    let below = root.under("issuing", 0);
    let got = check(&[below.der()], &foreign(&root), Purpose::Agency);
    assert!(matches!(got, Err(CertError::AuthorityAsEnd(_))));
    let end = root.issue(as_agency("H01"), &*p256());
    assert!(matches!(Authorities::new().with(&end, Origin::Hub), Err(CertError::NotAnAuthority(_))));
    assert!(matches!(Authorities::new().with_intermediate(&end), Err(CertError::NotAnAuthority(_))));
}

#[test]
fn a_foreign_authority_vouches_for_agencies_through_intermediates_but_names_nobody() {
    for kind in [&rcgen::PKCS_ECDSA_P256_SHA256, &rcgen::PKCS_ECDSA_P384_SHA384, &rcgen::PKCS_RSA_SHA256] {
        let root = Foreign::root("gov", kind, 2);
        let issuing = root.under("issuing", 0);
        let end = issuing.issue(as_agency("H01.15"), &*p256());
        let subject = check(&[end.clone(), issuing.der()], &foreign(&root), Purpose::Agency).unwrap();
        assert_eq!((subject.agency, subject.node, subject.issuers.len()), (None, None, 2));
        let known = foreign(&root).with_intermediate(&issuing.der()).unwrap();
        assert!(check(std::slice::from_ref(&end), &known, Purpose::Agency).is_ok());
        let got = check(&[end], &foreign(&root), Purpose::Agency);
        assert!(matches!(got, Err(CertError::UnknownAuthority { .. })));
    }
}

#[test]
fn a_foreign_authority_never_vouches_for_a_node() {
    let root = Foreign::root("gov", &rcgen::PKCS_ECDSA_P256_SHA256, 2);
    let end = root.issue(as_node("hub"), &*p256());
    let got = check(&[end], &foreign(&root), Purpose::Node);
    assert!(matches!(got, Err(CertError::UnknownAuthority { .. })));
}

#[test]
fn a_chain_too_deep_or_too_long_is_refused_as_that() {
    let root = Foreign::root("gov", &rcgen::PKCS_ECDSA_P256_SHA256, 5);
    let (a, b, c) = {
        let a = root.under("a", 4);
        let b = a.under("b", 3);
        let c = b.under("c", 2);
        (a, b, c)
    };
    let end = c.issue(as_agency("H01"), &*p256());
    let got = check(&[end.clone(), c.der(), b.der(), a.der()], &foreign(&root), Purpose::Agency);
    assert!(matches!(got, Err(CertError::TooDeep { .. })), "{got:?}");
    let five = [end.clone(), c.der(), b.der(), a.der(), root.der()];
    assert!(matches!(check(&five, &foreign(&root), Purpose::Agency), Err(CertError::TooLong { .. })));
    let long = vec![vec![0x30; 8193]];
    assert!(matches!(check(&long, &foreign(&root), Purpose::Agency), Err(CertError::TooLong { .. })));
    assert!(matches!(check(&[], &foreign(&root), Purpose::Agency), Err(CertError::Form(_))));
    let narrow = Foreign::root("narrow", &rcgen::PKCS_ECDSA_P256_SHA256, 0);
    let below = narrow.under("below", 0);
    let end = below.issue(as_agency("H01"), &*p256());
    let got = check(&[end, below.der()], &foreign(&narrow), Purpose::Agency);
    assert!(matches!(got, Err(CertError::TooDeep { .. })), "the root allows no intermediate: {got:?}");
}

#[test]
fn a_listed_authority_that_expired_vouches_no_more() {
    let mut params = Foreign::authority("gov", 1);
    params.not_after = rcgen::date_time_ymd(2026, 6, 1);
    let issuer = rcgen::CertifiedIssuer::self_signed(params, rcgen::KeyPair::generate().unwrap()).unwrap();
    let root = Foreign { issuer };
    let end = root.issue(as_agency("H01"), &*p256());
    assert!(
        matches!(check(&[end], &foreign(&root), Purpose::Agency), Err(CertError::Expired { whose, .. }) if whose.contains("gov"))
    );
}

#[test]
fn a_hub_certificate_whose_names_do_not_agree_is_refused() {
    // The hub never issues such; this is what a stolen authority could try.
    let root = Foreign::root("hub", &rcgen::PKCS_ECDSA_P256_SHA256, 0);
    let trust = Authorities::new().with(&root.der(), Origin::Hub).unwrap();
    let mut two = as_node("a");
    two.subject_alt_names.extend(as_node("b").subject_alt_names);
    let mut mixed = as_node("a");
    mixed.subject_alt_names[0] = as_node("b").subject_alt_names[0].clone();
    let mut none = as_node("a");
    none.subject_alt_names.clear();
    for params in [two, mixed, none] {
        let end = root.issue(params, &*p256());
        assert!(matches!(check(&[end], &trust, Purpose::Node), Err(CertError::Names { .. })));
    }
    for params in [as_agency("h01.15"), as_agency("H01..15"), blank("H01")] {
        let end = root.issue(params, &*p256());
        assert!(matches!(check(&[end], &trust, Purpose::Agency), Err(CertError::Names { .. })));
    }
}

#[test]
fn a_foreign_agency_key_of_rsa_is_read_and_its_chain_from_openssl_verifies() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let subject = ["-subj", "/O=Gov/CN=Gov Root", "-keyout", "ca.key", "-out", "ca.pem"];
    let root = ["req", "-x509", "-newkey", "rsa:3072", "-noenc", "-days", "3650"];
    succeeds("openssl", &[&root[..], &subject].concat(), at);
    let req = [
        "req",
        "-newkey",
        "rsa:2048",
        "-noenc",
        "-subj",
        "/CN=So Tu phap",
        "-keyout",
        "a.key",
        "-out",
        "a.csr",
    ];
    succeeds("openssl", &req, at);
    std::fs::write(
        at.join("ext"),
        "basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature,nonRepudiation\n",
    )
    .unwrap();
    let sign = [
        "x509", "-req", "-in", "a.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-days", "365", "-extfile",
        "ext", "-out", "a.pem",
    ];
    succeeds("openssl", &sign, at);
    let read = |n: &str| {
        lgsp_trust::pem::decode("CERTIFICATE", &std::fs::read_to_string(at.join(n)).unwrap()).unwrap()
    };
    let trust = Authorities::new().with(&read("ca.pem"), Origin::Foreign).unwrap();
    let real_now = lgsp_kernel::Clock::System.now();
    let subject = Chain::verify(&[read("a.pem")], &trust, Purpose::Agency, real_now, &never).unwrap();
    assert_eq!(subject.algorithm, Algorithm::RsaPss);
    std::fs::write(at.join("m"), "text").unwrap();
    let pss = [
        "-sigopt",
        "rsa_padding_mode:pss",
        "-sigopt",
        "rsa_pss_saltlen:32",
        "-sign",
        "a.key",
        "-out",
        "s",
        "m",
    ];
    succeeds("openssl", &[&["dgst", "-sha256"][..], &pss].concat(), at);
    let signature = std::fs::read(at.join("s")).unwrap();
    let verify = |m: &[u8]| lgsp_trust::verify(&subject.public_key_der, Algorithm::RsaPss, m, &signature);
    assert!(verify(b"text").is_ok() && verify(b"texu").is_err());
}
