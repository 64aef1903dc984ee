//! The store's suite: each scenario is one function over a `Site`, run on SQLite and on PostgreSQL. PostgreSQL comes from
//! `LGSP_TEST_POSTGRES`, the address of a server on which the tests may make databases; `cargo xtask test` sets it.
#![allow(clippy::unwrap_used, missing_docs)]

#[macro_use]
mod site;

mod audit;
mod away;
mod cluster;
mod dump;
mod powercut;
mod registry;
mod schema;
mod size;
mod state;
