//! Who may ask a host for its consent to be scanned: the other hosts that are ours (A17, A20).

use alloc::collections::BTreeSet;
use core::net::IpAddr;

use crate::policy::Host;

/// The addresses of all `hosts` but the one that has any of `own`.
#[must_use]
pub fn askers(hosts: &[Host], own: &[IpAddr]) -> BTreeSet<IpAddr> {
    let own: BTreeSet<IpAddr> = own.iter().map(IpAddr::to_canonical).collect();
    let addresses =
        |host: &Host| host.addresses.iter().map(|it| it.ip.to_canonical()).collect::<BTreeSet<_>>();
    hosts.iter().map(addresses).filter(|host| host.is_disjoint(&own)).flatten().collect()
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;
    use crate::policy::Place;

    fn host(name: &str, addresses: &[&str]) -> Host {
        let place = Place { file: "policy.toml".into(), line: 1, column: 1 };
        let addresses = addresses.iter().map(|address| address.parse().unwrap()).collect();
        Host { name: name.into(), addresses, place }
    }

    #[test]
    fn all_but_the_host_itself_may_ask() {
        let hosts = [
            host("web-1", &["192.0.2.1", "2001:db8::1"]),
            host("web-2", &["::ffff:192.0.2.2", "2001:db8::2"]),
        ];
        let of = |own: &[&str]| {
            let own: Vec<IpAddr> = own.iter().map(|address| address.parse().unwrap()).collect();
            askers(&hosts, &own).iter().map(alloc::string::ToString::to_string).collect::<Vec<_>>()
        };
        assert_eq!(of(&["127.0.0.1", "2001:db8::1"]), ["192.0.2.2", "2001:db8::2"], "by either family");
        assert_eq!(of(&["192.0.2.2", "192.0.2.1"]), [""; 0]);
        assert_eq!(of(&[]).len(), 4);
    }
}
