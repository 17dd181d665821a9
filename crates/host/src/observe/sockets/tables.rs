//! Sockets as /proc/net lists them, where sock_diag is closed: without cgroup, cookie and queue limit (proc_net(5)).

pub mod sctp;

use std::{
    fs::File,
    io::{self, BufRead, BufReader},
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use portreeve_core::{address::Family, facts::SeenBy, port::Protocol};

use super::{End, LISTEN, Side, Socket};

const TABLES: [(&str, Protocol, Family); 6] = [
    ("tcp", Protocol::Tcp, Family::Ipv4),
    ("tcp6", Protocol::Tcp, Family::Ipv6),
    ("udp", Protocol::Udp, Family::Ipv4),
    ("udp6", Protocol::Udp, Family::Ipv6),
    ("udplite", Protocol::Udplite, Family::Ipv4),
    ("udplite6", Protocol::Udplite, Family::Ipv6),
];

/// Gives every socket of `side` in the network namespace of the calling thread to `each`.
///
/// # Errors
///
/// Where `/proc/net/tcp` cannot be read: then nothing can. Another table that is missing holds no sockets; one that is
/// there and could not be read to its end is returned by its path.
pub fn list(side: Side, port: Option<u16>, each: &mut impl FnMut(Socket)) -> io::Result<Vec<String>> {
    let mut keep = |socket: Socket| {
        let asked = port.is_none_or(|port| port == socket.local.port);
        if asked && side.states(socket.protocol) & (1 << socket.state) != 0 {
            each(socket);
        }
    };
    let mut unread = Vec::new();
    for (name, protocol, family) in TABLES {
        match lines(name, |line| read_line(line, protocol, family).into_iter().for_each(&mut keep)) {
            Err(error) if name == "tcp" => return Err(error),
            answer => unread.extend(unless_absent(name, answer)),
        }
    }
    let name = sctp::table(side);
    let answer = lines(name, |line| sctp::read_line(line, side).into_iter().for_each(&mut keep));
    unread.extend(unless_absent(name, answer));
    Ok(unread)
}

/// A protocol that the kernel was built without has no table.
fn unless_absent(name: &str, answer: io::Result<()>) -> Option<String> {
    let error = answer.err().filter(|error| error.kind() != io::ErrorKind::NotFound);
    error.map(|_| format!("/proc/net/{name}"))
}

/// Gives the lines of a table of the network namespace of the calling thread to `each`.
pub(crate) fn lines(name: &str, mut each: impl FnMut(&str)) -> io::Result<()> {
    let file = File::open(format!("/proc/thread-self/net/{name}"))?;
    let mut lines = BufReader::with_capacity(64 * 1024, file);
    let mut line = String::new();
    while lines.read_line(&mut line)? > 0 {
        each(&line);
        line.clear();
    }
    Ok(())
}

/// Reads a line; the heading is none.
#[must_use]
pub fn read_line(line: &str, protocol: Protocol, family: Family) -> Option<Socket> {
    let mut fields = line.split_ascii_whitespace();
    let local = end(fields.nth(1)?, family)?;
    let peer = end(fields.next()?, family)?;
    let state = u8::from_str_radix(fields.next()?, 16).ok().filter(|&state| state < 32)?;
    let (_, received) = fields.next()?.split_once(':')?;
    let uid = fields.nth(2)?.parse().ok()?;
    let inode = fields.nth(1)?.parse().ok()?;
    let queue_used = if state == LISTEN { u32::from_str_radix(received, 16).ok()? } else { 0 };
    Some(Socket { queue_used, ..socket(protocol, family, state, [local, peer], uid, inode) })
}

/// A socket with all that any of the tables tells.
fn socket(
    protocol: Protocol,
    family: Family,
    state: u8,
    [local, peer]: [End; 2],
    uid: u32,
    inode: u64,
) -> Socket {
    Socket {
        protocol,
        mptcp: false,
        family,
        state,
        local,
        peer,
        interface: 0,
        queue_used: 0,
        queue_limit: None,
        uid,
        inode,
        cookie: 0,
        cgroup: None,
        v6only: None,
        chosen: None,
        kernels: None,
        seen_by: SeenBy::Proc,
    }
}

/// `0100007F:1F90`: the address as 32-bit words in the machine's byte order, the port in hexadecimal.
fn end(text: &str, family: Family) -> Option<End> {
    let (address, port) = text.split_once(':')?;
    let word = |index: usize| {
        let digits = address.get(index * 8..index * 8 + 8)?;
        Some(u32::from_str_radix(digits, 16).ok()?.to_ne_bytes())
    };
    let ip = match family {
        Family::Ipv4 => IpAddr::from(Ipv4Addr::from(word(0)?)),
        Family::Ipv6 => {
            let words = [word(0)?, word(1)?, word(2)?, word(3)?];
            let mut octets = [0; 16];
            octets.as_chunks_mut().0.copy_from_slice(&words);
            IpAddr::from(Ipv6Addr::from(octets))
        }
    };
    Some(End { ip, port: u16::from_str_radix(port, 16).ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_endian = "little")]
    fn a_line_is_read() {
        let line = "  0: 0100007F:1F90 00000000:0000 0A 00000000:00000003 00:00000000 00000000  1000        0 24680 1 0";
        let socket = read_line(line, Protocol::Tcp, Family::Ipv4).unwrap();
        assert_eq!(socket.local, End { ip: Ipv4Addr::LOCALHOST.into(), port: 8080 });
        assert_eq!((socket.state, socket.queue_used, socket.uid, socket.inode), (LISTEN, 3, 1000, 24680));
        let end = end("00000000000000000000000001000000:0050", Family::Ipv6).unwrap();
        assert_eq!(end, End { ip: Ipv6Addr::LOCALHOST.into(), port: 80 });
    }

    #[test]
    fn a_table_that_cannot_be_read_is_told_and_one_that_is_absent_is_empty() {
        assert_eq!(
            unless_absent("udp6", Err(io::ErrorKind::PermissionDenied.into())),
            Some("/proc/net/udp6".into())
        );
        assert_eq!(
            unless_absent("udp6", Err(io::ErrorKind::InvalidData.into())),
            Some("/proc/net/udp6".into())
        );
        assert_eq!(unless_absent("sctp/eps", Err(io::ErrorKind::NotFound.into())), None);
        assert_eq!(unless_absent("udp", lines("udp", |_| {})), None);
    }

    #[test]
    fn a_heading_or_half_a_line_is_no_socket() {
        let heading = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode";
        assert_eq!(read_line(heading, Protocol::Tcp, Family::Ipv4), None);
        assert_eq!(read_line("0: 0100007F:1F90 0000", Protocol::Tcp, Family::Ipv4), None);
        assert_eq!(read_line("0: éé:1F90 0:0 0A 0:0 0 0 0 0 1", Protocol::Tcp, Family::Ipv6), None);
    }
}
