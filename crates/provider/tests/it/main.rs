//! How providers are reached, over real sockets: what is delivered how often, what each failure means, what is reused.
#![allow(clippy::unwrap_used)]

mod addresses;
mod answers;
mod breaker;
mod failures;
mod harness;
mod http2;
mod requests;
mod retries;
mod reuse;
mod tls;
