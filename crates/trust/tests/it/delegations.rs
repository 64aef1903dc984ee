//! Delegations: one text, one meaning; whatever differs is refused.

use crate::common::{Foreign, agency, as_agency, hub, key, node, now, office, p256, trusting};
use lgsp_kernel::{AgencyCode, Millis, NodeName};
use lgsp_trust::{
    Algorithm, Authorities, Bindings, CertError, Delegation, DelegationError, DelegationTerms, Origin,
    Signer, Subject, Use,
};
use proptest::prelude::{ProptestConfig, Strategy, any, prop_assert, prop_assert_eq, proptest};

/// A directory that says yes or no.
struct Says {
    revoked: bool,
    binds: bool,
    hosts: bool,
}

const YES: Says = Says { revoked: false, binds: true, hosts: true };

impl Bindings for Says {
    fn is_revoked(&self, _: &[u8; 32]) -> bool {
        self.revoked
    }
    fn binds(&self, _: &AgencyCode, _: &Subject) -> bool {
        self.binds
    }
    fn hosts(&self, _: &NodeName, _: &AgencyCode) -> bool {
        self.hosts
    }
}

fn terms(code: &str) -> DelegationTerms {
    DelegationTerms {
        agency: agency(code),
        node: node("province-a"),
        usage: Use::Message,
        key: [7; 32],
        not_before: now(),
        not_after: now().plus_seconds(86_400),
    }
}

fn made(algorithm: Algorithm) -> (Authorities, Delegation) {
    let hub = hub();
    let (key, issued) = office(&hub, "H01.15", algorithm);
    (trusting(&hub), Delegation::issue(terms("H01.15"), &issued.der, &*key).unwrap())
}

#[test]
fn the_text_is_the_documented_one_and_reads_back() {
    let (trust, delegation) = made(Algorithm::EcdsaP256);
    let text = delegation.text();
    let head = "lgsp-delegation/1\nagency H01.15\nnode province-a\nuse message\nkey ed25519:BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=\n\
        not-before 2026-11-22T00:00:00Z\nnot-after 2026-11-23T00:00:00Z\ncertificate MII";
    assert!(text.starts_with(head), "{text}");
    let read = Delegation::parse(text.as_bytes()).unwrap();
    assert_eq!(read, delegation);
    assert_eq!(read.id(), delegation.id());
    let subject = read.verify(now(), &trust, &YES).unwrap();
    assert_eq!(subject.agency, Some(agency("H01.15")));
    let (trust, ed) = made(Algorithm::Ed25519);
    assert!(Delegation::parse(ed.text().as_bytes()).unwrap().verify(now(), &trust, &YES).is_ok());
}

#[test]
fn every_flipped_bit_is_refused() {
    for algorithm in [Algorithm::EcdsaP256, Algorithm::Ed25519] {
        let (trust, delegation) = made(algorithm);
        let text = delegation.text().as_bytes();
        for at in 0..text.len() {
            for bit in 0..8 {
                let mut altered = text.to_vec();
                altered[at] ^= 1 << bit;
                let got = Delegation::parse(&altered).and_then(|d| d.verify(now(), &trust, &YES));
                assert!(got.is_err(), "byte {at}, bit {bit}");
            }
        }
    }
}

#[test]
fn other_ways_to_write_the_same_are_refused() {
    let (_, delegation) = made(Algorithm::EcdsaP256);
    let text = delegation.text();
    let others = [
        format!("{text}\n"),
        format!(" {text}"),
        format!("\u{feff}{text}"),
        text.trim_end().to_owned(),
        text.replace('\n', "\r\n"),
        text.replace("agency H01.15", "agency h01.15"),
        text.replace("agency H01.15", "agency  H01.15"),
        text.replace("agency H01.15", "agency H01.15 "),
        text.replace("00:00:00Z", "00:00:00+00:00"),
        text.replace("2026-11-22T00:00:00Z", "2026-11-22T00:00:00.000Z"),
        text.replace("2026-11-22T00:00:00Z", "2026-11-22t00:00:00z"),
        text.replace("BwcHBwc=", "BwcHBwd="),
        text.replace("BwcHBwc=", "BwcHBwc"),
        text.replace("\n\nsignature", "\nsignature"),
        text.replace("\n\nsignature", "\n\n\nsignature"),
        text.replace("use message\n", "use message\nuse message\n"),
        text.replace("use message", "use both"),
        text.replace("lgsp-delegation/1", "lgsp-delegation/2"),
    ];
    for other in others {
        assert_ne!(other, text);
        let got = Delegation::parse(other.as_bytes());
        assert!(matches!(got, Err(DelegationError::Form(_))), "{other}: {got:?}");
    }
    let long = vec![b'a'; 20_000];
    assert_eq!(Delegation::parse(&long), Err(DelegationError::TooLong(20_000)));
}

#[test]
fn a_delegation_counts_only_within_its_term_and_the_certificates() {
    let (trust, delegation) = made(Algorithm::EcdsaP256);
    let at = |seconds| delegation.verify(now().plus_seconds(seconds), &trust, &YES);
    assert!(at(0).is_ok() && at(86_400).is_ok());
    assert!(at(-600).is_ok(), "a clock ten minutes behind");
    assert!(matches!(at(-601), Err(DelegationError::NotYetValid(_))));
    assert!(matches!(at(86_402), Err(DelegationError::Expired(_))));
    let hub = hub();
    let (key, issued) = office(&hub, "H01.15", Algorithm::EcdsaP256);
    let issue = |from: i64, until: i64, usage| {
        let (not_before, not_after) = (now().plus_seconds(from), now().plus_seconds(until));
        Delegation::issue(
            DelegationTerms { not_before, not_after, usage, ..terms("H01.15") },
            &issued.der,
            &*key,
        )
    };
    assert!(matches!(issue(0, 0, Use::Message), Err(DelegationError::Term(_))));
    assert!(matches!(issue(0, 49 * 3600, Use::Message), Err(DelegationError::Term(_))));
    assert!(issue(0, 30 * 86_400, Use::Log).is_ok());
    assert!(
        matches!(issue(0, 91 * 86_400, Use::Log), Err(DelegationError::Term(_))),
        "outlasts the certificate"
    );
}

#[test]
fn an_agency_cannot_speak_for_another_nor_a_node_for_an_agency_it_does_not_host() {
    let hub = hub();
    let trust = trusting(&hub);
    let (key, issued) = office(&hub, "H02.01", Algorithm::EcdsaP256);
    let lie = Delegation::issue(terms("H01.15"), &issued.der, &*key).unwrap();
    assert!(matches!(lie.verify(now(), &trust, &YES), Err(DelegationError::OtherAgency { .. })));
    let true_one = Delegation::issue(terms("H02.01"), &issued.der, &*key).unwrap();
    let elsewhere = Says { hosts: false, ..YES };
    assert!(matches!(true_one.verify(now(), &trust, &elsewhere), Err(DelegationError::NotHosted { .. })));
    let revoked = Says { revoked: true, ..YES };
    let got = true_one.verify(now(), &trust, &revoked);
    assert!(matches!(got, Err(DelegationError::Certificate(CertError::Revoked { .. }))));
    let got = true_one.verify(now(), &Authorities::new(), &YES);
    assert!(matches!(got, Err(DelegationError::Certificate(CertError::UnknownAuthority { .. }))));
}

#[test]
fn a_certificate_of_a_foreign_authority_speaks_for_whom_the_directory_binds_it_to() {
    let root = Foreign::root("gov", &rcgen::PKCS_RSA_SHA256, 1);
    let signer = key(Algorithm::EcdsaP256);
    // It claims the code in its name, which counts for nothing.
    let certificate = root.issue(as_agency("H01.15"), &*signer);
    let trust = Authorities::new().with(&root.der(), Origin::Foreign).unwrap();
    let delegation = Delegation::issue(terms("H01.15"), &certificate, &*signer).unwrap();
    assert!(delegation.verify(now(), &trust, &YES).is_ok());
    let unbound = Says { binds: false, ..YES };
    assert!(matches!(delegation.verify(now(), &trust, &unbound), Err(DelegationError::OtherAgency { .. })));
}

#[test]
fn a_nodes_tls_certificate_delegates_nothing_and_a_key_needs_its_own_certificate() {
    let hub = hub();
    let (tls_key, tls) = crate::common::member(&hub, "province-a");
    let delegation = Delegation::issue(terms("H01.15"), &tls.der, &*tls_key).unwrap();
    let got = delegation.verify(now(), &trusting(&hub), &YES);
    assert!(matches!(got, Err(DelegationError::Certificate(CertError::WrongPurpose { .. }))));
    let got = Delegation::issue(terms("H01.15"), &tls.der, &*p256());
    assert!(matches!(got, Err(DelegationError::Certificate(CertError::OtherKey(_)))));
}

#[test]
fn a_remembered_delegation_is_checked_again_without_a_signature() {
    let (trust, delegation) = made(Algorithm::EcdsaP256);
    let subject = delegation.verify(now(), &trust, &YES).unwrap();
    let again = |at: i64, trust: &Authorities, says: &Says| {
        delegation.recheck(&subject, now().plus_seconds(at), trust, says)
    };
    assert_eq!(again(3600, &trust, &YES), Ok(()));
    assert!(matches!(again(90_000, &trust, &YES), Err(DelegationError::Expired(_))));
    let got = again(0, &trust, &Says { revoked: true, ..YES });
    assert!(matches!(got, Err(DelegationError::Certificate(CertError::Revoked { .. }))));
    assert!(matches!(
        again(0, &trust, &Says { hosts: false, ..YES }),
        Err(DelegationError::NotHosted { .. })
    ));
    let got = again(0, &Authorities::new(), &YES);
    assert!(matches!(got, Err(DelegationError::Certificate(CertError::UnknownAuthority { .. }))));
}

/// A signer whose answer is garbage.
#[derive(Debug)]
struct Garbage(Vec<u8>);
impl Signer for Garbage {
    fn algorithm(&self) -> Algorithm {
        Algorithm::EcdsaP256
    }
    fn public_key_der(&self) -> Vec<u8> {
        self.0.clone()
    }
    fn sign(&self, _: &[u8]) -> Result<Vec<u8>, lgsp_trust::KeyError> {
        Ok(vec![1, 2, 3])
    }
}

#[test]
fn a_signature_that_is_none_is_refused() {
    let hub = hub();
    let (key, issued) = office(&hub, "H01.15", Algorithm::EcdsaP256);
    let delegation = Delegation::issue(terms("H01.15"), &issued.der, &Garbage(key.public_key_der())).unwrap();
    assert_eq!(delegation.verify(now(), &trusting(&hub), &YES), Err(DelegationError::Signature));
}

fn some_terms() -> impl Strategy<Value = DelegationTerms> {
    let code = "[A-Z0-9]{1,5}(\\.[A-Z0-9]{1,5}){0,3}";
    let times = (0..80 * 86_400i64, 1..48 * 3600i64);
    (code, "[a-z0-9][a-z0-9-]{0,20}", any::<bool>(), any::<[u8; 32]>(), times, 0..1000i64).prop_map(
        |(code, name, log, key, (from, length), odd)| DelegationTerms {
            agency: agency(&code),
            node: node(&name),
            usage: if log { Use::Log } else { Use::Message },
            key,
            not_before: Millis(now().plus_seconds(from).0 + odd),
            not_after: now().plus_seconds(from + length),
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_issued_is_read_back_and_verifies(terms in some_terms()) {
        let hub = hub();
        let (key, issued) = office(&hub, terms.agency.as_str(), Algorithm::Ed25519);
        // One second may be lost to cutting the fraction; a term of none is refused, which is tested elsewhere.
        let delegation = Delegation::issue(terms.clone(), &issued.der, &*key).unwrap();
        let read = Delegation::parse(delegation.text().as_bytes()).unwrap();
        prop_assert_eq!(&read, &delegation);
        prop_assert_eq!(read.terms().key, terms.key);
        prop_assert!(read.verify(terms.not_after, &trusting(&hub), &YES).is_ok());
    }

    #[test]
    fn no_bytes_make_the_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..2000), cut in 0usize..1500) {
        let _ = Delegation::parse(&bytes);
        let (_, delegation) = made(Algorithm::Ed25519);
        let mut text = delegation.text().as_bytes().to_vec();
        text.truncate(cut.min(text.len() - 1));
        prop_assert!(Delegation::parse(&text).is_err());
        text.extend(bytes);
        let _ = Delegation::parse(&text);
    }
}
