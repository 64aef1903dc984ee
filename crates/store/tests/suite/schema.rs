//! The schema's versions: forward while older programs serve, and one version back.

use crate::site::{Site, change, commit_at};
use lgsp_kernel::Millis;
use lgsp_store::{NEWEST, QuotaUse, RevokedToken, SigningKey, StoreError};

on_both_backends!(
    migrating_twice_is_migrating_once,
    several_processes_may_migrate_at_once,
    a_program_of_the_first_version_goes_on_serving_on_the_newest_schema,
    a_schema_that_needs_a_newer_program_is_refused,
    rolling_back_keeps_what_the_older_version_knows,
    all_the_way_back_and_forward_again,
    only_the_program_that_knows_a_version_can_undo_it,
);

async fn migrating_twice_is_migrating_once(site: Site) {
    let store = site.store_as(NEWEST).await;
    let before = store.schema().await.unwrap();
    assert_eq!((before.version, before.is_behind(), before.compatible), (0, true, true));

    let first = store.migrate().await.unwrap();
    let second = store.migrate().await.unwrap();

    assert_eq!(first, second);
    assert_eq!((first.version, first.is_behind()), (NEWEST, false));
    assert_eq!(store.schema_history().await.unwrap().len() as i64, NEWEST);
}

async fn several_processes_may_migrate_at_once(site: Site) {
    let starts: Vec<_> = (0..8)
        .map(|_| {
            let site = site.clone();
            tokio::spawn(async move { site.store_as(NEWEST).await.migrate().await })
        })
        .collect();
    for start in starts {
        assert_eq!(start.await.unwrap().unwrap().version, NEWEST);
    }
    assert_eq!(site.store().await.schema_history().await.unwrap().len() as i64, NEWEST);
}

async fn a_program_of_the_first_version_goes_on_serving_on_the_newest_schema(site: Site) {
    let old = site.store_as(1).await;
    assert_eq!(old.migrate().await.unwrap().version, 1);
    old.commit(commit_at(0, vec![change("agency", "a", None, Some("1"))])).await.unwrap();

    let new = site.store().await;
    assert_eq!(new.schema().await.unwrap().version, NEWEST);

    let state = old.migrate().await.unwrap();
    assert_eq!((state.version, state.newest_known, state.compatible), (NEWEST, 1, true));
    // All that the first version did, with its connections of before and with new ones.
    for (i, program) in [old, site.store_as(1).await].into_iter().enumerate() {
        let g = program.generation().await.unwrap();
        program
            .commit(commit_at(g, vec![change("agency", &format!("b{i}"), None, Some("1"))]))
            .await
            .unwrap();
        assert!(program.audit_verify(&[]).await.unwrap().is_clean());
        assert_eq!(program.changes_since(g).await.unwrap().len(), 1);
        program.put_state("k", "v").await.unwrap();
        program.quota_save(vec![QuotaUse { grant: "g".into(), day: 1, used: 2 }]).await.unwrap();
        let key = SigningKey {
            kid: format!("k{i}"),
            alg: "EdDSA".into(),
            sealed: "s".into(),
            created_at: Millis(1),
            retires_at: None,
        };
        program.signing_key_add(&key).await.unwrap();
        let token = RevokedToken { jti: format!("t{i}"), revoked_at: Millis(1), expires_at: Millis(9) };
        program.revoked_token_add(&token).await.unwrap();
    }
    // As the first version wrote and read administration tokens: without the column that came later.
    site.meddle("INSERT INTO admin_tokens (name, role, digest, created_at, expires_at, revoked_at) VALUES ('lan', 'admin', 'd', 1, NULL, NULL)").await;
    let token = &new.admin_tokens().await.unwrap()[0];
    assert_eq!((token.name.as_str(), token.last_used_at), ("lan", None));
}

async fn a_schema_that_needs_a_newer_program_is_refused(site: Site) {
    let store = site.store().await;
    // A later version that contracts: programs that know less than it must not serve.
    site.meddle(&format!(
        "INSERT INTO schema_versions (version, name, applied_at, needs_program) VALUES ({}, 'later', 1, {})",
        NEWEST + 1,
        NEWEST + 1
    ))
    .await;

    let state = store.schema().await.unwrap();
    assert!(!state.compatible);
    let refused = store.migrate().await;
    assert!(
        matches!(&refused, Err(StoreError::Schema(why)) if why.contains("needs a program")),
        "{refused:?}"
    );
    assert!(matches!(store.rollback_one().await, Err(StoreError::Schema(_))));
}

async fn rolling_back_keeps_what_the_older_version_knows(site: Site) {
    let store = site.store().await;
    store.commit(commit_at(0, vec![change("agency", "a", None, Some("1"))])).await.unwrap();
    site.meddle("INSERT INTO admin_tokens (name, role, digest, created_at, last_used_at) VALUES ('lan', 'admin', 'd', 1, 5)").await;
    let trail = store.audit_rows(1, 10).await.unwrap();

    // To the one before the tokens' columns.
    let mut state = store.rollback_one().await.unwrap();
    assert_eq!((state.version, state.is_behind()), (NEWEST - 1, true));
    while state.version > 2 {
        state = store.rollback_one().await.unwrap();
    }
    assert_eq!(store.load().await.unwrap().rows.len(), 1);
    assert_eq!(store.audit_rows(1, 10).await.unwrap(), trail);
    assert!(store.audit_verify(&[]).await.unwrap().is_clean());
    site.meddle("UPDATE admin_tokens SET role = 'auditor' WHERE name = 'lan'").await;
    let again = site.store().await;
    let token = &again.admin_tokens().await.unwrap()[0];
    assert_eq!((token.role.as_str(), token.last_used_at), ("auditor", None));
}

async fn all_the_way_back_and_forward_again(site: Site) {
    let store = site.store().await;
    store.commit(commit_at(0, vec![change("agency", "a", None, Some("1"))])).await.unwrap();
    for version in (1..NEWEST).rev() {
        assert_eq!(store.rollback_one().await.unwrap().version, version);
    }
    assert!(matches!(store.rollback_one().await, Err(StoreError::Schema(_))));
    assert_eq!(store.migrate().await.unwrap().version, NEWEST);
    assert_eq!(store.load().await.unwrap().rows.len(), 1);
    assert!(store.security_events_recent(1).await.unwrap().is_empty());
}

async fn only_the_program_that_knows_a_version_can_undo_it(site: Site) {
    site.store().await;
    let old = site.store_as(1).await;
    assert!(matches!(old.rollback_one().await, Err(StoreError::Schema(_))));
    assert_eq!(old.schema().await.unwrap().version, NEWEST);
}
