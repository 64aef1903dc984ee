//! The node's own questions over HTTP: to the hub's public listener, to witnesses, to timestamp authorities. One connection a question,
//! bounded in time and size, no redirect followed. What comes back proves itself; https only keeps it from being read on the way.

use crate::config::Config;
use bytes::Bytes;
use http::{Method, Request, Uri};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_util::rt::TokioIo;
use lgsp_directory::{Fetch, FetchError};
use rustls::RootCertStore;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, ServerName};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

/// For one question, whole.
const TIMEOUT: Duration = Duration::from_secs(20);

/// An answer, read whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Its status.
    pub status: u16,
    /// Its content type.
    pub content_type: String,
    /// Its body.
    pub body: Bytes,
}

/// Asks. Clones share the roots.
#[derive(Clone)]
pub struct Http {
    tls: tokio_rustls::TlsConnector,
}

impl std::fmt::Debug for Http {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Http")
    }
}

impl Http {
    /// Believes the public roots, and those that the configuration names for providers.
    pub fn new(config: &Config) -> Result<Self, String> {
        let mut roots = RootCertStore::empty();
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        let path = &config.provider.roots;
        if !path.as_os_str().is_empty() {
            let read = CertificateDer::pem_file_iter(path).map_err(|e| format!("{}: {e}", path.display()))?;
            for certificate in read {
                let certificate = certificate.map_err(|e| format!("{}: {e}", path.display()))?;
                roots.add(certificate).map_err(|e| format!("{}: {e}", path.display()))?;
            }
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let tls = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|e| e.to_string())?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self { tls: tokio_rustls::TlsConnector::from(Arc::new(tls)) })
    }

    /// One question; the answer has at most `max` bytes.
    pub async fn ask(
        &self,
        method: Method,
        url: &str,
        content_type: Option<&str>,
        body: Bytes,
        max: usize,
    ) -> Result<Answer, String> {
        let asking = self.ask_unbounded(method, url, content_type, body, max);
        match tokio::time::timeout(TIMEOUT, asking).await {
            Ok(answer) => answer.map_err(|e| format!("{url}: {e}")),
            Err(_) => Err(format!("{url}: no answer within {} s", TIMEOUT.as_secs())),
        }
    }

    async fn ask_unbounded(
        &self,
        method: Method,
        url: &str,
        content_type: Option<&str>,
        body: Bytes,
        max: usize,
    ) -> Result<Answer, String> {
        let uri: Uri = url.parse().map_err(|_| "is no URL".to_owned())?;
        let secure = match uri.scheme_str() {
            Some("http") => false,
            Some("https") => true,
            _ => return Err("begins with neither http:// nor https://".into()),
        };
        let authority = uri.authority().ok_or("names no host")?;
        let (host, port) = (authority.host().trim_matches(['[', ']']), authority.port_u16());
        let port = port.unwrap_or(if secure { 443 } else { 80 });
        let mut request = Request::builder()
            .method(method)
            .uri(uri.path_and_query().map_or("/", |p| p.as_str()))
            .header(http::header::HOST, authority.as_str());
        if let Some(content_type) = content_type {
            request = request.header(http::header::CONTENT_TYPE, content_type);
        }
        let request = request.body(Full::new(body)).map_err(|e| e.to_string())?;
        let stream = TcpStream::connect((host, port)).await.map_err(|e| e.to_string())?;
        if !secure {
            return exchange(stream, request, max).await;
        }
        let name = ServerName::try_from(host.to_owned()).map_err(|e| e.to_string())?;
        let stream = self.tls.connect(name, stream).await.map_err(|e| e.to_string())?;
        exchange(stream, request, max).await
    }
}

async fn exchange<S>(stream: S, request: Request<Full<Bytes>>, max: usize) -> Result<Answer, String>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let handshake = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await;
    let (mut sender, connection) = handshake.map_err(|e| e.to_string())?;
    let driving = tokio::spawn(connection);
    let answer = sender.send_request(request).await.map_err(|e| e.to_string());
    let read = async {
        let (head, body) = answer?.into_parts();
        let content_type = head.headers.get(http::header::CONTENT_TYPE).and_then(|v| v.to_str().ok());
        let content_type = content_type.unwrap_or_default().to_owned();
        let body = Limited::new(body, max).collect().await.map_err(|e| e.to_string())?.to_bytes();
        Ok(Answer { status: head.status.as_u16(), content_type, body })
    };
    let answer = read.await;
    driving.abort();
    answer
}

/// The directory as a hub's public listener gives it.
#[derive(Debug, Clone)]
pub struct HubFiles {
    http: Http,
    hub: String,
}

impl HubFiles {
    /// Of the hub with this public listener.
    pub fn new(http: Http, hub: &str) -> Self {
        Self { http, hub: hub.trim_end_matches('/').to_owned() }
    }
}

impl Fetch for HubFiles {
    async fn get(&self, name: &str, max: usize) -> Result<Bytes, FetchError> {
        let url = format!("{}/directory/{name}", self.hub);
        let answer = self.http.ask(Method::GET, &url, None, Bytes::new(), max).await;
        let answer = answer.map_err(FetchError::Failed)?;
        match answer.status {
            200 => Ok(answer.body),
            404 => Err(FetchError::NotFound),
            other => Err(FetchError::Failed(format!("{url}: status {other}"))),
        }
    }
}

impl lgsp_export::tsa::Fetch for Http {
    fn post<'a>(
        &'a self,
        url: &'a str,
        content_type: &'static str,
        accept: &'static str,
        body: Vec<u8>,
    ) -> std::pin::Pin<Box<dyn Future<Output = Result<Vec<u8>, String>> + Send + 'a>> {
        Box::pin(async move {
            let max = lgsp_export::tsa::TOKEN_MAX;
            let answer = self.ask(Method::POST, url, Some(content_type), body.into(), max).await?;
            if answer.status != 200 || answer.content_type != accept {
                return Err(format!(
                    "{url}: status {}, content type {:?}",
                    answer.status, answer.content_type
                ));
            }
            Ok(answer.body.to_vec())
        })
    }
}
