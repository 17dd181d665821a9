//! The claims of this host's ledger beside what is bound (A24, A25).

use alloc::{collections::BTreeMap, string::String, vec::Vec};

use super::{Holding, World, strangers};
use crate::{
    desired::DesiredPort,
    exposure::ports_of,
    facts::{Listener, Namespace},
    firewall::Intervals,
    ledger::{Book, Claim, ClaimId, Now, POOL, ProcessId, Scope, Seen, Stand, State},
    port::PortRange,
};

/// What the ledger of the host says, with what tells how its claims stand.
#[derive(Clone, Debug)]
pub struct Claims {
    /// The book as it was read.
    pub book: Book,
    /// The host (machine-id(5)).
    pub machine: String,
    /// Within what a number has one owner here.
    pub scope: Scope,
    /// Who has the numbers of the processes that claims of this host name, as [`Seen::processes`] has them.
    pub processes: BTreeMap<u32, Option<ProcessId>>,
    /// As [`Seen::store_ends_leases`].
    pub store_ends_leases: bool,
    /// Whether the kernel is to keep what is claimed from clients: not for a ledger of a user's own.
    pub is_obeyed: bool,
    /// When it was read.
    pub now: Now,
}

/// A claim, and how it stands.
#[derive(Clone, Copy, Debug)]
pub struct Claimed<'a> {
    /// The claim.
    pub claim: &'a Claim,
    /// How it stands.
    pub state: State,
}

impl<'a> World<'a> {
    /// The same beside the claims of a ledger.
    #[must_use]
    pub fn beside(mut self, claims: Option<&'a Claims>) -> Self {
        self.claims = claims;
        self
    }

    /// The claims for the network namespace of the observer, in order of id; none where it is not judged.
    pub fn claims(&self) -> impl Iterator<Item = Claimed<'a>> {
        let claims = self.claims;
        self.states().iter().filter_map(move |(id, state)| {
            let claim = claims?.book.claim(*id)?;
            Some(Claimed { claim, state: *state })
        })
    }

    /// How each of them stands.
    fn states(&self) -> &[(ClaimId, State)] {
        self.states.get_or_init(|| {
            let known = self.claims.and_then(|claims| Some((claims, self.own_namespace()?)));
            known.map(|(claims, own)| self.judged_claims(claims, own)).unwrap_or_default()
        })
    }

    fn judged_claims(&self, claims: &Claims, own: &Namespace) -> Vec<(ClaimId, State)> {
        let mut seen = Seen::new(claims.machine.clone(), own.client_range, self.registry);
        (seen.processes, seen.store_ends_leases) = (claims.processes.clone(), claims.store_ends_leases);
        seen.scope = claims.scope.clone();
        let here = self.snapshot.listeners.iter().filter(|listener| listener.netns == own.id);
        let seen = seen.with(here, Vec::new());
        let of_here = claims.book.claims().filter(|claim| claim.scope.meets(&claims.scope));
        of_here.map(|claim| (claim.id, claim.state(&seen, &claims.now))).collect()
    }

    /// What the policy declares, which nobody else may claim, and how it stands, as far as its holders were looked at.
    pub fn declared_claims(&self) -> impl Iterator<Item = (DesiredPort<'a>, State)> {
        let ports: Vec<DesiredPort<'a>> = self.desired.ports().to_vec();
        ports.into_iter().map(|port| (port, self.declared_state(&port)))
    }

    fn declared_state(&self, port: &DesiredPort<'_>) -> State {
        let stands = |holding: &&Holding<'_>| {
            holding.declared.is_some_and(|own| own.spec == port.spec && own.service.name == port.service.name)
        };
        let is_thiefs =
            |holding: &Holding<'_>| !port.service.owners.is_empty() && strangers(self, holding).is_some();
        let mut there = self.holdings().filter(stands).peekable();
        if there.peek().is_none() {
            State::Unbound
        } else if there.any(is_thiefs) {
            State::Stolen
        } else {
            State::Held
        }
    }

    /// Those that have not ended.
    pub fn standing_claims(&self) -> impl Iterator<Item = Claimed<'a>> {
        self.claims().filter(|claimed| claimed.state != State::Stale)
    }

    /// The claim on whose place `listener` stands, where there is one that has not ended, and whether it is his who stands there.
    #[must_use]
    pub fn claim_of(&self, listener: &Listener) -> Option<Claimed<'a>> {
        let claims = self.claims?;
        self.own_namespace().filter(|own| own.id == listener.netns)?;
        let states = self.states();
        let mut at = claims.book.at(&claims.scope, Stand::of(listener));
        let (id, state) = at.find_map(|claim| {
            let place = states.binary_search_by_key(&claim.id, |(id, _)| *id).ok()?;
            Some(states[place]).filter(|(_, state)| *state != State::Stale)
        })?;
        let claim = claims.book.claim(id)?;
        let state = match state {
            State::Stolen if claim.is_held_by(listener) => State::Held,
            state => state,
        };
        Some(Claimed { claim, state })
    }

    /// Whether its claimant listens at `listener`, and nobody else.
    #[must_use]
    pub fn is_claimants(&self, listener: &Listener) -> bool {
        self.claim_of(listener).is_some_and(|claimed| claimed.claim.is_held_by(listener))
    }

    /// From where claims of any number get theirs.
    #[must_use]
    pub fn pool(&self) -> PortRange {
        self.policy.and_then(|policy| policy.ledger.pool).unwrap_or(POOL)
    }

    /// Whether the kernel keeps all of a range from clients here.
    pub fn kept_back(&self) -> impl Fn(PortRange) -> bool + use<> {
        let reserved = self.own_namespace().into_iter().flat_map(|own| &own.reserved);
        let kept: Intervals = reserved.filter_map(|range| ports_of(*range).iter().next()).collect();
        move |ports| kept.includes(&ports_of(ports))
    }

    /// The claims of numbers that the kernel is to keep from clients and does not.
    pub fn unreserved_claims(&self) -> impl Iterator<Item = Claimed<'a>> {
        let own = self.claims.filter(|claims| claims.is_obeyed).and_then(|_| self.own_namespace());
        let is_kept = self.kept_back();
        let standing = own.map(|_| self.standing_claims()).into_iter().flatten();
        standing.filter(move |claimed| !is_kept(claimed.claim.ports))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::testing::scene;

    #[test]
    fn a_claimant_beside_a_stranger_is_none_himself() {
        let scene = scene()
            .listens("session-4.scope", "127.0.0.1:20500/tcp")
            .socket(|socket| socket.uid = Some(1000))
            .listens("session-5.scope", "127.0.0.2:20500/tcp")
            .socket(|socket| socket.uid = Some(33))
            .claims(&[(1000, "web 20500/tcp")]);
        scene.with_world(|world| {
            assert_eq!(world.claims().map(|claimed| claimed.state).collect::<Vec<_>>(), [State::Stolen]);
            let of_each = world.snapshot.listeners.iter().filter_map(|listener| world.claim_of(listener));
            let states: Vec<State> = of_each.map(|claimed| claimed.state).collect();
            assert_eq!(states, [State::Held, State::Stolen]);
        });
    }
}
