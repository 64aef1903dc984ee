//! Secrets: where they may come from, that they are found nowhere in clear afterwards, and what happens to those that this node
//! cannot open.

use crate::help::{Desk, operator, province, vault};
use lgsp_kernel::Clock;
use lgsp_kernel::model::CredentialKind;
use lgsp_registry::{EditError, Kind, PlanOptions, Registry, manifest};

const SECRETS: [&str; 3] = ["mat-khau-kho", "khoa-api-cua-mot-cua", "mat-khau-client-cua-mot-cua"];

#[tokio::test]
async fn a_secret_is_found_neither_in_the_store_nor_in_what_is_shown() {
    let desk = Desk::province().await;
    let mut everything = format!("{:?}", desk.registry);
    for kind in Kind::ALL {
        for item in desk.registry.list(kind, None, 100) {
            everything.push_str(&item.spec.to_string());
        }
    }
    for row in desk.store.load().await.unwrap().rows {
        everything.push_str(&row.spec);
    }
    for row in desk.store.audit_rows(0, 1000).await.unwrap() {
        everything.push_str(&format!("{row:?}"));
    }
    everything.push_str(&format!("{:?} {:?}", province(), province().value));
    everything.push_str(&format!("{:?}", desk.registry.snapshot().load_full()));
    assert!(everything.contains("motcua-client"), "the search looks at the right things");
    for secret in SECRETS {
        assert!(!everything.contains(secret), "{secret} is shown");
    }
}

#[tokio::test]
async fn secrets_come_from_files_and_the_environment_of_who_applies() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("secrets")).unwrap();
    std::fs::write(folder.path().join("secrets/a"), "from-a-file-crlf-dropped\r\n").unwrap();
    let yaml = "credentials:\n\
        \x20 - { id: a, system: motcua, kind: client, secret: { file: secrets/a } }\n\
        \x20 - { id: b, system: motcua, kind: client, secret: { env: CARGO_MANIFEST_DIR } }\n\
        \x20 - { id: c, system: motcua, kind: client, secret: { file: secrets/none } }\n\
        \x20 - { id: d, system: motcua, kind: client, secret: { env: LGSP_TEST_NOT_SET } }\n";
    let path = folder.path().join("c.yaml");
    std::fs::write(&path, yaml).unwrap();
    let problems = manifest::read(std::slice::from_ref(&path)).unwrap_err();
    let shown: Vec<String> =
        problems.iter().map(|p| p.to_string().replace(&folder.path().display().to_string(), "F")).collect();
    assert_eq!(
        shown,
        [
            "F/c.yaml:4:52 credentials[2].secret: the file F/secrets/none cannot be read: No such file or directory (os error 2)",
            "F/c.yaml:5:52 credentials[3].secret: the environment variable \"LGSP_TEST_NOT_SET\" is not set",
        ]
    );
    std::fs::write(&path, yaml.lines().take(3).collect::<Vec<_>>().join("\n")).unwrap();
    let desk = Desk::province().await;
    desk.registry
        .apply(&manifest::read(&[path]).unwrap(), PlanOptions::default(), &operator())
        .await
        .unwrap();
    let snapshot = desk.registry.snapshot().load_full();
    assert_eq!(snapshot.credentials["a"].digest, desk.vault.digest(b"from-a-file-crlf-dropped"));
    assert_eq!(snapshot.credentials["b"].digest, desk.vault.digest(env!("CARGO_MANIFEST_DIR").as_bytes()));
}

#[tokio::test]
async fn an_item_sealed_under_another_master_key_is_kept_out_by_name_and_mended_by_applying_again() {
    // Given a store filled under one master key, when a node with another one opens it,
    let desk = Desk::province().await;
    let other = Registry::open(desk.store.clone(), vault(2), Clock::manual(crate::help::NOW)).await.unwrap();
    // then it runs with what it can use and names what it cannot,
    let out = other.kept_out();
    assert_eq!(out.len(), 1, "{out:?}");
    assert_eq!((out[0].kind, out[0].id.as_str()), (Kind::Service, "doanhnghiep"));
    assert!(
        out[0].why.starts_with("version 1.0: the provider's credential: the sealed secret does not open")
    );
    let snapshot = other.snapshot().load_full();
    assert!(!snapshot.services.contains_key("doanhnghiep") && snapshot.services.contains_key("canbo037"));
    // and applying the files again seals the secrets anew.
    other.apply(&province(), PlanOptions::default(), &operator()).await.unwrap();
    assert_eq!(other.kept_out(), []);
    assert!(other.snapshot().load().services.contains_key("doanhnghiep"));
}

#[tokio::test]
async fn a_row_that_cannot_be_read_is_kept_out_and_can_be_replaced() {
    let desk = Desk::province().await;
    let broken = lgsp_store::Commit {
        expected_generation: 1,
        at: crate::help::NOW,
        changes: vec![lgsp_store::ResourceChange {
            kind: "grant".into(),
            id: "motcua-dn".into(),
            before: None,
            after: Some("{\"id\":\"motcua-dn\"}".into()),
        }],
        actor: lgsp_kernel::Actor::Node,
        reason: None,
    };
    desk.store.commit(broken).await.unwrap();
    desk.registry.refresh().await.unwrap();
    assert_eq!(desk.registry.kept_out()[0].id, "motcua-dn");
    assert!(desk.registry.snapshot().load().grants_for("motcua", "doanhnghiep").is_empty());
    desk.registry.apply(&province(), PlanOptions::default(), &operator()).await.unwrap();
    assert_eq!(desk.registry.kept_out(), []);
    assert_eq!(desk.registry.snapshot().load().grants_for("motcua", "doanhnghiep").len(), 1);
}

#[tokio::test]
async fn an_issued_secret_is_returned_once_and_works_until_the_next_is_issued() {
    let desk = Desk::province().await;
    let system = "motcua".parse().unwrap();
    let first =
        desk.registry.issue_credential(&system, CredentialKind::ApiKey, None, &operator()).await.unwrap();
    assert_eq!(first.secret.expose().len(), 43);
    let holder = |secret: &lgsp_kernel::Secret| {
        let digest = desk.vault.digest(secret.expose());
        desk.registry.snapshot().load().api_keys.get(&digest).map(|c| c.spec.id.clone())
    };
    assert_eq!(holder(&first.secret), Some(first.id.clone()));
    let stamp = desk.registry.snapshot().load().credentials[&first.id].stamp;
    let next = desk
        .registry
        .issue_credential(&system, CredentialKind::ApiKey, Some(first.id.clone()), &operator())
        .await
        .unwrap();
    assert_eq!((holder(&first.secret), holder(&next.secret)), (None, Some(first.id.clone())));
    assert_ne!(desk.registry.snapshot().load().credentials[&first.id].stamp, stamp);
    let refused = desk
        .registry
        .issue_credential(&"canbo".parse().unwrap(), CredentialKind::ApiKey, Some(first.id), &operator())
        .await;
    assert!(matches!(refused, Err(EditError::Problems(_))), "another system's credential is not taken over");
}
