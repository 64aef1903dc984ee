//! Providers that speak HTTP/2.

use crate::harness::{Server, assert_failed, get, head, operation, providers, read, version};
use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response};
use http_body::Frame;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use lgsp_kernel::fault;
use lgsp_kernel::model::UpstreamHttp;
use lgsp_kernel::snapshot::Version;
use lgsp_provider::{BoxError, OutBody};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

type Answer = Response<UnsyncBoxBody<Bytes, Infallible>>;

/// Echoes the body, with what the request looked like in headers and a trailer.
async fn echo(request: Request<Incoming>) -> Result<Answer, Infallible> {
    let uri = request.uri().to_string();
    let host = request.headers().contains_key("host").to_string();
    let body = request.into_body().collect().await.map(|b| b.to_bytes()).unwrap_or_default();
    let mut trailers = HeaderMap::new();
    trailers.insert("x-sum", body.len().into());
    let data = (!body.is_empty()).then(|| Ok(Frame::data(body)));
    let frames = data.into_iter().chain([Ok(Frame::trailers(trailers))]);
    let body = UnsyncBoxBody::new(StreamBody::new(futures_util::stream::iter(frames)));
    Ok(Response::builder().header("x-uri", uri).header("x-host", host).body(body).unwrap())
}

async fn serving<F, Fut>(service: F, streams: u32) -> Server
where
    F: Fn(Request<Incoming>) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = Result<Answer, Infallible>> + Send + 'static,
{
    Server::start(move |peer| {
        let service = service.clone();
        async move {
            let _ = hyper::server::conn::http2::Builder::new(TokioExecutor::new())
                .max_concurrent_streams(streams)
                .serve_connection(TokioIo::new(peer.stream), service_fn(service))
                .await;
        }
    })
    .await
}

fn h2(url: &str) -> Arc<Version> {
    version(&[url], |v| v.spec.upstream.http = UpstreamHttp::Http2)
}

#[tokio::test]
async fn requests_bodies_and_trailers_pass() {
    let server = serving(echo, 100).await;
    let (providers, version) = (providers(), h2(&format!("{}/base", server.url())));
    let body = OutBody::Full(Bytes::from_static(b"hello"));
    let sent = providers.send(&version, &operation(false), head(Method::POST, "/x?y=1"), body).await.unwrap();
    assert_eq!(sent.response.headers()["x-uri"], format!("{}/base/x?y=1", server.url()));
    assert_eq!(sent.response.headers()["x-host"], "false");
    let collected = sent.response.into_body().collect().await.unwrap();
    assert_eq!(collected.trailers().unwrap()["x-sum"], "5");
    assert_eq!(collected.to_bytes(), "hello");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_calls_at_once_share_few_connections() {
    let server = serving(echo, 100).await;
    // Without limits that a busy machine could break: this is about connections.
    let patient = version(&[&server.url()], |v| {
        v.spec.upstream.http = UpstreamHttp::Http2;
        v.spec.upstream.connect_timeout_ms = None;
        v.spec.upstream.total_timeout_ms = None;
    });
    let (providers, version) = (Arc::new(providers()), patient);
    let tasks: Vec<_> = (0..300)
        .map(|_| {
            let (providers, version) = (providers.clone(), version.clone());
            tokio::spawn(async move {
                for _ in 0..10 {
                    assert_eq!(read(get(&providers, &version).await.unwrap()).await.0, 200);
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert!((1..=4).contains(&server.connections()), "{}", server.connections());
    assert_eq!(providers.health_states()[0].in_flight, 0);
}

#[tokio::test]
async fn a_call_given_up_resets_its_stream_and_leaves_the_connection_alone() {
    let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
    let slow = move |request: Request<Incoming>| {
        let tell = tell.clone();
        async move {
            if request.uri().path() == "/x" {
                return echo(request).await;
            }
            // Reading the body ends with an error when the stream is reset
            let _ = tell.send(request.into_body().collect().await.is_err());
            std::future::pending().await
        }
    };
    let server = serving(slow, 100).await;
    let (providers, version) = (providers(), h2(&server.url()));
    let frames =
        futures_util::stream::once(async { Ok::<_, BoxError>(Frame::data(Bytes::from_static(b"part"))) });
    let endless = futures_util::StreamExt::chain(frames, futures_util::stream::pending());
    let body = OutBody::Stream(UnsyncBoxBody::new(StreamBody::new(endless)));
    let write = operation(false);
    let call = providers.send(&version, &write, head(Method::PUT, "/hang"), body);
    assert!(tokio::time::timeout(Duration::from_millis(200), call).await.is_err());
    let reset = tokio::time::timeout(Duration::from_secs(5), told.recv()).await.unwrap();
    assert_eq!(reset, Some(true));
    assert_eq!(read(get(&providers, &version).await.unwrap()).await.0, 200);
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn a_provider_that_does_not_speak_it_is_said_to_be_malformed() {
    let server = Server::answering(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n").await;
    let babble = Server::start(|mut peer| async move {
        peer.write(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n").await;
        peer.closed().await;
    })
    .await;
    drop(server);
    assert_failed(get(&providers(), &h2(&babble.url())).await, &fault::ANSWER_MALFORMED, true);
}

#[tokio::test]
async fn a_connection_that_ends_is_replaced() {
    let server = Server::start(|peer| async move {
        let serve = hyper::server::conn::http2::Builder::new(TokioExecutor::new())
            .serve_connection(TokioIo::new(peer.stream), service_fn(echo));
        let mut serve = std::pin::pin!(serve);
        let _ = tokio::time::timeout(Duration::from_millis(100), &mut serve).await;
        serve.as_mut().graceful_shutdown();
        let _ = serve.await;
    })
    .await;
    let (providers, version) = (providers(), h2(&server.url()));
    for _ in 0..40 {
        assert_eq!(read(get(&providers, &version).await.unwrap()).await.0, 200);
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(server.connections() > 1);
}
