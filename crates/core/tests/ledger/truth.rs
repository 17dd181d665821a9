//! Who owns what, told in another way than the ledger's: number by number, address by address.

use std::net::IpAddr;

use portreeve_core::ledger::{Claim, Lease, Scope};

use super::host::Host;

/// Whether a claim holds, as whoever made it and everybody else can rely on; where the store ends claims, no clock of a
/// host ends those of another or of another boot.
pub(crate) fn lives(claim: &Claim, hosts: &[Host], milliseconds: u64, store_ends: bool) -> bool {
    match &claim.lease {
        Lease::Permanent => true,
        Lease::While { process } => {
            let host = hosts.iter().find(|host| host.machine == process.machine).expect("a host");
            host.boot_id() == process.boot_id && host.process(process.pid).as_ref() == Some(process)
        }
        Lease::Until { until, boot } => {
            let boot = boot.as_ref().expect("each lease of the simulation has a boot");
            let host = hosts.iter().find(|host| boot.boot_id.starts_with(&host.machine)).expect("a host");
            let now = host.now(milliseconds);
            if now.boot.boot_id == boot.boot_id {
                now.boot.milliseconds < boot.milliseconds
            } else {
                store_ends || now.wall < *until
            }
        }
    }
}

/// Whether both have a number.
pub(crate) fn have_both(one: &Claim, other: &Claim) -> bool {
    let is_scope = one.scope == other.scope || one.scope == Scope::Fleet || other.scope == Scope::Fleet;
    let is_number =
        (one.ports.first..=one.ports.last).any(|port| (other.ports.first..=other.ports.last).contains(&port));
    let is_device = one.device.is_none() || other.device.is_none() || one.device == other.device;
    one.protocol == other.protocol && is_scope && is_number && is_device && meet(&places(one), &places(other))
}

/// The addresses by family; `None` is every one of it.
fn places(claim: &Claim) -> Vec<(bool, Option<IpAddr>)> {
    match claim.address.as_ref().map(|address| address.ip) {
        None => vec![(false, None), (true, None)],
        Some(ip) if ip.is_unspecified() && ip.is_ipv6() => vec![(false, None), (true, None)],
        Some(ip) if ip.is_unspecified() => vec![(false, None)],
        Some(ip) => vec![(ip.is_ipv6(), Some(ip))],
    }
}

fn meet(own: &[(bool, Option<IpAddr>)], theirs: &[(bool, Option<IpAddr>)]) -> bool {
    own.iter().any(|(family, address)| {
        theirs.iter().any(|(other, there)| {
            family == other && (address.is_none() || there.is_none() || address == there)
        })
    })
}
