//! Nothing acknowledged is lost: `kill -9` and a power cut at random moments under load, many times. The power cut drops what was not
//! synced of every file under the node's folder, log and store alike; the same test must fail when syncs are taken out.

use crate::node::Node;
use crate::provider;
use bytes::Bytes;
use http::Method;
use lgsp_evidence::Archive;
use lgsp_kernel::record::{Entry, Part};
use lgsp_powercut::PowerCut;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

/// Calls under way at once.
const CALLERS: usize = 24;

/// A small deterministic sequence, so that a failing run can be repeated.
fn sequence(seed: u64) -> impl FnMut(u64) -> u64 {
    let mut state = seed;
    move |below| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    }
}

/// Calls until the node dies; gives the exchanges whose whole answer arrived.
async fn load_until_death(node: Arc<Node>, token: String) -> BTreeSet<String> {
    let mut callers = tokio::task::JoinSet::new();
    for caller in 0..CALLERS {
        let (node, token) = (node.clone(), token.clone());
        callers.spawn(async move {
            let mut acknowledged = Vec::new();
            for call in 0.. {
                let method = if (call + caller) % 4 == 0 { Method::GET } else { Method::POST };
                let body = if method == Method::POST {
                    Bytes::from(format!("{caller}/{call}"))
                } else {
                    Bytes::new()
                };
                match node.call(method, "/echo/1.0/x", Some(&token), body.clone()).await {
                    Some(answer) if answer.status == 200 => {
                        assert_eq!(answer.body, body, "the echo");
                        acknowledged.push(answer.exchange);
                    }
                    Some(answer) => panic!("status {} before the end: {:?}", answer.status, answer.body),
                    None => break,
                }
            }
            acknowledged
        });
    }
    let mut all = BTreeSet::new();
    while let Some(acknowledged) = callers.join_next().await {
        all.extend(acknowledged.expect("a caller"));
    }
    all
}

/// The parts of each exchange that the log holds.
fn parts(node: &Node) -> HashMap<String, Vec<Part>> {
    let archive = Archive::open(node.log_folder());
    let mut parts: HashMap<String, Vec<Part>> = HashMap::new();
    for epoch in archive.epochs().expect("the log opens") {
        for found in archive.entries(epoch, 0..u64::MAX).expect("the log is readable") {
            let found = found.expect("an entry");
            let record = found.record().expect("nothing was erased");
            if let Entry::Exchange(record) = serde_json::from_slice(record).expect("a record") {
                parts.entry(record.id.to_string()).or_default().push(record.part);
            }
        }
    }
    parts
}

/// What the log lacks of what was acknowledged to the consumer, and of what the provider was made to do.
fn losses(node: &Node, acknowledged: &BTreeSet<String>, effects: &BTreeSet<String>) -> Vec<String> {
    let parts = parts(node);
    let mut lost = Vec::new();
    for exchange in acknowledged {
        let found = parts.get(exchange);
        if !found.is_some_and(|f| f.iter().any(|p| matches!(p, Part::Answer | Part::Whole))) {
            lost.push(format!("{exchange} was acknowledged; the log has {found:?}"));
        }
    }
    for exchange in effects.iter().filter(|e| !parts.contains_key(*e)) {
        lost.push(format!("{exchange} reached the provider; the log has nothing of it"));
    }
    lost
}

/// One life of a started node: load, death after a while, and what dying did to the disk.
async fn round(node: Node, lives: Duration, after_death: impl FnOnce()) -> (Node, BTreeSet<String>) {
    let token = node.token().await;
    let shared = Arc::new(node);
    let load = tokio::spawn(load_until_death(shared.clone(), token));
    tokio::time::sleep(lives).await;
    shared.kill();
    let acknowledged = load.await.expect("the load");
    let Ok(node) = Arc::try_unwrap(shared) else { panic!("a caller is left") };
    after_death();
    (node, acknowledged)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kill_9_under_load_loses_no_acknowledged_exchange() {
    let (address, seen) = provider::start().await;
    let mut node = Node::set_up(address);
    let mut random = sequence(9);
    let mut acknowledged = BTreeSet::new();
    for _ in 0..6 {
        let lives = Duration::from_millis(150 + random(600));
        node.start(&[]).await;
        let (back, more) = round(node, lives, || {}).await;
        node = back;
        acknowledged.extend(more);
    }
    node.start(&[]).await;
    node.kill();
    assert!(acknowledged.len() > 100, "the load was real: {}", acknowledged.len());
    assert_eq!(losses(&node, &acknowledged, &seen.lock().effects.clone()), Vec::<String>::new());
    node.run(&["log", "verify"]);
    node.run(&["audit", "verify"]);
}

/// Lives of one folder, each ended by SIGKILL and a power cut; what the log lacks afterwards. Ends early once something is lost.
async fn lives_with_power_cuts(rounds: u64, seed: u64, sync: bool) -> (usize, Vec<String>) {
    let (address, seen) = provider::start().await;
    let mut node = Node::set_up(address);
    let power = PowerCut::new(node.folder.path().join("data"));
    let power = if sync { power } else { power.without_sync() };
    let mut random = sequence(seed);
    let mut acknowledged = BTreeSet::new();
    for life in 0..rounds {
        let lives = Duration::from_millis(100 + random(500));
        if let Err(reason) = node.try_start(&power.env()).await {
            return (acknowledged.len(), vec![format!("the node does not start: {reason}")]);
        }
        let (back, more) = round(node, lives, || {
            power.cut(seed.wrapping_mul(31) + life);
        })
        .await;
        node = back;
        acknowledged.extend(more);
        let lost = losses(&node, &acknowledged, &seen.lock().effects.clone());
        if !lost.is_empty() {
            return (acknowledged.len(), lost);
        }
    }
    node.start(&power.env()).await;
    node.kill();
    node.run(&["log", "verify"]);
    node.run(&["audit", "verify"]);
    let lost = losses(&node, &acknowledged, &seen.lock().effects.clone());
    (acknowledged.len(), lost)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn power_cuts_under_load_lose_no_acknowledged_exchange() {
    let (acknowledged, lost) = lives_with_power_cuts(8, 2018, true).await;
    assert!(acknowledged > 100, "the load was real: {acknowledged}");
    assert_eq!(lost, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_power_cut_test_fails_when_the_sync_is_taken_out() {
    let (_, lost) = lives_with_power_cuts(6, 2018, false).await;
    assert!(!lost.is_empty(), "without syncs, power cuts must lose something: the test would not notice");
}
