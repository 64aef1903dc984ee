//! Identify: which system calls, and what it states about the call.

use crate::edge::xroad;
use crate::exchange::{By, Caller, Exchange, Why};
use crate::peer;
use http::{HeaderMap, HeaderName};
use lgsp_kernel::bounds::STATEMENT_MAX;
use lgsp_kernel::record::Stated;
use lgsp_kernel::{Refusal, Step, fault};
use lgsp_peer::bounds::IDEMPOTENCY_KEY_MAX;
use percent_encoding::percent_decode_str;

/// The headers in which a caller states for whom, for what and in which matter it calls.
pub(crate) static OFFICER: HeaderName = HeaderName::from_static("lgsp-officer");
/// See [`OFFICER`].
pub(crate) static PURPOSE: HeaderName = HeaderName::from_static("lgsp-purpose");
/// See [`OFFICER`].
pub(crate) static DOSSIER: HeaderName = HeaderName::from_static("lgsp-dossier");

/// The header that draft-ietf-httpapi-idempotency-key-header names.
static KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// Its name in the peer protocol.
static LGSP_KEY: HeaderName = HeaderName::from_static("lgsp-idempotency-key");

/// Finds the caller and reads its statements.
pub(crate) fn identify(x: &mut Exchange) -> Result<(), Refusal> {
    if let Some(member) = x.member.take() {
        let found = peer::identify(x, &member);
        x.member = Some(member);
        return found;
    }
    let caller = x.gateway.identity.identify(
        &x.snapshot,
        &x.head.headers,
        x.conn.certificate,
        x.gateway.clock.now(),
    )?;
    x.passed(Step::Identify, Why::Credential(caller.credential.clone(), caller.how.as_str()));
    x.caller = Some(Caller { system: caller.system, by: By::Credential(caller.credential, caller.how) });
    x.stated = Stated {
        officer: statement(&x.head.headers, &OFFICER)?,
        purpose: statement(&x.head.headers, &PURPOSE)?,
        dossier: statement(&x.head.headers, &DOSSIER)?,
    };
    // X-Road knows no such keys: there each request is its own.
    if x.xroad.is_some() {
        return xroad::identify(x);
    }
    x.key = key(&x.head.headers)?;
    Ok(())
}

/// The key under which at most one request is forwarded, by either of its names: 1 to 255 visible ASCII characters.
fn key(headers: &HeaderMap) -> Result<Option<Box<str>>, Refusal> {
    let mut values = headers.get_all(&LGSP_KEY).iter().chain(headers.get_all(&KEY));
    let Some(value) = values.next() else { return Ok(None) };
    let bad = |why: &str| Refusal::new(&fault::MALFORMED_REQUEST, format!("The idempotency key {why}."));
    if values.next().is_some() {
        return Err(bad("is there twice"));
    }
    let text = value.to_str().ok().filter(|t| t.bytes().all(|b| matches!(b, 0x21..=0x7e)));
    match text {
        Some(text) if (1..=IDEMPOTENCY_KEY_MAX).contains(&text.len()) => Ok(Some(text.into())),
        _ => Err(bad("has 1 to 255 visible ASCII characters")),
    }
}

/// A statement: UTF-8, as it is or percent-encoded; one line, bounded, without control characters.
fn statement(headers: &HeaderMap, name: &HeaderName) -> Result<Option<String>, Refusal> {
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else { return Ok(None) };
    let bad = |why: &str| Refusal::new(&fault::MALFORMED_REQUEST, format!("The header {name} {why}."));
    if values.next().is_some() {
        return Err(bad("is there twice"));
    }
    if value.len() > 3 * STATEMENT_MAX {
        return Err(bad(&format!("is longer than {STATEMENT_MAX} bytes")));
    }
    let raw = std::str::from_utf8(value.as_bytes()).map_err(|_| bad("is not UTF-8"))?;
    let text =
        percent_decode_str(raw.trim()).decode_utf8().map_err(|_| bad("is not percent-encoded UTF-8"))?;
    if text.len() > STATEMENT_MAX {
        return Err(bad(&format!("is longer than {STATEMENT_MAX} bytes")));
    }
    if text.chars().any(char::is_control) {
        return Err(bad("has a control character"));
    }
    Ok(Some(text.into_owned()).filter(|t| !t.is_empty()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::{OFFICER, statement};
    use http::{HeaderMap, HeaderValue};

    fn read(value: &[u8]) -> Result<Option<String>, String> {
        let mut headers = HeaderMap::new();
        headers.insert(&OFFICER, HeaderValue::from_bytes(value).unwrap());
        statement(&headers, &OFFICER).map_err(|r| r.detail)
    }

    #[test]
    fn a_statement_is_vietnamese_as_it_is_or_percent_encoded() {
        assert_eq!(read("Nguyễn Văn A".as_bytes()), Ok(Some("Nguyễn Văn A".into())));
        assert_eq!(read(b"Nguy%E1%BB%85n"), Ok(Some("Nguyễn".into())));
        assert_eq!(read(b""), Ok(None));
    }

    #[test]
    fn a_statement_that_could_not_be_kept_as_it_is_is_refused() {
        assert!(read(b"a%0Ab").unwrap_err().contains("control"));
        assert!(read(b"%FF").unwrap_err().contains("UTF-8"));
        assert!(read(&[0xFF]).unwrap_err().contains("UTF-8"));
        assert!(read(&[b'a'; 257]).unwrap_err().contains("longer"));
    }
}
