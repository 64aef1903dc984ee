//! Several ways to one provider: the best that is open is taken, another one only where nothing can have happened twice, and the
//! better one again when it is back.

use crate::client::{full, request};
use crate::country::{Country, consumer, provider};
use crate::provider::raw;
use crate::world::{Plan, pattern};
use lgsp_kernel::record::{Outcome, Part};
use serde_json::{Value, json};

fn direct(url: &str) -> Value {
    json!({"kind": "direct", "targets": [{"url": url}], "upstream": {
        "connect_timeout_ms": 300, "total_timeout_ms": 700, "retries": 0, "breaker_failures": 1, "breaker_open_ms": 60000}})
}

/// Nobody listens there.
const NOWHERE: &str = "http://127.0.0.1:1";

async fn world(first: &str) -> crate::world::World {
    // The second leg is the world's own provider, whose address is known only now.
    let plan = |second: &str| consumer(json!([direct(first), direct(second)]));
    let world = plan(NOWHERE).begin().await;
    let second = format!("http://{}", world.provider.address);
    world.change(&plan(&second));
    world
}

#[tokio::test]
async fn a_leg_that_cannot_be_reached_makes_room_for_the_next_and_the_record_says_so() {
    let w = world(NOWHERE).await;
    let reply = w.post("/cong-dan/do/echo", "x").await;
    assert_eq!((reply.status.as_u16(), reply.text().as_str()), (200, "x"));
    assert_eq!(reply.header("lgsp-leg"), "direct; number=2; proves=ours");
    let records = w.records(reply.exchange());
    let numbers: Vec<_> = records.iter().map(|r| (r.part, r.leg.as_ref().unwrap().number)).collect();
    assert_eq!(numbers, [(Part::Request, Some(1)), (Part::Request, Some(2)), (Part::Answer, Some(2))]);
    assert!(
        records[1].steps.iter().any(|s| !s.ok && s.why.contains("127.0.0.1:1")),
        "{:?}",
        records[1].steps
    );
    let digests: Vec<_> =
        records[..2].iter().map(|r| r.request.clone().unwrap().sent.unwrap().body).collect();
    assert_eq!(digests[0], digests[1]);
    assert!(digests[0].is_some());
}

#[tokio::test]
async fn a_large_body_of_which_nothing_was_read_goes_the_other_way() {
    let w = world(NOWHERE).await;
    let large = pattern(2 << 20);
    let reply = w.post("/cong-dan/do/echo", large.clone()).await;
    assert_eq!(reply.status, 200);
    assert!(reply.body == large);
}

#[tokio::test]
async fn a_leg_that_may_have_acted_is_the_last_unless_a_repetition_does_no_harm() {
    let broken = raw(b"", false).await;
    let w = world(&broken).await;
    let reply = w.post("/cong-dan/do/echo", "x").await;
    assert_eq!(reply.code(), "forward.broke_off");
    assert_eq!(reply.header("lgsp-leg"), "direct; number=1; proves=ours");
    assert_eq!(w.records(reply.exchange()).last().unwrap().outcome, Outcome::Unknown);
    assert_eq!(w.provider.count(), 0);
    let w = world(&broken).await;
    assert_eq!(w.send(request("PUT", "/cong-dan/citizens/7").body(full("x")).unwrap()).await.status, 200);
    assert_eq!(w.provider.count(), 1);
}

#[tokio::test]
async fn when_no_leg_is_open_each_is_named() {
    let w = consumer(json!([direct(NOWHERE), direct("http://127.0.0.1:2")])).begin().await;
    let reply = w.post("/cong-dan/do/echo", "x").await;
    assert_eq!((reply.status.as_u16(), reply.code().as_str()), (503, "forward.no_leg"));
    let detail = reply.json()["detail"].as_str().unwrap().to_owned();
    assert!(detail.contains("1 (direct)") && detail.contains("2 (direct)"), "{detail}");
    assert_eq!(w.records(reply.exchange()).last().unwrap().outcome, Outcome::Failed);
}

#[tokio::test]
async fn a_version_with_targets_of_its_own_says_nothing_of_legs() {
    let w = Plan::default().begin().await;
    let reply = w.post("/cong-dan/do/echo", "x").await;
    assert_eq!(reply.header("lgsp-leg"), "");
    assert!(w.records(reply.exchange())[0].leg.is_none());
}

#[tokio::test]
async fn traffic_leaves_a_node_that_is_gone_and_returns_when_it_is_back() {
    let country = Country::new();
    let b = country.join("b", "H02.02", provider(), false).await;
    let fallback = crate::provider::Provider::start().await;
    let url = format!("http://{}", fallback.address);
    let routes = json!([{"kind": "peer", "node": "b"}, direct(&url)]);
    let a = country.join("a", "H01.01", consumer(routes), false).await;
    let leg = async || a.world.post("/cong-dan/do/echo", "x").await.header("lgsp-leg").to_owned();
    assert!(leg().await.starts_with("peer; number=1"));
    // Where b listens is gone, and so are its connections.
    let there = country.book.endpoints.lock().insert(b.name.clone(), vec![]).unwrap();
    a.peers.forget(&b.name);
    assert_eq!(leg().await, "direct; number=2; proves=ours");
    assert_eq!((b.world.provider.count(), fallback.count()), (1, 1));
    country.book.endpoints.lock().insert(b.name.clone(), there);
    let mut tries = 0;
    while !leg().await.starts_with("peer; number=1") {
        tries += 1;
        assert!(tries < 200, "the better leg is used again");
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn a_node_that_stops_takes_nothing_new_and_the_next_leg_carries_the_call() {
    let country = Country::new();
    let b = country.join("b", "H02.02", provider(), false).await;
    let fallback = crate::provider::Provider::start().await;
    let routes = json!([{"kind": "peer", "node": "b"}, direct(&format!("http://{}", fallback.address))]);
    let a = country.join("a", "H01.01", consumer(routes), false).await;
    assert_eq!(a.world.post("/cong-dan/do/echo", "x").await.status, 200);
    b.world.shutdown.begin();
    let reply = a.world.post("/cong-dan/do/echo", "x").await;
    assert_eq!((reply.status.as_u16(), fallback.count()), (200, 1), "{}", reply.text());
}

#[tokio::test]
async fn a_call_that_is_not_permitted_there_is_not_tried_another_way() {
    let country = Country::new();
    let mut plan = provider();
    plan.grants.clear();
    let _b = country.join("b", "H02.02", plan, false).await;
    let fallback = crate::provider::Provider::start().await;
    let routes = json!([{"kind": "peer", "node": "b"}, direct(&format!("http://{}", fallback.address))]);
    let a = country.join("a", "H01.01", consumer(routes), false).await;
    assert_eq!(a.world.get("/cong-dan/citizens/7").await.code(), "authorize.grant");
    assert_eq!(fallback.count(), 0);
}

fn security_server(url: &str) -> Value {
    json!([{"kind": "xroad", "targets": [{"url": url}], "client": "VN/GOV/H01/mot-cua", "service": "VN/GOV/G01/csdl/dancu"}])
}

#[tokio::test]
async fn a_security_server_gets_the_call_under_our_name_there() {
    let server = crate::provider::Provider::start().await;
    let w = consumer(security_server(&format!("http://{}", server.address))).begin().await;
    let forged = request("GET", "/cong-dan/citizens/7?x=1").header("x-road-client", "VN/GOV/H99/another");
    let reply = w.send(forged.header("lgsp-officer", "lan").body(full("")).unwrap()).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    assert_eq!(reply.header("lgsp-leg"), "xroad; number=1; proves=ours");
    let seen = server.last();
    assert_eq!(seen.target, "/r1/VN/GOV/G01/csdl/dancu/citizens/7?x=1");
    assert_eq!(seen.headers["x-road-client"], "VN/GOV/H01/mot-cua");
    assert_eq!(seen.headers["x-road-userid"], "lan");
    assert_eq!(seen.headers["x-road-id"], reply.exchange().to_string());
}

#[tokio::test]
async fn a_security_server_gets_an_envelope_with_the_header_of_its_protocol() {
    let server = crate::provider::Provider::start().await;
    let mut plan = Plan::default();
    let version = &mut plan.services[1]["versions"][0];
    version.as_object_mut().unwrap().remove("targets");
    version["routes"] = security_server(&format!("http://{}", server.address));
    let w = plan.begin().await;
    let envelope = "<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><s:Body><TraCuu xmlns=\"urn:dan-cu\"/></s:Body></s:Envelope>";
    let call =
        request("POST", "/dan-cu/1.0").header("content-type", "text/xml").body(full(envelope)).unwrap();
    let reply = w.send(call).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    let seen = server.last();
    let text = String::from_utf8(seen.body.to_vec()).unwrap();
    assert!(text.contains("http://x-road.eu/xsd/xroad.xsd") && text.contains("TraCuu"), "{text}");
    assert!(text.contains(&reply.exchange().to_string()));
    // The record has both: what the consumer sent, and what the security server got.
    let sent = w.records(reply.exchange())[0].request.clone().unwrap();
    let (received, sent) = (sent.received.unwrap(), sent.sent.unwrap());
    assert_eq!((received.bytes, sent.bytes), (Some(envelope.len() as u64), Some(text.len() as u64)));
    assert_ne!(received.body, sent.body);
}
