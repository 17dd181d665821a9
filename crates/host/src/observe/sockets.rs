//! The sockets of one network namespace, from sock_diag or, where that is closed, from /proc/net (A5).

pub mod diag;
pub(super) mod in_use;
pub mod tables;

use std::{
    collections::{HashMap, HashSet},
    net::IpAddr,
    thread::{self, Builder},
};

use portreeve_core::{address::Family, facts::SeenBy, port::Protocol};

use self::in_use::InUse;
use super::{
    Connections, Gaps, ObserveError, asks_everybody,
    sight::{List, socket::ported, tables::Tables},
    ways::{Sources, Way},
};

/// A socket as the kernel lists it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Socket {
    /// The protocol.
    pub protocol: Protocol,
    /// Whether it is a Multipath TCP socket.
    pub mptcp: bool,
    /// The family of the socket.
    pub family: Family,
    /// The state, as include/net/tcp_states.h numbers it.
    pub state: u8,
    /// Where it is bound.
    pub local: End,
    /// Whom it is connected to.
    pub peer: End,
    /// The interface it is tied to, by index; 0 for none.
    pub interface: u32,
    /// Of a listening TCP socket, how many connections wait to be accepted.
    pub queue_used: u32,
    /// Of a listening TCP socket, how many may wait, where the source tells.
    pub queue_limit: Option<u32>,
    /// The user that created it.
    pub uid: u32,
    /// Its inode; 0 once no process has it.
    pub inode: u64,
    /// The kernel's number for it; 0 where the source does not tell.
    pub cookie: u64,
    /// The cgroup it was created in, by id, where the source tells.
    pub cgroup: Option<u64>,
    /// Whether an IPv6 socket refuses IPv4, where the source tells.
    pub v6only: Option<bool>,
    /// Whether a person chose the port, and not the kernel, where the source tells.
    pub chosen: Option<bool>,
    /// Whether the kernel made it for itself, where the source tells.
    pub kernels: Option<bool>,
    /// Which way of looking found it.
    pub seen_by: SeenBy,
}

/// One end of a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct End {
    /// The address.
    pub ip: IpAddr,
    /// The port.
    pub port: u16,
}

/// TCP_ESTABLISHED; a UDP socket with a peer too.
pub const ESTABLISHED: u8 = 1;
/// TCP_CLOSE; a UDP socket without a peer.
pub const CLOSE: u8 = 7;
/// TCP_LISTEN.
pub const LISTEN: u8 = 10;
/// TCP_BOUND_INACTIVE: bound, neither listening nor connected (Linux 6.8).
pub const BOUND_INACTIVE: u8 = 13;

/// Which sockets of a protocol are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Those that wait for anybody.
    Listening,
    /// Those with a peer, and TCP sockets that are bound and idle.
    Connected,
}

impl Side {
    /// The states of this side, a bit each.
    #[must_use]
    pub const fn states(self, protocol: Protocol) -> u32 {
        match (self, protocol) {
            (Self::Listening, Protocol::Udp | Protocol::Udplite) => 1 << CLOSE,
            (Self::Listening, _) => 1 << LISTEN,
            (Self::Connected, Protocol::Udp | Protocol::Udplite) => 1 << ESTABLISHED,
            (Self::Connected, _) => 0x3ffe & !(1 << LISTEN) & !(1 << CLOSE),
        }
    }

    /// Whether a socket is of this side.
    fn has(self, socket: &Socket) -> bool {
        1u32.checked_shl(socket.state.into()).is_some_and(|state| self.states(socket.protocol) & state != 0)
    }
}

/// The protocols whose sockets Linux lists.
pub const PROTOCOLS: [Protocol; 4] = [Protocol::Tcp, Protocol::Udp, Protocol::Udplite, Protocol::Sctp];

/// Whether a list held still while it was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Steadiness {
    /// Nothing tells that it did not.
    Steady,
    /// It changed, so what should be in it may be missing.
    Unsteady,
}

/// A list that changes while it is read is read this often.
const READS_MAX: u32 = 4;

/// The sockets that wait for anybody in the network namespace of the calling thread, `netns`, by the best way that is open.
///
/// Each comes once, in order of protocol, port and address.
///
/// # Errors
///
/// Where no way is open.
pub(super) fn listening(
    sources: Sources<'_>,
    netns: u64,
    gaps: &mut Gaps,
) -> Result<Vec<Socket>, ObserveError> {
    // The tables of all connections would have to be gone through for the few that listen.
    let ways = [Way::SockDiag, Way::Proc, Way::Bpf];
    let mut sockets = by_best_way(ways, sources, gaps, |way| {
        let mut sockets = Vec::new();
        let mut told = read(way, Side::Listening, sources, |socket| sockets.push(socket))?;
        if without_doubles(&mut sockets) == Steadiness::Unsteady {
            told.steadiness = Steadiness::Unsteady;
        }
        Some((sockets, told))
    })?;
    if sources.descriptors().is_some() {
        adopt(&mut sockets, sources.held(netns));
        if let Some(tables) = sources.tables.filter(|_| sockets.iter().any(is_nobodys)) {
            trace(&mut sockets, tables);
        }
    }
    Ok(sockets)
}

/// Adds what some process holds and the list passed over, and to the others what only the descriptors tell.
fn adopt(sockets: &mut Vec<Socket>, held: &[Socket]) {
    let held = held.iter().filter(|socket| Side::Listening.has(socket));
    let mut missed: HashMap<u64, &Socket> = held.map(|socket| (socket.inode, socket)).collect();
    for socket in sockets.iter_mut() {
        if let Some(held) = missed.remove(&socket.inode) {
            (socket.chosen, socket.kernels, socket.seen_by) = (held.chosen, held.kernels, held.seen_by);
            socket.mptcp |= held.mptcp;
        }
    }
    for held in missed.into_values() {
        // Of Multipath TCP, an older kernel lists the half that it made itself, which nobody can hold.
        let is_half = |socket: &&mut Socket| held.mptcp && is_nobodys(socket) && socket.local == held.local;
        match sockets.iter_mut().find(is_half) {
            Some(half) => *half = *held,
            None => sockets.push(*held),
        }
    }
    sort(sockets);
}

/// Whether no process was seen to have a descriptor of it.
fn is_nobodys(socket: &Socket) -> bool {
    socket.seen_by != SeenBy::TaskFile && matches!(socket.protocol, Protocol::Tcp | Protocol::Udp)
}

/// Learns of those that no process was seen to have whether the kernel made them for itself.
fn trace(sockets: &mut [Socket], tables: &Tables) {
    let mut nobodys: HashMap<u64, &mut Socket> =
        sockets.iter_mut().filter(|socket| is_nobodys(socket)).map(|socket| (socket.inode, socket)).collect();
    for (list, protocol) in [(List::Tcp, Protocol::Tcp), (List::Udp, Protocol::Udp)] {
        if !nobodys.values().any(|socket| socket.protocol == protocol) {
            continue;
        }
        // What cannot be learnt stays untold.
        let _ = tables.read(list, |record| {
            if let Some(socket) = nobodys.get_mut(&record.inode) {
                socket.kernels = Some(record.kernels);
                socket.mptcp |= record.mptcp;
            }
        });
    }
}

/// Those of `held` that wait for anybody, in the order of [`listening`], and those that are merely bound.
pub(super) fn sides(held: &[Socket]) -> (Vec<Socket>, Vec<Socket>) {
    let (mut listening, rest): (Vec<_>, Vec<_>) = held.iter().partition(|socket| Side::Listening.has(socket));
    sort(&mut listening);
    (listening, rest.into_iter().filter(|socket| socket.state == BOUND_INACTIVE).collect())
}

/// What `add` makes of the sockets with a peer, beginning anew with `start` where the list is read again.
///
/// # Errors
///
/// Where no way is open.
pub(super) fn connected<T>(
    sources: Sources<'_>,
    netns: u64,
    gaps: &mut Gaps,
    start: impl Fn() -> T,
    add: impl Fn(&mut T, Socket),
) -> Result<T, ObserveError> {
    // Of one port sock_diag's filter leaves little to read. Whether descriptors told anything is not asked here, where
    // the pass over them may go on at the same time.
    let ways = if asks_everybody(sources.wanted) { Way::ALL } else { [Way::SockDiag, Way::Proc, Way::Bpf] };
    by_best_way(ways, sources, gaps, |way| {
        let mut sum = start();
        let mut bound = HashSet::new();
        let told = read(way, Side::Connected, sources, |socket| {
            if socket.state == BOUND_INACTIVE {
                bound.insert(socket.inode);
            }
            add(&mut sum, socket);
        })?;
        // Before Linux 6.8 what is merely bound is in no list but that of the descriptors.
        let held = sources.held(netns).iter().filter(|socket| socket.state == BOUND_INACTIVE);
        held.filter(|socket| !bound.contains(&socket.inode)).for_each(|socket| add(&mut sum, *socket));
        Some((sum, told))
    })
}

/// What a way tells of the list that it gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// Whether the list held still.
    pub steadiness: Steadiness,
    /// The tables that could not be read to their end, by path.
    pub unread: Vec<String>,
}

fn by_best_way<T>(
    ways: [Way; 3],
    sources: Sources<'_>,
    gaps: &mut Gaps,
    mut read: impl FnMut(Way) -> Option<(T, Told)>,
) -> Result<T, ObserveError> {
    for way in ways.into_iter().filter(|&way| sources.wanted.ways.allow(way)) {
        let Some((answer, told)) = steady(|| read(way)) else {
            // That the kernel runs no programs for us hides nothing by itself.
            if way != Way::Bpf {
                gaps.missing(way.name());
            }
            continue;
        };
        if told.steadiness == Steadiness::Unsteady {
            gaps.unsteady(way.name());
        }
        told.unread.iter().for_each(|table| gaps.missing(table));
        return Ok(answer);
    }
    Err(ObserveError::NoSource)
}

/// The first steady list that `read` gives, else its last one.
fn steady<L>(mut read: impl FnMut() -> Option<(L, Told)>) -> Option<(L, Told)> {
    let mut answer = read();
    for _ in 1..READS_MAX {
        if !matches!(answer, Some((_, Told { steadiness: Steadiness::Unsteady, .. }))) {
            break;
        }
        answer = read();
    }
    answer
}

fn read(way: Way, side: Side, sources: Sources<'_>, mut each: impl FnMut(Socket)) -> Option<Told> {
    let wanted = sources.wanted;
    let port = wanted.ports.filter(|range| range.is_one()).map(|range| range.first);
    let mut each = |socket: Socket| {
        if wanted.ports.is_none_or(|range| range.contains(socket.local.port)) {
            each(socket);
        }
    };
    match way {
        Way::Bpf => {
            let is_bound_wanted = side == Side::Connected
                && wanted.connections == Connections::List
                && wanted.ways.allow(Way::SockDiag);
            let (bound, tables) = with_bound(is_bound_wanted.then_some(port), || {
                read_tables(side, port, sources.tables?, &mut each)
            });
            let tables = tables?;
            let steadiness = bound.map_or(Steadiness::Steady, |(bound, steadiness)| {
                bound.into_iter().for_each(&mut each);
                steadiness
            });
            let steadiness = if steadiness == Steadiness::Steady { tables } else { steadiness };
            Some(Told { steadiness, unread: Vec::new() })
        }
        Way::SockDiag => {
            let steadiness = diag::list(side, port, &PROTOCOLS, &mut each).ok()?;
            Some(Told { steadiness, unread: Vec::new() })
        }
        Way::Proc => {
            let unread = tables::list(side, port, &mut each).ok()?;
            Some(Told { steadiness: Steadiness::Steady, unread })
        }
    }
}

/// What is merely bound, to `port` where one is given, which no program of ours is told of; meanwhile does `work`.
///
/// The kernel comes to these before it goes through all connections for nothing, so what is connected meanwhile rather
/// comes twice than not at all.
fn with_bound<T>(
    asked: Option<Option<u16>>,
    work: impl FnOnce() -> T,
) -> (Option<(Vec<Socket>, Steadiness)>, T) {
    let Some(port) = asked else { return (None, work()) };
    thread::scope(|scope| {
        let beside = Builder::new().spawn_scoped(scope, move || diag::bound(port));
        let done = work();
        let told = match beside {
            Ok(beside) => beside.join().expect("a list returns its errors, it does not panic"),
            Err(_) => diag::bound(port),
        };
        (told.ok(), done)
    })
}

/// Goes through the kernel's own tables; it has programs for those of TCP and UDP only, and the others are rare.
fn read_tables(
    side: Side,
    port: Option<u16>,
    tables: &Tables,
    each: &mut impl FnMut(Socket),
) -> Option<Steadiness> {
    for list in [List::Tcp, List::Udp] {
        tables.read(list, |record| {
            if let Some(socket) = ported(&record, SeenBy::SockIter).filter(|socket| side.has(socket)) {
                each(socket);
            }
        })?;
    }
    let in_use = InUse::read();
    let has_any =
        |protocol| in_use.may_have(protocol, Family::Ipv4) || in_use.may_have(protocol, Family::Ipv6);
    let others: Vec<_> =
        [Protocol::Udplite, Protocol::Sctp].into_iter().filter(|&protocol| has_any(protocol)).collect();
    if others.is_empty() { Some(Steadiness::Steady) } else { diag::list(side, port, &others, each).ok() }
}

/// Puts sockets in order of protocol, port and address, each once.
///
/// The kernel goes on by position where one message ends and the next begins (net/ipv4/inet_diag.c, `inet_diag_dump_icsk`;
/// net/ipv4/tcp_ipv4.c, `tcp_seek_last_pos`): where others were opened in between it comes to the same socket again, and
/// where others were closed it passes one over. Only the first can be seen, so a socket that comes twice tells of both.
fn without_doubles(sockets: &mut Vec<Socket>) -> Steadiness {
    let listed = sockets.len();
    sort(sockets);
    sockets.dedup_by_key(|socket| (socket.protocol, socket.local, socket.inode, socket.cookie));
    if sockets.len() == listed { Steadiness::Steady } else { Steadiness::Unsteady }
}

fn sort(sockets: &mut [Socket]) {
    sockets.sort_by_key(|socket| {
        (socket.protocol, socket.local.port, socket.local.ip, socket.inode, socket.cookie)
    });
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn listening(port: u16, inode: u64) -> Socket {
        let end = |port| End { ip: Ipv4Addr::LOCALHOST.into(), port };
        Socket {
            protocol: Protocol::Tcp,
            mptcp: false,
            family: Family::Ipv4,
            state: LISTEN,
            local: end(port),
            peer: end(0),
            interface: 0,
            queue_used: 0,
            queue_limit: None,
            uid: 0,
            inode,
            cookie: inode,
            cgroup: None,
            v6only: None,
            chosen: None,
            kernels: None,
            seen_by: SeenBy::SockDiag,
        }
    }

    #[test]
    fn a_socket_that_comes_twice_tells_that_the_list_changed() {
        let mut reuseport = vec![listening(443, 7), listening(80, 5), listening(443, 6)];
        assert_eq!(without_doubles(&mut reuseport), Steadiness::Steady);
        assert_eq!(reuseport, [listening(80, 5), listening(443, 6), listening(443, 7)]);
        let mut doubled = vec![listening(443, 7), listening(80, 5), listening(443, 7)];
        assert_eq!(without_doubles(&mut doubled), Steadiness::Unsteady);
        assert_eq!(doubled, [listening(80, 5), listening(443, 7)]);
    }

    #[test]
    fn an_unsteady_list_is_read_again_until_it_holds_still() {
        let steady_at = |steady_read: u32| {
            let mut reads = 0;
            let (list, told) = steady(|| {
                reads += 1;
                let is_steady = reads == steady_read;
                let steadiness = if is_steady { Steadiness::Steady } else { Steadiness::Unsteady };
                Some((reads, Told { steadiness, unread: Vec::new() }))
            })
            .unwrap();
            (list, told.steadiness, reads)
        };
        assert_eq!(steady_at(1), (1, Steadiness::Steady, 1));
        assert_eq!(steady_at(3), (3, Steadiness::Steady, 3));
        assert_eq!(steady_at(9), (READS_MAX, Steadiness::Unsteady, READS_MAX));
        let mut reads = 0;
        assert_eq!(
            steady(|| -> Option<((), _)> {
                reads += 1;
                None
            }),
            None
        );
        assert_eq!(reads, 1, "a way that is closed stays closed");
    }
}
