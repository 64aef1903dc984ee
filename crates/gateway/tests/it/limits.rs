//! Rates, quotas, statements, sources and the bounds of the whole platform.

use crate::client::{full, request};
use crate::world::{Plan, eventually};
use lgsp_kernel::Millis;
use serde_json::json;
use std::sync::atomic::Ordering::SeqCst;

#[tokio::test]
async fn a_rate_lets_a_burst_pass_and_refills() {
    let w = Plan::default().granted(|g| g["rate"] = json!({"per_second": 2, "burst": 3})).begin().await;
    for _ in 0..3 {
        assert_eq!(w.get("/cong-dan/citizens/7").await.status, 200);
    }
    let reply = w.get("/cong-dan/citizens/7").await;
    assert_eq!(
        (reply.status.as_u16(), reply.code().as_str(), reply.header("retry-after")),
        (429, "limit.rate", "1")
    );
    w.clock.advance(1000);
    assert_eq!(w.get("/cong-dan/citizens/7").await.status, 200);
}

#[tokio::test]
async fn a_bucket_outlives_a_snapshot_unless_its_rate_changed() {
    let with = |rate: u32| Plan::default().granted(|g| g["rate"] = json!({"per_second": rate}));
    let w = with(1).begin().await;
    assert_eq!(w.get("/cong-dan/citizens/7").await.status, 200);
    w.change(&with(1));
    assert_eq!(
        w.get("/cong-dan/citizens/7").await.code(),
        "limit.rate",
        "publishing something must not refill buckets"
    );
    w.change(&with(2));
    assert_eq!(w.get("/cong-dan/citizens/7").await.status, 200);
}

#[tokio::test]
async fn a_quota_ends_the_day_and_midnight_in_vietnam_begins_the_next() {
    let w = Plan::default().granted(|g| g["daily_quota"] = json!(2)).begin().await;
    let evening = Millis::parse("2026-03-02T23:59:50+07:00").unwrap();
    w.clock.advance(evening.0 - w.clock.now().0);
    let reply = w.get("/cong-dan/citizens/7").await;
    let limit = &w.records(reply.exchange())[0].steps[3];
    assert_eq!(limit.why, "within the rate; 1 calls left today");
    assert_eq!(w.get("/cong-dan/citizens/7").await.status, 200);
    let reply = w.get("/cong-dan/citizens/7").await;
    assert_eq!((reply.code().as_str(), reply.header("retry-after")), ("limit.quota", "11"));
    assert_eq!(w.records(reply.exchange())[0].refusal.as_ref().unwrap().code, "limit.quota");
    w.clock.advance(10_000);
    assert_eq!(w.get("/cong-dan/citizens/7").await.status, 200);
}

#[tokio::test]
async fn a_demanded_statement_must_be_there_and_is_on_record() {
    let w = Plan::default().granted(|g| g["require"] = json!(["officer", "dossier"])).begin().await;
    let reply = w
        .send(request("GET", "/cong-dan/citizens/7").header("lgsp-officer", "an").body(full("")).unwrap())
        .await;
    assert_eq!(reply.code(), "authorize.statement");
    assert!(reply.json()["detail"].as_str().unwrap().contains("lgsp-dossier"));
    let r = request("GET", "/cong-dan/citizens/7")
        .header("lgsp-officer", "an")
        .header("lgsp-dossier", "H01.15-260302-0001");
    let reply = w.send(r.body(full("")).unwrap()).await;
    assert_eq!(reply.status, 200);
    let stated = w.records(reply.exchange())[0].stated.clone().unwrap();
    assert_eq!(
        (stated.officer.as_deref(), stated.dossier.as_deref()),
        (Some("an"), Some("H01.15-260302-0001"))
    );
    let r = request("GET", "/cong-dan/citizens/7").header("lgsp-officer", "a%0Ab");
    assert_eq!(w.send(r.body(full("")).unwrap()).await.code(), "receive.malformed");
}

#[tokio::test]
async fn the_reason_of_the_grant_that_came_closest_is_told() {
    let mut plan = Plan::default().granted(|g| g["valid_until"] = json!("2026-01-01"));
    let mut second = plan.grants[0].clone();
    second["id"] = json!("g-second");
    second["valid_until"] = json!(null);
    second["sources"] = json!(["10.0.0.0/8"]);
    plan.grants.push(second);
    let w = plan.begin().await;
    assert_eq!(w.get("/cong-dan/citizens/7").await.code(), "authorize.source");
}

#[tokio::test]
async fn the_platform_carries_so_many_exchanges_at_once_and_no_more() {
    let w = Plan::default().configured(|c| c.in_flight_max = 3).begin().await;
    let stuck =
        async { futures_util::future::join_all((0..3).map(|_| w.post("/cong-dan/do/never", "x"))).await };
    let fourth = async {
        eventually("three are open", || (w.provider.begun.load(SeqCst) == 3).then_some(())).await;
        let reply = w.get("/cong-dan/citizens/7").await;
        assert_eq!((reply.status.as_u16(), reply.code().as_str()), (503, "receive.overloaded"));
        assert_eq!(reply.header("retry-after"), "2");
        assert_eq!(w.get("/health/live").await.status, 200, "health is answered under load");
    };
    tokio::join!(stuck, fourth);
    eventually("their places are free", || (w.gateway.in_flight() == 0).then_some(())).await;
    assert_eq!(w.get("/cong-dan/citizens/7").await.status, 200);
}

#[tokio::test]
async fn a_body_beyond_the_services_limit_is_refused_by_its_announced_and_by_its_real_length() {
    let w = Plan::default().version("1.0", |v| v["request_body_max"] = json!(10)).begin().await;
    assert_eq!(w.post("/cong-dan/do/echo", "0123456789").await.status, 200);
    assert_eq!(w.post("/cong-dan/do/echo", "0123456789a").await.code(), "validate.too_large");
    let chunked =
        http_body_util::StreamBody::new(futures_util::stream::iter([Ok::<_, std::convert::Infallible>(
            http_body::Frame::data(bytes::Bytes::from_static(b"0123456789a")),
        )]));
    let reply = w.send(request("POST", "/cong-dan/do/echo").body(chunked).unwrap()).await;
    assert_eq!((reply.status.as_u16(), reply.code().as_str()), (413, "validate.too_large"));
    assert_eq!(w.provider.count(), 1);
}

#[tokio::test]
async fn syntax_is_checked_where_the_version_asks_for_it() {
    let w = Plan::default().version("1.0", |v| v["check_syntax"] = json!(true)).begin().await;
    let send = async |content_type: &str, body: &'static str| {
        let r = request("POST", "/cong-dan/do/echo").header("content-type", content_type);
        w.send(r.body(full(body)).unwrap()).await
    };
    assert_eq!(send("application/json", "{\"a\":[1,2]}").await.status, 200);
    assert_eq!(send("application/json; charset=utf-8", "{\"a\":").await.code(), "validate.json");
    assert_eq!(send("application/problem+json", "{").await.code(), "validate.json");
    assert_eq!(send("text/xml", "<a><b></a>").await.code(), "validate.xml");
    assert_eq!(send("text/plain", "{").await.status, 200);
}
