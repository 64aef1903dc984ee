//! A group whose entries do not hash to the root that was signed: which of them is it? The tiles know the leaves; if with them
//! the signed root comes out, they tell exactly. Not here: anything that is right.

use super::ProblemKind;
use super::walk::{Member, Walk};
use crate::archive::ArchiveError;
use crate::hash::Hash;
use crate::tree::{Frontier, frontier};
use std::collections::HashMap;

/// Names what is wrong in a group that was signed with this size and root, and finds the edge of the tree behind it.
pub(super) fn group(
    walk: &mut Walk<'_>,
    before: &Frontier,
    members: &[Member],
    size: u64,
    root: Hash,
    offset: u64,
) {
    let first = before.size();
    let leaves = if walk.lost { None } else { signed_leaves(walk, before, size, root) };
    match leaves {
        Some((leaves, edge)) => {
            name(walk, first, members, &leaves);
            walk.frontier = before.clone();
            for leaf in leaves {
                walk.frontier.push(leaf);
                walk.meet();
            }
            debug_assert_eq!(walk.frontier, edge);
        }
        None => {
            by_number(walk, first, members, size, offset);
            find_edge(walk, size, root);
        }
    }
}

/// The leaves of the group as the tiles have them, if they lead to the signed root.
fn signed_leaves(walk: &Walk<'_>, before: &Frontier, size: u64, root: Hash) -> Option<(Vec<Hash>, Frontier)> {
    let known = walk.archive.published(walk.epoch).ok()??.size;
    if known < size || size - before.size() > 1 << 20 {
        return None;
    }
    let mut hashes = walk.archive.hashes(walk.epoch, known, true).tiles_only();
    let mut edge = before.clone();
    let mut leaves = Vec::new();
    for i in before.size()..size {
        let leaf = hashes.full(0, i).ok()?;
        edge.push(leaf);
        leaves.push(leaf);
    }
    (edge.root() == root).then_some((leaves, edge))
}

/// Compares what is there with what was signed.
fn name(walk: &mut Walk<'_>, first: u64, members: &[Member], signed: &[Hash]) {
    let places: HashMap<Hash, u64> = signed.iter().copied().zip(first..).collect();
    let mut present = vec![false; signed.len()];
    for m in members {
        if let Some(at) = m.leaf.and_then(|l| places.get(&l)) {
            present[(at - first) as usize] = true;
        }
    }
    // In an untouched order the places only rise.
    let mut highest = None;
    for m in members {
        let entries = Some((m.says, m.says + 1));
        match m.leaf.and_then(|l| places.get(&l)).copied() {
            Some(at) if highest.is_some_and(|h| at <= h) => {
                let what = format!("the entry that was signed as number {at} stands after a later one");
                walk.problem(ProblemKind::Reordered, Some((at, at + 1)), m.exchange, Some(m.offset), what);
            }
            Some(at) => {
                highest = Some(at);
                if m.says != at {
                    let what = format!("it says that it is entry {}, but was signed as {at}", m.says);
                    walk.problem(
                        ProblemKind::Reordered,
                        Some((at, at + 1)),
                        m.exchange,
                        Some(m.offset),
                        what,
                    );
                }
            }
            None => {
                let place = m.says.checked_sub(first).map(|p| p as usize);
                let replaces = place.and_then(|p| present.get_mut(p)).filter(|p| !**p);
                let (kind, what) = match replaces {
                    Some(p) => {
                        *p = true;
                        (
                            ProblemKind::Changed,
                            "its commitment is not the one that was signed: the entry was changed",
                        )
                    }
                    None => (ProblemKind::Inserted, "this entry was never signed: it was put in"),
                };
                walk.problem(kind, entries, m.exchange, Some(m.offset), what);
            }
        }
    }
    removed(walk, first, &present);
}

fn removed(walk: &mut Walk<'_>, first: u64, present: &[bool]) {
    let mut i = 0;
    while i < present.len() {
        let run = present[i..].iter().take_while(|p| !**p).count();
        if run > 0 {
            let from = first + i as u64;
            let what = "entries that were signed are not there: they were removed";
            walk.problem(ProblemKind::Removed, Some((from, from + run as u64)), None, None, what);
        }
        i += run.max(1);
    }
}

/// Without tiles only the numbers that entries state can tell, and the group as a whole.
fn by_number(walk: &mut Walk<'_>, first: u64, members: &[Member], size: u64, offset: u64) {
    let mut expected = first;
    for m in members {
        if m.says > expected {
            let what = "entries that were signed are not there: they were removed";
            walk.problem(ProblemKind::Removed, Some((expected, m.says)), None, Some(m.offset), what);
        } else if m.says < expected {
            let what = format!("entry {} stands where {expected} belongs: reordered, or put in", m.says);
            walk.problem(
                ProblemKind::Reordered,
                Some((m.says, m.says + 1)),
                m.exchange,
                Some(m.offset),
                what,
            );
        }
        expected = expected.max(m.says + 1);
    }
    if expected < size {
        let what = "entries that were signed are not there: they were removed";
        walk.problem(ProblemKind::Removed, Some((expected, size)), None, Some(offset), what);
    }
    if !walk.lost {
        let exchange = if members.len() == 1 { members[0].exchange } else { None };
        let what = "these entries, or what stands before them, do not make the tree that was signed: one of them was changed";
        walk.problem(ProblemKind::Changed, Some((first, size)), exchange, Some(offset), what);
    }
}

/// Takes the edge of the tree at a signed group from the tiles, so that what follows can be checked on its own.
pub(super) fn find_edge(walk: &mut Walk<'_>, size: u64, root: Hash) {
    let known = walk.archive.published(walk.epoch).ok().flatten().map_or(0, |c| c.size);
    let mut hashes = walk.archive.hashes(walk.epoch, known.max(size), true).tiles_only();
    let edge: Result<Frontier, ArchiveError> = frontier(size, &mut |level, n| hashes.full(level, n));
    match edge {
        Ok(edge) if known >= size && edge.root() == root => {
            walk.frontier = edge;
            walk.lost = false;
            walk.meet();
        }
        _ => {
            // The number is right, the hashes are not known: only a later segment's first frame can tell the edge again.
            walk.frontier =
                Frontier::new(size, vec![Hash::empty_tree(); size.count_ones() as usize]).unwrap_or_default();
            walk.lost = true;
        }
    }
}
