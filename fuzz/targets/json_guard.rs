//! JSON: the verdict is that of `serde_json`, but for what only one of them bounds; problem documents are always JSON.
#![no_main]

use lgsp_kernel::Refusal;
use lgsp_kernel::fault::BAD_JSON;
use lgsp_wire::json::{self, JsonError};
use lgsp_wire::problem;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    // The guard passes over a byte order mark, serde_json does not.
    let bare = data.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(data);
    match (json::guard(data), serde_json::from_slice::<serde_json::Value>(bare)) {
        (Ok(()), Err(e)) => assert!(e.to_string().contains("out of range"), "{e}"),
        (Err(fault), Ok(_)) => assert_eq!(fault.what, JsonError::Depth),
        _ => {}
    }
    let detail = String::from_utf8_lossy(data);
    let document = problem::body(&Refusal::new(&BAD_JSON, &*detail), None);
    assert_eq!(json::guard(&document), Ok(()));
});
