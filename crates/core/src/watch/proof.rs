//! Who has finished a handshake within the hour, so that his address is none that somebody made up (A19).

use super::{TICKS_EACH_SECOND, buckets::Buckets};

/// So long is a handshake a proof.
const PROOF_SECONDS: u32 = 60 * 60;
const BUCKETS: usize = 1 << 14;

/// The last ones: where there are more, the oldest are forgotten, and whose they were is proven no more.
#[derive(Debug)]
pub(super) struct Proofs(Buckets<()>);

impl Proofs {
    pub(super) fn new() -> Self {
        Self(Buckets::new(BUCKETS))
    }

    /// Remembers a handshake.
    pub(super) fn keep(&mut self, hash: u64, tick: u32) {
        self.0.entry(hash, tick);
    }

    /// Whether there was one.
    pub(super) fn has(&self, hash: u64, tick: u32) -> bool {
        let last = self.0.get(hash).map(|(last, ())| last);
        last.is_some_and(|last| tick.abs_diff(last) <= PROOF_SECONDS * TICKS_EACH_SECOND)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handshake_is_a_proof_for_an_hour() {
        let mut proofs = Proofs::new();
        assert!(!proofs.has(7, 0));
        proofs.keep(7, 100);
        let hour = PROOF_SECONDS * TICKS_EACH_SECOND;
        assert!(proofs.has(7, 100) && proofs.has(7, 100 + hour) && !proofs.has(7, 101 + hour));
        assert!(!proofs.has(7 | 2 << 32, 100), "another address of the same bucket");
    }

    #[test]
    fn the_oldest_one_makes_room() {
        let mut proofs = Proofs::new();
        let one = |tag: u64| tag << 32;
        (1..=9).for_each(|tag| proofs.keep(one(tag), u32::try_from(tag).unwrap()));
        let kept = (1..=9).filter(|tag| proofs.has(one(*tag), 10));
        assert!(kept.eq(2..=9));
        proofs.keep(one(2), 20);
        proofs.keep(one(10), 21);
        assert!(proofs.has(one(2), 21) && !proofs.has(one(3), 21), "who came again is not the oldest");
    }
}
