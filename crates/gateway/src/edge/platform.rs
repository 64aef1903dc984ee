//! The platform's own addresses: tokens, keys, discovery, health. They are not exchanges: nothing of them is in the message log; failed
//! attempts at tokens are security events.

use super::whole;
use crate::answer::AnswerBody;
use crate::body::intake::{Intake, RequestBody};
use crate::gateway::Gateway;
use crate::server::conn::Conn;
use bytes::Bytes;
use http::header::{ALLOW, CACHE_CONTROL, HeaderValue};
use http::request::Parts;
use http::{Method, Response, StatusCode};
use hyper::body::Incoming;
use lgsp_identity::{TokenAnswer, TokenRequest};
use lgsp_kernel::{ExchangeId, Refusal, fault};
use std::sync::Arc;

/// Largest body of a request for a token, bytes.
const FORM_MAX: usize = 16 << 10;

/// One of the platform's own addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Address {
    Token,
    Revoke,
    Keys,
    Discovery,
    Live,
    Ready,
}

impl Address {
    /// Which one a path is, if any.
    pub fn of(path: &str) -> Option<Self> {
        match path {
            "/token" => Some(Self::Token),
            "/revoke" => Some(Self::Revoke),
            "/.well-known/jwks.json" => Some(Self::Keys),
            "/.well-known/oauth-authorization-server" => Some(Self::Discovery),
            "/health/live" => Some(Self::Live),
            "/health/ready" => Some(Self::Ready),
            _ => None,
        }
    }
    fn allow(self) -> &'static str {
        if matches!(self, Self::Token | Self::Revoke) { "POST" } else { "GET, HEAD" }
    }
    fn takes(self, method: &Method) -> bool {
        match self {
            Self::Token | Self::Revoke => *method == Method::POST,
            _ => matches!(*method, Method::GET | Method::HEAD),
        }
    }
}

/// Answers a request to one of them.
pub(crate) async fn answer(
    gateway: &Gateway,
    address: Address,
    head: &Parts,
    body: Incoming,
    conn: &Arc<Conn>,
    number: u64,
    id: ExchangeId,
) -> Result<Response<AnswerBody>, Refusal> {
    if !address.takes(&head.method) {
        let text = format!("{} takes {}.", head.uri.path(), address.allow());
        let mut response = super::Edge::Rest.refuse(
            &Refusal::new(&fault::WRONG_METHOD, text),
            id,
            &id.to_string(),
            Some(address.allow()),
        );
        response.headers_mut().insert(ALLOW, HeaderValue::from_static(address.allow()));
        return Ok(response);
    }
    Ok(match address {
        Address::Token | Address::Revoke => {
            let form = form(gateway, body, conn, number).await?;
            let request = TokenRequest {
                headers: &head.headers,
                body: &form,
                certificate: conn.certificate,
                address: Some(conn.peer.ip().to_canonical()),
            };
            let snapshot = gateway.snapshot.load_full();
            let answer = if address == Address::Token {
                gateway.identity.token(&snapshot, &request)
            } else {
                gateway.identity.revoke(&snapshot, &request).await
            };
            note_failure(gateway, &answer, conn, id);
            token_answer(answer)
        }
        Address::Keys => cached(whole(StatusCode::OK, "application/json", gateway.identity.jwks())),
        Address::Discovery => {
            cached(whole(StatusCode::OK, "application/json", discovery(&gateway.config.issuer)))
        }
        Address::Live => text(StatusCode::OK, "live\n".into()),
        Address::Ready => match gateway.ready() {
            Ok(()) => text(StatusCode::OK, "ready\n".into()),
            Err(why) => text(StatusCode::SERVICE_UNAVAILABLE, format!("not ready: {why}\n")),
        },
    })
}

async fn form(gateway: &Gateway, body: Incoming, conn: &Arc<Conn>, number: u64) -> Result<Bytes, Refusal> {
    let RequestBody::Unread(body) = RequestBody::of(body) else { return Ok(Bytes::new()) };
    let intake = Intake::new(body, FORM_MAX as u64, &gateway.config, conn.clone(), number);
    match intake.collect(FORM_MAX).await? {
        RequestBody::Whole(bytes, _) => Ok(bytes),
        _ => Err(crate::body::intake::too_large(FORM_MAX as u64)),
    }
}

fn token_answer(answer: TokenAnswer) -> Response<AnswerBody> {
    let mut response = Response::new(AnswerBody::whole(answer.body));
    *response.status_mut() = answer.status;
    *response.headers_mut() = answer.headers;
    response
}

fn note_failure(gateway: &Gateway, answer: &TokenAnswer, conn: &Conn, id: ExchangeId) {
    let Some(error) = answer.error else { return };
    let client = answer.client.as_deref().unwrap_or("-");
    let detail = format!("client {client:?}: {error}");
    gateway.events.note(gateway.clock.now(), token_kind(error), conn.peer.ip(), &detail, Some(id));
}

fn token_kind(error: &str) -> &'static str {
    match error {
        "invalid_client" => "token.invalid_client",
        "invalid_request" => "token.invalid_request",
        "unsupported_grant_type" => "token.unsupported_grant_type",
        "invalid_scope" => "token.invalid_scope",
        _ => "token.refused",
    }
}

/// RFC 8414: what a client needs to ask for tokens.
fn discovery(issuer: &str) -> Bytes {
    let methods = ["client_secret_basic", "client_secret_post"];
    serde_json::json!({
        "issuer": issuer,
        "token_endpoint": format!("{issuer}/token"),
        "revocation_endpoint": format!("{issuer}/revoke"),
        "jwks_uri": format!("{issuer}/.well-known/jwks.json"),
        "grant_types_supported": ["client_credentials"],
        "response_types_supported": [],
        "token_endpoint_auth_methods_supported": methods,
        "revocation_endpoint_auth_methods_supported": methods,
    })
    .to_string()
    .into()
}

/// Keys and discovery may be kept for a while: rotation announces new keys earlier than it uses them.
fn cached(mut response: Response<AnswerBody>) -> Response<AnswerBody> {
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("public, max-age=300"));
    response
}

fn text(status: StatusCode, text: String) -> Response<AnswerBody> {
    let mut response = whole(status, "text/plain; charset=utf-8", text.into());
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
