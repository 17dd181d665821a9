//! Asks by datagrams, as any program may send them, and takes what answers or refuses them (udp(7)).

use std::{
    collections::BTreeMap,
    io,
    net::{SocketAddr, UdpSocket},
    os::fd::AsFd as _,
    time::{Duration, Instant},
};

use portreeve_core::outside::{
    self, Answer, BATCH, Datagrams, Ended, Key, Outcome, Step, is_unresolved, of_datagram,
};
use rustix::io::Errno;

use super::{ScanError, Wanted, ends, wait::wait, warrant::Standing};
use crate::{
    chance::chance,
    sys::errors::{self, Report, Said},
};

/// As many are taken before datagrams are sent again, whoever floods the socket.
const TAKEN_MAX: usize = 1_024;
/// Longer than any answer that matters.
const ANSWER_BYTES: usize = 2_048;
/// What the kernel keeps back for want of room is sent a moment later.
const NAP: Duration = Duration::from_millis(5);
/// What ICMP said before is told by the next call that sends: so often at most, one behind the other.
const SEND_TRIES: usize = 16;
/// Where there is no room for so long, there is none: two seconds.
const KEPT_BACK_MAX: u32 = 400;

/// A scan that runs.
struct Run<'a> {
    wanted: &'a Wanted<'a>,
    socket: UdpSocket,
    /// Where it is: what it sends to itself is no answer.
    own: SocketAddr,
    scan: Datagrams,
    begin: Instant,
    /// Naps for want of room, one behind the other.
    kept_back: u32,
    /// Calls that sent nothing, and were made again.
    interrupted: u32,
}

/// Runs it to its end.
pub(super) fn run(wanted: &Wanted<'_>, services: BTreeMap<u16, String>) -> Result<Outcome, ScanError> {
    let (socket, own) = open(wanted)?;
    let [one, two, _] = chance().map_err(ScanError::NoChance)?;
    let ask = outside::Wanted { ports: wanted.ports, rate_max: wanted.rate_max };
    let scan = Datagrams::new(ask, wanted.target, services, Key::new([one, two]));
    Run { wanted, socket, own, scan, begin: Instant::now(), kept_back: 0, interrupted: 0 }.finish()
}

/// A socket of the address by which packets leave, on a port that the kernel chose.
fn open(wanted: &Wanted<'_>) -> Result<(UdpSocket, SocketAddr), ScanError> {
    let source = ends::source(wanted)?;
    let no_port = |error: io::Error| ScanError::NoPort(errno(&error));
    let socket = UdpSocket::bind(Wanted { target: source, ..*wanted }.at(0)).map_err(no_port)?;
    let own = socket.local_addr().map_err(no_port)?;
    let tune = |error| ScanError::Call("set up a socket", error);
    ends::tie(&socket, wanted).map_err(|error| ScanError::NoRoute(wanted.target, error))?;
    socket.set_nonblocking(true).map_err(tune)?;
    errors::keep(&socket, source.is_ipv6()).map_err(tune)?;
    Ok((socket, own))
}

fn errno(error: &io::Error) -> Errno {
    Errno::from_io_error(error).unwrap_or(Errno::IO)
}

impl Run<'_> {
    fn finish(mut self) -> Result<Outcome, ScanError> {
        let mut batch = Vec::with_capacity(BATCH);
        loop {
            let time = if self.wanted.warrant.is_unsure() && !self.scan.is_over() {
                NAP
            } else {
                match self.scan.step(self.begin.elapsed(), &mut batch) {
                    Step::Over => {
                        return Ok(Outcome { interrupted: self.interrupted, ..self.scan.outcome() });
                    }
                    Step::Send => self.send(&batch)?,
                    Step::Wait(until) => until.saturating_sub(self.begin.elapsed()),
                }
            };
            let [answers, stop] = wait([self.socket.as_fd(), self.wanted.stop], time)?;
            if answers {
                self.take_errors()?;
                self.take_answers()?;
            }
            if stop {
                self.scan.stop();
            }
        }
    }

    /// Asks each port; how long to wait then.
    fn send(&mut self, batch: &[u16]) -> Result<Duration, ScanError> {
        for (place, port) in batch.iter().enumerate() {
            let left = batch.get(place..).unwrap_or_default();
            let standing = self.wanted.warrant.standing();
            if standing != Standing::Ours {
                self.scan.put_back(left);
                standing.end(self.wanted.target, |ended| self.scan.end(ended))?;
                return Ok(NAP);
            }
            match self.send_one(*port) {
                Ok(()) => self.kept_back = 0,
                Err(Errno::NOBUFS | Errno::AGAIN | Errno::INTR) if self.kept_back < KEPT_BACK_MAX => {
                    self.kept_back += 1;
                    self.interrupted = self.interrupted.saturating_add(1);
                    self.scan.put_back(left);
                    return Ok(NAP);
                }
                // It is lost.
                Err(Errno::NOBUFS | Errno::AGAIN | Errno::INTR) => {}
                // This host's own filter stops it.
                Err(Errno::PERM | Errno::ACCESS) => self.scan.kept_in(*port, self.own.ip()),
                Err(error) if ends::has_no_way(error) => {
                    self.scan.put_back(left);
                    ends::end(self.scan.end(Ended::Cut), error, self.wanted.target)?;
                    return Ok(NAP);
                }
                Err(error) => return Err(ScanError::Call("send datagrams", error.into())),
            }
        }
        Ok(Duration::ZERO)
    }

    /// An error that ICMP left at the socket is told instead of sending, whichever port it is about, and counted as a packet that
    /// was thrown away (net/ipv4/ip_output.c, `__ip_append_data`): so it is taken away first.
    fn send_one(&mut self, port: u16) -> Result<(), Errno> {
        let words = self.scan.words(port);
        let mut last = Errno::IO;
        for _ in 0..SEND_TRIES {
            let _ = self.socket.take_error();
            let Err(error) = self.socket.send_to(&words, self.wanted.at(port)) else { return Ok(()) };
            last = errno(&error);
            // Of these ICMP says none.
            if matches!(last, Errno::NOBUFS | Errno::AGAIN | Errno::INTR | Errno::PERM) {
                break;
            }
            self.interrupted = self.interrupted.saturating_add(1);
            self.take_errors().map_err(|_| last)?;
        }
        Err(last)
    }

    fn take_errors(&mut self) -> Result<(), ScanError> {
        for _ in 0..TAKEN_MAX {
            let report = errors::take(&self.socket);
            match report.map_err(|error| ScanError::Call("receive errors of datagrams", error))? {
                Some(report) => self.tell(report),
                None => break,
            }
        }
        Ok(())
    }

    fn tell(&mut self, Report { to, port, said }: Report) {
        let is_answer = |said: &Said| !is_unresolved(said.code, said.sender, self.own.ip());
        let Some(said) = said.filter(|said| to == self.wanted.target && is_answer(said)) else { return };
        if let Some(saying) = of_datagram(said.kind, said.code, said.sender, to) {
            self.scan.told(self.begin.elapsed(), Answer { port, saying }, said.sender);
        }
    }

    fn take_answers(&mut self) -> Result<(), ScanError> {
        let mut room = [0; ANSWER_BYTES];
        for _ in 0..TAKEN_MAX {
            match self.socket.recv_from(&mut room) {
                Ok((length, from)) if from.ip() == self.wanted.target && !self.is_own(from) => {
                    let words = room.get(..length).unwrap_or_default();
                    self.scan.hear(self.begin.elapsed(), from.port(), words);
                }
                // Of a stranger, whoever he is.
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                // What ICMP said is told here too.
                Err(_) => self.take_errors()?,
            }
        }
        Ok(())
    }

    fn is_own(&self, from: SocketAddr) -> bool {
        (from.ip(), from.port()) == (self.own.ip(), self.own.port())
    }
}

#[cfg(test)]
mod tests {
    use std::{net::IpAddr, os::unix::net::UnixStream, thread};

    use portreeve_core::outside::Seen;

    use super::*;
    use crate::scan::warrant::testing::own;

    fn scan(target: IpAddr, ports: &[u16]) -> Outcome {
        let (stop, _other) = UnixStream::pair().unwrap();
        let (warrant, stop) = (&own(target), stop.as_fd());
        let wanted = Wanted { target, interface: 0, warrant, ports, rate_max: 1_000, stop };
        run(&wanted, BTreeMap::new()).unwrap()
    }

    #[test]
    fn who_answers_is_open_who_is_nobody_is_closed_and_who_only_hears_is_silent() {
        for host in ["127.0.0.1", "::1"] {
            let target: IpAddr = host.parse().unwrap();
            let sockets = [0; 3].map(|port| UdpSocket::bind((target, port)).unwrap());
            let ports = sockets.each_ref().map(|socket| socket.local_addr().unwrap().port());
            let [answers, _hears, gone] = sockets;
            drop(gone);
            thread::spawn(move || {
                while let Ok((_, from)) = answers.recv_from(&mut [0; 8]) {
                    let _ = answers.send_to(b"yes", from);
                }
            });
            let outcome = scan(target, &ports);
            let seen = |port| outcome.glimpses.iter().find(|it| it.port == port).map(|it| it.seen);
            let expected = [Seen::Open, Seen::Silent, Seen::Closed];
            assert_eq!(ports.map(seen), expected.map(Some), "{host}");
        }
    }

    /// On the loopback each is refused before the next is asked, unless the kernel is busy.
    #[test]
    fn who_refuses_keeps_no_other_datagram_back() {
        for host in ["127.0.0.1", "::1"] {
            let target: IpAddr = host.parse().unwrap();
            let gone = [0; 8].map(|port| UdpSocket::bind((target, port)).unwrap());
            let ports = gone.each_ref().map(|socket| socket.local_addr().unwrap().port());
            drop(gone);
            let outcome = scan(target, &ports);
            assert!(outcome.glimpses.iter().all(|it| it.seen == Seen::Closed), "{host}: {outcome:?}");
            assert!(outcome.interrupted < 3, "{host}: {outcome:?}");
        }
    }
}
