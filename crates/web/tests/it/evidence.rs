//! The trail, the message log and security events as the API shows them.

use crate::support::{START, World};
use http::Method;
use lgsp_evidence::{BodyRole, Draft};
use lgsp_kernel::ExchangeId;
use lgsp_store::SecurityEvent;
use serde_json::json;

#[tokio::test]
async fn the_trail_says_who_did_what_when_and_why() {
    let world = World::furnished().await;
    let rows = world.get("/admin/v1/audit?kind=grant&id=portal-parcels").await.is(200).json();
    let row = &rows[0];
    assert_eq!((&row["actor"], &row["action"]), (&"operator:operator".into(), &"create".into()));
    assert_eq!(row["reason"], "Công văn 15/STTTT");
    assert_eq!(row["after"]["purpose"], "Giải quyết thủ tục");

    let latest = world.get("/admin/v1/audit?limit=2").await.is(200).json();
    let last = latest[1]["seq"].as_i64().unwrap();
    assert_eq!(latest[0]["seq"], last - 1);
    let from = world.get(&format!("/admin/v1/audit?from={last}")).await.is(200).json();
    assert_eq!(from.as_array().unwrap().len(), 1);
    world.get("/admin/v1/audit?kind=grant").await.is(400);
}

#[tokio::test]
async fn the_trail_is_verified() {
    let world = World::furnished().await;
    let report = world.get("/admin/v1/audit/verify").await.is(200).json();
    assert_eq!(report["clean"], true, "{report}");
    assert!(report["rows"].as_i64().unwrap() >= 10);
}

#[tokio::test]
async fn security_events_are_listed_newest_first() {
    let world = World::new().await;
    let event = |n: i64| SecurityEvent {
        at: world.clock.now(),
        kind: "identify.unknown".into(),
        source: format!("10.0.0.{n}"),
        count: n,
        detail: "x".into(),
    };
    world.store.security_events_insert(&[event(1), event(2)]).await.unwrap();
    let events = world.get("/admin/v1/security-events?limit=1").await.is(200).json();
    assert_eq!(events.as_array().unwrap().len(), 1);
    assert_eq!((&events[0]["source"], &events[0]["count"]), (&"10.0.0.2".into(), &2.into()));
}

#[tokio::test]
async fn the_log_shows_a_checkpoint_that_its_key_signed() {
    let world = World::new().await;
    let log = world.get("/admin/v1/log").await.is(200).json();
    assert_eq!(log["state"]["healthy"], true);
    let verifier = lgsp_evidence::Verifier::parse(log["verifier"].as_str().unwrap()).unwrap();
    let checkpoint = verifier.check(log["checkpoint"].as_str().unwrap()).unwrap();
    assert_eq!(checkpoint.size, log["size"].as_u64().unwrap());
}

#[tokio::test]
async fn the_status_counts_what_is_declared() {
    let world = World::furnished().await;
    let status = world.get("/admin/v1/status").await.is(200).json();
    assert_eq!((&status["counts"]["systems"], &status["store"]), (&2.into(), &"sqlite".into()));
    assert_eq!((&status["store_up"], &status["version"]), (&true.into(), &"0.0.0-test".into()));
    let before = status["generation"].as_i64().unwrap();
    let tax = json!({"id": "tax", "agency": "H01", "name": "Thuế"});
    world.change(Method::PUT, "/admin/v1/systems/tax", tax).await.is(201);
    assert_eq!(world.get("/admin/v1/status").await.json()["generation"], before + 1);
}

/// Puts a record of an exchange, with a body, in the log.
async fn recorded(world: &World, id: ExchangeId, consumer: &str, service: &str, outcome: &str) {
    world.clock.advance((id.time().0 - world.clock.now().0).max(0));
    let record = json!({
        "type": "exchange", "id": id, "part": "whole", "at": id.time(), "edge": "rest", "outcome": outcome,
        "caller": {"system": consumer, "agency": "H01", "credential": "c", "how": "token", "source": "10.0.0.1"},
        "service": service, "version": "1.0", "method": "GET", "target": "/parcels/1.0/parcels/7",
        "steps": [{"step": "identify", "ok": true, "why": "token of credential c"}]
    });
    let draft = Draft {
        exchange: Some(id),
        record: record.to_string().into(),
        bodies: vec![(BodyRole::Answer, "{\"chu\":\"Nguyễn Văn A\"}".into())],
        bodies_until: None,
    };
    world.log.append(draft).unwrap().await.unwrap();
}

fn exchange(n: u8) -> ExchangeId {
    ExchangeId::at(START.plus_seconds(i64::from(n)), [n; 10])
}

#[tokio::test]
async fn an_exchange_is_explained_step_by_step() {
    let world = World::new().await;
    let id = exchange(1);
    recorded(&world, id, "portal", "parcels", "answered").await;
    let answer = world.get(&format!("/admin/v1/exchanges/{id}")).await.is(200);
    let entry = &answer.json()["entries"][0];
    assert_eq!(entry["record"]["steps"][0]["why"], "token of credential c");
    assert_eq!(entry["bodies"][0], json!({"role": "answer", "bytes": 25}));
    assert_eq!(answer.json()["began"], id.time().rfc3339());
    world.get(&format!("/admin/v1/exchanges/{}", exchange(2))).await.is(404);
    world.get("/admin/v1/exchanges/ex_1").await.is(400);
}

#[tokio::test]
async fn reading_a_kept_body_goes_on_the_trail() {
    let world = World::new().await;
    let id = exchange(1);
    recorded(&world, id, "portal", "parcels", "answered").await;
    let shown = world.get(&format!("/admin/v1/exchanges/{id}?bodies")).await.is(200).json();
    assert_eq!(shown["entries"][0]["bodies"][0]["base64"], "eyJjaHUiOiJOZ3V54buFbiBWxINuIEEifQ==");
    let trail = world.get(&format!("/admin/v1/audit?kind=exchange&id={id}")).await.is(200).json();
    assert_eq!(
        (&trail[0]["action"], &trail[0]["actor"]),
        (&"read_bodies".into(), &"operator:auditor".into())
    );
}

#[tokio::test]
async fn a_trail_that_contradicts_its_anchor_in_the_log_is_noticed() {
    let world = World::furnished().await;
    let head = world.store.audit_head().await.unwrap().unwrap();
    let anchor = async |seq: i64, hash: &str| {
        let record = json!({"type": "audit_anchor", "at": world.clock.now(), "seq": seq, "hash": hash});
        world.log.append(Draft::of(None, record.to_string().into())).unwrap().await.unwrap();
    };
    anchor(head.seq, &head.hash).await;
    let report = world.get("/admin/v1/audit/verify").await.is(200).json();
    assert_eq!((&report["clean"], &report["anchors"]), (&true.into(), &1.into()), "{report}");

    anchor(head.seq - 1, &"0".repeat(64)).await;
    let report = world.get("/admin/v1/audit/verify").await.is(200).json();
    assert_eq!(report["clean"], false, "{report}");
    assert!(report["findings"][0]["what"].as_str().unwrap().contains("anchor"), "{report}");
}

/// The ids found, and where to go on.
async fn found(world: &World, query: &str) -> (Vec<String>, Option<String>) {
    let page = world.get(&format!("/admin/v1/exchanges?{query}")).await.is(200).json();
    let ids = page["exchanges"].as_array().unwrap().iter().map(|e| e["id"].as_str().unwrap().to_owned());
    (ids.collect(), page["next"].as_str().map(str::to_owned))
}

#[tokio::test]
async fn exchanges_are_found_by_who_what_when_and_how_newest_first() {
    let world = World::new().await;
    recorded(&world, exchange(1), "portal", "parcels", "answered").await;
    recorded(&world, exchange(2), "tax", "parcels", "answered").await;
    recorded(&world, exchange(3), "portal", "citizens", "refused").await;
    recorded(&world, exchange(4), "portal", "parcels", "failed").await;
    let ids = |list: &[u8]| list.iter().map(|n| exchange(*n).to_string()).collect::<Vec<_>>();
    let at = |n: u8| exchange(n).time().rfc3339();
    for (query, wanted) in [
        (String::new(), ids(&[4, 3, 2, 1])),
        ("consumer=portal".into(), ids(&[4, 3, 1])),
        ("consumer=portal&service=parcels".into(), ids(&[4, 1])),
        ("outcome=refused".into(), ids(&[3])),
        (format!("from={}&to={}", at(2), at(4)), ids(&[3, 2])),
        (format!("from={}", at(5)), ids(&[])),
        ("consumer=nobody".into(), ids(&[])),
    ] {
        assert_eq!(found(&world, &query).await, (wanted, None), "{query}");
    }
    world.get("/admin/v1/exchanges?outcome=good").await.is(400);
    world.get("/admin/v1/exchanges?from=yesterday").await.is(400);
    world.get("/admin/v1/exchanges?before=x").await.is(400);
}

#[tokio::test]
async fn pages_of_exchanges_overlap_in_nothing_and_leave_nothing_out() {
    let world = World::new().await;
    for n in 1..=23 {
        recorded(&world, exchange(n), "portal", "parcels", "answered").await;
    }
    let (mut seen, mut before) = (Vec::new(), String::new());
    loop {
        let (ids, next) = found(&world, &format!("limit=5{before}")).await;
        seen.extend(ids);
        let Some(next) = next else { break };
        before = format!("&before={next}");
    }
    let all: Vec<String> = (1..=23).rev().map(|n| exchange(n).to_string()).collect();
    assert_eq!(seen, all);
}

#[tokio::test]
async fn an_exchange_recorded_in_two_parts_is_one_row_with_its_end_on_any_page() {
    let world = World::new().await;
    let part = async |n: u8, part: &str, rest: serde_json::Value| {
        let mut record = json!({"type": "exchange", "id": exchange(n), "part": part, "at": exchange(n).time(), "edge": "rest"});
        record.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
        let draft = Draft::of(Some(exchange(n)), record.to_string().into());
        world.log.append(draft).unwrap().await.unwrap();
    };
    let caller =
        json!({"system": "portal", "agency": "H01", "credential": "c", "how": "token", "source": "10.0.0.1"});
    for n in 1..=3 {
        part(n, "request", json!({"caller": caller, "service": "parcels", "outcome": "pending"})).await;
    }
    for n in [2, 1] {
        part(n, "answer", json!({"outcome": "answered", "status": 200})).await;
    }
    let page = world.get("/admin/v1/exchanges").await.is(200).json();
    let rows: Vec<_> = page["exchanges"]
        .as_array()
        .unwrap()
        .iter()
        .map(|e| (e["outcome"].as_str().unwrap(), &e["status"]))
        .collect();
    assert_eq!(rows, [("pending", &json!(null)), ("answered", &json!(200)), ("answered", &json!(200))]);
    let (pending, _) = found(&world, "outcome=pending").await;
    assert_eq!(pending, [exchange(3).to_string()]);
    let (first, next) = found(&world, "limit=2").await;
    assert_eq!(first.len(), 2);
    let rest = world.get(&format!("/admin/v1/exchanges?before={}", next.unwrap())).await.is(200).json();
    assert_eq!(
        rest["exchanges"][0]["outcome"], "answered",
        "its end stands behind the place where the page begins"
    );
}

#[tokio::test]
async fn a_proof_needs_only_itself_and_the_public_key() {
    let world = World::new().await;
    let id = exchange(1);
    recorded(&world, id, "portal", "parcels", "answered").await;
    let log = world.get("/admin/v1/log").await.is(200).json();
    let verifier = lgsp_evidence::Verifier::parse(log["verifier"].as_str().unwrap()).unwrap();
    let answer = world.get(&format!("/admin/v1/exchanges/{id}/proof")).await.is(200);
    assert!(answer.header("content-disposition").contains(&id.to_string()));
    let proven = lgsp_evidence::check_proof(&answer.body, &verifier).unwrap();
    assert_eq!((proven.exchange, proven.entries.len()), (id, 1));
    assert!(!answer.text().contains("bytes"), "bodies stay out where nobody asked for them");
    let forged =
        answer.text().replace(&format!("\"index\": {}", proven.entries[0].position.index), "\"index\": 999");
    assert_ne!(forged, answer.text());
    assert!(lgsp_evidence::check_proof(forged.as_bytes(), &verifier).is_err());
    world.get(&format!("/admin/v1/exchanges/{}/proof", exchange(9))).await.is(404);
}

#[tokio::test]
async fn the_growth_of_the_log_is_forecast() {
    let world = World::new().await;
    for n in 1..=9 {
        recorded(&world, exchange(n), "portal", "parcels", "answered").await;
    }
    world.clock.advance(86_400_000);
    let forecast = world.get("/admin/v1/log/forecast?records_days=365").await.is(200).json();
    assert!(forecast["bytes_now"].as_u64().unwrap() > 1_000, "{forecast}");
    assert_eq!(forecast["ahead"].as_array().unwrap().len(), 3);
}
