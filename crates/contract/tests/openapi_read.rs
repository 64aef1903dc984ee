//! Reading OpenAPI documents: what is taken, and what is refused by name and place.
#![allow(clippy::unwrap_used, missing_docs)]

use bytes::Bytes;
use lgsp_contract::openapi::{self, Checker, OpenApi};
use lgsp_schema::Problem;
use lgsp_schema::bundle::Bundle;

fn files(files: &[(&str, &str)]) -> Result<OpenApi, Vec<Problem>> {
    let files = files.iter().map(|(n, t)| ((*n).to_owned(), Bytes::copy_from_slice(t.as_bytes()))).collect();
    openapi::read(&Bundle::new(files).unwrap(), "api.yaml")
}

fn document(paths: &str, rest: &str) -> String {
    format!("openapi: 3.1.0\ninfo: {{title: T, version: '1'}}\npaths:\n{paths}\n{rest}")
}

fn refused(text: &str) -> String {
    let problems = files(&[("api.yaml", text)]).expect_err("this document is refused");
    problems.iter().map(|p| format!("{p}\n")).collect()
}

const OK: &str = "responses: {'200': {description: ok}}";

#[test]
fn operations_are_read_in_order_with_their_parameters() {
    let api = files(&[(
        "api.yaml",
        &document(
            &format!(
                "  /citizens/{{id}}:
    parameters:
      - {{name: id, in: path, required: true, schema: {{type: string}}}}
      - {{name: page, in: query, schema: {{type: integer}}}}
    get:
      parameters: [{{name: page, in: query, required: true, schema: {{type: string}}}}]
      {OK}
    delete: {{operationId: strike, {OK}}}"
            ),
            "",
        ),
    )])
    .unwrap();
    let names: Vec<_> = api.operations.iter().map(|o| (o.name.as_str(), o.method.as_str())).collect();
    assert_eq!(names, [("getCitizensById", "GET"), ("strike", "DELETE")]);
    let page = |i: usize| api.operations[i].parameters.iter().find(|p| p.name == "page").unwrap().required;
    assert_eq!((page(0), page(1)), (true, false), "the operation's own parameter stands before the path's");
    assert_eq!(api.operations[0].parameters.len(), 2);
}

#[test]
fn references_lead_through_files_of_the_bundle() {
    let main = document(
        &format!(
            "  /a:
    get:
      parameters: [{{$ref: 'shared/parts.yaml#/parameters/Page'}}]
      responses: {{'200': {{description: ok, content: {{application/json: {{schema: {{$ref: 'shared/parts.yaml#/schemas/A'}}}}}}}}}}
  /b: {{get: {{{OK}}}}}"
        ),
        "",
    );
    let parts = "parameters: {Page: {name: page, in: query, schema: {type: integer}}}
schemas: {A: {type: object, properties: {next: {$ref: '#/schemas/A'}, b: {$ref: b.json}}}}";
    let api = files(&[
        ("api.yaml", &main),
        ("shared/parts.yaml", parts),
        ("shared/b.json", "{\"type\":\"string\"}"),
    ])
    .unwrap();
    assert_eq!(api.schemas.keys().collect::<Vec<_>>(), ["A", "b.json"]);
    assert_eq!(api.operations[0].parameters[0].name, "page");
    Checker::compile(&api).unwrap();
}

#[test]
fn other_versions_are_refused_with_advice() {
    assert!(
        refused("swagger: '2.0'\ninfo: {}\n")
            .contains("api.yaml:1:10: swagger: Swagger 2.0 is not taken: convert")
    );
    assert!(refused("openapi: 3.2.0\n").contains("write 3.1.0"));
    assert!(refused("openapi: 3.1\n").contains("quoted text"));
    assert!(refused("hello: there\n").contains("`openapi` is missing"));
    assert!(refused("").contains("empty"));
}

#[test]
fn what_the_official_schema_refuses_is_placed() {
    let said = refused(&document("  /a: {get: {responses: {'200': {}}}}", ""));
    assert!(said.contains("api.yaml:4:") && said.contains("description"), "{said}");
    let said = refused(&document("  /a: {get: {responses: {'200': {description: ok}}, colour: red}}", ""));
    assert!(said.contains("colour"), "{said}");
}

#[test]
fn what_the_official_schema_does_not_check_is_refused_too() {
    let get = |more: &str| format!("{{get: {{{more}{OK}}}}}");
    for (paths, rest, expected) in [
        (
            format!("  /a: {}\n  /b: {}", get("operationId: x, "), get("operationId: x, ")),
            "",
            "\"x\" is given twice",
        ),
        (format!("  /a/{{id}}: {}", get("")), "", "no path parameter describes it"),
        (
            format!("  /a: {}", get("parameters: [{name: id, in: path, required: true, schema: {}}], ")),
            "",
            "the path parameter \"id\" is not in",
        ),
        (
            format!(
                "  /a/{{x}}: {}\n  /a/{{y}}: {}",
                get("parameters: [{name: x, in: path, required: true, schema: {}}], "),
                get("parameters: [{name: y, in: path, required: true, schema: {}}], ")
            ),
            "",
            "cannot be told apart",
        ),
        (
            format!(
                "  /a: {}",
                get(
                    "parameters: [{name: x, in: query, schema: {}}, {name: x, in: query, schema: {type: string}}], "
                )
            ),
            "",
            "given twice",
        ),
        (
            format!(
                "  /a: {}",
                get("parameters: [{name: x, in: query, style: pipeDelimited, schema: {}}], ")
            ),
            "",
            "pipeDelimited",
        ),
        (
            format!("  /a: {}", get("parameters: [{$ref: '#/components/parameters/X'}], ")),
            "components: {parameters: {X: {$ref: '#/components/parameters/X'}}}",
            "circle",
        ),
        (
            format!("  /a: {}", get("parameters: [{$ref: '#/components/parameters/X'}], ")),
            "",
            "leads nowhere",
        ),
        (format!("  /a: {}", get("parameters: [{$ref: 'https://a.example/x.yaml'}], ")), "", "never fetched"),
        (format!("  /a: {}", get("parameters: [{$ref: '../x.yaml'}], ")), "", "steps above"),
        (format!("  /a: {}", get("parameters: [{$ref: 'x.yaml'}], ")), "", "not among the files"),
    ] {
        let said = refused(&document(&paths, rest));
        assert!(said.contains(expected), "{expected}: {said}");
    }
}

fn schema(schema: &str) -> String {
    document(
        "  /a: {get: {responses: {'200': {description: ok, content: {application/json: {schema: {$ref: '#/components/schemas/A'}}}}}}}",
        &format!("components: {{schemas: {{A: {schema}, B: {{$ref: '#/components/schemas/A'}}}}}}"),
    )
}

#[test]
fn schemas_that_have_no_single_reading_or_no_bound_are_refused() {
    for (text, expected) in [
        ("{$ref: '#/components/schemas/B'}", "refers to itself without end"),
        ("{anyOf: [{$ref: '#/components/schemas/A'}, {type: string}]}", "refers to itself without end"),
        ("{type: string, pattern: '(?=a)b'}", "needs backtracking"),
        ("{type: string, pattern: '(a)\\1'}", "needs backtracking"),
        ("{type: string, pattern: '(((a{1000}){1000}){1000})'}", "too large"),
        ("{type: string, pattern: '['}", "malformed"),
        ("{type: object, $id: 'https://a.example/'}", "$id"),
        ("{type: object, $dynamicRef: '#x'}", "$dynamicRef"),
        ("{$schema: 'http://json-schema.org/draft-04/schema#'}", "2020-12"),
        ("{type: number, multipleOf: 0}", "multipleOf"),
        ("{type: number, minimum: a}", "a number was expected"),
        ("{type: strin}", "strin"),
    ] {
        let text = schema(text);
        let said = match files(&[("api.yaml", &text)]) {
            Err(problems) => problems.iter().map(|p| format!("{p}\n")).collect(),
            Ok(api) => Checker::compile(&api)
                .expect_err(expected)
                .iter()
                .map(|p| format!("{p}\n"))
                .collect::<String>(),
        };
        assert!(said.contains(expected), "{expected}: {said}");
    }
}

#[test]
fn alternatives_that_multiply_are_refused() {
    let mut all = String::new();
    for i in 0..20 {
        let next = format!("{{$ref: '#/components/schemas/S{}'}}", i + 1);
        all.push_str(&format!("S{i}: {{anyOf: [{next}, {next}]}}, "));
    }
    let text = document(
        "  /a: {get: {responses: {'200': {description: ok, content: {application/json: {schema: {$ref: '#/components/schemas/S0'}}}}}}}",
        &format!("components: {{schemas: {{{all} S20: {{type: string}}}}}}"),
    );
    assert!(refused(&text).contains("alternatives multiply"));
}

#[test]
fn long_chains_of_schemas_are_compiled_and_dropped() {
    let mut all = String::new();
    for i in 0..4_900 {
        all.push_str(&format!("\"S{i}\":{{\"type\":\"object\",\"properties\":{{\"n\":{{\"$ref\":\"#/components/schemas/S{}\"}}}}}},", i + 1));
    }
    let text = format!(
        "{{\"openapi\":\"3.0.3\",\"info\":{{\"title\":\"t\",\"version\":\"1\"}},\"paths\":{{\"/a\":{{\"get\":{{\"responses\":{{\"200\":{{\"description\":\"ok\",\"content\":{{\"application/json\":{{\"schema\":{{\"$ref\":\"#/components/schemas/S0\"}}}}}}}}}}}}}}}},\"components\":{{\"schemas\":{{{all}\"S4900\":{{\"type\":\"string\"}}}}}}}}"
    );
    let api = files(&[("api.yaml", &text)]).unwrap();
    let checker = Checker::compile(&api).unwrap();
    drop(checker);
}

#[test]
fn bombs_and_depth_are_refused() {
    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for i in 1..12 {
        bomb.push_str(&format!("a{i}: &a{i} [{}]\n", vec![format!("*a{}", i - 1); 10].join(", ")));
    }
    assert!(refused(&bomb).contains("aliases repeat"));
    let mut tower = "a0: &a0 [x]\n".to_owned();
    for i in 1..2_000 {
        tower.push_str(&format!("a{i}: &a{i} [*a{}]\n", i - 1));
    }
    assert!(refused(&tower).contains("nested deeper"));
    assert!(refused(&"[".repeat(100_000)).contains("api.yaml"));
    assert!(
        refused(&format!("{{\"a\":{}1{}}}", "[".repeat(5_000), "]".repeat(5_000))).contains("nested deeper")
    );
    assert!(refused("a: 1\na: 2\n").contains("given twice"));
    assert!(refused("{\"a\": 1, \"a\": 2}").contains("twice"));
    assert!(refused("a: !!python/object:os.system x").contains("tag"));
}
