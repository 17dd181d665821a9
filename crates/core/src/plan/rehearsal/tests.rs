//! Which packets try a gate, and that what is wanted of them is what the gate of the plan does.

use alloc::{format, vec::Vec};

use proptest::prelude::*;

use super::*;
use crate::{
    exposure::{Reached, Senders, To, exposed},
    firewall::{Intervals, number, read},
    gate::Keep,
    plan::{
        simulate,
        tests::{host, planned},
    },
    rules::testing::{Scene, zone},
};

const OPEN: &str = "-A INPUT -j ACCEPT\n";

fn rehearsed(scene: &Scene) -> Rehearsal {
    scene.with_world(|world| rehearsal(world, Promise::Declared).unwrap())
}

fn with_zones(mut scene: Scene) -> Scene {
    scene.policy.as_mut().unwrap().zones = [
        zone("office", &["198.51.100.0/25", "2001:db8:1::/48"], &[]),
        zone("lan", &[], &["eth*"]),
        zone("vpn", &["10.8.0.0/24"], &["tun*"]),
    ]
    .into();
    scene
}

/// `from by link to port hook`, of those of which this is wanted.
fn told(rehearsal: &Rehearsal, wanted: Fate) -> Vec<String> {
    let of = rehearsal.probes().iter().filter(|probe| probe.wanted == wanted);
    of.map(|probe| {
        let link = &rehearsal.links()[probe.link].name;
        format!("{} {link} {}/{:?} {:?}", probe.source, probe.port, probe.protocol, probe.hook)
    })
    .collect()
}

/// What the gate of the plan does to a packet, as the simulated kernel has it.
fn done(after: &crate::firewall::Filter, rehearsal: &Rehearsal, probe: &Probe) -> Fate {
    let link = &rehearsal.links()[probe.link].name;
    let senders = Senders::Behind(link, IpNet::from(probe.source));
    let to = To {
        family: Family::of(probe.destination),
        protocol: probe.protocol,
        addresses: Some(Intervals::one(number(probe.destination))),
        ports: PortRange { first: probe.port, last: probe.port },
    };
    match exposed(after, &senders, &to).first().map(|run| run.reached) {
        Some(Reached::Reachable) => Fate::LetIn,
        Some(Reached::Dropped | Reached::Rejected) => Fate::Refused,
        other => panic!("{other:?} of {probe:?}"),
    }
}

#[test]
fn the_edges_of_what_is_declared_are_tried_from_where_they_may_be_reached_and_from_elsewhere() {
    let services =
        [("web", "443/tcp", "world"), ("pool", "30000-30099/udp", "office"), ("vpn", "5000/tcp", "vpn")];
    let rehearsal = rehearsed(&with_zones(host(&services, OPEN)));
    let (let_in, refused) = (told(&rehearsal, Fate::LetIn), told(&rehearsal, Fate::Refused));
    for wanted in [
        "203.0.113.9 eth0 443/Tcp Input",
        "198.51.100. eth0 30000/Udp Input",
        "2001:db8:1: eth0 30099/Udp Input",
        "10.8.0. tun0 5000/Tcp Input",
    ] {
        let (begins, ends) = wanted.split_once(' ').unwrap();
        let is_wanted = |told: &&String| told.starts_with(begins) && told.ends_with(ends);
        assert!(let_in.iter().any(|told| is_wanted(&told)), "{wanted}: {let_in:#?}");
    }
    for wanted in ["444/Tcp Input", "29999/Udp Input", "30100/Udp Input", "6379/Tcp Input", "22/Udp Input"] {
        assert!(refused.iter().any(|told| told.ends_with(wanted)), "{wanted}: {refused:#?}");
    }
    // One address beyond the office's networks, on either side.
    for neighbour in ["198.51.99.255", "198.51.100.128", "2001:db8:2::"] {
        let asked = format!("{neighbour} eth0 30000/Udp Input");
        assert!(refused.contains(&asked), "{neighbour}: {refused:#?}");
    }
    assert!(let_in.iter().chain(&refused).any(|told| told.ends_with("Published")));
    assert!(rehearsal.probes().len() > 100, "{}", rehearsal.probes().len());
    assert!(rehearsal.links().iter().all(|link| link.name != "docker0"), "nobody from outside comes by it");
}

#[test]
fn nobody_sends_what_no_kernel_takes_to_the_gate() {
    let mut scene = host(&[("web", "443/tcp", "all")], OPEN);
    scene.policy.as_mut().unwrap().zones = [zone("all", &["0.0.0.0/0", "fe80::/64"], &[])].into();
    let rehearsal = rehearsed(&scene);
    let is_of_one_link = |told: &&String| told.starts_with("fe8");
    let told = [told(&rehearsal, Fate::LetIn), told(&rehearsal, Fate::Refused)].concat();
    let of_one_link: Vec<_> = told.iter().filter(is_of_one_link).collect();
    assert!(of_one_link.iter().all(|told| told.ends_with("Input")), "{of_one_link:#?}");
    assert!(of_one_link.iter().any(|told| told.contains(" 443/Tcp ")), "{of_one_link:#?}");
    assert!(!told.iter().any(|told| told.starts_with("0.") || told.starts_with("255.")), "{told:#?}");
}

#[test]
fn ten_thousand_ports_are_as_few_packets() {
    let ports: Vec<_> = (0..10_000).map(|port| format!("{}/tcp", 1_000 + port * 6)).collect();
    let services: Vec<_> = ports.iter().map(|port| ("own", port.as_str(), "world")).collect();
    let rehearsal = rehearsed(&host(&services, OPEN));
    let declared = rehearsal.probes().iter().filter(|probe| probe.wanted == Fate::LetIn);
    let numbers: Vec<u16> = declared.map(|probe| probe.port).collect();
    assert!((500..1_200).contains(&rehearsal.probes().len()), "{}", rehearsal.probes().len());
    assert!(numbers.iter().any(|port| *port < 3_000) && numbers.iter().any(|port| *port > 58_000));
    let mut ports: Vec<u16> = rehearsal.probes().iter().map(|probe| probe.source_port).collect();
    ports.sort_unstable();
    ports.dedup();
    assert_eq!(ports.len(), rehearsal.probes().len(), "each is told by its source port");
}

#[test]
fn what_is_closed_is_refused_and_nothing_else() {
    let closed: PortSpec = "8080/tcp".parse().unwrap();
    let rehearsal = host(&[], OPEN)
        .with_world(|world| rehearsal(world, Promise::Closed(core::slice::from_ref(&closed))).unwrap());
    let refused = told(&rehearsal, Fate::Refused);
    assert!(refused.iter().any(|told| told.ends_with("8080/Tcp Published")), "{refused:#?}");
    assert!(refused.iter().all(|told| told.contains(" 8080/Tcp ")), "{refused:#?}");
    let let_in = told(&rehearsal, Fate::LetIn);
    assert!(let_in.iter().any(|told| told.contains(" 8079/Tcp ")), "{let_in:#?}");
    assert!(let_in.iter().any(|told| told.contains(" 8080/Udp ")), "{let_in:#?}");
}

#[test]
fn what_became_of_them_is_told_apart_from_what_nobody_saw() {
    let rehearsal = rehearsed(&host(&[("web", "443/tcp", "world")], OPEN));
    let met = rehearsal.probes().iter().map(|probe| probe.source_port).collect();
    let passed = rehearsal.probes().iter().filter(|probe| probe.wanted == Fate::LetIn);
    let mut seen = Seen { met, passed: passed.map(|probe| probe.source_port).collect() };
    assert!(rehearsal.is_over(&seen));
    let right = u32::try_from(rehearsal.probes().len()).unwrap();
    assert_eq!(rehearsal.judge(&seen), Ok(Rehearsed { right, lost: Vec::new() }));
    let refused = rehearsal.probes().iter().find(|probe| probe.wanted == Fate::Refused).unwrap();
    seen.passed.insert(refused.source_port);
    let [wrong] = rehearsal.judge(&seen).unwrap_err().try_into().unwrap();
    assert_eq!(wrong, Mismatch { probe: refused.clone(), link: "eth0".into() });
    assert!(wrong.why().en.ends_with("by eth0 was let in, and should be refused"), "{}", wrong.why().en);
    // Of what never got there nothing is known.
    seen.met.remove(&refused.source_port);
    assert!(!rehearsal.is_over(&seen));
    assert_eq!(rehearsal.judge(&seen), Ok(Rehearsed { right: right - 1, lost: [wrong].into() }));
    let let_in = rehearsal.probes().iter().find(|probe| probe.wanted == Fate::LetIn).unwrap();
    seen.passed.remove(&let_in.source_port);
    assert!(rehearsal.judge(&seen).unwrap_err()[0].why().en.ends_with("was refused, and should be let in"));
}

#[test]
fn a_kernel_without_ipv6_gets_none_of_it() {
    let rehearsal = rehearsed(&host(&[("web", "443/tcp", "world")], OPEN)).without_ipv6();
    assert!(rehearsal.probes().iter().all(|probe| probe.destination.is_ipv4()));
    assert!(rehearsal.links().iter().flat_map(|link| &link.networks).all(|network| network.addr().is_ipv4()));
    assert!(!rehearsal.probes().is_empty());
}

const PORTS: [&str; 6] = ["22/tcp", "80/tcp", "53/udp", "8079-8082/tcp", "1-65535/udp", "6379/tcp"];
const REACH: [&str; 4] = ["world", "office", "lan", "host"];
const ADDRESSES: [&str; 4] = ["203.0.113.1", "::", "0.0.0.0", "127.0.0.1"];

proptest! {
    #![proptest_config(ProptestConfig { cases: 6, ..ProptestConfig::default() })]

    /// Two that know nothing of each other: what the policy promises, and what the rules of its gate do.
    #[test]
    fn what_is_wanted_is_what_the_gate_does(
        services in prop::collection::vec(
            (
                prop::sample::select(&PORTS[..]),
                prop::sample::select(&REACH[..]),
                prop::option::weighted(0.3, prop::sample::select(&ADDRESSES[..])),
            ),
            0..5,
        ),
    ) {
        let scene = services.iter().fold(host(&[], OPEN), |scene, (ports, reach, address)| {
            let scene = scene.service("own", ports, "own.service").reach(reach);
            address.iter().fold(scene, |scene, address| scene.at(address))
        });
        let scene = with_zones(scene);
        let after = simulate(&scene.snapshot, &planned(&scene).changes, Keep::AtOnce).unwrap();
        let after = read(after.firewall.as_ref().unwrap()).unwrap();
        let rehearsal = rehearsed(&scene);
        // tun0 is not there, and what is sent on goes another way in the simulated kernel; each fifth one is enough.
        let probes = rehearsal.probes().iter().filter(|probe| {
            let link = &rehearsal.links()[probe.link].name;
            probe.hook == Hook::Input && link == "eth0" && (probe.port, probe.protocol) != (8_080, Protocol::Tcp)
        });
        for probe in probes.step_by(5) {
            prop_assert_eq!(done(&after, &rehearsal, probe), probe.wanted, "{:?}", probe);
        }
    }
}
