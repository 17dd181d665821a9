//! Packets that rules lead to a listener from another port, or away from it (A15, A17).

use alloc::{collections::BTreeMap, vec::Vec};
use core::cell::RefCell;

use super::{Passage, World, reaching::verdict};
use crate::{
    address::Family,
    exposure::{Exposure, How, Reached, Senders, To, exposed, only_by},
    facts::Listener,
    firewall::{Intervals, number},
    owner::Identity,
    port::{PortRange, Protocol},
    reach::Verdict,
};

/// The runs of ports that lead to another port or address of this host, by the place of the zone.
pub(super) type Redirects = RefCell<BTreeMap<(usize, Protocol, Family), Vec<Exposure>>>;

impl World<'_> {
    /// What becomes of packets, of which `run` tells what becomes of those to the number of `listener`, as this hears them.
    pub(super) fn heard(
        &self,
        place: usize,
        senders: &Senders<'_>,
        listener: &Listener,
        (family, run): (Family, Exposure),
    ) -> (Family, Exposure) {
        let own = self.reached_directly(listener, &run);
        let led = self.led(place, senders, listener, family).into_iter();
        let reached = led.chain([own]).max_by_key(|reached| verdict(*reached)).unwrap_or(own);
        (family, Exposure { reached, ..run })
    }

    /// What becomes of packets to the very number of `listener`, as it hears them.
    pub(super) fn reached_directly(&self, listener: &Listener, run: &Exposure) -> Reached {
        if self.stands_for_others(listener) { run.reached } else { run.heard }
    }

    /// Where rules lead packets from the world to `listener` from another port or address of this host, by interfaces that it
    /// hears.
    pub fn leading_to(&self, listener: &Listener) -> impl Iterator<Item = &Passage> {
        let is_own = self.is_own(listener.netns);
        let passages = if is_own { self.passages() } else { &[] };
        passages
            .iter()
            .filter(move |passage| passage.leads_to(listener) && self.hears_by(listener, passage.entrances()))
    }

    /// Whether `listener` hears others whose packets come in by some of `interfaces`: tied to a device it hears this one alone
    /// (socket(7), `SO_BINDTODEVICE`).
    fn hears_by(&self, listener: &Listener, interfaces: &Intervals) -> bool {
        let tied = self.filter().and_then(|filter| only_by(listener, &filter.around));
        listener.device.as_deref() != Some("lo") && tied.is_none_or(|own| !own.and(interfaces).is_empty())
    }

    /// Whether packets that arrive are led to `listener` from another port or address of this host.
    pub(super) fn is_led(
        &self,
        place: usize,
        senders: &Senders<'_>,
        listener: &Listener,
        family: Family,
    ) -> bool {
        let led = self.led(place, senders, listener, family);
        led.into_iter().any(|reached| verdict(reached) >= Verdict::Partly)
    }

    /// Whether `listener` keeps its number for containers, which get what a rule sends on from there.
    #[must_use]
    pub fn stands_for_others(&self, listener: &Listener) -> bool {
        let mut holders = self.snapshot.holders(listener).map(|(_, process)| process);
        holders.any(|process| Identity::of_holder(process, listener).forwards_for_containers())
    }

    /// What becomes of the packets that rules lead to `listener` from another port or address of this host.
    fn led(&self, place: usize, senders: &Senders<'_>, listener: &Listener, family: Family) -> Vec<Reached> {
        let Some(filter) = self.filter() else { return Vec::new() };
        let protocol = listener.protocol;
        let mut redirects = self.redirects.borrow_mut();
        let runs = redirects.entry((place, protocol, family)).or_insert_with(|| {
            if !filter.ruleset.rewrites() {
                return Vec::new();
            }
            let to = To { family, protocol, addresses: None, ports: PortRange::EVERY };
            let mut runs = exposed(filter, senders, &to);
            runs.retain(|run| run.ways.iter().any(|way| matches!(way.how, How::Redirected(_))));
            runs
        });
        let is_own = matches!(senders, Senders::Host);
        let led = runs.iter().filter(|run| {
            let ports = Intervals::span(run.ports.first, run.ports.last);
            run.ways.iter().any(|way| {
                leads_to(&way.how, &ports, listener) && (is_own || self.hears_by(listener, &way.interfaces))
            })
        });
        led.map(|run| run.reached).collect()
    }
}

/// Whether packets to `ports` that go this `way` get to `listener`.
pub(crate) fn leads_to(way: &How, ports: &Intervals, listener: &Listener) -> bool {
    let How::Redirected(to) = way else { return false };
    let port = u128::from(listener.port);
    let is_port = match &to.port {
        Some(inner) => inner.contains(port),
        None => ports.contains(port),
    };
    let bound = listener.address.ip.to_canonical();
    let is_there = |addresses: &Intervals| addresses.contains(number(bound));
    is_port && (bound.is_unspecified() || to.address.as_ref().is_none_or(is_there))
}
