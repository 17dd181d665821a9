//! A network namespace that is the host's as far as a gate can tell: its interfaces, their names and their addresses.

use std::{fmt::Write as _, fs, io, net::IpAddr, path::Path};

use portreeve_core::plan::Link;
use rustix::io::Errno;

use crate::{
    program::{Program, ProgramError},
    sys::netns,
};

/// Why there is none.
#[derive(Debug, thiserror::Error)]
pub enum RoomError {
    /// No thread can be made.
    #[error("no thread can be made")]
    Thread(#[from] io::Error),
    /// It takes CAP_SYS_ADMIN, which a container may not have.
    #[error("network namespaces may not be made here")]
    NotPermitted,
    /// The kernel makes none.
    #[error("the kernel makes no network namespace")]
    Kernel(#[source] Errno),
    /// It is not a new one.
    #[error("the thread is where it was")]
    Same,
    /// A setting cannot be changed in it.
    #[error("{0} cannot be set there")]
    Setting(&'static str, #[source] io::Error),
    /// Interfaces cannot be made in it.
    #[error("interfaces cannot be made there")]
    Links(#[source] ProgramError),
}

/// Where settings of the network are: those of the namespace of whoever opens them.
const SETTINGS: &str = "/proc/sys/net";
/// What decides before the gate is out of the way, as every packet is to get there: whether a source has a way back is
/// asked by routes, and there are none here. Containers get what is sent on to them.
const SET: [(&str, &str); 3] =
    [("ipv4/conf/all/rp_filter", "0"), ("ipv4/conf/default/rp_filter", "0"), ("ipv4/ip_forward", "1")];
const SET_OF_IPV6: [(&str, &str); 3] = [
    ("ipv6/conf/all/disable_ipv6", "0"),
    ("ipv6/conf/default/disable_ipv6", "0"),
    ("ipv6/conf/all/forwarding", "1"),
];

/// Puts the calling thread into a network namespace of its own.
pub(in super::super) fn leave() -> Result<(), RoomError> {
    let before = current()?;
    netns::leave().map_err(|error| match error {
        Errno::PERM => RoomError::NotPermitted,
        error => RoomError::Kernel(error),
    })?;
    // Whatever is changed from here on would else be changed on the host.
    if current()? == before { Err(RoomError::Same) } else { Ok(()) }
}

fn current() -> io::Result<std::path::PathBuf> {
    fs::read_link("/proc/thread-self/ns/net")
}

/// Whether the kernel speaks IPv6.
pub(in super::super) fn has_ipv6() -> bool {
    Path::new(SETTINGS).join("ipv6").exists()
}

/// Makes the interfaces, each with another one at whose end packets are put in.
pub(super) fn furnish(links: &[Link]) -> Result<(), RoomError> {
    let six = if has_ipv6() { &SET_OF_IPV6[..] } else { &[] };
    for (name, value) in SET.iter().chain(six) {
        let path = Path::new(SETTINGS).join(name);
        fs::write(path, value).map_err(|error| RoomError::Setting(name, error))?;
    }
    let text = orders(links, has_ipv6());
    let made = Program::start_reading("ip", &["-batch", "-"], &text).and_then(Program::finish);
    made.map(drop).map_err(RoomError::Links)
}

/// The far end of an interface.
pub(super) fn far(place: usize) -> String {
    format!("pr-far-{place}")
}

/// The Ethernet address of an interface: one of those that everybody may give (IEEE 802-2014 §8.4).
pub(in super::super) fn address(place: usize) -> [u8; 6] {
    [0x02, 0x70, 0x72, 0, 0, u8::try_from(place).unwrap_or(u8::MAX)]
}

/// What `ip -batch` is told (ip(8)); the names are of letters, digits, dots, dashes and underscores, and may be words of its own.
fn orders(links: &[Link], has_ipv6: bool) -> String {
    let mut text = String::from("link set lo up\n");
    for (place, link) in links.iter().enumerate() {
        let bytes = address(place).map(|byte| format!("{byte:02x}")).join(":");
        pair(&link.name, &format!("address {bytes}"), &far(place), has_ipv6, &mut text);
        for network in &link.networks {
            own(&link.name, &network.to_string(), &mut text);
            lead(&link.name, network.addr(), &mut text);
        }
    }
    // What is sent on goes here, where nobody takes it.
    pair("pr-sent-on", "", "pr-sent-far", has_ipv6, &mut text);
    own("pr-sent-on", "198.18.0.1/30", &mut text);
    if has_ipv6 {
        own("pr-sent-on", "2001:2::1/126", &mut text);
    }
    text
}

fn pair(name: &str, more: &str, far: &str, has_ipv6: bool, text: &mut String) {
    let _ = writeln!(text, "link add name {name} {more} type veth peer name {far}");
    for end in [name, far] {
        // Nobody asks there who else has an address, nor for a router.
        let quiet = if has_ipv6 { " addrgenmode none" } else { "" };
        let _ = writeln!(text, "link set dev {end}{quiet} up");
    }
}

fn own(name: &str, network: &str, text: &mut String) {
    let at_once = if network.contains(':') { " nodad" } else { "" };
    let _ = writeln!(text, "address add {network} dev {name}{at_once}");
}

/// Of IPv6 the kernel has the address at once, but leads to it only when a worker of its own gets to that, and passes packets
/// on until then (net/ipv6/addrconf.c, `addrconf_dad_work`).
fn lead(name: &str, address: IpAddr, text: &mut String) {
    if address.is_ipv6() {
        // Another interface may have the same one, as one of a single link: `add` refuses the second.
        let _ = writeln!(text, "route append local {address} dev {name}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ip_is_told_of_every_interface_and_address() {
        let networks = ["203.0.113.1/24", "2001:db8::1/64"].map(|network| network.parse().unwrap());
        let links = [Link { name: "br".into(), networks: networks.into() }];
        let told = orders(&links, true);
        for line in [
            "link add name br address 02:70:72:00:00:00 type veth peer name pr-far-0",
            "address add 203.0.113.1/24 dev br",
            "address add 2001:db8::1/64 dev br nodad",
            "route append local 2001:db8::1 dev br",
            "link set dev pr-far-0 addrgenmode none up",
        ] {
            assert!(told.lines().any(|told| told == line), "{line}: {told}");
        }
        assert!(!told.contains("local 203.0.113.1"), "{told}");
        assert!(!orders(&[], false).contains("addrgenmode"));
    }
}
