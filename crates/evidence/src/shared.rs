//! What others may ask of a log without seeing a record: proofs between its checkpoints, and the files of c2sp.org/tlog-tiles, to be
//! served as they are. Not here: HTTP, and who may ask.

use crate::archive::{Archive, ArchiveError};
use crate::draft::Position;
use crate::hash::{HASH_LEN, Hash};
use crate::note::{Checkpoint, NOTE_MAX};
use crate::tiles::{BUNDLE_STEP, TILE_WIDTH, tile_number, tile_path};
use crate::tree::{check_consistency, consistency_proof, frontier, inclusion_path, root_from_path};

/// The highest level of tiles that a tree of 2^63 entries has.
const TILE_LEVEL_MAX: u32 = 7;

/// A file of the log as others see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resource {
    /// Its bytes: at most a tile, or a note.
    pub bytes: Vec<u8>,
    /// Its media type.
    pub content_type: &'static str,
    /// Whether it will never say anything else: a tile, full or partial.
    pub immutable: bool,
}

/// A tile by the path of its address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct TileName {
    level: Option<u32>,
    n: u64,
    width: usize,
}

impl TileName {
    /// Reads `tile/<level>/<number>[.p/<width>]`; only the one way of writing each is taken.
    fn parse(path: &str) -> Option<Self> {
        let rest = path.strip_prefix("tile/").filter(|_| path.len() <= 100)?;
        let (level, rest) = rest.split_once('/')?;
        let level = match level {
            "entries" => None,
            digits => Some(decimal(digits).filter(|l| *l <= u64::from(TILE_LEVEL_MAX))? as u32),
        };
        let (number, width) = match rest.split_once(".p/") {
            None => (rest, TILE_WIDTH),
            Some((number, width)) => {
                (number, decimal(width).filter(|w| (1..TILE_WIDTH as u64).contains(w))? as usize)
            }
        };
        let mut n: u64 = 0;
        for part in number.split('/') {
            let digits = part.strip_prefix('x').unwrap_or(part);
            let all_digits = digits.len() == 3 && digits.bytes().all(|b| b.is_ascii_digit());
            let value: u64 = digits.parse().ok().filter(|_| all_digits)?;
            n = n.checked_mul(1000)?.checked_add(value)?;
        }
        (tile_number(n) == number).then_some(Self { level, n, width })
    }
    fn bytes(&self) -> usize {
        self.width * if self.level.is_some() { HASH_LEN } else { BUNDLE_STEP }
    }
}

/// A number written without leading zeroes.
fn decimal(digits: &str) -> Option<u64> {
    let canonical = digits == "0" || !digits.starts_with('0');
    let plain = digits.bytes().all(|b| b.is_ascii_digit());
    digits.parse().ok().filter(|_| canonical && plain)
}

impl Archive {
    /// A file of an epoch, by the last part of its address: `checkpoint`, `tile/0/000`, `tile/entries/x001/234.p/17`. None if there is no
    /// such file, or no such name.
    pub fn resource(&self, epoch: u32, path: &str) -> Result<Option<Resource>, ArchiveError> {
        let dir = self.epoch_dir(epoch);
        if path == "checkpoint" {
            let file = dir.join("checkpoint");
            let found = self.disk.read(&file, NOTE_MAX as u64).map_err(|e| ArchiveError::Io(file, e))?;
            let content_type = "text/plain; charset=utf-8";
            return Ok(found.map(|bytes| Resource { bytes, content_type, immutable: false }));
        }
        let Some(tile) = TileName::parse(path) else { return Ok(None) };
        let file = tile_path(&dir, tile.level, tile.n, tile.width);
        let found = self.disk.read(&file, tile.bytes() as u64).map_err(|e| ArchiveError::Io(file, e))?;
        let whole = found.filter(|bytes| bytes.len() == tile.bytes());
        let content_type = "application/octet-stream";
        Ok(whole.map(|bytes| Resource { bytes, content_type, immutable: true }))
    }

    /// RFC 6962 proof that the tree of `old` entries of an epoch is the beginning of the tree of a checkpoint of it: empty if `old` is
    /// nothing or all of it.
    pub fn consistency(&self, old: u64, new: &Checkpoint) -> Result<Vec<Hash>, ArchiveError> {
        let epoch = epoch_of(new)?;
        if old > new.size {
            return Err(ArchiveError::Missing(format!(
                "{old} is more than the {} entries of {}",
                new.size, new.origin
            )));
        }
        if old == 0 || old == new.size {
            return Ok(Vec::new());
        }
        for use_tiles in [true, false] {
            let mut hashes = self.hashes(epoch, new.size, use_tiles);
            let old_root = frontier(old, &mut |level, n| hashes.full(level, n))?.root();
            let proof = consistency_proof(old, new.size, &mut |level, n| hashes.full(level, n))?;
            if check_consistency(old, old_root, new.size, new.root, &proof) {
                return Ok(proof);
            }
        }
        Err(ArchiveError::Broken(format!(
            "the entries of {} do not have the root of its checkpoint of {} entries",
            new.origin, new.size
        )))
    }

    /// RFC 6962 path from an entry to the root of a checkpoint of its epoch.
    pub fn inclusion(&self, index: u64, head: &Checkpoint) -> Result<Vec<Hash>, ArchiveError> {
        let epoch = epoch_of(head)?;
        if index >= head.size {
            return Err(ArchiveError::Missing(format!(
                "{} has {} entries, none is number {index}",
                head.origin, head.size
            )));
        }
        let found = self.entries(epoch, index..index + 1)?.next().transpose()?;
        let found = found
            .ok_or_else(|| ArchiveError::Broken(format!("entry {index} of epoch {epoch} is not there")))?;
        self.path(found.position, crate::hash::leaf(&found.entry), head)
    }

    /// The inclusion path, from tiles, or from the segments where the tiles do not lead to the root.
    pub(crate) fn path(
        &self,
        at: Position,
        leaf: Hash,
        head: &Checkpoint,
    ) -> Result<Vec<Hash>, ArchiveError> {
        let Position { epoch, index } = at;
        for use_tiles in [true, false] {
            let mut hashes = self.hashes(epoch, head.size, use_tiles);
            let path = inclusion_path(index, head.size, &mut |level, n| hashes.full(level, n))?;
            if root_from_path(leaf, index, head.size, &path) == Some(head.root) {
                return Ok(path);
            }
        }
        Err(ArchiveError::Broken(format!(
            "entry {index} of epoch {epoch} does not lead to the root of its checkpoint"
        )))
    }
}

fn epoch_of(c: &Checkpoint) -> Result<u32, ArchiveError> {
    c.epoch().ok_or_else(|| ArchiveError::Missing(format!("{:?} names no epoch", c.origin)))
}

#[cfg(test)]
mod tests {
    use super::TileName;

    #[test]
    fn a_tile_has_one_name_and_no_other_is_read() {
        let name = |level, n, width| Some(TileName { level, n, width });
        assert_eq!(TileName::parse("tile/0/000"), name(Some(0), 0, 256));
        assert_eq!(TileName::parse("tile/entries/x001/234.p/17"), name(None, 1234, 17));
        assert_eq!(TileName::parse("tile/7/x001/x234/067"), name(Some(7), 1_234_067, 256));
        for wrong in [
            "tile/00/000",
            "tile/8/000",
            "tile/0/0",
            "tile/0/x000/001",
            "tile/0/001/234",
            "tile/0/000.p/0",
            "tile/0/000.p/256",
            "tile/0/000.p/07",
            "tile/0/../../../key",
            "tile/0/+01",
            "tile/data/000",
            "tile/0",
            "tile//000",
            "",
            "/tile/0/000",
            "tile/0/000.p/1/2",
            "tile/0/x999/x999/x999/x999/x999/x999/x999/999",
        ] {
            assert_eq!(TileName::parse(wrong), None, "{wrong}");
        }
    }
}
