//! Asks a host whether it may be scanned, and answers whoever asks this one (udp(7)).

use std::{
    io,
    net::{IpAddr, SocketAddr, SocketAddrV6, UdpSocket},
    os::fd::BorrowedFd,
    time::{Duration, Instant, SystemTime},
};

use portreeve_core::outside::consent::{MESSAGE_BYTES, Nonce, Parties, Secret, Unproven};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::ScanError;
use crate::{chance::chance, observe::links};

/// A question may be lost, and so may its answer.
const TRIES: u32 = 3;
const PATIENCE: Duration = Duration::from_secs(1);
/// A message and a byte by which a longer one is known.
const ROOM_BYTES: usize = MESSAGE_BYTES + 1;

/// What became of a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Consent {
    /// The host consents until then, in seconds since 1970.
    Until(u64),
    /// Its consent ended then.
    Ended(u64),
    /// Somebody answered who has not the secret, or is another host.
    Stranger,
    /// Nobody answered.
    Silence,
}

/// The time, in seconds since 1970.
#[must_use]
pub fn seconds_now() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |time| time.as_secs())
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

/// Asks `target` at `port` for its consent.
///
/// # Errors
///
/// Nothing gets out.
pub fn ask(target: IpAddr, interface: u32, port: u16, secret: &Secret) -> Result<Consent, ScanError> {
    let socket = UdpSocket::bind(at(
        if target.is_ipv4() { [0, 0, 0, 0].into() } else { std::net::Ipv6Addr::UNSPECIFIED.into() },
        0,
        0,
    ))
    .map_err(failed("open a socket"))?;
    socket.connect(at(target, port, interface)).map_err(failed("reach the host"))?;
    let scanner = socket.local_addr().map_err(failed("reach the host"))?.ip();
    let nonce = nonce()?;
    let parties = Parties { scanner, target };
    let mut worst = Consent::Silence;
    for _ in 0..TRIES {
        // An error is one that came back for the packet before: nobody listens, which is told by silence.
        let _ = socket.send(&secret.question(nonce, parties, seconds_now()));
        match heard(&socket, nonce, parties, secret)? {
            Consent::Silence => {}
            Consent::Stranger => worst = Consent::Stranger,
            told => return Ok(told),
        }
    }
    Ok(worst)
}

fn nonce() -> Result<Nonce, ScanError> {
    let [one, two, _] = chance().map_err(ScanError::NoChance)?;
    let mut nonce = Nonce::default();
    let bytes = one.to_be_bytes().into_iter().chain(two.to_be_bytes());
    nonce.iter_mut().zip(bytes).for_each(|(place, byte)| *place = byte);
    Ok(nonce)
}

/// What comes within a second: whoever answers wrongly does not keep the right answer away.
fn heard(socket: &UdpSocket, nonce: Nonce, parties: Parties, secret: &Secret) -> Result<Consent, ScanError> {
    let ends = Instant::now() + PATIENCE;
    let mut told = Consent::Silence;
    let mut room = [0; ROOM_BYTES];
    loop {
        let left = ends.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(told);
        }
        socket.set_read_timeout(Some(left)).map_err(failed("wait for an answer"))?;
        let Ok(length) = socket.recv(&mut room) else { return Ok(told) };
        let answer = room.get(..length).unwrap_or_default();
        match secret.consented(answer, nonce, parties, seconds_now()) {
            Ok(until) => return Ok(Consent::Until(until)),
            Err(Unproven::Ended(until)) => return Ok(Consent::Ended(until)),
            Err(Unproven::Stranger) => told = Consent::Stranger,
        }
    }
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
        let addresses = links.iter().flat_map(|link| link.addresses.iter().map(|ip| (*ip, link.index)));
        for (ip, index) in addresses {
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

    /// Answers whoever has the secret until `until`, in seconds since 1970, or as soon as `stop` can be read; tells of each before he is
    /// answered, as his first packet may come before anything else is done.
    ///
    /// # Errors
    ///
    /// Whatever poll(2) says.
    pub fn answer(
        &self,
        secret: &Secret,
        until: u64,
        stop: BorrowedFd<'_>,
        mut each: impl FnMut(Parties),
    ) -> Result<(), ScanError> {
        loop {
            let now = seconds_now();
            if now >= until {
                return Ok(());
            }
            let mut all: Vec<PollFd<'_>> =
                self.sockets.iter().map(|(_, socket)| PollFd::new(socket, PollFlags::IN)).collect();
            all.push(PollFd::from_borrowed_fd(stop, PollFlags::IN));
            let seconds = i64::try_from(until - now).unwrap_or(i64::MAX);
            match poll(&mut all, Some(&Timespec { tv_sec: seconds, tv_nsec: 0 })) {
                Ok(_) | Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(ScanError::Call("wait for questions", error.into())),
            }
            if all.last().is_some_and(|stop| !stop.revents().is_empty()) {
                return Ok(());
            }
            for (own, socket) in &self.sockets {
                answer_one(*own, socket, secret, until, &mut each);
            }
        }
    }
}

/// Whoever has not the secret is not answered, so that nobody can tell that somebody listens.
fn answer_one(own: IpAddr, socket: &UdpSocket, secret: &Secret, until: u64, each: &mut impl FnMut(Parties)) {
    let mut room = [0; ROOM_BYTES];
    let Ok((length, from)) = socket.recv_from(&mut room) else { return };
    let parties = Parties { scanner: from.ip().to_canonical(), target: own };
    let question = room.get(..length).unwrap_or_default();
    let Some(nonce) = secret.asked(question, parties, seconds_now()) else { return };
    each(parties);
    // One whose answer is lost asks again.
    let _ = socket.send_to(&secret.answer(nonce, parties, until), from);
}

#[cfg(test)]
mod tests {
    use std::{
        os::{fd::AsFd as _, unix::net::UnixStream},
        thread,
    };

    use super::*;

    #[test]
    fn who_shares_the_secret_is_consented_to_and_nobody_else() {
        let [right, wrong] = [1, 2].map(|byte| Secret::read(&[byte; 32]).unwrap());
        // Whichever the kernel gives, the next moment it is free again.
        let port = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let consenting = Consenting::open(port).unwrap();
        let (stop, other) = UnixStream::pair().unwrap();
        let until = seconds_now() + 60;
        let own = right.clone();
        let thread = thread::spawn(move || {
            let mut answered = 0;
            consenting.answer(&own, until, stop.as_fd(), |_| answered += 1).unwrap();
            answered
        });
        let target = [127, 0, 0, 1].into();
        assert_eq!(ask(target, 0, port, &right).unwrap(), Consent::Until(until));
        assert_eq!(ask(target, 0, port, &wrong).unwrap(), Consent::Silence);
        drop(other);
        assert_eq!(thread.join().unwrap(), 1);
        assert_eq!(ask(target, 0, port, &right).unwrap(), Consent::Silence);
    }
}
