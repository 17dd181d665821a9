//! All that a judgement rests on, and who is meant by a listener's owner.

use alloc::vec::Vec;

use jiff::Timestamp;

use crate::{
    desired::{Desired, DesiredPort, desire},
    facts::{Hold, Listener, Namespace, Process, Snapshot},
    owner::Identity,
    policy::Policy,
    registry::Registry,
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
        Self { snapshot, policy, desired, registry, now, scope }
    }

    /// The namespaces that are judged.
    pub fn namespaces(&self) -> impl Iterator<Item = &'a Namespace> {
        self.snapshot.namespaces.iter().filter(|namespace| match self.scope {
            Scope::Own => namespace.own,
            Scope::All => true,
            Scope::One(id) => namespace.id == id,
        })
    }

    /// Whether the namespace with this inode is judged.
    #[must_use]
    pub fn judges(&self, netns: u64) -> bool {
        self.namespaces().any(|namespace| namespace.id == netns)
    }

    /// The listeners that rules judge: those of judged namespaces whose number nobody but the kernel chose is left out.
    ///
    /// A declared number is always judged, whatever the kernel's range (A9, A10).
    pub fn listeners(&self) -> impl Iterator<Item = &'a Listener> {
        self.snapshot
            .listeners
            .iter()
            .filter(|listener| self.judges(listener.netns) && !self.is_ephemeral(listener))
    }

    /// Whether the kernel, rather than a person, chose this listener's number (A9).
    ///
    /// The kernel keeps no record of it that sock_diag shows, so an assigned or declared number counts as chosen.
    #[must_use]
    pub fn is_ephemeral(&self, listener: &Listener) -> bool {
        listener.ephemeral
            && self.registry.name(listener.port, listener.protocol).is_none()
            && self.desired.of(listener).is_none()
    }

    /// The declared port that `listener` stands on.
    #[must_use]
    pub fn declared(&self, listener: &Listener) -> Option<&DesiredPort<'a>> {
        self.desired.of(listener)
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
}
