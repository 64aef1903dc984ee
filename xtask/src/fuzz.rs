//! `cargo xtask fuzz`: builds the fuzz targets with coverage instrumentation on the stable compiler and runs each for a while.

use crate::process::{self, Outcome};
use clap::Args;
use std::process::Command;

/// What `rustc` needs to instrument for libFuzzer without a nightly compiler.
const FLAGS: &str = "--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=1";

/// How long, and what.
#[derive(Args)]
pub struct Options {
    /// Seconds for each target
    #[arg(long, default_value_t = 10)]
    seconds: u32,
    /// One target only
    target: Option<String>,
}

/// Builds and runs.
pub fn run(options: &Options) -> Outcome<()> {
    process::ensure("g++", "g++")?;
    let folder = process::root().join("fuzz");
    process::run(
        process::cargo()
            .current_dir(&folder)
            // With a target named, the flags reach the targets alone: build scripts and macros that are instrumented do not link.
            .args(["build", "--release", "--bins", "--target", "host-tuple"])
            .env("RUSTFLAGS", FLAGS)
            .env("CARGO_TARGET_DIR", folder.join("target")),
    )?;
    let manifest =
        std::fs::read_to_string(folder.join("Cargo.toml")).map_err(|e| format!("fuzz/Cargo.toml: {e}"))?;
    let manifest: toml::Table = manifest.parse().map_err(|e| format!("fuzz/Cargo.toml: {e}"))?;
    let targets: Vec<String> = manifest
        .get("bin")
        .and_then(toml::Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(|bin| bin.get("name")?.as_str().map(str::to_owned))
        .filter(|name| options.target.as_ref().is_none_or(|t| t == name))
        .collect();
    if targets.is_empty() {
        return Err("no such fuzz target".into());
    }
    let built = folder.join("target").join(host()?).join("release");
    for target in &targets {
        let corpus = folder.join("corpus").join(target);
        std::fs::create_dir_all(&corpus).map_err(|e| format!("{}: {e}", corpus.display()))?;
        let artifacts = folder.join("artifacts");
        std::fs::create_dir_all(&artifacts).map_err(|e| format!("{}: {e}", artifacts.display()))?;
        let mut command = Command::new(built.join(target));
        command
            .arg(format!("-max_total_time={}", options.seconds))
            .args([
                "-max_len=65536",
                "-timeout=5",
                "-rss_limit_mb=2048",
                "-verbosity=0",
                "-print_final_stats=0",
            ])
            .arg(format!("-artifact_prefix={}/{target}-", artifacts.display()))
            .arg(&corpus);
        let seeds = folder.join("seeds").join(target);
        if seeds.is_dir() {
            command.arg(&seeds);
        }
        process::run(&mut command)?;
        eprintln!("xtask: {target}: {} s without a finding", options.seconds);
    }
    Ok(())
}

/// The name of this machine's platform, as the compiler writes it: cargo names the folder after it.
fn host() -> Outcome<String> {
    let output = Command::new("rustc").arg("-vV").output().map_err(|e| format!("rustc: {e}"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let host = text.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).ok_or_else(|| "rustc -vV names no host".into())
}
