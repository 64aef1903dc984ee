//! The node: configuration, wiring and commands of the program `lgsp`. What the platform does lives in the crates that this one
//! connects; nothing depends on it.

pub mod backup;
pub mod cli;
pub mod commands;
pub mod config;
pub mod contracts;
pub mod demo;
pub mod hub;
pub mod log_key;
pub mod master_key;
pub mod membership;
pub mod node;
pub mod sd_notify;
pub mod setup;
pub mod telemetry;
pub mod tls;
pub mod witnessing;
