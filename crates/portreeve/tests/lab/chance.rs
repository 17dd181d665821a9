//! Choices that every run makes alike.

/// Numbers that look as if they came by chance, the same ones each time (xorshift, Marsaglia 2003).
pub(super) struct Chance(pub(super) u64);

impl Chance {
    /// One of `choices`.
    pub(super) fn of<T: Copy>(&mut self, choices: &[T]) -> T {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        let at = self.0 % u64::try_from(choices.len()).expect("a few");
        choices[usize::try_from(at).expect("one of them")]
    }
}
