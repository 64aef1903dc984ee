//! The copy that a node keeps on its own disk: decisions go on while the store is away at start.

use crate::help::{Desk, operator, vault};
use lgsp_kernel::{Clock, Millis};
use lgsp_registry::{CacheError, EditError, Kind, Registry};

const DAY: i64 = 86_400;

#[tokio::test]
async fn a_node_starts_from_its_copy_and_goes_on_when_the_store_is_back() {
    let desk = Desk::province().await;
    let path = desk.folder.path().join("registry.copy");
    desk.registry.save_copy(&path).unwrap();
    assert!(!std::fs::read_to_string(&path).unwrap().contains("mat-khau-kho"), "secrets stay sealed");

    // When the node starts without its store, then it decides as before and changes nothing.
    let (node, at) = Registry::open_copy(&path, DAY, desk.vault.clone(), desk.clock.clone()).unwrap();
    assert_eq!(at, crate::help::NOW);
    assert_eq!(node.export(), desk.registry.export());
    let (was, is) = (desk.registry.snapshot().load_full(), node.snapshot().load_full());
    assert_eq!(is.generation, was.generation);
    assert_eq!(
        is.credentials["motcua-client"].stamp, was.credentials["motcua-client"].stamp,
        "remembered tokens stay good"
    );
    assert_eq!(is.services["doanhnghiep"].versions[1].stamp, was.services["doanhnghiep"].versions[1].stamp);
    let refused = node.delete(Kind::Grant, "motcua-dn", &operator()).await.unwrap_err();
    assert!(matches!(refused, EditError::Away), "{refused}");

    // When the store answers again, then what happened meanwhile is taken over.
    desk.registry.delete(Kind::Grant, "motcua-dn", &operator()).await.unwrap();
    assert_eq!(node.attach(desk.store.clone()).await.unwrap(), 2);
    assert!(node.snapshot().load().grants_for("motcua", "doanhnghiep").is_empty());
}

#[tokio::test]
async fn a_copy_that_is_too_old_altered_cut_or_anothers_is_not_used() {
    let desk = Desk::province().await;
    let path = desk.folder.path().join("registry.copy");
    desk.registry.save_copy(&path).unwrap();
    let open = |vault, clock: Clock| Registry::open_copy(&path, DAY, vault, clock).map(drop).unwrap_err();

    let later = Clock::manual(Millis(crate::help::NOW.0 + (DAY + 60) * 1000));
    assert!(matches!(open(vault(1), later), CacheError::TooOld { age_seconds: 86_460, max_seconds: DAY }));
    let now = || Clock::manual(crate::help::NOW);
    assert!(matches!(open(vault(2), now()), CacheError::Altered(_)), "another master key");

    let good = std::fs::read(&path).unwrap();
    for at in (0..good.len()).step_by(97) {
        let mut bad = good.clone();
        bad[at] ^= 1;
        std::fs::write(&path, &bad).unwrap();
        assert!(matches!(open(vault(1), now()), CacheError::Altered(_)), "byte {at} altered");
        std::fs::write(&path, &good[..at]).unwrap();
        assert!(matches!(open(vault(1), now()), CacheError::Altered(_)), "cut at {at}");
    }
    std::fs::remove_file(&path).unwrap();
    assert!(matches!(open(vault(1), now()), CacheError::Io(_)));
}
