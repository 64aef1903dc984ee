//! Mediate: where a version has a contract, faces or mappings, the request becomes what its provider speaks before it is forwarded, and the
//! answer what its caller speaks. Both legs stay on record as they were received and as they were sent. Not here: what a message
//! means (`lgsp_kernel::mediation::Mediate`, implemented elsewhere).

use super::verify::{Content, Given};
use crate::body::intake::RequestBody;
use crate::body::legible::{self, one_content_type};
use crate::edge::Edge;
use crate::exchange::{Decision, Exchange, Why};
use crate::record::digest::sha256;
use bytes::Bytes;
use http::header::{
    ACCEPT, ACCEPT_ENCODING, ACCEPT_RANGES, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH,
    CONTENT_LOCATION, CONTENT_RANGE, CONTENT_TYPE, ETAG, EXPECT, HeaderMap, HeaderName, HeaderValue,
    IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE, IF_UNMODIFIED_SINCE, LAST_MODIFIED, RANGE, TRAILER,
    VARY,
};
use http::{Method, StatusCode};
use lgsp_kernel::mediation::{
    CallFacts, CallerAnswer, CallerRequest, Face, Mediate, Note, ProviderAnswer, ProviderRequest,
};
use lgsp_kernel::model::CheckSpec;
use lgsp_kernel::record::Stated;
use lgsp_kernel::snapshot::{Digest, System, Version};
use lgsp_kernel::{Millis, Refusal, Step, fault};
use lgsp_wire::soap::SoapVersion;
use std::borrow::Cow;
use std::sync::Arc;
use std::time::Instant;

/// What a message says of its body as its sender made it: no longer true of what becomes of it.
const TELLTALES: [&str; 6] =
    ["content-digest", "repr-digest", "digest", "content-md5", "signature", "signature-input"];
/// Questions about a representation that the provider does not have.
static CONDITIONS: [HeaderName; 7] =
    [IF_MATCH, IF_NONE_MATCH, IF_MODIFIED_SINCE, IF_UNMODIFIED_SINCE, IF_RANGE, RANGE, EXPECT];
/// What an answer says of a representation that the caller does not get.
static OF_THEIRS: [HeaderName; 7] =
    [CONTENT_LENGTH, CONTENT_LOCATION, CONTENT_RANGE, ACCEPT_RANGES, ETAG, LAST_MODIFIED, TRAILER];
static SOAP_ACTION: HeaderName = HeaderName::from_static("soapaction");

/// What mediation knows of an exchange.
pub(crate) struct Mediation {
    mediator: Arc<dyn Mediate>,
    /// How the caller speaks.
    pub face: Face,
    /// Whether that is another way than the provider's.
    pub converts: bool,
    /// The method that the provider is asked with, where it is another one.
    pub method: Option<Method>,
    /// The body as it was received, once another one takes its place.
    pub original: Option<Bytes>,
    /// Digest and length of the body that takes its place.
    pub sent: Option<(Option<Digest>, u64)>,
    /// What the answer's conversion needs of the request.
    pub kept: Option<Bytes>,
}

/// Notes, once the route is known, whether messages are mediated.
pub(crate) fn begin(x: &mut Exchange) {
    let Some(route) = &x.route else { return };
    let Some(mediator) = route.version.mediator.clone() else { return };
    let protocol = route.service.spec.protocol;
    let face = x.face.unwrap_or_else(|| spoken(x));
    let converts = !face.is_native(protocol);
    let (method, original, sent, kept) = (None, None, None, None);
    x.mediation = Some(Box::new(Mediation { mediator, face, converts, method, original, sent, kept }));
}

/// How a caller speaks where it speaks as the provider does.
fn spoken(x: &Exchange) -> Face {
    match (x.edge, x.route().service.spec.protocol) {
        (_, lgsp_kernel::model::Protocol::Rest) => Face::Rest,
        (Edge::Soap(SoapVersion::V12), _) => Face::Soap12,
        (Edge::Soap(SoapVersion::V11), _) => Face::Soap11,
        _ => match Edge::of_soap_service(&x.head.headers) {
            Edge::Soap(SoapVersion::V12) => Face::Soap12,
            _ => Face::Soap11,
        },
    }
}

fn check(x: &Exchange) -> CheckSpec {
    let grant = x.grant.as_ref().map_or_else(CheckSpec::default, |g| g.spec.check);
    x.route().version.spec.check.or_stricter(grant)
}

/// Whether the request must be here whole.
pub(crate) fn reads_request(x: &Exchange) -> bool {
    let reads = |m: &Mediation| m.mediator.reads_request(&x.route().operation.spec.name, m.face, check(x));
    x.mediation.as_deref().is_some_and(reads)
}

/// Whether the answer must be here whole.
pub(crate) fn reads_answer(x: &Exchange) -> bool {
    let reads = |m: &Mediation| m.mediator.reads_answer(&x.route().operation.spec.name, m.face, check(x));
    x.mediation.as_deref().is_some_and(reads)
}

/// Refuses what the platform and a provider could read differently. A version that takes other charsets than UTF-8 has the body read as
/// text first, so that a charset is no reason there.
pub(crate) fn legible(version: &Version, headers: &HeaderMap) -> Result<(), Refusal> {
    if version.mediator.as_ref().is_some_and(|m| m.reads_text()) {
        legible::decodable(headers)
    } else {
        legible::legible(headers)
    }
}

/// The body as what is decided by it must be read: in UTF-8. The body itself stays as it was received, for the record.
pub(crate) fn as_text(version: &Version, headers: &HeaderMap, body: &Bytes) -> Result<Bytes, Refusal> {
    match version.mediator.as_ref().filter(|m| m.reads_text()) {
        Some(mediator) => mediator.request_text(&text(headers, &CONTENT_TYPE), body),
        None => Ok(body.clone()),
    }
}

/// Whether the request's content type is another protocol's than the operation's own.
pub(crate) fn converts(x: &Exchange) -> bool {
    x.mediation.as_deref().is_some_and(|m| m.converts)
}

/// What is known of the call, held for as long as a conversion takes.
struct Facts {
    exchange: String,
    system: Option<Arc<System>>,
    stated: Stated,
    at: Millis,
}

impl Facts {
    fn of(x: &Exchange) -> Self {
        let system = x.caller.as_ref().map(|c| c.system.clone());
        Self { exchange: x.id_text.clone(), system, stated: x.stated.clone(), at: x.at }
    }
    fn get(&self) -> CallFacts<'_> {
        CallFacts {
            exchange: &self.exchange,
            system: self.system.as_ref().map_or("", |s| s.spec.id.as_str()),
            agency: self.system.as_ref().map_or("", |s| s.agency.as_str()),
            officer: self.stated.officer.as_deref(),
            purpose: self.stated.purpose.as_deref(),
            dossier: self.stated.dossier.as_deref(),
            at: self.at,
        }
    }
}

/// Makes of the request what the provider speaks.
pub(crate) async fn request(x: &mut Exchange) -> Result<(), Refusal> {
    if !reads_request(x) {
        ask_legibly(x);
        return Ok(());
    }
    let Some((mediator, face)) = x.mediation.as_ref().map(|m| (m.mediator.clone(), m.face)) else {
        return Ok(());
    };
    one_content_type(&x.head.headers)?;
    plain(&x.head.headers).map_err(|detail| Refusal::new(&fault::MEDIA_TYPE, detail))?;
    let body = match &x.body {
        RequestBody::Whole(bytes, _) => bytes.clone(),
        RequestBody::None | RequestBody::Unread(_) => Bytes::new(),
        RequestBody::Large(_) => return Err(too_large(x)),
    };
    let (began, facts) = (Instant::now(), Facts::of(x));
    let route = x.route().clone();
    let method = x.head.method.clone();
    let content_type = text(&x.head.headers, &CONTENT_TYPE);
    let soap_action = crate::edge::soap::action(&x.head.headers).map(Cow::into_owned).unwrap_or_default();
    let held = x.head.headers.clone();
    let lines: Vec<(&str, &str)> =
        held.iter().filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?))).collect();
    let asked = CallerRequest {
        face,
        operation: &route.operation.spec.name,
        method: method.as_str(),
        path: &route.path,
        target: &route.rest,
        content_type: &content_type,
        soap_action: &soap_action,
        headers: &lines,
        body: body.clone(),
        check: check(x).requests,
    };
    let made = mediator.request(asked, facts.get()).await;
    x.gateway.meters.mediated("request", made.is_ok(), began.elapsed().as_secs_f64());
    take_request(x, body, made?)
}

fn take_request(x: &mut Exchange, body: Bytes, made: ProviderRequest) -> Result<(), Refusal> {
    let ProviderRequest {
        method,
        target,
        content_type,
        soap_action,
        accept,
        headers: more,
        body: sent,
        kept,
        notes,
    } = made;
    told(x, Step::Validate, notes);
    let method = Method::from_bytes(method.as_bytes()).map_err(|e| defect(&e))?;
    let relabelled = content_type.as_deref().unwrap_or_default() != text(&x.head.headers, &CONTENT_TYPE);
    if sent != body || relabelled || converts(x) {
        let headers = &mut x.head.headers;
        for name in TELLTALES {
            headers.remove(name);
        }
        for name in CONDITIONS.iter().chain(&[CONTENT_LENGTH, CONTENT_ENCODING, TRAILER]) {
            headers.remove(name);
        }
        put(headers, &CONTENT_TYPE, content_type.as_deref())?;
        put(headers, &SOAP_ACTION, soap_action.map(|a| format!("\"{a}\"")).as_deref())?;
        if accept.is_some() {
            put(headers, &ACCEPT, accept.as_deref())?;
        }
        for (name, value) in more {
            let name = HeaderName::from_bytes(name.as_bytes()).map_err(|e| defect(&e))?;
            put(headers, &name, Some(&value))?;
        }
        let digest = x.digests_bodies().then(|| sha256(&sent));
        let length = sent.len() as u64;
        x.body = if sent.is_empty() { RequestBody::None } else { RequestBody::Whole(sent, None) };
        if let Some(m) = &mut x.mediation {
            (m.original, m.sent) = (Some(body), Some((digest, length)));
        }
        if let Some(route) = &mut x.route {
            route.rest = target;
        }
    }
    if let Some(m) = &mut x.mediation {
        m.method = (method != x.head.method).then_some(method);
        m.kept = kept;
    }
    ask_legibly(x);
    Ok(())
}

/// What is read must not come compressed.
fn ask_legibly(x: &mut Exchange) {
    if reads_answer(x) {
        x.head.headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    }
}

/// Makes of the answer what the caller speaks.
pub(crate) async fn answer(x: &mut Exchange, given: Given) -> Result<Given, Refusal> {
    if !reads_answer(x) {
        return Ok(given);
    }
    let Some((mediator, face, converts)) =
        x.mediation.as_ref().map(|m| (m.mediator.clone(), m.face, m.converts))
    else {
        return Ok(given);
    };
    let Given { mut head, content } = given;
    let Content::Whole(came, _) = content else {
        let max = x.gateway.config.collect_max;
        let detail = format!("An answer that is read may have {max} bytes.");
        return Err(Refusal::new(&fault::ANSWER_TOO_LARGE, detail));
    };
    // A GET's answer without its body cannot be looked at.
    if x.head.method == Method::HEAD && !converts {
        return Ok(Given { head, content: Content::Whole(came, None) });
    }
    if let Some(received) = &mut x.answer.received {
        let digest = x
            .route
            .as_ref()
            .is_some_and(|r| r.service.spec.evidence.body != lgsp_kernel::model::KeepBody::Off);
        (received.body, received.bytes) = (digest.then(|| sha256(&came)), Some(came.len() as u64));
    }
    if !came.is_empty() {
        plain(&head.headers).map_err(|detail| Refusal::new(&fault::ANSWER_CONVERSION, detail))?;
    }
    let (began, facts) = (Instant::now(), Facts::of(x));
    let operation = x.route().operation.clone();
    let content_type = text(&head.headers, &CONTENT_TYPE);
    let told_by = ProviderAnswer {
        face,
        operation: &operation.spec.name,
        status: head.status.as_u16(),
        content_type: &content_type,
        body: came.clone(),
        kept: x.mediation.as_mut().and_then(|m| m.kept.take()),
        check: check(x).answers,
    };
    let made = mediator.answer(told_by, facts.get()).await;
    x.gateway.meters.mediated("answer", made.is_ok(), began.elapsed().as_secs_f64());
    let CallerAnswer { status, content_type: given_type, body, notes } = made?;
    told(x, Step::Verify, notes);
    let relabelled = given_type.as_deref().unwrap_or_default() != content_type;
    if converts || relabelled || body != came || status != head.status.as_u16() {
        head.status = StatusCode::from_u16(status).map_err(|e| defect(&e))?;
        let headers = &mut head.headers;
        for name in TELLTALES {
            headers.remove(name);
        }
        for name in OF_THEIRS.iter().chain(&[CONTENT_ENCODING]) {
            headers.remove(name);
        }
        headers.remove(&SOAP_ACTION);
        put(headers, &CONTENT_TYPE, given_type.as_deref())?;
        if converts && !headers.contains_key(CACHE_CONTROL) {
            // What a POST answered was never meant to be kept, whatever the caller's method is.
            headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        }
        headers.remove(VARY);
    }
    let body = if x.head.method == Method::HEAD {
        head.headers.insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
        Bytes::new()
    } else {
        body
    };
    Ok(Given { head, content: Content::Whole(body, None) })
}

fn told(x: &mut Exchange, step: Step, notes: Vec<Note>) {
    for note in notes {
        x.decisions.push(Decision { step, ok: true, why: Why::Text(Cow::Owned(note.text)) });
    }
}

/// Without a content coding: what is compressed cannot be read.
fn plain(headers: &HeaderMap) -> Result<(), &'static str> {
    let plain = |v: &HeaderValue| v.as_bytes().eq_ignore_ascii_case(b"identity");
    if headers.get_all(CONTENT_ENCODING).iter().all(plain) {
        return Ok(());
    }
    Err("It has a Content-Encoding, and must be read to be converted or checked.")
}

/// A body that is converted or checked is taken whole.
pub(crate) fn too_large(x: &Exchange) -> Refusal {
    let max = x.gateway.config.collect_max;
    let detail = format!("The limit of a body that is converted or checked is {max} bytes.");
    Refusal::new(&fault::BODY_TOO_LARGE, detail)
}

fn text(headers: &HeaderMap, name: &HeaderName) -> String {
    headers.get(name).and_then(|v| v.to_str().ok()).unwrap_or_default().to_owned()
}

fn put(headers: &mut HeaderMap, name: &HeaderName, text: Option<&str>) -> Result<(), Refusal> {
    match text {
        Some(text) => {
            headers.insert(name.clone(), HeaderValue::from_str(text).map_err(|e| defect(&e))?);
        }
        None => drop(headers.remove(name)),
    }
    Ok(())
}

/// The contract led to something that is no HTTP.
fn defect(e: &dyn std::fmt::Display) -> Refusal {
    Refusal::new(&fault::INTERNAL, "The conversion failed.").with_internal(e)
}
