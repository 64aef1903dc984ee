//! Files that are replaced in one step: written beside, synced, renamed, and the folder synced. Tests let it fail after any number of
//! operations, as a power cut would. Not here: which files there are.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// Readable by all: what is published.
pub const PUBLIC: u32 = 0o644;
/// Readable by its owner only.
pub const PRIVATE: u32 = 0o600;

/// File operations.
#[derive(Debug, Clone, Default)]
pub struct Disk {
    #[cfg(test)]
    left: Option<std::sync::Arc<std::sync::atomic::AtomicI64>>,
}

impl Disk {
    /// A disk on which everything fails after so many operations; the next write leaves half a file.
    #[cfg(test)]
    pub fn failing_after(operations: i64) -> Self {
        Self { left: Some(std::sync::Arc::new(operations.into())) }
    }

    /// The power is back.
    #[cfg(test)]
    pub fn heal(&self) {
        if let Some(left) = &self.left {
            left.store(i64::MAX, std::sync::atomic::Ordering::SeqCst);
        }
    }

    /// Counts an operation.
    fn step(&self) -> io::Result<()> {
        #[cfg(test)]
        if let Some(left) = &self.left
            && left.fetch_sub(1, std::sync::atomic::Ordering::SeqCst) <= 0
        {
            return Err(io::Error::other("the power is cut"));
        }
        Ok(())
    }

    /// Makes a folder and those above it.
    pub fn create_dir(&self, dir: &Path) -> io::Result<()> {
        self.step()?;
        std::fs::create_dir_all(dir)
    }

    /// Replaces a file: after a crash it has the old content or the new.
    pub fn replace(&self, path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(".new");
        let beside = path.with_file_name(name);
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(mode).open(&beside)?;
        let (first, rest) = bytes.split_at(bytes.len() / 2);
        file.write_all(first)?;
        self.step()?;
        file.write_all(rest)?;
        self.step()?;
        sync(&file)?;
        self.step()?;
        std::fs::rename(&beside, path)?;
        self.step()?;
        match path.parent() {
            Some(dir) => sync(&File::open(dir)?),
            None => Ok(()),
        }
    }

    /// Removes a file; one that is gone is no error.
    pub fn remove(&self, path: &Path) -> io::Result<()> {
        self.step()?;
        match std::fs::remove_file(path) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
            other => other,
        }
    }

    /// Takes the folder for this process; released when the file is dropped.
    pub fn lock(dir: &Path) -> io::Result<File> {
        let path = dir.join("lock");
        let file = OpenOptions::new().write(true).create(true).truncate(false).mode(PRIVATE).open(path)?;
        match file.try_lock() {
            Ok(()) => Ok(file),
            Err(std::fs::TryLockError::WouldBlock) => {
                Err(io::Error::new(io::ErrorKind::WouldBlock, "another process uses this folder"))
            }
            Err(std::fs::TryLockError::Error(e)) => Err(e),
        }
    }
}

/// Makes a file or folder durable. The power cuts of this crate's own tests are counted, not real, and need no disk to wait for.
fn sync(file: &File) -> io::Result<()> {
    if cfg!(test) { Ok(()) } else { file.sync_all() }
}

/// Reads a file of at most `max` bytes; none: there is no such file.
pub fn read_bounded(path: &Path, max: usize) -> io::Result<Option<Vec<u8>>> {
    use std::io::Read as _;
    let file = match File::open(path) {
        Ok(file) => file,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(e),
    };
    let mut bytes = Vec::new();
    file.take(max as u64 + 1).read_to_end(&mut bytes)?;
    if bytes.len() > max {
        return Err(io::Error::other(format!("{}: more than {max} bytes", path.display())));
    }
    Ok(Some(bytes))
}
