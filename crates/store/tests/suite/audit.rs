//! The audit trail: what it says, and that whoever meddles with it behind the program's back is found.

use crate::site::{Site, change, commit_at, operator};
use lgsp_kernel::Millis;
use lgsp_store::AuditProblem::{AnchorDiffers, AnchorMissing, BehindHead, Chain, Content, Head, Missing};
use lgsp_store::{AuditEntry, AuditHead, AuditProblem, Store};

on_both_backends!(
    a_commit_says_who_changed_what_when_and_why,
    acts_beside_the_registry_join_the_same_trail,
    the_hash_of_a_row_is_the_documented_one,
    an_item_changed_behind_the_trail_is_named,
    a_changed_row_is_named,
    a_changed_row_with_a_new_hash_is_named_by_the_next,
    a_removed_row_is_named,
    a_row_put_in_is_named,
    reordered_rows_are_named,
    a_cut_trail_is_found_by_its_recorded_end,
    a_cut_trail_with_a_changed_end_is_found_by_an_anchor,
    a_trail_written_anew_is_found_by_an_anchor_and_not_without,
    rows_put_behind_the_end_are_found,
    a_long_ruin_lists_a_bounded_number_of_findings,
);

/// A trail of `n` rows; its heads after each row, as anchors would keep them.
async fn trail(site: &Site, n: i64) -> (Store, Vec<AuditHead>) {
    let store = site.store().await;
    let mut heads = Vec::new();
    for g in 0..n {
        let id = format!("service-{g}");
        store.commit(commit_at(g, vec![change("service", &id, None, Some("{}"))])).await.unwrap();
        heads.push(store.audit_head().await.unwrap().unwrap());
    }
    assert!(store.audit_verify(&heads).await.unwrap().is_clean());
    (store, heads)
}

async fn findings(store: &Store, anchors: &[AuditHead]) -> Vec<(i64, AuditProblem)> {
    let report = store.audit_verify(anchors).await.unwrap();
    assert_eq!(report.is_clean(), report.findings.is_empty());
    report.findings.into_iter().map(|f| (f.seq, f.problem)).collect()
}

async fn a_commit_says_who_changed_what_when_and_why(site: Site) {
    let store = site.store().await;
    let changes = vec![change("agency", "a", None, Some("1")), change("agency", "b", None, Some("2"))];
    store.commit(commit_at(0, changes)).await.unwrap();
    store.commit(commit_at(1, vec![change("agency", "b", Some("2"), None)])).await.unwrap();

    let rows = store.audit_rows(2, 10).await.unwrap();

    assert_eq!(rows.len(), 2);
    let gone = &rows[1];
    assert_eq!((gone.seq, gone.generation, gone.action.as_str()), (3, 2, "delete"));
    assert_eq!((gone.kind.as_str(), gone.id.as_str()), ("agency", "b"));
    assert_eq!((gone.before.as_deref(), gone.after.as_deref()), (Some("2"), None));
    assert_eq!((gone.actor.as_str(), gone.reason.as_deref()), ("shell:lan", Some("hồ sơ số 12")));
    assert_eq!(gone.at, Millis(1_770_000_000_001));
    assert_eq!(gone.previous, rows[0].hash);
    let of_b: Vec<_> = store.audit_of("agency", "b", 10).await.unwrap().into_iter().map(|r| r.seq).collect();
    assert_eq!(of_b, [3, 2]);
}

async fn acts_beside_the_registry_join_the_same_trail(site: Site) {
    let (store, _) = trail(&site, 2).await;
    let entry = AuditEntry {
        at: Millis(5),
        actor: operator(),
        reason: None,
        action: "rotate".into(),
        kind: "signing_key".into(),
        id: "k2".into(),
        before: None,
        after: None,
    };
    let head = store.audit_append(&entry).await.unwrap();
    assert_eq!(head.seq, 3);
    assert_eq!(store.audit_head().await.unwrap(), Some(head));
    assert_eq!(store.audit_rows(3, 1).await.unwrap()[0].generation, 2);
    assert!(findings(&store, &[]).await.is_empty());
}

async fn the_hash_of_a_row_is_the_documented_one(site: Site) {
    let (store, _) = trail(&site, 1).await;
    let row = &store.audit_rows(1, 1).await.unwrap()[0];
    let mut form = b"lgsp-audit-v1".to_vec();
    let int = |form: &mut Vec<u8>, v: i64| form.extend([&[2][..], &v.to_be_bytes()].concat());
    let text = |form: &mut Vec<u8>, v: &str| {
        form.extend([&[1][..], &(v.len() as u64).to_be_bytes(), v.as_bytes()].concat());
    };
    int(&mut form, 1);
    int(&mut form, 1_770_000_000_000);
    text(&mut form, "shell:lan");
    text(&mut form, "hồ sơ số 12");
    int(&mut form, 1);
    for v in ["create", "service", "service-0"] {
        text(&mut form, v);
    }
    form.push(0);
    text(&mut form, "{}");
    text(&mut form, &"0".repeat(64));
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &form);
    assert_eq!(row.hash, hex::encode(digest));
}

async fn an_item_changed_behind_the_trail_is_named(site: Site) {
    let (store, heads) = trail(&site, 3).await;
    let named = |seq, id: &str| (seq, AuditProblem::Registry { kind: "service".into(), id: id.into() });
    let ids: Vec<String> = store.load().await.unwrap().rows.into_iter().map(|r| r.id).collect();
    let (changed, removed) = (&ids[0], &ids[1]);
    let seq_of = |id: String| {
        let store = store.clone();
        async move { store.audit_of("service", &id, 1).await.unwrap()[0].seq }
    };
    let (first, second) = (seq_of(changed.clone()).await, seq_of(removed.clone()).await);

    site.meddle(&format!("UPDATE resources SET spec = '[]' WHERE id = '{changed}'")).await;
    assert_eq!(findings(&store, &heads).await, [named(first, changed)]);
    site.meddle(&format!("UPDATE resources SET spec = '{{}}' WHERE id = '{changed}'")).await;
    assert_eq!(findings(&store, &heads).await, []);

    site.meddle(&format!("DELETE FROM resources WHERE id = '{removed}'")).await;
    assert_eq!(findings(&store, &heads).await, [named(second, removed)]);
    site.meddle("INSERT INTO resources (kind, id, spec, generation) VALUES ('service', 'own', '{}', 9)")
        .await;
    assert_eq!(findings(&store, &heads).await, [named(0, "own"), named(second, removed)]);
}

async fn a_changed_row_is_named(site: Site) {
    let (store, heads) = trail(&site, 6).await;
    for set in ["actor = 'shell:minh'", "at = at + 1", "reason = NULL", "after = '{ }'", "kind = 'grant'"] {
        site.meddle("CREATE TABLE kept AS SELECT * FROM audit WHERE seq = 3").await;
        site.meddle(&format!("UPDATE audit SET {set} WHERE seq = 3")).await;
        assert_eq!(findings(&store, &heads).await, [(3, Content)], "{set}");
        site.meddle("DELETE FROM audit WHERE seq = 3; INSERT INTO audit SELECT * FROM kept; DROP TABLE kept")
            .await;
    }
    assert!(findings(&store, &heads).await.is_empty());
}

async fn a_changed_row_with_a_new_hash_is_named_by_the_next(site: Site) {
    let (store, heads) = trail(&site, 6).await;
    let mut row = store.audit_rows(3, 1).await.unwrap().remove(0);
    row.actor = "shell:minh".into();
    let forged = forge(&row);
    site.meddle(&format!("UPDATE audit SET actor = 'shell:minh', hash = '{forged}' WHERE seq = 3")).await;

    assert_eq!(findings(&store, &[]).await, [(4, Chain)]);
    assert_eq!(findings(&store, &heads).await, [(3, AnchorDiffers { after: 2 }), (4, Chain)]);
}

async fn a_removed_row_is_named(site: Site) {
    let (store, _) = trail(&site, 6).await;
    site.meddle("DELETE FROM audit WHERE seq IN (3, 4)").await;
    assert_eq!(findings(&store, &[]).await, [(3, Missing { to: 4 })]);
    site.meddle("DELETE FROM audit WHERE seq = 1").await;
    assert_eq!(findings(&store, &[]).await, [(1, Missing { to: 1 }), (3, Missing { to: 4 })]);
}

async fn a_row_put_in_is_named(site: Site) {
    let (store, _) = trail(&site, 4).await;
    // Room is made behind row 2; the rows after it keep their content and hashes.
    site.meddle(
        "UPDATE audit SET seq = seq + 100 WHERE seq > 2; UPDATE audit SET seq = seq - 99 WHERE seq > 100",
    )
    .await;
    site.meddle("INSERT INTO audit SELECT 3, at, 'shell:minh', reason, generation, action, kind, id, before, after, previous, hash FROM audit WHERE seq = 2").await;
    site.meddle("UPDATE audit_head SET seq = 5").await;
    let found = findings(&store, &[]).await;
    assert_eq!(found[0], (3, Content), "{found:?}");
}

async fn reordered_rows_are_named(site: Site) {
    let (store, _) = trail(&site, 6).await;
    site.meddle("UPDATE audit SET seq = 99 WHERE seq = 2; UPDATE audit SET seq = 2 WHERE seq = 5; UPDATE audit SET seq = 5 WHERE seq = 99").await;
    let found = findings(&store, &[]).await;
    for seq in [2, 5] {
        assert!(found.contains(&(seq, Content)) && found.contains(&(seq, Chain)), "{found:?}");
    }
}

async fn a_cut_trail_is_found_by_its_recorded_end(site: Site) {
    let (store, _) = trail(&site, 6).await;
    site.meddle("DELETE FROM audit WHERE seq > 4").await;
    assert_eq!(findings(&store, &[]).await, [(5, Missing { to: 6 })]);
    site.meddle("UPDATE audit_head SET seq = 4").await;
    assert_eq!(findings(&store, &[]).await, [(4, Head)]);
}

async fn a_cut_trail_with_a_changed_end_is_found_by_an_anchor(site: Site) {
    let (store, heads) = trail(&site, 6).await;
    site.meddle("DELETE FROM audit WHERE seq > 4; UPDATE audit_head SET seq = 4, hash = (SELECT hash FROM audit WHERE seq = 4)").await;
    let without = findings(&store, &heads[..4]).await;
    assert_eq!(without.len(), 2, "only the registry betrays it: {without:?}");
    assert!(without.iter().all(|(seq, p)| *seq == 0 && matches!(p, AuditProblem::Registry { .. })));
    assert_eq!(findings(&store, &heads[..5]).await, [(5, AnchorMissing)]);
}

async fn a_trail_written_anew_is_found_by_an_anchor_and_not_without(site: Site) {
    let (store, heads) = trail(&site, 6).await;
    let mut previous = store.audit_rows(3, 1).await.unwrap()[0].hash.clone();
    for mut row in store.audit_rows(4, 10).await.unwrap() {
        row.actor = "shell:minh".into();
        row.previous = previous;
        previous = forge(&row);
        site.meddle(&format!(
            "UPDATE audit SET actor = 'shell:minh', previous = '{}', hash = '{previous}' WHERE seq = {}",
            row.previous, row.seq
        ))
        .await;
    }
    site.meddle(&format!("UPDATE audit_head SET hash = '{previous}'")).await;

    assert!(findings(&store, &[]).await.is_empty(), "a trail alone cannot betray this");
    let anchors = [heads[1].clone(), heads[5].clone()];
    assert_eq!(findings(&store, &anchors).await, [(6, AnchorDiffers { after: 2 })]);
}

async fn rows_put_behind_the_end_are_found(site: Site) {
    let (store, _) = trail(&site, 2).await;
    let mut row = store.audit_rows(2, 1).await.unwrap().remove(0);
    row.seq = 3;
    row.previous = row.hash.clone();
    let hash = forge(&row);
    site.meddle(&format!(
        "INSERT INTO audit SELECT 3, at, actor, reason, generation, action, kind, id, before, after, hash, '{hash}' FROM audit WHERE seq = 2"
    ))
    .await;
    assert_eq!(findings(&store, &[]).await, [(3, BehindHead)]);
}

async fn a_long_ruin_lists_a_bounded_number_of_findings(site: Site) {
    let store = site.store().await;
    let ids: Vec<String> = (0..300).map(|i| format!("g{i}")).collect();
    let changes = ids.iter().map(|id| change("grant", id, None, Some("{}"))).collect();
    store.commit(commit_at(0, changes)).await.unwrap();
    site.meddle("UPDATE audit SET actor = 'node'").await;
    let report = store.audit_verify(&[]).await.unwrap();
    assert_eq!((report.rows, report.findings.len(), report.more), (300, 100, true));
}

/// The hash that an attacker who knows the format would give a row.
fn forge(row: &lgsp_store::AuditRow) -> String {
    row.computed_hash()
}
