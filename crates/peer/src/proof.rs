//! The value of `lgsp-proof`: where a statement's record stands in its sender's log, its salt, and its path to a checkpoint.

use crate::bounds::PATH_MAX;
use crate::fields::{bytes_item, read_bytes_item};
use lgsp_evidence::Receipt;
use lgsp_evidence::hash::{self, HASH_LEN, Hash, SALT_LEN};
use lgsp_evidence::tree::root_from_path;

const FIXED: usize = 8 + SALT_LEN + 1;
/// The longest proof, bytes.
const PROOF_MAX: usize = FIXED + PATH_MAX * HASH_LEN;

/// What a `lgsp-proof` says.
#[derive(Clone, PartialEq, Eq)]
pub struct Proof {
    /// The entry's index.
    pub index: u64,
    /// The salt of its commitment.
    pub salt: [u8; SALT_LEN],
    /// From the leaf's sibling up.
    pub path: Vec<Hash>,
}

impl std::fmt::Debug for Proof {
    /// Without the salt: it opens the commitment to whoever guesses the record.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Proof({}, {} hashes)", self.index, self.path.len())
    }
}

impl Proof {
    /// Of a receipt.
    pub fn of(receipt: &Receipt) -> Self {
        Self { index: receipt.position.index, salt: receipt.salt, path: receipt.path.clone() }
    }

    /// The field's value.
    pub fn encode(&self) -> String {
        let mut bytes = Vec::with_capacity(FIXED + self.path.len() * HASH_LEN);
        bytes.extend(self.index.to_be_bytes());
        bytes.extend(self.salt);
        bytes.push(u8::try_from(self.path.len()).expect("a path has at most 64 hashes"));
        self.path.iter().for_each(|h| bytes.extend(h.0));
        bytes_item(&bytes)
    }

    /// Reads the field's value: all of it, and nothing but it.
    pub fn decode(text: &str) -> Option<Self> {
        let bytes = read_bytes_item(text, PROOF_MAX)?;
        let (index, rest) = bytes.split_first_chunk::<8>()?;
        let (salt, rest) = rest.split_first_chunk::<SALT_LEN>()?;
        let (&n, hashes) = rest.split_first()?;
        let (hashes, left) = hashes.as_chunks::<HASH_LEN>();
        if hashes.len() != usize::from(n) || hashes.len() > PATH_MAX || !left.is_empty() {
            return None;
        }
        let path = hashes.iter().copied().map(Hash).collect();
        Some(Self { index: u64::from_be_bytes(*index), salt: *salt, path })
    }

    /// The root that the record leads to in a tree of this size.
    pub fn root(&self, record: &[u8], size: u64) -> Option<Hash> {
        let leaf = hash::leaf(&hash::commit(&self.salt, record));
        root_from_path(leaf, self.index, size, &self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::{Hash, Proof};
    use crate::fields::bytes_item;

    #[test]
    fn a_proof_is_read_as_it_was_written_and_never_in_part() {
        let proof = Proof { index: 7, salt: [3; 32], path: vec![Hash([1; 32]), Hash([2; 32])] };
        assert_eq!(Proof::decode(&proof.encode()), Some(proof.clone()));
        let bytes = crate::fields::read_bytes_item(&proof.encode(), 4096).unwrap();
        for cut in 0..bytes.len() {
            assert_eq!(Proof::decode(&bytes_item(&bytes[..cut])), None);
        }
        let mut more = bytes.clone();
        more.push(0);
        assert_eq!(Proof::decode(&bytes_item(&more)), None);
        assert_eq!(Proof::decode("AAAA"), None);
        assert_eq!(Proof::decode(":A:"), None);
    }
}
