//! Through a relay: end to end as if it were not there, and on record there too.

use crate::country::{Country, Node, consumer, provider};
use crate::world::{Plan, pattern};
use lgsp_kernel::record::{Entry, Outcome};
use serde_json::json;

async fn three(relays: bool) -> (Country, Node, Node, Node) {
    let country = Country::new();
    let b = country.join("b", "H02.02", provider(), false).await;
    let hub = country.join("ngsp", "G01.01", Plan::default(), relays).await;
    let routes = json!([{"kind": "peer", "node": "b", "via": "ngsp"}]);
    let a = country.join("a", "H01.01", consumer(routes), false).await;
    (country, a, hub, b)
}

#[tokio::test]
async fn a_call_through_a_relay_is_proven_end_to_end_and_on_record_at_all_three() {
    let (_country, a, hub, b) = three(true).await;
    let reply = a.world.post("/cong-dan/do/echo", "x").await;
    assert_eq!((reply.status.as_u16(), reply.text().as_str()), (200, "x"));
    assert_eq!(
        reply.header("lgsp-leg"),
        "peer; number=1; node=b; via=ngsp; mode=group; proves=countersigned"
    );
    let exchange = reply.exchange();
    let theirs = &b.world.records(exchange)[0];
    assert_eq!(theirs.leg.as_ref().unwrap().via.as_deref(), Some("ngsp"));
    let records = hub.world.records(exchange);
    assert_eq!((records.len(), records[1].outcome), (2, Outcome::Answered));
    let leg = records[0].leg.as_ref().unwrap();
    assert_eq!((leg.kind.as_str(), leg.node.as_deref()), ("relay", Some("b")));
    assert_eq!(records[0].caller.as_ref().unwrap().system, "a/mot-cua");
    let passed = |leg: &Option<lgsp_kernel::record::Leg>| {
        let leg = leg.clone().unwrap();
        assert_eq!(leg.received.as_ref().unwrap().body, leg.sent.as_ref().unwrap().body);
        leg.sent.unwrap().body.unwrap()
    };
    assert_eq!(passed(&records[0].request), passed(&theirs.request));
    assert_eq!(passed(&records[1].answer), passed(&a.world.records(exchange)[1].answer));
    let received =
        hub.world.entries_of(exchange).into_iter().filter(|e| matches!(e, Entry::Received(_))).count();
    assert_eq!(received, 2, "the request and the answer");
}

#[tokio::test]
async fn a_refusal_behind_a_relay_is_the_addressees_and_a_relay_has_its_own() {
    let (country, a, hub, b) = three(true).await;
    let mut without = Plan { agency: "H02.02".into(), ..provider() };
    without.grants.clear();
    b.world.change(&without);
    let refused = a.world.post("/cong-dan/do/echo", "x").await;
    assert_eq!(refused.code(), "authorize.grant");
    // When the addressee cannot be reached, the relay says so and that nothing was delivered.
    let hosts = country.book.endpoints.lock().insert(b.name.clone(), vec![]);
    assert!(hosts.is_some());
    hub.peers.forget(&b.name);
    let refused = a.world.post("/cong-dan/do/echo", "x").await;
    assert_eq!(refused.code(), "forward.peer_unreachable", "{}", refused.text());
    for node in [&a, &hub] {
        assert_eq!(node.world.records(refused.exchange()).last().unwrap().outcome, Outcome::Failed);
    }
}

#[tokio::test]
async fn a_node_that_does_not_relay_passes_nothing_on() {
    let (_country, a, hub, b) = three(false).await;
    let refused = a.world.post("/cong-dan/do/echo", "x").await;
    assert_eq!(refused.code(), "resolve.peer_addressee");
    assert!(b.world.entries_of(refused.exchange()).is_empty());
    assert!(hub.world.events.drain().iter().any(|e| e.kind == "resolve.peer_addressee"));
}

#[tokio::test]
async fn large_bodies_pass_a_relay_as_they_stream() {
    let (_country, a, hub, b) = three(true).await;
    let large = pattern(3 << 20);
    let reply = a.world.post("/cong-dan/do/echo", large.clone()).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    assert!(reply.body == large && b.world.provider.last().body == large);
    let last = hub.world.ended(reply.exchange(), Outcome::Answered).await;
    let of_b = b.world.records(reply.exchange()).last().unwrap().answer.clone().unwrap();
    assert_eq!(last.answer.unwrap().sent.unwrap().body, of_b.sent.unwrap().body);
}

#[tokio::test]
async fn a_call_through_a_relay_that_stops_in_the_middle_leaves_its_outcome_unknown() {
    let (_country, a, hub, b) = three(true).await;
    let reply = a.world.post("/cong-dan/do/never", "x").await;
    assert_eq!(reply.code(), "forward.timeout", "{}", reply.text());
    assert!(reply.json()["remedy"].as_str().unwrap().contains("may have acted"));
    assert_eq!(a.world.records(reply.exchange()).last().unwrap().outcome, Outcome::Unknown);
    let _ = (hub, b);
}
