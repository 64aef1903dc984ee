//! What happens around every request: an id, a time limit, no caching, and one shape for all that goes wrong, also for what axum refuses
//! by itself (unknown address, wrong method, too large a body).

use crate::problem::ApiProblem;
use axum::body::Body;
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use std::time::Duration;
use uuid::Uuid;

/// The header that carries the request's id in every answer.
pub static REQUEST_HEADER: HeaderName = HeaderName::from_static("lgsp-request-id");
/// Longest that most requests may take.
pub const QUICK: Duration = Duration::from_secs(30);
/// Longest that `apply` and the verification of whole trails may take.
pub const LONG: Duration = Duration::from_secs(600);
/// Longest text of a refusal by axum that is passed on, bytes.
const REFUSAL_MAX: usize = 2048;

/// The outermost layer.
pub async fn around(request: Request, next: Next) -> Response {
    let id = format!("req_{}", Uuid::now_v7().simple());
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let response = next.run(request).await;
    let mut response = shaped(response, &id).await;
    if response.status().is_server_error() {
        tracing::error!(request = id, %method, path, status = response.status().as_u16(), "administration request failed");
    }
    let headers = response.headers_mut();
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    headers.insert(HeaderName::from_static("x-content-type-options"), HeaderValue::from_static("nosniff"));
    if let Ok(value) = HeaderValue::from_str(&id) {
        headers.insert(REQUEST_HEADER.clone(), value);
    }
    response
}

/// Ends what takes longer than [`QUICK`].
pub async fn quick(request: Request, next: Next) -> Response {
    within(QUICK, request, next).await
}

/// Ends what takes longer than [`LONG`].
pub async fn long(request: Request, next: Next) -> Response {
    within(LONG, request, next).await
}

async fn within(limit: Duration, request: Request, next: Next) -> Response {
    match tokio::time::timeout(limit, next.run(request)).await {
        Ok(response) => response,
        Err(_) => ApiProblem::timeout().into_response(),
    }
}

/// Writes a problem in its one shape; leaves good answers alone.
async fn shaped(mut response: Response, id: &str) -> Response {
    let status = response.status();
    if !(status.is_client_error() || status.is_server_error()) {
        return response;
    }
    let problem = match response.extensions_mut().remove::<ApiProblem>() {
        Some(problem) => problem,
        None => {
            let body = std::mem::take(response.body_mut());
            let text = axum::body::to_bytes(body, REFUSAL_MAX).await.unwrap_or_default();
            ApiProblem::of_status(status, String::from_utf8_lossy(&text).into_owned())
        }
    };
    if let Some(internal) = &problem.facts().internal {
        tracing::warn!(request = id, code = problem.facts().code, internal, "administration request refused");
    }
    let json = serde_json::to_vec(&problem.document(id)).unwrap_or_default();
    let (mut parts, _) = response.into_parts();
    parts.headers.remove(http::header::CONTENT_LENGTH);
    parts.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    if status == http::StatusCode::UNAUTHORIZED {
        parts.headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"lgsp admin\""));
    }
    if let Some(seconds) = problem.facts().retry_after {
        parts.headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    Response::from_parts(parts, Body::from(json))
}
