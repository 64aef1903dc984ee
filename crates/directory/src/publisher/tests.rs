//! Power cuts in the middle of publishing and of updating: the disk fails after any number of operations.

use super::{Edit, Publisher, PublisherConfig};
use crate::client::{Client, ClientConfig, FolderFetch};
use crate::disk::Disk;
use crate::document::Role;
use crate::members::{Member, MemberAgency, MemberKind, MemberState, Profile};
use crate::root_keys::{RootKeys, RootPlan};
use lgsp_kernel::{Millis, Vault};
use std::path::Path;

const NOW: Millis = Millis(1_800_000_000_000);

fn config(dir: &Path) -> PublisherConfig {
    PublisherConfig {
        private: dir.join("private"),
        public: dir.join("public"),
        lifetimes: Default::default(),
    }
}

fn vault() -> Vault {
    Vault::new(&[7; 32])
}

fn member(name: &str) -> Member {
    Member {
        name: name.parse().expect("a name"),
        title: name.into(),
        kind: MemberKind::Province,
        state: MemberState::Active,
        agencies: Vec::new(),
        profile: Profile::default(),
    }
}

fn join(name: &str, code: &str) -> [Edit; 2] {
    let agency = MemberAgency {
        code: code.parse().expect("a code"),
        aliases: Vec::new(),
        name: code.into(),
        certificates: Vec::new(),
    };
    let name_ = name.parse().expect("a name");
    [Edit::Propose(Box::new(member(name))), Edit::Approve { name: name_, agencies: vec![agency] }]
}

/// A directory with one member.
fn directory(dir: &Path) -> (RootKeys, Publisher) {
    let config = config(dir);
    let keys = RootKeys::generate(3, 2).expect("keys");
    let online = [Role::Members, Role::Revocations, Role::Freshness]
        .map(|role| (role, Publisher::generate_key(&config, &vault()).expect("a key")));
    let plan = RootPlan::first(&keys.public(), 2, &online.into(), NOW, NOW.plus_seconds(86_400 * 365));
    let root = plan.sign(&keys.signers()).expect("signs");
    let mut publisher = Publisher::init(&config, &vault(), &root, NOW).expect("begins");
    publisher.apply(&join("mot", "H01"), NOW).expect("joins");
    (keys, publisher)
}

async fn read(dir: &Path, anchor: crate::Anchor, now: Millis) -> crate::Directory {
    let cache = dir.join("reader");
    let _ = std::fs::remove_dir_all(&cache);
    let fetch = FolderFetch(dir.join("public"));
    let client = Client::open(ClientConfig { cache, anchor }, fetch).expect("opens");
    client.update(now).await.expect("a consistent directory");
    client.directory().expect("a view").as_ref().clone()
}

#[tokio::test]
async fn a_power_cut_at_any_write_of_an_edit_leaves_the_old_directory_or_the_new() {
    let mut finished = false;
    for operations in 0..40 {
        let dir = tempfile::tempdir().expect("a folder");
        let (_, publisher) = directory(dir.path());
        let anchor = publisher.anchor();
        drop(publisher);
        let later = NOW.plus_seconds(60);
        let cut = Publisher::open_on(&config(dir.path()), &vault(), Disk::failing_after(operations));
        let outcome = cut.map(|mut p| p.apply(&join("hai", "H02"), later).is_ok());
        let view = read(dir.path(), anchor, later).await;
        assert!(view.member("mot").is_some(), "after {operations} operations");
        let mut again = Publisher::open(&config(dir.path()), &vault()).expect("opens after a power cut");
        if view.member("hai").is_some() {
            assert_eq!(again.versions(), view.versions());
        } else {
            assert!(!matches!(outcome, Ok(true)), "acknowledged and lost after {operations} operations");
            let _ = again.apply(&[Edit::Decline("hai".parse().expect("a name"))], later);
            again.apply(&join("hai", "H02"), later).expect("the edit can be made again");
        }
        assert!(read(dir.path(), anchor, later).await.member("hai").is_some());
        finished |= matches!(outcome, Ok(true));
    }
    assert!(finished, "the last rounds had operations enough");
}

#[tokio::test]
async fn a_power_cut_while_a_root_is_published_leaves_one_root_with_its_documents() {
    let mut finished = false;
    for operations in 0..50 {
        let dir = tempfile::tempdir().expect("a folder");
        let (keys, publisher) = directory(dir.path());
        let anchor = publisher.anchor();
        let later = NOW.plus_seconds(60);
        let mut plan = RootPlan::after(publisher.root(), later, later.plus_seconds(86_400 * 365));
        drop(publisher);
        for role in [Role::Members, Role::Revocations, Role::Freshness] {
            plan.replace_keys(role, Publisher::generate_key(&config(dir.path()), &vault()).expect("a key"));
        }
        let root = plan.sign(&keys.signers()).expect("signs");
        let cut = Publisher::open_on(&config(dir.path()), &vault(), Disk::failing_after(operations));
        let outcome = cut.map(|mut p| p.publish_root(&root, later).is_ok());
        let view = read(dir.path(), anchor, later).await;
        assert!(view.member("mot").is_some(), "after {operations} operations");
        let mut again = Publisher::open(&config(dir.path()), &vault()).expect("opens after a power cut");
        if view.versions().root == 1 {
            assert!(!matches!(outcome, Ok(true)), "acknowledged and lost after {operations} operations");
            again.publish_root(&root, later).expect("the root can be published again");
        }
        assert_eq!(read(dir.path(), anchor, later).await.versions().root, 2);
        finished |= matches!(outcome, Ok(true));
    }
    assert!(finished, "the last rounds had operations enough");
}

#[test]
fn after_a_failed_write_the_same_publisher_goes_on_from_what_is_on_disk() {
    for operations in 3..20 {
        let dir = tempfile::tempdir().expect("a folder");
        drop(directory(dir.path()));
        let later = NOW.plus_seconds(60);
        let disk = Disk::failing_after(operations);
        let mut publisher = Publisher::open_on(&config(dir.path()), &vault(), disk.clone()).expect("opens");
        if publisher.apply(&join("hai", "H02"), later).is_ok() {
            continue;
        }
        disk.heal();
        let before = publisher.versions();
        let after = publisher.renew(later).expect("renews");
        assert!(after.freshness > before.freshness);
        drop(publisher);
        let reopened = Publisher::open(&config(dir.path()), &vault()).expect("opens");
        assert_eq!(reopened.versions(), after);
    }
}

#[tokio::test]
async fn a_power_cut_while_a_reader_stores_an_update_leaves_it_a_copy_that_verifies() {
    let mut finished = false;
    for operations in 0..40 {
        let dir = tempfile::tempdir().expect("a folder");
        let (keys, mut publisher) = directory(dir.path());
        let anchor = publisher.anchor();
        let client_config = ClientConfig { cache: dir.path().join("cache"), anchor };
        let fetch = FolderFetch(dir.path().join("public"));
        let client = Client::open(client_config.clone(), fetch.clone()).expect("opens");
        client.update(NOW).await.expect("updates");
        drop(client);

        let later = NOW.plus_seconds(60);
        publisher.apply(&join("hai", "H02"), later).expect("joins");
        let plan = RootPlan::after(publisher.root(), later, later.plus_seconds(86_400 * 365));
        publisher.publish_root(&plan.sign(&keys.signers()).expect("signs"), later).expect("publishes");

        let disk = Disk::failing_after(operations);
        let outcome = match Client::open_on(client_config.clone(), fetch.clone(), disk) {
            Ok(client) => client.update(later).await.map(|_| ()),
            Err(e) => Err(e),
        };
        let client = Client::open(client_config, fetch).expect("opens");
        assert_eq!(client.cache_problem(), None, "after {operations} operations");
        let copy = client.directory().expect("a copy");
        assert!(copy.member("mot").is_some());
        assert!(outcome.is_err() || copy.member("hai").is_some(), "after {operations} operations");
        client.update(later).await.expect("updates");
        assert!(client.directory().expect("a view").member("hai").is_some());
        finished |= outcome.is_ok();
    }
    assert!(finished, "the last rounds had operations enough");
}
