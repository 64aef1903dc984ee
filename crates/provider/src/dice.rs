//! Cheap random numbers for spreading load and pauses. Not for anything that must not be guessed.

use std::cell::Cell;
use std::hash::{BuildHasher, RandomState};

thread_local! {
    static STATE: Cell<u64> = Cell::new(RandomState::new().hash_one(0u8));
}

/// A number (splitmix64, a generator per thread).
pub(crate) fn roll() -> u64 {
    STATE.with(|state| {
        let next = state.get().wrapping_add(0x9e37_79b9_7f4a_7c15);
        state.set(next);
        let a = (next ^ (next >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let b = (a ^ (a >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        b ^ (b >> 31)
    })
}

/// A number from 0 to 255.
pub(crate) fn byte() -> u8 {
    roll().to_le_bytes()[0]
}

/// A number below `bound`, which is not 0.
pub(crate) fn below(bound: u64) -> u64 {
    roll() % bound.max(1)
}
