//! The `.socket` for which the service manager opened a port (systemd.socket(5), A12).
//!
//! The manager makes some sockets in the cgroup of their unit and others in its own, init.scope: then only the settings
//! of all sockets tell which of them it may be.

use alloc::string::String;
use core::net::IpAddr;

use crate::{
    facts::{Line, Listener, Snapshot},
    port::Protocol,
};

/// The cgroup of the host's service manager, in which nothing else runs (systemd.special(7)).
const MANAGER: &str = "init.scope";

/// What a `.socket` is told by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ToldBy {
    /// The cgroup in which the socket was made.
    Cgroup,
    /// The settings of the one unit that listens there.
    Settings,
}

/// Whether the service manager made `listener`, for whichever unit.
#[must_use]
pub fn is_managers(listener: &Listener) -> bool {
    let unit = listener.socket_unit.as_deref();
    unit.is_some_and(|unit| unit == MANAGER || unit.ends_with(".socket"))
}

/// The `.socket` for which the service manager made `listener`; `None` where it did not, or nothing tells which.
#[must_use]
pub fn socket<'a>(snapshot: &'a Snapshot, listener: &'a Listener) -> Option<(&'a str, ToldBy)> {
    match listener.socket_unit.as_deref()? {
        MANAGER => {}
        unit => return unit.ends_with(".socket").then_some((unit, ToldBy::Cgroup)),
    }
    let units = &snapshot.origins.as_ref()?.units;
    let listens = |unit: &&String| {
        unit.ends_with(".socket") && units[*unit].lines.iter().any(|line| is_at(line, listener))
    };
    let mut fitting = units.keys().filter(listens);
    let first = fitting.next()?;
    fitting.next().is_none().then_some((first.as_str(), ToldBy::Settings))
}

/// Whether a line such as `ListenStream=127.0.0.1:631` asks for `listener`.
///
/// A bare number is every address: `[::]`, or `0.0.0.0` where there is no IPv6.
#[must_use]
pub fn is_at(line: &Line, listener: &Listener) -> bool {
    let Some(asked) = asked(line) else { return false };
    let ip = listener.address.ip;
    (asked.protocol, asked.port) == (listener.protocol, listener.port)
        && asked.address.map_or(ip.is_unspecified(), |address| address == ip)
        && asked.device.is_none_or(|device| listener.device.as_deref() == Some(device))
}

/// The port that a line of a `.socket` asks for, where it is one of IP.
#[must_use]
pub fn port_of(line: &Line) -> Option<u16> {
    Some(asked(line)?.port)
}

/// What a line of a `.socket` asks for.
struct Asked<'a> {
    protocol: Protocol,
    address: Option<IpAddr>,
    port: u16,
    device: Option<&'a str>,
}

fn asked(line: &Line) -> Option<Asked<'_>> {
    let (key, value) = line.text.split_once('=')?;
    let protocol = match key {
        "ListenStream" => Protocol::Tcp,
        "ListenDatagram" => Protocol::Udp,
        _ => return None,
    };
    let (value, device) = match value.trim().split_once('%') {
        Some((value, device)) => (value, Some(device)),
        None => (value.trim(), None),
    };
    let Some((address, port)) = value.rsplit_once(':') else {
        return Some(Asked { protocol, address: None, port: value.parse().ok()?, device });
    };
    let address = address.trim_matches(['[', ']']).parse().ok()?;
    Some(Asked { protocol, address: Some(address), port: port.parse().ok()?, device })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        facts::{Origins, UnitOrigin, testing::listener},
        rules::testing::{Scene, scene},
    };

    fn line(text: &str) -> Line {
        Line { path: "/x".into(), number: 1, text: text.into() }
    }

    #[test]
    fn a_line_asks_for_a_protocol_an_address_and_a_port() {
        for (text, spot, expected) in [
            ("ListenStream=631", "[::]:631/tcp", true),
            ("ListenStream=631", "0.0.0.0:631/tcp", true),
            ("ListenStream=631", "127.0.0.1:631/tcp", false),
            ("ListenStream=6310", "[::]:631/tcp", false),
            ("ListenDatagram=631", "[::]:631/tcp", false),
            ("ListenDatagram=69", "[::]:69/udp", true),
            ("ListenStream=127.0.0.1:631", "127.0.0.1:631/tcp", true),
            ("ListenStream=[::1]:631", "[::1]:631/tcp", true),
            ("ListenStream=[::1]:631", "[::]:631/tcp", false),
            ("ListenStream=/run/cups.sock", "[::]:631/tcp", false),
            ("ListenStream=vsock::631", "[::]:631/tcp", false),
            ("ExecStart=631", "[::]:631/tcp", false),
            ("ListenStream", "[::]:631/tcp", false),
        ] {
            assert_eq!(is_at(&line(text), &listener(spot)), expected, "{text} {spot}");
        }
        let mut tied = listener("0.0.0.0:631/tcp");
        assert!(!is_at(&line("ListenStream=0.0.0.0:631%eth0"), &tied));
        tied.device = Some("eth0".into());
        assert!(is_at(&line("ListenStream=0.0.0.0:631%eth0"), &tied));
    }

    fn waiting(units: &[(&str, &str)]) -> Scene {
        let mut host = scene().listens("init.scope", "[::]:8081/tcp");
        host.snapshot.listeners[0].socket_unit = Some(MANAGER.into());
        let unit = |text: &str| UnitOrigin { lines: [line(text)].into(), ..UnitOrigin::default() };
        let units = units.iter().map(|(name, text)| ((*name).into(), unit(text))).collect();
        host.snapshot.origins = Some(Origins { units, ..Origins::default() });
        host
    }

    fn told(host: &Scene) -> Option<(&str, ToldBy)> {
        socket(&host.snapshot, &host.snapshot.listeners[0])
    }

    #[test]
    fn of_what_the_manager_made_in_its_own_cgroup_the_settings_tell() {
        let host = waiting(&[("a.socket", "ListenStream=8081"), ("b.socket", "ListenStream=80")]);
        assert_eq!(told(&host), Some(("a.socket", ToldBy::Settings)));
        assert!(is_managers(&host.snapshot.listeners[0]));
        let two = waiting(&[("a.socket", "ListenStream=8081"), ("b.socket", "ListenStream=8081")]);
        assert_eq!(told(&two), None);
        assert_eq!(told(&waiting(&[("a.service", "ListenStream=8081")])), None);
    }

    #[test]
    fn the_cgroup_of_a_socket_unit_tells_without_settings() {
        let mut host = waiting(&[]);
        host.snapshot.listeners[0].socket_unit = Some("c.socket".into());
        assert_eq!(told(&host), Some(("c.socket", ToldBy::Cgroup)));
        host.snapshot.listeners[0].socket_unit = Some("c.service".into());
        assert_eq!(told(&host), None);
        assert!(!is_managers(&host.snapshot.listeners[0]));
    }
}
