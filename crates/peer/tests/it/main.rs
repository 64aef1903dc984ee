//! The peer protocol between nodes with real keys, certificates, delegations and logs.
#![allow(clippy::unwrap_used)]

mod example;
mod exchanges;
mod properties;
mod rfc;
mod tampering;
mod world;
