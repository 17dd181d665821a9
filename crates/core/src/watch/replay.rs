//! What the packets of a capture meant when they were sent: the same events of which the kernel would have told (A14, A19).
//!
//! The kernel knows why it lets a packet go. A capture shows what the host did instead: a packet to which it sends nothing, or
//! nothing but a refusal, reached nobody. So what may be a touch waits a moment for an answer, and whatever comes meanwhile waits
//! behind it: events leave in the order in which they happened.

use alloc::collections::VecDeque;
use core::net::{IpAddr, Ipv4Addr};

use jiff::{SignedDuration, Timestamp};

use super::{
    Event, Happening, Key, Known, Touch,
    buckets::Buckets,
    digest,
    evidence::{ACK, RST, SYN},
    ticks,
};
use crate::port::Protocol;

/// Whoever listens has answered by then: the kernel does so by itself.
const PATIENCE: SignedDuration = SignedDuration::from_secs(1);
/// What waits for that at once; what came first is decided sooner where there is more.
const WAITING_MAX: usize = 1 << 16;
/// Of each eight connections: those that were heard of longest ago are forgotten.
const BUCKETS: usize = 1 << 14;

/// A packet of TCP or UDP that a capture holds, whoever sent it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet {
    /// When.
    pub at: Timestamp,
    /// From whom to whom: a touch where it reached nobody.
    pub touch: Touch,
    /// Of TCP the number of its first byte.
    pub sequence: u32,
    /// Of TCP the number that it expects next.
    pub acknowledged: u32,
}

/// Which way a packet went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// To this host.
    In,
    /// From it.
    Out,
    /// Neither, or both.
    Past,
}

/// What the host did in a connection.
#[derive(Clone, Copy, Debug, Default)]
struct Flow {
    /// It sent something that is no refusal.
    is_answered: bool,
    /// Whoever acknowledges this number got its SYN with ACK.
    awaited: Option<u32>,
}

/// What has happened, unless it was answered.
#[derive(Clone, Copy, Debug)]
struct Waiting {
    flow: u64,
    event: Event<'static>,
}

/// The connections of a capture, as far as they are needed. It does not grow beyond 10 MiB.
#[derive(Debug)]
pub struct Replay {
    key: Key,
    began: Timestamp,
    flows: Buckets<Flow>,
    waiting: VecDeque<Waiting>,
}

impl Replay {
    /// Of a capture that begins so.
    #[must_use]
    pub fn new(key: Key, began: Timestamp) -> Self {
        Self { key, began, flows: Buckets::new(BUCKETS), waiting: VecDeque::new() }
    }

    /// Takes the next packet, and gives `each` what is decided by now.
    pub fn step(&mut self, known: &Known, packet: &Packet, mut each: impl FnMut(&Event<'static>)) -> Way {
        self.decide(packet.at.saturating_sub(PATIENCE).unwrap_or(Timestamp::MIN), &mut each);
        let way = match (known.is_own(packet.touch.from), known.is_own(packet.touch.to)) {
            (false, true) => Way::In,
            (true, false) => Way::Out,
            _ => Way::Past,
        };
        match way {
            Way::In => self.arrives(known, packet, &mut each),
            Way::Out => self.leaves(known, packet),
            Way::Past => {}
        }
        way
    }

    /// Gives `each` what is left: nothing follows.
    pub fn finish(&mut self, mut each: impl FnMut(&Event<'static>)) {
        while !self.waiting.is_empty() {
            self.decide_first(&mut each);
        }
    }

    fn decide(&mut self, before: Timestamp, each: &mut impl FnMut(&Event<'static>)) {
        while self.waiting.front().is_some_and(|waiting| waiting.event.at < before) {
            self.decide_first(each);
        }
    }

    fn decide_first(&mut self, each: &mut impl FnMut(&Event<'static>)) {
        let Some(Waiting { flow, event }) = self.waiting.pop_front() else { return };
        if !matches!(event.what, Happening::Touch(_)) || !self.is_answered(flow) {
            each(&event);
        }
    }

    fn is_answered(&self, flow: u64) -> bool {
        self.flows.get(flow).is_some_and(|(_, flow)| flow.is_answered)
    }

    fn arrives(&mut self, known: &Known, packet: &Packet, each: &mut impl FnMut(&Event<'static>)) {
        let touch = packet.touch;
        if !could_send(touch.from) {
            return;
        }
        let flow = self.flow(&touch, [(touch.from, touch.from_port), (touch.to, touch.port)]);
        let what = if self.finishes_handshake(flow, packet) {
            Happening::Handshake { from: touch.from }
        } else if known.innocence(&touch).is_none() && !self.is_answered(flow) {
            Happening::Touch(touch)
        } else {
            return;
        };
        if self.waiting.len() >= WAITING_MAX {
            self.decide_first(each);
        }
        self.waiting.push_back(Waiting { flow, event: Event { at: packet.at, what } });
    }

    /// Whether it acknowledges the number that only whoever got this host's SYN with ACK knows. It is a proof once.
    fn finishes_handshake(&mut self, flow: u64, packet: &Packet) -> bool {
        let is_acknowledgement = packet.touch.protocol == Protocol::Tcp
            && packet.touch.flags & (SYN | RST | ACK) == ACK
            && self.flows.get(flow).is_some_and(|(_, flow)| flow.awaited == Some(packet.acknowledged));
        if is_acknowledgement {
            self.flows.entry(flow, ticks(self.began, packet.at)).awaited = None;
        }
        is_acknowledgement
    }

    /// Of a port that is no evidence only handshakes need to be known.
    fn leaves(&mut self, known: &Known, packet: &Packet) {
        let touch = packet.touch;
        let is_tcp = touch.protocol == Protocol::Tcp;
        let welcomes = is_tcp && touch.flags & (SYN | RST | ACK) == SYN | ACK;
        let refuses = is_tcp && touch.flags & RST != 0;
        if refuses || (!welcomes && known.has(touch.protocol, touch.from_port)) {
            return;
        }
        let flow = self.flow(&touch, [(touch.to, touch.port), (touch.from, touch.from_port)]);
        let flow = self.flows.entry(flow, ticks(self.began, packet.at));
        flow.is_answered = true;
        if welcomes {
            flow.awaited = Some(packet.sequence.wrapping_add(1));
        }
    }

    /// The stranger's end of it first, whoever sent the packet.
    fn flow(&self, touch: &Touch, ends: [(IpAddr, u16); 2]) -> u64 {
        let ends = ends.map(|(address, port)| (address.to_canonical(), port));
        digest(self.key, &(touch.protocol, ends))
    }
}

/// Whether a packet may come from there: of no other address the kernel lets one in.
const fn could_send(from: IpAddr) -> bool {
    let is_nobodys = from.is_unspecified() || from.is_multicast();
    !is_nobodys && !matches!(from, IpAddr::V4(Ipv4Addr::BROADCAST))
}

#[cfg(test)]
mod tests;
