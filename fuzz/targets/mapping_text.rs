//! Mappings: a text is compiled or refused with problems that have places in it, the same each time; nothing runs.
#![no_main]

use lgsp_mapping::{Mapping, Tables};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    // What stands before the first line of `###` is a code table.
    let (table, text) = text.split_once("\n###\n").unwrap_or(("1,M\n2,F", text));
    let mut tables = Tables::default();
    if tables.add_csv("t", table).is_err() {
        return;
    }
    let first = Mapping::compile("a.jq", text, tables.clone());
    let again = Mapping::compile("a.jq", text, tables);
    match (first, again) {
        (Ok(a), Ok(b)) => assert_eq!(a.digest(), b.digest()),
        (Err(a), Err(b)) => {
            assert!(!a.is_empty() && a == b);
            let lines = text.split('\n').count() as u32;
            for problem in a {
                assert!(problem.line <= lines.max(1), "{problem}");
                assert!(!problem.message.is_empty());
            }
        }
        _ => panic!("two verdicts on one mapping"),
    }
});
