//! Where rules of a host lead what it sends to itself, if not to itself: of whoever is there nothing is proven (A17, A20).

use alloc::vec::Vec;

use crate::{
    exposure::{Exposure, How},
    firewall::{Filter, Intervals, NewAddress, Place, Step},
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
/// and rule. `exposures` are what becomes of packets of the host to the address that is asked.
#[must_use]
pub fn led_away(filter: &Filter, exposures: &[Exposure], asked: &[u16]) -> Vec<Away> {
    let mut found: Vec<Away> = Vec::new();
    for exposure in exposures {
        let place = asked.partition_point(|port| u128::from(*port) < exposure.ports.first);
        let port = asked.get(place).filter(|port| u128::from(**port) <= exposure.ports.last);
        let Some(port) = port else { continue };
        for (to, by) in ways(filter, exposure) {
            if !found.iter().any(|known| (&known.to, known.by) == (&to, by)) {
                found.push(Away { port: *port, to, by });
            }
        }
    }
    found
}

/// Where they are led, and where they may be, as nobody knows whether a rule holds; each with the rule.
fn ways(filter: &Filter, exposure: &Exposure) -> Vec<(Intervals, Option<Place>)> {
    let by = || exposure.decided_by.iter().copied().find(|place| new_address(filter, *place).is_some());
    let sure = exposure.ways.iter().filter_map(|way| match &way.how {
        How::Forwarded(to) => Some((to.address.clone()?, by())),
        _ => None,
    });
    let doubted = exposure.doubts.iter().filter_map(|place| {
        let to = match new_address(filter, *place)? {
            NewAddress::One(addresses) => addresses.clone(),
            NewAddress::Own => return None,
            NewAddress::Same { .. } | NewAddress::Unknown => Intervals::none(),
        };
        Some((to, Some(*place)))
    });
    sure.chain(doubted).collect()
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
        address::Family,
        exposure::{Senders, To, exposed},
        firewall::{address, number},
        port::{PortRange, Protocol},
        rules::testing::{scene, translated},
    };

    /// From which port this host's own packets to itself are led where, by which rule.
    fn found(rule: &str, asked: &[u16]) -> Vec<(u16, String, String)> {
        let scene = scene().filtered(translated("", rule), &[]);
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
            led_away(filter, &exposures, asked).iter().map(told).collect()
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

    #[test]
    fn what_stays_here_is_not_led_away() {
        for to in ["REDIRECT --to-ports 9000", "DNAT --to-destination 127.0.0.1:9000", "ACCEPT"] {
            assert!(found(&format!("-A OUTPUT -p tcp -j {to}"), &[22]).is_empty(), "{to}");
        }
        let doubted = "-A OUTPUT -p tcp -m owner --uid-owner 0 -j REDIRECT --to-ports 9000";
        assert!(found(doubted, &[22]).is_empty());
    }
}
