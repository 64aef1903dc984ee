//! Making a credential whose secret the platform chooses and shows once.

use crate::auth::CanChange;
use crate::problem::{ApiProblem, ProblemDocument};
use crate::state::AdminState;
use axum::Json;
use axum::extract::{Path, State};
use http::StatusCode;
use lgsp_kernel::model::CredentialKind;
use lgsp_kernel::{CredentialId, SystemId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Which credential to make.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CredentialWish {
    /// `client` or `api_key`; certificates are declared by their fingerprint.
    kind: CredentialKind,
    /// Its id; none: one is made from the system's. Naming an existing credential of the system gives it a new secret.
    id: Option<CredentialId>,
}

/// A credential that was made.
#[derive(Serialize, ToSchema)]
pub struct IssuedCredential {
    /// Its id; for OAuth 2 the `client_id`.
    id: CredentialId,
    /// Its kind.
    kind: CredentialKind,
    /// The secret. It is not kept and cannot be shown again.
    secret: String,
    /// The generation of the registry that knows it.
    generation: i64,
}

/// Makes a credential, or gives one a new secret, and shows the secret this once.
#[utoipa::path(post, path = "/admin/v1/systems/{id}/credentials", tag = "systems", operation_id = "issue_credential",
    params(("id" = String, Path, description = "The system"), ("lgsp-reason" = Option<String>, Header, description = "Why; kept in the audit trail")),
    security(("admin_token" = ["change"])), request_body = CredentialWish,
    responses((status = 201, body = IssuedCredential), (status = "4XX", body = ProblemDocument, content_type = "application/problem+json")))]
pub async fn issue(
    CanChange(ctx): CanChange,
    State(state): State<AdminState>,
    Path(system): Path<String>,
    Json(wish): Json<CredentialWish>,
) -> Result<(StatusCode, Json<IssuedCredential>), ApiProblem> {
    let system =
        SystemId::new(&system).map_err(|e| ApiProblem::bad_request(format!("The system's id {e}.")))?;
    let issued = state.registry.issue_credential(&system, wish.kind, wish.id, &ctx).await?;
    let secret = issued.secret.expose_str().unwrap_or_default().to_owned();
    let answer = IssuedCredential { id: issued.id, kind: wish.kind, secret, generation: issued.generation };
    Ok((StatusCode::CREATED, Json(answer)))
}
