//! Given a log, when somebody changes its files, then verifying finds it and names it.
#![allow(clippy::unwrap_used)]

mod common;
use common::*;
use lgsp_evidence::frame::{Frame, MAGIC};
use lgsp_evidence::*;
use lgsp_kernel::{Clock, ExchangeId};
use std::path::{Path, PathBuf};

/// A log of three segments with entries in groups of five, closed.
fn a_log(dir: &Path) -> Vec<ExchangeId> {
    let cfg =
        LogConfig { segment_bytes: 16_000, gather: std::time::Duration::from_millis(50), ..config(dir) };
    let log = Log::open(cfg, key(), Clock::System).unwrap();
    let ids: Vec<_> = (0..60).map(exchange).collect();
    for five in ids.chunks(5) {
        let tickets: Vec<_> = five.iter().map(|id| log.append(draft(*id, "request")).unwrap()).collect();
        for t in tickets {
            t.wait().unwrap();
        }
    }
    log.publish().unwrap();
    log.close();
    ids
}
fn segments_of(dir: &Path) -> Vec<PathBuf> {
    let mut all: Vec<_> = std::fs::read_dir(dir.join("00000001/segments"))
        .unwrap()
        .map(|e| e.unwrap().path())
        .filter(|p| p.extension().unwrap() == "seg")
        .collect();
    all.sort();
    all
}
fn verify(dir: &Path, kept: Option<&str>) -> VerifyReport {
    Archive::open(dir).verify(Span::All, &verifier(), kept).unwrap()
}
/// Whether a problem of this kind names this entry.
fn names(report: &VerifyReport, kind: ProblemKind, index: u64) -> bool {
    report.problems.iter().any(|p| p.kind == kind && p.entries.is_some_and(|(a, b)| (a..b).contains(&index)))
}
/// Splits a segment into frames, lets them be changed, and writes them with right checksums.
fn rewrite(path: &Path, change: impl FnOnce(&mut Vec<Vec<u8>>)) {
    let bytes = std::fs::read(path).unwrap();
    let (mut frames, mut at) = (Vec::new(), MAGIC.len());
    while at < bytes.len() {
        let (_, len) = frame::read(&bytes[at..]).unwrap();
        frames.push(bytes[at..at + len].to_vec());
        at += len;
    }
    change(&mut frames);
    std::fs::write(path, [MAGIC.to_vec(), frames.concat()].concat()).unwrap();
}
/// The place of the frame of an entry.
fn place(frames: &[Vec<u8>], index: u64) -> usize {
    frames
        .iter()
        .position(|f| matches!(frame::read(f).unwrap().0, Frame::Entry { head, .. } if head.index == index))
        .unwrap()
}
/// The frame again with another record, and a commitment that fits it or not.
fn forged(bytes: &[u8], commit: bool, index: Option<u64>) -> Vec<u8> {
    let Frame::Entry { mut head, bodies_until, bodies_erased, salt, record } = frame::read(bytes).unwrap().0
    else {
        panic!("an entry")
    };
    let text = String::from_utf8(record.to_vec()).unwrap().replace("csdl-dkdn", "csdl-dcqg");
    if commit {
        head.entry = hash::commit(salt, text.as_bytes());
    }
    head.index = index.unwrap_or(head.index);
    let mut out = Vec::new();
    Frame::Entry { head, bodies_until, bodies_erased, salt, record: text.as_bytes() }.put(&mut out);
    out
}

#[test]
fn an_untouched_log_verifies_with_and_without_a_kept_checkpoint() {
    let dir = tempfile::tempdir().unwrap();
    a_log(dir.path());
    let head = Archive::open(dir.path()).head(1).unwrap().unwrap();
    let report = verify(dir.path(), Some(&head.note));
    assert_eq!((report.problems.as_slice(), report.ok), (&[][..], true));
    assert_eq!((report.records, report.kept_matches), (61, Some(true)));
    assert!(segments_of(dir.path()).len() >= 2);
    let part = Archive::open(dir.path())
        .verify(Span::Range { epoch: 1, from: 20, to: 25 }, &verifier(), Some(&head.note))
        .unwrap();
    assert_eq!((part.problems.as_slice(), part.kept_matches), (&[][..], Some(true)));
}

#[test]
fn a_changed_record_is_named_with_its_exchange() {
    let dir = tempfile::tempdir().unwrap();
    let ids = a_log(dir.path());
    rewrite(&segments_of(dir.path())[0], |f| {
        let at = place(f, 7);
        f[at] = forged(&f[at], false, None);
    });
    let report = verify(dir.path(), None);
    assert!(names(&report, ProblemKind::Changed, 7), "{report:#?}");
    assert_eq!(report.problems[0].exchange, Some(ids[6]));
    let part = Archive::open(dir.path()).verify(Span::Range { epoch: 1, from: 5, to: 9 }, &verifier(), None);
    assert!(names(&part.unwrap(), ProblemKind::Changed, 7));
}

#[test]
fn a_record_changed_together_with_its_commitment_is_named() {
    let dir = tempfile::tempdir().unwrap();
    a_log(dir.path());
    rewrite(&segments_of(dir.path())[1], |f| {
        let at = f.len() / 2;
        let at = (at..).find(|i| matches!(frame::read(&f[*i]).unwrap().0, Frame::Entry { .. })).unwrap();
        let Frame::Entry { head, .. } = frame::read(&f[at]).unwrap().0 else { panic!() };
        std::fs::write(dir.path().join("which"), head.index.to_string()).unwrap();
        f[at] = forged(&f[at], true, None);
    });
    let which: u64 = std::fs::read_to_string(dir.path().join("which")).unwrap().parse().unwrap();
    let report = verify(dir.path(), None);
    assert_eq!(report.problems.len(), 1, "what follows is right: {report:#?}");
    assert!(names(&report, ProblemKind::Changed, which), "{report:#?}");
    // Without tiles its group is named.
    std::fs::remove_dir_all(dir.path().join("00000001/tile")).unwrap();
    let report = verify(dir.path(), None);
    assert!(names(&report, ProblemKind::Changed, which), "{report:#?}");
}

#[test]
fn a_removed_record_is_named_also_when_the_rest_is_renumbered() {
    for renumber in [false, true] {
        let dir = tempfile::tempdir().unwrap();
        a_log(dir.path());
        rewrite(&segments_of(dir.path())[0], |f| {
            let at = place(f, 7);
            f.remove(at);
            for i in (8..=10).filter(|_| renumber) {
                let at = place(f, i);
                let Frame::Entry { mut head, bodies_until, bodies_erased, salt, record } =
                    frame::read(&f[at]).unwrap().0
                else {
                    panic!()
                };
                head.index -= 1;
                let mut out = Vec::new();
                Frame::Entry { head, bodies_until, bodies_erased, salt, record }.put(&mut out);
                f[at] = out;
            }
        });
        let report = verify(dir.path(), None);
        assert!(names(&report, ProblemKind::Removed, 7), "renumber {renumber}: {report:#?}");
    }
}

#[test]
fn records_in_another_order_and_a_record_put_in_are_named() {
    let dir = tempfile::tempdir().unwrap();
    a_log(dir.path());
    rewrite(&segments_of(dir.path())[0], |f| {
        let (a, b) = (place(f, 7), place(f, 8));
        f.swap(a, b);
    });
    assert!(names(&verify(dir.path(), None), ProblemKind::Reordered, 7));

    let dir = tempfile::tempdir().unwrap();
    a_log(dir.path());
    rewrite(&segments_of(dir.path())[0], |f| {
        let at = place(f, 7);
        let extra = forged(&f[at], true, Some(7));
        f.insert(at, extra);
    });
    let report = verify(dir.path(), None);
    let named = names(&report, ProblemKind::Inserted, 7) || names(&report, ProblemKind::Changed, 7);
    assert!(named, "{report:#?}");
}

#[test]
fn every_flipped_byte_of_a_segment_is_found() {
    let dir = tempfile::tempdir().unwrap();
    a_log(dir.path());
    let path = &segments_of(dir.path())[0];
    let whole = std::fs::read(path).unwrap();
    for at in (0..whole.len()).step_by(61).chain(0..60) {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x20;
        std::fs::write(path, &bytes).unwrap();
        let report = verify(dir.path(), None);
        assert!(!report.ok, "byte {at}");
        assert!(
            report.problems.iter().any(|p| &p.path == path || p.entries.is_some()),
            "byte {at}: {report:#?}"
        );
    }
}

#[test]
fn a_missing_segment_a_cut_end_and_an_older_copy_are_named() {
    let dir = tempfile::tempdir().unwrap();
    a_log(dir.path());
    let segments = segments_of(dir.path());
    let saved = std::fs::read(&segments[1]).unwrap();
    std::fs::remove_file(&segments[1]).unwrap();
    let first: u64 = segments[1].file_stem().unwrap().to_str().unwrap().parse().unwrap();
    assert!(names(&verify(dir.path(), None), ProblemKind::Removed, first));
    std::fs::write(&segments[1], saved).unwrap();
    assert!(verify(dir.path(), None).ok);

    // The end cut off at the end of a group, the checkpoint file replaced by that group's: only a kept checkpoint shows it.
    let kept = Archive::open(dir.path()).head(1).unwrap().unwrap().note;
    let mut earlier = String::new();
    rewrite(segments.last().unwrap(), |f| {
        f.truncate(f.len() - 6);
        let Frame::Group { note, .. } = frame::read(f.last().unwrap()).unwrap().0 else {
            panic!("a group's end")
        };
        earlier = note.to_owned();
    });
    assert!(names(&verify(dir.path(), None), ProblemKind::Removed, 60), "the checkpoint file shows it");
    assert!(Log::open(config(dir.path()), key(), Clock::System).is_err(), "and the log does not go on");
    std::fs::write(dir.path().join("00000001/checkpoint"), earlier).unwrap();
    std::fs::remove_dir_all(dir.path().join("00000001/tile")).unwrap();
    let without = verify(dir.path(), None);
    assert!(!names(&without, ProblemKind::Removed, 60), "nobody but who kept a checkpoint can know");
    let report = verify(dir.path(), Some(&kept));
    assert!(names(&report, ProblemKind::Removed, 60) && !report.ok, "{report:#?}");
}

#[test]
fn a_log_rewritten_and_signed_anew_with_the_key_is_found_by_a_kept_checkpoint() {
    let (a, b) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    a_log(a.path());
    a_log(b.path());
    let kept = Archive::open(a.path()).head(1).unwrap().unwrap().note;
    assert!(verify(b.path(), None).ok, "on its own it is flawless");
    let report = verify(b.path(), Some(&kept));
    assert_eq!((report.ok, report.kept_matches), (false, Some(false)));
    assert!(names(&report, ProblemKind::Checkpoint, 5));
}

#[test]
fn a_forged_checkpoint_file_a_changed_tile_and_an_index_that_hides_are_found() {
    let dir = tempfile::tempdir().unwrap();
    a_log(dir.path());
    let path = dir.path().join("00000001/checkpoint");
    let note = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, note.replacen("61", "62", 1)).unwrap();
    let report = verify(dir.path(), None);
    assert_eq!(report.problems[0].kind, ProblemKind::Signature);
    let stranger = LogKey::for_node(NODE, [9; 32]);
    std::fs::write(&path, stranger.sign("lgsp/tinh-test/log/1", 61, Hash::empty_tree()).unwrap().note)
        .unwrap();
    assert_eq!(verify(dir.path(), None).problems[0].kind, ProblemKind::Signature);
    std::fs::write(&path, note).unwrap();

    let index = segments_of(dir.path())[0].with_extension("idx");
    let good = std::fs::read(&index).unwrap();
    let mut bad = good.clone();
    let last = bad.len() - 32;
    bad[last] ^= 1;
    std::fs::write(&index, bad).unwrap();
    assert_eq!(verify(dir.path(), None).problems[0].kind, ProblemKind::Derived);
    std::fs::write(&index, good).unwrap();
    assert!(verify(dir.path(), None).ok);
}

#[test]
fn content_erased_without_an_erasure_in_the_log_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let ids = a_log(dir.path());
    rewrite(&segments_of(dir.path())[0], |f| {
        let at = place(f, 7);
        let Frame::Entry { head, .. } = frame::read(&f[at]).unwrap().0 else { panic!() };
        let mut out = Vec::new();
        Frame::Erased(head).put(&mut out);
        f[at] = out;
    });
    let report = verify(dir.path(), None);
    assert!(names(&report, ProblemKind::ContentMissing, 7), "{report:#?}");
    assert_eq!(report.problems[0].exchange, Some(ids[6]));
    assert!(report.problems[0].what.contains("without an erasure record"));
}
