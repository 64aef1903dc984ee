//! The message protocol for REST, version r1 (PR-REST 1.0.3): what a request says, the hash that binds an answer to it, and the header lines of
//! both that pass or do not.

use crate::error::XRoadError;
use crate::id::{ClientId, IdError, RepresentedParty, ServerId, ServiceId, decode};
use aws_lc_rs::digest::{SHA512, digest};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use http::{HeaderMap, HeaderName, HeaderValue};

/// Length of `X-Road-Id`, `X-Road-UserId` and `X-Road-Issue`, bytes.
pub const VALUE_MAX: usize = 256;

/// The client.
pub const CLIENT: HeaderName = HeaderName::from_static("x-road-client");
/// The message.
pub const ID: HeaderName = HeaderName::from_static("x-road-id");
/// The user whose action began it.
pub const USER_ID: HeaderName = HeaderName::from_static("x-road-userid");
/// The case it belongs to.
pub const ISSUE: HeaderName = HeaderName::from_static("x-road-issue");
/// The security server that shall take it.
pub const SECURITY_SERVER: HeaderName = HeaderName::from_static("x-road-security-server");
/// On whose behalf.
pub const REPRESENTED_PARTY: HeaderName = HeaderName::from_static("x-road-represented-party");
/// The service, in answers.
pub const SERVICE: HeaderName = HeaderName::from_static("x-road-service");
/// What the consumer's side names the exchange.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-road-request-id");
/// What binds the answer to its request.
pub const REQUEST_HASH: HeaderName = HeaderName::from_static("x-road-request-hash");
/// The type of an error that arose in X-Road.
pub const ERROR: HeaderName = HeaderName::from_static("x-road-error");

/// Lines that are never passed: of one connection, or telling the origin's name (PR-REST 4.3, "Filtered" and "Specially handled").
const FILTERED: &[&str] = &[
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "host",
    "user-agent",
    "server",
    "expect",
    "content-length",
];

/// Why a request is not one of r1.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RestError {
    /// The path does not begin with `/r` and a digit.
    #[error("the path does not begin with /r1")]
    NotRest,
    /// Another version of the protocol.
    #[error("version r{0} of the message protocol is not supported, use r1")]
    Version(char),
    /// Too few parts before the service's own path.
    #[error("the path must be /r1/instance/class/member/subsystem/service[/path]")]
    Path,
    /// An identifier in the path or a header line.
    #[error("{0}")]
    Id(#[from] IdError),
    /// The one header line that must be there is not.
    #[error("the header X-Road-Client is missing")]
    NoClient,
    /// A line that must be single is not: its readers would not agree which counts.
    #[error("the header {0} occurs more than once")]
    Repeated(HeaderName),
    /// A value that is empty, too long or not printable.
    #[error("the header {0} must be 1 to {VALUE_MAX} printable characters")]
    Value(HeaderName),
}

impl RestError {
    /// The error body's content.
    pub fn error(&self, exchange: &str) -> XRoadError {
        XRoadError::bad_request(
            format_args!(
                "Error parsing the client's REST request. The request format must be that of the X-Road Message Protocol for REST (r1): {self}."
            ),
            exchange,
        )
    }
}

/// What a request says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The service; its subsystem is always there.
    pub service: ServiceId,
    /// The path at the service as it was sent, empty or beginning with `/`. Neither decoded nor normalized.
    pub path: String,
    /// The client.
    pub client: ClientId,
    /// `X-Road-Id`; where there is none, this side makes one.
    pub id: Option<String>,
    /// `X-Road-UserId`.
    pub user_id: Option<String>,
    /// `X-Road-Issue`.
    pub issue: Option<String>,
    /// `X-Road-Security-Server`.
    pub security_server: Option<ServerId>,
    /// `X-Road-Represented-Party`.
    pub represented_party: Option<RepresentedParty>,
}

/// Whether a path is meant for this protocol: `/r` and a digit as the first segment.
pub fn is_rest(path: &str) -> bool {
    version(path).is_some()
}

fn version(path: &str) -> Option<char> {
    let first = path.strip_prefix('/')?.split('/').next()?;
    let mut chars = first.strip_prefix('r')?.chars();
    chars.next().filter(|c| c.is_ascii_digit() && chars.next().is_none())
}

impl Request {
    /// Reads the raw path (without its query) and the header lines.
    pub fn parse(path: &str, headers: &HeaderMap) -> Result<Self, RestError> {
        let (service, path) = service_of(path)?;
        let client = text(headers, &CLIENT)?.ok_or(RestError::NoClient)?;
        Ok(Self {
            service,
            path,
            client: ClientId::parse(&client)?,
            id: text(headers, &ID)?,
            user_id: text(headers, &USER_ID)?,
            issue: text(headers, &ISSUE)?,
            security_server: text(headers, &SECURITY_SERVER)?.map(|t| ServerId::parse(&t)).transpose()?,
            represented_party: text(headers, &REPRESENTED_PARTY)?
                .map(|t| RepresentedParty::parse(&t))
                .transpose()?,
        })
    }
}

/// The service and the rest of a path.
fn service_of(path: &str) -> Result<(ServiceId, String), RestError> {
    const WHAT: &str = "the service in the path";
    match version(path) {
        None => return Err(RestError::NotRest),
        Some('1') => {}
        Some(other) => return Err(RestError::Version(other)),
    }
    let mut parts = path[1..].splitn(7, '/').skip(1);
    let mut part = || -> Result<String, RestError> {
        decode(parts.next().ok_or(RestError::Path)?, WHAT).map_err(RestError::from)
    };
    let (instance, class, member, subsystem, service) = (part()?, part()?, part()?, part()?, part()?);
    let rest = parts.next().map(|rest| format!("/{rest}")).unwrap_or_default();
    let provider = ClientId { instance, class, member, subsystem: Some(subsystem) };
    Ok((ServiceId { provider, service, version: None }, rest))
}

/// A header line's value. PR-REST lets the last of several `X-Road-Client` lines count (SHOULD) and forbids clients to send them (MUST NOT):
/// they are refused, since what is recorded must read in one way.
fn text(headers: &HeaderMap, name: &HeaderName) -> Result<Option<String>, RestError> {
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(RestError::Repeated(name.clone()));
    }
    let text = std::str::from_utf8(value.as_bytes()).map_err(|_| RestError::Value(name.clone()))?.trim();
    let long = if *name == CLIENT || *name == SECURITY_SERVER { 8 * VALUE_MAX } else { VALUE_MAX };
    if text.is_empty() || text.len() > long || text.chars().any(char::is_control) {
        return Err(RestError::Value(name.clone()));
    }
    Ok(Some(text.to_owned()))
}

/// The header lines of a request that go on to the service: all but the filtered ones, `X-Road-Request-Hash`, which only answers have, and the
/// former `X-Road-Request-Id`. Adds the missing: `X-Road-Id`, `X-Road-Request-Id`, and `Accept: application/json` where no `Accept` is.
pub fn forwarded(headers: &HeaderMap, id: &HeaderValue, request_id: &HeaderValue) -> HeaderMap {
    let mut out = passed(headers, &[REQUEST_ID, REQUEST_HASH]);
    out.insert(REQUEST_ID, request_id.clone());
    out.entry(ID).or_insert_with(|| id.clone());
    out.entry(http::header::ACCEPT).or_insert_with(|| HeaderValue::from_static("application/json"));
    out
}

/// The path of a request of ours at a security server. `path` is the service's own: empty, or beginning with `/`, encoded as it shall arrive.
pub fn outgoing_path(service: &ServiceId, path: &str) -> String {
    format!("/r1/{service}{path}")
}

/// The lines of a request of ours: who asks, and for what case. Lines of the same names that a consumer sent are replaced or dropped, since
/// we speak for ourselves there.
pub fn outgoing_lines(
    headers: &mut HeaderMap,
    client: &ClientId,
    id: &str,
    user_id: Option<&str>,
    issue: Option<&str>,
) {
    for name in [SECURITY_SERVER, REPRESENTED_PARTY, SERVICE, REQUEST_ID, REQUEST_HASH, ERROR] {
        headers.remove(name);
    }
    let client = client.to_string();
    for (name, value) in [(CLIENT, Some(&*client)), (ID, Some(id)), (USER_ID, user_id), (ISSUE, issue)] {
        match value.and_then(|v| HeaderValue::from_bytes(v.as_bytes()).ok()) {
            Some(value) => drop(headers.insert(name, value)),
            None => drop(headers.remove(name)),
        }
    }
}

/// The type of the error where an answer arose in X-Road and not at the provider (PR-REST 4.6, example 5).
pub fn error_type(answer: &HeaderMap) -> Option<&str> {
    answer.get(ERROR).and_then(|v| v.to_str().ok())
}

/// What an answer says about itself.
#[derive(Debug, Clone, Copy)]
pub struct Answer<'a> {
    /// The client.
    pub client: &'a ClientId,
    /// The service.
    pub service: &'a ServiceId,
    /// The message's id.
    pub id: &'a str,
    /// What the consumer's side named the exchange.
    pub request_id: &'a str,
    /// From [`request_hash`].
    pub request_hash: &'a str,
}

impl Answer<'_> {
    /// The provider's header lines as the consumer gets them: without the filtered ones, and with this answer's own in place of any that the
    /// provider set.
    pub fn headers(&self, provider: &HeaderMap) -> HeaderMap {
        let mut out = passed(provider, &[CLIENT, SERVICE, ID, REQUEST_ID, REQUEST_HASH, ERROR]);
        for (name, value) in [
            (ID, self.id.to_owned()),
            (CLIENT, self.client.to_string()),
            (SERVICE, self.service.to_string()),
            (REQUEST_ID, self.request_id.to_owned()),
            (REQUEST_HASH, self.request_hash.to_owned()),
        ] {
            if let Ok(value) = HeaderValue::from_bytes(value.as_bytes()) {
                out.insert(name, value);
            }
        }
        out
    }
}

fn passed(headers: &HeaderMap, replaced: &[HeaderName]) -> HeaderMap {
    let named = named_by_connection(headers);
    let mut out = HeaderMap::with_capacity(headers.len() + 6);
    for (name, value) in headers {
        let filtered = FILTERED.contains(&name.as_str()) || named.iter().any(|n| n == name.as_str());
        if !filtered && !replaced.contains(name) {
            out.append(name.clone(), value.clone());
        }
    }
    out
}

/// `Connection` names lines that are this connection's own (RFC 9110, 7.6.1); X-Road's own lines cannot be dropped in this way.
fn named_by_connection(headers: &HeaderMap) -> Vec<String> {
    let lines = headers.get_all(http::header::CONNECTION).iter().filter_map(|v| v.to_str().ok());
    let names = lines.flat_map(|v| v.split(',')).map(|name| name.trim().to_ascii_lowercase());
    names.filter(|name| !name.starts_with("x-road-")).collect()
}

/// The bytes that `SHA512(headers)` is about: method, path with query, and each line `name:value`, all ended by CR LF.
///
/// PR-REST 4.3 does not say what "headers" are byte for byte. This is what X-Road's own implementation takes: the lines that
/// [`forwarded`] lets through, in their order, `X-Road-Request-Id` last but for an `X-Road-Id` that was made on this side.
/// Names are in lower case, since HTTP/2 has no other.
pub fn head_bytes(
    method: &str,
    path_and_query: &str,
    forwarded: &HeaderMap,
    client_sent_id: bool,
) -> Vec<u8> {
    let mut out = Vec::with_capacity(1024);
    let mut put = |parts: &[&[u8]]| {
        parts.iter().for_each(|part| out.extend_from_slice(part));
        out.extend_from_slice(b"\r\n");
    };
    put(&[method.as_bytes()]);
    put(&[path_and_query.as_bytes()]);
    let last = |name: &HeaderName| *name == REQUEST_ID || (*name == ID && !client_sent_id);
    for (name, value) in forwarded.iter().filter(|(name, _)| !last(name)) {
        put(&[name.as_str().as_bytes(), b":", value.as_bytes()]);
    }
    for name in [REQUEST_ID, ID] {
        if let Some(value) = forwarded.get(&name).filter(|_| last(&name)) {
            put(&[name.as_str().as_bytes(), b":", value.as_bytes()]);
        }
    }
    out
}

/// `X-Road-Request-Hash`: base64 of `SHA512(SHA512(headers)+SHA512(body))`, or of `SHA512(headers)` where there is no body. `body` is the
/// SHA-512 digest of the body, which may have streamed.
pub fn request_hash(head: &[u8], body: Option<&[u8; 64]>) -> String {
    let head = digest(&SHA512, head);
    match body {
        None => BASE64_STANDARD.encode(head.as_ref()),
        Some(body) => BASE64_STANDARD.encode(digest(&SHA512, &[head.as_ref(), body].concat()).as_ref()),
    }
}
