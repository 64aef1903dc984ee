//! A gateway on real sockets, one file a scenario.
#![allow(clippy::unwrap_used, missing_docs)]

mod client;
mod country;
mod documents;
mod evidence;
mod failing_log;
mod federated;
mod front_door;
mod http2;
mod keys;
mod legs;
mod limits;
mod load;
mod masks;
mod peers;
mod provider;
mod refusals;
mod relay;
mod rest;
mod smuggling;
mod soap;
mod stopping;
mod streaming;
mod tls;
mod world;
