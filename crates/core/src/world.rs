//! All that a judgement rests on, and who is meant by a listener's owner.

mod claims;
mod entrance;
mod gaps;
mod gate;
mod holding;
mod keepers;
mod kept_out;
mod led;
mod openings;
mod passage;
mod reaching;
mod restart;
mod routed;
mod serving;
mod standing;

pub use claims::{Claimed, Claims};
pub use gaps::gap_matters;
pub use gate::GateNow;
pub use holding::{Holding, name_of};
pub use kept_out::KeptOut;
pub(crate) use led::leads_to;
pub use passage::Passage;
pub use restart::{renew_command, restart_command};
pub use routed::Routed;
pub use standing::{Strangers, strangers, unowned_socket};

use core::cmp::Reverse;

use alloc::vec::Vec;
use core::cell::OnceCell;

use jiff::{Timestamp, civil::Date};

use self::{led::Redirects, reaching::Reaching};
use crate::{
    advised::Advised,
    desired::{Desired, DesiredPort, desire},
    facts::{Gap, Hold, Listener, Namespace, Process, Snapshot, SocketState},
    ledger::{ClaimId, State},
    outside::Beside,
    owner::{Identity, Match},
    policy::Policy,
    port::Protocol,
    registry::Registry,
    steered,
};

/// Which network namespaces are judged.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Scope {
    /// The one that the snapshot was taken in: what a policy governs.
    #[default]
    Own,
    /// Every one that was seen.
    All,
    /// The one with this inode.
    One(u64),
}

impl Scope {
    /// Whether `namespace` is judged.
    #[must_use]
    pub fn holds(&self, namespace: &Namespace) -> bool {
        match self {
            Self::Own => namespace.own,
            Self::All => true,
            Self::One(id) => namespace.id == *id,
        }
    }
}

/// A snapshot, what should be, what names mean, and the time: everything that a rule may look at.
#[derive(Clone, Debug)]
pub struct World<'a> {
    /// What is.
    pub snapshot: &'a Snapshot,
    /// What a person wrote, if anybody did.
    pub policy: Option<&'a Policy>,
    /// What should be; empty without a policy.
    pub desired: Desired<'a>,
    /// What numbers are assigned to.
    pub registry: Registry<'a>,
    /// When the judgement is made.
    pub now: Timestamp,
    /// Which namespaces are judged.
    pub scope: Scope,
    /// What a look from outside saw, where there was one.
    pub outside: &'a [Beside],
    /// Sorted by protocol and port.
    judged: Vec<((Protocol, u16), &'a Listener)>,
    /// Sorted by namespace, protocol and port.
    holdings: Vec<Holding<'a>>,
    /// The declared ports whose holder cannot be told from their owner.
    undecided: Option<Gap>,
    reaching: Reaching,
    redirects: Redirects,
    claims: Option<&'a Claims>,
    advised: Option<&'a Advised>,
    states: OnceCell<Vec<(ClaimId, State)>>,
}

impl<'a> World<'a> {
    /// The world as `snapshot` shows it and `policy` wants it.
    #[must_use]
    pub fn new(
        snapshot: &'a Snapshot,
        policy: Option<&'a Policy>,
        registry: Registry<'a>,
        now: Timestamp,
        scope: Scope,
    ) -> Self {
        let desired = policy.map(desire).unwrap_or_default();
        let (judged, holdings) = (Vec::new(), Vec::new());
        let (undecided, reaching, redirects) = (None, Reaching::default(), Redirects::default());
        let mut world = Self {
            snapshot,
            policy,
            desired,
            registry,
            now,
            scope,
            outside: &[],
            judged,
            holdings,
            undecided,
            reaching,
            redirects,
            claims: None,
            advised: None,
            states: OnceCell::new(),
        };
        world.judged = world.judged_listeners();
        let judged = world.listeners().filter(|listener| !world.is_asked_for_consent(listener));
        world.holdings = holding::gather(snapshot, judged, |listener, identity| {
            world.declared_for(listener, identity).copied()
        });
        world.undecided = standing::undecided(&world);
        world
    }

    /// The same beside what advisories say of the packages whose code runs.
    #[must_use]
    pub const fn advised_by(mut self, advised: Option<&'a Advised>) -> Self {
        self.advised = advised;
        self
    }

    /// What advisories say of these packages, where any were read.
    #[must_use]
    pub const fn advised(&self) -> Option<&'a Advised> {
        self.advised
    }

    /// The same beside what a look from outside saw.
    #[must_use]
    pub fn seen_from_outside(self, outside: &'a [Beside]) -> Self {
        Self { outside, ..self }
    }

    fn judged_listeners(&self) -> Vec<((Protocol, u16), &'a Listener)> {
        let mut judged: Vec<u64> = self.namespaces().map(|namespace| namespace.id).collect();
        judged.sort_unstable();
        let is_judged = |listener: &&Listener| {
            judged.binary_search(&listener.netns).is_ok() && !self.is_ephemeral(listener)
        };
        let numbered = |listener: &'a Listener| ((listener.protocol, listener.port), listener);
        let mut listeners: Vec<_> = self.snapshot.listeners.iter().filter(is_judged).map(numbered).collect();
        listeners.sort_by_key(|(number, _)| *number);
        listeners
    }

    /// The namespaces that are judged.
    pub fn namespaces(&self) -> impl Iterator<Item = &'a Namespace> {
        self.snapshot.namespaces.iter().filter(|namespace| self.scope.holds(namespace))
    }

    /// The observer's own namespace, where it is judged.
    #[must_use]
    pub fn own_namespace(&self) -> Option<&'a Namespace> {
        self.snapshot.own_namespace().filter(|own| self.scope.holds(own))
    }

    /// Whether the namespace with this inode is judged.
    #[must_use]
    pub fn judges(&self, netns: u64) -> bool {
        self.namespaces().any(|namespace| namespace.id == netns)
    }

    /// Whether this is the network namespace of whoever looked.
    pub(crate) fn is_own(&self, netns: u64) -> bool {
        self.snapshot.namespace(netns).is_some_and(|namespace| namespace.own)
    }

    /// The listeners that rules judge: those of judged namespaces whose number a person chose.
    pub fn listeners(&self) -> impl Iterator<Item = &'a Listener> {
        self.judged.iter().map(|(_, listener)| *listener)
    }

    /// The sockets of judged namespaces that no rule looks at: a client's, or a service's whose number nobody declared.
    ///
    /// Nothing that can be read of a UDP socket tells whether the kernel or a person chose its number.
    pub fn unjudged(&self) -> impl Iterator<Item = &'a Listener> {
        self.snapshot
            .listeners
            .iter()
            .filter(|listener| self.judges(listener.netns) && self.is_ephemeral(listener))
    }

    /// The listeners on one number in any judged namespace.
    pub fn listeners_at(&self, protocol: Protocol, port: u16) -> impl Iterator<Item = &'a Listener> {
        let wanted = (protocol, port);
        let first = self.judged.partition_point(|(number, _)| *number < wanted);
        let at = self.judged[first..].iter().take_while(move |(number, _)| *number == wanted);
        at.map(|(_, listener)| *listener)
    }

    /// Who listens on what, in order of namespace, protocol and port.
    pub fn holdings(&self) -> impl Iterator<Item = &Holding<'a>> {
        self.holdings.iter().filter(|holding| holding.hears())
    }

    /// Who holds what, also where a socket is bound and does not listen.
    #[must_use]
    pub fn every_holding(&self) -> &[Holding<'a>] {
        &self.holdings
    }

    /// The holdings of one number.
    #[must_use]
    pub fn holdings_at(&self, netns: u64, protocol: Protocol, port: u16) -> &[Holding<'a>] {
        let place = |holding: &Holding<'_>| {
            let listener = holding.widest();
            (listener.netns, listener.protocol, listener.port)
        };
        let wanted = (netns, protocol, port);
        let first = self.holdings.partition_point(|holding| place(holding) < wanted);
        let count = self.holdings[first..].partition_point(|holding| place(holding) == wanted);
        &self.holdings[first..first + count]
    }

    /// Whether the kernel, rather than a person, chose this listener's number (A9).
    ///
    /// Only a UDP socket can be a client's and look like a listener; whoever calls listen(2) means to be called,
    /// whatever the number. A declared number is always judged (A10).
    #[must_use]
    pub fn is_ephemeral(&self, listener: &Listener) -> bool {
        listener.ephemeral
            && listener.state == SocketState::Unconnected
            && self.desired.of(listener).is_none()
    }

    /// Whether `listener` is where this host is asked for its consent to be scanned: nothing to be declared.
    #[must_use]
    pub fn is_asked_for_consent(&self, listener: &Listener) -> bool {
        self.is_own(listener.netns)
            && self.snapshot.is_asked_for_consent(listener)
            && self.desired.of(listener).is_none()
    }

    /// Whether what is declared elsewhere is led to `listener`.
    #[must_use]
    pub fn is_led_to(&self, listener: &Listener) -> bool {
        let steer = self.snapshot.steer.as_ref();
        listener.cookie != 0
            && steer.is_some_and(|steer| steer.led.iter().any(|led| led.cookie == listener.cookie))
    }

    /// Whether that is what the policy has `listener` for, as the one of an owner on the port that is named for his socket: who looks
    /// may not see what is led there, and before the first `apply` nothing is.
    #[must_use]
    pub fn is_to_be_led_to(&self, listener: &Listener, identity: &Identity<'_>) -> bool {
        let mut targets = self.policy.into_iter().flat_map(|policy| policy.targets(listener));
        targets.any(|service| identity.matches_any(&service.owners) != Match::No)
    }

    /// The same of what is declared for its own number, at another address.
    #[must_use]
    pub fn is_led_to_here(&self, listener: &Listener) -> bool {
        let is_here = |stand: &Listener| stand.port == listener.port;
        steered::stands(self.snapshot, listener).iter().any(is_here)
    }

    /// The declared port that `listener` stands on: its owner's, where several are declared for one number.
    #[must_use]
    pub fn declared(&self, listener: &'a Listener) -> Option<&DesiredPort<'a>> {
        self.declared_for(listener, &holding::main_identity(self.snapshot, listener))
    }

    fn declared_for(&self, listener: &Listener, identity: &Identity<'_>) -> Option<&DesiredPort<'a>> {
        self.desired.covering(listener).max_by_key(|desired| {
            let service = desired.service;
            let is_owners = identity.matches_any(&service.owners) == Match::Yes;
            (is_owners, !service.addresses.is_empty(), Reverse(desired.spec.range.count()))
        })
    }

    /// Everybody who holds `listener` as far as can be seen; from the socket alone where no process is.
    #[must_use]
    pub fn identities(&self, listener: &'a Listener) -> Vec<Identity<'a>> {
        let seen: Vec<_> = self
            .snapshot
            .holders(listener)
            .map(|(_, process)| Identity::of_holder(process, listener))
            .collect();
        if seen.is_empty() { alloc::vec![Identity::of_socket(listener)] } else { seen }
    }

    /// The main process of `listener`.
    #[must_use]
    pub fn main_holder(&self, listener: &'a Listener) -> Option<(Hold, &'a Process)> {
        self.snapshot.holders(listener).next()
    }

    /// The day of the judgement, UTC.
    #[must_use]
    pub fn today(&self) -> Date {
        jiff::tz::Offset::UTC.to_datetime(self.now).date()
    }

    /// What could not be seen or told and could have changed the findings.
    pub fn gaps_that_matter(&self) -> impl Iterator<Item = &Gap> {
        let matters = |gap: &&Gap| gap_matters(gap, self.snapshot, &self.scope, self.listeners());
        self.snapshot.gaps.iter().filter(matters).chain(&self.undecided)
    }
}
