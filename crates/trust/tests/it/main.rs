//! The crate from the outside: certificates against webpki and the openssl program, delegations, TLS, keys in files and on tokens.

#![allow(clippy::unwrap_used)]

mod authority;
mod chains;
mod common;
mod delegations;
mod files;
mod handshake;
mod tokens;
