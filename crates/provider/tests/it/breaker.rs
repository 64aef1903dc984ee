//! Targets that fail are left alone, targets that are down are not called, and no target takes the whole node.

use crate::harness::{OK, Server, assert_failed, failed, get, is_pending, local, plain, post, read, version};
use lgsp_kernel::{Clock, Millis, fault};
use lgsp_provider::{BreakerState, Health, ProviderConfig, Providers};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// A provider that answers 503 while it is ill.
async fn moody() -> (Server, Arc<AtomicBool>) {
    let ill = Arc::new(AtomicBool::new(true));
    let is_ill = ill.clone();
    let server = Server::start(move |mut peer| {
        let is_ill = is_ill.clone();
        async move {
            while peer.request().await.is_some() {
                let answer = if is_ill.load(Ordering::SeqCst) {
                    &b"HTTP/1.1 503 Busy\r\ncontent-length: 0\r\n\r\n"[..]
                } else {
                    OK
                };
                peer.write(answer).await;
            }
        }
    })
    .await;
    (server, ill)
}

#[tokio::test]
async fn a_failing_target_is_left_alone_then_tried_once_then_used_again() {
    let (server, ill) = moody().await;
    let clock = Clock::manual(Millis(0));
    let providers = Providers::new(local(), clock.clone()).unwrap();
    let version = version(&[&server.url()], |v| {
        v.spec.upstream.breaker_failures = Some(3);
        v.spec.upstream.breaker_open_ms = Some(1_000);
    });
    // Given three failures in a row
    for _ in 0..3 {
        assert_eq!(read(get(&providers, &version).await.unwrap()).await.0, 503);
    }
    // Then calls are refused without reaching it
    let error = failed(get(&providers, &version).await);
    assert_eq!(error.refusal.kind.code, fault::CIRCUIT_OPEN.code);
    assert!(error.refusal.detail.contains("tried again in"), "{}", error.refusal.detail);
    assert!(!error.may_have_acted && error.refusal.retry_after.is_some());
    assert_eq!(server.requests().len(), 3);
    assert_eq!(providers.health_states()[0].breaker, BreakerState::Open);
    // When the pause is over, one call tries it, and its failure opens the breaker again
    clock.advance(1_300);
    assert_eq!(read(get(&providers, &version).await.unwrap()).await.0, 503);
    assert_failed(get(&providers, &version).await, &fault::CIRCUIT_OPEN, false);
    assert_eq!(server.requests().len(), 4);
    // When it is well again, the next try closes it
    ill.store(false, Ordering::SeqCst);
    clock.advance(1_300);
    for _ in 0..5 {
        assert_eq!(read(get(&providers, &version).await.unwrap()).await.0, 200);
    }
    assert_eq!(providers.health_states()[0].breaker, BreakerState::Closed);
    assert_eq!(providers.health_states()[0].breaker_opened, 2);
}

#[tokio::test]
async fn only_one_call_tries_a_target_and_giving_it_up_lets_the_next_try() {
    let (server, ill) = moody().await;
    let clock = Clock::manual(Millis(0));
    let providers = Providers::new(local(), clock.clone()).unwrap();
    let fragile = version(&[&server.url()], |v| v.spec.upstream.breaker_failures = Some(1));
    read(get(&providers, &fragile).await.unwrap()).await;
    clock.advance(60_000);
    ill.store(false, Ordering::SeqCst);
    let mut first = Box::pin(get(&providers, &fragile));
    assert!(is_pending(&mut first).await);
    assert_failed(get(&providers, &fragile).await, &fault::CIRCUIT_OPEN, false);
    drop(first);
    assert_eq!(read(get(&providers, &fragile).await.unwrap()).await.0, 200);
}

#[tokio::test]
async fn answers_that_blame_the_request_do_not_count() {
    for answer in [
        &b"HTTP/1.1 400 Bad\r\ncontent-length: 0\r\n\r\n"[..],
        b"HTTP/1.1 404 None\r\ncontent-length: 0\r\n\r\n",
        b"HTTP/1.1 500 Fault\r\ncontent-length: 0\r\n\r\n",
    ] {
        let server = Server::answering(answer).await;
        let fragile = version(&[&server.url()], |v| v.spec.upstream.breaker_failures = Some(1));
        let providers = Providers::new(local(), Clock::System).unwrap();
        for _ in 0..5 {
            read(get(&providers, &fragile).await.unwrap()).await;
        }
        assert_eq!(server.requests().len(), 5);
    }
}

#[tokio::test]
async fn timeouts_and_broken_answers_count() {
    let silent = Server::start(|mut peer| async move {
        peer.request().await;
        peer.closed().await;
    })
    .await;
    let broken = Server::start(|mut peer| async move {
        peer.request().await;
        peer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf").await;
    })
    .await;
    for server in [silent, broken] {
        let fragile = version(&[&server.url()], |v| {
            v.spec.upstream.breaker_failures = Some(2);
            v.spec.upstream.total_timeout_ms = Some(50);
        });
        let providers = Providers::new(local(), Clock::manual(Millis(0))).unwrap();
        for _ in 0..2 {
            if let Ok(sent) = post(&providers, &fragile).await {
                http_body_util::BodyExt::collect(sent.response.into_body()).await.unwrap_err();
            }
        }
        assert_failed(post(&providers, &fragile).await, &fault::CIRCUIT_OPEN, false);
    }
}

#[tokio::test]
async fn with_one_breaker_open_the_other_target_carries_all() {
    let (ill, _) = moody().await;
    let well = Server::answering(OK).await;
    let providers = Providers::new(local(), Clock::manual(Millis(0))).unwrap();
    let both = version(&[&ill.url(), &well.url()], |v| v.spec.upstream.breaker_failures = Some(2));
    for _ in 0..100 {
        read(get(&providers, &both).await.unwrap()).await;
    }
    assert_eq!(ill.requests().len(), 2);
    assert_eq!(well.requests().len(), 98);
}

#[tokio::test]
async fn weights_share_the_load() {
    let (a, b) = (Server::answering(OK).await, Server::answering(OK).await);
    let providers = Providers::new(local(), Clock::System).unwrap();
    let weighted = version(&[&a.url(), &b.url()], |v| {
        v.spec.targets[0].weight = Some(4);
        v.spec.targets[1].weight = Some(1);
    });
    for _ in 0..1000 {
        read(get(&providers, &weighted).await.unwrap()).await;
    }
    // With nothing in progress the heavier of two drawn wins: 1 - (1/5)^2 of the calls.
    assert!((900..1000).contains(&a.requests().len()), "{}", a.requests().len());
    assert!(!b.requests().is_empty());
}

#[tokio::test]
async fn a_target_that_is_down_is_not_called_until_a_check_finds_it_up() {
    let (server, ill) = moody().await;
    let providers = Providers::new(local(), Clock::System).unwrap();
    let checked = version(&[&server.url()], |v| {
        v.spec.upstream.health =
            Some(lgsp_kernel::model::HealthSpec { path: "/health".into(), interval_ms: Some(20) });
    });
    let seen = async |health: Health| {
        while providers.health_states()[0].health != health {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    read(get(&providers, &checked).await.unwrap()).await;
    tokio::time::timeout(Duration::from_secs(10), seen(Health::Down)).await.unwrap();
    assert_failed(get(&providers, &checked).await, &fault::NO_HEALTHY_TARGET, false);
    ill.store(false, Ordering::SeqCst);
    tokio::time::timeout(Duration::from_secs(10), seen(Health::Up)).await.unwrap();
    assert_eq!(read(get(&providers, &checked).await.unwrap()).await.0, 200);
    assert!(server.requests().iter().any(|r| r.starts_with("GET /health HTTP/1.1\r\n")));
    // A retired version is checked no more
    providers.retire_unused(&lgsp_kernel::snapshot::Snapshot::default());
    tokio::time::sleep(Duration::from_millis(60)).await;
    let then = server.requests().len();
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(server.requests().len(), then);
}

#[tokio::test]
async fn a_slow_target_holds_no_more_exchanges_than_allowed() {
    let server = Server::start(|mut peer| async move {
        peer.request().await;
        peer.closed().await;
    })
    .await;
    let config = ProviderConfig { in_flight_max: 2, ..local() };
    let providers = Providers::new(config, Clock::System).unwrap();
    let version = plain(&server.url());
    let (mut a, mut b) = (Box::pin(post(&providers, &version)), Box::pin(post(&providers, &version)));
    assert!(is_pending(&mut a).await && is_pending(&mut b).await);
    let error = failed(post(&providers, &version).await);
    assert_eq!(error.refusal.kind.code, fault::NO_HEALTHY_TARGET.code);
    assert!(!error.may_have_acted && error.refusal.retry_after == Some(1));
    drop((a, b));
    assert_eq!(providers.health_states()[0].in_flight, 0);
}
