//! The files of contracts by their digests: in memory, and beside the registry's copy on disk for starts while the store is away.

use super::bundle;
use lgsp_kernel::mediation::ContractFiles;
use parking_lot::RwLock;
use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Files by their digest.
#[derive(Default)]
pub(crate) struct Library(RwLock<HashMap<String, Arc<ContractFiles>>>);

impl Library {
    pub fn get(&self, digest: &str) -> Option<Arc<ContractFiles>> {
        self.0.read().get(digest).cloned()
    }

    pub fn put(&self, digest: String, files: Arc<ContractFiles>) {
        self.0.write().insert(digest, files);
    }

    /// The digests that are not here.
    pub fn missing<'a>(&self, digests: impl Iterator<Item = &'a str>) -> HashSet<String> {
        let here = self.0.read();
        digests.filter(|d| !here.contains_key(*d)).map(str::to_owned).collect()
    }

    /// Keeps only what is named.
    pub fn retain(&self, named: &HashSet<String>) {
        self.0.write().retain(|digest, _| named.contains(digest));
    }

    /// Takes over what the folder beside a copy holds. A file that is not what its name says is left alone.
    pub fn load(&self, copy: &Path) {
        let Ok(entries) = std::fs::read_dir(folder(copy)) else { return };
        for entry in entries.flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let read = std::fs::read_to_string(entry.path()).ok().and_then(|t| bundle::from_text(&t).ok());
            match read.filter(|files| bundle::digest(files) == name) {
                Some(files) => self.put(name, Arc::new(files)),
                None => tracing::warn!(file = name, "not a contract's files: left alone"),
            }
        }
    }

    /// Writes what the folder beside a copy does not hold yet, and takes away what nothing names.
    pub fn save(&self, copy: &Path, named: &HashSet<String>) -> std::io::Result<()> {
        let folder = folder(copy);
        if named.is_empty() && !folder.exists() {
            return Ok(());
        }
        std::fs::create_dir_all(&folder)?;
        for digest in named {
            let path = folder.join(digest);
            if let Some(files) = self.get(digest).filter(|_| !path.exists()) {
                crate::cache::write_whole(&path, bundle::to_text(&files).as_bytes())?;
            }
        }
        for entry in std::fs::read_dir(&folder)?.flatten() {
            if !named.contains(&*entry.file_name().to_string_lossy()) {
                std::fs::remove_file(entry.path())?;
            }
        }
        Ok(())
    }
}

fn folder(copy: &Path) -> PathBuf {
    let mut name = copy.file_name().unwrap_or_default().to_owned();
    name.push(".contracts");
    copy.with_file_name(name)
}
