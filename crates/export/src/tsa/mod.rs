//! Timestamps (RFC 3161, with RFC 5816): asking for one ([`Client`]), checking one ([`verify_token`]), and a small authority that gives
//! them ([`Authority`]). Not here: HTTP, and where the authority's key is kept.

mod authority;
mod client;
mod token;
mod wire;

pub use authority::{Authority, DEFAULT_POLICY, VALID_DAYS};
pub use client::{Client, Fetch, Stamp};
pub use token::verify_token;
pub use wire::{read_response, request};

use lgsp_kernel::Millis;

/// `Content-Type` of a request.
pub const QUERY_TYPE: &str = "application/timestamp-query";
/// `Content-Type` of an answer.
pub const REPLY_TYPE: &str = "application/timestamp-reply";
/// The largest request that is read, bytes: a digest, a nonce, a policy.
pub const REQUEST_MAX: usize = 4 << 10;
/// The largest answer or token that is read, bytes: a signature with a chain of certificates.
pub const TOKEN_MAX: usize = 64 << 10;
/// How far ahead of this node's clock a token's time may be, seconds.
pub const SKEW_SECONDS: i64 = 300;

/// What a token states, once it was verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timestamp {
    /// The time, by the authority's clock. Fractions below a millisecond are cut off.
    pub time: Millis,
    /// The token's number, hexadecimal.
    pub serial: String,
    /// The policy that the authority stamped under, as dotted numbers.
    pub policy: String,
    /// The subject of the authority's certificate.
    pub tsa: String,
}

/// Why there is no timestamp.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TsaError {
    /// Not what RFC 3161 says a message looks like.
    #[error("not readable as RFC 3161: {0}")]
    Format(String),
    /// Larger than its bound.
    #[error("larger than {0} bytes")]
    TooLarge(usize),
    /// The authority refused.
    #[error("the timestamp authority refused: {0}")]
    Refused(String),
    /// The token is of other data.
    #[error("the token is of another digest")]
    Imprint,
    /// The token answers another request.
    #[error("the token does not carry the nonce of the request")]
    Nonce,
    /// The token does not name the certificate that signed it.
    #[error("the signing certificate is not the one that the token names: {0}")]
    SigningCertificate(String),
    /// The certificate is not for timestamps, or no authority known here stands behind it.
    #[error("the certificate of the timestamp authority is not accepted: {0}")]
    Certificate(String),
    /// The signature does not verify.
    #[error("the signature of the token does not verify: {0}")]
    Signature(String),
    /// The time is ahead of ours.
    #[error("the token's time {0} lies in the future")]
    Future(String),
    /// It could not be reached.
    #[error("the timestamp authority cannot be reached: {0}")]
    Unreachable(String),
}

impl From<der::Error> for TsaError {
    fn from(e: der::Error) -> Self {
        Self::Format(e.to_string())
    }
}
