//! Who holds what only its owner is to bind: the guard takes nothing from him (A24).

use alloc::{format, string::String};

use super::evict::may_be_evicted;
use crate::{
    desired::DesiredPort,
    facts::{Connection, Process, TcpState},
    guard::{Mode, Rules},
    ledger::Stand,
    owner::{Identity, Match},
    policy::{Guarding, Service},
    port::{PortSpec, Protocol},
    shell::quoted,
    text, unit,
    words::Text,
    world::{Holding, World, name_of, strangers, unowned_socket},
};

/// Somebody holds a port that only its owner is to bind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// The port.
    pub spec: PortSpec,
    /// The service that it belongs to.
    pub service: String,
    /// Who holds it.
    pub who: Text,
    /// How it is had from him.
    pub release: Release,
    /// The command that stops him, where he is a unit.
    pub stop: Option<String>,
}

/// How a port is had from a stranger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Release {
    /// He can be made to listen no more.
    Evict,
    /// He has to be stopped.
    Stop,
    /// The service manager holds it for this `.socket`, and opens it again for as long as that is to run.
    Unit(String),
}

impl Held {
    /// That he was there before, and nothing is taken from him.
    #[must_use]
    pub fn too_late(&self) -> Text {
        let Self { spec, service, who: Text { en, ja }, stop, .. } = self;
        let stop = stop.as_deref().map_or_else(String::new, |stop| format!(": {stop}"));
        text!(
            "warning: {spec} is refused to whoever does not own {service}, but {en} bound it before that: see who it is (portreeve who {spec}) and stop it{stop}",
            "警告: {spec} は {service} の owner 以外には拒否されますが、その前に {ja} が bind しています。portreeve who {spec} で確認し、停止してください{stop}"
        )
    }

    /// Why nothing is changed.
    #[must_use]
    pub fn why(&self) -> Text {
        let Self { spec, service, who: Text { en, ja }, .. } = self;
        text!(
            "{spec} is to be refused to whoever does not own {service}, and {en} holds it",
            "{service} の owner 以外に拒否するはずの {spec} を、{ja} が保持しています"
        )
    }

    /// What to do about it.
    #[must_use]
    pub fn fix(&self) -> Text {
        let spec = self.spec;
        match &self.release {
            Release::Stop => text!(
                "see who it is (portreeve who {spec}), stop it or name it as an owner; or guard = \"observe\" for now",
                "portreeve who {spec} で確認し、停止するか owner に加えてください。当面は guard = \"observe\" にもできます"
            ),
            Release::Evict => text!(
                "see who it is (portreeve who {spec}), stop it, have it give up the port (--evict) or name it as an owner; or guard = \"observe\" for now",
                "portreeve who {spec} で確認し、停止するか、--evict で待ち受けを終わらせるか、owner に加えてください。当面は guard = \"observe\" にもできます"
            ),
            Release::Unit(unit) => {
                let unit = quoted(unit);
                text!(
                    "systemctl disable --now {unit}, or name that unit as an owner too; or guard = \"observe\" for now",
                    "systemctl disable --now {unit} で停止するか、このユニットも owner に加えてください。当面は guard = \"observe\" にもできます"
                )
            }
        }
    }
}

/// Every port that is held by a stranger and would be refused to him.
pub fn held<'w>(world: &'w World<'_>, rules: &'w Rules) -> impl Iterator<Item = Held> {
    every_held(world, rules).map(|(held, _)| held)
}

/// Every one, with the sockets that listen on it: of one where nobody does they are not to be had.
pub(super) fn every_held<'w, 'a>(
    world: &'w World<'a>,
    rules: &'w Rules,
) -> impl Iterator<Item = (Held, Option<&'w Holding<'a>>)> {
    let own = world.own_namespace().map(|own| own.id);
    let of_listener = move |holding: &'w Holding<'a>| {
        let (spec, service) = (holding.spec(), holding.declared?.service);
        let is_kept = is_enforced(service, spec, rules) && Some(holding.widest().netns) == own;
        let (who, release, stop) = Some(holding).filter(|_| is_kept).and_then(|it| by_whom(world, it))?;
        Some((Held { spec, service: service.name.clone(), who, release, stop }, Some(holding)))
    };
    let sockets = world.snapshot.connections.iter().flatten();
    let sockets = sockets.filter(move |socket| Some(socket.netns) == own);
    let listened_on = world.every_holding().iter().filter_map(of_listener);
    listened_on.chain(sockets.filter_map(|socket| Some((taken(world, socket, rules)?, None))))
}

/// Who holds it and is no owner to the guard, how it is had from him, and what stops him.
fn by_whom(world: &World<'_>, holding: &Holding<'_>) -> Option<(Text, Release, Option<String>)> {
    if let Some(unit) = unowned_socket(holding) {
        let who = Text { en: unit.into(), ja: unit.into() };
        let stop = format!("systemctl disable --now {}", quoted(unit));
        return Some((who, Release::Unit(unit.into()), Some(stop)));
    }
    let stranger = strangers(world, holding)?;
    let is_evictable = holding.listeners.iter().all(|listener| may_be_evicted(listener));
    let release = if is_evictable { Release::Evict } else { Release::Stop };
    Some((name_of(stranger.first), release, stop(stranger.first)))
}

/// The command that stops a process that is a service of the host's.
pub(super) fn stop(process: &Process) -> Option<String> {
    let unit = process.unit.as_deref().filter(|unit| unit::is_service(unit) && unit::is_plain(unit))?;
    Some(format!("systemctl stop {unit}"))
}

/// Whether a stranger has bound what `socket` has and does not listen yet, or is connected where no state keeps him from going back:
/// of that the guard would hear no more.
fn taken(world: &World<'_>, socket: &Connection, rules: &Rules) -> Option<Held> {
    let spec = socket.spec();
    let may_listen = socket.state == TcpState::BoundInactive || socket.protocol == Protocol::Udp;
    let (protocol, ports) = (socket.protocol, spec.range);
    let stand = Stand { protocol, ports, address: Some(&socket.address), device: None, v6only: false };
    let mut declared = world.desired.at(socket.protocol, socket.port);
    let is_meant = |desired: &&DesiredPort<'_>| {
        is_enforced(desired.service, spec, rules) && desired.stands().any(|declared| declared.meets(&stand))
    };
    let service = declared.find(is_meant).filter(|_| may_listen)?.service;
    let mut holders = socket.pids.iter().filter_map(|pid| Some((pid, world.snapshot.processes.get(pid)?)));
    let (pid, stranger) = holders
        .find(|(_, process)| Identity::of_process(process).matches_any(&service.owners) == Match::No)?;
    // Of one that does not listen no list of listeners tells the process.
    let Text { en, ja } = name_of(stranger);
    let who = text!("{en}, pid {pid},", "{ja}(pid {pid})");
    Some(Held { spec, service: service.name.clone(), who, release: Release::Stop, stop: stop(stranger) })
}

/// Whether `standing` refuses it already, by the very rules that are to be kept: whoever has it does not come back, and nothing more is
/// promised by those.
pub(super) fn is_refused_already(held: &Held, rules: &Rules, standing: &Rules) -> bool {
    let of = |rules: &Rules| rules.entries.get(&(held.spec.protocol, held.spec.range.first)).cloned();
    of(rules) == of(standing)
}

fn is_enforced(service: &Service, spec: PortSpec, rules: &Rules) -> bool {
    service.guard == Some(Guarding::Kept(Mode::Enforce))
        && rules.entries.contains_key(&(spec.protocol, spec.range.first))
}
