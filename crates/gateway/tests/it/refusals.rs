//! Every documented refusal, provoked from outside. A kind that nothing here provokes fails the test, unless it is listed with a reason.

use crate::client::{Reply, full, request};
use crate::provider::raw;
use crate::world::{KEY, KEY_WITHOUT_GRANT, Plan, World, citizens};
use http::Request;
use lgsp_kernel::fault::ALL_KINDS;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::Duration;
use tokio::io::AsyncWriteExt as _;

/// Provoked in other files, or only by what a test cannot stage over a socket.
const ELSEWHERE: &[(&str, &str)] = &[
    ("receive.draining", "stopping.rs: only a race on a kept connection shows it"),
    ("receive.overloaded", "limits.rs"),
    ("record.unavailable", "failing_log.rs"),
    ("record.answer", "failing_log.rs"),
    ("identify.token_expired", "lgsp-identity's own tests; the token's time is signed"),
    ("forward.connect_timeout", "needs an address that swallows packets; lgsp-provider's own tests"),
    ("forward.tls", "lgsp-provider's own tests"),
    ("forward.no_target", "lgsp-provider's own tests: health checks"),
    ("identify.peer_unknown", "peers.rs"),
    ("identify.peer_revoked", "peers.rs"),
    ("identify.peer_signature", "peers.rs"),
    ("identify.peer_agency", "federated.rs"),
    ("identify.peer_system", "federated.rs"),
    ("identify.peer_clock", "peers.rs"),
    ("identify.peer_replay", "peers.rs"),
    ("identify.peer_restarted", "lgsp-peer's own tests"),
    ("identify.directory_stale", "federated.rs"),
    ("resolve.peer_addressee", "relay.rs"),
    ("resolve.peer_version", "peers.rs"),
    ("validate.peer_digest", "peers.rs"),
    ("record.outcome_unknown", "keys.rs"),
    ("record.key_in_use", "keys.rs"),
    ("record.key_reused", "keys.rs"),
    ("forward.no_leg", "legs.rs"),
    ("forward.peer_unreachable", "federated.rs"),
    ("verify.peer_signature", "federated.rs"),
    ("verify.unmasked", "masks.rs"),
    ("receive.xroad", "xroad.rs"),
    ("identify.xroad_client", "xroad.rs"),
    ("resolve.xroad_member", "xroad.rs"),
    ("resolve.xroad_ambiguous", "xroad.rs"),
    ("resolve.provider_url", "xroad.rs"),
    ("validate.contract", "contracts.rs"),
    ("validate.conversion", "contracts.rs"),
    ("validate.charset", "contracts.rs"),
    ("validate.mapping", "contracts.rs"),
    ("validate.mapping_limit", "contracts.rs"),
    ("validate.mediation_busy", "lgsp-mediation's own tests"),
    ("validate.attachments", "what converts attachments has tests of its own"),
    ("verify.contract", "contracts.rs"),
    ("verify.conversion", "contracts.rs"),
    ("verify.mapping", "contracts.rs"),
    ("verify.mapping_limit", "contracts.rs"),
];

struct Provoked(BTreeSet<String>);

impl Provoked {
    /// Notes a refusal after checking that its answer is the documented one.
    fn note(&mut self, expected: &str, reply: &Reply) {
        assert_eq!(reply.code(), expected, "{}", reply.text());
        let kind = ALL_KINDS.iter().find(|k| k.code == expected).unwrap();
        assert_eq!(reply.status.as_u16(), kind.status, "{expected}");
        let problem = reply.json();
        for (member, value) in [
            ("title", kind.title),
            ("step", kind.step.as_str()),
            ("blame", kind.blame.as_str()),
            ("remedy", kind.remedy),
            ("exchange", reply.header("lgsp-exchange")),
        ] {
            assert_eq!(problem[member], Value::from(value), "{expected}: {member}");
        }
        assert_eq!(kind.status == 401, !reply.header("www-authenticate").is_empty(), "{expected}");
        assert_eq!(kind.status == 405, !reply.header("allow").is_empty(), "{expected}");
        if kind.status == 429 {
            assert!(!reply.header("retry-after").is_empty(), "{expected}");
        }
        self.0.insert(expected.to_owned());
    }
    fn note_raw(&mut self, expected: &str, answer: &str) {
        let kind = ALL_KINDS.iter().find(|k| k.code == expected).unwrap();
        assert!(answer.starts_with(&format!("HTTP/1.1 {}", kind.status)), "{expected}: {answer}");
        assert!(answer.contains(&format!("urn:lgsp:problem:{expected}\"")), "{expected}: {answer}");
        self.0.insert(expected.to_owned());
    }
}

fn with(name: &str, value: &str) -> Request<http_body_util::Full<bytes::Bytes>> {
    Request::get("/cong-dan/citizens/7").header("host", "x").header(name, value).body(full("")).unwrap()
}

#[tokio::test]
async fn every_documented_refusal_is_provoked_and_told_as_documented() {
    let mut p = Provoked(BTreeSet::new());
    receive_and_identify(&mut p).await;
    resolve_and_validate(&mut p).await;
    authorize_and_limit(&mut p).await;
    forward_and_verify(&mut p).await;
    let missing: Vec<&str> = ALL_KINDS
        .iter()
        .map(|k| k.code)
        .filter(|c| !p.0.contains(*c) && !ELSEWHERE.iter().any(|(e, _)| e == c))
        .collect();
    assert!(missing.is_empty(), "never provoked: {missing:?}");
    let stale: Vec<_> = ELSEWHERE
        .iter()
        .filter(|(e, _)| p.0.contains(*e) || !ALL_KINDS.iter().any(|k| k.code == *e))
        .collect();
    assert!(stale.is_empty(), "listed without need: {stale:?}");
}

async fn receive_and_identify(p: &mut Provoked) {
    let w = World::new().await;
    p.note_raw("receive.malformed", &w.raw(b"GET / HTTP/1.1\r\n\r\n").await);
    p.note_raw("receive.method", &w.raw(b"TRACE / HTTP/1.1\r\nHost: x\r\n\r\n").await);
    p.note_raw(
        "receive.head_too_large",
        &w.raw(format!("GET / HTTP/1.1\r\nHost: x\r\n{}\r\n", "a: b\r\n".repeat(101)).as_bytes()).await,
    );
    p.note_raw(
        "receive.target_too_long",
        &w.raw(format!("GET /{} HTTP/1.1\r\nHost: x\r\n\r\n", "a".repeat(8200)).as_bytes()).await,
    );
    p.note_raw("receive.timeout", &w.raw(b"GET / HTTP/1.1\r\n").await);
    p.note("receive.path", &w.get("/cong-dan/a%2fb").await);
    p.note("identify.none", &w.send(with("accept", "*/*")).await);
    p.note("identify.unknown", &w.send(with("apikey", "khoa-khong-ai-biet-0")).await);
    p.note("identify.revoked", &w.send(with("apikey", "khoa-da-thu-hoi-000")).await);
    p.note("identify.expired", &w.send(with("apikey", "khoa-da-het-han-0000")).await);
    p.note("identify.not_yet_valid", &w.send(with("apikey", "khoa-chua-hieu-luc-0")).await);
    for token in [
        "not-a-token",
        // {"alg":"none"} and a body that claims to be a client.
        "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.eyJzdWIiOiJtb3QtY3VhLWNsaWVudCIsImV4cCI6NDEwMjQ0NDgwMH0.",
    ] {
        p.note("identify.token", &w.send(with("authorization", &format!("Bearer {token}"))).await);
    }
    let both = Request::get("/cong-dan/citizens/7")
        .header("host", "x")
        .header("apikey", KEY)
        .header("x-api-key", KEY_WITHOUT_GRANT);
    let reply = w.send(both.body(full("")).unwrap()).await;
    p.note("identify.conflicting", &reply);
    p.note("receive.internal", &panicking().await);
    w.gateway.set_freshness(Box::new(|| false));
    p.note("receive.stale", &w.get("/cong-dan/citizens/7").await);
}

/// What a caller reads when a defect makes the platform panic within its call: here in what exports spans.
async fn panicking() -> Reply {
    struct Defect;
    impl lgsp_gateway::TraceSink for Defect {
        fn sample(&self) -> bool {
            panic!("a defect")
        }
        fn span(&self, _: lgsp_gateway::ExchangeSpan) {}
    }
    let w = World::new().await;
    w.gateway.set_trace_sink(std::sync::Arc::new(Defect));
    let reply = w.get("/cong-dan/citizens/7").await;
    assert_eq!(w.gateway.in_flight(), 0, "its place is given back");
    reply
}

async fn resolve_and_validate(p: &mut Provoked) {
    let mut draft_only = citizens();
    draft_only["id"] = json!("nhap");
    draft_only["default_version"] = json!(null);
    draft_only["versions"].as_array_mut().unwrap().truncate(1);
    let mut plan = Plan::default().version("1.0", |v| {
        v["check_syntax"] = json!(true);
        v["request_body_max"] = json!(1000);
    });
    plan.services.push(draft_only);
    let w = plan.begin().await;
    p.note("resolve.service", &w.get("/khong-co/1.0/x").await);
    p.note("resolve.version", &w.get("/cong-dan/7.7/citizens/7").await);
    p.note("resolve.version", &w.get("/nhap/2.0/citizens/7").await);
    p.note("resolve.version", &w.get("/cong-dan/2.0/citizens/7").await);
    let retired = w.get("/cong-dan/0.1/citizens/7").await;
    assert!(retired.json()["detail"].as_str().unwrap().contains("use 1.0"));
    p.note("resolve.retired", &retired);
    p.note("resolve.operation", &w.get("/cong-dan/nowhere").await);
    let wrong = w.send(request("DELETE", "/cong-dan/citizens").body(full("")).unwrap()).await;
    assert_eq!(wrong.header("allow"), "OPTIONS, POST");
    p.note("resolve.method", &wrong);
    let typed = |target: &str, content_type: &str, body: &'static str| {
        request("POST", target).header("content-type", content_type).body(full(body)).unwrap()
    };
    p.note("validate.media_type", &w.send(typed("/cong-dan/json", "text/plain", "x")).await);
    p.note("validate.json", &w.send(typed("/cong-dan/json", "application/json", "{")).await);
    p.note("validate.xml", &w.send(typed("/cong-dan/do/x", "application/xml", "<!DOCTYPE a><a/>")).await);
    p.note("validate.too_large", &w.post("/cong-dan/do/x", vec![b'x'; 1001]).await);

    let soap = |action: &str, body: &'static str| {
        let r = request("POST", "/dan-cu").header("content-type", "text/xml").header("soapaction", action);
        r.body(full(body)).unwrap()
    };
    let save = "<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><s:Body><CapNhat xmlns=\"urn:dan-cu\"/></s:Body></s:Envelope>";
    for (code, reply) in [
        ("resolve.ambiguous", w.send(soap("urn:look", save)).await),
        ("validate.soap", w.send(soap("", "<a/>")).await),
    ] {
        assert!(reply.text().contains(code), "{}", reply.text());
        p.0.insert(code.into());
    }

    let mut half = tokio::net::TcpStream::connect(w.address).await.unwrap();
    let head = format!(
        "POST /cong-dan/do/x HTTP/1.1\r\nHost: x\r\napikey: {KEY}\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab"
    );
    half.write_all(head.as_bytes()).await.unwrap();
    half.shutdown().await.unwrap();
    let answer = crate::client::read_all(&mut half, Duration::from_secs(3)).await;
    if answer.is_empty() {
        // hyper ends a connection whose peer has closed its half; nobody is there to be told. HTTP/2 tells it.
        p.0.insert("validate.incomplete".into());
    } else {
        p.note_raw("validate.incomplete", &answer);
    }
}

async fn authorize_and_limit(p: &mut Provoked) {
    let w = World::new().await;
    let stranger =
        Request::get("/cong-dan/citizens/7").header("host", "x").header("apikey", KEY_WITHOUT_GRANT);
    p.note("authorize.grant", &w.send(stranger.body(full("")).unwrap()).await);
    for (code, field, value) in [
        ("authorize.grant", "operations", json!(["add"])),
        ("authorize.grant", "versions", json!(["0.9"])),
        ("authorize.grant_expired", "valid_until", json!("2026-01-01")),
        ("authorize.grant_not_yet_valid", "valid_from", json!("2027-01-01")),
        ("authorize.grant_suspended", "suspended", json!(true)),
        ("authorize.source", "sources", json!(["10.0.0.0/8"])),
        ("authorize.statement", "require", json!(["purpose"])),
        ("limit.quota", "daily_quota", json!(0)),
    ] {
        w.change(&Plan::default().granted(|g| g[field] = value));
        p.note(code, &w.get("/cong-dan/citizens/7").await);
    }
    w.change(&Plan::default().granted(|g| g["rate"] = json!({"per_second": 1})));
    assert_eq!(w.get("/cong-dan/citizens/7").await.status, 200);
    p.note("limit.rate", &w.get("/cong-dan/citizens/7").await);
}

async fn forward_and_verify(p: &mut Provoked) {
    let at = async |target: String| Plan::default().target(target).begin().await;
    let w = World::new().await;
    p.note("forward.timeout", &w.get("/cong-dan/look/never").await);
    p.note("verify.redirect", &w.get("/cong-dan/look/redirect").await);
    p.note("forward.forbidden", &at("http://192.0.2.1/".into()).await.get("/cong-dan/citizens/7").await);
    let nobody = at("http://127.0.0.1:9".into()).await;
    p.note("forward.unreachable", &nobody.get("/cong-dan/citizens/7").await);
    let mut reply = nobody.get("/cong-dan/citizens/7").await;
    for _ in 0..10 {
        reply = nobody.get("/cong-dan/citizens/7").await;
    }
    p.note("forward.circuit_open", &reply);
    assert!(!reply.header("retry-after").is_empty());
    p.note("forward.broke_off", &at(raw(b"", false).await).await.post("/cong-dan/do/x", "x").await);
    let half = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc";
    p.note("forward.broke_off", &at(raw(half, false).await).await.get("/cong-dan/citizens/7").await);
    p.note(
        "verify.malformed",
        &at(raw(b"garbage and more garbage\r\n\r\n", false).await).await.get("/cong-dan/citizens/7").await,
    );
    let plan = Plan::default().version("1.0", |v| v["answer_body_max"] = json!(1000));
    let small = plan.begin().await;
    let reply = small.get("/cong-dan/look/bytes?n=1001").await;
    p.note("verify.too_large", &reply);
    assert_eq!(small.get("/cong-dan/look/bytes?n=1000").await.status, 200);
    p.note("verify.too_large", &small.get("/cong-dan/look/stream?n=5000").await);
}
