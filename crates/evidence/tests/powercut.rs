//! Given power that is cut at any moment under concurrent appends, then no acknowledged record is lost, every log that comes back
//! verifies, and goes on. The same test notices when records are acknowledged before they are synced.
#![allow(clippy::unwrap_used)]

mod common;
use common::*;
use lgsp_evidence::disk::simulated::Random;
use lgsp_evidence::disk::{Disk, Simulated};
use lgsp_evidence::*;
use lgsp_kernel::{Clock, ExchangeId, Millis};
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

const DIR: &str = "/log";
/// Seeds per test; `POWERCUT_SEEDS` asks for more.
fn seeds(default: u64) -> u64 {
    std::env::var("POWERCUT_SEEDS").ok().and_then(|s| s.parse().ok()).unwrap_or(default)
}

fn small(sync: bool) -> LogConfig {
    LogConfig {
        gather: Duration::ZERO,
        disk_reserve_bytes: 0,
        segment_bytes: 6_000,
        sync,
        ..LogConfig::new(DIR, NODE)
    }
}

type Acknowledged = BTreeMap<ExchangeId, Position>;

/// Opens the log, appends from three threads until the power goes, and says what was acknowledged.
fn live(disk: &Simulated, sync: bool, from: u64, acknowledged: &mut Acknowledged) -> Result<(), LogError> {
    let log = Log::open_on(Disk::Simulated(disk.clone()), small(sync), key(), Clock::System)?;
    let done: Vec<_> = std::thread::scope(|s| {
        let threads: Vec<_> = (0..3u64)
            .map(|t| {
                let log = log.clone();
                s.spawn(move || {
                    let mut done = Vec::new();
                    for i in 0..40 {
                        let id = exchange(from + t * 1000 + i);
                        let mut d = draft(id, "request");
                        if i % 7 == 0 {
                            d.record = vec![b' '; 3000].into();
                        }
                        match log.append(d).map(Ticket::wait) {
                            Ok(Ok(at)) => done.push((id, at)),
                            _ => break,
                        }
                    }
                    done
                })
            })
            .collect();
        threads.into_iter().flat_map(|t| t.join().unwrap()).collect()
    });
    acknowledged.extend(done);
    log.close();
    Ok(())
}

/// What of the acknowledged is not there, or does not verify.
fn lost(disk: &Simulated, acknowledged: &Acknowledged) -> Option<String> {
    let log = match Log::open_on(Disk::Simulated(disk.clone()), small(true), key(), Clock::System) {
        Ok(log) => log,
        Err(e) => return Some(e.to_string()),
    };
    log.publish().unwrap();
    let archive = Archive::open_on(Disk::Simulated(disk.clone()), DIR);
    for (id, at) in acknowledged {
        let found = archive.find(*id).unwrap();
        if !found.iter().any(|f| f.position == *at && f.record().is_some()) {
            return Some(format!("{id} was acknowledged at {at:?}"));
        }
    }
    let report = archive.verify(Span::All, &verifier(), None).unwrap();
    log.close();
    report.problems.first().map(ToString::to_string)
}

/// One life, one cut, again and again on the same disk.
fn run(seed: u64, sync: bool, cuts: u64) -> Option<String> {
    let mut random = Random(seed);
    let mut disk = Simulated::default();
    let mut acknowledged = Acknowledged::new();
    for n in 0..cuts {
        disk.cut_power_in(1 + random.below(160));
        // The power may go while the log is being opened.
        let _ = live(&disk, sync, n * 10_000, &mut acknowledged);
        disk = disk.restart(&mut random);
        if n % 2 == 1 || n + 1 == cuts {
            if let Some(what) = lost(&disk, &acknowledged) {
                return Some(format!("seed {seed}, cut {n}: {what}"));
            }
            disk = disk.restart(&mut random);
        }
    }
    None
}

#[test]
fn no_acknowledged_record_is_lost_whenever_the_power_goes() {
    let (seeds, threads) = (seeds(700), 4);
    std::thread::scope(|s| {
        for t in 0..threads {
            s.spawn(move || {
                for seed in (t..seeds).step_by(threads as usize) {
                    assert_eq!(run(seed, true, 3), None);
                }
            });
        }
    });
}

#[test]
fn acknowledging_before_the_sync_is_noticed() {
    let noticed = (0..50).filter(|seed| run(*seed, false, 3).is_some()).count();
    assert!(noticed > 0, "this test would not notice a log that loses records");
}

#[test]
fn a_full_disk_refuses_and_the_log_goes_on_when_there_is_room() {
    let disk = Simulated::default();
    let log = Log::open_on(Disk::Simulated(disk.clone()), small(true), key(), Clock::System).unwrap();
    log.append(draft(exchange(1), "request")).unwrap().wait().unwrap();
    disk.set_capacity(Some(disk.used() + 300));
    let refused = log.append(draft(exchange(2), "request")).unwrap().wait();
    assert_eq!(refused, Err(AppendError::DiskFull));
    assert!(!log.state().healthy, "{:?}", log.state());
    disk.set_capacity(None);
    let at = log.append(draft(exchange(3), "request")).unwrap().wait().unwrap();
    assert_eq!(at.index, 2, "nothing of the refused record stayed");
    assert!(log.state().healthy);
    let disk = disk.restart(&mut Random(5));
    let kept = [(exchange(3), at)].into_iter().collect();
    assert_eq!(lost(&disk, &kept), None);
    let archive = Archive::open_on(Disk::Simulated(disk), DIR);
    assert_eq!(archive.find(exchange(2)).unwrap(), []);
}

#[test]
fn below_the_reserve_exchanges_are_refused_and_the_logs_own_entries_are_not() {
    let disk = Simulated::default();
    let cfg = LogConfig { disk_reserve_bytes: 10_000, ..small(true) };
    let log = Log::open_on(Disk::Simulated(disk.clone()), cfg, key(), Clock::System).unwrap();
    disk.set_capacity(Some(disk.used() + 9_000));
    assert_eq!(log.append(draft(exchange(2), "request")).unwrap().wait(), Err(AppendError::DiskFull));
    let own = Draft { exchange: None, ..draft(exchange(2), "request") };
    assert!(log.append(own).unwrap().wait().is_ok());
}

#[test]
fn after_a_failed_write_the_log_goes_on_and_after_a_failed_sync_it_must_be_opened_again() {
    let disk = Simulated::default();
    let log = Log::open_on(Disk::Simulated(disk.clone()), small(true), key(), Clock::System).unwrap();
    log.publish().unwrap();
    disk.fail_write_in(1);
    assert_eq!(log.append(draft(exchange(1), "request")).unwrap().wait(), Err(AppendError::DiskFull));
    assert_eq!(log.append(draft(exchange(2), "request")).unwrap().wait().unwrap().index, 1);
    disk.fail_sync_in(1);
    assert_eq!(log.append(draft(exchange(3), "request")).unwrap().wait(), Err(AppendError::Failed));
    assert!(matches!(log.append(draft(exchange(4), "request")), Err(AppendError::Failed)));
    assert!(!log.state().healthy);
    log.close();
    let disk = disk.restart(&mut Random(11));
    let kept = [(exchange(2), Position { epoch: 1, index: 1 })].into_iter().collect();
    assert_eq!(lost(&disk, &kept), None);
}

#[test]
fn damage_in_the_middle_is_refused_by_file_and_offset() {
    let disk = Disk::Simulated(Simulated::default());
    let cfg = LogConfig { segment_bytes: 1 << 20, ..small(true) };
    let log = Log::open_on(disk.clone(), cfg.clone(), key(), Clock::System).unwrap();
    for n in 0..5 {
        log.append(draft(exchange(n), "request")).unwrap().wait().unwrap();
    }
    log.close();
    let path = Path::new(DIR).join("00000001/segments/00000000000000000000.seg");
    let file = disk.open(&path, disk::Mode::Write).unwrap();
    file.write_all_at(b"x", 900).unwrap();
    match Log::open_on(disk.clone(), cfg.clone(), key(), Clock::System) {
        Err(LogError::Damaged(d)) => assert_eq!((d.path, d.offset < 900), (path.clone(), true)),
        other => panic!("{other:?}"),
    }
    // Of the last group, which the checkpoint file proves to have been durable, too.
    let mut bytes = disk.read(&path, 1 << 20).unwrap().unwrap();
    bytes[900] = 0;
    let end = file.len().unwrap() - 40;
    file.write_all_at(b"x", end).unwrap();
    assert!(Log::open_on(disk, cfg, key(), Clock::System).is_err());
}

#[test]
fn retention_interrupted_at_any_moment_leaves_a_log_that_verifies_and_is_finished_later() {
    for seed in 0..seeds(150) {
        let mut random = Random(seed);
        let mut disk = Simulated::default();
        let clock = Clock::manual(Millis(1_780_000_000_000));
        let cfg = LogConfig { segment_bytes: 4_000, ..small(true) };
        let log = Log::open_on(Disk::Simulated(disk.clone()), cfg.clone(), key(), clock.clone()).unwrap();
        for n in 0..20 {
            log.append(draft(exchange(n), "request")).unwrap().wait().unwrap();
        }
        clock.advance(40 * 86_400_000);
        disk.cut_power_in(1 + random.below(60));
        let policy = retention::RetentionPolicy { records_days: Some(30) };
        let _ = retention::run(&log, policy, clock.now());
        log.close();
        disk = disk.restart(&mut random);
        assert_eq!(lost(&disk, &Acknowledged::new()), None, "seed {seed}");
        let log = Log::open_on(Disk::Simulated(disk.clone()), cfg, key(), clock.clone()).unwrap();
        retention::run(&log, policy, clock.now()).unwrap();
        let archive = Archive::open_on(Disk::Simulated(disk.clone()), DIR);
        for n in 0..20 {
            assert_eq!(archive.find(exchange(n)).unwrap()[0].record(), None, "seed {seed}");
        }
        log.publish().unwrap();
        let report = archive.verify(Span::All, &verifier(), None).unwrap();
        assert_eq!(report.problems, [], "seed {seed}");
        assert_eq!(report.erased, 20);
    }
}

#[test]
fn a_group_whose_sync_failed_is_made_durable_before_the_next_one_stands_behind_it() {
    for seed in 0..400 {
        let mut random = Random(seed);
        let disk = Simulated::default();
        let open = |disk: &Simulated| {
            Log::open_driven(
                Disk::Simulated(disk.clone()),
                LogConfig { segment_bytes: 1 << 20, ..small(true) },
                key(),
                Clock::System,
            )
        };
        let (log, mut driver) = open(&disk).unwrap();
        let mut large = draft(exchange(1), "request");
        large.record = vec![b' '; 4000].into();
        disk.fail_sync_in(1);
        let unacknowledged = log.append(large).unwrap();
        driver.step();
        assert!(unacknowledged.wait().is_err());
        drop((log, driver));
        // The process starts again; the machine was never without power. What it reads may be in memory only.
        let (log, mut driver) = open(&disk).unwrap();
        let ticket = log.append(draft(exchange(2), "request")).unwrap();
        disk.cut_power_in(1 + random.below(3));
        driver.step();
        let acknowledged = ticket.wait().is_ok();
        drop((log, driver));
        let disk = disk.restart(&mut random);
        let (log, _driver) = open(&disk).unwrap_or_else(|e| panic!("seed {seed}: {e}"));
        let found = Archive::open_on(Disk::Simulated(disk), DIR).find(exchange(2)).unwrap();
        assert!(!acknowledged || !found.is_empty(), "seed {seed}: an acknowledged record is gone");
        drop(log);
    }
}
