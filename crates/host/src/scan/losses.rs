//! Packets that the kernel of this host threw away, as it counts them for this network namespace (proc_net(5),
//! Documentation/networking/snmp_counter.rst); whose they were it does not tell.

use std::net::IpAddr;

use crate::proc::{
    counters::{in_list, in_table},
    read_text,
};

/// Counted since the namespace was made, or since another count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Losses {
    /// Of its own: the queue of an interface was full, or its filter stopped them (`OutDiscards`).
    pub unsent: u64,
    /// Of others: they came in by another interface than answers would leave by (`IPReversePathFilter`).
    pub misdirected: u64,
}

impl Losses {
    /// What was lost of the family of `target` up to now; nothing where the kernel does not say.
    #[must_use]
    pub fn now(target: IpAddr) -> Self {
        let of = |file: &str| read_text(format!("/proc/thread-self/net/{file}")).unwrap_or_default();
        match target {
            IpAddr::V4(_) => Self {
                unsent: in_table(&of("snmp"), "Ip:", "OutDiscards"),
                misdirected: in_table(&of("netstat"), "TcpExt:", "IPReversePathFilter"),
            },
            // There is no such filter of IPv6.
            IpAddr::V6(_) => Self { unsent: in_list(&of("snmp6"), "Ip6OutDiscards"), misdirected: 0 },
        }
    }

    /// What was lost since `before`.
    #[must_use]
    pub const fn since(self, before: Self) -> Self {
        Self {
            unsent: self.unsent.saturating_sub(before.unsent),
            misdirected: self.misdirected.saturating_sub(before.misdirected),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_kernel_counts() {
        let ours = Losses::now([127, 0, 0, 1].into());
        assert_eq!(ours.since(ours), Losses::default());
        let text = read_text("/proc/thread-self/net/netstat").unwrap();
        assert!(text.contains("IPReversePathFilter"));
    }
}
