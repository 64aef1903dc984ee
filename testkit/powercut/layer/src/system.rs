//! System calls, made directly: the layer's own work must not come back to the layer, and the functions it replaces are not there
//! to be called. Each returns what the C function would, with `errno` set.

use lgsp_powercut::journal::Inode;
use libc::{c_char, c_int, c_long, mode_t, off_t, size_t};
use std::ffi::{CStr, CString};

// SAFETY of all calls below: the arguments are those that the replaced C function was given by its caller, who answers for them as
// before, or point to live local values of the size the kernel expects.

pub fn open(dirfd: c_int, path: *const c_char, flags: c_int, mode: mode_t) -> c_int {
    // SAFETY: see above.
    unsafe {
        libc::syscall(libc::SYS_openat, dirfd, path, flags | libc::O_LARGEFILE, c_long::from(mode)) as c_int
    }
}

pub fn close(fd: c_int) {
    // SAFETY: closes a descriptor that the layer opened itself.
    unsafe { libc::syscall(libc::SYS_close, fd) };
}

/// What a descriptor stands for: (inode, file type bits, size).
pub fn stat_fd(fd: c_int) -> Option<(Inode, u32, u64)> {
    stat(fd, c"".as_ptr(), libc::AT_EMPTY_PATH)
}

/// What a path stands for, links not followed.
pub fn stat_path(dirfd: c_int, path: *const c_char) -> Option<(Inode, u32, u64)> {
    stat(dirfd, path, libc::AT_SYMLINK_NOFOLLOW)
}

fn stat(dirfd: c_int, path: *const c_char, flags: c_int) -> Option<(Inode, u32, u64)> {
    // SAFETY: all-zero bytes are a valid `stat`.
    let mut about: libc::stat = unsafe { std::mem::zeroed() };
    // SAFETY: see above.
    let done = unsafe { libc::syscall(libc::SYS_newfstatat, dirfd, path, &raw mut about, flags) };
    (done == 0).then_some(((about.st_dev, about.st_ino), about.st_mode & libc::S_IFMT, about.st_size as u64))
}

/// Up to `len` bytes of a file from `offset` on, also where the descriptor is for writing only.
pub fn read_at(fd: c_int, offset: u64, len: u64) -> Vec<u8> {
    let again = CString::new(format!("/proc/self/fd/{fd}")).unwrap_or_default();
    let own = open(libc::AT_FDCWD, again.as_ptr(), libc::O_RDONLY | libc::O_CLOEXEC, 0);
    if own < 0 {
        return Vec::new();
    }
    let mut bytes = vec![0u8; len as usize];
    let mut have = 0;
    while have < bytes.len() {
        let (to, rest, at) = (bytes[have..].as_mut_ptr(), bytes.len() - have, offset as usize + have);
        // SAFETY: `to` points to `rest` bytes of `bytes`.
        let got = unsafe { libc::syscall(libc::SYS_pread64, own, to, rest, at as off_t) };
        if got <= 0 {
            break;
        }
        have += got as usize;
    }
    close(own);
    bytes.truncate(have);
    bytes
}

/// The whole of a file by its path.
pub fn read_path(dirfd: c_int, path: *const c_char) -> Vec<u8> {
    let fd = open(dirfd, path, libc::O_RDONLY | libc::O_CLOEXEC | libc::O_NOFOLLOW, 0);
    if fd < 0 {
        return Vec::new();
    }
    let size = stat_fd(fd).map_or(0, |(_, _, size)| size);
    let bytes = read_at(fd, 0, size);
    close(fd);
    bytes
}

/// Where a descriptor's next write goes, and whether each write is a sync.
pub fn position(fd: c_int, size: u64) -> u64 {
    if flags(fd) & libc::O_APPEND != 0 {
        return size;
    }
    // SAFETY: see above.
    let at = unsafe { libc::syscall(libc::SYS_lseek, fd, 0 as off_t, libc::SEEK_CUR) };
    at.max(0) as u64
}

pub fn flags(fd: c_int) -> c_int {
    // SAFETY: see above.
    unsafe { libc::syscall(libc::SYS_fcntl, fd, libc::F_GETFL) as c_int }
}

pub fn append(fd: c_int, bytes: &[u8]) {
    // SAFETY: the pointer and length are those of a live slice.
    let done = unsafe { libc::syscall(libc::SYS_write, fd, bytes.as_ptr(), bytes.len() as size_t) };
    if done != bytes.len() as c_long {
        // A test whose notes have a hole proves nothing.
        std::process::abort();
    }
}

/// Nanoseconds of the machine's clock, the same for all processes.
pub fn now() -> u64 {
    // SAFETY: all-zero bytes are a valid `timespec`.
    let mut t: libc::timespec = unsafe { std::mem::zeroed() };
    // SAFETY: `t` is live.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut t) };
    t.tv_sec as u64 * 1_000_000_000 + t.tv_nsec as u64
}

/// The absolute path that a path given to a system call means; `.` and `..` resolved by text.
pub fn absolute(dirfd: c_int, path: *const c_char) -> Option<String> {
    if path.is_null() {
        return None;
    }
    // SAFETY: the caller passed a C string, as the C function demands.
    let path = unsafe { CStr::from_ptr(path) }.to_str().ok()?;
    let start = if path.starts_with('/') {
        String::new()
    } else if dirfd == libc::AT_FDCWD {
        link("/proc/self/cwd")?
    } else {
        link(&format!("/proc/self/fd/{dirfd}"))?
    };
    let mut parts: Vec<&str> = Vec::new();
    for part in start.split('/').chain(path.split('/')) {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    Some(format!("/{}", parts.join("/")))
}

fn link(path: &str) -> Option<String> {
    let path = CString::new(path).ok()?;
    let mut to = vec![0u8; 4096];
    // SAFETY: the pointer and length are those of a live vector.
    let len = unsafe {
        libc::syscall(libc::SYS_readlinkat, libc::AT_FDCWD, path.as_ptr(), to.as_mut_ptr(), to.len())
    };
    to.truncate(usize::try_from(len).ok()?);
    String::from_utf8(to).ok()
}

pub fn errno() -> c_int {
    // SAFETY: the location is the thread's own.
    unsafe { *libc::__errno_location() }
}

pub fn set_errno(value: c_int) {
    // SAFETY: the location is the thread's own.
    unsafe { *libc::__errno_location() = value }
}
