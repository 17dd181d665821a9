//! What the ledger must know of the host before it decides (A9, A24).

use alloc::{borrow::Cow, boxed::Box, collections::BTreeMap, string::String, vec::Vec};

use super::{
    claim::{ProcessId, Scope},
    overlap::Stand,
};
use crate::{
    desired::{Desired, DesiredPort},
    facts::{Listener, Published},
    port::{PortRange, Protocol},
    registry::Registry,
};

/// From where dynamic asks get their number, where the policy does not say.
pub const POOL: PortRange = PortRange { first: 20_000, last: 29_999 };

/// What is true on the host that asks.
#[derive(Clone, Debug)]
pub struct Seen<'a> {
    /// The host (machine-id(5)).
    pub machine: String,
    /// Within what all of this is so: elsewhere others listen, and other numbers are kept back.
    pub scope: Scope,
    /// From where dynamic asks get their number.
    pub pool: PortRange,
    /// What the kernel hands out to clients.
    pub client_range: PortRange,
    /// What it keeps back from them that no claim put there.
    pub foreign: Vec<PortRange>,
    /// What the policy declares.
    pub declared: Desired<'a>,
    /// What numbers are assigned to.
    pub registry: Registry<'a>,
    /// Who has the numbers of the processes that claims of this host name; `None` is somebody whom nobody could tell, and
    /// who is not here has gone.
    pub processes: BTreeMap<u32, Option<ProcessId>>,
    /// Whether the store itself takes away the claims whose time is over, by one clock for every host.
    pub store_ends_leases: bool,
    /// The namespace in which processes have those numbers.
    pub namespace: Option<u32>,
    /// What it keeps back, perhaps for claims of ledgers that this one knows nothing of.
    pub elsewhere: Vec<PortRange>,
    /// What other ledgers of this host surely claim.
    pub others: Vec<OtherClaim>,
    /// The sockets that somebody waits on, sorted by protocol and number.
    bound: Vec<&'a Listener>,
    /// The numbers that are passed on to containers, sorted likewise.
    published: Vec<Published>,
}

/// What another ledger of this host claims.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OtherClaim {
    /// Its numbers.
    pub ports: PortRange,
    /// The path or address of that ledger.
    pub ledger: Box<str>,
}

impl<'a> Seen<'a> {
    /// A host on which nobody listens and nothing is declared.
    #[must_use]
    pub fn new(machine: String, client_range: PortRange, registry: Registry<'a>) -> Self {
        Self {
            scope: Scope::Host(machine.as_str().into()),
            machine,
            pool: POOL,
            client_range,
            foreign: Vec::new(),
            declared: Desired::default(),
            registry,
            processes: BTreeMap::new(),
            store_ends_leases: false,
            namespace: None,
            elsewhere: Vec::new(),
            others: Vec::new(),
            bound: Vec::new(),
            published: Vec::new(),
        }
    }

    /// The same where these sockets are bound, and these numbers passed on to containers.
    #[must_use]
    pub fn with(self, bound: impl Iterator<Item = &'a Listener>, published: Vec<Published>) -> Self {
        let mut seen = Self { bound: bound.collect(), published, ..self };
        seen.bound.sort_by_key(|listener| (listener.protocol, listener.port));
        seen.published.sort_by_key(|published| (published.protocol, published.port));
        seen
    }

    /// Knows that the kernel keeps what is claimed in other ledgers, too.
    pub fn take(&mut self, claimed: Vec<OtherClaim>) {
        self.foreign.extend(claimed.iter().map(|claim| claim.ports));
        self.others.extend(claimed);
    }

    /// The same as far as it holds within `scope`: of an elsewhere that was not looked at nothing is known.
    pub(super) fn within(&self, scope: &Scope) -> Cow<'_, Self> {
        if scope.meets(&self.scope) {
            return Cow::Borrowed(self);
        }
        let nothing = Self::new(self.machine.clone(), self.client_range, self.registry);
        Cow::Owned(Self {
            pool: self.pool,
            scope: self.scope.clone(),
            processes: self.processes.clone(),
            namespace: self.namespace,
            store_ends_leases: self.store_ends_leases,
            ..nothing
        })
    }

    /// The sockets that take a number of `stand`.
    pub(super) fn bound_at<'s>(
        &'s self,
        stand: Stand<'s>,
    ) -> impl Iterator<Item = &'a Listener> + use<'s, 'a> {
        let key = |listener: &&Listener| (listener.protocol, listener.port);
        let near = within(&self.bound, stand.protocol, stand.ports, key);
        near.iter().copied().filter(move |listener| Stand::of(listener).meets(&stand))
    }

    /// What of `stand` is passed on to a container.
    pub(super) fn published_at<'s>(&'s self, stand: Stand<'s>) -> impl Iterator<Item = &'s Published> {
        let key = |published: &Published| (published.protocol, published.port);
        let near = within(&self.published, stand.protocol, stand.ports, key);
        near.iter().filter(move |published| {
            let address = published.address.into();
            Stand { address: Some(&address), v6only: true, device: None, ..stand }.meets(&stand)
        })
    }

    /// What the policy declares of `stand`.
    pub(super) fn declared_at(&self, stand: Stand<'_>) -> Option<&DesiredPort<'a>> {
        let numbers = stand.ports.first..=stand.ports.last;
        let mut near = numbers.flat_map(|port| self.declared.at(stand.protocol, port));
        near.find(|desired| desired.stands().any(|declared| declared.meets(&stand)))
    }

    /// What the policy declares under `name`.
    pub(super) fn declared_as(&self, name: &str, protocol: Protocol) -> Option<&DesiredPort<'a>> {
        let is_meant = |it: &&DesiredPort<'a>| it.service.name == name && it.spec.protocol == protocol;
        self.declared.ports().iter().find(is_meant)
    }

    /// Whether any of `ports` is kept for ledgers that this one knows nothing of.
    pub(super) fn has_elsewhere(&self, ports: PortRange) -> bool {
        self.elsewhere.iter().any(|kept| kept.overlaps(ports))
    }

    /// What another ledger of this host claims of `ports`.
    pub(super) fn other_claim(&self, ports: PortRange) -> Option<&OtherClaim> {
        self.others.iter().find(|claim| claim.ports.overlaps(ports))
    }

    /// Whether somebody else keeps `port` from clients.
    pub(super) fn is_foreign(&self, port: u16) -> bool {
        self.foreign.iter().any(|range| range.contains(port))
    }
}

/// The part of a sorted list that is of `protocol` and within `ports`.
fn within<T>(
    sorted: &[T],
    protocol: Protocol,
    ports: PortRange,
    key: impl Fn(&T) -> (Protocol, u16),
) -> &[T] {
    let first = sorted.partition_point(|item| key(item) < (protocol, ports.first));
    let last = sorted.partition_point(|item| key(item) <= (protocol, ports.last));
    &sorted[first..last]
}
