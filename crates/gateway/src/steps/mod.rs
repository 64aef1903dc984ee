//! The steps of a call, a file each, in the order of `pipeline.rs`. A step is a function over the exchange: it refuses, or notes on
//! what ground it let the call pass.

pub(crate) mod authorize;
pub(crate) mod carried;
pub(crate) mod forward;
pub(crate) mod idempotent;
pub(crate) mod identify;
pub(crate) mod legs;
pub(crate) mod limit;
pub(crate) mod mask;
pub(crate) mod mediate;
pub(crate) mod receive;
pub(crate) mod record;
pub(crate) mod resolve;
pub(crate) mod validate;
pub(crate) mod verify;
mod xroad;
