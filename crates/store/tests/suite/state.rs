//! Small state: keys, revoked tokens, quotas, administration tokens, security events, named texts.

use crate::site::{Site, operator};
use lgsp_kernel::Millis;
use lgsp_store::{AdminToken, AuditEntry, QuotaUse, RevokedToken, SecurityEvent, SigningKey};

on_both_backends!(
    a_named_text_is_kept_and_replaced,
    of_several_first_starts_all_keep_the_same_text,
    signing_keys_are_kept_newest_first_until_removed,
    of_two_processes_that_rotate_at_once_one_does,
    revoked_tokens_are_listed_until_they_expire,
    a_quota_total_never_sinks,
    several_processes_add_up_their_use_of_a_quota,
    an_administration_token_is_kept_by_digest_and_its_life_is_on_record,
    security_events_are_kept_newest_first_and_trimmed,
);

async fn a_named_text_is_kept_and_replaced(site: Site) {
    let store = site.store().await;
    assert_eq!(store.get_state("node-id").await.unwrap(), None);
    store.put_state("node-id", "một").await.unwrap();
    store.put_state("node-id", "hai").await.unwrap();
    assert_eq!(store.get_state("node-id").await.unwrap().as_deref(), Some("hai"));
}

async fn of_several_first_starts_all_keep_the_same_text(site: Site) {
    site.store().await;
    let starts: Vec<_> = (0..6)
        .map(|i| {
            let site = site.clone();
            tokio::spawn(
                async move { site.store().await.put_state_once("salt", &format!("{i}")).await.unwrap() },
            )
        })
        .collect();
    let mut kept = Vec::new();
    for start in starts {
        kept.push(start.await.unwrap());
    }
    kept.dedup();
    assert_eq!(kept.len(), 1);
}

fn key(kid: &str, created_at: i64) -> SigningKey {
    SigningKey {
        kid: kid.into(),
        alg: "EdDSA".into(),
        sealed: format!("sealed-{kid}"),
        created_at: Millis(created_at),
        retires_at: None,
    }
}

async fn signing_keys_are_kept_newest_first_until_removed(site: Site) {
    let store = site.store().await;
    store.signing_key_add(&key("old", 1)).await.unwrap();
    store.signing_key_add(&key("new", 2)).await.unwrap();
    assert!(store.signing_key_add(&key("new", 3)).await.unwrap_err().is_conflict());
    assert!(store.signing_key_retire("old", Millis(50)).await.unwrap());
    assert!(!store.signing_key_retire("none", Millis(50)).await.unwrap());

    let keys = store.signing_keys().await.unwrap();
    assert_eq!(keys, [key("new", 2), SigningKey { retires_at: Some(Millis(50)), ..key("old", 1) }]);
    assert!(store.signing_key_remove("old").await.unwrap());
    assert!(!store.signing_key_remove("old").await.unwrap());
}

async fn of_two_processes_that_rotate_at_once_one_does(site: Site) {
    let (ours, theirs) = (site.store().await, site.store().await);
    let (a, b) = (key("a", 1), key("b", 1));
    let (one, other) = tokio::join!(
        ours.signing_key_rotate(None, &a, Millis(9)),
        theirs.signing_key_rotate(None, &b, Millis(9))
    );
    assert!(one.unwrap() ^ other.unwrap());
    let first = ours.signing_keys().await.unwrap()[0].kid.clone();
    assert!(ours.signing_key_rotate(Some(&first), &key("c", 5), Millis(90)).await.unwrap());
    let keys = ours.signing_keys().await.unwrap();
    assert_eq!(keys.len(), 2);
    assert_eq!((keys[0].kid.as_str(), keys[1].retires_at), ("c", Some(Millis(90))));
}

async fn revoked_tokens_are_listed_until_they_expire(site: Site) {
    let store = site.store().await;
    let token = |jti: &str, expires| RevokedToken {
        jti: jti.into(),
        revoked_at: Millis(1),
        expires_at: Millis(expires),
    };
    for t in [token("short", 10), token("long", 20), token("long", 99)] {
        store.revoked_token_add(&t).await.unwrap();
    }
    assert_eq!(store.revoked_tokens_active(Millis(5)).await.unwrap().len(), 2);
    assert_eq!(store.revoked_tokens_active(Millis(10)).await.unwrap(), [token("long", 20)]);
    assert_eq!(store.revoked_tokens_trim(Millis(10)).await.unwrap(), 1);
    assert_eq!(store.revoked_tokens_active(Millis(0)).await.unwrap(), [token("long", 20)]);
}

fn used(grant: &str, day: i64, used: i64) -> QuotaUse {
    QuotaUse { grant: grant.into(), day, used }
}

async fn a_quota_total_never_sinks(site: Site) {
    let store = site.store().await;
    store.quota_save(vec![used("g1", 7, 10), used("g2", 7, 1), used("g1", 8, 1)]).await.unwrap();
    store.quota_save(vec![used("g1", 7, 5), used("g2", 7, 3), used("g2", 7, 2)]).await.unwrap();
    let mut seen = store.quota_load(7).await.unwrap();
    seen.sort();
    assert_eq!(seen, [used("g1", 7, 10), used("g2", 7, 3)]);
    assert_eq!(store.quota_trim(8).await.unwrap(), 2);
    assert_eq!(store.quota_load(8).await.unwrap(), [used("g1", 8, 1)]);
}

async fn several_processes_add_up_their_use_of_a_quota(site: Site) {
    site.store().await;
    let processes: Vec<_> = (0..4)
        .map(|p| {
            let site = site.clone();
            tokio::spawn(async move {
                let store = site.store().await;
                for _ in 0..5 {
                    let mut uses: Vec<_> = (0..50).map(|g| used(&format!("g{g}"), 1, 1)).collect();
                    if p % 2 == 0 {
                        uses.reverse();
                    }
                    store.quota_add(uses).await.unwrap();
                }
            })
        })
        .collect();
    for process in processes {
        process.await.unwrap();
    }
    let totals = site.store().await.quota_load(1).await.unwrap();
    assert_eq!(totals.len(), 50);
    assert!(totals.iter().all(|t| t.used == 20), "{totals:?}");
}

fn record(action: &str, id: &str) -> AuditEntry {
    AuditEntry {
        at: Millis(77),
        actor: operator(),
        reason: None,
        action: action.into(),
        kind: "admin_token".into(),
        id: id.into(),
        before: None,
        after: None,
    }
}

async fn an_administration_token_is_kept_by_digest_and_its_life_is_on_record(site: Site) {
    let store = site.store().await;
    let token = AdminToken {
        name: "lan".into(),
        role: "operator".into(),
        digest: "d1".into(),
        created_at: Millis(1),
        expires_at: Some(Millis(100)),
        revoked_at: None,
        last_used_at: None,
    };
    store.admin_token_add(&token, &record("create", "lan")).await.unwrap();
    let other = AdminToken { digest: "d2".into(), ..token.clone() };
    let again = store.admin_token_add(&other, &record("create", "lan")).await;
    assert!(again.unwrap_err().is_conflict());
    assert_eq!(store.admin_token_by_digest("d1").await.unwrap(), Some(token.clone()));
    assert_eq!(store.admin_token_by_digest("d2").await.unwrap(), None);
    store.admin_token_used("lan", Millis(50)).await.unwrap();

    assert!(store.admin_token_revoke("lan", &record("revoke", "lan")).await.unwrap());
    assert!(!store.admin_token_revoke("lan", &record("revoke", "lan")).await.unwrap());

    let kept = AdminToken { revoked_at: Some(Millis(77)), last_used_at: Some(Millis(50)), ..token };
    assert_eq!(store.admin_tokens().await.unwrap(), [kept]);
    let acts: Vec<_> =
        store.audit_of("admin_token", "lan", 9).await.unwrap().into_iter().map(|r| r.action).collect();
    assert_eq!(acts, ["revoke", "create"]);
    assert!(store.audit_verify(&[]).await.unwrap().is_clean());
}

async fn security_events_are_kept_newest_first_and_trimmed(site: Site) {
    let store = site.store().await;
    let event = |i: i64| SecurityEvent {
        at: Millis(i),
        kind: "credential_unknown".into(),
        source: "10.0.0.9".into(),
        count: i,
        detail: format!("thứ {i}"),
    };
    let events: Vec<_> = (0..500).map(event).collect();
    let (one, other) = tokio::join!(
        store.security_events_insert(&events[..250]),
        store.security_events_insert(&events[250..])
    );
    one.unwrap();
    other.unwrap();
    store.security_events_insert(&[]).await.unwrap();
    store.security_events_insert(&[SecurityEvent { detail: "a\0b".into(), ..event(1000) }]).await.unwrap();

    let latest = &store.security_events_recent(2).await.unwrap()[0];
    assert_eq!((latest.at, latest.detail.as_str()), (Millis(1000), "a\u{fffd}b"));
    assert_eq!(store.security_events_trim(10).await.unwrap(), 491);
    assert_eq!(store.security_events_recent(1_000).await.unwrap().len(), 10);
    assert_eq!(store.security_events_trim(10).await.unwrap(), 0);
}
