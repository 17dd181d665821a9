//! A generation as nft 1.0.6 lists it, but for handles (libnftables-json(5)).

use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};

use serde_json::{Value, json};

use super::{Body, Hook, Is, Match, Name, Rule, Set, SetKind, Verdict, elements, text::layer};
use crate::{
    address::Family,
    firewall::protocols,
    gate::{Generation, InterfacePattern, JUDGED, TABLE},
};

/// What stands for every generation of the gate, as it is listed.
const FIXED: &str = include_str!("../table.json");

/// The objects of a table that was just made, in the order of a listing, but for the table itself.
pub(in crate::gate) fn fixed() -> Vec<Value> {
    let objects: Vec<Value> = serde_json::from_str(FIXED).expect("it is a listing");
    objects
}

/// An object of the table.
pub(in crate::gate) fn object(kind: &str, mut inner: Value) -> Value {
    inner["family"] = "inet".into();
    inner["table"] = TABLE.into();
    json!({ kind: inner })
}

impl Body {
    /// All of it as JSON: the objects of a listing.
    #[must_use]
    pub fn saved(&self) -> String {
        let first = Hook::ALL.map(|hook| object("chain", json!({"name": format!("a_{}", hook.name())})));
        let sets = self.sets.iter().map(|set| set.listed(Generation::A));
        let chains = first.into_iter().chain(self.listed_chains(Generation::A));
        let all: Vec<_> = sets.chain(chains).chain(self.listed_rules(Generation::A)).collect();
        Value::Array(all).to_string()
    }

    /// Its sets, and those of ports that are open for a while.
    pub(in crate::gate) fn listed_sets(&self, generation: Generation) -> Vec<Value> {
        let own = self.sets.iter().map(|set| set.listed(generation));
        let open = self.zones.iter().flat_map(|zone| {
            JUDGED.map(|protocol| {
                let name = format!("open_{zone}_{protocol}");
                object("set", json!({"name": name, "type": "inet_service", "flags": ["timeout"]}))
            })
        });
        own.chain(open).collect()
    }

    /// Its chains beside the first ones.
    pub(in crate::gate) fn listed_chains(&self, generation: Generation) -> Vec<Value> {
        let chain = |name: String| object("chain", json!({"name": format!("{generation}_{name}")}));
        self.zone_chains().map(chain).collect()
    }

    /// All of its rules.
    pub(in crate::gate) fn listed_rules(&self, generation: Generation) -> Vec<Value> {
        let of = |(chain, rules): (&String, &Vec<Rule>)| {
            let rule = |rule: &Rule| {
                object(
                    "rule",
                    json!({"chain": format!("{generation}_{chain}"), "expr": rule.listed(generation)}),
                )
            };
            rules.iter().map(rule).collect::<Vec<_>>()
        };
        self.chains.iter().flat_map(of).collect()
    }
}

impl Set {
    fn listed(&self, generation: Generation) -> Value {
        let typed = match self.kind {
            SetKind::Ports => "inet_service",
            SetKind::Addresses(Family::Ipv4) => "ipv4_addr",
            SetKind::Addresses(Family::Ipv6) => "ipv6_addr",
        };
        let elements: Vec<_> =
            self.elements.iter().map(|element| elements::listed(element, self.kind)).collect();
        let name = format!("{generation}_{}", self.name);
        object("set", json!({"name": name, "type": typed, "flags": ["interval"], "elem": elements}))
    }
}

impl Rule {
    fn listed(&self, generation: Generation) -> Vec<Value> {
        let matches = self.matches.iter().map(|one| one.listed(generation));
        let verdict = match &self.verdict {
            Verdict::Accept => json!({"accept": null}),
            Verdict::Jump(chain) => json!({"jump": {"target": chain.text(generation)}}),
            Verdict::Goto(chain) => json!({"goto": {"target": chain.text(generation)}}),
        };
        matches.chain([verdict]).collect()
    }
}

impl Match {
    fn listed(&self, generation: Generation) -> Value {
        let set = |name: &Name| json!(format!("@{}", name.text(generation)));
        let payload =
            |protocol: &str, field: &str| json!({"payload": {"protocol": protocol, "field": field}});
        let original = |key: &str| json!({"ct": {"key": key, "dir": "original"}});
        let to = |hook: Hook, layer: &str| match hook {
            Hook::Input => payload(layer, "daddr"),
            Hook::Forward => original(&format!("{layer} daddr")),
        };
        let meta = |key: &str| json!({"meta": {"key": key}});
        let (op, left, right) = match self {
            Self::Transport(is, numbers) => {
                let names = numbers.iter().map(|number| transport(*number));
                let op = if *is == Is::AmongThem { "==" } else { "!=" };
                (op, meta("l4proto"), among(names))
            }
            Self::Family(family) => ("==", meta("nfproto"), json!(family.name())),
            Self::Interface(names) => {
                ("==", meta("iifname"), among(sorted(names).map(|name| json!(name.as_str()))))
            }
            Self::Source(family, name) => ("==", payload(layer(*family), "saddr"), set(name)),
            Self::Ipv4(hook, addresses) => ("==", to(*hook, "ip"), among(addresses.iter().map(shown))),
            Self::Ipv6(hook, addresses) => ("==", to(*hook, "ip6"), among(addresses.iter().map(shown))),
            Self::Port(protocol, name) => ("==", payload(protocol.name(), "dport"), set(name)),
            Self::OriginalPort(name) => ("==", original("proto-dst"), set(name)),
        };
        json!({"match": {"op": op, "left": left, "right": right}})
    }
}

fn shown(address: &impl core::fmt::Display) -> Value {
    json!(format!("{address}"))
}

/// As nft names them where the host has /etc/protocols; by the number where it does not.
fn transport(number: u8) -> Value {
    protocols::printed_by_nft(number).map_or_else(|| json!(number), |name| json!(name))
}

fn among(values: impl Iterator<Item = Value>) -> Value {
    let mut values: Vec<Value> = values.collect();
    if values.len() == 1 { values.remove(0) } else { json!({"set": values}) }
}

/// As nft sorts them: as numbers of 16 bytes, which are intervals where one stands for several, and else little-endian.
fn sorted<'a>(
    names: impl IntoIterator<Item = &'a InterfacePattern>,
) -> impl Iterator<Item = &'a InterfacePattern> {
    let mut names: Vec<_> = names.into_iter().collect();
    if !names.iter().any(|name| name.as_str().ends_with('*')) {
        names.sort_by_cached_key(|name| {
            let bytes: Vec<u8> = name.as_str().bytes().rev().collect();
            (bytes.len(), bytes)
        });
    }
    names.into_iter()
}
