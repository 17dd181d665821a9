//! Where rules of a host lead what it sends to itself, if not to itself: of whoever is there nothing is proven (A17, A20).

use alloc::vec::Vec;

use crate::{
    address::Family,
    exposure::{Exposure, How, To},
    firewall::{
        Chain, ChainId, Decision, Field, Filter, Hook, Intervals, Layer, NewAddress, Place, Question, Step,
    },
};

/// A port from which packets are led away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Away {
    /// The first one.
    pub port: u16,
    /// The addresses that they are led to; none where that cannot be told.
    pub to: Intervals,
    /// The rule that does it.
    pub by: Option<Place>,
}

/// Of the ports that are `asked`, in order, those from which packets are led to other addresses, or may be: one for each address
/// and rule. `exposures` are what becomes of packets of the host to where they go.
#[must_use]
pub fn led_away(filter: &Filter, exposures: &[Exposure], asked: &[u16], to: &To) -> Vec<Away> {
    let mut found: Vec<Away> = Vec::new();
    for exposure in exposures {
        let before = asked.partition_point(|port| u128::from(*port) < exposure.ports.first);
        let through = asked.partition_point(|port| u128::from(*port) <= exposure.ports.last);
        for away in ways(filter, exposure, asked.get(before..through).unwrap_or_default(), to) {
            if !found.iter().any(|known| (&known.to, known.by) == (&away.to, away.by)) {
                found.push(away);
            }
        }
    }
    found
}

/// The first rule that may write another destination into packets of this host to any port that is asked, whosever that is.
#[must_use]
pub fn written_over(filter: &Filter, asked: &[u16], to: &To) -> Option<Away> {
    let writes = |place: &Place| sees_own(filter, *place) && is_overwritten(filter, *place);
    places(filter).filter(writes).find_map(|place| {
        let port = asked.iter().copied().find(|port| may_be_about(filter, place, to, *port))?;
        Some(Away { port, to: Intervals::none(), by: Some(place) })
    })
}

/// Where the ports that are asked of one run are led, and where they may be, as nobody knows whether a rule holds.
fn ways(filter: &Filter, exposure: &Exposure, asked: &[u16], to: &To) -> Vec<Away> {
    let Some(first) = asked.first().copied() else { return Vec::new() };
    let by = || exposure.decided_by.iter().copied().find(|place| new_address(filter, *place).is_some());
    let sure = exposure.ways.iter().filter_map(|way| match &way.how {
        How::Forwarded(to) => Some(Away { port: first, to: to.address.clone()?, by: by() }),
        _ => None,
    });
    let doubted = exposure.doubts.iter().filter_map(|place| perhaps(filter, *place, first));
    let is_hidden = exposure.doubts.iter().any(|place| ends_in_doubt(filter, *place));
    let behind = places(filter).filter(|_| is_hidden).filter_map(|place| {
        let away = perhaps(filter, place, first)?;
        let port = asked.iter().copied().find(|port| may_be_about(filter, place, to, *port))?;
        Some(Away { port, ..away })
    });
    sure.chain(doubted).chain(behind).collect()
}

/// Where a rule may lead what this host sends to a port, if to any other address.
fn perhaps(filter: &Filter, place: Place, port: u16) -> Option<Away> {
    if !sees_own(filter, place) {
        return None;
    }
    let to = match new_address(filter, place) {
        Some(NewAddress::One(addresses)) => addresses.clone(),
        Some(NewAddress::Same { .. } | NewAddress::Unknown) => Intervals::none(),
        None if is_overwritten(filter, place) => Intervals::none(),
        Some(NewAddress::Own) | None => return None,
    };
    Some(Away { port, to, by: Some(place) })
}

fn is_overwritten(filter: &Filter, place: Place) -> bool {
    filter.ruleset.rule(place).is_some_and(|rule| rule.steps.contains(&Step::Overwrite))
}

/// Whether what this host sends may meet a rule before it is settled where it goes; of a chain that others lead to nobody looks
/// up which.
fn sees_own(filter: &Filter, place: Place) -> bool {
    let base = filter.ruleset.chains.get(place.chain.0).and_then(|chain| chain.base.as_ref());
    base.is_none_or(|base| base.hook == Hook::Output)
}

/// Whether a rule leaves it open what becomes of a packet that this host sends: rules behind it may see it yet.
fn ends_in_doubt(filter: &Filter, place: Place) -> bool {
    let rule = filter.ruleset.rule(place).filter(|_| sees_own(filter, place));
    rule.is_some_and(|rule| rule.steps.contains(&Step::Decide(Decision::Queue)))
}

/// Whether a rule may be about packets to this port of those addresses, as far as it asks for any of that itself.
fn may_be_about(filter: &Filter, place: Place, to: &To, port: u16) -> bool {
    let layer = filter.ruleset.chains.get(place.chain.0).map(|chain| chain.layer);
    let other = if to.family == Family::Ipv4 { Layer::Ip6 } else { Layer::Ip };
    let excludes = |step: &Step| match step {
        Step::Ask(Question::Is(Field::DestinationPort, wanted)) => !wanted.contains(port.into()),
        Step::Ask(Question::Is(Field::Protocol, wanted)) => !wanted.contains(to.protocol.number().into()),
        Step::Ask(Question::Is(Field::Destination, wanted)) => {
            to.addresses.as_ref().is_some_and(|addresses| wanted.and(addresses).is_empty())
        }
        _ => false,
    };
    layer != Some(other) && filter.ruleset.rule(place).is_some_and(|rule| !rule.steps.iter().any(excludes))
}

fn places(filter: &Filter) -> impl Iterator<Item = Place> {
    let chains = filter.ruleset.chains.iter().enumerate();
    chains.flat_map(|(chain, Chain { rules, .. })| {
        (0..rules.len()).map(move |rule| Place { chain: ChainId(chain), rule: Some(rule) })
    })
}

fn new_address(filter: &Filter, place: Place) -> Option<&NewAddress> {
    filter.ruleset.rule(place)?.steps.iter().find_map(|step| match step {
        Step::Rewrite(target) => target.address.as_ref(),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use alloc::{
        format,
        string::{String, ToString},
    };
    use core::net::Ipv4Addr;

    use super::*;
    use crate::{
        exposure::{Senders, exposed},
        facts::{Firewall, Listing},
        firewall::{address, number},
        port::{PortRange, Protocol},
        rules::testing::{scene, translated},
    };

    /// From which port this host's own packets to itself are led where, by which rule.
    fn found(rule: &str, asked: &[u16]) -> Vec<(u16, String, String)> {
        of(translated("", rule), asked)
    }

    /// The same of a rule of nft(8), as a chain of this kind has it.
    fn found_by_nft(base: &str, expressions: &str, translation: &str) -> Vec<(u16, String, String)> {
        of(by_nft(base, expressions, translation), &[22])
    }

    fn by_nft(base: &str, expressions: &str, translation: &str) -> Firewall {
        let mut firewall = translated("", translation);
        let listed = format!(
            r#"{{"nftables": [{{"table": {{"family": "ip", "name": "t", "handle": 1}}}},
            {{"chain": {{"family": "ip", "table": "t", "name": "o", "handle": 1, {base}, "policy": "accept"}}}},
            {{"rule": {{"family": "ip", "table": "t", "chain": "o", "handle": 2, "expr": [{expressions}]}}}}]}}"#
        );
        firewall.listings.insert(Listing::Nft, listed);
        firewall
    }

    fn of(firewall: Firewall, asked: &[u16]) -> Vec<(u16, String, String)> {
        let scene = scene().filtered(firewall, &[]);
        scene.with_world(|world| {
            let filter = world.filter().unwrap();
            let to = To {
                family: Family::Ipv4,
                protocol: Protocol::Tcp,
                addresses: Some(Intervals::one(number(Ipv4Addr::LOCALHOST.into()))),
                ports: PortRange::EVERY,
            };
            let exposures = exposed(filter, &Senders::Host, &to);
            let told = |Away { port, to, by }: &Away| {
                let to = to.only().map(|it| address(it, Family::Ipv4).to_string()).unwrap_or_default();
                (*port, to, by.map(|by| filter.ruleset.text(by).into()).unwrap_or_default())
            };
            led_away(filter, &exposures, asked, &to).iter().map(told).collect()
        })
    }

    #[test]
    fn what_goes_to_another_host_is_found_where_its_port_is_asked() {
        let rule = "-A OUTPUT -p tcp -m tcp --dport 8001:8009 -j DNAT --to-destination 198.51.100.9:80";
        let told = found(rule, &[22, 8_003, 8_004]);
        assert_eq!(told, [(8_003, "198.51.100.9".into(), rule.into())]);
        assert!(found(rule, &[22, 8_010]).is_empty());
    }

    #[test]
    fn of_a_rule_that_may_hold_nobody_knows_that_it_does_not() {
        let rule = "-A OUTPUT -p tcp -m owner --uid-owner 0 -j DNAT --to-destination 198.51.100.9";
        assert_eq!(found(rule, &[22]), [(22, "198.51.100.9".into(), rule.into())]);
    }

    const OUTPUT: &str = r#""type": "route", "hook": "output", "prio": -150"#;
    const INPUT: &str = r#""type": "filter", "hook": "input", "prio": 0"#;

    /// What a rule of this chain writes there, as `nft -j` tells it.
    fn overwritten(base: &str, port: u16, key: &str) -> Vec<(u16, String, String)> {
        let asked = format!(
            r#"{{"match": {{"op": "==", "left": {{"payload": {{"protocol": "tcp", "field": "dport"}}}}, "right": {port}}}}}"#
        );
        found_by_nft(
            base,
            &format!(r#"{asked}, {{"mangle": {{"key": {{"payload": {key}}}, "value": 7}}}}"#),
            "",
        )
    }

    #[test]
    fn who_writes_over_the_destination_of_each_packet_may_lead_it_to_anybody() {
        let by_name = r#"{"protocol": "ip", "field": "daddr"}"#;
        let raw = |offset, length| format!(r#"{{"base": "nh", "offset": {offset}, "len": {length}}}"#);
        let told = overwritten(OUTPUT, 22, by_name);
        assert_eq!(told, [(22, String::new(), "tcp dport 22 ip daddr set 7".into())]);
        for key in [raw(128, 32), raw(120, 16), raw(96, 64), raw(240, 8)] {
            assert_eq!(overwritten(OUTPUT, 22, &key).len(), 1, "{key}");
        }
        let source = r#"{"protocol": "ip", "field": "saddr"}"#;
        let port = r#"{"base": "th", "offset": 128, "len": 32}"#;
        for key in [raw(96, 32), raw(320, 8), source.into(), port.into()] {
            assert!(overwritten(OUTPUT, 22, &key).is_empty(), "{key}");
        }
        assert!(overwritten(OUTPUT, 23, by_name).is_empty(), "another port");
        assert!(overwritten(INPUT, 22, by_name).is_empty(), "it is here by then");
    }

    #[test]
    fn whosever_the_target_is_nobody_writes_another_one_into_what_is_sent_to_it() {
        let asked = r#"{"match": {"op": "==", "left": {"payload": {"protocol": "tcp", "field": "dport"}}, "right": 22}}"#;
        let rule = format!(
            r#"{asked}, {{"mangle": {{"key": {{"payload": {{"protocol": "ip", "field": "daddr"}}}}, "value": 7}}}}"#
        );
        let scene = scene().filtered(by_nft(OUTPUT, &rule, ""), &[]);
        let found = |protocol, family, ports: &[u16]| {
            let addresses = Some(Intervals::one(number(Ipv4Addr::new(192, 0, 2, 7).into())));
            let to = To { family, protocol, addresses, ports: PortRange::EVERY };
            scene.with_world(|world| written_over(world.filter().unwrap(), ports, &to).map(|away| away.port))
        };
        assert_eq!(found(Protocol::Tcp, Family::Ipv4, &[21, 22, 23]), Some(22));
        assert_eq!(found(Protocol::Tcp, Family::Ipv4, &[21, 23]), None);
        assert_eq!(found(Protocol::Udp, Family::Ipv4, &[22]), None);
        assert_eq!(found(Protocol::Tcp, Family::Ipv6, &[22]), None);
    }

    #[test]
    fn what_nobody_follows_to_its_end_may_meet_what_leads_it_away() {
        let queue = r#"{"queue": {"num": 0}}"#;
        let away = "-A OUTPUT -p tcp -m tcp --dport 22 -j DNAT --to-destination 198.51.100.9";
        assert_eq!(found_by_nft(OUTPUT, queue, away), [(22, "198.51.100.9".into(), away.into())]);
        assert!(
            found_by_nft(
                OUTPUT,
                queue,
                "-A OUTPUT -p tcp -m tcp --dport 23 -j DNAT --to-destination 198.51.100.9"
            )
            .is_empty()
        );
        assert!(found_by_nft(OUTPUT, queue, "-A OUTPUT -p tcp -j REDIRECT --to-ports 9000").is_empty());
        assert!(
            found_by_nft(INPUT, queue, "-A PREROUTING -p tcp -j DNAT --to-destination 198.51.100.9")
                .is_empty()
        );
    }

    #[test]
    fn a_prefix_that_ip6tables_writes_over_leads_away_too() {
        let mut firewall = translated("", "");
        let table = "*mangle\n:OUTPUT ACCEPT [0:0]\n-A OUTPUT -j DNPT --src-pfx 2001:db8::/64 --dst-pfx 2001:db8:9::/64\nCOMMIT\n";
        firewall.listings.insert(Listing::IptablesLegacy, table.into());
        assert_eq!(of(firewall, &[22]).len(), 1);
    }

    #[test]
    fn what_stays_here_is_not_led_away() {
        for to in ["REDIRECT --to-ports 9000", "DNAT --to-destination 127.0.0.1:9000", "ACCEPT"] {
            assert!(found(&format!("-A OUTPUT -p tcp -j {to}"), &[22]).is_empty(), "{to}");
        }
        let doubted = "-A OUTPUT -p tcp -m owner --uid-owner 0 -j REDIRECT --to-ports 9000";
        assert!(found(doubted, &[22]).is_empty());
    }
}
