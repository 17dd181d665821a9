//! Where a rule sends packets on to (libnftables-json(5), "NETWORK ADDRESS TRANSLATION").

use alloc::{vec, vec::Vec};

use serde_json::Value;

use super::{
    Scope, constant,
    expression::Expression,
    matching::{self, needs},
    names::Type,
    rule::Outcome,
    sets::Elements,
    text,
};
use crate::{
    address::Family,
    firewall::{
        intervals::{Interval, Intervals},
        packets::{Field, family_number},
        ruleset::{Layer, NewAddress, Question, Step, Target},
    },
};

/// `dnat`.
pub(super) fn dnat(inner: &Value, scope: &Scope<'_>) -> Outcome {
    let family = match text(inner, "family") {
        Some("ip") => Some(Family::Ipv4),
        Some("ip6") => Some(Family::Ipv6),
        _ => of_layer(scope.table.0),
    };
    let said = inner.get("addr").filter(|_| family.is_some());
    let asked =
        family.map(|family| Step::Ask(Question::Is(Field::Family, Intervals::one(family_number(family)))));
    let typed = Type::Address(family.unwrap_or(Family::Ipv4));
    let is_mapped = inner
        .get("flags")
        .is_some_and(|flags| super::several(flags).iter().any(|flag| flag.as_str() == Some("netmap")));
    let meaning = Meaning { typed, is_mapped };
    let ways = match said.and_then(|addr| addr.get("map")) {
        Some(map) => mapped(map, scope, |data| with_port(data, inner.get("port"), meaning, scope)),
        None => {
            let address = inner.get("addr").map(|addr| address(addr, meaning, scope));
            to_ports(inner.get("port"), scope, |ports| Target { address: address.clone(), ports })
        }
    };
    let ways = ways.into_iter().map(|way| asked.iter().cloned().chain(way).collect());
    Outcome::Ways(ways.collect())
}

/// `redirect`.
pub(super) fn redirect(inner: &Value, scope: &Scope<'_>) -> Outcome {
    let to_own = |ports| Target { address: Some(NewAddress::Own), ports };
    Outcome::Ways(to_ports(inner.get("port"), scope, to_own))
}

const fn of_layer(layer: Layer) -> Option<Family> {
    match layer {
        Layer::Ip => Some(Family::Ipv4),
        Layer::Ip6 => Some(Family::Ipv6),
        _ => None,
    }
}

/// What the address of a translation means.
#[derive(Clone, Copy)]
struct Meaning {
    typed: Type,
    /// Whether it is a network in which each keeps its own last bits (NF_NAT_RANGE_NETMAP).
    is_mapped: bool,
}

fn address(value: &Value, meaning: Meaning, scope: &Scope<'_>) -> NewAddress {
    let known = constant::values(value, meaning.typed, scope.around);
    let new = if meaning.is_mapped { known.as_ref().and_then(network) } else { known.map(NewAddress::One) };
    new.unwrap_or(NewAddress::Unknown)
}

/// The network that is all these addresses.
fn network(addresses: &Intervals) -> Option<NewAddress> {
    let (first, last) = (addresses.first()?, addresses.last()?);
    let bits = u128::BITS - (first ^ last).leading_zeros();
    let network = NewAddress::Same { network: first, bits };
    (*addresses == Intervals::prefix(first, bits)).then_some(network)
}

/// The ports that `value` means; any where nobody can tell.
fn ports(value: &Value, scope: &Scope<'_>) -> Intervals {
    constant::values(value, Type::Port, scope.around).unwrap_or_else(|| Intervals::prefix(0, 16))
}

/// To the ports that `port` says: the same for all, or by a map.
fn to_ports(
    port: Option<&Value>,
    scope: &Scope<'_>,
    target: impl Fn(Option<Intervals>) -> Target,
) -> Vec<Vec<Step>> {
    match port.and_then(|port| port.get("map")) {
        Some(map) => mapped(map, scope, |data| target(Some(ports(data, scope)))),
        None => vec![vec![Step::Rewrite(target(port.map(|port| ports(port, scope))))]],
    }
}

/// What a map has for an address, alone or together with a port.
fn with_port(data: &Value, port: Option<&Value>, meaning: Meaning, scope: &Scope<'_>) -> Target {
    if let Some([own, port]) = data.get("concat").and_then(Value::as_array).map(Vec::as_slice) {
        return Target { address: Some(address(own, meaning, scope)), ports: Some(ports(port, scope)) };
    }
    Target { address: Some(address(data, meaning, scope)), ports: port.map(|port| ports(port, scope)) }
}

/// A way for each entry of a map; where nobody can tell which entry holds, one to any of them.
fn mapped(map: &Value, scope: &Scope<'_>, target: impl Fn(&Value) -> Target) -> Vec<Vec<Step>> {
    by_entry(map, scope, &target).unwrap_or_else(|| {
        let anywhere = Target { address: Some(NewAddress::Unknown), ports: Some(Intervals::prefix(0, 16)) };
        vec![vec![Step::Ask(Question::Unknown), Step::Rewrite(anywhere)]]
    })
}

fn by_entry(map: &Value, scope: &Scope<'_>, target: &impl Fn(&Value) -> Target) -> Option<Vec<Vec<Step>>> {
    let expression = Expression::read(map.get("key")?, scope);
    let elements = Elements::of_map(map.get("data")?, scope)?;
    if expression.doubt().is_some() || elements.rate.is_some() {
        return None;
    }
    let data: Option<Vec<&Value>> = elements.list.iter().map(|(_, data)| *data).collect();
    let data = data?;
    if expression.is_rate() {
        return Some(vec![vec![Step::Rewrite(union(data.into_iter().map(target))?)]]);
    }
    let asked: Vec<Step> = needs(&expression).into_iter().map(Step::Ask).collect();
    let mut ways = Vec::with_capacity(data.len());
    for ((key, _), data) in elements.list.iter().zip(data) {
        let question = matching::one_of(&expression, &[*key], scope)?;
        let way = [Step::Ask(question), Step::Rewrite(target(data))];
        ways.push(asked.iter().cloned().chain(way).collect());
    }
    if let Some(data) = elements.rest {
        ways.push(asked.into_iter().chain([Step::Rewrite(target(data?))]).collect());
    }
    Some(ways)
}

/// One of all these, and nobody can tell which.
fn union(targets: impl Iterator<Item = Target>) -> Option<Target> {
    let mut addresses: Vec<Interval> = Vec::new();
    let mut ports: Vec<Interval> = Vec::new();
    let (mut kept_ports, mut own) = (false, false);
    for target in targets {
        match target.address {
            Some(NewAddress::One(some)) => addresses.extend(some.iter()),
            Some(NewAddress::Own) => own = true,
            _ => return None,
        }
        match target.ports {
            Some(some) => ports.extend(some.iter()),
            None => kept_ports = true,
        }
    }
    if own != addresses.is_empty() || kept_ports != ports.is_empty() {
        return None;
    }
    let address = if own { NewAddress::Own } else { NewAddress::One(addresses.into_iter().collect()) };
    Some(Target { address: Some(address), ports: (!kept_ports).then(|| ports.into_iter().collect()) })
}
