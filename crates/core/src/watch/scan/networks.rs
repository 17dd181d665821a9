//! How many sources of one network touched ports of nobody's within minutes (A19).

use alloc::boxed::Box;

use crate::watch::{
    TICKS_EACH_SECOND,
    group::{Last, MANY, SECONDS},
    place::place,
};

/// 80 KiB in all, which a processor has at hand.
const NETWORKS: usize = 1_024;
/// The time of a group has two of them.
const HALF_TICKS: u32 = SECONDS * TICKS_EACH_SECOND / 2;

/// A bit for each source of it, by its number there.
type Sources = [u64; 4];

/// One network; the tag of none is 0.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Network {
    tag: u32,
    /// When the newer half began.
    began: u32,
    newer: Sources,
    older: Sources,
    pub(super) told: Last,
}

impl Network {
    /// How many of its sources came in this half of the time and the one before.
    pub(super) fn count(&self) -> usize {
        let both = self.newer.iter().zip(self.older).map(|(newer, older)| (newer | older).count_ones());
        usize::try_from(both.sum::<u32>()).unwrap_or(0)
    }

    fn turn(&mut self, tick: u32) {
        let age = tick.saturating_sub(self.began);
        if age < HALF_TICKS {
            return;
        }
        self.older = if age < 2 * HALF_TICKS { self.newer } else { Sources::default() };
        self.newer = Sources::default();
        self.began = tick;
    }
}

/// All that are remembered. It does not grow.
#[derive(Debug)]
pub(super) struct Networks(Box<[Network]>);

impl Networks {
    pub(super) fn new() -> Self {
        Self(alloc::vec![Network::default(); NETWORKS].into())
    }

    /// The network of this hash, of which the source with this number came at `tick`; `None` where it is the first one for long, or
    /// another network in its place may soon be a group.
    pub(super) fn comes(&mut self, hash: u64, number: u8, tick: u32) -> Option<&mut Network> {
        let (place, tag) = place(hash, NETWORKS);
        let network = &mut self.0[place];
        network.turn(tick);
        let is_known = network.tag == tag;
        if !is_known {
            if network.count() >= MANY / 2 {
                return None;
            }
            *network = Network { tag, began: tick, ..Network::default() };
        }
        let (word, bit) = bit(number);
        network.newer[word] |= bit;
        is_known.then_some(network)
    }

    /// The source with this number is none of many.
    pub(super) fn leaves(&mut self, hash: u64, number: u8) {
        let (place, tag) = place(hash, NETWORKS);
        let (word, bit) = bit(number);
        let network = &mut self.0[place];
        if network.tag == tag {
            network.newer[word] &= !bit;
            network.older[word] &= !bit;
        }
    }
}

fn bit(number: u8) -> (usize, u64) {
    (usize::from(number / 64), 1 << (number % 64))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: u32 = 60 * TICKS_EACH_SECOND;

    fn count(networks: &mut Networks, hash: u64, number: u8, minute: u32) -> Option<usize> {
        networks.comes(hash, number, minute * MINUTE).map(|network| network.count())
    }

    #[test]
    fn each_source_counts_once_within_the_time() {
        let mut networks = Networks::new();
        for number in [0, 63, 64, 255, 255, 0] {
            count(&mut networks, 1, number, 1);
        }
        assert_eq!(count(&mut networks, 1, 64, 5), Some(4));
        assert_eq!(count(&mut networks, 1, 7, 6), Some(5), "the newer half begins");
        assert_eq!(count(&mut networks, 1, 8, 11), Some(2), "what came before is over");
        assert_eq!(count(&mut networks, 1, 9, 60), Some(1));
        networks.leaves(1, 9);
        assert_eq!(count(&mut networks, 1, 10, 61), Some(1));
    }

    #[test]
    fn strangers_push_no_network_out_that_may_be_a_group() {
        let mut networks = Networks::new();
        let other = 1_u64 << 40 | 1;
        (0..9).for_each(|number| _ = count(&mut networks, 1, number, 1));
        let others = |networks: &mut _, minute| [1, 2].map(|number| count(networks, other, number, minute));
        assert_eq!(others(&mut networks, 1), [None, Some(2)], "it takes its place");
        (0..10).for_each(|number| _ = count(&mut networks, 1, number, 1));
        assert_eq!(count(&mut networks, other, 1, 1), None);
        assert_eq!(count(&mut networks, 1, 10, 1), Some(11));
        assert_eq!(others(&mut networks, 12), [None, Some(2)], "once it is quiet");
    }

    #[test]
    fn it_takes_what_it_says() {
        assert_eq!(size_of::<Network>() * NETWORKS, 80 << 10);
    }
}
