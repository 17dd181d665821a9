//! The kinds of sets, and what each looks up (ipset(8), "SET TYPES").

use crate::firewall::protocols::{SCTP, TCP, UDP, UDPLITE};

/// Something of a packet that a set looks up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dimension {
    /// An address.
    Address,
    /// An address, by its network.
    Network,
    /// A protocol and its port.
    Port,
    /// A port of TCP or UDP.
    BarePort,
    /// An interface.
    Interface,
    /// A hardware address, which packets do not tell here.
    Mac,
    /// A mark.
    Mark,
    /// Whatever other sets look up.
    Set,
}

use Dimension::{Address, BarePort, Interface, Mac, Mark, Network, Port, Set};

const KINDS: &[(&str, &[Dimension])] = &[
    ("bitmap:ip", &[Address]),
    ("bitmap:ip,mac", &[Address, Mac]),
    ("bitmap:port", &[BarePort]),
    ("hash:ip", &[Address]),
    ("hash:ip,mac", &[Address, Mac]),
    ("hash:ip,mark", &[Address, Mark]),
    ("hash:ip,port", &[Address, Port]),
    ("hash:ip,port,ip", &[Address, Port, Address]),
    ("hash:ip,port,net", &[Address, Port, Network]),
    ("hash:mac", &[Mac]),
    ("hash:net", &[Network]),
    ("hash:net,iface", &[Network, Interface]),
    ("hash:net,net", &[Network, Network]),
    ("hash:net,port", &[Network, Port]),
    ("hash:net,port,net", &[Network, Port, Network]),
    ("list:set", &[Set]),
];

/// What a set of this kind looks up.
pub(super) fn dimensions(kind: &str) -> Option<&'static [Dimension]> {
    KINDS.iter().find(|(name, _)| *name == kind).map(|(_, dimensions)| *dimensions)
}

/// Whether packets of a protocol have ports that a set looks up (net/netfilter/ipset/ip_set_getport.c).
pub(super) const fn has_ports(protocol: u8) -> bool {
    matches!(protocol, TCP | UDP | UDPLITE | SCTP)
}
