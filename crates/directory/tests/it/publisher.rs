//! The publisher's life: joining, profiles, revocation, keys that are renewed or stolen.

use crate::support::{NOW, YEAR, member};
use lgsp_directory::{
    Anchor, Client, ClientConfig, Edit, FolderFetch, MemberAgency, PublishError, Publisher, PublisherConfig,
    Role, RootKeys, RootPlan, Standing, System, open_root_key, seal_root_key,
};
use lgsp_kernel::{NodeName, Secret, Vault};
use std::path::Path;

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

fn begin(dir: &Path) -> (RootKeys, Publisher) {
    let keys = RootKeys::generate(2, 1).expect("keys");
    let online = [Role::Members, Role::Revocations, Role::Freshness]
        .map(|role| (role, Publisher::generate_key(&config(dir), &vault()).expect("a key")));
    let plan = RootPlan::first(&keys.public(), 1, &online.into(), NOW, NOW.plus_seconds(YEAR));
    let root = plan.sign(&keys.signers()).expect("signs");
    let publisher = Publisher::init(&config(dir), &vault(), &root, NOW).expect("begins");
    (keys, publisher)
}

fn name(text: &str) -> NodeName {
    text.parse().expect("a name")
}

fn agency(code: &str) -> MemberAgency {
    MemberAgency {
        code: code.parse().expect("a code"),
        aliases: Vec::new(),
        name: code.into(),
        certificates: Vec::new(),
    }
}

fn system(id: &str, agency: &str) -> System {
    System { id: id.parse().expect("an id"), agency: agency.parse().expect("a code"), name: id.into() }
}

fn reader(dir: &Path, anchor: Anchor) -> Client<FolderFetch> {
    let cache = dir.join("reader");
    Client::open(ClientConfig { cache, anchor }, FolderFetch(dir.join("public"))).expect("opens")
}

fn refusal(outcome: Result<lgsp_directory::Versions, PublishError>) -> String {
    match outcome {
        Err(PublishError::Refused(why)) => why,
        other => format!("not refused: {other:?}"),
    }
}

#[tokio::test]
async fn a_node_asks_is_approved_describes_itself_and_is_suspended() {
    let dir = tempfile::tempdir().expect("a folder");
    let (_, mut hub) = begin(dir.path());
    let node = reader(dir.path(), hub.anchor());
    let mut request = member("mot");
    request.agencies = vec![agency("H01"), agency("H02")];
    request.profile.systems = vec![system("a", "H01"), system("b", "H02")];
    hub.apply(&[Edit::Propose(Box::new(request))], NOW).expect("asks");
    node.update(NOW).await.expect("updates");
    assert_eq!(node.directory().expect("a view").standing("mot"), Standing::Unknown, "not before approval");

    let approve = Edit::Approve { name: name("mot"), agencies: vec![agency("H01")] };
    hub.apply(&[approve], NOW).expect("approves");
    assert!(hub.pending().is_empty());
    node.update(NOW).await.expect("updates");
    let view = node.directory().expect("a view");
    let listed = view.member("mot").expect("a member");
    assert_eq!(listed.profile.systems.len(), 1, "what belongs to an agency that was not approved is dropped");

    let mut profile = listed.profile.clone();
    profile.endpoints = vec!["https://mot:8443".into()];
    profile.systems.push(system("c", "H02"));
    let why =
        refusal(hub.apply(&[Edit::Profile { name: name("mot"), profile: Box::new(profile.clone()) }], NOW));
    assert!(why.contains("system c is of agency H02, for which it was not approved"), "{why}");
    profile.systems.pop();
    hub.apply(&[Edit::Profile { name: name("mot"), profile: Box::new(profile) }], NOW)
        .expect("describes itself");
    hub.apply(&[Edit::Suspend(name("mot"))], NOW).expect("suspends");
    node.update(NOW).await.expect("updates");
    let view = node.directory().expect("a view");
    assert_eq!(view.standing("mot"), Standing::Suspended);
    assert_eq!(view.listed("mot").expect("listed").profile.endpoints.len(), 1);
}

#[test]
fn edits_are_made_all_or_none_and_refused_in_words() {
    let dir = tempfile::tempdir().expect("a folder");
    let (_, mut hub) = begin(dir.path());
    let join = |n: &str, code: &str| {
        [Edit::Propose(Box::new(member(n))), Edit::Approve { name: name(n), agencies: vec![agency(code)] }]
    };
    hub.apply(&join("mot", "H01"), NOW).expect("joins");
    let before = hub.versions();
    assert_eq!(refusal(hub.apply(&join("hai", "H01"), NOW)), "agency H01 is mot's");
    assert!(hub.pending().is_empty(), "nothing of a refused change stays");
    assert_eq!(refusal(hub.apply(&join("mot", "H03"), NOW)), "mot is a member already");
    assert_eq!(refusal(hub.apply(&[Edit::Remove(name("ba"))], NOW)), "there is no member ba");
    let revoke = Edit::RevokeKey { id: "x".into(), reason: "y\u{7}".into() };
    assert!(refusal(hub.apply(&[revoke, Edit::Suspend(name("mot"))], NOW)).contains("control characters"));
    assert_eq!(hub.versions(), before);
    drop(hub);
    assert_eq!(Publisher::open(&config(dir.path()), &vault()).expect("opens").versions(), before);
}

#[tokio::test]
async fn revocations_reach_readers_and_documents_are_renewed_at_half_their_life() {
    let dir = tempfile::tempdir().expect("a folder");
    let (_, mut hub) = begin(dir.path());
    let node = reader(dir.path(), hub.anchor());
    hub.apply(&[Edit::RevokeCertificate { sha256: [9; 32], reason: "lost".into() }], NOW).expect("revokes");
    node.update(NOW).await.expect("updates");
    assert!(node.directory().expect("a view").is_revoked(&[9; 32]));
    let first = hub.versions();
    let mut now = NOW;
    for _ in 0..40 {
        now = now.plus_seconds(86_400);
        hub.renew(now).expect("renews");
        node.update(now).await.expect("never expires while the hub renews");
    }
    assert!(hub.versions().members > first.members);
    let kept = std::fs::read_dir(dir.path().join("public")).expect("reads").count();
    assert!(kept < 24, "{kept} files: old versions are removed");
}

#[tokio::test]
async fn online_keys_are_replaced_after_a_theft_and_the_hub_must_hold_the_new_ones() {
    let dir = tempfile::tempdir().expect("a folder");
    let (keys, mut hub) = begin(dir.path());
    let node = reader(dir.path(), hub.anchor());
    node.update(NOW).await.expect("updates");
    let stranger = RootKeys::generate(1, 1).expect("a key");
    let mut plan = RootPlan::after(hub.root(), NOW, NOW.plus_seconds(YEAR));
    plan.replace_keys(Role::Members, stranger.public()[0]);
    let root = plan.sign(&keys.signers()).expect("signs");
    assert!(
        matches!(hub.publish_root(&root, NOW), Err(PublishError::Key(_))),
        "the hub does not hold that key"
    );
    assert_eq!(hub.versions().root, 1);

    let mut plan = RootPlan::after(hub.root(), NOW, NOW.plus_seconds(YEAR));
    for role in [Role::Members, Role::Revocations, Role::Freshness] {
        plan.replace_keys(role, Publisher::generate_key(&config(dir.path()), &vault()).expect("a key"));
    }
    hub.reload_keys(&vault()).expect("reads the keys");
    let before = hub.versions();
    let root = plan.sign(&keys.signers()).expect("signs");
    let after = hub.publish_root(&root, NOW.plus_seconds(1)).expect("publishes");
    assert!(after.members > before.members && after.revocations > before.revocations);
    let updated = node.update(NOW.plus_seconds(1)).await.expect("updates");
    assert_eq!(updated.versions, after);
}

#[tokio::test]
async fn root_keys_are_replaced_and_old_readers_follow() {
    let dir = tempfile::tempdir().expect("a folder");
    let (keys, mut hub) = begin(dir.path());
    let first = hub.anchor();
    let new = RootKeys::generate(3, 2).expect("keys");
    let mut plan = RootPlan::after(hub.root(), NOW, NOW.plus_seconds(YEAR));
    plan.replace_keys(Role::Root, new.public()[0]);
    plan.add_key(Role::Root, new.public()[1]);
    plan.add_key(Role::Root, new.public()[2]);
    plan.set_threshold(Role::Root, 2);
    let half = plan.sign(&keys.signers()).expect("signs");
    assert!(hub.publish_root(&half, NOW).is_err(), "the new keys have not signed");
    let signers: Vec<_> = keys.signers().into_iter().chain(new.signers()).collect();
    hub.publish_root(&plan.sign(&signers).expect("signs"), NOW).expect("publishes");
    let plan = RootPlan::after(hub.root(), NOW, NOW.plus_seconds(YEAR));
    assert!(
        hub.publish_root(&plan.sign(&keys.signers()).expect("signs"), NOW).is_err(),
        "the old keys are out"
    );
    hub.publish_root(&plan.sign(&new.signers()).expect("signs"), NOW).expect("publishes");
    let old = reader(dir.path(), first);
    assert_eq!(old.update(NOW).await.expect("follows").versions.root, 3);
    drop(old);
    std::fs::remove_dir_all(dir.path().join("reader")).expect("removes");
    let new = reader(dir.path(), hub.anchor());
    assert_eq!(new.update(NOW).await.expect("begins at the pinned root").versions.root, 3);
}

#[tokio::test]
async fn a_hub_restored_from_a_backup_goes_on_ahead_of_what_readers_saw() {
    let dir = tempfile::tempdir().expect("a folder");
    let (_, mut hub) = begin(dir.path());
    let node = reader(dir.path(), hub.anchor());
    let backup = dir.path().join("backup");
    let copy = |from: &Path, to: &Path| {
        let status = std::process::Command::new("cp").arg("-a").arg(from).arg(to).status();
        assert!(status.expect("cp runs").success());
    };
    std::fs::create_dir(&backup).expect("a folder");
    copy(&dir.path().join("private"), &backup);
    copy(&dir.path().join("public"), &backup);
    for second in 1..5 {
        let edit = Edit::RevokeKey { id: format!("k{second}"), reason: "lost".into() };
        hub.apply(&[edit], NOW.plus_seconds(second)).expect("revokes");
    }
    node.update(NOW.plus_seconds(5)).await.expect("updates");
    drop(hub);
    let mut hub = Publisher::open(&config(&backup), &vault()).expect("opens the backup");
    let later = NOW.plus_seconds(3600);
    hub.apply(&[Edit::RevokeKey { id: "k9".into(), reason: "lost".into() }], later).expect("revokes");
    drop(node);
    let config = ClientConfig { cache: dir.path().join("reader"), anchor: hub.anchor() };
    let node = Client::open(config, FolderFetch(backup.join("public"))).expect("opens");
    node.update(later).await.expect("not a rollback");
    assert!(node.directory().expect("a view").is_key_revoked("k9"));
}

#[test]
fn keys_open_only_with_their_secret_and_two_publishers_do_not_share_a_folder() {
    let dir = tempfile::tempdir().expect("a folder");
    let (keys, hub) = begin(dir.path());
    assert!(Publisher::open(&config(dir.path()), &vault()).is_err(), "in use");
    drop(hub);
    assert!(matches!(Publisher::open(&config(dir.path()), &Vault::new(&[8; 32])), Err(PublishError::Key(_))));
    let passphrase = Secret::new("mot hai ba bon");
    let text = seal_root_key(&keys.keys[0], &passphrase).expect("seals");
    assert_eq!(open_root_key(&text, &passphrase).expect("opens").id(), keys.keys[0].id());
    assert!(open_root_key(&text, &Secret::new("mot hai ba nam")).is_err());
    assert!(open_root_key(&text.replace("600000", "4000000000"), &passphrase).is_err());
    assert!(seal_root_key(&keys.keys[0], &Secret::new("short")).is_err());
    assert!(!format!("{:?} {keys:?}", keys.keys[0]).contains("seed"));
}
