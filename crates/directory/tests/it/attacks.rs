//! What a hub, or whoever stands before it, may try without holding a key.

use crate::support::{Hub, NOW, YEAR, head, member, refused, settled, signed};
use lgsp_directory::document::{Listed, Root};
use lgsp_directory::envelope::Envelope;
use lgsp_directory::key::{Digest, sha256};
use lgsp_directory::{Anchor, Check, Client, Role, RootPlan, SigningKey, add_root_signature};

#[tokio::test]
async fn a_reader_takes_a_directory_and_finds_it_again_on_disk() {
    let hub = Hub::new();
    let (dir, client) = settled(&hub).await;
    assert!(client.directory().expect("a view").member("mot").is_some());
    drop(client);
    *hub.shelf.away.lock() = true;
    let client = hub.client(dir.path());
    assert!(client.directory().expect("a copy").member("mot").is_some());
    let error = refused(&client, NOW).await;
    assert_eq!((error.role, error.check), (Role::Root, Check::Fetch));
    assert_eq!(error.to_string(), "directory: root 2: fetch: 2.root.json: connection refused");
}

#[tokio::test]
async fn what_is_held_is_not_fetched_again() {
    let mut hub = Hub::new();
    let (_dir, client) = settled(&hub).await;
    hub.state_freshness(2, NOW.plus_seconds(600));
    hub.shelf.asked.lock().clear();
    let updated = client.update(NOW.plus_seconds(600)).await.expect("updates");
    assert!(!updated.changed && updated.versions.freshness == 2);
    assert_eq!(*hub.shelf.asked.lock(), ["2.root.json", "freshness.1.json"]);
}

#[tokio::test]
async fn a_frozen_directory_is_noticed_when_its_statement_expires() {
    let hub = Hub::new();
    let (_dir, client) = settled(&hub).await;
    client.update(NOW.plus_seconds(3599)).await.expect("still valid");
    let error = refused(&client, NOW.plus_seconds(3600)).await;
    assert_eq!((error.role, error.check), (Role::Freshness, Check::Expired));
}

#[tokio::test]
async fn a_fresh_statement_does_not_keep_expired_documents_alive() {
    let mut hub = Hub::new();
    let (_dir, client) = settled(&hub).await;
    let later = NOW.plus_seconds(7 * 86_400);
    hub.state_freshness(2, later);
    let error = refused(&client, later).await;
    assert_eq!((error.role, error.check, error.version), (Role::Revocations, Check::Expired, Some(1)));
    hub.publish_revocations(2, later);
    hub.state_freshness(3, later);
    client.update(later).await.expect("updates");
}

#[tokio::test]
async fn an_expired_root_stops_updates_and_a_new_one_resumes_them() {
    let mut hub = Hub::new();
    let (_dir, client) = settled(&hub).await;
    let later = NOW.plus_seconds(YEAR);
    hub.publish_members(2, later);
    hub.publish_revocations(2, later);
    hub.state_freshness(2, later);
    let error = refused(&client, later).await;
    assert_eq!((error.role, error.check), (Role::Root, Check::Expired));
    hub.rotate(&[], later);
    hub.state_freshness(3, later);
    client.update(later).await.expect("updates");
}

#[tokio::test]
async fn an_older_statement_is_a_rollback() {
    let mut hub = Hub::new();
    let old = hub.file("freshness.1.json");
    hub.members.members.push(member("hai"));
    hub.publish_members(2, NOW);
    hub.state_freshness(2, NOW);
    let (dir, client) = settled(&hub).await;
    hub.put("freshness.1.json", old);
    let error = refused(&client, NOW).await;
    assert_eq!((error.role, error.check), (Role::Freshness, Check::Rollback));
    drop(client);
    let error = refused(&hub.client(dir.path()), NOW).await;
    assert_eq!(error.check, Check::Rollback, "the copy on disk remembers too");
}

#[tokio::test]
async fn a_newer_statement_cannot_name_older_documents() {
    let mut hub = Hub::new();
    let old = (hub.members_listed, hub.revocations_listed);
    hub.publish_members(2, NOW);
    hub.publish_revocations(2, NOW);
    hub.state_freshness(2, NOW);
    let (_dir, client) = settled(&hub).await;
    let new = hub.members_listed;
    hub.members_listed = old.0;
    hub.state_freshness(3, NOW);
    let error = refused(&client, NOW).await;
    assert_eq!((error.role, error.check), (Role::Members, Check::Rollback));
    (hub.members_listed, hub.revocations_listed) = (new, old.1);
    hub.state_freshness(4, NOW);
    let error = refused(&client, NOW).await;
    assert_eq!((error.role, error.check), (Role::Revocations, Check::Rollback));
}

#[tokio::test]
async fn documents_of_different_statements_are_not_mixed() {
    let mut hub = Hub::new();
    let old = hub.file("1.members.json");
    let (_dir, client) = settled(&hub).await;
    hub.members.members.push(member("hai"));
    hub.publish_members(2, NOW);
    hub.state_freshness(2, NOW);
    hub.put("2.members.json", old);
    let error = refused(&client, NOW).await;
    assert_eq!(error.role, Role::Members);
    assert!(matches!(error.check, Check::Size | Check::Mixed), "{error}");
}

#[tokio::test]
async fn the_same_version_with_other_content_is_refused() {
    let mut hub = Hub::new();
    let (_dir, client) = settled(&hub).await;
    hub.members.members.push(member("hai"));
    hub.publish_members(1, NOW);
    hub.state_freshness(2, NOW);
    let error = refused(&client, NOW).await;
    assert_eq!((error.role, error.check), (Role::Members, Check::Mixed));
}

#[tokio::test]
async fn a_statement_of_another_root_is_refused() {
    let mut hub = Hub::new();
    let statement = hub.file("freshness.1.json");
    hub.rotate(&[], NOW);
    hub.put("freshness.2.json", statement);
    let dir = tempfile::tempdir().expect("a folder");
    let error = refused(&hub.client(dir.path()), NOW).await;
    assert_eq!((error.role, error.check), (Role::Freshness, Check::Mixed));
}

#[tokio::test]
async fn a_document_signed_for_one_role_is_not_another_roles() {
    let mut hub = Hub::new();
    let thief = SigningKey::generate().expect("a key");
    hub.online.insert(Role::Members, thief);
    hub.publish_members(2, NOW);
    hub.state_freshness(2, NOW);
    let dir = tempfile::tempdir().expect("a folder");
    let error = refused(&hub.client(dir.path()), NOW).await;
    assert_eq!((error.role, error.check), (Role::Members, Check::Signatures));
    // The freshness key may not sign members either.
    let file = signed(&hub.members, &[hub.key(Role::Freshness)]);
    hub.members_listed = Listed { version: 2, length: file.len() as u64, sha256: Digest(sha256(&file)) };
    hub.put("2.members.json", file);
    hub.state_freshness(3, NOW);
    let error = refused(&hub.client(dir.path()), NOW).await;
    assert_eq!((error.role, error.check), (Role::Members, Check::Signatures));
}

#[tokio::test]
async fn a_root_below_the_threshold_is_refused_also_if_one_key_signs_twice() {
    let hub = Hub::new();
    let (_dir, client) = settled(&hub).await;
    let plan = RootPlan::after(&hub.root, NOW, NOW.plus_seconds(YEAR));
    let one = hub.root_keys.keys.first().expect("a key");
    let file = plan.sign(&[one]).expect("signs");
    hub.put("2.root.json", file.clone());
    let error = refused(&client, NOW).await;
    assert_eq!((error.role, error.check, error.version), (Role::Root, Check::Signatures, Some(2)));

    let text = String::from_utf8(file).expect("JSON");
    let at = text.find("\"signatures\":[").expect("signatures") + "\"signatures\":[".len();
    let signature = text[at..].trim_end_matches("]}").to_owned();
    let twice = format!("{}{signature},{}", &text[..at], &text[at..]);
    hub.put("2.root.json", twice.into_bytes());
    let error = refused(&client, NOW).await;
    assert_eq!((error.role, error.check), (Role::Root, Check::Signatures));

    let both = add_root_signature(&plan.sign(&[one]).expect("signs"), &hub.root_keys.keys[2]).expect("adds");
    hub.put("2.root.json", both);
    let error = client.update(NOW).await.expect_err("there is no statement of root 2");
    assert_eq!((error.role, error.check), (Role::Freshness, Check::Fetch), "root 2 itself was taken");
}

#[tokio::test]
async fn a_new_root_needs_the_old_keys_and_the_new() {
    let hub = Hub::new();
    let (_dir, client) = settled(&hub).await;
    let stranger = SigningKey::generate().expect("a key");
    let mut plan = RootPlan::after(&hub.root, NOW, NOW.plus_seconds(YEAR));
    plan.replace_keys(Role::Root, stranger.public());
    hub.put("2.root.json", plan.sign(&[&stranger]).expect("signs"));
    assert_eq!(refused(&client, NOW).await.check, Check::Signatures, "only the new key");
    hub.put("2.root.json", plan.sign(&hub.root_keys.signers()).expect("signs"));
    assert_eq!(refused(&client, NOW).await.check, Check::Signatures, "only the old keys");
}

#[tokio::test]
async fn a_skipped_or_repeated_root_version_is_refused() {
    let mut hub = Hub::new();
    let (_dir, client) = settled(&hub).await;
    hub.put("2.root.json", hub.file("1.root.json"));
    assert_eq!(refused(&client, NOW).await.check, Check::Rollback);
    hub.rotate(&[], NOW);
    hub.rotate(&[], NOW);
    hub.put("2.root.json", hub.file("3.root.json"));
    assert_eq!(refused(&client, NOW).await.check, Check::Rollback);
}

#[tokio::test]
async fn another_root_than_the_pinned_one_is_refused() {
    let (hub, other) = (Hub::new(), Hub::new());
    hub.put("1.root.json", other.file("1.root.json"));
    let dir = tempfile::tempdir().expect("a folder");
    let error = refused(&hub.client(dir.path()), NOW).await;
    assert_eq!((error.role, error.check), (Role::Root, Check::Anchor));
    let text = hub.anchor.to_string();
    assert_eq!(text.parse::<Anchor>().expect("reads"), hub.anchor);
    assert_eq!(hub.anchor.sha256.to_string().parse::<Anchor>().expect("reads"), hub.anchor);
    for bad in ["", "1:", "0:00", "x:1", &text[..text.len() - 1]] {
        assert!(bad.parse::<Anchor>().is_err(), "{bad}");
    }
}

#[tokio::test]
async fn cut_off_and_oversized_files_are_refused() {
    let mut hub = Hub::new();
    let (_dir, client) = settled(&hub).await;
    hub.publish_members(2, NOW);
    hub.state_freshness(2, NOW);
    let whole = hub.file("2.members.json");
    for length in [0, 1, whole.len() / 2, whole.len() - 1] {
        hub.put("2.members.json", whole[..length].to_vec());
        let error = refused(&client, NOW).await;
        assert_eq!((error.role, error.check), (Role::Members, Check::Size), "{length}");
    }
    let longer = [&whole[..], b" "].concat();
    hub.put("2.members.json", longer);
    assert_eq!(refused(&client, NOW).await.check, Check::Size);
    let statement = hub.file("freshness.1.json");
    hub.put("freshness.1.json", statement[..statement.len() / 2].to_vec());
    assert_eq!(refused(&client, NOW).await.check, Check::Envelope);
    hub.put("freshness.1.json", vec![b' '; 1 << 20]);
    assert_eq!(refused(&client, NOW).await.check, Check::Size);
    hub.put("2.root.json", vec![b'['; 1 << 20]);
    let error = refused(&client, NOW).await;
    assert_eq!((error.role, error.check), (Role::Root, Check::Size));
}

#[tokio::test]
async fn unknown_fields_and_words_are_tolerated_and_unknown_formats_are_not() {
    let mut hub = Hub::new();
    let payload = format!(
        r#"{{"type":"members","format":1,"version":2,"issued":"{0}","expires":"{1}","news":[1,{{"a":null}}],
        "authorities":[{{"id":"a","purposes":["node","future"],"certificate":"AAAA","x":1}}],
        "members":[{{"name":"mot","title":"m","kind":"planet","state":"active","color":"red",
          "profile":{{"modes":["group","quantum"],"y":2}}}},
          {{"name":"hai","title":"h","kind":"province","state":"on-leave"}}]}}"#,
        NOW.rfc3339(),
        NOW.plus_seconds(86_400).rfc3339(),
    );
    let put = |hub: &mut Hub, payload: &str, freshness| {
        let key = hub.key(Role::Members);
        let file = Envelope::sign(Role::Members.payload_type(), payload.into(), &[key]).to_bytes();
        hub.members_listed = crate::support::listed(2, &file);
        hub.put("2.members.json", file);
        hub.state_freshness(freshness, NOW);
    };
    put(&mut hub, &payload, 2);
    let (_dir, client) = settled(&hub).await;
    let view = client.directory().expect("a view");
    assert_eq!(view.member("mot").expect("listed").profile.modes.len(), 1);
    assert!(view.member("hai").is_none() && view.listed("hai").is_some());
    assert_eq!(view.authorities(lgsp_directory::Purpose::Node).count(), 1);

    put(&mut hub, &payload.replace("\"format\":1", "\"format\":2"), 3);
    let dir = tempfile::tempdir().expect("a folder");
    let error = refused(&hub.client(dir.path()), NOW).await;
    assert_eq!((error.role, error.check), (Role::Members, Check::Content));
    assert!(error.found.contains("format 2"), "{error}");
}

#[tokio::test]
async fn a_statement_from_the_future_is_refused_beyond_ten_minutes() {
    let mut hub = Hub::new();
    let (_dir, client) = settled(&hub).await;
    hub.state_freshness(2, NOW.plus_seconds(601));
    let error = refused(&client, NOW).await;
    assert_eq!((error.role, error.check), (Role::Freshness, Check::Clock));
    hub.state_freshness(2, NOW.plus_seconds(600));
    client.update(NOW).await.expect("clocks may differ by ten minutes");
}

#[tokio::test]
async fn two_updates_at_once_end_in_one_directory_and_two_processes_do_not_share_a_folder() {
    let mut hub = Hub::new();
    let (dir, client) = settled(&hub).await;
    hub.members.members.push(member("hai"));
    hub.publish_members(2, NOW);
    hub.state_freshness(2, NOW);
    hub.shelf.asked.lock().clear();
    let (a, b) = tokio::join!(client.update(NOW), client.update(NOW));
    let (a, b) = (a.expect("updates"), b.expect("updates"));
    assert_eq!(a.versions, b.versions);
    assert_eq!([a.changed, b.changed].iter().filter(|c| **c).count(), 1);
    assert_eq!(hub.shelf.asked.lock().iter().filter(|n| *n == "2.members.json").count(), 1);
    let second = Client::open(hub.config(dir.path()), hub.shelf.clone()).expect_err("locked");
    assert_eq!(second.check, Check::Disk);
}

#[tokio::test]
async fn a_copy_on_disk_that_was_altered_is_no_copy() {
    let hub = Hub::new();
    let (dir, client) = settled(&hub).await;
    drop(client);
    for entry in std::fs::read_dir(dir.path()).expect("reads") {
        let path = entry.expect("an entry").path();
        if path.file_name().is_some_and(|n| n == "lock") {
            continue;
        }
        let good = std::fs::read(&path).expect("reads");
        let mut bad = good.clone();
        let middle = bad.len() / 2;
        bad[middle] ^= 1;
        std::fs::write(&path, &bad).expect("writes");
        let client = hub.client(dir.path());
        assert!(client.directory().is_none(), "{}", path.display());
        assert!(client.cache_problem().is_some(), "{}", path.display());
        client.update(NOW).await.expect("fetches anew");
        drop(client);
        assert!(hub.client(dir.path()).directory().is_some(), "{}", path.display());
    }
}

#[test]
fn a_root_whose_keys_or_thresholds_make_no_sense_is_not_made() {
    let hub = Hub::new();
    let mut plan = RootPlan::after(&hub.root, NOW, NOW.plus_seconds(YEAR));
    plan.set_threshold(Role::Members, 2);
    assert!(plan.sign(&hub.root_keys.signers()).is_err(), "two signatures of one key");
    plan.set_threshold(Role::Members, 0);
    assert!(plan.sign(&hub.root_keys.signers()).is_err(), "no signature at all");
}

#[tokio::test]
async fn a_key_under_a_foreign_id_is_refused() {
    let hub = Hub::new();
    let (_dir, client) = settled(&hub).await;
    let mut root: Root = hub.root.clone();
    root.head = head(Role::Root, 2, NOW, YEAR);
    let file = signed(&root, &hub.root_keys.signers());
    let text = String::from_utf8(lgsp_directory::document::write(&root)).expect("JSON");
    let id = hub.key(Role::Members).id().to_string();
    let other = Digest(sha256(b"another")).to_string();
    let payload = text.replace(&id, &other).into_bytes();
    let bad = Envelope::sign(Role::Root.payload_type(), payload, &hub.root_keys.signers()).to_bytes();
    assert_ne!(bad, file);
    hub.put("2.root.json", bad);
    assert_eq!(refused(&client, NOW).await.check, Check::Content);
}
