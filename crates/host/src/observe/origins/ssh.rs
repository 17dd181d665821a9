//! Whom an SSH daemon serves: the far end of its oldest connection (proc_pid_fd(5), proc_net(5)).

use std::{
    collections::HashMap,
    fs::{self, File},
    io::{BufRead, BufReader, Read as _},
};

use portreeve_core::{address::Family, facts::Peer, port::Protocol};

use super::super::sockets::{ESTABLISHED, Socket, tables};
use crate::proc;

/// A daemon for one person has a handful, and some for each connection that it forwards.
const DESCRIPTORS_MAX: usize = 4096;
/// As much of a table is read: some four hundred thousand sockets.
const TABLE_BYTES_MAX: u64 = 64 << 20;
const TABLES: [(&str, Family); 2] = [("tcp", Family::Ipv4), ("tcp6", Family::Ipv6)];

/// The far end of the connection that the daemon was started for: the one with the lowest descriptor.
pub(super) fn peer(pid: u32) -> Option<Peer> {
    let descriptors = sockets(pid)?;
    let found = TABLES.iter().flat_map(|(name, family)| connections(pid, name, *family, &descriptors));
    let (_, socket) = found.min_by_key(|(fd, _)| *fd)?;
    Some(Peer { address: socket.peer.ip.to_canonical().into(), port: socket.peer.port })
}

/// The descriptors of sockets, by inode.
fn sockets(pid: u32) -> Option<HashMap<u64, u32>> {
    let entries = fs::read_dir(format!("/proc/{pid}/fd")).ok()?.take(DESCRIPTORS_MAX).flatten();
    let socket = |entry: fs::DirEntry| {
        let link = proc::read_link(entry.path())?;
        let inode = link.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok()?;
        Some((inode, entry.file_name().to_str()?.parse().ok()?))
    };
    Some(entries.filter_map(socket).collect())
}

/// The connections of one table that are among `descriptors`, each with its descriptor.
fn connections(pid: u32, name: &str, family: Family, descriptors: &HashMap<u64, u32>) -> Vec<(u32, Socket)> {
    let Ok(file) = File::open(format!("/proc/{pid}/net/{name}")) else { return Vec::new() };
    let lines = BufReader::new(file.take(TABLE_BYTES_MAX)).lines().map_while(Result::ok);
    let sockets = lines.filter_map(|line| tables::read_line(&line, Protocol::Tcp, family));
    let connected = sockets.filter(|socket| socket.state == ESTABLISHED);
    connected.filter_map(|socket| Some((*descriptors.get(&socket.inode)?, socket))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{TcpListener, TcpStream};

    #[test]
    fn the_far_end_of_our_own_connection_is_found() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let near = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (far, _) = listener.accept().unwrap();
        let ends = [near.local_addr().unwrap().port(), far.local_addr().unwrap().port()];
        // Other tests of this process may have older connections, and all of them end here.
        let peer = peer(std::process::id()).unwrap();
        assert!(peer.address.ip.is_loopback(), "{peer:?}, {ends:?}");
        assert_eq!(super::peer(u32::MAX), None);
    }
}
