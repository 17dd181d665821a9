//! Which sockets are those of a host that asks for an address of its own by DHCP: no service, and let in by every gate.

use super::is_same_program;
use crate::{
    facts::{ExeState, Process},
    port::Protocol,
};

/// The ports at which clients are answered (RFC 2131 §4.1, RFC 8415 §7.2).
const PORTS: [u16; 2] = [68, 546];

/// The clients, by the name of the executable.
const CLIENTS: [&str; 7] =
    ["dhclient", "dhcpcd", "NetworkManager", "systemd-networkd", "udhcpc", "connmand", "dhcp6c"];

/// Programs that are many, of which the process says which one it is.
const MANY: [&str; 2] = ["busybox", "toybox"];

/// Whether `process`, which holds this port, is a client of DHCP there.
///
/// Its name alone, which it may choose, is not believed: the executable is.
#[must_use]
pub fn is_dhcp_client(process: &Process, port: u16, protocol: Protocol) -> bool {
    protocol == Protocol::Udp && PORTS.contains(&port) && may_ask_by_dhcp(process)
}

/// Whether `process` is a client of DHCP, or does its work among others: until it has an address it hears the answers
/// by a packet socket.
#[must_use]
pub fn may_ask_by_dhcp(process: &Process) -> bool {
    let file = process.exe.as_deref().and_then(|exe| exe.rsplit('/').next());
    let is_on_disk = matches!(process.exe_state, ExeState::Same | ExeState::Replaced);
    let is_known = |name: &str| CLIENTS.iter().any(|known| is_same_program(known, name));
    is_on_disk && file.is_some_and(|file| is_known(file) || MANY.contains(&file) && is_known(&process.name))
}
