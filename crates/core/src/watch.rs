//! What a run of events means: who is probing this host (A14, A16, A19).
//!
//! A touch of a port that nobody declared is evidence by itself. It is weighed by a sequential test of first contacts (Jung,
//! Paxson, Berger, Balakrishnan: Fast Portscan Detection Using Sequential Hypothesis Testing, 2004), which has no clock: a
//! slow probe is found at the same contact as a fast one.

mod attempts;
mod blocks;
mod buckets;
mod cleared;
mod consented;
mod course;
mod crowd;
mod evidence;
mod family;
mod group;
mod guarded;
mod kept_out;
pub mod logs;
mod open;
mod path;
mod paths;
mod place;
mod probe;
mod proof;
mod reaction;
mod reason;
mod replay;
mod returned;
mod room;
mod scan;
mod score;
mod sessions;
mod source;
mod spared;
mod suspicion;
mod table;
mod tracked;
mod tries;
mod unnamed;
mod welcomed;

use alloc::{collections::BTreeMap, vec, vec::Vec};
use core::{
    hash::{Hash, Hasher as _},
    hint::black_box,
    net::IpAddr,
    ops::Range,
};

use jiff::{SignedDuration, Timestamp};
use siphasher::sip::SipHasher13;

use self::{
    attempts::Attempts, blocks::Blocks, consented::Consented, open::Open, probe::Suspect, proof::Proofs,
    returned::Returned, scan::Scan, table::Table, unnamed::Unnamed, welcomed::Welcomed,
};
pub use self::{
    attempts::{ServiceNumber, Written},
    blocks::Limit,
    cleared::{cleared, is_held},
    course::{Course, Step},
    evidence::{Innocence, Known, Touch},
    group::Group,
    kept_out::kept_out,
    reaction::{Mercy, Reaction},
    replay::{Packet, Replay, Way},
    room::Room,
    scan::{FirstTouches, PortDays, Usual},
    score::THRESHOLD,
    sessions::sessions,
    source::Source,
    spared::{Bond, Bonds},
    suspicion::{Confidence, Contact, Kind, Suspicion},
    tracked::{Tracked, proves},
};
use crate::logs::{Deed, Program};

/// The unit that watches as long as the host runs.
pub const UNIT: &str = "portreeve-watch.service";
/// Nobody is blocked for longer, however often he comes back.
pub const BLOCK_LONGEST: SignedDuration = SignedDuration::from_hours(7 * 24);
/// Suspects that are remembered in full.
pub const SUSPECTS_MAX: usize = 4_096;

/// Something that happened, as it was heard of: by the order of arrival, whatever a clock does meanwhile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event<'l> {
    /// When.
    pub at: Timestamp,
    /// What.
    pub what: Happening<'l>,
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Happening<'l> {
    /// A packet reached nobody.
    Touch(Touch),
    /// Somebody finished a TCP handshake (RFC 9293 §3.5), so that his address is none that he made up.
    Handshake {
        /// Who.
        from: IpAddr,
    },
    /// A service of TCP wrote of somebody: so his address is his own, too, unless strangers write in its name.
    Written(Written<'l>),
    /// Some seconds are over, in which so many touched ports of nobody's first of whom no [`Happening::Touch`] tells: then it is
    /// looked whether many share a scan.
    Counted(&'l [FirstTouches]),
}

/// A key that nobody else knows: who knew it could choose addresses that push others out of the tables.
pub type Key = [u64; 2];

/// Everything that is remembered of whoever was heard of. It does not grow.
#[derive(Debug)]
pub struct Watch {
    key: Key,
    /// Ticks are counted from here.
    began: Timestamp,
    table: Table,
    returned: Returned,
    proofs: Proofs,
    suspects: BTreeMap<Source, Suspect>,
    attempts: Attempts,
    scan: Scan,
    unnamed: Unnamed,
    blocks: Blocks,
    open: Open,
    welcomed: Welcomed,
    consented: Consented,
    /// Those of whom nothing is remembered any more, until somebody hears of it.
    forgotten: Vec<Source>,
    /// Until then it is known whose block is over.
    freed: Timestamp,
}

impl Watch {
    /// Remembers nobody yet.
    #[must_use]
    pub fn new(key: Key, began: Timestamp) -> Self {
        Self {
            key,
            began,
            table: Table::new(),
            returned: Returned::new(),
            proofs: Proofs::new(),
            suspects: BTreeMap::new(),
            attempts: Attempts::new(),
            scan: Scan::new(began),
            unnamed: Unnamed::default(),
            blocks: Blocks::default(),
            open: Open::default(),
            welcomed: Welcomed::new(),
            consented: Consented::default(),
            forgotten: Vec::new(),
            freed: began,
        }
    }

    /// The number of a service by this name, for what is written of it.
    pub fn service(&mut self, name: &str) -> ServiceNumber {
        self.attempts.service(name)
    }

    /// What `event` makes known; nothing, without any allocation, where it does not.
    pub fn step(&mut self, known: &Known, event: &Event<'_>) -> Vec<Suspicion> {
        match &event.what {
            Happening::Touch(touch) => only(self.touched(known, touch, event.at)),
            Happening::Handshake { from } => only(self.shaken(known, *from, event.at)),
            Happening::Written(written) => self.wrote(known, written, event.at),
            Happening::Counted(touches) => {
                self.counted(known, touches, event.at).into_iter().chain(self.rest(event.at)).collect()
            }
        }
    }

    /// How many sources are remembered, and how many can be.
    #[must_use]
    pub const fn usage(&self) -> (usize, usize) {
        self.table.usage()
    }

    /// The addresses of the two tables of which each event asks for a place that is far from the last one.
    #[must_use]
    pub fn far_memory(&self) -> [Range<usize>; 2] {
        [self.table.memory(), self.returned.memory()]
    }

    /// Whoever was told of for looking for ports, as he is by now; `None` where nothing is remembered of him.
    #[must_use]
    pub fn suspect(&self, source: Source, at: Timestamp) -> Option<Suspicion> {
        self.suspects.get(&source).map(|suspect| suspect.tell(source, at))
    }

    /// How many sources touch each port on a usual day, as far as that is known.
    #[must_use]
    pub fn usual(&self) -> Usual {
        self.scan.usual()
    }

    /// Goes on at `now` after what was usual for a watch before this one.
    pub fn recall_usual(&mut self, usual: &Usual, now: Timestamp) {
        self.scan.recall(usual, now);
    }

    fn wrote(&mut self, known: &Known, written: &Written<'_>, at: Timestamp) -> Vec<Suspicion> {
        let from = written.attempt.source;
        if known.is_own(from) || self.blocks.has(Source::of(from), at) {
            return Vec::new();
        }
        let shaken = written.program.is_witness().then(|| self.shaken(known, from, at)).flatten();
        let tick = self.tick(at);
        if (written.program, written.attempt.deed) == (Program::Sshd, Deed::Welcome) {
            self.welcomed.keep(Source::of(from), tick);
        }
        let [one, many] = self.attempts.step(self.key, written, (at, tick), self.began);
        shaken.into_iter().chain(one).chain(many).collect()
    }

    fn touched(&mut self, known: &Known, touch: &Touch, at: Timestamp) -> Option<Suspicion> {
        if known.innocence(touch).is_some() {
            return None;
        }
        let source = Source::of(touch.from);
        if self.blocks.has(source, at) || self.consented.has(touch.from, at) {
            return None;
        }
        let (hash, tick) = (self.hash(source), self.tick(at));
        if let Some(suspect) = self.suspects.get_mut(&source) {
            suspect.touches(touch, at);
            return suspect.is_told_again(self.proofs.has(hash, tick)).then(|| suspect.tell(source, at));
        }
        // Both lie in memory that is far away: asked for at once they take the time of one.
        let has_returned = black_box(self.returned.has(hash));
        let record = self.table.record(hash, tick, || {
            self.returned.keep(hash);
            has_returned
        });
        let contacts_before = record.contacts;
        let is_suspect = probe::contact(record, touch, tick);
        self.scan.touches(self.key, touch, (record, contacts_before), tick);
        // Of nearly all it need not be known whether they are proven.
        if !is_suspect {
            return None;
        }
        let is_proven = self.proofs.has(hash, tick);
        if is_proven && !probe::outweighs_service(record) {
            return None;
        }
        let first = moment(self.began, record.first);
        let suspect = Suspect::of(record, first, at, is_proven);
        self.table.forget(hash);
        let is_named = is_proven || self.unnamed.names(suspect.contacts(), tick);
        let told = is_named.then(|| suspect.tell(source, at));
        self.remember(source, suspect);
        told
    }

    /// Those of whom nothing was told though they are suspected, since a flood in the name of many is nothing that anybody could read.
    fn rest(&mut self, at: Timestamp) -> Option<Suspicion> {
        let (began, counts) = self.unnamed.over(self.tick(at))?;
        Some(unnamed::told(counts, moment(self.began, began), at))
    }

    fn counted(&mut self, known: &Known, touches: &[FirstTouches], at: Timestamp) -> Option<Suspicion> {
        let (key, tick) = (self.key, self.tick(at));
        touches.iter().for_each(|touches| self.scan.counts(touches, tick));
        let Self { scan, proofs, .. } = self;
        let sharing = scan.look(known, (at, tick), |source| proofs.has(digest(key, &source), tick))?;
        let first = moment(self.began, sharing.first);
        Some(sharing.tell(first, at))
    }

    fn shaken(&mut self, known: &Known, from: IpAddr, at: Timestamp) -> Option<Suspicion> {
        if known.is_own(from) {
            return None;
        }
        let source = Source::of(from);
        let (hash, tick) = (self.hash(source), self.tick(at));
        self.proofs.keep(hash, tick);
        self.suspects.get_mut(&source)?.is_proven_now(source, at)
    }

    /// Whoever was heard of longest ago makes room.
    fn remember(&mut self, source: Source, suspect: Suspect) {
        if self.suspects.len() >= SUSPECTS_MAX {
            let oldest = self.suspects.iter().min_by_key(|(_, suspect)| suspect.last);
            if let Some(oldest) = oldest.map(|(source, _)| *source) {
                self.suspects.remove(&oldest);
            }
        }
        self.suspects.insert(source, suspect);
    }

    fn hash(&self, source: Source) -> u64 {
        digest(self.key, &source)
    }

    fn tick(&self, at: Timestamp) -> u32 {
        ticks(self.began, at)
    }
}

/// Since `began`; a clock that was put back stands still.
fn ticks(began: Timestamp, at: Timestamp) -> u32 {
    let milliseconds = at.as_millisecond().saturating_sub(began.as_millisecond());
    u32::try_from(milliseconds.max(0) / i64::from(MILLISECONDS_EACH)).unwrap_or(u32::MAX)
}

/// The addresses of these.
fn addresses<T>(all: &[T]) -> Range<usize> {
    let start = all.as_ptr().expose_provenance();
    start..start + size_of_val(all)
}

/// What nobody can choose who does not know the key.
fn digest(key: Key, what: &impl Hash) -> u64 {
    let mut hasher = SipHasher13::new_with_keys(key[0], key[1]);
    what.hash(&mut hasher);
    hasher.finish()
}

/// When a tick was.
fn moment(began: Timestamp, tick: u32) -> Timestamp {
    began + SignedDuration::from_millis(i64::from(tick) * i64::from(MILLISECONDS_EACH))
}

/// Of nearly every event there is none.
fn only(suspicion: Option<Suspicion>) -> Vec<Suspicion> {
    suspicion.map_or_else(Vec::new, |suspicion| vec![suspicion])
}

/// 32 bits of these are six years.
const MILLISECONDS_EACH: u32 = 50;
const TICKS_EACH_SECOND: u32 = 1_000 / MILLISECONDS_EACH;

#[cfg(test)]
mod tests;
