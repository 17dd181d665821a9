//! What has become of a claim: its claimant listens there, nobody does, somebody else does, or it ended (A24, A25).

use super::{claim::Claim, lapse::Now, seen::Seen};
use crate::facts::Listener;

/// Whose processes act for everybody: a service manager's, a container engine's.
const ROOT: u32 = 0;

/// How a claim stands to what is bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// Whoever claimed it listens there.
    Held,
    /// Nobody listens there.
    Unbound,
    /// Somebody else listens there.
    Stolen,
    /// It ended by itself, and nobody has asked for its numbers since.
    Stale,
    /// It holds elsewhere: who listens there is not seen from here.
    Elsewhere,
}

impl State {
    /// Every one, in the order in which they are told.
    pub const ALL: [Self; 5] = [Self::Held, Self::Unbound, Self::Stolen, Self::Stale, Self::Elsewhere];

    /// The token of machine output.
    #[must_use]
    pub const fn token(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::Unbound => "unbound",
            Self::Stolen => "stolen",
            Self::Stale => "stale",
            Self::Elsewhere => "elsewhere",
        }
    }
}

impl Claim {
    /// How it stands.
    #[must_use]
    pub fn state(&self, seen: &Seen<'_>, now: &Now) -> State {
        if !self.holds(seen, now) {
            return State::Stale;
        }
        if !self.scope.meets(&seen.scope) {
            return State::Elsewhere;
        }
        let mut bound = seen.bound_at(self.stand()).filter(|listener| !listener.ephemeral).peekable();
        if bound.peek().is_none() {
            State::Unbound
        } else if bound.all(|listener| self.is_held_by(listener)) {
            State::Held
        } else {
            State::Stolen
        }
    }

    /// Whether `listener` is its claimant's as far as can be told: root claims for the services of the host, and listens for
    /// others (systemd.socket(5), docker-proxy).
    #[must_use]
    pub fn is_held_by(&self, listener: &Listener) -> bool {
        let claimant = self.claimant.uid;
        claimant == ROOT || listener.uid.is_none_or(|uid| uid == ROOT || uid == claimant)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        facts::testing::listener,
        ledger::{
            Scope, Wish,
            testing::{Desk, at, lease, wish},
        },
    };
    use alloc::vec::Vec;

    /// What becomes of a claim of 20500/tcp by `claimant` when users listen at these places.
    fn state(claimant: u32, listeners: &[(&str, u32)]) -> State {
        let bound = |&(spot, uid): &(&str, u32)| Listener { uid: Some(uid), ..listener(spot) };
        let listeners: Vec<Listener> = listeners.iter().map(bound).collect();
        let mut desk = Desk::new();
        let claim = desk.granted(wish(claimant, 1, "web 20500/tcp"));
        let desk = desk.bound(&listeners);
        claim.state(&desk.seen, &desk.now)
    }

    #[test]
    fn it_is_held_by_its_claimant_or_by_root_on_his_behalf() {
        assert_eq!(state(1000, &[]), State::Unbound);
        assert_eq!(state(1000, &[("0.0.0.0:20500/tcp", 1000)]), State::Held);
        assert_eq!(state(1000, &[("0.0.0.0:20500/tcp", 0)]), State::Held);
        assert_eq!(state(0, &[("0.0.0.0:20500/tcp", 33)]), State::Held);
        assert_eq!(state(1000, &[("0.0.0.0:20501/tcp", 33)]), State::Unbound);
    }

    #[test]
    fn one_stranger_among_several_is_a_thief() {
        assert_eq!(state(1000, &[("127.0.0.1:20500/tcp", 33)]), State::Stolen);
        assert_eq!(state(1000, &[("127.0.0.1:20500/tcp", 1000), ("[::1]:20500/tcp", 33)]), State::Stolen);
    }

    #[test]
    fn who_listens_here_tells_nothing_of_what_holds_elsewhere() {
        let mut desk = Desk::new();
        let wish = Wish { scope: Scope::Netns("blue".into()), ..wish(1000, 1, "web 20500/tcp") };
        let claim = desk.granted(wish);
        let listeners = [Listener { uid: Some(1000), ..listener("0.0.0.0:20500/tcp") }];
        let desk = desk.bound(&listeners);
        assert_eq!(claim.state(&desk.seen, &desk.now), State::Elsewhere);
    }

    #[test]
    fn what_ended_is_stale_whoever_listens() {
        let mut desk = Desk::new();
        let wish = Wish { lease: lease(60, &desk.now), ..wish(1000, 1, "web 20500/tcp") };
        let claim = desk.granted(wish);
        assert_eq!(claim.state(&desk.seen, &at(61)), State::Stale);
    }
}
