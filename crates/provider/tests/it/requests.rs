//! What the provider sees of a request, and how a streamed one goes.

use crate::harness::{OK, Server, assert_failed, failed, head, operation, plain, providers, read, version};
use bytes::Bytes;
use http::{HeaderMap, Method, Version};
use http_body::Frame;
use http_body_util::StreamBody;
use http_body_util::combinators::UnsyncBoxBody;
use lgsp_kernel::snapshot::OpenAuth;
use lgsp_kernel::{Clock, Millis, Refusal, Secret, fault};
use lgsp_provider::{BoxError, OutBody, OutHead, Providers};
use std::time::Duration;
use tokio::sync::mpsc;

/// A streamed body and the hand that feeds it.
fn streamed() -> (mpsc::Sender<Result<Frame<Bytes>, BoxError>>, OutBody) {
    let (feed, mut fed) = mpsc::channel(1);
    let frames = futures_util::stream::poll_fn(move |cx| fed.poll_recv(cx));
    (feed, OutBody::Stream(UnsyncBoxBody::new(StreamBody::new(frames))))
}

#[tokio::test]
async fn the_provider_sees_its_own_host_its_credential_and_nothing_of_the_consumers() {
    let server = Server::answering(OK).await;
    let at = Millis(1_700_000_000_123);
    let providers = Providers::new(crate::harness::local(), Clock::manual(at)).unwrap();
    let version = version(&[&format!("{}/base/", server.url())], |v| {
        v.auth = OpenAuth::TimestampHash {
            user: "canbo".into(),
            secret: Secret::new("bi-mat"),
            auth_url: "http://auth".into(),
        };
    });
    let mut received = HeaderMap::new();
    for (name, value) in [
        ("authorization", "Bearer consumer"),
        ("apikey", "consumer"),
        ("lgspaccesstoken", "consumer"),
        ("host", "platform"),
        ("connection", "x-secret"),
        ("x-secret", "consumer"),
        ("accept", "application/json"),
    ] {
        received.insert(name, value.parse().unwrap());
    }
    let head = OutHead::new(Method::GET, "/a%20b?q=%2F&&x", received, Version::HTTP_11);
    read(providers.send(&version, &operation(true), head, OutBody::Empty).await.unwrap()).await;
    let request = server.requests().remove(0);
    assert!(request.starts_with("GET /base/a%20b?q=%2F&&x HTTP/1.1\r\n"), "{request}");
    assert!(request.contains(&format!("host: {}\r\n", server.address)), "{request}");
    assert!(request.contains("timestamp: 1700000000123\r\n"), "{request}");
    assert!(request.contains("authorization: Basic Y2FuYm86"), "{request}");
    assert!(
        request.contains("accept: application/json\r\n") && request.contains("via: 1.1 lgsp\r\n"),
        "{request}"
    );
    assert!(!request.contains("consumer") && !request.contains("platform"), "{request}");
}

#[tokio::test]
async fn a_streamed_body_reaches_the_provider_as_it_comes() {
    let server = Server::answering(OK).await;
    let (feed, body) = streamed();
    let feeding = tokio::spawn(async move {
        for part in ["one ", "two ", "three"] {
            feed.send(Ok(Frame::data(part.into()))).await.unwrap();
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    });
    let (providers, version) = (providers(), plain(&server.url()));
    let sent = providers.send(&version, &operation(false), head(Method::PUT, "/"), body).await;
    assert_eq!(read(sent.unwrap()).await, (200, "ok".into()));
    feeding.await.unwrap();
    let request = server.requests().remove(0);
    assert!(request.contains("transfer-encoding: chunked"), "{request}");
    assert!(request.contains("one ") && request.contains("three"), "{request}");
    assert_eq!(providers.health_states()[0].connections, 1, "the connection is kept");
}

#[tokio::test]
async fn an_announced_length_is_kept_for_a_streamed_body() {
    let server = Server::answering(OK).await;
    let (feed, body) = streamed();
    let feeding = tokio::spawn(async move { feed.send(Ok(Frame::data("12345".into()))).await });
    let mut head = head(Method::PUT, "/");
    head.headers_mut().insert("content-length", "5".parse().unwrap());
    let (providers, version) = (providers(), plain(&server.url()));
    read(providers.send(&version, &operation(false), head, body).await.unwrap()).await;
    feeding.await.unwrap().unwrap();
    assert!(server.requests()[0].contains("content-length: 5\r\n"), "{}", server.requests()[0]);
    assert!(!server.requests()[0].contains("chunked"));
}

#[tokio::test]
async fn a_long_upload_is_not_a_late_answer() {
    let server = Server::answering(OK).await;
    let (feed, body) = streamed();
    let feeding = tokio::spawn(async move {
        for _ in 0..8 {
            tokio::time::sleep(Duration::from_millis(80)).await;
            feed.send(Ok(Frame::data("part".into()))).await.unwrap();
        }
    });
    let version = version(&[&server.url()], |v| v.spec.upstream.total_timeout_ms = Some(300));
    let sent = providers().send(&version, &operation(false), head(Method::PUT, "/"), body).await;
    assert_eq!(read(sent.unwrap()).await.0, 200);
    feeding.await.unwrap();
}

#[tokio::test]
async fn a_consumer_that_stops_sending_is_blamed_and_not_the_provider() {
    let server = Server::answering(OK).await;
    let version = version(&[&server.url()], |v| v.spec.upstream.total_timeout_ms = Some(150));
    let (feed, body) = streamed();
    feed.send(Ok(Frame::data("part".into()))).await.unwrap();
    let result = providers().send(&version, &operation(false), head(Method::PUT, "/"), body).await;
    assert_failed(result, &fault::REQUEST_TIMEOUT, true);
    drop(feed);
}

#[tokio::test]
async fn a_body_that_breaks_off_breaks_the_request_off_and_says_why() {
    let (tell, mut told) = mpsc::channel(2);
    let server = Server::start(move |mut peer| {
        let tell = tell.clone();
        async move { tell.send(peer.request().await).await.unwrap() }
    })
    .await;
    let (providers, version) = (providers(), plain(&server.url()));
    let too_large: BoxError = Box::new(Refusal::new(&fault::BODY_TOO_LARGE, "more than 4"));
    for (why, expected) in
        [("reset".into(), fault::BODY_INCOMPLETE.code), (too_large, fault::BODY_TOO_LARGE.code)]
    {
        let (feed, body) = streamed();
        feed.send(Ok(Frame::data("part".into()))).await.unwrap();
        let feeding = tokio::spawn(async move {
            feed.send(Err(why)).await.unwrap();
        });
        let error = failed(providers.send(&version, &operation(false), head(Method::PUT, "/"), body).await);
        feeding.await.unwrap();
        assert_eq!(error.refusal.kind.code, expected);
        assert_eq!(told.recv().await.unwrap(), None, "no whole request arrived");
    }
}

#[tokio::test]
async fn an_early_answer_to_an_unfinished_upload_is_passed_on_and_its_connection_not_reused() {
    let server = Server::start(|mut peer| async move {
        peer.stream.readable().await.unwrap();
        peer.write(b"HTTP/1.1 413 Too Large\r\ncontent-length: 2\r\n\r\nno").await;
        peer.closed().await;
    })
    .await;
    let (feed, body) = streamed();
    feed.send(Ok(Frame::data("part".into()))).await.unwrap();
    let (providers, version) = (providers(), plain(&server.url()));
    let sent = providers.send(&version, &operation(false), head(Method::PUT, "/"), body).await.unwrap();
    assert_eq!(read(sent).await, (413, "no".into()));
    assert_eq!(providers.health_states()[0].connections, 0);
    drop(feed);
}

#[tokio::test]
async fn a_read_with_a_streamed_body_keeps_it() {
    let server = Server::answering(OK).await;
    let (feed, body) = streamed();
    let feeding = tokio::spawn(async move { feed.send(Ok(Frame::data("query".into()))).await });
    let (providers, version) = (providers(), plain(&server.url()));
    read(providers.send(&version, &operation(true), head(Method::GET, "/"), body).await.unwrap()).await;
    feeding.await.unwrap().unwrap();
    assert!(server.requests()[0].contains("query"), "{}", server.requests()[0]);
}
