//! The replaced functions of the C library. Each has the C function's name and arguments; where nothing is watched it is the
//! bare system call.
//!
//! SAFETY of all of them: they are called in place of the C function of their name, under its contract, which is passed on to the
//! kernel unchanged. The variadic ones (`open`) take their optional argument as a fixed one: on the calling conventions of Linux on
//! x86-64 and AArch64 an integer argument arrives the same way.
#![allow(clippy::missing_safety_doc, missing_docs)]

use crate::notes::layer;
use crate::system;
use lgsp_powercut::journal::Note;
use libc::{c_char, c_int, c_long, c_uint, c_void, iovec, mode_t, off_t, size_t, ssize_t};

fn open_noted(dirfd: c_int, path: *const c_char, flags: c_int, mode: mode_t) -> c_int {
    let real = || system::open(dirfd, path, flags, mode);
    let changes = flags & (libc::O_CREAT | libc::O_TRUNC | libc::O_WRONLY | libc::O_RDWR) != 0;
    let Some(layer) = layer().filter(|_| changes) else { return real() };
    let below = layer.below(dirfd, path);
    let mut notes = layer.lock();
    let before = below.as_ref().and_then(|_| system::stat_path(dirfd, path));
    let mut noted = false;
    if let Some(below) = &below {
        match before {
            None if flags & libc::O_CREAT != 0 => {
                let folder = layer.folder_of(below);
                notes.note(&Note::Create { folder, path: below.clone(), is_folder: false });
                noted = true;
            }
            Some((file, libc::S_IFREG, old_size)) if flags & libc::O_TRUNC != 0 && old_size > 0 => {
                let old = system::read_path(dirfd, path);
                notes.note(&Note::Write { file, old_size, offset: 0, len: 0, resized: Some(0), old });
                noted = true;
            }
            _ => {}
        }
    }
    let fd = real();
    if fd < 0 {
        if noted {
            notes.note(&Note::Failed);
        }
        return fd;
    }
    if let Some((file, libc::S_IFREG, _)) = system::stat_fd(fd) {
        notes.watch(file, below.is_some());
        if let (Some(path), None, true) = (below, before, noted) {
            notes.note(&Note::Created { path, file });
        }
    }
    fd
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn open(path: *const c_char, flags: c_int, mode: mode_t) -> c_int {
    open_noted(libc::AT_FDCWD, path, flags, mode)
}
#[unsafe(no_mangle)]
pub unsafe extern "C" fn open64(path: *const c_char, flags: c_int, mode: mode_t) -> c_int {
    open_noted(libc::AT_FDCWD, path, flags, mode)
}
#[unsafe(no_mangle)]
pub unsafe extern "C" fn openat(dirfd: c_int, path: *const c_char, flags: c_int, mode: mode_t) -> c_int {
    open_noted(dirfd, path, flags, mode)
}
#[unsafe(no_mangle)]
pub unsafe extern "C" fn openat64(dirfd: c_int, path: *const c_char, flags: c_int, mode: mode_t) -> c_int {
    open_noted(dirfd, path, flags, mode)
}
#[unsafe(no_mangle)]
pub unsafe extern "C" fn creat(path: *const c_char, mode: mode_t) -> c_int {
    open_noted(libc::AT_FDCWD, path, libc::O_CREAT | libc::O_WRONLY | libc::O_TRUNC, mode)
}
#[unsafe(no_mangle)]
pub unsafe extern "C" fn creat64(path: *const c_char, mode: mode_t) -> c_int {
    open_noted(libc::AT_FDCWD, path, libc::O_CREAT | libc::O_WRONLY | libc::O_TRUNC, mode)
}

/// A write of `len` bytes at `offset`, or at the descriptor's own position.
fn write_noted(fd: c_int, offset: Option<off_t>, len: usize, real: impl FnOnce() -> ssize_t) -> ssize_t {
    let Some(layer) = layer() else { return real() };
    if layer.watches(fd).is_none() {
        return real();
    }
    let mut notes = layer.lock();
    let Some((file, _, old_size)) = system::stat_fd(fd) else { return real() };
    let offset = offset.map_or_else(|| system::position(fd, old_size), |o| o as u64);
    let len = len as u64;
    let overwritten = old_size.saturating_sub(offset).min(len);
    let old = if overwritten > 0 { system::read_at(fd, offset, overwritten) } else { Vec::new() };
    notes.note(&Note::Write { file, old_size, offset, len, resized: None, old });
    let done = real();
    if done < 0 {
        notes.note(&Note::Failed);
    } else {
        layer.synced_by_write(fd, file, &mut notes);
    }
    done
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn write(fd: c_int, from: *const c_void, len: size_t) -> ssize_t {
    // SAFETY: see the module.
    write_noted(fd, None, len, || unsafe { libc::syscall(libc::SYS_write, fd, from, len) as ssize_t })
}
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pwrite64(fd: c_int, from: *const c_void, len: size_t, offset: off_t) -> ssize_t {
    // SAFETY: see the module.
    write_noted(fd, Some(offset), len, || unsafe {
        libc::syscall(libc::SYS_pwrite64, fd, from, len, offset) as ssize_t
    })
}
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pwrite(fd: c_int, from: *const c_void, len: size_t, offset: off_t) -> ssize_t {
    // SAFETY: see the module.
    unsafe { pwrite64(fd, from, len, offset) }
}

fn total(parts: *const iovec, count: c_int) -> usize {
    // SAFETY: the caller of `writev` passed `count` live parts.
    (0..count.max(0) as usize).map(|i| unsafe { (*parts.add(i)).iov_len }).sum()
}
#[unsafe(no_mangle)]
pub unsafe extern "C" fn writev(fd: c_int, parts: *const iovec, count: c_int) -> ssize_t {
    // SAFETY: see the module.
    write_noted(fd, None, total(parts, count), || unsafe {
        libc::syscall(libc::SYS_writev, fd, parts, count) as ssize_t
    })
}
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pwritev64(fd: c_int, parts: *const iovec, count: c_int, offset: off_t) -> ssize_t {
    // SAFETY: see the module. The kernel takes the offset in two halves; on 64-bit machines the first holds all of it.
    write_noted(fd, Some(offset), total(parts, count), || unsafe {
        libc::syscall(libc::SYS_pwritev, fd, parts, count, offset, 0 as c_long) as ssize_t
    })
}
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pwritev(fd: c_int, parts: *const iovec, count: c_int, offset: off_t) -> ssize_t {
    // SAFETY: see the module.
    unsafe { pwritev64(fd, parts, count, offset) }
}

/// Copies inside the kernel are refused for watched files; callers fall back to reading and writing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn copy_file_range(
    from: c_int,
    from_at: *mut off_t,
    to: c_int,
    to_at: *mut off_t,
    len: size_t,
    flags: c_uint,
) -> ssize_t {
    if layer().is_some_and(|l| l.watches(to).is_some()) {
        system::set_errno(libc::ENOSYS);
        return -1;
    }
    // SAFETY: see the module.
    unsafe { libc::syscall(libc::SYS_copy_file_range, from, from_at, to, to_at, len, flags) as ssize_t }
}
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sendfile64(to: c_int, from: c_int, at: *mut off_t, len: size_t) -> ssize_t {
    if layer().is_some_and(|l| l.watches(to).is_some()) {
        system::set_errno(libc::EINVAL);
        return -1;
    }
    // SAFETY: see the module.
    unsafe { libc::syscall(libc::SYS_sendfile, to, from, at, len) as ssize_t }
}
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sendfile(to: c_int, from: c_int, at: *mut off_t, len: size_t) -> ssize_t {
    // SAFETY: see the module.
    unsafe { sendfile64(to, from, at, len) }
}

/// A change of a file's length to `size`, which may cut off content; `touched` is a range whose content changes as well.
fn resize_noted(
    fd: c_int,
    size: impl FnOnce(u64) -> u64,
    touched: Option<(u64, u64)>,
    real: impl FnOnce() -> c_int,
) -> c_int {
    let Some(layer) = layer() else { return real() };
    if layer.watches(fd).is_none() {
        return real();
    }
    let mut notes = layer.lock();
    let Some((file, _, old_size)) = system::stat_fd(fd) else { return real() };
    let size = size(old_size);
    let (offset, len) = touched.unwrap_or((size.min(old_size), 0));
    let until = if touched.is_some() { (offset + len).min(old_size) } else { old_size };
    let old = if until > offset { system::read_at(fd, offset, until - offset) } else { Vec::new() };
    let resized = (size != old_size).then_some(size);
    notes.note(&Note::Write { file, old_size, offset, len, resized, old });
    let done = real();
    if done != 0 {
        notes.note(&Note::Failed);
    } else {
        layer.synced_by_write(fd, file, &mut notes);
    }
    done
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn ftruncate64(fd: c_int, size: off_t) -> c_int {
    // SAFETY: see the module.
    resize_noted(
        fd,
        |_| size as u64,
        None,
        || unsafe { libc::syscall(libc::SYS_ftruncate, fd, size) as c_int },
    )
}
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ftruncate(fd: c_int, size: off_t) -> c_int {
    // SAFETY: see the module.
    unsafe { ftruncate64(fd, size) }
}
#[unsafe(no_mangle)]
pub unsafe extern "C" fn truncate64(path: *const c_char, size: off_t) -> c_int {
    let fd = open_noted(libc::AT_FDCWD, path, libc::O_WRONLY | libc::O_CLOEXEC, 0);
    if fd < 0 {
        return fd;
    }
    // SAFETY: see the module.
    let done = unsafe { ftruncate64(fd, size) };
    system::close(fd);
    done
}
#[unsafe(no_mangle)]
pub unsafe extern "C" fn truncate(path: *const c_char, size: off_t) -> c_int {
    // SAFETY: see the module.
    unsafe { truncate64(path, size) }
}
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fallocate64(fd: c_int, mode: c_int, offset: off_t, len: off_t) -> c_int {
    let end = (offset + len) as u64;
    let grown = |old: u64| if mode & libc::FALLOC_FL_KEEP_SIZE == 0 { old.max(end) } else { old };
    let zeroes = mode & (libc::FALLOC_FL_PUNCH_HOLE | libc::FALLOC_FL_ZERO_RANGE) != 0;
    let touched = zeroes.then_some((offset as u64, len as u64));
    // SAFETY: see the module.
    resize_noted(fd, grown, touched, || unsafe {
        libc::syscall(libc::SYS_fallocate, fd, mode, offset, len) as c_int
    })
}
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fallocate(fd: c_int, mode: c_int, offset: off_t, len: off_t) -> c_int {
    // SAFETY: see the module.
    unsafe { fallocate64(fd, mode, offset, len) }
}
#[unsafe(no_mangle)]
pub unsafe extern "C" fn posix_fallocate64(fd: c_int, offset: off_t, len: off_t) -> c_int {
    let kept = system::errno();
    // SAFETY: see the module.
    let done = unsafe { fallocate64(fd, 0, offset, len) };
    let error = if done == 0 { 0 } else { system::errno() };
    system::set_errno(kept);
    error
}
#[unsafe(no_mangle)]
pub unsafe extern "C" fn posix_fallocate(fd: c_int, offset: off_t, len: off_t) -> c_int {
    // SAFETY: see the module.
    unsafe { posix_fallocate64(fd, offset, len) }
}

fn sync_noted(fd: c_int, call: c_long) -> c_int {
    // SAFETY: see the module.
    let real = || unsafe { libc::syscall(call, fd) as c_int };
    match layer() {
        Some(layer) => layer.sync(fd, real),
        None => real(),
    }
}
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fsync(fd: c_int) -> c_int {
    sync_noted(fd, libc::SYS_fsync)
}
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fdatasync(fd: c_int) -> c_int {
    sync_noted(fd, libc::SYS_fdatasync)
}

/// A change of names: noted before, and as failed where it fails.
fn name_noted(
    note: Option<Note>,
    real: impl FnOnce() -> c_int,
    after: impl FnOnce() -> Option<Note>,
) -> c_int {
    let (Some(layer), Some(note)) = (layer(), note) else { return real() };
    let mut notes = layer.lock();
    notes.note(&note);
    let done = real();
    if done != 0 {
        notes.note(&Note::Failed);
    } else if let Some(more) = after() {
        notes.note(&more);
    }
    done
}

fn rename_noted(
    from_dir: c_int,
    from: *const c_char,
    to_dir: c_int,
    to: *const c_char,
    flags: c_uint,
) -> c_int {
    // SAFETY: see the module.
    let real = || unsafe { libc::syscall(libc::SYS_renameat2, from_dir, from, to_dir, to, flags) as c_int };
    let note = layer().and_then(|l| {
        let (from, below) = (l.below(from_dir, from)?, l.below(to_dir, to)?);
        let replaced = match system::stat_path(to_dir, to) {
            Some((inode, libc::S_IFREG, _)) => Some((inode, system::read_path(to_dir, to))),
            _ => None,
        };
        Some(Note::Rename { folder: l.folder_of(&below), from, to: below, replaced })
    });
    name_noted(note, real, || None)
}
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rename(from: *const c_char, to: *const c_char) -> c_int {
    rename_noted(libc::AT_FDCWD, from, libc::AT_FDCWD, to, 0)
}
#[unsafe(no_mangle)]
pub unsafe extern "C" fn renameat(
    from_dir: c_int,
    from: *const c_char,
    to_dir: c_int,
    to: *const c_char,
) -> c_int {
    rename_noted(from_dir, from, to_dir, to, 0)
}
#[unsafe(no_mangle)]
pub unsafe extern "C" fn renameat2(
    from_dir: c_int,
    from: *const c_char,
    to_dir: c_int,
    to: *const c_char,
    flags: c_uint,
) -> c_int {
    rename_noted(from_dir, from, to_dir, to, flags)
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn unlinkat(dirfd: c_int, path: *const c_char, flags: c_int) -> c_int {
    // SAFETY: see the module.
    let real = || unsafe { libc::syscall(libc::SYS_unlinkat, dirfd, path, flags) as c_int };
    let note = layer().and_then(|l| {
        let below = l.below(dirfd, path)?;
        let (file, kind, _) = system::stat_path(dirfd, path)?;
        let content = (kind == libc::S_IFREG).then(|| system::read_path(dirfd, path));
        Some(Note::Remove { folder: l.folder_of(&below), path: below, file, content })
    });
    name_noted(note, real, || None)
}
#[unsafe(no_mangle)]
pub unsafe extern "C" fn unlink(path: *const c_char) -> c_int {
    // SAFETY: see the module.
    unsafe { unlinkat(libc::AT_FDCWD, path, 0) }
}
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rmdir(path: *const c_char) -> c_int {
    // SAFETY: see the module.
    unsafe { unlinkat(libc::AT_FDCWD, path, libc::AT_REMOVEDIR) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn mkdirat(dirfd: c_int, path: *const c_char, mode: mode_t) -> c_int {
    // SAFETY: see the module.
    let real = || unsafe { libc::syscall(libc::SYS_mkdirat, dirfd, path, c_long::from(mode)) as c_int };
    let below = layer().and_then(|l| Some((l.folder_of(&l.below(dirfd, path)?), l.below(dirfd, path)?)));
    let note = below.clone().map(|(folder, path)| Note::Create { folder, path, is_folder: true });
    name_noted(note, real, || {
        let (file, ..) = system::stat_path(dirfd, path)?;
        Some(Note::Created { path: below?.1, file })
    })
}
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mkdir(path: *const c_char, mode: mode_t) -> c_int {
    // SAFETY: see the module.
    unsafe { mkdirat(libc::AT_FDCWD, path, mode) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn linkat(
    from_dir: c_int,
    from: *const c_char,
    to_dir: c_int,
    to: *const c_char,
    flags: c_int,
) -> c_int {
    if layer().is_some_and(|l| l.below(to_dir, to).is_some()) {
        // Two names of one file are not followed; whoever wants them here shall see that at once.
        system::set_errno(libc::EPERM);
        return -1;
    }
    // SAFETY: see the module.
    unsafe { libc::syscall(libc::SYS_linkat, from_dir, from, to_dir, to, flags) as c_int }
}
#[unsafe(no_mangle)]
pub unsafe extern "C" fn link(from: *const c_char, to: *const c_char) -> c_int {
    // SAFETY: see the module.
    unsafe { linkat(libc::AT_FDCWD, from, libc::AT_FDCWD, to, 0) }
}
