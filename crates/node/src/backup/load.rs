//! Restoring a backup into an empty folder and an empty store. Every digest, the log and the audit trail are verified before anything
//! is called restored; what was made is taken away again if something does not fit.

use super::{
    BackupError, FEDERATION, FORMAT, LOG, LOG_KEY, MANIFEST, MANIFEST_MAX, Manifest, STORE, at,
    copy_digesting, stays_inside,
};
use crate::config::Config;
use crate::log_key;
use crate::master_key::{self, MasterKey};
use crate::node::log_config;
use lgsp_evidence::{Archive, Log, LogKey, Verifier, epoch, verify::Span};
use lgsp_kernel::record::Entry;
use lgsp_kernel::{Clock, Vault};
use lgsp_store::{AuditHead, Store};
use std::collections::HashMap;
use std::fs::File;
use std::io::Read;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;

/// What may be in the folder before: the operator puts the key there first.
const MAY_BE_THERE: [&str; 2] = ["master.key", "lgsp.toml"];

/// What was restored.
#[derive(Debug)]
pub struct Restored {
    /// What the backup says of itself.
    pub manifest: Manifest,
    /// The epoch that the log goes on in.
    pub epoch: Option<u32>,
    /// Entries of the log that were verified.
    pub entries: u64,
    /// Rows of the audit trail that were verified.
    pub audit_rows: i64,
}

/// Restores `file` into the folder and the store that `config` names.
pub async fn load(
    config: &Config,
    key: &MasterKey,
    clock: &Clock,
    file: &Path,
) -> Result<Restored, BackupError> {
    let folder = &config.node.data_dir;
    let mut tar = tar::Archive::new(std::io::BufReader::new(File::open(file).map_err(at(file))?));
    let mut entries = tar.entries().map_err(|e| broken(&e))?;
    let manifest = read_manifest(entries.next())?;
    if manifest.master_key_check != master_key::check_value(key) {
        return Err(BackupError::Target(
            "the master key is not the one that this backup's data is sealed under: restore that key first"
                .into(),
        ));
    }
    make_room(folder)?;
    let done = async {
        extract(entries, &manifest, folder)?;
        settle(config, key, clock, &manifest).await
    };
    match done.await {
        Ok((epoch, entries, audit_rows)) => Ok(Restored { manifest, epoch, entries, audit_rows }),
        Err(e) => {
            clear(folder);
            Err(e)
        }
    }
}

fn broken(why: &dyn std::fmt::Display) -> BackupError {
    BackupError::Broken(why.to_string())
}

fn read_manifest<R: Read>(
    first: Option<std::io::Result<tar::Entry<'_, R>>>,
) -> Result<Manifest, BackupError> {
    let entry = first.ok_or_else(|| broken(&"it is empty"))?.map_err(|e| broken(&e))?;
    if entry.path().map_err(|e| broken(&e))?.as_ref() != Path::new(MANIFEST) {
        return Err(broken(&"it does not begin with its description"));
    }
    let manifest: Manifest = serde_json::from_reader(entry.take(MANIFEST_MAX)).map_err(|e| broken(&e))?;
    if manifest.format != FORMAT {
        return Err(broken(&format!("its form is {:?}; this program reads {FORMAT:?}", manifest.format)));
    }
    Ok(manifest)
}

fn make_room(folder: &Path) -> Result<(), BackupError> {
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(at(folder))?;
    for entry in std::fs::read_dir(folder).map_err(at(folder))? {
        let name = entry.map_err(at(folder))?.file_name();
        if !MAY_BE_THERE.iter().any(|n| name == *n) {
            return Err(BackupError::Target(format!(
                "{} is not empty: it holds {}; restore into an empty folder",
                folder.display(),
                name.to_string_lossy()
            )));
        }
    }
    Ok(())
}

/// Writes the parts out, each compared with its digest; none more, none fewer than the description names.
fn extract<R: Read>(
    entries: tar::Entries<'_, R>,
    manifest: &Manifest,
    folder: &Path,
) -> Result<(), BackupError> {
    let mut expected: HashMap<&str, _> = manifest.parts.iter().map(|p| (p.path.as_str(), p)).collect();
    for entry in entries {
        let mut entry = entry.map_err(|e| broken(&e))?;
        let name = entry.path().map_err(|e| broken(&e))?.to_string_lossy().into_owned();
        let part = expected
            .remove(name.as_str())
            .ok_or_else(|| broken(&format!("it holds {name}, which it does not name")))?;
        if !stays_inside(Path::new(&name)) || !entry.header().entry_type().is_file() {
            return Err(broken(&format!("{name} is no file inside it")));
        }
        let path = folder.join(&name);
        if let Some(parent) = path.parent() {
            std::fs::DirBuilder::new().recursive(true).mode(0o700).create(parent).map_err(at(parent))?;
        }
        let mut out = std::fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)
            .map_err(at(&path))?;
        let (bytes, sha256) = copy_digesting(&mut entry, &mut out).map_err(at(&path))?;
        if (bytes, &sha256) != (part.bytes, &part.sha256) {
            return Err(broken(&format!("{name} does not have the digest that was written down")));
        }
        out.sync_all().map_err(at(&path))?;
    }
    match expected.keys().next() {
        Some(missing) => Err(broken(&format!("{missing} is missing"))),
        None => Ok(()),
    }
}

async fn settle(
    config: &Config,
    key: &MasterKey,
    clock: &Clock,
    manifest: &Manifest,
) -> Result<(Option<u32>, u64, i64), BackupError> {
    let mut of_backup = config.clone();
    of_backup.node.name.clone_from(&manifest.node);
    let log_key = log_key::open(&of_backup, &Vault::new(key))?;
    if log_key.verifier() != manifest.log_key {
        return Err(broken(&"its log key is not the one that it names"));
    }
    let archive = Archive::open(config.node.data_dir.join(LOG));
    let entries = match &manifest.log_checkpoint {
        Some(note) => verify_log(&archive, &Verifier::parse(&manifest.log_key)?, note)?,
        None => 0,
    };
    let audit_rows = fill_store(config, &archive).await?;
    let epoch = match &manifest.log_checkpoint {
        Some(note) => Some(next_epoch(config, log_key, clock, note)?),
        None => None,
    };
    let dump = config.node.data_dir.join(STORE);
    std::fs::remove_file(&dump).map_err(at(&dump))?;
    Ok((epoch, entries, audit_rows))
}

fn verify_log(archive: &Archive, verifier: &Verifier, note: &str) -> Result<u64, BackupError> {
    let report = archive.verify(Span::All, verifier, Some(note))?;
    match report.problems.first() {
        Some(problem) => Err(broken(&format!("its message log is not sound: {problem}"))),
        None => Ok(report.entries),
    }
}

async fn fill_store(config: &Config, archive: &Archive) -> Result<i64, BackupError> {
    let store = Store::open(&config.store_url()).await?;
    store.migrate().await?;
    let dump = config.node.data_dir.join(STORE);
    let from = tokio::fs::File::open(&dump).await.map_err(at(&dump))?;
    store.load_dump(tokio::io::BufReader::new(from)).await?;
    let report = store.audit_verify(&anchors(archive)?).await?;
    store.close().await;
    match report.findings.first() {
        Some(f) => {
            Err(broken(&format!("its audit trail is not as it was written: row {}: {}", f.seq, f.problem)))
        }
        None => Ok(report.rows),
    }
}

/// The heads of the audit trail that a log holds.
pub fn anchors(archive: &Archive) -> Result<Vec<AuditHead>, lgsp_evidence::ArchiveError> {
    let mut anchors = Vec::new();
    for epoch in archive.epochs()? {
        for found in archive.entries(epoch, 0..u64::MAX)? {
            let found = found?;
            let Some(record) = found.record().filter(|_| found.exchange.is_none()) else { continue };
            if let Ok(Entry::AuditAnchor(anchor)) = serde_json::from_slice(record) {
                anchors.push(AuditHead { seq: anchor.seq, hash: anchor.hash });
            }
        }
    }
    Ok(anchors)
}

/// The log goes on in a new epoch: what came after the backup is not in this log, and nobody may take it for one that goes on.
fn next_epoch(config: &Config, key: LogKey, clock: &Clock, note: &str) -> Result<u32, BackupError> {
    let mut settings = log_config(config);
    settings.dir = config.node.data_dir.join(LOG);
    let next = epoch::open_next(&settings.dir, Some(note), "restored")?;
    let log = Log::open(settings, key, clock.clone())?;
    log.close();
    Ok(next)
}

/// Takes away what a failed restore made.
fn clear(folder: &Path) {
    for name in FEDERATION.into_iter().chain([LOG]) {
        let _ = std::fs::remove_dir_all(folder.join(name));
    }
    for name in [LOG_KEY, STORE, "lgsp.db", "lgsp.db-wal", "lgsp.db-shm"] {
        let _ = std::fs::remove_file(folder.join(name));
    }
}
