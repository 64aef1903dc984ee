//! Writing a backup while the node runs. The log is copied before the store: then every row of the audit trail that an anchor in the
//! log names is in the store's dump.

use super::{
    BackupError, FEDERATION, FORMAT, LOG, LOG_KEY, MANIFEST, Manifest, Part, STORE, at, copy_digesting,
    steady,
};
use crate::config::Config;
use crate::log_key;
use crate::master_key::{self, MasterKey};
use lgsp_evidence::Archive;
use lgsp_kernel::{Clock, Vault};
use lgsp_store::Store;
use std::fs::File;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

/// A folder that is removed when it is no longer needed, also after a failure.
struct Staging(PathBuf);

impl Drop for Staging {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Writes a backup to a file that does not exist yet; what it says of itself.
pub async fn make(
    config: &Config,
    key: &MasterKey,
    store: &Store,
    clock: &Clock,
    file: &Path,
) -> Result<Manifest, BackupError> {
    if file.exists() {
        return Err(BackupError::Target(format!(
            "{} exists already; a backup is never written over",
            file.display()
        )));
    }
    let staging = staging(file)?;
    let now = clock.now();
    let archive = Archive::open(config.log_dir());
    let copied = staging.0.join(LOG);
    let checkpoint = match archive.exists() {
        true => Some(blocking(move || archive.copy_for_backup(&copied)).await??.note.clone()),
        false => None,
    };
    let sealed = log_key::place(&config.node.data_dir);
    std::fs::copy(&sealed, staging.0.join(LOG_KEY)).map_err(at(&sealed))?;
    let log_key = log_key::verifier(config, &Vault::new(key))?;
    let data = &config.node.data_dir;
    let folders = [config.hub_dir(), config.membership_dir(), data.join(FEDERATION[2])];
    for (from, name) in folders.into_iter().zip(FEDERATION) {
        let to = staging.0.join(name);
        blocking(move || steady::copy(&from, &to)).await??;
    }
    let dump = staging.0.join(STORE);
    let summary = store.dump(tokio::fs::File::create(&dump).await.map_err(at(&dump))?).await?;
    let manifest = Manifest {
        format: FORMAT.into(),
        program: env!("CARGO_PKG_VERSION").into(),
        node: config.node.name.clone(),
        at: now.rfc3339(),
        master_key_check: master_key::check_value(key),
        log_key,
        log_checkpoint: checkpoint,
        schema: summary.schema,
        generation: summary.generation,
        parts: Vec::new(),
    };
    let file = file.to_path_buf();
    blocking(move || write(&staging.0, manifest, &file)).await?
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, BackupError> {
    tokio::task::spawn_blocking(work).await.map_err(|e| BackupError::Broken(e.to_string()))
}

/// Beside the file: there it has to fit anyway.
fn staging(file: &Path) -> Result<Staging, BackupError> {
    let mut name = file.file_name().unwrap_or_default().to_owned();
    name.push(format!(".staging-{}", std::process::id()));
    let folder = file.with_file_name(name);
    std::fs::DirBuilder::new().mode(0o700).create(&folder).map_err(at(&folder))?;
    Ok(Staging(folder))
}

fn write(folder: &Path, mut manifest: Manifest, file: &Path) -> Result<Manifest, BackupError> {
    let mut paths = Vec::new();
    walk(folder, &mut paths)?;
    paths.sort();
    for path in &paths {
        let mut from = File::open(path).map_err(at(path))?;
        let (bytes, sha256) = copy_digesting(&mut from, &mut std::io::sink()).map_err(at(path))?;
        manifest.parts.push(Part { path: name_in(folder, path), bytes, sha256 });
    }
    let partial = folder.with_extension("partial");
    let made = write_tar(folder, &manifest, &partial).and_then(|()| std::fs::rename(&partial, file));
    made.map_err(|e| {
        let _ = std::fs::remove_file(&partial);
        at(file)(e)
    })?;
    Ok(manifest)
}

fn write_tar(folder: &Path, manifest: &Manifest, partial: &Path) -> std::io::Result<()> {
    let out = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(partial)?;
    let mut tar = tar::Builder::new(std::io::BufWriter::new(out));
    let about = serde_json::to_vec_pretty(manifest)?;
    tar.append_data(&mut header(about.len() as u64), MANIFEST, &*about)?;
    for part in &manifest.parts {
        let from = File::open(folder.join(&part.path))?;
        tar.append_data(&mut header(part.bytes), &part.path, from)?;
    }
    let out = tar.into_inner()?.into_inner().map_err(std::io::IntoInnerError::into_error)?;
    out.sync_all()
}

fn header(bytes: u64) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    header.set_size(bytes);
    header.set_mode(0o600);
    header
}

fn walk(folder: &Path, into: &mut Vec<PathBuf>) -> Result<(), BackupError> {
    for entry in std::fs::read_dir(folder).map_err(at(folder))? {
        let path = entry.map_err(at(folder))?.path();
        if path.is_dir() { walk(&path, into)? } else { into.push(path) }
    }
    Ok(())
}

fn name_in(folder: &Path, path: &Path) -> String {
    let inside = path.strip_prefix(folder).unwrap_or(path);
    inside.components().map(|c| c.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/")
}
