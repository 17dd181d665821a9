//! What the frame of a packet says, and the port of a bridge that it came in by (net/netfilter/xt_{pkttype,physdev}.c).

use alloc::vec;

use super::{Given, Match, Scope};
use crate::firewall::{
    iptables::questions::{always, either, never, not, not_if},
    packets::Field,
    ruleset::{AddressKind, Question},
};

pub(super) const PKTTYPE: Match = Match { name: "pkttype", options: &[("--pkt-type", 1)], read: kind };

pub(super) const PHYSDEV: Match = Match {
    name: "physdev",
    options: &[
        ("--physdev-in", 1),
        ("--physdev-out", 1),
        ("--physdev-is-in", 0),
        ("--physdev-is-out", 0),
        ("--physdev-is-bridged", 0),
    ],
    read: port,
};

/// Who wants to be heard sends a packet in the frame that its destination calls for.
fn kind(given: &[Given<'_>], _: &Scope<'_>) -> Option<Question> {
    let option = given.first()?;
    let kinds = match option.value() {
        "unicast" => AddressKind::OF_ONE_HOST.into(),
        "broadcast" => vec![AddressKind::Broadcast],
        "multicast" => vec![AddressKind::Multicast],
        _ => return None,
    };
    Some(not_if(option.is_negated, Question::Kind(Field::Destination, kinds)))
}

/// What came by no bridge has no such port, so it holds where every option is negated. Of what did, nobody can tell.
fn port(given: &[Given<'_>], scope: &Scope<'_>) -> Option<Question> {
    let bridges = Question::Is(Field::InInterface, scope.around.those(|interface| interface.is_bridge));
    let otherwise = if given.iter().all(|option| option.is_negated) { always() } else { never() };
    Some(either(
        Question::All(vec![bridges.clone(), Question::Unknown]),
        Question::All(vec![not(bridges), otherwise]),
    ))
}
