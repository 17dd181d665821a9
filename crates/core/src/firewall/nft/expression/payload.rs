//! The bytes of a packet (nft(8), "PAYLOAD EXPRESSIONS").
//!
//! nft does not print that the packet must be of the protocol that has these bytes, but asks it all the same.

use serde_json::Value;

use super::{Doubt, Key, Part};
use crate::{
    address::Family,
    firewall::{
        nft::{names::Type, text},
        packets::{Field, family_number},
        ruleset::Layer,
    },
};

const TCP: u128 = 6;
const ICMP: u128 = 1;
const ICMPV6: u128 = 58;

pub(super) fn part(inner: &Value, layer: Layer) -> Part {
    let (Some(protocol), Some(field)) = (text(inner, "protocol"), text(inner, "field")) else {
        return Part::new(Key::Unknown);
    };
    match protocol {
        "ip" => of_family(Family::Ipv4, field),
        "ip6" => of_family(Family::Ipv6, field),
        "icmp" => of_icmp(field, [Type::IcmpKind, Type::IcmpCode])
            .where_only(Field::Family, family_number(Family::Ipv4))
            .where_only(Field::Protocol, ICMP),
        "icmpv6" => of_icmp(field, [Type::Icmp6Kind, Type::Icmp6Code])
            .where_only(Field::Family, family_number(Family::Ipv6))
            .where_only(Field::Protocol, ICMPV6),
        "ether" if field == "type" && layer == Layer::Bridge => Part::of(Field::Family, Type::Family),
        "th" => of_ports(field).doubting(Doubt::NotPorts),
        "tcp" if field == "flags" => {
            Part::of(Field::TcpFlags, Type::TcpFlags).where_only(Field::Protocol, TCP)
        }
        _ => only(protocol, of_ports(field)),
    }
}

/// What only packets of one protocol have, and nothing here tells.
pub(super) fn only_of(expression: &str) -> Part {
    let protocol = expression.split(' ').next().unwrap_or(expression);
    only(protocol, Part::new(Key::Unknown))
}

/// Something that only packets of `protocol` have.
fn only(protocol: &str, part: Part) -> Part {
    let transport = ["tcp", "udp", "udplite", "sctp", "dccp", "ah", "esp", "comp", "igmp"];
    match Type::Protocol.number(protocol) {
        Some(number) if transport.contains(&protocol) => part.where_only(Field::Protocol, number),
        // Of another layer: Ethernet, VLAN, ARP, what a tunnel carries.
        _ => Part::new(Key::Unknown),
    }
}

fn of_family(family: Family, field: &str) -> Part {
    let part = match field {
        "saddr" => Part::of(Field::Source, Type::Address(family)),
        "daddr" => Part::of(Field::Destination, Type::Address(family)),
        "protocol" | "nexthdr" => Part::of(Field::Protocol, Type::Protocol),
        _ => Part::new(Key::Unknown),
    };
    part.where_only(Field::Family, family_number(family))
}

fn of_icmp(field: &str, [kind, code]: [Type; 2]) -> Part {
    match field {
        "type" => Part::of(Field::IcmpType, kind),
        "code" => Part::of(Field::IcmpCode, code),
        _ => Part::new(Key::Unknown),
    }
}

fn of_ports(field: &str) -> Part {
    match field {
        "sport" => Part::of(Field::SourcePort, Type::Port),
        "dport" => Part::of(Field::DestinationPort, Type::Port),
        _ => Part::new(Key::Unknown),
    }
}
