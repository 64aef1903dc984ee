//! Every bound on mappings, with its reason. What enforces them is where they are used.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

/// Bytes of a mapping's text: thousands of fields fit.
pub const MAX_TEXT: usize = 256 * 1024;
/// Brackets and strings within each other in a mapping's text: the parser recurses over them.
pub const MAX_NESTING: usize = 64;
/// Tokens that may nest into each other by any means, brackets or operators: parser and compiler recurse over them.
pub const MAX_TOKEN_DEPTH: usize = 4_000;
/// Stack of a thread that compiles or runs mappings: room for `MAX_TOKEN_DEPTH` frames of the compiler, and for ordinary recursion.
pub const STACK: usize = 64 * 1024 * 1024;
/// Arrays and objects within each other in a message: reading and writing recurse over them.
pub const MAX_DEPTH: usize = 128;
/// Digits of a whole number that the language calculates with; a longer one is carried as it stands.
pub const MAX_INTEGER_DIGITS: usize = 400;
/// Digits of a decimal, before and after the point, that the decimal functions calculate with.
pub const MAX_DECIMAL_DIGITS: usize = 100;
/// Bytes of an error message that leaves a worker.
pub const MAX_MESSAGE: usize = 300;
/// Rows of all code tables of a mapping.
pub const MAX_TABLE_ROWS: usize = 50_000;
/// Compiled mappings that a worker keeps; the one not used longest goes first.
pub const MAX_COMPILED: usize = 64;
/// Time for a worker to start, and to compile a mapping: paid once, not a message.
pub const PREPARE_TIME: Duration = Duration::from_secs(10);

/// The shortest time between two looks at what a worker has spent: the kernel counts no finer.
pub const LOOK: Duration = Duration::from_millis(10);
/// What workers have in their environment: with mimalloc as the program's allocator, memory that it holds in reserve must not count as
/// writable before it is used, or the bound of memory would begin a GiB higher.
pub const ENVIRONMENT: [(&str, &str); 1] = [("MIMALLOC_ARENA_EAGER_COMMIT", "0")];

/// What one message may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Processor time of the worker from the hand-over to its answer. What it may take on the clock is the caller's deadline.
    pub time: Duration,
    /// Bytes of memory that a worker may have beyond those that it started with.
    pub memory: u64,
    /// Bytes of the message.
    pub input: usize,
    /// Bytes of the result.
    pub output: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            time: Duration::from_millis(500),
            memory: 256 * 1024 * 1024,
            input: 16 * 1024 * 1024,
            output: 16 * 1024 * 1024,
        }
    }
}

/// How many workers there are, and how they are started.
#[derive(Debug, Clone)]
pub struct PoolConfig {
    /// Program and arguments of a worker; none: this program with [`crate::WORKER_ARGUMENT`].
    pub command: Option<(PathBuf, Vec<OsString>)>,
    /// Workers at the same time, at least two: one may be held by a mapping under suspicion.
    pub workers: usize,
    /// Messages that may wait for a worker; one more is refused.
    pub queue: usize,
    /// After how long without work a worker ends.
    pub idle: Duration,
    /// What a message may cost.
    pub limits: Limits,
}

impl Default for PoolConfig {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        Self {
            command: None,
            workers: cores.max(2),
            queue: 1_000,
            idle: Duration::from_secs(60),
            limits: Limits::default(),
        }
    }
}
