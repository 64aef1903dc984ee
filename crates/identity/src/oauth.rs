//! The shapes of the token endpoints: what comes in, what goes out, and the errors of RFC 6749 section 5.2 and RFC 7009.

use bytes::Bytes;
use http::StatusCode;
use http::header::{
    CACHE_CONTROL, CONTENT_TYPE, HeaderMap, HeaderValue, PRAGMA, RETRY_AFTER, WWW_AUTHENTICATE,
};
use lgsp_kernel::snapshot::Digest;
use serde_json::{Value, json};
use std::net::IpAddr;

/// A request to a token endpoint.
#[derive(Debug, Clone, Copy)]
pub struct TokenRequest<'a> {
    /// Its header lines.
    pub headers: &'a HeaderMap,
    /// Its whole body.
    pub body: &'a [u8],
    /// SHA-256 of the client certificate, where one was proven.
    pub certificate: Option<Digest>,
    /// Where it comes from, for slowing down guesses.
    pub address: Option<IpAddr>,
}

/// The answer of a token endpoint.
#[derive(Debug, Clone)]
pub struct TokenAnswer {
    /// HTTP status.
    pub status: StatusCode,
    /// Header lines, content type included.
    pub headers: HeaderMap,
    /// The JSON body.
    pub body: Bytes,
    /// The client that was named, proven or not: for security events.
    pub client: Option<String>,
    /// The error code, where it is one.
    pub error: Option<&'static str>,
}

impl TokenAnswer {
    pub(crate) fn json(status: StatusCode, json: &Value) -> Self {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(PRAGMA, HeaderValue::from_static("no-cache"));
        Self { status, headers, body: json.to_string().into(), client: None, error: None }
    }
    pub(crate) fn of(mut self, client: Option<String>) -> Self {
        self.client = client;
        self
    }
}

/// Why a token endpoint refuses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum OauthFault {
    InvalidRequest(&'static str),
    InvalidClient(String),
    UnauthorizedClient,
    UnsupportedGrantType,
    InvalidScope,
    TooManyFailures(u32),
    Unavailable,
}

impl OauthFault {
    fn parts(&self) -> (StatusCode, &'static str, &str) {
        match self {
            Self::InvalidRequest(why) => (StatusCode::BAD_REQUEST, "invalid_request", why),
            Self::InvalidClient(why) => (StatusCode::UNAUTHORIZED, "invalid_client", why),
            Self::UnauthorizedClient => {
                (StatusCode::BAD_REQUEST, "unauthorized_client", "the token was issued to another client")
            }
            Self::UnsupportedGrantType => {
                (StatusCode::BAD_REQUEST, "unsupported_grant_type", "only client_credentials is offered")
            }
            Self::InvalidScope => {
                (StatusCode::BAD_REQUEST, "invalid_scope", "the scope is too long or malformed")
            }
            Self::TooManyFailures(_) => (
                StatusCode::TOO_MANY_REQUESTS,
                "temporarily_unavailable",
                "too many failed attempts; wait the time in Retry-After",
            ),
            Self::Unavailable => {
                (StatusCode::SERVICE_UNAVAILABLE, "temporarily_unavailable", "try again in a few seconds")
            }
        }
    }

    pub(crate) fn answer(&self) -> TokenAnswer {
        let (status, code, description) = self.parts();
        let mut answer = TokenAnswer::json(status, &json!({"error": code, "error_description": description}));
        answer.error = Some(code);
        match self {
            Self::InvalidClient(_) => {
                answer.headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"lgsp\""));
            }
            Self::TooManyFailures(seconds) => {
                answer.headers.insert(RETRY_AFTER, HeaderValue::from(*seconds));
            }
            Self::Unavailable => {
                answer.headers.insert(RETRY_AFTER, HeaderValue::from(5u32));
            }
            _ => {}
        }
        answer
    }
}
