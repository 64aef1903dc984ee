//! The program `lgsp`. Everything is in the library; this file chooses the allocator, and whether this process is a worker.

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // Before the command line, the configuration or a runtime: a worker has none of them.
    if std::env::args_os().nth(1).is_some_and(|first| first == lgsp_mapping::WORKER_ARGUMENT) {
        return lgsp_mapping::worker_main();
    }
    lgsp_node::commands::main()
}
