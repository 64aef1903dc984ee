//! Bodies on their way: taken in under bounds (`intake`), and passed on while they are digested, with their end withheld until the
//! record is durable (`sealed`). `legible` asks whether the platform and a provider read the same in them.

pub(crate) mod intake;
pub(crate) mod legible;
pub(crate) mod sealed;

/// An error of a body.
pub(crate) type BoxError = Box<dyn std::error::Error + Send + Sync>;
