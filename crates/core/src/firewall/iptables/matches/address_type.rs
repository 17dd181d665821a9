//! What kind of address it is to this host (net/netfilter/xt_addrtype.c).

use alloc::{vec, vec::Vec};

use super::{Given, Match, Scope};
use crate::{
    address::Family,
    firewall::{
        intervals::Intervals,
        iptables::questions::{any_of, either, not, not_if},
        packets::Field,
        ruleset::{AddressKind, Question, Tuple},
        surroundings::{Interface, number},
    },
};

pub(super) const ADDRTYPE: Match = Match {
    name: "addrtype",
    options: &[("--src-type", 1), ("--dst-type", 1), ("--limit-iface-in", 0), ("--limit-iface-out", 0)],
    read,
};

fn read(given: &[Given<'_>], scope: &Scope<'_>) -> Option<Question> {
    let by = given.iter().find_map(|option| match option.name {
        "--limit-iface-in" => Some(Field::InInterface),
        "--limit-iface-out" => Some(Field::OutInterface),
        _ => None,
    });
    let types = given.iter().filter(|option| option.name.ends_with("-type"));
    let asked = |option: &Given<'_>| {
        let field = if option.name == "--src-type" { Field::Source } else { Field::Destination };
        let mut words: Vec<_> = option.value().split(',').collect();
        words.sort_unstable();
        words.dedup();
        let question = match scope.family {
            Family::Ipv4 => v4(field, by, &words, scope)?,
            Family::Ipv6 if by.is_none() => v6(field, &words)?,
            Family::Ipv6 => return None,
        };
        Some(not_if(option.is_negated, question))
    };
    Some(Question::All(types.map(asked).collect::<Option<_>>()?))
}

/// An IPv4 address has one type, that of the table `local` (`inet_dev_addr_type`).
fn v4(field: Field, by: Option<Field>, words: &[&str], scope: &Scope<'_>) -> Option<Question> {
    let kind = |word: &&str| {
        Some(match *word {
            "LOCAL" => AddressKind::Local,
            "UNICAST" => AddressKind::Unicast,
            "BROADCAST" => AddressKind::Broadcast,
            "MULTICAST" => AddressKind::Multicast,
            "ANYCAST" => AddressKind::Anycast,
            "UNSPEC" | "BLACKHOLE" | "UNREACHABLE" | "PROHIBIT" | "THROW" | "NAT" | "XRESOLVE" => {
                AddressKind::Other
            }
            _ => return None,
        })
    };
    let kinds: Vec<_> = words.iter().map(kind).collect::<Option<_>>()?;
    Some(match by {
        Some(by) => any_of(kinds.into_iter().map(|kind| by_interface(field, by, kind, scope)).collect()),
        None => Question::Kind(field, kinds),
    })
}

/// The same, where other interfaces' addresses are strangers'.
fn by_interface(field: Field, by: Field, kind: AddressKind, scope: &Scope<'_>) -> Question {
    let everywhere = Question::Any(vec![vec![(field, Intervals::one(u32::MAX.into()))]]);
    match kind {
        AddressKind::Local => each(field, by, scope, local),
        AddressKind::Broadcast => either(everywhere, each(field, by, scope, broadcast)),
        AddressKind::Unicast => {
            let others = [AddressKind::Local, AddressKind::Broadcast, AddressKind::Multicast];
            Question::All(others.map(|kind| not(by_interface(field, by, kind, scope))).into())
        }
        AddressKind::Multicast | AddressKind::Anycast | AddressKind::Other => {
            Question::Kind(field, vec![kind])
        }
    }
}

fn each(field: Field, by: Field, scope: &Scope<'_>, addresses: fn(&Interface) -> Intervals) -> Question {
    let interfaces = scope.around.interfaces.iter().zip(0_u32..);
    let tuple = |(interface, at): (&Interface, u32)| -> Tuple {
        vec![(by, Intervals::one(at.into())), (field, addresses(interface))]
    };
    Question::Any(interfaces.map(tuple).collect())
}

fn local(interface: &Interface) -> Intervals {
    let own = interface.networks.iter().filter(|network| network.addr().is_ipv4());
    let loopback =
        if interface.name == "lo" { Intervals::prefix(0x7f00_0000, 24) } else { Intervals::none() };
    own.fold(loopback, |all, network| all.or(&Intervals::one(number(network.addr()))))
}

fn broadcast(interface: &Interface) -> Intervals {
    let wide = |network: &&ipnet::IpNet| network.addr().is_ipv4() && network.prefix_len() < 31;
    let last =
        interface.networks.iter().filter(wide).map(|network| Intervals::one(number(network.broadcast())));
    last.fold(Intervals::none(), |all, one| all.or(&one)).except(&local(interface))
}

/// An IPv6 address has several types, all of which must hold except those that a route tells (`match_type6`).
fn v6(field: Field, words: &[&str]) -> Option<Question> {
    let mut all = Vec::new();
    let mut routed = Vec::new();
    for word in words {
        match *word {
            "MULTICAST" => all.push(Question::Kind(field, vec![AddressKind::Multicast])),
            "UNICAST" => all.push(unicast(field)),
            "UNSPEC" => all.push(Question::Is(field, Intervals::one(0))),
            "LOCAL" => routed.push(Question::Kind(field, vec![AddressKind::Local])),
            "ANYCAST" | "UNREACHABLE" => routed.push(Question::Unknown),
            _ => return None,
        }
    }
    if !routed.is_empty() {
        all.push(any_of(routed));
    }
    Some(Question::All(all))
}

/// Neither of a group, nor none, nor an IPv4 address in IPv6's clothes (net/ipv6/addrconf_core.c, `__ipv6_addr_type`).
fn unicast(field: Field) -> Question {
    let mapped = Intervals::prefix(0xffff_0000_0000, 32);
    let apart = Question::Is(field, mapped.or(&Intervals::one(0)));
    Question::All(vec![not(Question::Kind(field, vec![AddressKind::Multicast])), not(apart)])
}
