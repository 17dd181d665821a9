//! Whether a packet is in a set of ipset(8) (net/netfilter/xt_set.c).

use alloc::{vec, vec::Vec};

use super::{Given, Match, Scope};
use crate::firewall::{ipset::Side, iptables::questions::not_if, ruleset::Question};

/// How often an element was met decides too where packets or bytes are named, and nobody can tell that.
pub(super) const SET: Match = Match {
    name: "set",
    options: &[
        ("--match-set", 2),
        ("--return-nomatch", 0),
        ("--update-counters", 0),
        ("--update-subcounters", 0),
        ("--packets-eq", 1),
        ("--packets-lt", 1),
        ("--packets-gt", 1),
        ("--bytes-eq", 1),
        ("--bytes-lt", 1),
        ("--bytes-gt", 1),
    ],
    read,
};

fn read(given: &[Given<'_>], scope: &Scope<'_>) -> Option<Question> {
    let find = |name: &str| given.iter().find(|option| option.name == name);
    let set = find("--match-set")?;
    if find("--return-nomatch").is_some() {
        return None;
    }
    let side = |text| match text {
        "src" => Some(Side::Source),
        "dst" => Some(Side::Destination),
        _ => None,
    };
    let sides: Vec<_> = set.second().split(',').map(side).collect::<Option<_>>()?;
    let member = scope.sets.question(set.value(), &sides, scope.family, scope.around);
    let is_counted = given.iter().any(|option| COUNTED.iter().any(|begin| option.name.starts_with(begin)));
    let question = if is_counted { Question::All(vec![member, Question::Unknown]) } else { member };
    Some(not_if(set.is_negated, question))
}

const COUNTED: [&str; 2] = ["--packets", "--bytes"];
