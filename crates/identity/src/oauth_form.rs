//! Reads the form and the client authentication of a token request (RFC 6749, sections 2.3.1 and 3.2). Not here: whether it is true.

use crate::config::FORM_MAX;
use crate::oauth::{OauthFault, TokenRequest};
use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap};
use lgsp_kernel::Secret;
use lgsp_wire::credentials;
use zeroize::Zeroize as _;

/// The longest client id that is looked at; names have at most 64 bytes.
const CLIENT_ID_MAX: usize = 256;

/// The fields of a form; wiped on drop, since a secret may be among them.
pub(crate) struct Form(Vec<(String, String)>);

impl Drop for Form {
    fn drop(&mut self) {
        self.0.iter_mut().for_each(|(_, value)| value.zeroize());
    }
}

/// What a client shows of itself.
pub(crate) struct Shown {
    pub(crate) id: String,
    pub(crate) secret: Option<Secret>,
    pub(crate) basic: bool,
}

impl Form {
    /// Reads the body.
    pub(crate) fn read(request: &TokenRequest<'_>) -> Result<Self, OauthFault> {
        if request.body.len() > FORM_MAX {
            return Err(OauthFault::InvalidRequest("the body is too long"));
        }
        if !is_form(request.headers) {
            return Err(OauthFault::InvalidRequest(
                "the content type must be application/x-www-form-urlencoded",
            ));
        }
        credentials::form(request.body)
            .map(Self)
            .map_err(|_| OauthFault::InvalidRequest("the body is not a form, or repeats a field"))
    }

    /// A field; fields must not be repeated (RFC 6749, section 3.2).
    pub(crate) fn get(&self, name: &str) -> Result<Option<&str>, OauthFault> {
        let mut values = self.0.iter().filter(|(n, _)| n == name).map(|(_, v)| v.as_str());
        let first = values.next();
        match values.next() {
            Some(_) => Err(OauthFault::InvalidRequest("a field is sent more than once")),
            None => Ok(first),
        }
    }

    /// Who the client says it is, by one method only (RFC 6749, section 2.3).
    pub(crate) fn client(&self, request: &TokenRequest<'_>) -> Result<Shown, OauthFault> {
        let (id, secret) = (self.get("client_id")?, self.get("client_secret")?);
        let shown = match basic(request.headers)? {
            Some(_) if secret.is_some() => {
                return Err(OauthFault::InvalidRequest(
                    "the client secret is sent twice: in Authorization and in the form",
                ));
            }
            Some((user, _)) if id.is_some_and(|id| id != user) => {
                return Err(OauthFault::InvalidRequest("Authorization and the form name different clients"));
            }
            Some((user, password)) => Shown { id: user, secret: Some(password), basic: true },
            None => Shown {
                id: id
                    .ok_or_else(|| OauthFault::InvalidClient("no client authentication was sent".into()))?
                    .into(),
                secret: secret.map(Secret::new),
                basic: false,
            },
        };
        if shown.id.len() > CLIENT_ID_MAX {
            return Err(OauthFault::InvalidClient("the client id is too long".into()));
        }
        Ok(shown)
    }

    /// The name of the client, for events: none where it cannot be read or is no name.
    pub(crate) fn client_name(request: &TokenRequest<'_>) -> Option<String> {
        let form = Self::read(request).ok()?;
        let id = form.client(request).ok()?.id;
        lgsp_kernel::ids::check_name(&id).is_ok().then_some(id)
    }
}

fn is_form(headers: &HeaderMap) -> bool {
    headers.get(CONTENT_TYPE).is_none_or(|v| {
        let essence = v.as_bytes().split(|b| *b == b';').next().unwrap_or_default();
        essence.trim_ascii().eq_ignore_ascii_case(b"application/x-www-form-urlencoded")
    })
}

fn basic(headers: &HeaderMap) -> Result<Option<(String, Secret)>, OauthFault> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(OauthFault::InvalidRequest("Authorization is sent more than once"));
    }
    let read = value.to_str().ok().and_then(credentials::basic);
    read.map(Some).ok_or_else(|| OauthFault::InvalidClient("Authorization is not HTTP Basic".into()))
}

/// A secret that was form-encoded; none where decoding changes nothing.
pub(crate) fn decoded(secret: &Secret) -> Option<Secret> {
    let text = secret.expose();
    if !text.iter().any(|b| matches!(b, b'%' | b'+')) {
        return None;
    }
    let mut form = b"s=".to_vec();
    form.extend_from_slice(text);
    let read = credentials::form(&form);
    form.zeroize();
    let fields = Form(read.ok()?);
    match fields.0.as_slice() {
        [(_, value)] => Some(Secret::new(value.as_str())),
        _ => None,
    }
}
