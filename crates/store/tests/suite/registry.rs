//! The declared registry: commits, generations, the change feed.

use crate::site::{Site, change, commit_at};
use lgsp_store::{CommitError, StoreError};
use proptest::prelude::any;
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;

on_both_backends!(
    an_empty_store_stands_at_generation_zero,
    a_commit_is_seen_whole_and_by_other_processes,
    changes_since_tells_the_last_state_and_what_is_gone,
    a_commit_decided_on_an_older_generation_is_refused_and_changes_nothing,
    of_two_commits_at_once_exactly_one_wins,
    many_writers_that_retry_all_get_through_without_a_gap,
    a_deleted_resource_can_be_made_again,
    nonsense_is_refused_the_same_way_everywhere,
    a_commit_without_changes_keeps_the_generation,
    any_text_comes_back_as_it_went_in,
);

async fn an_empty_store_stands_at_generation_zero(site: Site) {
    let store = site.store().await;
    assert_eq!(store.generation().await.unwrap(), 0);
    assert!(store.load().await.unwrap().rows.is_empty());
    assert!(store.changes_since(0).await.unwrap().is_empty());
}

async fn a_commit_is_seen_whole_and_by_other_processes(site: Site) {
    let (ours, theirs) = (site.store().await, site.store().await);
    let specs = r#"{"name":"Sở Tư pháp","note":"it's \"quoted\" $1 ?1 🏛"}"#;
    let changes = vec![
        change("agency", "so-tu-phap", None, Some(specs)),
        change("system", "ho-tich", None, Some("{}")),
    ];

    let generation = ours.commit(commit_at(0, changes)).await.unwrap();

    assert_eq!(generation, 1);
    let seen = theirs.load().await.unwrap();
    assert_eq!(seen.generation, 1);
    assert_eq!(seen.rows.len(), 2);
    let agency = seen.rows.iter().find(|r| r.kind == "agency").unwrap();
    assert_eq!((agency.id.as_str(), agency.spec.as_str(), agency.generation), ("so-tu-phap", specs, 1));
}

async fn changes_since_tells_the_last_state_and_what_is_gone(site: Site) {
    let store = site.store().await;
    let first = vec![change("service", "a", None, Some("1")), change("service", "b", None, Some("1"))];
    store.commit(commit_at(0, first)).await.unwrap();
    store.commit(commit_at(1, vec![change("service", "a", Some("1"), Some("2"))])).await.unwrap();
    store.commit(commit_at(2, vec![change("service", "a", Some("2"), Some("3"))])).await.unwrap();
    store.commit(commit_at(3, vec![change("service", "b", Some("1"), None)])).await.unwrap();

    let seen: Vec<_> =
        store.changes_since(1).await.unwrap().into_iter().map(|c| (c.generation, c.id, c.spec)).collect();

    assert_eq!(seen, [(3, "a".into(), Some("3".into())), (4, "b".into(), None)]);
    assert!(store.changes_since(4).await.unwrap().is_empty());
    assert_eq!(store.load().await.unwrap().rows.len(), 1);
}

async fn a_commit_decided_on_an_older_generation_is_refused_and_changes_nothing(site: Site) {
    let store = site.store().await;
    store.commit(commit_at(0, vec![change("grant", "g", None, Some("1"))])).await.unwrap();

    let late = store.commit(commit_at(0, vec![change("grant", "g", None, Some("2"))])).await;

    assert_eq!(late, Err(CommitError::Conflict { current: 1 }));
    assert_eq!(store.load().await.unwrap().rows[0].spec, "1");
    assert_eq!(store.audit_head().await.unwrap().unwrap().seq, 1);
}

async fn of_two_commits_at_once_exactly_one_wins(site: Site) {
    let (ours, theirs) = (site.store().await, site.store().await);
    for round in 0..10 {
        let id = format!("s{round}");
        let one = ours.commit(commit_at(round, vec![change("service", &id, None, Some("ours"))]));
        let other = theirs.commit(commit_at(round, vec![change("service", &id, None, Some("theirs"))]));
        let (one, other) = tokio::join!(one, other);

        let conflict = Err(CommitError::Conflict { current: round + 1 });
        assert!(
            (one == Ok(round + 1) && other == conflict) || (other == Ok(round + 1) && one == conflict),
            "{one:?} {other:?}"
        );
    }
    let report = ours.audit_verify(&[]).await.unwrap();
    assert!(report.is_clean() && report.rows == 10, "{report:?}");
}

async fn many_writers_that_retry_all_get_through_without_a_gap(site: Site) {
    const WRITERS: i64 = 6;
    const EACH: i64 = 5;
    site.store().await;
    let writers: Vec<_> = (0..WRITERS)
        .map(|w| {
            let site = site.clone();
            tokio::spawn(async move {
                let store = site.store().await;
                for i in 0..EACH {
                    let mut expected = store.generation().await.unwrap();
                    let id = format!("w{w}-{i}");
                    loop {
                        match store
                            .commit(commit_at(expected, vec![change("grant", &id, None, Some("x"))]))
                            .await
                        {
                            Ok(_) => break,
                            Err(CommitError::Conflict { current }) => expected = current,
                            Err(e) => panic!("{e}"),
                        }
                    }
                }
            })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
    let store = site.store().await;
    assert_eq!(store.generation().await.unwrap(), WRITERS * EACH);
    assert_eq!(store.load().await.unwrap().rows.len() as i64, WRITERS * EACH);
    let report = store.audit_verify(&[]).await.unwrap();
    assert!(report.is_clean() && report.rows == WRITERS * EACH, "{report:?}");
}

async fn a_deleted_resource_can_be_made_again(site: Site) {
    let store = site.store().await;
    store.commit(commit_at(0, vec![change("agency", "a", None, Some("1"))])).await.unwrap();
    store.commit(commit_at(1, vec![change("agency", "a", Some("1"), None)])).await.unwrap();
    assert!(store.load().await.unwrap().rows.is_empty());
    store.commit(commit_at(2, vec![change("agency", "a", None, Some("2"))])).await.unwrap();

    assert_eq!(store.load().await.unwrap().rows[0].spec, "2");
    let acts: Vec<_> = store.audit_rows(1, 10).await.unwrap().into_iter().map(|r| r.action).collect();
    assert_eq!(acts, ["create", "delete", "create"]);
}

async fn nonsense_is_refused_the_same_way_everywhere(site: Site) {
    let store = site.store().await;
    let twice = vec![change("agency", "a", None, Some("1")), change("agency", "a", None, Some("2"))];
    let nothing = vec![change("agency", "a", None, None)];
    let nul = vec![change("agency", "a", None, Some("\0"))];
    for bad in [twice, nothing, nul] {
        let refused = store.commit(commit_at(0, bad)).await;
        assert!(matches!(refused, Err(CommitError::Store(StoreError::Invalid(_)))), "{refused:?}");
    }
    assert_eq!(store.generation().await.unwrap(), 0);
}

async fn a_commit_without_changes_keeps_the_generation(site: Site) {
    let store = site.store().await;
    assert_eq!(store.commit(commit_at(0, vec![])).await, Ok(0));
    assert_eq!(store.commit(commit_at(7, vec![])).await, Err(CommitError::Conflict { current: 0 }));
    assert_eq!(store.audit_head().await.unwrap(), None);
}

async fn any_text_comes_back_as_it_went_in(site: Site) {
    let store = site.store().await;
    let texts = proptest::collection::vec(any::<String>(), 400);
    let texts = texts.new_tree(&mut TestRunner::deterministic()).unwrap().current();
    let texts: Vec<String> = texts.into_iter().map(|t| t.replace('\0', "")).collect();
    let changes =
        texts.iter().enumerate().map(|(i, t)| change(&format!("{i}"), t, Some(t), Some(t))).collect();

    store.commit(commit_at(0, changes)).await.unwrap();

    let rows = store.load().await.unwrap().rows;
    assert_eq!(rows.len(), texts.len());
    for row in rows {
        let text = &texts[row.kind.parse::<usize>().unwrap()];
        assert_eq!((&row.id, &row.spec), (text, text));
    }
    assert!(store.audit_verify(&[]).await.unwrap().is_clean());
    let mut dump = Vec::new();
    store.dump(&mut dump).await.unwrap();
    let elsewhere = Site::sqlite();
    let other = elsewhere.store().await;
    other.load_dump(&dump[..]).await.unwrap();
    assert!(other.audit_verify(&[store.audit_head().await.unwrap().unwrap()]).await.unwrap().is_clean());
}
