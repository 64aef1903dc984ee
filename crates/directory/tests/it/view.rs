//! What a view answers, and what it says of its own age.

use crate::support::{Hub, NOW, member, settled};
use lgsp_directory::document::{RevokedCertificate, RevokedMember};
use lgsp_directory::key::Digest;
use lgsp_directory::members::Der;
use lgsp_directory::{
    Ages, Authority, Freshness, Member, MemberAgency, MemberState, Purpose, Role, Service, Standing, System,
    Witness,
};
use lgsp_kernel::Millis;
use lgsp_kernel::model::Protocol;

fn service(id: &str, version: &str) -> Service {
    Service {
        id: id.parse().expect("an id"),
        version: version.parse().expect("a version"),
        title: "Tra cứu".into(),
        protocol: Protocol::Rest,
        agency: "H01.15".parse().expect("a code"),
        system: "kho".parse().expect("an id"),
        operations: Default::default(),
        hints: Default::default(),
    }
}

fn rich(name: &str) -> Member {
    let mut member = member(name);
    member.agencies = vec![MemberAgency {
        code: "H01.15".parse().expect("a code"),
        aliases: vec!["000.00.15.H01".parse().expect("a code")],
        name: "Sở Tư pháp".into(),
        certificates: vec![Der::new(*b"certificate")],
    }];
    let agency = "000.00.15.H01".parse().expect("a code");
    member.profile.systems = vec![System { id: "kho".parse().expect("an id"), agency, name: "Kho".into() }];
    member.profile.services = vec![service("z", "1.0"), service("a", "2.0"), service("a", "1.0")];
    member.profile.witness =
        Some(Witness { name: "w".into(), vkey: "w+1+2".into(), url: "https://w".into() });
    member
}

#[tokio::test]
async fn members_agencies_services_and_certificates_are_found() {
    let mut hub = Hub::new();
    hub.members.members = vec![rich("hai"), member("ba")];
    hub.members.members[1].state = MemberState::Suspended;
    hub.members.authorities = vec![Authority {
        id: "ca".into(),
        purposes: vec![Purpose::Node, Purpose::Agency],
        certificate: Der::new(*b"authority"),
    }];
    hub.publish_members(2, NOW);
    hub.state_freshness(2, NOW);
    let (_dir, client) = settled(&hub).await;
    let view = client.directory().expect("a view");
    assert_eq!(view.members().count(), 1);
    assert_eq!(view.standing("ba"), Standing::Suspended);
    assert_eq!(view.standing("bon"), Standing::Unknown);
    for code in ["H01.15", "000.00.15.H01"] {
        assert_eq!(view.agency(code).expect("found").member.name.as_str(), "hai");
    }
    assert_eq!(view.services().count(), 3);
    assert_eq!(view.service("hai", "a", "2.0").expect("found").service.version.as_str(), "2.0");
    assert!(view.service("hai", "a", "3.0").is_none() && view.service("ba", "a", "1.0").is_none());
    let sha256 = Der::new(*b"certificate").sha256();
    assert_eq!(view.agency_of_certificate(&sha256).expect("bound").agency.code.as_str(), "H01.15");
    assert_eq!(view.authorities(Purpose::Agency).count(), 1);
    assert_eq!(view.authorities(Purpose::Tsa).count(), 0);
    assert_eq!(view.witnesses().count(), 1);

    let at = NOW;
    hub.revocations.certificates = [*b"certificate" as [u8; 11]]
        .map(|c| Der::new(c).sha256())
        .into_iter()
        .chain([Der::new(*b"authority").sha256()])
        .map(|sha256| RevokedCertificate { sha256: Digest(sha256), at, reason: "lost".into() })
        .collect();
    hub.publish_revocations(2, NOW);
    hub.state_freshness(3, NOW);
    client.update(NOW).await.expect("updates");
    let view = client.directory().expect("a view");
    assert!(view.is_revoked(&sha256) && view.agency_of_certificate(&sha256).is_none());
    assert_eq!(view.authorities(Purpose::Agency).count(), 0, "a revoked authority vouches for nobody");

    hub.revocations.members =
        vec![RevokedMember { name: "hai".parse().expect("a name"), at, reason: "x".into() }];
    hub.publish_revocations(3, NOW);
    hub.state_freshness(4, NOW);
    client.update(NOW).await.expect("updates");
    let view = client.directory().expect("a view");
    assert_eq!(view.standing("hai"), Standing::Revoked);
    assert!(view.member("hai").is_none() && view.listed("hai").is_some());
    assert!(view.agency("H01.15").is_none());
    assert_eq!((view.services().count(), view.witnesses().count()), (0, 0));
}

#[tokio::test]
async fn a_document_in_which_a_member_speaks_for_a_foreign_agency_is_refused() {
    let mut hub = Hub::new();
    let mut liar = rich("hai");
    liar.profile.services[0].agency = "G01".parse().expect("a code");
    hub.members.members = vec![liar];
    hub.publish_members(2, NOW);
    hub.state_freshness(2, NOW);
    let dir = tempfile::tempdir().expect("a folder");
    let error = hub.client(dir.path()).update(NOW).await.expect_err("refused");
    assert_eq!(error.role, Role::Members);
    assert!(error.found.contains("for which it was not approved"), "{error}");
}

#[tokio::test]
async fn its_age_is_told_in_an_operators_words() {
    let hub = Hub::new();
    let (_dir, client) = settled(&hub).await;
    let view = client.directory().expect("a view");
    let ages = Ages::default();
    let after = |minutes: i64| {
        let now = NOW.plus_seconds(minutes * 60);
        let state = view.state(now, &ages);
        assert_eq!(view.is_fresh(now, &ages), state.freshness == Freshness::Fresh, "{}", state.why);
        state
    };
    assert_eq!(after(60).freshness, Freshness::Fresh);
    let late = after(61);
    assert_eq!(late.freshness, Freshness::Late);
    assert!(late.freshness.allows_exchange());
    assert!(late.why.starts_with("the hub last confirmed it 1 h 1 min ago"), "{}", late.why);
    assert_eq!(after(24 * 60).freshness, Freshness::Late);
    let stale = after(24 * 60 + 1);
    assert_eq!(stale.freshness, Freshness::StaleRevocations);
    assert!(!stale.freshness.allows_exchange() && stale.freshness.allows_lookup());
    assert!(stale.why.contains("revocations older than 1 d are not relied on"), "{}", stale.why);
    assert_eq!(after(7 * 24 * 60).freshness, Freshness::StaleRevocations);
    assert_eq!(after(7 * 24 * 60 + 1).freshness, Freshness::Stale);
    let behind = after(-20);
    assert_eq!(behind.freshness, Freshness::Late);
    assert!(behind.why.contains("20 min ahead of this machine's clock"), "{}", behind.why);
    for now in [Millis(i64::MIN), Millis(i64::MAX)] {
        let _ = view.state(now, &ages);
    }
}
