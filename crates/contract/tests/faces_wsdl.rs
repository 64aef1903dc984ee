//! The SOAP face written from an OpenAPI document: accepted by xmllint, loaded by a SOAP library, and its requests made REST calls.
#![allow(clippy::unwrap_used, missing_docs)]

use bytes::Bytes;
use lgsp_contract::faces::wsdl::{self, AnswerShape, SoapFace, SoapFaceOptions};
use lgsp_contract::{openapi, soap};
use lgsp_schema::Problem;
use lgsp_schema::bundle::Bundle;
use lgsp_schema::codec::{Codec, Limits, Prefixes};
use std::path::{Path, PathBuf};
use std::process::Command;

const API: &str = r#"
openapi: 3.1.0
info: {title: Citizens & papers, version: '1'}
paths:
  /citizens/{id}/papers:
    post:
      operationId: addPaper
      summary: Adds a paper
      parameters:
        - {name: id, in: path, required: true, schema: {type: string, pattern: '^\d{12}$'}}
        - {name: tag, in: query, schema: {type: array, items: {type: string}}}
        - {name: lang, in: query, explode: false, schema: {type: array, items: {type: string}}}
        - {name: X-Trace, in: header, schema: {type: string}}
      requestBody: {required: true, content: {application/json: {schema: {$ref: '#/components/schemas/Paper'}}}}
      responses:
        '201': {description: ok, content: {application/json: {schema: {$ref: '#/components/schemas/Paper'}}}}
  /citizens:
    get:
      operationId: list
      parameters: [{name: page, in: query, schema: {type: integer, minimum: 1}}]
      responses:
        '200': {description: ok, content: {application/json: {schema: {type: array, items: {$ref: '#/components/schemas/Paper'}}}}}
    delete:
      operationId: strike all
      responses: {'204': {description: gone}}
  /deeds:
    post:
      operationId: record
      requestBody: {required: true, content: {application/json: {schema: {$ref: '#/components/schemas/Deed'}}}}
      responses:
        '200': {description: ok, content: {application/json: {schema: {$ref: '#/components/schemas/Deed'}}}}
  /names:
    put:
      operationId: rename
      requestBody: {required: true, content: {application/json: {schema: {type: array, items: {type: string}}}}}
      responses:
        '200': {description: ok, content: {application/json: {schema: {type: array, items: {type: string}}}}}
components:
  schemas:
    Base: {type: object, required: [no], properties: {no: {type: integer}}}
    Deed:
      type: object
      required: [witnesses, seals, pages]
      properties:
        witnesses: {type: array, items: {type: string}}
        seals: {type: array, maxItems: 1, items: {type: string}}
        pages: {type: array, items: {type: object, required: [lines], properties: {lines: {type: array, items: {type: string}}, marks: {type: array, items: {type: string}}}}}
        notes: {type: array, items: {type: string}}
    Paper:
      allOf:
        - {$ref: '#/components/schemas/Base'}
        - type: object
          required: [kind, họTên]
          properties:
            kind: {type: string, enum: [birth, marriage]}
            họTên: {type: string, minLength: 1, maxLength: 50}
            first issued: {type: string, format: date}
            fee: {type: number, minimum: 0}
            live: {type: [boolean, 'null']}
            parts: {type: array, items: {$ref: '#/components/schemas/Paper'}}
"#;

fn options() -> SoapFaceOptions {
    SoapFaceOptions { target_namespace: "urn:example:papers".into(), service: "Papers".into() }
}

fn face_of(text: &str) -> Result<SoapFace, Vec<Problem>> {
    let files = [("api.yaml".to_owned(), Bytes::copy_from_slice(text.as_bytes()))].into();
    wsdl::write(&openapi::read(&Bundle::new(files).unwrap(), "api.yaml").unwrap(), &options())
}

#[test]
fn a_request_becomes_the_rest_call_digit_by_digit() {
    let face = face_of(API).unwrap();
    let add = face.operations.iter().find(|o| o.name == "addPaper").unwrap();
    assert_eq!(add.soap_action, "urn:example:papers/addPaper");
    let request = r#"{"id":"012345678901","tag":["a","b&c"],"lang":["vi","en"],"X-Trace":"t","no":12345678901234567890123,"kind":"birth","họTên":"Ngô","fee":0.10,"live":null,"parts":[{"no":1.0}]}"#;
    let call = add.rest_call(request.as_bytes()).unwrap();
    assert_eq!(call.method, "POST");
    assert_eq!(call.target, "/citizens/012345678901/papers?tag=a&tag=b%26c&lang=vi%2Cen");
    assert_eq!(call.headers, [("X-Trace".to_owned(), "t".to_owned())]);
    assert_eq!(call.content_type.as_deref(), Some("application/json"));
    let body = String::from_utf8(call.body).unwrap();
    assert_eq!(
        body,
        r#"{"no":12345678901234567890123,"kind":"birth","họTên":"Ngô","fee":0.10,"live":null,"parts":[{"no":1.0}]}"#
    );
    let list = face.operations.iter().find(|o| o.name == "list").unwrap();
    let call = list.rest_call(br#"{"page":2}"#).unwrap();
    assert_eq!((call.target.as_str(), call.body.len(), call.content_type), ("/citizens?page=2", 0, None));
    assert_eq!(list.answer, AnswerShape::Body);
    assert_eq!(list.answer_json(b"[1]"), b"{\"body\":[1]}");
}

#[test]
fn a_value_cannot_leave_its_place() {
    let face = face_of(API).unwrap();
    let add = &face.operations[0];
    for bad in [r#"{"id":".."}"#, r#"{"id":""}"#, "{}", r#"{"id":"1","X-Trace":"a\r\nb: c"}"#, "[]"] {
        assert!(add.rest_call(bad.as_bytes()).is_err(), "{bad}");
    }
    let call = add.rest_call(br#"{"id":"1/../2?x#y"}"#).unwrap();
    assert_eq!(call.target, "/citizens/1%2F..%2F2%3Fx%23y/papers");
}

#[test]
fn what_has_no_reading_as_elements_is_refused_by_name() {
    let document = |schema: &str| {
        format!(
            "openapi: 3.1.0\ninfo: {{title: T, version: '1'}}\npaths:\n  /a: {{get: {{operationId: op, responses: {{'200': {{description: ok, content: {{application/json: {{schema: {{type: object, properties: {{x: {schema}}}}}}}}}}}}}}}}}\n"
        )
    };
    for (schema, construct) in [
        ("{oneOf: [{type: string}, {type: integer}]}", "oneOf"),
        ("{type: object, properties: {a: {type: string}}, not: {required: [a]}}", "not"),
        ("{type: object, additionalProperties: {type: string}}", "additionalProperties"),
        ("{type: object, patternProperties: {a: {type: string}}}", "patternProperties"),
        ("{type: object}", "properties"),
        ("{type: array, items: {type: array, items: {type: string}}}", "items"),
        ("{type: array, prefixItems: [{type: string}]}", "items"),
        ("{type: [array, 'null'], items: {type: string}}", "nullable"),
        ("{type: [string, integer]}", "type"),
        ("{}", "type"),
        ("true", "type"),
    ] {
        let problems = face_of(&document(schema)).expect_err(schema);
        assert!(problems.iter().any(|p| p.construct == construct), "{schema}: {problems:?}");
        assert!(problems.iter().all(|p| p.place.is_some() && p.message.contains("op: ")), "{problems:?}");
    }
}

fn python(dir: &Path) -> Option<PathBuf> {
    let made = Command::new("python3").args(["-m", "venv", dir.join("venv").to_str().unwrap()]).output();
    let python = dir.join("venv/bin/python");
    let args = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "zeep==4.3.2"];
    match made.and_then(|_| Command::new(&python).args(args).output()) {
        Ok(out) if out.status.success() => Some(python),
        other => {
            eprintln!(
                "\n*** SKIPPED: no Python with zeep could be made, so no SOAP library read the WSDL: {other:?}\n"
            );
            None
        }
    }
}

#[test]
fn a_soap_library_reads_the_wsdl_and_xmllint_accepts_what_it_sends() {
    let face = face_of(API).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = dir.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let wsdl = file("face.wsdl", &face.wsdl.replace("{address}", "http://localhost:1/papers"));
    let schema = &face.wsdl[face.wsdl.find("<xs:schema").unwrap()..];
    let schema = &schema[..schema.find("</xs:schema>").unwrap() + "</xs:schema>".len()];
    let schema = file("face.xsd", schema);
    let calls = file("calls.json", CALLS);
    let Some(python) = python(dir.path()) else { return };
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/faces_wsdl/client.py");
    let out = Command::new(python).arg(script).args([&wsdl, &calls]).output().unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let said = String::from_utf8(out.stdout).unwrap();
    assert_eq!(said, ENVELOPES, "what the library sends is what was recorded");
    for (i, envelope) in said.lines().enumerate() {
        let body = soap::open(envelope.as_bytes()).unwrap().document().unwrap();
        let body = file(&format!("{i}.xml"), &String::from_utf8(body).unwrap());
        let lint =
            Command::new("xmllint").arg("--noout").arg("--schema").args([&schema, &body]).output().unwrap();
        assert!(lint.status.success(), "{}\n{said}", String::from_utf8_lossy(&lint.stderr));
    }
}

/// What a SOAP library is told to call, and the envelopes that it sends then (zeep 4.3.2).
const CALLS: &str = include_str!("fixtures/faces_wsdl/calls.json");
const ENVELOPES: &str = include_str!("fixtures/faces_wsdl/envelopes.txt");

/// A library's envelope as the REST call, and the provider's answer as what the library gets back: the body's element.
fn through(face: &SoapFace, codec: &Codec, envelope: &str, answer: &str) -> (String, String, String) {
    let opened = soap::open(envelope.as_bytes()).unwrap();
    let body = opened.body.as_ref().unwrap();
    let operation = face.operations.iter().find(|o| o.input.name == body.name).unwrap();
    let (input, output) = (codec.element(&operation.input.name), codec.element(&operation.output.name));
    let limits = Limits::default();
    let request = codec.xml_to_json(input.unwrap(), &opened.document().unwrap(), limits).unwrap();
    let call = operation.rest_call(&request).unwrap();
    let answer = operation.answer_json(answer.as_bytes());
    let xml = codec.json_to_xml(output.unwrap(), &answer, Prefixes::default(), limits).unwrap();
    let back = codec.xml_to_json(output.unwrap(), &xml, limits).unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (format!("{} {} {}", call.method, call.target, text(call.body)), text(xml), text(back))
}

#[test]
fn what_a_soap_library_sends_becomes_the_rest_call_and_its_answer_comes_back() {
    let face = face_of(API).unwrap();
    let codec = Codec::compile(face.model.clone()).unwrap();
    let envelopes: Vec<&str> = ENVELOPES.lines().collect();
    let paper = r#"{"no":7,"kind":"birth","họTên":"Ngô","parts":[]}"#;
    let deed = r#"{"witnesses":["a"],"seals":["s"],"pages":[{"lines":["l"]}]}"#;
    let bare = r#"{"witnesses":[],"seals":[],"pages":[{"lines":[],"marks":["m"]}]}"#;
    for (envelope, answer, call) in [
        (
            0,
            paper,
            r#"POST /citizens/012345678901/papers?tag=a&tag=b {"no":7,"kind":"birth","họTên":"Ngô","first issued":"2026-01-31","fee":0.10,"parts":[{"no":8,"kind":"marriage","họTên":"x"}]}"#,
        ),
        (1, "[]", "GET /citizens?page=2 "),
        (2, "", "DELETE /citizens "),
        (3, deed, &format!("POST /deeds {deed}")),
        (4, bare, r#"POST /deeds {"witnesses":[],"seals":[],"pages":[]}"#),
        (
            5,
            bare,
            r#"POST /deeds {"pages":[{"lines":[]},{"marks":["m"],"lines":[]}],"witnesses":[],"seals":[]}"#,
        ),
        (6, r#"["b"]"#, r#"PUT /names ["a"]"#),
        (7, "[]", "PUT /names []"),
    ] {
        let (made, xml, back) = through(&face, &codec, envelopes[envelope], answer);
        let parsed = |text: &str| serde_json::from_str::<serde_json::Value>(text).ok();
        let parts = |text: &str| {
            let (line, body) = text.split_at(text.find(['{', '[']).unwrap_or(text.len()));
            (line.to_owned(), parsed(body))
        };
        assert_eq!(parts(&made), parts(call));
        // What was required and empty is there again; what was empty and not required is none.
        let whole = match answer {
            "" => Some(serde_json::json!({})),
            a if a.starts_with('[') => Some(serde_json::json!({"body": parsed(a)})),
            a => parsed(&a.replace(r#","parts":[]"#, "")),
        };
        assert_eq!(parsed(&back), whole, "{xml}");
    }
}
