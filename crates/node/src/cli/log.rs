//! What can be said of the message log on the command line.

use clap::{Args, Subcommand};
use std::path::PathBuf;

/// `lgsp log`
#[derive(Debug, Subcommand)]
pub enum LogCommand {
    /// Recompute the tree and compare every record with it.
    Verify(VerifyArgs),
    /// Write a self-contained proof of an exchange.
    Prove {
        /// The exchange id.
        exchange: String,
        /// Where to; standard output if left out.
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
        /// Put the kept bodies in.
        #[arg(long)]
        with_bodies: bool,
    },
    /// Write a container (ASiC-E) that proves an exchange to a court or auditor: records, statements, certificates, cosignatures and
    /// timestamps. docs/verify-asice.sh checks it.
    Export {
        /// The exchange id.
        exchange: String,
        /// Where to.
        #[arg(short, long, value_name = "FILE")]
        output: PathBuf,
        /// Do not ask witnesses and timestamp authorities now: only what was kept.
        #[arg(long)]
        offline: bool,
    },
    /// Check a proof file with nothing but the node's public key.
    CheckProof {
        /// The proof file.
        file: PathBuf,
        /// The node's public key (`lgsp log key`), or a file that holds it.
        #[arg(long)]
        key: String,
    },
    /// Find exchanges.
    Search(SearchArgs),
    /// How the disk will fill.
    Forecast,
    /// Erase what is past its retention; the tree stays verifiable.
    Retention {
        /// Say what would be erased and erase nothing.
        #[arg(long)]
        dry_run: bool,
    },
    /// Print the log's public key.
    Key,
    /// Print the latest signed checkpoint, to be kept elsewhere.
    Checkpoint,
}

/// `lgsp log verify`
#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// First index of the current epoch.
    #[arg(long)]
    pub from: Option<u64>,
    /// Last index of the current epoch.
    #[arg(long)]
    pub to: Option<u64>,
    /// A checkpoint that was kept elsewhere.
    #[arg(long, value_name = "FILE")]
    pub checkpoint: Option<PathBuf>,
    /// The node's public key, or a file that holds it; this node's own if left out.
    #[arg(long)]
    pub key: Option<String>,
}

/// `lgsp log search`
#[derive(Debug, Args)]
pub struct SearchArgs {
    /// From this time on.
    #[arg(long)]
    pub since: Option<String>,
    /// Before this time.
    #[arg(long)]
    pub until: Option<String>,
    /// Calling system.
    #[arg(long)]
    pub system: Option<String>,
    /// Called service.
    #[arg(long)]
    pub service: Option<String>,
    /// Stated officer.
    #[arg(long)]
    pub officer: Option<String>,
    /// Stated dossier.
    #[arg(long)]
    pub dossier: Option<String>,
    /// How many at most, up to 10,000.
    #[arg(long, default_value_t = 100, value_parser = limit)]
    pub limit: usize,
    /// JSON lines instead of a table.
    #[arg(long)]
    pub json: bool,
}

fn limit(text: &str) -> Result<usize, String> {
    let number = text.parse().ok().filter(|n| (1..=lgsp_evidence::search::SEARCH_MAX).contains(n));
    number.ok_or_else(|| format!("a number from 1 to {}", lgsp_evidence::search::SEARCH_MAX))
}
