//! Administration tokens over the API.

use crate::auth::CanAdminister;
use crate::problem::{ApiProblem, ProblemDocument};
use crate::state::AdminState;
use axum::Json;
use axum::extract::{Path, State};
use http::StatusCode;
use lgsp_identity::{AdminTokenError, AdminTokenInfo};
use lgsp_kernel::Millis;
use lgsp_kernel::context::Role;
use lgsp_kernel::model::When;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// An administration token, without its secret. Times are RFC 3339.
#[derive(Debug, Serialize, ToSchema)]
pub struct TokenView {
    /// Its name, which the audit trail shows.
    name: String,
    /// What it may do; none: unknown to this program, and refused.
    role: Option<Role>,
    /// When it was made.
    created_at: String,
    /// When it expires.
    expires_at: Option<String>,
    /// When it was revoked.
    revoked_at: Option<String>,
    /// When it was last used, to the hour.
    last_used_at: Option<String>,
}

impl From<AdminTokenInfo> for TokenView {
    fn from(t: AdminTokenInfo) -> Self {
        Self {
            name: t.name,
            role: t.role,
            created_at: t.created_at.rfc3339(),
            expires_at: t.expires_at.map(Millis::rfc3339),
            revoked_at: t.revoked_at.map(Millis::rfc3339),
            last_used_at: t.last_used_at.map(Millis::rfc3339),
        }
    }
}

/// Which token to make.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TokenWish {
    /// Its name; never one that was used before.
    name: String,
    /// What it may do.
    role: Role,
    /// When it expires; none: never.
    expires_at: Option<When>,
}

/// A token that was made.
#[derive(Serialize, ToSchema)]
pub struct IssuedToken {
    /// Its name.
    name: String,
    /// The token. It is not kept and cannot be shown again.
    token: String,
}

/// Lists administration tokens.
#[utoipa::path(get, path = "/admin/v1/tokens", tag = "tokens", operation_id = "list_tokens",
    security(("admin_token" = ["administer"])),
    responses((status = 200, body = Vec<TokenView>), (status = "4XX", body = ProblemDocument, content_type = "application/problem+json")))]
pub async fn list(
    _: CanAdminister,
    State(state): State<AdminState>,
) -> Result<Json<Vec<TokenView>>, ApiProblem> {
    Ok(Json(state.tokens.list().await?.into_iter().map(TokenView::from).collect()))
}

/// Makes an administration token and shows it this once.
#[utoipa::path(post, path = "/admin/v1/tokens", tag = "tokens", operation_id = "create_token",
    security(("admin_token" = ["administer"])), request_body = TokenWish,
    responses((status = 201, body = IssuedToken), (status = "4XX", body = ProblemDocument, content_type = "application/problem+json")))]
pub async fn create(
    CanAdminister(ctx): CanAdminister,
    State(state): State<AdminState>,
    Json(wish): Json<TokenWish>,
) -> Result<(StatusCode, Json<IssuedToken>), ApiProblem> {
    let expires = wish.expires_at.map(|w| w.0);
    let secret = state.tokens.create(&wish.name, wish.role, expires, &ctx).await?;
    let token = secret.expose_str().unwrap_or_default().to_owned();
    Ok((StatusCode::CREATED, Json(IssuedToken { name: wish.name, token })))
}

/// Revokes an administration token for good.
#[utoipa::path(delete, path = "/admin/v1/tokens/{name}", tag = "tokens", operation_id = "revoke_token",
    params(("name" = String, Path)), security(("admin_token" = ["administer"])),
    responses((status = 204), (status = "4XX", body = ProblemDocument, content_type = "application/problem+json")))]
pub async fn revoke(
    CanAdminister(ctx): CanAdminister,
    State(state): State<AdminState>,
    Path(name): Path<String>,
) -> Result<StatusCode, ApiProblem> {
    if state.tokens.revoke(&name, &ctx).await? {
        return Ok(StatusCode::NO_CONTENT);
    }
    Err(ApiProblem::not_found("No token of this name is in use."))
}

impl From<AdminTokenError> for ApiProblem {
    fn from(error: AdminTokenError) -> Self {
        match error {
            AdminTokenError::Exists => Self::conflict(error.to_string()),
            AdminTokenError::Name(_) | AdminTokenError::Expired => Self::bad_request(error.to_string()),
            AdminTokenError::Store(error) => error.into(),
            AdminTokenError::Random(_) => Self::defect(error),
        }
    }
}
