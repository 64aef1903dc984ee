//! The message protocol for REST: whom a path means, what goes on to the provider, and the lines that make an answer one of X-Road.

use super::hashed::{Slot, sha512};
use super::{Said as Any, addressed_here, broken, names, note, same_caller, set_said, state};
use crate::body::intake::RequestBody;
use crate::exchange::Exchange;
use crate::steps::verify::Given;
use http::header::{CONTENT_LENGTH, HeaderMap, HeaderName, HeaderValue};
use http::{Method, Uri};
use lgsp_kernel::model::Protocol;
use lgsp_kernel::{Refusal, fault};
use lgsp_xroad::meta::{MetaService, Plain};
use lgsp_xroad::rest::{Answer, CLIENT, ERROR, REQUEST_HASH, Request, forwarded, head_bytes, request_hash};

/// A request, and what its hash is made of.
pub(super) struct Said {
    pub request: Request,
    /// The message's id: the caller's, or the exchange's.
    id: String,
    head: Vec<u8>,
    body: Body,
}

/// What is known of the SHA-512 of the request's body.
enum Body {
    None,
    Whole(Box<[u8; 64]>),
    Streaming(Slot),
}

impl Said {
    pub fn id(&self) -> &str {
        &self.id
    }
    pub fn slot(&self) -> Option<Slot> {
        match &self.body {
            Body::Streaming(slot) => Some(slot.clone()),
            Body::None | Body::Whole(_) => None,
        }
    }
    /// None where the provider answered before the body had passed.
    fn hash(&self) -> Option<String> {
        match &self.body {
            Body::None => Some(request_hash(&self.head, None)),
            Body::Whole(body) => Some(request_hash(&self.head, Some(body))),
            Body::Streaming(slot) => slot.hash().map(|body| request_hash(&self.head, Some(&body))),
        }
    }
}

pub(super) fn identify(x: &mut Exchange) -> Result<(), Refusal> {
    if let Some(plain) = Plain::parse(x.head.uri.path(), x.head.uri.query()) {
        let plain = plain.map_err(|e| broken(x, e))?;
        if !matches!(x.head.method, Method::GET | Method::HEAD) {
            return Err(Refusal::new(&fault::WRONG_METHOD, "Allowed: GET, HEAD"));
        }
        stated_client(x)?;
        set_said(x, Any::Plain(Box::new(plain)));
        return Ok(());
    }
    let request = Request::parse(x.head.uri.path(), &x.head.headers);
    let request = request.map_err(|e| broken(x, e.error("")))?;
    let id = request.id.clone().unwrap_or_else(|| x.id_text.clone());
    let kept = Said { request: request.clone(), id: id.clone(), head: Vec::new(), body: Body::None };
    set_said(x, Any::Rest(Box::new(kept)));
    same_caller(x, &request.client)?;
    addressed_here(x, request.security_server.as_ref())?;
    state(x, request.user_id.as_deref(), request.issue.as_deref())?;
    note(x, &request.client, &id, request.represented_party.as_ref());
    Ok(())
}

/// Where the client need not be stated, it must still not be another one.
pub(super) fn stated_client(x: &mut Exchange) -> Result<(), Refusal> {
    let mut lines = x.head.headers.get_all(&CLIENT).iter();
    let Some(line) = lines.next() else { return Ok(()) };
    let text = std::str::from_utf8(line.as_bytes()).ok().filter(|_| lines.next().is_none());
    let Some(text) = text.map(|t| t.trim().to_owned()) else {
        return Err(super::bad(x, "the header x-road-client is there twice, or not text"));
    };
    let client = lgsp_xroad::id::ClientId::parse(&text).map_err(|e| super::bad(x, e))?;
    same_caller(x, &client)
}

/// The address here. None where the platform answers itself.
pub(super) fn resolve(x: &mut Exchange) -> Result<Option<Uri>, Refusal> {
    let Some(Any::Rest(said)) = x.xroad.as_ref().map(|call| &call.said) else { return Ok(None) };
    let Request { service, path, .. } = &said.request;
    let provider = names::system(x, &service.provider)?;
    if MetaService::of(&service.service).is_some() {
        return Ok(None);
    }
    let of_provider = |s: &&std::sync::Arc<lgsp_kernel::snapshot::Service>| {
        s.spec.system == provider.spec.id && s.spec.protocol == Protocol::Rest
    };
    let found = x.snapshot.services.get(service.service.as_str()).filter(of_provider);
    let found = found.ok_or_else(|| {
        Refusal::new(&fault::NO_SERVICE, format!("{} offers no REST service of this code.", service.provider))
    })?;
    let query = x.head.uri.query().map(|q| format!("?{q}")).unwrap_or_default();
    let address = format!("/{}{path}{query}", found.spec.id);
    let address: Result<Uri, _> = address.parse();
    address.map(Some).map_err(|_| Refusal::new(&fault::BAD_PATH, "The path is not one of a URL."))
}

/// Never passed on, and so in no hash: the caller's credentials for this platform, what only the platform says, and whom others claim to
/// speak for.
fn kept_back(name: &HeaderName) -> bool {
    let name = name.as_str();
    matches!(name, "authorization" | "lgspaccesstoken" | "apikey" | "x-api-key")
        || crate::steps::forward::is_ours(name)
}

fn lines(headers: &HeaderMap, id: &str, exchange: &str) -> HeaderMap {
    // Copied and not taken out, which would change the order of those that stay.
    let mut kept = HeaderMap::with_capacity(headers.len() + 4);
    for (name, value) in headers.iter().filter(|(name, _)| !kept_back(name)) {
        kept.append(name.clone(), value.clone());
    }
    // Connection names lines, too, that were kept back: those are not there.
    let value = |text: &str| HeaderValue::from_bytes(text.as_bytes());
    let (Ok(id), Ok(exchange)) = (value(id), value(exchange)) else { return kept };
    forwarded(&kept, &id, &exchange)
}

/// The lines that go on; the hash of the request is prepared of the same.
pub(super) fn outgoing(x: &mut Exchange, headers: &HeaderMap) -> HeaderMap {
    let body = match &x.body {
        RequestBody::Whole(bytes, _) => Body::Whole(Box::new(sha512(bytes))),
        RequestBody::Large(intake) => Body::Streaming(Slot::new(intake.known_length())),
        RequestBody::None | RequestBody::Unread(_) => Body::None,
    };
    prepare(x, headers, body)
}

fn prepare(x: &mut Exchange, headers: &HeaderMap, body: Body) -> HeaderMap {
    let target = x.head.uri.path_and_query().map_or("/", |p| p.as_str()).to_owned();
    let Some(Any::Rest(said)) = x.xroad.as_mut().map(|call| &mut call.said) else { return headers.clone() };
    let mut out = lines(headers, &said.id, &x.id_text);
    said.head = head_bytes(x.head.method.as_str(), &target, &out, said.request.id.is_some());
    if let Body::Streaming(_) = &body
        && let Some(length) = headers.get(CONTENT_LENGTH)
    {
        out.insert(CONTENT_LENGTH, length.clone());
    }
    said.body = body;
    out
}

pub(super) fn answer(x: &Exchange, given: Given) -> Given {
    let Given { mut head, content } = given;
    if let Some(Any::Rest(said)) = x.xroad.as_ref().map(|call| &call.said) {
        head.headers = dressed(x, said, &head.headers);
    }
    Given { head, content }
}

fn dressed(x: &Exchange, said: &Said, provider: &HeaderMap) -> HeaderMap {
    let hash = said.hash();
    let answer = Answer {
        client: &said.request.client,
        service: &said.request.service,
        id: &said.id,
        request_id: &x.id_text,
        request_hash: hash.as_deref().unwrap_or_default(),
    };
    let mut headers = answer.headers(provider);
    headers.remove(&ERROR);
    if hash.is_none() {
        headers.remove(&REQUEST_HASH);
    }
    headers
}

/// The lines of an answer of the platform's own to a request for metadata.
pub(super) fn own_lines(x: &mut Exchange, headers: &HeaderMap) -> HeaderMap {
    let received = x.head.headers.clone();
    prepare(x, &received, Body::None);
    match x.xroad.as_ref().map(|call| &call.said) {
        Some(Any::Rest(said)) => dressed(x, said, headers),
        _ => headers.clone(),
    }
}
