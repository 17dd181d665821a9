//! How the kernel of a network namespace hands out ports (ip(7), Documentation/networking/ip-sysctl.rst, A9).

use portreeve_core::port::PortRange;

use crate::proc;

/// The port sysctls of the network namespace of the calling thread; what cannot be read has the kernel's default.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sysctls {
    pub(super) client_range: PortRange,
    pub(super) reserved: Vec<PortRange>,
    pub(super) unprivileged_port_start: u32,
}

pub(super) fn read() -> Sysctls {
    let value = |name| proc::read_text(format!("/proc/sys/net/ipv4/{name}")).unwrap_or_default();
    Sysctls {
        client_range: client_range(&value("ip_local_port_range"))
            .unwrap_or(PortRange { first: 32768, last: 60999 }),
        reserved: reserved(&value("ip_local_reserved_ports")),
        unprivileged_port_start: value("ip_unprivileged_port_start").trim().parse().unwrap_or(1024),
    }
}

fn client_range(text: &str) -> Option<PortRange> {
    let mut numbers = text.split_ascii_whitespace().map(str::parse);
    let range = PortRange { first: numbers.next()?.ok()?, last: numbers.next()?.ok()? };
    (range.first <= range.last).then_some(range)
}

fn reserved(text: &str) -> Vec<PortRange> {
    text.trim().split(',').filter_map(|range| range.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_forms_are_read() {
        assert_eq!(client_range("32768\t60999\n"), Some(PortRange { first: 32768, last: 60999 }));
        assert_eq!(client_range("9 3\n"), None);
        let list = [PortRange::one(8080), PortRange { first: 9148, last: 9149 }];
        assert_eq!(reserved("8080,9148-9149\n"), list);
        assert_eq!(reserved("\n"), []);
    }
}
