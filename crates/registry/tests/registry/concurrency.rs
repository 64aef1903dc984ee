//! Several operators, and several nodes, at once: nobody's change is lost.

use crate::help::{Desk, operator};
use lgsp_registry::{EditError, Kind, PlanOptions, manifest};
use serde_json::json;

fn grant(note: &str) -> serde_json::Value {
    json!({"consumer": "motcua", "service": "doanhnghiep", "operations": ["*"], "purpose": note, "legal_basis": "y"})
}

#[tokio::test]
async fn of_two_plans_made_at_once_one_wins_and_the_other_is_told() {
    let desk = Desk::province().await;
    let other = desk.second().await;
    let text = |name: &str| format!("systems:\n  - {{ id: {name}, agency: H98, name: Mới }}\n");
    let a = desk
        .registry
        .plan(&manifest::read_text("a", text("a")).unwrap(), PlanOptions::default())
        .await
        .unwrap();
    let b = other.plan(&manifest::read_text("b", text("b")).unwrap(), PlanOptions::default()).await.unwrap();
    assert_eq!(desk.registry.commit(a, &operator()).await.unwrap(), 2);
    let lost = other.commit(b, &operator()).await.unwrap_err();
    assert!(matches!(lost, EditError::Conflict { current: 2 }), "{lost:?}");
    assert_eq!(lost.to_string(), "the registry was changed meanwhile: it stands at generation 2");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn edits_at_the_same_time_are_all_kept() {
    let desk = Desk::province().await;
    let nodes = [desk.registry.clone(), desk.second().await];
    let mut tasks = tokio::task::JoinSet::new();
    for i in 0..8 {
        let node = nodes[i % 2].clone();
        tasks.spawn(async move {
            // An operator whose edit met too many others is told so and tries again.
            loop {
                match node.put(Kind::Grant, &format!("g{i}"), grant("x"), &operator()).await {
                    Ok(_) => return,
                    Err(EditError::Conflict { .. }) => {}
                    Err(other) => panic!("{other}"),
                }
            }
        });
    }
    tasks.join_all().await;
    for node in nodes {
        node.refresh().await.unwrap();
        assert_eq!(node.snapshot().load().grants_for("motcua", "doanhnghiep").len(), 9);
        assert_eq!(node.generation(), 9);
    }
}

#[tokio::test]
async fn an_edit_that_others_made_wrong_meanwhile_is_refused_not_forced() {
    // Given a node that has not heard yet that the service is gone,
    let desk = Desk::province().await;
    let late = desk.second().await;
    desk.registry.delete(Kind::Grant, "motcua-dn", &operator()).await.unwrap();
    desk.registry.delete(Kind::Service, "doanhnghiep", &operator()).await.unwrap();
    assert!(late.snapshot().load().services.contains_key("doanhnghiep"));
    // when a grant for it is declared there, then it is asked against the present state.
    let refused = late.put(Kind::Grant, "g", grant("x"), &operator()).await.unwrap_err().to_string();
    assert_eq!(refused, "grants[0].service: there is no service \"doanhnghiep\"");
}

#[tokio::test]
async fn a_store_that_was_put_back_is_loaded_anew() {
    // Given a node that follows a store, when an older state of that store is restored behind it,
    let desk = Desk::province().await;
    desk.registry.put(Kind::Grant, "g", grant("x"), &operator()).await.unwrap();
    let older = Desk::province().await;
    desk.registry.exchange_store(older.store.clone());
    // then the node knows nothing of later any more, and goes on from there.
    assert_eq!(desk.registry.refresh().await.unwrap(), 1);
    assert!(desk.registry.get(Kind::Grant, "g").is_none());
    assert_eq!(desk.registry.snapshot().load().grants_for("motcua", "doanhnghiep").len(), 1);
    desk.registry.put(Kind::Grant, "h", grant("x"), &operator()).await.unwrap();
    assert_eq!(desk.registry.snapshot().load().grants_for("motcua", "doanhnghiep").len(), 2);
}
