//! Addresses that were seen before (net/netfilter/xt_recent.c).

use super::{Given, Match, Scope};
use crate::firewall::{
    iptables::questions::{always, never},
    ruleset::{Question, Rate},
};

pub(super) const RECENT: Match = Match {
    name: "recent",
    options: &[
        ("--set", 0),
        ("--rcheck", 0),
        ("--update", 0),
        ("--remove", 0),
        ("--seconds", 1),
        ("--reap", 0),
        ("--hitcount", 1),
        ("--rttl", 0),
        ("--name", 1),
        ("--mask", 1),
        ("--rsource", 0),
        ("--rdest", 0),
    ],
    read,
};

/// To remember an address always holds. Whether one was seen nobody can tell; that it was seen several times within a
/// while is a rate: the first packets are never too many.
fn read(given: &[Given<'_>], _: &Scope<'_>) -> Option<Question> {
    let find = |name: &str| given.iter().find(|option| option.name == name);
    if let Some(set) = find("--set") {
        return find("--rttl").is_none().then(|| if set.is_negated { never() } else { always() });
    }
    let hits: u32 = find("--hitcount")?.value().parse().ok()?;
    let is_rate = hits > 1 && find("--seconds").is_some() && find("--remove").is_none();
    let is_negated = given.iter().any(|option| option.is_negated);
    is_rate.then_some(Question::Rate(if is_negated { Rate::Within } else { Rate::Beyond }))
}
