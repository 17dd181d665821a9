//! Which service has which slots for its sockets, and what became of what was to be led to them (`struct service` and
//! `struct hits` of bpf/steer.bpf.c).

use std::collections::{BTreeMap, BTreeSet};

use portreeve_core::{
    address::Family,
    facts::Led,
    owner::Owner,
    port::Protocol,
    steer::{NAME_BYTES_MAX, OWNERS_BYTES_MAX, Routes, SEATS_MAX, Tenancy, written},
};

use crate::sys::bpf::Pair;

/// The slots of a service, in order.
pub(super) const EACH: [(Protocol, Family); 4] = [
    (Protocol::Tcp, Family::Ipv4),
    (Protocol::Tcp, Family::Ipv6),
    (Protocol::Udp, Family::Ipv4),
    (Protocol::Udp, Family::Ipv6),
];
/// As many as that.
pub(super) const EACH_COUNT: u32 = 4;
const HITS_BYTES: usize = 24;

/// A service by its name and tenancy.
pub(super) type Key<'s> = (&'s str, Tenancy);

/// One slot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slot {
    /// Whose it is.
    pub service: String,
    /// Which one of that name.
    pub tenancy: Tenancy,
    /// For which protocol.
    pub protocol: Protocol,
    /// For which family.
    pub family: Family,
    /// The socket, by its cookie; `None` where nobody is there.
    pub cookie: Option<u64>,
    /// What became of what was to be led to it.
    pub hits: Hits,
}

impl Slot {
    /// Whether any of `routes` leads packets to it.
    #[must_use]
    pub fn is_of(&self, routes: &Routes) -> bool {
        let led = Self { cookie: Some(0), ..self.clone() }.led();
        led.is_some_and(|led| routes.use_socket(&led))
    }

    /// The socket that packets are led to; `None` where nobody is there.
    #[must_use]
    pub fn led(self) -> Option<Led> {
        let Self { service, tenancy, protocol, family, cookie, .. } = self;
        Some(Led { service, tenancy, protocol, family, cookie: cookie? })
    }
}

/// Packets that looked for a socket: of a connection of TCP its first one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Hits {
    /// They were led to the socket.
    pub delivered: u64,
    /// Nobody was there.
    pub dead: u64,
    /// The kernel did not take the socket for them.
    pub error: u64,
}

impl Seat {
    /// The slot for this protocol and family.
    pub(super) fn slot(&self, (protocol, family): (Protocol, Family)) -> Option<u32> {
        Some(self.first + place(protocol, family)?)
    }
}

impl Hits {
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let number = |at: usize| Some(u64::from_ne_bytes(*bytes.get(at..)?.first_chunk()?));
        Some(Self { delivered: number(0)?, dead: number(8)?, error: number(16)? })
    }

    pub(super) fn bytes(self) -> [u8; HITS_BYTES] {
        let mut bytes = [0; HITS_BYTES];
        for (number, into) in [self.delivered, self.dead, self.error].iter().zip(bytes.chunks_exact_mut(8)) {
            into.copy_from_slice(&number.to_ne_bytes());
        }
        bytes
    }
}

/// Where among the slots of a service the one of this protocol and family is; `None` of a protocol that is not led.
pub(super) fn place(protocol: Protocol, family: Family) -> Option<u32> {
    let at = EACH.iter().position(|each| *each == (protocol, family))?;
    u32::try_from(at).ok()
}

/// The first slot of each service.
#[derive(Debug, Default)]
pub(super) struct Slots(BTreeMap<(String, Tenancy), Seat>);

/// The first slot of a service, and whose that is.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Seat {
    pub(super) first: u32,
    pub(super) owners: Vec<Owner>,
}

impl Slots {
    /// What the map says; what nobody of ours wrote is passed over.
    pub(super) fn read(all: &[Pair]) -> Self {
        let of = |(name, seat): &Pair| {
            let seat = slot::read_seat(seat)?;
            let is_one = seat.first % EACH_COUNT == 0 && seat.first < count(SEATS_MAX) * EACH_COUNT;
            Some((slot::read_name(name)?, seat)).filter(|_| is_one)
        };
        Self(all.iter().filter_map(of).collect())
    }

    /// Gives a service of these owners its slots; those that it has then where it had none, and `None` inside where it had. `None` where
    /// there are no more.
    pub(super) fn give(&mut self, (service, tenancy): Key<'_>, owners: &[Owner]) -> Option<Option<&Seat>> {
        let key = (service.into(), tenancy);
        if self.0.contains_key(&key) {
            return Some(None);
        }
        let taken: BTreeSet<u32> = self.0.values().map(|seat| seat.first).collect();
        let all = (0..count(SEATS_MAX)).map(|number| number * EACH_COUNT);
        let first = all.into_iter().find(|first| !taken.contains(first))?;
        Some(Some(self.0.entry(key).or_insert(Seat { first, owners: owners.to_vec() })))
    }

    /// The slot of a service for this protocol and family.
    pub(super) fn of(
        &self,
        (service, tenancy): Key<'_>,
        (protocol, family): (Protocol, Family),
    ) -> Option<u32> {
        self.0.get(&(service.into(), tenancy))?.slot((protocol, family))
    }

    /// Whose each first slot is.
    pub(super) fn by_first(&self) -> BTreeMap<u32, (Key<'_>, &[Owner])> {
        let all = self.0.iter();
        all.map(|((service, tenancy), seat)| (seat.first, ((service.as_str(), *tenancy), &seat.owners[..])))
            .collect()
    }

    /// Each service and its first slot.
    pub(super) fn iter(&self) -> impl Iterator<Item = (Key<'_>, u32)> {
        self.0.iter().map(|((service, tenancy), seat)| ((service.as_str(), *tenancy), seat.first))
    }
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX / EACH_COUNT)
}

/// The names of services as the map has them.
pub(super) mod slot {
    use super::{Key, NAME_BYTES_MAX, OWNERS_BYTES_MAX, Seat, Tenancy, written};

    const NAME_BYTES: usize = 64;
    const TENANCY_AT: usize = 60;
    const _: () = assert!(NAME_BYTES_MAX < TENANCY_AT);
    const SEAT_BYTES: usize = 4 + OWNERS_BYTES_MAX;

    /// With zeros behind, and its tenancy at the end; what is too long is cut, and core refuses it before.
    pub(in super::super) fn name((service, tenancy): Key<'_>) -> [u8; NAME_BYTES] {
        let mut name = [0; NAME_BYTES];
        service.bytes().take(NAME_BYTES_MAX).zip(&mut name).for_each(|(from, to)| *to = from);
        name[TENANCY_AT..].copy_from_slice(&tenancy.0.to_ne_bytes());
        name
    }

    pub(super) fn read_name(name: &[u8]) -> Option<(String, Tenancy)> {
        let (text, tenancy) = name.split_at_checked(TENANCY_AT)?;
        let text = text.split(|byte| *byte == 0).next().filter(|text| !text.is_empty())?;
        let tenancy = Tenancy(u32::from_ne_bytes(*tenancy.first_chunk()?));
        Some((String::from_utf8(text.to_vec()).ok()?, tenancy))
    }

    /// The first slot, and an owner a line, with zeros behind; what is too long is cut, and core refuses it before.
    pub(in super::super) fn seat(seat: &Seat) -> Vec<u8> {
        let mut bytes = seat.first.to_ne_bytes().to_vec();
        let lines = seat.owners.iter().map(|owner| written::text(owner) + "\n");
        lines.for_each(|line| bytes.extend(line.bytes()));
        bytes.resize(SEAT_BYTES, 0);
        bytes
    }

    pub(in super::super) fn read_seat(bytes: &[u8]) -> Option<Seat> {
        let (first, owners) = bytes.split_first_chunk()?;
        let text = std::str::from_utf8(owners).ok()?.trim_end_matches('\0');
        let owners = text.lines().filter_map(written::read).collect();
        Some(Seat { first: u32::from_ne_bytes(*first), owners })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_service_has_four_slots_of_its_own() {
        let mut slots = Slots::default();
        let [web, mail, others] = [("web", Tenancy(1)), ("mail", Tenancy(1)), ("web", Tenancy(2))];
        let owners = [Owner::Unit("a.service".into()), Owner::User("b".into())];
        let given = [web, mail, web, others]
            .map(|key| slots.give(key, &owners).expect("there is room").map(|seat| seat.first));
        assert_eq!(given, [Some(0), Some(4), None, Some(8)]);
        assert_eq!(slots.of(mail, (Protocol::Udp, Family::Ipv6)), Some(7));
        assert_eq!(slots.of(mail, (Protocol::Sctp, Family::Ipv6)), None);
        let written: Vec<Pair> = slots
            .0
            .iter()
            .map(|((service, tenancy), seat)| (slot::name((service, *tenancy)).to_vec(), slot::seat(seat)))
            .chain([
                (vec![0; 64], vec![0; 4]),
                (slot::name(("odd", Tenancy(1))).to_vec(), slot::seat(&Seat { first: 3, owners: vec![] })),
            ])
            .collect();
        let read = Slots::read(&written);
        assert_eq!(read.iter().collect::<Vec<_>>(), [(mail, 4), (web, 0), (others, 8)]);
        assert_eq!(read.by_first().get(&8), Some(&(others, &owners[..])));
    }

    #[test]
    fn there_are_no_more_slots_than_the_kernel_has() {
        let mut slots = Slots::default();
        for number in 0..SEATS_MAX {
            assert!(slots.give((&number.to_string(), Tenancy(1)), &[]).is_some());
        }
        assert_eq!(slots.give(("one more", Tenancy(1)), &[]), None);
    }

    #[test]
    fn hits_read_back() {
        let hits = Hits { delivered: 1, dead: 2, error: u64::MAX };
        assert_eq!(Hits::read(&hits.bytes()), Some(hits));
        assert_eq!(Hits::read(&[0; 23]), None);
    }
}
