//! What rules make of packets: another destination, another mark (nft(8), "NAT statements", A4).

use crate::{
    address::Family,
    firewall::{
        intervals::Intervals,
        packets::{Field, Packets},
        ruleset::{NewAddress, Target, Value},
        surroundings::{Surroundings, number},
    },
};

/// Whose packets are redirected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Redirected {
    /// Those that came in by an interface.
    Arriving,
    /// Those that this host sends.
    Leaving,
}

/// `packets`, sent on to `target`.
pub(super) fn send_on(
    packets: &Packets,
    target: &Target,
    whose: Redirected,
    around: &Surroundings,
) -> Packets {
    let mut packets = packets.clone();
    packets = match &target.address {
        None => packets,
        Some(NewAddress::One(addresses)) => packets.to_address(addresses.clone()),
        Some(NewAddress::Own) => {
            let own = match whose {
                Redirected::Leaving => loopback(packets.family),
                Redirected::Arriving => own_addresses(&packets, around),
            };
            packets.to_address(own)
        }
        Some(NewAddress::Unknown) => {
            let all = Field::Destination.all(packets.family);
            packets.to_address(all)
        }
    };
    if let Some(ports) = &target.ports {
        packets = packets.to_port(ports.clone());
    }
    let status = packets.of(Field::Status).only().unwrap_or(0) | DESTINATION_IS_REWRITTEN;
    packets.with(Field::Status, Intervals::one(status))
}

/// include/uapi/linux/netfilter/nf_conntrack_common.h, `IPS_DST_NAT`.
const DESTINATION_IS_REWRITTEN: u128 = 1 << 5;

/// What a process of this host sends is redirected to the loopback device (net/netfilter/nf_nat_redirect.c).
fn loopback(family: Family) -> Intervals {
    Intervals::one(match family {
        Family::Ipv4 => 0x7f00_0001,
        Family::Ipv6 => 1,
    })
}

/// The addresses that a redirect may choose: the first one of the interface that the packet came in by.
fn own_addresses(packets: &Packets, around: &Surroundings) -> Intervals {
    let is_in = |at: u128| packets.of(Field::InInterface).contains(at);
    let interfaces = around.interfaces.iter().zip(0_u128..).filter(|(_, at)| is_in(*at));
    let first = interfaces.filter_map(|(interface, _)| {
        let mut networks = interface.networks.iter();
        networks.find(|network| network.addr().is_ipv4() == (packets.family == Family::Ipv4))
    });
    first.fold(Intervals::none(), |all, network| all.or(&Intervals::one(number(network.addr()))))
}

/// `packets` with another value of `field`.
pub(super) fn set(packets: &Packets, field: Field, value: &Value) -> Packets {
    let own = packets.clone();
    match value {
        Value::Number(number) => own.with(field, Intervals::one(*number)),
        Value::Of(other) => {
            let values = packets.of(*other).clone();
            own.with_one_of(field, values)
        }
        Value::Bits { mask, flip } => match packets.of(field).only() {
            Some(number) => own.with(field, Intervals::one((number & mask) ^ flip)),
            None => own.with_one_of(field, field.all(packets.family)),
        },
        Value::Mixed { keep, from, take } => match (packets.of(field).only(), packets.of(*from).only()) {
            (Some(own_number), Some(number)) => {
                own.with(field, Intervals::one((own_number & keep) ^ (number & take)))
            }
            _ => own.with_one_of(field, field.all(packets.family)),
        },
        Value::Unknown => own.with_one_of(field, field.all(packets.family)),
    }
}
