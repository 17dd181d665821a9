//! Folds sockets into rows: one row a service, not a socket (A4, A26).

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    net::IpAddr,
};

use portreeve_core::{
    address::Breadth,
    facts::{Listener, Process, SocketState},
    ledger::{ClaimId, State},
    port::{PortRange, Protocol},
    words::Lang,
    world::{Claimed, World},
};

use super::{next, out::terminal_width, owner, reach::widest};

/// On a terminal, ports and addresses of a row are listed in so many columns, and counted beyond; on a narrow one in
/// less, as they are never cut and all else would be.
const LIST_WIDTH_MAX: usize = 24;
/// Of the terminal's width, ports take one part in so many.
const PORTS_PART: usize = 5;

/// Sockets that a person takes for one thing.
#[derive(Clone, Debug)]
pub(crate) struct Row<'a> {
    /// The sockets, by port.
    pub(crate) listeners: Vec<&'a Listener>,
    /// Where they are bound, whole.
    pub(crate) bound: String,
    /// The widest zone from which they can be reached.
    pub(crate) reach: String,
}

/// Whether sockets are folded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Folding {
    /// One row a service.
    Service,
    /// One row for what the same processes of a service hold.
    Holders,
    /// One row a socket (`--each`).
    Socket,
}

/// What sockets share that are one endpoint to their owner: IPv4 beside IPv6, or a group of SO_REUSEPORT.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Endpoint {
    netns: u64,
    protocol: Protocol,
    port: u16,
    breadth: Breadth,
    device: Option<String>,
    owner: String,
    state: Kind,
    claim: Option<ClaimKey>,
}

/// The claim of a number that nobody declares, and whether somebody else listens there.
type ClaimKey = (ClaimId, State);

/// What rows are about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Waiting,
    Bound,
    Ephemeral,
}

/// What endpoints share that stand in one row.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Line {
    netns: u64,
    protocol: Protocol,
    owner: String,
    bound: String,
    reach: String,
    state: Kind,
    claim: Option<ClaimKey>,
    /// Who holds them, where that matters.
    holders: Option<Vec<u32>>,
}

/// The rows of `listeners`, the observer's own namespace first, by port.
pub(crate) fn fold<'a>(
    world: &World<'a>,
    listeners: &[&'a Listener],
    folding: Folding,
    lang: Lang,
) -> Vec<Row<'a>> {
    let mut rows = match folding {
        Folding::Socket => listeners.iter().map(|listener| row(world, vec![*listener], lang)).collect(),
        Folding::Service | Folding::Holders => lines(world, endpoints(world, listeners, lang), folding, lang),
    };
    let own =
        |row: &Row<'_>| row.namespace().and_then(|id| world.snapshot.namespace(id)).is_some_and(|n| n.own);
    rows.sort_by_cached_key(|row| {
        let first = row.listeners.first().map(|first| (first.port, first.protocol, first.address.clone()));
        (!own(row), row.namespace(), first)
    });
    rows
}

fn endpoints<'a>(
    world: &World<'a>,
    listeners: &[&'a Listener],
    lang: Lang,
) -> BTreeMap<Endpoint, Vec<&'a Listener>> {
    let mut endpoints: BTreeMap<Endpoint, Vec<&Listener>> = BTreeMap::new();
    for &listener in listeners {
        let endpoint = Endpoint {
            netns: listener.netns,
            protocol: listener.protocol,
            port: listener.port,
            breadth: listener.breadth(),
            device: listener.device.clone(),
            owner: owner_key(world, listener, lang),
            state: kind(world, listener),
            claim: claim_key(world, listener),
        };
        endpoints.entry(endpoint).or_default().push(listener);
    }
    endpoints
}

fn lines<'a>(
    world: &World<'a>,
    endpoints: BTreeMap<Endpoint, Vec<&'a Listener>>,
    folding: Folding,
    lang: Lang,
) -> Vec<Row<'a>> {
    let mut lines: BTreeMap<Line, Row<'_>> = BTreeMap::new();
    for (endpoint, listeners) in endpoints {
        let row = row(world, listeners, lang);
        let line = Line {
            netns: endpoint.netns,
            protocol: endpoint.protocol,
            owner: endpoint.owner,
            bound: row.bound.clone(),
            reach: row.reach.clone(),
            state: endpoint.state,
            claim: endpoint.claim,
            holders: (folding == Folding::Holders).then(|| row.pids().into_iter().collect()),
        };
        match lines.get_mut(&line) {
            Some(known) => known.listeners.extend(row.listeners),
            None => drop(lines.insert(line, row)),
        }
    }
    lines.into_values().collect()
}

/// Owners that could not be seen are not taken for one another, unless a unit tells.
fn owner_key<'a>(world: &World<'a>, listener: &'a Listener, lang: Lang) -> String {
    owner::lasting(world, listener)
        .unwrap_or_else(|| format!("{} {}", owner::owner(world, listener, lang), listener.port))
}

fn claim_key<'a>(world: &World<'a>, listener: &'a Listener) -> Option<ClaimKey> {
    let Claimed { claim, state } =
        world.claim_of(listener).filter(|_| world.service_of(listener).is_none())?;
    Some((claim.id, state))
}

fn kind(world: &World<'_>, listener: &Listener) -> Kind {
    if world.is_ephemeral(listener) {
        Kind::Ephemeral
    } else if listener.state == SocketState::Bound {
        Kind::Bound
    } else {
        Kind::Waiting
    }
}

fn row<'a>(world: &World<'a>, listeners: Vec<&'a Listener>, lang: Lang) -> Row<'a> {
    Row { bound: bound(&listeners), reach: widest(world, &listeners, lang), listeners }
}

/// `*` for every address, `[::]` for every IPv6 address alone, else the addresses; a device follows as `%eth0`.
pub(crate) fn bound(listeners: &[&Listener]) -> String {
    bound_within(listeners, usize::MAX)
}

fn bound_within(listeners: &[&Listener], room: usize) -> String {
    let mut text = if listeners.iter().any(|l| l.breadth() == Breadth::Wildcard && l.hears_ipv4()) {
        "*".into()
    } else {
        let addresses: BTreeSet<_> = listeners.iter().map(|listener| listener.address.clone()).collect();
        let shown = addresses.iter().map(|address| match address.ip {
            IpAddr::V6(_) => (format!("[{address}]"), 1),
            IpAddr::V4(_) => (address.to_string(), 1),
        });
        listed(shown, " ", room)
    };
    if let Some(device) = listeners.first().and_then(|listener| listener.device.as_ref()) {
        let _ = write!(text, "%{device}");
    }
    text
}

/// Whoever reads through a pipe gets everything.
fn room() -> usize {
    terminal_width().map_or(usize::MAX, |_| LIST_WIDTH_MAX)
}

fn room_for_ports() -> usize {
    terminal_width().map_or(usize::MAX, |width| (width / PORTS_PART).min(LIST_WIDTH_MAX))
}

impl<'a> Row<'a> {
    /// The namespace.
    pub(crate) fn namespace(&self) -> Option<u64> {
        self.listeners.first().map(|listener| listener.netns)
    }

    /// The protocol.
    pub(crate) fn protocol(&self) -> Option<Protocol> {
        self.listeners.first().map(|listener| listener.protocol)
    }

    /// The socket whose owner stands for the row.
    pub(crate) fn first(&self) -> Option<&'a Listener> {
        self.listeners.first().copied()
    }

    /// The main process and how many others hold any of the sockets: `nginx 812 +4`.
    pub(crate) fn process(&self, world: &World<'a>, lang: Lang) -> String {
        let Some(first) = self.first() else { return String::new() };
        let own: BTreeSet<_> = first.holders.iter().map(|hold| hold.pid).collect();
        let text = owner::process(world, first, lang);
        let pids = self.pids();
        if pids.len() <= own.len() || own.is_empty() {
            return text;
        }
        let main = if own.len() > 1 {
            text.rsplit_once(" +").map_or(text.as_str(), |(main, _)| main)
        } else {
            &text
        };
        format!("{main} +{}", pids.len() - 1)
    }

    /// The process that stands for it: the service manager only where nobody else holds it.
    pub(crate) fn main(&self, world: &World<'a>) -> Option<(u32, &'a Process)> {
        let holders = self.holders(world);
        let serves = holders.iter().find(|(pid, process)| !next::is_manager(*pid, process));
        serves.or(holders.first()).copied()
    }

    /// Everybody who is seen to hold one of the sockets, each once, the main process first.
    pub(crate) fn holders(&self, world: &World<'a>) -> Vec<(u32, &'a Process)> {
        let mut known = BTreeSet::new();
        let holders = self.listeners.iter().flat_map(|listener| world.snapshot.holders(listener));
        holders.map(|(hold, process)| (hold.pid, process)).filter(|(pid, _)| known.insert(*pid)).collect()
    }

    /// Every process that holds one of the sockets.
    pub(crate) fn pids(&self) -> BTreeSet<u32> {
        self.listeners.iter().flat_map(|listener| &listener.holders).map(|hold| hold.pid).collect()
    }

    /// The unit that opened the sockets for a service (systemd.socket(5)), where one did.
    pub(crate) fn socket_unit(&self) -> Option<&'a str> {
        let mut units = self.listeners.iter().filter_map(|listener| listener.socket_unit.as_deref());
        units.find(|unit| unit.ends_with(".socket"))
    }

    /// The numbers, each once, in order.
    pub(crate) fn numbers(&self) -> Vec<u16> {
        let numbers: BTreeSet<_> = self.listeners.iter().map(|listener| listener.port).collect();
        numbers.into_iter().collect()
    }

    /// `80,443/tcp`, `30000-30099/tcp`.
    pub(crate) fn ports(&self) -> String {
        let ranges = ranges(&self.numbers());
        let counted = ranges.iter().map(|range| (range.to_string(), range.count()));
        let listed = listed(counted, ",", room_for_ports());
        self.protocol().map_or(String::new(), |protocol| format!("{listed}/{protocol}"))
    }

    /// Where it is bound, as a table shows it.
    pub(crate) fn bound_to(&self) -> String {
        bound_within(&self.listeners, room())
    }
}

/// The first item, as many others as fit into `room` columns, and how much is left out by their counts: `1,3,…+2`.
fn listed(items: impl IntoIterator<Item = (String, u32)>, separator: &str, room: usize) -> String {
    let mut listed = String::new();
    let mut left_out = 0;
    for (item, count) in items {
        if listed.is_empty() {
            listed = item;
        } else if left_out == 0 && listed.len() + separator.len() + item.len() <= room {
            listed = listed + separator + &item;
        } else {
            left_out += count;
        }
    }
    if left_out > 0 {
        let _ = write!(listed, "{separator}…+{left_out}");
    }
    listed
}

/// Runs of three or more numbers as ranges.
fn ranges(numbers: &[u16]) -> Vec<PortRange> {
    let mut ranges: Vec<PortRange> = Vec::new();
    for &number in numbers {
        match ranges.last_mut() {
            Some(range) if range.last.checked_add(1) == Some(number) => range.last = number,
            _ => ranges.push(PortRange::one(number)),
        }
    }
    let apart = |range: PortRange| match range.count() {
        2 => vec![PortRange::one(range.first), PortRange::one(range.last)],
        _ => vec![range],
    };
    ranges.into_iter().flat_map(apart).collect()
}

#[cfg(test)]
mod tests {
    use portreeve_core::facts::Snapshot;

    use super::*;

    #[test]
    fn runs_become_ranges_and_pairs_do_not() {
        let shown = |numbers: &[u16]| ranges(numbers).iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(shown(&[80, 81, 443]), ["80", "81", "443"]);
        assert_eq!(shown(&[30000, 30001, 30002]), ["30000-30002"]);
        assert_eq!(shown(&[65534, 65535]), ["65534", "65535"]);
        assert!(shown(&[]).is_empty());
    }

    #[test]
    fn what_is_left_out_is_counted_by_ports() {
        let counted =
            || ranges(&[1, 3, 5, 6, 10, 11, 12]).into_iter().map(|range| (range.to_string(), range.count()));
        assert_eq!(listed(counted(), ",", 3), "1,3,…+5");
        assert_eq!(listed(counted(), ",", 0), "1,…+6");
        assert_eq!(listed(counted(), ",", usize::MAX), "1,3,5,6,10-12");
    }

    #[test]
    fn an_address_is_whole_or_counted() {
        let text = include_bytes!("../../tests/data/web.json");
        let snapshot: Snapshot = serde_json::from_slice(text).unwrap();
        let at = |ip: &str| Listener { address: ip.parse().unwrap(), ..snapshot.listeners[0].clone() };
        let sockets = [at("192.0.2.1"), at("192.0.2.2"), at("2001:db8::1")];
        let sockets: Vec<_> = sockets.iter().collect();
        assert_eq!(bound(&sockets), "192.0.2.1 192.0.2.2 [2001:db8::1]");
        assert_eq!(bound_within(&sockets, 24), "192.0.2.1 192.0.2.2 …+1");
        assert_eq!(bound_within(&sockets, 8), "192.0.2.1 …+2");
    }
}
