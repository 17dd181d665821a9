//! Asks this host from without whether a port answers: by real packets, from a network namespace that is joined to it by a
//! wire of its own for as long as somebody asks (A15, A16).
//!
//! Whoever closes a port asks twice, as only what answered before proves by its silence that it is closed:
//!
//! ```no_run
//! # use portreeve_host::enforce::vantage::{Answer, Vantage};
//! # let (address, port) = (std::net::Ipv4Addr::new(203, 0, 113, 1).into(), 8080);
//! let vantage = Vantage::open()?;
//! let before = vantage.ask(address, port);
//! // The port is closed.
//! let after = vantage.ask(address, port);
//! let is_proven = before == Answer::Connected && matches!(after, Answer::Refused | Answer::Silent);
//! # Ok::<(), portreeve_host::enforce::vantage::VantageError>(())
//! ```
//!
//! What comes from there comes by an interface that nobody knows, from an address that no zone has: it is treated as the
//! world is, and says nothing of what is open to one zone alone. It is the only thing that is ever added to the host's own
//! network: an interface `pr-vPID-N` with an address of 169.254.0.0/16 for itself and the other end (RFC 3021),
//! or of 198.18.0.0/16 where the host has a way into the former, and
//! one of fd70:7265::/32, which is never a source. NetworkManager leaves interfaces of this kind alone (its rules of udev
//! say so), systemd-networkd those that no file of its own names, systemd-udevd an Ethernet address that is given;
//! firewalld treats it as its default zone, as it does with whatever comes from elsewhere.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream},
    sync::{
        atomic::{AtomicU32, Ordering},
        mpsc::{Receiver, Sender, channel},
    },
    thread::{self, Builder, JoinHandle},
    time::Duration,
};

use portreeve_core::exposure::network;
use rustix::thread::gettid;

use super::scratch::{RoomError, room};
use crate::{
    observe::links,
    program::{Program, ProgramError},
    sys::netlink::NetlinkError,
};

/// A SYN that is lost is sent once more after a second (RFC 6298 §2).
const WAIT_MAX: Duration = Duration::from_millis(1_500);
/// The end that is in no one's way.
const HERE: &str = "pr-here";
/// Pairs of addresses that are tried of each network.
const PAIRS_MAX: u32 = 64;
/// Networks that nobody on the internet has: link-local (RFC 3927), where that is in use one for measurements (RFC 2544).
const BEGINNINGS: [[u8; 2]; 2] = [[169, 254], [198, 18]];
/// All that is in one of them or around it, of the family of the first word (ip-route(8), "root", "match").
const LISTS: [[&str; 3]; 6] = [
    ["-4", "root", "169.254.0.0/16"],
    ["-4", "match", "169.254.0.0/16"],
    ["-4", "root", "198.18.0.0/16"],
    ["-4", "match", "198.18.0.0/16"],
    ["-6", "root", "fd70:7265::/32"],
    ["-6", "match", "fd70:7265::/32"],
];

/// Why nobody can ask.
#[derive(Debug, thiserror::Error)]
pub enum VantageError {
    /// There is no place to ask from.
    #[error("no network namespace can be made to ask from")]
    Room(#[from] RoomError),
    /// This host's addresses cannot be told.
    #[error("cannot list the addresses of this host")]
    Addresses(#[from] NetlinkError),
    /// This host's routes cannot be told.
    #[error("cannot list the routes of this host")]
    Routes(#[source] ProgramError),
    /// There is no address for the wire.
    #[error("no address is free for the wire")]
    NoAddress,
    /// It cannot be joined to this host.
    #[error("cannot join it to this host")]
    Wire(#[source] ProgramError),
}

/// What a port answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// A connection is made.
    Connected,
    /// It is refused: by a reset, or because the host says that nobody can be reached there.
    Refused,
    /// Nothing comes back within a second and a half, though the question was sent twice.
    Silent,
    /// It could not be asked.
    Untold(io::ErrorKind),
}

/// Nobody is there who could ask.
const NOBODY: Answer = Answer::Untold(io::ErrorKind::BrokenPipe);

/// A place to ask from; it goes with this value, and with the process however that ends.
#[derive(Debug)]
pub struct Vantage {
    asker: Option<Asker>,
}

#[derive(Debug)]
struct Asker {
    asks: Sender<Vec<SocketAddr>>,
    answers: Receiver<Vec<Answer>>,
    thread: JoinHandle<()>,
}

/// The two ends of the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Pair {
    host: [IpAddr; 2],
    here: [IpAddr; 2],
}

impl Vantage {
    /// Makes one beside the network namespace of the calling thread.
    ///
    /// # Errors
    ///
    /// Without the right to, or where it cannot be joined to this host; nothing of it is left then.
    pub fn open() -> Result<Self, VantageError> {
        let own = links::list()?;
        let taken: Vec<IpAddr> = own.iter().flat_map(|link| link.addresses.iter().copied()).collect();
        let led = led().map_err(VantageError::Routes)?;
        let led: Vec<_> = destinations(&led).filter_map(network).collect();
        let is_used = |ip: IpAddr| taken.contains(&ip) || led.iter().any(|network| network.contains(&ip));
        let pair = Pair::free(std::process::id(), is_used).ok_or(VantageError::NoAddress)?;
        let host = format!("/proc/{}/task/{}/ns/net", std::process::id(), gettid());
        let name = name();
        let (asks, asked) = channel::<Vec<SocketAddr>>();
        let (answer, answers) = channel();
        let (ready, is_ready) = channel();
        let far = name.clone();
        let thread = Builder::new()
            .spawn(move || {
                let made = settle(&far, &host, &pair);
                let is_made = made.is_ok();
                if ready.send(made).is_ok() && is_made {
                    asked.iter().map(|all| connect_all(&all)).all(|told| answer.send(told).is_ok());
                    // It would go with the namespace too, but a moment later.
                    let _ = order("ip", &format!("link delete {HERE}\n"));
                }
            })
            .map_err(RoomError::Thread)?;
        let vantage = Self { asker: Some(Asker { asks, answers, thread }) };
        is_ready.recv().unwrap_or(Err(VantageError::Room(RoomError::Same)))?;
        let has_ipv6 = room::has_ipv6();
        order("ip", &pair.orders(&name, &pair.host, has_ipv6)).map_err(VantageError::Wire)?;
        Ok(vantage)
    }

    /// What `address` of this host answers at `port`, by TCP.
    #[must_use]
    pub fn ask(&self, address: IpAddr, port: u16) -> Answer {
        self.ask_all(&[(address, port)]).first().copied().unwrap_or(NOBODY)
    }

    /// The same of each of `spots`, all at once: an answer of each, in order.
    #[must_use]
    pub fn ask_all(&self, spots: &[(IpAddr, u16)]) -> Vec<Answer> {
        let asked = spots.iter().map(|(address, port)| SocketAddr::new(address.to_canonical(), *port));
        let answers = self.asker.as_ref().and_then(|asker| {
            asker.asks.send(asked.collect()).ok()?;
            asker.answers.recv().ok()
        });
        answers.unwrap_or_else(|| vec![NOBODY; spots.len()])
    }
}

impl Drop for Vantage {
    fn drop(&mut self) {
        if let Some(Asker { asks, answers, thread }) = self.asker.take() {
            drop((asks, answers));
            let _ = thread.join();
        }
    }
}

/// Puts the calling thread where it asks from, with one end of the wire there and the other one on the host.
fn settle(far: &str, host: &str, pair: &Pair) -> Result<(), VantageError> {
    room::leave()?;
    let has_ipv6 = room::has_ipv6();
    let bytes = room::address(0).map(|byte| format!("{byte:02x}")).join(":");
    // An Ethernet address that is given is nobody's to change.
    let mut text = format!(
        "link set lo up\nlink add {HERE} type veth peer name {far} address {bytes} netns {host}\n{}",
        pair.orders(HERE, &pair.here, has_ipv6)
    );
    for to in pair.host.iter().filter(|to| to.is_ipv4() || has_ipv6) {
        text.push_str(&format!("route add default via {to} dev {HERE}\n"));
    }
    order("ip", &text).map_err(VantageError::Wire)
}

/// The routes of all tables that lead to where a wire could be.
fn led() -> Result<String, ProgramError> {
    LISTS
        .into_iter()
        .map(|[family, how, network]| {
            let arguments = ["-o", family, "route", "show", "table", "all", how, network];
            Program::start("ip", &arguments).and_then(Program::finish)
        })
        .collect()
}

/// Where routes lead, as they are listed: behind a word where they are of a kind (ip-route(8)). A default is no way to
/// anybody, and neither are its two halves.
fn destinations(routes: &str) -> impl Iterator<Item = &str> {
    let is_some = |word: &&str| {
        word.starts_with(|first: char| first.is_ascii_hexdigit())
            && word.contains(['.', ':'])
            && !word.ends_with("/0")
            && !word.ends_with("/1")
    };
    routes.lines().filter_map(move |line| line.split_whitespace().take(2).find(is_some))
}

fn order(program: &'static str, text: &str) -> Result<(), ProgramError> {
    Program::start_reading(program, &["-batch", "-"], text).and_then(Program::finish).map(drop)
}

/// Each on a thread of its own, which is where the one that starts it is (clone(2)).
fn connect_all(all: &[SocketAddr]) -> Vec<Answer> {
    if let [to] = all {
        return vec![connect(to)];
    }
    thread::scope(|scope| {
        let asking: Vec<_> =
            all.iter().map(|to| Builder::new().spawn_scoped(scope, || connect(to))).collect();
        let answer = |asked: io::Result<thread::ScopedJoinHandle<'_, Answer>>| match asked {
            Ok(thread) => thread.join().unwrap_or(NOBODY),
            Err(error) => Answer::Untold(error.kind()),
        };
        asking.into_iter().map(answer).collect()
    })
}

fn connect(to: &SocketAddr) -> Answer {
    match TcpStream::connect_timeout(to, WAIT_MAX) {
        Ok(_) => Answer::Connected,
        Err(error) => match error.kind() {
            // ICMP says the latter two: net/ipv4/icmp.c, `icmp_err_convert`; net/ipv6/icmp.c, `tab_unreach`.
            io::ErrorKind::ConnectionRefused
            | io::ErrorKind::HostUnreachable
            | io::ErrorKind::PermissionDenied => Answer::Refused,
            io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => Answer::Silent,
            kind => Answer::Untold(kind),
        },
    }
}

/// A name that no other interface has: of this process, and of this one of it.
fn name() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let next = NEXT.fetch_add(1, Ordering::Relaxed) % 100;
    format!("pr-v{}-{next}", std::process::id())
}

impl Pair {
    /// Two neighbours whom the host neither has nor knows a way to: which ones are tried first depends on the process.
    fn free(process: u32, is_used: impl Fn(IpAddr) -> bool) -> Option<Self> {
        let of = |(begin, seed): ([u8; 2], u32)| {
            // The first and the last 256 are kept for others (RFC 3927 §2.1), and clouds have services at 169 and 170.
            let (high, low) = (seed / 128 % 160 + 1, seed % 128 * 2);
            let octets = [high, low].map(|number| u8::try_from(number).unwrap_or(1));
            let four = |step| {
                let [first, second] = begin;
                IpAddr::V4(Ipv4Addr::new(first, second, octets[0], octets[1] + step))
            };
            let group = u16::from_be_bytes(octets);
            let six = |step| IpAddr::V6(Ipv6Addr::new(0xfd70, 0x7265, group, 0, 0, 0, 0, step));
            Self { host: [four(0), six(0x10)], here: [four(1), six(0x11)] }
        };
        let is_free = |pair: &Self| !pair.host.iter().chain(&pair.here).any(|ip| is_used(*ip));
        let seeds = (0..PAIRS_MAX).map(|step| process.wrapping_add(step * 97));
        let tried = BEGINNINGS.into_iter().flat_map(|begin| seeds.clone().map(move |seed| (begin, seed)));
        tried.map(of).find(is_free)
    }

    /// What `ip -batch` is told of one end (ip-address(8)).
    fn orders(&self, name: &str, own: &[IpAddr; 2], has_ipv6: bool) -> String {
        let [four, six] = own;
        let quiet = if has_ipv6 { " addrgenmode none" } else { "" };
        let is_host = own == &self.host;
        // Of the host's end nobody else is told who the host is.
        let scope = if is_host { " scope link" } else { "" };
        let mut text = format!("link set {name}{quiet} up\naddress add {four}/31 dev {name}{scope}\n");
        if has_ipv6 {
            // Whoever chooses a source passes over one that is old already.
            let old = if is_host { " preferred_lft 0" } else { "" };
            text.push_str(&format!("address add {six}/127 dev {name} nodad{old}\n"));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ends_are_two_neighbours_of_whom_the_host_has_none() {
        let first = Pair::free(4_711, |_| false).unwrap();
        let (IpAddr::V4(host), IpAddr::V4(here)) = (first.host[0], first.here[0]) else {
            panic!("{first:?}")
        };
        assert_eq!(u32::from(host) ^ u32::from(here), 1);
        assert!(host.is_link_local() && (1..=160).contains(&host.octets()[2]));
        let second = Pair::free(4_711, |ip| ip == first.here[0]).unwrap();
        assert!(second.host[0] != first.host[0] && second.host[1] != first.host[1]);
        assert!(first.orders("x", &first.host, true).contains("nodad preferred_lft 0"));
        assert!(!first.orders("x", &first.here, false).contains("fd70"));
    }

    #[test]
    fn nobody_to_whom_a_route_leads_is_taken_for_the_wire() {
        let routes = "default via 192.0.2.1 dev eth0 \n0.0.0.0/1 via 10.8.0.1 dev tun0\n128.0.0.0/1 dev tun0\n\
                      169.254.0.0/16 dev eth0 scope link metric 1002 \nlocal 198.18.4.1 dev lo table 7\n\
                      unreachable fd70:7265::/32 dev lo\nunreachable default dev lo\n::/0 dev eth0\n";
        let led: Vec<_> = destinations(routes).collect();
        assert_eq!(led, ["169.254.0.0/16", "198.18.4.1", "fd70:7265::/32"]);
        let of = |texts: &[&str]| {
            let led: Vec<_> = texts.iter().filter_map(|text| network(text)).collect();
            Pair::free(4_711, |ip| led.iter().any(|network| network.contains(&ip)))
        };
        assert!(of(&led[..1]).unwrap().host[0].to_string().starts_with("198.18."));
        assert_eq!(of(&led), None, "no address of IPv6 is left");
        assert_eq!(of(&["169.254.0.0/16", "198.18.0.0/15"]), None);
    }

    #[test]
    fn many_are_asked_at_once_and_answer_in_order() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let open = listener.local_addr().unwrap();
        let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let (yes, no) = (Answer::Connected, Answer::Refused);
        assert_eq!(connect_all(&[closed, open, closed]), [no, yes, no]);
        assert_eq!(connect_all(&[open]), [yes]);
        assert_eq!(connect_all(&[]), []);
        assert_eq!(Vantage { asker: None }.ask_all(&[(open.ip(), 1), (open.ip(), 2)]), [NOBODY; 2]);
    }

    #[test]
    fn names_fit_and_differ() {
        let (one, two) = (name(), name());
        assert!(one != two && one.len() <= 15, "{one} {two}");
    }
}
