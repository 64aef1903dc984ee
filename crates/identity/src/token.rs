//! `POST /token` (RFC 6749, client credentials) and `POST /revoke` (RFC 7009): from the bytes of a request to the answer. Clients prove
//! themselves by secret (HTTP Basic or form) or by certificate (RFC 8705, `tls_client_auth`). Not here: sockets, reading the body.

use crate::caller::How;
use crate::config::{DENYLIST_MAX, LEEWAY_SECONDS, SCOPE_MAX};
use crate::identify::usable;
use crate::identity::Identity;
use crate::jwt::{self, Claims, Confirmation};
use crate::oauth::{OauthFault, TokenAnswer, TokenRequest};
use crate::oauth_form::Form;
use lgsp_kernel::model::CredentialKind;
use lgsp_kernel::snapshot::{Credential, Digest, Snapshot, System};
use lgsp_kernel::{Millis, Secret};
use lgsp_store::RevokedToken;
use serde_json::json;
use std::sync::Arc;
use uuid::Uuid;

/// A client that has proven itself.
struct Client {
    credential: Arc<Credential>,
    system: Arc<System>,
    /// The certificate it proved itself with: its tokens are bound to it.
    bound_to: Option<Digest>,
}

impl Identity {
    /// Answers `POST /token`.
    pub fn token(&self, snapshot: &Snapshot, request: &TokenRequest<'_>) -> TokenAnswer {
        let now = self.clock.now();
        let client = Form::client_name(request);
        match self.try_token(snapshot, request, now) {
            Ok(json) => TokenAnswer::json(http::StatusCode::OK, &json).of(client),
            Err(fault) => fault.answer().of(client),
        }
    }

    fn try_token(
        &self,
        snapshot: &Snapshot,
        request: &TokenRequest<'_>,
        now: Millis,
    ) -> Result<serde_json::Value, OauthFault> {
        let form = Form::read(request)?;
        let client = self.authenticate(snapshot, &form, request, now)?;
        match form.get("grant_type")? {
            Some("client_credentials") => {}
            Some(_) => return Err(OauthFault::UnsupportedGrantType),
            None => return Err(OauthFault::InvalidRequest("grant_type is missing")),
        }
        let scope = scope(form.get("scope")?)?;
        let (token, seconds) = self.issue(&client, scope.clone(), now)?;
        Ok(json!({
            "access_token": token,
            "token_type": "Bearer",
            "expires_in": seconds,
            "scope": scope.as_deref().unwrap_or("default"),
        }))
    }

    fn issue(
        &self,
        client: &Client,
        scope: Option<String>,
        now: Millis,
    ) -> Result<(String, i64), OauthFault> {
        let keys = self.keys.load();
        let key = keys.signing(now).ok_or(OauthFault::Unavailable)?;
        let iat = now.seconds();
        let mut exp = iat.saturating_add(self.config.token_life());
        if let Some(retires) = key.retires_at {
            exp = exp.min(retires.seconds().saturating_sub(LEEWAY_SECONDS));
        }
        let id = client.credential.spec.id.as_str();
        let claims = Claims {
            iss: self.config.issuer.clone(),
            aud: self.config.audience.clone(),
            sub: id.into(),
            client_id: id.into(),
            iat,
            nbf: None,
            exp,
            jti: Uuid::new_v4(),
            system: client.system.spec.id.as_str().into(),
            agency: client.system.agency.as_str().into(),
            scope,
            cnf: client.bound_to.as_ref().map(Confirmation::to),
        };
        let token = jwt::sign(key, &claims).map_err(|_| OauthFault::Unavailable)?;
        Ok((token, exp - iat))
    }

    /// Proves who the client is, by exactly one method. Guessing is slowed down before the secret is looked at.
    fn authenticate(
        &self,
        snapshot: &Snapshot,
        form: &Form,
        request: &TokenRequest<'_>,
        now: Millis,
    ) -> Result<Client, OauthFault> {
        let shown = form.client(request)?;
        self.throttle.check(&shown.id, request.address, now).map_err(OauthFault::TooManyFailures)?;
        let proven = match &shown.secret {
            Some(secret) => self.by_secret(snapshot, &shown.id, secret, shown.basic).map(|c| (c, None)),
            None => by_certificate(snapshot, &shown.id, request.certificate),
        };
        let Some((credential, bound_to)) = proven else {
            self.throttle.failed(&shown.id, request.address, now);
            return Err(OauthFault::InvalidClient(
                "the client is not known, or its secret or certificate is wrong".into(),
            ));
        };
        let caller = usable(snapshot, &credential, How::Token, now)
            .map_err(|refusal| OauthFault::InvalidClient(refusal.detail))?;
        Ok(Client { credential, system: caller.system, bound_to })
    }

    /// RFC 6749, section 2.3.1 wants the secret form-encoded within Basic; most clients send it as it is. Both are taken.
    fn by_secret(
        &self,
        snapshot: &Snapshot,
        id: &str,
        secret: &Secret,
        basic: bool,
    ) -> Option<Arc<Credential>> {
        let plain = self.client_with_secret(snapshot, id, secret.expose());
        if plain.is_some() || !basic {
            return plain;
        }
        let decoded = crate::oauth_form::decoded(secret)?;
        self.client_with_secret(snapshot, id, decoded.expose())
    }

    /// Answers `POST /revoke`. A token that is not good any more, or not ours, needs no revocation: the answer is the same.
    pub async fn revoke(&self, snapshot: &Snapshot, request: &TokenRequest<'_>) -> TokenAnswer {
        let now = self.clock.now();
        let client = Form::client_name(request);
        match self.try_revoke(snapshot, request, now).await {
            Ok(()) => TokenAnswer::json(http::StatusCode::OK, &json!({})).of(client),
            Err(fault) => fault.answer().of(client),
        }
    }

    async fn try_revoke(
        &self,
        snapshot: &Snapshot,
        request: &TokenRequest<'_>,
        now: Millis,
    ) -> Result<(), OauthFault> {
        let form = Form::read(request)?;
        let client = self.authenticate(snapshot, &form, request, now)?;
        let token = form.get("token")?.ok_or(OauthFault::InvalidRequest("token is missing"))?;
        let Ok((verified, owner)) = self.verify_in_full(snapshot, token, now) else { return Ok(()) };
        if owner.spec.id != client.credential.spec.id {
            return Err(OauthFault::UnauthorizedClient);
        }
        if self.denylist.len() >= DENYLIST_MAX {
            return Err(OauthFault::Unavailable);
        }
        let revoked =
            RevokedToken { jti: verified.jti.to_string(), revoked_at: now, expires_at: verified.expires };
        self.store.revoked_token_add(&revoked).await.map_err(|error| {
            tracing::warn!(%error, "a token revocation could not be stored");
            OauthFault::Unavailable
        })?;
        self.denylist.add(verified.jti, verified.expires);
        self.remembered.retain(|t| t.jti != verified.jti);
        Ok(())
    }
}

fn by_certificate(
    snapshot: &Snapshot,
    id: &str,
    certificate: Option<Digest>,
) -> Option<(Arc<Credential>, Option<Digest>)> {
    let certificate = certificate?;
    let credential = snapshot.credentials.get(id).filter(|c| c.kind() == CredentialKind::Certificate)?;
    (credential.digest == certificate).then(|| (credential.clone(), Some(certificate)))
}

/// The scope that is echoed (RFC 6749, section 3.3): grants decide what a caller may do, not scopes.
fn scope(asked: Option<&str>) -> Result<Option<String>, OauthFault> {
    let Some(asked) = asked.filter(|s| !s.is_empty()) else { return Ok(None) };
    let fine = asked.bytes().all(|b| matches!(b, b' ' | b'!' | b'#'..=b'[' | b']'..=b'~'));
    if !fine || asked.len() > SCOPE_MAX {
        return Err(OauthFault::InvalidScope);
    }
    Ok(Some(asked.into()))
}
