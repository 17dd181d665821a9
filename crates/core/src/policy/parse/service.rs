//! Reads one service: its ports, its owner, who may reach it (A15, A24).

use alloc::{collections::BTreeSet, string::String, vec::Vec};

use super::{
    address, guard,
    lines::Mark,
    owner, ports,
    report::Report,
    steer,
    tree::{Content, Value},
    value::{Key, Table, refuse_kind},
};
use crate::{
    address::Breadth,
    policy::{HOST, Service, WORLD},
    port::PortSpec,
    registry::Registry,
    steer::mistake,
    text,
    words::Words,
};

const PORTS: Key = Key { name: "ports", example: "ports = [\"443/tcp\"]" };
const ADDRESS: Key = Key { name: "address", example: "address = [\"127.0.0.1\", \"::1\"]" };
const DEVICE: Key = Key { name: "device", example: "device = \"eth1\"" };
const OWNER: Key = Key { name: "owner", example: "owner = { unit = \"nginx.service\" }" };
const REACH: Key = Key { name: "reach", example: "reach = \"world\"" };
const GUARD: Key = Key { name: "guard", example: "guard = \"enforce\"" };
const STEER: Key = Key { name: "steer", example: "steer = { when_dead = \"refuse\" }" };
const WHY: Key = Key { name: "why", example: "why = \"only the application on this machine\"" };

/// The keys of a service.
pub(super) const KEYS: &[Key] = &[PORTS, ADDRESS, DEVICE, OWNER, REACH, GUARD, STEER, WHY];

/// Where the parts of all services are written, one behind the other in the order of the services.
#[derive(Debug, Default)]
pub(super) struct Places {
    /// Their names.
    pub(super) names: Vec<Mark>,
    /// Their ports.
    pub(super) ports: Vec<Mark>,
    /// The zones of their reach; where it is not written, the name.
    pub(super) reach: Vec<Mark>,
}

/// Reads the service `name`.
pub(super) fn read(
    name: &str,
    table: &Table<'_, '_>,
    registry: Registry<'_>,
    places: &mut Places,
    report: &mut Report<'_>,
) -> Service {
    table.refuse_unknown(KEYS, report);
    places.names.push(table.at);
    let ports = read_ports(name, table, registry, &mut places.ports, report);
    let device = table.string(DEVICE, report).and_then(|(at, text)| address::device(text, at, report));
    let addresses = address::addresses(&table.strings(ADDRESS, report), report);
    let owners = match table.get(OWNER) {
        Some(value) => {
            let owners = owner::read(value, OWNER, report);
            owner::doubt_division(&owners, ports.len(), value.at(), report);
            owners
        }
        None => {
            doubt_anybody(name, table.at, report);
            Vec::new()
        }
    };
    let before = places.reach.len();
    let reach = read_reach(table, &mut places.reach, report);
    let guard = guard::read(table, GUARD, report);
    let steer = steer::read(table, STEER, report);
    let why = table.string(WHY, report).map(|(_, why)| why.into());
    let place = report.place(table.at).0;
    let service =
        Service { name: name.into(), ports, addresses, device, owners, reach, guard, steer, why, place };
    if let Some((at, mistake)) = table.get(STEER).map(Value::at).zip(mistake(&service)) {
        report.wrong(at, mistake.words(), mistake.fix());
    }
    if let Some(&at) = places.reach.get(before) {
        doubt_reach(&service, at, report);
    }
    service
}

fn read_ports(
    name: &str,
    table: &Table<'_, '_>,
    registry: Registry<'_>,
    places: &mut Vec<Mark>,
    report: &mut Report<'_>,
) -> Vec<PortSpec> {
    let Some(value) = table.get(PORTS) else {
        report.missing(
            table.at,
            text!("service.{name} has no ports", "service.{name} に ports がありません"),
            text!("add ports = [\"443/tcp\"]", "ports = [\"443/tcp\"] のように書き足してください"),
        );
        return Vec::new();
    };
    if let Content::Integer(number) = value.content() {
        report.wrong(
            value.at(),
            text!("`{number}` names no protocol", "`{number}` にプロトコルがありません"),
            text!("did you mean ports = [\"{number}/tcp\"]?", "ports = [\"{number}/tcp\"] のことですか?"),
        );
        return Vec::new();
    }
    let written = table.strings(PORTS, report);
    let mut ports = Vec::with_capacity(written.len());
    for (at, text) in written {
        if let Some(spec) = ports::read(text, at, registry, report) {
            ports.push(spec);
            places.push(at);
        }
    }
    ports
}

/// Reads the zones of a reach; `host` where it is not written.
pub(super) fn read_reach(
    table: &Table<'_, '_>,
    places: &mut Vec<Mark>,
    report: &mut Report<'_>,
) -> Vec<String> {
    if let Some(value) = table.get(REACH)
        && let Content::Table(_) | Content::Boolean = value.content()
    {
        let wanted = Words { en: "a zone or a list of zones", ja: "ゾーン名かそのリスト" };
        refuse_kind(value.at(), REACH, wanted, value, report);
        return Vec::new();
    }
    let mut zones = table.strings(REACH, report);
    if zones.len() > 1 {
        let mut seen = BTreeSet::new();
        zones.retain(|(_, zone)| seen.insert(*zone));
    }
    if zones.is_empty() {
        zones.push((table.at, HOST));
    }
    places.extend(zones.iter().map(|(at, _)| *at));
    zones.iter().map(|(_, zone)| String::from(*zone)).collect()
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
fn doubt_reach(service: &Service, at: Mark, report: &mut Report<'_>) {
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
