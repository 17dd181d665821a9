//! The names by which nft prints numbers (nft(8), "data types").

mod conntrack;
mod icmp;

use crate::{address::Family, firewall::protocols};

/// What a number means, by which its names are known and its width.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Type {
    Address(Family),
    /// An interface by its name; with `*` at the end every one whose name begins so.
    Interface,
    /// An interface by its kind of link.
    Link,
    Port,
    Protocol,
    /// IPv4 or IPv6, by the number of netfilter or by that of Ethernet.
    Family,
    State,
    Status,
    Direction,
    Mark,
    TcpFlags,
    IcmpKind,
    IcmpCode,
    Icmp6Kind,
    Icmp6Code,
}

/// Names and their numbers.
type Table = &'static [(&'static str, u128)];

const TCP_FLAGS: Table = &[
    ("fin", 0x01),
    ("syn", 0x02),
    ("rst", 0x04),
    ("psh", 0x08),
    ("ack", 0x10),
    ("urg", 0x20),
    ("ecn", 0x40),
    ("cwr", 0x80),
];

/// A number that is the family of no packet with ports: ARP, VLAN and other frames.
const OTHER_FAMILY: u128 = 0;
const FAMILIES: Table = &[
    ("ipv4", 2),
    ("ipv6", 10),
    ("ip", 2),
    ("ip6", 10),
    ("arp", OTHER_FAMILY),
    ("vlan", OTHER_FAMILY),
    ("8021q", OTHER_FAMILY),
    ("8021ad", OTHER_FAMILY),
];

impl Type {
    /// The number that `name` stands for.
    pub(super) fn number(self, name: &str) -> Option<u128> {
        if self == Self::Protocol {
            return protocols::named_by_nft(name).map(u128::from);
        }
        let table = self.table();
        table.iter().find(|(own, _)| *own == name).map(|(_, number)| *number)
    }

    /// Whether several of its bits are written as a list of names.
    pub(super) const fn is_bits(self) -> bool {
        matches!(self, Self::State | Self::Status | Self::TcpFlags | Self::Mark)
    }

    /// How many bits it has.
    pub(super) const fn bits(self) -> u32 {
        match self {
            Self::Address(Family::Ipv6) => 128,
            Self::Address(Family::Ipv4) | Self::Interface | Self::Link => 32,
            Self::Mark | Self::State | Self::Status => 32,
            Self::Port => 16,
            _ => 8,
        }
    }

    const fn table(self) -> Table {
        match self {
            Self::Address(_) | Self::Interface | Self::Link | Self::Port | Self::Mark | Self::Protocol => &[],
            Self::Family => FAMILIES,
            Self::State => conntrack::STATES,
            Self::Status => conntrack::STATUS,
            Self::Direction => conntrack::DIRECTIONS,
            Self::TcpFlags => TCP_FLAGS,
            Self::IcmpKind => icmp::TYPES,
            Self::IcmpCode => icmp::CODES,
            Self::Icmp6Kind => icmp::TYPES_6,
            Self::Icmp6Code => icmp::CODES_6,
        }
    }
}
