//! Looking for exchanges in the message log by what their records say.

use crate::auth::CanRead;
use crate::exchanges::reading;
use crate::problem::{ApiProblem, ProblemDocument};
use crate::query::{Asked, page, time};
use crate::state::AdminState;
use axum::Json;
use axum::extract::State;
use lgsp_evidence::{Filter, Hit, Position};
use lgsp_kernel::Millis;
use lgsp_kernel::record::Outcome;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// Records may stand in the log out of the order of their times by so much, milliseconds; far more than they do.
const LATE_MS: i64 = 600_000;

/// Which exchanges to look for.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct SearchQuery {
    /// Called by this system.
    consumer: Option<String>,
    /// Of this service.
    service: Option<String>,
    /// Of the operation with this name.
    operation: Option<String>,
    /// For a dossier whose stated number contains this text.
    dossier: Option<String>,
    /// By an officer whose stated name contains this text.
    officer: Option<String>,
    /// Ended so: `answered`, `refused`, `failed`, `unknown`, `consumer_gone`, `incomplete`, or still `pending`.
    #[param(value_type = Option<String>)]
    outcome: Option<Outcome>,
    /// Begun at or after this time: RFC 3339 or a date.
    #[serde(default, deserialize_with = "time")]
    #[param(value_type = Option<String>)]
    from: Option<Millis>,
    /// Begun before this time.
    #[serde(default, deserialize_with = "time")]
    #[param(value_type = Option<String>)]
    to: Option<Millis>,
    /// `next` of the page before.
    before: Option<String>,
    /// Rows, 1 to 1,000; 100 where nothing is said.
    limit: Option<usize>,
}

/// Exchanges that were found, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub struct ExchangePage {
    /// The exchanges.
    exchanges: Vec<ExchangeRow>,
    /// What to send as `before` for the next page; none: there is no more.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// An exchange in short.
#[derive(Debug, Serialize, ToSchema)]
pub struct ExchangeRow {
    /// Its id.
    id: String,
    /// When it was first recorded (RFC 3339).
    at: String,
    /// The system that called.
    consumer: Option<String>,
    /// The service.
    service: Option<String>,
    /// The version.
    version: Option<String>,
    /// The operation.
    operation: Option<String>,
    /// How it ended.
    #[schema(value_type = String)]
    outcome: Outcome,
    /// The status given to the consumer.
    status: Option<u16>,
    /// The code of the refusal, where it was one.
    refusal: Option<String>,
}

impl From<Hit> for ExchangeRow {
    fn from(hit: Hit) -> Self {
        let r = hit.record;
        Self {
            id: hit.exchange.to_string(),
            at: r.at.rfc3339(),
            consumer: r.caller.map(|c| c.system),
            service: r.service,
            version: r.version,
            operation: r.operation,
            outcome: r.outcome,
            status: r.status,
            refusal: r.refusal.map(|r| r.code),
        }
    }
}

/// Looks for exchanges in the message log, newest first.
#[utoipa::path(get, path = "/admin/v1/exchanges", tag = "evidence", operation_id = "search_exchanges", params(SearchQuery),
    security(("admin_token" = ["read"])),
    responses((status = 200, body = ExchangePage),
        (status = "4XX", body = ProblemDocument, content_type = "application/problem+json")))]
pub async fn search(
    _: CanRead,
    State(state): State<AdminState>,
    Asked(query): Asked<SearchQuery>,
) -> Result<Json<ExchangePage>, ApiProblem> {
    let limit = page(query.limit)?;
    let before = query.before.as_deref().map(Cursor::parse).transpose()?;
    // What begins much later than where the page goes on need not be read.
    let late = before.map(|c| Millis(c.at.0.saturating_add(LATE_MS)));
    let filter = Filter {
        consumer: query.consumer,
        service: query.service,
        operation: query.operation,
        dossier: query.dossier,
        officer: query.officer,
        outcome: query.outcome,
        from: query.from,
        to: query.to.into_iter().chain(late).min(),
        before: before.map(|c| c.position),
        limit: limit + 1,
        ..Filter::default()
    };
    let mut found = reading(&state, move |archive| archive.search(&filter)).await?;
    let more = found.len() > limit;
    found.truncate(limit);
    let next = found.last().filter(|_| more).and_then(Cursor::after).map(|c| c.to_string());
    Ok(Json(ExchangePage { exchanges: found.into_iter().map(ExchangeRow::from).collect(), next }))
}

/// Where a page goes on: before the first entry of the last exchange of the page before.
#[derive(Debug, Clone, Copy)]
struct Cursor {
    at: Millis,
    position: Position,
}

impl Cursor {
    fn after(hit: &Hit) -> Option<Self> {
        Some(Self { at: hit.record.at, position: *hit.positions.first()? })
    }
    fn parse(text: &str) -> Result<Self, ApiProblem> {
        let mut parts = text.split('.').map(|p| p.parse::<i64>().ok());
        let read = (parts.next().flatten(), parts.next().flatten(), parts.next().flatten(), parts.next());
        let (Some(at), Some(epoch), Some(index), None) = read else {
            return Err(ApiProblem::bad_request("before is not the next of a page."));
        };
        let position = Position {
            epoch: u32::try_from(epoch).unwrap_or_default(),
            index: u64::try_from(index).unwrap_or_default(),
        };
        Ok(Self { at: Millis(at), position })
    }
}

impl std::fmt::Display for Cursor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}.{}", self.at.0, self.position.epoch, self.position.index)
    }
}
