//! `lgsp config`: explain what is wrong with the configuration, or show what is in effect.

use super::desk::{self, Desk, explain};
use super::failure::Failure;
use super::out;
use crate::cli::ConfigCommand;
use crate::config::{check, load, show};
use crate::master_key;
use std::path::Path;

/// Check or show.
pub fn run(named: Option<&Path>, command: &ConfigCommand) -> Result<(), Failure> {
    match command {
        ConfigCommand::Check => run_check(named),
        ConfigCommand::Show => {
            out::print(&show::show(&Desk::open(named)?.loaded));
            Ok(())
        }
    }
}

fn run_check(named: Option<&Path>) -> Result<(), Failure> {
    let file = desk::config_file(named);
    let name =
        file.as_ref().map_or_else(|| "the defaults (there is no file)".into(), |f| f.display().to_string());
    let found = match load::load(file.as_deref(), load::process_env()) {
        Ok(loaded) => check::check(&loaded, master_key::credentials_directory().as_deref()),
        Err(found) => found,
    };
    if !found.is_empty() {
        out::print(&explain(&found));
    }
    let faults = found.iter().filter(|p| !p.warning).count();
    if faults > 0 {
        let word = if faults == 1 { "fault" } else { "faults" };
        return Err(Failure::new(format!("{faults} {word} in {name}")));
    }
    out::print(&format!("{name}: sound"));
    Ok(())
}
