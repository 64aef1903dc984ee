//! The message log as a whole: how it is, its signed head, and how it grows. Single exchanges are in `exchanges`.

use crate::auth::CanRead;
use crate::exchanges::reading;
use crate::problem::{ApiProblem, ProblemDocument};
use crate::query::Asked;
use crate::state::AdminState;
use axum::Json;
use axum::extract::State;
use lgsp_evidence::LogState;
use lgsp_evidence::forecast::forecast as look_ahead;
use lgsp_evidence::retention::RetentionPolicy;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// The message log of the process that answers.
#[derive(Debug, Serialize, ToSchema)]
pub struct LogView {
    /// What it is doing.
    #[schema(value_type = LogStateDocument)]
    state: LogState,
    /// Which log it is.
    origin: String,
    /// Entries under the checkpoint.
    size: u64,
    /// Root of the tree, base64.
    root: String,
    /// The checkpoint: a signed note. Keep it elsewhere; `lgsp log verify --checkpoint` compares with it.
    checkpoint: String,
    /// The key that checks it (C2SP vkey).
    verifier: String,
}

/// What the log is doing.
#[derive(Debug, ToSchema)]
#[schema(as = LogState)]
#[allow(dead_code, reason = "describes lgsp_evidence::LogState")]
pub(crate) struct LogStateDocument {
    /// Whether records are being accepted.
    healthy: bool,
    /// Why not.
    why: Option<String>,
    /// Number of entries.
    size: u64,
    /// The epoch.
    epoch: u32,
    /// Records that wait.
    queue: usize,
    /// How long the last sync took, milliseconds.
    last_sync_ms: f64,
    /// Groups written since the log was opened.
    groups: u64,
    /// Records written since the log was opened.
    records: u64,
    /// Bytes written since the log was opened.
    bytes: u64,
}

/// State, checkpoint and verifier key of the message log.
#[utoipa::path(get, path = "/admin/v1/log", tag = "evidence", operation_id = "log",
    security(("admin_token" = ["read"])),
    responses((status = 200, body = LogView), (status = "4XX", body = ProblemDocument, content_type = "application/problem+json")))]
pub async fn log(_: CanRead, State(state): State<AdminState>) -> Result<Json<LogView>, ApiProblem> {
    let checkpoint = state.log.checkpoint();
    Ok(Json(LogView {
        state: state.log.state(),
        origin: checkpoint.origin.clone(),
        size: checkpoint.size,
        root: checkpoint.root.base64(),
        checkpoint: checkpoint.note.clone(),
        verifier: state.log.verifier(),
    }))
}

/// Under which rule to look ahead.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ForecastQuery {
    /// Days that records are kept; none: for ever. Bodies go when their services say so.
    records_days: Option<u32>,
}

/// How the log will grow.
#[derive(Debug, Serialize, ToSchema)]
pub struct ForecastView {
    /// Bytes of the log now.
    bytes_now: u64,
    /// Of them kept bodies.
    body_bytes_now: u64,
    /// Days that growth was observed over.
    observed_days: f64,
    /// Bytes a day, bodies left out.
    records_per_day: f64,
    /// Bytes of kept bodies a day.
    bodies_per_day: f64,
    /// Bytes a day that erased records leave behind.
    residue_per_day: f64,
    /// What is to be expected at some moments.
    ahead: Vec<AheadView>,
    /// Bytes free on the disk now.
    free_now: u64,
    /// Days until the disk is full; none: not within ten years.
    full_in_days: Option<u32>,
}

/// What is to be expected at a moment.
#[derive(Debug, Serialize, ToSchema)]
pub struct AheadView {
    /// Days from now.
    days: u32,
    /// Bytes on disk then, erasures taken into account.
    bytes: u64,
    /// Bytes of what is on disk now that will have been erased by then.
    erased: u64,
}

/// How the log will grow, from what was observed, and when the disk is full.
#[utoipa::path(get, path = "/admin/v1/log/forecast", tag = "evidence", operation_id = "forecast_log", params(ForecastQuery),
    security(("admin_token" = ["read"])),
    responses((status = 200, body = ForecastView),
        (status = "4XX", body = ProblemDocument, content_type = "application/problem+json")))]
pub async fn forecast(
    _: CanRead,
    State(state): State<AdminState>,
    Asked(query): Asked<ForecastQuery>,
) -> Result<Json<ForecastView>, ApiProblem> {
    let policy = RetentionPolicy { records_days: query.records_days };
    let now = state.clock.now();
    let f = reading(&state, move |archive| look_ahead(archive, policy, now)).await?;
    let ahead = f.ahead.iter().zip(&f.erased_by);
    Ok(Json(ForecastView {
        bytes_now: f.bytes_now,
        body_bytes_now: f.body_bytes_now,
        observed_days: f.observed_days,
        records_per_day: f.records_per_day,
        bodies_per_day: f.bodies_per_day,
        residue_per_day: f.residue_per_day,
        ahead: ahead
            .map(|((days, bytes), (_, erased))| AheadView { days: *days, bytes: *bytes, erased: *erased })
            .collect(),
        free_now: f.free_now,
        full_in_days: f.full_in_days,
    }))
}
