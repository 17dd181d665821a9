//! Ports and what else a transport's header says (net/netfilter/{xt_tcpudp,xt_multiport,xt_sctp,xt_dccp}.c).

use alloc::{vec, vec::Vec};

use super::{Given, Match, Scope};
use crate::firewall::{
    intervals::Intervals,
    iptables::{
        numbers::ports,
        questions::{masked, not_if},
    },
    packets::Field,
    ruleset::Question,
};

pub(super) const TCP: Match = Match {
    name: "tcp",
    options: &[("--sport", 1), ("--dport", 1), ("--tcp-flags", 2), ("--syn", 0), ("--tcp-option", 1)],
    read: transport,
};

pub(super) const UDP: Match =
    Match { name: "udp", options: &[("--sport", 1), ("--dport", 1)], read: transport };

pub(super) const UDPLITE: Match =
    Match { name: "udplite", options: &[("--sport", 1), ("--dport", 1)], read: transport };

pub(super) const SCTP: Match =
    Match { name: "sctp", options: &[("--sport", 1), ("--dport", 1), ("--chunk-types", 2)], read: transport };

pub(super) const DCCP: Match = Match {
    name: "dccp",
    options: &[("--sport", 1), ("--dport", 1), ("--dccp-types", 1), ("--dccp-option", 1)],
    read: transport,
};

pub(super) const MULTIPORT: Match =
    Match { name: "multiport", options: &[("--sports", 1), ("--dports", 1), ("--ports", 1)], read: several };

fn transport(given: &[Given<'_>], _: &Scope<'_>) -> Option<Question> {
    let asked = |option: &Given<'_>| {
        let question = match option.name {
            "--sport" => Question::Is(Field::SourcePort, ports(option.value())?),
            "--dport" => Question::Is(Field::DestinationPort, ports(option.value())?),
            "--tcp-flags" => masked(Field::TcpFlags, flags(option.second())?, flags(option.value())?),
            "--syn" => masked(Field::TcpFlags, flags("SYN")?, flags("FIN,SYN,RST,ACK")?),
            _ => Question::Unknown,
        };
        Some(not_if(option.is_negated, question))
    };
    Some(Question::All(given.iter().map(asked).collect::<Option<_>>()?))
}

/// include/uapi/linux/tcp.h.
const FLAGS: [(&str, u128); 8] =
    [("NONE", 0), ("FIN", 1), ("SYN", 2), ("RST", 4), ("PSH", 8), ("ACK", 16), ("URG", 32), ("ALL", 63)];

fn flags(text: &str) -> Option<u128> {
    let bits = |word: &str| FLAGS.iter().find(|(name, _)| *name == word).map(|(_, bits)| *bits);
    text.split(',').try_fold(0, |all, word| Some(all | bits(word)?))
}

fn several(given: &[Given<'_>], _: &Scope<'_>) -> Option<Question> {
    let asked = |option: &Given<'_>| {
        let list: Option<Vec<_>> = option.value().split(',').map(ports).collect();
        let list = list?.iter().fold(Intervals::none(), |all, one| all.or(one));
        let question = match option.name {
            "--sports" => Question::Is(Field::SourcePort, list),
            "--dports" => Question::Is(Field::DestinationPort, list),
            _ => Question::Any(vec![
                vec![(Field::SourcePort, list.clone())],
                vec![(Field::DestinationPort, list)],
            ]),
        };
        Some(not_if(option.is_negated, question))
    };
    Some(Question::All(given.iter().map(asked).collect::<Option<_>>()?))
}
