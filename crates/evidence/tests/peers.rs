//! Given messages between nodes in the log, then proofs of an exchange take in what was stated and the documents it relies on, and a starting node reads
//! back what it must remember.
#![allow(clippy::unwrap_used)]

mod common;
use base64::{Engine, engine::general_purpose::STANDARD};
use common::*;
use lgsp_evidence::retention::{RetentionPolicy, run};
use lgsp_evidence::*;
use lgsp_kernel::record::*;
use lgsp_kernel::{Clock, ExchangeId, Millis};

const NOW: Millis = Millis(1_790_000_000_000);

fn credential(text: &str) -> CredentialRecord {
    CredentialRecord {
        at: NOW,
        kind: "delegation".into(),
        sha256: hash::sha256(text.as_bytes()).base64(),
        document: STANDARD.encode(text),
    }
}
fn append(log: &Log, id: ExchangeId, entry: &Entry) -> Position {
    log.append(Draft::of(Some(id), serde_json::to_vec(entry).unwrap().into())).unwrap().wait().unwrap()
}
fn statement(id: ExchangeId, key: &str) -> Entry {
    let base = format!(
        "\"@method\": GET\n\"@signature-params\": (\"@method\");created=1;keyid=\"{key}\";tag=\"lgsp-request\""
    );
    Entry::Statement(StatementRecord { exchange: id, base })
}
fn received(id: ExchangeId, delegation: &str) -> Entry {
    Entry::Received(Box::new(ReceivedRecord {
        exchange: id,
        from: "tinh-b".into(),
        agency: "H02".into(),
        mode: "group".into(),
        base: "\"@status\": 200".into(),
        proof: String::new(),
        checkpoint: None,
        delegation: delegation.into(),
    }))
}

/// Documents, one exchange that relies on two of them, others around it.
fn log_of(dir: &std::path::Path, clock: &Clock, id: ExchangeId) -> Log {
    let cfg = LogConfig { segment_bytes: 8 << 10, ..config(dir) };
    let log = Log::open(cfg, key(), clock.clone()).unwrap();
    for text in ["ours", "theirs", "nobody's"] {
        log.append(Draft::credential(credential(text))).unwrap().wait().unwrap();
    }
    for n in 100..200 {
        log.append(draft(exchange(n), "request")).unwrap().wait().unwrap();
    }
    log.append(draft(id, "request")).unwrap().wait().unwrap();
    append(&log, id, &statement(id, &credential("ours").sha256));
    append(&log, id, &received(id, &credential("theirs").sha256));
    log.append(draft(id, "answer")).unwrap().wait().unwrap();
    log
}

#[test]
fn a_proof_holds_what_both_sides_stated_and_the_documents_that_say_who_they_are() {
    let dir = tempfile::tempdir().unwrap();
    let id = exchange(1);
    let _log = log_of(dir.path(), &Clock::System, id);
    let archive = Archive::open(dir.path());
    assert!(archive.verify(Span::All, &verifier(), None).unwrap().ok);
    let file = archive.prove(id, false).unwrap();
    let shown = check_proof(&file.to_json(), &verifier()).unwrap();
    let kinds: Vec<_> = shown
        .entries
        .iter()
        .map(|e| match e.record.as_ref().unwrap() {
            Entry::Credential(c) => String::from_utf8(STANDARD.decode(&c.document).unwrap()).unwrap(),
            Entry::Statement(_) => "statement".into(),
            Entry::Received(_) => "received".into(),
            Entry::Exchange(r) => format!("{:?}", r.part),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(kinds, ["ours", "theirs", "Request", "statement", "received", "Answer"]);
    // Without the message that relies on it a document has no place in the file.
    let mut less = file.clone();
    less.entries.remove(4);
    let refused = check_proof(&less.to_json(), &verifier()).unwrap_err().to_string();
    assert!(refused.contains("relies on this document"), "{refused}");
    // Nor has what another exchange stated.
    let other = exchange(2);
    append(&_log, other, &statement(other, "none"));
    let mut mixed = archive.prove(other, false).unwrap();
    mixed.exchange = id;
    assert!(check_proof(&mixed.to_json(), &verifier()).unwrap_err().to_string().contains("its record is of"));
}

#[test]
fn a_record_filed_under_another_exchange_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path());
    append(&log, exchange(5), &statement(exchange(6), "k"));
    append(&log, exchange(5), &Entry::Credential(credential("ours")));
    let report = Archive::open(dir.path()).verify(Span::All, &verifier(), None).unwrap();
    let kinds: Vec<_> = report.problems.iter().map(|p| (p.kind, p.entries)).collect();
    assert_eq!(kinds, [(ProblemKind::Changed, Some((1, 2))), (ProblemKind::Changed, Some((2, 3)))]);
}

#[test]
fn documents_outlive_the_records_of_their_time_and_are_found_by_their_digest() {
    let dir = tempfile::tempdir().unwrap();
    let (clock, id) = (Clock::manual(NOW), exchange(1));
    let log = log_of(dir.path(), &clock, id);
    clock.advance(40 * 86_400_000);
    let erased = run(&log, RetentionPolicy { records_days: Some(30) }, clock.now()).unwrap();
    assert_eq!(erased.records, 104, "the exchanges' records, and nothing else");
    let archive = Archive::open(dir.path());
    let report = archive.verify(Span::All, &verifier(), None).unwrap();
    assert!(report.ok, "{:?}", report.problems);
    let found = archive.document(&credential("theirs").sha256).unwrap().unwrap();
    assert_eq!(found.position.index, 2);
    assert_eq!(archive.document("of nothing").unwrap(), None);
    assert_eq!(run(&log, RetentionPolicy { records_days: Some(30) }, clock.now()).unwrap().records, 0);
}

#[test]
fn what_was_written_since_a_moment_is_read_back_in_order() {
    let dir = tempfile::tempdir().unwrap();
    let clock = Clock::manual(NOW);
    let cfg = LogConfig { segment_bytes: 4 << 10, ..config(dir.path()) };
    let log = Log::open(cfg, key(), clock.clone()).unwrap();
    let since = |moment: i64, with: bool| {
        let mut found = Vec::new();
        // Another reader each time, as after a start.
        Archive::open(dir.path()).records_since(Millis(moment), with, &mut |r| found.push(r)).unwrap();
        found
    };
    for n in 0..200 {
        clock.advance(1000);
        log.append(draft(exchange(n), "request")).unwrap().wait().unwrap();
        log.append(Draft::credential(credential(&n.to_string()))).unwrap().wait().unwrap();
    }
    assert!(Archive::open(dir.path()).segments(1).unwrap().len() > 5);
    let last_minute = since(clock.now().0 - 59_000, true);
    assert!(last_minute.iter().map(|r| r.exchange).eq((140..200).map(exchange)));
    assert_eq!(last_minute[0].record, Some(draft(exchange(140), "request").record));
    assert_eq!(since(0, false).len(), 200);
    assert!(since(0, false).iter().all(|r| r.record.is_none()));
    assert_eq!(since(clock.now().0 + 1, true), []);
    // The clock is set back: what follows is not overlooked.
    clock.advance(-600_000);
    log.append(draft(exchange(500), "request")).unwrap().wait().unwrap();
    assert!(since(clock.now().0, false).iter().any(|r| r.exchange == exchange(500)));
    log.close();
    epoch::open_next(dir.path(), None, "restored").unwrap();
    let log = Log::open(config(dir.path()), key(), clock.clone()).unwrap();
    clock.advance(700_000);
    log.append(draft(exchange(600), "request")).unwrap().wait().unwrap();
    let both = since(clock.now().0 - 101_000, false);
    assert_eq!(both.last().unwrap().position, Position { epoch: 2, index: 1 });
}
