//! B's node ends, or its disk does, after the provider has acted and before the answer is on record.

use super::country::Country;
use super::member::{KEY, PATIENCE, Reply, eventually};
use http::Method;
use std::path::{Path, PathBuf};
use std::process::Command;

async fn keyed(country: &Country, path: &str, key: &str, body: &'static str) -> Reply {
    let headers = [("apikey", KEY), ("idempotency-key", key)];
    country.a.ask(Method::POST, path, &headers, body).await.expect("a answers")
}

/// A repetition under the key of an exchange whose outcome is not known.
async fn repeated(country: &Country, first: &Reply, path: &str, key: &str, body: &'static str) {
    let mut last = None;
    eventually("b answers again", PATIENCE, async || {
        let reply = keyed(country, path, key, body).await;
        let there = !reply.code().starts_with("forward.peer_unreachable");
        last = Some(reply);
        there
    })
    .await;
    let again = last.expect("an answer");
    assert_eq!(again.refusal(), ("record.outcome_unknown".into(), "platform".into()), "{}", again.text());
    assert!(again.detail().contains(&first.exchange().to_string()), "{}", again.detail());
    assert_eq!(country.reached(body), 1, "the provider was called once");
    let (ours, theirs) = (country.a.prove(first.exchange()), country.b.prove(first.exchange()));
    assert!(ours.contains("outcome unknown"), "{ours}");
    // B has the request on record, and no answer that anyone was given.
    assert!(theirs.contains("stated by a for H01") && !theirs.contains("outcome answered"), "{theirs}");
    for member in [&country.a, &country.b] {
        let proven = member.prove(again.exchange());
        assert!(!proven.contains("outcome answered"), "{}: {proven}", member.name);
        member.verify();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_whose_node_is_killed_after_the_provider_acted_has_an_unknown_outcome_and_is_never_made_twice()
{
    let country = Country::new().await;
    for path in ["/echo/1.0/hold", "/signed/1.0/hold"] {
        let (key, body) = if path.starts_with("/echo") { ("key-1", "group") } else { ("key-2", "message") };
        let killing = async {
            eventually("the provider has it", PATIENCE, async || country.reached(body) == 1).await;
            country.b.kill();
        };
        let (reply, ()) = tokio::join!(keyed(&country, path, key, body), killing);
        assert_eq!(reply.refusal(), ("forward.broke_off".into(), "provider".into()), "{}", reply.text());
        country.b.start().await;
        repeated(&country, &reply, path, key, body).await;
    }
}

/// A small disk of its own.
struct SmallDisk(PathBuf);

impl SmallDisk {
    /// None where that is not allowed; said so.
    fn mount(at: &Path, size: &str) -> Option<Self> {
        std::fs::create_dir_all(at).expect("a folder");
        let option = format!("size={size},mode=0700");
        let out =
            Command::new("mount").args(["-t", "tmpfs", "-o", &option, "tmpfs"]).arg(at).output().ok()?;
        if !out.status.success() {
            let why = String::from_utf8_lossy(&out.stderr).into_owned();
            assert!(std::env::var("CI").is_err(), "a small disk cannot be mounted: {why}");
            eprintln!(
                "LEFT OUT: a disk that is full between two records. A small disk cannot be mounted: {why}"
            );
            return None;
        }
        Some(Self(at.to_owned()))
    }
    /// Takes all the room there is.
    fn fill(&self) {
        let mut file = std::fs::File::create(self.0.join("filler")).expect("a file");
        let block = vec![0u8; 64 << 10];
        while std::io::Write::write_all(&mut file, &block).is_ok() {}
    }
    fn empty(&self) {
        std::fs::remove_file(self.0.join("filler")).expect("removed");
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // A process that still has a file open there holds nothing but its own.
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_is_full_between_the_two_records_withholds_the_answer_and_takes_no_more_calls() {
    let mut disk = None;
    let country = Country::with(|c| {
        c.b.set("LGSP__LOG__SEGMENT", "1MiB");
        disk = SmallDisk::mount(&c.b.data(), "32m");
    })
    .await;
    let Some(disk) = disk else { return };
    let path = "/echo/1.0/slow";
    let filling = async {
        eventually("the provider has it", PATIENCE, async || country.reached("slow") == 1).await;
        disk.fill();
    };
    let (reply, ()) = tokio::join!(keyed(&country, path, "key-3", "slow"), filling);
    let (code, blame) = reply.refusal();
    assert!(["verify.peer_signature", "record.answer"].contains(&code.as_str()), "{}", reply.text());
    assert!(["provider", "platform"].contains(&blame.as_str()), "{}", reply.text());
    // Nothing more is taken, and that is certain.
    let more = keyed(&country, "/echo/1.0/x", "key-4", "more").await;
    assert_eq!((more.status >= 500, country.reached("more")), (true, 0), "{}", more.text());
    assert!(country.a.prove(more.exchange()).contains("outcome failed"), "{}", more.text());
    country.b.kill();
    disk.empty();
    country.b.start().await;
    country.acquainted().await;
    let again = keyed(&country, path, "key-3", "slow").await;
    assert_eq!(country.reached("slow"), 1, "the provider was called once: {again:?}");
    // Where the answer could still be kept for its key it is given now, as the answer of the first exchange; else nobody knows.
    if again.status == 200 {
        assert_eq!(again.header("lgsp-original-exchange"), reply.exchange().to_string());
        country.proved(again.exchange());
    } else {
        assert_eq!(again.refusal(), ("record.outcome_unknown".into(), "platform".into()), "{again:?}");
    }
    assert!(country.a.prove(reply.exchange()).contains("outcome unknown"));
    assert!(!country.b.prove(reply.exchange()).contains("outcome answered"));
    country.proved(country.a.post("/echo/1.0/x", "afterwards").await.exchange());
}
