//! The program and the node as their operators see them: one file a scenario.
#![allow(clippy::unwrap_used, missing_docs)]

mod command_line;
mod config_file;
mod evidence;
mod http;
mod hub;
mod postgres;
mod reload;
mod serving;
mod tokens;
mod traces;
mod world;
