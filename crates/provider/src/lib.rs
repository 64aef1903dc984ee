//! Reaching a provider with an exchange that is already decided: which target, over which connection, with which credential, how
//! long, how often again. Not here: who may call what (`identity`, `gateway`), what is recorded (`evidence`), what a body says.
//!
//! One call, in the order of the files: `providers` finds the version made ready (`upstream`), `send` runs the attempts: a target is
//! chosen (`upstream`, `target`, `breaker`), a connection taken or opened (`h1`, `h2`, `connect`, `resolve`, `address`, `tls`), the
//! head completed (`head`, `auth`), the body sent (`out_body`), the answer's body read (`answer`). What a failure means stands in
//! `failure`.
//!
//! Invariants. A redirect is never followed nor passed on. An address is checked when it is dialled. A request that may have been
//! delivered is repeated only where the operation is idempotent, and never once anything of an answer came.
//! `SendError::may_have_acted` is false only if nothing was delivered that could be acted on. Everything has a bound: time,
//! attempts, exchanges in progress, idle connections, remembered names, the answer's head and body.

mod address;
mod answer;
mod auth;
mod breaker;
mod config;
mod connect;
mod dice;
mod failure;
mod h1;
mod h2;
mod head;
mod health;
mod out_body;
mod providers;
mod resolve;
mod send;
mod target;
mod tls;
mod upstream;
mod wire_io;

pub use answer::{AnswerBody, AnswerError};
pub use breaker::BreakerState;
pub use config::{ProviderConfig, TOTAL_TIMEOUT_MS};
pub use head::{OutHead, strip_answer_head, strip_request_head};
pub use out_body::{BoxError, OutBody};
pub use providers::{ConfigError, Providers, TargetState};
pub use send::{SendError, Sent};
pub use target::Health;
pub use wire_io::poll_write_parts;
