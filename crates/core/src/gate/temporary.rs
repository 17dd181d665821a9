//! What stands in the table outside the generations: ports that are open and sources that are blocked for a while, and
//! how many packets were refused (libnftables-json(5)).

use alloc::{
    string::{String, ToString as _},
    vec::Vec,
};
use core::{net::IpAddr, time::Duration};

use serde_json::Value;

use super::{
    BlockedSource, JUDGED, Ports, ReadError, Standing, askers,
    name::zone,
    standing::{Objects, objects},
};
use crate::{
    policy::WORLD,
    port::{PortRange, PortSpec, Protocol},
};

/// What stands outside the generations.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Temporary {
    /// Ports that are open, by zone.
    pub open: Vec<Open>,
    /// Sources that are kept out: an address of IPv4, or the first one of 64 bits of IPv6.
    pub blocked: Vec<Kept<IpAddr>>,
    /// What was refused since the table was made.
    pub refused: Counters,
}

/// Something that is there for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kept<T> {
    /// What.
    pub what: T,
    /// The whole seconds that are left; `None` where it stays.
    pub left: Option<Duration>,
}

/// A port that is open to a zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Open {
    /// The zone, as the policy calls it.
    pub zone: String,
    /// The port.
    pub port: Kept<PortSpec>,
    /// The one address of the zone that it is open to, where it is not open to all of it.
    pub from: Option<IpAddr>,
}

impl Open {
    /// Whom it is open to, by name: the address, or the zone.
    #[must_use]
    pub fn whom(&self) -> String {
        self.from.map_or_else(|| self.zone.clone(), |source| source.to_string())
    }
}

/// Packets that were refused.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// As nobody declared the port.
    pub undeclared: u64,
    /// As they belong to no connection.
    pub invalid: u64,
    /// As their source is blocked.
    pub blocked: u64,
}

impl Temporary {
    /// Reads the listing that [`super::Standing::read`] reads.
    ///
    /// # Errors
    ///
    /// The text is no listing.
    pub fn read(text: &str) -> Result<Self, ReadError> {
        Ok(Self::among(Objects(&objects(text)?)))
    }

    /// The same of the objects of a listing.
    pub(super) fn among(listing: Objects<'_>) -> Self {
        let blocked = BlockedSource::SETS.into_iter().flat_map(|set| listing.elements("set", set));
        let counted = |name| {
            let mut counters = listing.named("counter").filter(|(own, _)| *own == name);
            counters.find_map(|(_, counter)| counter.get("packets")?.as_u64()).unwrap_or(0)
        };
        Self {
            open: listing.named("set").flat_map(|(name, set)| open(name, set)).collect(),
            blocked: blocked
                .filter_map(|element| kept(element, |value| value.as_str()?.parse().ok()))
                .collect(),
            refused: Counters {
                undeclared: counted("refused"),
                invalid: counted("invalid"),
                blocked: counted("blocked"),
            },
        }
    }
}

impl Temporary {
    /// What of `ports` is open for a while.
    #[must_use]
    pub fn opened(&self, ports: &Ports) -> Vec<Open> {
        let is_one =
            |open: &&Open| ports.of(open.port.what.protocol).contains(open.port.what.range.first.into());
        self.open.iter().filter(is_one).cloned().collect()
    }
}

impl Temporary {
    /// What of it is over once the gate that `was` so is `then` so: all with the table, and what is open to zones that judge no
    /// more.
    #[must_use]
    pub fn over(&self, was: Option<&Standing>, then: Option<&Standing>) -> Self {
        let is_open = |standing: Option<&Standing>, zone: &str| {
            standing.is_some_and(|standing| zone == WORLD || standing.zones().any(|own| own == zone))
        };
        let ends = |open: &&Open| is_open(was, &open.zone) && !is_open(then, &open.zone);
        let open = self.open.iter().filter(ends).cloned().collect();
        let blocked = if then.is_none() { self.blocked.clone() } else { Vec::new() };
        Self { open, blocked, refused: Counters::default() }
    }

    /// How long `source` is kept out yet, where that is no shorter than `length`, which is for good where there is none.
    #[must_use]
    pub fn blocked_for(&self, source: BlockedSource, length: Option<Duration>) -> Option<Kept<IpAddr>> {
        let mut kept = self.blocked.iter().filter(|kept| BlockedSource::of(kept.what) == source);
        let is_no_shorter = |left| length.is_some_and(|length| left >= length);
        kept.find(|kept| kept.left.is_none_or(is_no_shorter)).copied()
    }

    /// How long all of `ports` are open to `zone` yet, where that is no shorter than `length`; what has no end nobody opened by
    /// this program.
    #[must_use]
    pub fn open_for(&self, zone: &str, ports: PortSpec, length: Duration) -> Option<Duration> {
        let left = |number| {
            let port = PortSpec { range: PortRange::one(number), ..ports };
            let is_it = |open: &&Open| open.from.is_none() && open.zone == zone && open.port.what == port;
            let open = self.open.iter().find(is_it);
            open.and_then(|open| open.port.left).filter(|left| *left >= length)
        };
        let all: Option<Vec<_>> = (ports.range.first..=ports.range.last).map(left).collect();
        all?.into_iter().min()
    }
}

fn open(name: &str, set: &Value) -> Vec<Open> {
    let elements = set.get("elem").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    elements.iter().filter_map(|element| open_of(name, element)).collect()
}

/// What a set of this name opens of which the kernel forgets nothing by itself.
pub(super) fn endless(name: &str, set: &Value) -> Vec<Open> {
    let elements = set.get("elem").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    elements.iter().filter(|element| !is_timed(element)).filter_map(|one| open_of(name, one)).collect()
}

/// What an element of the set of this name opens, where it is one of open ports.
pub(super) fn open_of(name: &str, element: &Value) -> Option<Open> {
    if let Some(Kept { what: (source, what), left }) = kept(element, |value| askers::read(name, value)) {
        return Some(Open { zone: WORLD.into(), port: Kept { what, left }, from: Some(source) });
    }
    let (zone, protocol) = opened(name)?;
    let port = |value: &Value| {
        let number = u16::try_from(value.as_u64()?).ok()?;
        Some(PortSpec { range: PortRange::one(number), protocol })
    };
    Some(Open { zone, port: kept(element, port)?, from: None })
}

/// Whether the kernel takes an element out by itself.
pub(super) fn is_timed(element: &Value) -> bool {
    left(element).is_some()
}

/// The whole seconds until the kernel takes an element out by itself; nft leaves them out where there are none.
pub(super) fn left(element: &Value) -> Option<Duration> {
    let inner = element.get("elem")?;
    match inner.get("expires") {
        Some(seconds) => seconds.as_u64().map(Duration::from_secs),
        None => inner.get("timeout").map(|_| Duration::ZERO),
    }
}

/// The zone and the protocol of a set of open ports: `open_world_tcp`, `open_zone_office_udp`.
fn opened(name: &str) -> Option<(String, Protocol)> {
    let (own, protocol) = name.strip_prefix("open_")?.rsplit_once('_')?;
    let protocol = JUDGED.into_iter().find(|judged| judged.name() == protocol)?;
    let zone = if own == "world" { Some(WORLD.into()) } else { zone(own) };
    Some((zone?, protocol))
}

/// An element: `8080`, or `{"elem": {"val": 8080, "timeout": 60, "expires": 59}}`.
fn kept<T>(element: &Value, read: impl Fn(&Value) -> Option<T>) -> Option<Kept<T>> {
    let value = element.get("elem").and_then(|inner| inner.get("val")).unwrap_or(element);
    Some(Kept { what: read(value)?, left: left(element) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_there_for_a_while_is_told_with_what_is_left_of_it() {
        let text = r#"{"nftables": [
            {"counter": {"family": "inet", "name": "refused", "table": "portreeve", "handle": 1, "packets": 7, "bytes": 420}},
            {"counter": {"family": "inet", "name": "invalid", "table": "other", "handle": 1, "packets": 9, "bytes": 9}},
            {"set": {"family": "inet", "name": "open_world_tcp", "table": "portreeve", "elem": [
                {"elem": {"val": 8080, "timeout": 7200, "expires": 7199}}, {"elem": {"val": 70000, "expires": 1}}]}},
            {"set": {"family": "inet", "name": "open_zone_my_2dlan_udp", "table": "portreeve", "elem": [
                {"elem": {"val": 53, "timeout": 60, "expires": 59}}]}},
            {"set": {"family": "inet", "name": "open_zone_x_icmp", "table": "portreeve", "elem": [1]}},
            {"set": {"family": "inet", "name": "askers6", "table": "portreeve", "elem": [
                {"elem": {"val": {"concat": ["2001:db8::7", 8080]}, "timeout": 60, "expires": 58}}, 7]}},
            {"set": {"family": "inet", "name": "blocked4", "table": "portreeve", "elem": ["203.0.113.7"]}},
            {"set": {"family": "inet", "name": "blocked64", "table": "portreeve", "elem": [
                {"elem": {"val": "2001:db8::", "timeout": 60, "expires": 3}}, "nonsense"]}}
        ]}"#;
        let told = Temporary::read(text).unwrap();
        let open: Vec<_> = told.open.iter().map(|open| (open.whom(), open.port)).collect();
        let open: Vec<_> = open.iter().map(|(whom, port)| (whom.as_str(), *port)).collect();
        let kept = |port: &str, seconds| Kept {
            what: port.parse::<PortSpec>().unwrap(),
            left: Some(Duration::from_secs(seconds)),
        };
        assert_eq!(
            open,
            [
                ("world", kept("8080/tcp", 7199)),
                ("my-lan", kept("53/udp", 59)),
                ("2001:db8::7", kept("8080/udp", 58))
            ]
        );
        let blocked = |address: &str, left| Kept { what: address.parse::<IpAddr>().unwrap(), left };
        let for_a_while = Some(Duration::from_secs(3));
        assert_eq!(told.blocked, [blocked("203.0.113.7", None), blocked("2001:db8::", for_a_while)]);
        let (second, four) = (Some(Duration::from_secs(1)), Duration::from_secs(4));
        let of = |address: &str| BlockedSource::of(address.parse().unwrap());
        assert_eq!(told.blocked_for(of("203.0.113.7"), None), Some(blocked("203.0.113.7", None)));
        assert_eq!(told.blocked_for(of("2001:db8::9"), second), Some(told.blocked[1]), "the same network");
        assert_eq!(told.blocked_for(of("2001:db8::9"), Some(four)), None, "it would end before");
        assert_eq!(told.blocked_for(of("2001:db8::9"), None), None);
        assert_eq!(told.blocked_for(of("203.0.113.8"), second), None);
        let open_for = |zone, ports: &str| told.open_for(zone, ports.parse().unwrap(), four);
        assert_eq!(open_for("world", "8080/tcp"), Some(Duration::from_secs(7199)));
        for (zone, ports) in [("world", "8080-8081/tcp"), ("world", "8080/udp"), ("my-lan", "8080/tcp")] {
            assert_eq!(open_for(zone, ports), None, "{zone} {ports}");
        }
        assert_eq!(told.refused, Counters { undeclared: 7, invalid: 0, blocked: 0 });
    }
}
