//! Hashes of subtrees, read from tile files or, where those are missing or not wanted, computed from the segments.
//! Not here: writing tiles (`tiles`).

use crate::archive::ArchiveError;
use crate::disk::Disk;
use crate::hash::{HASH_LEN, Hash};
use crate::tiles::{TILE_HEIGHT, TILE_WIDTH, hashes, tile_path};
use crate::tree::root_of;
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// Tiles that are kept in memory while a proof is made.
const CACHE_MAX: usize = 64;

/// Where leaf hashes come from when there is no tile: entries `[from, to)` of the epoch.
pub(crate) type Leaves<'a> = Box<dyn FnMut(u64, u64) -> Result<Vec<Hash>, ArchiveError> + 'a>;

/// The hashes of one tree.
pub(crate) struct Hashes<'a> {
    disk: Disk,
    dir: PathBuf,
    /// Number of leaves that may be asked for.
    size: u64,
    use_tiles: bool,
    leaves: Leaves<'a>,
    cache: HashMap<(u32, u64), Vec<Hash>>,
}

impl<'a> Hashes<'a> {
    pub(crate) fn new(disk: Disk, epoch_dir: &Path, size: u64, use_tiles: bool, leaves: Leaves<'a>) -> Self {
        Self { disk, dir: epoch_dir.to_owned(), size, use_tiles, leaves, cache: HashMap::new() }
    }

    /// The same, with files only: what they do not hold is an error.
    pub(crate) fn tiles_only(mut self) -> Self {
        self.leaves =
            Box::new(|from, _| Err(ArchiveError::Missing(format!("there is no tile for entry {from}"))));
        self
    }

    /// Root over leaves `[n << level, (n + 1) << level)`.
    pub(crate) fn full(&mut self, level: u32, n: u64) -> Result<Hash, ArchiveError> {
        let (tile_level, within) = (level / TILE_HEIGHT, level % TILE_HEIGHT);
        let first = n << within;
        let (tile, at) = (first / TILE_WIDTH as u64, (first % TILE_WIDTH as u64) as usize);
        let hashes = self.tile(tile_level, tile, at + (1 << within))?;
        Ok(root_of(&hashes[at..at + (1 << within)]))
    }

    /// At least the first `want` hashes of a tile.
    fn tile(&mut self, level: u32, n: u64, want: usize) -> Result<&[Hash], ArchiveError> {
        if self.cache.get(&(level, n)).is_none_or(|t| t.len() < want) {
            let found = if self.use_tiles { self.read(level, n, want) } else { None };
            let tile = match found {
                Some(tile) => tile,
                None => self.compute(level, n, want)?,
            };
            if self.cache.len() >= CACHE_MAX {
                self.cache.clear();
            }
            self.cache.insert((level, n), tile);
        }
        Ok(&self.cache[&(level, n)])
    }

    /// The tile's file: the full one, or the partial one of the present size.
    fn read(&self, level: u32, n: u64, want: usize) -> Option<Vec<Hash>> {
        let file = |width: usize| {
            let path = tile_path(&self.dir, Some(level), n, width);
            let bytes = self.disk.read(&path, (TILE_WIDTH * HASH_LEN) as u64).ok()??;
            if bytes.len() == width * HASH_LEN { hashes(&bytes) } else { None }
        };
        let wide = self.size >> (TILE_HEIGHT * level);
        let width = (wide - n * TILE_WIDTH as u64).min(TILE_WIDTH as u64) as usize;
        file(TILE_WIDTH).or_else(|| if width >= want && width < TILE_WIDTH { file(width) } else { None })
    }

    fn compute(&mut self, level: u32, n: u64, want: usize) -> Result<Vec<Hash>, ArchiveError> {
        let first = n * TILE_WIDTH as u64;
        if level == 0 {
            let to = (first + TILE_WIDTH as u64).min(self.size);
            return (self.leaves)(first, to);
        }
        (first..first + want as u64).map(|i| self.tile(level - 1, i, TILE_WIDTH).map(root_of)).collect()
    }
}
