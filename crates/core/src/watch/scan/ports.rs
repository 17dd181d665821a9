//! How many sources touched each port of nobody's first, lately and on each of the last days (A19).

use alloc::{boxed::Box, vec, vec::Vec};

use jiff::Timestamp;

use super::{
    days::{DAYS, Days},
    place::{PLACES, Place},
    usual::{PortDays, Usual},
};
use crate::watch::{
    TICKS_EACH_SECOND,
    group::{Last, MANY, SECONDS},
};

/// The time of a group in so many parts: what came in the oldest of them is over when the next one begins.
const PARTS: usize = 5;
const PART_TICKS: u32 = SECONDS * TICKS_EACH_SECOND / 5;
/// So many times as many as are usual are a group.
const TIMES_USUAL: u64 = 10;
/// For a day after somebody listened there, whoever asked him comes again: names and peers are remembered for as long.
const LEFT_SECONDS: u32 = 24 * 60 * 60;

/// All ports, 36 bytes of each: 4.5 MiB, of which what is never written takes nothing. It does not grow.
#[derive(Debug)]
pub(super) struct Ports {
    /// First touches in each part of the time.
    lately: Box<[[u16; PARTS]]>,
    /// And since this day began.
    today: Box<[u32]>,
    /// And on each of the last days, the newest first: more are as many as that.
    before: Box<[[u16; DAYS]]>,
    /// When each was one of a group last.
    told: Box<[u32]>,
    /// When somebody listened there last.
    served: Box<[u32]>,
    /// A bit for each port that was touched within the time of a group.
    touched: Box<[u64]>,
    /// Which part of the time it is.
    part: u32,
    days: Days,
}

impl Ports {
    pub(super) fn new(began: Timestamp) -> Self {
        let zeros = || vec![0; PLACES].into();
        Self {
            lately: vec![[0; PARTS]; PLACES].into(),
            today: zeros(),
            before: vec![[0; DAYS]; PLACES].into(),
            told: zeros(),
            served: zeros(),
            touched: vec![0; PLACES / WORD].into(),
            part: 0,
            days: Days::since(began),
        }
    }

    /// `more` sources touched a port first at `tick`; below 0 as many fewer than were said to have.
    pub(super) fn add(&mut self, place: Place, more: i32, tick: u32) {
        self.turn(tick);
        let (part, place) = (nth(self.part), place.number());
        let parts = &mut self.lately[place];
        self.today[place] = self.today[place].saturating_add_signed(more);
        if more < 0 {
            take(parts, part, more.unsigned_abs());
            return;
        }
        parts[part] = parts[part].saturating_add(u16::try_from(more).unwrap_or(u16::MAX));
        self.touched[place / WORD] |= 1 << (place % WORD);
    }

    /// Somebody listens there at `tick`.
    pub(super) fn serves(&mut self, place: Place, tick: u32) {
        let mut served = Last::default();
        served.set(tick);
        self.served[place.number()] = served.0;
    }

    /// Whether somebody listened there of late, so that whoever comes may mean him.
    pub(super) fn was_served(&self, place: Place, tick: u32) -> bool {
        Last(self.served[place.number()]).is_within(tick, LEFT_SECONDS)
    }

    /// How many sources touched it within the time of a group.
    pub(super) fn lately(&self, place: Place) -> u32 {
        self.lately[place.number()].iter().copied().map(u32::from).sum()
    }

    /// From how many sources on within the time of a group they are one.
    pub(super) fn limit(&self, place: Place) -> usize {
        let usual = self.days.usual(&self.before[place.number()]);
        MANY.max(usize::try_from((usual * TIMES_USUAL).div_ceil(1_000)).unwrap_or(usize::MAX))
    }

    /// It is one of a group; whether that is news.
    pub(super) fn is_news(&mut self, place: Place, tick: u32) -> bool {
        let mut told = Last(self.told[place.number()]);
        let is_news = told.is_news(tick);
        self.told[place.number()] = told.0;
        is_news
    }

    /// Gives each that was touched within the time of a group to `each`.
    pub(super) fn for_each_touched(&mut self, mut each: impl FnMut(&mut Self, Place)) {
        for at in 0..self.touched.len() {
            for bit in bits(self.touched[at]) {
                each(self, Place::nth(at * WORD + bit));
            }
        }
    }

    /// When what is counted of `place` began, at the earliest.
    pub(super) fn since(&self, place: Place) -> u32 {
        let parts = self.lately[place.number()];
        let back = (0..PARTS).rev().find(|back| parts[(nth(self.part) + PARTS - back) % PARTS] != 0);
        let back = u32::try_from(back.unwrap_or(0)).unwrap_or(0);
        self.part.saturating_sub(back) * PART_TICKS
    }

    /// Somebody watches still, at `at`, which is `tick`.
    pub(super) fn watches(&mut self, at: Timestamp, tick: u32) {
        self.turn(tick);
        self.days.watches(at);
        for _ in 0..self.days.ended(at) {
            let all = self.today.iter_mut().zip(&mut self.before);
            // What is never written takes nothing.
            for (today, before) in all.filter(|(today, before)| **today != 0 || **before != [0; DAYS]) {
                before.rotate_right(1);
                before[0] = u16::try_from(core::mem::take(today)).unwrap_or(u16::MAX);
            }
        }
    }

    /// What is usual by now.
    pub(super) fn usual(&self) -> Usual {
        let of = |nth: usize| {
            let contact = Place::nth(nth).contact();
            let before = self.before[nth].map(u32::from);
            let mut days: Vec<_> = [self.today[nth]].into_iter().chain(before).collect();
            days.truncate(days.iter().rposition(|day| *day != 0).map_or(0, |last| last + 1));
            (!days.is_empty()).then_some(PortDays(contact.protocol, contact.port, days))
        };
        self.days.tell((0..PLACES).filter_map(of).collect())
    }

    /// Goes on after what was usual before, at `now`.
    pub(super) fn recall(&mut self, usual: &Usual, now: Timestamp) {
        self.days = Days::after(usual, now);
        for PortDays(protocol, number, days) in &usual.ports {
            let place = Place::of(*protocol, *number).number();
            self.today[place] = days.first().copied().unwrap_or(0);
            let before = days.iter().skip(1).map(|day| u16::try_from(*day).unwrap_or(u16::MAX));
            self.before[place].iter_mut().zip(before).for_each(|(own, day)| *own = day);
        }
    }

    /// What came longer ago than the time of a group counts no more.
    fn turn(&mut self, tick: u32) {
        let now = tick / PART_TICKS;
        let parts = usize::try_from(now.saturating_sub(self.part)).unwrap_or(PARTS).min(PARTS);
        if parts == 0 {
            return;
        }
        self.part = now;
        let over: [bool; PARTS] = core::array::from_fn(|part| (nth(now) + PARTS - part) % PARTS < parts);
        for at in 0..self.touched.len() {
            let own = bits(self.touched[at]);
            let quiet = own.filter(|bit| clear(&mut self.lately[at * WORD + bit], over));
            self.touched[at] &= !quiet.fold(0, |quiet, bit| quiet | 1 << bit);
        }
    }
}

/// Bits of a word.
const WORD: usize = 64;

/// Those that are set.
fn bits(mut word: u64) -> impl Iterator<Item = usize> {
    core::iter::from_fn(move || {
        let bit = usize::try_from(word.trailing_zeros()).ok().filter(|bit| *bit < WORD)?;
        word &= word - 1;
        Some(bit)
    })
}

/// Where a part of the time is counted.
fn nth(part: u32) -> usize {
    usize::try_from(part).unwrap_or(0) % PARTS
}

/// Clears the parts that are over; whether nothing is left.
fn clear(parts: &mut [u16; PARTS], over: [bool; PARTS]) -> bool {
    parts.iter_mut().zip(over).filter(|(_, is_over)| *is_over).for_each(|(part, _)| *part = 0);
    *parts == [0; PARTS]
}

/// Takes so many away, of what came last before.
fn take(parts: &mut [u16; PARTS], now: usize, fewer: u32) {
    let mut left = u16::try_from(fewer).unwrap_or(u16::MAX);
    for back in 0..PARTS {
        let part = &mut parts[(now + PARTS - back) % PARTS];
        let taken = left.min(*part);
        (*part, left) = (*part - taken, left - taken);
    }
}
