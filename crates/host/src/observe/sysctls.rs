//! How the kernel of a network namespace hands out ports (ip(7), Documentation/networking/ip-sysctl.rst, A9).

use portreeve_core::port::PortRange;

use super::Gaps;
use crate::proc;

/// The longest list of reserved ports that the kernel can write is of pairs with one number left out between them:
/// 21,845 times `10000-10001,`.
const SYSCTL_BYTES_MAX: usize = 256 * 1024;

/// The port sysctls of the network namespace of the calling thread.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sysctls {
    pub(super) client_range: PortRange,
    pub(super) reserved: Vec<PortRange>,
    pub(super) unprivileged_port_start: u32,
}

/// What cannot be read is a gap, and has the kernel's default.
pub(super) fn read(gaps: &mut Gaps) -> Sysctls {
    let default_range = PortRange { first: 32768, last: 60999 };
    Sysctls {
        client_range: value("ip_local_port_range", client_range, default_range, gaps),
        reserved: value("ip_local_reserved_ports", reserved, Vec::new(), gaps),
        unprivileged_port_start: value(
            "ip_unprivileged_port_start",
            |text| text.trim().parse().ok(),
            1024,
            gaps,
        ),
    }
}

/// What is kept back from clients; `None` where the kernel does not tell.
pub(crate) fn reserved_now() -> Option<Vec<PortRange>> {
    told("ip_local_reserved_ports", reserved)
}

/// What is handed out to clients; `None` where the kernel does not tell.
pub(crate) fn client_range_now() -> Option<PortRange> {
    told("ip_local_port_range", client_range)
}

fn value<T>(name: &str, read: impl Fn(&str) -> Option<T>, default: T, gaps: &mut Gaps) -> T {
    told(name, read).unwrap_or_else(|| {
        gaps.missing(&format!("net.ipv4.{name}"));
        default
    })
}

fn told<T>(name: &str, read: impl Fn(&str) -> Option<T>) -> Option<T> {
    let bytes = proc::read_once(format!("/proc/sys/net/ipv4/{name}"), SYSCTL_BYTES_MAX);
    bytes.ok().and_then(|bytes| read(&proc::text(&bytes)))
}

fn client_range(text: &str) -> Option<PortRange> {
    let mut numbers = text.split_ascii_whitespace().map(str::parse);
    let range = PortRange { first: numbers.next()?.ok()?, last: numbers.next()?.ok()? };
    (range.first <= range.last).then_some(range)
}

/// The ranges of a list of ports as the kernel writes it (kernel/sysctl.c, `proc_do_large_bitmap`); `None` where it is none.
#[must_use]
pub fn reserved(text: &str) -> Option<Vec<PortRange>> {
    let ranges = text.trim().split(',').filter(|range| !range.is_empty());
    ranges.map(|range| range.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_forms_are_read() {
        assert_eq!(client_range("32768\t60999\n"), Some(PortRange { first: 32768, last: 60999 }));
        assert_eq!(client_range("9 3\n"), None);
        let list = [PortRange::one(8080), PortRange { first: 9148, last: 9149 }];
        assert_eq!(reserved("8080,9148-9149\n"), Some(list.into()));
        assert_eq!(reserved("\n"), Some(Vec::new()));
        assert_eq!(reserved("8080,914x"), None);
    }

    #[test]
    fn what_this_kernel_does_not_tell_is_a_gap_and_no_fact() {
        let mut gaps = Gaps::default();
        assert_eq!(value("ip_portreeve_invented", |text| Some(text.len()), 7, &mut gaps), 7);
        assert_eq!(value("ip_local_port_range", |_| None, 8, &mut gaps), 8);
        assert_ne!(value("ip_unprivileged_port_start", |text| Some(text.len()), 0, &mut gaps), 0);
        let gaps = gaps.into_sorted();
        let details: Vec<_> = gaps.iter().map(|gap| gap.detail.as_str()).collect();
        assert_eq!(details, ["net.ipv4.ip_local_port_range", "net.ipv4.ip_portreeve_invented"]);
    }

    #[test]
    fn the_longest_list_fits_into_one_read() {
        let pairs = (1..=65534).step_by(3).map(|first| format!("{first}-{},", first + 1));
        assert!(pairs.map(|pair| pair.len()).sum::<usize>() < SYSCTL_BYTES_MAX);
    }
}
