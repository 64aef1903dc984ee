//! The hashes of the log: RFC 6962 leaves and nodes, and the salted commitment that is the entry of the tree.
//! Not here: how hashes form a tree (`tree`).

use aws_lc_rs::digest::{Context, SHA256, digest};
use base64::{Engine, engine::general_purpose::STANDARD};
use std::fmt;

/// Length of a SHA-256 hash, bytes.
pub const HASH_LEN: usize = 32;
/// Length of an entry of the tree: a version byte and a commitment.
pub const ENTRY_LEN: usize = 1 + HASH_LEN;
/// Length of a salt, bytes: as long as the hash, so that erasing it leaves nothing to guess against.
pub const SALT_LEN: usize = 32;
/// The version byte that opens an entry of the tree.
pub const ENTRY_VERSION: u8 = 1;
/// What separates commitments from every other use of SHA-256. Ends in a newline, contains no other.
pub const COMMITMENT_TAG: &[u8] = b"lgsp message log commitment v1\n";

/// A SHA-256 hash.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Hash(pub [u8; HASH_LEN]);

/// The bytes of an entry of the tree.
pub type EntryBytes = [u8; ENTRY_LEN];

impl Hash {
    /// The root of the tree without leaves: SHA-256 of nothing.
    pub fn empty_tree() -> Self {
        sha256(&[])
    }
    /// Standard base64 with padding, as in checkpoints.
    pub fn base64(&self) -> String {
        STANDARD.encode(self.0)
    }
    /// Reads standard base64 with padding.
    pub fn from_base64(text: &str) -> Option<Self> {
        STANDARD.decode(text).ok().and_then(|b| b.try_into().ok()).map(Self)
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.base64())
    }
}
impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.base64())
    }
}

fn take(d: &aws_lc_rs::digest::Digest) -> Hash {
    let mut out = [0; HASH_LEN];
    out.copy_from_slice(d.as_ref());
    Hash(out)
}

/// SHA-256 of bytes.
pub fn sha256(bytes: &[u8]) -> Hash {
    take(&digest(&SHA256, bytes))
}

/// RFC 6962, section 2.1: hash of a leaf, `SHA-256(0x00 || entry)`.
pub fn leaf(entry: &[u8]) -> Hash {
    if entry.len() == ENTRY_LEN {
        let mut input = [0; 1 + ENTRY_LEN];
        input[1..].copy_from_slice(entry);
        return sha256(&input);
    }
    let mut c = Context::new(&SHA256);
    c.update(&[0]);
    c.update(entry);
    take(&c.finish())
}

/// RFC 6962, section 2.1: hash of a node, `SHA-256(0x01 || left || right)`.
pub fn node(left: &Hash, right: &Hash) -> Hash {
    let mut input = [1; 1 + 2 * HASH_LEN];
    input[1..=HASH_LEN].copy_from_slice(&left.0);
    input[1 + HASH_LEN..].copy_from_slice(&right.0);
    sha256(&input)
}

/// The entry of the tree for a record: `0x01 || SHA-256(tag || salt || record)`. Tag and salt have fixed lengths, so the
/// concatenation reads one way only.
pub fn commit(salt: &[u8; SALT_LEN], record: &[u8]) -> EntryBytes {
    let mut c = Context::new(&SHA256);
    c.update(COMMITMENT_TAG);
    c.update(salt);
    c.update(record);
    let mut entry = [ENTRY_VERSION; ENTRY_LEN];
    entry[1..].copy_from_slice(c.finish().as_ref());
    entry
}
