//! Whether elements stand where a content model has them. Only elements repeat, so the order of leaves is the order of any valid content:
//! a step from one leaf to a later one is judged by the groups between them, without search.

use super::plan::{GroupKind, PlanGroup};

/// Where one is in a content model.
#[derive(Debug, Default)]
pub(super) struct Matcher {
    /// The leaf of the last element and how many of it there were.
    at: Option<(usize, u32)>,
    /// Leaves of `xs:all` that were there.
    seen: Vec<bool>,
}

/// Why a step is not possible.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Misfit {
    /// More than allowed of the same.
    Many,
    /// This leaf must come first.
    Missing(usize),
    /// These two exclude each other.
    Excluded(usize),
    /// Behind its place.
    Late,
}

impl Matcher {
    /// The leaf of the last element.
    pub(super) fn last(&self) -> Option<(usize, u32)> {
        self.at
    }

    /// Takes an element at a leaf.
    pub(super) fn step(&mut self, g: &PlanGroup, to: usize) -> Result<(), Misfit> {
        let leaf = &g.leaves[to];
        if g.groups[leaf.parent.0].kind == GroupKind::All {
            if self.seen.is_empty() {
                self.seen = vec![false; g.leaves.len()];
            }
            if std::mem::replace(&mut self.seen[to], true) {
                return Err(Misfit::Many);
            }
            self.at = Some((to, 1));
            return Ok(());
        }
        match self.at {
            Some((from, n)) if from == to => {
                if leaf.max.is_some_and(|max| n >= max) {
                    return Err(Misfit::Many);
                }
                self.at = Some((to, n.saturating_add(1)));
            }
            Some((from, n)) => {
                if to < from {
                    return Err(Misfit::Late);
                }
                if n < g.leaves[from].min {
                    return Err(Misfit::Missing(from));
                }
                between(g, from, to)?;
                self.at = Some((to, 1));
            }
            None => {
                entry(g, to, None)?;
                self.at = Some((to, 1));
            }
        }
        Ok(())
    }

    /// Ends the content.
    pub(super) fn end(&self, g: &PlanGroup) -> Result<(), Misfit> {
        let Some((last, n)) = self.at else {
            return if g.nullable || g.groups.is_empty() {
                Ok(())
            } else {
                Err(Misfit::Missing(first_needed(g, 0)))
            };
        };
        if !self.seen.is_empty() {
            let missing = (0..g.leaves.len()).find(|i| !self.seen[*i] && g.leaves[*i].min > 0);
            return missing.map_or(Ok(()), |i| Err(Misfit::Missing(i)));
        }
        if n < g.leaves[last].min {
            return Err(Misfit::Missing(last));
        }
        leave(g, last, None)
    }

    /// The leaves that may come next, a few of them; for messages.
    pub(super) fn expected(&self, g: &PlanGroup) -> Vec<usize> {
        const SHOWN: usize = 5;
        let possible = |to: &usize| {
            let mut probe = Self { at: self.at, seen: self.seen.clone() };
            probe.step(g, *to).is_ok()
        };
        let from = if self.seen.is_empty() { self.at.map_or(0, |a| a.0) } else { 0 };
        // Bounded: a message is not worth a walk over thousands of names.
        const LOOKED_AT: usize = 200;
        (from..g.leaves.len()).take(LOOKED_AT).filter(possible).take(SHOWN).collect()
    }
}

/// The step from one leaf to a later one: all that is left behind and all that is passed over may be left out.
fn between(g: &PlanGroup, from: usize, to: usize) -> Result<(), Misfit> {
    // The group that has both below it: groups are numbered in the order they open, so the later one goes up first.
    let (mut a, mut b) = (g.leaves[from].parent, g.leaves[to].parent);
    while a.0 != b.0 {
        let later = if a.0 > b.0 { &mut a } else { &mut b };
        match g.groups[later.0].parent {
            Some(parent) => *later = parent,
            None => return Err(Misfit::Late),
        }
    }
    let group = &g.groups[a.0];
    if group.kind == GroupKind::Choice {
        return Err(Misfit::Excluded(from));
    }
    leave(g, from, Some(a.0))?;
    let needed = group.needed_from[a.1 + 1];
    if needed < b.1 {
        return Err(Misfit::Missing(first_needed(g, group.first_leaf[needed])));
    }
    entry(g, to, Some(a.0))
}

/// Going up from a leaf to a group (or out of all): nothing that comes later may be needed.
fn leave(g: &PlanGroup, from: usize, up_to: Option<usize>) -> Result<(), Misfit> {
    let mut at = Some(g.leaves[from].parent);
    while let Some((group, child)) = at.filter(|a| Some(a.0) != up_to) {
        let here = &g.groups[group];
        if here.kind == GroupKind::Sequence
            && let Some(leaf) = here.first_leaf.get(here.needed_from[child + 1])
        {
            return Err(Misfit::Missing(first_needed(g, *leaf)));
        }
        at = here.parent;
    }
    Ok(())
}

/// Going down from a group (or from outside) to a leaf: nothing that comes earlier may be needed. The outermost that is needed is named.
fn entry(g: &PlanGroup, to: usize, down_from: Option<usize>) -> Result<(), Misfit> {
    let mut at = Some(g.leaves[to].parent);
    let mut missing = None;
    while let Some((group, child)) = at.filter(|a| Some(a.0) != down_from) {
        let here = &g.groups[group];
        if here.kind == GroupKind::Sequence && here.needed_from[0] < child {
            missing = Some(here.first_leaf[here.needed_from[0]]);
        }
        at = here.parent;
    }
    missing.map_or(Ok(()), |leaf| Err(Misfit::Missing(first_needed(g, leaf))))
}

/// From the first leaf of something needed, the leaf to name: the first there that must be, or else the first.
fn first_needed(g: &PlanGroup, leaf: usize) -> usize {
    let Some(first) = g.leaves.get(leaf) else { return leaf.min(g.leaves.len().saturating_sub(1)) };
    if first.min > 0 {
        return leaf;
    }
    (leaf..g.leaves.len()).find(|i| g.leaves[*i].min > 0).unwrap_or(leaf)
}
