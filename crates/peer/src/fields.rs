//! The names of the protocol's fields, which of them concern one hop only, and the forms of their values. Not here: what is stated (`statement`).

use base64::{Engine, engine::general_purpose::STANDARD};
use http::{HeaderMap, HeaderName, HeaderValue};
use lgsp_kernel::bounds::STATEMENT_MAX;
use lgsp_kernel::{AgencyCode, NodeName, ServiceId, SystemId, VersionLabel};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

macro_rules! fields {
    ($($(#[$doc:meta])* $name:ident $text:literal;)*) => {$(
        $(#[$doc])*
        pub static $name: HeaderName = HeaderName::from_static($text);
    )*};
}

fields! {
    /// The exchange, the same in all logs.
    EXCHANGE "lgsp-exchange";
    /// Who sends.
    FROM "lgsp-from";
    /// For which service.
    TO "lgsp-to";
    /// RFC 9530.
    CONTENT_DIGEST "content-digest";
    /// `streamed`: the digest comes in the trailers.
    BODY "lgsp-body";
    /// The digest of the request's statement.
    IN_REPLY_TO "lgsp-in-reply-to";
    /// In trailers: the digest of the head's statement.
    HEAD "lgsp-head";
    /// The officer.
    OFFICER "lgsp-officer";
    /// The purpose.
    PURPOSE "lgsp-purpose";
    /// The dossier.
    DOSSIER "lgsp-dossier";
    /// The consumer's key under which at most one request is forwarded.
    IDEMPOTENCY_KEY "lgsp-idempotency-key";
    /// A refusal's code.
    REFUSAL "lgsp-refusal";
    /// With a refusal: `no` or `unknown`.
    ACTED "lgsp-acted";
    /// The exchange that had this answer before.
    ORIGINAL_EXCHANGE "lgsp-original-exchange";
    /// RFC 9421.
    SIGNATURE_INPUT "signature-input";
    /// RFC 9421.
    SIGNATURE "signature";
    /// Index, salt and path in the sender's log.
    PROOF "lgsp-proof";
    /// The sender's checkpoint.
    CHECKPOINT "lgsp-checkpoint";
    /// What lets the key speak for the agency.
    DELEGATION "lgsp-delegation";
    /// How far the sender's clock is off, seconds.
    HOP_CLOCK "lgsp-hop-clock";
}

/// Whether a field concerns one hop, or proves a statement and so cannot be part of it.
pub fn is_hop(name: &str) -> bool {
    matches!(
        name,
        "signature-input"
            | "signature"
            | "lgsp-proof"
            | "lgsp-checkpoint"
            | "lgsp-delegation"
            | "traceparent"
            | "tracestate"
            | "via"
            | "te"
            | "connection"
            | "keep-alive"
            | "transfer-encoding"
            | "upgrade"
            | "trailer"
            | "host"
            | "content-length"
            | "expect"
            | "http2-settings"
    ) || name.starts_with("lgsp-hop-")
        || name.starts_with("proxy-")
}

/// Fields of the trace (W3C Trace Context): nobody stands by them, and they go on.
pub(crate) const TRACE: [&str; 2] = ["traceparent", "tracestate"];

/// Whether a field is one that this protocol gives a meaning in a statement.
pub fn is_known(name: &str) -> bool {
    [
        &EXCHANGE,
        &FROM,
        &TO,
        &BODY,
        &IN_REPLY_TO,
        &HEAD,
        &OFFICER,
        &PURPOSE,
        &DOSSIER,
        &IDEMPOTENCY_KEY,
        &REFUSAL,
        &ACTED,
        &ORIGINAL_EXCHANGE,
    ]
    .iter()
    .any(|n| n.as_str() == name)
}

/// Whether a field is the platforms' own and not the systems': taken out of what the systems get to see.
pub fn is_platform(name: &str) -> bool {
    name.starts_with("lgsp-") || name == "content-digest" || is_hop(name)
}

/// Takes the platforms' own fields out.
pub(crate) fn strip_platform(headers: &mut HeaderMap) {
    for name in [
        &EXCHANGE,
        &FROM,
        &TO,
        &CONTENT_DIGEST,
        &BODY,
        &IN_REPLY_TO,
        &HEAD,
        &OFFICER,
        &PURPOSE,
        &DOSSIER,
        &IDEMPOTENCY_KEY,
        &REFUSAL,
        &ACTED,
        &ORIGINAL_EXCHANGE,
    ] {
        headers.remove(name);
    }
}

/// Keeps a value out of the header compression's table: it never comes again.
pub(crate) fn once(mut value: HeaderValue) -> HeaderValue {
    value.set_sensitive(true);
    value
}

/// A value of visible ASCII that the platform made itself.
pub(crate) fn value(text: impl Into<String>) -> HeaderValue {
    HeaderValue::try_from(text.into()).expect("names, codes, digits and base64 are visible ASCII")
}

/// A byte sequence (RFC 9651, section 3.3.5).
pub(crate) fn bytes_item(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4 + 2);
    text.push(':');
    STANDARD.encode_string(bytes, &mut text);
    text.push(':');
    text
}

/// Reads a byte sequence in canonical form, not longer than `max` bytes.
pub(crate) fn read_bytes_item(text: &str, max: usize) -> Option<Vec<u8>> {
    let inner = text.strip_prefix(':')?.strip_suffix(':')?;
    if inner.len() > max.div_ceil(3) * 4 {
        return None;
    }
    STANDARD.decode(inner).ok().filter(|b| b.len() <= max)
}

/// The one line of a field, as text; none if it is absent, repeated or not visible ASCII.
pub fn single<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let mut lines = headers.get_all(name).iter();
    let first = lines.next()?;
    if lines.next().is_some() { None } else { first.to_str().ok() }
}

/// `sha-256=:...:` of a digest.
pub fn content_digest(digest: &[u8; 32]) -> HeaderValue {
    once(value(format!("sha-256={}", bytes_item(digest))))
}

/// Reads a `content-digest` of exactly SHA-256.
pub fn read_content_digest(text: &str) -> Option<[u8; 32]> {
    read_bytes_item(text.strip_prefix("sha-256=")?, 32)?.try_into().ok()
}

/// `lgsp-from` of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct From {
    /// The node.
    pub node: NodeName,
    /// The agency.
    pub agency: AgencyCode,
    /// The system.
    pub system: SystemId,
}

impl From {
    /// Reads the value.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('/');
        let (node, agency, system) = (parts.next()?, parts.next()?, parts.next()?);
        let rest = parts.next();
        let read = Self {
            node: NodeName::new(node).ok()?,
            agency: exact_agency(agency)?,
            system: SystemId::new(system).ok()?,
        };
        rest.is_none().then_some(read)
    }
    pub(crate) fn value(&self) -> HeaderValue {
        value(format!("{}/{}/{}", self.node, self.agency, self.system))
    }
}

/// An agency code that is written as it is kept: no spaces, upper case.
pub(crate) fn exact_agency(text: &str) -> Option<AgencyCode> {
    text.parse::<AgencyCode>().ok().filter(|a| a.as_str() == text)
}

/// `lgsp-from` of an answer.
pub(crate) fn read_answerer(text: &str) -> Option<(NodeName, AgencyCode)> {
    let (node, agency) = text.split_once('/')?;
    Some((NodeName::new(node).ok()?, exact_agency(agency)?))
}

/// `lgsp-to` of a request, and the path of the same meaning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct To {
    /// The provider's node.
    pub node: NodeName,
    /// The service there.
    pub service: ServiceId,
    /// The version there.
    pub version: VersionLabel,
}

impl To {
    /// Reads `<node>/<service>/<version>`.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.splitn(3, '/');
        let (node, service, version) = (parts.next()?, parts.next()?, parts.next()?);
        Some(Self {
            node: NodeName::new(node).ok()?,
            service: ServiceId::new(service).ok()?,
            version: VersionLabel::new(version).ok()?,
        })
    }
    pub(crate) fn value(&self) -> HeaderValue {
        value(format!("{}/{}/{}", self.node, self.service, self.version))
    }
}

/// What lies before the node in every path of version 1.
pub const PATH_PREFIX: &str = "/peer/1/";
/// The path of `hello`.
pub const HELLO_PATH: &str = "/peer/1/hello";

/// Whom a path under [`PATH_PREFIX`] addresses, and what follows the version.
pub fn read_path(path: &str) -> Option<(&str, &str)> {
    let after = path.strip_prefix(PATH_PREFIX)?;
    let mut slashes = after.bytes().enumerate().filter(|(_, b)| *b == b'/').map(|(i, _)| i);
    let (_, second) = (slashes.next()?, slashes.next()?);
    let end = slashes.next().unwrap_or(after.len());
    (second < end).then(|| after.split_at(end))
}

/// What stays as it is in a stated officer, purpose or dossier.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b' ');

pub(crate) fn stated_value(text: &str) -> HeaderValue {
    // A space at the ends would be lost as surrounding white space.
    let inner = text.trim_matches(' ');
    if inner.len() == text.len() {
        return value(utf8_percent_encode(text, PLAIN).to_string());
    }
    value(utf8_percent_encode(text, NON_ALPHANUMERIC).to_string())
}

pub(crate) fn read_stated(text: &str) -> Option<String> {
    if text.len() > 3 * STATEMENT_MAX {
        return None;
    }
    let decoded = percent_decode_str(text).decode_utf8().ok()?;
    (decoded.len() <= STATEMENT_MAX && !decoded.chars().any(char::is_control)).then(|| decoded.into_owned())
}

#[cfg(test)]
mod tests {
    use super::{From, To, read_path, read_stated, stated_value};

    #[test]
    fn a_path_is_split_after_the_version_and_nothing_is_normalized() {
        assert_eq!(read_path("/peer/1/b/s/1.0"), Some(("b/s/1.0", "")));
        assert_eq!(read_path("/peer/1/b/s/1.0/"), Some(("b/s/1.0", "/")));
        assert_eq!(read_path("/peer/1/b/s/1.0/x//%2e/"), Some(("b/s/1.0", "/x//%2e/")));
        for bad in ["/peer/1/b/s", "/peer/1/b", "/peer/2/b/s/1", "/peer/1/", "/x"] {
            assert_eq!(read_path(bad), None, "{bad}");
        }
    }

    #[test]
    fn names_of_ends_are_read_exactly() {
        assert!(From::parse("a/H01.15/s").is_some());
        for bad in ["a/H01.15", "a/H01.15/s/x", "a/h01.15/s", "a/ H01.15/s", "a//s", ""] {
            assert!(From::parse(bad).is_none(), "{bad}");
        }
        assert!(To::parse("b/s/1.0").is_some());
        assert!(To::parse("b/s/1.0/x").is_none());
    }

    #[test]
    fn what_is_stated_survives_in_any_language() {
        for text in ["Cấp giấy phép", " x ", "100%", "a,b;c=\"d\"", ""] {
            let value = stated_value(text);
            assert_eq!(read_stated(value.to_str().unwrap()).as_deref(), Some(text));
        }
        assert_eq!(read_stated("%0a"), None);
        assert_eq!(read_stated("%ff"), None);
    }
}
