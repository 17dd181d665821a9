//! Answers to what this host began that a gate cannot tell from what others begin: a rule takes them out of tracking (A15).

use alloc::{collections::BTreeSet, string::String, vec::Vec};

use crate::{
    address::Family,
    exposure::{Senders, arrives, destinations},
    firewall::{Effect, Field, Filter, Intervals, Met, Packets, Place, State, Step, Trace, trace},
    gate::{JUDGED, Ports},
    port::{PortRange, PortSpec, Protocol},
    world::World,
};

/// Answers that the gate would refuse.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UntrackedAnswers {
    /// The ports of others from which they come.
    pub from: Ports,
    /// The rules that take them out of tracking.
    pub by: Vec<String>,
}

/// SYN and ACK, of the first answer to whoever begins a connection (RFC 9293 §3.1).
const SYN_ACK: u128 = 0x12;
/// The other way of a connection, as [`Field::Direction`] has it.
const BACK: u128 = 1;

/// What the gate of `after` refuses of the answers to ports that the kernel hands out to clients.
pub(super) fn untracked(world: &World<'_>, after: &Filter) -> Option<UntrackedAnswers> {
    let own = world.own_namespace()?;
    let mut rules = after.ruleset.chains.iter().flat_map(|chain| &chain.rules);
    if !rules.any(|rule| rule.steps.contains(&Step::Untrack)) {
        return None;
    }
    let (mut from, mut by) = (Vec::new(), BTreeSet::new());
    for (protocol, family) in JUDGED.into_iter().flat_map(|it| Family::ALL.map(|family| (it, family))) {
        for Trace { parts, steps } in answers(after, (protocol, family), own.client_range) {
            let is_refused = |place: &Place| after.ruleset.is_of_gate(*place);
            let lost =
                parts.iter().filter(|part| !arrives(&part.fate) && part.decided_by.iter().any(is_refused));
            let ports = lost.fold(Intervals::none(), |all, part| all.or(part.packets.of(Field::SourcePort)));
            if !ports.is_empty() {
                from.extend(specs(&ports, protocol));
                by.extend(steps.iter().filter_map(|step| untracking(&step.met)));
            }
        }
    }
    let by: Vec<String> = by.into_iter().map(|place| after.ruleset.named(place)).collect();
    (!by.is_empty()).then(|| UntrackedAnswers { from: from.into_iter().collect(), by })
}

/// What becomes of the first answers of everybody else to `ports` of this host.
fn answers(after: &Filter, (protocol, family): (Protocol, Family), ports: PortRange) -> Vec<Trace> {
    let fixed = [
        (Field::Protocol, protocol.number().into()),
        (Field::State, State::Established.number()),
        (Field::Direction, BACK),
        (Field::TcpFlags, SYN_ACK),
    ];
    let sent = Senders::World.packets(&after.around, family).into_iter().map(|(sender, packets)| {
        let with = |packets: Packets, (field, number)| packets.with(field, Intervals::one(number));
        let packets = fixed.into_iter().fold(packets, with);
        let packets = packets
            .with(Field::Destination, destinations(&after.around, family, sender))
            .with(Field::DestinationPort, Intervals::span(ports.first.into(), ports.last.into()));
        trace(&after.ruleset, &after.around, sender, &packets)
    });
    sent.collect()
}

/// The rule that took packets out of tracking, where that is what they met.
const fn untracking(met: &Met) -> Option<Place> {
    match met {
        Met::Did(place, Effect::Untracked) => Some(*place),
        _ => None,
    }
}

fn specs(ports: &Intervals, protocol: Protocol) -> impl Iterator<Item = PortSpec> {
    let port = |number| u16::try_from(number).unwrap_or(u16::MAX);
    ports
        .iter()
        .map(move |it| PortSpec { range: PortRange { first: port(it.first), last: port(it.last) }, protocol })
}

#[cfg(test)]
mod tests {
    use alloc::format;

    use super::*;
    use crate::{
        facts::Listing,
        plan::tests::{host, planned},
    };

    fn told(rules: &str, declared: &str) -> Option<String> {
        let mut scene = host(&[("own", declared, "world")], "-A INPUT -j ACCEPT\n");
        let listings = &mut scene.snapshot.firewall.as_mut().unwrap().listings;
        let raw = format!("*raw\n:PREROUTING ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n{rules}COMMIT\n");
        listings.get_mut(&Listing::IptablesLegacy).unwrap().push_str(&raw);
        let UntrackedAnswers { from, by } = planned(&scene).untracked?;
        let from: Vec<String> = from.specs().map(|spec| format!("{spec}")).collect();
        Some(format!("{} {}", from.join(" "), by.join(" | ")))
    }

    #[test]
    fn what_is_answered_and_not_tracked_is_told_with_its_rule() {
        let untracked = "-A PREROUTING -p udp -m udp --sport 53 -j NOTRACK\n";
        let said = told(untracked, "22/tcp");
        assert_eq!(
            said.as_deref(),
            Some("53/udp ip raw PREROUTING: -A PREROUTING -p udp -m udp --sport 53 -j NOTRACK")
        );
        // Whoever declares the ports that answers come to lets them in.
        assert_eq!(told(untracked, "1024-65535/udp"), None);
        // A service of this host, to which others begin.
        assert_eq!(told("-A PREROUTING -p tcp -m tcp --dport 80 -j NOTRACK\n", "22/tcp"), None);
        assert_eq!(told("", "22/tcp"), None);
    }
}
