//! Which packets get to a port of this host, by where they go (A15, A17).

use alloc::vec::Vec;

use super::{Senders, To, destinations, ports_of};
use crate::firewall::{AddressKind, Field, Filter, Intervals, Packets, Sender, sent_on};

/// The packets that `senders` send to `to`.
pub(super) fn sent(filter: &Filter, senders: &Senders<'_>, to: &To) -> Vec<(Sender, Packets)> {
    let protocol = Intervals::one(to.protocol.number().into());
    let ports = ports_of(to.ports);
    let sent = senders.packets(&filter.around, to.family).into_iter().flat_map(|(sender, packets)| {
        let packets =
            packets.with(Field::Protocol, protocol.clone()).with(Field::DestinationPort, ports.clone());
        let mut all = match &to.addresses {
            Some(_) => Vec::new(),
            None => to_others(filter, sender, &packets),
        };
        let own = || destinations(&filter.around, to.family, sender);
        let addresses = to.addresses.clone().unwrap_or_else(own);
        all.insert(0, packets.with(Field::Destination, addresses));
        all.into_iter().map(move |packets| (sender, packets))
    });
    sent.filter(|(_, packets)| !packets.of(Field::Destination).is_empty()).collect()
}

/// The same without those to addresses where nobody hears them.
pub(super) fn sent_but(
    filter: &Filter,
    senders: &Senders<'_>,
    to: &To,
    deaf: &Intervals,
) -> Vec<(Sender, Packets)> {
    let heard = |(sender, packets): (Sender, Packets)| {
        let to = packets.of(Field::Destination).except(deaf);
        (!to.is_empty()).then(|| (sender, packets.with(Field::Destination, to)))
    };
    sent(filter, senders, to).into_iter().filter_map(heard).collect()
}

/// Those of `packets` to addresses at which this host is not asked otherwise, and that a rule sends on: to a floating address,
/// to one of a cluster's, or to the loopback's, which an engine publishes at before the kernel refuses it.
fn to_others(filter: &Filter, sender: Sender, packets: &Packets) -> Vec<Packets> {
    let (around, family) = (&filter.around, packets.family);
    if sender == Sender::Host || !filter.ruleset.rewrites() {
        return Vec::new();
    }
    let all = around.of_kind(AddressKind::Unicast, family).or(&around.of_kind(AddressKind::Local, family));
    let others = all.except(&destinations(around, family, sender));
    sent_on(&filter.ruleset, around, &packets.clone().with(Field::Destination, others))
}
