//! The interfaces behind which this host's own containers and virtual machines are (A15).

use alloc::vec::Vec;

use crate::{firewall::Filter, gate::InterfacePattern, world::World};

/// The interfaces of containers and virtual machines, whose connections to published ports are nobody's from outside.
///
/// Those are the bridges that an engine makes, told by the names that it gives.
pub(super) fn interfaces(world: &World<'_>, filter: &Filter) -> Vec<InterfacePattern> {
    let _ = world;
    let names = filter.around.interfaces.iter().map(|interface| interface.name.as_str());
    names.filter(|name| is_of_engine(name)).filter_map(InterfacePattern::of).collect()
}

/// How the names begin that engines give, before a number or an identifier.
const ENGINES: [&str; 9] =
    ["docker", "podman", "cni-podman", "cni", "virbr", "lxcbr", "lxdbr", "incusbr", "nerdctl"];

fn is_of_engine(name: &str) -> bool {
    let is_number = |rest: &str| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit());
    let is_identifier = |rest: &str| rest.len() == 12 && rest.bytes().all(|byte| byte.is_ascii_hexdigit());
    name == "docker_gwbridge"
        || ENGINES.iter().any(|begin| name.strip_prefix(begin).is_some_and(is_number))
        || name.strip_prefix("br-").is_some_and(is_identifier)
}
