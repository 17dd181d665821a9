//! Whether who refused datagrams is still there, or only ports are left of which nobody says anything (A20).

/// Datagrams one behind the other of which nobody said anything, until a port is asked of which somebody did.
const QUIET: u32 = 16;
/// As often it is asked in vain: for as many answers as whoever limits them would have given by then.
const ANSWERS: u32 = 5;
const AGAIN_MIN: u32 = 10;
const AGAIN_MAX: u32 = 60;

/// What was heard of a target to which one datagram is sent after the other.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Presence {
    /// A port of which it said something.
    known: Option<u16>,
    quiet: u32,
    asked: u32,
    heard: u32,
}

impl Presence {
    /// One more leaves.
    pub(super) fn ask(&mut self) {
        self.asked = self.asked.saturating_add(1);
        self.quiet = self.quiet.saturating_add(1);
    }

    /// The last one did not.
    pub(super) fn put_back(&mut self) {
        self.asked = self.asked.saturating_sub(1);
        self.quiet = self.quiet.saturating_sub(1);
    }

    /// The target said something of `port`.
    pub(super) fn hear(&mut self, port: u16) {
        self.known = Some(port);
        self.heard = self.heard.saturating_add(1);
        self.quiet = 0;
    }

    /// The port to ask next, of which it said something before, as it is not known whether it is still there.
    pub(super) fn doubted(self) -> Option<u16> {
        self.known.filter(|_| self.quiet >= QUIET)
    }

    /// Whether it is there no more.
    pub(super) fn is_gone(self) -> bool {
        let again = self.asked.saturating_mul(ANSWERS) / self.heard.max(1);
        self.known.is_some() && self.quiet >= QUIET + again.clamp(AGAIN_MIN, AGAIN_MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_says_nothing_any_more_is_asked_again_until_it_is_clear() {
        let mut presence = Presence::default();
        (0..1_000).for_each(|_| presence.ask());
        assert_eq!((presence.doubted(), presence.is_gone()), (None, false), "nobody ever said anything");
        let mut presence = Presence::default();
        for _ in 0..20 {
            presence.ask();
            presence.hear(7);
        }
        let mut until = |is_it: &dyn Fn(Presence) -> bool| {
            let before = presence.asked;
            while !is_it(presence) {
                presence.ask();
            }
            presence.asked - before
        };
        assert_eq!(until(&|it| it.doubted() == Some(7)), QUIET);
        assert!(until(&|it| it.is_gone()) < AGAIN_MIN + 3);
        presence.hear(7);
        assert_eq!((presence.doubted(), presence.is_gone()), (None, false));
    }

    #[test]
    fn who_answers_seldom_is_waited_for_longer() {
        let mut presence = Presence::default();
        for nth in 0..100 {
            presence.ask();
            if nth % 10 == 0 {
                presence.hear(7);
            }
        }
        (0..QUIET + 40).for_each(|_| presence.ask());
        assert!(!presence.is_gone());
        (0..AGAIN_MAX).for_each(|_| presence.ask());
        assert!(presence.is_gone());
    }
}
