//! Size: the registry of a large province in one commit.

use crate::site::{Site, change, commit_at};
use std::time::{Duration, Instant};

on_both_backends!(ten_thousand_services_and_a_hundred_thousand_grants_commit_at_once);

async fn ten_thousand_services_and_a_hundred_thousand_grants_commit_at_once(site: Site) {
    const ROWS: usize = 110_000;
    let store = site.store().await;
    let spec = r#"{"consumer":"mot-cua","service":"dang-ky-kinh-doanh","operations":["GET /doanh-nghiep/{ma}"],"purpose":"giải quyết thủ tục hành chính","basis":"Nghị định 47/2020/NĐ-CP","rate":{"per_second":50,"burst":100}}"#;
    let ids: Vec<String> = (0..ROWS).map(|i| format!("grant-{i:06}")).collect();
    let changes: Vec<_> = ids.iter().map(|id| change("grant", id, None, Some(spec))).collect();

    let begun = Instant::now();
    store.commit(commit_at(0, changes)).await.unwrap();
    let took = begun.elapsed();
    let begun = Instant::now();
    let loaded = store.load().await.unwrap();
    let load_took = begun.elapsed();
    let begun = Instant::now();
    let report = store.audit_verify(&[]).await.unwrap();
    println!("{ROWS} rows: commit {took:?}, load {load_took:?}, verify {:?}", begun.elapsed());

    assert_eq!(loaded.rows.len(), ROWS);
    assert!(report.is_clean() && report.rows as usize == ROWS);
    assert!(took < Duration::from_secs(30), "the commit took {took:?}");

    let begun = Instant::now();
    let one = vec![change("grant", "grant-000007", Some(spec), None)];
    store.commit(commit_at(1, one)).await.unwrap();
    assert_eq!(store.changes_since(1).await.unwrap().len(), 1);
    let took = begun.elapsed();
    assert!(took < Duration::from_millis(500), "a small change among many took {took:?}");
}
