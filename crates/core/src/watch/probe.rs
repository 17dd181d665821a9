//! Who looks for ports: what each first contact with one of nobody's adds up to (A19).

use alloc::vec::Vec;

use jiff::Timestamp;

use super::{
    Confidence, Contact, Kind, Source, Suspicion, THRESHOLD, TICKS_EACH_SECOND, Touch,
    family::family,
    score::{SERVED, TCP, UDP, faded},
    table::Record,
};
use crate::port::Protocol;

/// Of a suspect so many ports are told.
const PORTS_MAX: usize = 16;

/// Weighs a touch; whether whoever it was is a suspect now, unless he came for a service.
pub(super) fn contact(record: &mut Record, touch: &Touch, tick: u32) -> bool {
    if record.contacts > 0 && has_asked(record, touch) {
        return false;
    }
    let seconds = tick.abs_diff(record.last) / TICKS_EACH_SECOND;
    let score = faded(record.score.into(), seconds) + weight(touch.protocol);
    record.score = i8::try_from(score).unwrap_or(i8::MAX);
    record.keep(touch.protocol, touch.port, tick);
    score >= THRESHOLD
}

/// Whether he touched the same port before, or one of the same family.
fn has_asked(record: &Record, touch: &Touch) -> bool {
    let asked = family(touch.protocol, touch.port);
    record.ports().any(|(protocol, port)| family(protocol, port) == asked)
}

/// Whether he is one though he came for a service, which is weighed once.
pub(super) fn outweighs_service(record: &mut Record) -> bool {
    if !record.was_served() {
        record.score = record.score.saturating_add(i8::try_from(SERVED).unwrap_or(i8::MIN));
    }
    i16::from(record.score) >= THRESHOLD
}

const fn weight(protocol: Protocol) -> i16 {
    match protocol {
        Protocol::Tcp => TCP,
        _ => UDP,
    }
}

const fn confidence(is_proven: bool) -> Confidence {
    if is_proven { Confidence::Proven } else { Confidence::Unproven }
}

/// Somebody who was told of.
#[derive(Debug)]
pub(super) struct Suspect {
    first: Timestamp,
    pub(super) last: Timestamp,
    score: i16,
    contacts: u32,
    ports: Vec<Contact>,
    confidence: Confidence,
    /// When he goes on he is told of once more.
    is_open: bool,
}

impl Suspect {
    /// Whoever `touch` makes a suspect.
    pub(super) fn of(record: &Record, first: Timestamp, last: Timestamp, is_proven: bool) -> Self {
        // So that a further port of his needs no memory.
        let mut ports = Vec::with_capacity(PORTS_MAX);
        ports.extend(record.ports().map(|(protocol, port)| Contact { protocol, port }));
        Self {
            first,
            last,
            score: record.score.into(),
            contacts: record.contacts.into(),
            ports,
            confidence: confidence(is_proven),
            is_open: false,
        }
    }

    /// How many first contacts there were.
    pub(super) const fn contacts(&self) -> u32 {
        self.contacts
    }

    /// He goes on.
    pub(super) fn touches(&mut self, touch: &Touch, at: Timestamp) {
        self.last = at;
        let Touch { protocol, port, .. } = *touch;
        let asked = family(protocol, port);
        if self.ports.len() < PORTS_MAX
            && self.ports.iter().all(|known| family(known.protocol, known.port) != asked)
        {
            self.ports.push(Contact { protocol, port });
            self.contacts += 1;
            self.score = self.score.saturating_add(weight(protocol));
        }
    }

    /// It is to be decided anew what becomes of him, as soon as he goes on.
    pub(super) const fn open(&mut self) {
        self.is_open = true;
    }

    /// Whether that is now, as he `is_proven` or not.
    pub(super) const fn is_told_again(&mut self, is_proven: bool) -> bool {
        if self.is_open {
            self.confidence = confidence(is_proven);
        }
        core::mem::replace(&mut self.is_open, false)
    }

    /// Whoever finishes a handshake is told of once more, where it was not known before that he was there.
    pub(super) fn is_proven_now(&mut self, source: Source, at: Timestamp) -> Option<Suspicion> {
        let was = core::mem::replace(&mut self.confidence, Confidence::Proven);
        (was == Confidence::Unproven).then(|| self.tell(source, at))
    }

    /// What is told of him.
    pub(super) fn tell(&self, source: Source, at: Timestamp) -> Suspicion {
        Suspicion {
            at,
            source,
            kind: Kind::PortScan,
            confidence: self.confidence,
            score: self.score,
            first: self.first,
            last: self.last,
            contacts: self.contacts,
            ports: self.ports.clone(),
            service: None,
            users: 0,
            welcomed: 0,
            group: None,
        }
    }
}
