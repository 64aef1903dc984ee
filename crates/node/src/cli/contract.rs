//! The command line of contracts: services made of a contract, and contracts looked at.

use super::Why;
use clap::{Args, Subcommand};
use std::path::PathBuf;

/// `lgsp service add`
#[derive(Debug, Args)]
#[command(group(clap::ArgGroup::new("contract").required(true).args(["wsdl", "openapi"])))]
pub struct ServiceAddArgs {
    /// The WSDL of a provider that speaks SOAP; what it imports is taken from beside it.
    #[arg(long, value_name = "FILE")]
    pub wsdl: Option<PathBuf>,
    /// The OpenAPI document of a provider that speaks REST.
    #[arg(long, value_name = "FILE")]
    pub openapi: Option<PathBuf>,
    /// The service's id: the first segment of its address.
    #[arg(long)]
    pub id: String,
    /// The system that offers it.
    #[arg(long)]
    pub system: String,
    /// Where its provider listens; otherwise where the WSDL says.
    #[arg(long, value_name = "URL")]
    pub target: Option<String>,
    /// The version.
    #[arg(long, default_value = "1.0")]
    pub version: String,
    /// Its title; otherwise the id.
    #[arg(long)]
    pub title: Option<String>,
    /// The WSDL's service, where there are several.
    #[arg(long)]
    pub service: Option<String>,
    /// The WSDL's port, where there are several.
    #[arg(long)]
    pub port: Option<String>,
    /// How callers may speak to it: `rest`, `soap` or both; otherwise as its provider does, and a SOAP provider has both.
    #[arg(long = "face")]
    pub faces: Vec<String>,
    /// Do not publish it yet.
    #[arg(long)]
    pub draft: bool,
    /// Take changes that break those who use the published version.
    #[arg(long)]
    pub accept_breaking: bool,
    /// Say what would change, and change nothing.
    #[arg(long)]
    pub dry_run: bool,
    /// Why.
    #[command(flatten)]
    pub why: Why,
}

/// `lgsp contract`
#[derive(Debug, Subcommand)]
pub enum ContractCommand {
    /// Read a WSDL or an OpenAPI document, and say what is wrong with it, what has no reading, and what it offers. Needs no node.
    Check {
        /// The file.
        file: PathBuf,
    },
    /// Name what a new contract changes for those who keep to the old one. Needs no node.
    Compare {
        /// The old one.
        old: PathBuf,
        /// The new one.
        new: PathBuf,
    },
    /// Show a version's contract: its operations, or the document of a face.
    Show {
        /// `service` or `service/version`.
        service: String,
        /// The OpenAPI document of its REST face.
        #[arg(long)]
        openapi: bool,
        /// The WSDL of its SOAP face.
        #[arg(long, conflicts_with = "openapi")]
        wsdl: bool,
    },
}
