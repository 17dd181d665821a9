//! Goes through the records of a BPF ring buffer (Documentation/bpf/ringbuf.rst).

use std::ops::Range;

/// What stands before each record: its length with two marks, and where its page is, which is the kernel's own affair.
const HEADER_BYTES: usize = 8;
/// BPF_RINGBUF_BUSY_BIT: it is not whole yet.
const BUSY: u32 = 1 << 31;
/// BPF_RINGBUF_DISCARD_BIT: it was given up.
const DISCARDED: u32 = 1 << 30;

/// How a walk ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Everything that is whole was read.
    Whole,
    /// A length cannot be one, so what followed was passed over.
    Broken,
}

/// Goes from one position to another, which are counted on and on, in a buffer of `bytes` (a power of two) that lies in
/// memory twice; tells how far it came.
///
/// `header` gives the 32 bits at an offset, a multiple of 8 below `bytes`; `record` takes the offset and length of what
/// follows it, which end below twice `bytes`.
pub fn walk(
    positions: Range<u64>,
    bytes: usize,
    header: impl Fn(usize) -> u32,
    mut record: impl FnMut(usize, usize),
) -> (u64, End) {
    let Range { start: mut at, end } = positions;
    let broken = (end, End::Broken);
    // The kernel writes whole multiples of 8, and never more than has room.
    let written = |at: u64| usize::try_from(end.wrapping_sub(at)).ok().filter(|&length| length <= bytes);
    if !bytes.is_power_of_two() || !at.is_multiple_of(8) || !end.is_multiple_of(8) {
        return broken;
    }
    loop {
        let Some(ahead) = written(at) else { return broken };
        if ahead < HEADER_BYTES {
            return (at, End::Whole);
        }
        // A power of two: what is cut off here makes no difference.
        #[expect(clippy::cast_possible_truncation, reason = "only the bits below `bytes` are kept")]
        let offset = at as usize & (bytes - 1);
        let word = header(offset);
        if word & BUSY != 0 {
            return (at, End::Whole);
        }
        let length = (word & !DISCARDED) as usize;
        let whole = (HEADER_BYTES + length).next_multiple_of(8);
        if whole > ahead {
            return broken;
        }
        if word & DISCARDED == 0 {
            record(offset + HEADER_BYTES, length);
        }
        at = at.wrapping_add(whole as u64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BYTES: usize = 64;

    /// The buffer as it lies in memory, with a header at each of these positions.
    fn walked(headers: &[(usize, u32)], positions: Range<u64>) -> (Vec<(usize, usize)>, u64, End) {
        let mut records = Vec::new();
        let header = |offset| headers.iter().find(|(at, _)| *at == offset).map_or(BUSY, |(_, word)| *word);
        let (at, end) = walk(positions, BYTES, header, |offset, length| {
            assert!(offset + length <= 2 * BYTES);
            records.push((offset, length));
        });
        (records, at, end)
    }

    #[test]
    fn records_follow_one_another_and_go_round() {
        let headers = [(0, 8), (16, 3), (32, 20)];
        assert_eq!(walked(&headers, 0..64), (vec![(8, 8), (24, 3), (40, 20)], 64, End::Whole));
        let headers = [(48, 24), (16, 0)];
        assert_eq!(walked(&headers, 112..152), (vec![(56, 24), (24, 0)], 152, End::Whole), "over the edge");
        assert_eq!(walked(&[], 8..8), (vec![], 8, End::Whole), "nothing there");
    }

    #[test]
    fn what_is_not_whole_is_waited_for_and_what_was_given_up_is_not_told() {
        let headers = [(0, 8 | DISCARDED), (16, 8), (32, 8 | BUSY), (48, 8)];
        assert_eq!(walked(&headers, 0..64), (vec![(24, 8)], 32, End::Whole));
    }

    #[test]
    fn a_length_that_cannot_be_ends_the_walk() {
        assert_eq!(walked(&[(0, 57)], 0..64), (vec![], 64, End::Broken), "longer than what was written");
        assert_eq!(walked(&[(0, 8)], 0..80), (vec![], 80, End::Broken), "more than has room");
        let backwards = Range { start: 64, end: 0 };
        assert_eq!(walked(&[(0, 8)], backwards), (vec![], 0, End::Broken), "backwards");
        assert_eq!(walked(&[(0, 8)], 4..16), (vec![], 16, End::Broken), "between two places");
    }

    #[test]
    fn positions_may_be_counted_over_the_end() {
        let start = u64::MAX - 15;
        assert_eq!(walked(&[(48, 8), (0, 8)], start..16), (vec![(56, 8), (8, 8)], 16, End::Whole));
    }
}
