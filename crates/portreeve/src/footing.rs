//! What a person stands on who types here: nobody is told to stop it (A26).

use std::collections::BTreeSet;

use portreeve_core::{cgroup, facts::Process, unit};
use portreeve_host::lineage::{has_own_numbers, lineage};

use crate::settings::Settings;

/// Programs and units through which a person comes in from afar, or that keep the network up on which he comes.
const WAYS_IN: [&str; 20] = [
    "NetworkManager",
    "connman",
    "connmand",
    "dhclient",
    "dhcpcd",
    "dropbear",
    "ifup",
    "networking",
    "openvpn",
    "openvpn-client",
    "openvpn-server",
    "ssh",
    "sshd",
    "sshd-session",
    "sshd-unix-local",
    "systemd-networkd",
    "tailscaled",
    "wg-quick",
    "xrdp",
    "zerotier-one",
];

/// The processes above this one and the units that hold them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Footing {
    pids: BTreeSet<u32>,
    units: BTreeSet<String>,
    /// Whether numbers of processes mean others where he types.
    is_numbered_apart: bool,
}

impl Footing {
    /// That of this run; on a saved host nobody who reads about it stands.
    pub(crate) fn of(settings: &Settings) -> Self {
        if settings.snapshot.is_some() {
            return Self::default();
        }
        let above = lineage();
        let units = above.iter().filter_map(|above| cgroup::read(above.cgroup.as_deref()?).unit);
        Self {
            units: units.collect(),
            pids: above.iter().map(|above| above.pid).collect(),
            is_numbered_apart: !has_own_numbers(),
        }
    }

    /// The command that ends one process; `None` where its number is another's for whoever types.
    pub(crate) fn kill(&self, pid: u32) -> Option<String> {
        (!self.is_numbered_apart).then(|| format!("kill {pid}"))
    }

    /// Whether to end `process` would cut off whoever types.
    pub(crate) fn needs(&self, pid: u32, process: &Process) -> bool {
        let program = process.exe.as_deref().and_then(|exe| exe.rsplit('/').next());
        let names = [Some(process.name.as_str()), program];
        self.pids.contains(&pid) || names.into_iter().flatten().any(is_way_in)
    }

    /// Whether to stop `unit` would cut off whoever types.
    pub(crate) fn needs_unit(&self, unit: &str) -> bool {
        let stem = unit::stem(unit);
        self.units.contains(unit) || is_way_in(stem.split_once('@').map_or(stem, |(template, _)| template))
    }
}

fn is_way_in(name: &str) -> bool {
    WAYS_IN.contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ways_in_are_known_by_program_and_by_unit() {
        let footing = Footing::default();
        let named = |name: &str| Process { name: name.into(), ..Process::default() };
        assert!(footing.needs(7, &named("sshd")) && !footing.needs(7, &named("nginx")));
        let renamed = Process { exe: Some("/usr/sbin/dropbear".into()), ..named("x") };
        assert!(footing.needs(7, &renamed));
        for unit in ["ssh.service", "ssh.socket", "ssh@4-192.0.2.1.service", "wg-quick@wg0.service"] {
            assert!(footing.needs_unit(unit), "{unit}");
        }
        for unit in ["nginx.service", "sshguard.service", "session-4.scope"] {
            assert!(!footing.needs_unit(unit), "{unit}");
        }
    }

    #[test]
    fn nobody_is_told_the_number_of_another_process() {
        let apart = Footing { is_numbered_apart: true, ..Footing::default() };
        assert_eq!((apart.kill(5), Footing::default().kill(5).as_deref()), (None, Some("kill 5")));
    }

    #[test]
    fn what_stands_above_whoever_types_is_needed() {
        let footing = Footing {
            pids: [40].into(),
            units: ["code-server@dev.service".into()].into(),
            ..Footing::default()
        };
        assert!(footing.needs(40, &Process::default()) && !footing.needs(41, &Process::default()));
        assert!(footing.needs_unit("code-server@dev.service"));
        assert!(!footing.needs_unit("code-server@eve.service"));
    }
}
