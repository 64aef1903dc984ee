//! The bounds on what is read, each with its reason. Fixed: whoever publishes and whoever reads must agree on them.

/// A root document, bytes: some dozens of keys and signatures.
pub const ROOT_MAX: usize = 256 << 10;
/// A freshness statement, bytes.
pub const FRESHNESS_MAX: usize = 64 << 10;
/// A members document, bytes: ten times what 1,000 members with 20,000 services need.
pub const MEMBERS_MAX: usize = 128 << 20;
/// A revocations document, bytes: some hundred thousand entries.
pub const REVOCATIONS_MAX: usize = 32 << 20;
/// Roots that one update follows: a chain that is longer is followed by the next update.
pub const ROOTS_PER_UPDATE: u64 = 1024;
/// Keys that a root lists.
pub const KEYS_MAX: usize = 64;
/// Signatures of one envelope: more would only cost the reader time.
pub const SIGNATURES_MAX: usize = 64;
/// Members of a directory.
pub const MEMBERS_COUNT_MAX: usize = 20_000;
/// Services of one member.
pub const SERVICES_MAX: usize = 10_000;
/// Operations of one service.
pub const OPERATIONS_MAX: usize = 2_000;
/// Items of any other list in a members document: agencies, aliases, certificates, systems, endpoints, authorities.
pub const LIST_MAX: usize = 5_000;
/// A title, URL, path or reason, bytes.
pub const TEXT_MAX: usize = 2_048;
/// A certificate, bytes of DER.
pub const CERTIFICATE_MAX: usize = 16 << 10;
/// The highest version: the integers that every JSON reader keeps exact (RFC 8259, section 6).
pub const VERSION_MAX: u64 = (1 << 53) - 1;
/// How far the hub's clock may be ahead of the reader's, milliseconds: ten minutes, as between nodes.
pub const SKEW_MAX_MS: i64 = 10 * 60 * 1000;
