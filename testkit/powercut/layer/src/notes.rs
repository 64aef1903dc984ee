//! What the layer knows: the watched folder, the files under it that were opened, and the journal. One lock is held from the note of
//! a change until the change is made, so that notes stand in the order of the changes.

use crate::system;
use lgsp_powercut::journal::{Inode, Note, encode};
use libc::{c_char, c_int};
use std::collections::HashSet;
use std::ffi::CString;
use std::sync::{Mutex, MutexGuard, OnceLock};

pub struct Layer {
    /// Absolute, without a slash at its end.
    dir: String,
    nosync: bool,
    inner: Mutex<Notes>,
}

pub struct Notes {
    journal: c_int,
    watched: HashSet<Inode>,
    syncs: u64,
}

/// The layer, where the environment asks for one.
pub fn layer() -> Option<&'static Layer> {
    static LAYER: OnceLock<Option<Layer>> = OnceLock::new();
    LAYER.get_or_init(begin).as_ref()
}

fn begin() -> Option<Layer> {
    let dir = std::env::var("LGSP_POWERCUT_DIR").ok()?;
    let undo = std::env::var("LGSP_POWERCUT_UNDO").ok()?;
    let nosync = std::env::var("LGSP_POWERCUT_NOSYNC").is_ok_and(|v| v == "1");
    let name = CString::new(format!("{undo}/{}-{}", std::process::id(), system::now())).ok()?;
    let flags = libc::O_WRONLY | libc::O_CREAT | libc::O_APPEND | libc::O_CLOEXEC;
    let journal = system::open(libc::AT_FDCWD, name.as_ptr(), flags, 0o600);
    if journal < 0 {
        std::process::abort();
    }
    let inner = Mutex::new(Notes { journal, watched: HashSet::new(), syncs: 0 });
    Some(Layer { dir: dir.trim_end_matches('/').to_string(), nosync, inner })
}

impl Layer {
    pub fn lock(&self) -> MutexGuard<'_, Notes> {
        self.inner.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// A path below the watched folder, relative to it.
    pub fn below(&self, dirfd: c_int, path: *const c_char) -> Option<String> {
        let absolute = system::absolute(dirfd, path)?;
        let rest = absolute.strip_prefix(&self.dir)?.strip_prefix('/')?;
        (!rest.is_empty()).then(|| rest.to_string())
    }

    /// The folder that holds a path below the watched folder.
    pub fn folder_of(&self, below: &str) -> Inode {
        let folder = below.rsplit_once('/').map_or(self.dir.clone(), |(f, _)| format!("{}/{f}", self.dir));
        let folder = CString::new(folder).unwrap_or_default();
        system::stat_path(libc::AT_FDCWD, folder.as_ptr()).map_or((0, 0), |(inode, ..)| inode)
    }

    /// Whether the file behind a descriptor is watched; its inode and size.
    pub fn watches(&self, fd: c_int) -> Option<(Inode, u64)> {
        let (inode, kind, size) = system::stat_fd(fd)?;
        (kind == libc::S_IFREG && self.lock().watched.contains(&inode)).then_some((inode, size))
    }

    /// Runs a sync, noted before and after.
    pub fn sync(&self, fd: c_int, real: impl FnOnce() -> c_int) -> c_int {
        if self.nosync {
            return 0;
        }
        let Some((file, ..)) = system::stat_fd(fd) else { return real() };
        let token = self.lock().sync_begins(file);
        let done = real();
        if done == 0 {
            self.lock().note(&Note::SyncDone { token });
        }
        done
    }

    /// After a write through a descriptor that syncs each write.
    pub fn synced_by_write(&self, fd: c_int, file: Inode, notes: &mut Notes) {
        if !self.nosync && system::flags(fd) & libc::O_DSYNC != 0 {
            let token = notes.sync_begins(file);
            notes.note(&Note::SyncDone { token });
        }
    }
}

impl Notes {
    pub fn note(&mut self, note: &Note) {
        let kept = system::errno();
        system::append(self.journal, &encode(system::now(), note));
        system::set_errno(kept);
    }
    pub fn watch(&mut self, inode: Inode, is_below: bool) {
        if is_below {
            self.watched.insert(inode);
        } else {
            self.watched.remove(&inode);
        }
    }
    fn sync_begins(&mut self, file: Inode) -> u64 {
        self.syncs += 1;
        let token = self.syncs;
        self.note(&Note::SyncBegin { file, token });
        token
    }
}
