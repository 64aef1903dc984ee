//! Between a member and its hub: passes everything on, or serves directory files of another folder, or nothing.

use super::country::Country;
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo};
use parking_lot::Mutex;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::net::TcpListener;

/// Where directory files come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// The hub.
    Hub,
    /// A folder, and the hub for all else.
    Folder(PathBuf),
    /// Nobody answers.
    Nobody,
}

/// The one in between.
pub struct Doctor {
    pub at: SocketAddr,
    source: Arc<Mutex<Source>>,
}

impl Doctor {
    pub async fn between(country: &Country) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let at = listener.local_addr().expect("bound");
        let source = Arc::new(Mutex::new(Source::Hub));
        let (shared, hub) = (source.clone(), country.hub.public_url());
        let client: Client<HttpConnector, Full<Bytes>> = Client::builder(TokioExecutor::new()).build_http();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (source, hub, client) = (shared.lock().clone(), hub.clone(), client.clone());
                if source == Source::Nobody {
                    continue;
                }
                let service =
                    service_fn(move |request| pass(request, source.clone(), hub.clone(), client.clone()));
                let connection = hyper::server::conn::http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), service);
                tokio::spawn(connection);
            }
        });
        Self { at, source }
    }
    pub fn url(&self) -> String {
        format!("http://{}", self.at)
    }
    pub fn serves(&self, source: Source) {
        *self.source.lock() = source;
    }
}

async fn pass(
    request: Request<Incoming>,
    source: Source,
    hub: String,
    client: Client<HttpConnector, Full<Bytes>>,
) -> Result<Response<Full<Bytes>>, String> {
    let path = request.uri().path().to_owned();
    if let (Source::Folder(folder), Some(name)) = (&source, path.strip_prefix("/directory/")) {
        let (status, body) = match std::fs::read(folder.join(name)) {
            Ok(bytes) => (200, bytes),
            Err(_) => (404, Vec::new()),
        };
        return Ok(Response::builder().status(status).body(Full::new(body.into())).expect("an answer"));
    }
    let (head, body) = request.into_parts();
    let body = body.collect().await.map_err(|e| e.to_string())?.to_bytes();
    let mut onward = Request::builder().method(head.method).uri(format!("{hub}{path}"));
    if let Some(kind) = head.headers.get("content-type") {
        onward = onward.header("content-type", kind);
    }
    let answer =
        client.request(onward.body(Full::new(body)).expect("a request")).await.map_err(|e| e.to_string())?;
    let (head, body) = answer.into_parts();
    let body = body.collect().await.map_err(|e| e.to_string())?.to_bytes();
    Ok(Response::from_parts(head, Full::new(body)))
}

/// Copies the files of a folder.
pub fn copy(from: &Path) -> tempfile::TempDir {
    let to = tempfile::tempdir().expect("a folder");
    for entry in std::fs::read_dir(from).expect("a folder").flatten() {
        std::fs::copy(entry.path(), to.path().join(entry.file_name())).expect("copied");
    }
    to
}
