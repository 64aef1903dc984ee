//! A directory that is rolled back, mixed, altered, signed by another, cut off or too old: what was known stays, for as long as it may.

use super::clocks;
use super::country::{Country, begin};
use super::doctor::{Doctor, Source, copy};
use super::member::{Member, PATIENCE, eventually};
use std::path::Path;

async fn behind_a_doctor() -> (Country, Doctor) {
    let country = Country::begun(|_| {}).await;
    let doctor = Doctor::between(&country).await;
    country.admit(&[&country.b]);
    country.admit_at(&[&country.a], &doctor.url());
    country.register();
    country.b.start().await;
    country.a.start().await;
    country.acquainted().await;
    (country, doctor)
}

fn newest(folder: &Path, role: &str) -> std::path::PathBuf {
    let ending = format!(".{role}.json");
    let names = std::fs::read_dir(folder).expect("a folder").flatten().map(|e| e.path());
    let mut found: Vec<_> = names.filter(|p| p.to_string_lossy().ends_with(&ending)).collect();
    found.sort();
    found.pop().expect("there is one")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_directory_that_is_rolled_back_mixed_altered_signed_by_another_or_cut_off_changes_nothing() {
    let (country, doctor) = behind_a_doctor().await;
    let public = country.hub.data().join("hub/public");
    let old = copy(&public);
    // Something new: versions go on.
    country.hub.run(&[
        "hub",
        "add-witness",
        "w",
        "--url",
        "http://127.0.0.1:1",
        "--key",
        &witness_key(),
        "--reason",
        "test",
    ]);
    let lists = |shown: &serde_json::Value| shown["witnesses"].to_string().contains("\"w\"");
    country.all_see("the witness", lists).await;
    doctor.serves(Source::Nobody);
    // A later statement with the list of members from before under the name of the later one.
    country.hub.run(&[
        "hub",
        "add-witness",
        "v",
        "--url",
        "http://127.0.0.1:2",
        "--key",
        &witness_key(),
        "--reason",
        "test",
    ]);
    let mixed = copy(&public);
    std::fs::copy(newest(old.path(), "members"), newest(mixed.path(), "members")).expect("copied");
    let altered = copy(&public);
    let statement = newest_freshness(altered.path());
    let text = std::fs::read_to_string(&statement).expect("a statement");
    std::fs::write(&statement, text.replacen("\"payload\":\"ey", "\"payload\":\"eZ", 1)).expect("written");
    let other = Member::new("hub", "G01", country.net.host(9));
    begin(&other);
    let foreign = copy(&other.data().join("hub/public"));
    let empty = tempfile::tempdir().expect("a folder");
    let bad = [
        ("rolled back", Source::Folder(old.path().into())),
        ("mixed", Source::Folder(mixed.path().into())),
        ("altered", Source::Folder(altered.path().into())),
        ("signed by another", Source::Folder(foreign.path().into())),
        ("empty", Source::Folder(empty.path().into())),
        ("cut off", Source::Nobody),
    ];
    // What runs is told at its next refresh, and goes on.
    doctor.serves(Source::Folder(foreign.path().into()));
    eventually("the operator is told", PATIENCE, async || {
        country.a.said().contains("following the directory")
    })
    .await;
    let reply = country.a.post("/echo/1.0/x", "meanwhile").await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    // The same by hand, one by one: what was held stays, and verifies.
    country.a.kill();
    for (what, source) in bad {
        doctor.serves(source);
        let out = country.a.try_run(&["directory", "update"]);
        assert!(!out.status.success(), "{what}: {}", String::from_utf8_lossy(&out.stdout));
        country.a.run(&["directory", "verify"]);
        let shown = country.a.run(&["directory", "show", "--json"]);
        assert!(shown.contains("\"name\": \"w\""), "{what}: {shown}");
    }
    // Cut off, it starts from what it holds.
    country.a.start().await;
    let reply = country.a.post("/echo/1.0/x", "from the copy").await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    doctor.serves(Source::Hub);
    country.proved(country.a.post("/echo/1.0/x", "afterwards").await.exchange());
}

fn newest_freshness(folder: &Path) -> std::path::PathBuf {
    let names = std::fs::read_dir(folder).expect("a folder").flatten().map(|e| e.path());
    let is =
        |p: &std::path::PathBuf| p.file_name().is_some_and(|n| n.to_string_lossy().starts_with("freshness"));
    names.filter(is).max().expect("there is one")
}

/// A witness's public key, as the program makes one.
fn witness_key() -> String {
    use base64::Engine as _;
    let key = lgsp_evidence::LogKey::from_seed("w", [5; 32]).public();
    let typed = [&[4u8][..], &key].concat();
    let hash = lgsp_evidence::note::key_hash("w", 4, &key);
    format!("w+{hash:08x}+{}", base64::engine::general_purpose::STANDARD.encode(typed))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hub_that_is_away_for_an_hour_stops_nobody_not_even_nodes_that_start_meanwhile() {
    if !clocks::available() {
        return;
    }
    let country = Country::new().await;
    country.hub.kill();
    let reply = country.a.post("/echo/1.0/x", "the hub is away").await;
    country.proved(reply.exchange());
    for member in [&country.a, &country.b] {
        member.kill();
        member.clock_off(3600 + 300);
        member.start().await;
    }
    country.acquainted().await;
    for path in ["/echo/1.0/x", "/signed/1.0/x"] {
        let reply = country.a.post(path, "an hour later").await;
        assert_eq!(reply.text(), "an hour later");
        country.proved(reply.exchange());
    }
    assert!(country.a.run(&["node", "status"]).contains("member"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_directory_that_is_older_than_it_may_be_decides_nothing_until_the_hub_is_back() {
    if !clocks::available() {
        return;
    }
    let country = Country::new().await;
    for member in [&country.hub, &country.a, &country.b] {
        member.kill();
        member.clock_off(25 * 3600);
    }
    country.a.start().await;
    country.b.start().await;
    let reply = country.a.post("/echo/1.0/x", "too old").await;
    country.refused(&reply, "identify.directory_stale", "platform");
    assert_eq!((reply.status, country.reached("too old")), (503, 0));
    country.hub.start().await;
    country.acquainted().await;
    country.proved(country.a.post("/echo/1.0/x", "again").await.exchange());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_directory_that_is_frozen_while_nodes_run_is_noticed_when_its_age_is_over() {
    let country = Country::with(|c| {
        c.a.set("LGSP__DIRECTORY__REVOCATIONS_MAX_AGE", "10s");
    })
    .await;
    country.hub.kill();
    let mut last = None;
    let took = eventually("a decides nothing any more", PATIENCE, async || {
        let reply = country.a.post("/echo/1.0/x", "x").await;
        let stale = reply.status != 200;
        last = Some(reply);
        stale
    })
    .await;
    // The answer of one call may come when the directory has just become too old to believe it; the next is not sent.
    let code = last.map(|r| r.code()).unwrap_or_default();
    assert!(["identify.directory_stale", "verify.peer_signature"].contains(&code.as_str()), "{code}");
    let reply = country.a.post("/echo/1.0/x", "too old").await;
    country.refused(&reply, "identify.directory_stale", "platform");
    assert_eq!(country.reached("too old"), 0);
    assert!(took.as_millis() > 7_000, "{took:?}");
    country.hub.start().await;
    country.acquainted().await;
}
