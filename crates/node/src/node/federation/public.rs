//! The public listener: the log's files, the witness and, at a hub, the directory's documents and the letters of those who are or want to be
//! members. Everything here is signed or public, so nobody is asked who he is.

use super::Federation;
use crate::hub::HubDesk;
use crate::hub::letters::{Received, Refused};
use crate::membership::letter::{Enrolment, LETTER_MAX};
use crate::witnessing;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, Query, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use http::StatusCode;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use lgsp_evidence::Archive;
use serde::Deserialize;
use std::sync::Arc;

/// What the handlers work on.
#[derive(Clone)]
struct Public {
    federation: Arc<Federation>,
    archive: Arc<Archive>,
}

/// All of it.
pub(in crate::node) fn router(federation: &Arc<Federation>, archive: Archive, witness: bool) -> Router {
    let public = Public { federation: federation.clone(), archive: Arc::new(archive) };
    let mut router = Router::new()
        .route("/log/{epoch}/{*path}", get(log_file))
        .route("/log/consistency", get(consistency));
    if federation.hub.is_some() {
        router = router
            .route("/directory/{name}", get(document))
            .route("/enrol", post(letter))
            .route("/enrol/{id}", get(progress));
    }
    let router = router.layer(DefaultBodyLimit::max(LETTER_MAX * 2)).with_state(public);
    if witness { router.merge(witnessing::router(federation.witness.clone())) } else { router }
}

fn desk(public: &Public) -> Option<Arc<HubDesk>> {
    public.federation.hub.clone()
}

/// A document of the directory. Names are letters, digits and dots; anything else is no document.
async fn document(State(public): State<Public>, Path(name): Path<String>) -> Response {
    let fine = name.len() <= 64
        && !name.starts_with('.')
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'.');
    let Some(desk) = desk(&public).filter(|_| fine) else { return StatusCode::NOT_FOUND.into_response() };
    match tokio::fs::read(desk.public().join(&name)).await {
        Ok(bytes) => {
            let fixed = !name.starts_with("freshness");
            let keep = if fixed { "public, max-age=31536000, immutable" } else { "no-cache" };
            ([(CONTENT_TYPE, "application/json"), (CACHE_CONTROL, keep)], bytes).into_response()
        }
        Err(_) => StatusCode::NOT_FOUND.into_response(),
    }
}

/// A letter to the hub.
async fn letter(State(public): State<Public>, body: Bytes) -> Response {
    let Some(desk) = desk(&public) else { return StatusCode::NOT_FOUND.into_response() };
    let taken = tokio::task::spawn_blocking(move || desk.receive(&body)).await;
    let Ok(taken) = taken else { return StatusCode::INTERNAL_SERVER_ERROR.into_response() };
    match taken {
        Ok(Received::Answer(answer)) => told(&answer),
        Ok(Received::Seen(from, checkpoints)) => {
            for (_, note) in checkpoints {
                // What is not a checkpoint of a member is nothing to the monitor.
                let _ = public.federation.monitor.see(&note, from.as_str());
            }
            told(&Enrolment::Taken)
        }
        Err(refused) => {
            tracing::info!(error = %refused, "a letter was refused");
            let status = match &refused {
                Refused::Letter(_) => StatusCode::BAD_REQUEST,
                Refused::Stranger(_) => StatusCode::FORBIDDEN,
                Refused::Repeated => StatusCode::CONFLICT,
                Refused::Hub(_) => StatusCode::UNPROCESSABLE_ENTITY,
            };
            (status, format!("{refused}\n")).into_response()
        }
    }
}

/// How far a request to join has come.
async fn progress(State(public): State<Public>, Path(id): Path<String>) -> Response {
    let Some(desk) = desk(&public) else { return StatusCode::NOT_FOUND.into_response() };
    let found = tokio::task::spawn_blocking(move || desk.requests().get(&id)).await;
    match found {
        Ok(Ok(Some(request))) => told(&request.answer()),
        Ok(Ok(None)) => (StatusCode::NOT_FOUND, "no such request\n").into_response(),
        _ => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

fn told(answer: &Enrolment) -> Response {
    let waiting = matches!(answer, Enrolment::Waiting { .. });
    let status = if waiting { StatusCode::ACCEPTED } else { StatusCode::OK };
    (status, [(CACHE_CONTROL, "no-store")], Json(answer)).into_response()
}

/// A file of the log (c2sp.org/tlog-tiles).
async fn log_file(State(public): State<Public>, Path((epoch, path)): Path<(u32, String)>) -> Response {
    let archive = public.archive;
    let found = tokio::task::spawn_blocking(move || archive.resource(epoch, &path)).await;
    match found {
        Ok(Ok(Some(file))) => {
            let keep = if file.immutable { "public, max-age=31536000, immutable" } else { "no-cache" };
            ([(CONTENT_TYPE, file.content_type), (CACHE_CONTROL, keep)], file.bytes).into_response()
        }
        Ok(Ok(None)) => StatusCode::NOT_FOUND.into_response(),
        _ => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// Which proof is wanted.
#[derive(Deserialize)]
struct Between {
    epoch: u32,
    old: u64,
    new: u64,
}

/// The proof between two sizes: base64 hashes, one a line.
async fn consistency(State(public): State<Public>, Query(asked): Query<Between>) -> Response {
    let archive = public.archive;
    let proving =
        tokio::task::spawn_blocking(move || super::watch::prove(&archive, asked.epoch, asked.old, asked.new));
    match proving.await {
        Ok(Ok(lines)) => lines.into_response(),
        Ok(Err(why)) => (StatusCode::NOT_FOUND, format!("{why}\n")).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}
