//! Gives bytes to the readers of /proc: names in it are chosen by anybody.

use portreeve_core::{address::Family, cgroup, port::Protocol};
use portreeve_host::{
    observe::sockets::{
        Side,
        tables::{self, sctp},
    },
    proc::{counters, maps, mounts, stat, status},
};

/// What is read is no longer than what was there.
pub(crate) fn feed(bytes: &[u8]) {
    assert!(maps::read(bytes).0.iter().map(|mapping| mapping.path.len()).sum::<usize>() <= 3 * bytes.len());
    let _ = maps::is_one(bytes);
    let _ = (mounts::read(bytes), mounts::Places::read(bytes).is_remote("/srv/a"), status::read(bytes));
    let text = String::from_utf8_lossy(bytes);
    let _ = (counters::in_table(&text, "Ip:", "OutDiscards"), counters::in_list(&text, "Ip6OutDiscards"));
    if let Some(stat) = stat::read(bytes) {
        // A byte that is no UTF-8 becomes three.
        assert!(stat.comm.len() <= 3 * bytes.len());
    }
    for line in text.lines() {
        for family in [Family::Ipv4, Family::Ipv6] {
            let _ = tables::read_line(line, Protocol::Tcp, family);
        }
        for side in [Side::Listening, Side::Connected] {
            assert!(sctp::read_line(line, side).len() <= line.len());
        }
        let found = cgroup::read(line);
        assert!(found.unit.is_none_or(|unit| line.contains(&unit)));
    }
}
