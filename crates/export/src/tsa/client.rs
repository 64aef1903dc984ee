//! Asking an authority for a timestamp, and taking only what verifies. Not here: HTTP; the node brings it as [`Fetch`].

use super::{QUERY_TYPE, REPLY_TYPE, Timestamp, TsaError, read_response, request, verify_token};
use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use lgsp_kernel::Clock;
use std::fmt;
use std::future::Future;
use std::pin::Pin;

/// Bytes of a nonce: nobody guesses it.
const NONCE_LEN: usize = 16;

/// What carries a request to an authority.
pub trait Fetch: Send + Sync {
    /// `POST`s the body and gives the body of the answer, at most [`super::TOKEN_MAX`] bytes. An answer without status 200 or
    /// of another content type than `accept` is an error; its text is for the operator.
    fn post<'a>(
        &'a self,
        url: &'a str,
        content_type: &'static str,
        accept: &'static str,
        body: Vec<u8>,
    ) -> Pin<Box<dyn Future<Output = Result<Vec<u8>, String>> + Send + 'a>>;
}

/// A token and what it says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stamp {
    /// The token, DER: what is kept.
    pub token: Vec<u8>,
    /// What it says, verified.
    pub timestamp: Timestamp,
}

/// Asks one authority.
pub struct Client<F> {
    fetch: F,
    url: String,
    authorities: Vec<Vec<u8>>,
    clock: Clock,
}

impl<F> fmt::Debug for Client<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Client({})", self.url)
    }
}

impl<F: Fetch> Client<F> {
    /// A client of the authority at this address. `authorities`: DER certificates that its own must lead to.
    pub fn new(fetch: F, url: impl Into<String>, authorities: Vec<Vec<u8>>, clock: Clock) -> Self {
        Self { fetch, url: url.into(), authorities, clock }
    }
    /// A verified token on a SHA-256 digest.
    pub async fn stamp(&self, digest: &[u8; 32]) -> Result<Stamp, TsaError> {
        let mut nonce = [0; NONCE_LEN];
        SystemRandom::new()
            .fill(&mut nonce)
            .map_err(|_| TsaError::Unreachable("the system gives no random bytes".into()))?;
        let body = request(digest, &nonce)?;
        let answer =
            self.fetch.post(&self.url, QUERY_TYPE, REPLY_TYPE, body).await.map_err(TsaError::Unreachable)?;
        let token = read_response(&answer)?;
        let timestamp = verify_token(&token, digest, Some(&nonce), &self.authorities, self.clock.now())?;
        Ok(Stamp { token, timestamp })
    }
}
