//! The documents of a version's faces: `GET .../openapi.json`, `?wsdl` and `?xsd=name` at its address, for callers that have any grant
//! for the service, and for anyone where the service is listed. An operation that a declared path leads to goes before.

use super::whole;
use crate::exchange::Exchange;
use crate::steps::verify::{Content, Given};
use bytes::Bytes;
use http::header::{CACHE_CONTROL, HeaderValue};
use http::{Method, StatusCode, Uri};
use lgsp_kernel::snapshot::{Service, Version};
use lgsp_kernel::{Refusal, fault};
use std::sync::Arc;

/// Which document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Document {
    Openapi,
    Wsdl,
    Xsd(String),
}

/// A document that was asked for, and of which version.
pub(crate) struct Asked {
    pub service: Arc<Service>,
    pub version: Arc<Version>,
    pub document: Document,
}

impl Document {
    /// What a request asks for, by its path after the version and its query.
    pub fn of(method: &Method, path: &str, query: Option<&str>) -> Option<Self> {
        if !matches!(*method, Method::GET | Method::HEAD) {
            return None;
        }
        if path == "/openapi.json" {
            return Some(Self::Openapi);
        }
        let query = query.filter(|_| path.is_empty() || path == "/")?;
        let (name, value) = query.split_once('=').unwrap_or((query, ""));
        match name.to_ascii_lowercase().as_str() {
            "wsdl" | "singlewsdl" => Some(Self::Wsdl),
            "xsd" => {
                let name = percent_encoding::percent_decode_str(value).decode_utf8().ok()?;
                Some(Self::Xsd(name.into_owned()))
            }
            _ => None,
        }
    }
}

/// Whether a request may ask for a document: asked of every request, before anything is known of it.
pub(crate) fn may_ask(method: &Method, uri: &Uri) -> bool {
    *method == Method::GET
        && (uri.path().ends_with("/openapi.json")
            || uri.query().is_some_and(|q| {
                let starts = |word: &str| q.get(..word.len()).is_some_and(|s| s.eq_ignore_ascii_case(word));
                starts("wsdl") || starts("xsd=") || starts("singlewsdl")
            }))
}

/// The document of a listed service, for anyone; none: whoever asks must say who they are.
pub(crate) fn open(x: &Exchange) -> Option<Given> {
    if x.member.is_some() || !may_ask(&x.head.method, &x.head.uri) {
        return None;
    }
    let path = lgsp_wire::path::clean(x.head.uri.path()).ok()?;
    let service = x.snapshot.services.get(&**path.segments.first()?).filter(|s| s.spec.listed)?.clone();
    let (version, taken) = crate::steps::resolve::version(&service, &path).ok()?;
    let rest = path.decoded_after(taken);
    if let crate::edge::rest::Found::Operation(_) = crate::edge::rest::find(&version, &x.head.method, &rest) {
        return None;
    }
    let document = Document::of(&x.head.method, &rest, x.head.uri.query())?;
    given(x, &Asked { service, version, document })
}

/// The document for a caller who was identified.
pub(crate) fn answer(x: &Exchange, asked: &Asked) -> Result<Given, Refusal> {
    let (id, caller) = (&asked.service.spec.id, x.caller.as_ref().map_or("", |c| c.system.spec.id.as_str()));
    if !asked.service.spec.listed && x.snapshot.grants_for(caller, id.as_str()).is_empty() {
        return Err(Refusal::new(&fault::NO_GRANT, format!("{caller} has no grant for {id}.")));
    }
    given(x, asked).ok_or_else(|| {
        Refusal::new(&fault::NO_OPERATION, format!("{} has no such document.", asked.version.key))
    })
}

fn given(x: &Exchange, asked: &Asked) -> Option<Given> {
    let mediator = asked.version.mediator.as_ref()?;
    let (text, kind) = match &asked.document {
        Document::Openapi => (mediator.openapi()?, "application/json"),
        Document::Wsdl => (mediator.wsdl()?, "text/xml; charset=utf-8"),
        Document::Xsd(name) => (mediator.xsd(name)?, "text/xml; charset=utf-8"),
    };
    let address = format!("{}/{}", x.gateway.config.issuer, asked.version.key);
    let body = Bytes::from(text.replace("{address}", &address));
    let mut response = whole(StatusCode::OK, kind, Bytes::new());
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("private, max-age=60"));
    super::name_exchange(response.headers_mut(), &x.id_text);
    let (head, _) = response.into_parts();
    Some(Given { head, content: Content::Whole(body, None) })
}

#[cfg(test)]
mod tests {
    use super::{Document, may_ask};
    use http::{Method, Uri};

    #[test]
    fn documents_are_asked_for_at_the_version_s_address() {
        let of = |path, query| Document::of(&Method::GET, path, query);
        assert_eq!(of("/openapi.json", None), Some(Document::Openapi));
        assert_eq!(of("/", Some("wsdl")), Some(Document::Wsdl));
        assert_eq!(of("", Some("WSDL=1")), Some(Document::Wsdl));
        assert_eq!(of("/", Some("xsd=a%2Fb.xsd")), Some(Document::Xsd("a/b.xsd".into())));
        assert_eq!(of("/citizens", Some("wsdl")), None);
        assert_eq!(Document::of(&Method::POST, "/openapi.json", None), None);
    }

    #[test]
    fn only_requests_that_look_like_it_are_looked_at() {
        let may = |uri: &'static str| may_ask(&Method::GET, &Uri::from_static(uri));
        assert!(may("/s/1.0/openapi.json") && may("/s/1.0?wsdl") && may("/s/1.0?XSD=a"));
        assert!(!may("/s/1.0/citizens/1?x=wsdl") && !may("/s/1.0"));
    }
}
