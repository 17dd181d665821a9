//! The settings of the network on which the way of a packet depends, as sysctl prints them (ip-sysctl.rst).

use std::{fmt::Write, fs};

use crate::proc;

/// Those of the whole namespace, below /proc/sys/net.
const WHOLE: [&str; 4] = [
    "ipv4/ip_forward",
    "ipv6/conf/all/forwarding",
    "bridge/bridge-nf-call-iptables",
    "bridge/bridge-nf-call-ip6tables",
];
/// Those of each interface: below /proc/sys/net/ipv4/conf, and below /proc/sys/net/ipv6/conf.
const OF_EACH: [(&str, &[&str]); 2] = [
    ("ipv4", &["rp_filter", "route_localnet", "accept_local", "forwarding"]),
    ("ipv6", &["force_forwarding", "disable_ipv6"]),
];

/// A line each, of those that there are.
pub(super) fn read() -> String {
    let mut lines = String::new();
    for name in WHOLE {
        tell(name, &name.replace('/', "."), &mut lines);
    }
    for (version, names) in OF_EACH {
        let interfaces =
            fs::read_dir(format!("/proc/sys/net/{version}/conf")).into_iter().flatten().flatten();
        for interface in interfaces.filter_map(|entry| entry.file_name().into_string().ok()) {
            for name in names {
                // sysctl(8) writes the dot in the name of an interface as a slash.
                let shown = format!("{version}.conf.{}.{name}", interface.replace('.', "/"));
                tell(&format!("{version}/conf/{interface}/{name}"), &shown, &mut lines);
            }
        }
    }
    lines
}

/// Whether this host passes on packets that are not for itself, of either family.
pub(crate) fn passes_on() -> bool {
    let is_on =
        |name: &&str| proc::read_text(format!("/proc/sys/net/{name}")).is_some_and(|on| on.trim() == "1");
    WHOLE[..2].iter().any(is_on)
}

fn tell(path: &str, name: &str, lines: &mut String) {
    if let Some(value) = proc::read_text(format!("/proc/sys/net/{path}")) {
        let _ = writeln!(lines, "net.{name} = {}", value.trim());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_interface_has_its_lines() {
        let lines = read();
        for name in
            ["net.ipv4.ip_forward = ", "net.ipv4.conf.lo.rp_filter = ", "net.ipv4.conf.all.accept_local = "]
        {
            assert_eq!(lines.lines().filter(|line| line.starts_with(name)).count(), 1, "{name}: {lines}");
        }
    }
}
