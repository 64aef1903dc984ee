//! `cargo xtask bench`: the release program beside nginx on this machine, in interleaved runs; one table of ratios.
//! What each row means, and how to read it, is in `bench/README.md`.

mod citizens;
mod convert;
mod federated;
mod load;
mod node;
mod peer;
mod rows;
mod table;

use crate::process::{self, Outcome};
use clap::Args;
use table::Table;

/// How to measure.
#[derive(Args)]
pub struct Options {
    /// Print one JSON object a line instead of the table
    #[arg(long)]
    json: bool,
    /// Rounds; each measures every side once, and medians are reported
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Seconds of load for each measurement
    #[arg(long, default_value_t = 6)]
    seconds: u32,
    /// Connections of the load generator
    #[arg(long, default_value_t = 256)]
    connections: u32,
    /// Only rows whose name contains this
    #[arg(long)]
    only: Option<String>,
    /// Also write the table to bench/results.md
    #[arg(long)]
    keep: bool,
    /// Do not build; measure the release program that is there
    #[arg(long)]
    no_build: bool,
}

impl Options {
    fn wants(&self, row: &str) -> bool {
        self.only.as_ref().is_none_or(|o| row.contains(o.as_str()))
    }
}

/// Measures and prints.
pub fn run(options: &Options) -> Outcome<()> {
    for (program, package) in [
        ("nginx", "nginx-light"),
        ("wrk", "wrk"),
        ("curl", "curl"),
        ("taskset", "util-linux"),
        ("openssl", "openssl"),
    ] {
        process::ensure(program, package)?;
    }
    if !options.no_build {
        process::run(process::cargo().args([
            "build",
            "--release",
            "-p",
            "lgsp-node",
            "-p",
            "lgsp-testkit",
            "--bins",
        ]))?;
        process::run(process::cargo().args([
            "build",
            "--release",
            "-p",
            "lgsp-directory",
            "--example",
            "large",
        ]))?;
    }
    let work = std::env::var_os("LGSP_BENCH_DIR")
        .map_or_else(|| process::root().join("target/bench"), std::path::PathBuf::from);
    let _ = std::fs::remove_dir_all(&work);
    std::fs::create_dir_all(&work).map_err(|e| format!("{}: {e}", work.display()))?;
    let mut table = Table::new(&work)?;
    rows::throughput(options, &work, &mut table)?;
    rows::memory(options, &work, &mut table)?;
    rows::large_registry(options, &work, &mut table)?;
    federated::rows(options, &work, &mut table)?;
    convert::rows(options, &work, &mut table)?;
    if options.json {
        table.print_json()
    } else {
        table.print()
    }
    if options.keep {
        table.write(&process::root().join("bench/results.md"))?;
    }
    let _ = std::fs::remove_dir_all(&work);
    Ok(())
}

/// The middle value.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    match values.len() {
        0 => f64::NAN,
        n if n % 2 == 1 => values[n / 2],
        n => f64::midpoint(values[n / 2 - 1], values[n / 2]),
    }
}
