//! Who has been heard of before, so that whoever comes again is not pushed out by those who come once (A19).
//!
//! It is no evidence: of two in a hundred it says so who never came.

use alloc::boxed::Box;
use core::ops::Range;

use super::addresses;

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

/// The same block of both generations: two lines that lie side by side, so that who asks for one has the other soon.
#[derive(Clone, Copy, Debug, Default)]
#[repr(align(128))]
struct Blocks([Block; 2]);

/// Two Bloom filters: when the newer one is full, the older one is forgotten and takes its place.
#[derive(Debug)]
pub(super) struct Returned {
    blocks: Box<[Blocks]>,
    /// Which of both.
    newer: usize,
    count: u32,
}

impl Returned {
    pub(super) fn new() -> Self {
        Self { blocks: alloc::vec![Blocks::default(); BLOCKS].into(), newer: 0, count: 0 }
    }

    /// Where they lie.
    pub(super) fn memory(&self) -> Range<usize> {
        addresses(&self.blocks)
    }

    /// Whether somebody was here.
    pub(super) fn has(&self, hash: u64) -> bool {
        let Blocks([one, other]) = &self.blocks[place(hash)];
        let bits = bits(hash);
        is_in(one, &bits) | is_in(other, &bits)
    }

    /// Somebody is here.
    pub(super) fn keep(&mut self, hash: u64) {
        let (newer, bits) = (&mut self.blocks[place(hash)].0[self.newer], bits(hash));
        if is_in(newer, &bits) {
            return;
        }
        newer.iter_mut().zip(bits).for_each(|(word, bit)| *word |= bit);
        self.count += 1;
        if self.count >= SOURCES_MAX {
            self.turn();
        }
    }

    fn turn(&mut self) {
        self.newer = 1 - self.newer;
        self.blocks.iter_mut().for_each(|blocks| blocks.0[self.newer] = Block::default());
        self.count = 0;
    }
}

fn place(hash: u64) -> usize {
    usize::try_from(hash % BLOCKS as u64).expect("it is below the count of blocks")
}

/// Without a branch: a guess at what is not read yet would often be wrong.
fn is_in(block: &Block, bits: &Block) -> bool {
    bits.iter().zip(block).fold(0, |missing, (bit, word)| missing | (bit & !word)) == 0
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

    fn check_in(returned: &mut Returned, hash: u64) -> bool {
        let was_here = returned.has(hash);
        returned.keep(hash);
        was_here
    }

    #[test]
    fn who_comes_again_is_known_and_few_others_are() {
        let mut returned = Returned::new();
        let strangers = (0..1_000_000).filter(|number| check_in(&mut returned, hash(*number))).count();
        assert!(strangers < 20_000, "{strangers}");
        assert!((0..1_000_000).all(|number| check_in(&mut returned, hash(number))));
    }

    #[test]
    fn who_does_not_come_for_two_generations_is_forgotten() {
        let mut returned = Returned::new();
        check_in(&mut returned, hash(0));
        let mut next = 1_u64..;
        let mut fill = |returned: &mut Returned| {
            while returned.count != 0 {
                check_in(returned, hash(next.next().unwrap()));
            }
        };
        fill(&mut returned);
        assert!(check_in(&mut returned, hash(0)), "it is in the older one, and in the newer one again");
        fill(&mut returned);
        check_in(&mut returned, hash(u64::MAX - 2));
        fill(&mut returned);
        assert_eq!(returned.count, 0);
        assert!(!check_in(&mut returned, hash(0)));
    }
}
