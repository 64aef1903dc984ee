//! Calls between two nodes, end to end: what the consumer gets, what the provider sees, what both logs say.

use crate::client::{full, request};
use crate::country::{Country, Node, consumer, name, provider, to_b};
use crate::world::{eventually, pattern};
use lgsp_kernel::ExchangeId;
use lgsp_kernel::record::{Entry, Outcome, Part};
use serde_json::json;
use std::sync::atomic::Ordering::SeqCst;

/// How many statements and received messages of an exchange a log has.
fn proofs(node: &Node, exchange: ExchangeId) -> (usize, usize) {
    let entries = node.world.entries_of(exchange);
    let statements = entries.iter().filter(|e| matches!(e, Entry::Statement(_))).count();
    (statements, entries.iter().filter(|e| matches!(e, Entry::Received(_))).count())
}

#[tokio::test]
async fn a_call_reaches_the_other_node_and_both_logs_prove_it() {
    for mode in ["group", "message"] {
        let (_country, a, b) = Country::two(json!([{"kind": "peer", "node": "b", "mode": mode}])).await;
        for (method, path, body) in
            [("GET", "/cong-dan/citizens/7?x=%2F", ""), ("POST", "/cong-dan/do/echo", "{\"a\":1}")]
        {
            let request = request(method, path).header("lgsp-officer", "Nguy%E1%BB%85n").header("x-own", "1");
            let reply = a.world.send(request.body(full(body)).unwrap()).await;
            assert_eq!(reply.status, 200, "{}", reply.text());
            let leg = format!("peer; number=1; node=b; mode={mode}; proves=countersigned");
            assert_eq!(reply.header("lgsp-leg"), leg);
            let seen = b.world.provider.last();
            assert_eq!(seen.target, path.strip_prefix("/cong-dan").unwrap());
            assert_eq!((seen.headers["x-own"].as_bytes(), &seen.body[..]), (&b"1"[..], body.as_bytes()));
            assert!(seen.headers.get("lgsp-proof").is_none() && seen.headers.get("apikey").is_none());
            let exchange = reply.exchange();
            // Each stated one message and received one.
            assert_eq!((proofs(&a, exchange), proofs(&b, exchange)), ((1, 1), (1, 1)));
            let (ours, theirs) = (a.world.records(exchange), b.world.records(exchange));
            assert_eq!(ours.last().unwrap().outcome, Outcome::Answered);
            assert_eq!(ours.last().unwrap().leg.as_ref().unwrap().proves, "countersigned");
            let caller = theirs[0].caller.as_ref().unwrap();
            assert_eq!((caller.system.as_str(), caller.how.as_str()), ("mot-cua-a", "peer"));
            assert_eq!((theirs[0].edge.as_str(), caller.credential.as_str()), ("peer", "a/mot-cua"));
            assert_eq!(theirs[0].stated.as_ref().unwrap().officer.as_deref(), Some("Nguyễn"));
            assert_eq!(theirs[0].leg.as_ref().unwrap().node.as_deref(), Some("a"));
            assert_eq!(ours.len(), if method == "GET" { 1 } else { 2 }, "a read is one record");
            let sent = ours.last().and_then(|r| r.answer.clone()).unwrap().received.unwrap();
            assert_eq!(sent.body, theirs.last().and_then(|r| r.answer.clone()).unwrap().sent.unwrap().body);
        }
    }
}

#[tokio::test]
async fn a_trace_goes_on_at_the_other_node_and_to_its_provider() {
    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
    let (_country, a, b) = Country::two(to_b()).await;
    let begun = format!("00-{TRACE}-00f067aa0ba902b7-01");
    let request =
        request("GET", "/cong-dan/citizens/7").header("traceparent", begun).header("tracestate", "v=1");
    let reply = a.world.send(request.body(full("")).unwrap()).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    for node in [&a, &b] {
        assert_eq!(node.world.records(reply.exchange())[0].trace.as_deref(), Some(TRACE));
    }
    let seen = b.world.provider.last();
    assert!(seen.headers["traceparent"].to_str().unwrap().contains(TRACE));
    assert_eq!(seen.headers["tracestate"], "v=1");
}

#[tokio::test]
async fn a_request_with_effect_is_on_record_at_both_ends_before_the_provider_sees_it() {
    let (_country, a, b) = Country::two(to_b()).await;
    let reply = a.world.post("/cong-dan/do/never", "x").await;
    assert_eq!(b.world.provider.begun.load(SeqCst), 1);
    let exchange = reply.exchange();
    assert_eq!(reply.code(), "forward.timeout", "{}", reply.text());
    for node in [&a, &b] {
        let records = node.world.records(exchange);
        assert_eq!((records[0].part, records[0].outcome), (Part::Request, Outcome::Pending));
        assert_eq!(records.last().unwrap().outcome, Outcome::Unknown);
    }
}

#[tokio::test]
async fn a_refusal_there_is_read_here_as_the_same_problem_with_the_same_exchange() {
    let country = Country::new();
    let plan = provider()
        .granted(|g| g["operations"] = json!(["get"]))
        .version("1.0", |v| v["request_body_max"] = json!(10));
    let b = country.join("b", "H02.02", plan, false).await;
    let a = country.join("a", "H01.01", consumer(to_b()), false).await;
    for (method, path, body, code, blame) in [
        ("POST", "/cong-dan/do/x", "", "authorize.grant", "caller"),
        ("GET", "/cong-dan/look/x", "", "authorize.grant", "caller"),
        ("POST", "/cong-dan/do/x", "0123456789a", "authorize.grant", "caller"),
    ] {
        let reply = a.world.send(request(method, path).body(full(body)).unwrap()).await;
        assert_eq!(reply.code(), code);
        let problem = reply.json();
        let exchange = reply.exchange();
        assert_eq!(problem["exchange"], exchange.to_string());
        assert_eq!(problem["blame"], blame);
        assert!(problem["remedy"].as_str().unwrap().contains("grant"));
        assert!(problem["detail"].as_str().unwrap().contains("mot-cua-a"), "{problem}");
        for node in [&a, &b] {
            let refusal = node.world.records(exchange).last().unwrap().refusal.clone().unwrap();
            assert_eq!(refusal.code, code);
        }
        assert_eq!(
            (proofs(&a, exchange), proofs(&b, exchange)),
            ((1, 1), (1, 1)),
            "the refusal is stated too"
        );
        assert_eq!(b.world.provider.count(), 0);
    }
}

#[tokio::test]
async fn what_each_step_there_refuses_reaches_the_consumer() {
    let country = Country::new();
    let mut plan = provider().version("1.0", |v| v["request_body_max"] = json!(10));
    plan.grants[0]["daily_quota"] = json!(2);
    plan.services[0]["versions"][1]["operations"].as_array_mut().unwrap().retain(|o| o["name"] != "remove");
    let b = country.join("b", "H02.02", plan, false).await;
    let a = country.join("a", "H01.01", consumer(to_b()), false).await;
    let get = async |path: &str| a.world.get(path).await;
    assert_eq!(
        a.world.send(request("DELETE", "/cong-dan/citizens/7").body(full("")).unwrap()).await.code(),
        "resolve.method"
    );
    let large = a.world.post("/cong-dan/do/echo", "0123456789a").await;
    assert_eq!((large.status.as_u16(), large.code().as_str()), (413, "validate.too_large"));
    assert_eq!(get("/cong-dan/citizens/7").await.status, 200);
    let over = get("/cong-dan/citizens/7").await;
    assert_eq!((over.status.as_u16(), over.code().as_str()), (429, "limit.quota"));
    assert!(!over.header("retry-after").is_empty());
    assert_eq!(b.world.provider.count(), 1);
}

#[tokio::test]
async fn a_provider_that_cannot_be_reached_there_is_one_that_cannot_have_acted() {
    let country = Country::new();
    let b = country.join("b", "H02.02", provider().target("http://127.0.0.1:1".into()), false).await;
    let a = country.join("a", "H01.01", consumer(to_b()), false).await;
    let reply = a.world.post("/cong-dan/do/x", "x").await;
    assert_eq!(reply.code(), "forward.unreachable");
    for node in [&a, &b] {
        assert_eq!(node.world.records(reply.exchange()).last().unwrap().outcome, Outcome::Failed);
    }
}

#[tokio::test]
async fn a_system_that_the_other_node_does_not_know_is_refused_and_on_record() {
    let country = Country::new();
    let mut plan = provider();
    plan.remotes[0].2 = "another".into();
    let b = country.join("b", "H02.02", plan, false).await;
    let a = country.join("a", "H01.01", consumer(to_b()), false).await;
    let reply = a.world.get("/cong-dan/citizens/7").await;
    assert_eq!((reply.status.as_u16(), reply.code().as_str()), (403, "identify.peer_system"));
    let record = &b.world.records(reply.exchange())[0];
    assert_eq!(record.caller.as_ref().unwrap().system, "a/mot-cua");
    assert_eq!(proofs(&b, reply.exchange()), (1, 1));
    assert_eq!(b.world.provider.count(), 0);
}

#[tokio::test]
async fn a_system_of_another_agency_than_the_declared_one_is_refused() {
    let country = Country::new();
    let mut plan = provider();
    plan.remotes[0].3 = "H09.09".into();
    let _b = country.join("b", "H02.02", plan, false).await;
    let a = country.join("a", "H01.01", consumer(to_b()), false).await;
    assert_eq!(a.world.get("/cong-dan/citizens/7").await.code(), "identify.peer_agency");
}

#[tokio::test]
async fn a_node_that_is_revoked_while_connected_is_not_heard_any_more() {
    let (country, a, b) = Country::two(to_b()).await;
    assert_eq!(a.world.get("/cong-dan/citizens/7").await.status, 200);
    country.book.revoked.lock().insert(a.certificate);
    let reply = a.world.post("/cong-dan/do/x", "x").await;
    assert_eq!(reply.code(), "forward.peer_unreachable", "{}", reply.text());
    assert!(reply.json()["detail"].as_str().unwrap().contains("identify.peer_revoked"), "{}", reply.text());
    assert_eq!(b.world.provider.count(), 1, "over the connection that was there");
    assert!(b.world.events.drain().iter().any(|e| e.kind == "identify.peer_revoked"));
}

#[tokio::test]
async fn an_answer_that_is_not_proven_is_withheld_and_recorded_as_such() {
    let (_country, a, b) = Country::two(to_b()).await;
    assert_eq!(a.world.get("/cong-dan/citizens/7").await.status, 200);
    // From now on b speaks with a delegation of another log key than it signs with.
    b.speak([7; 32]);
    let reply = a.world.post("/cong-dan/do/echo", "x").await;
    assert_eq!((reply.status.as_u16(), reply.code().as_str()), (502, "verify.peer_signature"));
    assert!(reply.json()["remedy"].as_str().unwrap().contains("may have acted"));
    let records = a.world.records(reply.exchange());
    assert_eq!(records.last().unwrap().outcome, Outcome::Unknown);
    assert_eq!(records.last().unwrap().leg.as_ref().unwrap().proves, "ours");
    assert!(records.last().unwrap().answer.clone().unwrap().received.is_some(), "what came is on record");
    assert_eq!(b.world.records(reply.exchange()).last().unwrap().outcome, Outcome::Answered);
}

#[tokio::test]
async fn a_log_there_that_takes_no_records_forwards_nothing() {
    let (_country, a, b) = Country::two(to_b()).await;
    assert_eq!(a.world.post("/cong-dan/do/echo", "x").await.status, 200);
    b.world.disk.set_capacity(Some(b.world.disk.used() + 1000));
    let before = b.world.provider.count();
    for _ in 0..3 {
        let reply = a.world.post("/cong-dan/do/echo", "x").await;
        // b cannot even stand by its refusal: that it did not take the message is all that is known.
        assert!(
            ["forward.peer_unreachable", "record.unavailable"].contains(&reply.code().as_str()),
            "{}",
            reply.text()
        );
        assert_eq!(a.world.records(reply.exchange()).last().unwrap().outcome, Outcome::Failed);
    }
    assert_eq!(b.world.provider.count(), before);
}

#[tokio::test]
async fn a_directory_that_is_too_old_decides_nothing() {
    let (country, a, b) = Country::two(to_b()).await;
    assert_eq!(a.world.get("/cong-dan/citizens/7").await.status, 200);
    country.book.stale.store(true, SeqCst);
    assert_eq!(a.world.get("/cong-dan/citizens/7").await.code(), "identify.directory_stale");
    assert_eq!(b.world.provider.count(), 1);
}

#[tokio::test]
async fn large_bodies_stream_both_ways_and_are_digested_at_both_ends() {
    let (_country, a, b) = Country::two(to_b()).await;
    let large = pattern(3 << 20);
    let reply = a.world.post("/cong-dan/do/echo", large.clone()).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    assert!(reply.body == large);
    assert!(b.world.provider.last().body == large);
    let digest = |node: &Node| {
        let records = node.world.records(reply.exchange());
        let last = records.last().unwrap().answer.clone().unwrap();
        assert_eq!(records.last().unwrap().outcome, Outcome::Answered);
        last.sent.unwrap().body.unwrap()
    };
    assert_eq!(digest(&a), digest(&b));
}

#[tokio::test]
async fn a_soap_call_and_its_fault_pass_between_nodes() {
    let country = Country::new();
    let b = country.join("b", "H02.02", provider(), false).await;
    let mut plan = consumer(to_b());
    let version = &mut plan.services[1]["versions"][0];
    version.as_object_mut().unwrap().remove("targets");
    version["routes"] = to_b();
    let a = country.join("a", "H01.01", plan, false).await;
    let envelope = |element: &str| {
        format!(
            "<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><s:Body><{element} xmlns=\"urn:dan-cu\"/></s:Body></s:Envelope>"
        )
    };
    let call = |element: &str| {
        request("POST", "/dan-cu/1.0")
            .header("content-type", "text/xml")
            .body(full(envelope(element)))
            .unwrap()
    };
    assert_eq!(a.world.send(call("TraCuu")).await.status, 200);
    assert!(b.world.provider.last().body.starts_with(b"<s:Envelope"));
    // What b refuses, the consumer reads as a fault.
    let mut without = crate::world::Plan { agency: "H02.02".into(), ..provider() };
    without.grants.clear();
    b.world.change(&without);
    let fault = a.world.send(call("TraCuu")).await;
    assert_eq!(fault.status, 500);
    assert!(fault.text().contains("authorize.grant") && fault.text().contains("Fault"), "{}", fault.text());
}

#[tokio::test]
async fn what_is_no_message_of_a_member_gets_no_word_of_the_node() {
    let (_country, a, b) = Country::two(to_b()).await;
    // The front door of consumers knows nothing of the peer protocol, whatever it is sent there.
    let reply = b.world.get("/peer/1/hello").await;
    assert_eq!(reply.code(), "resolve.service");
    let _ = (a, name("b"));
}

#[tokio::test]
async fn a_log_there_that_fails_after_the_provider_acted_leaves_the_outcome_unknown_and_tries_no_other_way() {
    let country = Country::new();
    let b = country.join("b", "H02.02", provider(), false).await;
    let fallback = crate::provider::Provider::start().await;
    let routes = json!([{"kind": "peer", "node": "b"},
        {"kind": "direct", "targets": [{"url": format!("http://{}", fallback.address)}]}]);
    let a = country.join("a", "H01.01", consumer(routes), false).await;
    let fail = async {
        eventually("the provider has it", || (b.world.provider.begun.load(SeqCst) == 1).then_some(())).await;
        b.world.disk.fail_sync_in(1);
    };
    let (reply, ()) = tokio::join!(a.world.post("/cong-dan/do/never", "x"), fail);
    // b cannot stand by anything any more; its status says that it may have happened.
    assert_eq!(reply.code(), "verify.peer_signature", "{}", reply.text());
    assert_eq!(a.world.records(reply.exchange()).last().unwrap().outcome, Outcome::Unknown);
    assert_eq!(fallback.count(), 0);
}

#[tokio::test]
async fn many_calls_at_once_all_arrive_and_all_are_on_record() {
    let (_country, a, b) = Country::two(to_b()).await;
    let calls = (0..200).map(|i| {
        let a = &a;
        async move {
            let reply = a.world.post("/cong-dan/do/echo", format!("{i}")).await;
            assert_eq!((reply.status.as_u16(), reply.text()), (200, format!("{i}")));
            reply.exchange()
        }
    });
    let exchanges = futures_util::future::join_all(calls).await;
    assert_eq!(b.world.provider.count(), 200);
    for exchange in exchanges {
        assert_eq!((proofs(&a, exchange), proofs(&b, exchange)), ((1, 1), (1, 1)));
    }
    assert!(a.peers.health(&b.name).0 <= 4, "few connections: {:?}", a.peers.health(&b.name));
}

#[tokio::test]
async fn a_consumer_that_goes_away_ends_the_call_at_the_provider_there() {
    let (_country, a, b) = Country::two(to_b()).await;
    let call = tokio::time::timeout(
        std::time::Duration::from_millis(400),
        a.world.begin(request("POST", "/cong-dan/do/never").body(full("x")).unwrap()),
    );
    assert!(call.await.is_err(), "it did not wait");
    let seen = b.world.provider.given_up.clone();
    eventually("the provider's work was given up", || (seen.load(SeqCst) == 1).then_some(())).await;
}
