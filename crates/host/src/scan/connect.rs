//! Asks by connections, as programs make them: slower, and without any right of root's (connect(2), epoll(7)).

use std::{
    collections::{HashMap, VecDeque},
    net::{IpAddr, Ipv4Addr},
    os::fd::{AsFd, OwnedFd},
    time::{Duration, Instant},
};

use portreeve_core::outside::{self, Answer, BATCH, Ended, Key, Outcome, Saying, Step, Sweep};
use rustix::{
    buffer::spare_capacity,
    event::epoll,
    io::Errno,
    net::{
        SocketFlags, SocketType, bind, connect, socket_with,
        sockopt::{set_socket_linger, socket_error},
    },
    process::{Resource, getrlimit},
};

use super::{ScanError, Wanted, ends, wait::wait, warrant::Standing};
use crate::chance::chance;

/// So many connections are under way at once, and no more than half of the descriptors that a process may have.
const CONNECTIONS_MAX: u64 = 1_024;
const CONNECTIONS_MIN: u64 = 2 * BATCH as u64;
/// The kernel asks a second time after a second (net/ipv4/tcp_timer.c, TCP_TIMEOUT_INIT): a new connection does as well.
const PATIENCE: Duration = Duration::from_secs(1);
/// Whoever refuses by ICMP is not told to programs.
const UNTOLD: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
const NAP: Duration = Duration::from_millis(20);

/// Connections that are under way.
struct Run<'a> {
    wanted: &'a Wanted<'a>,
    /// Where connections are made from, even where another address of this host is nearer by now.
    source: IpAddr,
    sweep: Sweep,
    begin: Instant,
    queue: OwnedFd,
    sockets: HashMap<u16, OwnedFd>,
    /// When each was begun, the oldest first; some may be answered by now.
    begun: VecDeque<(Instant, u16)>,
    connections_max: usize,
}

/// Runs it to its end.
pub(super) fn run(wanted: &Wanted<'_>) -> Result<Outcome, ScanError> {
    // Where no route leads, it is said before anything is tried.
    let source = ends::source(wanted)?;
    let [one, two, _] = chance().map_err(ScanError::NoChance)?;
    let ask = outside::Wanted { ports: wanted.ports, rate_max: wanted.rate_max };
    let queue = epoll::create(epoll::CreateFlags::CLOEXEC).map_err(|error| told("make an epoll", error))?;
    Run {
        wanted,
        source,
        sweep: Sweep::new(ask, &Key::new([one, two])),
        begin: Instant::now(),
        queue,
        sockets: HashMap::new(),
        begun: VecDeque::new(),
        connections_max: connections_max(),
    }
    .finish()
}

/// So many are under way at once.
pub(super) fn connections_max() -> usize {
    let half = getrlimit(Resource::Nofile).current.map_or(CONNECTIONS_MAX, |limit| limit / 2);
    usize::try_from(half.clamp(CONNECTIONS_MIN, CONNECTIONS_MAX)).unwrap_or(BATCH)
}

fn told(what: &'static str, error: Errno) -> ScanError {
    ScanError::Call(what, error.into())
}

impl Run<'_> {
    fn finish(mut self) -> Result<Outcome, ScanError> {
        let mut batch = Vec::with_capacity(BATCH);
        loop {
            self.give_up();
            let is_full = self.sockets.len() + BATCH > self.connections_max;
            let time = if (is_full || self.wanted.warrant.is_unsure()) && !self.sweep.is_over() {
                NAP
            } else {
                match self.sweep.step(self.begin.elapsed(), &mut batch) {
                    Step::Over => return Ok(self.sweep.outcome()),
                    Step::Send => self.begin(&batch)?,
                    Step::Wait(until) => until.saturating_sub(self.begin.elapsed()),
                }
            };
            let [answers, stop] = wait([self.queue.as_fd(), self.wanted.stop], time)?;
            if answers {
                self.take()?;
            }
            if stop {
                self.sweep.stop();
            }
        }
    }

    /// Forgets connections that nobody answers.
    fn give_up(&mut self) {
        while let Some((begun, port)) = self.begun.front().copied() {
            if self.sockets.contains_key(&port) && begun.elapsed() < PATIENCE {
                break;
            }
            self.begun.pop_front();
            // It may have been begun again since.
            if begun.elapsed() >= PATIENCE && !self.begun.iter().any(|(_, later)| *later == port) {
                self.sockets.remove(&port);
            }
        }
    }

    /// Begins a connection to each port; how long to wait then.
    fn begin(&mut self, batch: &[u16]) -> Result<Duration, ScanError> {
        for (place, port) in batch.iter().enumerate() {
            let left = batch.len() - place;
            let standing = self.wanted.warrant.standing();
            if standing != Standing::Ours {
                self.sweep.put_back(left);
                standing.end(self.wanted.target, |ended| self.sweep.end(ended))?;
                return Ok(NAP);
            }
            match self.begin_one(*port) {
                Ok(()) => {}
                Err(Errno::MFILE | Errno::NFILE | Errno::NOBUFS | Errno::NOMEM | Errno::ADDRNOTAVAIL) => {
                    self.sweep.put_back(left);
                    self.sweep.slow_down(self.begin.elapsed());
                    return Ok(NAP);
                }
                Err(error) if ends::has_no_way(error) => {
                    self.sweep.put_back(left);
                    ends::end(self.sweep.end(Ended::Cut), error, self.wanted.target)?;
                    return Ok(NAP);
                }
                Err(error) => return Err(told("make a connection", error)),
            }
        }
        Ok(Duration::ZERO)
    }

    fn begin_one(&mut self, port: u16) -> Result<(), Errno> {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let socket = socket_with(ends::family(self.wanted.target), SocketType::STREAM, flags, None)?;
        if self.wanted.warrant.proven().is_some() {
            ends::tie(&socket, self.wanted)?;
            bind(&socket, &Wanted { target: self.source, ..*self.wanted }.at(0)).map_err(unbound)?;
        }
        // Whoever is connected is let go at once, by a reset: no port of ours waits for a minute.
        set_socket_linger(&socket, Some(Duration::ZERO))?;
        match connect(&socket, &self.wanted.at(port)) {
            Ok(()) => self.hear(port, None),
            Err(Errno::INPROGRESS) => {
                let data = epoll::EventData::new_u64(port.into());
                epoll::add(&self.queue, &socket, data, epoll::EventFlags::OUT | epoll::EventFlags::ONESHOT)?;
                self.begun.push_back((Instant::now(), port));
                self.sockets.insert(port, socket);
            }
            // What comes at once this host says itself, and nobody else.
            Err(error @ (Errno::ADDRNOTAVAIL | Errno::NOBUFS | Errno::NOMEM)) => return Err(error),
            Err(error) if ends::has_no_way(error) => return Err(error),
            Err(error) => self.hear(port, Some(error)),
        }
        Ok(())
    }

    fn take(&mut self) -> Result<(), ScanError> {
        let mut events: Vec<epoll::Event> = Vec::with_capacity(BATCH * 4);
        let now = rustix::event::Timespec { tv_sec: 0, tv_nsec: 0 };
        match epoll::wait(&self.queue, spare_capacity(&mut events), Some(&now)) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(told("wait for connections", error)),
        }
        for event in &events {
            let Ok(port) = u16::try_from(event.data.u64()) else { continue };
            if let Some(socket) = self.sockets.remove(&port) {
                self.hear(port, socket_error(&socket).unwrap_or_else(Err).err());
            }
        }
        Ok(())
    }

    fn hear(&mut self, port: u16, error: Option<Errno>) {
        if let Some(saying) = saying(error) {
            self.sweep.hear(self.begin.elapsed(), Answer { port, saying }, UNTOLD);
        }
    }
}

/// An address that is not ours any more has no way out; that no port is free passes.
const fn unbound(error: Errno) -> Errno {
    match error {
        Errno::ADDRNOTAVAIL => Errno::NETUNREACH,
        Errno::ADDRINUSE => Errno::ADDRNOTAVAIL,
        error => error,
    }
}

/// What the end of an attempt says of a port (net/ipv4/icmp.c, `icmp_err_convert`; net/ipv6/icmp.c, `tab_unreach`): a port
/// unreachable is refused as by a reset.
const fn saying(error: Option<Errno>) -> Option<Saying> {
    match error {
        None => Some(Saying::Open),
        Some(Errno::CONNREFUSED) => Some(Saying::Closed),
        Some(
            Errno::HOSTUNREACH
            | Errno::NETUNREACH
            | Errno::NOPROTOOPT
            | Errno::ACCESS
            | Errno::PERM
            | Errno::PROTO,
        ) => Some(Saying::Unreachable),
        Some(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use std::{net::TcpListener, os::unix::net::UnixStream};

    use portreeve_core::outside::Seen;

    use super::*;
    use crate::scan::warrant::testing::own;

    #[test]
    fn connections_tell_who_listens() {
        let open = TcpListener::bind("127.0.0.1:0").unwrap();
        let closed = TcpListener::bind("127.0.0.1:0").unwrap();
        let ports = [&open, &closed].map(|listener| listener.local_addr().unwrap().port());
        drop(closed);
        let (stop, _other) = UnixStream::pair().unwrap();
        let target = [127, 0, 0, 1].into();
        let (warrant, stop) = (&own(target), stop.as_fd());
        let wanted = Wanted { target, interface: 0, warrant, ports: &ports, rate_max: 1_000, stop };
        let outcome = run(&wanted).unwrap();
        let seen = |port| outcome.glimpses.iter().find(|it| it.port == port).map(|it| it.seen);
        assert_eq!(ports.map(seen), [Some(Seen::Open), Some(Seen::Closed)]);
    }

    #[test]
    fn whoever_stops_it_is_heard_at_once() {
        let (stop, other) = UnixStream::pair().unwrap();
        drop(other);
        let every: Vec<u16> = (1..=u16::MAX).collect();
        let target = [127, 0, 0, 1].into();
        let (warrant, stop) = (&own(target), stop.as_fd());
        let wanted = Wanted { target, interface: 0, warrant, ports: &every, rate_max: 100, stop };
        let begin = Instant::now();
        let outcome = run(&wanted).unwrap();
        assert!(outcome.unasked > 65_000 && begin.elapsed() < Duration::from_secs(2));
    }
}
