//! The message protocol for SOAP 4.0: the envelope's header says who asks whom, the answer repeats it and gets the request's hash. Attachments
//! stay as they are, both ways.

use super::{Said as Any, addressed_here, broken, names, note, same_caller, set_said, state};
use crate::body::intake::RequestBody;
use crate::body::legible::legible;
use crate::edge::soap::{action, find};
use crate::exchange::{Exchange, Route, Why};
use crate::record::digest::sha256;
use crate::steps::resolve::collect;
use crate::steps::verify::{Content, Given};
use bytes::Bytes;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderValue};
use lgsp_kernel::model::Protocol;
use lgsp_kernel::snapshot::{Service, Version};
use lgsp_kernel::{Refusal, Step, fault};
use lgsp_wire::soap::{Envelope, SoapVersion};
use lgsp_xroad::meta::MetaService;
use lgsp_xroad::mime::{Multipart, is_multipart};
use lgsp_xroad::soap::{Header, Message, RequestHash, SoapError, XROAD, complete_answer};
use std::sync::Arc;

/// What a `getWsdl` names: the service's code and, it may be, its version.
pub(super) type Wanted = (String, Option<String>);

/// A request.
pub(super) struct Said {
    pub header: Header,
    pub hash: RequestHash,
    /// The request is one for metadata, and what `getWsdl` wants.
    pub meta: Option<(MetaService, Option<Wanted>)>,
}

pub(super) async fn resolve(x: &mut Exchange) -> Result<(), Refusal> {
    legible(&x.head.headers)?;
    let limit = x.gateway.config.collect_max as u64;
    collect(x, limit).await?;
    let RequestBody::Whole(body, _) = &x.body else {
        return Err(Refusal::new(&fault::BAD_SOAP, "There is no body."));
    };
    let body = body.clone();
    let envelope = envelope(x, &body)?;
    let (message, header) = Message::parse_request(&envelope).map_err(|e| refused(x, &e))?;
    same_caller(x, &header.client)?;
    addressed_here(x, header.security_server.as_ref())?;
    state(x, header.user_id.as_deref(), header.issue.as_deref())?;
    note(x, &header.client, &header.id, header.represented_party.as_ref());
    let hash = RequestHash::of(&envelope);
    let meta = (message.body_namespace == XROAD).then(|| MetaService::of(&message.body_element)).flatten();
    let meta = meta.map(|meta| (meta, message.wanted.clone()));
    let asks_us = meta.is_some();
    set_said(x, Any::Soap(Box::new(Said { header: header.clone(), hash, meta })));
    if asks_us { Ok(()) } else { route(x, &message, &header) }
}

/// The SOAP part of the body.
fn envelope(x: &mut Exchange, body: &Bytes) -> Result<Bytes, Refusal> {
    let content_type = x.head.headers.get(CONTENT_TYPE).map(HeaderValue::to_str);
    let content_type = content_type.and_then(Result::ok).unwrap_or_default().to_owned();
    if is_multipart(&content_type) {
        let message = Multipart::parse(&content_type, body).map_err(|e| broken(x, e.error("")))?;
        return Ok(message.soap().clone());
    }
    match SoapVersion::of_content_type(&content_type) {
        Some((SoapVersion::V11, _)) => Ok(body.clone()),
        _ => Err(Refusal::new(&fault::MEDIA_TYPE, "Send text/xml, or multipart/related with attachments.")),
    }
}

fn refused(x: &mut Exchange, error: &SoapError) -> Refusal {
    broken(x, error.error(""))
}

/// Finds the operation by the service code: the name of its element.
fn route(x: &mut Exchange, message: &Message, header: &Header) -> Result<(), Refusal> {
    let unknown =
        |code: &str| Refusal::new(&fault::NO_SERVICE, format!("There is no SOAP service {code:?}."));
    let Some(asked) = &header.service else {
        return Err(unknown(header.service_code().unwrap_or_default()));
    };
    let provider = names::system(x, &asked.provider)?;
    let found = offering(x, provider.spec.id.as_str(), &asked.service, asked.version.as_deref())?;
    let mut found = found.into_iter();
    let (service, version) = found.next().ok_or_else(|| unknown(&asked.service))?;
    if found.next().is_some() {
        let detail = format!("Several services of {} have {:?}.", asked.provider, asked.service);
        return Err(Refusal::new(&fault::XROAD_AMBIGUOUS, detail));
    }
    let said = Envelope {
        version: SoapVersion::V11,
        body_namespace: message.body_namespace.clone(),
        body_element: message.body_element.clone(),
    };
    let operation = find(&version, &action(&x.head.headers)?, &said, "/").cloned()?;
    x.passed(Step::Resolve, Why::Route(version.clone(), operation.clone()));
    x.route = Some(Route { service, version, operation, path: "/".into(), rest: String::new() });
    Ok(())
}

type Offer = (Arc<Service>, Arc<Version>);

/// The services of a system that have this operation, in the version that is asked for. Where none has, and one would in a version that
/// is gone, that is said.
fn offering(x: &Exchange, system: &str, code: &str, label: Option<&str>) -> Result<Vec<Offer>, Refusal> {
    let has = |v: &Version| v.operations.iter().any(|o| names::soap_code(o) == code);
    let here = |service: &&Arc<Service>| {
        service.spec.protocol == Protocol::Soap && service.versions.iter().any(|v| has(v))
    };
    let (mut found, mut gone) = (Vec::new(), None);
    for service in names::index(x).services(system).iter().filter(here) {
        match names::version(service, label) {
            Ok(version) if has(&version) => found.push((service.clone(), version)),
            Ok(_) => {}
            Err(refusal) => gone = Some(refusal),
        }
    }
    match gone {
        Some(refusal) if found.is_empty() => Err(refusal),
        _ => Ok(found),
    }
}

/// The service, version and operation that a `getWsdl` wants.
pub(super) fn described(
    x: &Exchange,
    system: &str,
    code: &str,
    label: Option<&str>,
) -> Result<(Arc<Service>, Arc<Version>), Refusal> {
    let found = offering(x, system, code, label)?.into_iter().next();
    found.ok_or_else(|| Refusal::new(&fault::NO_SERVICE, format!("There is no SOAP service {code:?}.")))
}

/// Of a request's lines only these go on (PR-MESS 2.1).
pub(super) fn outgoing(headers: &HeaderMap) -> HeaderMap {
    let mut out = HeaderMap::new();
    for name in ["content-type", "soapaction"] {
        if let Some(value) = headers.get(name) {
            out.insert(name, value.clone());
        }
    }
    out
}

pub(super) fn answer(x: &mut Exchange, given: Given) -> Result<Given, Refusal> {
    let Given { mut head, content } = given;
    let Content::Whole(before, _) = content else {
        let detail = format!("The limit for SOAP is {} bytes.", x.gateway.config.collect_max);
        return Err(Refusal::new(&fault::ANSWER_TOO_LARGE, detail));
    };
    let bytes = completed(x, &head.headers, &before)?;
    if let Some(received) = x.answer.received
        && received.bytes.is_none()
    {
        let digest = x.digests_bodies().then(|| sha256(&before));
        x.answer.received =
            Some(crate::record::view::Message { body: digest, bytes: Some(before.len() as u64), ..received });
    }
    let ours =
        |name: &str| matches!(name, "content-type" | "deprecation" | "sunset") || name.starts_with("lgsp-");
    let mut lines = HeaderMap::new();
    for (name, value) in head.headers.iter().filter(|(name, _)| ours(name.as_str())) {
        lines.append(name.clone(), value.clone());
    }
    head.headers = lines;
    Ok(Given { head, content: Content::Whole(bytes, None) })
}

/// The answer with the request's header and hash.
fn completed(x: &mut Exchange, headers: &HeaderMap, body: &Bytes) -> Result<Bytes, Refusal> {
    let unusable = |why: &dyn std::fmt::Display| {
        Refusal::new(&fault::ANSWER_MALFORMED, format!("It is no SOAP message of X-Road: {why}."))
    };
    let Some(Any::Soap(said)) = x.xroad.as_ref().map(|call| &call.said) else { return Ok(body.clone()) };
    let mut types = headers.get_all(CONTENT_TYPE).iter();
    let content_type = types.next().and_then(|v| v.to_str().ok()).unwrap_or_default();
    if types.next().is_some() || lgsp_wire::xml::check_charset(content_type).is_err() {
        return Err(unusable(&"its Content-Type"));
    }
    if headers.get(CONTENT_ENCODING).is_some_and(|v| !v.as_bytes().eq_ignore_ascii_case(b"identity")) {
        return Err(unusable(&"its Content-Encoding"));
    }
    let multipart = if is_multipart(content_type) {
        Some(Multipart::parse(content_type, body).map_err(|e| unusable(&e))?)
    } else {
        None
    };
    let envelope = multipart.as_ref().map_or(body, |m| m.soap());
    let done = match complete_answer(&said.header, envelope, &said.hash) {
        Ok(done) => done,
        Err(error @ SoapError::Inconsistent(_)) => {
            let told = unusable(&error);
            return Err(inconsistent(x, &error, told));
        }
        Err(error) => return Err(unusable(&error)),
    };
    match multipart {
        None => Ok(done),
        Some(message) => {
            message.with_soap(&done).ok_or_else(|| unusable(&"its boundary occurs in the header's fields"))
        }
    }
}

/// The answer is another request's: X-Road has a word for that.
fn inconsistent(x: &mut Exchange, error: &SoapError, refusal: Refusal) -> Refusal {
    if let Some(call) = &mut x.xroad {
        call.error = Some((refusal.kind, error.error(&x.id_text)));
    }
    refusal
}
