//! The front door: the platform's own addresses, what it does not carry, and callers that send too much, too slowly or nothing.

use crate::client::{full, read_all, request};
use crate::world::{CLIENT, KEY, Plan, World};
use base64::Engine as _;
use http::Request;
use std::time::{Duration, Instant};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

#[tokio::test]
async fn a_token_is_given_and_then_carries_calls_until_it_is_revoked() {
    let w = World::new().await;
    let basic = base64::engine::general_purpose::STANDARD.encode(format!("{}:{}", CLIENT.0, CLIENT.1));
    let form = |target: &str, body: String| {
        Request::post(target)
            .header("host", "x")
            .header("authorization", format!("Basic {basic}"))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(full(body))
            .unwrap()
    };
    let reply = w.send(form("/token", "grant_type=client_credentials".into())).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    assert_eq!(
        (reply.header("cache-control"), reply.json()["token_type"].as_str()),
        ("no-store", Some("Bearer"))
    );
    let token = reply.json()["access_token"].as_str().unwrap().to_owned();
    let call = |token: &str| {
        let r = Request::get("/cong-dan/1.0/citizens/7")
            .header("host", "x")
            .header("authorization", format!("Bearer {token}"));
        r.body(full("")).unwrap()
    };
    let reply = w.send(call(&token)).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    assert_eq!(w.records(reply.exchange())[0].caller.as_ref().unwrap().how, "token");
    assert_eq!(w.send(form("/revoke", format!("token={token}"))).await.status, 200);
    assert_eq!(w.send(call(&token)).await.status, 401);
}

#[tokio::test]
async fn the_lgspaccesstoken_header_is_a_credential() {
    let w = World::new().await;
    let json = format!(
        "{{\"AccessKey\":\"{}\",\"SecretKey\":\"{}\",\"AppName\":\"a\",\"PartnerCode\":\"p\",\"PartnerCodeCus\":\"\"}}",
        CLIENT.0, CLIENT.1
    );
    let header = base64::engine::general_purpose::STANDARD.encode(json);
    let r = Request::get("/cong-dan/citizens/7").header("host", "x").header("lgspaccesstoken", header);
    let reply = w.send(r.body(full("")).unwrap()).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    assert!(!w.provider.last().headers.contains_key("lgspaccesstoken"));
}

#[tokio::test]
async fn a_wrong_secret_gets_no_token_and_leaves_an_event() {
    let w = World::new().await;
    let body =
        format!("grant_type=client_credentials&client_id={}&client_secret=wrong-wrong-wrong", CLIENT.0);
    let r = Request::post("/token")
        .header("host", "x")
        .header("content-type", "application/x-www-form-urlencoded");
    let reply = w.send(r.body(full(body)).unwrap()).await;
    assert_eq!((reply.status.as_u16(), reply.json()["error"].as_str()), (401, Some("invalid_client")));
    assert!(reply.header("lgsp-exchange").starts_with("ex_"));
    let events = w.events.drain();
    assert_eq!(events[0].kind, "token.invalid_client");
    assert!(!events[0].detail.contains("wrong-wrong"), "no secret in an event");
}

#[tokio::test]
async fn keys_discovery_and_health_are_open_and_name_an_exchange() {
    let w = World::new().await;
    let get =
        async |target: &str| w.send(Request::get(target).header("host", "x").body(full("")).unwrap()).await;
    assert_eq!(get("/.well-known/jwks.json").await.json()["keys"].as_array().unwrap().len(), 1);
    let discovery = get("/.well-known/oauth-authorization-server").await.json();
    assert_eq!(discovery["token_endpoint"], "http://nen-tang.example/token");
    assert_eq!(get("/health/live").await.status, 200);
    let ready = get("/health/ready").await;
    assert_eq!(ready.status, 200);
    assert!(ready.header("lgsp-exchange").starts_with("ex_"));
    w.gateway.set_readiness(Box::new(|| Err("the store is away".into())));
    let ready = get("/health/ready").await;
    assert_eq!((ready.status.as_u16(), ready.text()), (503, "not ready: the store is away\n".into()));
    let post = w.send(Request::post("/health/ready").header("host", "x").body(full("")).unwrap()).await;
    assert_eq!((post.code().as_str(), post.header("allow")), ("resolve.method", "GET, HEAD"));
}

#[tokio::test]
async fn connect_trace_and_upgrades_are_not_carried_but_javas_offer_of_h2c_is_passed_over() {
    let w = World::new().await;
    for head in [
        "CONNECT cong-dan:443 HTTP/1.1\r\nHost: cong-dan:443\r\n",
        "TRACE /cong-dan/citizens/7 HTTP/1.1\r\nHost: x\r\n",
        "GET /cong-dan/citizens/7 HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n",
    ] {
        let answer = w.raw(format!("{head}apikey: {KEY}\r\n\r\n").as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 501") && answer.contains("receive.method"), "{head}: {answer}");
    }
    let r = request("GET", "/cong-dan/citizens/7")
        .header("connection", "Upgrade, HTTP2-Settings")
        .header("upgrade", "h2c");
    assert_eq!(
        w.send(r.header("http2-settings", "AAMAAABkAAQAAP__").body(full("")).unwrap()).await.status,
        200
    );
    assert!(!w.provider.last().headers.contains_key("upgrade"));
}

#[tokio::test]
async fn a_caller_that_asks_first_is_told_to_continue_or_refused_without_its_body() {
    let w = World::new().await;
    let head = |target: &str| {
        format!(
            "POST {target} HTTP/1.1\r\nHost: x\r\napikey: {KEY}\r\nExpect: 100-continue\r\nContent-Length: 4\r\nConnection: close\r\n\r\n"
        )
    };
    let mut stream = TcpStream::connect(w.address).await.unwrap();
    stream.write_all(head("/cong-dan/do/echo").as_bytes()).await.unwrap();
    let mut first = [0; 25];
    tokio::io::AsyncReadExt::read_exact(&mut stream, &mut first).await.unwrap();
    assert_eq!(&first, b"HTTP/1.1 100 Continue\r\n\r\n");
    stream.write_all(b"body").await.unwrap();
    let rest = read_all(&mut stream, Duration::from_secs(3)).await;
    assert!(rest.starts_with("HTTP/1.1 200") && rest.ends_with("body"), "{rest}");
    assert!(!w.provider.last().headers.contains_key("expect"));

    let answer = w.raw(head("/cong-dan/nowhere").as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 404"), "refused without asking for the body: {answer}");
}

#[tokio::test]
async fn heads_beyond_the_bounds_are_refused_by_name() {
    let w = World::new().await;
    let long = format!("GET /{} HTTP/1.1\r\nHost: x\r\n\r\n", "a".repeat(9000));
    assert!(w.raw(long.as_bytes()).await.contains("receive.target_too_long"));
    let many = format!("GET / HTTP/1.1\r\nHost: x\r\n{}\r\n", "X-A: b\r\n".repeat(150));
    assert!(w.raw(many.as_bytes()).await.contains("receive.head_too_large"));
    let large = format!("GET / HTTP/1.1\r\nHost: x\r\nX-A: {}\r\n\r\n", "b".repeat(70_000));
    let answer = w.raw(large.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 431") && answer.contains("receive.head_too_large"), "{answer}");
    let fits = format!(
        "GET /cong-dan/citizens/7 HTTP/1.1\r\nHost: x\r\napikey: {KEY}\r\nConnection: close\r\nX-A: {}\r\n\r\n",
        "b".repeat(60_000)
    );
    assert!(w.raw(fits.as_bytes()).await.starts_with("HTTP/1.1 200"), "64 KiB of head are allowed");
}

#[tokio::test]
async fn a_head_that_trickles_is_cut_off_in_time() {
    let w = World::new().await;
    let mut stream = TcpStream::connect(w.address).await.unwrap();
    let begun = Instant::now();
    stream.write_all(b"GET /cong-dan/citizens/7 HTTP/1.1\r\nHost: x\r\n").await.unwrap();
    let (mut reader, mut writer) = stream.into_split();
    let trickle = tokio::spawn(async move {
        for _ in 0..100 {
            if writer.write_all(b"X-A: b\r\n").await.is_err() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    });
    let mut answer = String::new();
    let _ = tokio::io::AsyncReadExt::read_to_string(&mut reader, &mut answer).await;
    trickle.abort();
    assert!(answer.starts_with("HTTP/1.1 408") && answer.contains("receive.timeout"), "{answer}");
    assert!(begun.elapsed() < Duration::from_secs(3));
}

#[tokio::test]
async fn a_body_that_pauses_or_trickles_is_refused_in_time() {
    let w = World::new().await;
    let head = format!(
        "POST /cong-dan/do/echo HTTP/1.1\r\nHost: x\r\napikey: {KEY}\r\nContent-Length: 10000\r\n\r\n"
    );
    let answer = w.raw(format!("{head}begin").as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 408") && answer.contains("receive.timeout"), "{answer}");
    let mut stream = TcpStream::connect(w.address).await.unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    let (mut reader, mut writer) = stream.into_split();
    let trickle = tokio::spawn(async move {
        while writer.write_all(b"x").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    });
    let mut answer = String::new();
    let _ = tokio::io::AsyncReadExt::read_to_string(&mut reader, &mut answer).await;
    trickle.abort();
    assert!(answer.starts_with("HTTP/1.1 408"), "a byte each 100 ms never pauses, and is too slow: {answer}");
    assert_eq!(w.provider.count(), 0);
}

#[tokio::test]
async fn a_body_that_ends_early_is_incomplete() {
    let w = World::new().await;
    let mut stream = TcpStream::connect(w.address).await.unwrap();
    let head = format!(
        "POST /cong-dan/do/echo HTTP/1.1\r\nHost: x\r\napikey: {KEY}\r\nContent-Length: 10\r\n\r\nabc"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.shutdown().await.unwrap();
    let answer = read_all(&mut stream, Duration::from_secs(3)).await;
    assert!(answer.is_empty() || answer.contains("validate.incomplete"), "{answer}");
    assert_eq!(w.provider.count(), 0);
}

#[tokio::test]
async fn an_idle_connection_is_closed_but_not_while_it_waits_for_its_answer() {
    let w = Plan::default().configured(|c| c.idle_timeout = Duration::from_millis(200)).begin().await;
    let mut idle = TcpStream::connect(w.address).await.unwrap();
    let begun = Instant::now();
    assert_eq!(read_all(&mut idle, Duration::from_secs(3)).await, "");
    assert!(begun.elapsed() < Duration::from_secs(2));
    let reply = w.post("/cong-dan/do/never", "x").await;
    assert_eq!(reply.code(), "forward.timeout", "1.5 s are more than the idle time");
}
