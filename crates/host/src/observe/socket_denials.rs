//! Looks whether the kernel keeps units from binding what systemd was told to keep them from (A24).

use std::{collections::BTreeMap, fs::File, os::fd::AsFd as _, path::Path};

use portreeve_core::facts::{Snapshot, SocketDenial};
use rustix::process::geteuid;

use super::origins::unit_file;
use crate::{enforce::guard::Home, sys::bpf::bind_programs};

/// What says so (systemd.resource-control(5)): the manager hangs a program at the unit's cgroup for it, where it was built to.
const DENY: &str = "SocketBindDeny";

/// Adds them to a look, for the units whose processes it tells of; none where the kernel does not tell, as it does root alone.
pub fn add(snapshot: &mut Snapshot) {
    let Ok(home) = Home::of_host() else { return };
    if geteuid().is_root() {
        let denial = |(unit, cgroup)| denial(unit, &home.folder.join(cgroup));
        snapshot.socket_denials = units(snapshot).into_iter().filter_map(denial).collect();
    }
}

/// The units, each with the path of its cgroup below the home.
fn units(snapshot: &Snapshot) -> BTreeMap<&str, &str> {
    let processes = snapshot.processes.values();
    let named = processes.filter_map(|process| Some((process.unit.as_deref()?, process.cgroup.as_deref()?)));
    named.filter_map(|(unit, path)| Some((unit, up_to(path, unit)?))).collect()
}

/// The part of a path that ends in the cgroup of `unit`, without its first slash.
fn up_to<'p>(path: &'p str, unit: &str) -> Option<&'p str> {
    let at = path.find(&format!("/{unit}"))? + 1 + unit.len();
    let is_whole = path[at..].is_empty() || path[at..].starts_with('/');
    is_whole.then(|| path[..at].trim_start_matches('/'))
}

fn denial(unit: &str, cgroup: &Path) -> Option<SocketDenial> {
    let line = unit_file::settings(Path::new("/"), unit, DENY).into_iter().next()?;
    let count = bind_programs(File::open(cgroup).ok()?.as_fd()).ok()?;
    Some(SocketDenial { unit: unit.into(), line, is_in_force: count > 0 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cgroup_of_a_unit_is_found_in_a_path() {
        let of = |path| up_to(path, "a.service");
        assert_eq!(of("/system.slice/a.service"), Some("system.slice/a.service"));
        assert_eq!(of("/system.slice/a.service/deeper"), Some("system.slice/a.service"));
        assert_eq!((of("/system.slice/a.service.d"), of("/system.slice/b.service")), (None, None));
    }
}
