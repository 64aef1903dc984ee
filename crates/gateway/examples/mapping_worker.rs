//! A worker process of mappings and nothing else, for the tests of this crate; with the allocator of the program, since the bound of memory
//! depends on how it takes memory.

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    lgsp_mapping::worker_main()
}
