//! Other implementations of tlog-tiles, signed notes and checkpoints agree with ours, on our files.
#![allow(clippy::unwrap_used)]

mod common;
use common::*;
use lgsp_evidence::hash::{self, HASH_LEN};
use lgsp_evidence::tree::*;
use lgsp_evidence::*;
use proptest::prelude::*;
use signed_note::{Note, StandardVerifier, VerifierList};
use std::convert::Infallible;
use std::path::PathBuf;
use tlog_tiles::{HashReader, Tile, TileHashReader, TileReader};

/// Reads our tile files for the oracle.
struct Files(PathBuf);

impl TileReader for Files {
    fn height(&self) -> u8 {
        8
    }
    fn read_tiles(&self, tiles: &[Tile]) -> Result<Vec<Vec<u8>>, tlog_tiles::Error> {
        let read = |t: &Tile| {
            let path = tiles::tile_path(&self.0, Some(t.level().into()), t.level_index(), t.width() as usize);
            std::fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
        };
        Ok(tiles.iter().map(read).collect())
    }
    fn save_tiles(&self, _: &[Tile], _: &[Vec<u8>]) {}
}

#[test]
fn an_oracle_checks_our_checkpoint_and_proves_our_entries_from_our_tiles() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path());
    let tickets: Vec<_> = (0..700).map(|n| log.append(draft(exchange(n), "request")).unwrap()).collect();
    for t in tickets {
        t.wait().unwrap();
    }
    log.publish().unwrap();
    let epoch = dir.path().join("00000001");
    let note = Note::from_bytes(&std::fs::read(epoch.join("checkpoint")).unwrap()).unwrap();
    let theirs = StandardVerifier::new(&key().verifier()).unwrap();
    let (known, _) = note.verify(&VerifierList::new(vec![Box::new(theirs)])).unwrap();
    assert_eq!(known.len(), 1);
    let checkpoint = tlog_tiles::Checkpoint::from_bytes(note.text()).unwrap();
    assert_eq!((checkpoint.origin(), checkpoint.size()), ("lgsp/tinh-test/log/1", 701));

    let files = Files(epoch.clone());
    let reader = TileHashReader::new(701, *checkpoint.hash(), &files);
    assert_eq!(tlog_tiles::tree_hash(701, &reader).unwrap(), *checkpoint.hash());
    let archive = Archive::open(dir.path());
    for index in [0, 1, 255, 256, 511, 512, 600, 700] {
        let found = archive.entries(1, index..index + 1).unwrap().next().unwrap().unwrap();
        let proof = tlog_tiles::prove_record(701, index, &reader).unwrap();
        let leaf = tlog_tiles::record_hash(&found.entry);
        tlog_tiles::check_record(&proof, 701, *checkpoint.hash(), index, leaf).unwrap();
        if let Some(exchange) = found.exchange {
            let ours = &archive.prove(exchange, false).unwrap().entries[0].path;
            let theirs: Vec<_> = proof.iter().map(|h| Hash(h.0).base64()).collect();
            assert_eq!(*ours, theirs, "the path of entry {index}");
        }
        // The bundle holds the entry, with its length before it.
        let width = if index < 512 { 256 } else { 701 % 256 };
        let bundle = std::fs::read(tiles::tile_path(&epoch, None, index / 256, width)).unwrap();
        let at = (index % 256) as usize * tiles::BUNDLE_STEP;
        assert_eq!(bundle[at..at + 2], [0, 33]);
        assert_eq!(bundle[at + 2..at + tiles::BUNDLE_STEP], found.entry);
    }
    log.close();
    // The tiles are made again when they are gone.
    std::fs::remove_dir_all(epoch.join("tile")).unwrap();
    let log = open(dir.path());
    log.publish().unwrap();
    assert_eq!(
        tlog_tiles::tree_hash(701, &TileHashReader::new(701, *checkpoint.hash(), &files)).unwrap(),
        *checkpoint.hash()
    );
}

/// All hashes of a tree, for the oracle.
struct Stored(Vec<tlog_tiles::Hash>);
impl HashReader for Stored {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<tlog_tiles::Hash>, tlog_tiles::Error> {
        Ok(indexes.iter().map(|i| self.0[*i as usize]).collect())
    }
}

fn leaves(n: u64) -> Vec<Hash> {
    (0..n).map(|i| hash::leaf(&i.to_be_bytes())).collect()
}
fn stored(n: u64) -> Stored {
    let mut s = Stored(Vec::new());
    for i in 0..n {
        let more = tlog_tiles::stored_hashes(i, &i.to_be_bytes(), &s).unwrap();
        s.0.extend(more);
    }
    s
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]
    #[test]
    fn roots_paths_and_consistency_proofs_agree_with_an_oracle(size in 1u64..700, a in 0u64..700, b in 1u64..700) {
        let (all, theirs) = (leaves(size), stored(size));
        let mut full = |level: u32, n: u64| -> Result<Hash, Infallible> {
            Ok(root_of(&all[(n << level) as usize..((n + 1) << level) as usize]))
        };
        let root = root_of(&all);
        prop_assert_eq!(root.0, tlog_tiles::tree_hash(size, &theirs).unwrap().0);
        prop_assert_eq!(frontier(size, &mut full).unwrap().root(), root);
        let index = a % size;
        let path = inclusion_path(index, size, &mut full).unwrap();
        let oracle: Vec<_> = tlog_tiles::prove_record(size, index, &theirs).unwrap().iter().map(|h| Hash(h.0)).collect();
        prop_assert_eq!(&path, &oracle);
        prop_assert_eq!(root_from_path(all[index as usize], index, size, &path), Some(root));
        prop_assert_ne!(root_from_path(all[index as usize], index + 1, size, &path), Some(root));
        let mut wrong = path.clone();
        if let Some(h) = wrong.first_mut() { h.0[a as usize % HASH_LEN] ^= 1; }
        prop_assert_eq!(root_from_path(all[index as usize], index, size, &wrong) == Some(root), path.is_empty());
        let old = 1 + b % size;
        let proof = consistency_proof(old, size, &mut full).unwrap();
        let oracle: Vec<_> = tlog_tiles::prove_tree(size, old, &theirs).unwrap().iter().map(|h| Hash(h.0)).collect();
        prop_assert_eq!(&proof, &oracle);
        let old_root = root_of(&all[..old as usize]);
        prop_assert!(check_consistency(old, old_root, size, root, &proof));
        prop_assert!(old == size || !check_consistency(old, root, size, root, &proof));
    }

    #[test]
    fn reading_notes_keys_frames_and_proofs_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..600), text in ".{0,200}") {
        let _ = frame::read(&bytes);
        let _ = check_proof(&bytes, &verifier());
        let _ = verifier().check(&text);
        let _ = verifier().check(&format!("{text}\n\n\u{2014} {text} AAAAAAA=\n"));
        let _ = Verifier::parse(&text);
    }
}
