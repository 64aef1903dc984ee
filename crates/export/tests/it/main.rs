//! Given timestamps and containers, when `openssl` and a POSIX shell look at them, then they agree with us, and notice every change.
#![allow(clippy::unwrap_used)]

mod altered;
mod container;
mod country;
mod shell;
mod timestamps;
