//! Given a log, when records are appended, then each is durable, signed, found again, and agreed on by other implementations.
#![allow(clippy::unwrap_used)]

mod common;
use common::*;
use lgsp_evidence::*;
use lgsp_kernel::Clock;

#[test]
fn what_was_appended_is_found_again_after_reopening() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path());
    let id = exchange(1);
    let first = log.append(draft(id, "request")).unwrap().wait().unwrap();
    let second = log.append(draft(id, "answer")).unwrap().wait().unwrap();
    assert_eq!((first.index, second.index), (1, 2), "the epoch's own entry is the first");
    log.close();

    let log = open(dir.path());
    assert_eq!(log.state().size, 3);
    let found = Archive::open(dir.path()).find(id).unwrap();
    let records: Vec<_> = found.iter().map(|f| f.record().unwrap().clone()).collect();
    assert_eq!(records, [draft(id, "request").record, draft(id, "answer").record]);
    assert_eq!(Archive::open(dir.path()).find(exchange(2)).unwrap(), []);
}

#[test]
fn a_second_writer_is_refused_while_the_first_one_lives() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path());
    let second = Log::open(LogConfig::new(dir.path(), NODE), key(), Clock::System);
    assert!(matches!(second, Err(LogError::Locked(_))));
    log.close();
    open(dir.path());
}

#[test]
fn ten_thousand_appends_from_many_threads_each_get_their_own_position() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path());
    let mut indexes: Vec<u64> = std::thread::scope(|s| {
        let threads: Vec<_> = (0..10u64)
            .map(|t| {
                let log = log.clone();
                s.spawn(move || {
                    let tickets: Vec<_> = (0..1000)
                        .map(|i| log.append(draft(exchange(t * 1000 + i), "request")).unwrap())
                        .collect();
                    tickets.into_iter().map(|t| t.wait().unwrap().index).collect::<Vec<_>>()
                })
            })
            .collect();
        threads.into_iter().flat_map(|t| t.join().unwrap()).collect()
    });
    indexes.sort_unstable();
    assert!(indexes.into_iter().eq(1..=10_000));
    assert!(log.state().groups < 1000, "they share syncs: {} groups", log.state().groups);
    assert_eq!(Archive::open(dir.path()).find(exchange(7_123)).unwrap().len(), 1);
}

#[test]
fn a_log_key_of_another_node_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let other = LogKey::for_node("another", [1; 32]);
    assert!(matches!(
        Log::open(LogConfig::new(dir.path(), NODE), other, Clock::System),
        Err(LogError::Config(_))
    ));
}
