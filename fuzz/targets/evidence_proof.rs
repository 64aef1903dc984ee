//! Proof files: a log of three records was signed once, so whatever a file makes the check say must be true of that log.
#![no_main]

use lgsp_evidence::hash::{self, Hash};
use lgsp_evidence::{LogKey, ProofFile, Verifier, check_proof};
use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;

const EXCHANGE: &str = "ex_018bcfe568000909890909090909ffff";
const PARTS: [&str; 3] = ["request", "answer", "whole"];

/// What the log holds. `seeds/evidence_proof/` has the proofs of its second record, with it and with it erased.
struct Signed {
    verifier: Verifier,
    root: Hash,
    records: [String; 3],
    proof: ProofFile,
}

static SIGNED: LazyLock<Signed> = LazyLock::new(|| {
    let records = PARTS.map(|part| {
        format!(r#"{{"type":"exchange","id":"{EXCHANGE}","part":"{part}","at":1700000000000,"edge":"rest","outcome":"answered"}}"#)
    });
    let leaves: Vec<Hash> =
        (0..3).map(|i| hash::leaf(&hash::commit(&[i as u8; 32], records[i].as_bytes()))).collect();
    let root = hash::node(&hash::node(&leaves[0], &leaves[1]), &leaves[2]);
    let key = LogKey::for_node("thu", [7; 32]);
    let checkpoint = key.sign("lgsp/thu/log/1", 3, root).expect("the key is here");
    let proof = serde_json::json!({
        "format": "lgsp-exchange-proof",
        "version": 1,
        "exchange": EXCHANGE,
        "checkpoints": [checkpoint.note],
        "entries": [{
            "epoch": 1,
            "index": 1,
            "entry": base64(&hash::commit(&[1; 32], records[1].as_bytes())),
            "record": records[1],
            "salt": Hash([1; 32]).base64(),
            "checkpoint": 0,
            "path": [leaves[0].base64(), leaves[2].base64()],
        }],
    });
    let proof: ProofFile = serde_json::from_value(proof).expect("a proof file");
    let verifier = Verifier::parse(&key.verifier()).expect("a key reads its own verifier");
    check_proof(&proof.to_json(), &verifier).expect("the honest proof passes");
    Signed { verifier, root, records, proof }
});

fuzz_target!(|data: &[u8]| {
    check(data);
    let Some((choice, rest)) = data.split_first() else { return };
    let mut forged = SIGNED.proof.clone();
    let entry = &mut forged.entries[0];
    let text = || String::from_utf8_lossy(rest).into_owned();
    let hashes = || rest.chunks_exact(32).map(|c| Hash(c.try_into().expect("32 bytes")).base64());
    let number = rest.iter().take(8).fold(0u64, |n, b| (n << 8) | u64::from(*b));
    match choice % 8 {
        0 => entry.index = number,
        1 => entry.epoch = number as u32,
        2 => entry.path = hashes().collect(),
        3 => entry.path.extend(hashes()),
        4 => entry.record = Some(text()),
        5 => entry.salt = hashes().next(),
        6 => forged.checkpoints[0] = text(),
        _ => forged.entries = vec![entry.clone(); rest.len() % 100],
    }
    check(&forged.to_json());
});

fn check(file: &[u8]) {
    let Ok(report) = check_proof(file, &SIGNED.verifier) else { return };
    for proven in &report.entries {
        assert_eq!((proven.position.epoch, proven.checkpoint.root), (1, SIGNED.root));
        let index = usize::try_from(proven.position.index).expect("small");
        assert!(index < 3, "only three records were ever logged");
        assert_eq!(proven.text.is_some(), proven.record.is_some());
        if let Some(text) = &proven.text {
            assert_eq!(text, &SIGNED.records[index]);
            assert_eq!(report.exchange.to_string(), EXCHANGE);
        }
    }
}

/// Standard base64.
fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digits = bytes.chunks(3).flat_map(|c| {
        let n = c.iter().fold(0u32, |n, b| (n << 8) | u32::from(*b)) << (8 * (3 - c.len()));
        (0..4).map(
            move |i| if i <= c.len() { char::from(ALPHABET[(n >> (18 - 6 * i)) as usize & 63]) } else { '=' },
        )
    });
    digits.collect()
}
