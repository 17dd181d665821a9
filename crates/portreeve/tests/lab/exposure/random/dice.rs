//! Numbers that are the same on every machine for the same seed.

/// SplitMix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators).
pub(in crate::lab) struct Dice(u64);

impl Dice {
    pub(in crate::lab) const fn of(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// One of `count` numbers from 0.
    pub(in crate::lab) fn below(&mut self, count: usize) -> usize {
        let count = u64::try_from(count).expect("a count is small");
        usize::try_from(self.next() % count).expect("it is below the count")
    }

    /// One of them.
    pub(in crate::lab) fn pick<'a>(&mut self, choices: &[&'a str]) -> &'a str {
        choices[self.below(choices.len())]
    }

    /// Whether something comes about that does so `percent` times of a hundred.
    pub(in crate::lab) fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }
}
