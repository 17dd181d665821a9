//! Asks by the first packets of connections, and takes what answers them (raw(7), ipv6(7)).

use std::{
    net::{IpAddr, SocketAddr},
    os::fd::{AsFd, OwnedFd},
    time::{Duration, Instant},
};

use portreeve_core::outside::{
    self, BATCH, Ended, Ends, Key, Outcome, SYN_BYTES, Step, Sweep, behind_ipv4, of_icmp, of_tcp, syn,
};
use rustix::{
    io::{Errno, IoSlice},
    net::{
        MMsgHdr, Protocol, SendAncillaryBuffer, SendFlags, SocketAddrAny, SocketFlags, SocketType, bind,
        ipproto, sendmmsg, socket_with,
        sockopt::{
            set_socket_recv_buffer_size, set_socket_recv_buffer_size_force, set_socket_send_buffer_size,
        },
    },
};

use super::{
    ScanError, Wanted,
    ends::{self, Kept},
    wait::wait,
    warrant::Standing,
};
use crate::{
    chance::chance,
    sys::raw::{Header, Inbox, Only, keep_out},
};

/// A hundred thousand answers, as the kernel counts them.
const RECEIVE_BYTES: usize = 64 << 20;
const SEND_BYTES: usize = 4 << 20;
/// As often is an inbox emptied before packets are sent again, whoever floods it.
const TAKEN_MAX: usize = 32;
/// What the kernel keeps back for want of room is sent a moment later.
const NAP: Duration = Duration::from_millis(1);
/// To that port no packet of TCP is ever sent.
const NOBODYS: u16 = 0;
/// Destination unreachable (RFC 792, RFC 4443).
const UNREACHABLE: u8 = 3;
const UNREACHABLE_IPV6: u8 = 1;

/// The sockets of a scan.
#[derive(Debug)]
pub(super) struct Wire {
    /// It hears nothing: what it sends is tied to a way, and answers may come by another.
    sender: OwnedFd,
    segments: OwnedFd,
    errors: OwnedFd,
    header: Header,
}

/// Opens them for a target of this family.
pub(super) fn open(target: IpAddr) -> Result<Wire, ScanError> {
    let (header, errors) = match target {
        IpAddr::V4(_) => (Header::Ipv4, ipproto::ICMP),
        IpAddr::V6(_) => (Header::Nothing, ipproto::ICMPV6),
    };
    let socket = |protocol: Protocol| {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        socket_with(ends::family(target), SocketType::RAW, flags, Some(protocol)).map_err(|error| match error
        {
            Errno::PERM | Errno::ACCESS => ScanError::NotPermitted,
            error => ScanError::Call("open a raw socket", error.into()),
        })
    };
    Ok(Wire {
        sender: socket(ipproto::TCP)?,
        segments: socket(ipproto::TCP)?,
        errors: socket(errors)?,
        header,
    })
}

impl Wire {
    /// Has them hear what comes for these ends alone.
    fn tune(&self, wanted: &Wanted<'_>, ends: &Ends) -> Result<(), ScanError> {
        let kind = if ends.target.is_ipv4() { UNREACHABLE } else { UNREACHABLE_IPV6 };
        let tune = |error| ScanError::Call("set up a raw socket", error);
        keep_out(&self.segments, self.header, Only::Port(ends.source_port)).map_err(tune)?;
        keep_out(&self.errors, self.header, Only::Kind(kind)).map_err(tune)?;
        keep_out(&self.sender, self.header, Only::Port(NOBODYS)).map_err(tune)?;
        ends::tie(&self.sender, wanted).map_err(|error| ScanError::NoRoute(ends.target, error))?;
        let own = Wanted { target: ends.source, ..*wanted }.at(0);
        for socket in [&self.sender, &self.segments] {
            bind(socket, &own).map_err(|error| tune(error.into()))?;
        }
        for socket in [&self.segments, &self.errors] {
            // Without the right to more than the host allows, as much as it does.
            let _ = set_socket_recv_buffer_size_force(socket, RECEIVE_BYTES)
                .or_else(|_| set_socket_recv_buffer_size(socket, RECEIVE_BYTES));
        }
        let _ = set_socket_send_buffer_size(&self.sender, SEND_BYTES);
        Ok(())
    }
}

/// A scan that runs.
struct Run<'a> {
    wanted: &'a Wanted<'a>,
    wire: Wire,
    kept: Kept,
    key: Key,
    sweep: Sweep,
    inbox: Inbox,
    begin: Instant,
    /// How often the kernel counted a packet as thrown away that was sent again.
    interrupted: u32,
}

/// Runs it to its end.
pub(super) fn run(wanted: &Wanted<'_>) -> Result<Outcome, ScanError> {
    let wire = open(wanted.target)?;
    let kept = ends::keep(wanted)?;
    wire.tune(wanted, &kept.ends)?;
    let [one, two, three] = chance().map_err(ScanError::NoChance)?;
    let ask = outside::Wanted { ports: wanted.ports, rate_max: wanted.rate_max };
    // The order is no help to whoever would guess numbers.
    let sweep = Sweep::new(ask, &Key::new([three, one ^ two]));
    let (key, inbox, begin) = (Key::new([one, two]), Inbox::default(), Instant::now());
    Run { wanted, wire, kept, key, sweep, inbox, begin, interrupted: 0 }.finish()
}

impl Run<'_> {
    fn finish(mut self) -> Result<Outcome, ScanError> {
        let mut batch = Vec::with_capacity(BATCH);
        loop {
            let time = if self.wanted.warrant.is_unsure() && !self.sweep.is_over() {
                NAP
            } else {
                match self.sweep.step(self.begin.elapsed(), &mut batch) {
                    Step::Over => {
                        return Ok(Outcome { interrupted: self.interrupted, ..self.sweep.outcome() });
                    }
                    Step::Send => self.send(&batch)?,
                    Step::Wait(until) => until.saturating_sub(self.begin.elapsed()),
                }
            };
            let descriptors = [self.wire.segments.as_fd(), self.wire.errors.as_fd(), self.wanted.stop];
            let [segments, errors, stop] = wait(descriptors, time)?;
            if segments {
                self.take_segments()?;
            }
            if errors {
                self.take_errors()?;
            }
            if stop {
                self.sweep.stop();
            }
        }
    }

    /// Sends a packet to each port; how long to wait then.
    fn send(&mut self, batch: &[u16]) -> Result<Duration, ScanError> {
        let standing = self.wanted.warrant.standing();
        if standing != Standing::Ours {
            self.sweep.put_back(batch.len());
            standing.end(self.wanted.target, |ended| self.sweep.end(ended))?;
            return Ok(NAP);
        }
        let ends = self.kept.ends;
        let packets: Vec<[u8; SYN_BYTES]> =
            batch.iter().map(|port| syn(&ends, *port, self.key.sequence(ends.target, *port))).collect();
        let mut left = batch;
        while let Some((first, others)) = left.split_first() {
            let unsent = packets.get(batch.len() - left.len()..).unwrap_or_default();
            match self.transmit(unsent) {
                // What stopped the next one is told as soon as it is tried again (sendmmsg(2)).
                Ok(sent) if sent > 0 => {
                    left = left.get(sent..).unwrap_or_default();
                    self.interrupted += u32::from(!left.is_empty());
                }
                // The queue of an interface is full.
                Ok(_) | Err(Errno::NOBUFS | Errno::AGAIN | Errno::INTR) => {
                    self.interrupted += 1;
                    self.sweep.put_back(left.len());
                    self.sweep.slow_down(self.begin.elapsed());
                    return Ok(NAP);
                }
                // This host's own filter stops it.
                Err(Errno::PERM | Errno::ACCESS) => {
                    self.sweep.kept_in(*first, ends.source);
                    left = others;
                }
                Err(error) if ends::has_no_way(error) => {
                    self.sweep.put_back(left.len());
                    ends::end(self.sweep.end(Ended::Cut), error, self.wanted.target)?;
                    return Ok(NAP);
                }
                Err(error) => return Err(ScanError::Call("send raw packets", error.into())),
            }
        }
        Ok(Duration::ZERO)
    }

    fn transmit(&self, packets: &[[u8; SYN_BYTES]]) -> Result<usize, Errno> {
        // A raw socket has no port (raw(7)).
        let to: SocketAddrAny = SocketAddr::into(self.wanted.at(0));
        let slices: Vec<[IoSlice<'_>; 1]> = packets.iter().map(|packet| [IoSlice::new(packet)]).collect();
        let mut nothing: Vec<_> = packets.iter().map(|_| SendAncillaryBuffer::default()).collect();
        let mut messages: Vec<MMsgHdr<'_>> = slices
            .iter()
            .zip(&mut nothing)
            .map(|(slice, beside)| MMsgHdr::new_with_addr(&to, slice, beside))
            .collect();
        sendmmsg(&self.wire.sender, &mut messages, SendFlags::empty())
    }

    fn take_segments(&mut self) -> Result<(), ScanError> {
        let Self { wire, kept, key, sweep, inbox, begin, .. } = self;
        let (ends, header) = (kept.ends, wire.header);
        let read = |packet: &[u8]| of_tcp(behind(header, packet)?, &ends, key);
        take(&wire.segments, inbox, |packet, sender| {
            // Who answers in the name of the target is the target, as far as the key tells.
            if let Some(answer) = read(packet).filter(|_| sender == ends.target) {
                sweep.hear(begin.elapsed(), answer, sender);
            }
        })
    }

    fn take_errors(&mut self) -> Result<(), ScanError> {
        let Self { wire, kept, key, sweep, inbox, begin, .. } = self;
        let (ends, header) = (kept.ends, wire.header);
        let read = |packet: &[u8], sender| of_icmp(behind(header, packet)?, sender, &ends, key);
        take(&wire.errors, inbox, |packet, sender| {
            if let Some(answer) = read(packet, sender) {
                sweep.hear(begin.elapsed(), answer, sender);
            }
        })
    }
}

fn behind(header: Header, packet: &[u8]) -> Option<&[u8]> {
    match header {
        Header::Ipv4 => behind_ipv4(packet),
        Header::Nothing => Some(packet),
    }
}

fn take(socket: &OwnedFd, inbox: &mut Inbox, mut each: impl FnMut(&[u8], IpAddr)) -> Result<(), ScanError> {
    for _ in 0..TAKEN_MAX {
        let count =
            inbox.take(socket, &mut each).map_err(|error| ScanError::Call("receive raw packets", error))?;
        if !Inbox::is_full(count) {
            break;
        }
    }
    Ok(())
}
