//! Mappings: messages of another shape, as jq programs with their tests beside them, run in worker processes of bounded time and
//! memory. Messages are JSON here; XML is converted before and after by others. No network, no clock, no files but the tests'.

pub mod cases;
mod check;
mod engine;
mod frame;
mod functions;
mod json;
mod limits;
mod mapping;
mod pool;
mod source;
mod spent;
mod standing;
mod tables;
mod trace;
mod worker;

pub use limits::{Limits, PoolConfig};
pub use mapping::{CallVars, MapError, Mapping, MappingProblem};
pub use pool::{Pool, PoolCounts};
pub use tables::Tables;
pub use worker::{WORKER_ARGUMENT, worker_main};
