//! Witnesses and fork detection: C2SP tlog-witness and cosignature/v1, and what is done when two views of a log do not fit
//! (`docs/protocol/witness.md`). Not here: the logs themselves (`lgsp-evidence`), sockets, who is a member.

pub mod client;
pub mod cosign;
pub mod http;
mod known;
pub mod monitor;
pub mod request;
mod witness;

pub use client::{Client, ClientError};
pub use cosign::{CosignKey, CosignVerifier, Cosignature};
pub use http::Response;
pub use known::{Logs, WitnessedLog};
pub use monitor::{Monitor, Owner, OwnerError, Report, ReportKind};
pub use request::AddCheckpoint;
pub use witness::{Witness, WitnessError};
