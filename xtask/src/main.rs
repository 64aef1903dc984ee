//! The project's own commands: `cargo xtask test | tidy | licences | fuzz | bench`. Plain processes and files; nothing of the
//! product is linked in, so that it builds in seconds.

mod bench;
mod fuzz;
mod licences;
mod process;
mod test;
mod tidy;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

#[derive(Parser)]
#[command(name = "cargo xtask", about = "The project's own commands")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run all tests, bringing up what they need
    Test(test::Options),
    /// Check what the compiler cannot: direction of crates, file sizes, headers, links
    Tidy,
    /// Check the dependencies' licences and doubled versions
    Licences,
    /// Fuzz the parsers that face the network
    Fuzz(fuzz::Options),
    /// Measure against nginx and print the table
    Bench(bench::Options),
}

fn main() -> ExitCode {
    let result = match Arguments::parse().command {
        Command::Test(options) => test::run(&options),
        Command::Tidy => tidy::run(),
        Command::Licences => licences::run(),
        Command::Fuzz(options) => fuzz::run(&options),
        Command::Bench(options) => bench::run(&options),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            eprintln!("xtask: {reason}");
            ExitCode::FAILURE
        }
    }
}
