//! The audit trail: who changed what, when and why, and whether anyone tampered with it.

use crate::auth::CanRead;
use crate::exchanges::anchors;
use crate::problem::{ApiProblem, ProblemDocument};
use crate::query::{Asked, page};
use crate::state::AdminState;
use axum::Json;
use axum::extract::State;
use lgsp_store::AuditRow;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// Which part of the trail.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct AuditQuery {
    /// From this sequence number on, upwards; without it, the latest rows.
    from: Option<i64>,
    /// Only of this kind of thing (`grant`, `admin_token`, ...); needs `id`. Newest first.
    kind: Option<String>,
    /// Only of the thing with this id; needs `kind`.
    id: Option<String>,
    /// Rows, 1 to 1,000; 100 where nothing is said.
    limit: Option<usize>,
}

/// A row of the trail.
#[derive(Debug, Serialize, ToSchema)]
pub struct AuditView {
    /// Its number, from 1, without gaps.
    seq: i64,
    /// When (RFC 3339).
    at: String,
    /// Who: `operator:lan`, `shell:root`, `node`.
    actor: String,
    /// Why.
    reason: Option<String>,
    /// The generation of the registry that the change made, or during which it happened.
    generation: i64,
    /// `create`, `update`, `delete`, `revoke`, ...
    action: String,
    /// What kind of thing.
    kind: String,
    /// Its name.
    id: String,
    /// What it was; secrets sealed.
    #[schema(value_type = Option<Object>)]
    before: Option<serde_json::Value>,
    /// What it became; secrets sealed.
    #[schema(value_type = Option<Object>)]
    after: Option<serde_json::Value>,
    /// Hash of the row before.
    previous: String,
    /// Hash of this row.
    hash: String,
}

impl From<AuditRow> for AuditView {
    fn from(row: AuditRow) -> Self {
        // What was stored is JSON; if it is not, someone tampered with it: shown as it stands.
        let json = |text: Option<String>| {
            text.map(|t| serde_json::from_str(&t).unwrap_or(serde_json::Value::String(t)))
        };
        Self {
            seq: row.seq,
            at: row.at.rfc3339(),
            actor: row.actor,
            reason: row.reason,
            generation: row.generation,
            action: row.action,
            kind: row.kind,
            id: row.id,
            before: json(row.before),
            after: json(row.after),
            previous: row.previous,
            hash: row.hash,
        }
    }
}

/// Reads the trail.
#[utoipa::path(get, path = "/admin/v1/audit", tag = "evidence", operation_id = "list_audit", params(AuditQuery),
    security(("admin_token" = ["read"])),
    responses((status = 200, body = Vec<AuditView>), (status = "4XX", body = ProblemDocument, content_type = "application/problem+json")))]
pub async fn list(
    _: CanRead,
    State(state): State<AdminState>,
    Asked(query): Asked<AuditQuery>,
) -> Result<Json<Vec<AuditView>>, ApiProblem> {
    let limit = i64::try_from(page(query.limit)?).unwrap_or(i64::MAX);
    let rows = match (query.kind, query.id, query.from) {
        (Some(kind), Some(id), None) => state.store.audit_of(&kind, &id, limit).await?,
        (None, None, Some(from)) => state.store.audit_rows(from.max(1), limit).await?,
        (None, None, None) => {
            let last = state.store.audit_head().await?.map_or(0, |head| head.seq);
            state.store.audit_rows((last - limit + 1).max(1), limit).await?
        }
        _ => return Err(ApiProblem::bad_request("Send kind and id together, or from alone.")),
    };
    Ok(Json(rows.into_iter().map(AuditView::from).collect()))
}

/// What the verification of the trail found.
#[derive(Debug, Serialize, ToSchema)]
pub struct AuditVerification {
    /// Whether nothing is wrong.
    clean: bool,
    /// Rows gone through.
    rows: i64,
    /// Number of the last row.
    last: Option<i64>,
    /// Hash of the last row.
    hash: Option<String>,
    /// Anchors in the message log that the trail was compared with. Without any, a trail that was rewritten as a whole looks clean.
    anchors: usize,
    /// What is wrong, row by row; at most 100.
    findings: Vec<AuditFault>,
    /// Whether there is more than is listed.
    more: bool,
}

/// One thing that is wrong with the trail.
#[derive(Debug, Serialize, ToSchema)]
pub struct AuditFault {
    /// The row.
    seq: i64,
    /// What is wrong.
    what: String,
}

/// Verifies the whole trail: every row, the chain, and the anchors that the message log holds.
#[utoipa::path(get, path = "/admin/v1/audit/verify", tag = "evidence", operation_id = "verify_audit",
    security(("admin_token" = ["read"])),
    responses((status = 200, body = AuditVerification), (status = "4XX", body = ProblemDocument, content_type = "application/problem+json")))]
pub async fn verify(
    _: CanRead,
    State(state): State<AdminState>,
) -> Result<Json<AuditVerification>, ApiProblem> {
    let anchors = anchors(&state).await?;
    let report = state.store.audit_verify(&anchors).await?;
    let clean = report.is_clean();
    Ok(Json(AuditVerification {
        clean,
        rows: report.rows,
        last: report.head.as_ref().map(|h| h.seq),
        hash: report.head.map(|h| h.hash),
        anchors: report.anchors,
        findings: report
            .findings
            .iter()
            .map(|f| AuditFault { seq: f.seq, what: f.problem.to_string() })
            .collect(),
        more: report.more,
    }))
}
