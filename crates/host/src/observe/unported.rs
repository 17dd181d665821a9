//! Sockets without port numbers: raw and packet, listed for completeness (raw(7), packet(7)).

use portreeve_core::facts::OtherSocket;

use crate::proc;

const TABLE_BYTES_MAX: usize = 4 * 1024 * 1024;

/// The raw and packet sockets of the network namespace of the calling thread, which has inode `netns`.
pub(super) fn list(netns: u64) -> Vec<OtherSocket> {
    let table = |name| {
        let bytes = proc::read(format!("/proc/thread-self/net/{name}"), TABLE_BYTES_MAX);
        bytes.map(|bytes| proc::text(&bytes)).unwrap_or_default()
    };
    let raw = ["raw", "raw6"].map(|name| read(&table(name), "raw", raw_line, netns));
    let packet = read(&table("packet"), "packet", packet_line, netns);
    raw.into_iter().flatten().chain(packet).collect()
}

fn read(table: &str, kind: &str, line: fn(&str) -> Option<(u32, u64)>, netns: u64) -> Vec<OtherSocket> {
    let sockets = table.lines().skip(1).filter_map(line);
    sockets
        .map(|(number, inode)| OtherSocket { kind: kind.into(), number, netns, inode, pids: Vec::new() })
        .collect()
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
    }
}
