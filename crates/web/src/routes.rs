//! Every address of the administration API, and the layers around them. An address and its description in the OpenAPI document are
//! one line here, made from one annotation at its handler: neither can be there without the other.

use crate::state::AdminState;
use crate::{
    apply, audit, contracts, credentials, directory, events, exchanges, hub, items, keys, log, middleware,
    search, status, tokens,
};
use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn;
use axum::routing::get;
use axum::{Json, Router};
use utoipa::OpenApi as _;
use utoipa::openapi::OpenApi;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// Largest body of a request that does not declare a whole state, bytes.
pub const BODY_MAX: usize = 4 << 20;

/// The administration API of a node.
pub fn router(state: AdminState) -> Router {
    let (router, document) = described().with_state(state).split_for_parts();
    let document = Json(document);
    router
        .route("/", get(status::index))
        .route("/openapi.json", get(async move || document.clone()))
        .fallback(async || http::StatusCode::NOT_FOUND)
        .layer(from_fn(middleware::around))
}

/// The OpenAPI 3.1 document.
pub fn openapi() -> OpenApi {
    described().into_openapi()
}

fn described() -> OpenApiRouter<AdminState> {
    OpenApiRouter::with_openapi(base()).merge(quick()).merge(long())
}

fn quick() -> OpenApiRouter<AdminState> {
    OpenApiRouter::new()
        .routes(routes!(status::status))
        // What is declared.
        .routes(routes!(items::agencies::list))
        .routes(routes!(items::agencies::get, items::agencies::put, items::agencies::delete))
        .routes(routes!(items::resolve_agency))
        .routes(routes!(items::systems::list))
        .routes(routes!(items::systems::get, items::systems::put, items::systems::delete))
        .routes(routes!(credentials::issue))
        .routes(routes!(items::credentials::list))
        .routes(routes!(items::credentials::get, items::credentials::put, items::credentials::delete))
        .routes(routes!(items::services::list))
        .routes(routes!(items::services::get, items::services::put, items::services::delete))
        .routes(routes!(items::set_lifecycle))
        .routes(routes!(items::grants::list))
        .routes(routes!(items::grants::get, items::grants::put, items::grants::delete))
        // Who did what.
        .routes(routes!(audit::list))
        .routes(routes!(events::list))
        .routes(routes!(log::log))
        .routes(routes!(exchanges::explain))
        .routes(routes!(exchanges::proof))
        // Other nodes.
        .routes(routes!(hub::requests))
        .routes(routes!(hub::approve))
        .routes(routes!(hub::reject))
        .routes(routes!(hub::members))
        .routes(routes!(hub::revoke))
        .routes(routes!(hub::reinstate))
        .routes(routes!(directory::directory))
        .routes(routes!(directory::members))
        .routes(routes!(directory::forks))
        .routes(routes!(directory::witness))
        // Who may administer, and the node's keys.
        .routes(routes!(tokens::list, tokens::create))
        .routes(routes!(tokens::revoke))
        .routes(routes!(keys::rotate))
        .layer(DefaultBodyLimit::max(BODY_MAX))
        .layer(from_fn(middleware::quick))
}

/// What goes through much at once.
fn long() -> OpenApiRouter<AdminState> {
    OpenApiRouter::new()
        .routes(routes!(apply::apply))
        .routes(routes!(contracts::upload))
        .routes(routes!(contracts::get))
        .routes(routes!(audit::verify))
        .routes(routes!(search::search))
        .routes(routes!(log::forecast))
        .layer(DefaultBodyLimit::max(apply::DECLARATION_MAX))
        .layer(from_fn(middleware::long))
}

fn base() -> OpenApi {
    #[derive(utoipa::OpenApi)]
    #[openapi(
        info(
            title = "lgsp administration",
            description = "Registry, evidence, tokens and state of a node. Every request needs an administration token; the scopes \
                named at each operation are what the roles auditor (read), operator (read, change) and admin (all) may do. \
                Errors are application/problem+json and carry the request's id.",
            license(name = "Apache-2.0", identifier = "Apache-2.0"),
            contact(name = "the operator of this platform")
        ),
        tags(
            (name = "node", description = "How the node is"),
            (name = "registry", description = "Whole declarations"),
            (name = "agencies", description = "Agencies and their codes"),
            (name = "systems", description = "Systems of agencies"),
            (name = "credentials", description = "How systems prove who they are"),
            (name = "services", description = "Services, versions and operations"),
            (name = "grants", description = "Who may call what"),
            (name = "evidence", description = "Audit trail, message log, security events"),
            (name = "hub", description = "Members, requests to join, and the directory of them"),
            (name = "tokens", description = "Administration tokens and signing keys")
        )
    )]
    struct Base;

    let mut document = Base::openapi();
    let scheme = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .bearer_format("lgsp_admin_...")
        .description(Some("An administration token, made by `lgsp token create` or POST /admin/v1/tokens."))
        .build();
    document
        .components
        .get_or_insert_default()
        .security_schemes
        .insert("admin_token".into(), SecurityScheme::Http(scheme).into());
    document
}
