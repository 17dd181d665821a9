//! Which service has which slots for its sockets, and what became of what was to be led to them (`struct service` and
//! `struct hits` of bpf/steer.bpf.c).

use std::collections::BTreeMap;

use portreeve_core::{
    address::Family,
    facts::Led,
    port::Protocol,
    steer::{NAME_BYTES_MAX, SERVICES_MAX},
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

/// One slot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slot {
    /// Whose it is.
    pub service: String,
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
    /// The socket that packets are led to; `None` where nobody is there.
    #[must_use]
    pub fn led(self) -> Option<Led> {
        let Self { service, protocol, family, cookie, .. } = self;
        Some(Led { service, protocol, family, cookie: cookie? })
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
pub(super) struct Slots(BTreeMap<String, u32>);

impl Slots {
    /// What the map says; what nobody of ours wrote is passed over.
    pub(super) fn read(all: &[Pair]) -> Self {
        let of = |(name, first): &Pair| {
            let first = u32::from_ne_bytes(*first.first_chunk()?);
            let is_one = first % EACH_COUNT == 0 && first < count(SERVICES_MAX) * EACH_COUNT;
            Some((slot::read_name(name)?, first)).filter(|_| is_one)
        };
        Self(all.iter().filter_map(of).collect())
    }

    /// Gives `service` its slots; those that it has then where it had none, and `None` inside where it had. `None` where there are no
    /// more.
    pub(super) fn give(&mut self, service: &str) -> Option<Option<u32>> {
        if self.0.contains_key(service) {
            return Some(None);
        }
        let taken = |first: &u32| self.0.values().any(|other| other == first);
        let free = (0..count(SERVICES_MAX)).map(|number| number * EACH_COUNT).find(|first| !taken(first))?;
        self.0.insert(service.into(), free);
        Some(Some(free))
    }

    /// The slot of `service` for this protocol and family.
    pub(super) fn of(&self, service: &str, (protocol, family): (Protocol, Family)) -> Option<u32> {
        Some(self.0.get(service)? + place(protocol, family)?)
    }

    /// Whose a slot is.
    pub(super) fn service(&self, slot: u32) -> Option<&str> {
        let first = slot - slot % EACH_COUNT;
        self.0.iter().find(|(_, own)| **own == first).map(|(service, _)| service.as_str())
    }

    /// Each service and its first slot.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, u32)> {
        self.0.iter().map(|(service, first)| (service.as_str(), *first))
    }
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX / EACH_COUNT)
}

/// The names of services as the map has them.
pub(super) mod slot {
    use super::NAME_BYTES_MAX;

    const NAME_BYTES: usize = 64;
    const _: () = assert!(NAME_BYTES_MAX < NAME_BYTES);

    /// With zeros behind; what is too long is cut, and core refuses it before.
    pub(in super::super) fn name(service: &str) -> [u8; NAME_BYTES] {
        let mut name = [0; NAME_BYTES];
        service.bytes().take(NAME_BYTES_MAX).zip(&mut name).for_each(|(from, to)| *to = from);
        name
    }

    pub(super) fn read_name(name: &[u8]) -> Option<String> {
        let text = name.split(|byte| *byte == 0).next().filter(|text| !text.is_empty())?;
        String::from_utf8(text.to_vec()).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_service_has_four_slots_of_its_own() {
        let mut slots = Slots::default();
        assert_eq!(
            (slots.give("web"), slots.give("mail"), slots.give("web")),
            (Some(Some(0)), Some(Some(4)), Some(None))
        );
        assert_eq!(slots.of("mail", (Protocol::Udp, Family::Ipv6)), Some(7));
        assert_eq!(slots.of("mail", (Protocol::Sctp, Family::Ipv6)), None);
        assert_eq!((slots.service(7), slots.service(8)), (Some("mail"), None));
        let written: Vec<Pair> = slots
            .iter()
            .map(|(service, first)| (slot::name(service).to_vec(), first.to_ne_bytes().to_vec()))
            .chain([(vec![0; 64], vec![0; 4]), (slot::name("odd").to_vec(), vec![3, 0, 0, 0])])
            .collect();
        assert_eq!(Slots::read(&written).iter().collect::<Vec<_>>(), [("mail", 4), ("web", 0)]);
    }

    #[test]
    fn there_are_no_more_slots_than_the_kernel_has() {
        let mut slots = Slots::default();
        for number in 0..SERVICES_MAX {
            assert!(slots.give(&number.to_string()).is_some());
        }
        assert_eq!(slots.give("one more"), None);
    }

    #[test]
    fn hits_read_back() {
        let hits = Hits { delivered: 1, dead: 2, error: u64::MAX };
        assert_eq!(Hits::read(&hits.bytes()), Some(hits));
        assert_eq!(Hits::read(&[0; 23]), None);
    }
}
