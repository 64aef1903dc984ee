//! What the message log says of single exchanges: every entry with what each step decided, and a proof that stands alone. The log is
//! read from disk, so all of this happens on threads that may block.

use crate::auth::CanRead;
use crate::problem::{ApiProblem, ProblemDocument};
use crate::query::{Asked, flag};
use crate::state::AdminState;
use axum::Json;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use lgsp_evidence::{Archive, ArchiveError, BodyRole, Found};
use lgsp_kernel::record::Entry;
use lgsp_kernel::{ExchangeId, OpContext};
use lgsp_store::{AuditEntry, AuditHead};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// Anchors of the audit trail that are compared at most: the latest ones.
const ANCHORS_MAX: usize = 100_000;

/// How much to show.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ExplainQuery {
    /// Show kept bodies too. They hold personal data: that they were read goes on the audit trail.
    #[serde(default, deserialize_with = "flag")]
    bodies: bool,
}

/// What is on record of an exchange.
#[derive(Debug, Serialize, ToSchema)]
pub struct ExchangeView {
    /// The exchange.
    id: String,
    /// When it began, by its id (RFC 3339).
    began: String,
    /// Its entries, oldest first.
    entries: Vec<EntryView>,
}

/// One entry of the log.
#[derive(Debug, Serialize, ToSchema)]
pub struct EntryView {
    /// The epoch of the log.
    epoch: u32,
    /// Its place in the epoch.
    index: u64,
    /// What was recorded; none: erased by retention, the tree still shows that there was something.
    #[schema(value_type = Option<Object>)]
    record: Option<serde_json::Value>,
    /// Whether its bodies were erased.
    bodies_erased: bool,
    /// Bodies that are kept.
    bodies: Vec<BodyView>,
}

/// A kept body.
#[derive(Debug, Serialize, ToSchema)]
pub struct BodyView {
    /// `request` or `answer`.
    role: &'static str,
    /// Its length, bytes.
    bytes: usize,
    /// The body, base64; only where asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    base64: Option<String>,
}

impl EntryView {
    fn of(found: &Found, show_bodies: bool) -> Self {
        // What was recorded is JSON; if it is not, verification will say so, and here it is shown as text.
        let record = found.record().map(|bytes| {
            serde_json::from_slice(bytes)
                .unwrap_or_else(|_| serde_json::Value::String(String::from_utf8_lossy(bytes).into_owned()))
        });
        let body = |(role, bytes): &(BodyRole, bytes::Bytes)| BodyView {
            role: match role {
                BodyRole::Request => "request",
                BodyRole::Answer => "answer",
            },
            bytes: bytes.len(),
            base64: show_bodies.then(|| base64::engine::general_purpose::STANDARD.encode(bytes)),
        };
        Self {
            epoch: found.position.epoch,
            index: found.position.index,
            record,
            bodies_erased: found.bodies_erased,
            bodies: found.bodies.iter().map(body).collect(),
        }
    }
}

/// Everything that is on record of an exchange: each entry, with what every step decided and why.
#[utoipa::path(get, path = "/admin/v1/exchanges/{id}", tag = "evidence", operation_id = "explain_exchange",
    params(("id" = String, Path, description = "ex_ and 32 hexadecimal digits"), ExplainQuery),
    security(("admin_token" = ["read"])),
    responses((status = 200, body = ExchangeView),
        (status = "4XX", body = ProblemDocument, content_type = "application/problem+json")))]
pub async fn explain(
    CanRead(ctx): CanRead,
    State(state): State<AdminState>,
    Path(id): Path<String>,
    Asked(query): Asked<ExplainQuery>,
) -> Result<Json<ExchangeView>, ApiProblem> {
    let id = exchange_id(&id)?;
    if query.bodies {
        state.store.audit_append(&bodies_were_read(id, ctx)).await?;
    }
    let found = reading(&state, move |archive| archive.find(id)).await?;
    if found.is_empty() {
        return Err(ApiProblem::not_found(format!("The log has nothing of the exchange {id}.")));
    }
    let entries = found.iter().map(|f| EntryView::of(f, query.bodies)).collect();
    Ok(Json(ExchangeView { id: id.to_string(), began: id.time().rfc3339(), entries }))
}

fn exchange_id(text: &str) -> Result<ExchangeId, ApiProblem> {
    text.parse().map_err(|e| ApiProblem::bad_request(format!("{e}.")))
}

fn bodies_were_read(id: ExchangeId, ctx: OpContext) -> AuditEntry {
    AuditEntry {
        at: ctx.at,
        actor: ctx.actor,
        reason: ctx.reason,
        action: "read_bodies".into(),
        kind: "exchange".into(),
        id: id.to_string(),
        before: None,
        after: None,
    }
}

/// How a proof is made.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ProofQuery {
    /// Put kept bodies in the proof too. They hold personal data: that they were read goes on the audit trail.
    #[serde(default, deserialize_with = "flag")]
    bodies: bool,
}

/// A proof of an exchange that stands alone: `lgsp log check-proof` needs only this file and the log's public key.
#[utoipa::path(get, path = "/admin/v1/exchanges/{id}/proof", tag = "evidence", operation_id = "prove_exchange",
    params(("id" = String, Path, description = "ex_ and 32 hexadecimal digits"), ProofQuery),
    security(("admin_token" = ["read"])),
    responses((status = 200, body = Object, description = "A proof file; docs/protocol/message-log.md describes it"),
        (status = "4XX", body = ProblemDocument, content_type = "application/problem+json")))]
pub async fn proof(
    CanRead(ctx): CanRead,
    State(state): State<AdminState>,
    Path(id): Path<String>,
    Asked(query): Asked<ProofQuery>,
) -> Result<Response, ApiProblem> {
    let id = exchange_id(&id)?;
    if query.bodies {
        state.store.audit_append(&bodies_were_read(id, ctx)).await?;
    }
    let proof = reading(&state, move |archive| archive.prove(id, query.bodies)).await?;
    let name = format!("attachment; filename=\"{id}.proof.json\"");
    Ok(([(CONTENT_TYPE, "application/json".to_owned()), (CONTENT_DISPOSITION, name)], proof.to_json())
        .into_response())
}

/// Reads the log where blocking is fine.
pub(crate) async fn reading<T: Send + 'static>(
    state: &AdminState,
    read: impl FnOnce(&Archive) -> Result<T, ArchiveError> + Send + 'static,
) -> Result<T, ApiProblem> {
    let state = state.clone();
    let done = tokio::task::spawn_blocking(move || read(&state.archive)).await;
    done.map_err(ApiProblem::defect)?.map_err(|error| match error {
        ArchiveError::Missing(what) => ApiProblem::not_found(what),
        other => ApiProblem::defect(other),
    })
}

/// Heads of the audit trail that the message log holds.
pub(crate) async fn anchors(state: &AdminState) -> Result<Vec<AuditHead>, ApiProblem> {
    reading(state, |archive| {
        let mut anchors = std::collections::VecDeque::new();
        for epoch in archive.epochs()? {
            for found in archive.entries(epoch, 0..u64::MAX)? {
                let found = found?;
                let Some(record) = found.record().filter(|_| found.exchange.is_none()) else { continue };
                let Ok(Entry::AuditAnchor(anchor)) = serde_json::from_slice(record) else { continue };
                if anchors.len() == ANCHORS_MAX {
                    anchors.pop_front();
                }
                anchors.push_back(AuditHead { seq: anchor.seq, hash: anchor.hash });
            }
        }
        Ok(anchors.into())
    })
    .await
}
