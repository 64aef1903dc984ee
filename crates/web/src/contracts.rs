//! `/admin/v1/contracts`: the files of contracts and mappings, uploaded to be named by their digest in a later change, and shown again.

use crate::auth::{CanChange, CanRead};
use crate::problem::{ApiProblem, ProblemDocument};
use crate::state::AdminState;
use axum::Json;
use axum::extract::{Path, State};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// Files that belong together.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ContractUpload {
    /// By their names relative to their folder: their contents, base64.
    files: BTreeMap<String, String>,
}

/// What was kept.
#[derive(Debug, Serialize, ToSchema)]
pub struct ContractKept {
    /// SHA-256 of the files: what a version names them by, with the name of the first as `main`.
    digest: String,
}

/// Keeps the files of a contract or mapping until a change names them; files that nothing names are dropped after a day.
#[utoipa::path(post, path = "/admin/v1/contracts", tag = "services", operation_id = "upload_contract",
    security(("admin_token" = ["change"])), request_body = ContractUpload,
    responses((status = 201, body = ContractKept), (status = "4XX", body = ProblemDocument, content_type = "application/problem+json")))]
pub async fn upload(
    _: CanChange,
    State(state): State<AdminState>,
    Json(upload): Json<ContractUpload>,
) -> Result<(StatusCode, Json<ContractKept>), ApiProblem> {
    let mut files = lgsp_kernel::mediation::ContractFiles::new();
    for (name, text) in upload.files {
        let bytes = STANDARD
            .decode(&text)
            .map_err(|e| ApiProblem::bad_request(format!("the file {name:?} is not base64: {e}")))?;
        files.insert(name, bytes.into());
    }
    let digest = state.registry.upload(files).await?;
    Ok((StatusCode::CREATED, Json(ContractKept { digest })))
}

/// The files with a digest.
#[utoipa::path(get, path = "/admin/v1/contracts/{digest}", tag = "services", operation_id = "get_contract",
    params(("digest" = String, Path, description = "As an upload answered it or a version names it")),
    security(("admin_token" = ["read"])),
    responses((status = 200, body = ContractUpload), (status = "4XX", body = ProblemDocument, content_type = "application/problem+json")))]
pub async fn get(
    _: CanRead,
    State(state): State<AdminState>,
    Path(digest): Path<String>,
) -> Result<Json<ContractUpload>, ApiProblem> {
    let found = state.registry.contract_files(&digest).await?;
    let found = found.ok_or_else(|| ApiProblem::not_found("There are no files with this digest."))?;
    let files = found.iter().map(|(name, bytes)| (name.clone(), STANDARD.encode(bytes))).collect();
    Ok(Json(ContractUpload { files }))
}
