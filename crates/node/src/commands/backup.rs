//! `lgsp backup` and `lgsp restore`.

use super::desk::Desk;
use super::failure::Failure;
use super::out;
use crate::backup::{load, make};
use crate::cli::{BackupArgs, RestoreArgs};
use crate::master_key;

/// Writes one file; the node may run.
pub async fn backup(desk: &Desk, args: &BackupArgs) -> Result<(), Failure> {
    let credentials = master_key::credentials_directory();
    let key = master_key::read(desk.config(), credentials.as_deref())?;
    let store = desk.store().await?;
    let manifest = make::make(desk.config(), &key, &store, &desk.clock, &args.file).await?;
    let bytes: u64 = manifest.parts.iter().map(|p| p.bytes).sum();
    out::print(&format!(
        "written: {} ({}, {} parts, registry generation {})\n\
         The master key is NOT in it. Without it the backup cannot be restored: keep {} (check value {}) in another safe place.",
        args.file.display(),
        out::size(bytes),
        manifest.parts.len(),
        manifest.generation,
        master_key::place(desk.config(), credentials.as_deref()).display(),
        manifest.master_key_check,
    ));
    Ok(())
}

/// Loads one into an empty folder and store.
pub async fn restore(desk: &Desk, args: &RestoreArgs) -> Result<(), Failure> {
    let mut config = desk.config().clone();
    config.node.data_dir = std::path::absolute(&args.into)?;
    config.log.dir = std::path::PathBuf::new();
    config.store.url = args.store.clone().unwrap_or_default();
    if let Some(path) = &args.master_key {
        config.node.master_key.clone_from(path);
    }
    let credentials = master_key::credentials_directory();
    let key = master_key::read(&config, credentials.as_deref())?;
    let done = load::load(&config, &key, &desk.clock, &args.file).await?;
    let mut text = format!(
        "restored into {}: registry generation {}, {} rows of the audit trail and {} entries of the message log verified\n",
        config.node.data_dir.display(),
        done.manifest.generation,
        done.audit_rows,
        done.entries,
    );
    if let Some(epoch) = done.epoch {
        text.push_str(&format!("The log goes on in epoch {epoch}; its first entry names the last checkpoint of the backup of {}.\n", done.manifest.at));
    }
    if desk.config().node.name != done.manifest.node {
        text.push_str(&format!(
            "Set node.name = {:?} in lgsp.toml: the log is of that name.\n",
            done.manifest.node
        ));
    }
    text.push_str(
        "What happened after the backup was made is not in it: tell those who keep later checkpoints.",
    );
    out::print(&text);
    Ok(())
}
