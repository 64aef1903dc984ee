//! Given an exchange in the log, then a file proves it to whoever has the node's public key, and nothing else is believed.
#![allow(clippy::unwrap_used)]

mod common;
use common::*;
use lgsp_evidence::*;
use lgsp_kernel::record::*;
use lgsp_kernel::{Clock, ExchangeId};
use std::path::Path;

fn with_body(id: ExchangeId, body: &[u8]) -> Draft {
    let digest = MessageDigest {
        head: String::new(),
        body: Some(hash::sha256(body).base64()),
        bytes: Some(body.len() as u64),
    };
    let mut r = record(id, Part::Answer);
    r.answer = Some(Leg { received: Some(digest), sent: None });
    r.outcome = Outcome::Answered;
    Draft { bodies: vec![(BodyRole::Answer, body.to_vec().into())], ..Draft::of(Some(id), bytes_of(r)) }
}

fn log_with(dir: &Path, id: ExchangeId) -> Log {
    let log = open(dir);
    let mut tickets = vec![log.append(draft(id, "request")).unwrap()];
    tickets.extend((100..400).map(|n| log.append(draft(exchange(n), "request")).unwrap()));
    tickets.push(log.append(with_body(id, b"<tra-loi/>")).unwrap());
    for t in tickets {
        t.wait().unwrap();
    }
    log
}

#[test]
fn a_proof_made_while_the_log_is_written_is_checked_with_the_public_key_alone() {
    let dir = tempfile::tempdir().unwrap();
    let id = exchange(1);
    let _log = log_with(dir.path(), id);
    let json = Archive::open(dir.path()).prove(id, true).unwrap().to_json();
    let shown = check_proof(&json, &verifier()).unwrap();
    assert_eq!(shown.exchange, id);
    let parts: Vec<_> = shown
        .entries
        .iter()
        .map(|e| match e.record.as_ref().unwrap() {
            Entry::Exchange(r) => (r.part, e.bodies.len()),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(parts, [(Part::Request, 0), (Part::Answer, 1)]);
    assert_eq!(shown.entries[1].bodies[0].1, b"<tra-loi/>");
    let slim = Archive::open(dir.path()).prove(id, false).unwrap();
    assert!(slim.entries.iter().all(|e| e.bodies.is_empty()));
}

#[test]
fn a_proof_with_anything_changed_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let id = exchange(1);
    let _log = log_with(dir.path(), id);
    let good = Archive::open(dir.path()).prove(id, true).unwrap();
    type Change = (&'static str, fn(&mut ProofFile));
    let changes: [Change; 9] = [
        ("record", |p| {
            p.entries[0].record = Some(p.entries[0].record.clone().unwrap().replace("rest", "soap"))
        }),
        ("salt", |p| p.entries[0].salt = p.entries[1].salt.clone()),
        ("entry", |p| p.entries[0].entry = p.entries[1].entry.clone()),
        ("index", |p| p.entries[0].index += 1),
        ("path", |p| drop(p.entries[0].path.pop())),
        ("epoch", |p| p.entries[0].epoch = 2),
        ("exchange", |p| p.exchange = exchange(100)),
        ("body", |p| p.entries[1].bodies[0].bytes = "PGtoYWMvPg==".into()),
        ("checkpoint", |p| p.checkpoints[0] = p.checkpoints[0].replacen("\n303\n", "\n304\n", 1)),
    ];
    for (what, change) in changes {
        let mut bad = good.clone();
        change(&mut bad);
        assert_ne!(bad, good, "{what}");
        assert!(check_proof(&bad.to_json(), &verifier()).is_err(), "{what}");
    }
    let stranger = Verifier::parse(&LogKey::for_node(NODE, [8; 32]).verifier()).unwrap();
    assert!(matches!(check_proof(&good.to_json(), &stranger), Err(ProofError::Checkpoint { .. })));
    assert!(matches!(check_proof(b"{}", &verifier()), Err(ProofError::Format(_))));
}

#[test]
fn proofs_are_made_from_the_segments_where_tiles_are_missing_or_wrong() {
    let dir = tempfile::tempdir().unwrap();
    let id = exchange(1);
    let log = log_with(dir.path(), id);
    log.close();
    let tile = dir.path().join("00000001/tile/0/000");
    let mut bytes = std::fs::read(&tile).unwrap();
    bytes[40] ^= 1;
    std::fs::write(&tile, bytes).unwrap();
    let archive = Archive::open(dir.path());
    check_proof(&archive.prove(id, false).unwrap().to_json(), &verifier()).unwrap();
    std::fs::remove_dir_all(dir.path().join("00000001/tile")).unwrap();
    check_proof(&archive.prove(id, false).unwrap().to_json(), &verifier()).unwrap();
    assert!(matches!(archive.prove(exchange(9), false), Err(ArchiveError::Missing(_))));
}

#[test]
fn a_restored_log_begins_an_epoch_that_names_the_last_checkpoint_and_a_fork_is_found() {
    let (dir, backup) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let id = exchange(1);
    let log = log_with(dir.path(), id);
    let kept = Archive::open(dir.path()).copy_for_backup(backup.path()).unwrap();
    assert_eq!(kept.size, 303);
    log.append(draft(exchange(900), "request")).unwrap().wait().unwrap();
    log.close();

    assert_eq!(epoch::open_next(backup.path(), Some(&kept.note), "restored").unwrap(), 2);
    let log = open(backup.path());
    assert_eq!(
        log.append(draft(exchange(2), "request")).unwrap().wait().unwrap(),
        Position { epoch: 2, index: 1 }
    );
    log.publish().unwrap();
    let archive = Archive::open(backup.path());
    assert_eq!(archive.find(id).unwrap().len(), 2, "what was before is still found");
    let report = archive.verify(Span::All, &verifier(), Some(&kept.note)).unwrap();
    assert_eq!((report.problems.as_slice(), report.epochs.len()), (&[][..], 2));
    check_proof(&archive.prove(exchange(2), false).unwrap().to_json(), &verifier()).unwrap();

    // The old disk turns up: it had gone on.
    std::fs::remove_dir_all(backup.path().join("00000001")).unwrap();
    let mut copy = std::process::Command::new("cp");
    assert!(copy.arg("-r").arg(dir.path().join("00000001")).arg(backup.path()).status().unwrap().success());
    let report = archive.verify(Span::All, &verifier(), None).unwrap();
    let fork = report.problems.iter().find(|p| p.kind == ProblemKind::Epoch).unwrap();
    assert_eq!((fork.epoch, fork.entries), (1, Some((303, 304))));
    assert!(fork.what.contains("fork"));
}

#[test]
fn bodies_and_records_are_erased_when_due_and_the_rest_stays_provable() {
    const DAY: i64 = 86_400_000;
    let dir = tempfile::tempdir().unwrap();
    let clock = Clock::manual(exchange(0).time());
    let log = Log::open(config(dir.path()), key(), clock.clone()).unwrap();
    let (old, new) = (exchange(1), exchange(2));
    let until = clock.now().plus_seconds(10 * 86_400);
    log.append(Draft { bodies_until: Some(until), ..with_body(old, &[b'x'; 5000]) }).unwrap().wait().unwrap();
    let policy = retention::RetentionPolicy { records_days: Some(30) };
    let ahead = forecast::forecast(&Archive::open(dir.path()), policy, clock.now()).unwrap();
    assert!(ahead.erased_by[0].1 >= 5000, "{ahead:?}");

    assert_eq!(retention::run(&log, policy, clock.now()).unwrap().segments, 0, "nothing is due");
    clock.advance(11 * DAY);
    let done = retention::run(&log, policy, clock.now()).unwrap();
    assert_eq!((done.bodies, done.records, done.bytes > 5000), (1, 0, true));
    let archive = Archive::open(dir.path());
    let found = &archive.find(old).unwrap()[0];
    assert!(found.record().is_some() && found.bodies.is_empty() && found.bodies_erased);

    clock.advance(20 * DAY);
    log.append(draft(new, "request")).unwrap().wait().unwrap();
    assert_eq!(retention::run(&log, policy, clock.now()).unwrap().records, 1);
    log.publish().unwrap();
    assert_eq!(archive.find(old).unwrap()[0].record(), None);
    assert!(archive.find(new).unwrap()[0].record().is_some());
    let report = archive.verify(Span::All, &verifier(), None).unwrap();
    assert_eq!((report.problems.as_slice(), report.erased), (&[][..], 1));
    let shown = check_proof(&archive.prove(old, true).unwrap().to_json(), &verifier()).unwrap();
    assert_eq!(shown.entries[0].record, None, "that there was an entry is still shown, what it said is not");
    log.close();
    let log = Log::open(config(dir.path()), key(), clock.clone()).unwrap();
    assert_eq!(retention::run(&log, policy, clock.now()).unwrap(), retention::Erased::default());
    let segment = std::fs::read(dir.path().join("00000001/segments/00000000000000000000.seg")).unwrap();
    assert!(!segment.windows(8).any(|w| w == b"chi-tiet"), "nothing of the record is in the file");
}

#[test]
fn search_takes_the_records_of_an_exchange_together() {
    let dir = tempfile::tempdir().unwrap();
    let log =
        Log::open(LogConfig { segment_bytes: 3000, ..config(dir.path()) }, key(), Clock::System).unwrap();
    for n in 0..30 {
        let id = exchange(n);
        let mut request = record(id, Part::Request);
        request.caller =
            Some(CallerRecord { system: format!("he-thong-{}", n % 3), ..CallerRecord::default() });
        request.stated = Some(Stated { dossier: Some(format!("H01.{n:03}")), ..Stated::default() });
        log.append(Draft::of(Some(id), bytes_of(request))).unwrap().wait().unwrap();
    }
    for n in 0..30 {
        let mut answer = record(exchange(n), Part::Answer);
        (answer.service, answer.operation) = (None, None);
        answer.outcome = if n % 2 == 0 { Outcome::Answered } else { Outcome::Unknown };
        log.append(Draft::of(Some(exchange(n)), bytes_of(answer))).unwrap().wait().unwrap();
    }
    let archive = Archive::open(dir.path());
    let search = |f: Filter| archive.search(&f).unwrap();
    let found = search(Filter {
        consumer: Some("he-thong-0".into()),
        outcome: Some(Outcome::Unknown),
        limit: 100,
        ..Filter::default()
    });
    let ids: Vec<_> = found.iter().map(|h| h.exchange).collect();
    assert_eq!(ids, [27, 21, 15, 9, 3].map(exchange), "the newest first");
    assert_eq!((found[0].positions.len(), found[0].record.service.as_deref()), (2, Some("csdl-dkdn")));
    assert_eq!(search(Filter { dossier: Some("H01.007".into()), limit: 10, ..Filter::default() }).len(), 1);
    assert_eq!(search(Filter { limit: 4, ..Filter::default() }).len(), 4);
    let late = Filter { from: Some(exchange(25).time()), limit: 100, ..Filter::default() };
    assert_eq!(search(late).len(), 5);
    assert_eq!(search(Filter { service: Some("khac".into()), limit: 10, ..Filter::default() }), []);
}
