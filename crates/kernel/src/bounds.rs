//! The bounds that stand on everything, with their defaults and reasons. Configuration may lower or raise those
//! that say so; the rest are fixed.

/// A body up to this size is collected where a step needs it whole (SOAP routing, syntax checks), and is recorded with its
/// digest before the effect. Larger ones stream. Bytes. Configurable.
pub const COLLECT_MAX: usize = 1 << 20;
/// Default limit of a request's or an answer's body, bytes; a service may say otherwise.
pub const BODY_MAX: u64 = 4 << 30;
/// Request head: all header lines together, bytes. 64 KiB is what nginx and Tomcat deployments here allow.
pub const HEAD_MAX: usize = 64 << 10;
/// Number of header lines in a request.
pub const HEADERS_MAX: usize = 100;
/// Length of a request target, bytes.
pub const TARGET_MAX: usize = 8 << 10;
/// A stated officer, purpose or dossier, bytes.
pub const STATEMENT_MAX: usize = 256;
/// XML nesting, elements: deeper than any national interface, far from exhausting a stack.
pub const XML_DEPTH_MAX: usize = 100;
/// Attributes of one XML element.
pub const XML_ATTRIBUTES_MAX: usize = 256;
/// JSON nesting, arrays and objects.
pub const JSON_DEPTH_MAX: usize = 100;
