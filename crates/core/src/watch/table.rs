//! What little is known of each of many sources: one table that never grows (A19).

use alloc::boxed::Box;
use core::ops::Range;

use super::{addresses, place::place};
use crate::port::Protocol;

/// 48 MiB in all: two million records.
const BUCKETS: usize = 1 << 18;
const WAYS: usize = 8;
/// Contacts of which the port is kept: as many as make a suspect by TCP.
pub(super) const PORTS_MAX: usize = 4;

/// One source; the tag of nobody is 0.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Record {
    tag: u32,
    /// The first and the last contact.
    pub(super) first: u32,
    pub(super) last: u32,
    /// The ports of the last contacts, of which `is_udp` has a bit each.
    ports: [u16; PORTS_MAX],
    is_udp: u8,
    /// All contacts.
    pub(super) contacts: u8,
    /// In eighths of a doubling; no suspect yet has more than this holds.
    pub(super) score: i8,
    marks: u8,
}

const HAS_RETURNED: u8 = 1;
const IS_SERVED: u8 = 2;
/// The other bits of the marks: when it was counted as one of a group last.
const COUNTED_SHIFT: u32 = 2;
const COUNTED_COUNT: u32 = 1 << (u8::BITS - COUNTED_SHIFT);

impl Record {
    /// The ports that are kept, in the order of the contacts.
    pub(super) fn ports(&self) -> impl Iterator<Item = (Protocol, u16)> + '_ {
        let contacts = usize::from(self.contacts);
        (contacts.saturating_sub(PORTS_MAX)..contacts).map(|nth| {
            let slot = nth % PORTS_MAX;
            let protocol = if self.is_udp & (1 << slot) == 0 { Protocol::Tcp } else { Protocol::Udp };
            (protocol, self.ports[slot])
        })
    }

    /// Keeps one more contact, in the place of the oldest.
    pub(super) fn keep(&mut self, protocol: Protocol, port: u16, tick: u32) {
        let slot = usize::from(self.contacts) % PORTS_MAX;
        self.ports[slot] = port;
        self.is_udp &= !(1 << slot);
        self.is_udp |= u8::from(protocol == Protocol::Udp) << slot;
        self.contacts = self.contacts.saturating_add(1);
        self.last = tick;
    }

    /// Whether that it came for a service was weighed before; it is from now on.
    pub(super) fn was_served(&mut self) -> bool {
        let was = self.marks & IS_SERVED != 0;
        self.marks |= IS_SERVED;
        was
    }

    /// Whether it comes again after more than a whole `period`, as far as six bits tell; then it is counted from now on.
    pub(super) fn comes_again(&mut self, period: u32) -> bool {
        let now = period % COUNTED_COUNT;
        let before = u32::from(self.marks >> COUNTED_SHIFT);
        let is_again = (now + COUNTED_COUNT - before) % COUNTED_COUNT > 1;
        if is_again {
            self.counts(period);
        }
        is_again
    }

    /// It is counted in this `period`.
    pub(super) fn counts(&mut self, period: u32) {
        let now = u8::try_from(period % COUNTED_COUNT).unwrap_or(0);
        self.marks = self.marks & (HAS_RETURNED | IS_SERVED) | now << COUNTED_SHIFT;
    }

    /// Who is pushed out first: those that came once and never before, and of these the oldest.
    fn worth(&self) -> (u8, u32) {
        let has_returned = self.marks & HAS_RETURNED != 0;
        let rank = if self.tag == 0 { 0 } else { 1 + u8::from(has_returned) + u8::from(self.contacts > 1) };
        (rank, self.last)
    }
}

/// Those among whom a hash chooses: three lines of a processor's cache, and no piece of a fourth.
#[derive(Clone, Copy, Debug, Default)]
#[repr(align(64))]
struct Bucket([Record; WAYS]);

/// All records.
#[derive(Debug)]
pub(super) struct Table {
    buckets: Box<[Bucket]>,
    /// How many of them are of somebody.
    used: usize,
}

impl Table {
    pub(super) fn new() -> Self {
        Self { buckets: alloc::vec![Bucket::default(); BUCKETS].into(), used: 0 }
    }

    /// Where it lies.
    pub(super) fn memory(&self) -> Range<usize> {
        addresses(&self.buckets)
    }

    /// How many sources have a record, and how many can have one.
    pub(super) const fn usage(&self) -> (usize, usize) {
        (self.used, BUCKETS * WAYS)
    }

    /// The record of whoever has this hash; a new one, of whom is asked whether he has returned, takes the place of the one that is
    /// worth least.
    pub(super) fn record(
        &mut self,
        hash: u64,
        tick: u32,
        has_returned: impl FnOnce() -> bool,
    ) -> &mut Record {
        let (place, tag) = place(hash, BUCKETS);
        let Bucket(bucket) = &mut self.buckets[place];
        let known = bucket.iter().position(|record| record.tag == tag);
        let way = known.unwrap_or_else(|| {
            let least = (0..WAYS).min_by_key(|way| bucket[*way].worth()).unwrap_or(0);
            let marks = if has_returned() { HAS_RETURNED } else { 0 };
            self.used += usize::from(bucket[least].tag == 0);
            bucket[least] = Record { tag, first: tick, last: tick, marks, ..Record::default() };
            least
        });
        &mut bucket[way]
    }

    /// Whoever is remembered elsewhere has no record here.
    pub(super) fn forget(&mut self, hash: u64) {
        let (place, tag) = place(hash, BUCKETS);
        if let Some(record) = self.buckets[place].0.iter_mut().find(|record| record.tag == tag) {
            *record = Record::default();
            self.used -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;

    /// Those of one bucket.
    fn hash(number: u64) -> u64 {
        number << 32
    }

    fn knows(table: &Table, hash: u64) -> bool {
        let (place, tag) = place(hash, BUCKETS);
        table.buckets[place].0.iter().any(|record| record.tag == tag)
    }

    #[test]
    fn it_takes_what_it_says() {
        assert_eq!(size_of::<Bucket>() * BUCKETS, 48 << 20);
    }

    #[test]
    fn the_ports_of_the_last_contacts_are_kept() {
        let mut record = Record::default();
        assert_eq!(record.ports().count(), 0);
        for port in 1..=6 {
            let protocol = if port % 2 == 0 { Protocol::Udp } else { Protocol::Tcp };
            record.keep(protocol, port, port.into());
        }
        let (tcp, udp) = (Protocol::Tcp, Protocol::Udp);
        assert_eq!(record.ports().collect::<Vec<_>>(), [(tcp, 3), (udp, 4), (tcp, 5), (udp, 6)]);
        assert_eq!((record.contacts, record.last), (6, 6));
    }

    #[test]
    fn who_came_twice_is_not_pushed_out_by_those_who_come_once() {
        let mut table = Table::new();
        let twice = |table: &mut Table, number, tick| {
            let record = table.record(hash(number), tick, || false);
            record.keep(Protocol::Tcp, 1, tick);
            record.keep(Protocol::Tcp, 2, tick);
        };
        twice(&mut table, 1, 1);
        table.record(hash(2), 2, || true);
        (3..1_000).for_each(|number| _ = table.record(hash(number), 3, || false));
        assert!(knows(&table, hash(1)) && knows(&table, hash(2)) && knows(&table, hash(999)));
        assert_eq!(table.record(hash(1), 4, || false).contacts, 2);
        (2_001..2_009).for_each(|number| twice(&mut table, number, 5));
        assert!(!knows(&table, hash(2)) && knows(&table, hash(2_008)));
    }

    #[test]
    fn who_is_forgotten_begins_anew() {
        let mut table = Table::new();
        table.record(hash(1), 1, || false).keep(Protocol::Tcp, 23, 1);
        table.forget(hash(1));
        assert!(!knows(&table, hash(1)));
        assert_eq!(table.record(hash(1), 2, || false).contacts, 0);
    }

    #[test]
    fn it_is_as_full_as_it_has_sources() {
        let mut table = Table::new();
        (1..=20).for_each(|number| _ = table.record(hash(number), 1, || false));
        assert_eq!(table.usage(), (8, 2 << 20), "of one bucket");
        table.forget(hash(20));
        table.forget(hash(21));
        assert_eq!(table.usage().0, 7);
    }
}
