//! What can be said of mappings on the command line.

use clap::{Args, Subcommand, ValueEnum};
use std::path::PathBuf;

/// `lgsp mapping`
#[derive(Debug, Subcommand)]
pub enum MappingCommand {
    /// Run the tests beside a mapping, or beside all mappings of a folder: x.test.yaml or x.tests/ beside x.jq. Needs no node.
    Test {
        /// The mapping, or a folder.
        path: PathBuf,
    },
    /// Run a mapping on a message and print the result. Needs no node.
    Run(MappingRunArgs),
    /// Run a mapping on a message that this node has recorded, and show it before and after. Nothing is sent or changed.
    Try {
        /// The mapping.
        file: PathBuf,
        /// The exchange id (`ex_...`). The service must keep bodies.
        #[arg(long)]
        exchange: String,
        /// Which of its messages.
        #[arg(long, value_enum, default_value_t)]
        part: MessagePart,
    },
}

/// `lgsp mapping run`
#[derive(Debug, Args)]
pub struct MappingRunArgs {
    /// The mapping.
    pub file: PathBuf,
    /// The message, JSON or XML; standard input if left out or `-`.
    #[arg(short, long, value_name = "FILE")]
    pub input: Option<PathBuf>,
    /// The request that the message answers: $request.
    #[arg(long, value_name = "FILE")]
    pub request: Option<PathBuf>,
    /// $call.exchange.
    #[arg(long, default_value = "")]
    pub exchange: String,
    /// $call.system: who calls.
    #[arg(long, default_value = "")]
    pub system: String,
    /// $call.agency: its agency's code.
    #[arg(long, default_value = "")]
    pub agency: String,
    /// $call.officer.
    #[arg(long)]
    pub officer: Option<String>,
    /// $call.purpose.
    #[arg(long)]
    pub purpose: Option<String>,
    /// $call.dossier.
    #[arg(long)]
    pub dossier: Option<String>,
    /// $call.at: when the call came; now if left out.
    #[arg(long, value_name = "TIME")]
    pub at: Option<String>,
}

/// A message of an exchange.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum MessagePart {
    /// The request, as its caller sent it.
    #[default]
    Request,
    /// The answer.
    Answer,
}
