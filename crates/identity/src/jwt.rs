//! The one kind of token this node makes and takes: a JWT access token (RFC 9068) signed ES256 (RFC 7515, 7518). Pure: keys and
//! time are passed in. There is no choice of algorithm to confuse: the header's `alg` is only ever compared with ES256.

use crate::config::{LEEWAY_SECONDS, TOKEN_MAX};
use crate::keys::{KeyRing, SigningKey};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use lgsp_kernel::fault::{BAD_TOKEN, CREDENTIAL_NOT_YET_VALID, EXPIRED_TOKEN};
use lgsp_kernel::snapshot::Digest;
use lgsp_kernel::{Millis, Refusal};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// What a token says. Unknown claims are refused: nobody else signs with our keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Claims {
    /// This node.
    pub iss: String,
    /// What it is for.
    pub aud: String,
    /// The credential, once more.
    pub sub: String,
    /// The credential that asked for it.
    pub client_id: String,
    /// When it was made, seconds since 1970.
    pub iat: i64,
    /// Not before, seconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nbf: Option<i64>,
    /// Not at or after, seconds since 1970.
    pub exp: i64,
    /// Its name, for revocation.
    pub jti: Uuid,
    /// The system, for readers of the token; the snapshot decides.
    pub system: String,
    /// The system's agency, for readers of the token.
    pub agency: String,
    /// The scope that was asked for, echoed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// The certificate it is bound to (RFC 8705).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cnf: Option<Confirmation>,
}

/// The certificate a token is bound to (RFC 8705, section 3.1).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Confirmation {
    /// SHA-256 of its DER form, base64url.
    #[serde(rename = "x5t#S256")]
    pub x5t_s256: String,
}

impl Confirmation {
    /// Binds to this certificate.
    pub fn to(certificate: &Digest) -> Self {
        Self { x5t_s256: URL_SAFE_NO_PAD.encode(certificate) }
    }
    /// The certificate's digest; none where the text is not one.
    pub fn digest(&self) -> Option<Digest> {
        URL_SAFE_NO_PAD.decode(&self.x5t_s256).ok()?.try_into().ok()
    }
}

#[derive(Serialize, Deserialize)]
struct Header {
    alg: String,
    typ: Option<String>,
    kid: Option<String>,
    #[serde(default, skip_serializing)]
    crit: Option<serde::de::IgnoredAny>,
}

/// Whom a token must be from and for.
#[derive(Debug, Clone, Copy)]
pub struct Expected<'a> {
    /// `iss`.
    pub issuer: &'a str,
    /// `aud`.
    pub audience: &'a str,
}

/// Why a token is refused. None of the texts shows any of the token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenFault {
    /// Longer than [`TOKEN_MAX`].
    #[error("it is longer than {TOKEN_MAX} bytes")]
    TooLong,
    /// Not three parts of base64url with JSON in the first two.
    #[error("it is not a signed JWT of this platform: {0}")]
    Form(&'static str),
    /// `alg` is not ES256.
    #[error("its algorithm is not ES256")]
    Algorithm,
    /// `typ` is not `at+jwt`.
    #[error("its type is not at+jwt")]
    Type,
    /// It demands extensions that are not understood.
    #[error("it has critical header parameters, which are not taken")]
    Critical,
    /// No key of this node has its `kid`.
    #[error("it is signed with a key that this platform does not have, or no longer")]
    UnknownKey,
    /// The signature does not fit.
    #[error("its signature does not fit")]
    Signature,
    /// Another issuer's.
    #[error("it was not issued by this platform")]
    Issuer,
    /// For another audience.
    #[error("it is not meant for this platform")]
    Audience,
    /// `iat` or `nbf` lies in the future.
    #[error("it is not valid yet")]
    NotYetValid,
    /// `exp` has passed.
    #[error("it has expired")]
    Expired,
    /// Its client revoked it.
    #[error("it was revoked")]
    Revoked,
}

impl TokenFault {
    /// The refusal that the caller sees.
    pub fn refusal(self) -> Refusal {
        let kind = match self {
            Self::Expired => &EXPIRED_TOKEN,
            Self::NotYetValid => &CREDENTIAL_NOT_YET_VALID,
            _ => &BAD_TOKEN,
        };
        Refusal::new(kind, format!("The bearer token is refused: {self}."))
    }
}

/// Signs claims.
pub fn sign(key: &SigningKey, claims: &Claims) -> Result<String, KeyFailure> {
    let header =
        Header { alg: "ES256".into(), typ: Some("at+jwt".into()), kid: Some(key.kid().into()), crit: None };
    let encode = |json: Vec<u8>| URL_SAFE_NO_PAD.encode(json);
    let header = serde_json::to_vec(&header).map_err(|_| KeyFailure)?;
    let claims = serde_json::to_vec(claims).map_err(|_| KeyFailure)?;
    let mut token = format!("{}.{}", encode(header), encode(claims));
    let signature = key.sign(token.as_bytes())?;
    token.push('.');
    URL_SAFE_NO_PAD.encode_string(signature, &mut token);
    Ok(token)
}

/// The signing key did not sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the signing key did not sign")]
pub struct KeyFailure;

/// Verifies a token. The order matters: nothing of the claims is believed before the signature fits.
pub fn verify(
    token: &str,
    keys: &KeyRing,
    expected: Expected<'_>,
    now: Millis,
) -> Result<Claims, TokenFault> {
    if token.len() > TOKEN_MAX {
        return Err(TokenFault::TooLong);
    }
    let (signed, signature) = token.rsplit_once('.').ok_or(TokenFault::Form("it has no signature"))?;
    let (header, claims) = signed.split_once('.').ok_or(TokenFault::Form("it has no three parts"))?;
    let key = key_of(header, keys, now)?;
    let signature = part(signature)?;
    if !key.verifies(signed.as_bytes(), &signature) {
        return Err(TokenFault::Signature);
    }
    let claims: Claims =
        serde_json::from_slice(&part(claims)?).map_err(|_| TokenFault::Form("its claims are not ours"))?;
    check_claims(&claims, expected, now)?;
    Ok(claims)
}

fn part(text: &str) -> Result<Vec<u8>, TokenFault> {
    URL_SAFE_NO_PAD.decode(text).map_err(|_| TokenFault::Form("a part is not base64url"))
}

fn key_of<'k>(header: &str, keys: &'k KeyRing, now: Millis) -> Result<&'k SigningKey, TokenFault> {
    let header: Header =
        serde_json::from_slice(&part(header)?).map_err(|_| TokenFault::Form("its header is not ours"))?;
    if header.alg != "ES256" {
        return Err(TokenFault::Algorithm);
    }
    if header.typ.as_deref() != Some("at+jwt") {
        return Err(TokenFault::Type);
    }
    if header.crit.is_some() {
        return Err(TokenFault::Critical);
    }
    header.kid.and_then(|kid| keys.verifying(&kid, now)).ok_or(TokenFault::UnknownKey)
}

fn check_claims(claims: &Claims, expected: Expected<'_>, now: Millis) -> Result<(), TokenFault> {
    if claims.iss != expected.issuer {
        return Err(TokenFault::Issuer);
    }
    if claims.aud != expected.audience {
        return Err(TokenFault::Audience);
    }
    let now = now.seconds();
    if claims.iat > now.saturating_add(LEEWAY_SECONDS)
        || claims.nbf.is_some_and(|nbf| nbf > now.saturating_add(LEEWAY_SECONDS))
    {
        return Err(TokenFault::NotYetValid);
    }
    if now >= claims.exp.saturating_add(LEEWAY_SECONDS) {
        return Err(TokenFault::Expired);
    }
    Ok(())
}
