//! A worker process and nothing else, for the tests and the measurement of this crate.

use std::process::ExitCode;

fn main() -> ExitCode {
    lgsp_mapping::worker_main()
}
