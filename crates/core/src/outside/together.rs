//! Two looks at one host, by one protocol and then by the other, told as one (A20).

use alloc::vec::Vec;

use super::{Ended, Outcome};

impl Outcome {
    /// Of `unasked` ports that nobody was asked about, as something had ended before.
    #[must_use]
    pub fn nothing(unasked: usize, ended: Ended) -> Self {
        let (glimpses, lost, opens_everything) = (Vec::new(), (0, 0), false);
        Self {
            glimpses,
            rounds: 0,
            sent: 0,
            lost,
            slowed: 0,
            unheard: 0,
            opens_everything,
            unasked,
            stopped: 0,
            kept_in: 0,
            interrupted: 0,
            ended,
        }
    }

    /// Both: the packets of either, the more rounds, and the end that keeps more from being known. What each saw of its ports stands
    /// one behind the other.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.glimpses.extend(other.glimpses);
        Self {
            glimpses: self.glimpses,
            rounds: self.rounds.max(other.rounds),
            sent: self.sent.saturating_add(other.sent),
            lost: (self.lost.0.saturating_add(other.lost.0), self.lost.1.saturating_add(other.lost.1)),
            slowed: self.slowed.saturating_add(other.slowed),
            unheard: self.unheard.saturating_add(other.unheard),
            opens_everything: self.opens_everything || other.opens_everything,
            unasked: self.unasked.saturating_add(other.unasked),
            stopped: self.stopped.saturating_add(other.stopped),
            kept_in: self.kept_in.saturating_add(other.kept_in),
            interrupted: self.interrupted.saturating_add(other.interrupted),
            ended: worse(self.ended, other.ended),
        }
    }
}

/// Whoever was stopped, or has no consent any more, knows less than whoever lost sight of a host.
const fn worse(one: Ended, other: Ended) -> Ended {
    match (one, other) {
        (Ended::Stopped, _) | (_, Ended::Stopped) => Ended::Stopped,
        (Ended::Expired, _) | (_, Ended::Expired) => Ended::Expired,
        (Ended::Cut, _) | (_, Ended::Cut) => Ended::Cut,
        (Ended::Vanished, _) | (_, Ended::Vanished) => Ended::Vanished,
        (Ended::Whole, Ended::Whole) => Ended::Whole,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outside::{Glimpse, Seen};

    fn outcome(port: u16, sent: u64, ended: Ended) -> Outcome {
        let glimpses = [Glimpse { port, seen: Seen::Closed, by: None, trip: None }].into();
        let (rounds, lost, slowed, opens_everything) = (u8::try_from(sent).unwrap(), (sent, 1), 1, false);
        Outcome {
            glimpses,
            rounds,
            sent,
            lost,
            slowed,
            unheard: 0,
            opens_everything,
            unasked: 2,
            stopped: 4,
            kept_in: 2,
            interrupted: 3,
            ended,
        }
    }

    #[test]
    fn what_was_sent_adds_up_and_the_worse_end_is_told() {
        let both = outcome(22, 5, Ended::Whole).and(outcome(53, 3, Ended::Stopped));
        assert_eq!((both.sent, both.rounds, both.lost, both.unasked), (8, 5, (8, 2), 4));
        assert_eq!(both.glimpses.iter().map(|it| it.port).collect::<Vec<_>>(), [22, 53]);
        assert_eq!((both.stopped, both.kept_in, both.interrupted, both.ended), (8, 4, 6, Ended::Stopped));
        let of = |one, other| outcome(1, 1, one).and(outcome(1, 1, other)).ended;
        assert_eq!(of(Ended::Vanished, Ended::Whole), Ended::Vanished);
        assert_eq!(of(Ended::Whole, Ended::Whole), Ended::Whole);
        assert_eq!(of(Ended::Cut, Ended::Expired), Ended::Expired);
        assert_eq!(of(Ended::Expired, Ended::Stopped), Ended::Stopped);
        let cut_short = outcome(22, 5, Ended::Stopped).and(Outcome::nothing(7, Ended::Stopped));
        assert_eq!((cut_short.sent, cut_short.unasked, cut_short.glimpses.len()), (5, 9, 1));
    }
}
