//! A disk in memory for tests: it keeps apart what was written and what was synced. When its power is cut, a random part of
//! what was not synced survives: data torn at sectors, names (creation, renaming, removal) up to a random point of each folder.
//! It can also run full and fail at a chosen operation. Operations are counted, so that a test chooses the moment.

use super::Mode;
use parking_lot::Mutex;
use std::collections::{BTreeMap, HashMap};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What a write is torn at, bytes.
const SECTOR: usize = 512;

/// A simulated disk; clones are the same disk.
#[derive(Debug, Clone)]
pub struct Simulated {
    state: Arc<Mutex<State>>,
}

/// An open file of a simulated disk.
#[derive(Debug)]
pub struct SimFile {
    disk: Simulated,
    node: u64,
}

/// A lock of a simulated disk.
#[derive(Debug)]
pub struct SimLock {
    disk: Simulated,
    path: PathBuf,
}

impl Drop for SimLock {
    fn drop(&mut self) {
        self.disk.state.lock().locks.retain(|p| *p != self.path);
    }
}

#[derive(Debug, Clone)]
enum Change {
    Write(usize, Vec<u8>),
    Len(usize),
}

#[derive(Debug, Clone, Default)]
struct Node {
    live: Vec<u8>,
    synced: Vec<u8>,
    pending: Vec<Change>,
}

#[derive(Debug, Clone)]
enum Naming {
    Link(PathBuf, u64),
    Unlink(PathBuf),
    Rename(PathBuf, PathBuf),
}

/// Node number 0 stands for a folder.
const FOLDER: u64 = 0;

#[derive(Debug, Default)]
struct State {
    nodes: HashMap<u64, Node>,
    names: BTreeMap<PathBuf, u64>,
    synced_names: BTreeMap<PathBuf, u64>,
    pending_names: Vec<(PathBuf, Naming)>,
    next: u64,
    off: bool,
    operations: u64,
    cut_at: Option<u64>,
    capacity: Option<u64>,
    fail_write_at: Option<u64>,
    fail_sync_at: Option<u64>,
    locks: Vec<PathBuf>,
}

/// A small seeded generator (splitmix64): tests must be repeatable.
#[derive(Debug, Clone)]
pub struct Random(pub u64);

impl Random {
    /// The next number.
    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
    /// A number below `n` (n > 0).
    pub fn below(&mut self, n: u64) -> u64 {
        self.number() % n
    }
}

fn dead() -> io::Error {
    io::Error::other("the power is off")
}
fn missing() -> io::Error {
    io::ErrorKind::NotFound.into()
}
fn parent(path: &Path) -> PathBuf {
    path.parent().unwrap_or(Path::new("")).to_owned()
}

fn apply(bytes: &mut Vec<u8>, change: &Change) {
    match change {
        Change::Write(at, data) => {
            if bytes.len() < at + data.len() {
                bytes.resize(at + data.len(), 0);
            }
            bytes[*at..at + data.len()].copy_from_slice(data);
        }
        Change::Len(n) => bytes.resize(*n, 0),
    }
}

fn apply_naming(names: &mut BTreeMap<PathBuf, u64>, naming: &Naming) {
    match naming {
        Naming::Link(path, node) => {
            names.insert(path.clone(), *node);
        }
        Naming::Unlink(path) => {
            names.remove(path);
        }
        Naming::Rename(from, to) => {
            if let Some(node) = names.remove(from) {
                names.insert(to.clone(), node);
            }
        }
    }
}

impl State {
    /// Counts an operation that changes something; the power may go during it.
    fn operate(&mut self) -> io::Result<()> {
        if self.off {
            return Err(dead());
        }
        self.operations += 1;
        if self.cut_at == Some(self.operations) {
            self.off = true;
        }
        Ok(())
    }
    fn name(&mut self, naming: Naming) {
        let dir = match &naming {
            Naming::Link(p, _) | Naming::Unlink(p) | Naming::Rename(_, p) => parent(p),
        };
        apply_naming(&mut self.names, &naming);
        self.pending_names.push((dir, naming));
    }
    fn used(&self) -> u64 {
        self.names.values().filter_map(|n| self.nodes.get(n)).map(|n| n.live.len() as u64).sum()
    }
}

impl Default for Simulated {
    fn default() -> Self {
        Self { state: Arc::new(Mutex::new(State { next: 1, ..State::default() })) }
    }
}

impl Simulated {
    /// Cuts the power during the n-th changing operation from now.
    pub fn cut_power_in(&self, operations: u64) {
        let mut s = self.state.lock();
        s.cut_at = Some(s.operations + operations.max(1));
    }
    /// Cuts the power now.
    pub fn cut_power(&self) {
        self.state.lock().off = true;
    }
    /// How many changing operations there were.
    pub fn operations(&self) -> u64 {
        self.state.lock().operations
    }
    /// How many bytes fit; `None` for any number.
    pub fn set_capacity(&self, bytes: Option<u64>) {
        self.state.lock().capacity = bytes;
    }
    /// Bytes that fit still.
    pub fn free_bytes(&self) -> u64 {
        let s = self.state.lock();
        s.capacity.map_or(u64::MAX, |c| c.saturating_sub(s.used()))
    }
    /// Bytes in files.
    pub fn used(&self) -> u64 {
        self.state.lock().used()
    }
    /// The n-th write from now fails, half done, as when the medium is broken.
    pub fn fail_write_in(&self, writes: u64) {
        self.state.lock().fail_write_at = Some(writes);
    }
    /// The n-th sync from now fails.
    pub fn fail_sync_in(&self, syncs: u64) {
        self.state.lock().fail_sync_at = Some(syncs);
    }

    /// The disk as it is found when power is back. The old one stays off.
    pub fn restart(&self, random: &mut Random) -> Self {
        let mut old = self.state.lock();
        old.off = true;
        let mut names = old.synced_names.clone();
        // A journal keeps the order of names within a folder: each folder survives up to a random point.
        let mut keep: HashMap<&Path, u64> = HashMap::new();
        for (dir, _) in &old.pending_names {
            *keep.entry(dir.as_path()).or_default() += 1;
        }
        let mut dirs: Vec<_> = keep.into_iter().collect();
        dirs.sort();
        let mut keep: HashMap<_, _> = dirs.into_iter().map(|(d, n)| (d, random.below(n + 1))).collect();
        for (dir, naming) in &old.pending_names {
            let left = keep.get_mut(dir.as_path()).expect("counted above");
            if *left > 0 {
                *left -= 1;
                apply_naming(&mut names, naming);
            }
        }
        let reachable = |path: &Path| {
            path.ancestors().skip(1).filter(|a| a.parent().is_some()).all(|a| names.contains_key(a))
        };
        let names: BTreeMap<_, _> =
            names.iter().filter(|(p, _)| reachable(p)).map(|(p, n)| (p.clone(), *n)).collect();
        let mut nodes = HashMap::new();
        for id in names.values() {
            if let Some(node) = old.nodes.get(id) {
                let bytes = survive(node, random);
                nodes.insert(*id, Node { live: bytes.clone(), synced: bytes, pending: Vec::new() });
            }
        }
        let state = State { nodes, synced_names: names.clone(), names, next: old.next, ..State::default() };
        Self { state: Arc::new(Mutex::new(state)) }
    }

    pub(super) fn create_dir_all(&self, dir: &Path) -> io::Result<()> {
        let mut s = self.state.lock();
        let mut missing: Vec<_> = dir.ancestors().filter(|a| a.parent().is_some()).collect();
        missing.reverse();
        for path in missing {
            if !s.names.contains_key(path) {
                s.operate()?;
                s.name(Naming::Link(path.to_owned(), FOLDER));
                let top = parent(path);
                sync_names(&mut s, &top);
            }
        }
        Ok(())
    }
    pub(super) fn open(&self, path: &Path, mode: Mode) -> io::Result<SimFile> {
        let mut s = self.state.lock();
        if s.off {
            return Err(dead());
        }
        let found = s.names.get(path).copied().filter(|n| *n != FOLDER);
        let node = match (found, mode) {
            (Some(node), Mode::Read | Mode::Write) => node,
            (None, Mode::Read | Mode::Write) => return Err(missing()),
            (Some(node), Mode::Create) => {
                s.operate()?;
                let n = s.nodes.get_mut(&node).ok_or_else(missing)?;
                n.live.clear();
                n.pending.push(Change::Len(0));
                node
            }
            (None, Mode::Create) => {
                if s.names.get(&parent(path)) != Some(&FOLDER) {
                    return Err(missing());
                }
                s.operate()?;
                let node = s.next;
                s.next += 1;
                s.nodes.insert(node, Node::default());
                s.name(Naming::Link(path.to_owned(), node));
                node
            }
        };
        Ok(SimFile { disk: self.clone(), node })
    }
    pub(super) fn exists(&self, path: &Path) -> bool {
        self.state.lock().names.contains_key(path)
    }
    pub(super) fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        let s = self.state.lock();
        if s.off {
            return Err(dead());
        }
        let inside = s.names.keys().filter(|p| p.parent() == Some(dir));
        Ok(inside.filter_map(|p| p.file_name()?.to_str().map(str::to_owned)).collect())
    }
    pub(super) fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut s = self.state.lock();
        if !s.names.contains_key(from) {
            return Err(missing());
        }
        s.operate()?;
        s.name(Naming::Rename(from.to_owned(), to.to_owned()));
        Ok(())
    }
    pub(super) fn remove(&self, path: &Path) -> io::Result<()> {
        let mut s = self.state.lock();
        if !s.names.contains_key(path) {
            return Err(missing());
        }
        s.operate()?;
        s.name(Naming::Unlink(path.to_owned()));
        Ok(())
    }
    pub(super) fn remove_dir(&self, dir: &Path) -> io::Result<()> {
        let inside: Vec<_> = self.state.lock().names.keys().filter(|p| p.starts_with(dir)).cloned().collect();
        inside.iter().rev().try_for_each(|p| self.remove(p))
    }
    pub(super) fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        let mut s = self.state.lock();
        s.operate()?;
        if s.off {
            return Err(dead());
        }
        sync_names(&mut s, dir);
        Ok(())
    }
    pub(super) fn sync_all(&self) -> io::Result<()> {
        let mut s = self.state.lock();
        s.operate()?;
        if s.off {
            return Err(dead());
        }
        s.synced_names = s.names.clone();
        s.pending_names.clear();
        for node in s.nodes.values_mut() {
            node.synced.clone_from(&node.live);
            node.pending.clear();
        }
        Ok(())
    }
    pub(super) fn lock(&self, path: &Path) -> io::Result<SimLock> {
        let mut s = self.state.lock();
        if s.off {
            return Err(dead());
        }
        if s.locks.iter().any(|p| p == path) {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        s.locks.push(path.to_owned());
        Ok(SimLock { disk: self.clone(), path: path.to_owned() })
    }
}

fn sync_names(s: &mut State, dir: &Path) {
    let (now, later): (Vec<_>, Vec<_>) =
        std::mem::take(&mut s.pending_names).into_iter().partition(|(d, _)| d == dir);
    now.iter().for_each(|(_, naming)| apply_naming(&mut s.synced_names, naming));
    s.pending_names = later;
}

/// What of a file is there after the power was cut: of what was not synced nothing, all, all up to a point, or any part.
fn survive(node: &Node, random: &mut Random) -> Vec<u8> {
    let mut bytes = node.synced.clone();
    let how = random.below(4);
    let point = random.below(node.pending.len() as u64 + 1) as usize;
    for (i, change) in node.pending.iter().enumerate() {
        match (how, change) {
            (0, _) => {}
            (1, _) => apply(&mut bytes, change),
            (2, _) if i < point => apply(&mut bytes, change),
            (2, Change::Write(at, data)) if i == point => {
                let sectors = (data.len() / SECTOR) as u64;
                let whole = random.below(sectors + 1) as usize * SECTOR;
                apply(&mut bytes, &Change::Write(*at, data[..whole].to_vec()));
            }
            (2, _) => {}
            (_, Change::Len(_)) if random.below(2) == 0 => apply(&mut bytes, change),
            (_, Change::Len(_)) => {}
            (_, Change::Write(at, data)) => {
                let first = SECTOR - at % SECTOR;
                let mut from = 0;
                while from < data.len() {
                    let to = if from == 0 { first } else { from + SECTOR }.min(data.len());
                    if random.below(2) == 0 {
                        apply(&mut bytes, &Change::Write(at + from, data[from..to].to_vec()));
                    }
                    from = to;
                }
            }
        }
    }
    bytes
}

/// Counts down; true when it is due.
fn due(counter: &mut Option<u64>) -> bool {
    match counter {
        Some(1) => {
            *counter = None;
            true
        }
        Some(n) => {
            *n -= 1;
            false
        }
        None => false,
    }
}

impl SimFile {
    pub(super) fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        let s = self.disk.state.lock();
        if s.off {
            return Err(dead());
        }
        let node = s.nodes.get(&self.node).ok_or_else(missing)?;
        let from = (offset as usize).min(node.live.len());
        let n = buf.len().min(node.live.len() - from);
        buf[..n].copy_from_slice(&node.live[from..from + n]);
        Ok(n)
    }
    pub(super) fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let mut s = self.disk.state.lock();
        if s.off {
            return Err(dead());
        }
        s.operate()?;
        let broken = due(&mut s.fail_write_at);
        let (used, at) = (s.used(), offset as usize);
        let capacity = s.capacity;
        let off = s.off;
        let node = s.nodes.get_mut(&self.node).ok_or_else(missing)?;
        let grows = (at + bytes.len()).saturating_sub(node.live.len()) as u64;
        let room = capacity.map_or(u64::MAX, |c| c.saturating_sub(used));
        let full = grows > room;
        let fits = if broken {
            bytes.len() / 2
        } else if full {
            bytes.len() - (grows - room) as usize
        } else {
            bytes.len()
        };
        let change = Change::Write(at, bytes[..fits].to_vec());
        apply(&mut node.live, &change);
        node.pending.push(change);
        match (off, broken, full) {
            (true, ..) => Err(dead()),
            (_, true, _) => Err(io::Error::other("input/output error")),
            (_, _, true) => Err(io::ErrorKind::StorageFull.into()),
            _ => Ok(()),
        }
    }
    pub(super) fn set_len(&self, len: u64) -> io::Result<()> {
        let mut s = self.disk.state.lock();
        s.operate()?;
        let node = s.nodes.get_mut(&self.node).ok_or_else(missing)?;
        let change = Change::Len(len as usize);
        apply(&mut node.live, &change);
        node.pending.push(change);
        Ok(())
    }
    pub(super) fn len(&self) -> io::Result<u64> {
        let s = self.disk.state.lock();
        if s.off {
            return Err(dead());
        }
        s.nodes.get(&self.node).map(|n| n.live.len() as u64).ok_or_else(missing)
    }
    pub(super) fn sync_data(&self) -> io::Result<()> {
        let mut s = self.disk.state.lock();
        s.operate()?;
        if s.off {
            return Err(dead());
        }
        if due(&mut s.fail_sync_at) {
            return Err(io::Error::other("input/output error"));
        }
        let node = s.nodes.get_mut(&self.node).ok_or_else(missing)?;
        node.synced.clone_from(&node.live);
        node.pending.clear();
        Ok(())
    }
}
