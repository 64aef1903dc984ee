//! The layer under a real process: this test starts itself again, as a child that writes and is killed; what was synced is there after
//! the cut, and the rest is what a disk may have kept.
#![allow(clippy::unwrap_used, missing_docs)]

use lgsp_powercut::PowerCut;
use std::fs::{self, File, OpenOptions};
use std::io::{BufRead, BufReader, Seek, SeekFrom, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::{Command, Stdio};

const ROLE: &str = "LGSP_POWERCUT_TEST_ROLE";

/// Runs a role in a child under the layer until it says `ready`, and kills it.
fn die_after(role: &str, folder: &Path, power: &PowerCut) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "a_child_of_this_test", "--nocapture"])
        .env(ROLE, role)
        .envs(power.env())
        .current_dir(folder)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let ready = lines.map_while(Result::ok).any(|line| line.ends_with("ready"));
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(ready, "the child came to its end");
}

fn sync_folder(path: &str) {
    File::open(path).unwrap().sync_all().unwrap();
}

fn put(name: &str, content: &[u8], synced: bool) {
    let mut file = File::create(name).unwrap();
    file.write_all(content).unwrap();
    if synced {
        file.sync_data().unwrap();
    }
}

/// What the child does; as a test of its own it does nothing.
#[test]
fn a_child_of_this_test() {
    let Ok(role) = std::env::var(ROLE) else { return };
    match role.as_str() {
        "content" => {
            put("synced", &[b'a'; 10_000], true);
            put("not-synced", &[b'a'; 10_000], false);
            sync_folder(".");
            let file = OpenOptions::new().write(true).open("synced").unwrap();
            file.write_all_at(&[b'b'; 5_000], 2_500).unwrap();
            file.write_all_at(b"beyond the end", 20_000).unwrap();
            let mut appended = OpenOptions::new().append(true).open("synced").unwrap();
            appended.write_all(b"more").unwrap();
            let mut twin = appended.try_clone().unwrap();
            twin.seek(SeekFrom::Start(0)).unwrap();
            twin.write_all(b"and more").unwrap();
        }
        "lengths" => {
            for name in ["cut", "truncated", "grown"] {
                put(name, &[b'a'; 10_000], true);
            }
            sync_folder(".");
            OpenOptions::new().write(true).open("cut").unwrap().set_len(100).unwrap();
            File::create("truncated").unwrap();
            OpenOptions::new().write(true).open("grown").unwrap().set_len(1 << 20).unwrap();
        }
        "names" => {
            put("old", b"old", true);
            put("target", b"target", true);
            put("doomed", b"doomed", true);
            sync_folder(".");
            put("new", b"new", true);
            fs::create_dir_all("folder/deep").unwrap();
            put("folder/deep/file", b"x", true);
            fs::rename("old", "target").unwrap();
            fs::remove_file("doomed").unwrap();
            // The number of the removed file is free for this one.
            put("reborn", b"reborn", true);
        }
        "names-synced" => {
            put("old", b"old", true);
            put("target", b"target", true);
            put("doomed", b"doomed", true);
            fs::create_dir_all("folder/deep").unwrap();
            put("folder/deep/file", b"x", true);
            fs::rename("old", "target").unwrap();
            fs::remove_file("doomed").unwrap();
            for folder in [".", "folder", "folder/deep"] {
                sync_folder(folder);
            }
        }
        "copy" => {
            put("a", &[b'a'; 100_000], true);
            fs::copy("a", "b").unwrap();
            sync_folder(".");
        }
        other => panic!("no role {other}"),
    }
    println!("ready");
    std::thread::park();
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

fn read(folder: &Path, name: &str) -> Option<Vec<u8>> {
    fs::read(folder.join(name)).ok()
}

#[test]
fn synced_content_survives_and_the_rest_is_lost() {
    let at = folder();
    let power = PowerCut::new(at.path());
    die_after("content", at.path(), &power);
    assert_ne!(read(at.path(), "synced").unwrap(), [b'a'; 10_000], "before the cut it is all there");

    let cut = power.cut(0);

    assert_eq!(read(at.path(), "synced").unwrap(), [b'a'; 10_000]);
    assert_eq!(read(at.path(), "not-synced").unwrap(), b"");
    assert!(cut.syncs == 2 && cut.pending_writes == 5 && cut.lost_sectors > 20, "{cut:?}");
}

#[test]
fn a_random_part_of_what_was_not_synced_survives_sector_by_sector_and_the_same_for_the_same_seed() {
    let (mut outcomes, mut again) = (Vec::new(), Vec::new());
    for seed in [1, 2, 4, 5, 7, 8, 1, 2] {
        let at = folder();
        let power = PowerCut::new(at.path());
        die_after("content", at.path(), &power);
        power.cut(seed);
        let synced = read(at.path(), "synced").unwrap();
        assert!(synced.len() >= 10_000 && synced[..500].iter().skip(8).all(|b| *b == b'a'));
        assert!(synced[2_500..7_500].iter().all(|b| matches!(b, b'a' | b'b')), "old or new, never else");
        // Within a sector all bytes of one write share their fate.
        for sector in synced[2_560..7_168].chunks(512) {
            assert!(sector.iter().all(|b| *b == sector[0]));
        }
        if outcomes.len() < 6 { outcomes.push(synced) } else { again.push(synced) }
    }
    assert_eq!(again, outcomes[..2]);
    outcomes.sort();
    outcomes.dedup();
    assert!(outcomes.len() > 2, "different seeds, different disks");
}

#[test]
fn lengths_are_lost_with_the_content_cut_off() {
    let at = folder();
    let power = PowerCut::new(at.path());
    die_after("lengths", at.path(), &power);
    assert_eq!(read(at.path(), "cut").unwrap().len(), 100);
    power.cut(0);
    for name in ["cut", "truncated", "grown"] {
        assert_eq!(read(at.path(), name).unwrap(), [b'a'; 10_000], "{name}");
    }
}

#[test]
fn names_are_lost_until_their_folder_is_synced() {
    let at = folder();
    let power = PowerCut::new(at.path());
    die_after("names", at.path(), &power);
    let cut = power.cut(0);
    assert_eq!(read(at.path(), "old").as_deref(), Some(&b"old"[..]));
    assert_eq!(read(at.path(), "target").as_deref(), Some(&b"target"[..]));
    assert_eq!(read(at.path(), "doomed").as_deref(), Some(&b"doomed"[..]));
    for gone in ["new", "folder", "reborn"] {
        assert!(!at.path().join(gone).exists(), "{gone}");
    }
    assert_eq!((cut.pending_names, cut.lost_names), (7, 7));
}

#[test]
fn names_are_kept_in_their_order_or_not_at_all() {
    for seed in [1, 2, 4, 5, 7, 8, 10, 11] {
        let at = folder();
        let power = PowerCut::new(at.path());
        die_after("names", at.path(), &power);
        power.cut(seed);
        let kept: Vec<bool> = [
            at.path().join("new").exists(),
            at.path().join("folder/deep/file").exists(),
            !at.path().join("old").exists(),
            !at.path().join("doomed").exists(),
            at.path().join("reborn").exists(),
        ]
        .into();
        assert!(kept.is_sorted_by(|a, b| a >= b), "seed {seed}: {kept:?}");
        let target = read(at.path(), "target").unwrap();
        assert_eq!(target, if kept[2] { &b"old"[..] } else { b"target" });
    }
}

#[test]
fn names_in_synced_folders_survive() {
    for seed in [0, 1] {
        let at = folder();
        let power = PowerCut::new(at.path());
        die_after("names-synced", at.path(), &power);
        power.cut(seed);
        assert_eq!(read(at.path(), "target").as_deref(), Some(&b"old"[..]));
        assert_eq!(read(at.path(), "folder/deep/file").as_deref(), Some(&b"x"[..]));
        assert!(!at.path().join("old").exists() && !at.path().join("doomed").exists());
    }
}

#[test]
fn without_syncs_nothing_survives() {
    let at = folder();
    fs::write(at.path().join("before"), b"before").unwrap();
    let power = PowerCut::new(at.path()).without_sync();
    die_after("content", at.path(), &power);
    let cut = power.cut(0);
    let left: Vec<_> = fs::read_dir(at.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(left, ["before"]);
    assert_eq!(cut.syncs, 0);
}

#[test]
fn a_copied_file_is_not_durable_by_itself() {
    let at = folder();
    let power = PowerCut::new(at.path());
    die_after("copy", at.path(), &power);
    assert_eq!(read(at.path(), "b").unwrap().len(), 100_000);
    power.cut(0);
    assert_eq!(read(at.path(), "a").unwrap().len(), 100_000);
    assert_eq!(read(at.path(), "b").unwrap(), b"");
}
