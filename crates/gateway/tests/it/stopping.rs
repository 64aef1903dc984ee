//! Stopping: what has begun is finished, what is new is refused or not accepted.

use crate::client::{full, request, whole};
use crate::world::{KEY, Plan, World, eventually};
use http_body_util::BodyExt as _;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

#[tokio::test]
async fn an_open_stream_is_finished_before_the_server_ends() {
    let mut w = World::new().await;
    let target = "/cong-dan/look/stream?n=30000000";
    let mut answer = w.begin(request("GET", target).body(full("")).unwrap()).await;
    answer.body_mut().frame().await.unwrap().unwrap();
    w.shutdown.begin();
    assert_eq!(w.get_after_stop().await, None, "no new connection is accepted");
    let rest = whole(answer).await.expect("the stream comes to its end");
    assert!(rest.body.len() > 29_000_000);
    assert_eq!(w.serving.take().unwrap().await.unwrap(), 0, "nothing was cut off");
}

#[tokio::test]
async fn a_kept_connection_is_told_to_close_and_idle_ones_are_closed() {
    let mut w = World::new().await;
    let mut idle = TcpStream::connect(w.address).await.unwrap();
    idle.write_all(
        format!("GET /cong-dan/citizens/7 HTTP/1.1\r\nHost: x\r\napikey: {KEY}\r\n\r\n").as_bytes(),
    )
    .await
    .unwrap();
    let mut buf = vec![0; 4096];
    assert!(idle.read(&mut buf).await.unwrap() > 0);
    assert_eq!(w.drain().await, 0);
    assert_eq!(idle.read(&mut buf).await.unwrap_or(0), 0, "closed");
}

#[tokio::test]
async fn a_call_that_comes_while_stopping_on_a_kept_connection_is_refused_by_name() {
    let w = World::new().await;
    let mut sender = w.http2().await;
    let uri = |path: &str| format!("http://{}{path}", w.address);
    let open =
        http::Request::get(uri("/cong-dan/look/endless")).header("apikey", KEY).body(full("")).unwrap();
    let open = sender.send_request(open).await.unwrap();
    // The server's graceful end of HTTP/2 still takes streams that were on their way.
    w.shutdown.begin();
    let next = http::Request::get(uri("/cong-dan/citizens/7")).header("apikey", KEY).body(full("")).unwrap();
    if let Ok(answer) = sender.send_request(next).await {
        assert_eq!(whole(answer).await.unwrap().code(), "receive.draining");
    }
    drop(open);
}

#[tokio::test]
async fn what_does_not_end_within_the_limit_is_cut_off_and_recorded_so() {
    let mut w = Plan::default().configured(|c| c.drain_limit = Duration::from_millis(200)).begin().await;
    let mut answer = w.begin(request("GET", "/cong-dan/look/endless").body(full("")).unwrap()).await;
    let exchange = answer.headers()["lgsp-exchange"].to_str().unwrap().parse().unwrap();
    answer.body_mut().frame().await.unwrap().unwrap();
    assert_eq!(w.drain().await, 1);
    w.ended(exchange, lgsp_kernel::record::Outcome::ConsumerGone).await;
    eventually("nothing is open", || (w.gateway.in_flight() == 0).then_some(())).await;
}

impl World {
    /// The status of a call over a new connection; none if it is not accepted.
    async fn get_after_stop(&self) -> Option<u16> {
        tokio::time::sleep(Duration::from_millis(20)).await;
        let mut stream = TcpStream::connect(self.address).await.ok()?;
        stream.write_all(b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n").await.ok()?;
        let mut buf = vec![0; 64];
        let n = stream.read(&mut buf).await.ok().filter(|n| *n > 0)?;
        String::from_utf8_lossy(&buf[..n]).split(' ').nth(1)?.parse().ok()
    }
}
