//! REST calls: what reaches the provider, what comes back, and which operation a path means.

use crate::client::{full, request};
use crate::world::{Plan, World, citizens, grant, pattern};
use bytes::Bytes;
use http::HeaderMap;
use http_body::Frame;
use http_body_util::StreamBody;
use serde_json::json;
use std::convert::Infallible;

#[tokio::test]
async fn every_method_reaches_the_provider_with_its_body_and_comes_back() {
    let w = World::new().await;
    for (method, target, body) in [
        ("GET", "/cong-dan/1.0/citizens/7?full=1&x=%C3%A1", ""),
        ("POST", "/cong-dan/1.0/citizens", "{\"ten\":\"Nguyễn\"}"),
        ("PUT", "/cong-dan/1.0/citizens/7", "put"),
        ("PATCH", "/cong-dan/1.0/citizens/7", "patch"),
        ("DELETE", "/cong-dan/1.0/citizens/7", ""),
        ("OPTIONS", "/cong-dan/1.0/citizens", ""),
    ] {
        let reply = w.send(request(method, target).body(full(body)).unwrap()).await;
        assert_eq!(reply.status, 200, "{method}: {}", reply.text());
        let seen = w.provider.last();
        assert_eq!(seen.method, method);
        assert_eq!(seen.target, target.strip_prefix("/cong-dan/1.0").unwrap());
        assert_eq!(seen.body, body);
        assert_eq!(reply.exchange().time(), w.clock.now());
    }
}

#[tokio::test]
async fn any_content_passes_byte_for_byte_both_ways() {
    let w = World::new().await;
    let body = pattern(300_000);
    let reply = w.post("/cong-dan/do/echo", body.clone()).await;
    assert_eq!(reply.status, 200);
    assert!(reply.body == body && w.provider.last().body == body);
}

#[tokio::test]
async fn both_front_doors_lead_to_the_same_operation() {
    let w = World::new().await;
    for target in ["/cong-dan/1.0/citizens/7", "/cong-dan/citizens/7"] {
        assert_eq!(w.get(target).await.json()["saw"], "/citizens/7");
    }
    let reply = w.get("/cong-dan/citizens/me").await;
    let record = &w.records(reply.exchange())[0];
    assert_eq!(record.operation.as_deref(), Some("me"), "the literal path goes before the variable");
}

#[tokio::test]
async fn a_head_means_its_get_and_has_no_body() {
    let w = World::new().await;
    let reply = w.send(request("HEAD", "/cong-dan/look/bytes?n=500").body(full("")).unwrap()).await;
    assert_eq!((reply.status.as_u16(), reply.body.len()), (200, 0));
    assert_eq!(w.provider.last().method, "HEAD");
    assert_eq!(reply.header("content-length"), "500");
}

#[tokio::test]
async fn what_belongs_to_the_platform_or_to_one_connection_does_not_pass() {
    let w = World::new().await;
    let r = request("GET", "/cong-dan/look/headers")
        .header("connection", "x-hop")
        .header("x-hop", "1")
        .header("x-forwarded-for", "8.8.8.8")
        .header("lgsp-consumer-system", "forged")
        .header("lgsp-anything", "forged")
        .header("lgsp-officer", "Nguy%E1%BB%85n V%C4%83n A")
        .header("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
        .header("tracestate", "a=b")
        .header("x-kept", "yes");
    let reply = w.send(r.body(full("")).unwrap()).await;
    let seen = w.provider.last().headers;
    for gone in ["apikey", "x-hop", "x-forwarded-for", "lgsp-anything"] {
        assert!(!seen.contains_key(gone), "{gone} reached the provider");
    }
    assert_eq!(seen["x-kept"], "yes");
    assert_eq!(seen["lgsp-consumer-system"], "mot-cua");
    assert_eq!(seen["lgsp-consumer-agency"], "H01.15");
    assert_eq!(seen["lgsp-exchange"], reply.exchange().to_string());
    let officer = percent_encoding::percent_decode(seen["lgsp-officer"].as_bytes()).decode_utf8().unwrap();
    assert_eq!(officer, "Nguyễn Văn A");
    let trace = seen["traceparent"].to_str().unwrap();
    assert!(trace.starts_with("00-0af7651916cd43dd8448eb211c80319c-") && !trace.contains("b7ad6b7169203331"));
    assert_eq!(seen["tracestate"], "a=b");
    assert_eq!(w.records(reply.exchange())[0].trace.as_deref(), Some("0af7651916cd43dd8448eb211c80319c"));
    assert_eq!(reply.header("x-own"), "kept");
    assert_ne!(reply.header("lgsp-exchange"), "ex_forged");
    assert!(!reply.headers.contains_key("keep-alive"));
}

#[tokio::test]
async fn a_tracestate_that_breaks_its_form_is_dropped_and_the_call_goes_on() {
    let w = World::new().await;
    let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    for (lines, passed) in [(vec!["a=b", "c=d"], 2), (vec!["no member"], 0), (vec!["a=b", "a=c"], 0)] {
        let r = request("GET", "/cong-dan/citizens/7").header("traceparent", parent);
        let r = lines.iter().fold(r, |r, line| r.header("tracestate", *line));
        assert_eq!(w.send(r.body(full("")).unwrap()).await.status, 200);
        let seen = w.provider.last().headers;
        assert_eq!(seen.get_all("tracestate").iter().count(), passed, "{lines:?}");
    }
}

#[tokio::test]
async fn a_body_that_two_readers_would_take_for_different_things_is_refused() {
    let w = Plan::default().version("1.0", |v| v["check_syntax"] = json!(true)).begin().await;
    for (target, content_type, code) in [
        ("/cong-dan/json", &["application/json", "text/plain"][..], "validate.media_type"),
        ("/cong-dan/citizens", &["text/plain", "text/plain"], "validate.media_type"),
        ("/cong-dan/citizens", &["application/json; charset=utf-16"], "validate.media_type"),
        ("/cong-dan/citizens", &["application/json, text/plain"], "validate.media_type"),
        ("/cong-dan/citizens", &["application/xml; charset=utf-7"], "validate.media_type"),
        ("/cong-dan/citizens", &["application/json; charset=utf-8"], ""),
        ("/cong-dan/citizens", &["application/octet-stream"], ""),
    ] {
        let r = content_type.iter().fold(request("POST", target), |r, t| r.header("content-type", *t));
        let reply = w.send(r.body(full("{}")).unwrap()).await;
        match code {
            "" => assert_eq!(reply.status, 200, "{content_type:?}: {}", reply.text()),
            code => assert_eq!(reply.code(), code, "{content_type:?}"),
        }
    }
    assert_eq!(w.provider.count(), 2);
}

#[tokio::test]
async fn the_providers_own_errors_are_passed_on_as_they_are() {
    let w = World::new().await;
    let reply = w.get("/cong-dan/look/error").await;
    assert_eq!((reply.status.as_u16(), reply.text()), (500, "the provider's own error".into()));
}

#[tokio::test]
async fn an_answer_is_the_platforms_own_message_whatever_the_provider_speaks() {
    let answer =
        b"HTTP/1.0 401 Unauthorized\r\nwww-authenticate: Basic realm=\"p\"\r\ncontent-length: 2\r\n\r\nno";
    let w = Plan::default().target(crate::provider::raw(answer, false).await).begin().await;
    let head = format!(
        "GET /cong-dan/citizens/7 HTTP/1.1\r\nHost: x\r\napikey: {}\r\nConnection: close\r\n\r\n",
        crate::world::KEY
    );
    let answer = w.raw(head.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 401 ") && answer.ends_with("\r\n\r\nno"), "{answer}");
    assert!(!answer.contains("www-authenticate"), "that is between the provider and the platform: {answer}");
}

#[tokio::test]
async fn trailers_pass_both_ways() {
    let w = World::new().await;
    let mut trailers = HeaderMap::new();
    trailers.insert("x-check", "abc".parse().unwrap());
    let frames =
        [Ok::<_, Infallible>(Frame::data(Bytes::from_static(b"data"))), Ok(Frame::trailers(trailers))];
    let body = StreamBody::new(futures_util::stream::iter(frames));
    let r = request("POST", "/cong-dan/do/trailers").header("te", "trailers").header("trailer", "x-check");
    let reply = w.send(r.body(body).unwrap()).await;
    assert_eq!(reply.text(), "body");
    assert_eq!(reply.trailers.unwrap()["x-sum"], "42");
    let seen = w.provider.last();
    assert_eq!(seen.body, "data");
    assert_eq!(seen.trailers.unwrap()["x-check"], "abc");
}

#[tokio::test]
async fn trailers_that_were_not_announced_pass_and_claim_nothing_of_the_platform() {
    let w = World::new().await;
    let mut trailers = HeaderMap::new();
    trailers.insert("x-check", "abc".parse().unwrap());
    trailers.insert("lgsp-officer", "forged".parse().unwrap());
    let frames =
        [Ok::<_, Infallible>(Frame::data(Bytes::from_static(b"data"))), Ok(Frame::trailers(trailers))];
    let mut sender = w.http2().await;
    let r = request("POST", "http://nen-tang/cong-dan/do/x").version(http::Version::HTTP_2);
    let body = StreamBody::new(futures_util::stream::iter(frames));
    assert_eq!(sender.send_request(r.body(body).unwrap()).await.unwrap().status(), 200);
    let seen = w.provider.last().trailers.unwrap();
    assert_eq!(seen["x-check"], "abc");
    assert!(!seen.contains_key("lgsp-officer"), "{seen:?}");
}

#[tokio::test]
async fn a_deprecated_version_says_so_in_every_answer() {
    let w = World::new().await;
    for target in ["/cong-dan/0.9/citizens/7", "/cong-dan/0.9/look/redirect"] {
        let reply = w.get(target).await;
        assert!(reply.header("deprecation").starts_with('@'), "RFC 9745: {:?}", reply.headers);
        assert_eq!(reply.header("sunset"), "Tue, 30 Jun 2026 17:00:00 GMT");
    }
    assert_eq!(w.get("/cong-dan/1.0/citizens/7").await.header("deprecation"), "");
}

#[tokio::test]
async fn a_snapshot_of_ten_thousand_services_decides_as_one_of_two() {
    let mut plan = Plan::default();
    for i in 0..10_000 {
        let mut service = citizens();
        service["id"] = json!(format!("s{i}"));
        service["versions"].as_array_mut().unwrap().truncate(2);
        plan.services.push(service);
        plan.grants.push(grant(&format!("g{i}"), &format!("s{i}")));
    }
    let w = plan.begin().await;
    assert_eq!(w.get("/s9999/1.0/citizens/7").await.json()["saw"], "/citizens/7");
}

#[tokio::test]
async fn a_change_of_the_snapshot_counts_from_the_next_call_on_the_same_connection() {
    let w = World::new().await;
    assert_eq!(w.get("/cong-dan/citizens/7").await.status, 200);
    w.change(&Plan { grants: Vec::new(), ..Plan::default() });
    assert_eq!(w.get("/cong-dan/citizens/7").await.code(), "authorize.grant");
}

#[tokio::test]
async fn a_sampled_call_becomes_a_span_below_its_callers() {
    #[derive(Default)]
    struct Sink(parking_lot::Mutex<Vec<lgsp_gateway::ExchangeSpan>>);
    impl lgsp_gateway::TraceSink for Sink {
        fn sample(&self) -> bool {
            false
        }
        fn span(&self, span: lgsp_gateway::ExchangeSpan) {
            self.0.lock().push(span);
        }
    }
    let w = World::new().await;
    let sink = std::sync::Arc::new(Sink::default());
    w.gateway.set_trace_sink(sink.clone());
    let call = |flags: &str| {
        let parent = format!("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-{flags}");
        request("GET", "/cong-dan/citizens/7").header("traceparent", parent).body(full("")).unwrap()
    };
    let reply = w.send(call("01")).await;
    w.send(call("00")).await;
    let spans = sink.0.lock();
    assert_eq!(spans.len(), 1, "only what its caller sampled");
    let span = &spans[0];
    assert_eq!(hex::encode(span.trace_id), "0af7651916cd43dd8448eb211c80319c");
    assert_eq!(span.parent_id.map(hex::encode).as_deref(), Some("b7ad6b7169203331"));
    assert_eq!((span.name.as_str(), span.status), ("cong-dan.get", 200));
    assert_eq!(span.exchange, reply.exchange().to_string());
    let sent = w.provider.seen.lock()[0].headers["traceparent"].to_str().unwrap().to_owned();
    assert!(sent.contains(&hex::encode(span.span_id)), "the provider's parent is this span");
}
