//! Addresses from one to another (net/netfilter/xt_iprange.c).

use super::{Given, Match, Scope};
use crate::firewall::{
    iptables::{numbers::addresses, questions::not_if},
    packets::Field,
    ruleset::Question,
};

pub(super) const IPRANGE: Match =
    Match { name: "iprange", options: &[("--src-range", 1), ("--dst-range", 1)], read };

fn read(given: &[Given<'_>], scope: &Scope<'_>) -> Option<Question> {
    let asked = |option: &Given<'_>| {
        let field = if option.name == "--src-range" { Field::Source } else { Field::Destination };
        let range = Question::Is(field, addresses(option.value(), scope.family)?);
        Some(not_if(option.is_negated, range))
    };
    Some(Question::All(given.iter().map(asked).collect::<Option<_>>()?))
}
