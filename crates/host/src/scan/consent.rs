//! Asks a host whether it may be scanned, and answers whoever asks this one (udp(7)).

use std::{
    collections::BTreeSet,
    io,
    net::{IpAddr, SocketAddr, SocketAddrV6, UdpSocket},
    os::fd::BorrowedFd,
    thread,
    time::{Duration, Instant, SystemTime},
};

use portreeve_core::outside::consent::{Asked, MESSAGE_BYTES, Nonce, Parties, Secret, Unproven};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
};

use super::ScanError;
use crate::{
    chance::chance,
    observe::{
        clock,
        links::{self, Link},
    },
};

/// A question may be lost, and so may its answer.
const TRIES: u32 = 3;
const PATIENCE: Duration = Duration::from_secs(1);
const HALF_SECOND: Duration = Duration::from_millis(500);
/// What a process that was stopped for a while, or a host that slept, still has to wait nobody else counts (ppoll(2)).
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// A message and a byte by which a longer one is known.
pub(super) const ROOM_BYTES: usize = MESSAGE_BYTES + 1;

/// How long a host consents yet, which no setting of the clock here changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lasting {
    /// When it is over, since the boot.
    end: Duration,
    /// The same as the clock here had it, in seconds since 1970.
    pub until: u64,
}

impl Lasting {
    /// So long from now on, until a whole second as clocks tell it.
    #[must_use]
    pub fn from_now(time: Duration) -> Self {
        let now = now();
        let until = now.saturating_add(time).as_secs();
        let left = Duration::from_secs(until).saturating_sub(now);
        Self { end: since_boot().saturating_add(left), until }
    }

    /// So long from when that was, since the boot.
    fn of(time: Duration, from: Duration) -> Self {
        let end = from.saturating_add(time);
        let left = end.saturating_sub(since_boot());
        // As the other host says it, but for the way.
        Self { end, until: now().saturating_add(left).saturating_add(HALF_SECOND).as_secs() }
    }

    /// How long that is from now on.
    #[must_use]
    pub fn left(&self) -> Duration {
        self.end.saturating_sub(since_boot())
    }
}

/// What became of a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Consent {
    /// The host consents for a time.
    For(Lasting),
    /// Its consent is over.
    Ended,
    /// It does not, as its clock is so far ahead of the one here, or behind it, in seconds.
    AtAnotherTime(i64),
    /// Somebody answered who has not the secret, or is another host.
    Stranger,
    /// Nobody answered.
    Silence,
}

/// The time, in seconds since 1970.
#[must_use]
pub fn seconds_now() -> u64 {
    now().as_secs()
}

pub(super) fn now() -> Duration {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
}

pub(super) fn since_boot() -> Duration {
    Duration::from_nanos(clock::since_boot())
}

fn at(ip: IpAddr, port: u16, interface: u32) -> SocketAddr {
    match ip {
        IpAddr::V4(_) => SocketAddr::new(ip, port),
        IpAddr::V6(ip) => SocketAddrV6::new(ip, port, 0, interface).into(),
    }
}

fn failed(what: &'static str) -> impl Fn(io::Error) -> ScanError {
    move |error| ScanError::Call(what, error)
}

/// A socket to where `target` is asked at `port`, and who asks whom. Nothing is sent.
pub(super) fn reach(target: IpAddr, interface: u32, port: u16) -> Result<(UdpSocket, Parties), ScanError> {
    let any = if target.is_ipv4() { [0, 0, 0, 0].into() } else { std::net::Ipv6Addr::UNSPECIFIED.into() };
    let socket = UdpSocket::bind(at(any, 0, 0)).map_err(failed("open a socket"))?;
    socket.connect(at(target, port, interface)).map_err(failed("reach the host"))?;
    let scanner = socket.local_addr().map_err(failed("reach the host"))?.ip();
    Ok((socket, Parties { scanner, target }))
}

/// Asks `target` at `port` for its consent.
///
/// # Errors
///
/// Nothing gets out.
pub fn ask(target: IpAddr, interface: u32, port: u16, secret: &Secret) -> Result<Consent, ScanError> {
    let (socket, parties) = reach(target, interface, port)?;
    let nonce = nonce()?;
    // Whoever answers may do so from the first question on.
    let (begun, mut worst, mut failure) = (since_boot(), Consent::Silence, None);
    for _ in 0..TRIES {
        let sent = socket.send(&secret.question(nonce, parties, now()));
        let heard = sent.and_then(|_| heard(&socket, nonce, parties, secret, begun));
        match heard {
            Ok(Consent::Silence) => {}
            Ok(Consent::Stranger) => worst = Consent::Stranger,
            Ok(told) => return Ok(told),
            // It came back for the packet before: nobody listens, which is told by silence.
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => thread::sleep(PATIENCE),
            Err(error) => failure = Some(error),
        }
    }
    match failure.filter(|_| worst == Consent::Silence) {
        Some(error) => Err(unasked(error)),
        None => Ok(worst),
    }
}

/// The own filter says so by EPERM (net/netfilter/core.c, `NF_DROP_GETERR`).
fn unasked(error: io::Error) -> ScanError {
    match Errno::from_io_error(&error) {
        Some(error @ Errno::PERM) => ScanError::KeptIn(error),
        _ => ScanError::Call("ask the host for its consent", error),
    }
}

pub(super) fn nonce() -> Result<Nonce, ScanError> {
    let [one, two, _] = chance().map_err(ScanError::NoChance)?;
    let mut nonce = Nonce::default();
    let bytes = one.to_be_bytes().into_iter().chain(two.to_be_bytes());
    nonce.iter_mut().zip(bytes).for_each(|(place, byte)| *place = byte);
    Ok(nonce)
}

/// What comes within a second: whoever answers wrongly does not keep the right answer away.
fn heard(
    socket: &UdpSocket,
    nonce: Nonce,
    parties: Parties,
    secret: &Secret,
    begun: Duration,
) -> io::Result<Consent> {
    let ends = Instant::now() + PATIENCE;
    let mut told = Consent::Silence;
    let mut room = [0; ROOM_BYTES];
    loop {
        let left = ends.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(told);
        }
        socket.set_read_timeout(Some(left))?;
        let length = match socket.recv(&mut room) {
            Ok(length) => length,
            Err(error) if is_late(&error) => return Ok(told),
            Err(error) => return Err(error),
        };
        match secret.consented(room.get(..length).unwrap_or_default(), nonce, parties) {
            Ok(time) => return Ok(Consent::For(Lasting::of(time, begun))),
            Err(Unproven::Ended) => return Ok(Consent::Ended),
            Err(Unproven::AtAnotherTime(theirs)) => return Ok(Consent::AtAnotherTime(ahead(theirs))),
            Err(Unproven::Stranger) => told = Consent::Stranger,
        }
    }
}

fn is_late(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut | io::ErrorKind::Interrupted)
}

/// By how many seconds another clock is ahead of the one here.
fn ahead(theirs: Duration) -> i64 {
    let seconds = |time: Duration| i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
    seconds(theirs).saturating_sub(seconds(now()))
}

/// The sockets of a host that consents: one at each of its addresses, by which it knows where it was asked.
#[derive(Debug)]
pub struct Consenting {
    sockets: Vec<(IpAddr, UdpSocket)>,
}

impl Consenting {
    /// Listens at `port` of every address of the network namespace of the calling thread.
    ///
    /// # Errors
    ///
    /// The port belongs to another, or there is no address.
    pub fn open(port: u16) -> Result<Self, ScanError> {
        let links =
            links::list().map_err(|error| ScanError::Call("list addresses", io::Error::other(error)))?;
        let mut sockets = Vec::new();
        for (ip, index) in places(&links) {
            match UdpSocket::bind(at(ip, port, index)) {
                Ok(socket) => sockets.push((ip, socket)),
                // One of IPv6 that is not known yet to be nobody else's (RFC 4862 §5.4).
                Err(error) if error.kind() == io::ErrorKind::AddrNotAvailable => {}
                Err(error) => return Err(ScanError::Call("listen for questions", error)),
            }
        }
        for (_, socket) in &sockets {
            socket.set_nonblocking(true).map_err(failed("listen for questions"))?;
        }
        Ok(Self { sockets })
    }

    /// Answers whoever has the secret for so long, or until `stop` can be read; tells of each before he is answered, as his first packet
    /// may come before anything else is done.
    ///
    /// # Errors
    ///
    /// Whatever poll(2) says.
    pub fn answer(
        &self,
        secret: &Secret,
        lasting: Lasting,
        stop: BorrowedFd<'_>,
        mut each: impl FnMut(Parties),
    ) -> Result<(), ScanError> {
        loop {
            let left = lasting.left();
            if left.is_zero() {
                return Ok(());
            }
            let mut all: Vec<PollFd<'_>> =
                self.sockets.iter().map(|(_, socket)| PollFd::new(socket, PollFlags::IN)).collect();
            all.push(PollFd::from_borrowed_fd(stop, PollFlags::IN));
            let time = Timespec::try_from(left.min(LOOK_EVERY)).unwrap_or(Timespec { tv_sec: 1, tv_nsec: 0 });
            match poll(&mut all, Some(&time)) {
                Ok(_) | Err(Errno::INTR) => {}
                Err(error) => return Err(ScanError::Call("wait for questions", error.into())),
            }
            if all.last().is_some_and(|stop| !stop.revents().is_empty()) {
                return Ok(());
            }
            for (own, socket) in &self.sockets {
                answer_one(*own, socket, secret, lasting, &mut each);
            }
        }
    }
}

/// Each address once, though several interfaces have it, with the interface of one that is another on each (RFC 4007 §6).
fn places(links: &[Link]) -> BTreeSet<(IpAddr, u32)> {
    let is_of_link = |ip: &IpAddr| matches!(ip, IpAddr::V6(ip) if ip.is_unicast_link_local());
    let of = |link: &Link, ip: &IpAddr| (*ip, if is_of_link(ip) { link.index } else { 0 });
    links.iter().flat_map(|link| link.addresses.iter().map(move |ip| of(link, ip))).collect()
}

/// Whoever has not the secret is not answered, so that nobody can tell that somebody listens.
fn answer_one(
    own: IpAddr,
    socket: &UdpSocket,
    secret: &Secret,
    lasting: Lasting,
    each: &mut impl FnMut(Parties),
) {
    let mut room = [0; ROOM_BYTES];
    let Ok((length, from)) = socket.recv_from(&mut room) else { return };
    let parties = Parties { scanner: from.ip().to_canonical(), target: own };
    let question = room.get(..length).unwrap_or_default();
    let now = now();
    let answer = match secret.asked(question, parties, now) {
        None => return,
        Some(Asked::AtAnotherTime(nonce)) => secret.another_time(nonce, parties, now),
        Some(Asked::Now(nonce)) => {
            each(parties);
            secret.answer(nonce, parties, now, now.saturating_add(lasting.left()))
        }
    };
    // One whose answer is lost asks again.
    let _ = socket.send_to(&answer, from);
}

#[cfg(test)]
mod tests {
    use std::{
        os::{fd::AsFd as _, unix::net::UnixStream},
        thread,
    };

    use super::*;

    fn secret(byte: u8) -> Secret {
        let mut bytes = [byte; 32];
        bytes[0] = 0xff;
        Secret::read(&bytes).unwrap()
    }

    /// Whichever the kernel gives, the next moment it is free again.
    fn free() -> u16 {
        UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
    }

    #[test]
    fn an_address_of_two_interfaces_is_listened_at_once_and_one_of_a_link_at_each() {
        let [shared, local]: [IpAddr; 2] = ["10.78.0.2", "fe80::1"].map(|text| text.parse().unwrap());
        let link = |index, addresses: &[IpAddr]| Link {
            index,
            name: String::new(),
            kind: String::new(),
            master: 0,
            peer: 0,
            peer_namespace: None,
            has_xdp: false,
            addresses: addresses.to_vec(),
        };
        let links = [link(2, &[shared, local]), link(3, &[local, shared])];
        let all: Vec<_> = places(&links).into_iter().collect();
        assert_eq!(all, [(shared, 0), (local, 2), (local, 3)]);
    }

    #[test]
    fn whose_clock_is_another_is_told_by_how_much() {
        let (right, port) = (secret(1), free());
        let socket = UdpSocket::bind(("127.0.0.1", port)).unwrap();
        let own = right.clone();
        let theirs = now() + Duration::from_secs(400);
        let thread = thread::spawn(move || {
            let mut room = [0; ROOM_BYTES];
            let (length, from) = socket.recv_from(&mut room).unwrap();
            let parties = Parties { scanner: from.ip(), target: from.ip() };
            let Some(Asked::AtAnotherTime(nonce)) = own.asked(&room[..length], parties, theirs) else {
                panic!("it is another time")
            };
            socket.send_to(&own.another_time(nonce, parties, theirs), from).unwrap();
        });
        let told = ask([127, 0, 0, 1].into(), 0, port, &right).unwrap();
        assert!(matches!(told, Consent::AtAnotherTime(398..=400)), "{told:?}");
        thread.join().unwrap();
    }

    #[test]
    fn what_cannot_be_sent_is_no_silence() {
        let error = ask([255, 255, 255, 255].into(), 0, free(), &secret(1)).unwrap_err();
        assert!(matches!(error, ScanError::Call("reach the host", _)), "{error:?}");
        let denied = unasked(io::Error::from_raw_os_error(libc::EPERM));
        assert!(matches!(denied, ScanError::KeptIn(_)), "{denied:?}");
        let other = unasked(io::Error::from_raw_os_error(libc::ENOBUFS));
        assert!(matches!(other, ScanError::Call("ask the host for its consent", _)), "{other:?}");
    }

    #[test]
    fn who_shares_the_secret_is_consented_to_and_nobody_else() {
        let [right, wrong] = [1, 2].map(secret);
        let port = free();
        let consenting = Consenting::open(port).unwrap();
        let (stop, other) = UnixStream::pair().unwrap();
        let until = seconds_now() + 60;
        let lasting = Lasting::from_now(Duration::from_secs(60));
        let own = right.clone();
        let thread = thread::spawn(move || {
            let mut answered = 0;
            consenting.answer(&own, lasting, stop.as_fd(), |_| answered += 1).unwrap();
            answered
        });
        let target = [127, 0, 0, 1].into();
        let Consent::For(lasting) = ask(target, 0, port, &right).unwrap() else { panic!("no consent") };
        assert!((59..=60).contains(&lasting.until.saturating_sub(until - 60)), "{lasting:?}");
        let left = lasting.left();
        assert!(left <= Duration::from_secs(60) && left > Duration::from_secs(50), "{left:?}");
        assert_eq!(ask(target, 0, port, &wrong).unwrap(), Consent::Silence);
        drop(other);
        assert_eq!(thread.join().unwrap(), 1);
        assert_eq!(ask(target, 0, port, &right).unwrap(), Consent::Silence);
    }
}
