//! What runs on the machine itself, which no test may change: its listeners and its units.

use std::{collections::BTreeSet, fs};

use crate::shell::{Result, command, find_program};

/// Clients' own UDP sockets come and go above this number on any desktop.
const UDP_PORT_MAX: u16 = 32767;

/// The listeners and running units of the machine, as one set of lines.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Machine(BTreeSet<String>);

impl Machine {
    /// What listens and runs now, from /proc/net and the service manager, where there is one.
    pub(super) fn observe() -> Result<Self> {
        let mut seen = BTreeSet::new();
        for table in ["tcp", "tcp6", "udp", "udp6"] {
            let text = fs::read_to_string(format!("/proc/self/net/{table}")).unwrap_or_default();
            seen.extend(text.lines().filter_map(|line| listener(table, line)));
        }
        seen.extend(units()?);
        Ok(Self(seen))
    }

    /// Compares with now, and says what differs.
    pub(super) fn is_still(&self) -> Result<bool> {
        let now = Self::observe()?;
        for line in now.0.difference(&self.0) {
            eprintln!("the machine itself has now: {line}");
        }
        for line in self.0.difference(&now.0) {
            eprintln!("the machine itself no longer has: {line}");
        }
        Ok(now == *self)
    }
}

/// A line of /proc/net/{tcp,udp} that stands for a listener: state 0A, or UDP without a peer (07).
fn listener(table: &str, line: &str) -> Option<String> {
    let mut fields = line.split_whitespace().skip(1);
    let (local, _, state) = (fields.next()?, fields.next()?, fields.next()?);
    let port = u16::from_str_radix(local.rsplit_once(':')?.1, 16).ok()?;
    let listens =
        if table.starts_with("udp") { state == "07" && port <= UDP_PORT_MAX } else { state == "0A" };
    listens.then(|| format!("{port}/{table} on {local}"))
}

/// The running services and sockets; none where systemd is not in charge (`sd_booted(3)`).
fn units() -> Result<BTreeSet<String>> {
    if !fs::exists("/run/systemd/system")? || find_program("systemctl").is_none() {
        return Ok(BTreeSet::new());
    }
    let list =
        ["systemctl", "list-units", "--type=service,socket", "--state=running", "--plain", "--no-legend"];
    let output = command(&list).output()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    Ok(text.lines().filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const LISTENING: &str =
        "   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 1 1";

    #[test]
    fn listeners_are_told_from_connections() {
        assert_eq!(listener("tcp", LISTENING).unwrap(), "8080/tcp on 0100007F:1F90");
        assert_eq!(listener("tcp", &LISTENING.replace(" 0A ", " 01 ")), None);
        assert_eq!(listener("tcp", "  sl  local_address rem_address   st"), None);
    }

    #[test]
    fn udp_counts_without_a_peer_and_below_the_clients() {
        let udp = LISTENING.replace(" 0A ", " 07 ");
        assert!(listener("udp", &udp).is_some());
        assert_eq!(listener("udp", &udp.replace("1F90", "C000")), None);
    }
}
