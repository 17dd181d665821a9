//! What a rule looks at: the left side of a match, the key of a map (libnftables-json(5), "EXPRESSIONS").

mod conntrack;
mod meta;
mod payload;

use alloc::{boxed::Box, vec, vec::Vec};

use serde_json::Value;

use super::{Scope, constant, fib, names::Type, tagged, text};
use crate::firewall::{
    intervals::Intervals,
    packets::{Field, State},
    ruleset::{AddressKind, Question, Tuple},
};

/// More parts than this have no concatenation in the kernel (include/net/netfilter/nf_tables.h, `NFT_REG32_COUNT`).
const PARTS_MAX: usize = 16;
/// TCP, UDP, DCCP, SCTP and UDP-Lite: the protocols whose ports are where those of TCP are.
const WITH_PORTS: [u128; 5] = [6, 17, 33, 132, 136];

/// What a rule looks at: one part, or several that are compared together.
#[derive(Clone, Debug)]
pub(super) struct Expression {
    pub(super) parts: Vec<Part>,
}

/// One of the things that a rule looks at.
#[derive(Clone, Debug)]
pub(super) struct Part {
    pub(super) key: Key,
    /// The bits that count, where not all do.
    pub(super) mask: Option<u128>,
    /// What a packet must be, else the rule is none of its.
    pub(super) needs: Tuple,
    /// Of which packets `key` does not tell what they are.
    doubt: Option<Doubt>,
}

/// Where to find what is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Key {
    Field(Field, Type),
    /// What kind of address it is to this host, or to the interface that the packet came in by.
    Kind(Field, fib::Reach),
    /// Whether the source is reached by the interface that the packet came in by.
    WayBack,
    /// To whom the frame was sent.
    PacketType,
    /// It differs from packet to packet.
    Rate,
    Unknown,
}

/// Packets of which nobody can tell what they have there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Doubt {
    /// Those that go back: the tuple of their connection is not among the fields.
    Reply,
    /// Those of protocols that have something else where others have ports.
    NotPorts,
}

impl Part {
    const fn new(key: Key) -> Self {
        Self { key, mask: None, needs: Vec::new(), doubt: None }
    }

    const fn of(field: Field, typed: Type) -> Self {
        Self::new(Key::Field(field, typed))
    }

    fn where_only(mut self, field: Field, number: u128) -> Self {
        self.needs.push((field, Intervals::one(number)));
        self
    }

    fn doubting(self, doubt: Doubt) -> Self {
        Self { doubt: Some(doubt), ..self }
    }
}

impl Expression {
    /// What `value` looks at; whatever is not known is [`Key::Unknown`].
    pub(super) fn read(value: &Value, scope: &Scope<'_>) -> Self {
        let parts = match tagged(value) {
            Some(("concat", Value::Array(parts))) if parts.len() <= PARTS_MAX => {
                parts.iter().map(|value| part(value, scope)).collect()
            }
            _ => vec![part(value, scope)],
        };
        Self { parts }
    }

    /// What packets must be of which the rule asks it.
    pub(super) fn needs(&self) -> impl Iterator<Item = &(Field, Intervals)> {
        self.parts.iter().flat_map(|part| &part.needs)
    }

    /// The packets of which nobody can tell what they have there.
    pub(super) fn doubt(&self) -> Option<Question> {
        let has_protocol = self.parts.iter().any(Part::asks_protocol);
        let doubts = self.parts.iter().filter_map(|part| part.doubt);
        // The protocol that is compared together with the ports says what they are.
        let open = doubts.filter(|doubt| *doubt != Doubt::NotPorts || !has_protocol);
        open.map(Doubt::question).reduce(either)
    }

    pub(super) fn is_rate(&self) -> bool {
        self.parts.iter().any(|part| part.key == Key::Rate)
    }
}

impl Part {
    fn asks_protocol(&self) -> bool {
        matches!(self.key, Key::Field(Field::Protocol, _)) && self.mask.is_none()
    }
}

impl Doubt {
    fn question(self) -> Question {
        let protocols = |numbers: &[u128]| {
            let all = numbers.iter().map(|number| Intervals::one(*number));
            let all = all.fold(Intervals::none(), |all, one| all.or(&one));
            Question::Not(Box::new(Question::Is(Field::Protocol, all)))
        };
        match self {
            Self::Reply => reply(),
            Self::NotPorts => protocols(&WITH_PORTS),
        }
    }
}

/// Whether a packet goes back; the first one of a connection never does.
pub(super) fn reply() -> Question {
    let new = Question::Is(Field::State, Intervals::one(State::New.number()));
    let back = Question::Is(Field::Direction, Intervals::one(1));
    // Asked first, it leaves new connections whole.
    Question::All(vec![Question::Not(Box::new(new)), back])
}

/// Whether one of two questions holds, or both.
pub(super) fn either(one: Question, other: Question) -> Question {
    let not = |question| Question::Not(Box::new(question));
    not(Question::All(vec![not(one), not(other)]))
}

fn part(value: &Value, scope: &Scope<'_>) -> Part {
    let unknown = || Part::new(Key::Unknown);
    let Some((name, inner)) = tagged(value) else { return unknown() };
    match name {
        "meta" => text(inner, "key").map_or_else(unknown, |key| meta::part(key, scope.table.0)),
        // Only what came by the loopback device has a connection there.
        "ct" if scope.is_before_conntrack => unknown(),
        "ct" => conntrack::part(inner, scope.table.0).unwrap_or_else(unknown),
        "payload" => payload::part(inner, scope.table.0),
        "fib" => fib(inner).unwrap_or_else(unknown),
        "numgen" => Part::new(Key::Rate),
        "&" => masked(inner, scope).unwrap_or_else(unknown),
        "tcp option" | "sctp chunk" | "dccp option" => payload::only_of(name),
        _ => unknown(),
    }
}

/// `left & mask`.
fn masked(sides: &Value, scope: &Scope<'_>) -> Option<Part> {
    let (left, masks) = sides.as_array()?.split_first()?;
    // Only one mask: what stands inside is not masked itself, which bounds the recursion.
    if matches!(tagged(left), Some(("&", _))) {
        return None;
    }
    let part = part(left, scope);
    match part.key {
        Key::Field(_, typed) => {
            let mut numbers = masks.iter().map(|mask| constant::number(mask, typed));
            let mask = numbers.try_fold(u128::MAX, |all, mask| Some(all & mask?))?;
            Some(Part { mask: Some(mask), ..part })
        }
        _ => Some(Part { key: Key::Unknown, ..part }),
    }
}

fn fib(inner: &Value) -> Option<Part> {
    let flags: Vec<&str> =
        super::several(inner.get("flags")?).into_iter().filter_map(Value::as_str).collect();
    let has = |flag: &str| flags.contains(&flag);
    let known = ["saddr", "daddr", "iif", "mark"];
    if flags.iter().any(|flag| !known.contains(flag)) || has("saddr") == has("daddr") {
        return None;
    }
    let field = if has("saddr") { Field::Source } else { Field::Destination };
    let reach = if has("iif") { fib::Reach::Interface } else { fib::Reach::Host };
    match text(inner, "result")? {
        "type" => Some(Part::new(Key::Kind(field, reach))),
        "oif" | "oifname" if has("saddr") && has("iif") => Some(Part::new(Key::WayBack)),
        _ => None,
    }
}

/// The kinds of address by their names (linux/rtnetlink.h).
pub(super) fn kind(name: &str) -> Option<AddressKind> {
    Some(match name {
        "local" => AddressKind::Local,
        "unicast" => AddressKind::Unicast,
        "broadcast" => AddressKind::Broadcast,
        "multicast" => AddressKind::Multicast,
        "anycast" => AddressKind::Anycast,
        "unspec" | "blackhole" | "unreachable" | "prohibit" => AddressKind::Other,
        _ => return None,
    })
}
