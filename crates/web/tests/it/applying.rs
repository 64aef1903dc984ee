//! Whole declarations over the API.

use crate::support::{MANIFEST, World};
use http::Method;

#[tokio::test]
async fn a_declaration_is_compared_carried_out_and_then_already_so() {
    let world = World::new().await;
    let dry = world.apply("?dry_run", MANIFEST).await.is(200).json();
    assert_eq!((&dry["dry_run"], &dry["created"]), (&true.into(), &7.into()));
    world.get("/admin/v1/systems/land").await.is(404);

    let done = world.apply("", MANIFEST).await.is(200).json();
    assert_eq!((&done["dry_run"], &done["created"]), (&false.into(), &7.into()));
    assert_eq!(dry["changes"], done["changes"], "a dry run says what is then done");
    let again = world.apply("", MANIFEST).await.is(200).json();
    assert_eq!((&again["changes"], &again["generation"]), (&serde_json::json!([]), &done["generation"]));
}

#[tokio::test]
async fn a_declaration_may_be_json() {
    let world = World::new().await;
    let json = r#"{"agencies": [{"code": "H01", "name": "Tỉnh", "kind": "province"}]}"#;
    assert_eq!(world.apply("", json).await.is(200).json()["created"], 1);
}

#[tokio::test]
async fn pruning_deletes_only_where_asked() {
    let world = World::furnished().await;
    let less = MANIFEST.split("grants:").next().unwrap();
    assert_eq!(world.apply("", less).await.is(200).json()["deleted"], 0);
    assert_eq!(world.apply("?prune=true&dry_run=true", less).await.is(200).json()["deleted"], 1);
    world.get("/admin/v1/grants/portal-parcels").await.is(200);
    assert_eq!(world.apply("?prune", less).await.is(200).json()["deleted"], 1);
    world.get("/admin/v1/grants/portal-parcels").await.is(404);
}

#[tokio::test]
async fn a_wrong_declaration_changes_nothing_and_names_line_and_field() {
    let world = World::furnished().await;
    let wrong = "systems:\n  - id: new\n    agency: H01\n    name: New\n  - id: other\n    agency: H77\n    name: Other\n";
    let answer = world.apply("", wrong).await.is(422);
    assert_eq!(answer.header("content-type"), "application/problem+json");
    let problem = answer.json();
    assert_eq!(problem["type"], "urn:lgsp:problem:admin.declaration");
    let first = &problem["problems"][0];
    assert_eq!((&first["line"], &first["field"]), (&6.into(), &"systems[1].agency".into()), "{problem}");
    world.get("/admin/v1/systems/new").await.is(404);
    let broken = world.apply("", "systems:\n  - {id: [").await.is(422).json();
    assert!(broken["problems"][0]["line"].is_u64(), "{broken}");
}

#[tokio::test]
async fn a_declaration_cannot_read_the_files_of_the_node() {
    let world = World::furnished().await;
    for source in ["{file: /etc/hostname}", "{env: PATH}"] {
        let yaml = format!("credentials:\n  - {{id: x, system: portal, kind: client, secret: {source}}}\n");
        world.apply("", &yaml).await.is(422);
    }
}

#[tokio::test]
async fn flags_that_are_no_flags_are_refused() {
    let world = World::new().await;
    world.apply("?dry_run=maybe", MANIFEST).await.is(400);
    world.apply("?dryrun", MANIFEST).await.is(400);
    assert_eq!(world.send(Method::GET, "/admin/v1/apply", &[], "").await.status, 405);
}
