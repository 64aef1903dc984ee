//! The program `lgsp`. Everything is in the library; this file chooses the allocator.

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    lgsp_node::commands::main()
}
