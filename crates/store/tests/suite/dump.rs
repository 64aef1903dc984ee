//! Dumps: one moment of the whole store, from either backend into either.

use crate::site::{PostgresDatabase, Site, change, commit_at, operator, postgres_server, runtime};
use lgsp_kernel::Millis;
use lgsp_store::{
    AdminToken, AuditEntry, QuotaUse, RevokedToken, SecurityEvent, SigningKey, Store, StoreError,
};

on_both_backends!(
    a_dump_loads_into_an_empty_store_and_dumps_equal,
    a_dump_is_of_one_moment_while_others_write,
    a_dump_goes_only_into_an_empty_store,
    a_broken_or_changed_dump_changes_nothing,
    a_dump_of_an_older_schema_loads,
);

/// A store with something in every table, texts that ask for escapes included.
async fn filled(site: &Site) -> Store {
    let store = site.store().await;
    let odd = "{\"a\":\"\u{1}\\n\t'\\u0000 ậ \u{10ffff}\"}";
    let first = vec![
        change("agency", "Z", None, Some(odd)),
        change("agency", "a", None, Some("{}")),
        change("agency", "_", None, Some("{}")),
    ];
    store.commit(commit_at(0, first)).await.unwrap();
    store.commit(commit_at(1, vec![change("agency", "a", Some("{}"), None)])).await.unwrap();
    store.put_state("k", "v").await.unwrap();
    for (kid, retires_at) in [("k1", Some(Millis(i64::MAX))), ("k2", None)] {
        let key = SigningKey {
            kid: kid.into(),
            alg: "EdDSA".into(),
            sealed: "s".into(),
            created_at: Millis(1),
            retires_at,
        };
        store.signing_key_add(&key).await.unwrap();
    }
    let token = RevokedToken { jti: "t".into(), revoked_at: Millis(1), expires_at: Millis(i64::MIN) };
    store.revoked_token_add(&token).await.unwrap();
    store.quota_save(vec![QuotaUse { grant: "g".into(), day: 1, used: 2 }]).await.unwrap();
    let token = AdminToken {
        name: "lan".into(),
        role: "admin".into(),
        digest: "d".into(),
        created_at: Millis(1),
        expires_at: None,
        revoked_at: None,
        last_used_at: None,
    };
    let record = AuditEntry {
        at: Millis(1),
        actor: operator(),
        reason: None,
        action: "create".into(),
        kind: "admin_token".into(),
        id: "lan".into(),
        before: None,
        after: None,
    };
    store.admin_token_add(&token, &record).await.unwrap();
    let event =
        SecurityEvent { at: Millis(1), kind: "k".into(), source: "s".into(), count: 3, detail: "d".into() };
    store.security_events_insert(&[event]).await.unwrap();
    store
}

async fn dumped(store: &Store) -> Vec<u8> {
    let mut bytes = Vec::new();
    store.dump(&mut bytes).await.unwrap();
    bytes
}

async fn a_dump_loads_into_an_empty_store_and_dumps_equal(site: Site) {
    let store = filled(&site).await;
    let dump = dumped(&store).await;
    assert_eq!(dump, dumped(&store).await, "a dump depends on the content alone");

    let other = Site::sqlite();
    let copy = other.store().await;
    let summary = copy.load_dump(&dump[..]).await.unwrap();

    assert_eq!((summary.generation, summary.rows as usize), (2, dump.split(|b| *b == b'\n').count() - 3));
    assert_eq!(dumped(&copy).await, dump);
    assert_eq!(copy.load().await.unwrap().generation, 2);
    assert!(copy.audit_verify(&[]).await.unwrap().is_clean());
    // It goes on from there.
    copy.commit(commit_at(2, vec![change("agency", "b", None, Some("{}"))])).await.unwrap();
    copy.security_events_insert(&store.security_events_recent(1).await.unwrap()).await.unwrap();
    assert!(copy.audit_verify(&[store.audit_head().await.unwrap().unwrap()]).await.unwrap().is_clean());
}

#[test]
fn a_store_moves_to_postgres_and_back_unchanged() {
    let Some(server) = postgres_server() else { return };
    runtime().block_on(async {
        let (from, back) = (Site::sqlite(), Site::sqlite());
        let database = PostgresDatabase::create(&server).await;
        let there = Store::open(&database.url).await.unwrap();
        there.migrate().await.unwrap();
        let dump = dumped(&filled(&from).await).await;

        there.load_dump(&dump[..]).await.unwrap();
        let dump_there = dumped(&there).await;
        let again = back.store().await;
        again.load_dump(&dump_there[..]).await.unwrap();
        let dump_back = dumped(&again).await;

        there.close().await;
        database.drop().await;
        assert_eq!(String::from_utf8(dump_there).unwrap(), String::from_utf8(dump.clone()).unwrap());
        assert_eq!(dump_back, dump);
    });
}

async fn a_dump_is_of_one_moment_while_others_write(site: Site) {
    let store = site.store().await;
    let writer = {
        let site = site.clone();
        tokio::spawn(async move {
            let store = site.store().await;
            for g in 0..60 {
                let ids: Vec<String> = (0..10).map(|i| format!("{g}-{i}")).collect();
                let changes = ids.iter().map(|id| change("grant", id, None, Some("{}"))).collect();
                store.commit(commit_at(g, changes)).await.unwrap();
            }
        })
    };
    let mut dumps = 0;
    while !writer.is_finished() || dumps == 0 {
        let dump = String::from_utf8(dumped(&store).await).unwrap();
        let count = |table: &str| dump.matches(&format!("{{\"table\":\"{table}\"")).count() as i64;
        let head: serde_json::Value = serde_json::from_str(dump.lines().next().unwrap()).unwrap();
        let generation = head["generation"].as_i64().unwrap();
        assert_eq!((count("resources"), count("audit")), (generation * 10, generation * 10));
        dumps += 1;
    }
    writer.await.unwrap();
}

async fn a_dump_goes_only_into_an_empty_store(site: Site) {
    let store = filled(&site).await;
    let dump = dumped(&store).await;
    assert!(store.load_dump(&dump[..]).await.unwrap_err().is_conflict());
    assert_eq!(dumped(&store).await, dump);
}

async fn a_broken_or_changed_dump_changes_nothing(site: Site) {
    let source = Site::sqlite();
    let dump = String::from_utf8(dumped(&filled(&source).await).await).unwrap();
    let target = site.store().await;
    let empty = dumped(&target).await;
    let lines: Vec<&str> = dump.split_inclusive('\n').collect();
    let without = |i: usize| [&lines[..i], &lines[i + 1..]].concat().concat();
    let bad = [
        ("nothing", String::new()),
        ("broken off in a line", dump[..dump.len() / 2].to_string()),
        ("broken off between lines", without(lines.len() - 1)),
        ("a row left out", without(4)),
        ("a row changed", dump.replacen("hồ sơ số 12", "hồ sơ số 13", 1)),
        ("another format", dump.replacen("-v1", "-v9", 1)),
        ("a later schema", dump.replacen("\"schema\":4", "\"schema\":5", 1)),
        ("an unknown table", dump.replacen("\"table\":\"quotas\"", "\"table\":\"sqlite_master\"", 1)),
        ("an unknown column", dump.replacen("\"jti\"", "\"jti) --\"", 1)),
        ("not JSON", dump.replacen("{\"table\"", "{{\"table\"", 1)),
    ];
    for (what, text) in bad {
        assert_ne!(text, dump, "{what}");
        let refused = target.load_dump(text.as_bytes()).await;
        assert!(matches!(refused, Err(StoreError::Invalid(_))), "{what}: {refused:?}");
        assert_eq!(dumped(&target).await, empty, "{what}");
    }
    target.load_dump(dump.as_bytes()).await.unwrap();
}

async fn a_dump_of_an_older_schema_loads(site: Site) {
    let old_site = Site::sqlite();
    let old = old_site.store_as(1).await;
    old.migrate().await.unwrap();
    old.commit(commit_at(0, vec![change("agency", "a", None, Some("{}"))])).await.unwrap();
    let dump = dumped(&old).await;

    let store = site.store().await;
    let summary = store.load_dump(&dump[..]).await.unwrap();

    assert_eq!((summary.schema, summary.generation), (1, 1));
    assert!(store.audit_verify(&[]).await.unwrap().is_clean());
    let event =
        SecurityEvent { at: Millis(1), kind: "k".into(), source: "s".into(), count: 1, detail: "d".into() };
    store.security_events_insert(&[event]).await.unwrap();
}
