//! What on this host's side kept answers from a scan, as far as its kernel tells (A17, A20).

use super::{Outcome, Seen};
use crate::facts::{Gap, GapKind};
use alloc::{string::String, vec::Vec};

/// Fewer ports may be just those that a filter means.
const KEPT_IN_MIN: u32 = 64;

/// What this host did while a scan ran, and knows of the target at its end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Hindrance {
    /// Packets of its own that it threw away, by its filter or as the queue of an interface was full.
    pub unsent: u32,
    /// Packets that it took for forged, as what answers them would leave by another interface (rp_filter).
    pub misdirected: u32,
    /// Whether nobody on the link answers for the address.
    pub is_unanswered: bool,
    /// Whether the address is no more where it was proven to be, though the way there is.
    pub has_moved: bool,
}

impl Hindrance {
    /// What could not be seen for that, of a scan of the host that is called `target`.
    #[must_use]
    pub fn gaps(self, outcome: &Outcome, target: &str) -> Vec<Gap> {
        let Self { unsent, misdirected, is_unanswered, has_moved } = self;
        // What the own filter stopped is told of its port.
        let unsent = unsent.saturating_sub(outcome.stopped);
        // What was sent again was not lost.
        let unsent = unsent.saturating_sub(outcome.interrupted);
        let seen = |looks: &[Seen]| outcome.glimpses.iter().any(|it| looks.contains(&it.seen));
        let is_silent = seen(&[Seen::Silent, Seen::Filtered]);
        // Whoever is heard at one port comes in by a way that is right.
        let is_unheard = is_silent && !seen(&[Seen::Open, Seen::Closed]);
        // Of so many it is not known whether it means these, or has no room.
        let kept_in = if outcome.kept_in < KEPT_IN_MIN { 0 } else { outcome.kept_in };
        // As many answers are missing for what was never asked.
        let is_unexplained = outcome.unheard > unsent;
        let kinds = [
            (is_unanswered && is_silent, GapKind::UnansweredAddress, 1),
            (
                unsent > 0 && seen(&[Seen::Silent]) || kept_in > 0,
                GapKind::UnsentPackets,
                unsent.saturating_add(kept_in),
            ),
            (misdirected > 0 && is_unheard, GapKind::MisdirectedAnswers, misdirected),
            (is_unexplained && seen(&[Seen::Silent]), GapKind::LostAnswers, outcome.unheard),
            (has_moved, GapKind::MovedAddress, 1),
        ];
        let hidden = kinds.into_iter().filter(|(is_hidden, ..)| *is_hidden);
        hidden.map(|(_, what, count)| Gap { what, count, detail: detail(what, target) }).collect()
    }
}

fn detail(what: GapKind, target: &str) -> String {
    match what {
        GapKind::UnansweredAddress | GapKind::MovedAddress => target.into(),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;
    use crate::outside::{Ended, Glimpse};

    fn outcome(looks: &[Seen], ended: Ended) -> Outcome {
        let glimpse = |(port, seen): (u16, &Seen)| Glimpse { port, seen: *seen, by: None, trip: None };
        Outcome {
            glimpses: (1..).zip(looks).map(glimpse).collect(),
            rounds: 2,
            sent: 4,
            lost: (0, 0),
            slowed: 0,
            unheard: 0,
            opens_everything: false,
            unasked: 0,
            stopped: 0,
            kept_in: 0,
            interrupted: 0,
            ended,
        }
    }

    fn found(hindrance: Hindrance, looks: &[Seen]) -> Vec<GapKind> {
        let gaps = hindrance.gaps(&outcome(looks, Ended::Whole), "192.0.2.7");
        gaps.iter().map(|gap| gap.what).collect()
    }

    const ALL: Hindrance = Hindrance { unsent: 3, misdirected: 2, is_unanswered: true, has_moved: true };

    #[test]
    fn where_nobody_was_heard_all_that_hindered_is_told() {
        let kinds = vec![
            GapKind::UnansweredAddress,
            GapKind::UnsentPackets,
            GapKind::MisdirectedAnswers,
            GapKind::MovedAddress,
        ];
        assert_eq!(found(ALL, &[Seen::Silent, Seen::Filtered]), kinds);
        assert!(found(Hindrance::default(), &[Seen::Silent]).is_empty());
    }

    #[test]
    fn answers_that_are_lost_to_the_last_hide_as_many_ports() {
        let of = |unheard, looks: &[Seen], unsent| {
            let outcome = Outcome { unheard, ..outcome(looks, Ended::Whole) };
            let gaps = Hindrance { unsent, ..Hindrance::default() }.gaps(&outcome, "192.0.2.7");
            gaps.iter().map(|gap| (gap.what, gap.count)).collect::<Vec<_>>()
        };
        let (unsent, lost) = (GapKind::UnsentPackets, GapKind::LostAnswers);
        assert_eq!(of(7, &[Seen::Silent, Seen::Open], 0), [(lost, 7)]);
        assert!(of(0, &[Seen::Silent], 0).is_empty() && of(7, &[Seen::Open], 0).is_empty());
        assert_eq!(of(7, &[Seen::Silent], 6), [(unsent, 6), (lost, 7)]);
        assert_eq!(of(7, &[Seen::Silent], 7), [(unsent, 7)]);
    }

    #[test]
    fn what_was_answered_all_the_same_was_not_hindered() {
        assert_eq!(found(ALL, &[Seen::Open, Seen::Closed]), [GapKind::MovedAddress]);
        let some = [GapKind::UnansweredAddress, GapKind::UnsentPackets, GapKind::MovedAddress];
        assert_eq!(found(ALL, &[Seen::Open, Seen::Silent]), some);
    }

    #[test]
    fn what_the_own_filter_stops_is_told_of_its_port_alone() {
        let unsent = |unsent| {
            let outcome =
                Outcome { stopped: 1, kept_in: 1, ..outcome(&[Seen::Filtered, Seen::Silent], Ended::Whole) };
            let hindrance = Hindrance { unsent, ..Hindrance::default() };
            hindrance.gaps(&outcome, "192.0.2.7").iter().map(|gap| gap.count).collect::<Vec<_>>()
        };
        assert_eq!((unsent(0), unsent(1), unsent(4)), (vec![], vec![], vec![3]));
    }

    #[test]
    fn of_many_that_the_own_filter_stops_it_is_not_known_whether_it_means_them() {
        let of = |kept_in| {
            let outcome = Outcome { stopped: 70, kept_in, ..outcome(&[Seen::Filtered], Ended::Whole) };
            let gaps = Hindrance { unsent: 70, ..Hindrance::default() }.gaps(&outcome, "192.0.2.7");
            gaps.iter().map(|gap| (gap.what, gap.count)).collect::<Vec<_>>()
        };
        assert_eq!((of(63), of(64)), (vec![], vec![(GapKind::UnsentPackets, 64)]));
    }

    #[test]
    fn what_the_kernel_counts_for_an_earlier_refusal_was_not_lost() {
        let unsent = |unsent| {
            let outcome = Outcome { interrupted: 2, ..outcome(&[Seen::Silent, Seen::Closed], Ended::Whole) };
            let hindrance = Hindrance { unsent, ..Hindrance::default() };
            hindrance.gaps(&outcome, "192.0.2.7").iter().map(|gap| gap.count).collect::<Vec<_>>()
        };
        assert_eq!((unsent(2), unsent(3)), (vec![], vec![1]));
    }

    #[test]
    fn who_is_missing_is_named() {
        let gaps = ALL.gaps(&outcome(&[Seen::Silent], Ended::Whole), "192.0.2.7");
        assert!(gaps[0].why().en.contains("nobody on the link answers for 192.0.2.7"));
        assert_eq!((gaps[1].count, gaps[2].count), (3, 2));
    }
}
