//! Names of protocols above IP, as /etc/protocols has them (IANA, Assigned Internet Protocol Numbers).

/// Those of Debian's netbase, by which nft and iptables print them, and those that both take beside them.
const NAMES: &[(&str, u8)] = &[
    ("hopopt", 0),
    ("icmp", 1),
    ("igmp", 2),
    ("ggp", 3),
    ("ipencap", 4),
    ("ipip", 94),
    ("st", 5),
    ("tcp", 6),
    ("egp", 8),
    ("igp", 9),
    ("pup", 12),
    ("udp", 17),
    ("hmp", 20),
    ("xns-idp", 22),
    ("rdp", 27),
    ("iso-tp4", 29),
    ("dccp", 33),
    ("xtp", 36),
    ("ddp", 37),
    ("idpr-cmtp", 38),
    ("ipv6", 41),
    ("ipv6-route", 43),
    ("ipv6-frag", 44),
    ("idrp", 45),
    ("rsvp", 46),
    ("gre", 47),
    ("esp", 50),
    ("ah", 51),
    ("skip", 57),
    ("ipv6-icmp", 58),
    ("icmpv6", 58),
    ("ipv6-nonxt", 59),
    ("ipv6-opts", 60),
    ("rspf", 73),
    ("vmtp", 81),
    ("eigrp", 88),
    ("ospf", 89),
    ("ospfigp", 89),
    ("ax.25", 93),
    ("etherip", 97),
    ("encap", 98),
    ("pim", 103),
    ("ipcomp", 108),
    ("vrrp", 112),
    ("l2tp", 115),
    ("isis", 124),
    ("sctp", 132),
    ("fc", 133),
    ("mobility-header", 135),
    ("udplite", 136),
    ("mpls-in-ip", 137),
    ("manet", 138),
    ("hip", 139),
    ("shim6", 140),
    ("wesp", 141),
    ("rohc", 142),
    ("ethernet", 143),
];

/// What iptables and ipset take beside them.
const OF_IPTABLES: &[(&str, u8)] =
    &[("ipsec-esp", 50), ("ipsec-ah", 51), ("icmp6", 58), ("ipv6-mh", 135), ("mh", 135)];

/// What nft takes beside them. To iptables `ip` is every protocol.
const OF_NFT: &[(&str, u8)] = &[("ip", 0), ("comp", 108)];

/// ICMP.
pub(super) const ICMP: u8 = 1;
/// TCP.
pub(super) const TCP: u8 = 6;
/// UDP.
pub(super) const UDP: u8 = 17;
/// ICMPv6.
pub(super) const ICMPV6: u8 = 58;
/// SCTP.
pub(super) const SCTP: u8 = 132;
/// UDP-Lite.
pub(super) const UDPLITE: u8 = 136;

/// The number of the protocol with this name, or this number, as iptables and ipset read it.
pub(super) fn number(text: &str) -> Option<u8> {
    let mut names = NAMES.iter().chain(OF_IPTABLES);
    let named = || names.find(|(name, _)| name.eq_ignore_ascii_case(text)).map(|(_, number)| *number);
    text.parse().ok().or_else(named)
}

/// The number of the protocol that nft prints by this name.
pub(crate) fn named_by_nft(text: &str) -> Option<u8> {
    NAMES.iter().chain(OF_NFT).find(|(name, _)| *name == text).map(|(_, number)| *number)
}

/// The name by which nft prints this number, where the host has /etc/protocols.
pub(crate) fn printed_by_nft(number: u8) -> Option<&'static str> {
    NAMES.iter().find(|(_, known)| *known == number).map(|(name, _)| *name)
}
