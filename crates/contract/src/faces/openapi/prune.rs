//! What of a request the operator took out of its JSON body: members that are bound to variables of the path or the query, or set.

use std::collections::BTreeMap;

/// A place in a request: what is taken out there or below.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Prune {
    /// Taken out. True: always given, so that a choice is decided by it.
    Gone(bool),
    /// Something below.
    Below(Members),
}

/// By the names of members.
pub(super) type Members = BTreeMap<String, Prune>;

/// The steps of a JSON pointer (RFC 6901); none where it is none.
pub(super) fn steps(pointer: &str) -> Option<Vec<String>> {
    let rest = pointer.strip_prefix('/')?;
    Some(rest.split('/').map(|s| s.replace("~1", "/").replace("~0", "~")).collect())
}

/// Takes a place out. False where it, or one above or below it, is taken out already.
pub(super) fn take(members: &mut Members, steps: &[String], always: bool) -> bool {
    match steps {
        [] => false,
        [last] => members.insert(last.clone(), Prune::Gone(always)).is_none(),
        [first, rest @ ..] => {
            match members.entry(first.clone()).or_insert_with(|| Prune::Below(Members::new())) {
                Prune::Gone(_) => false,
                Prune::Below(below) => take(below, rest, always),
            }
        }
    }
}

/// Whether something below is always given.
pub(super) fn gives(prune: Option<&Prune>) -> bool {
    match prune {
        None => false,
        Some(Prune::Gone(always)) => *always,
        Some(Prune::Below(members)) => members.values().any(|m| gives(Some(m))),
    }
}
