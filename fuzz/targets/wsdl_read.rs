//! WSDL: what is read is well formed, names of operations are unique, and the OpenAPI document of its REST face can be written.
#![no_main]

use bytes::Bytes;
use lgsp_contract::faces::openapi::{FaceOptions, write};
use lgsp_contract::{soap, wsdl};
use lgsp_schema::bundle::Bundle;
use lgsp_wire::xml;
use libfuzzer_sys::fuzz_target;
use std::collections::HashSet;

fuzz_target!(|data: &[u8]| {
    let files = [("a.wsdl".to_owned(), Bytes::copy_from_slice(data))].into();
    let bundle = Bundle::new(files).expect("one small file");
    if let Ok(read) = wsdl::read(&bundle, "a.wsdl", &wsdl::Choose::default()) {
        assert_eq!(xml::guard(data), Ok(()));
        let names: HashSet<&str> = read.operations.iter().map(|o| &*o.name).collect();
        assert_eq!(names.len(), read.operations.len());
        assert!(read.port().version.is_some());
        let _ = write(&read, &FaceOptions::default());
    }
    if let Ok(opened) = soap::open(data) {
        assert_eq!(xml::guard(data), Ok(()));
        if let Some(document) = opened.document() {
            assert_eq!(xml::guard(&document), Ok(()));
        }
        if let Some(fault) = soap::read_fault(&opened) {
            let again = soap::write_fault(opened.version, &fault);
            let read = soap::read_fault(&soap::open(&again).expect("an envelope")).expect("a fault");
            assert_eq!(read.blame, fault.blame);
        }
    }
});
