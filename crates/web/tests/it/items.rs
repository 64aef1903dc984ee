//! Single items: reading, listing, making, changing, deleting.

use crate::support::World;
use http::Method;
use serde_json::{Value, json};

#[tokio::test]
async fn an_item_is_made_read_changed_and_deleted() {
    let world = World::furnished().await;
    let tax = json!({"id": "tax", "agency": "H01.15", "name": "Thuế"});
    let made = world.change(Method::PUT, "/admin/v1/systems/tax", tax.clone()).await.is(201);
    assert_eq!(made.json()["changes"][0]["action"], "create");

    let read = world.get("/admin/v1/systems/tax").await.is(200);
    assert_eq!(read.json()["spec"]["name"], "Thuế");
    assert_eq!(read.header("etag"), made.header("etag"));

    let renamed = json!({"id": "tax", "agency": "H01.15", "name": "Thuế tỉnh"});
    let changed = world.change(Method::PUT, "/admin/v1/systems/tax", renamed).await.is(200);
    assert_eq!(changed.json()["changes"][0]["fields"][0]["path"], "name");
    assert_ne!(changed.header("etag"), made.header("etag"));

    world.change(Method::DELETE, "/admin/v1/systems/tax", Value::Null).await.is(200);
    world.get("/admin/v1/systems/tax").await.is(404);
    world.change(Method::DELETE, "/admin/v1/systems/tax", Value::Null).await.is(404);
}

#[tokio::test]
async fn a_conditional_change_is_made_only_on_what_was_read() {
    let world = World::furnished().await;
    let with = |name: &str| json!({"id": "land", "agency": "H01.15", "name": name});
    let tag = world.get("/admin/v1/systems/land").await.header("etag").to_owned();
    let put = async |tag: (&str, &str), name: &str| {
        world.change_if(Method::PUT, "/admin/v1/systems/land", &[tag], with(name)).await
    };
    put(("if-match", &tag), "A").await.is(200);
    let stale = put(("if-match", &tag), "B").await.is(412);
    assert_eq!(stale.json()["type"], "urn:lgsp:problem:admin.precondition");
    assert_eq!(world.get("/admin/v1/systems/land").await.json()["spec"]["name"], "A");
    put(("if-match", "*"), "C").await.is(200);
    put(("if-none-match", "*"), "D").await.is(412);
    put(("if-none-match", "\"1\""), "D").await.is(400);

    let fresh = json!({"id": "fresh", "agency": "H01", "name": "x"});
    let path = "/admin/v1/systems/fresh";
    world.change_if(Method::PUT, path, &[("if-match", "*")], fresh.clone()).await.is(412);
    world.change_if(Method::PUT, path, &[("if-none-match", "*")], fresh).await.is(201);
}

#[tokio::test]
async fn of_many_conditional_changes_at_once_one_is_made() {
    let world = World::furnished().await;
    let tag = world.get("/admin/v1/systems/land").await.header("etag").to_owned();
    let tries = (0..8).map(|n| {
        let spec = json!({"id": "land", "agency": "H01.15", "name": format!("lần {n}")});
        let (world, tag) = (&world, tag.as_str());
        async move {
            world.change_if(Method::PUT, "/admin/v1/systems/land", &[("if-match", tag)], spec).await.status
        }
    });
    let mut done: Vec<u16> = futures_util::future::join_all(tries).await.iter().map(|s| s.as_u16()).collect();
    done.sort_unstable();
    assert_eq!(done, [200, 412, 412, 412, 412, 412, 412, 412]);
}

#[tokio::test]
async fn lists_have_pages_and_filters() {
    let world = World::furnished().await;
    for n in 0..25 {
        let spec = json!({"id": format!("s{n:02}"), "agency": "H01", "name": format!("Hệ thống số {n}")});
        world.change(Method::PUT, &format!("/admin/v1/systems/s{n:02}"), spec).await.is(201);
    }
    let mut seen = Vec::new();
    let mut after = String::new();
    loop {
        let page = world.get(&format!("/admin/v1/systems?limit=10{after}")).await.is(200).json();
        seen.extend(page["items"].as_array().unwrap().iter().map(|i| i["id"].as_str().unwrap().to_owned()));
        match page["next"].as_str() {
            Some(next) => after = format!("&after={next}"),
            None => break,
        }
    }
    assert_eq!(seen.len(), 27);
    assert!(seen.is_sorted());

    let ids = async |query: &str| {
        let page = world.get(query).await.is(200).json();
        let ids = page["items"].as_array().unwrap().iter().map(|i| i["id"].as_str().unwrap().to_owned());
        ids.collect::<Vec<_>>()
    };
    assert_eq!(ids("/admin/v1/systems?text=S%E1%BB%90+1&limit=3").await, ["s01", "s10", "s11"]);
    assert_eq!(ids("/admin/v1/systems?agency=H01.15").await, ["land"]);
    assert_eq!(ids("/admin/v1/grants?consumer=portal&service=parcels").await, ["portal-parcels"]);
    assert!(ids("/admin/v1/grants?consumer=land").await.is_empty());
    world.get("/admin/v1/systems?limit=0").await.is(400);
    world.get("/admin/v1/systems?limit=1001").await.is(400);
    world.get("/admin/v1/systems?colour=red").await.is(400);
}

#[tokio::test]
async fn an_agency_is_found_by_any_of_its_codes() {
    let world = World::furnished().await;
    for code in ["H01.15", "000.00.15.H01", "h01.15"] {
        let agency = world.get(&format!("/admin/v1/agencies/resolve/{code}")).await.is(200).json();
        assert_eq!(agency["code"], "H01.15", "{code}");
    }
    world.get("/admin/v1/agencies/resolve/H99").await.is(404);
    world.get("/admin/v1/agencies/resolve/a%20b").await.is(400);
}

#[tokio::test]
async fn a_version_moves_along_its_life() {
    let world = World::furnished().await;
    let path = "/admin/v1/services/parcels/versions/1.0/lifecycle";
    world.change(Method::POST, path, json!({"lifecycle": "deprecated"})).await.is(200);
    let service = world.get("/admin/v1/services/parcels").await.json();
    assert_eq!(service["spec"]["versions"][0]["lifecycle"], "deprecated");
    world.change(Method::POST, path, json!({"lifecycle": "retired"})).await.is(200);
    world.change(Method::POST, path, json!({"lifecycle": "published"})).await.is(422);
    let none = "/admin/v1/services/parcels/versions/9.9/lifecycle";
    world.change(Method::POST, none, json!({"lifecycle": "retired"})).await.is(404);
}

#[tokio::test]
async fn an_issued_secret_is_shown_once_and_works_nowhere_else() {
    let world = World::furnished().await;
    let path = "/admin/v1/systems/portal/credentials";
    let issued =
        world.change(Method::POST, path, json!({"kind": "api_key", "id": "portal-key"})).await.is(201);
    assert_eq!(issued.header("cache-control"), "no-store");
    let secret = issued.json()["secret"].as_str().unwrap().to_owned();
    assert!(secret.len() >= 43);
    for place in ["/admin/v1/credentials", "/admin/v1/credentials/portal-key", "/admin/v1/audit"] {
        assert!(!world.get(place).await.is(200).text().contains(&secret), "{place}");
    }
    world.change(Method::POST, path, json!({"kind": "certificate"})).await.is(422);
    world.change(Method::POST, "/admin/v1/systems/none/credentials", json!({"kind": "client"})).await.is(422);
}

#[tokio::test]
async fn secrets_are_never_shown() {
    let world = World::furnished().await;
    for place in
        ["/admin/v1/services/parcels", "/admin/v1/credentials/portal-client", "/admin/v1/audit?limit=1000"]
    {
        let text = world.get(place).await.is(200).text();
        assert!(!text.contains("token-cua-he-thong") && !text.contains("mat-khau-rat-dai"), "{place}");
    }
    assert!(world.get("/admin/v1/credentials/portal-client").await.json()["spec"].get("digest").is_none());
}

#[tokio::test]
async fn what_is_in_use_cannot_be_deleted() {
    let world = World::furnished().await;
    let answer = world.change(Method::DELETE, "/admin/v1/systems/land", Value::Null).await.is(422).json();
    assert!(answer["problems"].as_array().is_some_and(|p| !p.is_empty()), "{answer}");
}
