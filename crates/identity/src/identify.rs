//! Who calls: every credential that a request shows is looked at, each must be good, and all must be of one system. One exception:
//! a client certificate nobody registered is ignored beside another credential, since some networks give every machine one.
//! Whether a credential may be used is asked of the snapshot on every call; nothing here remembers a yes.

use crate::caller::{Caller, How};
use crate::config::{LEEWAY_SECONDS, TOKEN_MAX};
use crate::identity::Identity;
use crate::jwt::{self, TokenFault};
use crate::remembered::Remembered;
use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{SHA256, digest};
use http::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use lgsp_kernel::fault::{
    BAD_TOKEN, CONFLICTING_CREDENTIALS, CREDENTIAL_EXPIRED, CREDENTIAL_NOT_YET_VALID, CREDENTIAL_REVOKED,
    NO_CREDENTIAL, UNKNOWN_CREDENTIAL,
};
use lgsp_kernel::model::CredentialKind;
use lgsp_kernel::snapshot::{Credential, CredentialState, Digest, Snapshot, System};
use lgsp_kernel::{Millis, Refusal};
use std::sync::Arc;

/// The two headers that an API key may come in.
pub static API_KEY_HEADERS: [HeaderName; 2] =
    [HeaderName::from_static("apikey"), HeaderName::from_static("x-api-key")];
/// The header of the provinces' older dialect.
pub static ACCESS_TOKEN_HEADER: HeaderName = HeaderName::from_static("lgspaccesstoken");
/// Longest API key that is looked at, bytes.
const API_KEY_MAX: usize = 512;

impl Identity {
    /// Finds the caller of a request. `certificate` is the SHA-256 of the DER form of the client certificate whose possession the
    /// edge has seen proven.
    pub fn identify(
        &self,
        snapshot: &Snapshot,
        headers: &HeaderMap,
        certificate: Option<Digest>,
        now: Millis,
    ) -> Result<Caller, Refusal> {
        let mut found = None;
        if let Some(token) = bearer(headers)? {
            found = Some(self.by_token(snapshot, token, certificate, now)?);
        }
        if let Some(key) = api_key(headers)? {
            found = Some(same_system(found, self.by_api_key(snapshot, key, now)?)?);
        }
        if let Some(text) = single(headers, &ACCESS_TOKEN_HEADER)? {
            found = Some(same_system(found, self.by_access_token_header(snapshot, text, now)?)?);
        }
        if let Some(certificate) = certificate {
            match snapshot.certificates.get(&certificate) {
                Some(known) => {
                    let caller = usable(snapshot, known, How::Certificate, now)?;
                    found = Some(same_system(found, caller)?);
                }
                None if found.is_none() => return Err(unknown("The client certificate is not registered.")),
                None => {}
            }
        }
        found.ok_or_else(|| no_credential(headers))
    }

    fn by_token(
        &self,
        snapshot: &Snapshot,
        token: &[u8],
        certificate: Option<Digest>,
        now: Millis,
    ) -> Result<Caller, Refusal> {
        if token.len() > TOKEN_MAX {
            return Err(TokenFault::TooLong.refusal());
        }
        let key = sha256(token);
        if let Some(known) = self.remembered.get(&key)
            && now < known.expires
            && let Some(credential) = snapshot.credentials.get(&known.credential)
            && credential.stamp == known.stamp
        {
            check_binding(known.bound_to.as_ref(), certificate.as_ref())?;
            return usable(snapshot, credential, How::Token, now);
        }
        let token = std::str::from_utf8(token).map_err(|_| TokenFault::Form("it is not text").refusal())?;
        let (verified, credential) = self.verify_in_full(snapshot, token, now)?;
        check_binding(verified.bound_to.as_ref(), certificate.as_ref())?;
        let caller = usable(snapshot, &credential, How::Token, now)?;
        let jti = verified.jti;
        // Remember first, look at the revoked ones second: a revocation that comes between the two either sees what is
        // remembered or is seen here.
        self.remembered.insert(key, verified, now);
        if self.denylist.contains(&jti) {
            self.remembered.remove(&key);
            return Err(TokenFault::Revoked.refusal());
        }
        Ok(caller)
    }

    /// Checks signature and claims, and that the credential named is there.
    pub(crate) fn verify_in_full(
        &self,
        snapshot: &Snapshot,
        token: &str,
        now: Millis,
    ) -> Result<(Remembered, Arc<Credential>), Refusal> {
        let claims =
            jwt::verify(token, &self.keys.load(), self.expected(), now).map_err(TokenFault::refusal)?;
        let credential = snapshot.credentials.get(claims.client_id.as_str());
        let credential =
            credential.ok_or_else(|| unknown("The credential that the token was issued to is gone."))?;
        if credential.spec.system.as_str() != claims.system {
            return Err(unknown("The credential that the token was issued to is now another system's."));
        }
        let bound_to = match &claims.cnf {
            None => None,
            Some(cnf) => Some(cnf.digest().ok_or_else(|| {
                TokenFault::Form("its certificate binding is not a SHA-256 digest").refusal()
            })?),
        };
        let remembered = Remembered {
            credential: credential.spec.id.clone(),
            stamp: credential.stamp,
            expires: Millis(claims.exp.saturating_add(LEEWAY_SECONDS).saturating_mul(1000)),
            jti: claims.jti,
            bound_to,
        };
        Ok((remembered, credential.clone()))
    }

    fn by_api_key(&self, snapshot: &Snapshot, key: &str, now: Millis) -> Result<Caller, Refusal> {
        let known = (key.len() <= API_KEY_MAX)
            .then(|| snapshot.api_keys.get(&self.vault.digest(key.as_bytes())))
            .flatten()
            .ok_or_else(|| unknown("The API key is not known."))?;
        usable(snapshot, known, How::ApiKey, now)
    }

    fn by_access_token_header(
        &self,
        snapshot: &Snapshot,
        text: &str,
        now: Millis,
    ) -> Result<Caller, Refusal> {
        let sent = lgsp_wire::credentials::lgsp_access_token(text)
            .map_err(|e| unknown("The lgspaccesstoken header cannot be read.").with_internal(e))?;
        let credential = self.client_with_secret(snapshot, &sent.access_key, sent.secret_key.expose());
        let credential = credential.ok_or_else(|| unknown("AccessKey and SecretKey do not fit together."))?;
        usable(snapshot, &credential, How::AccessTokenHeader, now)
    }

    /// The client credential of this id if this is its secret; the time taken tells nothing of either.
    pub(crate) fn client_with_secret(
        &self,
        snapshot: &Snapshot,
        id: &str,
        secret: &[u8],
    ) -> Option<Arc<Credential>> {
        let shown = self.vault.digest(secret);
        let credential = snapshot.credentials.get(id).filter(|c| c.kind() == CredentialKind::Client);
        let kept = credential.map_or([0u8; 32], |c| c.digest);
        let fits = verify_slices_are_equal(&shown, &kept).is_ok();
        credential.filter(|_| fits).cloned()
    }
}

/// The caller behind a proven credential, if credential and system may be used now.
pub(crate) fn usable(
    snapshot: &Snapshot,
    credential: &Arc<Credential>,
    how: How,
    now: Millis,
) -> Result<Caller, Refusal> {
    let id = &credential.spec.id;
    match credential.state(now) {
        CredentialState::Valid => {}
        CredentialState::Revoked => {
            return Err(Refusal::new(&CREDENTIAL_REVOKED, format!("The credential {id} was revoked.")));
        }
        CredentialState::Expired => {
            return Err(Refusal::new(&CREDENTIAL_EXPIRED, format!("The credential {id} has expired.")));
        }
        CredentialState::NotYetValid => {
            return Err(Refusal::new(
                &CREDENTIAL_NOT_YET_VALID,
                format!("The credential {id} is not valid yet."),
            ));
        }
    }
    let system = active_system(snapshot, credential)?;
    Ok(Caller { system, credential: credential.clone(), how })
}

fn active_system(snapshot: &Snapshot, credential: &Credential) -> Result<Arc<System>, Refusal> {
    let id = &credential.spec.system;
    let system = snapshot.systems.get(id).ok_or_else(|| unknown("The credential's system is gone."))?;
    if system.spec.suspended {
        return Err(Refusal::new(&CREDENTIAL_REVOKED, format!("The system {id} is suspended for now.")));
    }
    Ok(system.clone())
}

fn check_binding(bound_to: Option<&Digest>, certificate: Option<&Digest>) -> Result<(), Refusal> {
    if bound_to.is_none() || bound_to == certificate {
        return Ok(());
    }
    Err(Refusal::new(
        &BAD_TOKEN,
        "The bearer token is bound to a client certificate; call with that certificate.",
    ))
}

fn same_system(found: Option<Caller>, next: Caller) -> Result<Caller, Refusal> {
    match found {
        None => Ok(next),
        Some(found) if found.system.spec.id == next.system.spec.id => Ok(found),
        Some(found) => Err(Refusal::new(
            &CONFLICTING_CREDENTIALS,
            format!(
                "The {} and the {} are of different systems.",
                found.how.as_str().replace('_', " "),
                next.how.as_str().replace('_', " ")
            ),
        )),
    }
}

/// The one value of a header; several are refused, since which of them counts would be anyone's guess.
fn only<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Result<Option<&'h HeaderValue>, Refusal> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (_, Some(_)) => {
            Err(Refusal::new(&CONFLICTING_CREDENTIALS, format!("The header {name} was sent more than once.")))
        }
        (value, None) => Ok(value),
    }
}

fn single<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Result<Option<&'h str>, Refusal> {
    let Some(value) = only(headers, name)? else { return Ok(None) };
    let text = value.to_str().map_err(|_| unknown("The credential has characters outside ASCII."))?;
    Ok(Some(text.trim()))
}

/// The bearer token as it stands. Whether it has the characters of a token is looked at only where it is not remembered.
fn bearer(headers: &HeaderMap) -> Result<Option<&[u8]>, Refusal> {
    let Some(value) = only(headers, &AUTHORIZATION)? else { return Ok(None) };
    let value = value.as_bytes().trim_ascii();
    Ok(match value.split_at_checked(7) {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case(b"bearer ") => Some(token.trim_ascii_start()),
        None if value.eq_ignore_ascii_case(b"bearer") => Some(b""),
        _ => None,
    })
}

fn api_key(headers: &HeaderMap) -> Result<Option<&str>, Refusal> {
    match (single(headers, &API_KEY_HEADERS[0])?, single(headers, &API_KEY_HEADERS[1])?) {
        (Some(a), Some(b)) if a != b => {
            Err(Refusal::new(&CONFLICTING_CREDENTIALS, "The headers apikey and x-api-key differ."))
        }
        (a, b) => Ok(a.or(b)),
    }
}

fn unknown(detail: &str) -> Refusal {
    Refusal::new(&UNKNOWN_CREDENTIAL, detail)
}

fn no_credential(headers: &HeaderMap) -> Refusal {
    let detail = if headers.contains_key(AUTHORIZATION) {
        "The Authorization header is not of the form \"Bearer <token>\"."
    } else {
        "The request shows no credential."
    };
    Refusal::new(&NO_CREDENTIAL, detail)
}

pub(crate) fn sha256(bytes: &[u8]) -> Digest {
    let mut out = [0u8; 32];
    out.copy_from_slice(digest(&SHA256, bytes).as_ref());
    out
}
