//! Credentials as they stand in header lines and token requests. Reads their form only; whose they are and whether they hold is
//! identity's knowledge. Errors never repeat what was sent.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use lgsp_kernel::Secret;
use serde::Deserialize;

/// The longest credential in a header line, bytes: JWTs with many claims stay far below.
pub const CREDENTIAL_MAX: usize = 8 << 10;
/// The longest form of a token request, bytes.
pub const FORM_MAX: usize = 16 << 10;
/// The most fields of a token request.
pub const FORM_FIELDS_MAX: usize = 32;

const LENIENT: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);
const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT);

/// The value of the `lgspaccesstoken` header that provincial systems send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LgspAccessToken {
    /// Names the calling system.
    pub access_key: String,
    /// Its secret.
    pub secret_key: Secret,
    /// The application, as the caller states it.
    pub app_name: Option<String>,
    /// The partner's code, as the caller states it.
    pub partner_code: Option<String>,
    /// The code of the partner's customer, as the caller states it.
    pub partner_code_cus: Option<String>,
}

/// Why a credential's form is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CredentialFault {
    /// Longer than any credential.
    #[error("the credential is too long")]
    TooLong,
    /// Not base64.
    #[error("the credential is not base64")]
    Base64,
    /// Not the JSON object that is agreed.
    #[error("the credential is not a JSON object with AccessKey and SecretKey")]
    Json,
    /// Not `application/x-www-form-urlencoded`.
    #[error("the form is malformed")]
    Form,
    /// More fields than a token request has.
    #[error("the form has too many fields")]
    TooManyFields,
    /// A field twice (RFC 6749, 3.2 forbids it).
    #[error("a field of the form is repeated")]
    Repeated,
}

/// What follows a scheme in an `Authorization` header. Schemes are case-insensitive (RFC 9110, 11.1).
fn after_scheme<'a>(value: &'a str, scheme: &str) -> Option<&'a str> {
    if value.len() > CREDENTIAL_MAX {
        return None;
    }
    let (found, rest) = value.trim().split_once(' ')?;
    found.eq_ignore_ascii_case(scheme).then(|| rest.trim_start_matches(' '))
}

/// User and password of `Basic` (RFC 7617). The user has no control characters; the password may be any bytes without them.
pub fn basic(value: &str) -> Option<(String, Secret)> {
    let decoded = zeroize::Zeroizing::new(STANDARD.decode(after_scheme(value, "Basic")?).ok()?);
    let colon = decoded.iter().position(|b| *b == b':')?;
    let (user, password) = (&decoded[..colon], &decoded[colon + 1..]);
    let user = std::str::from_utf8(user).ok()?;
    if user.chars().any(char::is_control) || password.iter().any(u8::is_ascii_control) {
        return None;
    }
    Some((user.to_owned(), Secret::new(password)))
}

/// The token of `Bearer` (RFC 6750, 2.1).
pub fn bearer(value: &str) -> Option<&str> {
    let token = after_scheme(value, "Bearer")?;
    let body = token.trim_end_matches('=');
    let fine = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'~' | b'+' | b'/');
    (!body.is_empty() && body.bytes().all(fine)).then_some(token)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct AccessTokenJson {
    access_key: String,
    secret_key: String,
    app_name: Option<String>,
    partner_code: Option<String>,
    partner_code_cus: Option<String>,
}

/// Reads an `lgspaccesstoken` header: base64 (either alphabet, padded or not) of a JSON object. Unknown members are passed over.
pub fn lgsp_access_token(value: &str) -> Result<LgspAccessToken, CredentialFault> {
    let value = value.trim();
    if value.len() > CREDENTIAL_MAX {
        return Err(CredentialFault::TooLong);
    }
    let json = STANDARD.decode(value).or_else(|_| URL_SAFE.decode(value));
    let json = zeroize::Zeroizing::new(json.map_err(|_| CredentialFault::Base64)?);
    let parsed: AccessTokenJson = serde_json::from_slice(&json).map_err(|_| CredentialFault::Json)?;
    if parsed.access_key.is_empty() || parsed.access_key.chars().any(char::is_control) {
        return Err(CredentialFault::Json);
    }
    Ok(LgspAccessToken {
        access_key: parsed.access_key,
        secret_key: Secret::new(parsed.secret_key),
        app_name: parsed.app_name,
        partner_code: parsed.partner_code,
        partner_code_cus: parsed.partner_code_cus,
    })
}

/// Reads `application/x-www-form-urlencoded` strictly: UTF-8, no field twice. An empty body has no fields.
pub fn form(body: &[u8]) -> Result<Vec<(String, String)>, CredentialFault> {
    if body.len() > FORM_MAX {
        return Err(CredentialFault::TooLong);
    }
    let mut fields: Vec<(String, String)> = Vec::new();
    for pair in body.split(|b| *b == b'&').filter(|p| !p.is_empty()) {
        let cut = pair.iter().position(|b| *b == b'=').unwrap_or(pair.len());
        let name = form_text(&pair[..cut])?;
        let value = form_text(pair.get(cut + 1..).unwrap_or_default())?;
        if fields.iter().any(|(n, _)| *n == name) {
            return Err(CredentialFault::Repeated);
        }
        if fields.len() == FORM_FIELDS_MAX {
            return Err(CredentialFault::TooManyFields);
        }
        fields.push((name, value));
    }
    Ok(fields)
}

/// Decodes `+` and `%XX`.
fn form_text(raw: &[u8]) -> Result<String, CredentialFault> {
    let mut out = Vec::with_capacity(raw.len());
    let mut bytes = raw.iter().copied();
    let digit = |b: Option<u8>| b.and_then(|b| char::from(b).to_digit(16)).and_then(|d| u8::try_from(d).ok());
    while let Some(b) = bytes.next() {
        out.push(match b {
            b'+' => b' ',
            b'%' => {
                let (high, low) = (digit(bytes.next()), digit(bytes.next()));
                high.zip(low).map(|(h, l)| h << 4 | l).ok_or(CredentialFault::Form)?
            }
            b => b,
        });
    }
    String::from_utf8(out).map_err(|_| CredentialFault::Form)
}
