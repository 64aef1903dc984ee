//! The HTTP of the export of traces: our own small client over hyper, so that no second HTTP stack comes in. What is exported is
//! `traces`' concern.

use crate::config::Config;
use crate::tls;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_util::rt::TokioIo;
use opentelemetry_http::{HttpClient, HttpError};
use rustls_pki_types::ServerName;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;

/// A longer answer of the collector is not read.
const ANSWER_MAX: usize = 64 << 10;

/// A collector's address, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    host: String,
    port: u16,
    tls: bool,
}

impl Endpoint {
    /// Reads `http://host[:port]/path` or `https://...`.
    pub fn parse(url: &str) -> Result<Self, String> {
        let bad = || format!("{url:?} is not a URL such as \"http://127.0.0.1:4318/v1/traces\"");
        let uri: http::Uri = url.parse().map_err(|_| bad())?;
        let tls = match uri.scheme_str() {
            Some("http") => false,
            Some("https") => true,
            _ => return Err(bad()),
        };
        let host = uri.host().ok_or_else(bad)?.trim_matches(['[', ']']).to_owned();
        let port = uri.port_u16().unwrap_or(if tls { 443 } else { 80 });
        Ok(Self { host, port, tls })
    }
}

fn client_tls(config: &Config) -> Result<Arc<rustls::ClientConfig>, String> {
    let mut roots = rustls::RootCertStore::empty();
    if config.provider.public_roots {
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    }
    if !config.provider.roots.as_os_str().is_empty() {
        let more =
            tls::roots("provider.roots", &config.provider.roots).map_err(|(key, e)| format!("{key}: {e}"))?;
        roots.extend(more.roots);
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let built = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|e| e.to_string())?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(built))
}

/// One connection for each export: exports are seconds apart, and a lost collector then costs nothing in between.
#[derive(Debug)]
pub struct Client {
    endpoint: Endpoint,
    tls: Arc<rustls::ClientConfig>,
    timeout: Duration,
    runtime: tokio::runtime::Handle,
}

impl Client {
    /// A client of the configured collector; sends on the runtime that it is made in.
    pub fn new(config: &Config) -> Result<Self, String> {
        Ok(Self {
            endpoint: Endpoint::parse(&config.telemetry.otlp_endpoint)?,
            tls: client_tls(config)?,
            timeout: config.telemetry.otlp_timeout.0,
            runtime: tokio::runtime::Handle::current(),
        })
    }
}

impl HttpClient for Client {
    fn send_bytes<'a, 't>(
        &'a self,
        request: http::Request<Bytes>,
    ) -> std::pin::Pin<Box<dyn Future<Output = Result<http::Response<Bytes>, HttpError>> + Send + 't>>
    where
        'a: 't,
        Self: 't,
    {
        let (endpoint, tls, timeout) = (self.endpoint.clone(), self.tls.clone(), self.timeout);
        // The exporter calls from a thread of its own, outside the runtime.
        let sending = self.runtime.spawn(async move {
            tokio::time::timeout(timeout, export(endpoint, tls, request))
                .await
                .map_err(|_| "the collector took too long")?
        });
        Box::pin(async move { sending.await? })
    }
}

async fn export(
    endpoint: Endpoint,
    tls: Arc<rustls::ClientConfig>,
    request: http::Request<Bytes>,
) -> Result<http::Response<Bytes>, HttpError> {
    let tcp = TcpStream::connect((endpoint.host.as_str(), endpoint.port)).await?;
    if endpoint.tls {
        let name = ServerName::try_from(endpoint.host)?;
        over(tokio_rustls::TlsConnector::from(tls).connect(name, tcp).await?, request).await
    } else {
        over(tcp, request).await
    }
}

async fn over<S>(stream: S, mut request: http::Request<Bytes>) -> Result<http::Response<Bytes>, HttpError>
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
{
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let driving = tokio::spawn(connection);
    let host = request.uri().authority().map(|a| a.as_str().to_owned()).unwrap_or_default();
    request.headers_mut().insert(http::header::HOST, host.parse()?);
    let path = request.uri().path_and_query().map_or_else(|| "/".to_owned(), ToString::to_string);
    *request.uri_mut() = path.parse()?;
    let (head, body) = sender.send_request(request.map(Full::new)).await?.into_parts();
    let body = Limited::new(body, ANSWER_MAX).collect().await?.to_bytes();
    driving.abort();
    Ok(http::Response::from_parts(head, body))
}

#[cfg(test)]
mod tests {
    use super::Endpoint;

    #[test]
    fn an_endpoint_is_an_http_url() {
        let parsed = Endpoint::parse("http://[::1]:4318/v1/traces").expect("parses");
        assert_eq!((parsed.host.as_str(), parsed.port, parsed.tls), ("::1", 4318, false));
        assert!(Endpoint::parse("https://collector/v1/traces").is_ok_and(|e| e.port == 443 && e.tls));
        for bad in ["", "collector:4317", "grpc://x", "http://"] {
            assert!(Endpoint::parse(bad).is_err(), "{bad:?}");
        }
    }
}
