//! Puts elements together that differ in one field alone, so that a question about a large set is short.

use alloc::{collections::BTreeMap, string::String, vec, vec::Vec};

use super::{
    element::{Form, Leaf, Part},
    kinds::Dimension,
};
use crate::firewall::{
    intervals::{Interval, Intervals},
    protocols::{ICMP, ICMPV6, TCP, UDP},
};

/// What one field of a packet may be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    Address(Intervals),
    Ports(u8, Intervals),
    Interface { name: String, is_prefix: bool },
    Mark(Intervals),
    Unknown,
}

/// Every combination that is in the set; `None` where exceptions make that unclear.
pub(super) fn group(form: &Form, leaves: BTreeMap<Vec<Part>, Vec<Leaf>>) -> Option<Vec<Vec<Shape>>> {
    let has_exceptions = leaves.values().flatten().any(|leaf| leaf.is_except);
    if has_exceptions && !is_decided_by_first(form, &leaves) {
        return None;
    }
    if form.dimensions == [Dimension::BarePort] {
        let ports: Intervals = leaves.values().flatten().filter_map(|leaf| leaf.numbers).collect();
        let is_empty = ports.is_empty();
        let both = [TCP, UDP].map(|protocol| vec![Shape::Ports(protocol, ports.clone())]);
        return Some(if is_empty { Vec::new() } else { both.into() });
    }
    let mut groups: BTreeMap<Key, Vec<Interval>> = BTreeMap::new();
    let mut found = Vec::new();
    for (parts, leaves) in leaves {
        let first = numbers(&leaves);
        match parts.split_first() {
            // The types of ICMP are two fields.
            Some((Part::Port { protocol, port }, rest)) if !matches!(*protocol, ICMP | ICMPV6) => {
                let key = Key { first: list(first.as_ref()), protocol: *protocol, rest: rest.to_vec() };
                groups.entry(key).or_default().push(Interval { first: (*port).into(), last: (*port).into() });
            }
            _ => {
                let first = first.map_or(Shape::Unknown, Shape::Address);
                found.push([first].into_iter().chain(parts.into_iter().map(shape)).collect());
            }
        }
    }
    found.extend(groups.into_iter().map(|(key, ports)| {
        let ports = Shape::Ports(key.protocol, ports.into_iter().collect());
        let first = Shape::Address(key.first.into_iter().collect());
        [first, ports].into_iter().chain(key.rest.into_iter().map(shape)).collect()
    }));
    Some(found)
}

/// Elements that differ in their ports alone.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    first: Vec<Interval>,
    protocol: u8,
    rest: Vec<Part>,
}

fn list(intervals: Option<&Intervals>) -> Vec<Interval> {
    intervals.into_iter().flat_map(Intervals::iter).collect()
}

/// Whether the longest of the first networks decides: no other network does, and no interface is meant by its beginning.
fn is_decided_by_first(form: &Form, leaves: &BTreeMap<Vec<Part>, Vec<Leaf>>) -> bool {
    let [first, others @ ..] = form.dimensions else { return false };
    let is_prefix = |part: &Part| matches!(part, Part::Interface { is_prefix: true, .. } | Part::Unknown);
    *first == Dimension::Network
        && !others.contains(&Dimension::Network)
        && !leaves.keys().flatten().any(is_prefix)
}

/// The numbers that are in: the longest prefix decides about each. `None` where nobody can tell.
fn numbers(leaves: &[Leaf]) -> Option<Intervals> {
    let mut by_length: BTreeMap<u32, [Vec<Interval>; 2]> = BTreeMap::new();
    for leaf in leaves {
        by_length.entry(leaf.length).or_default()[usize::from(leaf.is_except)].push(leaf.numbers?);
    }
    if by_length.values().all(|[_, out]| out.is_empty()) {
        return Some(by_length.into_values().flat_map(|[inside, _]| inside).collect());
    }
    Some(by_length.into_values().fold(Intervals::none(), |all, [inside, out]| {
        all.or(&inside.into_iter().collect()).except(&out.into_iter().collect())
    }))
}

fn shape(part: Part) -> Shape {
    let one = |interval| [interval].into_iter().collect();
    match part {
        Part::Address(addresses) => Shape::Address(one(addresses)),
        Part::Port { protocol, port } => Shape::Ports(protocol, Intervals::one(port.into())),
        Part::Interface { name, is_prefix } => Shape::Interface { name, is_prefix },
        Part::Mark(marks) => Shape::Mark(one(marks)),
        Part::Unknown => Shape::Unknown,
    }
}
