//! Requests and answers held against a contract: what is taken, what is named, and where.
#![allow(clippy::unwrap_used, missing_docs)]

use bytes::Bytes;
use lgsp_contract::openapi::{self, Checker, VIOLATIONS_MAX, Violations};
use lgsp_schema::bundle::Bundle;

const API: &str = r#"
openapi: 3.0.3
info: {title: Citizens, version: '1'}
paths:
  /citizens/{id}:
    get:
      operationId: read
      parameters:
        - {name: id, in: path, required: true, schema: {type: string, pattern: '^\d{12}$'}}
        - {name: page, in: query, schema: {type: integer, minimum: 1}}
        - {name: tags, in: query, schema: {type: array, maxItems: 2, items: {type: string}}}
        - {name: codes, in: query, explode: false, schema: {type: array, items: {type: integer}}}
        - {name: filter, in: query, style: deepObject, schema: {type: object, additionalProperties: false, properties: {age: {type: integer}, live: {type: boolean}}}}
        - {name: where, in: query, content: {application/json: {schema: {type: object, required: [x]}}}}
        - {name: X-Trace, in: header, required: true, schema: {type: string, format: uuid}}
      responses:
        '200': {description: ok, content: {application/json: {schema: {$ref: '#/components/schemas/Citizen'}}}}
        4XX: {description: no, content: {application/problem+json: {schema: {type: object}}}}
  /citizens:
    post:
      operationId: add
      requestBody:
        required: true
        content:
          application/json: {schema: {$ref: '#/components/schemas/Citizen'}}
          application/x-www-form-urlencoded: {schema: {type: object, required: [age], properties: {age: {type: integer}, tag: {type: array, items: {type: string}}}}}
          image/*: {}
      responses: {'204': {description: done}}
components:
  schemas:
    Citizen:
      type: object
      required: [id, name, born, secret]
      additionalProperties: false
      properties:
        id: {type: string, readOnly: true}
        secret: {type: string, writeOnly: true}
        name: {type: string, minLength: 1, maxLength: 20}
        born: {type: string, format: date, nullable: true}
        income: {type: number, multipleOf: 0.01, minimum: 0, maximum: 12345678901234567890.12, exclusiveMaximum: true}
        children: {type: integer, format: int32}
        sex: {type: string, enum: [F, M], nullable: true}
        kin: {type: array, items: {$ref: '#/components/schemas/Citizen'}, uniqueItems: true}
"#;

fn checker() -> Checker {
    let bundle = Bundle::new([("api.yaml".to_owned(), Bytes::from_static(API.as_bytes()))].into()).unwrap();
    Checker::compile(&openapi::read(&bundle, "api.yaml").unwrap()).unwrap()
}

fn said(result: Result<(), Violations>) -> String {
    result.map_or_else(|v| v.to_string(), |()| "ok".into())
}

fn read(checker: &Checker, id: &str, query: &str, trace: Option<&str>) -> String {
    let header = |name: &str| trace.filter(|_| name == "x-trace");
    said(checker.check_request("read", &[("id", id.to_owned())], query, &header, "", b""))
}

fn add(checker: &Checker, content_type: &str, body: &str) -> String {
    said(checker.check_request("add", &[], "", &|_| None, content_type, body.as_bytes()))
}

#[test]
fn parameters_are_decoded_by_their_style() {
    let c = checker();
    let trace = Some("0191d4f0-1c2b-7def-8aaa-000000000001");
    for good in [
        "",
        "page=2",
        "tags=a&tags=b&unknown=1",
        "codes=1,2,3",
        "filter[age]=7&filter%5Blive%5D=true",
        "where=%7B%22x%22%3A1%7D",
    ] {
        assert_eq!(read(&c, "012345678901", good, trace), "ok", "{good}");
    }
    for (bad, place) in [
        ("page=0", "query.page: this is below 1"),
        ("page=two", "query.page"),
        ("page=1&page=2", "query.page: given more than once"),
        ("tags=a&tags=b&tags=c", "query.tags"),
        ("codes=1,x", "query.codes/1"),
        ("filter[age]=x", "query.filter/age"),
        ("filter[other]=x", "query.filter"),
        ("where=%7B%7D", "query.where"),
        ("where=x", "query.where"),
        ("page=%ff", "query: escaped bytes"),
    ] {
        let said = read(&c, "012345678901", bad, trace);
        assert!(said.contains(place), "{bad}: {said}");
    }
    assert!(read(&c, "12", "", trace).starts_with("path.id"));
    assert!(read(&c, "012345678901", "", None).contains("header.X-Trace: this parameter is required"));
    assert!(read(&c, "012345678901", "", Some("x")).contains("header.X-Trace"));
}

#[test]
fn bodies_are_held_against_their_schema() {
    let c = checker();
    let json = "application/json; charset=utf-8";
    let with = |more: &str| format!(r#"{{"name":"Nguyễn Văn A","born":null,"secret":"s"{more}}}"#);
    for good in [
        "",
        r#","income":0.1"#,
        r#","income":12345678901234567890.11"#,
        r#","children":2.0"#,
        r#","sex":null"#,
        r#","id":"sent though read only""#,
        r#","kin":[{"name":"x","born":"2000-02-29","secret":"s"}]"#,
    ] {
        assert_eq!(add(&c, json, &with(good)), "ok", "{good}");
    }
    for (bad, place) in [
        (r#","income":0.001"#, "body/income: this is not a multiple of 0.01"),
        (r#","income":12345678901234567890.12"#, "body/income: this is not below"),
        (r#","income":1e999"#, "body/income: this is not below"),
        (r#","income":-0.01"#, "body/income: this is below 0"),
        (r#","children":2.5"#, "body/children"),
        (r#","children":3000000000"#, "body/children: this is above 2147483647"),
        (r#","sex":"X""#, "body/sex"),
        (r#","colour":"red""#, "colour"),
        (r#","kin":[{}]"#, "body/kin/0"),
        (
            r#","kin":[{"name":"x","born":null,"secret":"s","income":1},{"income":1.0,"name":"x","born":null,"secret":"s"}]"#,
            "body/kin",
        ),
        (r#","name":"y""#, "a member is given twice"),
    ] {
        let said = add(&c, json, &with(bad));
        assert!(said.contains(place), "{bad}: {said}");
    }
    for (body, place) in [
        (r#"{"name":"","born":"2001-02-29","secret":"s"}"#, "body/born"),
        ("", "a value was expected"),
        ("{", "body"),
        ("\u{0}", "body"),
    ] {
        let said = add(&c, json, body);
        assert!(said.contains(place), "{body}: {said}");
    }
    let deep = format!("{}1{}", "[".repeat(10_000), "]".repeat(10_000));
    assert!(add(&c, json, &deep).contains("nested deeper"));
    assert_eq!(said(c.check_request("add", &[], "", &|_| None, "", b"")), "body: a body is required");
}

#[test]
fn a_violation_never_holds_a_value() {
    let c = checker();
    let said = add(
        &c,
        "application/json",
        r#"{"name":"a secret far too long for it","born":"secret date","secret":7}"#,
    );
    assert!(!said.contains("far too long") && !said.contains("secret date"), "{said}");
    let many: Vec<String> = (0..100).map(|_| "{}".into()).collect();
    let body = format!(r#"{{"name":"x","born":null,"secret":"s","kin":[{}]}}"#, many.join(","));
    match c.check_request("add", &[], "", &|_| None, "application/json", body.as_bytes()) {
        Err(Violations::Message(all)) => assert_eq!(all.len(), VIOLATIONS_MAX),
        other => panic!("{other:?}"),
    }
}

#[test]
fn media_types_and_statuses_that_are_not_described_are_kinds_of_their_own() {
    let c = checker();
    assert_eq!(c.check_request("none", &[], "", &|_| None, "", b""), Err(Violations::UnknownOperation));
    let other = c.check_request("add", &[], "", &|_| None, "text/plain", b"x");
    assert_eq!(other, Err(Violations::UndocumentedMediaType("text/plain".into())));
    assert_eq!(add(&c, "image/png", "\u{1}"), "ok");
    assert_eq!(add(&c, "application/x-www-form-urlencoded", "age=7&tag=a&tag=b"), "ok");
    assert!(add(&c, "application/x-www-form-urlencoded", "age=x").contains("body/age"));
    assert!(add(&c, "application/x-www-form-urlencoded", "tag=x").contains("age"));
    assert_eq!(
        c.check_answer("read", 500, "application/json", b"{}"),
        Err(Violations::UndocumentedStatus(500))
    );
    assert_eq!(c.check_answer("read", 404, "application/problem+json", b"{}"), Ok(()));
    assert_eq!(c.check_answer("add", 204, "", b""), Ok(()));
    let full = br#"{"id":"1","name":"x","born":"2000-01-31"}"#;
    assert_eq!(
        c.check_answer("read", 200, "application/json", full),
        Ok(()),
        "what is write-only is not in answers"
    );
    assert!(c.check_answer("read", 200, "application/json", br#"{"name":"x","born":null}"#).is_err());
}

/// A contract of one operation `op`, whose body is the schema `T`.
fn body_of(schemas: &str) -> Checker {
    let api = format!(
        "openapi: 3.1.0\ninfo: {{title: T, version: '1'}}\npaths:\n  /t: {{post: {{operationId: op, requestBody: {{content: {{application/json: {{schema: {{$ref: '#/components/schemas/T'}}}}}}}}, responses: {{'204': {{description: done}}}}}}}}\ncomponents: {{schemas: {schemas}}}\n"
    );
    let bundle = Bundle::new([("api.yaml".to_owned(), Bytes::from(api))].into()).unwrap();
    Checker::compile(&openapi::read(&bundle, "api.yaml").unwrap()).unwrap()
}

/// Levels of `{"n":...}` around a body.
fn nested(levels: usize, inside: &str) -> String {
    format!("{}{inside}{}", "{\"n\":".repeat(levels), "}".repeat(levels))
}

#[test]
fn alternatives_in_a_schema_that_holds_itself_take_no_exponential_time() {
    let two = |keyword: &str| {
        body_of(&format!(
            "{{T: {{type: [object, integer], {keyword}: [{{properties: {{n: {{$ref: '#/components/schemas/T'}}, x: {{type: string}}}}}}, {{properties: {{n: {{$ref: '#/components/schemas/T'}}, y: {{type: string}}}}}}]}}}}"
        ))
    };
    for keyword in ["anyOf", "oneOf", "allOf"] {
        let c = two(keyword);
        let check = |body: &str| {
            let held = c.check_request("op", &[], "", &|_| None, "application/json", body.as_bytes());
            held.map_or_else(|v| v.to_string(), |()| "ok".into())
        };
        // Without a meter this does not end.
        for levels in [30, 98] {
            let wrong = check(&nested(levels, "\"neither\""));
            assert!(wrong.contains("body"), "{keyword}, {levels} levels: {wrong}");
            let right = check(&nested(levels, "7"));
            assert_eq!(right == "ok", keyword != "oneOf", "{keyword}, {levels} levels: {right}");
        }
    }
}

#[test]
fn a_body_that_is_wrong_everywhere_is_told_in_few_words() {
    let c = body_of("{T: {type: array, items: {type: string}}}");
    let body = format!("[{}7]", "7,".repeat(200_000));
    match c.check_request("op", &[], "", &|_| None, "application/json", body.as_bytes()) {
        Err(Violations::Message(all)) => assert_eq!(all[0].at, "body/0"),
        other => panic!("{other:?}"),
    }
    let c = body_of(
        "{T: {anyOf: [{type: array, items: {type: string}}, {type: array, items: {type: boolean}}]}}",
    );
    let said = said(c.check_request("op", &[], "", &|_| None, "application/json", body.as_bytes()));
    assert!(said.contains("in too many ways"), "{said}");
}

#[test]
fn a_body_is_nested_a_hundred_levels_and_no_deeper() {
    let c = body_of("{T: {type: [object, integer], properties: {n: {$ref: '#/components/schemas/T'}}}}");
    let check = |levels| {
        let body = nested(levels, "7");
        said(c.check_request("op", &[], "", &|_| None, "application/json", body.as_bytes()))
    };
    assert_eq!(check(lgsp_kernel::bounds::JSON_DEPTH_MAX), "ok");
    assert!(check(lgsp_kernel::bounds::JSON_DEPTH_MAX + 1).contains("nested deeper"));
}
