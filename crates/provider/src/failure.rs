//! How an attempt can fail, and what follows from it: which refusal, whether the provider may have acted, whether another attempt is
//! safe, whether the target is to blame. One place, so that the rules can be read together.

use crate::h1::Attempted;
use crate::out_body::StreamState;
use lgsp_kernel::fault;
use lgsp_kernel::{Refusal, RefusalKind};
use std::error::Error as StdError;

/// A connection ended while something was still awaited from it.
#[derive(Debug)]
pub(crate) struct Broken;

/// When another attempt is safe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Again {
    /// Never.
    Never,
    /// On another target only: this one could not be reached.
    Elsewhere,
    /// Nothing was delivered.
    Always,
    /// Something may have been delivered, nothing was answered: only where a repetition does no harm.
    IfIdempotent,
}

/// An attempt that failed.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) refusal: Refusal,
    pub(crate) may_have_acted: bool,
    /// Whether it counts against the target.
    pub(crate) counts: bool,
    pub(crate) again: Again,
}

impl Failure {
    /// Nothing was delivered and the target is to blame.
    pub(crate) fn unreached(
        kind: &'static RefusalKind,
        detail: &str,
        internal: impl std::fmt::Display,
    ) -> Self {
        Self {
            refusal: Refusal::new(kind, detail).with_internal(internal),
            may_have_acted: false,
            counts: true,
            again: Again::Elsewhere,
        }
    }
    /// Nothing was delivered, and not because of the target.
    pub(crate) fn refused(refusal: Refusal) -> Self {
        Self { refusal, may_have_acted: false, counts: false, again: Again::Never }
    }
    /// The provider may have acted.
    pub(crate) fn unknown(refusal: Refusal, counts: bool, again: Again) -> Self {
        Self { refusal, may_have_acted: true, counts, again }
    }
    /// Its time was up while the answer was awaited.
    pub(crate) fn timed_out(limit_ms: u128) -> Self {
        let detail = format!("No answer within {limit_ms} ms.");
        Self::unknown(Refusal::new(&fault::PROVIDER_TIMEOUT, detail), true, Again::Never)
    }
    /// The consumer stopped sending its body.
    pub(crate) fn consumer_silent(limit_ms: u128) -> Self {
        let detail = format!("The body paused for more than {limit_ms} ms.");
        Self::unknown(Refusal::new(&fault::REQUEST_TIMEOUT, detail), false, Again::Never)
    }
}

/// What is known of an attempt that failed after it had a connection.
pub(crate) struct Evidence<'a> {
    /// The connection had carried an exchange before.
    pub(crate) reused: bool,
    /// Bytes of HTTP written and read during the attempt.
    pub(crate) written: u64,
    pub(crate) read: u64,
    pub(crate) stream: Option<&'a StreamState>,
}

/// Judges an attempt that ended without the head of an answer.
pub(crate) fn judge(attempted: Attempted, seen: &Evidence<'_>) -> Failure {
    let (unsent, error) = match attempted {
        Attempted::Late(failure) => return failure,
        Attempted::Failed { unsent, error } => (unsent, error),
    };
    if let Some(why) = seen.stream.and_then(StreamState::take_failure) {
        return consumer_failed(why, seen.written > 0);
    }
    let internal = error.as_ref().map_or_else(|| "connection ended".to_owned(), |e| chain(e));
    let tls = error.as_ref().and_then(|e| rustls_error(e));
    if let Some(tls) = tls.filter(|_| !seen.reused && seen.read == 0) {
        // TLS 1.3: the provider's verdict on our certificate comes after our handshake is done. It read nothing of the request.
        return Failure::unreached(&fault::PROVIDER_TLS, tls_detail(tls), internal);
    }
    if unsent || seen.written == 0 {
        let refusal = Refusal::new(
            &fault::PROVIDER_UNREACHABLE,
            "The connection was closed before the request was sent.",
        );
        let refusal = refusal.with_internal(internal);
        return Failure { refusal, may_have_acted: false, counts: !seen.reused, again: Again::Always };
    }
    if error.as_ref().is_some_and(is_malformed) {
        let refusal = Refusal::new(&fault::ANSWER_MALFORMED, "The head of the answer cannot be read.");
        return Failure::unknown(refusal.with_internal(internal), true, Again::Never);
    }
    if seen.read == 0 {
        let refusal = Refusal::new(&fault::PROVIDER_BROKE_OFF, "The connection was closed before an answer.");
        // A kept connection that closes as we write is an everyday race, not a failing provider.
        return Failure::unknown(refusal.with_internal(internal), !seen.reused, Again::IfIdempotent);
    }
    let refusal =
        Refusal::new(&fault::PROVIDER_BROKE_OFF, "The connection was closed within the head of the answer.");
    Failure::unknown(refusal.with_internal(internal), true, Again::Never)
}

/// The request's own body failed: the consumer's doing, or a refusal that the platform put into the stream.
fn consumer_failed(why: crate::BoxError, written: bool) -> Failure {
    let refusal = match why.downcast::<Refusal>() {
        Ok(refusal) => *refusal,
        Err(other) => Refusal::new(&fault::BODY_INCOMPLETE, "The body broke off.").with_internal(other),
    };
    Failure { refusal, may_have_acted: written, counts: false, again: Again::Never }
}

/// Judges an HTTP/2 exchange that ended without the head of an answer.
pub(crate) fn judge_h2(unsent: bool, error: &hyper::Error, stream: Option<&StreamState>) -> Failure {
    if let Some(why) = stream.and_then(StreamState::take_failure) {
        return consumer_failed(why, true);
    }
    let internal = chain(error);
    let reason = cause::<h2::Error>(error).and_then(h2::Error::reason);
    if unsent || reason == Some(h2::Reason::REFUSED_STREAM) {
        let refusal = Refusal::new(&fault::PROVIDER_UNREACHABLE, "The provider did not take the request.");
        let refusal = refusal.with_internal(internal);
        return Failure { refusal, may_have_acted: false, counts: false, again: Again::Always };
    }
    if let Some(tls) = rustls_error(error) {
        return Failure::unknown(
            Refusal::new(&fault::PROVIDER_TLS, tls_detail(tls)).with_internal(internal),
            true,
            Again::IfIdempotent,
        );
    }
    let own_verdict = cause::<h2::Error>(error).is_some_and(|e| e.is_library());
    if own_verdict || reason == Some(h2::Reason::PROTOCOL_ERROR) {
        let refusal = Refusal::new(&fault::ANSWER_MALFORMED, "The answer breaks the rules of HTTP/2.");
        return Failure::unknown(refusal.with_internal(internal), true, Again::Never);
    }
    let refusal = Refusal::new(&fault::PROVIDER_BROKE_OFF, "The exchange was broken off before an answer.");
    Failure::unknown(refusal.with_internal(internal), true, Again::IfIdempotent)
}

/// Whether the bytes that came were not HTTP.
pub(crate) fn is_malformed(error: &hyper::Error) -> bool {
    error.is_parse() || error.is_parse_too_large() || error.is_parse_status()
}

/// What a consumer may know about a failed handshake: enough to tell its operator, nothing about the inside.
pub(crate) fn tls_detail(error: &rustls::Error) -> &'static str {
    use rustls::CertificateError as C;
    use rustls::Error as E;
    match error {
        E::InvalidCertificate(C::Expired | C::ExpiredContext { .. }) => "The certificate has expired.",
        E::InvalidCertificate(C::NotValidYet | C::NotValidYetContext { .. }) => {
            "The certificate is not valid yet."
        }
        E::InvalidCertificate(C::NotValidForName | C::NotValidForNameContext { .. }) => {
            "The certificate is for another name."
        }
        E::InvalidCertificate(C::UnknownIssuer | C::BadSignature) => {
            "The certificate's issuer is not trusted."
        }
        E::InvalidCertificate(_) => "The certificate is not acceptable.",
        E::AlertReceived(_) => {
            "The provider refused the handshake; it may demand another client certificate."
        }
        _ => "The handshake failed.",
    }
}

/// The TLS error behind an error, if there is one.
pub(crate) fn rustls_error<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a rustls::Error> {
    cause::<rustls::Error>(error)
}

/// Looks for an error of one type among the causes; an `io::Error` hides its inner one from `source`.
fn cause<'a, E: StdError + 'static>(error: &'a (dyn StdError + 'static)) -> Option<&'a E> {
    let mut next = Some(error);
    for _ in 0..16 {
        let e = next?;
        if let Some(found) = e.downcast_ref::<E>() {
            return Some(found);
        }
        let inner = e.downcast_ref::<std::io::Error>().and_then(|io| io.get_ref());
        next = inner.map(|i| i as &(dyn StdError + 'static)).or_else(|| e.source());
    }
    None
}

/// An error with its causes, for the process's log.
pub(crate) fn chain(error: &(dyn StdError + 'static)) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    for _ in 0..8 {
        let Some(e) = next else { break };
        text.push_str(": ");
        text.push_str(&e.to_string());
        next = e.source();
    }
    text
}
