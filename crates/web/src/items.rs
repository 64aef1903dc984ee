//! Agencies, systems, credentials, services and grants: list, get, put, delete. All kinds are alike; the macro at the end gives each its
//! documented addresses. The rules are the registry's.

use crate::answer::{Changed, ItemPage};
use crate::auth::{CanChange, CanRead};
use crate::conditional::{Expected, put_if};
use crate::problem::{ApiProblem, ProblemDocument};
use crate::query::{Asked, page};
use crate::state::AdminState;
use axum::Json;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::{ETAG, HeaderMap, HeaderValue};
use lgsp_kernel::model::{AgencySpec, CredentialSpec, GrantSpec, Lifecycle, ServiceSpec, SystemSpec};
use lgsp_kernel::{AgencyCode, OpContext};
use lgsp_registry::{EditError, Item, Kind, Registry};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

/// Items fetched at once when a filter is applied.
const SCAN: usize = 1_000;

/// Which items to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListQuery {
    /// Only those whose id, name or title holds this text, in any case of letters.
    text: Option<String>,
    /// Grants: only of this consumer.
    consumer: Option<String>,
    /// Grants: only for this service.
    service: Option<String>,
    /// Credentials and services: only of this system.
    system: Option<String>,
    /// Systems: only of the agency with this code (as declared).
    agency: Option<String>,
    /// `next` of the page before.
    after: Option<String>,
    /// Items of a page, 1 to 1,000; 100 where nothing is said.
    limit: Option<usize>,
}

impl ListQuery {
    fn fields(&self) -> Vec<(&'static str, &str)> {
        let all = [
            ("consumer", &self.consumer),
            ("service", &self.service),
            ("system", &self.system),
            ("agency", &self.agency),
        ];
        all.into_iter().filter_map(|(name, value)| Some((name, value.as_deref()?))).collect()
    }
}

async fn list(state: AdminState, kind: Kind, query: ListQuery) -> Result<Json<ItemPage>, ApiProblem> {
    let limit = page(query.limit)?;
    // 100,000 grants are gone through in a fraction of a second, but not on a thread that carries calls.
    let read = tokio::task::spawn_blocking(move || collect(&state.registry, kind, &query, limit + 1));
    let mut items = read.await.map_err(ApiProblem::defect)?;
    let more = items.len() > limit;
    items.truncate(limit);
    let next = items.last().filter(|_| more).map(|i| i.id.clone());
    Ok(Json(ItemPage { items, next }))
}

fn collect(registry: &Registry, kind: Kind, query: &ListQuery, wanted: usize) -> Vec<Item> {
    let fields = query.fields();
    let fits = |item: &Item| fields.iter().all(|(name, value)| item.spec[*name].as_str() == Some(*value));
    let (mut found, mut after) = (Vec::new(), query.after.clone());
    loop {
        let items = registry.list_where(kind, after.as_deref(), SCAN, query.text.as_deref());
        let last = items.len() < SCAN;
        after = items.last().map(|i| i.id.clone());
        found.extend(items.into_iter().filter(|i| fits(i)).take(wanted - found.len()));
        if last || found.len() == wanted {
            return found;
        }
    }
}

fn get(state: &AdminState, kind: Kind, id: &str) -> Result<Response, ApiProblem> {
    let item = state.registry.get(kind, id).ok_or_else(|| missing(kind, id))?;
    let tag = etag(&item);
    Ok(([(ETAG, tag)], Json(item)).into_response())
}

fn missing(kind: Kind, id: &str) -> ApiProblem {
    ApiProblem::not_found(EditError::NotFound { kind, id: id.chars().take(80).collect() }.to_string())
}

fn etag(item: &Item) -> HeaderValue {
    HeaderValue::try_from(format!("\"{}\"", item.generation)).unwrap_or(HeaderValue::from_static("\"?\""))
}

async fn put(
    state: &AdminState,
    kind: Kind,
    id: &str,
    headers: &HeaderMap,
    spec: serde_json::Value,
    ctx: &OpContext,
) -> Result<Response, ApiProblem> {
    let expected = Expected::of(headers)?;
    let existed = state.registry.get(kind, id).is_some();
    let applied = match expected {
        Expected::Any => state.registry.put(kind, id, spec, ctx).await?,
        expected => put_if(&state.registry, kind, id, &expected, spec, ctx).await?,
    };
    let status = if existed { StatusCode::OK } else { StatusCode::CREATED };
    let tag = state.registry.get(kind, id).map(|item| [(ETAG, etag(&item))]);
    Ok((status, tag, Json(Changed::new(applied.generation, applied.plan))).into_response())
}

async fn delete(
    state: &AdminState,
    kind: Kind,
    id: &str,
    ctx: &OpContext,
) -> Result<Json<Changed>, ApiProblem> {
    let applied = state.registry.delete(kind, id, ctx).await?;
    Ok(Json(Changed::new(applied.generation, applied.plan)))
}

/// Which agency has this code, by whichever of its codes.
#[utoipa::path(get, path = "/admin/v1/agencies/resolve/{code}", tag = "agencies", operation_id = "resolve_agency",
    params(("code" = String, Path, description = "Any code or alias, in either written form")),
    security(("admin_token" = ["read"])),
    responses((status = 200, body = AgencySpec), (status = "4XX", body = ProblemDocument, content_type = "application/problem+json")))]
pub async fn resolve_agency(
    _: CanRead,
    State(state): State<AdminState>,
    Path(code): Path<String>,
) -> Result<Response, ApiProblem> {
    let code: AgencyCode = code.parse().map_err(|e| ApiProblem::bad_request(format!("{e}")))?;
    match state.registry.resolve_agency(&code) {
        Some(agency) => Ok(Json(&*agency).into_response()),
        None => Err(ApiProblem::not_found(format!("No agency has the code {code}."))),
    }
}

/// Where a version shall be in its life.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LifecycleWish {
    /// The next state.
    lifecycle: Lifecycle,
}

/// Moves a version of a service along its life.
#[utoipa::path(post, path = "/admin/v1/services/{id}/versions/{version}/lifecycle", tag = "services",
    operation_id = "set_lifecycle", security(("admin_token" = ["change"])),
    params(("id" = String, Path), ("version" = String, Path)), request_body = LifecycleWish,
    responses((status = 200, body = Changed), (status = "4XX", body = ProblemDocument, content_type = "application/problem+json")))]
pub async fn set_lifecycle(
    CanChange(ctx): CanChange,
    State(state): State<AdminState>,
    Path((id, version)): Path<(String, String)>,
    Json(wish): Json<LifecycleWish>,
) -> Result<Json<Changed>, ApiProblem> {
    let applied = state.registry.promote(&id, &version, wish.lifecycle, &ctx).await?;
    Ok(Json(Changed::new(applied.generation, applied.plan)))
}

/// The four addresses of one kind.
macro_rules! kind {
    ($module:ident, $kind:expr, $spec:ty, $tag:literal, $list:literal, $one:literal, $ids:literal) => {
        #[doc = concat!("The addresses of ", $tag, ".")]
        pub mod $module {
            use super::{
                ApiProblem, AdminState, Asked, CanChange, CanRead, Changed, HeaderMap, Item, ItemPage, Json, Kind, ListQuery,
                Path, ProblemDocument, Response, State,
            };
            use super::{AgencySpec, CredentialSpec, GrantSpec, ServiceSpec, SystemSpec};

            const KIND: Kind = $kind;

            #[doc = concat!("Lists ", $tag, ".")]
            #[utoipa::path(get, path = $list, tag = $tag, summary = concat!("Lists ", $tag), operation_id = concat!("list_", $tag), params(ListQuery),
                security(("admin_token" = ["read"])),
                responses((status = 200, body = ItemPage), (status = "4XX", body = ProblemDocument, content_type = "application/problem+json")))]
            pub async fn list(
                _: CanRead,
                State(state): State<AdminState>,
                Asked(query): Asked<ListQuery>,
            ) -> Result<Json<ItemPage>, ApiProblem> {
                super::list(state, KIND, query).await
            }

            #[doc = concat!("One of ", $tag, ", with its ETag.")]
            #[utoipa::path(get, path = $one, tag = $tag, summary = concat!("Shows one of ", $tag, ", with its ETag"), operation_id = concat!("get_", $tag), params(("id" = String, Path, description = $ids)),
                security(("admin_token" = ["read"])),
                responses((status = 200, body = Item, headers(("etag" = String))), (status = "4XX", body = ProblemDocument, content_type = "application/problem+json")))]
            pub async fn get(
                _: CanRead,
                State(state): State<AdminState>,
                Path(id): Path<String>,
            ) -> Result<Response, ApiProblem> {
                super::get(&state, KIND, &id)
            }

            #[doc = concat!("Makes or replaces one of ", $tag, ". Conditional with If-Match (an ETag) or If-None-Match: *.")]
            #[utoipa::path(put, path = $one, tag = $tag, summary = concat!("Makes or replaces one of ", $tag),
                description = "Conditional with If-Match (an ETag) or If-None-Match: *.", operation_id = concat!("put_", $tag),
                params(("id" = String, Path, description = $ids), ("if-match" = Option<String>, Header), ("if-none-match" = Option<String>, Header),
                    ("lgsp-reason" = Option<String>, Header, description = "Why; kept in the audit trail")),
                security(("admin_token" = ["change"])), request_body = $spec,
                responses((status = 200, body = Changed), (status = 201, body = Changed), (status = "4XX", body = ProblemDocument, content_type = "application/problem+json")))]
            pub async fn put(
                CanChange(ctx): CanChange,
                State(state): State<AdminState>,
                Path(id): Path<String>,
                headers: HeaderMap,
                Json(spec): Json<serde_json::Value>,
            ) -> Result<Response, ApiProblem> {
                super::put(&state, KIND, &id, &headers, spec, &ctx).await
            }

            #[doc = concat!("Deletes one of ", $tag, ", if nothing refers to it.")]
            #[utoipa::path(delete, path = $one, tag = $tag, summary = concat!("Deletes one of ", $tag, ", if nothing refers to it"), operation_id = concat!("delete_", $tag),
                params(("id" = String, Path, description = $ids),
                    ("lgsp-reason" = Option<String>, Header, description = "Why; kept in the audit trail")),
                security(("admin_token" = ["change"])),
                responses((status = 200, body = Changed), (status = "4XX", body = ProblemDocument, content_type = "application/problem+json")))]
            pub async fn delete(
                CanChange(ctx): CanChange,
                State(state): State<AdminState>,
                Path(id): Path<String>,
            ) -> Result<Json<Changed>, ApiProblem> {
                super::delete(&state, KIND, &id, &ctx).await
            }

            #[allow(dead_code, reason = "each kind uses one of the imported forms")]
            type Forms = (AgencySpec, CredentialSpec, GrantSpec, ServiceSpec, SystemSpec);
        }
    };
}

kind!(
    agencies,
    Kind::Agency,
    AgencySpec,
    "agencies",
    "/admin/v1/agencies",
    "/admin/v1/agencies/{id}",
    "Any code of the agency"
);
kind!(
    systems,
    Kind::System,
    SystemSpec,
    "systems",
    "/admin/v1/systems",
    "/admin/v1/systems/{id}",
    "The system"
);
kind!(
    credentials,
    Kind::Credential,
    CredentialSpec,
    "credentials",
    "/admin/v1/credentials",
    "/admin/v1/credentials/{id}",
    "The credential"
);
kind!(
    services,
    Kind::Service,
    ServiceSpec,
    "services",
    "/admin/v1/services",
    "/admin/v1/services/{id}",
    "The service"
);
kind!(grants, Kind::Grant, GrantSpec, "grants", "/admin/v1/grants", "/admin/v1/grants/{id}", "The grant");
