//! Which numbers the kernel is to keep back from clients, and which it gets back (A9, A24).

use alloc::vec::Vec;

use crate::{
    exposure::{ports_of, range},
    firewall::Intervals,
    port::PortRange,
};

/// What changes of the numbers that the kernel keeps back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reservation {
    /// Kept back from now on.
    pub add: Vec<PortRange>,
    /// Given back to clients: of ours alone, never what somebody else keeps back.
    pub give_back: Vec<PortRange>,
    /// What is ours once it is done.
    pub ours: Vec<PortRange>,
}

/// What makes the kernel keep back `wanted`, where it keeps `kept` now and `ours` of that is there by an earlier change.
///
/// What somebody else keeps back already does not become ours, so that he still finds it when nobody wants it here.
#[must_use]
pub fn reserve(wanted: &[PortRange], kept: &[PortRange], ours: &[PortRange]) -> Reservation {
    let (wanted, kept, ours) = (all(wanted), all(kept), all(ours));
    let add = wanted.except(&kept);
    // What was taken from us meanwhile is not given back: whoever did that may have put his own there since.
    let standing = ours.and(&kept);
    let give_back = standing.except(&wanted);
    let ours = standing.except(&give_back).or(&add);
    Reservation { add: ranges(&add), give_back: ranges(&give_back), ours: ranges(&ours) }
}

fn all(ranges: &[PortRange]) -> Intervals {
    ranges.iter().fold(Intervals::none(), |all, range| all.or(&ports_of(*range)))
}

fn ranges(ports: &Intervals) -> Vec<PortRange> {
    ports.iter().map(range).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::{string::String, vec};

    fn ports(text: &str) -> Vec<PortRange> {
        text.split_terminator(',').map(|range| range.parse().expect("a range")).collect()
    }

    fn told(wanted: &str, kept: &str, ours: &str) -> [String; 3] {
        let text = |ranges: &[PortRange]| {
            let words: Vec<String> = ranges.iter().map(alloc::string::ToString::to_string).collect();
            words.join(",")
        };
        let Reservation { add, give_back, ours } = reserve(&ports(wanted), &ports(kept), &ports(ours));
        [text(&add), text(&give_back), text(&ours)]
    }

    #[test]
    fn what_is_wanted_is_added_once() {
        assert_eq!(told("20500,20501-20503", "", ""), ["20500-20503", "", "20500-20503"]);
        assert_eq!(told("20500", "20500", "20500"), ["", "", "20500"]);
    }

    #[test]
    fn what_somebody_else_keeps_back_stays_his() {
        assert_eq!(told("20500", "20000-21000", ""), ["", "", ""]);
        assert_eq!(told("", "20000-21000", ""), ["", "", ""]);
    }

    #[test]
    fn ours_is_given_back_when_nobody_wants_it_and_not_where_it_is_gone() {
        assert_eq!(told("20501", "20500-20501", "20500-20501"), ["", "20500", "20501"]);
        assert_eq!(told("", "8080", "20500"), ["", "", ""]);
        // Somebody replaced the list as a whole: what is wanted comes back.
        assert_eq!(told("20500", "8080", "20500"), ["20500", "", "20500"]);
    }

    proptest::proptest! {
        /// Whatever is there, what is wanted is kept back afterwards, and nobody else loses anything.
        #[test]
        fn a_change_does_what_it_says(
            wanted in proptest::collection::vec(0_u16..50, 0..8),
            kept in proptest::collection::vec(0_u16..50, 0..8),
            ours in proptest::collection::vec(0_u16..50, 0..8),
        ) {
            let of = |numbers: &[u16]| numbers.iter().map(|port| PortRange::one(*port)).collect::<Vec<_>>();
            let (wanted, kept, ours) = (of(&wanted), of(&kept), of(&ours));
            let change = reserve(&wanted, &kept, &ours);
            let after = all(&kept).or(&all(&change.add)).except(&all(&change.give_back));
            proptest::prop_assert!(after.includes(&all(&wanted)));
            proptest::prop_assert!(after.includes(&all(&kept).except(&all(&ours))));
            proptest::prop_assert!(after.includes(&all(&change.ours)));
            let again = reserve(&wanted, &ranges(&after), &change.ours);
            proptest::prop_assert_eq!(again, Reservation { add: vec![], give_back: vec![], ours: change.ours });
        }
    }
}
