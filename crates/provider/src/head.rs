//! Heads on their way: what a proxy must take out (RFC 9110, section 7.6.1), what the consumer must not hand to the provider,
//! and how a target's base path and the rest of a call's path join. Not here: the provider's credentials (`auth`).

use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::uri::PathAndQuery;
use http::{Method, Version};
use std::time::Duration;

/// The head of a request as it will be sent, except for what depends on the target (`Host`), on the body (its length) and on
/// the provider (its credentials). What the record's digest of the sent head covers.
#[derive(Debug, Clone)]
pub struct OutHead {
    method: Method,
    rest: Box<str>,
    headers: HeaderMap,
}

impl OutHead {
    /// Takes a consumer's head: strips it (see [`strip_request_head`]) and adds `Via`.
    ///
    /// `rest` is the path after the version with its query, byte for byte as received: empty, or starting with `/` or `?`. What the
    /// platform says itself (`lgsp-*`, `traceparent`) is added afterwards through [`OutHead::headers_mut`], so that a consumer's
    /// `Connection` header cannot take it out.
    pub fn new(method: Method, rest: impl Into<Box<str>>, mut headers: HeaderMap, received: Version) -> Self {
        strip_request_head(&mut headers);
        headers.append(header::VIA, via(received));
        Self { method, rest: rest.into(), headers }
    }
    /// The method.
    pub fn method(&self) -> &Method {
        &self.method
    }
    /// The path and query after the target's base path.
    pub fn rest(&self) -> &str {
        &self.rest
    }
    /// The same head with another path and query after the target's base path.
    pub fn with_rest(mut self, rest: impl Into<Box<str>>) -> Self {
        self.rest = rest.into();
        self
    }
    /// The header lines.
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }
    /// The header lines, to add the platform's own.
    pub fn headers_mut(&mut self) -> &mut HeaderMap {
        &mut self.headers
    }
    /// The target's base path and the rest, byte for byte. `root` is the target's whole path, for a rest without a path.
    pub(crate) fn path_and_query(
        &self,
        base: &str,
        root: &str,
    ) -> Result<PathAndQuery, http::uri::InvalidUri> {
        let before = if self.rest.starts_with('/') { base } else { root };
        let mut whole = Vec::with_capacity(before.len() + self.rest.len());
        whole.extend_from_slice(before.as_bytes());
        whole.extend_from_slice(self.rest.as_bytes());
        PathAndQuery::from_maybe_shared(Bytes::from(whole))
    }
}

fn via(received: Version) -> HeaderValue {
    HeaderValue::from_static(match received {
        Version::HTTP_2 => "2 lgsp",
        Version::HTTP_10 => "1.0 lgsp",
        _ => "1.1 lgsp",
    })
}

/// Takes out of a consumer's request what must not travel on: hop-by-hop lines and those that `Connection` names, `Expect` (the
/// platform answers it itself), `Host` (the target's is set), and the consumer's credentials for this platform. `TE` stays if
/// it asks for trailers. Cookies stay: the platform has none of its own on this path, so they belong to the two systems.
pub fn strip_request_head(headers: &mut HeaderMap) {
    let trailers = headers.get_all(header::TE).iter().any(asks_for_trailers);
    strip(headers, |name| match name {
        "te" | "expect" | "host" => true,
        "authorization" | "lgspaccesstoken" | "apikey" | "x-api-key" => true,
        _ => hop_by_hop(name),
    });
    if trailers {
        headers.insert(header::TE, HeaderValue::from_static("trailers"));
    }
}

/// Takes out of a request's trailers what its head must not say either, what only the platform says, and what a head alone may say
/// (RFC 9110, section 6.5.1): some receivers add trailers to the head.
pub(crate) fn strip_trailers(trailers: &mut HeaderMap) {
    strip_request_head(trailers);
    strip(trailers, |name| {
        name.starts_with("lgsp")
            || name.starts_with("content-")
            || name.starts_with("x-forwarded-")
            || matches!(
                name,
                "te" | "forwarded" | "x-real-ip" | "cookie" | "traceparent" | "tracestate" | "soapaction"
            )
    });
}

/// Takes out of a provider's answer what concerns one connection only, and how the provider wants this platform to prove itself: a consumer would
/// take it for a demand on its own credential.
pub fn strip_answer_head(headers: &mut HeaderMap) {
    strip(headers, |name| matches!(name, "www-authenticate" | "authentication-info") || hop_by_hop(name));
}

fn hop_by_hop(name: &str) -> bool {
    matches!(name, "connection" | "keep-alive" | "transfer-encoding" | "upgrade" | "http2-settings")
        || name.starts_with("proxy-")
}

/// Removes the lines that `unwanted` says, and those that `Connection` names. One pass finds them; usually there are few.
fn strip(headers: &mut HeaderMap, unwanted: fn(&str) -> bool) {
    let named = connection_names(headers);
    let gone: Vec<HeaderName> = headers.keys().filter(|n| unwanted(n.as_str())).cloned().collect();
    for name in gone.iter().chain(&named) {
        headers.remove(name);
    }
}

/// The header names that `Connection` lists; its options `close` and `keep-alive` are no headers that travel either.
fn connection_names(headers: &HeaderMap) -> Vec<HeaderName> {
    let mut names = Vec::new();
    for value in headers.get_all(header::CONNECTION) {
        let text = value.to_str().unwrap_or("");
        let words = text.split(',').map(str::trim).filter(|w| !w.is_empty());
        names.extend(words.filter_map(|w| {
            let plain = w.eq_ignore_ascii_case("keep-alive") || w.eq_ignore_ascii_case("close");
            if plain { None } else { HeaderName::from_bytes(w.as_bytes()).ok() }
        }));
    }
    names
}

fn asks_for_trailers(value: &HeaderValue) -> bool {
    value.to_str().is_ok_and(|t| {
        t.split(',').any(|p| p.split(';').next().is_some_and(|w| w.trim().eq_ignore_ascii_case("trailers")))
    })
}

/// How long the provider says that it keeps an idle connection (`Keep-Alive: timeout=5`).
pub(crate) fn keep_alive_hint(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get("keep-alive")?.to_str().ok()?;
    let seconds = text.split(',').find_map(|p| p.trim().strip_prefix("timeout="))?;
    seconds.trim().parse::<u32>().ok().map(|s| Duration::from_secs(u64::from(s)))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::{OutHead, keep_alive_hint, strip_answer_head};
    use http::{HeaderMap, HeaderName, HeaderValue, Method, Version};
    use std::collections::BTreeSet;
    use std::time::Duration;

    fn map(lines: &[(&str, &str)]) -> HeaderMap {
        let mut m = HeaderMap::new();
        for (n, v) in lines {
            m.append(n.parse::<HeaderName>().unwrap(), HeaderValue::from_str(v).unwrap());
        }
        m
    }

    fn lines(headers: &HeaderMap) -> BTreeSet<String> {
        headers.iter().map(|(n, v)| format!("{n}: {}", v.to_str().unwrap())).collect()
    }

    fn set(lines: &[&str]) -> BTreeSet<String> {
        lines.iter().map(|l| (*l).to_owned()).collect()
    }

    #[test]
    fn what_concerns_one_connection_and_what_was_meant_for_the_platform_does_not_travel() {
        let received = map(&[
            ("connection", "close, X-Private, keep-alive"),
            ("x-private", "1"),
            ("keep-alive", "timeout=5"),
            ("proxy-authorization", "Basic x"),
            ("proxy-connection", "keep-alive"),
            ("transfer-encoding", "chunked"),
            ("upgrade", "websocket"),
            ("expect", "100-continue"),
            ("host", "platform"),
            ("authorization", "Bearer t"),
            ("lgspaccesstoken", "t"),
            ("apikey", "k"),
            ("x-api-key", "k"),
            ("te", "gzip, trailers;q=0.5"),
            ("cookie", "session=1"),
            ("content-type", "text/xml"),
        ]);
        let head = OutHead::new(Method::GET, "/x", received, Version::HTTP_11);
        let expected = set(&["te: trailers", "cookie: session=1", "content-type: text/xml", "via: 1.1 lgsp"]);
        assert_eq!(lines(head.headers()), expected);
    }

    #[test]
    fn trailers_say_nothing_that_a_head_must_not_or_alone_may() {
        let mut trailers = map(&[
            ("x-sum", "7"),
            ("lgsp-officer", "evil"),
            ("lgspaccesstoken", "t"),
            ("authorization", "Bearer t"),
            ("content-length", "1"),
            ("x-forwarded-for", "1.2.3.4"),
            ("cookie", "a=b"),
            ("traceparent", "x"),
            ("te", "trailers"),
            ("soapaction", "urn:other"),
        ]);
        super::strip_trailers(&mut trailers);
        assert_eq!(lines(&trailers), set(&["x-sum: 7"]));
    }

    #[test]
    fn earlier_hops_stay_in_via() {
        let head = OutHead::new(Method::GET, "/", map(&[("via", "1.1 edge")]), Version::HTTP_2);
        assert_eq!(lines(head.headers()), set(&["via: 1.1 edge", "via: 2 lgsp"]));
    }

    #[test]
    fn an_answer_keeps_what_the_consumer_needs() {
        let mut answer = map(&[
            ("connection", "x-hop"),
            ("x-hop", "1"),
            ("proxy-authenticate", "Basic"),
            ("www-authenticate", "Basic realm=\"provider\""),
            ("keep-alive", "timeout=5, max=100"),
            ("trailer", "x-sum"),
            ("set-cookie", "a=1"),
        ]);
        assert_eq!(keep_alive_hint(&answer), Some(Duration::from_secs(5)));
        strip_answer_head(&mut answer);
        assert_eq!(lines(&answer), set(&["trailer: x-sum", "set-cookie: a=1"]));
    }

    #[test]
    fn base_and_rest_join_byte_for_byte() {
        let joined = |base: &str, root: &str, rest: &str| {
            let head = OutHead::new(Method::GET, rest, HeaderMap::new(), Version::HTTP_11);
            head.path_and_query(base, root).unwrap().as_str().to_owned()
        };
        assert_eq!(joined("", "/", "/a%20b?x=1&&y=%2F"), "/a%20b?x=1&&y=%2F");
        assert_eq!(joined("/base", "/base/", "/a"), "/base/a");
        assert_eq!(joined("/base", "/base/", ""), "/base/");
        assert_eq!(joined("/ws/service.asmx", "/ws/service.asmx", "?wsdl"), "/ws/service.asmx?wsdl");
        assert_eq!(joined("/ws/service.asmx", "/ws/service.asmx", ""), "/ws/service.asmx");
        assert_eq!(joined("", "/", ""), "/");
        assert_eq!(joined("", "/", "?q"), "/?q");
    }
}
