//! Who has been heard of before, so that whoever comes again is not pushed out by those who come once (A19).
//!
//! It is no evidence: of two in a hundred it says so who never came.

use alloc::boxed::Box;

const MEBIBYTE: usize = 1 << 20;
/// Of each of the two generations.
const BYTES: usize = 6 * MEBIBYTE;
const BLOCK_BITS: u64 = 512;
const BLOCKS: usize = BYTES * 8 / 512;
/// Bits of a source in its block, which is one line of a processor's cache.
const BITS_EACH: u32 = 4;
/// So many sources make a generation.
const SOURCES_MAX: u32 = 5_000_000;

type Block = [u64; 8];

/// Two Bloom filters: when the newer one is full, the older one is forgotten and takes its place.
#[derive(Debug)]
pub(super) struct Returned {
    generations: [Box<[Block]>; 2],
    count: u32,
}

impl Returned {
    pub(super) fn new() -> Self {
        let empty = || alloc::vec![[0; 8]; BLOCKS].into();
        Self { generations: [empty(), empty()], count: 0 }
    }

    /// Whether somebody was here, who is from now on.
    pub(super) fn check_in(&mut self, hash: u64) -> bool {
        let place = usize::try_from(hash % BLOCKS as u64).expect("it is below the count of blocks");
        let bits = bits(hash);
        let is_in = |block: &Block| bits.iter().zip(block).all(|(bit, word)| word & bit == *bit);
        let [newer, older] = &mut self.generations;
        let (is_newer, is_older) = (is_in(&newer[place]), is_in(&older[place]));
        if !is_newer {
            newer[place].iter_mut().zip(bits).for_each(|(word, bit)| *word |= bit);
            self.count += 1;
        }
        if self.count >= SOURCES_MAX {
            self.generations.swap(0, 1);
            self.generations[0].fill([0; 8]);
            self.count = 0;
        }
        is_newer || is_older
    }
}

/// The bits of a source in its block.
fn bits(hash: u64) -> Block {
    // The lowest bits choose the block, so these come from another mixture of all of them.
    let mixed = hash.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(32);
    let mut block = [0; 8];
    for nth in 0..BITS_EACH {
        let bit = (mixed >> (9 * nth)) % BLOCK_BITS;
        let word = usize::try_from(bit / 64).expect("a block has so many words");
        block[word] |= 1 << (bit % 64);
    }
    block
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(number: u64) -> u64 {
        (number + 1).wrapping_mul(0xd6e8_feb8_6659_fd93).rotate_left(29).wrapping_mul(0xa076_1d64_78bd_642f)
    }

    #[test]
    fn who_comes_again_is_known_and_few_others_are() {
        let mut returned = Returned::new();
        let strangers = (0..1_000_000).filter(|number| returned.check_in(hash(*number))).count();
        assert!(strangers < 20_000, "{strangers}");
        assert!((0..1_000_000).all(|number| returned.check_in(hash(number))));
    }

    #[test]
    fn who_does_not_come_for_two_generations_is_forgotten() {
        let mut returned = Returned::new();
        returned.check_in(hash(0));
        let mut next = 1_u64..;
        let mut fill = |returned: &mut Returned| {
            while returned.count != 0 {
                returned.check_in(hash(next.next().unwrap()));
            }
        };
        fill(&mut returned);
        assert!(returned.check_in(hash(0)), "it is in the older one, and in the newer one again");
        fill(&mut returned);
        returned.check_in(hash(u64::MAX - 2));
        fill(&mut returned);
        assert_eq!(returned.count, 0);
        assert!(!returned.check_in(hash(0)));
    }
}
