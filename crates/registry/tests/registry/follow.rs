//! Following the store: what is compiled after changes equals what is compiled from nothing, whatever the changes were.

use crate::help::{Desk, NOW, operator};
use lgsp_kernel::Actor;
use lgsp_kernel::snapshot::{OpenAuth, Snapshot};
use lgsp_registry::{Kind, Registry, manifest};
use lgsp_store::{Commit, ResourceChange};
use proptest::prelude::{Just, Strategy, any, prop_oneof};
use serde_json::{Value, json};
use std::sync::Arc;

/// Everything in a snapshot, in an order of its own; opened secrets included.
fn dump(s: &Snapshot) -> Vec<String> {
    let mut lines = vec![format!("generation {}", s.generation)];
    let mut part: Vec<String> = s.agencies.iter().map(|x| format!("{x:?}")).collect();
    part.extend(s.systems.iter().map(|x| format!("{x:?}")));
    part.extend(s.remotes.iter().map(|x| format!("remote {x:?}")));
    part.extend(s.services.iter().map(|x| format!("{x:?}")));
    part.extend(s.services.values().flat_map(|x| &x.versions).map(|v| match &v.auth {
        OpenAuth::Bearer { token } => format!("{} {:?}", v.key, token.expose()),
        other => format!("{} {other:?}", v.key),
    }));
    part.extend(s.credentials.iter().map(|x| format!("{x:?}")));
    part.extend(s.api_keys.iter().map(|x| format!("key {x:?}")));
    part.extend(s.certificates.iter().map(|x| format!("certificate {x:?}")));
    for (consumer, services) in &s.grants {
        part.extend(services.iter().map(|(service, list)| format!("{consumer} {service} {list:?}")));
    }
    part.sort();
    lines.extend(part);
    lines
}

#[derive(Debug, Clone)]
enum Step {
    /// An operator's edit, which the rules may refuse.
    Put(Kind, String, Value),
    Delete(Kind, String),
    /// A row that comes into the store past the rules: another version's, a restored one, a damaged one.
    Row(Kind, String, Option<String>),
    /// The following node looks.
    Look,
}

fn agency(n: u8) -> String {
    format!("H0{n}")
}

fn put() -> impl Strategy<Value = Step> {
    let n = || 0u8..4;
    prop_oneof![
        (n(), n(), any::<bool>()).prop_map(|(i, alias, child)| {
            let parent = if child && i > 0 { json!("H00") } else { Value::Null };
            let item = json!({"name": "A", "kind": "department", "parent": parent, "aliases": [format!("000.00.0{alias}.H99")]});
            Step::Put(Kind::Agency, agency(i), item)
        }),
        (n(), n(), any::<bool>()).prop_map(|(i, of, by_alias)| {
            let code = if by_alias { format!("000.00.0{of}.H99") } else { agency(of) };
            let remote = if i > 1 { json!({"node": "ngsp", "system": format!("r{of}")}) } else { Value::Null };
            Step::Put(Kind::System, format!("s{i}"), json!({"agency": code, "name": "S", "remote": remote}))
        }),
        (n(), n(), n(), any::<bool>()).prop_map(|(i, of, how, secret)| {
            let lifecycle = ["draft", "published", "deprecated", "retired"][usize::from(how)];
            let auth = if secret { json!({"type": "bearer", "token": {"value": format!("token-{how}")}}) } else { json!({"type": "none"}) };
            let version = |label: &str| json!({
                "version": label, "lifecycle": lifecycle, "targets": [{"url": format!("http://h{how}")}], "auth": auth,
                "operations": [{"name": "a", "method": "GET", "path": "/a"}]
            });
            Step::Put(Kind::Service, format!("v{i}"), json!({"system": format!("s{of}"), "title": "V", "protocol": "rest", "versions": [version("1.0"), version("1.2")]}))
        }),
        (n(), n(), n()).prop_map(|(i, of, what)| {
            let item = match what {
                0 => json!({"system": format!("s{of}"), "kind": "client", "secret": {"value": "a-client-secret-of-all"}}),
                1 => json!({"system": format!("s{of}"), "kind": "certificate", "fingerprint": format!("{of}").repeat(64)}),
                _ => json!({"system": format!("s{of}"), "kind": "api_key", "secret": {"value": format!("an-api-key-with-number-{of}-{what}")}}),
            };
            Step::Put(Kind::Credential, format!("c{i}"), item)
        }),
        (0u8..6, n(), n()).prop_map(|(i, from, to)| {
            Step::Put(Kind::Grant, format!("g{i}"), json!({
                "consumer": format!("s{from}"), "service": format!("v{to}"), "operations": ["a"], "purpose": "p", "legal_basis": "l"
            }))
        }),
    ]
}

fn name() -> impl Strategy<Value = (Kind, String)> {
    (0usize..5, 0u8..4).prop_map(|(kind, i)| {
        let kind = Kind::ALL[kind];
        let id = match kind {
            Kind::Agency => agency(i),
            Kind::System => format!("s{i}"),
            Kind::Credential => format!("c{i}"),
            Kind::Service => format!("v{i}"),
            Kind::Grant => format!("g{i}"),
        };
        (kind, id)
    })
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => put(),
        1 => name().prop_map(|(kind, id)| Step::Delete(kind, id)),
        1 => name().prop_map(|(kind, id)| Step::Row(kind, id, None)),
        1 => name().prop_map(|(kind, id)| Step::Row(kind, id, Some("{}".into()))),
        2 => (0u8..4).prop_map(|i| {
            // Two systems that claim to be the same one of another node.
            let row = json!({"id": format!("s{i}"), "agency": "H00", "name": "S", "remote": {"node": "ngsp", "system": "r0"}});
            Step::Row(Kind::System, format!("s{i}"), Some(row.to_string()))
        }),
        2 => Just(Step::Look),
    ]
}

async fn run(steps: &[Step]) {
    let desk = Desk::empty().await;
    // What later steps refer to, so that more of them are accepted.
    let base: String = (0..4)
        .map(|i| format!("---\nagencies: [{{ code: H0{i}, name: A, kind: department }}]\nsystems: [{{ id: s{i}, agency: H0{i}, name: S }}]\n"))
        .collect();
    desk.apply(&base).await.unwrap();
    let follower = desk.second().await;
    for step in steps {
        match step {
            Step::Put(kind, id, item) => {
                let _ = desk.registry.put(*kind, id, item.clone(), &operator()).await;
            }
            Step::Delete(kind, id) => {
                let _ = desk.registry.delete(*kind, id, &operator()).await;
            }
            Step::Row(kind, id, after) => {
                let change = ResourceChange {
                    kind: kind.as_str().into(),
                    id: id.clone(),
                    before: Some("{}".into()),
                    after: after.clone(),
                };
                let commit = Commit {
                    expected_generation: desk.store.generation().await.unwrap(),
                    at: NOW,
                    changes: vec![change],
                    actor: Actor::Node,
                    reason: None,
                };
                desk.store.commit(commit).await.unwrap();
            }
            Step::Look => {
                follower.refresh().await.unwrap();
                same(&follower, &desk.second().await);
            }
        }
    }
    desk.registry.refresh().await.unwrap();
    follower.refresh().await.unwrap();
    let fresh = desk.second().await;
    same(&desk.registry, &fresh);
    same(&follower, &fresh);
}

fn same(followed: &Registry, fresh: &Registry) {
    assert_eq!(dump(&followed.snapshot().load()), dump(&fresh.snapshot().load()));
    assert_eq!(followed.kept_out(), fresh.kept_out());
    assert_eq!(followed.export(), fresh.export());
}

#[test]
fn a_snapshot_followed_through_any_changes_equals_one_compiled_from_nothing() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let config = proptest::test_runner::Config { cases: 24, failure_persistence: None, ..Default::default() };
    proptest::proptest!(config, |(steps in proptest::collection::vec(step(), 1..40))| {
        runtime.block_on(run(&steps));
    });
}

#[tokio::test]
async fn what_depends_on_a_change_follows_it_and_the_rest_stays_the_same_object() {
    let desk = Desk::province().await;
    let before = desk.registry.snapshot().load_full();
    // When a system moves to another agency, then its services are that agency's, their versions untouched.
    desk.apply("systems:\n  - { id: kho-du-lieu, agency: H98.15, name: Kho dữ liệu dùng chung }\n")
        .await
        .unwrap();
    let after = desk.registry.snapshot().load_full();
    assert_eq!(after.services["doanhnghiep"].agency.as_str(), "H98.15");
    assert!(Arc::ptr_eq(
        &before.services["doanhnghiep"].versions[0],
        &after.services["doanhnghiep"].versions[0]
    ));
    assert!(Arc::ptr_eq(&before.services["canbo037"], &after.services["canbo037"]));
    assert!(after.grants.ptr_eq(&before.grants) && after.credentials.ptr_eq(&before.credentials));
    // When an agency passes an alias on, then systems named by it pass too.
    desk.apply("agencies:\n  - { code: H98.02, name: Một cửa, kind: department }\n  - { code: H98.15, name: Sở Nội vụ tỉnh Mẫu, kind: department, parent: 000.00.00.H98, aliases: [000.00.15.H98, 15.H98, 000.00.02.H98] }\n").await.unwrap();
    assert_eq!(desk.registry.snapshot().load().systems["motcua"].agency.as_str(), "H98.15");
}

#[tokio::test]
async fn stamps_change_with_what_they_stand_for_and_with_nothing_else() {
    let desk = Desk::province().await;
    let stamps = || {
        let s = desk.registry.snapshot().load_full();
        let version = s.services["doanhnghiep"].version("1.0").unwrap().stamp;
        (version, s.credentials["motcua-client"].stamp)
    };
    let file = std::fs::read_to_string(crate::help::fixture().join("02-services.yml")).unwrap();
    let first = stamps();
    desk.apply(&file.replace("Tra cứu doanh nghiệp", "Tên mới")).await.unwrap();
    assert_eq!(stamps(), first, "a title concerns no connection");
    desk.apply(&file.replace("10.0.3.4", "10.0.3.5")).await.unwrap();
    let moved = stamps();
    assert_ne!(moved.0, first.0, "another target");
    desk.apply(&file.replace("mat-khau-kho", "mat-khau-moi")).await.unwrap();
    assert_ne!(stamps().0, moved.0, "another password");
    assert_eq!(stamps().1, first.1, "no credential was touched");
    let revoked = "credentials:\n  - { id: motcua-client, system: motcua, kind: client, revoked: true }\n";
    desk.apply(revoked).await.unwrap();
    assert_ne!(stamps().1, first.1, "remembered tokens are no longer good");
    assert!(desk.problems(&revoked.replace("true", "false")).await[0].contains("was revoked for good"));
    assert!(manifest::read_text("x", revoked.into()).is_ok());
}
