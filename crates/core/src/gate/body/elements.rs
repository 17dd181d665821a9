//! The elements of a set of intervals, as nft writes and lists them (nft(8), "SETS").

use alloc::{format, string::String, vec::Vec};

use serde_json::{Value, json};

use super::SetKind;
use crate::{
    address::Family,
    firewall::{Interval, Intervals, address, number, numbers},
};

/// `443`, `30000-30099`, `192.0.2.7`, `192.0.2.0/24` or `192.0.2.3-192.0.2.9`.
pub(super) fn written(element: Interval, kind: SetKind) -> String {
    let one = |number| one(number, kind);
    match length(element, kind) {
        _ if element.first == element.last => one(element.first),
        Some(length) => format!("{}/{length}", one(element.first)),
        None => format!("{}-{}", one(element.first), one(element.last)),
    }
}

/// The same in a listing.
pub(super) fn listed(element: Interval, kind: SetKind) -> Value {
    let one = |number: u128| match kind {
        SetKind::Ports => json!(u16::try_from(number).unwrap_or(u16::MAX)),
        SetKind::Addresses(family) => json!(format!("{}", address(number, family))),
    };
    match length(element, kind) {
        _ if element.first == element.last => one(element.first),
        Some(length) => json!({"prefix": {"addr": one(element.first), "len": length}}),
        None => json!({"range": [one(element.first), one(element.last)]}),
    }
}

/// The elements of a listing; `None` where one of them is of another kind.
pub(super) fn read(elements: &Value, kind: SetKind) -> Option<Intervals> {
    elements.as_array()?.iter().map(|element| interval(element, kind)).collect()
}

fn interval(element: &Value, kind: SetKind) -> Option<Interval> {
    if let Some([first, last]) = element.get("range").and_then(Value::as_array).map(Vec::as_slice) {
        let (first, last) = (value(first, kind)?, value(last, kind)?);
        return (first <= last).then_some(Interval { first, last });
    }
    if let Some(prefix) = element.get("prefix") {
        let network = format!("{}/{}", prefix.get("addr")?.as_str()?, prefix.get("len")?.as_u64()?);
        let SetKind::Addresses(family) = kind else { return None };
        let network: ipnet::IpNet = network.parse().ok()?;
        return numbers(network).iter().next().filter(|_| network.addr().is_ipv4() == is_ipv4(family));
    }
    let number = value(element, kind)?;
    Some(Interval { first: number, last: number })
}

fn value(value: &Value, kind: SetKind) -> Option<u128> {
    match kind {
        SetKind::Ports => u16::try_from(value.as_u64()?).ok().map(u128::from),
        SetKind::Addresses(family) => {
            let address: core::net::IpAddr = value.as_str()?.parse().ok()?;
            (address.is_ipv4() == is_ipv4(family)).then(|| number(address))
        }
    }
}

fn is_ipv4(family: Family) -> bool {
    family == Family::Ipv4
}

fn one(number: u128, kind: SetKind) -> String {
    match kind {
        SetKind::Ports => format!("{number}"),
        SetKind::Addresses(family) => format!("{}", address(number, family)),
    }
}

/// The length of the prefix that all addresses of `element` share and no others; `None` where there is none.
fn length(element: Interval, kind: SetKind) -> Option<u32> {
    let bits = match kind {
        SetKind::Ports => return None,
        SetKind::Addresses(Family::Ipv4) => 32,
        SetKind::Addresses(Family::Ipv6) => 128,
    };
    let tail = element.first ^ element.last;
    let is_network = tail & tail.wrapping_add(1) == 0 && element.first & tail == 0;
    is_network.then(|| bits - tail.count_ones())
}
