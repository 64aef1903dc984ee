//! The tree as files that others read (c2sp.org/tlog-tiles): tiles of hashes, bundles of entries, the `checkpoint`. All of them
//! are derived from the segments. Here they are written; `hashes` reads them.

use crate::disk::Disk;
use crate::hash::{self, ENTRY_LEN, EntryBytes, HASH_LEN, Hash};
use crate::note::Checkpoint;
use crate::tree::{Frontier, root_of};
use std::io;
use std::path::{Path, PathBuf};

/// Hashes in a full tile.
pub const TILE_WIDTH: usize = 256;
/// log2 of [`TILE_WIDTH`].
pub const TILE_HEIGHT: u32 = 8;
/// Bytes of an entry in a bundle: a length of two bytes and the entry.
pub const BUNDLE_STEP: usize = 2 + ENTRY_LEN;
/// How many finished tiles may wait in memory to be written: 16 MiB.
pub const READY_MAX: usize = 2048;

/// The number of a tile as path elements of three digits: 1234067 is `x001/x234/067`.
pub fn tile_number(mut n: u64) -> String {
    let mut text = format!("{:03}", n % 1000);
    while n >= 1000 {
        n /= 1000;
        text = format!("x{:03}/{text}", n % 1000);
    }
    text
}

/// The file of a tile, under the epoch's folder. `level` is `None` for a bundle of entries.
pub fn tile_path(epoch_dir: &Path, level: Option<u32>, n: u64, width: usize) -> PathBuf {
    let level = level.map_or("entries".to_owned(), |l| l.to_string());
    let partial = if width == TILE_WIDTH { String::new() } else { format!(".p/{width}") };
    epoch_dir.join("tile").join(level).join(format!("{}{partial}", tile_number(n)))
}

/// Writes tiles as the tree grows.
#[derive(Debug)]
pub struct TileWriter {
    disk: Disk,
    dir: PathBuf,
    size: u64,
    /// For each level the hashes of its rightmost, partial tile.
    levels: Vec<Vec<Hash>>,
    /// The rightmost, partial bundle of entries.
    bundle: Vec<u8>,
    /// Finished tiles that are not written yet.
    ready: Vec<(Option<u32>, u64, Vec<u8>)>,
    /// The size whose checkpoint was written last.
    published: u64,
}

fn join(hashes: &[Hash]) -> Vec<u8> {
    hashes.iter().flat_map(|h| h.0).collect()
}

impl TileWriter {
    /// For an empty tree.
    pub fn new(disk: Disk, epoch_dir: &Path) -> Self {
        let dir = epoch_dir.to_owned();
        Self { disk, dir, size: 0, levels: vec![], bundle: vec![], ready: vec![], published: 0 }
    }
    /// Goes on at this edge of the tree from the partial tiles on disk; `None` if they are not there or not of this tree.
    pub fn resume(disk: Disk, epoch_dir: &Path, edge: &Frontier) -> Option<Self> {
        let mut w = Self::new(disk, epoch_dir);
        w.size = edge.size();
        let mut level = 0;
        while w.size >> (TILE_HEIGHT * level) > 0 {
            let wide = w.size >> (TILE_HEIGHT * level);
            let (n, width) = (wide / TILE_WIDTH as u64, (wide % TILE_WIDTH as u64) as usize);
            w.levels.push(w.read_partial(Some(level), n, width, HASH_LEN).and_then(|b| hashes(&b))?);
            if level == 0 {
                w.bundle = w.read_partial(None, n, width, BUNDLE_STEP)?;
            }
            level += 1;
        }
        let entries = w.bundle.chunks_exact(BUNDLE_STEP).map(|e| hash::leaf(&e[2..]));
        let leaves_fit = entries.eq(w.levels.first().into_iter().flatten().copied());
        (leaves_fit && w.root() == edge.root()).then_some(w)
    }
    fn read_partial(&self, level: Option<u32>, n: u64, width: usize, step: usize) -> Option<Vec<u8>> {
        if width == 0 {
            return Some(Vec::new());
        }
        let bytes = self.disk.read(&tile_path(&self.dir, level, n, width), 1 << 20).ok()??;
        (bytes.len() == width * step).then_some(bytes)
    }
    /// The root, from the partial tiles alone.
    fn root(&self) -> Hash {
        let tiles = self.levels.iter().filter(|l| !l.is_empty());
        // A partial tile's hashes are full subtrees: each tile adds its own peaks, the highest level first.
        let right = tiles.map(|l| root_of(l)).reduce(|right, left| hash::node(&left, &right));
        right.unwrap_or_else(Hash::empty_tree)
    }
    /// Number of entries that went in.
    pub fn size(&self) -> u64 {
        self.size
    }
    /// The size whose checkpoint was published last.
    pub fn published(&self) -> u64 {
        self.published
    }
    /// Takes the next entry of the tree.
    pub fn push(&mut self, entry: &EntryBytes, leaf: Hash) {
        self.bundle.extend((ENTRY_LEN as u16).to_be_bytes());
        self.bundle.extend(entry);
        self.size += 1;
        let mut h = leaf;
        for level in 0.. {
            if self.levels.len() == level {
                self.levels.push(Vec::with_capacity(TILE_WIDTH));
            }
            let tile = &mut self.levels[level];
            tile.push(h);
            if tile.len() < TILE_WIDTH {
                return;
            }
            let level = level as u32;
            let n = (self.size >> (TILE_HEIGHT * (level + 1))) - 1;
            h = root_of(tile);
            self.ready.push((Some(level), n, join(tile)));
            tile.clear();
            if level == 0 {
                self.ready.push((None, n, std::mem::take(&mut self.bundle)));
            }
        }
    }
    /// Whether so much waits that it should be written now.
    pub fn is_full(&self) -> bool {
        self.ready.len() >= READY_MAX
    }
    /// Writes the finished tiles.
    pub fn flush(&mut self) -> io::Result<()> {
        while let Some((level, n, bytes)) = self.ready.last() {
            let path = tile_path(&self.dir, *level, *n, TILE_WIDTH);
            self.write(&path, bytes)?;
            let partials = PathBuf::from(format!("{}.p", path.display()));
            if self.disk.exists(&partials) {
                self.disk.remove_dir(&partials)?;
            }
            self.ready.pop();
        }
        Ok(())
    }
    /// Replaces the file in one step: after a start the tiles of the last segment are written again over good ones, and whoever reads
    /// meanwhile, or after the process was killed in between, must find a whole tile.
    fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        match self.disk.replace(path, bytes, false) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                self.disk.create_dir_all_lazily(path.parent().unwrap_or(&self.dir))?;
                self.disk.replace(path, bytes, false)
            }
            other => other,
        }
    }
    /// Writes everything that a reader of this checkpoint, which is of the present size, needs, and then the checkpoint.
    pub fn publish(&mut self, checkpoint: &Checkpoint) -> io::Result<()> {
        debug_assert_eq!(checkpoint.size, self.size);
        self.flush()?;
        for (level, tile) in self.levels.iter().enumerate().filter(|(_, t)| !t.is_empty()) {
            let level = level as u32;
            let n = self.size >> (TILE_HEIGHT * (level + 1));
            let unchanged = self.published > 0
                && self.published >> (TILE_HEIGHT * level) == self.size >> (TILE_HEIGHT * level);
            if !unchanged {
                self.write(&tile_path(&self.dir, Some(level), n, tile.len()), &join(tile))?;
            }
            if level == 0 && !unchanged {
                self.write(&tile_path(&self.dir, None, n, tile.len()), &self.bundle)?;
            }
        }
        self.disk.replace(&self.dir.join("checkpoint"), checkpoint.note.as_bytes(), false)?;
        self.published = self.size;
        Ok(())
    }
}

/// Reads the hashes of a tile; `None` if the length is wrong.
pub fn hashes(bytes: &[u8]) -> Option<Vec<Hash>> {
    let (whole, rest) = bytes.as_chunks::<HASH_LEN>();
    rest.is_empty().then(|| whole.iter().map(|h| Hash(*h)).collect())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::{TILE_WIDTH, TileWriter, tile_path};
    use crate::disk::{Disk, Simulated};
    use crate::hash::{commit, leaf};
    use std::path::Path;

    fn written_to(disk: &Simulated) -> (TileWriter, Disk) {
        let disk = Disk::Simulated(disk.clone());
        disk.create_dir_all(Path::new("/epoch")).unwrap();
        let mut tiles = TileWriter::new(disk.clone(), Path::new("/epoch"));
        for i in 0..TILE_WIDTH {
            let entry = commit(&[7; 32], &i.to_be_bytes());
            tiles.push(&entry, leaf(&entry));
        }
        (tiles, disk)
    }

    /// After a start the tiles of the last segment are written again, over good ones that readers use and the checkpoint covers.
    #[test]
    fn a_tile_that_is_written_again_is_never_seen_half_written() {
        let simulated = Simulated::default();
        let (mut first, disk) = written_to(&simulated);
        first.flush().unwrap();
        for (level, width) in [(Some(0), 32), (None, 35)] {
            let path = tile_path(Path::new("/epoch"), level, 0, TILE_WIDTH);
            let good = disk.read(&path, 1 << 20).unwrap().unwrap();
            assert_eq!(good.len(), TILE_WIDTH * width);
            for broken_off in 1..=2 {
                let (mut again, _) = written_to(&simulated);
                simulated.fail_write_in(broken_off);
                assert!(again.flush().is_err());
                assert_eq!(disk.read(&path, 1 << 20).unwrap().unwrap(), good, "{}", path.display());
            }
        }
    }
}
