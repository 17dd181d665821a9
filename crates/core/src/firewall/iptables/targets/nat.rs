//! Addresses and ports that packets are sent on to (net/netfilter/xt_nat.c).

use alloc::{vec, vec::Vec};

use super::{Given, Scope, Target, not_understood};
use crate::{
    address::Family,
    firewall::{
        intervals::Intervals,
        iptables::{
            numbers::{address, addresses, free, mask, span},
            tables::Table,
        },
        ruleset::{self, Decision, Hook, NewAddress, Step},
    },
};

pub(super) const DNAT: Target = Target {
    name: "DNAT",
    options: &[("--to-destination", 1), ("--random", 0), ("--persistent", 0)],
    read: destination,
};

pub(super) const REDIRECT: Target = Target {
    name: "REDIRECT",
    options: &[("--to-ports", 1), ("--random", 0)],
    read: |given, _| {
        let to = given.iter().find(|option| option.name == "--to-ports");
        let ports = match to {
            Some(option) => Some(ports(option.value())?),
            None => None,
        };
        Some(rewrite(Some(NewAddress::Own), ports))
    },
};

pub(super) const SNAT: Target = Target {
    name: "SNAT",
    options: &[("--to-source", 1), ("--random", 0), ("--random-fully", 0), ("--persistent", 0)],
    read: |_, _| Some(source()),
};

pub(super) const MASQUERADE: Target = Target {
    name: "MASQUERADE",
    options: &[("--to-ports", 1), ("--random", 0), ("--random-fully", 0)],
    read: |_, _| Some(source()),
};

/// The host's part of the address stays, and the network's becomes another.
pub(super) const NETMAP: Target = Target { name: "NETMAP", options: &[("--to", 1)], read: network };

fn rewrite(address: Option<NewAddress>, ports: Option<Intervals>) -> Vec<Step> {
    vec![Step::Rewrite(ruleset::Target { address, ports })]
}

/// Where packets are sent to stays.
fn source() -> Vec<Step> {
    vec![Step::ChangeSource, Step::Decide(Decision::Accept)]
}

fn destination(given: &[Given<'_>], scope: &Scope<'_>) -> Option<Vec<Step>> {
    let mut to = given.iter().filter(|option| option.name == "--to-destination");
    let (first, None) = (to.next()?, to.next()) else { return None };
    let (to, at) = parts(first.value(), scope.family)?;
    let one = if to.is_empty() { None } else { Some(addresses(to, scope.family)?) };
    let ports = if at.is_empty() { None } else { Some(ports(at)?) };
    (one.is_some() || ports.is_some()).then(|| rewrite(one.map(NewAddress::One), ports))
}

/// The addresses and the ports of `10.0.0.1-10.0.0.5:80-90`, `:80` or `[2001:db8::1]:80`.
fn parts(text: &str, family: Family) -> Option<(&str, &str)> {
    if let Some(inside) = text.strip_prefix('[') {
        let (addresses, after) = inside.split_once(']')?;
        return if after.is_empty() {
            Some((addresses, ""))
        } else {
            Some((addresses, after.strip_prefix(':')?))
        };
    }
    match text.split_once(':') {
        Some((addresses, ports))
            if family == Family::Ipv4 || addresses.is_empty() && !ports.starts_with(':') =>
        {
            Some((addresses, ports))
        }
        _ => Some((text, "")),
    }
}

/// `80`, `80-90`, or `4000-4010/3000`, where the offset from the base says which: one of them.
fn ports(text: &str) -> Option<Intervals> {
    span(text.split_once('/').map_or(text, |(ports, _)| ports), '-').filter(|ports| !ports.is_empty())
}

fn network(given: &[Given<'_>], scope: &Scope<'_>) -> Option<Vec<Step>> {
    let hook = Table::Nat.hook(scope.chain).filter(|_| scope.table == Table::Nat);
    Some(match hook {
        Some(Hook::Prerouting | Hook::Output) => {
            let (to, length) = given.first()?.value().split_once('/')?;
            let (to, mask) = (address(to, scope.family)?, mask(length, scope.family)?);
            let free = free(mask, scope.family);
            let new = free.map(|bits| NewAddress::Same { network: to, bits });
            rewrite(Some(new.unwrap_or(NewAddress::Unknown)), None)
        }
        Some(_) => source(),
        // Whether it is the source or the destination depends on who jumped there.
        None => not_understood(),
    })
}
