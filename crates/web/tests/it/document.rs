//! The OpenAPI document: pinned, served as pinned, and complete.

use crate::support::World;
use http::Method;
use serde_json::Value;

/// After a wanted change of the API, `LGSP_BLESS=1` writes the document anew; the difference is then read in review.
#[test]
fn the_document_is_the_one_that_was_reviewed() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/openapi.json");
    let mut now = serde_json::to_string_pretty(&lgsp_web::openapi()).unwrap();
    now.push('\n');
    if std::env::var_os("LGSP_BLESS").is_some() {
        std::fs::write(path, &now).unwrap();
    }
    let reviewed = std::fs::read_to_string(path).unwrap_or_default();
    let first = now.lines().zip(reviewed.lines()).position(|(a, b)| a != b);
    assert!(
        now == reviewed,
        "openapi.json differs, first in line {first:?}: run with LGSP_BLESS=1 and review it"
    );
}

#[tokio::test]
async fn the_document_is_served_to_anyone() {
    let world = World::new().await;
    let served = world.send(Method::GET, "/openapi.json", &[], "").await.is(200).json();
    assert_eq!(served, serde_json::to_value(lgsp_web::openapi()).unwrap());
    assert!(served["openapi"].as_str().unwrap().starts_with("3.1"));
    assert!(world.send(Method::GET, "/", &[], "").await.is(200).text().contains("/openapi.json"));
}

#[test]
fn every_reference_in_the_document_leads_somewhere() {
    let document = serde_json::to_value(lgsp_web::openapi()).unwrap();
    let mut seen = 0;
    walk(&document, &mut |value| {
        if let Some(reference) = value.get("$ref").and_then(Value::as_str) {
            seen += 1;
            assert!(document.pointer(reference.trim_start_matches('#')).is_some(), "{reference}");
        }
    });
    assert!(seen > 50);
}

#[test]
fn every_operation_has_a_name_of_its_own_a_summary_and_a_problem_answer() {
    let document = serde_json::to_value(lgsp_web::openapi()).unwrap();
    let mut names = std::collections::BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let name = operation["operationId"].as_str().unwrap_or_default().to_owned();
            assert!(names.insert(name.clone()), "{method} {path}: {name:?} is taken");
            assert!(operation["summary"].as_str().is_some_and(|s| s.len() > 10), "{method} {path}");
            assert!(operation["responses"].get("4XX").is_some(), "{method} {path}");
        }
    }
}

fn walk(value: &Value, visit: &mut impl FnMut(&Value)) {
    visit(value);
    match value {
        Value::Object(map) => map.values().for_each(|v| walk(v, visit)),
        Value::Array(list) => list.iter().for_each(|v| walk(v, visit)),
        _ => {}
    }
}
