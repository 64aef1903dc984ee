//! Two versions of a contract compared: each change is found, named by operation and place, and judged from the caller's side.
#![allow(clippy::unwrap_used, missing_docs)]

use bytes::Bytes;
use lgsp_contract::compare::{self, Change, Message, Way};
use lgsp_contract::faces::wsdl::{self, SoapFaceOptions};
use lgsp_contract::openapi::{self, OpenApi};
use lgsp_schema::bundle::Bundle;
use proptest::prelude::*;

const API: &str = r#"
openapi: 3.1.0
info: {title: T, version: '1'}
security: [{key: []}]
paths:
  /citizens/{id}:
    get:
      operationId: read
      parameters:
        - {name: id, in: path, required: true, schema: {type: string, pattern: '^[0-9]+$'}}
        - {name: page, in: query, schema: {type: integer, minimum: 1, maximum: 9}}
      responses:
        '200': {description: ok, content: {application/json: {schema: {$ref: '#/components/schemas/Answer'}}, text/csv: {}}}
        '404': {description: none}
  /citizens:
    post:
      operationId: add
      requestBody: {required: false, content: {application/json: {schema: {$ref: '#/components/schemas/Request'}}, application/xml: {}}}
      responses: {'204': {description: done}}
components:
  securitySchemes: {key: {type: apiKey, in: header, name: k}}
  schemas:
    Request:
      type: object
      required: [a]
      properties:
        a: {type: string, enum: [x, y], maxLength: 10}
        b: {type: [number, 'null'], minimum: 0.5}
        c: {type: array, minItems: 1, items: {$ref: '#/components/schemas/Request'}}
        d: {oneOf: [{type: string}, {type: integer}]}
    Answer:
      type: object
      required: [p]
      properties:
        p: {type: string, enum: [m, n], minLength: 2}
        q: {type: integer, maximum: 7}
        r: {anyOf: [{type: string, format: date}, {type: boolean}]}
"#;

fn read(text: &str) -> OpenApi {
    let files = [("api.yaml".to_owned(), Bytes::copy_from_slice(text.as_bytes()))].into();
    openapi::read(&Bundle::new(files).unwrap(), "api.yaml").unwrap_or_else(|p| panic!("{p:?}\n{text}"))
}

/// Each single change of the document: what is replaced, by what, whether it breaks, where, and what is said.
const CHANGES: [(&str, &str, bool, &str, &str); 41] = [
    ("    get:\n", "    head:\n", true, "GET /citizens/{id}", "the operation read is gone"),
    ("operationId: read", "operationId: fetch", true, "GET /citizens/{id}", "now called fetch"),
    ("/citizens:", "/persons:", true, "POST /citizens", "gone"),
    (
        "{name: page, in: query, schema",
        "{name: page, in: query, required: true, schema",
        true,
        "parameter page",
        "required now",
    ),
    ("{name: page, in: query", "{name: side, in: query", false, "parameter page", "gone"),
    ("{name: page, in: query, schema", "{name: page, in: header, schema", false, "parameter page", "gone"),
    (
        "type: integer, minimum: 1,",
        "type: string, minimum: 1,",
        true,
        "parameter page",
        "from integer to string",
    ),
    (
        "type: integer, minimum: 1,",
        "type: number, minimum: 1,",
        false,
        "parameter page",
        "from integer to number",
    ),
    ("minimum: 1,", "minimum: 2,", true, "parameter page", "minimum changed from 1 to 2"),
    ("minimum: 1,", "minimum: 0,", false, "parameter page", "minimum changed from 1 to 0"),
    ("minimum: 1, maximum: 9", "minimum: 1, maximum: 8.5", true, "parameter page", "maximum changed"),
    ("'^[0-9]+$'", "'^[0-9]*$'", true, "parameter id", "pattern changed"),
    (", text/csv: {}", "", true, "answer 200 text/csv", "media type is gone"),
    (", application/xml: {}", "", true, "request body application/xml", "media type is gone"),
    ("text/csv: {}", "text/csv: {}, text/html: {}", false, "answer 200 text/html", "media type is new"),
    ("'404': {description: none}", "'409': {description: none}", false, "answer 404", "no longer described"),
    ("'204': {description: done}", "'202': {description: done}", true, "answer 204", "no longer described"),
    (
        "security: [{key: []}]",
        "security: [{key: [], other: []}]",
        true,
        "GET",
        "security changed from key to key and other",
    ),
    ("security: [{key: []}]", "security: [{key: []}, {other: []}]", false, "GET", "security changed"),
    ("security: [{key: []}]", "security: []", false, "GET", "security changed from key to none"),
    ("required: false", "required: true", true, "request body", "the body is required now"),
    ("required: [a]", "required: [a, b]", true, "application/json/b", "must be there now"),
    ("required: [a]", "required: []", false, "application/json/a", "may be missing now"),
    ("enum: [x, y]", "enum: [x]", true, "application/json/a", "the value \"y\" is no longer allowed"),
    ("enum: [x, y]", "enum: [x, y, z]", false, "application/json/a", "the value \"z\" is new"),
    ("maxLength: 10", "maxLength: 9", true, "application/json/a", "maxLength changed from 10 to 9"),
    ("maxLength: 10", "maxLength: 11", false, "application/json/a", "maxLength changed from 10 to 11"),
    ("type: [number, 'null']", "type: number", true, "application/json/b", "the type changed"),
    ("minimum: 0.5", "minimum: 0.50000000000000000001", true, "application/json/b", "minimum changed"),
    ("minItems: 1", "uniqueItems: true", true, "application/json/c", "unique"),
    (
        "oneOf: [{type: string}, {type: integer}]",
        "oneOf: [{type: string}]",
        true,
        "application/json/d",
        "oneOf has 1 instead of 2",
    ),
    ("required: [p]", "required: []", true, "answer 200 application/json/p", "may be missing now"),
    ("required: [p]", "required: [p, q]", false, "answer 200 application/json/q", "must be there now"),
    ("enum: [m, n]", "enum: [m, n, o]", false, "answer 200 application/json/p", "the value \"o\" is new"),
    ("enum: [m, n]", "enum: [m]", false, "answer 200 application/json/p", "no longer allowed"),
    ("minLength: 2", "minLength: 1", true, "answer 200 application/json/p", "minLength changed from 2 to 1"),
    ("q: {type: integer", "s: {type: integer", true, "answer 200 application/json/q", "this member is gone"),
    ("maximum: 7", "maximum: 8", true, "answer 200 application/json/q", "maximum changed from 7 to 8"),
    (
        "q: {type: integer,",
        "q: {type: [integer, 'null'],",
        true,
        "answer 200 application/json/q",
        "the type changed",
    ),
    ("format: date", "format: date-time", true, "anyOf[0]", "format changed"),
    (
        "{type: boolean}]",
        "{type: boolean}, {type: integer}]",
        true,
        "answer 200 application/json/r",
        "anyOf has 3 instead of 2",
    ),
];

#[test]
fn every_single_change_is_found_with_its_verdict() {
    let old = read(API);
    for (from, to, breaking, place, what) in CHANGES {
        assert_eq!(API.matches(from).count(), 1, "{from}");
        let changes = compare::openapi(&old, &read(&API.replace(from, to)));
        let hit = |c: &&Change| c.place.contains(place) && c.what.contains(what);
        let found = changes.iter().find(hit).unwrap_or_else(|| panic!("{from} -> {to}: {changes:#?}"));
        assert_eq!(found.breaking, breaking, "{from} -> {to}: {found:?}");
    }
}

#[test]
fn names_of_variables_and_words_are_no_change() {
    let new = API
        .replace("/citizens/{id}", "/citizens/{no}")
        .replace("{name: id,", "{name: no,")
        .replace("done", "made");
    assert_eq!(compare::openapi(&read(API), &read(&new)), []);
}

proptest! {
    /// Any of the changed documents compared with itself is the same; and what is a change one way is one the other way.
    #[test]
    fn a_document_is_the_same_as_itself(first in 0..CHANGES.len(), second in 0..CHANGES.len()) {
        let mut text = API.to_owned();
        for (from, to, ..) in [CHANGES[first], CHANGES[second]] {
            text = text.replacen(from, to, 1);
        }
        let api = read(&text);
        prop_assert_eq!(compare::openapi(&api, &api), []);
        prop_assert_eq!(compare::openapi(&api, &read(&text)), []);
        let (there, back) = (compare::openapi(&read(API), &api), compare::openapi(&api, &read(API)));
        prop_assert_eq!(there.is_empty(), back.is_empty());
    }
}

/// A document whose one operation takes and answers this object.
fn face(members: &str, required: &str) -> wsdl::SoapFace {
    let object = format!("{{type: object, required: [{required}], properties: {{{members}}}}}");
    let api = read(&format!(
        "openapi: 3.1.0\ninfo: {{title: T, version: '1'}}\npaths:\n  /a: {{post: {{operationId: op, requestBody: {{content: {{application/json: {{schema: {object}}}}}}}, responses: {{'200': {{description: ok}}}}}}}}\n"
    ));
    wsdl::write(&api, &SoapFaceOptions { target_namespace: "urn:t".into(), service: "S".into() }).unwrap()
}

#[test]
fn elements_and_types_are_compared_both_ways() {
    let usual = "a: {type: string, maxLength: 5, enum: [x, y]}, b: {type: integer, minimum: 1}, c: {type: array, items: {type: string}}";
    let old = face(usual, "a");
    let same = face(usual, "a");
    let compared = |new: &wsdl::SoapFace, way| {
        let message = |face: &'static wsdl::SoapFace| Message {
            model: &face.model,
            element: &face.operations[0].input,
        };
        compare::element(
            message(Box::leak(Box::new(old.clone()))),
            message(Box::leak(Box::new(new.clone()))),
            way,
            "op",
        )
    };
    assert_eq!(compared(&same, Way::Request), []);
    let find = |members: &str, required: &str, way, place: &str, what: &str| {
        let changes = compared(&face(members, required), way);
        let hit = |c: &&Change| c.place == place && c.what.contains(what);
        changes.iter().find(hit).unwrap_or_else(|| panic!("{members}: {changes:#?}")).breaking
    };
    for (from, to, required, place, what, request, answer) in [
        ("maxLength: 5", "maxLength: 4", "a", "op/a", "maxLength changed from 5 to 4", true, false),
        ("maxLength: 5", "maxLength: 6", "a", "op/a", "maxLength changed from 5 to 6", false, true),
        ("enum: [x, y]", "enum: [x]", "a", "op/a", "\"y\" is no longer", true, false),
        ("enum: [x, y]", "enum: [x, y, z]", "a", "op/a", "\"z\" is new", false, false),
        ("minimum: 1", "minimum: 10", "a", "op/b", "minInclusive changed", true, false),
        ("type: integer", "type: string", "a", "op/b", "the type changed", true, true),
        ("type: integer", "type: [integer, 'null']", "a", "op/b", "nil is allowed now", false, true),
        ("b: {type", "d: {type", "a", "op/b", "gone", true, true),
        ("b: {type", "d: {type", "a", "op/d", "new", false, true),
        ("b: {type", "b: {type", "a, b", "op/b", "must be there 1 times", true, false),
        ("b: {type", "b: {type", "", "op/a", "must be there 0 times", false, true),
        (
            "c: {type: array, items: {type: string}}",
            "c: {type: string}",
            "a",
            "op/c",
            "one became many",
            true,
            true,
        ),
        (
            "a: {type: string, maxLength: 5, enum: [x, y]}, b: {type: integer, minimum: 1}",
            "b: {type: integer, minimum: 1}, a: {type: string, maxLength: 5, enum: [x, y]}",
            "a",
            "op",
            "another order",
            true,
            true,
        ),
    ] {
        let members = usual.replace(from, to);
        assert_eq!(find(&members, required, Way::Request, place, what), request, "request: {to} {what}");
        assert_eq!(find(&members, required, Way::Answer, place, what), answer, "answer: {to} {what}");
    }
}

#[test]
fn wsdls_are_compared_by_operation() {
    use lgsp_contract::wsdl::{Choose, read as read_wsdl};
    let members = "a: {type: string, maxLength: 5}, b: {type: integer}";
    let wsdl = |text: &str| {
        let text = text.replace("{address}", "http://localhost:1/");
        let files = [("face.wsdl".to_owned(), Bytes::from(text.into_bytes()))].into();
        let choose = Choose { service: None, port: Some("SSoap11".into()) };
        read_wsdl(&Bundle::new(files).unwrap(), "face.wsdl", &choose).unwrap_or_else(|p| panic!("{p:?}"))
    };
    let text = face(members, "a").wsdl;
    let old = wsdl(&text);
    assert_eq!(compare::wsdl(&old, &wsdl(&text)), []);
    for (from, to, breaking, place, what) in [
        (
            "maxLength value=\"5\"",
            "maxLength value=\"4\"",
            true,
            "op: request/a",
            "maxLength changed from 5 to 4",
        ),
        (
            "maxLength value=\"5\"",
            "maxLength value=\"6\"",
            false,
            "op: request/a",
            "maxLength changed from 5 to 6",
        ),
        (
            "soapAction=\"urn:t/op\"",
            "soapAction=\"urn:t/other\"",
            true,
            "op",
            "SOAPAction is \"urn:t/other\"",
        ),
        ("<wsdl:operation name=\"op\">", "<wsdl:operation name=\"po\">", true, "op", "gone"),
        (
            "name=\"status\" minOccurs=\"0\"",
            "name=\"status\"",
            false,
            "op: fault Problem/status",
            "must be there",
        ),
    ] {
        let changes = compare::wsdl(&old, &wsdl(&text.replace(from, to)));
        let hit = |c: &&Change| c.place == place && c.what.contains(what);
        let found = changes.iter().find(hit).unwrap_or_else(|| panic!("{from}: {changes:#?}\n{text}"));
        assert_eq!(found.breaking, breaking, "{found:?}");
    }
}
