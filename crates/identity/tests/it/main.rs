//! What identification promises, scenario by scenario, on a real SQLite store.
#![allow(clippy::unwrap_used)]

mod admin_tokens;
mod bad_tokens;
mod callers;
mod client_certificates;
mod key_rotation;
mod support;
mod token_endpoint;
