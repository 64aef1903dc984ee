//! Security events: what callers did who could not be identified.

use crate::auth::CanRead;
use crate::problem::{ApiProblem, ProblemDocument};
use crate::query::{Asked, page};
use crate::state::AdminState;
use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// How many events.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct EventsQuery {
    /// At most so many, 1 to 1,000; 100 where nothing is said.
    limit: Option<usize>,
}

/// Something that an unidentified caller did.
#[derive(Debug, Serialize, ToSchema)]
pub struct EventView {
    /// When (RFC 3339); of several alike, the last.
    at: String,
    /// The code of the refusal.
    kind: String,
    /// The address it came from.
    source: String,
    /// How many alike this one stands for.
    count: i64,
    /// More.
    detail: String,
}

/// The latest security events, newest first. They are sampled and bounded: counts are exact, details are examples.
#[utoipa::path(get, path = "/admin/v1/security-events", tag = "evidence", operation_id = "list_security_events",
    params(EventsQuery), security(("admin_token" = ["read"])),
    responses((status = 200, body = Vec<EventView>), (status = "4XX", body = ProblemDocument, content_type = "application/problem+json")))]
pub async fn list(
    _: CanRead,
    State(state): State<AdminState>,
    Asked(query): Asked<EventsQuery>,
) -> Result<Json<Vec<EventView>>, ApiProblem> {
    let limit = i64::try_from(page(query.limit)?).unwrap_or(i64::MAX);
    let events = state.store.security_events_recent(limit).await?;
    let view = |e: lgsp_store::SecurityEvent| EventView {
        at: e.at.rfc3339(),
        kind: e.kind,
        source: e.source,
        count: e.count,
        detail: e.detail,
    };
    Ok(Json(events.into_iter().map(view).collect()))
}
