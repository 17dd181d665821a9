//! How to make it last that a port is closed: in the policy, at the service, at the container, at the next boot (A17).

use std::{collections::BTreeSet, net::SocketAddr};

use portreeve_core::{
    address::Breadth,
    facts::{Container, Listener, Process, Published},
    gate::Ports,
    port::{PortRange, PortSpec},
    published::{behind, passed, target},
    steered::is_deprived,
    text, unit,
    words::{Text, Words},
    world::{Routed, World},
};

use super::super::apply::in_force;
use crate::{
    failure::Failure,
    footing::Footing,
    settings::Settings,
    show::{escape::visible, next, out::Out},
};

/// Lines of a kind that are told.
const LINES_MAX: usize = 8;

const HEAD: Words = Words { en: "To make it last:", ja: "恒久的に閉じるには:" };

/// Prints what to change so that the ports stay closed.
pub(super) fn tell(
    world: &World<'_>,
    ports: &Ports,
    settings: &Settings,
    out: &mut Out,
) -> Result<(), Failure> {
    let mut lines = declared(world, ports);
    lines.extend(containers(world, ports));
    lines.extend(routed(world, ports));
    lines.extend(units(world, ports, &Footing::of(settings)));
    if let (_, Some(enable)) = in_force(None) {
        lines.push(text!(
            "{enable}: the gate is put in force again at each boot",
            "{enable}: 起動のたびにゲートを有効にする"
        ));
    }
    if lines.is_empty() {
        return Ok(());
    }
    out.say(HEAD)?;
    lines.iter().try_for_each(|line| out.sentences(&format!("  {}", visible(line.in_lang(out.lang)))))
}

/// Where the policy opens them to others.
fn declared(world: &World<'_>, ports: &Ports) -> Vec<Text> {
    let desired = world.desired.ports().iter().filter(|port| port.service.reaches_beyond_host());
    let lines = desired.flat_map(|port| {
        let own: Ports = [port.spec].into_iter().collect();
        let (name, place) = (&port.service.name, &port.service.place);
        let (file, line) = (&place.file, place.line);
        let line = |spec: PortSpec| {
            text!(
                "{file}:{line}: take {spec} out of service.{name}; else portreeve apply opens it again",
                "{file}:{line}: service.{name} から {spec} を外す(外さなければ portreeve apply で再び開く)"
            )
        };
        own.and(ports).specs().map(line).collect::<Vec<_>>()
    });
    lines.take(LINES_MAX).collect()
}

/// The listeners of this host's own network on the ports.
pub(super) fn listeners<'a>(world: &World<'a>, ports: &Ports) -> Vec<&'a Listener> {
    own_listeners(world).filter(|listener| is_on(listener, ports)).collect()
}

fn own_listeners<'a>(world: &World<'a>) -> impl Iterator<Item = &'a Listener> {
    let own = world.snapshot.own_namespace().map(|namespace| namespace.id);
    world.snapshot.listeners.iter().filter(move |listener| Some(listener.netns) == own && listener.hears())
}

fn is_on(listener: &Listener, ports: &Ports) -> bool {
    ports.of(listener.protocol).contains(listener.port.into())
}

/// What else `units` listen on, which nobody named: it goes with them.
pub(super) fn beside<'a>(
    world: &World<'_>,
    units: impl Iterator<Item = &'a String>,
    ports: &Ports,
) -> Option<String> {
    let units: BTreeSet<&str> = units.flat_map(|units| units.split(' ')).collect();
    let others = own_listeners(world).filter(|listener| !is_on(listener, ports));
    let of_units = others.filter(|listener| !units_of(world, listener).is_disjoint(&units));
    let specs: BTreeSet<PortSpec> = of_units.map(Listener::spec).collect();
    let more = if specs.len() > LINES_MAX { " …" } else { "" };
    let specs: Vec<String> = specs.iter().take(LINES_MAX).map(ToString::to_string).collect();
    (!specs.is_empty()).then(|| specs.join(", ") + more)
}

/// The container that a listener of this host stands for.
pub(super) fn container<'a>(world: &World<'a>, process: &'a Process) -> Option<&'a Container> {
    let target = target(process)?;
    let inside = behind(world.snapshot, target);
    let (_, inside) = inside.iter().find_map(|listener| world.snapshot.holders(listener).next())?;
    inside.host_container()
}

fn containers(world: &World<'_>, ports: &Ports) -> Vec<Text> {
    let mut found: BTreeSet<(PortSpec, String, Option<PortRange>)> = BTreeSet::new();
    for listener in listeners(world, ports) {
        for (_, process) in world.snapshot.holders(listener) {
            let is_open = listener.breadth() != Breadth::Loopback;
            let inside = target(process).map_or(listener.spec().range, |target| PortRange::one(target.port));
            let stop = container(world, process).and_then(stop);
            found.extend(stop.map(|stop| (listener.spec(), stop, is_open.then_some(inside))));
        }
    }
    for spec in ports.specs() {
        for passed in passed(world.snapshot, Some(spec.protocol), spec.range) {
            let Published { address, port, inside, .. } = *passed.published;
            let own = PortSpec { range: PortRange::one(port), ..spec };
            let stop = passed.process.host_container().and_then(stop);
            let inside = (!address.is_loopback()).then_some(PortRange::one(inside));
            found.extend(stop.map(|stop| (own, stop, inside)));
        }
    }
    // What is published for this host alone already nobody can publish more narrowly.
    let line = |(spec, stop, inside): (PortSpec, String, Option<PortRange>)| {
        let (port, protocol) = (spec.range, spec.protocol);
        let Some(inside) = inside else { return Text { en: stop.clone(), ja: stop } };
        text!(
            "{stop}; or publish it on this host alone: -p 127.0.0.1:{port}:{inside}/{protocol}",
            "{stop}、またはホスト内だけで公開する: -p 127.0.0.1:{port}:{inside}/{protocol}"
        )
    };
    found.into_iter().take(LINES_MAX).map(line).collect()
}

/// The containers whose published ports are among `ports`, and that packets get to all the same at their own address.
fn routed(world: &World<'_>, ports: &Ports) -> Vec<Text> {
    let all = world.routed_to();
    let is_meant = |routed: &&Routed<'_>| {
        let mut published = routed.published_at();
        published.any(|it| ports.of(it.protocol).contains(it.port.into()))
    };
    let found: BTreeSet<SocketAddr> =
        all.iter().filter(is_meant).map(|it| SocketAddr::new(it.address, it.listener.port)).collect();
    let line = |at: SocketAddr| {
        text!(
            "whoever routes through this host still gets to {at} itself: portreeve explain container-port-by-route",
            "このホストを経由する経路からは引き続き {at} に届く。対策: portreeve explain container-port-by-route"
        )
    };
    found.into_iter().take(LINES_MAX).map(line).collect()
}

/// How a container is stopped, where its name is surely nothing but a name to a shell.
pub(super) fn stop(container: &Container) -> Option<String> {
    let Container { runtime, name, .. } = container;
    let name = name.as_ref().filter(|name| unit::is_plain(name))?;
    ["docker", "podman"].contains(&runtime.as_str()).then(|| format!("{runtime} stop {name}"))
}

/// The units that hold them, but for what whoever types stands on.
fn units(world: &World<'_>, ports: &Ports, footing: &Footing) -> Vec<Text> {
    let mut found: BTreeSet<String> = BTreeSet::new();
    // Whom nothing reaches there did not keep it open.
    for listener in listeners(world, ports).into_iter().filter(|it| !is_deprived(world.snapshot, it)) {
        let units = units_of(world, listener);
        if !units.is_empty() && !units.iter().any(|unit| footing.needs_unit(unit)) {
            found.insert(units.into_iter().collect::<Vec<_>>().join(" "));
        }
    }
    let line = |units: String| match beside(world, [&units].into_iter(), ports) {
        Some(others) => text!(
            "systemctl disable --now {units} (which ends {others} too)",
            "systemctl disable --now {units}({others} の待ち受けも終わる)"
        ),
        None => text!("systemctl disable --now {units}", "systemctl disable --now {units}"),
    };
    found.into_iter().take(LINES_MAX).map(line).collect()
}

/// The service and the socket unit by which it listens.
fn units_of<'a>(world: &World<'a>, listener: &'a Listener) -> BTreeSet<&'a str> {
    let holders = world.snapshot.holders(listener).map(|(_, process)| process);
    let services = holders.filter(|process| !is_forwarder(process)).filter_map(next::unit_to_stop);
    let socket = listener.socket_unit.as_deref().filter(|unit| unit.ends_with(".socket"));
    services.chain(socket.filter(|unit| unit::is_plain(unit))).collect()
}

/// Whether it serves many containers, of which one alone may be meant.
pub(super) fn is_forwarder(process: &Process) -> bool {
    portreeve_core::owner::Identity::of_process(process).forwards_for_containers()
}
