//! What a witness needs of its surroundings, whether a node runs it or it runs by itself: whose logs it knows, and its address.

use crate::membership::files::write;
use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use http::StatusCode;
use http::header::CONTENT_TYPE;
use lgsp_directory::DirectoryHandle;
use lgsp_evidence::Verifier;
use lgsp_kernel::Vault;
use lgsp_witness::request::BODY_MAX;
use lgsp_witness::{Logs, Witness};
use std::path::Path;
use std::sync::Arc;

/// The logs of the directory's members: their keys, for the epochs that each may sign.
pub fn logs_of(directory: DirectoryHandle) -> Logs {
    Arc::new(move |origin| {
        let Some((name, epoch)) = origin.rsplit_once('/') else { return Vec::new() };
        let (Ok(epoch), Some(directory)) = (epoch.parse::<u32>(), directory.get()) else { return Vec::new() };
        let logs = directory.members().flat_map(|m| &m.profile.logs);
        let of_epoch =
            logs.filter(|l| l.first_epoch <= epoch && l.last_epoch.is_none_or(|last| epoch <= last));
        of_epoch.filter_map(|l| Verifier::parse(&l.vkey).ok()).filter(|v| v.name() == name).collect()
    })
}

/// The seed of a witness's key: sealed in its folder, made where there is none.
pub fn seed(dir: &Path, vault: &Vault) -> Result<[u8; 32], String> {
    let (path, place) = (dir.join("witness.key"), "witness.key");
    if let Ok(text) = std::fs::read_to_string(&path) {
        let opened = vault.open(place, text.trim()).map_err(|e| format!("{}: {e}", path.display()))?;
        let seed = opened.expose().try_into();
        return seed.map_err(|_| format!("{} does not hold 32 bytes", path.display()));
    }
    let mut seed = [0u8; 32];
    getrandom::fill(&mut seed).map_err(|e| format!("no random bytes: {e}"))?;
    let sealed = vault.seal(place, &seed).map_err(|e| e.to_string())?;
    write(&path, sealed.as_bytes()).map_err(|e| format!("{}: {e}", path.display()))?;
    Ok(seed)
}

/// `POST /add-checkpoint`, as c2sp.org/tlog-witness has it.
pub fn router(witness: Arc<Witness>) -> Router {
    Router::new()
        .route(lgsp_witness::http::ADD_CHECKPOINT, post(add_checkpoint))
        .layer(DefaultBodyLimit::max(BODY_MAX + 1))
        .with_state(witness)
}

async fn add_checkpoint(State(witness): State<Arc<Witness>>, body: Bytes) -> Response {
    let answering = tokio::task::spawn_blocking(move || {
        witness.handle("POST", lgsp_witness::http::ADD_CHECKPOINT, &body)
    });
    let Ok(answer) = answering.await else { return StatusCode::INTERNAL_SERVER_ERROR.into_response() };
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, [(CONTENT_TYPE, answer.content_type)], answer.body).into_response()
}
