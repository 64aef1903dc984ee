//! The keys that sign access tokens.

use crate::auth::CanAdminister;
use crate::problem::{ApiProblem, ProblemDocument};
use crate::query::{Asked, flag};
use crate::state::AdminState;
use axum::Json;
use axum::extract::State;
use lgsp_identity::{IdentityError, Rotation};
use lgsp_store::AuditEntry;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// Why keys are changed.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct RotateQuery {
    /// A key may have leaked: all tokens given out so far are refused from now on.
    #[serde(default, deserialize_with = "flag")]
    compromised: bool,
}

/// What the rotation came to.
#[derive(Debug, Serialize, ToSchema)]
pub struct Rotated {
    /// Whether this request did it; otherwise another process of the node was first.
    rotated: bool,
}

/// Makes a new key that signs access tokens. In good order it signs ten minutes later, and no token is refused.
#[utoipa::path(post, path = "/admin/v1/signing-keys/rotate", tag = "tokens", operation_id = "rotate_signing_key",
    params(RotateQuery, ("lgsp-reason" = Option<String>, Header, description = "Why; kept in the audit trail")),
    security(("admin_token" = ["administer"])),
    responses((status = 200, body = Rotated), (status = "4XX", body = ProblemDocument, content_type = "application/problem+json")))]
pub async fn rotate(
    CanAdminister(ctx): CanAdminister,
    State(state): State<AdminState>,
    Asked(query): Asked<RotateQuery>,
) -> Result<Json<Rotated>, ApiProblem> {
    let (how, action) = match query.compromised {
        true => (Rotation::Compromised, "rotate_compromised"),
        false => (Rotation::Orderly, "rotate"),
    };
    // On record first: a rotation that nobody can explain later would be worse than a record of one that failed.
    let entry = AuditEntry {
        at: ctx.at,
        actor: ctx.actor,
        reason: ctx.reason,
        action: action.into(),
        kind: "signing_key".into(),
        id: "all".into(),
        before: None,
        after: None,
    };
    state.store.audit_append(&entry).await?;
    let rotated = state.identity.rotate(how).await.map_err(|error| match error {
        IdentityError::Store(error) => error.into(),
        other => ApiProblem::defect(other),
    })?;
    Ok(Json(Rotated { rotated }))
}
