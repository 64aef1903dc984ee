//! The vocabulary every other crate speaks: identifiers, agency codes, who acts and why, errors, time,
//! bounds, the declared model and the compiled snapshot. No I/O, no clock of its own, no async.

pub mod agency;
pub mod bounds;
pub mod context;
mod contracts;
pub mod fault;
pub mod ids;
pub mod mediation;
pub mod model;
pub mod patterns;
pub mod record;
mod routes;
pub mod secret;
pub mod snapshot;
pub mod time;
pub mod vault;

pub use agency::AgencyCode;
pub use context::{Actor, OpContext};
pub use fault::{Blame, Refusal, RefusalKind, Step};
pub use ids::{CredentialId, ExchangeId, GrantId, NodeName, ServiceId, SystemId, VersionLabel};
pub use secret::Secret;
pub use time::{Clock, Millis};
pub use vault::Vault;
