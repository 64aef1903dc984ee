//! What a member sees of the others, to be read: the directory and its age, the logs it follows, views of them that do not fit, and what
//! witnesses and timestamp authorities say of its own log. Decisions are the hub's (`hub`); messages between nodes are `lgsp-peer`'s.

use crate::auth::CanRead;
use crate::hub::{DirectoryVersions, Doing, MemberView};
use crate::problem::{ApiProblem, ProblemDocument};
use crate::state::AdminState;
use axum::Json;
use axum::extract::State;
use serde::Serialize;
use std::sync::Arc;
use utoipa::ToSchema;

/// A node that is a member, and what it knows of others.
pub trait Neighbours: Send + Sync {
    /// The directory; none: none was fetched yet.
    fn directory(&self) -> Option<DirectoryView>;
    /// Its members, by name, whatever their standing.
    fn members(&self) -> Option<Vec<MemberView>>;
    /// Views of a log that do not fit, oldest first.
    fn forks(&self) -> Vec<ForkView>;
    /// The logs of others that are followed.
    fn logs(&self) -> Vec<FollowedLog>;
    /// Who witnesses whose log.
    fn witness(&self) -> Doing<'_, WitnessView>;
}

/// The directory as this node knows it.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct DirectoryView {
    /// The hub that it comes from.
    pub hub: String,
    /// Its documents.
    pub versions: DirectoryVersions,
    /// When the hub last confirmed it (RFC 3339).
    pub confirmed_at: String,
    /// Milliseconds since then.
    pub age_ms: i64,
    /// `fresh`, `late`, `stale_revocations`, `stale`.
    pub freshness: String,
    /// Why.
    pub why: String,
    /// Whether exchanges with other members go on.
    pub exchanges: bool,
    /// Whether members and services may be looked up.
    pub lookups: bool,
}

/// Two views of a log that do not fit.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ForkView {
    /// `fork`: the key signed two trees of which neither goes on from the other. `unproven`: its owner has not shown that one does.
    pub kind: String,
    /// The log and its epoch.
    pub origin: String,
    /// Why, in words.
    pub why: String,
    /// Since when both are known (RFC 3339).
    pub since: String,
    /// When it was reported.
    pub reported_at: String,
    /// When the owner showed after all that they fit.
    pub resolved_at: Option<String>,
    /// The view that fits what was seen before.
    pub known: SightingView,
    /// The view that does not.
    pub other: SightingView,
    /// A proof that the beginning of the larger tree is another than the smaller one; base64, where there is one.
    pub proof: Vec<String>,
}

/// A checkpoint, and how it came.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct SightingView {
    /// The signed note: shows to anybody what the key signed.
    pub note: String,
    /// Number of entries.
    pub size: u64,
    /// Root of the tree, base64.
    pub root: String,
    /// Who handed it in first.
    pub from: String,
    /// When (RFC 3339).
    pub at: String,
}

/// A log of another node that is followed.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct FollowedLog {
    /// The log and its epoch.
    pub origin: String,
    /// Entries of the largest checkpoint that fits all before it.
    pub size: u64,
    /// Root of its tree, base64.
    pub root: String,
    /// When the origin was first seen (RFC 3339).
    pub first_at: String,
    /// Whether another epoch of the log was seen before: it was restored.
    pub restored: bool,
    /// Checkpoints for which a proof is still to come.
    pub pending: usize,
}

/// What this node sees of others' logs.
#[derive(Debug, Serialize, ToSchema)]
pub struct ForksView {
    /// Reports, oldest first. Empty: all that was seen fits.
    pub reports: Vec<ForkView>,
    /// The logs that are followed.
    pub logs: Vec<FollowedLog>,
}

/// Who witnesses whose log.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct WitnessView {
    /// The key of this node's witness (C2SP vkey).
    pub verifier: String,
    /// What this node's witness cosigned last, by origin.
    pub cosigned: Vec<CosignedLog>,
    /// What others attested of this node's log last; none: nothing yet.
    pub own: Option<OwnAttestation>,
}

/// A log whose checkpoints this node cosigns.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct CosignedLog {
    /// The log and its epoch.
    pub origin: String,
    /// Number of entries.
    pub size: u64,
    /// Root of the tree, base64.
    pub root: String,
    /// When it was first cosigned (RFC 3339).
    pub first_at: String,
    /// When it was last cosigned.
    pub at: String,
    /// The epoch before, where the log was restored.
    pub restored_from: Option<u32>,
}

/// A checkpoint of this node's log that others attested.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct OwnAttestation {
    /// The note with all signatures: the log's own and the witnesses'.
    pub note: String,
    /// Number of entries.
    pub size: u64,
    /// Names of the witnesses that cosigned it.
    pub witnesses: Vec<String>,
    /// Timestamp tokens that were obtained for it.
    pub timestamps: usize,
}

/// Tells which directory this node goes by, how old it is, and what that age means.
#[utoipa::path(get, path = "/admin/v1/directory", tag = "hub", operation_id = "get_directory",
    security(("admin_token" = ["read"])),
    responses((status = 200, body = DirectoryView), (status = "4XX", body = ProblemDocument, content_type = "application/problem+json")))]
pub async fn directory(
    _: CanRead,
    State(state): State<AdminState>,
) -> Result<Json<DirectoryView>, ApiProblem> {
    neighbours(&state)?.directory().map(Json).ok_or_else(ApiProblem::no_directory)
}

/// Lists the members of the directory that this node goes by.
#[utoipa::path(get, path = "/admin/v1/directory/members", tag = "hub", operation_id = "list_directory_members",
    security(("admin_token" = ["read"])),
    responses((status = 200, body = Vec<MemberView>), (status = "4XX", body = ProblemDocument, content_type = "application/problem+json")))]
pub async fn members(
    _: CanRead,
    State(state): State<AdminState>,
) -> Result<Json<Vec<MemberView>>, ApiProblem> {
    neighbours(&state)?.members().map(Json).ok_or_else(ApiProblem::no_directory)
}

/// Lists views of other nodes' logs that do not fit, with the signed notes that prove it, and the logs that are followed.
#[utoipa::path(get, path = "/admin/v1/peers/forks", tag = "evidence", operation_id = "list_forks",
    security(("admin_token" = ["read"])),
    responses((status = 200, body = ForksView), (status = "4XX", body = ProblemDocument, content_type = "application/problem+json")))]
pub async fn forks(_: CanRead, State(state): State<AdminState>) -> Result<Json<ForksView>, ApiProblem> {
    let neighbours = neighbours(&state)?;
    Ok(Json(ForksView { reports: neighbours.forks(), logs: neighbours.logs() }))
}

/// Tells what this node's witness cosigned, and what others attested of this node's own log.
#[utoipa::path(get, path = "/admin/v1/peers/witness", tag = "evidence", operation_id = "get_witness",
    security(("admin_token" = ["read"])),
    responses((status = 200, body = WitnessView), (status = "4XX", body = ProblemDocument, content_type = "application/problem+json")))]
pub async fn witness(_: CanRead, State(state): State<AdminState>) -> Result<Json<WitnessView>, ApiProblem> {
    Ok(Json(neighbours(&state)?.witness().await))
}

fn neighbours(state: &AdminState) -> Result<Arc<dyn Neighbours>, ApiProblem> {
    state.neighbours.clone().ok_or_else(ApiProblem::no_member)
}
