//! HTTP/2 with prior knowledge: the same calls, and the floods it makes possible.

use crate::client::{full, whole};
use crate::world::{KEY, Plan, World, eventually};
use http::{Request, Version};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

fn request(w: &World, method: &str, path: &str) -> http::request::Builder {
    Request::builder()
        .method(method)
        .version(Version::HTTP_2)
        .uri(format!("http://{}{path}", w.address))
        .header("apikey", KEY)
}

#[tokio::test]
async fn calls_share_one_connection() {
    let w = World::new().await;
    let sender = w.http2().await;
    let calls = (0..50).map(|i| {
        let r = request(&w, "POST", "/cong-dan/1.0/do/echo").body(full(format!("body {i}"))).unwrap();
        let mut sender = sender.clone();
        async move { whole(sender.send_request(r).await.unwrap()).await.unwrap().text() }
    });
    let answers = futures_util::future::join_all(calls).await;
    assert!(answers.iter().enumerate().all(|(i, a)| *a == format!("body {i}")));
}

#[tokio::test]
async fn refusals_are_the_same_documents() {
    let w = World::new().await;
    let mut sender = w.http2().await;
    for (path, code) in [("/cong-dan/1.0/a/../b", "receive.path"), ("/khong-co/x", "resolve.service")] {
        let reply =
            whole(sender.send_request(request(&w, "GET", path).body(full("")).unwrap()).await.unwrap())
                .await
                .unwrap();
        assert_eq!(reply.code(), code);
        assert!(!reply.headers.contains_key("connection"));
    }
    let r = request(&w, "GET", "/cong-dan/citizens/7").header("host", "other");
    let reply = whole(sender.send_request(r.body(full("")).unwrap()).await.unwrap()).await.unwrap();
    assert_eq!(reply.code(), "receive.malformed");
    let long = format!("/cong-dan/{}", "a".repeat(9000));
    let reply = whole(sender.send_request(request(&w, "GET", &long).body(full("")).unwrap()).await.unwrap())
        .await
        .unwrap();
    assert_eq!(reply.code(), "receive.target_too_long");
}

#[tokio::test]
async fn trailers_and_large_answers_pass() {
    let w = World::new().await;
    let mut sender = w.http2().await;
    let reply = whole(
        sender
            .send_request(request(&w, "GET", "/cong-dan/look/stream?n=3000000").body(full("")).unwrap())
            .await
            .unwrap(),
    );
    assert_eq!(reply.await.unwrap().body.len(), 3_000_000);
    let r = request(&w, "GET", "/cong-dan/look/trailers").header("te", "trailers");
    let reply = whole(sender.send_request(r.body(full("")).unwrap()).await.unwrap()).await.unwrap();
    assert_eq!(reply.trailers.unwrap()["x-sum"], "42");
}

/// A frame of HTTP/2.
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut out = (payload.len() as u32).to_be_bytes()[1..].to_vec();
    out.extend([kind, flags]);
    out.extend(stream.to_be_bytes());
    out.extend(payload);
    out
}

async fn preface(w: &World) -> TcpStream {
    let mut stream = TcpStream::connect(w.address).await.unwrap();
    stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await.unwrap();
    stream.write_all(&frame(4, 0, 0, &[])).await.unwrap();
    stream
}

/// Whether the peer gave up the connection within so long.
async fn cut_off(mut stream: TcpStream, mut flood: impl FnMut(u32) -> Vec<u8>) -> bool {
    let (mut reader, mut writer) = stream.split();
    let reading = async {
        let mut buf = vec![0; 16 << 10];
        while reader.read(&mut buf).await.is_ok_and(|n| n > 0) {}
    };
    let writing = async {
        for i in 0..200_000u32 {
            if writer.write_all(&flood(i)).await.is_err() {
                return;
            }
        }
        std::future::pending::<()>().await;
    };
    let both = async {
        tokio::select! { () = reading => {}, () = writing => {} }
    };
    tokio::time::timeout(Duration::from_secs(20), both).await.is_ok()
}

/// HPACK of a GET for a path that needs the provider, with the API key.
fn head() -> Vec<u8> {
    let mut h = vec![0x82, 0x86, 0x44, 23];
    h.extend(b"/cong-dan/look/endless1");
    h.extend([0x41, 1, b'x', 0x40, 6]);
    h.extend(b"apikey");
    h.push(KEY.len() as u8);
    h.extend(KEY.as_bytes());
    h
}

#[tokio::test]
async fn rapid_reset_is_cut_off_and_the_platform_goes_on() {
    let w = World::new().await;
    let stream = preface(&w).await;
    let head = head();
    let flood = |i: u32| {
        let id = 2 * i + 1;
        [frame(1, 0x5, id, &head), frame(3, 0, id, &8u32.to_be_bytes())].concat()
    };
    assert!(cut_off(stream, flood).await, "a peer that opens and resets streams without end must be cut off");
    assert_eq!(w.get("/cong-dan/citizens/7").await.status, 200);
    eventually("nothing of it stays open", || (w.gateway.in_flight() == 0).then_some(())).await;
}

#[tokio::test]
async fn a_continuation_flood_is_cut_off() {
    let w = World::new().await;
    let stream = preface(&w).await;
    let head = head();
    // A literal header line each, never the end of the head.
    let line = [&[0x00u8, 3][..], b"x-a", &[100], &[b'b'; 100]].concat();
    let flood = |i: u32| if i == 0 { frame(1, 0x1, 1, &head) } else { frame(9, 0, 1, &line.repeat(10)) };
    assert!(cut_off(stream, flood).await, "a head without end must be cut off");
    assert_eq!(w.get("/cong-dan/citizens/7").await.status, 200);
}

#[tokio::test]
async fn floods_of_settings_and_pings_do_not_stop_others() {
    let w = World::new().await;
    let stream = preface(&w).await;
    let flood = tokio::spawn(cut_off(stream, |_| [frame(4, 0, 0, &[]), frame(6, 0, 0, &[0; 8])].concat()));
    for _ in 0..5 {
        assert_eq!(w.get("/cong-dan/citizens/7").await.status, 200);
    }
    flood.abort();
}

#[tokio::test]
async fn more_header_lines_than_allowed_are_refused() {
    let w = Plan::default().configured(|c| c.headers_max = 20).begin().await;
    let mut sender = w.http2().await;
    let mut r = request(&w, "GET", "/cong-dan/citizens/7");
    for i in 0..30 {
        r = r.header(format!("x-{i}"), "a");
    }
    let reply = whole(sender.send_request(r.body(full("")).unwrap()).await.unwrap()).await.unwrap();
    assert_eq!(reply.code(), "receive.head_too_large");
}

#[tokio::test]
async fn a_consumer_that_opens_no_window_is_let_go_stream_by_stream() {
    let w = Plan::default().configured(|c| c.write_timeout = Duration::from_millis(300)).begin().await;
    let stream = TcpStream::connect(w.address).await.unwrap();
    let (mut sender, connection) =
        hyper::client::conn::http2::Builder::new(hyper_util::rt::TokioExecutor::new())
            .initial_stream_window_size(0)
            .handshake(hyper_util::rt::TokioIo::new(stream))
            .await
            .unwrap();
    tokio::spawn(connection);
    let mut answers = Vec::new();
    for path in ["/cong-dan/look/stream?n=1000000", "/cong-dan/citizens/7"] {
        let r = request(&w, "GET", path).body(full("")).unwrap();
        answers.push(sender.send_request(r).await.unwrap());
    }
    let exchange = answers[0].headers()["lgsp-exchange"].to_str().unwrap().parse().unwrap();
    w.ended(exchange, lgsp_kernel::record::Outcome::ConsumerGone).await;
    eventually("their places are free", || (w.gateway.in_flight() == 0).then_some(())).await;
    assert!(!sender.is_closed(), "the connection itself goes on");
    drop(answers);
}

#[tokio::test]
async fn a_slow_consumer_that_takes_something_now_and_then_is_not_let_go() {
    let w = Plan::default().configured(|c| c.write_timeout = Duration::from_millis(400)).begin().await;
    let mut sender = w.http2().await;
    let r = request(&w, "GET", "/cong-dan/look/stream?n=1000000").body(full("")).unwrap();
    let mut body = sender.send_request(r).await.unwrap().into_body();
    let mut taken = 0;
    let began = std::time::Instant::now();
    while let Some(frame) = http_body_util::BodyExt::frame(&mut body).await {
        taken += frame.unwrap().into_data().map_or(0, |d| d.len());
        if began.elapsed() < Duration::from_millis(1000) {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
    assert_eq!(taken, 1_000_000);
}

#[tokio::test]
async fn a_connection_on_which_nothing_is_asked_is_closed_whatever_it_pings() {
    let w = Plan::default().configured(|c| c.idle_timeout = Duration::from_millis(200)).begin().await;
    let mut sender = w.http2().await;
    let r = request(&w, "GET", "/cong-dan/citizens/7").body(full("")).unwrap();
    assert_eq!(whole(sender.send_request(r).await.unwrap()).await.unwrap().status, 200);
    eventually("it is closed", || sender.is_closed().then_some(())).await;
}
