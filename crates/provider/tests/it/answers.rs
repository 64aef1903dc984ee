//! What the consumer gets of an answer.

use crate::harness::{Server, assert_failed, get, head, operation, plain, providers, read, version};
use http::Method;
use http_body_util::BodyExt;
use lgsp_kernel::fault;
use lgsp_provider::{AnswerError, OutBody};
use std::time::Duration;

#[tokio::test]
async fn trailers_pass_through() {
    let server = Server::answering(
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntrailer: x-sum\r\n\r\n4\r\nbody\r\n0\r\nx-sum: 7\r\n\r\n",
    )
    .await;
    let (providers, version) = (providers(), plain(&server.url()));
    for _ in 0..3 {
        let sent = get(&providers, &version).await.unwrap();
        assert_eq!(sent.response.headers()["trailer"], "x-sum");
        assert!(!sent.response.headers().contains_key("transfer-encoding"));
        let collected = sent.response.into_body().collect().await.unwrap();
        assert_eq!(collected.trailers().unwrap()["x-sum"], "7");
        assert_eq!(collected.to_bytes(), "body");
    }
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn not_modified_passes_and_so_does_created_with_a_location() {
    let server = Server::start(|mut peer| async move {
        peer.request().await;
        peer.write(b"HTTP/1.1 304 Not Modified\r\nlocation: /x\r\netag: \"1\"\r\ncontent-length: 99\r\n\r\n")
            .await;
        peer.request().await;
        peer.write(b"HTTP/1.1 201 Created\r\nlocation: /things/1\r\ncontent-length: 0\r\n\r\n").await;
    })
    .await;
    let (providers, version) = (providers(), plain(&server.url()));
    assert_eq!(read(get(&providers, &version).await.unwrap()).await, (304, "".into()));
    let created = get(&providers, &version).await.unwrap();
    assert_eq!(created.response.headers()["location"], "/things/1");
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn a_head_request_has_a_length_and_no_body() {
    let server = Server::answering(b"HTTP/1.1 200 OK\r\ncontent-length: 99999999999\r\n\r\n").await;
    let (providers, version) = (providers(), plain(&server.url()));
    for _ in 0..2 {
        let sent = providers
            .send(&version, &operation(true), head(Method::HEAD, "/"), OutBody::Empty)
            .await
            .unwrap();
        assert_eq!(sent.response.headers()["content-length"], "99999999999");
        assert_eq!(read(sent).await, (200, "".into()));
    }
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn a_head_with_two_readings_is_no_answer() {
    for answer in [
        &b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
            [..],
        b"HTTP/1.1 999 Odd\r\ncontent-length: 0\r\n\r\n",
    ] {
        let server = Server::answering(answer).await;
        assert_failed(get(&providers(), &plain(&server.url())).await, &fault::ANSWER_MALFORMED, true);
    }
}

#[tokio::test]
async fn an_answer_that_trickles_is_given_up_and_one_that_comes_slowly_but_steadily_is_not() {
    for (piece, fine) in [(1, false), (1000, true)] {
        let server = Server::start(move |mut peer| async move {
            peer.request().await;
            peer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").await;
            for _ in 0..30 {
                peer.write(format!("{piece:x}\r\n{}\r\n", "x".repeat(piece)).as_bytes()).await;
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            peer.write(b"0\r\n\r\n").await;
        })
        .await;
        let version = version(&[&server.url()], |v| v.spec.upstream.total_timeout_ms = Some(200));
        let body = get(&providers(), &version).await.unwrap().response.into_body().collect().await;
        match body {
            Ok(body) => assert!(fine && body.to_bytes().len() == 30 * piece, "{piece}"),
            Err(error) => assert!(!fine && matches!(error, AnswerError::Slow(_)), "{piece}: {error}"),
        }
    }
}

#[tokio::test]
async fn interim_answers_are_not_the_answer() {
    let server = Server::answering(
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok",
    )
    .await;
    let sent = get(&providers(), &plain(&server.url())).await.unwrap();
    assert_eq!(read(sent).await, (200, "ok".into()));
}

#[tokio::test]
async fn a_large_answer_arrives_whole_and_its_connection_is_kept() {
    const SIZE: usize = 20 << 20;
    let server = Server::start(|mut peer| async move {
        while peer.request().await.is_some() {
            peer.write(format!("HTTP/1.1 200 OK\r\ncontent-length: {SIZE}\r\n\r\n").as_bytes()).await;
            peer.write(&vec![b'x'; SIZE]).await;
        }
    })
    .await;
    let (providers, version) = (providers(), plain(&server.url()));
    for _ in 0..2 {
        let mut body = get(&providers, &version).await.unwrap().response.into_body();
        let mut length = 0;
        while let Some(frame) = body.frame().await {
            length += frame.unwrap().into_data().unwrap().len();
        }
        assert_eq!(length, SIZE);
    }
    assert_eq!(server.connections(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_chunked_answers_at_once_arrive_whole() {
    let server = Server::start(|mut peer| async move {
        while peer.request().await.is_some() {
            peer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").await;
            for i in 0..200usize {
                let chunk = vec![b'x'; 1 + i * 37 % 5000];
                peer.write(format!("{:x}\r\n", chunk.len()).as_bytes()).await;
                peer.write(&chunk).await;
                peer.write(b"\r\n").await;
            }
            peer.write(b"0\r\n\r\n").await;
        }
    })
    .await;
    let expected: usize = (0..200usize).map(|i| 1 + i * 37 % 5000).sum();
    let (providers, version) = (std::sync::Arc::new(providers()), plain(&server.url()));
    let tasks: Vec<_> = (0..16)
        .map(|_| {
            let (providers, version) = (providers.clone(), version.clone());
            tokio::spawn(async move {
                for _ in 0..10 {
                    assert_eq!(read(get(&providers, &version).await.unwrap()).await.1.len(), expected);
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert!(server.connections() <= 16, "{}", server.connections());
}
