//! Administration tokens and signing keys over the API.

use crate::support::{START, World};
use http::Method;
use lgsp_kernel::Millis;
use serde_json::{Value, json};

#[tokio::test]
async fn a_token_is_made_shown_once_used_and_revoked() {
    let world = World::new().await;
    let wish = json!({"name": "lan", "role": "auditor", "expires_at": Millis(START.0 + 3_600_000).rfc3339()});
    let made = world.administer(Method::POST, "/admin/v1/tokens", wish.clone()).await.is(201).json();
    let authorization = format!("Bearer {}", made["token"].as_str().unwrap());
    let as_lan =
        async || world.send(Method::GET, "/admin/v1/status", &[("authorization", &authorization)], "").await;
    as_lan().await.is(200);
    world.administer(Method::POST, "/admin/v1/tokens", wish).await.is(409);

    let list = world.administer(Method::GET, "/admin/v1/tokens", Value::Null).await.is(200);
    assert!(!list.text().contains(made["token"].as_str().unwrap()));
    let lan = list.json().as_array().unwrap().iter().find(|t| t["name"] == "lan").cloned().unwrap();
    assert_eq!(lan["role"], "auditor");

    world.clock.advance(3_600_000);
    as_lan().await.is(401);
    world.administer(Method::DELETE, "/admin/v1/tokens/lan", Value::Null).await.is(204);
    world.administer(Method::DELETE, "/admin/v1/tokens/lan", Value::Null).await.is(404);
}

#[tokio::test]
async fn wrong_wishes_are_refused() {
    let world = World::new().await;
    for wish in [
        json!({"name": "a b", "role": "admin"}),
        json!({"name": "past", "role": "admin", "expires_at": "2020-01-01"}),
    ] {
        world.administer(Method::POST, "/admin/v1/tokens", wish).await.is(400);
    }
    world.administer(Method::POST, "/admin/v1/tokens", json!({"name": "x", "role": "root"})).await.is(422);
}

#[tokio::test]
async fn keys_are_rotated_on_request_and_on_record() {
    let world = World::new().await;
    let path = "/admin/v1/signing-keys/rotate";
    assert_eq!(world.administer(Method::POST, path, Value::Null).await.is(200).json()["rotated"], true);
    assert_eq!(world.store.signing_keys().await.unwrap().len(), 2);
    world.administer(Method::POST, &format!("{path}?compromised"), Value::Null).await.is(200);
    let keys = world.store.signing_keys().await.unwrap();
    assert_eq!(keys.iter().filter(|k| k.retires_at.is_none_or(|t| t > START)).count(), 1);
    let trail = world.get("/admin/v1/audit?kind=signing_key&id=all").await.is(200).json();
    let acts: Vec<_> = trail.as_array().unwrap().iter().map(|r| r["action"].as_str().unwrap()).collect();
    assert_eq!(acts, ["rotate_compromised", "rotate"]);
}
