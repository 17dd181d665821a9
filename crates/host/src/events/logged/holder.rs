//! Who reads a log group (net/netfilter/nfnetlink_log.c, `seq_show`).

use crate::proc;

const GROUPS: &str = "/proc/net/netfilter/nfnetlink_log";
const GROUPS_BYTES_MAX: usize = 1 << 20;

/// The program that reads it, as far as that can be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// Its process.
    pub pid: u32,
    /// What it is called.
    pub name: String,
}

impl Holder {
    /// That of `group`; `None` where nobody reads it, or its socket does not tell.
    pub(super) fn of(group: u16) -> Option<Self> {
        let pid = port(&listed()?, group)?;
        let name = proc::read_text(format!("/proc/{pid}/comm"))?;
        Some(Self { pid, name: name.trim_end().to_owned() })
    }

    /// Whether anybody reads it.
    pub(super) fn is_there(group: u16) -> bool {
        // Where that cannot be told, the kernel is believed.
        listed().is_none_or(|listed| port(&listed, group).is_some())
    }
}

fn listed() -> Option<String> {
    proc::read(GROUPS, GROUPS_BYTES_MAX).ok().map(|bytes| proc::text(&bytes))
}

/// The port of the socket that reads it: of the first one that a process opens its pid (netlink(7)).
fn port(listed: &str, group: u16) -> Option<u32> {
    let mut lines = listed.lines().map(str::split_whitespace);
    lines.find_map(|mut words| {
        let is_it = words.next()?.parse() == Ok(group);
        words.next().filter(|_| is_it)?.parse().ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two readers, as Linux 6.18 lists them; the second one's program opened another such socket before.
    const LISTED: &str = "    5    812     0 2 65531    100  1\n28786 3214567890     3 2   128      5  1\n";

    #[test]
    fn a_group_has_one_reader() {
        assert_eq!([5, 28_786, 2].map(|group| port(LISTED, group)), [Some(812), Some(3_214_567_890), None]);
        assert_eq!(port("28786", 28_786), None);
        assert_eq!(port("garbage\n\n", 28_786), None);
    }
}
