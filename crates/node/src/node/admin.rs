//! The administration listener: the administration API, liveness and readiness, and metrics (there for tokens, or on a listener of
//! their own for whoever may reach it).

use super::neighbours::{Hub, Known};
use super::{Node, NodeError, Shared};
use crate::telemetry::metrics;
use crate::tls;
use ::metrics::gauge;
use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, WWW_AUTHENTICATE};
use http::{HeaderMap, StatusCode};
use lgsp_evidence::Archive;
use lgsp_identity::AdminTokens;
use lgsp_web::{AdminParts, AdminState, HubAdministration, Limits, Neighbours};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use tokio::net::TcpListener;

/// The form of metrics (Prometheus text exposition).
const METRICS_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Serves both until the node stops.
pub(super) fn spawn(
    node: &mut Node,
    admin: Option<TcpListener>,
    own: Option<TcpListener>,
) -> Result<(), NodeError> {
    let shared = node.shared.clone();
    let tokens = AdminTokens::new(shared.store.clone(), shared.vault.clone(), shared.clock.clone());
    if let Some(listener) = own {
        let open = Router::new()
            .route("/metrics", get(open_metrics))
            .with_state(shared.clone())
            .merge(health(&shared));
        serve(node, listener, open);
    }
    if let Some(listener) = admin {
        let guarded = Guarded { shared: shared.clone(), tokens: tokens.clone() };
        let metrics = Router::new().route("/metrics", get(guarded_metrics)).with_state(guarded);
        let api = lgsp_web::router(AdminState::new(parts(node, tokens)));
        serve(node, listener, health(&shared).merge(metrics).merge(api));
    }
    Ok(())
}

pub(super) fn serve(node: &Node, listener: TcpListener, router: Router) {
    let stop = node.stop.clone();
    node.tasks.spawn(lgsp_web::serve(
        listener,
        router,
        Limits::default(),
        async move { stop.cancelled().await },
    ));
}

fn parts(node: &Node, tokens: AdminTokens) -> AdminParts {
    let shared = &node.shared;
    let about = Arc::downgrade(shared);
    let federation = node.federation.as_ref();
    let hub = federation.and_then(|f| f.hub.clone()).map(|desk| Hub::new(desk, shared));
    let known = federation.map(|f| Known { federation: f.clone(), shared: about.clone() });
    AdminParts {
        registry: shared.registry.clone(),
        identity: shared.identity.clone(),
        tokens,
        store: shared.store.clone(),
        log: shared.log.clone(),
        archive: Archive::open(shared.config.load().log_dir()),
        clock: shared.clock.clone(),
        hub: hub.map(|h| Arc::new(h) as Arc<dyn HubAdministration>),
        neighbours: known.map(|k| Arc::new(k) as Arc<dyn Neighbours>),
        version: env!("CARGO_PKG_VERSION"),
        status: Arc::new(move || about.upgrade().map_or(serde_json::Value::Null, |s| status(&s))),
    }
}

/// What only the node knows of itself.
fn status(shared: &Shared) -> serde_json::Value {
    let targets: Vec<serde_json::Value> = shared
        .providers
        .health_states()
        .iter()
        .map(|t| {
            serde_json::json!({
                "version": t.version,
                "target": &*t.target,
                "health": format!("{:?}", t.health).to_lowercase(),
                "breaker": format!("{:?}", t.breaker).to_lowercase(),
            })
        })
        .collect();
    serde_json::json!({
        "name": shared.config.load().node.name,
        "ready": shared.readiness().err(),
        "exchanges_open": shared.gateway.in_flight(),
        "store_age_ms": u64::try_from(shared.store_age().as_millis()).unwrap_or(u64::MAX),
        "log": shared.log.state(),
        "targets": targets,
    })
}

fn health(shared: &Arc<Shared>) -> Router {
    Router::new()
        .route("/health/live", get(async || "alive\n"))
        .route("/health/ready", get(ready))
        .with_state(shared.clone())
}

async fn ready(State(shared): State<Arc<Shared>>) -> Response {
    let log = shared.log.state();
    let log =
        if log.healthy { Ok(()) } else { Err(format!("the message log: {}", log.why.unwrap_or_default())) };
    let (status, text) = match log.and_then(|()| shared.readiness()) {
        Ok(()) => (StatusCode::OK, "ready\n".to_owned()),
        Err(why) => (StatusCode::SERVICE_UNAVAILABLE, format!("not ready: {why}\n")),
    };
    (status, [(CACHE_CONTROL, "no-store")], text).into_response()
}

#[derive(Clone)]
struct Guarded {
    shared: Arc<Shared>,
    tokens: AdminTokens,
}

async fn guarded_metrics(State(guarded): State<Guarded>, headers: HeaderMap) -> Response {
    let token = headers.get(AUTHORIZATION).and_then(|v| v.to_str().ok());
    let token = token.and_then(|t| t.strip_prefix("Bearer ")).unwrap_or_default();
    match guarded.tokens.verify(token).await {
        Ok(Some(_)) => render(&guarded.shared),
        Ok(None) => {
            let text = "Send Authorization: Bearer <administration token>, or set listen.metrics.\n";
            (StatusCode::UNAUTHORIZED, [(WWW_AUTHENTICATE, "Bearer realm=\"lgsp admin\"")], text)
                .into_response()
        }
        Err(_) => (StatusCode::SERVICE_UNAVAILABLE, "tokens cannot be verified while the store is away\n")
            .into_response(),
    }
}

async fn open_metrics(State(shared): State<Arc<Shared>>) -> Response {
    render(&shared)
}

fn render(shared: &Shared) -> Response {
    observe(shared);
    metrics::observe_process();
    ([(CONTENT_TYPE, METRICS_TYPE)], metrics::recorder().render()).into_response()
}

/// What is not counted as it happens but looked at when somebody asks.
fn observe(shared: &Shared) {
    let log = shared.log.state();
    gauge!("lgsp_log_healthy").set(f64::from(u8::from(log.healthy)));
    gauge!("lgsp_log_entries").set(log.size as f64);
    gauge!("lgsp_log_queue").set(log.queue as f64);
    gauge!("lgsp_log_sync_seconds").set(log.last_sync_ms / 1000.0);
    ::metrics::counter!("lgsp_log_groups_total").absolute(log.groups);
    ::metrics::counter!("lgsp_log_records_total").absolute(log.records);
    ::metrics::counter!("lgsp_log_bytes_total").absolute(log.bytes);
    gauge!("lgsp_ready").set(f64::from(u8::from(log.healthy && shared.readiness().is_ok())));
    gauge!("lgsp_store_up").set(f64::from(u8::from(shared.store_up.load(Relaxed))));
    gauge!("lgsp_store_age_seconds").set(shared.store_age().as_secs_f64());
    gauge!("lgsp_registry_generation").set(shared.registry.generation() as f64);
    let counts = shared.registry.counts();
    gauge!("lgsp_registry_services").set(counts.services as f64);
    gauge!("lgsp_registry_grants").set(counts.grants as f64);
    gauge!("lgsp_registry_kept_out").set(counts.kept_out as f64);
    gauge!("lgsp_remembered_tokens").set(shared.identity.remembered_tokens() as f64);
    ::metrics::counter!("lgsp_security_events_dropped_total").absolute(shared.events.dropped());
    if let Some(at) = tls::expires_at(&shared.config.load()) {
        gauge!("lgsp_certificate_expiry_timestamp_seconds").set(at as f64);
    }
    for target in shared.providers.health_states() {
        let labels = [("version", target.version.clone()), ("target", target.target.to_string())];
        let up = target.health != lgsp_provider::Health::Down;
        let closed = target.breaker == lgsp_provider::BreakerState::Closed;
        gauge!("lgsp_target_up", &labels).set(f64::from(u8::from(up)));
        gauge!("lgsp_target_breaker_closed", &labels).set(f64::from(u8::from(closed)));
    }
}
