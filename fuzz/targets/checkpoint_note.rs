//! Signed notes: one checkpoint was ever signed by the key, so whatever passes its check must be that one.
#![no_main]

use lgsp_evidence::{Checkpoint, Hash, LogKey, Verifier};
use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;

/// The log's key and the one checkpoint that it signed; `seeds/checkpoint_note/signed.txt` is its note.
static SIGNED: LazyLock<(Verifier, Checkpoint)> = LazyLock::new(|| {
    let key = LogKey::for_node("thu", [7; 32]);
    let verifier = Verifier::parse(&key.verifier()).expect("a key reads its own verifier");
    (verifier, key.sign("lgsp/thu/log/1", 42, Hash([9; 32])).expect("the key is here"))
});

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (verifier, signed) = &*SIGNED;
    let unchecked = Checkpoint::read_unchecked(text);
    if let Ok(found) = verifier.check(text) {
        assert_eq!((&found.origin, found.size, found.root), (&signed.origin, signed.size, signed.root));
        assert_eq!(unchecked.as_ref().map(|c| &c.root), Ok(&found.root));
    }
    if let Ok(found) = &unchecked {
        assert!(!found.origin.is_empty() && !found.origin.contains('\n'));
        let _ = found.epoch();
    }
    if let Ok(read) = Verifier::parse(text) {
        assert!(!read.name().is_empty() && !read.name().contains(char::is_whitespace));
    }
});
