//! What rules do with a packet (iptables-extensions(8), "TARGET EXTENSIONS").

mod mark;
mod nat;
mod track;

use alloc::{vec, vec::Vec};

use super::{
    Scope,
    words::{Given, Known, Words, given},
};
use crate::firewall::ruleset::{Decision, Step};

/// A target with options that matter.
struct Target {
    name: &'static str,
    options: &'static [Known],
    /// What it does; `None` where that is not understood.
    read: fn(&[Given<'_>], &Scope<'_>) -> Option<Vec<Step>>,
}

const TARGETS: &[Target] = &[
    mark::MARK,
    mark::CONNMARK,
    mark::HMARK,
    mark::SET,
    nat::DNAT,
    nat::REDIRECT,
    nat::NETMAP,
    nat::SNAT,
    nat::MASQUERADE,
    track::NOTRACK,
    track::CT,
];

/// Targets after which the next rule is gone through, and that change nothing that a rule asks here about.
const WITHOUT_EFFECT: &[&str] = &[
    "AUDIT",
    "CHECKSUM",
    "CLASSIFY",
    "CONNSECMARK",
    "DSCP",
    "ECN",
    "HL",
    "IDLETIMER",
    "LED",
    "LOG",
    "NFLOG",
    "RATEEST",
    "SECMARK",
    "TCPMSS",
    "TCPOPTSTRIP",
    "TEE",
    "TOS",
    "TRACE",
    "TTL",
    "ULOG",
];

/// What the target does that the words name, with its options.
pub(super) fn jump(words: &mut Words<'_>, scope: &Scope<'_>) -> Vec<Step> {
    let Some(name) = words.take() else { return not_understood() };
    let decision = match name {
        "ACCEPT" => Some(Decision::Accept),
        "DROP" => Some(Decision::Drop),
        "RETURN" => Some(Decision::Return),
        _ => scope.chains.get(name).map(|chain| Decision::Jump(*chain)),
    };
    match decision {
        Some(decision) if words.is_empty() => vec![Step::Decide(decision)],
        Some(_) => not_understood(),
        None if name == "REJECT" => vec![Step::Decide(Decision::Reject)],
        // Its network becomes another one, of each packet by itself.
        None if name == "DNPT" => vec![Step::Overwrite],
        None if WITHOUT_EFFECT.contains(&name) => Vec::new(),
        None => extension(name, words, scope).unwrap_or_else(not_understood),
    }
}

/// Goes to the chain that the words name.
pub(super) fn goto(words: &mut Words<'_>, scope: &Scope<'_>) -> Vec<Step> {
    let chain = words.take().and_then(|name| scope.chains.get(name));
    match chain.filter(|_| words.is_empty()) {
        Some(chain) => vec![Step::Decide(Decision::Goto(*chain))],
        None => not_understood(),
    }
}

fn extension(name: &str, words: &mut Words<'_>, scope: &Scope<'_>) -> Option<Vec<Step>> {
    let target = TARGETS.iter().find(|target| target.name == name)?;
    let options = given(words, target.options)?;
    if words.is_empty() { (target.read)(&options, scope) } else { None }
}

/// Whatever it does, as a program might that is asked (NFQUEUE): let pass, drop, or send elsewhere.
pub(super) fn not_understood() -> Vec<Step> {
    vec![Step::Decide(Decision::Queue)]
}
