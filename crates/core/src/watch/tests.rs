//! Runs of packets, and who is told of.

use alloc::{
    collections::BTreeSet,
    format,
    string::{String, ToString as _},
    vec,
};
use core::net::{Ipv4Addr, Ipv6Addr};

mod written;

use super::*;
use crate::port::{PortRange, Protocol};

const SYN: u8 = 2;
const HERE: &str = "192.0.2.1";
const HERE6: &str = "2001:db8:1::1";
const PROBER: &str = "203.0.113.7";

fn known() -> Known {
    Known {
        declared: [(Protocol::Tcp, PortRange::one(443))].into(),
        served: [(Protocol::Tcp, 22)].into(),
        client_range: Some(PortRange { first: 32_768, last: 60_999 }),
        own: [HERE, HERE6].map(|own| own.parse().unwrap()).into(),
    }
}

/// A watch, and what has been told of since.
struct Scene {
    watch: Watch,
    known: Known,
    milliseconds: i64,
    told: Vec<Suspicion>,
}

impl Scene {
    fn new() -> Self {
        Self {
            watch: Watch::new([1, 2], Timestamp::UNIX_EPOCH),
            known: known(),
            milliseconds: 0,
            told: vec![],
        }
    }

    fn later(&mut self, milliseconds: i64) -> &mut Self {
        self.milliseconds += milliseconds;
        self
    }

    fn happens(&mut self, what: Happening<'_>) -> &mut Self {
        let at = Timestamp::from_millisecond(self.milliseconds).unwrap();
        self.told.extend(self.watch.step(&self.known, &Event { at, what }));
        self
    }

    fn touches(&mut self, from: IpAddr, protocol: Protocol, port: u16) -> &mut Self {
        let to = if from.is_ipv4() { HERE } else { HERE6 };
        let to = to.parse().unwrap();
        self.happens(Happening::Touch(Touch { from, to, protocol, from_port: 40_000, port, flags: SYN }))
    }

    fn probes(&mut self, protocol: Protocol, ports: &[u16]) -> &mut Self {
        for port in ports {
            self.later(400).touches(PROBER.parse().unwrap(), protocol, *port);
        }
        self
    }

    fn shakes(&mut self, from: &str) -> &mut Self {
        self.happens(Happening::Handshake { from: from.parse().unwrap() })
    }

    /// Each line that was told, and how many contacts it took.
    fn lines(&self) -> Vec<String> {
        let line = |told: &Suspicion| {
            let (source, kind, confidence) = (told.source, told.kind.name(), told.confidence.name());
            format!("{source} {kind} {confidence} {}", told.text().en)
        };
        self.told.iter().map(line).collect()
    }
}

#[test]
fn the_fourth_port_of_nobodys_is_told() {
    let mut scene = Scene::new();
    scene.probes(Protocol::Tcp, &[23, 3389, 5900]);
    assert_eq!(scene.lines(), [""; 0]);
    scene.probes(Protocol::Tcp, &[6379]);
    let told = "203.0.113.7 port-scan unproven 4 undeclared ports in 1.2 s: 23 3389 5900 6379 (tcp); no handshake: may be forged";
    assert_eq!(scene.lines(), [told]);
    assert_eq!((scene.told[0].ratio(), scene.told[0].contacts), (256, 4));
    scene.probes(Protocol::Tcp, &[8888, 9999, 1, 2, 3]);
    assert_eq!(scene.told.len(), 1, "who is known is not told of again");
}

#[test]
fn the_seventh_port_of_udp_is_told() {
    let mut scene = Scene::new();
    scene.probes(Protocol::Udp, &[7, 19, 69, 161, 623, 11_211]);
    assert_eq!(scene.told, []);
    scene.probes(Protocol::Udp, &[5_060]);
    assert_eq!(scene.told.len(), 1);
    assert_eq!(scene.told[0].contacts, 7);
}

#[test]
fn a_slow_probe_is_told_at_the_same_contact() {
    for milliseconds in [15_000, 300_000, 12 * 3_600_000] {
        let mut scene = Scene::new();
        for port in [23, 3_389, 5_900, 6_379] {
            assert_eq!(scene.told, [], "{milliseconds}");
            scene.later(milliseconds).probes(Protocol::Tcp, &[port]);
        }
        assert_eq!(scene.told.len(), 1, "{milliseconds}");
    }
    let mut scene = Scene::new();
    for port in [23, 3_389, 5_900, 6_379] {
        scene.later(14 * 24 * 3_600_000).probes(Protocol::Tcp, &[port]);
    }
    assert_eq!(scene.told, [], "one in two weeks is none");
}

#[test]
fn one_port_again_and_again_and_those_of_one_family_are_one_contact() {
    let mut scene = Scene::new();
    scene.probes(Protocol::Tcp, &[23; 50]);
    scene.probes(Protocol::Tcp, &[25, 110, 143, 465, 587, 993, 995]);
    scene.probes(Protocol::Tcp, &[443, 443, 22, 22]);
    scene.probes(Protocol::Tcp, &[135, 139, 445]);
    assert_eq!(scene.told, []);
    scene.probes(Protocol::Tcp, &[5_432]);
    assert_eq!(scene.told[0].contacts, 4);
}

#[test]
fn who_came_for_a_service_has_a_contact_more_and_is_proven() {
    let mut scene = Scene::new();
    scene.shakes(PROBER).probes(Protocol::Tcp, &[23, 3_389, 5_900, 6_379]);
    assert_eq!(scene.told, []);
    scene.probes(Protocol::Tcp, &[5_432]);
    let told = "203.0.113.7 port-scan proven 5 undeclared ports in 1.6 s: 3389 5432 5900 6379 … (tcp)";
    assert_eq!(scene.lines(), [told]);
}

#[test]
fn whoever_turns_out_to_be_there_is_told_once_more() {
    let mut scene = Scene::new();
    scene.probes(Protocol::Tcp, &[23, 3_389, 5_900, 6_379]);
    scene.shakes("203.0.113.8").shakes(PROBER).shakes(PROBER);
    let confidence: Vec<_> = scene.told.iter().map(|told| told.confidence).collect();
    assert_eq!(confidence, [Confidence::Unproven, Confidence::Proven]);
}

#[test]
fn a_handshake_proves_for_an_hour() {
    let mut scene = Scene::new();
    scene.shakes(PROBER).later(3_700_000).probes(Protocol::Tcp, &[23, 3_389, 5_900, 6_379]);
    assert_eq!(scene.told[0].confidence, Confidence::Unproven);
}

#[test]
fn all_addresses_of_a_network_are_one_source() {
    let mut scene = Scene::new();
    for (host, port) in [23, 3_389, 5_900, 6_379].into_iter().enumerate() {
        let from = Ipv6Addr::from_bits(0x2001_0db8_0007_0000_0000_0000_0000_0000 | (host as u128) << 20);
        scene.touches(from.into(), Protocol::Tcp, port);
    }
    assert_eq!(scene.told[0].source.to_string(), "2001:db8:7::/64");
}

#[test]
fn a_crowd_between_two_contacts_hides_nobody() {
    let mut scene = Scene::new();
    let mut others = 0x0a00_0000_u32..;
    for port in [23, 3_389, 5_900, 6_379] {
        scene.probes(Protocol::Tcp, &[port]);
        for _ in 0..50_000 {
            let other = Ipv4Addr::from(others.next().unwrap());
            scene.touches(other.into(), Protocol::Tcp, 23);
        }
    }
    assert_eq!(scene.told.iter().map(|told| told.source.to_string()).collect::<Vec<_>>(), [PROBER]);
}

#[test]
fn so_many_suspects_are_remembered_and_no_more() {
    let mut scene = Scene::new();
    let number = |count: usize| u32::try_from(count).unwrap();
    let mut told = BTreeSet::new();
    for suspect in 0..number(SUSPECTS_MAX) + 100 {
        let from = Ipv4Addr::from(0x0a00_0000 + suspect);
        for port in [23, 3_389, 5_900, 6_379] {
            scene.later(300).touches(from.into(), Protocol::Tcp, port);
        }
        told.insert(from);
    }
    assert_eq!((scene.told.len(), told.len()), (SUSPECTS_MAX + 100, SUSPECTS_MAX + 100));
    assert_eq!(scene.watch.suspects.len(), SUSPECTS_MAX);
    assert!(!scene.watch.suspects.contains_key(&Source::V4(Ipv4Addr::from(0x0a00_0000))), "the oldest");
}

#[test]
fn a_flood_of_suspects_that_may_be_forged_is_one_line() {
    let mut scene = Scene::new();
    let proven: IpAddr = PROBER.parse().unwrap();
    scene.happens(Happening::Handshake { from: proven });
    let forged = (0..1_000).map(|nth| Ipv4Addr::from(0x0a00_0000 + nth).into());
    for from in forged.chain([proven]) {
        for port in [23, 3_389, 5_900, 6_379, 9_200] {
            scene.later(1).touches(from, Protocol::Tcp, port);
        }
    }
    assert_eq!(scene.told.len(), 61);
    assert_eq!(scene.told.last().map(|last| last.source.to_string()).as_deref(), Some(PROBER));
    scene.later(60_000).happens(Happening::Counted(&[]));
    let line = scene.lines().pop().unwrap();
    assert!(
        line.contains("940 sources more in 1 min, each of them several undeclared ports; no handshake"),
        "{line}"
    );
    assert_eq!(scene.told.last().map(|rest| rest.contacts), Some(4 * 940));
    // Whoever turns out to be there is told of after all.
    let from = Ipv4Addr::from(0x0a00_0000 + 999).into();
    scene.happens(Happening::Handshake { from });
    assert_eq!(scene.told.last().map(|last| last.confidence), Some(Confidence::Proven));
}

#[test]
fn a_clock_that_is_put_back_hides_nobody() {
    let mut scene = Scene::new();
    scene.probes(Protocol::Tcp, &[23, 3_389]).later(-86_400_000).probes(Protocol::Tcp, &[5_900, 6_379]);
    assert_eq!(scene.told.len(), 1);
    assert!(scene.lines()[0].contains("in 0.0 s"), "{:?}", scene.lines());
}

#[test]
fn no_port_is_cut_away_for_a_sign_that_takes_as_much_room() {
    let ports = [23, 3_389, 5_432, 5_900, 6_379, 11_211, 27_017, 9_200];
    let text = |count: usize| {
        let mut scene = Scene::new();
        scene.probes(Protocol::Tcp, &ports[..count]).shakes(PROBER);
        scene.lines().pop().unwrap()
    };
    assert!(text(7).ends_with(": 23 3389 5432 5900 6379 11211 27017 (tcp)"), "{}", text(7));
    assert!(text(8).ends_with(": 23 3389 5432 5900 6379 9200 … (tcp)"), "{}", text(8));
}
