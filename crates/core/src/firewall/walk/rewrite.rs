//! Where packets are sent on to, and whether that changes anything (net/netfilter/nf_nat_core.c; A17).

use alloc::{vec, vec::Vec};

use crate::{
    address::Family,
    firewall::{
        intervals::{Interval, Intervals},
        packets::{Divided, Field, Packets},
        ruleset::{NewAddress, Target},
        surroundings::{Surroundings, number},
    },
};

/// include/uapi/linux/netfilter/nf_conntrack_common.h, `IPS_DST_NAT`.
const DESTINATION_IS_REWRITTEN: u128 = 1 << 5;
/// More addresses, or interfaces, than this are not told apart.
const APART_MAX: usize = 256;

/// Where a rule stands that sends packets on.
#[derive(Clone, Copy)]
pub(super) enum Way<'a> {
    /// Where they come in.
    In(&'a Surroundings),
    /// Where a process of this host sends them.
    Out,
}

/// Packets that a rule sends on.
#[derive(Default)]
pub(super) struct Sent {
    /// As they go on.
    pub(super) on: Vec<Packets>,
    /// Those for which there is no address.
    pub(super) lost: Vec<Packets>,
}

/// Sends `packets` on to `target`.
pub(super) fn rewrite(packets: &Packets, target: &Target, way: Way<'_>) -> Sent {
    let mut sent = Sent::default();
    for (packets, addresses) in addressed(packets, target.address.as_ref(), way) {
        match addresses {
            Some(addresses) if addresses.is_empty() => sent.lost.push(packets),
            addresses => sent.on.extend(change(&packets, addresses.as_ref(), target.ports.as_ref())),
        }
    }
    sent
}

/// The packets, each set with the addresses that it may get; `None` where they keep theirs.
fn addressed(
    packets: &Packets,
    address: Option<&NewAddress>,
    way: Way<'_>,
) -> Vec<(Packets, Option<Intervals>)> {
    match (address, way) {
        (None, _) => vec![(packets.clone(), None)],
        (Some(NewAddress::One(addresses)), _) => vec![(packets.clone(), Some(addresses.clone()))],
        (Some(NewAddress::Unknown), _) => {
            vec![(packets.clone(), Some(Field::Destination.all(packets.family)))]
        }
        (Some(NewAddress::Same { network, bits }), _) => mapped(packets, *network, *bits),
        (Some(NewAddress::Own), Way::Out) => vec![(packets.clone(), Some(loopback(packets.family)))],
        (Some(NewAddress::Own), Way::In(around)) => own(packets, around),
    }
}

/// What a process of this host sends is redirected to the loopback device (net/netfilter/nf_nat_redirect.c).
fn loopback(family: Family) -> Intervals {
    Intervals::one(match family {
        Family::Ipv4 => 0x7f00_0001,
        Family::Ipv6 => 1,
    })
}

/// By the interface that they came in by, of which a redirect takes the first address; where it has none they are lost.
fn own(packets: &Packets, around: &Surroundings) -> Vec<(Packets, Option<Intervals>)> {
    let first = |at: usize| {
        let mut networks = around.interfaces[at].networks.iter();
        let own = networks.find(|network| network.addr().is_ipv4() == (packets.family == Family::Ipv4));
        own.map_or_else(Intervals::none, |network| Intervals::one(number(network.addr())))
    };
    let by = packets.of(Field::InInterface);
    let mut meant: Vec<usize> = (0..around.interfaces.len()).collect();
    meant.retain(|at| by.contains(*at as u128));
    if meant.len() > APART_MAX || packets.is_unknown(Field::InInterface) {
        let all = meant.iter().fold(Intervals::none(), |all, at| all.or(&first(*at)));
        return vec![(packets.clone(), Some(all))];
    }
    let each = meant.iter().filter_map(|at| {
        let packets = packets.only(Field::InInterface, &Intervals::one(*at as u128))?;
        Some((packets, Some(first(*at))))
    });
    // An interface that nobody listed may have any address.
    let listed = meant.iter().fold(Intervals::none(), |all, at| all.or(&Intervals::one(*at as u128)));
    let rest = packets.only(Field::InInterface, &by.except(&listed));
    let anywhere = Field::Destination.all(packets.family);
    each.chain(rest.map(|packets| (packets, Some(anywhere)))).collect()
}

/// By their last bits, which stay.
fn mapped(packets: &Packets, network: u128, bits: u32) -> Vec<(Packets, Option<Intervals>)> {
    let from = packets.of(Field::Destination);
    let kept = Intervals::prefix(0, bits).last().unwrap_or(0);
    let count =
        from.iter().fold(0_u128, |all, one| all.saturating_add(one.last - one.first).saturating_add(1));
    if count > APART_MAX as u128 || packets.is_unknown(Field::Destination) {
        let all = from.iter().map(|one| span(one, network, kept)).collect();
        return vec![(packets.clone(), Some(all))];
    }
    let each = from.iter().flat_map(|one| one.first..=one.last).filter_map(|address| {
        let packets = packets.only(Field::Destination, &Intervals::one(address))?;
        Some((packets, Some(Intervals::one(network & !kept | address & kept))))
    });
    each.collect()
}

/// What an interval is mapped onto: the whole network where its last bits turn over.
fn span(from: Interval, network: u128, kept: u128) -> Interval {
    let is_one_block = from.first & !kept == from.last & !kept;
    let (first, last) = if is_one_block { (from.first & kept, from.last & kept) } else { (0, kept) };
    Interval { first: network & !kept | first, last: network & !kept | last }
}

/// The packets with their new destination: those that were going there anyway stay what they were, and so does what is
/// known of their connection (`nf_nat_setup_info`).
fn change(packets: &Packets, addresses: Option<&Intervals>, ports: Option<&Intervals>) -> Vec<Packets> {
    let is_there = |packets: Packets, field, values: Option<&Intervals>| match values {
        Some(values) => packets.divide(field, values),
        None => Divided { yes: Some(packets), ..Divided::default() },
    };
    let mut changed = Vec::new();
    let at = is_there(packets.clone(), Field::Destination, addresses);
    changed.extend(at.no.map(|packets| go(packets, addresses, ports, Changed::Yes)));
    changed.extend(at.perhaps.map(|packets| go(packets, addresses, ports, Changed::Perhaps)));
    let Some(packets) = at.yes else { return changed };
    let at = is_there(packets, Field::DestinationPort, ports);
    changed.extend(at.no.map(|packets| go(packets, addresses, ports, Changed::Yes)));
    changed.extend(at.perhaps.map(|packets| go(packets, addresses, ports, Changed::Perhaps)));
    let is_one = |values: Option<&Intervals>| values.is_none_or(|values| values.only().is_some());
    changed.extend(at.yes.map(|packets| {
        if is_one(addresses) && is_one(ports) {
            packets
        } else {
            go(packets, addresses, ports, Changed::Perhaps)
        }
    }));
    changed
}

/// Whether a destination is another one than before.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Changed {
    Yes,
    Perhaps,
}

fn go(
    packets: Packets,
    addresses: Option<&Intervals>,
    ports: Option<&Intervals>,
    changed: Changed,
) -> Packets {
    let packets = match addresses {
        Some(addresses) => packets.to_address(addresses.clone()),
        None => packets,
    };
    let packets = match ports {
        Some(ports) => packets.to_port(ports.clone()),
        None => packets,
    };
    let status = packets.of(Field::Status).only().unwrap_or(0);
    let set = Intervals::one(status | DESTINATION_IS_REWRITTEN);
    match changed {
        Changed::Yes => packets.with(Field::Status, set),
        Changed::Perhaps => packets.with_one_of(Field::Status, set.or(&Intervals::one(status))),
    }
}
