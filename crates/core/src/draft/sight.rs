//! Who was seen on which port, and who of them will still be called so tomorrow (A12, A24).

use alloc::{collections::BTreeSet, format, string::String, vec::Vec};

use ipnet::IpNet;

use super::{
    admit::{Admitted, admitted, banned},
    danger::Danger,
};
use crate::{
    facts::Listener,
    owner::{Identity, Match, Owner, is_service_manager},
    policy,
    port::Protocol,
    unit,
    world::{Passage, World},
};

/// More listeners than this no policy is drafted for: a policy holds no more ports.
const LISTENERS_MAX: usize = 65_536;
/// An owner that is written longer helps nobody who reads the policy.
const OWNER_BYTES_MAX: usize = 512;

/// A listener with whom it belongs to.
#[derive(Clone, Debug)]
pub(super) struct Sighting<'a> {
    pub(super) listener: &'a Listener,
    /// Everybody who holds it; empty where somebody among them has no lasting name.
    pub(super) owners: BTreeSet<Owner>,
    /// What its service may be called.
    pub(super) label: String,
    /// Names of the programs.
    pub(super) programs: BTreeSet<&'a str>,
    pub(super) danger: Option<Danger>,
    /// Who gets to it from outside.
    pub(super) admitted: Admitted,
    /// Who is kept out of those.
    pub(super) banned: BTreeSet<IpNet>,
    /// The ports from which rules lead to it as well.
    pub(super) led_from: BTreeSet<String>,
}

/// Everything that a policy is drafted from.
#[derive(Debug)]
pub(super) struct Seen<'a> {
    pub(super) sightings: Vec<Sighting<'a>>,
    /// Listeners beyond what a policy can hold.
    pub(super) left_out: usize,
}

/// Every listener that a policy can declare.
pub(super) fn sightings<'a>(world: &World<'a>) -> Seen<'a> {
    let mut listeners: Vec<_> = world
        .listeners()
        .filter(|listener| listener.port != 0 && listener.protocol != Protocol::Dccp)
        // It ends by itself, and is no service.
        .filter(|listener| !world.is_asked_for_consent(listener))
        .collect();
    let left_out = listeners.len().saturating_sub(LISTENERS_MAX);
    listeners.truncate(LISTENERS_MAX);
    Seen { sightings: listeners.into_iter().map(|listener| sighting(world, listener)).collect(), left_out }
}

fn sighting<'a>(world: &World<'a>, listener: &'a Listener) -> Sighting<'a> {
    let owners: Option<BTreeSet<Owner>> = identities(world, listener).iter().map(lasting).collect();
    let owners = owners.unwrap_or_default();
    let programs: BTreeSet<&str> =
        world.snapshot.holders(listener).map(|(_, process)| process.name.as_str()).collect();
    let danger = Danger::of(&programs, listener.port, listener.protocol);
    let label = label(world, listener, owners.first());
    let admitted = admitted(world, listener);
    let direct = world.directly_from_outside(listener);
    let banned = direct.iter().flat_map(|(family, run)| banned(run, *family)).collect();
    let led_from = world.leading_to(listener).map(Passage::named).collect();
    Sighting { listener, owners, label, programs, danger, admitted, banned, led_from }
}

/// Who `listener` belongs to: the service manager keeps a socket for those who hold it beside it (A12).
fn identities<'a>(world: &World<'a>, listener: &'a Listener) -> Vec<Identity<'a>> {
    let holders = world.snapshot.holders(listener).map(|(_, process)| process);
    let served: Vec<_> = holders
        .filter(|process| !is_service_manager(process))
        .map(|process| Identity::of_holder(process, listener))
        .collect();
    if served.is_empty() { world.identities(listener) } else { served }
}

/// The narrowest owner that will still mean this somebody after a restart.
fn lasting(identity: &Identity<'_>) -> Option<Owner> {
    let unit =
        identity.unit.filter(|unit| is_lasting(unit)).map(|unit| format!("{}.service", unit::stem(unit)));
    let container =
        identity.container.map(|container| container.name.clone().unwrap_or_else(|| container.id.clone()));
    // An interpreter is anybody's executable, and its script's name proves nobody: of root's only the user can be said.
    let interprets = identity.script.is_some() || identity.exe.is_some_and(is_interpreter);
    let user = match (identity.user, identity.uid) {
        (Some("root"), _) | (_, Some(0)) if !interprets => None,
        (Some(name), _) => Some(name.into()),
        (None, uid) => uid.map(|uid| format!("{uid}")),
    };
    let exe = identity.exe.filter(|path| !interprets && !path.starts_with("/memfd:")).map(String::from);
    [("unit", unit), ("container", container), ("user", user), ("exe", exe)]
        .into_iter()
        .filter_map(|(key, value)| policy::owner_of(key, &value?).ok())
        .find(|owner| owner.value().len() <= OWNER_BYTES_MAX && identity.matches(owner) != Match::No)
}

/// Whether the executable runs what others wrote: a version at its end aside, its name is an interpreter's.
fn is_interpreter(exe: &str) -> bool {
    const INTERPRETERS: [&str; 15] = [
        "python", "perl", "ruby", "node", "nodejs", "bun", "deno", "php", "java", "bash", "dash", "sh",
        "busybox", "lua", "tclsh",
    ];
    let file = exe.rsplit('/').next().unwrap_or(exe);
    INTERPRETERS.contains(&file.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.' || c == '-'))
}

/// A service unit lasts; a session, a user's manager and what `systemd-run` starts do not.
fn is_lasting(unit: &str) -> bool {
    let transient = ["run-r", "run-u", "run-p"].iter().any(|start| {
        unit.strip_prefix(start).is_some_and(|rest| rest.starts_with(|first: char| first.is_ascii_hexdigit()))
    });
    unit::is_service_or_socket(unit) && !transient
}

/// A service is called like its unit or container; else as IANA calls a well-known number; else like the program.
fn label(world: &World<'_>, listener: &Listener, owner: Option<&Owner>) -> String {
    match owner {
        Some(Owner::Unit(unit)) => return unit_label(unit),
        Some(Owner::Container(name)) => return name.clone(),
        _ => {}
    }
    let assigned = world.registry.name(listener.port, listener.protocol).filter(|_| listener.port < 1024);
    let program = || world.main_holder(listener).map(|(_, process)| process.name.as_str());
    match assigned.or_else(program) {
        Some(name) => name.into(),
        None => format!("port-{}", listener.port),
    }
}

/// `postfix@-.service` is postfix, `postgresql@15-main.service` is postgresql-15-main.
fn unit_label(unit: &str) -> String {
    let stem = unit::stem(unit);
    match stem.split_once('@') {
        Some((template, "-" | "")) => template.into(),
        Some((template, instance)) => format!("{template}-{instance}"),
        None => stem.into(),
    }
}
