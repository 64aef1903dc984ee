//! A caller: whole requests over HTTP/1.1 or HTTP/2, and raw bytes for what no library would send.

use crate::world::{KEY, World};
use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode};
use http_body::Body;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo};
use lgsp_kernel::ExchangeId;
use serde_json::Value;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// An answer, read to its end.
#[derive(Debug)]
pub struct Reply {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
    pub trailers: Option<HeaderMap>,
}

impl Reply {
    pub fn exchange(&self) -> ExchangeId {
        self.header("lgsp-exchange").parse().expect("every answer names its exchange")
    }
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |v| v.to_str().unwrap())
    }
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|e| panic!("not JSON ({e}): {:?}", self.text()))
    }
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
    /// The code of the problem document.
    pub fn code(&self) -> String {
        assert_eq!(self.header("content-type"), "application/problem+json", "{:?}", self.text());
        self.json()["type"].as_str().unwrap().strip_prefix("urn:lgsp:problem:").unwrap().to_owned()
    }
}

/// A request with the key of the system that has grants.
pub fn request(method: &str, target: &str) -> http::request::Builder {
    Request::builder().method(method).uri(target).header("host", "nen-tang").header("apikey", KEY)
}

pub fn full(bytes: impl Into<Bytes>) -> Full<Bytes> {
    Full::new(bytes.into())
}

impl World {
    pub async fn get(&self, target: &str) -> Reply {
        self.send(request("GET", target).body(full("")).unwrap()).await
    }
    pub async fn post(&self, target: &str, body: impl Into<Bytes>) -> Reply {
        self.send(request("POST", target).body(full(body)).unwrap()).await
    }

    /// Sends a request over a connection of its own and reads the whole answer.
    pub async fn send<B>(&self, request: Request<B>) -> Reply
    where
        B: Body<Data = Bytes> + Send + Unpin + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        whole(self.begin(request).await).await.expect("the answer's body comes to its end")
    }

    /// Sends a request and gives back the head of the answer with its open body.
    pub async fn begin<B>(&self, request: Request<B>) -> http::Response<Incoming>
    where
        B: Body<Data = Bytes> + Send + Unpin + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let stream = TcpStream::connect(self.address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(async move {
            let _ = connection.await;
        });
        let sent = tokio::time::timeout(Duration::from_secs(20), sender.send_request(request));
        sent.await.expect("an answer in time").expect("an answer")
    }

    pub async fn http2<B>(&self) -> hyper::client::conn::http2::SendRequest<B>
    where
        B: Body<Data = Bytes> + Send + Unpin + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let stream = TcpStream::connect(self.address).await.unwrap();
        let (sender, connection) =
            hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
        tokio::spawn(async move {
            let _ = connection.await;
        });
        sender
    }

    /// Writes bytes and reads until the peer closes, or three seconds have passed.
    pub async fn raw(&self, bytes: &[u8]) -> String {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let _ = stream.write_all(bytes).await;
        read_all(&mut stream, Duration::from_secs(3)).await
    }
}

/// Everything a peer sends until it closes.
pub async fn read_all(stream: &mut TcpStream, limit: Duration) -> String {
    let mut all = Vec::new();
    let _ = tokio::time::timeout(limit, stream.read_to_end(&mut all)).await;
    String::from_utf8_lossy(&all).into_owned()
}

/// Reads an answer to its end.
pub async fn whole(response: http::Response<Incoming>) -> Result<Reply, hyper::Error> {
    let (head, body) = response.into_parts();
    let collected = body.collect().await?;
    let trailers = collected.trailers().cloned();
    Ok(Reply { status: head.status, headers: head.headers, body: collected.to_bytes(), trailers })
}
