//! A refusal as `application/problem+json` (RFC 9457).

use bytes::Bytes;
use lgsp_kernel::{ExchangeId, Refusal};
use serde::Serialize;

/// The content type of a problem document.
pub const CONTENT_TYPE: &str = "application/problem+json";

#[derive(Serialize)]
struct Problem<'a> {
    #[serde(rename = "type")]
    kind: String,
    title: &'a str,
    status: u16,
    detail: &'a str,
    step: &'a str,
    blame: &'a str,
    remedy: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    exchange: Option<ExchangeId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after: Option<u32>,
}

/// The problem's `type`: `urn:lgsp:problem:` and the code of the refusal's kind.
pub fn type_of(refusal: &Refusal) -> String {
    format!("urn:lgsp:problem:{}", refusal.kind.code)
}

/// The problem document of a refusal. `exchange` and `retry_after` are left out where there is none; the internal text is never in it.
pub fn body(refusal: &Refusal, exchange: Option<ExchangeId>) -> Bytes {
    let kind = refusal.kind;
    let problem = Problem {
        kind: type_of(refusal),
        title: kind.title,
        status: kind.status,
        detail: &refusal.detail,
        step: kind.step.as_str(),
        blame: kind.blame.as_str(),
        remedy: kind.remedy,
        exchange,
        retry_after: refusal.retry_after,
    };
    Bytes::from(serde_json::to_vec(&problem).expect("texts and numbers always serialize"))
}
