//! Sets of whole numbers: ports, addresses, marks and whatever else a rule compares (A17).

use alloc::{sync::Arc, vec::Vec};

/// The numbers from `first` to `last`, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Interval {
    /// The lowest.
    pub first: u128,
    /// The highest.
    pub last: u128,
}

impl Interval {
    /// What this and `other` have in common.
    fn meet(self, other: Self) -> Option<Self> {
        let meet = Self { first: self.first.max(other.first), last: self.last.min(other.last) };
        (meet.first <= meet.last).then_some(meet)
    }
}

/// A set of numbers, as intervals in ascending order that neither overlap nor touch.
///
/// A copy shares the intervals: packets are split often, and few of their fields change with it.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Intervals(Arc<[Interval]>);

impl Intervals {
    /// No number.
    #[must_use]
    pub fn none() -> Self {
        Self(Arc::default())
    }

    /// One number.
    #[must_use]
    pub fn one(number: u128) -> Self {
        Self::span(number, number)
    }

    /// The numbers from `first` to `last`; none where `last` is below `first`.
    #[must_use]
    pub fn span(first: u128, last: u128) -> Self {
        [Interval { first, last }].into_iter().collect()
    }

    /// The addresses, or other numbers, that share their highest bits with `number`: all but the lowest `free`.
    #[must_use]
    pub fn prefix(number: u128, free: u32) -> Self {
        let tail = 1_u128.checked_shl(free).map_or(u128::MAX, |power| power - 1);
        Self::span(number & !tail, number | tail)
    }

    /// Whether no number is in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether `number` is in it.
    #[must_use]
    pub fn contains(&self, number: u128) -> bool {
        let after = self.0.partition_point(|interval| interval.first <= number);
        after.checked_sub(1).is_some_and(|at| number <= self.0[at].last)
    }

    /// Whether every number of `other` is in it.
    #[must_use]
    pub fn includes(&self, other: &Self) -> bool {
        other.iter().all(|interval| {
            let after = self.0.partition_point(|own| own.first <= interval.first);
            after.checked_sub(1).is_some_and(|at| interval.last <= self.0[at].last)
        })
    }

    /// The intervals, in ascending order.
    pub fn iter(&self) -> impl Iterator<Item = Interval> + '_ {
        self.0.iter().copied()
    }

    /// The number, where there is only one.
    #[must_use]
    pub fn only(&self) -> Option<u128> {
        match *self.0 {
            [Interval { first, last }] if first == last => Some(first),
            _ => None,
        }
    }

    /// The lowest number.
    #[must_use]
    pub fn first(&self) -> Option<u128> {
        self.0.first().map(|interval| interval.first)
    }

    /// The highest number.
    #[must_use]
    pub fn last(&self) -> Option<u128> {
        self.0.last().map(|interval| interval.last)
    }

    /// The numbers that are in both.
    #[must_use]
    pub fn and(&self, other: &Self) -> Self {
        if self.includes(other) {
            return other.clone();
        }
        let (mut left, mut right) = (self.iter().peekable(), other.iter().peekable());
        let mut both = Vec::new();
        while let (Some(&one), Some(&two)) = (left.peek(), right.peek()) {
            both.extend(one.meet(two));
            let ended =
                if one.last <= two.last { &mut left as &mut dyn Iterator<Item = _> } else { &mut right };
            ended.next();
        }
        Self(both.into())
    }

    /// The numbers that are in either.
    #[must_use]
    pub fn or(&self, other: &Self) -> Self {
        self.iter().chain(other.iter()).collect()
    }

    /// The numbers of this that are not in `other`.
    #[must_use]
    pub fn except(&self, other: &Self) -> Self {
        let mut rest = Vec::new();
        let mut holes = other.iter().peekable();
        for mut interval in self.iter() {
            while holes.next_if(|hole| hole.last < interval.first).is_some() {}
            let mut is_used_up = false;
            while let Some(&hole) = holes.peek().filter(|hole| hole.first <= interval.last) {
                if interval.first < hole.first {
                    rest.push(Interval { first: interval.first, last: hole.first - 1 });
                }
                if hole.last >= interval.last {
                    is_used_up = true;
                    break;
                }
                interval.first = hole.last + 1;
                holes.next();
            }
            if !is_used_up {
                rest.push(interval);
            }
        }
        Self(rest.into())
    }
}

/// Any intervals, in whatever order, whether or not they overlap; of one whose end is before its begin nothing is taken.
impl FromIterator<Interval> for Intervals {
    fn from_iter<I: IntoIterator<Item = Interval>>(intervals: I) -> Self {
        let mut all: Vec<_> =
            intervals.into_iter().filter(|interval| interval.first <= interval.last).collect();
        all.sort_unstable();
        let mut merged: Vec<Interval> = Vec::with_capacity(all.len());
        for interval in all {
            match merged.last_mut() {
                Some(before) if interval.first <= before.last.saturating_add(1) => {
                    before.last = before.last.max(interval.last);
                }
                _ => merged.push(interval),
            }
        }
        Self(merged.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(pairs: &[(u128, u128)]) -> Intervals {
        pairs.iter().map(|&(first, last)| Interval { first, last }).collect()
    }

    #[test]
    fn what_touches_is_one_interval() {
        assert_eq!(of(&[(5, 9), (1, 2), (3, 4), (20, 10)]), Intervals::span(1, 9));
        assert_eq!(of(&[(0, u128::MAX), (7, 7)]), Intervals::span(0, u128::MAX));
        assert_eq!(of(&[(1, 2), (4, 5)]).iter().count(), 2);
    }

    #[test]
    fn a_prefix_leaves_its_lowest_bits_open() {
        assert_eq!(Intervals::prefix(0x0a00_00ff, 8), Intervals::span(0x0a00_0000, 0x0a00_00ff));
        assert_eq!(Intervals::prefix(9, 0), Intervals::one(9));
        assert_eq!(Intervals::prefix(9, 128), Intervals::span(0, u128::MAX));
    }

    #[test]
    fn the_ends_of_all_numbers_are_numbers_too() {
        let all = Intervals::span(0, u128::MAX);
        let inner = Intervals::span(1, u128::MAX - 1);
        assert_eq!(all.except(&inner), of(&[(0, 0), (u128::MAX, u128::MAX)]));
        assert_eq!(all.except(&all), Intervals::none());
        assert_eq!(inner.except(&Intervals::none()), inner);
    }

    fn sets() -> impl Strategy<Value = Intervals> {
        prop::collection::vec((0_u128..64, 0_u128..9), 0..8).prop_map(|pairs| {
            pairs.into_iter().map(|(first, more)| Interval { first, last: first + more }).collect()
        })
    }

    proptest! {
        /// What each operation means is what it means number by number.
        #[test]
        fn sets_are_what_their_numbers_are(one in sets(), two in sets()) {
            for number in 0..80 {
                let (left, right) = (one.contains(number), two.contains(number));
                prop_assert_eq!(one.and(&two).contains(number), left && right);
                prop_assert_eq!(one.or(&two).contains(number), left || right);
                prop_assert_eq!(one.except(&two).contains(number), left && !right);
            }
            prop_assert_eq!(one.includes(&two), two.except(&one).is_empty());
            for set in [one.and(&two), one.or(&two), one.except(&two)] {
                let ordered: Vec<_> = set.iter().collect();
                prop_assert!(ordered.windows(2).all(|pair| pair[0].last + 1 < pair[1].first));
            }
        }
    }
}
