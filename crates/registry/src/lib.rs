//! What is declared, and the snapshot compiled from it: agencies, systems, credentials, services and grants. Declarations come
//! as YAML, as JSON of the administration API or from a command; all go one way: read (`manifest`), asked against every
//! rule (`validate`), compared with what is there (`plan`), written in one transaction (`registry`), compiled (`compile`).
//!
//! Not here: deciding calls (the gateway), verifying callers (identity), reaching providers (provider). They meet the registry in the
//! snapshot only.

mod cache;
mod compile;
mod contracts;
mod edit;
pub mod manifest;
pub mod plan;
mod problem;
mod registry;
mod resource;
mod sealing;
mod state;
mod validate;
mod view;

pub use cache::CacheError;
pub use contracts::bundle::{BUNDLE_FILES_MAX, BUNDLE_MAX};
pub use contracts::publish::ContractDiff;
pub use edit::{Applied, EditError, Issued};
pub use manifest::Sourced;
pub use plan::{Action, Change, FieldDiff, Plan, PlanOptions};
pub use problem::{PROBLEMS_MAX, Problem};
pub use registry::{Registry, RegistryOptions};
pub use resource::{Kind, KindError};
pub use validate::RESERVED_SEGMENTS;
pub use view::{Counts, Item, KeptOutItem, LIST_MAX};
