//! `lgsp init`: everything a node needs before its first start.

use super::desk::{self, Desk};
use super::failure::{Failure, Trying as _};
use super::out;
use crate::cli::InitArgs;
use crate::config::EXAMPLE;
use crate::setup;
use std::path::Path;

/// Prepares the node and prints what was made.
pub async fn run(named: Option<&Path>, args: &InitArgs) -> Result<(), Failure> {
    let mut lines = Vec::new();
    if let Some(path) = named.filter(|p| !p.exists()) {
        write_config(path, EXAMPLE).trying(format!("writing {}", path.display()))?;
        lines.push(format!("made: configuration {}, every key with its default", path.display()));
    }
    let desk = Desk::open(named)?;
    let context = desk.context(Some("lgsp init".into()));
    let prepared = setup::prepare(desk.config(), &desk.clock, (!args.no_token).then_some(&context)).await?;
    lines.extend(prepared.made.iter().map(|m| format!("made: {m}")));
    if lines.is_empty() {
        lines.push("nothing to do: the node is prepared".into());
    }
    if let Some(token) = prepared.token.as_ref().and_then(|t| t.expose_str()) {
        lines.push(format!("\nThe administrator's token, shown this once:\n{token}"));
    }
    let file = desk::config_file(named).map_or_else(String::new, |f| format!(" -c {}", f.display()));
    lines.push(format!("\nNext: lgsp config check{file} && lgsp serve{file}"));
    out::print(&lines.join("\n"));
    Ok(())
}

/// Writes a configuration that is not there yet.
pub(super) fn write_config(path: &Path, text: &str) -> std::io::Result<()> {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    // It may come to hold a password in store.url: readable by its owner and group only.
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o640).open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}
