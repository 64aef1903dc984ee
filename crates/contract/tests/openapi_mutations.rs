//! Documents and messages with pieces cut out, doubled and changed: whatever is read is read without harm.
#![allow(clippy::unwrap_used, missing_docs)]

use bytes::Bytes;
use lgsp_contract::compare;
use lgsp_contract::faces::wsdl::{SoapFaceOptions, write};
use lgsp_contract::openapi::{Checker, read};
use lgsp_schema::bundle::Bundle;
use proptest::prelude::*;

const API: &str = r##"{"openapi":"3.1.0","info":{"title":"t","version":"1"},"paths":{"/a/{id}":{"post":{"operationId":"op",
"parameters":[{"name":"id","in":"path","required":true,"schema":{"type":"string"}},{"name":"q","in":"query","style":"deepObject","schema":{"$ref":"#/components/schemas/A"}}],
"requestBody":{"required":true,"content":{"application/json":{"schema":{"$ref":"#/components/schemas/A"}},"application/x-www-form-urlencoded":{"schema":{"type":"object","properties":{"a":{"type":"integer"}}}}}},
"responses":{"200":{"description":"d","content":{"application/json":{"schema":{"type":"array","items":{"$ref":"#/components/schemas/A"}}}}}}}}},
"components":{"schemas":{"A":{"type":"object","required":["a"],"properties":{"a":{"type":["integer","null"],"minimum":1.5,"multipleOf":0.5},"b":{"allOf":[{"$ref":"#/components/schemas/A"}]},"c":{"type":"string","pattern":"^[a-z]+$","format":"date"}}}}}}"##;
const BODY: &str = r#"{"a":2.5e0,"b":{"a":null,"c":"\u00e1x\ud83d\ude00"},"c":"2026-01-31"}"#;

/// Pieces by which things are replaced.
const PIECES: [&str; 16] = [
    "",
    "{",
    "}",
    "[",
    "]",
    "\"",
    ",",
    ":",
    "$ref",
    "#/components/schemas/A",
    "null",
    "1e999999999999999999999",
    "-0",
    "\\u0000",
    "allOf",
    "é",
];

fn mutated(text: &str, changes: &[(usize, usize, usize)]) -> Vec<u8> {
    let mut bytes = text.as_bytes().to_vec();
    for (at, length, piece) in changes {
        let at = at % (bytes.len() + 1);
        let end = (at + length).min(bytes.len());
        bytes.splice(at..end, PIECES[piece % PIECES.len()].bytes());
    }
    bytes
}

fn changes(most: usize) -> impl Strategy<Value = Vec<(usize, usize, usize)>> {
    prop::collection::vec((any::<usize>(), 0..12usize, any::<usize>()), 0..most)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]
    #[test]
    fn nothing_panics(document in changes(3), message in changes(4)) {
        let (document, message) = (mutated(API, &document), mutated(BODY, &message));
        let files = [("a.json".to_owned(), Bytes::from(document))].into();
        let Ok(api) = read(&Bundle::new(files).unwrap(), "a.json") else { return Ok(()) };
        prop_assert_eq!(compare::openapi(&api, &api), []);
        let options = SoapFaceOptions { target_namespace: "urn:f".into(), service: "F".into() };
        if let Ok(face) = write(&api, &options) {
            let _ = face.operations.first().map(|o| o.rest_call(&message));
        }
        let Ok(checker) = Checker::compile(&api) else { return Ok(()) };
        let text = String::from_utf8_lossy(&message);
        for operation in &api.operations {
            for media in ["application/json", "application/x-www-form-urlencoded", "text/plain"] {
                let _ = checker.check_request(&operation.name, &[("id", text.clone().into_owned())], &text, &|_| Some("x"), media, &message);
                let _ = checker.check_answer(&operation.name, 200, media, &message);
            }
        }
    }
}
