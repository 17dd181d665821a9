//! Sockets without port numbers: raw, packet and vsock, listed for completeness (raw(7), packet(7), vsock(7)).

use std::{collections::HashSet, io};

use portreeve_core::facts::OtherSocket;

use super::{
    Connections, Gaps, Wanted,
    sockets::{in_use::InUse, tables},
    ways::Sources,
};

/// Far above what any host has; further ones are a gap.
const SOCKETS_MAX: usize = 100_000;

/// How the number and the inode of a socket stand in a line.
type Line = fn(&str) -> Option<(u32, u64)>;

/// The tables, what their sockets are called, and how a line is read.
const TABLES: [(&str, &str, Line); 3] =
    [("raw", "raw", raw_line), ("raw6", "raw", raw_line), ("packet", "packet", packet_line)];

/// The raw, packet and vsock sockets of the network namespace of the calling thread, which has inode `netns`, as far as
/// they are asked for.
pub(super) fn list(sources: Sources<'_>, netns: u64, gaps: &mut Gaps) -> Vec<OtherSocket> {
    if !are_wanted(sources.wanted) {
        return Vec::new();
    }
    let mut sockets = Vec::new();
    for (name, kind, line) in TABLES {
        let mut left_out = 0;
        let answer = tables::lines(name, |text| match line(text) {
            Some(_) if sockets.len() >= SOCKETS_MAX => left_out += 1,
            Some((number, inode)) => {
                sockets.push(OtherSocket { kind: kind.into(), number, netns, inode, pids: Vec::new() });
            }
            None => {}
        });
        let path = format!("/proc/net/{name}");
        gaps.too_many(&path, left_out);
        // A kernel that was built without them has no table.
        if answer.is_err_and(|error| error.kind() != io::ErrorKind::NotFound) {
            gaps.missing(&path);
        }
    }
    match sources.descriptors() {
        Some(descriptors) => {
            let known: HashSet<u64> = sockets.iter().map(|socket| socket.inode).collect();
            let held = descriptors.other(netns).iter();
            sockets.extend(held.filter(|socket| !known.contains(&socket.inode)).cloned());
        }
        // Their own list of sockets is rarely built in (CONFIG_VSOCKETS_DIAG).
        None if sources.wanted.connections == Connections::List && InUse::read().may_have_vsock() => {
            gaps.missing("vsock");
        }
        None => {}
    }
    sockets
}

/// Who asks for a number asks for none of those.
pub(super) fn are_wanted(wanted: &Wanted) -> bool {
    wanted.connections != Connections::Skip && wanted.ports.is_none()
}

/// The "port" of a raw socket is its IP protocol.
fn raw_line(line: &str) -> Option<(u32, u64)> {
    let mut fields = line.split_ascii_whitespace();
    let (_, protocol) = fields.nth(1)?.rsplit_once(':')?;
    Some((u32::from_str_radix(protocol, 16).ok()?, fields.nth(7)?.parse().ok()?))
}

/// `sk RefCnt Type Proto Iface R Rmem User Inode`.
fn packet_line(line: &str) -> Option<(u32, u64)> {
    let mut fields = line.split_ascii_whitespace();
    Some((u32::from_str_radix(fields.nth(3)?, 16).ok()?, fields.nth(4)?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_raw_socket_tells_its_protocol_and_a_packet_socket_its_ethernet_type() {
        let raw = "   1: 00000000:0001 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 36544 2 0 0";
        assert_eq!(raw_line(raw), Some((1, 36544)));
        let packet = "0000000000000000 3      3    0003   2     1 0      0      12345";
        assert_eq!(packet_line(packet), Some((3, 12345)));
        assert_eq!(packet_line("half a line"), None);
        let headings = [
            "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops",
            "sk               RefCnt Type Proto  Iface R Rmem   User   Inode",
        ];
        assert_eq!((raw_line(headings[0]), packet_line(headings[1])), (None, None));
    }
}
