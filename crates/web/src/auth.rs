//! Permission as an extractor: a handler that takes [`CanRead`], [`CanChange`] or [`CanAdminister`] cannot run without it, and gets the
//! context of the operation from it. They come before a body in a handler's arguments, so nobody's body is read for nothing.

use crate::problem::ApiProblem;
use crate::state::AdminState;
use axum::extract::FromRequestParts;
use http::header::AUTHORIZATION;
use http::request::Parts;
use lgsp_kernel::context::Role;
use lgsp_kernel::{Actor, OpContext};

/// The header in which a caller says why: kept in the audit trail. UTF-8, at most [`REASON_MAX`] bytes.
pub const REASON_HEADER: &str = "lgsp-reason";
/// Longest reason, bytes.
pub const REASON_MAX: usize = 500;

/// The caller may read.
#[derive(Debug)]
pub struct CanRead(pub OpContext);
/// The caller may change the registry and, at a hub, who is a member.
#[derive(Debug)]
pub struct CanChange(pub OpContext);
/// The caller may make and revoke administration tokens and rotate keys.
#[derive(Debug)]
pub struct CanAdminister(pub OpContext);

impl FromRequestParts<AdminState> for CanRead {
    type Rejection = ApiProblem;
    async fn from_request_parts(parts: &mut Parts, state: &AdminState) -> Result<Self, ApiProblem> {
        allowed(parts, state, Role::may_read, "read").await.map(Self)
    }
}

impl FromRequestParts<AdminState> for CanChange {
    type Rejection = ApiProblem;
    async fn from_request_parts(parts: &mut Parts, state: &AdminState) -> Result<Self, ApiProblem> {
        allowed(parts, state, Role::may_change, "change anything").await.map(Self)
    }
}

impl FromRequestParts<AdminState> for CanAdminister {
    type Rejection = ApiProblem;
    async fn from_request_parts(parts: &mut Parts, state: &AdminState) -> Result<Self, ApiProblem> {
        allowed(parts, state, Role::may_administer, "administer tokens and keys").await.map(Self)
    }
}

async fn allowed(
    parts: &Parts,
    state: &AdminState,
    may: fn(Role) -> bool,
    what: &str,
) -> Result<OpContext, ApiProblem> {
    let token = bearer(parts)?;
    let actor = state.tokens.verify(token).await?;
    let Some(Actor::Operator { name, role }) = actor else {
        return Err(ApiProblem::unauthorized("The token is unknown, revoked or expired."));
    };
    if !may(role) {
        return Err(ApiProblem::forbidden(format!("The role {} may not {what}.", role.as_str())));
    }
    let reason = reason(parts)?;
    Ok(OpContext { actor: Actor::Operator { name, role }, reason, at: state.clock.now() })
}

fn bearer(parts: &Parts) -> Result<&str, ApiProblem> {
    let mut values = parts.headers.get_all(AUTHORIZATION).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return Err(ApiProblem::unauthorized("One Authorization header is needed."));
    };
    let sent = value.to_str().ok().and_then(|v| v.trim().split_once(' '));
    match sent {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => Ok(token.trim()),
        _ => Err(ApiProblem::unauthorized("The Authorization header is not of the form \"Bearer <token>\".")),
    }
}

fn reason(parts: &Parts) -> Result<Option<String>, ApiProblem> {
    let Some(value) = parts.headers.get(REASON_HEADER) else { return Ok(None) };
    let text = std::str::from_utf8(value.as_bytes())
        .map_err(|_| ApiProblem::bad_request(format!("The header {REASON_HEADER} is not UTF-8.")))?
        .trim();
    if text.len() > REASON_MAX || text.chars().any(char::is_control) {
        return Err(ApiProblem::bad_request(format!(
            "The header {REASON_HEADER} is longer than {REASON_MAX} bytes or has control characters."
        )));
    }
    Ok((!text.is_empty()).then(|| text.to_owned()))
}
