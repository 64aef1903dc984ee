//! The demo's own consumer: the calls that a one-stop system would make, over a real socket.

use crate::commands::failure::{Failure, Trying as _};
use bytes::Bytes;
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use std::net::SocketAddr;

/// An answer, read whole.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    /// The exchange's id, which every answer carries.
    pub(crate) fn exchange(&self) -> String {
        self.headers.get("lgsp-exchange").and_then(|v| v.to_str().ok()).unwrap_or_default().to_owned()
    }
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// A client of one node of the demo.
pub(crate) struct Caller {
    client: Client<HttpConnector, Full<Bytes>>,
    gateway: SocketAddr,
    admin: SocketAddr,
}

impl Caller {
    pub(crate) fn new(gateway: SocketAddr, admin: SocketAddr) -> Self {
        Self { client: Client::builder(TokioExecutor::new()).build_http(), gateway, admin }
    }

    /// Whether the node takes calls.
    pub(crate) async fn is_ready(&self) -> bool {
        let asked = self.send(self.admin, Method::GET, "/health/ready", &[], Bytes::new()).await;
        asked.is_ok_and(|answer| answer.status == StatusCode::OK)
    }

    /// `POST /token` with client credentials.
    pub(crate) async fn token(&self, client: &str, secret: &str) -> Result<String, Failure> {
        let form = format!("grant_type=client_credentials&client_id={client}&client_secret={secret}");
        let headers = [("content-type", "application/x-www-form-urlencoded".to_owned())];
        let answer = self.call(Method::POST, "/token", &headers, form).await?;
        match answer.json()["access_token"].as_str() {
            Some(token) => Ok(token.to_owned()),
            None => Err(Failure::new(format!("POST /token answered {}: {}", answer.status, answer.text()))),
        }
    }

    /// A call through the front door.
    pub(crate) async fn call(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, String)],
        body: impl Into<Bytes>,
    ) -> Result<Answer, Failure> {
        self.send(self.gateway, method, path, headers, body.into()).await
    }

    /// A question to the administration API.
    pub(crate) async fn ask(&self, path: &str, token: &str) -> Result<Answer, Failure> {
        let headers = [("authorization", format!("Bearer {token}"))];
        self.send(self.admin, Method::GET, path, &headers, Bytes::new()).await
    }

    async fn send(
        &self,
        to: SocketAddr,
        method: Method,
        path: &str,
        headers: &[(&str, String)],
        body: Bytes,
    ) -> Result<Answer, Failure> {
        let mut request = Request::builder().method(method).uri(format!("http://{to}{path}"));
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        let request = request.body(Full::new(body))?;
        let answer = self.client.request(request).await.trying(format!("calling http://{to}{path}"))?;
        let (head, body) = answer.into_parts();
        let body =
            body.collect().await.trying(format!("reading the answer of http://{to}{path}"))?.to_bytes();
        Ok(Answer { status: head.status, headers: head.headers, body })
    }
}
