//! The bounds of the peer protocol (docs/protocol/peer.md, "Limits").

/// A head's fields together, bytes.
pub const HEAD_MAX: usize = lgsp_kernel::bounds::HEAD_MAX;
/// Components that a statement covers.
pub const COMPONENTS_MAX: usize = 128;
/// A statement, bytes.
pub const STATEMENT_MAX: usize = 64 << 10;
/// A delegation's text, bytes: a certificate of 4 KiB and the rest.
pub const DELEGATION_MAX: usize = 14 << 10;
/// A signed note, bytes.
pub const NOTE_MAX: usize = 8 << 10;
/// Hashes of an inclusion path.
pub const PATH_MAX: usize = 64;
/// The answer to `hello`, bytes.
pub const HELLO_MAX: usize = 32 << 10;
/// Delegations that are remembered as verified.
pub const DELEGATIONS_MAX: usize = 4096;
/// Notes of one log that are remembered as verified: a sender's groups of some seconds.
pub const NOTES_MAX: usize = 64;
/// How far a request's time may be from ours, seconds.
pub const REQUEST_SKEW_MAX: i64 = 300;
/// How far an answer's time may be from ours, seconds: its request was fresh, and the answer may have taken time.
pub const ANSWER_SKEW_MAX: i64 = 600;
/// From here on a difference of clocks is reported, seconds.
pub const SKEW_REPORTED: i64 = 30;
/// Exchanges that are remembered against repetition, for six minutes: 17,000 a second; about 30 bytes each.
pub const REMEMBERED_MAX: usize = 6 << 20;
/// The same of one sending node, 11,000 a second: one that floods must not make the others wait.
pub const REMEMBERED_PER_NODE_MAX: usize = 4 << 20;
/// Open streams at which another connection to a node is opened.
pub const STREAMS_PER_CONNECTION: u32 = 256;
/// Connections to one endpoint.
pub const CONNECTIONS_MAX: usize = 64;
/// An idempotency key, characters.
pub const IDEMPOTENCY_KEY_MAX: usize = 255;
