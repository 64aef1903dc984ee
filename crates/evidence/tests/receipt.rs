//! Given a log, when records are appended with receipts, or its key is on a token, then receipts show what they say, and a slow or absent token
//! loses nothing.
#![allow(clippy::unwrap_used)]

mod common;
use common::*;
use lgsp_evidence::tree::{check_consistency, root_from_path};
use lgsp_evidence::*;
use lgsp_kernel::Clock;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

fn holds(receipt: &Receipt, draft: &Draft) {
    let entry = hash::commit(&receipt.salt, &draft.record);
    let root =
        root_from_path(hash::leaf(&entry), receipt.position.index, receipt.checkpoint.size, &receipt.path);
    assert_eq!(root, Some(receipt.checkpoint.root), "{receipt:?}");
    verifier().check(&receipt.checkpoint.note).unwrap();
}

#[test]
fn every_receipt_leads_from_its_record_to_a_signed_checkpoint() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path());
    std::thread::scope(|s| {
        for t in 0..4u64 {
            let log = log.clone();
            s.spawn(move || {
                for burst in 0..40u64 {
                    let drafts: Vec<_> = (0..burst)
                        .map(|i| draft(exchange(t * 10_000 + burst * 100 + i), "request"))
                        .collect();
                    let plain = log.append(draft(exchange(t), "answer")).unwrap();
                    let tickets: Vec<_> =
                        drafts.iter().map(|d| log.append_with_receipt(d.clone()).unwrap()).collect();
                    for (ticket, draft) in tickets.into_iter().zip(&drafts) {
                        holds(&ticket.wait().unwrap(), draft);
                    }
                    plain.wait().unwrap();
                }
            });
        }
    });
    log.close();
    let log = open(dir.path());
    let last = draft(exchange(99_999), "request");
    let receipt = log.append_with_receipt(last.clone()).unwrap().wait().unwrap();
    holds(&receipt, &last);
    assert_eq!(receipt.checkpoint, log.checkpoint());
    let archive = Archive::open(dir.path());
    assert_eq!(archive.inclusion(receipt.position.index, &receipt.checkpoint).unwrap(), receipt.path);
}

/// The key of the tests, on a token that takes its time and may be away.
struct Token {
    away: AtomicBool,
    lies: AtomicBool,
    signatures: AtomicU64,
    takes: Duration,
}

impl Token {
    fn new(takes: Duration) -> Arc<Self> {
        Arc::new(Self {
            away: AtomicBool::new(false),
            lies: AtomicBool::new(false),
            signatures: AtomicU64::new(0),
            takes,
        })
    }
    fn key(self: &Arc<Self>) -> LogKey {
        let (token, inner) =
            (self.clone(), aws_lc_rs::signature::Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap());
        let sign = move |bytes: &[u8]| {
            std::thread::sleep(token.takes);
            token.signatures.fetch_add(1, Ordering::Relaxed);
            if token.away.load(Ordering::Relaxed) {
                return Err("the token was taken out".to_owned());
            }
            let mut signature: [u8; 64] = inner.sign(bytes).as_ref().try_into().unwrap();
            signature[7] ^= u8::from(token.lies.load(Ordering::Relaxed));
            Ok(signature)
        };
        LogKey::external(key().name(), key().public(), Arc::new(sign))
    }
    fn open(self: &Arc<Self>, dir: &Path) -> Log {
        Log::open(config(dir), self.key(), Clock::System).unwrap()
    }
}

#[test]
fn a_token_of_fifty_signatures_a_second_carries_thousands_of_records() {
    let dir = tempfile::tempdir().unwrap();
    let token = Token::new(Duration::from_millis(20));
    let log = token.open(dir.path());
    assert_eq!(log.verifier(), key().verifier());
    let begun = Instant::now();
    let tickets: Vec<_> =
        (0..10_000).map(|n| log.append_with_receipt(draft(exchange(n), "request")).unwrap()).collect();
    for t in tickets {
        t.wait().unwrap();
    }
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    assert!(token.signatures.load(Ordering::Relaxed) < 60);
    log.close();
    assert!(Archive::open(dir.path()).verify(Span::All, &verifier(), None).unwrap().ok);
    // Who has the key at hand opens the same log.
    open(dir.path());
}

#[test]
fn while_the_token_is_away_nothing_is_acknowledged_and_it_goes_on_when_it_is_back() {
    let dir = tempfile::tempdir().unwrap();
    let token = Token::new(Duration::ZERO);
    let log = token.open(dir.path());
    log.append(draft(exchange(1), "request")).unwrap().wait().unwrap();
    let before = log.checkpoint();
    for trouble in [&token.away, &token.lies] {
        trouble.store(true, Ordering::Relaxed);
        let refused: Vec<_> = (10..200).map(|n| log.append(draft(exchange(n), "request")).unwrap()).collect();
        assert!(refused.into_iter().all(|t| t.wait() == Err(AppendError::Unsigned)));
        assert_eq!(
            log.append_with_receipt(draft(exchange(2), "request")).unwrap().wait(),
            Err(AppendError::Unsigned)
        );
        assert!(!log.takes_records() && log.state().why.unwrap().contains("sign"));
        assert_eq!(log.checkpoint(), before, "nothing was added");
        trouble.store(false, Ordering::Relaxed);
        // Callers that look first append nothing: the log finds out by itself.
        let until = Instant::now() + Duration::from_secs(5);
        while !log.takes_records() && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(20));
        }
        assert!(log.state().healthy, "{:?}", log.state().why);
    }
    let next = log.append(draft(exchange(3), "request")).unwrap().wait().unwrap();
    assert_eq!(next.index, before.size);
    log.close();
    let archive = Archive::open(dir.path());
    assert!(archive.verify(Span::All, &verifier(), Some(&before.note)).unwrap().ok);
    assert_eq!(archive.find(exchange(10)).unwrap(), []);
}

#[test]
fn a_log_is_not_begun_without_its_token_but_goes_on_reading() {
    let dir = tempfile::tempdir().unwrap();
    let token = Token::new(Duration::ZERO);
    token.away.store(true, Ordering::Relaxed);
    assert!(matches!(Log::open(config(dir.path()), token.key(), Clock::System), Err(LogError::Signing(_))));
    token.away.store(false, Ordering::Relaxed);
    token.open(dir.path()).close();
    token.away.store(true, Ordering::Relaxed);
    let log = token.open(dir.path());
    assert_eq!(log.append(draft(exchange(1), "request")).unwrap().wait(), Err(AppendError::Unsigned));
}

#[test]
fn proofs_between_any_two_checkpoints_are_made_with_tiles_and_without() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path());
    let mut heads = vec![log.checkpoint()];
    for burst in [1, 3, 250, 2, 300, 700, 5] {
        let tickets: Vec<_> =
            (0..burst).map(|n| log.append(draft(exchange(n), "request")).unwrap()).collect();
        tickets.into_iter().for_each(|t| assert!(t.wait().is_ok()));
        heads.push(log.checkpoint());
    }
    let archive = Archive::open(dir.path());
    let all_fit = || {
        for (i, new) in heads.iter().enumerate() {
            for old in &heads[..=i] {
                let proof = archive.consistency(old.size, new).unwrap();
                assert!(
                    check_consistency(old.size, old.root, new.size, new.root, &proof),
                    "{} to {}",
                    old.size,
                    new.size
                );
            }
            let path = archive.inclusion(new.size - 1, new).unwrap();
            let found = archive.entries(1, new.size - 1..new.size).unwrap().next().unwrap().unwrap();
            assert_eq!(
                root_from_path(hash::leaf(&found.entry), new.size - 1, new.size, &path),
                Some(new.root)
            );
        }
    };
    all_fit();
    log.publish().unwrap();
    all_fit();
    std::fs::write(dir.path().join("00000001/tile/0/000"), [9; 8192]).unwrap();
    all_fit();
    let last = heads.last().unwrap();
    assert!(matches!(archive.consistency(last.size + 1, last), Err(ArchiveError::Missing(_))));
    assert!(matches!(archive.inclusion(last.size, last), Err(ArchiveError::Missing(_))));
    let forged = Checkpoint { root: Hash([3; 32]), ..(**last).clone() };
    assert!(matches!(archive.consistency(1, &forged), Err(ArchiveError::Broken(_))));
}

#[test]
fn files_are_served_by_their_names_in_tlog_tiles_and_nothing_else_is() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path());
    let tickets: Vec<_> = (0..300).map(|n| log.append(draft(exchange(n), "request")).unwrap()).collect();
    tickets.into_iter().for_each(|t| assert!(t.wait().is_ok()));
    log.publish().unwrap();
    let archive = Archive::open(dir.path());
    let get = |path| archive.resource(1, path).unwrap();
    assert_eq!(get("checkpoint").unwrap().bytes, log.checkpoint().note.as_bytes());
    assert_eq!(get("tile/0/000").unwrap().bytes.len(), 8192);
    assert_eq!(get("tile/entries/001.p/45").unwrap().bytes.len(), 45 * 35);
    assert!(get("tile/1/000.p/1").unwrap().immutable);
    for none in [
        "tile/0/001",
        "tile/0/002",
        "tile/0/001.p/44",
        "lock",
        "../lock",
        "segments/00000000000000000000.seg",
        "",
    ] {
        assert_eq!(get(none), None, "{none}");
    }
    assert_eq!(archive.resource(7, "checkpoint").unwrap(), None);
}
