//! Copying a small folder whose files are replaced whole while the node runs: again, until nothing changed meanwhile.

use super::{BackupError, at};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// How often it is tried.
const TRIES: u32 = 50;
/// Between two tries.
const PAUSE: Duration = Duration::from_millis(100);

/// Files, with what tells that one was replaced.
type Listing = BTreeMap<PathBuf, (u64, Option<SystemTime>)>;

/// Copies a folder, if it is there, as it was at one moment.
pub(super) fn copy(from: &Path, to: &Path) -> Result<(), BackupError> {
    if !from.exists() {
        return Ok(());
    }
    for _ in 0..TRIES {
        if let Some(before) = listing(from)?
            && copied(from, to, &before)?
            && listing(from)?.as_ref() == Some(&before)
        {
            return Ok(());
        }
        if to.exists() {
            std::fs::remove_dir_all(to).map_err(at(to))?;
        }
        std::thread::sleep(PAUSE);
    }
    let what = format!("{} changes without a pause: try again, or stop the node", from.display());
    Err(BackupError::Target(what))
}

/// What is in the folder; none if something went away while it was looked at.
fn listing(folder: &Path) -> Result<Option<Listing>, BackupError> {
    let (mut files, mut folders) = (Listing::new(), vec![folder.to_owned()]);
    while let Some(dir) = folders.pop() {
        let Some(entries) = there(std::fs::read_dir(&dir), &dir)? else { return Ok(None) };
        for entry in entries {
            let path = entry.map_err(at(&dir))?.path();
            let Some(about) = there(std::fs::symlink_metadata(&path), &path)? else { return Ok(None) };
            if about.is_dir() {
                folders.push(path);
            } else if about.is_file() {
                files.insert(path, (about.len(), about.modified().ok()));
            }
        }
    }
    Ok(Some(files))
}

/// Copies the files; false if one went away.
fn copied(from: &Path, to: &Path, files: &Listing) -> Result<bool, BackupError> {
    for path in files.keys() {
        let Ok(inside) = path.strip_prefix(from) else { continue };
        let target = to.join(inside);
        if let Some(parent) = target.parent() {
            std::fs::create_dir_all(parent).map_err(at(parent))?;
        }
        if there(std::fs::copy(path, &target), path)?.is_none() {
            return Ok(false);
        }
    }
    Ok(true)
}

fn there<T>(result: std::io::Result<T>, path: &Path) -> Result<Option<T>, BackupError> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(at(path)(e)),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::copy;

    #[test]
    fn a_folder_is_copied_whole_also_while_its_files_are_replaced() {
        let place = tempfile::tempdir().unwrap();
        let (from, to) = (place.path().join("hub"), place.path().join("copy"));
        std::fs::create_dir_all(from.join("a/b")).unwrap();
        for name in ["one", "a/two", "a/b/three"] {
            std::fs::write(from.join(name), name).unwrap();
        }
        let writer = from.clone();
        let busy = std::thread::spawn(move || {
            for n in 0..20 {
                std::fs::write(writer.join("new"), format!("{n}")).unwrap();
                std::fs::rename(writer.join("new"), writer.join("one")).unwrap();
                std::thread::sleep(std::time::Duration::from_millis(3));
            }
        });
        copy(&from, &to).unwrap();
        busy.join().unwrap();
        assert_eq!(std::fs::read_to_string(to.join("a/b/three")).unwrap(), "a/b/three");
        assert!(to.join("one").exists() && !to.join("new").exists());
        copy(&place.path().join("nothing"), &place.path().join("no")).unwrap();
        assert!(!place.path().join("no").exists());
    }
}
