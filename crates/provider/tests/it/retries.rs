//! What is sent again and what never is.

use crate::harness::{
    OK, Server, assert_failed, failed, get, head, operation, plain, post, providers, read, version,
};
use bytes::Bytes;
use http::Method;
use http_body::Frame;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, StreamBody};
use lgsp_kernel::fault;
use lgsp_provider::{BoxError, OutBody};

/// Answers the first request of the first connection; closes it when the second request has come. Later connections work.
async fn closing_under_us() -> Server {
    Server::start(|mut peer| async move {
        peer.request().await;
        peer.write(OK).await;
        if peer.number == 0 {
            peer.request().await;
            return;
        }
        while peer.request().await.is_some() {
            peer.write(OK).await;
        }
    })
    .await
}

#[tokio::test]
async fn a_read_whose_kept_connection_closes_under_it_is_sent_again() {
    let server = closing_under_us().await;
    let (providers, version) = (providers(), plain(&server.url()));
    read(get(&providers, &version).await.unwrap()).await;
    let sent = get(&providers, &version).await.unwrap();
    assert_eq!(sent.attempts, 2);
    assert_eq!(read(sent).await, (200, "ok".into()));
    assert_eq!((server.connections(), server.requests().len()), (2, 3));
}

#[tokio::test]
async fn a_write_whose_kept_connection_closes_under_it_is_not() {
    let server = closing_under_us().await;
    let (providers, version) = (providers(), plain(&server.url()));
    read(post(&providers, &version).await.unwrap()).await;
    assert_failed(post(&providers, &version).await, &fault::PROVIDER_BROKE_OFF, true);
    assert_eq!((server.connections(), server.requests().len()), (1, 2));
}

#[tokio::test]
async fn a_write_declared_idempotent_is() {
    let server = closing_under_us().await;
    let (providers, version) = (providers(), plain(&server.url()));
    for attempts in [1, 2] {
        let body = OutBody::Full(Bytes::from_static(b"hello"));
        let result = providers.send(&version, &operation(true), head(Method::POST, "/x"), body).await;
        let sent = result.unwrap();
        assert_eq!(sent.attempts, attempts);
        read(sent).await;
    }
    assert!(server.requests().iter().all(|r| r.ends_with("hello")));
}

#[tokio::test]
async fn a_streamed_body_that_was_begun_is_not_sent_again() {
    let server = closing_under_us().await;
    let (providers, version) = (providers(), plain(&server.url()));
    let streamed = || {
        let frames =
            futures_util::stream::iter([Ok::<_, BoxError>(Frame::data(Bytes::from_static(b"part")))]);
        OutBody::Stream(UnsyncBoxBody::new(StreamBody::new(frames)))
    };
    let replace = operation(true);
    let send = || providers.send(&version, &replace, head(Method::PUT, "/x"), streamed());
    read(send().await.unwrap()).await;
    assert_failed(send().await, &fault::PROVIDER_BROKE_OFF, true);
    assert_eq!(server.requests().len(), 2);
}

#[tokio::test]
async fn of_two_targets_one_dead_every_call_reaches_the_other() {
    let dead = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let dead_url = format!("http://{}", dead.local_addr().unwrap());
    drop(dead);
    let server = Server::answering(OK).await;
    let (providers, version) = (providers(), version(&[&dead_url, &server.url()], |_| {}));
    for _ in 0..50 {
        let sent = post(&providers, &version).await.unwrap();
        assert_eq!(&*sent.target, server.url());
        assert_eq!(read(sent).await.0, 200);
    }
    assert_eq!(server.requests().len(), 50, "each write arrived once");
}

#[tokio::test]
async fn the_number_of_attempts_is_bounded() {
    let server = Server::start(|mut peer| async move {
        peer.request().await;
    })
    .await;
    for retries in [0u8, 1, 3] {
        let version = version(&[&server.url()], |v| v.spec.upstream.retries = Some(retries));
        let before = server.requests().len();
        let error = failed(get(&providers(), &version).await);
        assert_eq!(error.attempts, retries + 1);
        assert_eq!(server.requests().len() - before, usize::from(retries) + 1);
    }
}

#[tokio::test]
async fn one_deadline_covers_all_attempts() {
    let server = Server::start(|mut peer| async move {
        peer.request().await;
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    })
    .await;
    let version = version(&[&server.url()], |v| {
        v.spec.upstream.total_timeout_ms = Some(500);
        v.spec.upstream.retries = Some(100);
        v.spec.upstream.breaker_failures = Some(1000);
    });
    let start = std::time::Instant::now();
    assert_failed(get(&providers(), &version).await, &fault::PROVIDER_TIMEOUT, true);
    assert!(start.elapsed().as_millis() < 1_500, "{:?}", start.elapsed());
}

#[tokio::test]
async fn what_an_earlier_attempt_may_have_done_is_not_forgotten() {
    // Given a provider that takes the request, breaks off and is gone when the second attempt comes
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let taken = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        drop(listener);
        let mut buffer = [0; 4096];
        tokio::io::AsyncReadExt::read(&mut stream, &mut buffer).await.unwrap()
    });
    let error = failed(get(&providers(), &plain(&url)).await);
    assert!(taken.await.unwrap() > 0);
    assert_eq!((error.attempts, error.may_have_acted), (2, true));
    assert_eq!(error.refusal.kind.code, fault::PROVIDER_BROKE_OFF.code);
}

#[tokio::test]
async fn an_answer_that_says_unavailable_is_passed_on_and_not_tried_again() {
    let server = Server::answering(b"HTTP/1.1 503 Busy\r\ncontent-length: 0\r\n\r\n").await;
    let sent = get(&providers(), &plain(&server.url())).await.unwrap();
    assert_eq!(read(sent).await.0, 503);
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn bodies_arrive_whole() {
    let server = Server::answering(OK).await;
    let (providers, version) = (providers(), plain(&server.url()));
    read(post(&providers, &version).await.unwrap()).await;
    let request = server.requests().remove(0);
    assert!(request.contains("content-length: 5\r\n") && request.ends_with("\r\n\r\nhello"), "{request}");
    let empty = providers.send(&version, &operation(false), head(Method::POST, "/x"), OutBody::Empty).await;
    assert_eq!(empty.unwrap().response.into_body().collect().await.unwrap().to_bytes(), "ok");
    assert!(server.requests()[1].contains("content-length: 0\r\n"), "{}", server.requests()[1]);
}
