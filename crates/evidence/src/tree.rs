//! The Merkle tree of RFC 6962 as arithmetic: growing it leaf by leaf, paths of inclusion, proofs of consistency.
//! Not here: where hashes are stored (`tiles`).

use crate::hash::{self, Hash};

/// The longest path of inclusion, hashes: a tree of 2^63 leaves.
pub const PATH_MAX: usize = 63;

/// The right edge of a tree: the roots of the full subtrees it consists of, largest first. Enough to append and to
/// compute the root.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Frontier {
    size: u64,
    peaks: Vec<Hash>,
}

impl Frontier {
    /// The edge of a tree of this size; `None` if the number of peaks does not fit.
    pub fn new(size: u64, peaks: Vec<Hash>) -> Option<Self> {
        (peaks.len() == size.count_ones() as usize).then_some(Self { size, peaks })
    }
    /// Number of leaves.
    pub fn size(&self) -> u64 {
        self.size
    }
    /// Roots of the full subtrees, largest first.
    pub fn peaks(&self) -> &[Hash] {
        &self.peaks
    }
    /// Appends the hash of a leaf.
    pub fn push(&mut self, leaf: Hash) {
        let mut h = leaf;
        for _ in 0..self.size.trailing_ones() {
            let left = self.peaks.pop().expect("a peak for each bit of the size");
            h = hash::node(&left, &h);
        }
        self.peaks.push(h);
        self.size += 1;
    }
    /// The root.
    pub fn root(&self) -> Hash {
        let mut peaks = self.peaks.iter().rev();
        let Some(last) = peaks.next() else { return Hash::empty_tree() };
        peaks.fold(*last, |right, left| hash::node(left, &right))
    }
}

/// The root over these leaf hashes.
pub fn root_of(leaves: &[Hash]) -> Hash {
    let mut f = Frontier::default();
    leaves.iter().for_each(|l| f.push(*l));
    f.root()
}

/// The largest power of two smaller than `n` (n > 1).
fn split(n: u64) -> u64 {
    1 << (63 - (n - 1).leading_zeros())
}

/// Hash of the leaves `[from, to)` of the tree, from something that knows the hashes of full, aligned subtrees:
/// `full(level, n)` is the root over leaves `[n << level, (n + 1) << level)`.
pub fn range_root<E>(
    from: u64,
    to: u64,
    full: &mut impl FnMut(u32, u64) -> Result<Hash, E>,
) -> Result<Hash, E> {
    let width = to - from;
    if width == 0 {
        return Ok(Hash::empty_tree());
    }
    if width.is_power_of_two() && from.is_multiple_of(width) {
        let level = width.trailing_zeros();
        return full(level, from >> level);
    }
    let k = split(width);
    let left = range_root(from, from + k, full)?;
    let right = range_root(from + k, to, full)?;
    Ok(hash::node(&left, &right))
}

/// The peaks of the tree of this size.
pub fn frontier<E>(size: u64, full: &mut impl FnMut(u32, u64) -> Result<Hash, E>) -> Result<Frontier, E> {
    let mut peaks = Vec::new();
    let mut at = 0;
    for level in (0..64).rev() {
        if size >> level & 1 == 1 {
            peaks.push(full(level, at >> level)?);
            at += 1 << level;
        }
    }
    Ok(Frontier { size, peaks })
}

/// RFC 6962, section 2.1.1: the path from leaf `index` to the root of the tree of this size, the leaf's sibling first.
/// `index < size` is the caller's duty.
pub fn inclusion_path<E>(
    index: u64,
    size: u64,
    full: &mut impl FnMut(u32, u64) -> Result<Hash, E>,
) -> Result<Vec<Hash>, E> {
    let (mut from, mut to) = (0, size);
    let mut path = Vec::new();
    while to - from > 1 {
        let middle = from + split(to - from);
        if index < middle {
            path.push(range_root(middle, to, full)?);
            to = middle;
        } else {
            path.push(range_root(from, middle, full)?);
            from = middle;
        }
    }
    path.reverse();
    Ok(path)
}

/// The root that a path leads to from a leaf; `None` if the path has the wrong length for index and size.
pub fn root_from_path(leaf: Hash, index: u64, size: u64, path: &[Hash]) -> Option<Hash> {
    if index >= size {
        return None;
    }
    let (mut n, mut last) = (index, size - 1);
    let mut h = leaf;
    let mut rest = path.iter();
    while last > 0 {
        if n & 1 == 1 {
            h = hash::node(rest.next()?, &h);
        } else if n < last {
            h = hash::node(&h, rest.next()?);
        }
        n >>= 1;
        last >>= 1;
    }
    rest.next().is_none().then_some(h)
}

/// RFC 6962, section 2.1.2: proof that the tree of size `old` is a prefix of the tree of size `new` (`0 < old <= new`).
pub fn consistency_proof<E>(
    old: u64,
    new: u64,
    full: &mut impl FnMut(u32, u64) -> Result<Hash, E>,
) -> Result<Vec<Hash>, E> {
    let (mut from, mut to) = (0, new);
    let mut proof = Vec::new();
    let mut whole = true;
    while old != to {
        let middle = from + split(to - from);
        if old <= middle {
            proof.push(range_root(middle, to, full)?);
            to = middle;
        } else {
            proof.push(range_root(from, middle, full)?);
            from = middle;
            whole = false;
        }
    }
    if !whole {
        proof.push(range_root(from, to, full)?);
    }
    proof.reverse();
    Ok(proof)
}

/// RFC 9162, section 2.1.4.2: whether the proof shows that the tree of size `old` is a prefix of the one of size `new`.
pub fn check_consistency(old: u64, old_root: Hash, new: u64, new_root: Hash, proof: &[Hash]) -> bool {
    if old > new {
        return false;
    }
    if old == new {
        return proof.is_empty() && old_root == new_root;
    }
    if old == 0 {
        return proof.is_empty() && old_root == Hash::empty_tree();
    }
    roots_from_consistency(old, old_root, new, proof) == Some((old_root, new_root))
}

/// The roots at both sizes that a proof of consistency leads to (`0 < old < new`); `None` if its length is wrong. If the second is the root of
/// a signed tree, the first is the root of that tree's beginning, whatever somebody else claims it to be. `old_root` is only used where `old`
/// is a power of two: proofs leave it out then.
pub fn roots_from_consistency(old: u64, old_root: Hash, new: u64, proof: &[Hash]) -> Option<(Hash, Hash)> {
    let mut rest = proof.iter().copied();
    let first = if old.is_power_of_two() { Some(old_root) } else { rest.next() };
    let first = first?;
    let (mut fnode, mut snode) = (old.checked_sub(1)?, new - 1);
    while fnode & 1 == 1 {
        fnode >>= 1;
        snode >>= 1;
    }
    let (mut a, mut b) = (first, first);
    for c in rest {
        if snode == 0 {
            return None;
        }
        if fnode & 1 == 1 || fnode == snode {
            a = hash::node(&c, &a);
            b = hash::node(&c, &b);
            while fnode & 1 == 0 && fnode != 0 {
                fnode >>= 1;
                snode >>= 1;
            }
        } else {
            b = hash::node(&b, &c);
        }
        fnode >>= 1;
        snode >>= 1;
    }
    (snode == 0).then_some((a, b))
}
