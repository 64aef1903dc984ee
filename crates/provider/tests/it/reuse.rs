//! Connections are reused, and only those that can be.

use crate::harness::{OK, Server, get, local, plain, post, providers, read, version};
use http_body_util::BodyExt;
use lgsp_kernel::Clock;
use lgsp_kernel::snapshot::Snapshot;
use lgsp_provider::{ProviderConfig, Providers};
use std::sync::Arc;
use std::time::Duration;

#[tokio::test]
async fn ten_thousand_calls_one_after_the_other_use_one_connection() {
    let server = Server::answering(OK).await;
    let (providers, version) = (providers(), plain(&server.url()));
    for _ in 0..10_000 {
        assert_eq!(read(get(&providers, &version).await.unwrap()).await.0, 200);
    }
    assert_eq!((server.requests().len(), server.connections()), (10_000, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_at_once_use_as_many_connections_as_there_are_calls() {
    let server = Server::answering(OK).await;
    let (providers, version) = (Arc::new(providers()), plain(&server.url()));
    let tasks: Vec<_> = (0..32)
        .map(|_| {
            let (providers, version) = (providers.clone(), version.clone());
            tokio::spawn(async move {
                for _ in 0..200 {
                    assert_eq!(read(post(&providers, &version).await.unwrap()).await, (200, "ok".into()));
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(server.requests().len(), 32 * 200);
    assert!(server.connections() <= 32, "{}", server.connections());
    assert_eq!(providers.health_states()[0].in_flight, 0);
}

#[tokio::test]
async fn a_connection_whose_answer_was_not_read_is_closed() {
    let server = Server::start(|mut peer| async move {
        while peer.request().await.is_some() {
            peer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n").await;
        }
    })
    .await;
    let (providers, version) = (providers(), plain(&server.url()));
    for expected in 1..=3 {
        drop(get(&providers, &version).await.unwrap());
        assert_eq!(server.connections(), expected);
        assert_eq!(providers.health_states()[0].connections, 0);
    }
}

#[tokio::test]
async fn a_call_given_up_closes_its_connection() {
    let (tell, mut told) = tokio::sync::mpsc::channel(1);
    let server = Server::start(move |mut peer| {
        let tell = tell.clone();
        async move {
            peer.request().await;
            peer.closed().await;
            let _ = tell.send(()).await;
        }
    })
    .await;
    let (providers, version) = (providers(), plain(&server.url()));
    let given_up = tokio::time::timeout(Duration::from_millis(100), post(&providers, &version)).await;
    assert!(given_up.is_err());
    told.recv().await.unwrap();
    assert_eq!(providers.health_states()[0].in_flight, 0);
}

#[tokio::test]
async fn what_the_provider_says_about_its_connection_is_heeded() {
    let closing =
        Server::answering(b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok").await;
    let old = Server::start(|mut peer| async move {
        peer.request().await;
        peer.write(b"HTTP/1.0 200 OK\r\n\r\nok").await;
    })
    .await;
    let hurried =
        Server::answering(b"HTTP/1.1 200 OK\r\nkeep-alive: timeout=0\r\ncontent-length: 2\r\n\r\nok").await;
    for server in [&closing, &old, &hurried] {
        let (providers, version) = (providers(), plain(&server.url()));
        for _ in 0..3 {
            assert_eq!(read(get(&providers, &version).await.unwrap()).await, (200, "ok".into()));
        }
        assert_eq!(server.connections(), 3);
    }
}

#[tokio::test]
async fn a_connection_that_the_provider_closed_while_idle_is_not_used() {
    let server = Server::start(|mut peer| async move {
        peer.request().await;
        peer.write(OK).await;
        drop(peer);
    })
    .await;
    let (providers, version) = (providers(), plain(&server.url()));
    for _ in 0..20 {
        assert_eq!(read(post(&providers, &version).await.unwrap()).await.0, 200);
        // The close is on its way; a moment lets it arrive. Without it the call may meet the race that `retries` tests.
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(server.connections(), 20);
}

#[tokio::test]
async fn a_connection_idle_for_too_long_is_not_used() {
    let server = Server::answering(OK).await;
    let config = ProviderConfig { idle_for: Duration::from_millis(50), ..local() };
    let providers = Providers::new(config, Clock::System).unwrap();
    let version = plain(&server.url());
    read(get(&providers, &version).await.unwrap()).await;
    tokio::time::sleep(Duration::from_millis(80)).await;
    read(get(&providers, &version).await.unwrap()).await;
    assert_eq!(server.connections(), 2);
}

#[tokio::test]
async fn answers_without_a_body_free_their_connection_at_once() {
    let server = Server::answering(b"HTTP/1.1 204 No Content\r\n\r\n").await;
    let (providers, version) = (providers(), plain(&server.url()));
    for _ in 0..10 {
        let sent = get(&providers, &version).await.unwrap();
        assert!(http_body::Body::is_end_stream(sent.response.body()));
    }
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn a_version_that_changed_leaves_no_connection_behind() {
    let server = Server::answering(OK).await;
    let (providers, before) = (providers(), plain(&server.url()));
    read(get(&providers, &before).await.unwrap()).await;
    let in_progress = get(&providers, &before).await.unwrap();
    let after = version(&[&server.url()], |v| v.stamp = 2);
    read(get(&providers, &after).await.unwrap()).await;
    assert_eq!(providers.health_states().len(), 2);
    providers.retire_unused(&Snapshot::default());
    assert!(providers.health_states().is_empty());
    let body = in_progress.response.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(body, "ok", "what was in progress goes on");
}
