//! Masks: what passes is well formed, masks a second time to the same bytes, and in JSON is what masking a tree would give.
#![no_main]

use bytes::Bytes;
use lgsp_wire::mask::{MaskSet, NOT_PERMITTED_JSON};
use lgsp_wire::{json, xml};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use std::sync::LazyLock;

const RULES: [&str; 7] = ["/a", "/b/*/c", "/*/0", "//x", "//y/@*", "/r/{urn:1}z", "/d/é"];
static MASK: LazyLock<MaskSet> = LazyLock::new(|| MaskSet::compile(&RULES).expect("rules"));

fuzz_target!(|data: &[u8]| {
    if let Ok(text) = std::str::from_utf8(data) {
        let _ = MaskSet::compile(&text.lines().collect::<Vec<_>>());
    }
    let body = Bytes::copy_from_slice(data);
    if let Ok(masked) = MASK.apply_json(&body) {
        assert_eq!(json::guard(&masked.bytes), Ok(()));
        assert_eq!(MASK.apply_json(&masked.bytes).expect("again").bytes, masked.bytes);
        let bare =
            |b: &[u8]| serde_json::from_slice::<Value>(b.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(b)).ok();
        // serde_json refuses numbers out of range, also inside what is hidden.
        if let Some(mut tree) = bare(data) {
            for rule in ["/b/*/c", "/*/0", "/d/é", "/a"] {
                prune(&mut tree, &rule.split('/').skip(1).collect::<Vec<_>>());
            }
            assert_eq!(bare(&masked.bytes), Some(tree));
        }
    }
    if let Ok(masked) = MASK.apply_xml(&body) {
        assert_eq!(xml::guard(&masked.bytes), Ok(()));
        assert_eq!(MASK.apply_xml(&masked.bytes).expect("again").bytes, masked.bytes);
    }
});

fn prune(value: &mut Value, tokens: &[&str]) {
    let Some((first, rest)) = tokens.split_first() else {
        *value = serde_json::from_str(NOT_PERMITTED_JSON).expect("JSON");
        return;
    };
    match value {
        Value::Object(members) => {
            members.iter_mut().filter(|(k, _)| *first == "*" || k == first).for_each(|(_, v)| prune(v, rest));
        }
        Value::Array(items) => {
            let fits = |i: usize| *first == "*" || *first == i.to_string();
            items.iter_mut().enumerate().filter(|(i, _)| fits(*i)).for_each(|(_, v)| prune(v, rest));
        }
        _ => {}
    }
}
