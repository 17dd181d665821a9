//! SCTP sockets as /proc/net/sctp lists them: one line an endpoint or association, with all its addresses (sctp(7)).

use std::net::{IpAddr, Ipv4Addr};

use portreeve_core::{address::Family, port::Protocol};

use super::super::{End, LISTEN, Side, Socket};

/// The table of `side` below /proc/net.
#[must_use]
pub const fn table(side: Side) -> &'static str {
    match side {
        Side::Listening => "sctp/eps",
        Side::Connected => "sctp/assocs",
    }
}

/// Reads a line of the table of `side` (net/sctp/proc.c): an endpoint is a socket on each of its addresses, an
/// association one from its primary address. The heading is none.
#[must_use]
pub fn read_line(line: &str, side: Side) -> Vec<Socket> {
    let sockets = match side {
        Side::Listening => endpoint(line),
        Side::Connected => association(line).map(|socket| vec![socket]),
    };
    sockets.unwrap_or_default()
}

/// `ENDPT SOCK STY SST HBKT LPORT UID INODE LADDRS`.
fn endpoint(line: &str) -> Option<Vec<Socket>> {
    let mut fields = line.split_ascii_whitespace();
    let state = fields.nth(3)?.parse().ok().filter(|&state| state == LISTEN)?;
    let port = fields.nth(1)?.parse().ok()?;
    let (uid, inode) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    let nobody = End { ip: Ipv4Addr::UNSPECIFIED.into(), port: 0 };
    let addresses = fields.map_while(address);
    let socket = |ip| socket(state, End { ip, port }, nobody, uid, inode);
    Some(addresses.map(socket).collect())
}

/// `ASSOC SOCK STY SST ST HBKT ASSOC-ID TX_QUEUE RX_QUEUE UID INODE LPORT RPORT LADDRS <-> RADDRS …`.
fn association(line: &str) -> Option<Socket> {
    let mut fields = line.split_ascii_whitespace();
    let state = fields.nth(4)?.parse().ok().filter(|&state: &u8| state < 32)?;
    let (uid, inode) = (fields.nth(4)?.parse().ok()?, fields.next()?.parse().ok()?);
    let (port, peer_port) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    let local = primary(&mut fields)?;
    let peer = primary(&mut fields)?;
    Some(socket(state, End { ip: local, port }, End { ip: peer, port: peer_port }, uid, inode))
}

/// The address that is marked with a star, else the first; what follows the arrow stays.
fn primary<'a>(fields: &mut impl Iterator<Item = &'a str>) -> Option<IpAddr> {
    let addresses = fields.take_while(|field| *field != "<->");
    let addresses: Vec<&str> = addresses.take_while(|field| address(field).is_some()).collect();
    let marked = addresses.iter().find(|field| field.starts_with('*'));
    address(marked.or_else(|| addresses.first())?)
}

fn address(field: &str) -> Option<IpAddr> {
    field.trim_start_matches('*').parse().ok()
}

fn socket(state: u8, local: End, peer: End, uid: u32, inode: u64) -> Socket {
    let family = if local.ip.is_ipv4() { Family::Ipv4 } else { Family::Ipv6 };
    super::socket(Protocol::Sctp, family, state, [local, peer], uid, inode)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_listens_on_each_of_its_addresses() {
        let line = "ffff8ec0 ffff8ec1 2   10  3    3868    33 24680 192.0.2.1 2001:0db8:0000:0000:0000:0000:0000:0001 \n";
        let sockets = read_line(line, Side::Listening);
        let seen: Vec<_> =
            sockets.iter().map(|socket| (socket.local.ip.to_string(), socket.family)).collect();
        let expected = [("192.0.2.1".to_owned(), Family::Ipv4), ("2001:db8::1".to_owned(), Family::Ipv6)];
        assert_eq!(seen, expected);
        let first = sockets[0];
        assert_eq!((first.local.port, first.uid, first.inode, first.state), (3868, 33, 24680, LISTEN));
        let closed = line.replace("  10 ", "   7 ");
        assert_eq!(read_line(&closed, Side::Listening), []);
    }

    #[test]
    fn an_association_goes_from_primary_to_primary_address() {
        let line = "ffff8ec0 ffff8ec1 0   1   3   0      7        0        0      33 13579 45000  3868  192.0.2.1 *192.0.2.2 <-> *198.51.100.7 198.51.100.8 \t    7500    10    10   10    0    0        0        1        0   212992   212992\n";
        let sockets = read_line(line, Side::Connected);
        let [socket] = sockets.as_slice() else { panic!("{sockets:?}") };
        assert_eq!(socket.local, End { ip: Ipv4Addr::new(192, 0, 2, 2).into(), port: 45000 });
        assert_eq!(socket.peer, End { ip: Ipv4Addr::new(198, 51, 100, 7).into(), port: 3868 });
        assert_eq!((socket.state, socket.uid, socket.inode), (3, 33, 13579));
    }

    #[test]
    fn a_heading_or_half_a_line_is_no_socket() {
        let heading = " ENDPT     SOCK   STY SST HBKT LPORT   UID INODE LADDRS";
        assert_eq!(read_line(heading, Side::Listening), []);
        assert_eq!(read_line(heading, Side::Connected), []);
        assert_eq!(read_line("a b 2 10 3", Side::Listening), []);
        assert_eq!(read_line("a b 0 1 3 0 7 0 0 33 1 2 3 <-> 1.2.3.4", Side::Connected), []);
    }
}
