//! Given requests under keys, crashes and lost unsynced writes at any moment, then at most one request of a key is let through, an
//! answer that was given is given again, and what was let through without one is told to be unknown.
#![allow(clippy::unwrap_used)]

use bytes::Bytes;
use http::{HeaderMap, HeaderValue};
use lgsp_evidence::disk::simulated::Random;
use lgsp_evidence::disk::{Disk, Simulated};
use lgsp_kernel::{Clock, ExchangeId, Millis};
use lgsp_peer::idempotency::{
    Begun, Ended, IdempotencyStore, KeptAnswer, Key, Ledger, LedgerConfig, LedgerError,
};
use std::collections::HashMap;
use std::path::Path;

const T: Millis = Millis(1_767_000_000_000);

fn exchange(n: u64) -> ExchangeId {
    let mut random = [0; 10];
    random[..8].copy_from_slice(&n.to_be_bytes());
    ExchangeId::at(T, random)
}

fn answer(n: u64) -> KeptAnswer {
    let mut headers = HeaderMap::new();
    headers.insert("x-n", HeaderValue::from(n));
    KeptAnswer { status: 200, headers, body: Bytes::from(vec![b'a'; (n % 97) as usize]) }
}

fn open(disk: &Simulated, cfg: LedgerConfig, now: Millis) -> Result<Ledger, LedgerError> {
    Ledger::open(Disk::Simulated(disk.clone()), cfg, now)
}

fn cfg() -> LedgerConfig {
    LedgerConfig { segment_bytes: 2_000, ..LedgerConfig::new("/keys") }
}

#[test]
fn a_key_lets_one_request_through_and_answers_the_next_from_the_record() {
    let disk = Simulated::default();
    let mut l = open(&disk, cfg(), T).unwrap();
    let key = Key::new("a/H01/x", "1");
    assert_eq!(l.begin(key, [1; 32], exchange(1), false, T).unwrap(), Begun::New);
    assert_eq!(l.begin(key, [1; 32], exchange(2), false, T).unwrap(), Begun::Open(exchange(1)));
    l.flush(T).unwrap();
    l.end(key, exchange(1), Ended::Answered(answer(5)), T);
    let early = l.begin(key, [1; 32], exchange(2), false, T).unwrap();
    assert_eq!(early, Begun::Open(exchange(1)), "an answer that is not durable is not given");
    l.flush(T).unwrap();
    assert_eq!(
        l.begin(key, [1; 32], exchange(2), false, T).unwrap(),
        Begun::Answered(exchange(1), answer(5))
    );
    assert_eq!(l.begin(key, [2; 32], exchange(3), false, T).unwrap(), Begun::Other(exchange(1)));
    drop(l);
    let mut l = open(&disk, cfg(), T).unwrap();
    assert_eq!(l.begin(key, [1; 32], exchange(2), true, T).unwrap(), Begun::Answered(exchange(1), answer(5)));
    let later = Millis(T.0 + cfg().window_ms + 1);
    assert_eq!(l.begin(key, [2; 32], exchange(3), false, later).unwrap(), Begun::New, "the window is over");
}

#[test]
fn what_was_not_forwarded_frees_its_key_and_what_may_have_been_does_not() {
    let disk = Simulated::default();
    let mut l = open(&disk, cfg(), T).unwrap();
    let (free, unknown, large) = (Key::new("a", "1"), Key::new("a", "2"), Key::new("a", "3"));
    for (key, n) in [(free, 1), (unknown, 2), (large, 3)] {
        assert_eq!(l.begin(key, [0; 32], exchange(n), false, T).unwrap(), Begun::New);
    }
    l.flush(T).unwrap();
    l.end(free, exchange(1), Ended::NotForwarded, T);
    l.end(unknown, exchange(2), Ended::Unknown, T);
    l.end(large, exchange(9), Ended::NotForwarded, T);
    let body = Bytes::from(vec![0; (1 << 20) + 1]);
    l.end(
        large,
        exchange(3),
        Ended::Answered(KeptAnswer { status: 200, headers: HeaderMap::new(), body }),
        T,
    );
    l.flush(T).unwrap();
    for again in 0..2 {
        assert_eq!(l.begin(unknown, [0; 32], exchange(7), false, T).unwrap(), Begun::Unknown(exchange(2)));
        assert_eq!(
            l.begin(large, [0; 32], exchange(7), false, T).unwrap(),
            Begun::AnsweredUnkept(exchange(3))
        );
        if again == 0 {
            drop(l);
            l = open(&disk, cfg(), T).unwrap();
        }
    }
    assert_eq!(l.begin(free, [0; 32], exchange(7), false, T).unwrap(), Begun::New);
    assert_eq!(l.begin(unknown, [0; 32], exchange(8), true, T).unwrap(), Begun::New, "declared idempotent");
}

#[test]
fn keys_are_bounded_and_old_files_go() {
    let disk = Simulated::default();
    let small = LedgerConfig { keys_max: 20, segment_bytes: 300, ..cfg() };
    let mut l = open(&disk, small.clone(), T).unwrap();
    for n in 0..20 {
        l.begin(Key::new("a", &n.to_string()), [0; 32], exchange(n), false, T).unwrap();
        l.flush(T).unwrap();
    }
    let full = l.begin(Key::new("a", "more"), [0; 32], exchange(50), false, T);
    assert!(matches!(full, Err(LedgerError::Full(20))));
    let files = |d: &Simulated| Disk::Simulated(d.clone()).list(Path::new("/keys")).unwrap().len();
    assert!(files(&disk) > 3);
    let later = Millis(T.0 + small.window_ms + 10);
    assert_eq!(l.begin(Key::new("a", "more"), [0; 32], exchange(50), false, later).unwrap(), Begun::New);
    assert!(files(&disk) <= 2, "the active segment, and a lock where it is a file");
}

#[test]
fn damage_before_the_end_is_refused_and_a_torn_end_is_not() {
    let disk = Simulated::default();
    let d = Disk::Simulated(disk.clone());
    let mut l = open(&disk, LedgerConfig::new("/keys"), T).unwrap();
    for n in 0..4 {
        l.begin(Key::new("a", &n.to_string()), [0; 32], exchange(n), false, T).unwrap();
        l.flush(T).unwrap();
    }
    drop(l);
    let segments = || {
        let names = d.list(Path::new("/keys")).unwrap().into_iter().filter(|n| n.ends_with(".keys"));
        names.map(|n| Path::new("/keys").join(n)).collect::<Vec<_>>()
    };
    let path = segments().remove(0);
    let good = d.read(&path, 1 << 20).unwrap().unwrap();
    for i in 16..good.len() {
        let mut bad = good.clone();
        bad[i] ^= 1;
        d.write(&path, &bad).unwrap();
        let opened = open(&disk, LedgerConfig::new("/keys"), T);
        let last = i >= 16 + (good.len() - 16) / 4 * 3;
        assert_eq!(opened.is_ok(), last, "byte {i}");
        if let Ok(l) = opened {
            assert_eq!(l.len(), 3);
        }
        for later in segments().into_iter().skip(1) {
            d.remove(&later).unwrap();
        }
    }
}

/// What the world outside knows.
#[derive(Default)]
struct Outside {
    forwards: HashMap<Key, u32>,
    answered: HashMap<Key, KeptAnswer>,
}

fn life(seed: u64, disk: &Simulated, out: &mut Outside, random: &mut Random) -> Result<(), LedgerError> {
    let mut l = open(disk, cfg(), T)?;
    let mut running: Vec<(Key, u64)> = Vec::new();
    for step in 0..60u64 {
        let n = random.below(6);
        let key = Key::new("a", &n.to_string());
        match random.below(4) {
            0 | 1 => match l.begin(key, [n as u8; 32], exchange(seed * 1000 + step), false, T)? {
                Begun::New => {
                    l.flush(T)?;
                    *out.forwards.entry(key).or_default() += 1;
                    assert!(
                        !out.answered.contains_key(&key),
                        "seed {seed}: answered before, let through again"
                    );
                    running.push((key, seed * 1000 + step));
                }
                Begun::Answered(_, kept) => {
                    // One that became durable just before the power went is known here only now.
                    let known = out.answered.entry(key).or_insert_with(|| kept.clone());
                    assert_eq!(*known, kept, "seed {seed}: another answer");
                }
                Begun::Unknown(_) | Begun::AnsweredUnkept(_) => {
                    assert!(!out.answered.contains_key(&key), "seed {seed}: an answer was forgotten");
                }
                Begun::Open(_) => {}
                Begun::Other(_) => panic!("seed {seed}: the same request is another"),
            },
            2 if !running.is_empty() => {
                let (key, ex) = running.swap_remove(random.below(running.len() as u64) as usize);
                l.end(key, exchange(ex), Ended::Answered(answer(ex)), T);
                l.flush(T)?;
                out.answered.insert(key, answer(ex));
            }
            3 if !running.is_empty() && random.below(3) == 0 => {
                let (key, ex) = running.swap_remove(0);
                l.end(key, exchange(ex), Ended::Unknown, T);
                l.flush(T)?;
            }
            _ => {}
        }
    }
    Ok(())
}

#[test]
fn power_cuts_at_any_moment_never_let_a_key_through_twice() {
    let seeds = std::env::var("POWERCUT_SEEDS").ok().and_then(|s| s.parse().ok()).unwrap_or(2_000u64);
    for seed in 0..seeds {
        let mut random = Random(seed);
        let mut disk = Simulated::default();
        let mut out = Outside::default();
        for round in 0..4 {
            disk.cut_power_in(1 + random.below(60));
            match life(seed * 10 + round, &disk, &mut out, &mut random) {
                Ok(()) | Err(LedgerError::Io(..)) => {}
                Err(e) => panic!("seed {seed}, life {round}: {e}"),
            }
            disk = disk.restart(&mut random);
        }
        assert!(out.forwards.values().all(|n| *n <= 1), "seed {seed}: {:?}", out.forwards);
    }
}

#[test]
fn what_a_process_left_unsynced_is_made_durable_before_another_file_stands_behind_it() {
    for seed in 0..200 {
        let (disk, mut random) = (Simulated::default(), Random(seed));
        let mut l = open(&disk, cfg(), T).unwrap();
        for n in 0..4 {
            l.begin(Key::new("a", &n.to_string()), [0; 32], exchange(n), false, T).unwrap();
        }
        // The process ends in the middle of its write; the machine is never without power.
        disk.fail_sync_in(1);
        let group = l.take(T).unwrap().unwrap();
        assert!(group.write().is_err());
        drop((l, group));
        let mut l = open(&disk, cfg(), T).unwrap();
        l.begin(Key::new("a", "next"), [0; 32], exchange(9), false, T).unwrap();
        l.flush(T).unwrap();
        drop(l);
        disk.cut_power();
        let mut l = open(&disk.restart(&mut random), cfg(), T).unwrap_or_else(|e| panic!("seed {seed}: {e}"));
        assert_eq!(
            l.begin(Key::new("a", "next"), [0; 32], exchange(10), false, T).unwrap(),
            Begun::Unknown(exchange(9))
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_at_once_under_one_key_one_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let store = IdempotencyStore::open(Disk::Real, LedgerConfig::new(folder.path()), Clock::System).unwrap();
    let mut tasks = Vec::new();
    for n in 0..400u64 {
        let store = store.clone();
        tasks.push(tokio::spawn(async move {
            let key = Key::new("a", &(n % 4).to_string());
            let (begun, permit) = store.begin(key, [0; 32], exchange(n), false).await.unwrap();
            assert_eq!(begun == Begun::New, permit.is_some());
            let through = permit.is_some();
            if let Some(permit) = permit {
                permit.end(Ended::Answered(answer(n))).await.unwrap();
            }
            through
        }));
    }
    let mut through = 0;
    for task in tasks {
        through += u32::from(task.await.unwrap());
    }
    assert_eq!(through, 4);
    let (begun, _) = store.begin(Key::new("a", "1"), [0; 32], exchange(999), false).await.unwrap();
    assert!(matches!(begun, Begun::Answered(..)));
    let (_, permit) = store.begin(Key::new("b", "1"), [0; 32], exchange(1000), false).await.unwrap();
    drop(permit);
    store.close();
    assert!(store.begin(Key::new("b", "2"), [0; 32], exchange(1001), false).await.is_err(), "closed");
    drop(store);
    let store = IdempotencyStore::open(Disk::Real, LedgerConfig::new(folder.path()), Clock::System).unwrap();
    let (begun, _) = store.begin(Key::new("b", "1"), [0; 32], exchange(1002), false).await.unwrap();
    assert_eq!(begun, Begun::Unknown(exchange(1000)));
}

#[tokio::test]
async fn a_disk_that_fails_lets_nothing_through_and_is_told() {
    let disk = Simulated::default();
    let cfg = LedgerConfig::new("/keys");
    let store = IdempotencyStore::open(Disk::Simulated(disk.clone()), cfg, Clock::System).unwrap();
    disk.fail_sync_in(1);
    let key = Key::new("a", "1");
    let refused = store.begin(key, [0; 32], exchange(1), false).await.unwrap_err();
    assert_eq!(refused.kind.code, "record.unavailable");
    let (begun, permit) = store.begin(key, [0; 32], exchange(2), false).await.unwrap();
    assert!(begun == Begun::New && permit.is_some(), "it goes on when the disk does");
}
