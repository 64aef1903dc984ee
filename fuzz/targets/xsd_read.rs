//! Schemas: reading ends in a model or in problems, the same each time, and whatever is usable can be walked; a pattern compiles or says why not.
#![no_main]

use bytes::Bytes;
use lgsp_schema::bundle::Bundle;
use lgsp_schema::pattern::Pattern;
use lgsp_schema::xsd::{SchemaSource, read};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let files = [("a.xsd".to_owned(), Bytes::copy_from_slice(data))];
    let bundle = Bundle::new(files.into()).expect("a small file");
    let mut roots = SchemaSource::inside("a.xsd", data).unwrap_or_default();
    if roots.is_empty() {
        roots.push(SchemaSource::file("a.xsd"));
    }
    let first = read(&bundle, &roots);
    let again = read(&bundle, &roots);
    match (&first, &again) {
        (Ok(a), Ok(b)) => {
            assert_eq!(a.warnings, b.warnings);
            assert_eq!(a.model.types, b.model.types);
            for name in a.model.elements.keys() {
                assert_eq!(a.element(name).is_ok(), b.element(name).is_ok());
            }
            for name in a.model.types.keys() {
                let _ = a.named_type(name);
            }
        }
        (Err(a), Err(b)) => assert!(!a.is_empty() && a == b),
        _ => panic!("two readings of one schema"),
    }
    if let Ok(pattern) = Pattern::compile(&String::from_utf8_lossy(data)) {
        let _ = pattern.is_match("Nguyễn Văn A 001099012345");
    }
});
