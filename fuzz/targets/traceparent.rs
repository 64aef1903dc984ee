//! Trace context: what is read is written as version 00 and read back the same.
#![no_main]

use lgsp_wire::trace::{self, TraceParent};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Some(parent) = TraceParent::parse(text) {
        let written = parent.to_string();
        assert_eq!(TraceParent::parse(&written), Some(parent));
        if text.starts_with("00") {
            assert_eq!(written, text);
        }
    }
    if trace::tracestate_passes(text) {
        assert!(text.len() <= trace::TRACESTATE_MAX && !text.bytes().any(|b| b == b'\r' || b == b'\n'));
    }
});
