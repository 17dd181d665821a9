//! What rules ask about a packet (iptables-extensions(8), "MATCH EXTENSIONS").

mod address_type;
mod conntrack;
mod frame;
pub(in crate::firewall) mod icmp;
mod marks;
mod ports;
mod ranges;
mod recent;
mod reverse_path;
mod set;

use super::{
    Scope,
    questions::{always, never},
    words::{Given, Known, Words, given, leave_out},
};
use crate::firewall::ruleset::{Question, Rate};

/// A match whose options are understood.
struct Match {
    name: &'static str,
    options: &'static [Known],
    /// What it asks; `None` where that is not understood.
    read: fn(&[Given<'_>], &Scope<'_>) -> Option<Question>,
}

const MATCHES: &[Match] = &[
    address_type::ADDRTYPE,
    conntrack::CONNTRACK,
    conntrack::STATE,
    frame::PHYSDEV,
    frame::PKTTYPE,
    icmp::ICMP,
    icmp::ICMP6,
    marks::MARK,
    marks::CONNMARK,
    ports::TCP,
    ports::UDP,
    ports::UDPLITE,
    ports::SCTP,
    ports::DCCP,
    ports::MULTIPORT,
    ranges::IPRANGE,
    recent::RECENT,
    reverse_path::RPFILTER,
    set::SET,
    Match { name: "comment", options: &[("--comment", 1)], read: |_, _| Some(always()) },
];

/// Matches that hold of some packets and not of others, as a rate or a number of them allows, and what they ask; with an
/// option of [`BEYOND`] those are meant that are beyond it.
const RATES: &[(&str, Rate)] = &[
    ("connlimit", Rate::Within),
    ("hashlimit", Rate::Within),
    ("limit", Rate::Within),
    ("quota", Rate::Within),
    ("rateest", Rate::Share),
    ("statistic", Rate::Share),
];

const BEYOND: &[&str] = &["!", "--connlimit-above", "--hashlimit-above"];

/// Matches for headers that packets with ports in the first place do not have: the kernel looks for the header, and
/// where there is none the match does not hold, negated or not (net/ipv6/netfilter/ip6t_{frag,hbh,rt}.c).
const HEADERS: &[&str] = &["dst", "frag", "hbh", "rt"];

/// What the match asks that the words name, with its options; `None` where they name none.
pub(super) fn read(words: &mut Words<'_>, scope: &Scope<'_>) -> Option<Question> {
    let name = words.take()?;
    let Some(known) = MATCHES.iter().find(|known| known.name == name) else {
        let options = leave_out(words);
        let rate = RATES.iter().find(|(rate, _)| *rate == name).map(|(_, rate)| *rate);
        return Some(if let Some(rate) = rate {
            let is_beyond = options.iter().any(|option| BEYOND.contains(option));
            Question::Rate(if is_beyond && rate == Rate::Within { Rate::Beyond } else { rate })
        } else if HEADERS.contains(&name) {
            never()
        } else {
            Question::Unknown
        });
    };
    let Some(options) = given(words, known.options) else {
        leave_out(words);
        return Some(Question::Unknown);
    };
    Some((known.read)(&options, scope).unwrap_or(Question::Unknown))
}
