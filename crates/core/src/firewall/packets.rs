//! A set of packets as the product of what each of their fields may be (A17).

use super::{intervals::Intervals, ruleset::Bits};
use crate::address::Family;

/// Something of a packet, or of its connection, that rules ask about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(usize)]
pub enum Field {
    /// The interface it came in by, by its place among them.
    InInterface,
    /// The interface it leaves by.
    OutInterface,
    /// The source address.
    Source,
    /// The destination address, as rewritten so far.
    Destination,
    /// The number of the transport protocol.
    Protocol,
    /// The source port.
    SourcePort,
    /// The destination port, as rewritten so far.
    DestinationPort,
    /// What conntrack says of it: one of [`State`].
    State,
    /// Whether it goes the way of its connection's first packet (0) or back (1).
    Direction,
    /// The bits of the connection's status (`IPS_*`, include/uapi/linux/netfilter/nf_conntrack_common.h).
    Status,
    /// The mark of the packet.
    Mark,
    /// The mark of its connection.
    ConnectionMark,
    /// The flags of TCP.
    TcpFlags,
    /// The type of ICMP or ICMPv6.
    IcmpType,
    /// The code of ICMP or ICMPv6.
    IcmpCode,
    /// The destination address before any rule rewrote it.
    OriginalDestination,
    /// The destination port before any rule rewrote it.
    OriginalDestinationPort,
    /// IPv4 or IPv6, by the numbers of include/uapi/linux/netfilter.h (`NFPROTO_*`): [`family_number`].
    Family,
}

impl Field {
    /// Every field, each at its number.
    pub const ALL: [Self; 18] = [
        Self::InInterface,
        Self::OutInterface,
        Self::Source,
        Self::Destination,
        Self::Protocol,
        Self::SourcePort,
        Self::DestinationPort,
        Self::State,
        Self::Direction,
        Self::Status,
        Self::Mark,
        Self::ConnectionMark,
        Self::TcpFlags,
        Self::IcmpType,
        Self::IcmpCode,
        Self::OriginalDestination,
        Self::OriginalDestinationPort,
        Self::Family,
    ];

    /// How many bits it has in packets of `family`.
    #[must_use]
    pub const fn bits(self, family: Family) -> u32 {
        match self {
            Self::Source | Self::Destination | Self::OriginalDestination => match family {
                Family::Ipv4 => 32,
                Family::Ipv6 => 128,
            },
            Self::SourcePort | Self::DestinationPort | Self::OriginalDestinationPort => 16,
            Self::Protocol
            | Self::State
            | Self::TcpFlags
            | Self::IcmpType
            | Self::IcmpCode
            | Self::Family => 8,
            Self::Direction => 1,
            Self::InInterface | Self::OutInterface | Self::Status | Self::Mark | Self::ConnectionMark => 32,
        }
    }

    /// Whatever it may be.
    #[must_use]
    pub fn all(self, family: Family) -> Intervals {
        match self {
            Self::State => State::ALL
                .into_iter()
                .map(State::number)
                .map(Intervals::one)
                .fold(Intervals::none(), |all, one| all.or(&one)),
            Self::Family => Intervals::one(family_number(family)),
            other => Intervals::prefix(0, other.bits(family)),
        }
    }
}

/// The number of a family among those of netfilter (include/uapi/linux/netfilter.h, `NFPROTO_IPV4`, `NFPROTO_IPV6`).
#[must_use]
pub const fn family_number(family: Family) -> u128 {
    match family {
        Family::Ipv4 => 2,
        Family::Ipv6 => 10,
    }
}

/// What conntrack says of a packet, as rules compare it (nft(8), "ct state").
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// It belongs to nothing, or is malformed.
    Invalid,
    /// Its connection has seen packets both ways.
    Established,
    /// It begins a connection, or an error, that another one expects.
    Related,
    /// It begins a connection.
    New,
    /// It was taken out of tracking.
    Untracked,
}

impl State {
    /// Every state.
    pub const ALL: [Self; 5] = [Self::Invalid, Self::Established, Self::Related, Self::New, Self::Untracked];

    /// The bit by which the kernel compares it (include/uapi/linux/netfilter/nf_conntrack_common.h,
    /// `NF_CT_STATE_BIT`).
    #[must_use]
    pub const fn number(self) -> u128 {
        match self {
            Self::Invalid => 1,
            Self::Established => 2,
            Self::Related => 4,
            Self::New => 8,
            Self::Untracked => 64,
        }
    }

    /// The numbers of those of packets that have a connection.
    #[must_use]
    pub fn tracked() -> Intervals {
        let states =
            [Self::Established, Self::Related, Self::New].map(|state| Intervals::one(state.number()));
        states.into_iter().fold(Intervals::none(), |all, one| all.or(&one))
    }
}

/// A set of packets of one family: every combination of what its fields may be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packets {
    /// IPv4 or IPv6.
    pub family: Family,
    fields: [Intervals; Field::ALL.len()],
    /// The fields of which it is not known which of the values they have, a bit each.
    unknown: u32,
    /// The fields that are no longer what they were when the packets arrived, a bit each.
    changed: u32,
    /// Whether the destination is no longer the one that they were sent to: the address, and the port.
    is_rewritten: [bool; 2],
    /// The source that they were sent with, where it is another one since.
    sent_source: Option<Intervals>,
}

/// A set of packets, divided by a question.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Divided {
    /// Those of which the answer is yes.
    pub yes: Option<Packets>,
    /// Those of which it is no.
    pub no: Option<Packets>,
    /// Those of which it cannot be told.
    pub perhaps: Option<Packets>,
}

impl Packets {
    /// Every packet of `family`.
    #[must_use]
    pub fn all(family: Family) -> Self {
        Self {
            family,
            fields: Field::ALL.map(|field| field.all(family)),
            unknown: 0,
            changed: 0,
            is_rewritten: [false; 2],
            sent_source: None,
        }
    }

    /// Whether the address, and the port, were rewritten on the way.
    #[must_use]
    pub const fn rewritten(&self) -> [bool; 2] {
        self.is_rewritten
    }

    /// What `field` may be.
    #[must_use]
    pub const fn of(&self, field: Field) -> &Intervals {
        &self.fields[self.place(field)]
    }

    /// Where the values of `field` are: what was never rewritten is still what it was.
    const fn place(&self, field: Field) -> usize {
        let [address, port] = self.is_rewritten;
        match field {
            Field::OriginalDestination if !address => Field::Destination as usize,
            Field::OriginalDestinationPort if !port => Field::DestinationPort as usize,
            other => other as usize,
        }
    }

    /// Whether `field` is one of its values, and it is not known which.
    #[must_use]
    pub const fn is_unknown(&self, field: Field) -> bool {
        self.unknown & (1 << self.place(field)) != 0
    }

    /// The same packets, with `field` one of `values`, whatever it was.
    #[must_use]
    pub fn with(mut self, field: Field, values: Intervals) -> Self {
        let place = self.place(field);
        self.fields[place] = values;
        self.unknown &= !(1 << place);
        self.changed |= 1 << place;
        self
    }

    /// The same packets, each with one of `values`, and it is not known which.
    #[must_use]
    pub fn with_one_of(self, field: Field, values: Intervals) -> Self {
        let is_known = values.only().is_some();
        let mut packets = self.with(field, values);
        packets.unknown |= u32::from(!is_known) << packets.place(field);
        packets
    }

    /// The same packets, sent on to one of `addresses`, and it is not known to which.
    #[must_use]
    pub fn to_address(mut self, addresses: Intervals) -> Self {
        if !self.is_rewritten[0] {
            self.fields[Field::OriginalDestination as usize] = self.of(Field::Destination).clone();
            self.is_rewritten[0] = true;
        }
        self.with_one_of(Field::Destination, addresses)
    }

    /// The same packets, sent on to one of `ports`, and it is not known to which.
    #[must_use]
    pub fn to_port(mut self, ports: Intervals) -> Self {
        if !self.is_rewritten[1] {
            self.fields[Field::OriginalDestinationPort as usize] = self.of(Field::DestinationPort).clone();
            self.is_rewritten[1] = true;
        }
        self.with_one_of(Field::DestinationPort, ports)
    }

    /// The same packets from another source, of which nothing is known.
    #[must_use]
    pub fn from_elsewhere(mut self) -> Self {
        self.sent_source.get_or_insert_with(|| self.fields[Field::Source as usize].clone());
        let all = Field::Source.all(self.family);
        self.with_one_of(Field::Source, all)
    }

    /// The same packets, as those that just arrived.
    #[must_use]
    pub(super) const fn arriving(mut self) -> Self {
        self.changed = 0;
        self
    }

    /// The same packets as they arrived, where all were among `asked`: what was changed on the way is as it was there.
    #[must_use]
    pub fn as_sent(&self, asked: &Self) -> Self {
        let mut sent = asked.clone();
        for field in Field::ALL {
            let arrived = match field {
                Field::Destination => self.of(Field::OriginalDestination),
                Field::DestinationPort => self.of(Field::OriginalDestinationPort),
                Field::Source => self.sent_source.as_ref().unwrap_or(self.of(Field::Source)),
                other if self.changed & (1 << other as u32) != 0 => asked.of(other),
                other => self.of(other),
            };
            sent.fields[field as usize] = arrived.clone();
        }
        sent
    }

    /// Those whose `field` is one of `values`; `None` where there are none.
    #[must_use]
    pub fn only(&self, field: Field, values: &Intervals) -> Option<Self> {
        let both = self.of(field).and(values);
        (!both.is_empty()).then(|| {
            let mut packets = self.clone();
            packets.fields[self.place(field)] = both;
            packets
        })
    }

    /// Those that are in both; `None` where there are none.
    #[must_use]
    pub fn meet(&self, other: &Self) -> Option<Self> {
        if self.family != other.family {
            return None;
        }
        Field::ALL.into_iter().try_fold(self.clone(), |packets, field| packets.only(field, other.of(field)))
    }

    /// Whether they are some of `other`, none of them changed since, so that [`Self::except`] tells the others of it.
    pub(super) fn is_part_of(&self, other: &Self) -> bool {
        let same = |it: &Self| (it.family, it.unknown, it.changed, it.is_rewritten);
        let not_own = self.unknown | self.changed;
        let is_part = |field: Field| {
            let (own, whole) = (&self.fields[field as usize], &other.fields[field as usize]);
            if not_own & (1 << field as u32) == 0 { whole.includes(own) } else { whole == own }
        };
        same(self) == same(other)
            && self.sent_source == other.sent_source
            && Field::ALL.into_iter().all(is_part)
    }

    /// Those that are not in `other`, as sets that do not overlap.
    pub fn except(&self, other: &Self) -> impl Iterator<Item = Self> {
        let mut rest = self.meet(other).map(|_| self.clone());
        let whole = if rest.is_some() { None } else { Some(self.clone()) };
        let other = other.clone();
        let parts = Field::ALL.into_iter().filter_map(move |field| {
            let packets = rest.take()?;
            let outside = packets.of(field).except(other.of(field));
            rest = packets.only(field, other.of(field));
            packets.only(field, &outside)
        });
        whole.into_iter().chain(parts)
    }

    /// Divides them by whether `field` is one of `values`.
    #[must_use]
    pub fn divide(&self, field: Field, values: &Intervals) -> Divided {
        if self.is_unknown(field) {
            return self.divide_unknown(field, values);
        }
        let outside = self.of(field).except(values);
        Divided { yes: self.only(field, values), no: self.only(field, &outside), perhaps: None }
    }

    /// Of a field that is one of several values only what holds for all of them is known.
    fn divide_unknown(&self, field: Field, values: &Intervals) -> Divided {
        let own = Some(self.clone());
        if values.includes(self.of(field)) {
            Divided { yes: own, ..Divided::default() }
        } else if self.of(field).and(values).is_empty() {
            Divided { no: own, ..Divided::default() }
        } else {
            Divided { perhaps: own, ..Divided::default() }
        }
    }

    /// Divides them by whether those of `field`'s bits that `bits` asks for have one of its values.
    #[must_use]
    pub fn divide_bits(&self, field: Field, bits: &Bits) -> Divided {
        match bits.intervals(self.of(field), field.bits(self.family)) {
            Some(values) => self.divide(field, &values),
            None => Divided { perhaps: Some(self.clone()), ..Divided::default() },
        }
    }
}
