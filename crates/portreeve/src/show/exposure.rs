//! Who reaches which port, for a person and as JSON (A15, A17, A20).

mod table;
pub(crate) mod trace;

pub(crate) use self::table::{print, print_leading, print_unheard};

use std::collections::BTreeSet;

use portreeve_core::{
    address::{Address, Family},
    exposure::{Exposure, How, Passing, Reached, Row, To},
    facts::Gap,
    firewall::{Filter, Intervals, Place, Rewritten, network_name, networks, span},
    port::{PortSpec, Protocol},
    reach::Basis,
    words::Lang,
};
use schemars::JsonSchema;
use serde::Serialize;

use super::view::{GapView, gap_view};

/// The layout of the JSON document.
const VERSION: u32 = 1;
/// More networks than this are not listed.
const NETWORKS_MAX: usize = 64;

/// The answer of `exposure`.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Exposure")]
pub(crate) struct ExposureView<'a> {
    /// The layout of this document: 1.
    version: u32,
    /// What the answers rest on: `bind` where the rules of the firewall could not be read.
    basis: Basis,
    /// What becomes of packets, by port.
    exposure: Vec<RowView<'a>>,
    /// The ports that were named to which packets get from outside while nobody listens there for others; absent where none
    /// was named, or not all who listen are known.
    #[serde(skip_serializing_if = "Option::is_none")]
    unheard: Option<Vec<PortsView>>,
    /// What hides rules of the firewall.
    gaps: Vec<GapView<'a>>,
}

impl ExposureView<'_> {
    /// The same with the ports that nobody hears.
    pub(crate) fn with_unheard(self, unheard: Option<&BTreeSet<PortSpec>>) -> Self {
        let ports = |spec: &PortSpec| PortsView {
            protocol: spec.protocol,
            port: spec.range.first,
            port_last: spec.range.last,
        };
        Self { unheard: unheard.map(|specs| specs.iter().map(ports).collect()), ..self }
    }
}

/// A port, or a run of ports.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "ExposurePorts")]
struct PortsView {
    protocol: Protocol,
    /// The port; of a run of ports, its first.
    port: u16,
    /// The last port of a run; the same as `port` for a single one.
    port_last: u16,
}

/// What becomes of packets to a port, or to a run of ports.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "ExposureRow")]
pub(crate) struct RowView<'a> {
    /// The zone that they come from; null where an address, a network or an interface was asked about.
    zone: Option<&'a str>,
    /// The address that they come from, where one was asked about.
    source: Option<Address>,
    /// The address that they go to, where one was asked about; else every one of the host's, or those of the listener.
    destination: Option<Address>,
    family: Family,
    protocol: Protocol,
    /// The port; of a run of ports, its first.
    port: u16,
    /// The last port of a run; the same as `port` for a single one.
    port_last: u16,
    /// Whether they arrive.
    verdict: Reached,
    /// What the verdict rests on.
    basis: Basis,
    /// How they arrive; null where none do.
    how: Option<HowView>,
    /// Every other way on which some arrive.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    also: Vec<HowView>,
    /// Whose arrive, where only some do.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    passing: Vec<PassingView<'a>>,
    /// Whether only as many arrive as a rate allows.
    rate_limited: bool,
    /// The rules that decide it; none where no rule stands before the port, or routing alone decides.
    decided_by: Vec<PlaceView<'a>>,
    /// The rules of which it cannot be told whether they hold.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    doubts: Vec<PlaceView<'a>>,
}

/// A way on which packets arrive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "ExposureWay")]
pub(crate) struct HowView {
    /// `local`: at a socket of this host; `forwarded`: sent on by a rule; `routed`: passed on to whom they were sent.
    kind: &'static str,
    /// Where a rule sends them.
    to: Option<ToView>,
}

/// Where a rule sends packets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "ExposureTarget")]
pub(crate) struct ToView {
    /// The address, or the first and last of several (`10.0.0.1-10.0.0.9`); null where it stays.
    address: Option<String>,
    /// The port; null where it stays, or is one of several.
    port: Option<u16>,
    /// The first and last of several ports, of which it is one (`22-122`); absent where it is one, or stays.
    #[serde(skip_serializing_if = "Option::is_none")]
    ports: Option<String>,
}

/// Packets that arrive where others do not.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "ExposurePassing")]
pub(crate) struct PassingView<'a> {
    /// The interfaces by which they come in; empty for every one.
    interfaces: Vec<&'a str>,
    /// The networks that they come from, the first 64; empty for all.
    sources: Vec<String>,
    /// Those that they go to; empty for all.
    destinations: Vec<String>,
    /// The interfaces that were asked about besides, where these are fewer: they come in by all but these.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    other_interfaces: Vec<&'a str>,
    /// The networks that were asked about besides, where these are fewer.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    other_sources: Vec<String>,
    /// The same of where they go.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    other_destinations: Vec<String>,
}

/// A rule, or the policy of a chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "ExposureRule")]
pub(crate) struct PlaceView<'a> {
    family: &'static str,
    table: &'a str,
    chain: &'a str,
    /// The number by which nft deletes it; iptables has none.
    handle: Option<u64>,
    /// As a person would write it.
    text: &'a str,
}

/// The document.
pub(crate) fn document<'a>(
    rows: &[Row<'a>],
    filter: &'a Filter,
    basis: Basis,
    gaps: &'a [Gap],
    lang: Lang,
) -> ExposureView<'a> {
    let row = |row: &Row<'a>| row_view(row, filter, basis);
    ExposureView {
        version: VERSION,
        basis,
        exposure: rows.iter().map(row).collect(),
        unheard: None,
        gaps: gaps.iter().map(|gap| gap_view(gap, lang)).collect(),
    }
}

/// The answer to one question: without an exposure there is no way at all from there.
pub(crate) fn answer<'a>(
    exposure: Option<Exposure>,
    to: &To,
    (source, destination): (Address, Address),
    filter: &'a Filter,
    basis: Basis,
) -> RowView<'a> {
    let exposure = exposure.unwrap_or_else(|| Exposure::lost(&filter.around, to.ports));
    let row = Row { zone: None, family: to.family, protocol: to.protocol, exposure };
    RowView { source: Some(source), destination: Some(destination), ..row_view(&row, filter, basis) }
}

fn row_view<'a>(row: &Row<'a>, filter: &'a Filter, basis: Basis) -> RowView<'a> {
    let Row { zone, family, protocol, exposure } = row;
    let mut ways = exposure.ways.iter().map(|way| how(&way.how, *family));
    RowView {
        zone: *zone,
        source: None,
        destination: None,
        family: *family,
        protocol: *protocol,
        port: exposure.range().first,
        port_last: exposure.range().last,
        verdict: exposure.reached,
        basis,
        how: ways.next(),
        also: ways.collect(),
        passing: exposure.passing.iter().map(|passing| passing_view(passing, filter, *family)).collect(),
        rate_limited: exposure.is_rate_limited,
        decided_by: exposure.decided_by.iter().map(|place| place_view(*place, filter)).collect(),
        doubts: exposure.doubts.iter().map(|place| place_view(*place, filter)).collect(),
    }
}

fn how(way: &How, family: Family) -> HowView {
    match way {
        How::Local => HowView { kind: "local", to: None },
        How::Redirected(to) => HowView { kind: "local", to: Some(redirect(to, family)) },
        How::Routed => HowView { kind: "routed", to: None },
        How::Forwarded(to) => HowView { kind: "forwarded", to: Some(target(to, family)) },
    }
}

/// Of an address by each interface none is told: all are this host's.
fn redirect(to: &Rewritten, family: Family) -> ToView {
    let is_one = to.address.as_ref().is_some_and(|addresses| addresses.only().is_some());
    let ToView { address, port, ports } = target(to, family);
    ToView { address: address.filter(|_| is_one), port, ports }
}

fn target(to: &Rewritten, family: Family) -> ToView {
    let port = to.port.as_ref().and_then(Intervals::only).and_then(|port| u16::try_from(port).ok());
    let several = to.port.as_ref().filter(|_| port.is_none());
    let ports = several.and_then(|ports| Some(format!("{}-{}", ports.first()?, ports.last()?)));
    ToView { address: to.address.as_ref().and_then(|addresses| span(addresses, family)), port, ports }
}

fn passing_view<'a>(passing: &Passing, filter: &'a Filter, family: Family) -> PassingView<'a> {
    let named = |addresses| named(addresses, family, NETWORKS_MAX);
    let (interfaces, sources, destinations) = (
        interfaces(passing.interfaces.as_ref(), filter),
        named(passing.sources.as_ref()),
        named(passing.destinations.as_ref()),
    );
    PassingView {
        other_interfaces: fewer(self::interfaces(Some(&passing.other_interfaces), filter), &interfaces),
        other_sources: fewer(named(Some(&passing.other_sources)), &sources),
        other_destinations: fewer(named(Some(&passing.other_destinations)), &destinations),
        interfaces,
        sources,
        destinations,
    }
}

/// `others`, where they say in fewer words whom is `meant`.
fn fewer<T>(others: Vec<T>, meant: &[T]) -> Vec<T> {
    if others.len() < meant.len() { others } else { Vec::new() }
}

/// The first `most` networks that addresses are; a single address as itself.
fn named(addresses: Option<&Intervals>, family: Family, most: usize) -> Vec<String> {
    let networks = addresses.map(|addresses| networks(addresses, family, most)).unwrap_or_default();
    let name = |network: &_| network_name(network);
    networks.iter().map(name).collect()
}

/// The names of the interfaces; none for every one.
fn interfaces<'a>(interfaces: Option<&Intervals>, filter: &'a Filter) -> Vec<&'a str> {
    interfaces.map_or_else(Vec::new, |interfaces| filter.around.names(interfaces).collect())
}

fn place_view(place: Place, filter: &Filter) -> PlaceView<'_> {
    let chain = &filter.ruleset.chains[place.chain.0];
    let rule = filter.ruleset.rule(place);
    PlaceView {
        family: chain.layer.name(),
        table: &chain.table,
        chain: &chain.name,
        handle: rule.and_then(|rule| rule.handle),
        text: filter.ruleset.text(place),
    }
}
