//! A generation as a text for nft (nft(8), "INPUT FILE FORMATS").

use alloc::{format, string::String, vec::Vec};
use core::fmt::Display;

use super::{Body, Hook, Is, Match, Name, Rule, Set, SetKind, Verdict, elements};
use crate::{
    address::Family,
    gate::{Generation, JUDGED, Transaction},
};

impl Body {
    /// All of it as text: two are the same where their texts are.
    #[must_use]
    pub fn text(&self) -> String {
        let mut transaction = Transaction::default();
        self.write(Generation::A, &mut transaction);
        transaction.as_str().into()
    }

    /// Appends the sets and chains as `generation`, whose first two chains are there, and empty.
    pub(in crate::gate) fn write(&self, generation: Generation, transaction: &mut Transaction) {
        transaction.line(format_args!("table inet portreeve {{"));
        self.sets.iter().for_each(|set| write_set(set, generation, transaction));
        for zone in &self.zones {
            for protocol in JUDGED {
                let name = format!("open_{zone}_{protocol}");
                transaction.line(format_args!("\tset {name} {{ type inet_service; flags timeout; }}"));
            }
        }
        let first = Hook::ALL.map(|hook| hook.name().into());
        for chain in self.zone_chains().chain(first) {
            transaction.line(format_args!("\tchain {generation}_{chain} {{"));
            let rules = self.rules(&chain).iter();
            rules.for_each(|rule| transaction.line(format_args!("\t\t{}", rule.text(generation))));
            transaction.line(format_args!("\t}}"));
        }
        transaction.line(format_args!("}}"));
    }
}

/// A set of intervals, which neither overlap nor touch.
fn write_set(set: &Set, generation: Generation, transaction: &mut Transaction) {
    let typed = match set.kind {
        SetKind::Ports => "inet_service",
        SetKind::Addresses(Family::Ipv4) => "ipv4_addr",
        SetKind::Addresses(Family::Ipv6) => "ipv6_addr",
    };
    transaction.write(format_args!("\tset {generation}_{} {{ type {typed}; flags interval;", set.name));
    for (at, element) in set.elements.iter().enumerate() {
        let before = if at == 0 { " elements = { " } else { ", " };
        transaction.write(format_args!("{before}{}", elements::written(element, set.kind)));
    }
    transaction.line(format_args!("{} }}", if set.elements.is_empty() { "" } else { " }" }));
}

impl Rule {
    fn text(&self, generation: Generation) -> String {
        let matches = self.matches.iter().map(|one| format!("{} ", one.text(generation)));
        let verdict = match &self.verdict {
            Verdict::Accept => "accept".into(),
            Verdict::Jump(chain) => format!("jump {}", chain.text(generation)),
            Verdict::Goto(chain) => format!("goto {}", chain.text(generation)),
        };
        matches.chain([verdict]).collect()
    }
}

impl Match {
    fn text(&self, generation: Generation) -> String {
        let original = |hook: &Hook| match hook {
            Hook::Input => "",
            Hook::Forward => "ct original ",
        };
        match self {
            // Numbers, as names of protocols are looked up in /etc/protocols, which not every host has.
            Self::Transport(Is::AmongThem, numbers) => format!("meta l4proto {}", among(numbers)),
            Self::Transport(Is::NoneOfThem, numbers) => format!("meta l4proto != {}", among(numbers)),
            Self::Family(family) => format!("meta nfproto {}", family.name()),
            Self::Interface(names) => format!("iifname {}", among(names)),
            Self::Source(family, set) => format!("{} saddr @{}", layer(*family), set.text(generation)),
            Self::Ipv4(hook, addresses) => format!("{}ip daddr {}", original(hook), among(addresses)),
            Self::Ipv6(hook, addresses) => format!("{}ip6 daddr {}", original(hook), among(addresses)),
            Self::Port(protocol, set) => format!("{protocol} dport @{}", set.text(generation)),
            Self::OriginalPort(set) => format!("ct original proto-dst @{}", set.text(generation)),
        }
    }
}

impl Name {
    pub(super) fn text(&self, generation: Generation) -> String {
        match self {
            Self::Own(name) => format!("{generation}_{name}"),
            Self::Shared(name) => name.clone(),
        }
    }
}

pub(super) const fn layer(family: Family) -> &'static str {
    match family {
        Family::Ipv4 => "ip",
        Family::Ipv6 => "ip6",
    }
}

/// What stands for one value, or for several of which one must hold.
fn among<'a, T: Display + 'a>(values: impl IntoIterator<Item = &'a T>) -> String {
    let values: Vec<String> = values.into_iter().map(|value| format!("{value}")).collect();
    match values.as_slice() {
        [one] => one.clone(),
        several => format!("{{ {} }}", several.join(", ")),
    }
}
