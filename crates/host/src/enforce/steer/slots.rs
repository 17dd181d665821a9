//! Which service has which slots for its sockets, and what became of what was to be led to them (`struct service` and
//! `struct hits` of bpf/steer.bpf.c).

use std::collections::BTreeMap;

use portreeve_core::{
    address::Family,
    facts::Led,
    port::Protocol,
    steer::{NAME_BYTES_MAX, Ownership, Routes, SEATS_MAX},
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

/// A service by its name, and who owns it.
pub(super) type Owned<'s> = (&'s str, Ownership);

/// One slot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slot {
    /// Whose it is.
    pub service: String,
    /// And who owns that.
    pub owners: Ownership,
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
        let Self { service, owners, protocol, family, cookie, .. } = self;
        Some(Led { service, owners, protocol, family, cookie: cookie? })
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
pub(super) struct Slots(BTreeMap<(String, Ownership), u32>);

impl Slots {
    /// What the map says; what nobody of ours wrote is passed over.
    pub(super) fn read(all: &[Pair]) -> Self {
        let of = |(name, first): &Pair| {
            let first = u32::from_ne_bytes(*first.first_chunk()?);
            let is_one = first % EACH_COUNT == 0 && first < count(SEATS_MAX) * EACH_COUNT;
            Some((slot::read_name(name)?, first)).filter(|_| is_one)
        };
        Self(all.iter().filter_map(of).collect())
    }

    /// Gives `service` its slots; those that it has then where it had none, and `None` inside where it had. `None` where there are no
    /// more.
    pub(super) fn give(&mut self, (service, owners): Owned<'_>) -> Option<Option<u32>> {
        let key = (service.into(), owners);
        if self.0.contains_key(&key) {
            return Some(None);
        }
        let taken = |first: &u32| self.0.values().any(|other| other == first);
        let free = (0..count(SEATS_MAX)).map(|number| number * EACH_COUNT).find(|first| !taken(first))?;
        self.0.insert(key, free);
        Some(Some(free))
    }

    /// The slot of `service` for this protocol and family.
    pub(super) fn of(
        &self,
        (service, owners): Owned<'_>,
        (protocol, family): (Protocol, Family),
    ) -> Option<u32> {
        Some(self.0.get(&(service.into(), owners))? + place(protocol, family)?)
    }

    /// Whose a slot is.
    pub(super) fn service(&self, slot: u32) -> Option<Owned<'_>> {
        let first = slot - slot % EACH_COUNT;
        self.iter().find(|(_, own)| *own == first).map(|(service, _)| service)
    }

    /// Each service and its first slot.
    pub(super) fn iter(&self) -> impl Iterator<Item = (Owned<'_>, u32)> {
        self.0.iter().map(|((service, owners), first)| ((service.as_str(), *owners), *first))
    }
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX / EACH_COUNT)
}

/// The names of services as the map has them.
pub(super) mod slot {
    use super::{NAME_BYTES_MAX, Owned, Ownership};

    const NAME_BYTES: usize = 64;
    const OWNERS_AT: usize = 60;
    const _: () = assert!(NAME_BYTES_MAX < OWNERS_AT);

    /// With zeros behind, and its ownership at the end; what is too long is cut, and core refuses it before.
    pub(in super::super) fn name((service, owners): Owned<'_>) -> [u8; NAME_BYTES] {
        let mut name = [0; NAME_BYTES];
        service.bytes().take(NAME_BYTES_MAX).zip(&mut name).for_each(|(from, to)| *to = from);
        name[OWNERS_AT..].copy_from_slice(&owners.0.to_ne_bytes());
        name
    }

    pub(super) fn read_name(name: &[u8]) -> Option<(String, Ownership)> {
        let (text, owners) = name.split_at_checked(OWNERS_AT)?;
        let text = text.split(|byte| *byte == 0).next().filter(|text| !text.is_empty())?;
        let owners = Ownership(u32::from_ne_bytes(*owners.first_chunk()?));
        Some((String::from_utf8(text.to_vec()).ok()?, owners))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_service_has_four_slots_of_its_own() {
        let mut slots = Slots::default();
        let [web, mail, others] = [("web", Ownership(1)), ("mail", Ownership(1)), ("web", Ownership(2))];
        assert_eq!(
            [web, mail, web, others].map(|service| slots.give(service)),
            [Some(Some(0)), Some(Some(4)), Some(None), Some(Some(8))]
        );
        assert_eq!(slots.of(mail, (Protocol::Udp, Family::Ipv6)), Some(7));
        assert_eq!(slots.of(mail, (Protocol::Sctp, Family::Ipv6)), None);
        assert_eq!([7, 8, 12].map(|slot| slots.service(slot)), [Some(mail), Some(others), None]);
        let written: Vec<Pair> = slots
            .iter()
            .map(|(service, first)| (slot::name(service).to_vec(), first.to_ne_bytes().to_vec()))
            .chain([
                (vec![0; 64], vec![0; 4]),
                (slot::name(("odd", Ownership(1))).to_vec(), vec![3, 0, 0, 0]),
            ])
            .collect();
        assert_eq!(Slots::read(&written).iter().collect::<Vec<_>>(), [(mail, 4), (web, 0), (others, 8)]);
    }

    #[test]
    fn there_are_no_more_slots_than_the_kernel_has() {
        let mut slots = Slots::default();
        for number in 0..SEATS_MAX {
            assert!(slots.give((&number.to_string(), Ownership(1))).is_some());
        }
        assert_eq!(slots.give(("one more", Ownership(1))), None);
    }

    #[test]
    fn hits_read_back() {
        let hits = Hits { delivered: 1, dead: 2, error: u64::MAX };
        assert_eq!(Hits::read(&hits.bytes()), Some(hits));
        assert_eq!(Hits::read(&[0; 23]), None);
    }
}
