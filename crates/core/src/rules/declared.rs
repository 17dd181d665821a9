//! What the policy declares against what the host does (A15, A17, A24).

mod bound_wider_than_declared;
mod declared_but_blocked;
mod declared_but_silent;
mod moved_from_declared_port;
mod stolen_port;
mod unneeded_open_port;

pub(super) use unneeded_open_port::is_needed_at;

use alloc::{
    string::{String, ToString},
    vec::Vec,
};

use super::Rule;
use crate::{
    desired::DesiredPort,
    policy::Service,
    port::PortSpec,
    steered::{hidden::hidden, steered},
    words::Text,
    world::World,
};

/// The rules of this group, in reading order.
pub const RULES: &[&Rule] = &[
    &stolen_port::RULE,
    &bound_wider_than_declared::RULE,
    &unneeded_open_port::RULE,
    &moved_from_declared_port::RULE,
    &declared_but_silent::RULE,
    &declared_but_blocked::RULE,
];

/// The single numbers of `service` on which nobody listens; a range is a pool and never silent, and what is sent on is for
/// somebody elsewhere to hear.
fn silent_ports(world: &World<'_>, service: &Service) -> Vec<PortSpec> {
    let is_heard = |spec: PortSpec| {
        let mut listeners = world.listeners_at(spec.protocol, spec.range.first);
        listeners.any(|listener| listener.hears() && DesiredPort { spec, service }.covers(listener))
    };
    // What is led to a socket needs nobody on the number itself.
    let own = service.ports.iter().copied().filter(|_| service.steer.is_none());
    let silent = own.filter(|spec| spec.range.is_one() && !is_heard(*spec));
    silent.filter(|spec| world.sent_on(*spec).is_empty() && !may_be_led(world, *spec)).collect()
}

/// Whether the kernel leads what comes in there to somebody, also where the policy does not say so any more; or may do so, unseen.
fn may_be_led(world: &World<'_>, PortSpec { range, protocol }: PortSpec) -> bool {
    let all = steered(world.snapshot, Some(protocol), range);
    let mut live = all.iter().filter(|it| it.route.ports.overlaps(range) && !it.takers.is_empty());
    live.next().is_some() || hidden(world.snapshot, None, (Some(protocol), range)).is_some()
}

/// The first few of `items`, as a person lists them.
pub(super) fn list<T: ToString>(items: impl IntoIterator<Item = T>) -> Text {
    const SHOWN: usize = 4;
    let mut texts: Vec<String> = items.into_iter().take(SHOWN + 1).map(|item| item.to_string()).collect();
    if texts.len() > SHOWN {
        texts.truncate(SHOWN);
        texts.push("…".into());
    }
    Text { en: texts.join(", "), ja: texts.join("、") }
}
