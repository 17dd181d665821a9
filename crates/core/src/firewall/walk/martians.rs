//! Packets that the kernel refuses whatever the rules say, by where they claim to come from or to go (A4, A17).
//!
//! net/ipv4/route.c, `ip_route_input_slow` and `fib_validate_source`; net/ipv6/ip6_input.c, `ip6_rcv_core`.

use alloc::vec::Vec;

use crate::{
    address::Family,
    firewall::{
        intervals::Intervals,
        packets::{Field, Packets},
        ruleset::AddressKind,
        surroundings::Surroundings,
    },
};

/// Interfaces, and the addresses that a packet that came in there may not come from, or go to.
pub(super) type Strange = (Intervals, Field, Intervals);

/// Those of `packets` that are routed, and those that are refused.
pub(super) fn sort(strange: &[Strange], packets: &Packets) -> (Vec<Packets>, Vec<Packets>) {
    let (mut routed, mut refused) = ([packets.clone()].to_vec(), Vec::new());
    for (interfaces, field, addresses) in strange {
        for packets in core::mem::take(&mut routed) {
            let on = packets.divide(Field::InInterface, interfaces);
            routed.extend(on.no.into_iter().chain(on.perhaps));
            let Some(packets) = on.yes else { continue };
            let divided = packets.divide(*field, addresses);
            refused.extend(divided.yes);
            // What may have been rewritten to such an address may as well have been to another one.
            routed.extend(divided.no.into_iter().chain(divided.perhaps));
        }
    }
    (routed, refused)
}

/// The addresses that no packet of `family` may come from, or go to, on which interfaces.
pub(super) fn strange(around: &Surroundings, family: Family) -> Vec<Strange> {
    let wires = Field::InInterface.all(family).except(&around.named("lo"));
    if family == Family::Ipv6 {
        let nobody = Intervals::one(1).or(&Intervals::prefix(0xff << 120, 120));
        let refusing = around.those(|interface| interface.refuses_ipv6);
        return [
            (refusing, Field::Source, Field::Source.all(family)),
            (wires.clone(), Field::Source, nobody),
            (wires, Field::Destination, Intervals::one(1)),
        ]
        .into();
    }
    let loopback = Intervals::prefix(0x7f00_0000, 24);
    let nobody = Intervals::prefix(0, 24).or(&Intervals::prefix(0xe000_0000, 29));
    let own = around.of_kind(AddressKind::Local, family).except(&loopback);
    let strict = wires.except(&around.those(|interface| interface.routes_localnet));
    let proud = wires.except(&around.those(|interface| interface.accepts_local));
    let mut strange: Vec<Strange> = [
        (wires, Field::Source, nobody),
        (strict.clone(), Field::Source, loopback.clone()),
        (strict, Field::Destination, loopback),
        (proud, Field::Source, own),
    ]
    .into();
    let local = around.of_kind(AddressKind::Local, family);
    for at in 0..around.interfaces.len() {
        let Some(sources) = around.with_way_back(at) else { continue };
        let others = Field::Source.all(family).except(&sources).except(&local);
        strange.push((Intervals::one(at as u128), Field::Source, others));
    }
    strange
}
