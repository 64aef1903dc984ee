//! Power cuts under the store: a child process commits and says so; it is killed at a random moment and the disk forgets what was not
//! synced. Every commit that it spoke of must be there afterwards. Without syncs the same check must find a loss.

use crate::site::{change, commit_at, operator, runtime};
use lgsp_kernel::Millis;
use lgsp_powercut::{Cut, PowerCut};
use lgsp_store::{AuditEntry, AuditHead, Store, StoreError};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

/// Where the child's store is; set only for the child.
const URL: &str = "LGSP_STORE_POWERCUT_URL";
const CHILD: &str = "powercut::a_child_that_commits_until_it_dies";

/// What the child acknowledged: generations, and the end of the trail after each act.
#[derive(Default)]
struct Acknowledged {
    generation: i64,
    heads: Vec<AuditHead>,
}

#[test]
fn a_child_that_commits_until_it_dies() {
    let Ok(url) = std::env::var(URL) else { return };
    runtime().block_on(async {
        let store = Store::open(&url).await.unwrap();
        store.migrate().await.unwrap();
        let mut out = std::io::stdout();
        for round in 0.. {
            let g = store.generation().await.unwrap();
            // Commits of one page, and of many.
            let size = if round % 7 == 3 { 200 } else { 1 + round % 3 };
            let changes = (0..size).map(|i| {
                change("grant", &format!("g{}-{i}", g + 1), None, Some("{\"purpose\":\"tra cứu\"}"))
            });
            let generation = store.commit(commit_at(g, changes.collect())).await.unwrap();
            if round % 4 == 0 {
                let entry = AuditEntry {
                    at: Millis(generation),
                    actor: operator(),
                    reason: None,
                    action: "rotate".into(),
                    kind: "signing_key".into(),
                    id: format!("k{generation}"),
                    before: None,
                    after: None,
                };
                store.audit_append(&entry).await.unwrap();
            }
            let head = store.audit_head().await.unwrap().unwrap();
            writeln!(out, "ack {generation} {} {}", head.seq, head.hash).unwrap();
            out.flush().unwrap();
        }
    });
}

/// Lets a child live until it acknowledged so many times, kills it, and cuts the power.
fn live_and_die(folder: &Path, power: &PowerCut, seed: u64, acks: usize) -> (Acknowledged, Cut) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", CHILD, "--nocapture"])
        .env(URL, url(folder))
        .envs(power.env())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut seen = Acknowledged::default();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    let mut take = |line: String| {
        let Some((_, ack)) = line.split_once("ack ") else { return false };
        // The last line may be torn by the kill; then nobody was told.
        let [generation, seq, hash] = ack.split(' ').collect::<Vec<_>>()[..] else { return false };
        if hash.len() == 64 {
            seen.generation = generation.parse().unwrap();
            seen.heads.push(AuditHead { seq: seq.parse().unwrap(), hash: hash.into() });
        }
        true
    };
    let mut told = 0;
    while told < acks {
        let line = lines.next().expect("the child died by itself");
        told += usize::from(take(line));
    }
    // Somewhere in the middle of what it does next.
    std::thread::sleep(std::time::Duration::from_micros(seed.wrapping_mul(7_919) % 12_000));
    child.kill().unwrap();
    child.wait().unwrap();
    lines.for_each(|line| {
        take(line);
    });
    (seen, power.cut(seed))
}

fn url(folder: &Path) -> String {
    format!("sqlite:{}", folder.join("store.db").display())
}

/// What is lost of what was acknowledged.
async fn losses(folder: &Path, acknowledged: &Acknowledged) -> Result<Vec<String>, StoreError> {
    let store = Store::open(&url(folder)).await?;
    store.migrate().await?;
    let mut lost = Vec::new();
    let loaded = store.load().await?;
    if loaded.generation < acknowledged.generation {
        lost.push(format!("generation {} of {}", loaded.generation, acknowledged.generation));
    }
    for g in 1..=acknowledged.generation {
        if !loaded.rows.iter().any(|r| r.generation == g && r.id == format!("g{g}-0")) {
            lost.push(format!("the resources of generation {g}"));
        }
    }
    let report = store.audit_verify(&acknowledged.heads).await?;
    lost.extend(report.findings.iter().map(|f| format!("{f:?}")));
    store.close().await;
    Ok(lost)
}

#[test]
fn no_acknowledged_commit_is_lost_in_a_power_cut() {
    let mut pending = 0;
    for store in 0..3u64 {
        let folder = tempfile::tempdir().unwrap();
        let power = PowerCut::new(folder.path());
        let mut all = Acknowledged::default();
        for life in 0..6u64 {
            let seed = store * 100 + life;
            let (seen, cut) = live_and_die(folder.path(), &power, seed, (1 + seed % 17) as usize);
            assert!(cut.syncs > 0, "{cut:?}");
            pending += cut.pending_writes;
            all.generation = all.generation.max(seen.generation);
            all.heads.extend(seen.heads);
            let lost = runtime().block_on(losses(folder.path(), &all));
            assert_eq!(lost, Ok(Vec::new()), "seed {seed}, {cut:?}");
        }
        assert!(all.generation > 20, "the children did something: {}", all.generation);
    }
    assert!(pending > 0, "some cut met something that was not synced");
}

#[test]
fn without_syncs_the_same_check_finds_the_loss() {
    for seed in [0, 1, 3] {
        let folder = tempfile::tempdir().unwrap();
        let power = PowerCut::new(folder.path()).without_sync();
        let (seen, cut) = live_and_die(folder.path(), &power, seed, 12);
        assert_eq!(cut.syncs, 0);
        let lost = runtime().block_on(losses(folder.path(), &seen));
        assert!(lost.as_ref().is_err() || lost.as_ref().is_ok_and(|l| !l.is_empty()), "seed {seed}: {cut:?}");
    }
}
