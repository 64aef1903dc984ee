//! What a node asks its hub, over HTTP: joining and its progress, and what it sends later on.

use super::http::Http;
use super::letter::{Ask, Enrolment, Letter};
use bytes::Bytes;
use http::Method;
use lgsp_kernel::{Clock, NodeName};
use lgsp_trust::{Signer, sha256};
use std::sync::Arc;

/// The largest answer: certificates of all agencies of a letter.
const ANSWER_MAX: usize = 16 << 20;

/// The hub, as a node writes to it.
#[derive(Debug, Clone)]
pub struct Hub {
    http: Http,
    url: String,
    node: NodeName,
    signer: Arc<dyn Signer>,
    clock: Clock,
}

impl Hub {
    /// The hub with this public listener; letters are signed by the node's key.
    pub fn new(http: Http, url: &str, node: NodeName, signer: Arc<dyn Signer>, clock: Clock) -> Self {
        Self { http, url: url.trim_end_matches('/').to_owned(), node, signer, clock }
    }

    /// Sends a letter. The text of an error is for the operator.
    pub async fn send(&self, ask: Ask) -> Result<Enrolment, String> {
        let letter = Letter::new(self.node.clone(), self.clock.now(), ask);
        let signer = self.signer.clone();
        // The key may be on a token, which takes its time.
        let sealing = tokio::task::spawn_blocking(move || letter.seal(&*signer));
        let sealed = sealing.await.map_err(|e| e.to_string())?.map_err(|e| e.to_string())?;
        let url = format!("{}/enrol", self.url);
        let answer = self.http.ask(Method::POST, &url, Some("application/json"), sealed.into(), ANSWER_MAX);
        read(&url, answer.await?)
    }

    /// How far the hub has come with the request to join.
    pub async fn progress(&self) -> Result<Enrolment, String> {
        let url = format!("{}/enrol/{}", self.url, request_id(&self.signer.public_key_der()));
        let answer = self.http.ask(Method::GET, &url, None, Bytes::new(), ANSWER_MAX).await?;
        read(&url, answer)
    }
}

/// The name of a request to join: the digest of the key that asks.
pub fn request_id(public_key_der: &[u8]) -> String {
    hex::encode(sha256(public_key_der))
}

fn read(url: &str, answer: super::http::Answer) -> Result<Enrolment, String> {
    if answer.status != 200 && answer.status != 202 {
        let text: String = String::from_utf8_lossy(&answer.body).chars().take(500).collect();
        return Err(format!("{url}: status {}: {}", answer.status, text.trim()));
    }
    serde_json::from_slice(&answer.body).map_err(|e| format!("{url}: an answer of another form: {e}"))
}
