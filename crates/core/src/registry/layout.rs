//! How the table lies in bytes: two files that are read where they lie, without copying or allocating.
//!
//! All numbers are little-endian. The first file holds what every lookup needs:
//!
//! | bytes | meaning |
//! |---|---|
//! | 8 | `portnum` and the version of the layout |
//! | 4 × 4 | bytes of the source, single numbers *s*, ranges *r*, entries of the index *i* |
//! | … | the source: name, version and date, one a line |
//! | 2 × 257 | where the single numbers of each page of 256 begin, and where they end |
//! | *s* | the low byte of each single number, ascending within a page |
//! | *s* | the protocols of each, one bit a protocol |
//! | 5 × *r* | the ranges: first, last, protocols |
//! | 2 × 2049 | where the index entries of each bucket of names begin, and where they end |
//! | 3 × *i* | for each name in each bucket, a byte of its hash and its record |
//! | … | the names of each record, as strings |
//!
//! The second file holds `portdsc` and the version, a digest of the first file, and the description of each record
//! as strings. Strings are a four-byte offset for every fourth of them, then each with its length in front.

use core::ops::Range;

use super::{PortRange, Protocol};
use crate::fnv::fnv;

/// The version of the layout; a table of a newer one is refused.
pub(super) const VERSION: u8 = 1;
pub(super) const NUMBERS_MAGIC: [u8; 7] = *b"portnum";
pub(super) const DESCRIPTIONS_MAGIC: [u8; 7] = *b"portdsc";
/// How many strings share an offset.
pub(super) const BLOCK: usize = 4;
/// How many pages the 65,536 numbers are cut into, one for each high byte.
pub(super) const PAGES: usize = 256;
/// How wide an entry of the index is.
pub(super) const ENTRY_BYTES: usize = 3;
/// How many buckets names are hashed into.
pub(super) const BUCKETS: usize = 1 << BUCKET_BITS;
const BUCKET_BITS: u32 = 11;

/// The protocols that have a bit, in the order of the bits.
const PROTOCOLS: [Protocol; 4] = [Protocol::Tcp, Protocol::Udp, Protocol::Sctp, Protocol::Dccp];

/// The bit of a protocol in a record.
pub(super) const fn bit(protocol: Protocol) -> u8 {
    match protocol {
        Protocol::Tcp => 1,
        Protocol::Udp | Protocol::Udplite => 2,
        Protocol::Sctp => 4,
        Protocol::Dccp => 8,
    }
}

/// The protocols whose bit is set.
pub(super) fn protocols(bits: u8) -> impl Iterator<Item = Protocol> {
    PROTOCOLS.iter().copied().filter(move |&protocol| bits & bit(protocol) != 0)
}

/// The bucket that `name` falls into, whatever its case, and the byte that tells most names there apart.
pub(super) fn bucket(name: &str) -> (usize, u8) {
    let hash = hash(name.as_bytes());
    let [tag, ..] = (hash >> (u32::BITS - BUCKET_BITS - u8::BITS)).to_le_bytes();
    ((hash >> (u32::BITS - BUCKET_BITS)) as usize, tag)
}

/// A hash that takes four letters at a time; one bit is all that tells the cases of a letter apart.
fn hash(name: &[u8]) -> u32 {
    let (words, rest) = name.as_chunks();
    let last = rest.iter().fold(0, |word, letter| word << 8 | u32::from(*letter));
    let words = words.iter().map(|word| u32::from_le_bytes(*word)).chain([last]);
    words.fold(0, |hash: u32, word| (hash.rotate_left(5) ^ (word | 0x2020_2020)).wrapping_mul(0x9E37_79B1))
}

/// The digest by which descriptions know the numbers they belong to.
pub(super) fn digest(bytes: &[u8]) -> u32 {
    fnv(bytes.iter().copied())
}

/// Strings by index.
#[derive(Clone, Copy, Debug)]
pub(super) struct Strings<'a> {
    pub(super) blocks: &'a [[u8; 4]],
    pub(super) pool: &'a [u8],
}

impl<'a> Strings<'a> {
    const EMPTY: Self = Self { blocks: &[], pool: &[] };

    const fn split(count: usize, bytes: &'a [u8]) -> Option<Self> {
        let Some((blocks, pool)) = bytes.split_at_checked(4 * count.div_ceil(BLOCK)) else { return None };
        Some(Self { blocks: blocks.as_chunks().0, pool })
    }

    /// The string at `index`; empty where there is none.
    pub(super) fn at(self, index: usize) -> &'a [u8] {
        self.find(index).unwrap_or(&[])
    }

    fn find(self, index: usize) -> Option<&'a [u8]> {
        let mut rest = self.pool.get(u32::from_le_bytes(*self.blocks.get(index / BLOCK)?) as usize..)?;
        for _ in 0..index % BLOCK {
            let (&length, following) = rest.split_first()?;
            rest = following.get(usize::from(length)..)?;
        }
        let (&length, following) = rest.split_first()?;
        following.get(..usize::from(length))
    }
}

/// A string as text; a table is proved to hold nothing else before it is used.
pub(super) fn text(string: &[u8]) -> &str {
    core::str::from_utf8(string).unwrap_or("")
}

/// The first file, taken apart.
#[derive(Clone, Copy, Debug)]
pub(super) struct Numbers<'a> {
    pub(super) source: &'a [u8],
    pub(super) pages: &'a [[u8; 2]],
    pub(super) lows: &'a [u8],
    pub(super) bits: &'a [u8],
    pub(super) ranges: &'a [[u8; 5]],
    pub(super) buckets: &'a [[u8; 2]],
    pub(super) index: &'a [[u8; ENTRY_BYTES]],
    pub(super) names: Strings<'a>,
}

impl<'a> Numbers<'a> {
    pub(super) const EMPTY: Self = Self {
        source: &[],
        pages: &[],
        lows: &[],
        bits: &[],
        ranges: &[],
        buckets: &[],
        index: &[],
        names: Strings::EMPTY,
    };

    /// Takes `bytes` apart, checking nothing but that they suffice.
    pub(super) const fn split(bytes: &'a [u8]) -> Option<Self> {
        let Some((_, rest)) = bytes.split_at_checked(8) else { return None };
        let Some((counts, rest)) = rest.split_at_checked(16) else { return None };
        let (counts, _) = counts.as_chunks::<4>();
        let (source, singles) =
            (u32::from_le_bytes(counts[0]) as usize, u32::from_le_bytes(counts[1]) as usize);
        let (ranges, index) =
            (u32::from_le_bytes(counts[2]) as usize, u32::from_le_bytes(counts[3]) as usize);
        if singles > RECORDS_MAX || ranges > RECORDS_MAX || index > INDEX_MAX {
            return None;
        }
        let Some((source, rest)) = rest.split_at_checked(source) else { return None };
        let Some((pages, rest)) = rest.split_at_checked(2 * (PAGES + 1)) else { return None };
        let Some((lows, rest)) = rest.split_at_checked(singles) else { return None };
        let Some((bits, rest)) = rest.split_at_checked(singles) else { return None };
        let Some((all_ranges, rest)) = rest.split_at_checked(5 * ranges) else { return None };
        let Some((buckets, rest)) = rest.split_at_checked(2 * (BUCKETS + 1)) else { return None };
        let Some((all_index, rest)) = rest.split_at_checked(ENTRY_BYTES * index) else { return None };
        let Some(names) = Strings::split(singles + ranges, rest) else { return None };
        Some(Self {
            source,
            pages: pages.as_chunks().0,
            lows,
            bits,
            ranges: all_ranges.as_chunks().0,
            buckets: buckets.as_chunks().0,
            index: all_index.as_chunks().0,
            names,
        })
    }

    /// How many records there are, single numbers before ranges.
    pub(super) const fn count(&self) -> usize {
        self.lows.len() + self.ranges.len()
    }

    /// The numbers of a record and the bits of its protocols.
    pub(super) fn record(&self, id: usize) -> Option<(PortRange, u8)> {
        match id.checked_sub(self.lows.len()) {
            None => Some((PortRange::one(self.port(id)?), *self.bits.get(id)?)),
            Some(range) => Some(unpack(*self.ranges.get(range)?)),
        }
    }

    fn port(&self, id: usize) -> Option<u16> {
        let at = u16::try_from(id).ok()?;
        let begun = self.pages.partition_point(|start| u16::from_le_bytes(*start) <= at);
        let high = u8::try_from(begun.checked_sub(1)?).ok()?;
        Some(u16::from_be_bytes([high, *self.lows.get(id)?]))
    }

    /// The record that names `port` by itself.
    pub(super) fn single(&self, port: u16, bit: u8) -> Option<usize> {
        let [high, low] = port.to_be_bytes();
        let page = stretch(self.pages, usize::from(high))?;
        let (lows, bits) = (self.lows.get(page.clone())?, self.bits.get(page.clone())?);
        let first = lows.partition_point(|its| *its < low);
        let same = lows.get(first..)?.iter().zip(bits.get(first..)?).take_while(|(its, _)| **its == low);
        same.map(|(_, bits)| bits).position(|bits| bits & bit != 0).map(|place| page.start + first + place)
    }

    /// The narrowest range around `port`.
    pub(super) fn around(&self, port: u16, bit: u8) -> Option<usize> {
        let ranges = self.ranges.iter().map(|range| unpack(*range)).enumerate();
        ranges
            .take_while(|(_, (range, _))| range.first <= port)
            .filter(|(_, (range, bits))| range.contains(port) && bits & bit != 0)
            .min_by_key(|(_, (range, _))| range.count())
            .map(|(place, _)| self.lows.len() + place)
    }

    /// The records that carry `name`, in whatever case, in order of number, each with all its names.
    pub(super) fn carriers<'n>(
        &self,
        name: &'n str,
    ) -> impl Iterator<Item = (usize, &'a [u8])> + use<'a, 'n> {
        let (bucket, tag) = bucket(name);
        let entries = stretch(self.buckets, bucket).and_then(|entries| self.index.get(entries));
        let names = self.names;
        let of_tag = entries.unwrap_or_default().iter().filter(move |[its, ..]| *its == tag);
        let listed = of_tag.map(move |[_, low, high]| {
            let id = usize::from(u16::from_le_bytes([*low, *high]));
            (id, names.at(id))
        });
        listed.filter(|(_, names)| lists(names, name.as_bytes()))
    }
}

/// Whether one of the names with a space between is `name`: mostly the first, and written alike.
fn lists(names: &[u8], name: &[u8]) -> bool {
    let is_it = |its: &[u8]| its == name || its.eq_ignore_ascii_case(name);
    match names.split_at_checked(name.len()) {
        Some((first, [] | [b' ', ..])) if is_it(first) => !name.contains(&b' '),
        _ => names.split(|byte| *byte == b' ').skip(1).any(is_it),
    }
}

/// From where to where the entries of one bucket or page go.
pub(super) fn stretch(starts: &[[u8; 2]], place: usize) -> Option<Range<usize>> {
    let start = |place: usize| Some(usize::from(u16::from_le_bytes(*starts.get(place)?)));
    Some(start(place)?..start(place + 1)?)
}

fn unpack([a, b, c, d, bits]: [u8; 5]) -> (PortRange, u8) {
    (PortRange { first: u16::from_le_bytes([a, b]), last: u16::from_le_bytes([c, d]) }, bits)
}

/// The second file, taken apart.
#[derive(Clone, Copy, Debug)]
pub(super) struct Descriptions<'a> {
    pub(super) digest: [u8; 4],
    pub(super) strings: Strings<'a>,
}

impl<'a> Descriptions<'a> {
    pub(super) const EMPTY: Self = Self { digest: [0; 4], strings: Strings::EMPTY };

    /// Takes `bytes` apart, which describe `count` records.
    pub(super) const fn split(bytes: &'a [u8], count: usize) -> Option<Self> {
        let Some((_, rest)) = bytes.split_at_checked(8) else { return None };
        let Some((digest, rest)) = rest.split_first_chunk() else { return None };
        let Some(strings) = Strings::split(count, rest) else { return None };
        Some(Self { digest: *digest, strings })
    }
}

/// A record's place in the index is 16 bits wide, and so is the place of a bucket.
pub(super) const RECORDS_MAX: usize = 0xffff;
pub(super) const INDEX_MAX: usize = 0xffff;
/// Ranges are searched one by one.
pub(super) const RANGES_MAX: usize = 4096;
