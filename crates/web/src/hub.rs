//! The hub over the API: who asks to join, who is a member, and the decisions about both. Not here: how a decision is carried out and put
//! on record, which a node brings as [`HubAdministration`]; what any member sees of the directory (`directory`).

use crate::auth::{CanChange, CanRead, REASON_MAX};
use crate::problem::{ApiProblem, ProblemDocument};
use crate::query::{Asked, flag};
use crate::state::AdminState;
use axum::Json;
use axum::extract::{Path, State};
use lgsp_kernel::{AgencyCode, NodeName, OpContext};
use lgsp_store::StoreError;
use serde::{Deserialize, Serialize};
use std::pin::Pin;
use std::sync::Arc;
use utoipa::{IntoParams, ToSchema};

/// The longest id of a key or delegation, bytes.
const KEY_ID_MAX: usize = 256;

/// Work of a node that takes a while.
pub type Doing<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;
/// What the hub's work comes to.
pub type Decided<'a, T> = Doing<'a, Result<T, HubProblem>>;

/// The hub of a node. Every decision is in the audit trail before it is made, and published when it is reported done.
pub trait HubAdministration: Send + Sync {
    /// All requests to join, oldest first.
    fn requests(&self) -> Decided<'_, Vec<JoinRequest>>;
    /// The members and what is revoked.
    fn members(&self) -> Decided<'_, HubMembers>;
    /// Takes a node in, for these agencies of those it asked for (none named: all). A request is named by its node or its id.
    fn approve(&self, by: OpContext, request: String, agencies: Vec<AgencyCode>) -> Decided<'_, MemberView>;
    /// Refuses a request.
    fn reject(&self, by: OpContext, request: String, reason: String) -> Decided<'_, JoinRequest>;
    /// Shuts out a member, or something of it.
    fn revoke(
        &self,
        by: OpContext,
        node: NodeName,
        what: Withdrawn,
        reason: String,
    ) -> Decided<'_, DirectoryVersions>;
    /// Lets a member take part again.
    fn reinstate(&self, by: OpContext, node: NodeName) -> Decided<'_, DirectoryVersions>;
}

/// Why the hub did not do it.
#[derive(Debug, thiserror::Error)]
pub enum HubProblem {
    /// The node is no hub.
    #[error("this node is no hub")]
    NoHub,
    /// There is no such request or member.
    #[error("{0}")]
    Missing(String),
    /// Not as things are.
    #[error("{0}")]
    Refused(String),
    /// It could not be put on record, and so was not done.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The hub's folder or keys.
    #[error("{0}")]
    Failed(String),
}

impl From<HubProblem> for ApiProblem {
    fn from(problem: HubProblem) -> Self {
        match problem {
            HubProblem::NoHub => Self::no_hub(),
            HubProblem::Missing(what) => Self::not_found(what),
            HubProblem::Refused(what) => Self::conflict(what),
            HubProblem::Store(error) => error.into(),
            HubProblem::Failed(error) => Self::defect(error),
        }
    }
}

/// A request to join. Times are RFC 3339.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct JoinRequest {
    /// SHA-256 of the key of the node that asks, hexadecimal: to be compared with the applicant by another way before it is approved.
    pub id: String,
    /// The name that is asked for.
    pub node: String,
    /// Its name for people.
    pub title: String,
    /// `national`, `ministry`, `province`, `other`.
    pub kind: String,
    /// The agencies that it wants to speak for.
    pub agencies: Vec<AgencyWanted>,
    /// When it came.
    pub came_at: String,
    /// `waiting`, `approved`, `rejected`.
    pub state: String,
    /// When it was decided.
    pub decided_at: Option<String>,
    /// Why it was rejected.
    pub reason: Option<String>,
}

/// An agency that a node wants to speak for.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct AgencyWanted {
    /// Its code.
    pub code: String,
    /// Its other codes.
    pub aliases: Vec<String>,
    /// Its name.
    pub name: String,
    /// SHA-256 of the certificate that it brings from another authority; none: the hub issues one.
    pub certificate: Option<String>,
}

/// A member of the directory.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct MemberView {
    /// The node.
    pub name: String,
    /// Its name for people.
    pub title: String,
    /// `national`, `ministry`, `province`, `other`.
    pub kind: String,
    /// `active`, `suspended`, `revoked`.
    pub standing: String,
    /// The agencies that it was approved for.
    pub agencies: Vec<MemberAgencyView>,
    /// Where its peer listener is reached.
    pub endpoints: Vec<String>,
    /// Whether it relays messages between others.
    pub relays: bool,
    /// Keys of its message log, the current one last (C2SP vkey).
    pub log_keys: Vec<String>,
    /// The key of its witness, if it runs one (C2SP vkey).
    pub witness: Option<String>,
    /// How many systems it lists.
    pub systems: usize,
    /// How many versions of services it lists.
    pub services: usize,
}

/// An agency that a member speaks for.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct MemberAgencyView {
    /// Its code.
    pub code: String,
    /// Its other codes.
    pub aliases: Vec<String>,
    /// Its name.
    pub name: String,
    /// SHA-256 of its certificates, hexadecimal.
    pub certificates: Vec<String>,
}

/// The hub's members.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct HubMembers {
    /// By name, whatever their standing.
    pub members: Vec<MemberView>,
    /// What is revoked.
    pub revoked: Vec<RevokedView>,
    /// What those who join now pin: `--root-sha256`.
    pub root_sha256: String,
}

/// Something that is revoked.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct RevokedView {
    /// `member`, `certificate`, `key`.
    pub kind: String,
    /// Name, SHA-256 or id.
    pub id: String,
    /// Since when (RFC 3339).
    pub at: String,
    /// Why.
    pub reason: String,
}

/// Which documents the directory is made of.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
pub struct DirectoryVersions {
    /// The root.
    pub root: u64,
    /// The members.
    pub members: u64,
    /// The revocations.
    pub revocations: u64,
    /// The freshness statement.
    pub freshness: u64,
}

/// Which requests.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct RequestsQuery {
    /// Those that were decided, too.
    #[serde(default, deserialize_with = "flag")]
    all: bool,
}

/// For which agencies a node is taken in.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Approval {
    /// Codes, of those that it asked for; none: all of them.
    #[serde(default)]
    #[schema(value_type = Vec<String>)]
    agencies: Vec<AgencyCode>,
}

/// Why a request is refused.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Rejection {
    /// Why: the applicant reads it, and the audit trail keeps it. At most 500 bytes.
    reason: String,
}

/// What is shut out, and why.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Revocation {
    /// What.
    what: Withdrawn,
    /// Why: all members read it, and the audit trail keeps it. At most 500 bytes.
    reason: String,
}

/// What of a member is shut out.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Withdrawn {
    /// The member, with all certificates of its node.
    Member,
    /// This agency of it, with the agency's certificates.
    Agency(String),
    /// The certificate with this SHA-256, hexadecimal.
    Certificate(String),
    /// A key (`ed25519:...`) or a delegation, by its id.
    Key(String),
}

/// Lists the requests to join that wait for a decision, oldest first.
#[utoipa::path(get, path = "/admin/v1/hub/requests", tag = "hub", operation_id = "list_join_requests", params(RequestsQuery),
    security(("admin_token" = ["read"])),
    responses((status = 200, body = Vec<JoinRequest>), (status = "4XX", body = ProblemDocument, content_type = "application/problem+json")))]
pub async fn requests(
    _: CanRead,
    State(state): State<AdminState>,
    Asked(query): Asked<RequestsQuery>,
) -> Result<Json<Vec<JoinRequest>>, ApiProblem> {
    let mut found = hub(&state)?.requests().await?;
    found.retain(|r| query.all || r.state == "waiting");
    Ok(Json(found))
}

/// Takes a node in. Name the request by its id, or by its node where only one key asks for that name. Published when this answers.
#[utoipa::path(post, path = "/admin/v1/hub/requests/{node}/approve", tag = "hub", operation_id = "approve_join_request",
    security(("admin_token" = ["change"])),
    params(("node" = String, Path, description = "The node's name, or the id of the request"),
        ("lgsp-reason" = Option<String>, Header, description = "Why; kept in the audit trail")),
    request_body = Option<Approval>,
    responses((status = 200, body = MemberView), (status = "4XX", body = ProblemDocument, content_type = "application/problem+json")))]
pub async fn approve(
    CanChange(ctx): CanChange,
    State(state): State<AdminState>,
    Path(request): Path<String>,
    approval: Option<Json<Approval>>,
) -> Result<Json<MemberView>, ApiProblem> {
    let hub = hub(&state)?;
    let Json(approval) = approval.unwrap_or_default();
    Ok(Json(hub.approve(ctx, meant(request)?, approval.agencies).await?))
}

/// Refuses a request to join for good: that key cannot ask again.
#[utoipa::path(post, path = "/admin/v1/hub/requests/{node}/reject", tag = "hub", operation_id = "reject_join_request",
    security(("admin_token" = ["change"])),
    params(("node" = String, Path, description = "The node's name, or the id of the request")), request_body = Rejection,
    responses((status = 200, body = JoinRequest), (status = "4XX", body = ProblemDocument, content_type = "application/problem+json")))]
pub async fn reject(
    CanChange(ctx): CanChange,
    State(state): State<AdminState>,
    Path(request): Path<String>,
    Json(rejection): Json<Rejection>,
) -> Result<Json<JoinRequest>, ApiProblem> {
    let hub = hub(&state)?;
    let (by, reason) = because(ctx, rejection.reason)?;
    Ok(Json(hub.reject(by, meant(request)?, reason).await?))
}

/// Lists the members as the hub publishes them, and everything that is revoked.
#[utoipa::path(get, path = "/admin/v1/hub/members", tag = "hub", operation_id = "list_hub_members",
    security(("admin_token" = ["read"])),
    responses((status = 200, body = HubMembers), (status = "4XX", body = ProblemDocument, content_type = "application/problem+json")))]
pub async fn members(_: CanRead, State(state): State<AdminState>) -> Result<Json<HubMembers>, ApiProblem> {
    Ok(Json(hub(&state)?.members().await?))
}

/// Shuts out a member, an agency, a certificate or a key. Published when this answers; the others know after their next refresh.
#[utoipa::path(post, path = "/admin/v1/hub/members/{node}/revoke", tag = "hub", operation_id = "revoke_member",
    security(("admin_token" = ["change"])), params(("node" = String, Path)), request_body = Revocation,
    responses((status = 200, body = DirectoryVersions), (status = "4XX", body = ProblemDocument, content_type = "application/problem+json")))]
pub async fn revoke(
    CanChange(ctx): CanChange,
    State(state): State<AdminState>,
    Path(node): Path<String>,
    Json(revocation): Json<Revocation>,
) -> Result<Json<DirectoryVersions>, ApiProblem> {
    let hub = hub(&state)?;
    let what = sound(revocation.what)?;
    let (by, reason) = because(ctx, revocation.reason)?;
    Ok(Json(hub.revoke(by, named(&node)?, what, reason).await?))
}

/// Lets a member take part again. Certificates that were revoked with it stay so: its node renews them.
#[utoipa::path(post, path = "/admin/v1/hub/members/{node}/reinstate", tag = "hub", operation_id = "reinstate_member",
    security(("admin_token" = ["change"])),
    params(("node" = String, Path), ("lgsp-reason" = Option<String>, Header, description = "Why; kept in the audit trail")),
    responses((status = 200, body = DirectoryVersions), (status = "4XX", body = ProblemDocument, content_type = "application/problem+json")))]
pub async fn reinstate(
    CanChange(ctx): CanChange,
    State(state): State<AdminState>,
    Path(node): Path<String>,
) -> Result<Json<DirectoryVersions>, ApiProblem> {
    Ok(Json(hub(&state)?.reinstate(ctx, named(&node)?).await?))
}

fn hub(state: &AdminState) -> Result<Arc<dyn HubAdministration>, ApiProblem> {
    state.hub.clone().ok_or_else(ApiProblem::no_hub)
}

fn named(node: &str) -> Result<NodeName, ApiProblem> {
    NodeName::new(node).map_err(|e| ApiProblem::bad_request(format!("The node's name: {e}")))
}

/// A request's id is no longer than a name may be, and of the same letters.
fn meant(request: String) -> Result<String, ApiProblem> {
    named(&request).map(|_| request)
}

/// The reason is part of the decision here: what is published and what the trail says are one text.
fn because(mut ctx: OpContext, reason: String) -> Result<(OpContext, String), ApiProblem> {
    let text = reason.trim();
    if text.is_empty() || text.len() > REASON_MAX || text.chars().any(char::is_control) {
        return Err(ApiProblem::bad_request(format!(
            "The reason is empty, longer than {REASON_MAX} bytes or has control characters."
        )));
    }
    ctx.reason = Some(text.to_owned());
    Ok((ctx, text.to_owned()))
}

fn sound(what: Withdrawn) -> Result<Withdrawn, ApiProblem> {
    match what {
        Withdrawn::Agency(code) => {
            let read = code.parse::<AgencyCode>();
            let read = read.map_err(|e| ApiProblem::bad_request(format!("The agency's code: {e}")))?;
            Ok(Withdrawn::Agency(read.to_string()))
        }
        Withdrawn::Certificate(digest) => {
            let digest = digest.replace(':', "").to_ascii_lowercase();
            if digest.len() != 64 || !digest.bytes().all(|b| b.is_ascii_hexdigit()) {
                return Err(ApiProblem::bad_request("The certificate is not 64 hexadecimal digits."));
            }
            Ok(Withdrawn::Certificate(digest))
        }
        Withdrawn::Key(id)
            if id.is_empty() || id.len() > KEY_ID_MAX || !id.bytes().all(|b| b.is_ascii_graphic()) =>
        {
            Err(ApiProblem::bad_request(format!(
                "The id of the key is empty, longer than {KEY_ID_MAX} bytes or not of printable ASCII."
            )))
        }
        other => Ok(other),
    }
}
