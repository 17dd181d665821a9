//! What the policy declares against what the host does (A15, A17, A24).

mod bound_wider_than_declared;
mod declared_but_silent;
mod moved_from_declared_port;
mod stolen_port;
mod unneeded_open_port;

use alloc::{
    collections::BTreeMap,
    string::{String, ToString},
    vec::Vec,
};

use super::Rule;
use crate::{
    desired::DesiredPort,
    facts::Listener,
    policy::Service,
    port::{PortSpec, Protocol},
    world::World,
};

/// The rules of this group, in reading order.
pub const RULES: &[&Rule] = &[
    &stolen_port::RULE,
    &bound_wider_than_declared::RULE,
    &unneeded_open_port::RULE,
    &moved_from_declared_port::RULE,
    &declared_but_silent::RULE,
];

/// What listens in the judged namespaces, by number.
struct Heard<'a>(BTreeMap<(Protocol, u16), Vec<&'a Listener>>);

impl<'a> Heard<'a> {
    fn in_world(world: &World<'a>) -> Self {
        let mut heard: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for listener in world.listeners().filter(|listener| listener.hears()) {
            heard.entry((listener.protocol, listener.port)).or_default().push(listener);
        }
        Self(heard)
    }

    /// The single numbers of `service` on which nobody listens; a range is a pool and never silent.
    fn silent_ports(&self, service: &Service) -> Vec<PortSpec> {
        let singles = service.ports.iter().filter(|spec| spec.range.is_one());
        singles.filter(|spec| !self.has(DesiredPort { spec: **spec, service })).copied().collect()
    }

    fn has(&self, port: DesiredPort<'_>) -> bool {
        let at = self.0.get(&(port.spec.protocol, port.spec.range.first));
        at.is_some_and(|listeners| listeners.iter().any(|listener| port.covers(listener)))
    }
}

/// The first few of `items`, as a person lists them.
pub(super) fn list<T: ToString>(items: impl IntoIterator<Item = T>) -> String {
    const SHOWN: usize = 4;
    let mut texts: Vec<String> = items.into_iter().take(SHOWN + 1).map(|item| item.to_string()).collect();
    if texts.len() > SHOWN {
        texts.truncate(SHOWN);
        texts.push("…".into());
    }
    texts.join(", ")
}
