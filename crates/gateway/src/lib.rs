//! The data plane: carries calls from consumers to providers. `server` is the front door, `edge` the protocols, `pipeline` the order of a
//! call, `steps` what is decided in it, `record` what is written of it. Decides on the kernel's `Snapshot` alone and knows neither the store
//! nor the registry.
//!
//! Invariants: a request that can have an effect is on record before its provider sees it; an answer is on record before its consumer
//! has its last byte; a refusal of a known caller is on record before it is told. Memory for one exchange is bounded whatever its size.

pub mod answer;
mod body;
pub mod config;
mod edge;
pub mod events;
mod exchange;
pub mod gateway;
mod meters;
mod peer;
mod pipeline;
pub mod quota;
mod random;
mod rates;
mod record;
pub mod server;
mod steps;
pub mod trace;

pub use config::GatewayConfig;
pub use edge::xroad::{CatalogueSource, ListedMember, XRoadConfig};
pub use events::{SecurityEvent, SecurityEvents};
pub use gateway::{Freshness, Gateway, GatewayParts, PeerDoor, Readiness};
pub use quota::QuotaLedger;
pub use server::shutdown::Shutdown;
pub use server::tls::{TlsAcceptorHandle, server_config};
pub use server::{bind, serve, serve_peers};
pub use trace::{ExchangeSpan, TraceSink};
