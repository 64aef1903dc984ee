//! The administration API: routes, permissions, and handlers over the registry, the evidence, the store and the tokens. Not here: the
//! traffic between systems (`lgsp-gateway`), the rules of what may be declared (`lgsp-registry`), the command line.

mod answer;
mod apply;
mod audit;
mod auth;
mod conditional;
mod contracts;
mod credentials;
pub mod directory;
mod events;
mod exchanges;
pub mod hub;
mod items;
mod keys;
mod log;
mod middleware;
mod problem;
mod query;
pub mod routes;
mod search;
mod serve;
mod state;
mod status;
mod tokens;

pub use auth::REASON_HEADER;
pub use directory::Neighbours;
pub use hub::{HubAdministration, HubProblem};
pub use problem::ApiProblem;
pub use routes::{openapi, router};
pub use serve::{Limits, serve};
pub use state::{AdminParts, AdminState, StatusSource};
