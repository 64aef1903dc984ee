//! Every operation of the OpenAPI document is tried without a token, with a bad one and with each role: an operation that is documented
//! cannot be left out here, and one that is not documented does not exist.

use crate::support::World;
use http::Method;
use serde_json::Value;

struct Operation {
    method: Method,
    path: String,
    needs: String,
}

/// All documented operations, with something in place of the parameters of their addresses.
fn operations() -> Vec<Operation> {
    let document = serde_json::to_value(lgsp_web::openapi()).unwrap();
    let mut found = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let Ok(method) = method.to_ascii_uppercase().parse::<Method>() else { continue };
            let needs = operation["security"][0]["admin_token"][0].as_str();
            let needs = needs.unwrap_or_else(|| panic!("{method} {path} says nothing of permission"));
            found.push(Operation { method, path: filled(path), needs: needs.to_owned() });
        }
    }
    assert!(found.len() > 30, "only {} operations are documented", found.len());
    found
}

fn filled(path: &str) -> String {
    let part = |p: &str| if p.starts_with('{') { "nothing-of-this-name".to_owned() } else { p.to_owned() };
    path.split('/').map(part).collect::<Vec<_>>().join("/")
}

async fn status(world: &World, operation: &Operation, authorization: Option<&str>) -> u16 {
    let headers: Vec<_> = authorization.into_iter().map(|a| ("authorization", a)).collect();
    let answer = world.send(operation.method.clone(), &operation.path, &headers, "").await;
    if answer.status == 401 {
        assert!(answer.header("www-authenticate").starts_with("Bearer"), "{}", operation.path);
    }
    if answer.status.is_client_error() {
        assert_eq!(answer.header("content-type"), "application/problem+json", "{}", operation.path);
    }
    answer.status.as_u16()
}

#[tokio::test]
async fn without_a_good_token_every_operation_is_refused() {
    let world = World::new().await;
    let basic = "Basic YWRtaW46YWRtaW4=".to_owned();
    let unknown = format!("Bearer lgsp_admin_{}", "A".repeat(43));
    let bare = world.admin.clone();
    let cut = format!("Bearer {}", &world.admin[..world.admin.len() - 1]);
    for operation in operations() {
        assert_eq!(status(&world, &operation, None).await, 401, "{} {}", operation.method, operation.path);
        for bad in [&basic, &unknown, &bare, &cut] {
            assert_eq!(status(&world, &operation, Some(bad)).await, 401, "{}: {bad}", operation.path);
        }
    }
}

#[tokio::test]
async fn each_role_may_do_what_the_document_says_and_nothing_else() {
    let world = World::new().await;
    let roles = [
        (&world.auditor, &["read"][..]),
        (&world.operator, &["read", "change"]),
        (&world.admin, &["read", "change", "administer"]),
    ];
    for operation in operations() {
        for (token, may) in roles {
            let status = status(&world, &operation, Some(&format!("Bearer {token}"))).await;
            let allowed = may.contains(&operation.needs.as_str());
            let what = format!("{} {} needs {}: {status}", operation.method, operation.path, operation.needs);
            assert_eq!(status == 403, !allowed, "{what}");
            assert!(status != 401 && status < 500, "{what}");
        }
    }
}

#[tokio::test]
async fn what_changes_something_needs_more_than_reading() {
    for operation in operations() {
        let reads = operation.method == Method::GET;
        assert_eq!(
            operation.needs == "read",
            reads && operation.path != "/admin/v1/tokens",
            "{}",
            operation.path
        );
    }
}

#[tokio::test]
async fn a_revoked_token_ends_at_once() {
    let world = World::new().await;
    world.get("/admin/v1/status").await.is(200);
    world.administer(Method::DELETE, "/admin/v1/tokens/auditor", Value::Null).await.is(204);
    world.get("/admin/v1/status").await.is(401);
}
