//! All input and output of the log goes through `Disk`: the machine's, or a simulated one whose power can be cut.
//! Not here: what is written.

mod real;
pub mod simulated;

pub use simulated::Simulated;
use std::io;
use std::num::NonZeroU64;
use std::path::Path;

/// Where the log's files are.
#[derive(Debug, Clone, Default)]
pub enum Disk {
    /// The machine's file systems.
    #[default]
    Real,
    /// A disk in memory that keeps apart what was written and what was synced.
    Simulated(Simulated),
}

/// An open file.
#[derive(Debug)]
pub enum DiskFile {
    /// A file of the machine.
    Real(std::fs::File),
    /// A file of a simulated disk.
    Simulated(simulated::SimFile),
}

/// How a file is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// It must exist; it is not changed.
    Read,
    /// It must exist.
    Write,
    /// It is made, or emptied.
    Create,
}

/// Holds a folder for one writer, until dropped.
#[derive(Debug)]
pub enum Lock {
    /// An advisory lock (`flock`) on a file.
    Real(std::fs::File),
    /// A lock of a simulated disk.
    Simulated(simulated::SimLock),
}

impl Disk {
    /// Makes a folder and its parents, durably.
    pub fn create_dir_all(&self, dir: &Path) -> io::Result<()> {
        match self {
            Self::Real => real::create_dir_all(dir),
            Self::Simulated(d) => d.create_dir_all(dir),
        }
    }
    /// Makes a folder and its parents; durable when the parents are synced. For what can be derived again.
    pub fn create_dir_all_lazily(&self, dir: &Path) -> io::Result<()> {
        match self {
            Self::Real => std::fs::create_dir_all(dir),
            Self::Simulated(d) => d.create_dir_all(dir),
        }
    }
    /// Opens a file.
    pub fn open(&self, path: &Path, mode: Mode) -> io::Result<DiskFile> {
        match self {
            Self::Real => real::open(path, mode).map(DiskFile::Real),
            Self::Simulated(d) => d.open(path, mode).map(DiskFile::Simulated),
        }
    }
    /// Whether a file or folder of this name is there.
    pub fn exists(&self, path: &Path) -> bool {
        match self {
            Self::Real => path.exists(),
            Self::Simulated(d) => d.exists(path),
        }
    }
    /// The names in a folder, sorted; none if the folder is not there.
    pub fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        match self {
            Self::Real => real::list(dir),
            Self::Simulated(d) => d.list(dir),
        }
    }
    /// Gives a file a new name, in place of what had it.
    pub fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        match self {
            Self::Real => std::fs::rename(from, to),
            Self::Simulated(d) => d.rename(from, to),
        }
    }
    /// Removes a file.
    pub fn remove(&self, path: &Path) -> io::Result<()> {
        match self {
            Self::Real => std::fs::remove_file(path),
            Self::Simulated(d) => d.remove(path),
        }
    }
    /// Removes a folder with the files in it.
    pub fn remove_dir(&self, dir: &Path) -> io::Result<()> {
        match self {
            Self::Real => std::fs::remove_dir_all(dir),
            Self::Simulated(d) => d.remove_dir(dir),
        }
    }
    /// Makes the names in a folder durable.
    pub fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        match self {
            Self::Real => std::fs::File::open(dir)?.sync_all(),
            Self::Simulated(d) => d.sync_dir(dir),
        }
    }
    /// Makes everything on the file system of this folder durable.
    pub fn sync_all(&self, dir: &Path) -> io::Result<()> {
        match self {
            Self::Real => Ok(rustix::fs::syncfs(std::fs::File::open(dir)?)?),
            Self::Simulated(d) => d.sync_all(),
        }
    }
    /// Bytes that an ordinary user may still write on the file system of this folder.
    pub fn free_bytes(&self, dir: &Path) -> io::Result<u64> {
        match self {
            Self::Real => real::free_bytes(dir),
            Self::Simulated(d) => Ok(d.free_bytes()),
        }
    }
    /// Takes the folder for one writer; `WouldBlock` if another has it.
    pub fn lock(&self, path: &Path) -> io::Result<Lock> {
        match self {
            Self::Real => real::lock(path).map(Lock::Real),
            Self::Simulated(d) => d.lock(path).map(Lock::Simulated),
        }
    }
    /// The whole of a file that is not larger than `max`; `None` if it is not there.
    pub fn read(&self, path: &Path, max: u64) -> io::Result<Option<Vec<u8>>> {
        let file = match self.open(path, Mode::Read) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
            other => other?,
        };
        let len = file.len()?;
        if len > max {
            return Err(io::Error::new(io::ErrorKind::InvalidData, format!("larger than {max} bytes")));
        }
        let mut bytes = vec![0; usize::try_from(len).unwrap_or(usize::MAX)];
        let got = file.read_at(&mut bytes, 0)?;
        bytes.truncate(got);
        Ok(Some(bytes))
    }
    /// Writes a file as a whole.
    pub fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        self.open(path, Mode::Create)?.write_all_at(bytes, 0)
    }
    /// Replaces a file so that a reader sees the old or the new one, never a part. With `durable`, after a power cut too.
    pub fn replace(&self, path: &Path, bytes: &[u8], durable: bool) -> io::Result<()> {
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(".tmp");
        let temporary = path.with_file_name(name);
        let file = self.open(&temporary, Mode::Create)?;
        file.write_all_at(bytes, 0)?;
        if durable {
            file.sync_data()?;
        }
        self.rename(&temporary, path)?;
        match path.parent() {
            Some(dir) if durable => self.sync_dir(dir),
            _ => Ok(()),
        }
    }
}

impl DiskFile {
    /// Reads at an offset until the buffer is full or the file ends; says how much.
    pub fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        match self {
            Self::Real(f) => real::read_at(f, buf, offset),
            Self::Simulated(f) => f.read_at(buf, offset),
        }
    }
    /// Writes all at an offset.
    pub fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        match self {
            Self::Real(f) => std::os::unix::fs::FileExt::write_all_at(f, bytes, offset),
            Self::Simulated(f) => f.write_all_at(bytes, offset),
        }
    }
    /// Cuts or extends the file.
    pub fn set_len(&self, len: u64) -> io::Result<()> {
        match self {
            Self::Real(f) => f.set_len(len),
            Self::Simulated(f) => f.set_len(len),
        }
    }
    /// Length, bytes.
    pub fn len(&self) -> io::Result<u64> {
        match self {
            Self::Real(f) => Ok(f.metadata()?.len()),
            Self::Simulated(f) => f.len(),
        }
    }
    /// Whether the file has no bytes.
    pub fn is_empty(&self) -> io::Result<bool> {
        Ok(self.len()? == 0)
    }
    /// Makes what was written durable (`fdatasync`).
    pub fn sync_data(&self) -> io::Result<()> {
        match self {
            Self::Real(f) => f.sync_data(),
            Self::Simulated(f) => f.sync_data(),
        }
    }
    /// Lets the system forget its copy in memory of what is durable: it is read rarely, and new pages for it cost more than writing
    /// it. A wish: failure does not matter, and what is not durable yet stays.
    pub fn forget(&self, from: u64, to: u64) {
        if let (Self::Real(f), Some(len)) = (self, NonZeroU64::new(to.saturating_sub(from))) {
            let _ = rustix::fs::fadvise(f, from, Some(len), rustix::fs::Advice::DontNeed);
        }
    }
    /// Asks for room ahead of the end without changing the length. A wish: failure does not matter.
    pub fn preallocate(&self, bytes: u64) {
        if let Self::Real(f) = self {
            let _ = rustix::fs::fallocate(f, rustix::fs::FallocateFlags::KEEP_SIZE, 0, bytes);
        }
    }
}
