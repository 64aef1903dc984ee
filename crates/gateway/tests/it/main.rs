//! A gateway on real sockets, one file a scenario.
#![allow(clippy::unwrap_used, missing_docs)]

mod client;
mod documents;
mod evidence;
mod failing_log;
mod front_door;
mod http2;
mod limits;
mod load;
mod provider;
mod refusals;
mod rest;
mod smuggling;
mod soap;
mod stopping;
mod streaming;
mod tls;
mod world;
