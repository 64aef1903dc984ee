//! A change costs what it touches, not what there is.

#[path = "../../examples/scale/data.rs"]
mod data;

use crate::help::{Desk, operator};
use lgsp_registry::{Kind, PlanOptions, manifest};
use std::time::{Duration, Instant};

#[tokio::test]
async fn a_thousand_services_are_applied_and_one_change_shares_the_rest() {
    let desk = Desk::empty().await;
    let desired = manifest::read_text("all.yaml", data::manifest(300, 1_000)).unwrap();
    let done = desk.registry.apply(&desired, PlanOptions::default(), &operator()).await.unwrap();
    assert_eq!(done.plan.totals(), (1 + 30 + 300 + 1_000, 0, 0));
    let before = desk.registry.snapshot().load_full();
    let mut grant = desk.registry.get(Kind::Grant, "grant-1").unwrap().spec;
    grant["daily_quota"] = 5.into();
    desk.registry.put(Kind::Grant, "grant-1", grant, &operator()).await.unwrap();
    let after = desk.registry.snapshot().load_full();
    assert!(after.services.ptr_eq(&before.services) && after.systems.ptr_eq(&before.systems));
    let shared = before
        .grants
        .iter()
        .filter(|(consumer, services)| after.grants.get(*consumer).is_some_and(|s| s.ptr_eq(services)))
        .count();
    assert_eq!(shared, before.grants.len() - 1, "only the consumer's own map is new");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes long in a debug build: run with --release, or the example `scale` for the figures"]
async fn ten_thousand_services_and_a_hundred_thousand_grants_take_under_a_minute() {
    let desk = Desk::empty().await;
    let text = data::manifest(10_000, 100_000);
    let start = Instant::now();
    let desired = manifest::read_text("all.yaml", text).unwrap();
    desk.registry
        .apply(&desired, PlanOptions { prune: true, ..PlanOptions::default() }, &operator())
        .await
        .unwrap();
    assert!(start.elapsed() < Duration::from_secs(60), "{:?}", start.elapsed());
    let start = Instant::now();
    desk.registry.delete(Kind::Grant, "grant-7", &operator()).await.unwrap();
    assert!(start.elapsed() < Duration::from_secs(1), "{:?}", start.elapsed());
}
