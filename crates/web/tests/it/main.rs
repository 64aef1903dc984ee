//! What the administration API promises, over real sockets, on a real store and a real message log.
#![allow(clippy::unwrap_used)]

mod applying;
mod document;
mod errors;
mod evidence;
mod hub;
mod items;
mod permissions;
mod support;
mod tokens;
