//! Receipts: what a record's owner needs to show at once that it stands under a signed checkpoint. All paths of a group come from the
//! edge of the tree before it and its leaves; nothing is read. Not here: paths to other checkpoints (`archive`, `proof`).

use crate::draft::{AppendError, Position, block_on};
use crate::hash::{self, Hash, SALT_LEN};
use crate::note::Checkpoint;
use crate::tree::Frontier;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::sync::oneshot;

/// What shows that a record is in the log, under the checkpoint of the group that it became durable with.
#[derive(Clone, PartialEq, Eq)]
pub struct Receipt {
    /// Where it stands.
    pub position: Position,
    /// The salt of its commitment: together with the record it opens it.
    pub salt: [u8; SALT_LEN],
    /// RFC 6962 inclusion path, the leaf's sibling first, to the root of the checkpoint.
    pub path: Vec<Hash>,
    /// The signed checkpoint.
    pub checkpoint: Arc<Checkpoint>,
}

impl std::fmt::Debug for Receipt {
    /// Without the salt: it opens the commitment to whoever guesses the record.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let size = self.checkpoint.size;
        write!(f, "Receipt({:?}, {} hashes, of {size} entries)", self.position, self.path.len())
    }
}

/// Completes with a receipt when the entry is durable.
#[derive(Debug)]
#[must_use = "nothing is recorded before the ticket says so"]
pub struct ReceiptTicket(pub(crate) oneshot::Receiver<Result<Receipt, AppendError>>);

impl ReceiptTicket {
    /// Waits on the calling thread, whatever thread that is.
    pub fn wait(self) -> Result<Receipt, AppendError> {
        block_on(self)
    }
}

impl Future for ReceiptTicket {
    type Output = Result<Receipt, AppendError>;
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(cx).map(|r| r.unwrap_or(Err(AppendError::Failed)))
    }
}

/// One level of the tree, from the first node that new leaves touch (or its left sibling) to the right edge.
#[derive(Debug)]
struct Level {
    first: u64,
    nodes: Vec<Hash>,
}

/// The part of a tree that its newest leaves hang on: enough for the path of each of them.
#[derive(Debug)]
pub struct NewestPaths {
    size: u64,
    levels: Vec<Level>,
}

impl NewestPaths {
    /// Of the tree that had this edge before the leaves came: about as many hashes as there are leaves.
    pub fn new(before: &Frontier, leaves: &[Hash]) -> Self {
        let size = before.size() + leaves.len() as u64;
        // The peak of level l is there if the size has bit l; the smallest stands last.
        let mut peaks = before.peaks().iter().rev();
        let mut levels: Vec<Level> = Vec::new();
        let mut nodes = leaves.to_vec();
        for height in 0..u64::BITS {
            let mut first = before.size() >> height;
            if first & 1 == 1
                && let Some(peak) = peaks.next()
            {
                nodes.insert(0, *peak);
                first -= 1;
            }
            // RFC 6962: the last node of a level without a sibling goes up as it is.
            let above = nodes
                .chunks(2)
                .map(|pair| if let [left, right] = pair { hash::node(left, right) } else { pair[0] })
                .collect();
            let is_root = first == 0 && nodes.len() <= 1;
            levels.push(Level { first, nodes: std::mem::replace(&mut nodes, above) });
            if is_root {
                break;
            }
        }
        Self { size, levels }
    }

    /// The path from a new leaf to the root; `None` if the leaf is not one of the new ones.
    pub fn path(&self, index: u64) -> Option<Vec<Hash>> {
        if index >= self.size {
            return None;
        }
        let mut path = Vec::with_capacity(self.levels.len());
        for (height, level) in self.levels.iter().enumerate() {
            let (node, last) = (index >> height, (self.size - 1) >> height);
            let sibling = node ^ 1;
            if sibling <= last {
                path.push(*level.nodes.get(usize::try_from(sibling.checked_sub(level.first)?).ok()?)?);
            }
        }
        Some(path)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::NewestPaths;
    use crate::hash::{Hash, leaf};
    use crate::tree::{Frontier, inclusion_path, root_from_path, root_of};
    use proptest::prelude::*;
    use std::convert::Infallible;

    fn agrees(before: u64, group: u64) {
        let all: Vec<Hash> = (0..before + group).map(|i| leaf(&i.to_be_bytes())).collect();
        let mut edge = Frontier::default();
        all[..before as usize].iter().for_each(|l| edge.push(*l));
        let newest = NewestPaths::new(&edge, &all[before as usize..]);
        let root = root_of(&all);
        let mut full = |level: u32, n: u64| -> Result<Hash, Infallible> {
            Ok(root_of(&all[(n << level) as usize..((n + 1) << level) as usize]))
        };
        for index in before..before + group {
            let path = newest.path(index).unwrap();
            assert_eq!(
                path,
                inclusion_path(index, before + group, &mut full).unwrap(),
                "{before} + {group}: {index}"
            );
            assert_eq!(root_from_path(all[index as usize], index, before + group, &path), Some(root));
        }
        assert_eq!(newest.path(before + group), None);
    }

    #[test]
    fn paths_of_every_small_group_after_every_small_tree_are_those_of_rfc_6962() {
        for before in 0..40 {
            for group in 1..40 {
                agrees(before, group);
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]
        #[test]
        fn paths_of_a_group_are_those_of_rfc_6962(before in 0u64..2000, group in 1u64..80) {
            agrees(before, group);
        }
    }
}
