//! The registry as its users meet it: files in, a plan, a commit, a snapshot out.

#![allow(clippy::unwrap_used)]

mod bad_manifests;
mod bounds;
mod concurrency;
mod contracts;
mod copy_on_disk;
mod edits;
mod follow;
mod help;
mod province;
mod routes;
mod scale;
mod secrets;
