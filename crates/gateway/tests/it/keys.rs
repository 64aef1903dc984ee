//! Idempotency keys: at most one request is forwarded under each, and what comes again gets the first one's answer or the truth about it.

use crate::client::{Reply, full, request};
use crate::country::{Country, consumer, provider, to_b};
use crate::world::{World, eventually, pattern};
use lgsp_evidence::Disk;
use lgsp_evidence::disk::simulated::Simulated;
use lgsp_kernel::record::Outcome;
use lgsp_peer::idempotency::{IdempotencyStore, LedgerConfig};
use std::sync::atomic::Ordering::SeqCst;

fn remember(world: &World) {
    let disk = Disk::Simulated(Simulated::default());
    let store = IdempotencyStore::open(disk, LedgerConfig::new("/keys"), world.clock.clone()).unwrap();
    world.gateway.set_idempotency(store);
}

async fn call(w: &World, method: &str, path: &str, key: &str, body: &str) -> Reply {
    w.send(request(method, path).header("idempotency-key", key).body(full(body.to_owned())).unwrap()).await
}

#[tokio::test]
async fn a_repeated_request_gets_the_first_answer_and_the_provider_sees_one() {
    let w = World::new().await;
    remember(&w);
    let first = call(&w, "POST", "/cong-dan/do/echo", "k-1", "x").await;
    let again = call(&w, "POST", "/cong-dan/do/echo", "k-1", "x").await;
    assert_eq!((again.status.as_u16(), again.text().as_str()), (200, "x"));
    assert_ne!(first.exchange(), again.exchange());
    assert_eq!(again.header("lgsp-original-exchange"), first.exchange().to_string());
    assert_eq!(w.provider.count(), 1);
    let record = w.records(again.exchange()).remove(0);
    assert_eq!((record.outcome, record.idempotency_key.as_deref()), (Outcome::Answered, Some("k-1")));
    assert!(record.steps.iter().any(|s| s.why.contains(&first.exchange().to_string())));
    // Another system's, another version's and no key at all are other requests.
    assert_eq!(
        call(&w, "POST", "/cong-dan/0.9/do/echo", "k-1", "x").await.header("lgsp-original-exchange"),
        ""
    );
    assert_eq!(w.post("/cong-dan/do/echo", "x").await.status, 200);
    assert_eq!(w.provider.count(), 3);
}

#[tokio::test]
async fn a_key_of_another_request_and_of_an_open_one_are_refused() {
    let w = World::new().await;
    remember(&w);
    assert_eq!(call(&w, "POST", "/cong-dan/do/echo", "k", "x").await.status, 200);
    for (path, body) in [("/cong-dan/do/echo", "y"), ("/cong-dan/do/echo?a=1", "x"), ("/cong-dan/do/x", "x")]
    {
        let reply = call(&w, "POST", path, "k", body).await;
        assert_eq!((reply.status.as_u16(), reply.code().as_str()), (422, "record.key_reused"), "{path}");
    }
    let two = async {
        eventually("the first is open", || (w.provider.begun.load(SeqCst) == 2).then_some(())).await;
        call(&w, "POST", "/cong-dan/do/never", "open", "x").await
    };
    let (late, meanwhile) = tokio::join!(call(&w, "POST", "/cong-dan/do/never", "open", "x"), two);
    assert_eq!((meanwhile.code().as_str(), late.code().as_str()), ("record.key_in_use", "forward.timeout"));
    let after = call(&w, "POST", "/cong-dan/do/never", "open", "x").await;
    assert_eq!((after.status.as_u16(), after.code().as_str()), (409, "record.outcome_unknown"));
    assert!(after.json()["detail"].as_str().unwrap().contains(&late.exchange().to_string()));
}

#[tokio::test]
async fn what_did_no_harm_frees_its_key_and_what_may_be_repeated_is() {
    let w = crate::world::Plan::default().target("http://127.0.0.1:1".into()).begin().await;
    remember(&w);
    for _ in 0..2 {
        assert_eq!(call(&w, "POST", "/cong-dan/do/x", "k", "x").await.code(), "forward.unreachable");
    }
    let w = World::new().await;
    remember(&w);
    for n in 1..3 {
        assert_eq!(call(&w, "PUT", "/cong-dan/citizens/never", "k", "x").await.code(), "forward.timeout");
        assert_eq!(w.provider.begun.load(SeqCst), n, "forwarded again");
    }
    assert_eq!(call(&w, "GET", "/cong-dan/citizens/7", "k", "").await.status, 200, "a read needs no key");
}

#[tokio::test]
async fn a_bad_key_and_a_body_too_large_for_one_are_refused() {
    let w = World::new().await;
    remember(&w);
    let long = "k".repeat(256);
    for key in ["", "a b", long.as_str()] {
        assert_eq!(call(&w, "POST", "/cong-dan/do/x", key, "x").await.code(), "receive.malformed", "{key:?}");
    }
    let twice =
        request("POST", "/cong-dan/do/x").header("idempotency-key", "a").header("lgsp-idempotency-key", "a");
    assert_eq!(w.send(twice.body(full("")).unwrap()).await.code(), "receive.malformed");
    let large = request("POST", "/cong-dan/do/x")
        .header("idempotency-key", "a")
        .body(full(pattern(2 << 20)))
        .unwrap();
    assert_eq!(w.send(large).await.code(), "validate.too_large");
    assert_eq!(w.provider.count(), 0);
}

#[tokio::test]
async fn the_providers_node_keeps_the_key_of_a_call_from_another_one() {
    let country = Country::new();
    let b = country.join("b", "H02.02", provider(), false).await;
    let a = country.join("a", "H01.01", consumer(to_b()), false).await;
    remember(&a.world);
    remember(&b.world);
    let first = call(&a.world, "POST", "/cong-dan/do/echo", "k", "x").await;
    let again = call(&a.world, "POST", "/cong-dan/do/echo", "k", "x").await;
    assert_eq!((again.status.as_u16(), again.text().as_str()), (200, "x"));
    assert_eq!(again.header("lgsp-original-exchange"), first.exchange().to_string());
    assert_eq!(b.world.provider.count(), 1);
    assert_eq!(call(&a.world, "POST", "/cong-dan/do/echo", "k", "y").await.code(), "record.key_reused");
}
