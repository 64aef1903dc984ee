//! Providers made by hand: TCP servers that answer exactly these bytes, and count what reaches them.

use bytes::Bytes;
use http::{HeaderMap, Method, Version as HttpVersion};
use http_body_util::BodyExt;
use lgsp_kernel::fault::RefusalKind;
use lgsp_kernel::model::{Lifecycle, OperationSpec, ProviderAuth, TargetSpec, UpstreamSpec, VersionSpec};
use lgsp_kernel::snapshot::{OpenAuth, Operation, Version};
use lgsp_kernel::{Clock, VersionLabel};
use lgsp_provider::{OutBody, OutHead, ProviderConfig, Providers, SendError, Sent};
use parking_lot::Mutex;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

pub const OK: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

/// A provider whose connections are handled by a function.
pub struct Server {
    pub address: SocketAddr,
    pub connections: Arc<AtomicUsize>,
    pub requests: Arc<Mutex<Vec<String>>>,
}

/// One connection to it.
pub struct Peer {
    pub stream: TcpStream,
    /// Which one it is, from 0.
    pub number: usize,
    requests: Arc<Mutex<Vec<String>>>,
    left: Vec<u8>,
}

impl Server {
    pub async fn start<F, Fut>(handle: F) -> Self
    where
        F: Fn(Peer) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = Self {
            address: listener.local_addr().unwrap(),
            connections: Arc::default(),
            requests: Arc::default(),
        };
        let (connections, requests) = (server.connections.clone(), server.requests.clone());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                stream.set_nodelay(true).unwrap();
                let number = connections.fetch_add(1, Ordering::SeqCst);
                let peer = Peer { stream, number, requests: requests.clone(), left: Vec::new() };
                tokio::spawn(handle(peer));
            }
        });
        server
    }

    /// A provider that answers every request with the same bytes.
    pub async fn answering(answer: &'static [u8]) -> Self {
        Self::start(move |mut peer| async move {
            while peer.request().await.is_some() {
                peer.write(answer).await;
            }
        })
        .await
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
    /// Every request that arrived whole: head and body.
    pub fn requests(&self) -> Vec<String> {
        self.requests.lock().clone()
    }
}

impl Peer {
    /// Reads one whole request; none when the connection ends.
    pub async fn request(&mut self) -> Option<String> {
        loop {
            if let Some(length) = whole(&self.left) {
                let request: Vec<u8> = self.left.drain(..length).collect();
                let text = String::from_utf8_lossy(&request).into_owned();
                self.requests.lock().push(text.clone());
                return Some(text);
            }
            if self.stream.read_buf(&mut self.left).await.ok()? == 0 {
                return None;
            }
        }
    }
    pub async fn write(&mut self, bytes: &[u8]) {
        let _ = self.stream.write_all(bytes).await;
    }
    /// Waits until the other side has closed.
    pub async fn closed(&mut self) {
        let mut buffer = [0; 1024];
        while self.stream.read(&mut buffer).await.is_ok_and(|n| n > 0) {}
    }
}

/// The length of the first request, if all of it is there.
fn whole(bytes: &[u8]) -> Option<usize> {
    let head = bytes.windows(4).position(|w| w == b"\r\n\r\n")? + 4;
    let text = String::from_utf8_lossy(&bytes[..head]).to_ascii_lowercase();
    if text.contains("transfer-encoding: chunked") {
        let end = bytes[head..].windows(5).position(|w| w == b"0\r\n\r\n")?;
        return Some(head + end + 5);
    }
    let length =
        text.lines().find_map(|l| l.strip_prefix("content-length:")?.trim().parse().ok()).unwrap_or(0);
    (bytes.len() >= head + length).then_some(head + length)
}

/// A version with these targets.
pub fn version(urls: &[&str], tweak: impl FnOnce(&mut Version)) -> Arc<Version> {
    let spec = VersionSpec {
        version: VersionLabel::new("1.0").unwrap(),
        lifecycle: Lifecycle::Published,
        sunset: None,
        targets: urls.iter().map(|u| TargetSpec { url: (*u).to_owned(), weight: None }).collect(),
        routes: vec![],
        upstream: UpstreamSpec {
            connect_timeout_ms: Some(500),
            total_timeout_ms: Some(2_000),
            ..UpstreamSpec::default()
        },
        auth: ProviderAuth::None,
        contract: None,
        faces: vec![],
        wsdl: None,
        operations: vec![],
        check: lgsp_kernel::model::CheckSpec::default(),
        text: lgsp_kernel::model::TextSpec::default(),
        request_body_max: None,
        answer_body_max: None,
        check_syntax: false,
        pass_context: false,
    };
    let mut version = Version {
        spec,
        key: "citizens/1.0".into(),
        stamp: 1,
        auth: OpenAuth::None,
        client_certificate: None,
        legs: Vec::new(),
        operations: vec![],
        mediator: None,
    };
    tweak(&mut version);
    Arc::new(version)
}

pub fn plain(url: &str) -> Arc<Version> {
    version(&[url], |_| {})
}

pub fn operation(idempotent: bool) -> Operation {
    let spec = OperationSpec {
        name: "op".into(),
        method: None,
        path: None,
        soap_action: None,
        element: None,
        idempotent,
        consumes: vec![],
        ..OperationSpec::default()
    };
    Operation { spec, key: "citizens.op".into(), safe: idempotent, idempotent }
}

pub fn local() -> ProviderConfig {
    ProviderConfig { allow: vec!["127.0.0.0/8".parse().unwrap()], ..ProviderConfig::default() }
}

pub fn providers() -> Providers {
    Providers::new(local(), Clock::System).unwrap()
}

pub fn head(method: Method, rest: &str) -> OutHead {
    OutHead::new(method, rest, HeaderMap::new(), HttpVersion::HTTP_11)
}

pub async fn get(providers: &Providers, version: &Arc<Version>) -> Result<Sent, SendError> {
    providers.send(version, &operation(true), head(Method::GET, "/x"), OutBody::Empty).await
}

pub async fn post(providers: &Providers, version: &Arc<Version>) -> Result<Sent, SendError> {
    let body = OutBody::Full(Bytes::from_static(b"hello"));
    providers.send(version, &operation(false), head(Method::POST, "/x"), body).await
}

/// The status and the whole body.
pub async fn read(sent: Sent) -> (u16, Bytes) {
    let status = sent.response.status().as_u16();
    (status, sent.response.into_body().collect().await.unwrap().to_bytes())
}

pub fn failed(result: Result<Sent, SendError>) -> SendError {
    match result {
        Ok(sent) => panic!("answered {}", sent.response.status()),
        Err(error) => error,
    }
}

/// Asserts the kind of a failure and whether the provider may have acted.
#[track_caller]
pub fn assert_failed(result: Result<Sent, SendError>, kind: &RefusalKind, may_have_acted: bool) {
    let error = failed(result);
    assert_eq!(error.refusal.kind.code, kind.code, "{error:?}");
    assert_eq!(error.may_have_acted, may_have_acted, "{error:?}");
}

/// Lets a future go as far as it can now; whether it is still in progress then.
pub async fn is_pending(future: &mut (impl Future + Unpin)) -> bool {
    std::future::poll_fn(|cx| Poll::Ready(Pin::new(&mut *future).poll(cx).is_pending())).await
}
