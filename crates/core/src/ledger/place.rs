//! Which number a claim gets that asks for any: the same name gets the same one wherever it is free (A8, A10, A23).

use super::{
    ask::Wish,
    book::Book,
    claim::Name,
    lapse::Now,
    refusal::{Full, Refusal},
    seen::Seen,
};
use crate::{fnv::fnv, port::PortRange};

/// The lower band is a thirty-second part of the pool, within these.
const BAND_MIN: u32 = 16;
const BAND_MAX: u32 = 128;

/// Why a number is passed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Taken {
    Claimed,
    Declared,
    Bound,
    Reserved,
}

/// The numbers of `pool` in the order in which they are tried for `name`.
///
/// The start is the 32-bit FNV-1a hash of the name (draft-eastlake-fnv) modulo the size of the upper band; from there it
/// goes up and round. The lower band is kept for those who ask for a number, and comes last.
pub fn order(pool: PortRange, name: &Name) -> impl Iterator<Item = u16> {
    let lower = band(pool.count());
    let upper = pool.count() - lower;
    let start = fnv(name.as_str().bytes()).checked_rem(upper).unwrap_or(0);
    let offsets = (start..upper).chain(0..start).map(move |offset| lower + offset).chain(0..lower);
    offsets.filter_map(move |offset| pool.first.checked_add(u16::try_from(offset).ok()?))
}

/// How many numbers of a pool of `count` are kept for those who ask for one.
const fn band(count: u32) -> u32 {
    let part = count / 32;
    let band = if part < BAND_MIN {
        BAND_MIN
    } else if part > BAND_MAX {
        BAND_MAX
    } else {
        part
    };
    // A pool that small has no place for two.
    if band < count { band } else { 0 }
}

/// A free number for `wish`.
///
/// # Errors
///
/// There is none.
pub(super) fn place(book: &Book, wish: &Wish, seen: &Seen<'_>, now: &Now) -> Result<u16, Refusal> {
    let mut full = Full::of(seen.pool);
    for port in order(seen.pool, &wish.name) {
        match taken(book, wish, port, seen, now) {
            None => return Ok(port),
            Some(Taken::Claimed) => full.claimed += 1,
            Some(Taken::Declared) => full.declared += 1,
            Some(Taken::Bound) => full.bound += 1,
            Some(Taken::Reserved) => full.reserved += 1,
        }
    }
    Err(Refusal::PoolFull(full))
}

/// Whether nobody else has `port`, or means it for something.
pub(super) fn is_free(book: &Book, wish: &Wish, port: u16, seen: &Seen<'_>, now: &Now) -> bool {
    taken(book, wish, port, seen, now).is_none()
}

fn taken(book: &Book, wish: &Wish, port: u16, seen: &Seen<'_>, now: &Now) -> Option<Taken> {
    let stand = wish.stand(PortRange::one(port));
    let is_reserved = seen.client_range.contains(port)
        || seen.is_foreign(port)
        || seen.registry.assignment(port, wish.protocol).is_some();
    if is_reserved {
        Some(Taken::Reserved)
    } else if book.at(&wish.scope, stand).any(|claim| claim.holds(seen, now)) {
        Some(Taken::Claimed)
    } else if seen.declared_at(stand).is_some() {
        Some(Taken::Declared)
    } else if seen.bound_at(stand).next().is_some() || seen.published_at(stand).next().is_some() {
        Some(Taken::Bound)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::{collections::BTreeSet, vec::Vec};

    fn name(text: &str) -> Name {
        text.parse().expect("a name")
    }

    proptest::proptest! {
        /// Each number once, and none of another pool.
        #[test]
        fn every_number_of_the_pool_is_tried_once(first in 0_u16.., more in 0_u16..5000, text in "[a-z]{1,12}") {
            let pool = PortRange { first, last: first.saturating_add(more) };
            let order: Vec<u16> = order(pool, &name(&text)).collect();
            let numbers: BTreeSet<u16> = order.iter().copied().collect();
            proptest::prop_assert_eq!(order.len(), numbers.len());
            proptest::prop_assert_eq!(numbers, (pool.first..=pool.last).collect());
        }
    }

    /// What is documented, by the draft's own hash of `foobar`, 0xbf9cf968.
    #[test]
    fn the_first_try_is_the_documented_hash() {
        let pool = PortRange { first: 20_000, last: 29_999 };
        let upper = 10_000 - 128;
        let first = 20_000 + 128 + 0xbf9c_f968_u32 % upper;
        assert_eq!(order(pool, &name("foobar")).next().map(u32::from), Some(first));
    }

    #[test]
    fn the_lower_band_comes_last() {
        let pool = PortRange { first: 20_000, last: 29_999 };
        let tried: Vec<u16> = order(pool, &name("web")).collect();
        assert_eq!(tried[10_000 - 128..], (20_000..20_128).collect::<Vec<u16>>());
        assert_eq!((band(10), band(16), band(17), band(1_000), band(65_536)), (0, 0, 16, 31, 128));
    }
}
