//! What anybody may send to a witness: whatever it cosigns must be the one checkpoint that was ever signed, and extend what it saw.
#![no_main]

use lgsp_evidence::disk::Simulated;
use lgsp_evidence::{Checkpoint, Disk, Hash, LogKey, Verifier, hash};
use lgsp_kernel::{Clock, Millis};
use lgsp_witness::{AddCheckpoint, CosignKey, CosignVerifier, Witness, cosign};
use libfuzzer_sys::fuzz_target;
use std::sync::{Arc, LazyLock};

struct Signed {
    log: Verifier,
    one: Checkpoint,
    two: Checkpoint,
    key: CosignKey,
}

/// A log of two entries; `seeds/witness_request/` brings its two checkpoints.
static SIGNED: LazyLock<Signed> = LazyLock::new(|| {
    let key = LogKey::for_node("thu", [7; 32]);
    let (a, b) = (Hash([1; 32]), Hash([2; 32]));
    let sign = |size, root| key.sign("lgsp/thu/log/1", size, root).expect("the key is here");
    Signed {
        log: Verifier::parse(&key.verifier()).expect("a key reads its own verifier"),
        one: sign(1, a),
        two: sign(2, hash::node(&a, &b)),
        key: CosignKey::from_seed("thu/witness", [3; 32]).expect("a name"),
    }
});

fn witness(signed: &Signed) -> Witness {
    let log = signed.log.clone();
    let logs = Arc::new(
        move |origin: &str| if origin.starts_with("lgsp/thu/log/") { vec![log.clone()] } else { Vec::new() },
    );
    let disk = Disk::Simulated(Simulated::default());
    Witness::open_on(disk, "/w", signed.key.clone(), Clock::manual(Millis(1_790_000_000_000)), logs)
        .expect("an empty folder")
}

fuzz_target!(|data: &[u8]| {
    let signed = &*SIGNED;
    if let Ok(read) = AddCheckpoint::parse(data) {
        assert_eq!(AddCheckpoint::parse(read.encode().as_bytes()), Ok(read));
    }
    for seen in [None, Some(&signed.one)] {
        let witness = witness(signed);
        if let Some(seen) = seen {
            witness.add_checkpoint(0, &[], &seen.note).expect("the first of its log");
        }
        let answer = witness.handle("POST", "/add-checkpoint", data);
        if answer.status != 200 {
            continue;
        }
        let request = AddCheckpoint::parse(data).expect("it was answered");
        let cosigned = Checkpoint::read_unchecked(&request.note).expect("it was cosigned");
        let known = [&signed.one, &signed.two]
            .into_iter()
            .any(|c| (c.size, c.root) == (cosigned.size, cosigned.root));
        assert!(known && cosigned.size >= seen.map_or(0, |c| c.size));
        let note = cosign::with_lines(&request.note, answer.body.lines()).expect("a signature line");
        let verifier = CosignVerifier::parse(&witness.verifier()).expect("a key reads its own verifier");
        // The request's own lines may be forged cosignatures; then the note as a whole is spoilt.
        let _ = verifier.check(&note);
    }
    if let Ok(text) = std::str::from_utf8(data) {
        let _ = CosignVerifier::parse(text);
    }
});
