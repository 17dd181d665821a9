//! Finds services that claim the same protocol, port, address and device, in one pass over sorted ports (A24, A25).

use alloc::{collections::BTreeMap, vec::Vec};
use core::net::IpAddr;

use super::{limits, lines::Mark, report::Report};
use crate::{
    address::Breadth,
    policy::Service,
    port::{PortSpec, Protocol},
    text,
};

/// A port or pool that a service declares.
#[derive(Clone, Copy, Debug)]
struct Declared<'a> {
    spec: PortSpec,
    service: &'a Service,
    at: Mark,
}

/// A declared port at one address; what is `None` stands for any.
#[derive(Clone, Copy, Debug)]
struct PortRule<'a> {
    port: Declared<'a>,
    address: Option<IpAddr>,
    device: Option<&'a str>,
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

/// Reports every port rule that overlaps an earlier one, unless there are more than a policy may have; the ports of
/// all services are written at `marks`.
pub(super) fn check(services: &[Service], marks: &[Mark], report: &mut Report<'_>) {
    let rules: usize = services.iter().map(|service| service.ports.len() * places(service).count()).sum();
    if rules > limits::PORT_RULES_MAX {
        refuse_so_many(marks, report);
        return;
    }
    let ports = services.iter().flat_map(|service| service.ports.iter().map(move |&spec| (service, spec)));
    let mut ports: Vec<_> =
        ports.zip(marks).map(|((service, spec), &at)| Declared { spec, service, at }).collect();
    ports.sort_unstable_by_key(|port| (port.spec.protocol, port.spec.range.first, port.at));
    // What is left of an address for a service that is steered is what nobody else has there.
    let (rest, ports): (Vec<_>, Vec<_>) = ports.into_iter().partition(|port| takes_the_rest(*port));
    let mut said = Vec::new();
    for neighbours in neighbourhoods(&ports).chain(neighbourhoods(&rest)) {
        check_neighbours(neighbours, &mut said, report);
    }
}

/// Whether it is all ports of some addresses, and packets for them are led: what others declare there is led more precisely, or
/// listens there itself.
fn takes_the_rest(port: Declared<'_>) -> bool {
    let Declared { spec, service, .. } = port;
    let is_all = spec.range.first <= 1 && spec.range.last == u16::MAX;
    is_all && service.steer.is_some() && !service.addresses.is_empty()
}

fn refuse_so_many(marks: &[Mark], report: &mut Report<'_>) {
    let most = limits::PORT_RULES_MAX;
    if let Some(&at) = marks.last() {
        report.wrong(
            at,
            text!("more than {most} ports and addresses", "ポートとアドレスの組が {most} 個を超えています"),
            text!("write ranges, or leave out addresses", "範囲で書くか、address を省いてください"),
        );
    }
}

/// Cuts sorted ports where no number on the left is on the right too: most ports of most policies stand alone.
fn neighbourhoods<'c, 'a>(mut ports: &'c [Declared<'a>]) -> impl Iterator<Item = &'c [Declared<'a>]> {
    core::iter::from_fn(move || {
        let PortSpec { range, protocol } = ports.first()?.spec;
        let mut highest = range.last;
        let reaches = |port: &&Declared<'_>| {
            let PortSpec { range, protocol: its } = port.spec;
            let is_near = its == protocol && range.first <= highest;
            highest = highest.max(range.last);
            is_near
        };
        let count = ports.iter().take_while(reaches).count();
        let (near, rest) = ports.split_at(count);
        ports = rest;
        Some(near)
    })
}

/// Reports what overlaps among ports whose numbers do.
fn check_neighbours<'a>(ports: &[Declared<'a>], said: &mut Vec<(Mark, Mark)>, report: &mut Report<'_>) {
    if ports.len() < 2 {
        return;
    }
    let at_places = |&port: &Declared<'a>| {
        places(port.service).map(move |(address, device)| PortRule { port, address, device })
    };
    let rules: Vec<_> = ports.iter().flat_map(at_places).collect();
    let mut longest: BTreeMap<Bucket<'_>, usize> = BTreeMap::new();
    for (index, rule) in rules.iter().enumerate() {
        let other = colliding(rule).into_iter().flatten().find_map(|bucket| {
            let other = rules[*longest.get(&bucket)?].port;
            let collides = other.spec.range.last >= rule.port.spec.range.first && other.at != rule.port.at;
            collides.then_some(other)
        });
        if let Some(other) = other
            && !said.contains(&(other.at, rule.port.at))
        {
            if said.len() < SAID_MAX {
                said.push((other.at, rule.port.at));
            }
            refuse(other, rule.port, report);
        }
        for bucket in holding(rule) {
            let entry = longest.entry(bucket).or_insert(index);
            if rules[*entry].port.spec.range.last <= rule.port.spec.range.last {
                *entry = index;
            }
        }
    }
}

/// The same two rules may meet at several addresses: so many pairs are remembered, to be said once.
const SAID_MAX: usize = 256;

/// Where a service may be bound: each address with its device, or anywhere.
fn places(service: &Service) -> impl Iterator<Item = (Option<IpAddr>, Option<&str>)> {
    let Service { addresses, device, .. } = service;
    let device = device.as_deref();
    let is_anywhere =
        addresses.is_empty() || addresses.iter().any(|address| address.breadth() == Breadth::Wildcard);
    let listed = if is_anywhere { &[][..] } else { &addresses[..] };
    let listed = listed
        .iter()
        .map(move |address| (Some(address.ip.to_canonical()), device.or(address.interface.as_deref())));
    is_anywhere.then_some((None, device)).into_iter().chain(listed)
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
    let bucket = |address: usize, device: usize| {
        Some((rule.port.spec.protocol, addresses[address]?, devices[device]?))
    };
    [bucket(0, 0), bucket(0, 1), bucket(1, 0), bucket(1, 1)]
}

/// The buckets that this rule belongs to.
fn holding<'a>(rule: &PortRule<'a>) -> [Bucket<'a>; 4] {
    use Coordinate::{Only, Unnamed, Whichever};
    let address = rule.address.map_or(Unnamed, Only);
    let device = rule.device.map_or(Unnamed, Only);
    let protocol = rule.port.spec.protocol;
    [
        (protocol, address, device),
        (protocol, address, Whichever),
        (protocol, Whichever, device),
        (protocol, Whichever, Whichever),
    ]
}

fn refuse(one: Declared<'_>, other: Declared<'_>, report: &mut Report<'_>) {
    let (one, other) = if one.at <= other.at { (one, other) } else { (other, one) };
    let Some(range) = one.spec.range.meet(other.spec.range) else { return };
    let shared = PortSpec { range, protocol: one.spec.protocol };
    let (first, second) = (&one.service.name, &other.service.name);
    if core::ptr::eq(one.service, other.service) {
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
