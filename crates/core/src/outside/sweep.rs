//! One scan, from the first packet to the verdict of each port; it neither sends nor waits (A20).

use alloc::{vec, vec::Vec};
use core::{net::IpAddr, time::Duration};

use super::{Answer, Key, Saying, Seen, order::shuffled, pace::Pace, phase::Phase, spot::Spot, trip::Trip};

/// As often is asked where nobody answers at all.
const ROUNDS_SILENT: u8 = 2;
/// As often where somebody does: then silence is loss, or a filter.
const ROUNDS_MAX: u8 = 5;
/// So many answers in a round are no chance.
const AGAIN_MIN: u32 = 4;
/// One in so many packets that are lost is too much, and of as many ports that answer the last round tells whether it was.
const LOST_PART_MAX: u64 = 4;
const MANY: u64 = 200;
/// Whoever answers slowly is asked as slowly, but no round takes longer.
const ROUND_SECONDS_MAX: u128 = 30;
/// As often is an open port asked whether it still is.
const CONFIRMATIONS_MAX: u8 = 3;
/// What a scan takes beside its packets, at most: the waits of five rounds, and of asking open ports again.
const WAITS_MAX: Duration = Duration::from_secs(4);
/// Where as many ports in a row are open, whichever chance named, all are.
const EVERYTHING: usize = 64;
/// Who answered at least half of the time, and not for as long and as many, has gone.
const GONE_AFTER: Duration = Duration::from_secs(2);
const GONE_COUNT: u32 = 512;
/// The same once all were asked: that chance puts as many who are silent at the end of the row is out of the question.
const GONE_AT_LAST_COUNT: u32 = 64;

/// What is to be asked.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// The ports; one that comes twice is asked once.
    pub ports: &'a [u16],
    /// Packets a second, at most.
    pub rate_max: u32,
}

/// What to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Send a packet to each port of the batch.
    Send,
    /// Listen until then, counted from the begin.
    Wait(Duration),
    /// There is nothing left to do.
    Over,
}

/// Why it is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// Every port was asked as often as it takes.
    Whole,
    /// Whoever was asked answered at first, and then no more.
    Vanished,
    /// This host lost its way to whoever was asked: the route, the interface or its own address.
    Cut,
    /// The consent that it rested on was over, or was not confirmed any more.
    Expired,
    /// Somebody stopped it.
    Stopped,
}

/// What was seen of one port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Glimpse {
    /// The port.
    pub port: u16,
    /// What it looked like.
    pub seen: Seen,
    /// Who says that packets do not get there, where somebody does.
    pub by: Option<IpAddr>,
    /// How long the answer took; not told where it is unclear which packet it answers.
    pub trip: Option<Duration>,
}

/// What a scan has seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Each port that was asked, in order.
    pub glimpses: Vec<Glimpse>,
    /// How often unanswered ports were asked.
    pub rounds: u8,
    /// All packets.
    pub sent: u64,
    /// Packets to ports that answered, and how many of these were lost, there or on the way back.
    pub lost: (u64, u64),
    /// How often it became slower as answers got lost.
    pub slowed: u32,
    /// About how many of the silent ports would have answered if they were asked on and on: in the last round some still did, or much is
    /// lost.
    pub unheard: u32,
    /// Whether every port that chance names is open: a SYN proxy or a tarpit.
    pub opens_everything: bool,
    /// Ports that nobody was asked about.
    pub unasked: usize,
    /// How many packets this host's own filter stopped.
    pub stopped: u32,
    /// How many ports look filtered for that alone.
    pub kept_in: u32,
    /// How often the kernel sent nothing, as it told of an earlier refusal instead or had no room, and counted that as a packet that it
    /// threw away; each was sent again.
    pub interrupted: u32,
    /// Why it is over.
    pub ended: Ended,
}

/// A scan that is under way.
#[derive(Debug)]
pub struct Sweep {
    ports: Vec<u16>,
    spots: Vec<Spot>,
    queue: Vec<u16>,
    /// Of the queue, so many were asked, and so many have no answer.
    at: usize,
    unanswered: usize,
    phase: Phase,
    round: u8,
    round_at: Duration,
    yields: Yields,
    confirming: u8,
    pace: Pace,
    trip: Trip,
    sent: u64,
    stopped: u32,
    heard: Heard,
}

/// When somebody answered, and how many do.
#[derive(Clone, Copy, Debug, Default)]
struct Heard {
    answers: u32,
    last_at: Duration,
    asked_by_then: u32,
    asked: u32,
    /// Whether whoever answered seemed to have gone, once all were asked, and nobody answered since.
    seems_gone: bool,
}

/// How many ports were found open or closed, in all, in the round before and in this one: who says by ICMP that packets are
/// stopped says so as often as a rate allows.
#[derive(Clone, Copy, Debug, Default)]
struct Yields {
    all: u32,
    before: u32,
    now: u32,
}

impl Yields {
    fn count(&mut self) {
        self.all = self.all.saturating_add(1);
        self.now = self.now.saturating_add(1);
    }

    /// Whether more of them than chance loses were asked before in vain.
    const fn are_late(self) -> bool {
        self.now >= AGAIN_MIN && self.now > self.all / 4
    }

    /// Where each round brings a part of what the one before did, those that never came would bring as large a part of the last one.
    /// Fewer than one in a thousand of all is what a bad link loses, and nothing to doubt the others for.
    fn next(self) -> u32 {
        let next = u64::from(self.now) * u64::from(self.now) / u64::from(self.before.max(1));
        let is_much = self.now > 1 && next.saturating_mul(1_000) > self.all.into();
        if is_much { u32::try_from(next).unwrap_or(u32::MAX) } else { 0 }
    }
}

/// Whether one of few ports may answer and was never heard: where a part of what was sent to those that answer was lost, each of them
/// is missed in spite of all rounds as often as one in a thousand. Of many, some would be heard in the last round.
fn hides_one((sent, lost): (u64, u64)) -> bool {
    lost * LOST_PART_MAX > sent && sent - lost < MANY
}

impl Sweep {
    /// One that has not begun; `key` decides the order.
    #[must_use]
    pub fn new(wanted: Wanted<'_>, key: &Key) -> Self {
        let ports = shuffled(wanted.ports, key);
        Self {
            queue: ports.clone(),
            unanswered: ports.len(),
            ports,
            spots: vec![Spot::default(); usize::from(u16::MAX) + 1],
            at: 0,
            phase: Phase::Asking,
            round: 1,
            round_at: Duration::ZERO,
            yields: Yields::default(),
            confirming: 0,
            pace: Pace::new(wanted.rate_max),
            trip: Trip::default(),
            sent: 0,
            stopped: 0,
            heard: Heard::default(),
        }
    }

    /// About how long it takes to ask so many ports, where each answers at once and where most never do; longer where answers get
    /// lost, as it is slower then.
    #[must_use]
    pub fn lengths(ports: usize, rate_max: u32) -> [Duration; 2] {
        let ports = u32::try_from(ports).unwrap_or(u32::MAX);
        let round = Duration::from_secs(1).saturating_mul(ports) / rate_max.max(1);
        [round + Duration::from_secs(1), round * u32::from(ROUNDS_MAX) + WAITS_MAX]
    }

    /// What to do at `now`, counted from the begin; the ports to ask are put into `batch`.
    pub fn step(&mut self, now: Duration, batch: &mut Vec<u16>) -> Step {
        batch.clear();
        loop {
            match self.phase {
                Phase::Over(_) => return Step::Over,
                Phase::Asking if self.at >= self.queue.len() => {
                    self.phase = Phase::Waiting(now + self.trip.wait());
                }
                Phase::Asking if self.is_gone(now) => self.phase = Phase::Over(Ended::Vanished),
                Phase::Asking => return self.ask(now, batch),
                Phase::Waiting(until) if now < until && self.unanswered > 0 => return Step::Wait(until),
                Phase::Waiting(_) => self.turn(now),
            }
        }
    }

    fn ask(&mut self, now: Duration, batch: &mut Vec<u16>) -> Step {
        self.pace.judge(now, self.trip.wait());
        let next = self.queue.iter().skip(self.at).take(self.pace.together());
        // They were asked in this order before: the last one is the one to wait for.
        let again_at = next.clone().next_back().map_or(now, |port| self.spot(*port).again_at());
        let at = self.pace.next_at().max(again_at);
        if at > now {
            return Step::Wait(at);
        }
        batch.extend(next);
        self.at += batch.len();
        let window = self.pace.send(now, batch.len());
        for port in batch.iter() {
            if let Some(spot) = self.spots.get_mut(usize::from(*port)) {
                spot.ask(now, window);
            }
        }
        let count = u32::try_from(batch.len()).unwrap_or(0);
        self.heard.asked = self.heard.asked.saturating_add(count);
        self.sent = self.sent.saturating_add(count.into());
        Step::Send
    }

    /// The last `count` of the batch did not leave: they do later.
    pub fn put_back(&mut self, count: usize) {
        let count = count.min(self.at);
        self.at -= count;
        self.sent = self.sent.saturating_sub(u64::try_from(count).unwrap_or(0));
        self.heard.asked = self.heard.asked.saturating_sub(u32::try_from(count).unwrap_or(0));
        for port in self.queue.iter().skip(self.at).take(count) {
            if let Some(spot) = self.spots.get_mut(usize::from(*port)) {
                spot.tries = spot.tries.saturating_sub(1);
            }
        }
    }

    /// This host's own filter stopped the packet to `port`, which would have come from `own`: that is nobody's answer.
    pub fn kept_in(&mut self, port: u16, own: IpAddr) {
        let Some(spot) = self.spots.get_mut(usize::from(port)) else { return };
        spot.keep_in(own);
        if spot.is_kept_in() {
            self.unanswered = self.unanswered.saturating_sub(1);
        }
        self.stopped = self.stopped.saturating_add(1);
        self.sent = self.sent.saturating_sub(1);
        self.heard.asked = self.heard.asked.saturating_sub(1);
    }

    /// This host cannot send as fast.
    pub fn slow_down(&mut self, now: Duration) {
        self.pace.halve(now);
    }

    /// Somebody answered at `now`, by a packet of `sender`.
    pub fn hear(&mut self, now: Duration, answer: Answer, sender: IpAddr) {
        let Some(spot) = self.spots.get_mut(usize::from(answer.port)) else { return };
        let is_first = spot.seen.is_none();
        if self.confirming > 0 && answer.saying != Saying::Unreachable && spot.confirm(answer.saying) {
            self.unanswered = self.unanswered.saturating_sub(1);
            self.heard.seems_gone = false;
            return;
        }
        let Some(trip) = spot.hear(now, answer.saying, sender) else { return };
        if is_first && answer.saying != Saying::Unreachable {
            self.yields.count();
        }
        if is_first && self.confirming == 0 {
            self.unanswered = self.unanswered.saturating_sub(1);
        }
        self.pace.answered(spot.window);
        if let Some(trip) = trip {
            self.trip.took(trip);
        }
        let Heard { answers, asked, .. } = self.heard;
        let answers = answers.saturating_add(1);
        self.heard = Heard { answers, last_at: now, asked_by_then: asked, asked, seems_gone: false };
    }

    /// Whether nobody answers any more who did.
    fn is_gone(&self, now: Duration) -> bool {
        self.round == 1
            && self.falls_silent(GONE_COUNT)
            && now.saturating_sub(self.heard.last_at) >= GONE_AFTER
    }

    /// Whether as many answered, at least half of those who were asked, and then as many did not.
    fn falls_silent(&self, count: u32) -> bool {
        let Heard { answers, asked_by_then, asked, .. } = self.heard;
        answers >= asked_by_then / 2 && answers >= count && asked.saturating_sub(asked_by_then) >= count
    }

    /// The next round, or whether those that are open still are.
    fn turn(&mut self, now: Duration) {
        if self.confirming == 0 {
            self.heard.seems_gone |= self.round == 1 && self.falls_silent(GONE_AT_LAST_COUNT);
            // The own filter may have stopped it for want of room alone: it is tried once more.
            let is_tried = self.round > 1;
            let left = self.those(|spot| spot.seen.is_none() && !(is_tried && spot.is_kept_in()));
            self.learn(now, left.len());
            let rounds = if self.heard.answers > 0 { ROUNDS_MAX } else { ROUNDS_SILENT };
            if !left.is_empty() && self.round < rounds {
                self.round += 1;
                self.yields = Yields { before: self.yields.now, now: 0, ..self.yields };
                return self.begin(now, left);
            }
        }
        let open = self.those(|spot| spot.seen == Some(Seen::Open) && !spot.is_confirmed);
        if open.is_empty() || self.confirming >= CONFIRMATIONS_MAX || self.opens_everything() {
            // Nor did anybody answer who was asked again.
            self.phase = Phase::Over(if self.heard.seems_gone { Ended::Vanished } else { Ended::Whole });
            return;
        }
        self.confirming += 1;
        self.begin(now, open);
    }

    /// Who answers only when asked again keeps answers back, or loses them: those that are left are asked as fast as he answers.
    fn learn(&mut self, now: Duration, left: usize) {
        if self.round > 1 && self.yields.are_late() {
            let milliseconds = now.saturating_sub(self.round_at).as_millis().max(1);
            let rate = u128::from(self.yields.now) * 1_000 / milliseconds;
            let rate = rate.max(left as u128 / ROUND_SECONDS_MAX);
            self.pace.keep_to(now, u32::try_from(rate).unwrap_or(u32::MAX));
        }
    }

    fn begin(&mut self, now: Duration, queue: Vec<u16>) {
        self.unanswered = queue.len();
        self.queue = queue;
        self.at = 0;
        self.round_at = now;
        self.pace.begin();
        self.phase = Phase::Asking;
    }

    fn those(&self, are: impl Fn(&Spot) -> bool) -> Vec<u16> {
        self.ports.iter().copied().filter(|port| are(&self.spot(*port))).collect()
    }

    fn spot(&self, port: u16) -> Spot {
        self.spots.get(usize::from(port)).copied().unwrap_or_default()
    }

    fn opens_everything(&self) -> bool {
        let first = self.ports.get(..EVERYTHING);
        first.is_some_and(|ports| ports.iter().all(|port| self.spot(*port).seen == Some(Seen::Open)))
    }

    /// Whether there is nothing left to do.
    #[must_use]
    pub const fn is_over(&self) -> bool {
        matches!(self.phase, Phase::Over(_))
    }

    /// Ends it with what is known, as somebody wants it.
    pub fn stop(&mut self) {
        self.phase.end(Ended::Stopped);
    }

    /// The same as no packet may leave any more, or can; false where none did before, so that nothing is known.
    pub fn end(&mut self, ended: Ended) -> bool {
        self.phase.end(ended);
        self.sent > 0
    }

    /// What was seen.
    #[must_use]
    pub fn outcome(self) -> Outcome {
        let mut asked: Vec<_> = self
            .ports
            .iter()
            .map(|port| (*port, self.spot(*port)))
            .filter(|(_, spot)| spot.tries > 0)
            .collect();
        asked.sort_unstable_by_key(|(port, _)| *port);
        // Who says by ICMP that packets are stopped says so as often as a rate allows.
        let answered = asked.iter().filter(|(_, spot)| matches!(spot.seen, Some(Seen::Open | Seen::Closed)));
        let lost = answered.fold((0, 0), |(sent, lost), (_, spot)| {
            let tries = u64::from(spot.answered_try.max(1));
            (sent + tries, lost + tries - 1)
        });
        let kept_in = asked.iter().filter(|(_, spot)| spot.is_kept_in()).count();
        Outcome {
            stopped: self.stopped,
            kept_in: u32::try_from(kept_in).unwrap_or(u32::MAX),
            glimpses: asked.iter().map(|(port, spot)| spot.glimpse(*port)).collect(),
            rounds: self.round,
            sent: self.sent,
            lost,
            slowed: self.pace.slowed(),
            unheard: if self.round < ROUNDS_MAX { 0 } else { self.yields.next().max(hides_one(lost).into()) },
            opens_everything: self.opens_everything(),
            unasked: self.ports.len().saturating_sub(asked.len()),
            interrupted: 0,
            ended: self.phase.ended(),
        }
    }
}

#[cfg(test)]
mod tests;
