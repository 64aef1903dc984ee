//! Given a witness, when checkpoints are brought to it, then it cosigns what extends what it saw, and nothing else, whatever crashes and however
//! many come at once.
#![allow(clippy::unwrap_used)]

mod common;
use common::*;
use lgsp_evidence::disk::Simulated;
use lgsp_evidence::disk::simulated::Random;
use lgsp_evidence::{Archive, Disk, Hash, Log, LogConfig, LogKey, note};
use lgsp_kernel::Clock;
use lgsp_witness::cosign::{cosignatures, with_lines};
use lgsp_witness::*;
use proptest::prelude::*;
use std::path::Path;
use std::sync::Arc;

fn cosign_key() -> CosignKey {
    CosignKey::from_seed("hub.ngsp/witness", [3; 32]).unwrap()
}
fn witness_on(disk: &Disk) -> Witness {
    Witness::open_on(disk.clone(), "/witness", cosign_key(), clock(), logs()).unwrap()
}
fn witness() -> Witness {
    witness_on(&Disk::Simulated(Simulated::default()))
}
fn body(old: u64, proof: Vec<Hash>, note: &str) -> Vec<u8> {
    AddCheckpoint { old, proof, note: note.to_owned() }.encode().into_bytes()
}
fn bring(w: &Witness, tree: &Tree, old: u64, new: u64) -> Response {
    w.handle("POST", "/add-checkpoint", &body(old, tree.proof(old, new), &tree.checkpoint(new).note))
}

#[test]
fn a_growing_log_is_cosigned_each_time() {
    let (w, tree) = (witness(), Tree::new(100));
    let verifier = CosignVerifier::parse(&w.verifier()).unwrap();
    let mut old = 0;
    for new in [0, 1, 1, 2, 7, 8, 64, 99, 99, 100] {
        let answer = bring(&w, &tree, old, new);
        assert_eq!(answer.status, 200, "{}", answer.body);
        let note = with_lines(&tree.checkpoint(new).note, answer.body.lines()).unwrap();
        let found = verifier.check(&note).unwrap().unwrap();
        assert_eq!((found.witness.as_str(), found.time), ("hub.ngsp/witness", 1_790_000_000));
        old = new;
    }
    assert_eq!(w.logs()[0].size, 100);
}

#[test]
fn each_refusal_has_the_status_of_the_specification() {
    let (w, tree) = (witness(), Tree::new(100));
    let other = Tree::forked(100, 30);
    assert_eq!(bring(&w, &tree, 0, 50).status, 200);
    let post = |old, proof, note: &str| w.handle("POST", "/add-checkpoint", &body(old, proof, note));
    let conflict = bring(&w, &tree, 0, 60);
    assert_eq!(
        (conflict.status, conflict.content_type, conflict.body.as_str()),
        (409, "text/x.tlog.size", "50\n")
    );
    assert_eq!(bring(&w, &tree, 40, 60).status, 409);
    assert_eq!(bring(&w, &other, 50, 50).status, 409, "another tree of the same size");
    assert_eq!(bring(&w, &other, 50, 60).status, 422, "a fork");
    assert_eq!(post(50, vec![], &tree.checkpoint(60).note).status, 422, "no proof");
    assert_eq!(post(50, tree.proof(1, 2), &tree.checkpoint(50).note).status, 422, "a proof of nothing");
    assert_eq!(post(70, vec![], &tree.checkpoint(60).note).status, 400, "the old size is larger");
    let stranger = LogKey::for_node("tinh-a", [9; 32]).sign(&origin(), 60, tree.root(60)).unwrap();
    assert_eq!(post(50, tree.proof(50, 60), &stranger.note).status, 403);
    let elsewhere = LogKey::for_node("tinh-b", [9; 32]).sign("lgsp/tinh-b/log/1", 60, tree.root(60)).unwrap();
    assert_eq!(post(50, tree.proof(50, 60), &elsewhere.note).status, 404);
    for odd in ["lgsp/tinh-a/log/0", "lgsp/tinh-a/log/01", "lgsp/tinh-a/log/x", "lgsp/tinh-a/log/99999999999"]
    {
        assert_eq!(post(0, vec![], &tree.of(odd, 5).note).status, 404, "{odd}");
    }
    assert_eq!(w.handle("GET", "/add-checkpoint", b"").status, 405);
    assert_eq!(w.handle("POST", "/", b"").status, 404);
    assert_eq!(w.handle("POST", "/add-checkpoint", &vec![b'a'; 1 << 20]).status, 413);
    let good = String::from_utf8(body(50, tree.proof(50, 60), &tree.checkpoint(60).note)).unwrap();
    let many = format!("old 50\n{}\n{}", format!("{}\n", tree.root(1)).repeat(64), tree.checkpoint(60).note);
    let spoiled = [
        good.replace("old 50", "old 050"),
        good.replace("old 50", "old +50"),
        good.replace("old 50", "old  50"),
        good.replace("old ", "new "),
        good.replacen("\n\n", "\n", 1),
        good.replace('\n', "\r\n"),
        good.trim_end().to_owned(),
        String::new(),
        "old 0\n".into(),
        many,
    ];
    for bad in spoiled {
        assert_eq!(w.handle("POST", "/add-checkpoint", bad.as_bytes()).status, 400, "{bad:?}");
    }
    assert_eq!(w.logs()[0].size, 50, "nothing of that was cosigned");
    assert_eq!(w.handle("POST", "/add-checkpoint", good.as_bytes()).status, 200);
    let first = tree.of("lgsp/tinh-a/log/7", 5);
    assert_eq!(
        post(0, tree.proof(3, 5), &first.note).status,
        422,
        "the first needs no proof, and may have none"
    );
}

#[test]
fn a_restored_node_s_new_epoch_is_another_log_and_shown_as_restored() {
    let (w, tree) = (witness(), Tree::new(100));
    assert_eq!(bring(&w, &tree, 0, 50).status, 200);
    let next = tree.of("lgsp/tinh-a/log/2", 3);
    assert_eq!(w.handle("POST", "/add-checkpoint", &body(0, vec![], &next.note)).status, 200);
    let shown: Vec<_> = w.logs().into_iter().map(|l| (l.origin, l.size, l.restored_from)).collect();
    assert_eq!(shown, [("lgsp/tinh-a/log/1".into(), 50, None), ("lgsp/tinh-a/log/2".into(), 3, Some(1))]);
}

#[test]
fn of_two_branches_brought_at_once_one_is_cosigned() {
    for round in 0..20 {
        let w = witness();
        let statuses: Vec<u16> = std::thread::scope(|s| {
            let brought: Vec<_> = (0..8)
                .map(|t| {
                    let w = &w;
                    s.spawn(move || bring(w, &Tree::forked(50, (t + round) % 8), 0, 50).status)
                })
                .collect();
            brought.into_iter().map(|t| t.join().unwrap()).collect()
        });
        assert_eq!(statuses.iter().filter(|s| **s == 200).count(), 1, "{statuses:?}");
        assert!(statuses.iter().all(|s| matches!(s, 200 | 409)));
    }
}

#[test]
fn whenever_the_power_goes_nothing_that_left_is_contradicted() {
    let (tree, fork) = (Tree::new(60), Tree::forked(60, 5));
    let mut interrupted = 0;
    for cut in 1..40 {
        let simulated = Simulated::default();
        let disk = Disk::Simulated(simulated.clone());
        let w = witness_on(&disk);
        simulated.cut_power_in(cut);
        let (mut cosigned, mut old) = (0, 0);
        for new in [10, 20, 30, 40, 50] {
            if bring(&w, &tree, old, new).status != 200 {
                interrupted += 1;
                break;
            }
            (cosigned, old) = (new, new);
        }
        drop(w);
        let after = Disk::Simulated(simulated.restart(&mut Random(cut)));
        let w = witness_on(&after);
        let seen = w.logs().first().map_or(0, |l| l.size);
        assert!(seen >= cosigned, "it forgot {cosigned}, and knows {seen}");
        if cosigned > 0 {
            assert_ne!(bring(&w, &fork, seen, 60).status, 200);
        }
        assert_eq!(bring(&w, &tree, seen, 60).status, 200);
    }
    assert!(interrupted > 3);
}

#[test]
fn state_that_cannot_be_read_or_written_stops_its_log_only() {
    let dir = tempfile::tempdir().unwrap();
    let open = || Witness::open(dir.path(), cosign_key(), clock(), logs()).unwrap();
    let tree = Tree::new(50);
    assert_eq!(bring(&open(), &tree, 0, 20).status, 200);
    let file = std::fs::read_dir(dir.path()).unwrap().next().unwrap().unwrap().path();
    std::fs::write(&file, "{").unwrap();
    let w = open();
    assert_eq!(bring(&w, &tree, 0, 30).status, 500, "it would cosign a fork of what it saw");
    assert_eq!(
        w.handle("POST", "/add-checkpoint", &body(0, vec![], &tree.of("lgsp/tinh-a/log/2", 3).note)).status,
        200
    );
    let simulated = Simulated::default();
    let w = witness_on(&Disk::Simulated(simulated.clone()));
    simulated.fail_sync_in(1);
    assert_eq!(bring(&w, &tree, 0, 20).status, 500);
    assert_eq!(bring(&w, &tree, 0, 20).status, 200);
}

/// Hands bodies to a witness in this process.
async fn post(w: &Witness, body: String) -> Result<Response, String> {
    Ok(w.handle("POST", Client::PATH, body.as_bytes()))
}

#[tokio::test]
async fn a_log_brings_its_checkpoints_with_the_proofs_they_need() {
    let dir = tempfile::tempdir().unwrap();
    let cfg = LogConfig { disk_reserve_bytes: 0, ..LogConfig::new(dir.path(), NODE) };
    let log = Log::open(cfg, key(), Clock::System).unwrap();
    let archive = Archive::open(dir.path());
    let w = witness();
    let verifier = CosignVerifier::parse(&w.verifier()).unwrap();
    let client = Client::new(verifier.clone());
    for n in 0..5 {
        let tickets: Vec<_> =
            (0..n * 40).map(|_| log.append(lgsp_evidence::Draft::of(None, "{}".into())).unwrap()).collect();
        for t in tickets {
            t.await.unwrap();
        }
        let checkpoint = log.checkpoint();
        // One that forgot what the witness saw, as after a start, finds out.
        for client in [&client, &Client::new(verifier.clone())] {
            let prove = |old| archive.consistency(old, &checkpoint);
            let (note, cosignature) = client.submit(&checkpoint, prove, |b| post(&w, b)).await.unwrap();
            assert_eq!(cosignatures(&note, std::slice::from_ref(&verifier)).unwrap(), [cosignature]);
        }
    }
    let old = key().sign(&origin(), 3, Hash([1; 32])).unwrap();
    let behind = client.submit(&old, |_| Ok(vec![]), |b| post(&w, b)).await;
    assert!(matches!(behind, Err(ClientError::Behind { size: 3, .. })));
    let size = log.checkpoint().size;
    let fork = key().sign(&origin(), size, Hash([1; 32])).unwrap();
    assert!(
        matches!(client.submit(&fork, |_| Ok(vec![]), |b| post(&w, b)).await, Err(ClientError::Forked(n)) if n == size)
    );
    let answer = |status, body: &str| {
        let answer = Response { status, content_type: "", body: body.to_owned() };
        move |_| std::future::ready(Ok(answer.clone()))
    };
    let now = log.checkpoint();
    let prove = |old| archive.consistency(old, &now);
    assert!(matches!(client.submit(&now, prove, answer(200, "")).await, Err(ClientError::NoCosignature)));
    let foreign = CosignKey::from_seed("another", [4; 32]).unwrap().cosign("text\n", 5).unwrap();
    assert!(matches!(
        client.submit(&now, prove, answer(200, &foreign)).await,
        Err(ClientError::NoCosignature)
    ));
    let of_another = cosign_key().cosign("text\n", 5).unwrap();
    assert!(matches!(
        client.submit(&now, prove, answer(200, &of_another)).await,
        Err(ClientError::Answer(_))
    ));
    assert!(matches!(
        client.submit(&now, prove, answer(409, "many\n")).await,
        Err(ClientError::Refused { status: 409, .. })
    ));
    assert!(matches!(
        client.submit(&now, prove, answer(503, "later")).await,
        Err(ClientError::Refused { status: 503, .. })
    ));
    assert!(matches!(
        client.submit(&now, prove, |_| std::future::ready(Err("no".into()))).await,
        Err(ClientError::Away(_))
    ));
}

/// The verifier of cosignatures that another implementation of signed notes is given.
struct Theirs([u8; 32]);
impl signed_note::Verifier for Theirs {
    fn name(&self) -> &str {
        "hub.ngsp/witness"
    }
    fn key_id(&self) -> u32 {
        signed_note::key_id(self.name(), &[&[4], &self.0[..]].concat())
    }
    fn verify(&self, text: &[u8], signature: &[u8]) -> bool {
        let time = u64::from_be_bytes(signature[..8].try_into().unwrap());
        let signed = [format!("cosignature/v1\ntime {time}\n").as_bytes(), text].concat();
        let key = aws_lc_rs::signature::UnparsedPublicKey::new(&aws_lc_rs::signature::ED25519, self.0);
        key.verify(&signed, &signature[8..]).is_ok()
    }
}

#[test]
fn another_implementation_of_signed_notes_reads_a_note_with_several_cosignatures() {
    let note = Tree::new(9).checkpoint(9).note;
    let text = note::split_note(&note).unwrap().0;
    let second = CosignKey::from_seed("ministry/witness", [5; 32]).unwrap();
    let lines = [
        cosign_key().cosign(text, 100).unwrap(),
        second.cosign(text, 200).unwrap(),
        cosign_key().cosign(text, 300).unwrap(),
    ];
    let all = with_lines(&note, lines.iter().map(String::as_str)).unwrap();
    assert_eq!(with_lines(&all, lines.iter().map(String::as_str)).unwrap(), all, "each line once");
    let known = [cosign_key(), second].map(|k| CosignVerifier::parse(&k.verifier()).unwrap());
    let found: Vec<_> =
        cosignatures(&all, &known).unwrap().into_iter().map(|c| (c.witness, c.time)).collect();
    assert_eq!(found, [("hub.ngsp/witness".into(), 300), ("ministry/witness".into(), 200)]);
    lgsp_evidence::Verifier::parse(&key().verifier()).unwrap().check(&all).unwrap();

    use base64::Engine as _;
    let vkey = cosign_key().verifier();
    let public = base64::engine::general_purpose::STANDARD.decode(vkey.rsplit_once('+').unwrap().1).unwrap();
    let theirs: Box<dyn signed_note::Verifier> = Box::new(Theirs(public[1..].try_into().unwrap()));
    let read = signed_note::Note::from_bytes(all.as_bytes()).unwrap();
    let (verified, unknown) = read.verify(&signed_note::VerifierList::new(vec![theirs])).unwrap();
    assert_eq!((verified.is_empty(), unknown.is_empty()), (false, false));
}

#[test]
fn a_cosignature_with_anything_changed_is_refused() {
    let note = Tree::new(9).checkpoint(9).note;
    let text = note::split_note(&note).unwrap().0;
    let verifier = CosignVerifier::parse(&cosign_key().verifier()).unwrap();
    let good = with_lines(&note, [cosign_key().cosign(text, 100).unwrap().as_str()]).unwrap();
    assert!(verifier.check(&good).unwrap().is_some());
    assert!(verifier.check(&note).unwrap().is_none());
    assert!(verifier.check(&good.replacen("\n9\n", "\n8\n", 1)).is_err());
    assert!(CosignVerifier::parse(&key().verifier()).is_err(), "a log's key is no witness's");
    assert!(lgsp_evidence::Verifier::parse(&cosign_key().verifier()).is_err(), "nor the other way");
    assert!(CosignVerifier::parse(&cosign_key().verifier().replacen("hub", "hup", 1)).is_err());
    assert!(CosignKey::from_seed("with space", [1; 32]).is_err());
    let token = CosignKey::external("w", [1; 32], Arc::new(|_| Ok([0; 64]))).unwrap();
    assert!(token.cosign(text, 1).is_err(), "a token that signs with another key");
}

proptest! {
    #[test]
    fn no_body_makes_it_panic_and_what_is_read_is_written_the_same(bytes in proptest::collection::vec(any::<u8>(), 0..400), text in "(old [0-9]{1,3}\n)?([A-Za-z0-9+/=]{44}\n){0,3}\n?.{0,60}\n?") {
        let w = Witness::open_on(Disk::Simulated(Simulated::default()), Path::new("/w"), cosign_key(), clock(), logs()).unwrap();
        for body in [&bytes[..], text.as_bytes()] {
            prop_assert!(matches!(w.handle("POST", "/add-checkpoint", body).status, 400 | 404));
            if let Ok(read) = AddCheckpoint::parse(body) {
                prop_assert_eq!(AddCheckpoint::parse(read.encode().as_bytes()), Ok(read));
            }
        }
    }

    #[test]
    fn it_cosigns_only_what_extends(sizes in proptest::collection::vec((1u64..80, any::<bool>()), 1..20)) {
        let (w, main, fork) = (witness(), Tree::new(80), Tree::forked(80, 33));
        let mut cosigned: Vec<(u64, Hash)> = Vec::new();
        for (size, forked) in sizes {
            let tree = if forked { &fork } else { &main };
            let old = w.logs().first().map_or(0, |l| l.size);
            if old <= size && bring(&w, tree, old, size).status == 200 {
                cosigned.push((size, tree.root(size)));
            }
        }
        let of_one = |tree: &Tree| cosigned.iter().all(|(size, root)| tree.root(*size) == *root);
        prop_assert!(of_one(&main) || of_one(&fork));
        prop_assert!(cosigned.is_sorted_by_key(|(size, _)| *size));
    }
}
