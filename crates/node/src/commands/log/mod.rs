//! `lgsp log`: the message log, read from its files whether the node runs or not.

pub mod export;
mod proofs;
mod search;
mod upkeep;
mod verify;

use super::desk::Desk;
use super::failure::{Failure, Trying as _};
use super::out;
use crate::cli::LogCommand;
use lgsp_evidence::Verifier;
use std::path::Path;

/// One of them.
pub async fn run(desk: &Desk, command: LogCommand) -> Result<(), Failure> {
    match command {
        LogCommand::Verify(args) => verify::run(desk, &args),
        LogCommand::Prove { exchange, output, with_bodies } => {
            proofs::prove(desk, &exchange, output.as_deref(), with_bodies)
        }
        LogCommand::Export { exchange, output, offline } => {
            export::run(desk, &exchange, &output, offline).await
        }
        LogCommand::CheckProof { file, key } => check_proof(&file, &key),
        LogCommand::Search(args) => search::run(desk, args),
        LogCommand::Forecast => upkeep::forecast(desk),
        LogCommand::Retention { dry_run } => upkeep::retention(desk, dry_run),
        LogCommand::Key => {
            out::print(&desk.log_verifier()?);
            Ok(())
        }
        LogCommand::Checkpoint => upkeep::checkpoint(desk),
    }
}

/// Checks a proof file with nothing but a public key.
pub fn check_proof(file: &Path, key: &str) -> Result<(), Failure> {
    proofs::check(file, key)
}

/// A public key: its text, or a file that holds it.
fn read_key(text: &str) -> Result<Verifier, Failure> {
    if let Ok(verifier) = Verifier::parse(text.trim()) {
        return Ok(verifier);
    }
    let path = Path::new(text);
    let content = std::fs::read_to_string(path).map_err(|_| {
        Failure::new("--key is neither a public key nor a file that holds one")
            .help("`lgsp log key` prints the node's: name+hash+base64")
    })?;
    Verifier::parse(content.trim()).trying(path.display())
}
