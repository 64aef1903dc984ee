//! OpenAPI documents, whole or by piece, and messages held against what is read: nothing panics, and reading twice reads the same.
#![no_main]

use bytes::Bytes;
use lgsp_contract::compare;
use lgsp_contract::faces::wsdl::{SoapFaceOptions, write};
use lgsp_contract::openapi::{Checker, read};
use lgsp_schema::bundle::Bundle;
use libfuzzer_sys::fuzz_target;

/// Documents of seeds are small; a large one makes an execution slow and finds nothing more.
const DOCUMENT_MAX: usize = 16 << 10;

// A document, and after a line of `%%` a message.
fuzz_target!(|data: &[u8]| {
    let at = data.windows(4).position(|w| w == b"\n%%\n");
    let (document, message) = at.map_or((data, &b"{}"[..]), |i| (&data[..i], &data[i + 4..]));
    if document.len() > DOCUMENT_MAX {
        return;
    }
    let files = [("a.yaml".to_owned(), Bytes::copy_from_slice(document))].into();
    let Ok(bundle) = Bundle::new(files) else { return };
    let Ok(api) = read(&bundle, "a.yaml") else { return };
    assert!(compare::openapi(&api, &api).is_empty(), "a document is the same as itself");
    let options = SoapFaceOptions { target_namespace: "urn:f".into(), service: "F".into() };
    if let Ok(face) = write(&api, &options) {
        for operation in &face.operations {
            let _ = operation.rest_call(message);
        }
    }
    let Ok(checker) = Checker::compile(&api) else { return };
    for operation in &api.operations {
        let text = String::from_utf8_lossy(message);
        let path: Vec<(&str, String)> = vec![("id", text.clone().into_owned())];
        let _ = checker.check_request(
            &operation.name,
            &path,
            &text,
            &|_| Some("x,1"),
            "application/json",
            message,
        );
        let _ = checker.check_answer(&operation.name, 200, "application/json", message);
    }
});
