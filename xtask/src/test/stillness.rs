//! The machine's own listeners and units are the same after the tests as before.

use portreeve_lab::{machine::Machine, witness::Socket};

use crate::{shell::Result, tally::Tally};

/// What listens and runs now, without what comes and goes by itself.
pub(super) fn observe() -> Result<Vec<String>> {
    Ok(lasting(&Machine::observe()?, client_range_start()?))
}

/// Counts one test, and says what differs where it fails.
pub(super) fn compare(before: &[String], after: &[String]) -> Tally {
    for line in after.iter().filter(|line| !before.contains(line)) {
        eprintln!("error: the machine itself has now: {line}");
    }
    for line in before.iter().filter(|line| !after.contains(line)) {
        eprintln!("error: the machine itself no longer has: {line}");
    }
    Tally::of(before == after)
}

/// The lowest number that the kernel lends to clients (ip(7), `ip_local_port_range`).
fn client_range_start() -> Result<u16> {
    let range = std::fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range")?;
    Ok(range.split_whitespace().next().ok_or("no range of clients' numbers")?.parse()?)
}

/// Neither a client's own UDP socket, nor a session, nor which process holds a socket belongs to it, nor a target, which runs
/// nothing: the package systemd-container enables one (systemd.target(5)).
fn lasting(machine: &Machine, client_range_start: u16) -> Vec<String> {
    let is_client = |socket: &&Socket| socket.protocol == "udp" && socket.port >= client_range_start;
    let listeners = machine.listeners.iter().filter(|socket| !is_client(socket));
    let shown = listeners.map(|socket| format!("{}/{} on {}", socket.port, socket.protocol, socket.address));
    let comes_and_goes = |unit: &&String| [".scope", ".target"].iter().any(|kind| unit.ends_with(kind));
    let units = machine.units.iter().filter(|unit| !comes_and_goes(unit));
    shown.chain(units.cloned()).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn machine(pid: u32, sockets: &[(&str, u16)], units: &[&str]) -> Machine {
        let socket = |(protocol, port): &(&str, u16)| Socket {
            protocol: (*protocol).into(),
            address: "::".into(),
            port: *port,
            pids: BTreeSet::from([pid]),
        };
        Machine {
            listeners: sockets.iter().map(socket).collect(),
            units: units.iter().map(ToString::to_string).collect(),
            mounts: BTreeSet::new(),
        }
    }

    #[test]
    fn a_listener_or_unit_that_stays_behind_is_noticed() {
        let before = lasting(&machine(1, &[("tcp", 22)], &["ssh.service"]), 32768);
        assert_eq!(before, ["22/tcp on ::", "ssh.service"]);
        let more = lasting(&machine(1, &[("tcp", 22), ("tcp", 40000)], &["ssh.service"]), 32768);
        assert_eq!(compare(&before, &more), Tally::of(false));
        let fewer = lasting(&machine(1, &[("tcp", 22)], &[]), 32768);
        assert_eq!(compare(&before, &fewer), Tally::of(false));
    }

    #[test]
    fn clients_sessions_targets_and_a_restart_are_nobodys_leavings() {
        let before = lasting(&machine(1, &[("udp", 53)], &[]), 32768);
        let enabled = "/etc/systemd/system/multi-user.target.wants/machines.target";
        let after =
            lasting(&machine(2, &[("udp", 53), ("udp", 40000)], &["session-4.scope", enabled]), 32768);
        assert_eq!(compare(&before, &after), Tally::of(true));
    }
}
