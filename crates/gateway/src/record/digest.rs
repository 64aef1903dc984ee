//! Digests of messages as `docs/protocol/message-log.md` defines them: of a head in its sorted form without credentials, and
//! of a body. SHA-256 throughout.

use aws_lc_rs::digest;
use http::HeaderMap;
use lgsp_kernel::snapshot::Digest;
use smallvec::SmallVec;
use std::borrow::Cow;
use std::cell::RefCell;

/// Header lines that carry credentials: never part of a digest, so that a record cannot be used to test guesses.
const CREDENTIALS: &[&str] = &[
    "authorization",
    "proxy-authorization",
    "lgspaccesstoken",
    "apikey",
    "x-api-key",
    "cookie",
    "set-cookie",
];
/// Query parameters whose values are masked.
const SECRET_PARAMETERS: &[&str] = &[
    "apikey",
    "api_key",
    "api-key",
    "access_token",
    "token",
    "client_secret",
    "secret",
    "password",
    "signature",
];

/// SHA-256 of no bytes: of most requests' bodies.
const NOTHING: Digest = [
    0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14, 0x9a, 0xfb, 0xf4, 0xc8, 0x99, 0x6f, 0xb9, 0x24, 0x27,
    0xae, 0x41, 0xe4, 0x64, 0x9b, 0x93, 0x4c, 0xa4, 0x95, 0x99, 0x1b, 0x78, 0x52, 0xb8, 0x55,
];

/// SHA-256 of bytes.
pub fn sha256(bytes: &[u8]) -> Digest {
    if bytes.is_empty() {
        return NOTHING;
    }
    let mut out = [0; 32];
    out.copy_from_slice(digest::digest(&digest::SHA256, bytes).as_ref());
    out
}

/// SHA-256 of a body that passes by.
#[derive(Clone)]
pub(crate) struct Running {
    context: Option<digest::Context>,
    bytes: u64,
}

impl Running {
    /// Begins; where the service's evidence is off, only bytes are counted.
    pub fn new(on: bool) -> Self {
        Self { context: on.then(|| digest::Context::new(&digest::SHA256)), bytes: 0 }
    }
    pub fn update(&mut self, data: &[u8]) {
        self.bytes += data.len() as u64;
        if let Some(context) = &mut self.context {
            context.update(data);
        }
    }
    pub fn bytes(&self) -> u64 {
        self.bytes
    }
    pub fn finish(self) -> (Option<Digest>, u64) {
        let digest = self.context.map(|c| {
            let mut out = [0; 32];
            out.copy_from_slice(c.finish().as_ref());
            out
        });
        (digest, self.bytes)
    }
}

/// Digest of a request's head: `method SP target LF`, then the sorted `name: value LF`.
pub(crate) fn request_head(
    method: &str,
    target: &str,
    authority: Option<&str>,
    headers: &HeaderMap,
) -> Digest {
    head(&[method.as_bytes(), b" ", target.as_bytes()], authority, headers)
}

/// Digest of an answer's head: `status LF`, then the sorted `name: value LF`.
pub(crate) fn answer_head(status: http::StatusCode, headers: &HeaderMap) -> Digest {
    head(&[status.as_str().as_bytes()], None, headers)
}

thread_local! {
    static SCRATCH: RefCell<Vec<u8>> = RefCell::new(Vec::with_capacity(4096));
}

fn head(first: &[&[u8]], authority: Option<&str>, headers: &HeaderMap) -> Digest {
    let mut lines: SmallVec<[(&str, &[u8]); 32]> = headers
        .iter()
        .map(|(n, v)| (n.as_str(), v.as_bytes()))
        .filter(|(n, _)| !CREDENTIALS.contains(n))
        .collect();
    if let Some(authority) = authority
        && !headers.contains_key(http::header::HOST)
    {
        lines.push(("host", authority.as_bytes()));
    }
    // Stable: lines of one name keep their order, which means something.
    lines.sort_by(|a, b| a.0.cmp(b.0));
    SCRATCH.with_borrow_mut(|text| {
        text.clear();
        first.iter().for_each(|part| text.extend_from_slice(part));
        text.push(b'\n');
        for (name, value) in lines {
            text.extend_from_slice(name.as_bytes());
            text.extend_from_slice(b": ");
            text.extend_from_slice(value);
            text.push(b'\n');
        }
        let digest = sha256(text);
        if text.capacity() > 64 << 10 {
            *text = Vec::with_capacity(4096);
        }
        digest
    })
}

/// A request target with the values of secret query parameters masked.
pub(crate) fn masked(target: &str) -> Cow<'_, str> {
    let Some((path, query)) = target.split_once('?') else { return Cow::Borrowed(target) };
    let secret = |pair: &str| {
        let name = pair.split('=').next().unwrap_or_default();
        SECRET_PARAMETERS.iter().any(|s| s.eq_ignore_ascii_case(name))
    };
    if !query.split('&').any(secret) {
        return Cow::Borrowed(target);
    }
    let pairs: Vec<Cow<'_, str>> = query
        .split('&')
        .map(|pair| match pair.split_once('=') {
            Some((name, _)) if secret(pair) => Cow::Owned(format!("{name}=***")),
            _ => Cow::Borrowed(pair),
        })
        .collect();
    Cow::Owned(format!("{path}?{}", pairs.join("&")))
}

#[cfg(test)]
mod tests {
    use super::{Running, masked, request_head, sha256};
    use http::{HeaderMap, HeaderValue};

    #[test]
    fn a_head_is_digested_sorted_and_without_credentials() {
        let mut headers = HeaderMap::new();
        headers.insert("x-b", HeaderValue::from_static("2"));
        headers.append("x-a", HeaderValue::from_static("1"));
        headers.append("x-a", HeaderValue::from_static("0"));
        headers.insert("authorization", HeaderValue::from_static("Bearer secret"));
        let expected = sha256(b"POST /a?b\nhost: h\nx-a: 1\nx-a: 0\nx-b: 2\n");
        assert_eq!(request_head("POST", "/a?b", Some("h"), &headers), expected);
    }

    #[test]
    fn the_digest_of_nothing_is_that_of_no_bytes() {
        assert_eq!(Running::new(true).finish(), (Some(sha256(b"")), 0));
    }

    #[test]
    fn a_body_in_pieces_has_the_digest_of_the_whole() {
        let mut running = Running::new(true);
        running.update(b"hel");
        running.update(b"lo");
        assert_eq!(running.finish(), (Some(sha256(b"hello")), 5));
    }

    #[test]
    fn secrets_in_a_query_are_masked_and_nothing_else() {
        assert_eq!(masked("/a?b=c&apiKey=123&d"), "/a?b=c&apiKey=***&d");
        assert_eq!(masked("/a?b=c"), "/a?b=c");
        assert_eq!(masked("/a"), "/a");
    }
}
