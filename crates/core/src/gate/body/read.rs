//! A generation out of a listing, where it is as this program makes it (libnftables-json(5)).

use alloc::{collections::BTreeSet, string::String, vec::Vec};
use core::net::{Ipv4Addr, Ipv6Addr};

use serde_json::Value;

use super::{Body, Hook, Is, Match, Name, Rule, Set, SetKind, Verdict, elements};
use crate::{
    address::Family,
    firewall::protocols,
    gate::{Generation, InterfacePattern, JUDGED},
    port::Protocol,
};

/// More bytes than this are not read.
const TEXT_BYTES_MAX: usize = 256 << 20;

impl Body {
    /// Reads what [`Self::saved`] wrote; `None` where it is anything else.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        if text.len() > TEXT_BYTES_MAX {
            return None;
        }
        let objects: Vec<Value> = serde_json::from_str(text).ok()?;
        let mut reader = Reader::of(Generation::A);
        for object in &objects {
            let (kind, inner) = object.as_object()?.iter().next()?;
            match kind.as_str() {
                "set" => reader.set(inner),
                "chain" => reader.chain(inner),
                "rule" => reader.rule(inner),
                _ => return None,
            }
        }
        reader.end()
    }
}

/// Collects what a generation is made of, object by object.
pub(in crate::gate) struct Reader {
    generation: Generation,
    body: Body,
    is_known: bool,
}

impl Reader {
    pub(in crate::gate) fn of(generation: Generation) -> Self {
        Self { generation, body: Body::default(), is_known: true }
    }

    /// The body, where all of it was as this program makes it.
    pub(in crate::gate) fn end(self) -> Option<Body> {
        self.is_known.then_some(self.body)
    }

    /// A set whose name begins with that of the generation.
    pub(in crate::gate) fn set(&mut self, inner: &Value) {
        match self.read_set(inner) {
            Some(set) => self.body.sets.push(set),
            None => self.is_known = false,
        }
    }

    /// A chain whose name begins with that of the generation.
    pub(in crate::gate) fn chain(&mut self, inner: &Value) {
        let name = inner.get("name").and_then(|name| self.own(name.as_str()?));
        let is_first = |name: &String| Hook::ALL.iter().any(|hook| hook.name() == name);
        let is_of_zone = |name: &String| name.starts_with("zone_");
        let is_plain = inner.get("hook").is_none();
        let Some(name) = name.filter(|name| is_plain && (is_first(name) || is_of_zone(name))) else {
            self.is_known = false;
            return;
        };
        if is_of_zone(&name) && !name.ends_with(super::PUBLISHED) {
            self.body.zones.push(name.clone());
        }
        self.body.chains.insert(name, Vec::new());
    }

    /// A rule of such a chain.
    pub(in crate::gate) fn rule(&mut self, inner: &Value) {
        let chain = inner.get("chain").and_then(|name| self.own(name.as_str()?));
        let rule = self.read_rule(inner);
        match (chain.and_then(|chain| self.body.chains.get_mut(&chain)), rule) {
            (Some(rules), Some(rule)) => rules.push(rule),
            _ => self.is_known = false,
        }
    }

    fn read_set(&self, inner: &Value) -> Option<Set> {
        let kind = match inner.get("type")?.as_str()? {
            "inet_service" => SetKind::Ports,
            "ipv4_addr" => SetKind::Addresses(Family::Ipv4),
            "ipv6_addr" => SetKind::Addresses(Family::Ipv6),
            _ => return None,
        };
        let name = self.own(inner.get("name")?.as_str()?)?;
        Some(Set { name, kind, elements: elements::read(inner.get("elem")?, kind)? })
    }

    fn read_rule(&self, inner: &Value) -> Option<Rule> {
        let (verdict, matches) = inner.get("expr")?.as_array()?.split_last()?;
        let matches = matches.iter().map(|one| self.read_match(one.get("match")?));
        Some(Rule { matches: matches.collect::<Option<_>>()?, verdict: self.read_verdict(verdict)? })
    }

    fn read_verdict(&self, verdict: &Value) -> Option<Verdict> {
        let target = |kind: &str| self.name(verdict.get(kind)?.get("target")?.as_str()?);
        match verdict.as_object()?.keys().next()?.as_str() {
            "accept" => Some(Verdict::Accept),
            "jump" => target("jump").map(Verdict::Jump),
            "goto" => target("goto").map(Verdict::Goto),
            _ => None,
        }
    }

    fn read_match(&self, inner: &Value) -> Option<Match> {
        let (left, right) = (inner.get("left")?, inner.get("right")?);
        let is = match inner.get("op")?.as_str()? {
            "==" | "in" => Is::AmongThem,
            "!=" => Is::NoneOfThem,
            _ => return None,
        };
        let meta = left.get("meta").and_then(|meta| meta.get("key")?.as_str());
        match (meta, is) {
            (Some("l4proto"), is) => return Some(Match::Transport(is, among(right, transport)?)),
            (_, Is::NoneOfThem) => return None,
            (Some("nfproto"), _) => return family(right.as_str()?).map(Match::Family),
            (Some("iifname"), _) => {
                return among(right, |name| InterfacePattern::of(name.as_str()?)).map(Match::Interface);
            }
            (Some(_), _) => return None,
            (None, _) => {}
        }
        let set = || self.name(right.as_str()?.strip_prefix('@')?);
        if let Some(payload) = left.get("payload") {
            return match (payload.get("protocol")?.as_str()?, payload.get("field")?.as_str()?) {
                ("ip", "saddr") => Some(Match::Source(Family::Ipv4, set()?)),
                ("ip6", "saddr") => Some(Match::Source(Family::Ipv6, set()?)),
                ("ip", "daddr") => among(right, ipv4).map(|to| Match::Ipv4(Hook::Input, to)),
                ("ip6", "daddr") => among(right, ipv6).map(|to| Match::Ipv6(Hook::Input, to)),
                (protocol, "dport") => Some(Match::Port(judged(protocol)?, set()?)),
                _ => None,
            };
        }
        let connection = left.get("ct").filter(|ct| ct.get("dir").is_some_and(|dir| dir == "original"))?;
        match connection.get("key")?.as_str()? {
            "ip daddr" => among(right, ipv4).map(|to| Match::Ipv4(Hook::Forward, to)),
            "ip6 daddr" => among(right, ipv6).map(|to| Match::Ipv6(Hook::Forward, to)),
            "proto-dst" => Some(Match::OriginalPort(set()?)),
            _ => None,
        }
    }

    /// A name without that of the generation, where it is its own and one that can be written.
    fn own(&self, name: &str) -> Option<String> {
        match self.name(name)? {
            Name::Own(name) => Some(name),
            Name::Shared(_) => None,
        }
    }

    fn name(&self, name: &str) -> Option<Name> {
        let is_plain =
            name.len() < 256 && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        let own = name.strip_prefix(self.generation.begin());
        is_plain.then(|| own.map_or_else(|| Name::Shared(name.into()), |own| Name::Own(own.into())))
    }
}

/// The value, or each of a set.
fn among<T: Ord>(right: &Value, read: impl Fn(&Value) -> Option<T>) -> Option<BTreeSet<T>> {
    match right.get("set") {
        Some(values) => values.as_array()?.iter().map(read).collect(),
        None => Some([read(right)?].into()),
    }
}

fn transport(value: &Value) -> Option<u8> {
    match value.as_str() {
        Some(name) => protocols::named_by_nft(name),
        None => u8::try_from(value.as_u64()?).ok(),
    }
}

fn judged(name: &str) -> Option<Protocol> {
    JUDGED.into_iter().find(|protocol| protocol.name() == name)
}

fn family(name: &str) -> Option<Family> {
    Family::ALL.into_iter().find(|family| family.name() == name)
}

fn ipv4(value: &Value) -> Option<Ipv4Addr> {
    value.as_str()?.parse().ok()
}

fn ipv6(value: &Value) -> Option<Ipv6Addr> {
    value.as_str()?.parse().ok()
}
