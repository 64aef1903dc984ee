//! The edges: what protocol a caller speaks, how an operation is found in it and how a refusal is told in it. Past the edge nothing
//! knows the difference. `rest` and `soap` are the protocols of services, `xroad` those of X-Road, `platform` the platform's own addresses.

pub(crate) mod describe;
pub(crate) mod platform;
pub(crate) mod rest;
pub(crate) mod soap;
pub(crate) mod xroad;

use crate::answer::AnswerBody;
use bytes::Bytes;
use http::header::{ALLOW, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{Response, StatusCode};
use lgsp_kernel::{Blame, ExchangeId, Refusal, Step, fault};
use lgsp_wire::soap::SoapVersion;

/// The header of every answer that names its exchange.
pub(crate) static EXCHANGE: HeaderName = HeaderName::from_static("lgsp-exchange");

/// The protocol that a caller speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Edge {
    Rest,
    Soap(SoapVersion),
    /// Another node, for a consumer of its own.
    Peer,
    /// As X-Road has it.
    XRoad(xroad::Form),
}

impl Edge {
    /// What a request looks like before its service is known: SOAP 1.2 by its content type, SOAP 1.1 by XML with a SOAPAction.
    pub fn detect(headers: &HeaderMap) -> Self {
        match of_content_type(headers) {
            Some(SoapVersion::V12) => Self::Soap(SoapVersion::V12),
            Some(SoapVersion::V11) if headers.contains_key("soapaction") => Self::Soap(SoapVersion::V11),
            _ => Self::Rest,
        }
    }
    /// What it is, once its service is known to speak SOAP.
    pub fn of_soap_service(headers: &HeaderMap) -> Self {
        of_content_type(headers).map_or(Self::Rest, Self::Soap)
    }
    /// The word in records.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Rest => "rest",
            Self::Soap(SoapVersion::V11) => "soap11",
            Self::Soap(SoapVersion::V12) => "soap12",
            Self::Peer => "peer",
            Self::XRoad(form) => form.as_str(),
        }
    }

    /// The HTTP status of a refusal. SOAP over HTTP has its own: 500 for every fault in 1.1 (section 6.2), 400 or 500 in 1.2 (part 2,
    /// table 20), because clients read a fault only there; the documented status is in its detail.
    pub fn status(self, refusal: &Refusal) -> StatusCode {
        match self {
            Self::Rest | Self::Peer => {
                StatusCode::from_u16(refusal.kind.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
            }
            Self::Soap(SoapVersion::V12) if refusal.kind.blame == Blame::Caller => StatusCode::BAD_REQUEST,
            Self::Soap(_) => StatusCode::INTERNAL_SERVER_ERROR,
            Self::XRoad(form) => form.status(refusal),
        }
    }

    /// A refusal as the caller reads it.
    pub fn refuse(
        self,
        refusal: &Refusal,
        id: ExchangeId,
        id_text: &str,
        allow: Option<&str>,
    ) -> Response<AnswerBody> {
        let (content_type, body) = match self {
            Self::Rest | Self::Peer => {
                (lgsp_wire::problem::CONTENT_TYPE, lgsp_wire::problem::body(refusal, Some(id)))
            }
            Self::Soap(version) => {
                (version.content_type(), lgsp_wire::soap::fault(version, refusal, Some(id)))
            }
            Self::XRoad(form) => return xroad::Call::of(form, &HeaderMap::new()).refuse(refusal, id_text),
        };
        let mut response = whole(self.status(refusal), content_type, body);
        let headers = response.headers_mut();
        name_exchange(headers, id_text);
        if let Some(seconds) = refusal.retry_after {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        if refusal.kind.step == Step::Identify {
            headers.insert(WWW_AUTHENTICATE, challenge(refusal));
        }
        if let Some(allow) = allow.and_then(|a| HeaderValue::from_str(a).ok()) {
            headers.insert(ALLOW, allow);
        }
        response
    }
}

fn of_content_type(headers: &HeaderMap) -> Option<SoapVersion> {
    let text = headers.get(CONTENT_TYPE)?.to_str().ok()?;
    SoapVersion::of_content_type(text).map(|(version, _)| version)
}

/// RFC 6750 section 3.
fn challenge(refusal: &Refusal) -> HeaderValue {
    let bad_token =
        std::ptr::eq(refusal.kind, &fault::BAD_TOKEN) || std::ptr::eq(refusal.kind, &fault::EXPIRED_TOKEN);
    HeaderValue::from_static(if bad_token {
        r#"Bearer realm="lgsp", error="invalid_token""#
    } else {
        r#"Bearer realm="lgsp""#
    })
}

/// Puts the exchange id on an answer.
pub(crate) fn name_exchange(headers: &mut HeaderMap, id_text: &str) {
    if let Ok(value) = HeaderValue::from_str(id_text) {
        headers.insert(EXCHANGE.clone(), value);
    }
}

/// An answer of the platform's own.
pub(crate) fn whole(status: StatusCode, content_type: &'static str, body: Bytes) -> Response<AnswerBody> {
    let mut response = Response::new(AnswerBody::whole(body));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}
