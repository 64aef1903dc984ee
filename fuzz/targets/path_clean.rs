//! Paths: a clean path means the same to every server, however it decodes and normalizes.
#![no_main]

use lgsp_wire::path;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok(clean) = path::clean(text) else { return };
    let decoded = clean.decoded_after(0);

    let seen: Vec<&str> = clean.segments.iter().map(|s| &**s).filter(|s| !s.is_empty()).collect();
    assert_eq!(resolve(&decoded), seen);

    // Encoded anew from its segments, it reads as the same segments.
    let again = encode(&clean.segments);
    if let Ok(reread) = path::clean(&again) {
        assert_eq!(reread.segments, clean.segments);
    } else {
        assert!(again.len() > text.len(), "only the length can refuse it: {again}");
    }
    for n in 0..clean.segments.len() + 2 {
        let rest = path::clean(clean.rest_after(n)).expect("a rest of a clean path is clean");
        assert_eq!(rest.decoded_after(0), clean.decoded_after(n));
    }
});

/// A server that cuts parameters and resolves dots after it has decoded.
fn resolve(path: &str) -> Vec<&str> {
    let mut out = Vec::new();
    for part in path.split(['/', '\\']).filter(|p| !p.is_empty()) {
        match part.split(';').next() {
            Some(".") => {}
            Some("..") => drop(out.pop()),
            _ => out.push(part),
        }
    }
    out
}

fn encode<S: AsRef<str>>(segments: &[S]) -> String {
    let mut out = String::new();
    for segment in segments {
        out.push('/');
        for b in segment.as_ref().bytes() {
            if b.is_ascii_alphanumeric() { out.push(char::from(b)) } else { out += &format!("%{b:02X}") }
        }
    }
    if out.is_empty() { "/".into() } else { out }
}
