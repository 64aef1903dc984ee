//! A provider that remembers which exchanges have had an effect on it (all but reads), by the `lgsp-exchange` header that the platform passes on.

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;

/// Path and body of each request, in order.
pub type Requests = Vec<(String, String)>;

/// What the provider has seen.
#[derive(Default)]
pub struct Memory {
    /// Exchanges that have had their effect here.
    pub effects: BTreeSet<String>,
    /// Every request.
    pub requests: Requests,
}

/// Shared with the test.
pub type Seen = Arc<Mutex<Memory>>;

/// Starts it; it lives as long as the runtime.
pub async fn start() -> (SocketAddr, Seen) {
    let seen = Seen::default();
    let address = start_at(SocketAddr::from(([127, 0, 0, 1], 0)), seen.clone()).await;
    (address, seen)
}

/// The same at another address, with a memory that exists.
pub async fn start_at(at: SocketAddr, shared: Seen) -> SocketAddr {
    let listener = TcpListener::bind(at).await.expect("a port");
    let address = listener.local_addr().expect("bound");
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let seen = shared.clone();
            tokio::spawn(async move {
                let service = service_fn(move |request| answer(request, seen.clone()));
                // A connection that the killed platform broke off is expected.
                let _ = hyper::server::conn::http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), service)
                    .await;
            });
        }
    });
    address
}

async fn answer(request: Request<Incoming>, seen: Seen) -> Result<Response<Full<Bytes>>, hyper::Error> {
    let reads = request.method() == http::Method::GET;
    let exchange = request.headers().get("lgsp-exchange").and_then(|v| v.to_str().ok()).map(str::to_owned);
    let path = request.uri().path().to_owned();
    let body = request.into_body().collect().await?.to_bytes();
    let (holds, slow) = (path.ends_with("/hold"), path.ends_with("/slow"));
    {
        let mut memory = seen.lock();
        memory.requests.push((path, String::from_utf8_lossy(&body).into_owned()));
        if let Some(exchange) = exchange.filter(|_| !reads) {
            memory.effects.insert(exchange);
        }
    }
    if holds {
        // It has acted, and takes longer than anyone waits.
        std::future::pending::<()>().await;
    }
    if slow {
        tokio::time::sleep(Duration::from_millis(800)).await;
    }
    let mut answer = Response::new(Full::new(body));
    answer.headers_mut().insert("content-type", http::HeaderValue::from_static("text/plain"));
    Ok(answer)
}
