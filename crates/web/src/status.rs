//! How the node is, at a glance, and what the API is.

use crate::auth::CanRead;
use crate::problem::{ApiProblem, ProblemDocument};
use crate::state::AdminState;
use axum::Json;
use axum::extract::State;
use lgsp_registry::{Counts, KeptOutItem};
use serde::Serialize;
use utoipa::ToSchema;

/// How the node is.
#[derive(Debug, Serialize, ToSchema)]
pub struct Status {
    /// The program's version.
    version: &'static str,
    /// Now, as this node sees it (RFC 3339).
    now: String,
    /// The generation of the registry that decisions are made on.
    generation: i64,
    /// How much is declared.
    counts: Counts,
    /// What is declared but cannot be used, and why.
    kept_out: Vec<KeptOutItem>,
    /// `sqlite` or `postgres`.
    store: &'static str,
    /// Whether the store answers.
    store_up: bool,
    /// Verified tokens that are remembered.
    remembered_tokens: usize,
    /// What else the node tells of itself.
    #[schema(value_type = Object)]
    node: serde_json::Value,
}

/// How the node is. Administration tokens are in the store: while it is away this answers 503, and the node's health addresses tell.
#[utoipa::path(get, path = "/admin/v1/status", tag = "node", operation_id = "status",
    security(("admin_token" = ["read"])),
    responses((status = 200, body = Status), (status = "4XX", body = ProblemDocument, content_type = "application/problem+json")))]
pub async fn status(_: CanRead, State(state): State<AdminState>) -> Result<Json<Status>, ApiProblem> {
    Ok(Json(Status {
        version: state.version,
        now: state.clock.now().rfc3339(),
        generation: state.registry.generation(),
        counts: state.registry.counts(),
        kept_out: state.registry.kept_out(),
        store: state.store.backend_name(),
        store_up: state.store.ping().await.is_ok(),
        remembered_tokens: state.identity.remembered_tokens(),
        node: (state.status)(),
    }))
}

/// Where to go from here.
pub async fn index() -> &'static str {
    "lgsp administration\n\nGET /openapi.json describes this API. Send Authorization: Bearer <administration token>.\n"
}
