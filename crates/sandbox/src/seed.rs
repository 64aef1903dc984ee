//! Repeatable chance: SplitMix64 (Steele, Lea and Flood, 2014). Not for secrets.

/// A generator; equal seeds give equal rows.
pub(crate) struct Chance(u64);

impl Chance {
    /// Each purpose has a row of its own, so that one more citizen changes no company.
    pub(crate) fn new(seed: u64, purpose: u64) -> Self {
        let mut chance = Self(seed ^ purpose.wrapping_mul(0xD6E8_FEB8_6659_FD93));
        chance.next();
        chance
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number from 0 to below `n`. The bias of the remainder is of no matter at these sizes.
    pub(crate) fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }

    pub(crate) fn pick<'a, T: ?Sized>(&mut self, from: &[&'a T]) -> &'a T {
        from[self.below(from.len())]
    }

    /// One in so many.
    pub(crate) fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }
}

/// The six digits that tell number `i` from all others: a permutation of 0..1,000,000, so that they never collide and do not look counted.
pub(crate) fn serial(seed: u64, i: usize) -> u32 {
    const STEP: u64 = 618_033; // has no factor in common with 1,000,000
    ((i as u64 * STEP + seed % 1_000_000) % 1_000_000) as u32
}

#[cfg(test)]
mod tests {
    use super::{Chance, serial};

    #[test]
    fn it_is_splitmix64() {
        // The first outputs for seed 1234567, as published with the algorithm.
        let mut chance = Chance(1_234_567);
        assert_eq!(chance.next(), 6_457_827_717_110_365_317);
        assert_eq!(chance.next(), 3_203_168_211_198_807_973);
    }

    #[test]
    fn serials_never_collide() {
        let mut seen = vec![false; 1_000_000];
        for i in 0..1_000_000 {
            assert!(!std::mem::replace(&mut seen[serial(7, i) as usize], true), "{i}");
        }
    }
}
