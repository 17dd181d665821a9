//! Finds services that claim the same protocol, port, address and device, in one pass over sorted ports (A24, A25).

use alloc::{collections::BTreeMap, vec::Vec};
use core::net::IpAddr;

use super::{limits, lines::Mark, report::Report, service::Declared};
use crate::{
    address::{Address, Breadth},
    port::{PortRange, PortSpec, Protocol},
    text,
};

/// One port rule at one address; what is `None` stands for any.
#[derive(Clone, Copy, Debug)]
struct PortRule<'a> {
    spec: PortSpec,
    address: Option<IpAddr>,
    device: Option<&'a str>,
    service: usize,
    index: usize,
    at: Mark,
}

/// What a rule can collide with: rules at this address, or at any, or at whichever.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Coordinate<T> {
    /// Rules that name exactly this one.
    Only(T),
    /// Rules that name none.
    Unnamed,
    /// Rules of both kinds.
    Whichever,
}

type Bucket<'a> = (Protocol, Coordinate<IpAddr>, Coordinate<&'a str>);

/// Reports every port rule that overlaps an earlier one; `None` where there are more rules than a policy may have.
pub(super) fn check(services: &[Declared], report: &mut Report<'_>) {
    let Some(mut rules) = port_rules(services) else {
        let at = services.last().and_then(|last| last.ports.last()).map(|(at, _)| *at);
        let most = limits::PORT_RULES_MAX;
        if let Some(at) = at {
            report.wrong(
                at,
                text!(
                    "more than {most} ports and addresses",
                    "ポートとアドレスの組が {most} 個を超えています"
                ),
                text!("write ranges, or leave out addresses", "範囲で書くか、address を省いてください"),
            );
        }
        return;
    };
    rules.sort_by_key(|rule| (rule.spec.range.first, rule.at));
    let mut longest: BTreeMap<Bucket<'_>, usize> = BTreeMap::new();
    let mut said = Vec::new();
    for (index, rule) in rules.iter().enumerate() {
        let other = colliding(rule).into_iter().flatten().find_map(|bucket| {
            let other = &rules[*longest.get(&bucket)?];
            let collides = other.spec.range.last >= rule.spec.range.first
                && (other.service, other.index) != (rule.service, rule.index);
            collides.then_some(other)
        });
        if let Some(other) = other
            && !said.contains(&(other.at, rule.at))
        {
            if said.len() < SAID_MAX {
                said.push((other.at, rule.at));
            }
            refuse(services, other, rule, report);
        }
        for bucket in holding(rule) {
            let entry = longest.entry(bucket).or_insert(index);
            if rules[*entry].spec.range.last <= rule.spec.range.last {
                *entry = index;
            }
        }
    }
}

/// The same two rules may meet at several addresses: so many pairs are remembered, to be said once.
const SAID_MAX: usize = 256;

fn port_rules(services: &[Declared]) -> Option<Vec<PortRule<'_>>> {
    let mut rules = Vec::new();
    for (service, declared) in services.iter().enumerate() {
        let places = places(&declared.service.addresses);
        for (index, &(at, spec)) in declared.ports.iter().enumerate() {
            for &(address, interface) in &places {
                let device = declared.service.device.as_deref().or(interface);
                rules.push(PortRule { spec, address, device, service, index, at });
            }
            if rules.len() > limits::PORT_RULES_MAX {
                return None;
            }
        }
    }
    Some(rules)
}

/// Where a service may be bound: each address with its interface, or anywhere.
fn places(addresses: &[Address]) -> Vec<(Option<IpAddr>, Option<&str>)> {
    if addresses.is_empty() || addresses.iter().any(|address| address.breadth() == Breadth::Wildcard) {
        return alloc::vec![(None, None)];
    }
    addresses.iter().map(|address| (Some(address.ip.to_canonical()), address.interface.as_deref())).collect()
}

/// The buckets that hold every rule which meets this one.
fn colliding<'a>(rule: &PortRule<'a>) -> [Option<Bucket<'a>>; 4] {
    use Coordinate::{Only, Unnamed, Whichever};
    let addresses = match rule.address {
        Some(address) => [Some(Only(address)), Some(Unnamed)],
        None => [Some(Whichever), None],
    };
    let devices = match rule.device {
        Some(device) => [Some(Only(device)), Some(Unnamed)],
        None => [Some(Whichever), None],
    };
    let bucket =
        |address: usize, device: usize| Some((rule.spec.protocol, addresses[address]?, devices[device]?));
    [bucket(0, 0), bucket(0, 1), bucket(1, 0), bucket(1, 1)]
}

/// The buckets that this rule belongs to.
fn holding<'a>(rule: &PortRule<'a>) -> [Bucket<'a>; 4] {
    use Coordinate::{Only, Unnamed, Whichever};
    let address = rule.address.map_or(Unnamed, Only);
    let device = rule.device.map_or(Unnamed, Only);
    let protocol = rule.spec.protocol;
    [
        (protocol, address, device),
        (protocol, address, Whichever),
        (protocol, Whichever, device),
        (protocol, Whichever, Whichever),
    ]
}

fn refuse(services: &[Declared], one: &PortRule<'_>, other: &PortRule<'_>, report: &mut Report<'_>) {
    let (one, other) = if one.at <= other.at { (one, other) } else { (other, one) };
    let shared = PortSpec {
        range: PortRange {
            first: one.spec.range.first.max(other.spec.range.first),
            last: one.spec.range.last.min(other.spec.range.last),
        },
        protocol: one.spec.protocol,
    };
    let (first, second) = (&services[one.service].service.name, &services[other.service].service.name);
    if one.service == other.service {
        report.clash(
            one.at,
            other.at,
            text!(
                "service.{first} claims {shared} twice",
                "service.{first} が {shared} を 2 回宣言しています"
            ),
            text!("delete one of them", "一方を削除してください"),
        );
        return;
    }
    report.clash(
        one.at,
        other.at,
        text!(
            "service.{first} and service.{second} both claim {shared}",
            "service.{first} と service.{second} がどちらも {shared} を宣言しています"
        ),
        text!(
            "give one of them another port, or bind them to different addresses",
            "一方のポートを変えるか、別々のアドレスで待ち受けてください"
        ),
    );
}
