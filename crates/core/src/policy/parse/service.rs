//! Reads one service: its ports, its owner, who may reach it (A15, A24).

use alloc::{collections::BTreeSet, string::String, vec::Vec};

use toml::de::DeValue;

use super::{
    address,
    lines::Mark,
    owner, ports,
    report::Report,
    value::{Key, Table, refuse_kind},
};
use crate::{
    address::Breadth,
    policy::{HOST, Service, WORLD},
    port::PortSpec,
    registry::Registry,
    text,
    words::Words,
};

const PORTS: Key = Key { name: "ports", example: "ports = [\"443/tcp\"]" };
const ADDRESS: Key = Key { name: "address", example: "address = [\"127.0.0.1\", \"::1\"]" };
const DEVICE: Key = Key { name: "device", example: "device = \"eth1\"" };
const OWNER: Key = Key { name: "owner", example: "owner = { unit = \"nginx.service\" }" };
const REACH: Key = Key { name: "reach", example: "reach = \"world\"" };
const WHY: Key = Key { name: "why", example: "why = \"only the application on this machine\"" };

/// The keys of a service.
pub(super) const KEYS: &[Key] = &[PORTS, ADDRESS, DEVICE, OWNER, REACH, WHY];

/// A service with the places that later checks point at.
#[derive(Debug)]
pub(super) struct Declared {
    /// The service.
    pub(super) service: Service,
    /// Where each of its ports is written.
    pub(super) ports: Vec<(Mark, PortSpec)>,
    /// Where each zone of its reach is written.
    pub(super) reach: Vec<Mark>,
}

/// Reads the service `name`.
pub(super) fn read(
    name: &str,
    table: &Table<'_, '_>,
    registry: Registry<'_>,
    report: &mut Report<'_>,
) -> Declared {
    table.refuse_unknown(KEYS, report);
    let ports = read_ports(name, table, registry, report);
    let device = table.string(DEVICE, report).and_then(|(at, text)| address::device(text, at, report));
    let addresses = address::addresses(&table.strings(ADDRESS, report), report);
    let owners = match table.get(OWNER) {
        Some(value) => {
            let owners = owner::read(value, OWNER, table.file, report);
            owner::doubt_division(owners.len(), ports.len(), super::value::mark(table.file, value), report);
            owners
        }
        None => {
            doubt_anybody(name, table.at, report);
            Vec::new()
        }
    };
    let (marks, reach) = read_reach(table, report);
    let why = table.string(WHY, report).map(|(_, why)| why.into());
    let service = Service {
        name: name.into(),
        ports: ports.iter().map(|(_, spec)| *spec).collect(),
        addresses,
        device,
        owners,
        reach,
        why,
        place: report.place(table.at).0,
    };
    doubt_reach(&service, &marks, report);
    Declared { service, ports, reach: marks }
}

fn read_ports(
    name: &str,
    table: &Table<'_, '_>,
    registry: Registry<'_>,
    report: &mut Report<'_>,
) -> Vec<(Mark, PortSpec)> {
    let Some(value) = table.get(PORTS) else {
        report.missing(
            table.at,
            text!("service.{name} has no ports", "service.{name} に ports がありません"),
            text!("add ports = [\"443/tcp\"]", "ports = [\"443/tcp\"] のように書き足してください"),
        );
        return Vec::new();
    };
    if let DeValue::Integer(number) = value.get_ref() {
        let number = number.as_str();
        report.wrong(
            super::value::mark(table.file, value),
            text!("`{number}` names no protocol", "`{number}` にプロトコルがありません"),
            text!("did you mean ports = [\"{number}/tcp\"]?", "ports = [\"{number}/tcp\"] のことですか?"),
        );
        return Vec::new();
    }
    let written = table.strings(PORTS, report);
    let mut ports = Vec::with_capacity(written.len());
    for (at, text) in written {
        ports.extend(ports::read(text, at, registry, report).map(|spec| (at, spec)));
    }
    ports
}

fn read_reach(table: &Table<'_, '_>, report: &mut Report<'_>) -> (Vec<Mark>, Vec<String>) {
    if let Some(value @ (DeValue::Table(_) | DeValue::Boolean(_))) =
        table.get(REACH).map(toml::Spanned::get_ref)
    {
        let wanted = Words { en: "a zone or a list of zones", ja: "ゾーン名かそのリスト" };
        let at = table.get(REACH).map_or(table.at, |value| super::value::mark(table.file, value));
        refuse_kind(at, REACH, wanted, value, report);
        return (Vec::new(), Vec::new());
    }
    let mut zones = table.strings(REACH, report);
    let mut seen = BTreeSet::new();
    zones.retain(|(_, zone)| seen.insert(*zone));
    if zones.is_empty() {
        return (Vec::new(), alloc::vec![HOST.into()]);
    }
    zones.into_iter().map(|(at, zone)| (at, String::from(zone))).unzip()
}

fn doubt_anybody(name: &str, at: Mark, report: &mut Report<'_>) {
    report.doubt(
        at,
        text!(
            "service.{name} names no owner: anybody may hold its ports",
            "service.{name} に owner がなく、誰でもこのポートを使えます"
        ),
        text!(
            "add owner = {{ unit = \"….service\" }}, or user, exe, cgroup or container",
            "owner = {{ unit = \"….service\" }}(または user、exe、cgroup、container)を書き足してください"
        ),
    );
}

/// A reach that says the same thing twice, or what the address makes impossible.
fn doubt_reach(service: &Service, marks: &[Mark], report: &mut Report<'_>) {
    let Some(&at) = marks.first() else { return };
    let loopback = |address: &crate::address::Address| address.breadth() == Breadth::Loopback;
    if service.reaches_beyond_host()
        && !service.addresses.is_empty()
        && service.addresses.iter().all(loopback)
    {
        let [en_zones, ja_zones] = [", ", "、"].map(|comma| super::report::clip(&service.reach.join(comma)));
        report.doubt(
            at,
            text!(
                "bound to loopback only, it cannot be reached from {en_zones}",
                "ループバックだけで待ち受けるため、{ja_zones} からは到達できません"
            ),
            text!("leave `reach` out, or widen `address`", "`reach` を省くか、`address` を広げてください"),
        );
    } else if service.reaches_world() && service.reach.len() > 1 {
        report.doubt(
            at,
            text!("world holds every other zone", "world はほかのすべてのゾーンを含みます"),
            text!(
                "write reach = \"{WORLD}\" alone, or take it out",
                "reach = \"{WORLD}\" だけにするか、world を外してください"
            ),
        );
    }
}
