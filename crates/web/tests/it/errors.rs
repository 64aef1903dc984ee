//! Whatever goes wrong has one shape, says what to do, and can be found in the process's log by its id.

use crate::support::World;
use http::Method;

#[tokio::test]
async fn every_error_is_a_problem_with_the_requests_id() {
    let world = World::furnished().await;
    let operator = format!("Bearer {}", world.operator);
    let auth = ("authorization", operator.as_str());
    let json = ("content-type", "application/json");
    let big = "x".repeat(5 << 20);
    for (method, path, headers, body, status) in [
        (Method::GET, "/nowhere", vec![], "", 404),
        (Method::GET, "/admin/v1/nothing/here/at/all", vec![auth], "", 404),
        (Method::PATCH, "/admin/v1/systems/land", vec![auth], "", 405),
        (Method::PUT, "/admin/v1/systems/land", vec![auth], "{}", 415),
        (Method::PUT, "/admin/v1/systems/land", vec![auth, json], "{", 400),
        (Method::PUT, "/admin/v1/systems/land", vec![auth, json], big.as_str(), 413),
        (Method::PUT, "/admin/v1/systems/land", vec![auth, json], "{}", 422),
        (Method::PUT, "/admin/v1/systems/land", vec![auth, json], "[1]", 422),
        (Method::GET, "/admin/v1/systems/none", vec![auth], "", 404),
        (Method::GET, "/admin/v1/systems/%FF", vec![auth], "", 400),
        (Method::GET, "/admin/v1/status", vec![], "", 401),
        (Method::GET, "/admin/v1/status", vec![auth, auth], "", 401),
        (Method::GET, "/admin/v1/status", vec![auth, ("lgsp-reason", "x\ty")], "", 400),
    ] {
        let answer = world.send(method.clone(), path, &headers, body.to_owned()).await;
        assert_eq!(answer.status, status, "{method} {path}: {}", answer.text());
        assert_eq!(answer.header("content-type"), "application/problem+json", "{path}");
        assert_eq!(answer.header("cache-control"), "no-store");
        let problem = answer.json();
        assert!(problem["type"].as_str().unwrap().starts_with("urn:lgsp:problem:admin."), "{problem}");
        assert_eq!(problem["status"], status);
        assert!(problem["remedy"].as_str().is_some_and(|r| !r.is_empty()), "{problem}");
        assert_eq!(problem["request"], answer.header("lgsp-request-id"));
        assert!(problem["request"].as_str().unwrap().starts_with("req_"));
    }
}

#[tokio::test]
async fn a_store_that_is_away_is_said_so_without_its_internals() {
    let world = World::furnished().await;
    world.store.close().await;
    let answer = world.get("/admin/v1/audit").await.is(503);
    assert_eq!(answer.header("retry-after"), "5");
    let text = answer.text();
    assert!(!text.contains("sqlite") && !text.contains("/tmp") && !text.contains("pool"), "{text}");
}

#[tokio::test]
async fn a_body_is_not_read_for_someone_who_may_not_send_it() {
    let world = World::new().await;
    let auditor = format!("Bearer {}", world.auditor);
    let big = "x".repeat(5 << 20);
    let headers = [("authorization", auditor.as_str()), ("content-type", "application/json")];
    let answer = world.send(Method::PUT, "/admin/v1/systems/land", &headers, big).await;
    assert_eq!(answer.status, 403, "the role is looked at before the length");
}
