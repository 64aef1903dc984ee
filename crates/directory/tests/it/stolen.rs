//! What a thief of an online key can do, and how a root takes it back.

use crate::support::{Hub, NOW, member, refused, settled};
use lgsp_directory::{Ages, Check, Freshness, Role, SigningKey};

const LATER: i64 = 60;

#[tokio::test]
async fn a_stolen_freshness_key_holds_a_directory_up_only_until_its_documents_expire() {
    let mut hub = Hub::new();
    let (_dir, client) = settled(&hub).await;
    // The thief can go on stating that the old documents are current, but can sign no other.
    for day in 1..7 {
        let now = NOW.plus_seconds(day * 86_400);
        hub.state_freshness(1 + day as u64, now);
        client.update(now).await.expect("the thief's statement is valid");
    }
    let now = NOW.plus_seconds(7 * 86_400);
    hub.state_freshness(100, now);
    let error = refused(&client, now).await;
    assert_eq!((error.role, error.check), (Role::Revocations, Check::Expired));
    let state = client.directory().expect("a view").state(now, &Ages::default());
    assert_eq!(state.freshness, Freshness::StaleRevocations, "{}", state.why);
}

#[tokio::test]
async fn a_version_run_forward_with_a_stolen_freshness_key_is_forgotten_with_the_key() {
    let mut hub = Hub::new();
    hub.state_freshness((1 << 53) - 1, NOW);
    let (dir, client) = settled(&hub).await;
    let later = NOW.plus_seconds(LATER);
    hub.state_freshness(2, later);
    assert_eq!(refused(&client, later).await.check, Check::Rollback, "the thief's version stands in the way");
    hub.rotate(&[Role::Freshness], later);
    hub.state_freshness(2, later);
    client.update(later).await.expect("recovers");
    assert_eq!(client.directory().expect("a view").versions().freshness, 2);
    drop(client);
    assert_eq!(hub.client(dir.path()).directory().expect("a copy").versions().freshness, 2);
}

#[tokio::test]
async fn a_stolen_members_key_is_answered_by_a_root_and_its_forgery_is_not_relied_on() {
    let mut hub = Hub::new();
    let honest = hub.members.clone();
    // The thief also holds the freshness key, or the hub itself.
    hub.members.members.push(member("thief"));
    hub.publish_members(1 << 40, NOW);
    hub.state_freshness(2, NOW);
    let (dir, client) = settled(&hub).await;
    assert!(client.directory().expect("a view").member("thief").is_some());
    let later = NOW.plus_seconds(LATER);
    let thief = std::mem::replace(
        hub.online.get_mut(&Role::Members).expect("a key"),
        SigningKey::generate().expect("a key"),
    );

    // The root is out, the new documents are not: the forgery is still there, but nothing relies on it.
    hub.rotate(&[Role::Members], later);
    let error = client.update(later).await.expect_err("no statement of the new root yet");
    assert_eq!((error.role, error.check), (Role::Freshness, Check::Fetch));
    let state = client.directory().expect("a view").state(later, &Ages::default());
    assert_eq!(state.freshness, Freshness::Stale);
    assert!(
        state.why.contains("members document 1099511627776 is signed with keys that root 2 no longer lists")
    );
    drop(client);
    let client = hub.client(dir.path());
    let state = client.directory().expect("a copy").state(later, &Ages::default());
    assert_eq!(state.freshness, Freshness::Stale, "also after a restart");

    // The thief goes on signing, in vain.
    let fresh_key = std::mem::replace(hub.online.get_mut(&Role::Members).expect("a key"), thief);
    hub.publish_members(1 << 41, later);
    hub.state_freshness(3, later);
    assert_eq!(client.update(later).await.expect_err("refused").check, Check::Signatures);

    hub.online.insert(Role::Members, fresh_key);
    hub.members = honest;
    hub.publish_members(2, later);
    hub.state_freshness(4, later);
    client.update(later).await.expect("recovers with a lower version");
    let view = client.directory().expect("a view");
    assert!(view.member("thief").is_none() && view.member("mot").is_some());
    assert_eq!(view.state(later, &Ages::default()).freshness, Freshness::Fresh);
}

#[tokio::test]
async fn a_rotation_of_one_role_keeps_the_floor_of_the_others() {
    let mut hub = Hub::new();
    let old = hub.revocations_listed;
    hub.publish_revocations(5, NOW);
    hub.state_freshness(2, NOW);
    let (_dir, client) = settled(&hub).await;
    let later = NOW.plus_seconds(LATER);
    hub.rotate(&[Role::Members, Role::Freshness], later);
    hub.publish_members(2, later);
    hub.revocations_listed = old;
    hub.state_freshness(3, later);
    let error = client.update(later).await.expect_err("refused");
    assert_eq!((error.role, error.check), (Role::Revocations, Check::Rollback));
}

#[tokio::test]
async fn a_reader_follows_many_roots_with_changing_root_keys() {
    let mut hub = Hub::new();
    let (_dir, client) = settled(&hub).await;
    let later = NOW.plus_seconds(LATER);
    for _ in 0..20 {
        hub.rotate(&[Role::Freshness], later);
    }
    hub.state_freshness(2, later);
    let updated = client.update(later).await.expect("follows");
    assert_eq!(updated.versions.root, 21);
}
