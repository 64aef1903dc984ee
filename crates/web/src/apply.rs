//! `POST /admin/v1/apply`: a whole declaration, checked, compared and carried out, as `lgsp apply` does from files.

use crate::auth::CanChange;
use crate::problem::{ApiProblem, ProblemDocument};
use crate::query::{Asked, flag};
use crate::state::AdminState;
use axum::Json;
use axum::extract::State;
use lgsp_kernel::model::Manifest;
use lgsp_registry::{Applied, Change, ContractDiff, Plan, PlanOptions, Sourced, manifest};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// Largest declaration, bytes: 100,000 grants take about 40 MB.
pub const DECLARATION_MAX: usize = 128 << 20;

/// How to take the declaration.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ApplyQuery {
    /// Only say what would change.
    #[serde(default, deserialize_with = "flag")]
    dry_run: bool,
    /// Delete what is not declared.
    #[serde(default, deserialize_with = "flag")]
    prune: bool,
    /// Take changes of contracts that break those who use a published version.
    #[serde(default, deserialize_with = "flag")]
    accept_breaking: bool,
}

/// What a declaration came to.
#[derive(Debug, Serialize, ToSchema)]
pub struct ApplyAnswer {
    /// Whether nothing was written.
    dry_run: bool,
    /// The generation of the registry: with the changes, or the one they were computed at.
    generation: i64,
    /// Items made.
    created: usize,
    /// Items changed.
    updated: usize,
    /// Items deleted.
    deleted: usize,
    /// Every change.
    changes: Vec<Change>,
    /// What is worth knowing of contracts and hinders nothing.
    warnings: Vec<String>,
    /// What changes in contracts, for those who kept to the old ones.
    contracts: Vec<ContractDiff>,
}

/// Declares a state in YAML or JSON. Secrets stand in it by `value`. An invalid declaration changes nothing.
#[utoipa::path(post, path = "/admin/v1/apply", tag = "registry", operation_id = "apply", params(ApplyQuery,
        ("lgsp-reason" = Option<String>, Header, description = "Why; kept in the audit trail")),
    security(("admin_token" = ["change"])),
    request_body(content((Manifest = "application/yaml"), (Manifest = "application/json"))),
    responses((status = 200, body = ApplyAnswer), (status = 422, body = ProblemDocument, content_type = "application/problem+json"), (status = "4XX", body = ProblemDocument, content_type = "application/problem+json")))]
pub async fn apply(
    CanChange(ctx): CanChange,
    State(state): State<AdminState>,
    Asked(query): Asked<ApplyQuery>,
    text: String,
) -> Result<Json<ApplyAnswer>, ApiProblem> {
    let options = PlanOptions { prune: query.prune, accept_breaking: query.accept_breaking };
    let desired = tokio::task::spawn_blocking(move || manifest::read_text("body", text))
        .await
        .map_err(ApiProblem::defect)?
        .map_err(ApiProblem::declaration)?;
    let done = match query.dry_run {
        true => plan(&state, &desired, options).await?,
        false => state.registry.apply(&desired, options, &ctx).await?,
    };
    let (created, updated, deleted) = done.plan.totals();
    let Plan { changes, warnings, contracts, .. } = done.plan;
    let (dry_run, generation) = (query.dry_run, done.generation);
    Ok(Json(ApplyAnswer { dry_run, generation, created, updated, deleted, changes, warnings, contracts }))
}

async fn plan(
    state: &AdminState,
    desired: &Sourced<Manifest>,
    options: PlanOptions,
) -> Result<Applied, ApiProblem> {
    state.registry.refresh().await?;
    let plan = state.registry.plan(desired, options).await.map_err(ApiProblem::declaration)?;
    Ok(Applied { generation: plan.base, plan })
}
