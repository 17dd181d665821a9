//! One scan of ports of UDP, from the first datagram to the verdict of each port; it neither sends nor waits (A20).
//!
//! Who refuses says so as often as a rate allows. Linux tells each peer six times at once, and then once a second by IPv4
//! (icmp(7), `icmp_ratelimit`) and ten times by IPv6 (net/ipv6/icmp.c, `icmpv6.ratelimit`). So all ports are asked at once, and
//! then, while somebody refuses, those without an answer one by one at that rate.

use alloc::{
    collections::{BTreeMap, VecDeque},
    string::String,
    vec::Vec,
};
use core::{net::IpAddr, time::Duration};

use super::{
    Answer, Ended, Glimpse, Key, Outcome, Saying, Seen, Step, Wanted,
    first_words::{Ask, first_words, is_askable, is_from_elsewhere, may_move},
    order::shuffled,
    pace::together,
    phase::Phase,
    presence::Presence,
    spot::Spot,
    trip::Trip,
};
use crate::address::Family;

/// A service takes up datagrams one by one, from a queue that is short.
const RATE_MAX: u32 = 1_000;
const SECOND: Duration = Duration::from_secs(1);
/// A service may ask others before it answers.
const PATIENCE_MIN: Duration = Duration::from_millis(500);
/// As often is asked where nobody answers at all, and where somebody does.
const ROUNDS_SILENT: u8 = 2;
const ROUNDS_HEARD: u8 = 3;
/// As often where somebody still refuses.
const ROUNDS_MAX: u8 = 6;

/// The time between two datagrams of which each may be refused.
fn interval(family: Family) -> Duration {
    match family {
        Family::Ipv4 => SECOND,
        Family::Ipv6 => SECOND / 10,
    }
}

/// How long it takes to ask so many ports where each refuses: nobody can be quicker at a host that runs Linux.
#[must_use]
pub fn long(ports: usize, rate_max: u32, family: Family) -> Duration {
    let ports = u32::try_from(ports).unwrap_or(u32::MAX);
    let all_at_once = SECOND.saturating_mul(ports) / rate_max.clamp(1, RATE_MAX);
    interval(family).saturating_mul(ports).saturating_add(all_at_once).saturating_add(SECOND)
}

/// A scan that is under way.
#[derive(Debug)]
pub struct Datagrams {
    target: IpAddr,
    key: Key,
    services: BTreeMap<u16, String>,
    /// Those that can be asked.
    spots: BTreeMap<u16, Spot>,
    /// Those of which nothing can be asked without a trace.
    spared: Vec<u16>,
    order: Vec<u16>,
    queue: VecDeque<u16>,
    phase: Phase,
    round: u8,
    rate_max: u32,
    /// Where somebody refuses, the time between two datagrams.
    slow: Option<Duration>,
    next_at: Duration,
    trip: Trip,
    sent: u64,
    stopped: u32,
    round_sent: u32,
    /// Of this round, how many refused; and of all, whether anybody answered.
    refused: u32,
    is_heard: bool,
    presence: Presence,
}

impl Datagrams {
    /// One that has not begun, of the services that are declared by these names; `key` decides the order and names datagrams.
    #[must_use]
    pub fn new(wanted: Wanted<'_>, target: IpAddr, services: BTreeMap<u16, String>, key: Key) -> Self {
        let is_askable = |port: &u16| is_askable(*port, services.get(port).map(String::as_str));
        let (order, spared): (Vec<u16>, Vec<u16>) =
            shuffled(wanted.ports, &key).into_iter().partition(is_askable);
        Self {
            target,
            key,
            spots: order.iter().map(|port| (*port, Spot::default())).collect(),
            spared,
            queue: order.iter().copied().collect(),
            order,
            services,
            phase: Phase::Asking,
            round: 1,
            rate_max: wanted.rate_max.clamp(1, RATE_MAX),
            slow: None,
            next_at: Duration::ZERO,
            trip: Trip::default(),
            sent: 0,
            stopped: 0,
            round_sent: 0,
            refused: 0,
            is_heard: false,
            presence: Presence::default(),
        }
    }

    /// What is said to `port`.
    #[must_use]
    pub fn words(&self, port: u16) -> Vec<u8> {
        let ask = Ask { number: self.key.number(self.target, port), target: self.target };
        first_words(port, self.service(port), &ask).unwrap_or_default()
    }

    fn service(&self, port: u16) -> Option<&str> {
        self.services.get(&port).map(String::as_str)
    }

    /// What to do at `now`, counted from the begin; the ports to ask are put into `batch`.
    pub fn step(&mut self, now: Duration, batch: &mut Vec<u16>) -> Step {
        batch.clear();
        loop {
            match self.phase {
                Phase::Over(_) => return Step::Over,
                Phase::Asking if self.next_at > now && !self.queue.is_empty() => {
                    return Step::Wait(self.next_at);
                }
                Phase::Asking if self.presence.is_gone() => self.phase = Phase::Over(Ended::Vanished),
                Phase::Asking => {
                    self.ask(now, batch);
                    if !batch.is_empty() {
                        return Step::Send;
                    }
                    self.phase = Phase::Waiting(now + self.trip.wait().max(PATIENCE_MIN));
                }
                Phase::Waiting(until) if now < until && self.unanswered().next().is_some() => {
                    return Step::Wait(until);
                }
                Phase::Waiting(_) => self.turn(now),
            }
        }
    }

    /// The next ones; whoever answered in the meantime is not asked again.
    fn ask(&mut self, now: Duration, batch: &mut Vec<u16>) {
        let most = if self.slow.is_some() { 1 } else { together(self.rate_max) };
        let doubted = self.slow.and(self.presence.doubted());
        // Only an empty queue ends the round.
        batch.extend(doubted.filter(|_| !self.queue.is_empty()));
        while batch.len() < most {
            let Some(port) = self.queue.pop_front() else { break };
            let Some(spot) = self.spots.get_mut(&port).filter(|spot| spot.seen.is_none()) else { continue };
            spot.ask(now, 0);
            batch.push(port);
        }
        let count = u32::try_from(batch.len()).unwrap_or(0);
        self.round_sent = self.round_sent.saturating_add(count);
        self.sent = self.sent.saturating_add(count.into());
        self.next_at = now + self.slow.unwrap_or(SECOND / self.rate_max) * count;
        if self.slow.is_some() && count > 0 {
            self.presence.ask();
        }
    }

    /// These did not leave: they do later.
    pub fn put_back(&mut self, ports: &[u16]) {
        for port in ports.iter().rev() {
            // Whoever was asked as he had answered before is not asked for himself.
            if let Some(spot) = self.spots.get_mut(port).filter(|spot| spot.seen.is_none()) {
                spot.tries = spot.tries.saturating_sub(1);
                self.queue.push_front(*port);
            }
            self.unsend();
        }
    }

    fn unsend(&mut self) {
        self.sent = self.sent.saturating_sub(1);
        self.round_sent = self.round_sent.saturating_sub(1);
        if self.slow.is_some() {
            self.presence.put_back();
        }
    }

    /// The target said something, from its port `from`.
    pub fn hear(&mut self, now: Duration, from: u16, words: &[u8]) {
        let moved = || self.unanswered().find(|port| may_move(*port, self.service(*port)));
        let port = if is_from_elsewhere(words) { moved() } else { None };
        self.told(now, Answer { port: port.unwrap_or(from), saying: Saying::Open }, self.target);
    }

    /// Somebody says that a datagram did not get there.
    pub fn told(&mut self, now: Duration, answer: Answer, sender: IpAddr) {
        let Some(spot) = self.spots.get_mut(&answer.port) else { return };
        if sender == self.target && spot.tries > 0 {
            self.presence.hear(answer.port);
        }
        let Some(trip) = spot.hear(now, answer.saying, sender) else { return };
        self.is_heard = true;
        self.refused = self.refused.saturating_add(u32::from(answer.saying != Saying::Open));
        if let Some(trip) = trip {
            self.trip.took(trip);
        }
    }

    /// The filter of whoever asks, at `own`, stopped the datagram to `port`: that is nobody's refusal, which keeps to a rate, and it
    /// is not tried again.
    pub fn kept_in(&mut self, port: u16, own: IpAddr) {
        let Some(spot) = self.spots.get_mut(&port) else { return };
        spot.keep_in(own);
        self.stopped = self.stopped.saturating_add(1);
        self.unsend();
    }

    /// Whether there is nothing left to do.
    #[must_use]
    pub const fn is_over(&self) -> bool {
        matches!(self.phase, Phase::Over(_))
    }

    fn unanswered(&self) -> impl Iterator<Item = u16> {
        let is_open = |spot: &Spot| spot.seen.is_none() && !spot.is_kept_in();
        self.order.iter().copied().filter(move |port| self.spots.get(port).is_some_and(is_open))
    }

    /// The next round, where one may tell more.
    fn turn(&mut self, now: Duration) {
        let rounds = match (self.refused > 0, self.is_heard) {
            (true, _) => ROUNDS_MAX,
            (false, true) => ROUNDS_HEARD,
            (false, false) => ROUNDS_SILENT,
        };
        self.queue = self.unanswered().collect();
        if self.queue.is_empty() || self.round >= rounds {
            self.phase = Phase::Over(Ended::Whole);
            return;
        }
        self.slow = self.slower();
        self.next_at = now + self.slow.unwrap_or_default();
        (self.round, self.round_sent, self.refused) = (self.round + 1, 0, 0);
        self.phase = Phase::Asking;
    }

    /// As slow as whoever refuses says so; where at this rate fewer than half did, he may be slower still.
    fn slower(&self) -> Option<Duration> {
        if self.refused == 0 {
            return None;
        }
        let is_too_fast = self.refused < self.round_sent / 2;
        let slow = self.slow.map(|slow| if is_too_fast { slow * 2 } else { slow });
        Some(slow.unwrap_or_else(|| interval(Family::of(self.target))).min(SECOND))
    }

    /// Ends it with what is known, as somebody wants it.
    pub fn stop(&mut self) {
        self.phase.end(Ended::Stopped);
    }

    /// The same as no datagram may leave any more, or can; false where none did before, so that nothing is known.
    pub fn end(&mut self, ended: Ended) -> bool {
        self.phase.end(ended);
        self.sent > 0
    }

    /// What was seen. A port of which nothing can be asked is silent, as nobody ever hears from there.
    #[must_use]
    pub fn outcome(self) -> Outcome {
        let asked = self.spots.iter().filter(|(_, spot)| spot.tries > 0);
        let kept_in = asked.clone().filter(|(_, spot)| spot.is_kept_in()).count();
        let asked: Vec<_> = asked.map(|(port, spot)| spot.glimpse(*port)).collect();
        let unasked = self.spots.len().saturating_sub(asked.len());
        let silent = |port: &u16| Glimpse { port: *port, seen: Seen::Silent, by: None, trip: None };
        let mut glimpses: Vec<_> = self.spared.iter().map(silent).chain(asked).collect();
        glimpses.sort_unstable_by_key(|glimpse| glimpse.port);
        Outcome {
            glimpses,
            rounds: self.round,
            sent: self.sent,
            // Whether a datagram or the refusal of it got lost, or none was due, nobody can tell.
            lost: (0, 0),
            slowed: 0,
            unheard: 0,
            opens_everything: false,
            unasked,
            stopped: self.stopped,
            kept_in: u32::try_from(kept_in).unwrap_or(u32::MAX),
            // Whoever sends knows.
            interrupted: 0,
            ended: self.phase.ended(),
        }
    }
}

#[cfg(test)]
mod tests;
