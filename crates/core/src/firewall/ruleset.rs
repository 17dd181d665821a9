//! Rules as the kernel goes through them, whichever program wrote them (nft(8), iptables(8), A17).

use alloc::{boxed::Box, format, string::String, vec::Vec};

use super::{
    intervals::{Interval, Intervals},
    packets::Field,
    walk::Place,
};
use crate::gate::TABLE;

/// All the rules of a network namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ruleset {
    /// The chains, those that are hooked into the kernel and those that are jumped to.
    pub chains: Vec<Chain>,
}

impl Ruleset {
    /// The rule at `place` as a person would write it; at the end of a chain its policy.
    #[must_use]
    pub fn text(&self, place: Place) -> &str {
        let chain = &self.chains[place.chain.0];
        let rule = self.rule(place);
        rule.map_or_else(|| chain.policy_text(), |rule| &rule.text)
    }

    /// The same with where it stands: `ip filter INPUT: policy drop`.
    #[must_use]
    pub fn named(&self, place: Place) -> String {
        let Chain { layer, table, name, .. } = &self.chains[place.chain.0];
        format!("{} {table} {name}: {}", layer.name(), self.text(place))
    }

    /// Whether `place` is one of the gate's table.
    #[must_use]
    pub fn is_of_gate(&self, place: Place) -> bool {
        self.chains[place.chain.0].is_of_gate()
    }

    /// The rule that stands there; `None` where it is the end of a chain.
    #[must_use]
    pub fn rule(&self, place: Place) -> Option<&Rule> {
        place.rule.and_then(|rule| self.chains[place.chain.0].rules.get(rule))
    }

    /// Whether any rule sends packets elsewhere than they were sent.
    #[must_use]
    pub fn rewrites(&self) -> bool {
        self.chains.iter().flat_map(|chain| &chain.rules).any(Rule::rewrites)
    }
}

/// The number of a chain: its place in [`Ruleset::chains`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChainId(pub usize);

/// Whose packets a table sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Layer {
    /// IPv4 alone.
    Ip,
    /// IPv6 alone.
    Ip6,
    /// Both.
    Inet,
    /// All that come in by one device, before anybody else sees them.
    Netdev,
    /// Frames that a bridge passes on.
    Bridge,
    /// ARP, which carries no ports.
    Arp,
}

impl Layer {
    /// The word of nft(8).
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ip => "ip",
            Self::Ip6 => "ip6",
            Self::Inet => "inet",
            Self::Netdev => "netdev",
            Self::Bridge => "bridge",
            Self::Arp => "arp",
        }
    }

    /// The layer with this word.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        let all = [Self::Ip, Self::Ip6, Self::Inet, Self::Netdev, Self::Bridge, Self::Arp];
        all.into_iter().find(|layer| layer.name() == name)
    }
}

/// Rules that are gone through one after the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chain {
    /// Whose packets it sees.
    pub layer: Layer,
    /// The table.
    pub table: String,
    /// Its name there.
    pub name: String,
    /// Where it is hooked in; `None` where only other chains lead to it.
    pub base: Option<Base>,
    /// Its rules, in order.
    pub rules: Vec<Rule>,
}

impl Chain {
    /// Whether it is one of the gate's table.
    #[must_use]
    pub fn is_of_gate(&self) -> bool {
        self.layer == Layer::Inet && self.table == TABLE
    }

    /// What becomes of packets at its end, in the words of nft(8).
    #[must_use]
    pub fn policy_text(&self) -> &'static str {
        match self.base.as_ref().map(|base| base.policy) {
            Some(Policy::Accept) => "policy accept",
            Some(Policy::Drop) => "policy drop",
            None => "return",
        }
    }
}

/// Where a chain is hooked into the way of a packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Base {
    /// The place.
    pub hook: Hook,
    /// Lower ones come first.
    pub priority: i32,
    /// Whether it sees only the first packet of a connection, to rewrite it.
    pub kind: Kind,
    /// Whether packets pass that no rule decides about.
    pub policy: Policy,
    /// Of an ingress hook the devices that it is for.
    pub devices: Vec<String>,
    /// Since when, as far as that is known: of one priority the newest is asked first.
    pub since: Option<Since>,
}

/// Where packets get their connection (include/uapi/linux/netfilter_ipv4.h, `NF_IP_PRI_CONNTRACK`).
pub(super) const TRACKING_PRIORITY: i32 = -200;

/// When a base chain of nftables was hooked in; the older tables of iptables do not tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Since {
    /// The number of its table, which counts all of the network namespace.
    pub table: u64,
    /// Its own number, which counts what the table has got so far.
    pub chain: u64,
}

/// The places of the kernel at which chains can be hooked in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Hook {
    /// As the device hands it over.
    Ingress,
    /// Before it is known where it goes.
    Prerouting,
    /// It is for this host.
    Input,
    /// It is for another one.
    Forward,
    /// A process of this host sent it.
    Output,
    /// It leaves.
    Postrouting,
}

impl Hook {
    /// The word of nft(8).
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ingress => "ingress",
            Self::Prerouting => "prerouting",
            Self::Input => "input",
            Self::Forward => "forward",
            Self::Output => "output",
            Self::Postrouting => "postrouting",
        }
    }
}

/// What a base chain is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// It lets pass or drops.
    Filter,
    /// It rewrites the first packet of each connection.
    Nat,
    /// It marks, so that another route is taken.
    Route,
}

/// What becomes of packets that no rule of a base chain decides about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Policy {
    /// They pass.
    Accept,
    /// They go nowhere.
    Drop,
}

/// A rule: what it asks and does, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// The number by which nft(8) deletes it; iptables has none.
    pub handle: Option<u64>,
    /// As a person would write it.
    pub text: String,
    /// A step that does not hold ends the rule.
    pub steps: Vec<Step>,
}

impl Rule {
    /// Whether it sends packets elsewhere than they were sent.
    #[must_use]
    pub fn rewrites(&self) -> bool {
        self.steps.iter().any(|step| matches!(step, Step::Rewrite(_)))
    }
}

/// One question or effect of a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Packets of which this does not hold are none of the rule's.
    Ask(Question),
    /// A field gets another value.
    Set(Field, Value),
    /// The destination becomes another one.
    Rewrite(Target),
    /// The same of this packet alone, behind the back of conntrack; it is not followed to where, and nothing after it either.
    Overwrite,
    /// The packet is taken out of tracking.
    Untrack,
    /// Gives it another source.
    ChangeSource,
    /// What becomes of the packet.
    Decide(Decision),
    /// The same, by the first entry that holds; where none does, the rule ends.
    Choose(Vec<(Tuple, Decision)>),
}

/// Something that holds of a packet or does not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Question {
    /// Whether a field is one of these values.
    Is(Field, Intervals),
    /// Whether some bits of a field are one of these values.
    Has(Field, Bits),
    /// Whether it is as one of these says: sets with several fields to an element.
    Any(Vec<Tuple>),
    /// Whether that does not hold.
    Not(Box<Question>),
    /// Whether all of them hold.
    All(Vec<Question>),
    /// What kind of address the destination, or the source, is to this host (rtnetlink(7), `RTN_*`).
    Kind(Field, Vec<AddressKind>),
    /// It holds of some and not of others, as a rate allows.
    Rate(Rate),
    /// What nothing here can tell, such as the time or the content.
    Unknown,
}

/// Of which packets a rate holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Rate {
    /// Of those that are no more than it says.
    Within,
    /// Of those that are more.
    Beyond,
    /// Of a share of them, by chance or in turn.
    Share,
}

/// What an address is to this host (linux/rtnetlink.h).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AddressKind {
    /// One of its own.
    Local,
    /// Somebody else's.
    Unicast,
    /// Everybody's in a network.
    Broadcast,
    /// A group's.
    Multicast,
    /// One that it shares with other routers (RFC 4291 §2.6).
    Anycast,
    /// Any other: `blackhole`, `prohibit` and the like.
    Other,
}

impl AddressKind {
    /// Those to which frames for one host are sent.
    pub const OF_ONE_HOST: [Self; 4] = [Self::Local, Self::Unicast, Self::Anycast, Self::Other];
}

/// Values of several fields at once.
pub type Tuple = Vec<(Field, Intervals)>;

/// Some bits of a field, and the values that they may have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bits {
    /// The bits that are compared.
    pub mask: u128,
    /// What they may be together.
    pub values: Intervals,
}

/// The numbers that are tried one by one.
const TRIED_MAX: u128 = 4_096;

impl Bits {
    /// The values of `field` for which it holds, where each is in `within` and has `width` bits; `None` where these are
    /// too many to tell.
    pub(super) fn intervals(&self, within: &Intervals, width: u32) -> Option<Intervals> {
        let tail = Intervals::prefix(0, width).last()? & !self.mask;
        // A mask of the highest bits, as that of a network, leaves an interval of what follows.
        if tail & tail.wrapping_add(1) == 0 {
            return Some(self.values.iter().filter_map(|value| spread(value, tail)).collect());
        }
        let mut tried = 0_u128;
        let mut found = Vec::new();
        for Interval { first, last } in within.iter() {
            tried = tried.saturating_add(last - first).saturating_add(1);
            if tried > TRIED_MAX {
                return None;
            }
            let holds = |number: &u128| self.values.contains(number & self.mask);
            found.extend((first..=last).filter(holds).map(|number| Interval { first: number, last: number }));
        }
        Some(found.into_iter().collect())
    }
}

/// The numbers that are in `value` once their bits of `tail`, the lowest ones, are zero.
fn spread(value: Interval, tail: u128) -> Option<Interval> {
    let first = value.first.checked_add(tail)? & !tail;
    (first <= value.last).then_some(Interval { first, last: value.last | tail })
}

/// What a field becomes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// One number.
    Number(u128),
    /// Some bits of it become others.
    Bits {
        /// What stays.
        mask: u128,
        /// What is turned over then.
        flip: u128,
    },
    /// What another field is.
    Of(Field),
    /// Some of its bits, and over them some of another field's: `(own & keep) ^ (other & take)`.
    Mixed {
        /// What stays.
        keep: u128,
        /// The other field.
        from: Field,
        /// What is taken of it.
        take: u128,
    },
    /// What nothing here can tell.
    Unknown,
}

/// Where a packet is sent on to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The address; `None` where it stays, [`NewAddress::Own`] for a redirect.
    pub address: Option<NewAddress>,
    /// The port, or which of several; `None` where it stays.
    pub ports: Option<Intervals>,
}

/// The address that a packet is sent on to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NewAddress {
    /// One of these.
    One(Intervals),
    /// In the network of this address the one whose last bits, so many, are what they were.
    Same {
        /// An address of the network.
        network: u128,
        /// How many bits stay.
        bits: u32,
    },
    /// The first one of the interface that it came in by.
    Own,
    /// What nothing here can tell.
    Unknown,
}

/// What a rule says becomes of a packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// It passes this base chain.
    Accept,
    /// It goes nowhere.
    Drop,
    /// It goes nowhere, and the sender is told.
    Reject,
    /// The rules of another chain are gone through, and then the next one here.
    Jump(ChainId),
    /// The rules of another chain are gone through, and none of this one any more.
    Goto(ChainId),
    /// The chain that led here goes on.
    Return,
    /// The next rule is gone through.
    Continue,
    /// A program decides.
    Queue,
}

impl Decision {
    /// The word of nft(8).
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Accept => "accept",
            Self::Drop => "drop",
            Self::Reject => "reject",
            Self::Jump(_) => "jump",
            Self::Goto(_) => "goto",
            Self::Return => "return",
            Self::Continue => "continue",
            Self::Queue => "queue",
        }
    }

    /// The chain that it leads to.
    #[must_use]
    pub const fn chain(&self) -> Option<ChainId> {
        match self {
            Self::Jump(chain) | Self::Goto(chain) => Some(*chain),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(pairs: &[(u128, u128)]) -> Intervals {
        pairs.iter().map(|&(first, last)| Interval { first, last }).collect()
    }

    #[test]
    fn bits_hold_for_the_numbers_that_have_them() {
        // (mask, what the masked number may be) over every number of eight bits.
        for (mask, values) in [
            (0xf0, of(&[(0x20, 0x20)])),
            (0xf0, of(&[(0x21, 0x21)])),
            (0xf0, of(&[(0x05, 0x35), (0xf0, 0xff)])),
            (0x12, of(&[(0x02, 0x02)])),
            (0x00, of(&[(0, 0)])),
            (0xff, of(&[(7, 9)])),
        ] {
            let bits = Bits { mask, values: values.clone() };
            let found = bits.intervals(&Intervals::prefix(0, 8), 8).unwrap();
            for number in 0..256 {
                assert_eq!(
                    found.contains(number),
                    values.contains(number & mask),
                    "{mask:#x} {values:?} {number}"
                );
            }
        }
    }

    #[test]
    fn too_many_numbers_are_not_tried() {
        let bits = Bits { mask: 1, values: Intervals::one(1) };
        assert_eq!(bits.intervals(&Intervals::prefix(0, 32), 32), None);
        assert_eq!(bits.intervals(&Intervals::one(5), 32), Some(Intervals::one(5)));
    }
}
