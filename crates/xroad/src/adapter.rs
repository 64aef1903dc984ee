//! The adapter form that one-stop software calls today: `/XrdAdapter/RestService/forward/<path>?dstcode=VN:GOV:...:...[&providerurl=...]`, later
//! also under `VXPAdapter`; `dstcode` is met as a header line, too. Each is one party's practice; this reads what they have in common.

use crate::error::XRoadError;
use crate::id::{ClientId, IdError};
use http::{HeaderMap, HeaderName};
use percent_encoding::percent_decode_str;

/// The prefixes that are met, in lower case.
const PREFIXES: [&str; 2] = ["/xrdadapter/restservice/forward", "/vxpadapter/restservice/forward"];
/// The line that may state the destination.
pub const DSTCODE: HeaderName = HeaderName::from_static("dstcode");
/// The line that may state the provider's address.
pub const PROVIDERURL: HeaderName = HeaderName::from_static("providerurl");

/// Why a request is not one of the adapter's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AdapterError {
    /// Another path.
    #[error(
        "the path does not begin with /XrdAdapter/RestService/forward or /VXPAdapter/RestService/forward"
    )]
    NotAdapter,
    /// No destination.
    #[error("dstcode is missing, in the query and as a header")]
    NoDestination,
    /// Two that differ, or one twice.
    #[error("{0} is stated twice")]
    Twice(&'static str),
    /// The destination is no identifier.
    #[error("{0}")]
    Id(#[from] IdError),
    /// A value that is not text.
    #[error("{0} is not percent-encoded UTF-8")]
    Encoding(&'static str),
}

impl AdapterError {
    /// The error body's content.
    pub fn error(&self, exchange: &str) -> XRoadError {
        XRoadError::bad_request(self, exchange)
    }
}

/// What a request says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Forward {
    /// Who is called: an identifier without the service.
    pub destination: ClientId,
    /// The path at the provider as it was sent: `/` at least.
    pub path: String,
    /// The query without `dstcode` and `providerurl`; what is left is as it was sent. None where nothing is.
    pub query: Option<String>,
    /// The provider's address that the caller names. To be compared with the registered target ([`same_target`]); nothing dials it.
    pub provider_url: Option<String>,
}

/// Whether a path is meant for the adapter.
pub fn is_adapter(path: &str) -> bool {
    rest_of(path).is_some()
}

fn rest_of(path: &str) -> Option<&str> {
    PREFIXES.iter().find_map(|prefix| {
        let head = path.get(..prefix.len())?;
        let rest = &path[prefix.len()..];
        (head.eq_ignore_ascii_case(prefix) && (rest.is_empty() || rest.starts_with('/'))).then_some(rest)
    })
}

impl Forward {
    /// Reads the raw path, the raw query and the header lines.
    pub fn parse(path: &str, query: Option<&str>, headers: &HeaderMap) -> Result<Self, AdapterError> {
        let rest = rest_of(path).ok_or(AdapterError::NotAdapter)?;
        let mut left = Vec::new();
        let (mut destination, mut provider) = (Vec::new(), Vec::new());
        for pair in query.unwrap_or_default().split('&').filter(|p| !p.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            // A provider could decode the name; it must not find another destination there than we did.
            let name = percent_decode_str(name).decode_utf8_lossy();
            match name.to_ascii_lowercase().as_str() {
                "dstcode" => destination.push(decoded(value, "dstcode")?),
                "providerurl" => provider.push(decoded(value, "providerurl")?),
                _ => left.push(pair),
            }
        }
        header(headers, &DSTCODE, "dstcode", &mut destination)?;
        header(headers, &PROVIDERURL, "providerurl", &mut provider)?;
        let destination = single(destination, "dstcode")?.ok_or(AdapterError::NoDestination)?;
        Ok(Self {
            destination: ClientId::parse_colons(&destination)?,
            path: if rest.is_empty() { "/".into() } else { rest.into() },
            query: (!left.is_empty()).then(|| left.join("&")),
            provider_url: single(provider, "providerurl")?.filter(|url| !url.is_empty()),
        })
    }
}

fn decoded(value: &str, what: &'static str) -> Result<String, AdapterError> {
    // In a query a plus is a blank (HTML forms); no identifier and no address has a blank.
    let text = percent_decode_str(value).decode_utf8().map_err(|_| AdapterError::Encoding(what))?;
    Ok(text.into_owned())
}

fn header(
    headers: &HeaderMap,
    name: &HeaderName,
    what: &'static str,
    into: &mut Vec<String>,
) -> Result<(), AdapterError> {
    for value in headers.get_all(name) {
        let text = std::str::from_utf8(value.as_bytes()).map_err(|_| AdapterError::Encoding(what))?;
        into.push(decoded(text.trim(), what)?);
    }
    Ok(())
}

/// The one value. The same stated in query and header is one; clients are met that do so.
fn single(mut values: Vec<String>, what: &'static str) -> Result<Option<String>, AdapterError> {
    values.dedup();
    match values.len() {
        0 | 1 => Ok(values.pop()),
        _ => Err(AdapterError::Twice(what)),
    }
}

/// Whether an address that a caller names is the registered target, or below it: same scheme, host and port, and its path begins with the
/// target's. Names that only look alike (user parts, other ports, dot segments) are not the same.
pub fn same_target(named: &str, registered: &str) -> bool {
    let (Some(named), Some(registered)) = (parts(named), parts(registered)) else { return false };
    let base = registered.2.trim_end_matches('/');
    let below =
        |path: &str| path == base || path.strip_prefix(base).is_some_and(|rest| rest.starts_with('/'));
    (named.0, named.1) == (registered.0, registered.1) && below(named.2.trim_end_matches('/'))
}

/// Scheme, host with port in lower case, path.
fn parts(url: &str) -> Option<(String, String, &str)> {
    if url.bytes().any(|b| b <= b' ' || b == b'\\' || b >= 0x7f) {
        return None;
    }
    let (scheme, rest) = url.split_once("://")?;
    let scheme = scheme.to_ascii_lowercase();
    let port = match &*scheme {
        "http" => "80",
        "https" => "443",
        _ => return None,
    };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let dots = |s: &str| s == "." || s == "..";
    if authority.is_empty() || authority.contains('@') || path.contains('%') || path.split('/').any(dots) {
        return None;
    }
    let has_port = authority.rsplit_once(':').is_some_and(|(_, p)| p.bytes().all(|b| b.is_ascii_digit()));
    let authority = authority.to_ascii_lowercase();
    Some((scheme, if has_port { authority } else { format!("{authority}:{port}") }, path))
}
