//! A provider: answers as the path asks, remembers what it was sent, and can be made to misbehave on a raw socket.

use crate::world::pattern;
use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body::{Body as _, Frame};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::body::Incoming;
use hyper_util::rt::{TokioIo, TokioTimer};
use parking_lot::Mutex;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

/// A request as the provider saw it.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    pub method: String,
    pub target: String,
    pub headers: HeaderMap,
    pub body: Bytes,
    pub trailers: Option<HeaderMap>,
    /// Whether the body came to its end.
    pub whole: bool,
}

#[derive(Clone)]
pub struct Provider {
    pub address: SocketAddr,
    pub seen: Arc<Mutex<Vec<Seen>>>,
    /// Requests whose exchange was given up while the provider was still at it.
    pub given_up: Arc<AtomicUsize>,
    /// Heads that have arrived.
    pub begun: Arc<AtomicUsize>,
}

type Answer = Response<UnsyncBoxBody<Bytes, std::io::Error>>;

struct GivenUp(Arc<AtomicUsize>, bool);
impl Drop for GivenUp {
    fn drop(&mut self) {
        if !self.1 {
            self.0.fetch_add(1, SeqCst);
        }
    }
}

impl Provider {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let provider = Self {
            address: listener.local_addr().unwrap(),
            seen: Arc::default(),
            given_up: Arc::default(),
            begun: Arc::default(),
        };
        let this = provider.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                stream.set_nodelay(true).unwrap();
                let this = this.clone();
                let answer = hyper::service::service_fn(move |r| {
                    let this = this.clone();
                    async move { Ok::<_, Infallible>(this.answer(r).await) }
                });
                let serving = hyper::server::conn::http1::Builder::new()
                    .timer(TokioTimer::new())
                    .serve_connection(TokioIo::new(stream), answer);
                tokio::spawn(async move {
                    let _ = serving.await;
                });
            }
        });
        provider
    }

    pub fn last(&self) -> Seen {
        self.seen.lock().last().cloned().expect("the provider has seen a request")
    }
    pub fn count(&self) -> usize {
        self.seen.lock().len()
    }

    async fn answer(&self, request: Request<Incoming>) -> Answer {
        self.begun.fetch_add(1, SeqCst);
        let mut guard = GivenUp(self.given_up.clone(), false);
        let (head, mut body) = request.into_parts();
        let (method, target) = (head.method.to_string(), head.uri.to_string());
        let mut seen = Seen { method, target, headers: head.headers, ..Seen::default() };
        let path = head.uri.path().to_owned();
        let discard = path.ends_with("/count");
        let (mut data, mut count) = (Vec::new(), 0u64);
        seen.whole = loop {
            match body.frame().await {
                None => break true,
                Some(Err(_)) => break false,
                Some(Ok(frame)) => {
                    if let Some(d) = frame.data_ref() {
                        count += d.len() as u64;
                        if !discard {
                            data.extend_from_slice(d);
                        }
                    } else {
                        seen.trailers = frame.into_trailers().ok();
                    }
                }
            }
        };
        seen.body = data.into();
        let echoed = seen.body.clone();
        self.seen.lock().push(seen);
        let number = head
            .uri
            .query()
            .and_then(|q| q.strip_prefix("n="))
            .and_then(|n| n.parse().ok())
            .unwrap_or(0usize);
        let answer = if path.ends_with("/never") {
            std::future::pending::<()>().await;
            unreachable!()
        } else if path.ends_with("/count") {
            whole(200, count.to_string())
        } else if path.ends_with("/echo") {
            whole(200, echoed)
        } else if path.ends_with("/bytes") {
            whole(200, pattern(number))
        } else if path.ends_with("/stream") {
            stream(number, None, Duration::ZERO)
        } else if path.ends_with("/endless") {
            stream(usize::MAX, None, Duration::from_millis(5))
        } else if path.ends_with("/broken") {
            stream(20_000_000, Some("broken"), Duration::ZERO)
        } else if path.ends_with("/trailers") {
            trailers()
        } else if path.ends_with("/redirect") {
            let mut r = whole(302, "");
            r.headers_mut().insert("location", "http://elsewhere.example/".parse().unwrap());
            r
        } else if path.ends_with("/error") {
            whole(500, "the provider's own error")
        } else if path.ends_with("/headers") {
            let mut r = whole(200, "ok");
            r.headers_mut().insert("lgsp-exchange", "ex_forged".parse().unwrap());
            r.headers_mut().insert("x-own", "kept".parse().unwrap());
            r.headers_mut().insert("keep-alive", "timeout=9".parse().unwrap());
            r
        } else {
            let mut r = whole(200, format!("{{\"saw\":\"{}\"}}", path));
            r.headers_mut().insert("content-type", "application/json".parse().unwrap());
            r
        };
        guard.1 = true;
        answer
    }
}

fn whole(status: u16, body: impl Into<Bytes>) -> Answer {
    let body = Full::new(body.into()).map_err(|never| match never {}).boxed_unsync();
    Response::builder().status(status).body(body).unwrap()
}

/// So many bytes of unknown length, in pieces.
fn stream(n: usize, error: Option<&'static str>, pause: Duration) -> Answer {
    let piece = pattern(16 << 10);
    let pieces = futures_util::stream::unfold((0usize, false), move |(at, failed)| {
        let piece = piece.clone();
        async move {
            if at >= n {
                return match error {
                    Some(e) if !failed => Some((Err(std::io::Error::other(e)), (at, true))),
                    _ => None,
                };
            }
            if !pause.is_zero() {
                tokio::time::sleep(pause).await;
            }
            let take = piece.len().min(n - at);
            Some((Ok(Frame::data(piece.slice(..take))), (at + take, failed)))
        }
    });
    Response::new(StreamBody::new(pieces).boxed_unsync())
}

fn trailers() -> Answer {
    let mut t = HeaderMap::new();
    t.insert("x-sum", "42".parse().unwrap());
    let frames = [Ok(Frame::data(Bytes::from_static(b"body"))), Ok(Frame::trailers(t))];
    let mut r = Response::new(StreamBody::new(futures_util::stream::iter(frames)).boxed_unsync());
    r.headers_mut().insert("trailer", "x-sum".parse().unwrap());
    r
}

/// A provider that reads a head and then writes these bytes, whatever they are, and closes or holds the connection.
pub async fn raw(answer: &'static [u8], hold: bool) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut buf = vec![0; 64 << 10];
                let _ = stream.read(&mut buf).await;
                let _ = stream.write_all(answer).await;
                if hold {
                    std::future::pending::<()>().await;
                }
                let _ = stream.shutdown().await;
                while stream.read(&mut buf).await.is_ok_and(|n| n > 0) {}
            });
        }
    });
    format!("http://{address}")
}

/// A provider that writes this head and then a byte every 20 milliseconds.
pub async fn trickle(head: &'static [u8]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let _ = stream.read(&mut vec![0; 64 << 10]).await;
                let _ = stream.write_all(head).await;
                while stream.write_all(b"x").await.is_ok() {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            });
        }
    });
    format!("http://{address}")
}

/// How many bytes of a body have been taken, without an end.
pub async fn drain(mut body: Incoming) -> Result<u64, hyper::Error> {
    let mut n = 0;
    while let Some(frame) = std::future::poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
        n += frame?.data_ref().map_or(0, |d| d.len() as u64);
    }
    Ok(n)
}
