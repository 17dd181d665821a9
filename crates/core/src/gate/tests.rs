//! What a policy makes of a gate, and what nobody can make of it.

use alloc::{format, string::String, sync::Arc, vec, vec::Vec};

use jiff::Timestamp;
use proptest::prelude::*;

use super::*;
use crate::{
    desired::desire,
    firewall::{Interval, Intervals},
    port::PortRange,
    rules::testing::{scene, zone},
};

fn of(policy: &Policy) -> Result<Gate, GateError> {
    Gate::of(policy, &desire(policy), Vec::new(), Openings::default())
}

/// A policy with one service of these ports, to a reach.
fn serving(ports: &[&str], reach: &[&str]) -> Policy {
    let scene = scene().service("own", ports[0], "own.service").declared(|service| {
        service.ports = ports.iter().map(|port| port.parse().unwrap()).collect();
        service.reach = reach.iter().map(|&zone| String::from(zone)).collect();
    });
    scene.policy.unwrap()
}

fn text(policy: &Policy) -> String {
    create(&Body::from(&of(policy).unwrap()), Revision::of(1)).as_str().into()
}

#[test]
fn every_port_is_one_interval() {
    let policy = serving(&["1-65535/tcp", "0/tcp", "22/tcp"], &["world"]);
    assert!(
        text(&policy).contains("a_world_tcp { type inet_service; flags interval; elements = { 0-65535 } }")
    );
}

#[test]
fn what_is_for_the_host_alone_opens_nothing() {
    for reach in [&["host"][..], &[]] {
        let text = text(&serving(&["5432/tcp"], reach));
        assert!(!text.contains("5432"), "{text}");
    }
}

#[test]
fn the_world_holds_every_zone() {
    let mut policy = serving(&["443/tcp"], &["office", "world"]);
    policy.zones = vec![zone("office", &["203.0.113.0/24"], &[])];
    let Gate::Declared(gate) = of(&policy).unwrap() else { panic!("it declares") };
    assert!(!gate.world.is_empty());
    assert!(gate.zones[0].openings.is_empty());
}

#[test]
fn a_loopback_address_needs_no_gate() {
    let mut policy = serving(&["5432/tcp"], &["world"]);
    let bind = |policy: &mut Policy, addresses: &[&str]| {
        policy.services[0].addresses = addresses.iter().map(|text| text.parse().unwrap()).collect();
        let Gate::Declared(gate) = of(policy).unwrap() else { panic!("it declares") };
        gate.world
    };
    assert!(bind(&mut policy, &["127.0.0.1", "::1", "::ffff:127.0.0.1"]).is_empty());
    let world = bind(&mut policy, &["127.0.0.1", "::"]);
    let any = Destination { ipv4: Receivers::Any, ipv6: Receivers::Any, interface: None };
    assert_eq!(world.iter().map(|(to, _)| to).collect::<Vec<_>>(), [&any]);
    // An address of a link is on that link alone.
    let world = bind(&mut policy, &["192.0.2.1", "fe80::1%eth0"]);
    let interfaces: Vec<_> =
        world.iter().map(|(to, _)| to.interface.as_ref().map(|it| format!("{it}"))).collect();
    assert_eq!(interfaces.len(), 2);
    assert!(interfaces.contains(&None) && interfaces.contains(&Some("\"eth0\"".into())));
}

#[test]
fn what_cannot_be_written_is_refused_with_its_place() {
    let place = Place { file: Arc::from("policy.toml"), line: 3, column: 1 };
    let error = |name: &str, from: &[&str], interfaces: &[&str]| {
        let mut policy = serving(&["443/tcp"], &["world"]);
        policy.zones = vec![zone(name, from, interfaces)];
        policy.zones[0].place = place.clone();
        format!("{}", of(&policy).unwrap_err())
    };
    assert!(error(&"x".repeat(300), &[], &["eth0"]).starts_with("policy.toml:3:1: the zone's name"));
    assert!(error("lan", &[], &["a\" accept"]).starts_with("policy.toml:3:1: a zone's interface"));
    assert_eq!(error("lan", &[], &[]), "policy.toml:3:1: the zone is empty");
}

#[test]
fn an_asterisk_alone_is_no_condition() {
    let mut policy = serving(&["443/tcp"], &["lan"]);
    policy.zones = vec![zone("lan", &["10.0.0.0/8"], &["eth0", "*"])];
    assert!(text(&policy).contains("\t\tip saddr @a_zone_lan_from4 jump a_zone_lan\n"));
}

#[test]
fn so_many_ports_are_refused() {
    let mut policy = serving(&["443/tcp"], &[]);
    let zones: Vec<String> = (0..1_025).map(|at| format!("z{at}")).collect();
    policy.zones = zones.iter().map(|name| zone(name, &["10.0.0.0/8"], &[])).collect();
    policy.services[0].reach = zones;
    policy.services[0].ports = vec![policy.services[0].ports[0]; 1_024];
    assert_eq!(of(&policy), Err(GateError::TooMany));
}

#[test]
fn a_block_holds_from_now_on() {
    let minute = Timeout::of(core::time::Duration::from_secs(60));
    let text = block(BlockedSource::of("2001:db8:1:2:3:4:5:6".parse().unwrap()), minute);
    assert_eq!(
        text.as_str(),
        "add element inet portreeve blocked64 { 2001:db8:1:2:: }\n\
         delete element inet portreeve blocked64 { 2001:db8:1:2:: }\n\
         add element inet portreeve blocked64 { 2001:db8:1:2:: timeout 1m }\n"
    );
    let text = unblock(BlockedSource::of("::ffff:192.0.2.7".parse().unwrap()));
    assert_eq!(
        text.as_str(),
        "add element inet portreeve blocked4 { 192.0.2.7 }\n\
         delete element inet portreeve blocked4 { 192.0.2.7 }\n"
    );
}

#[test]
fn a_time_is_written_in_units_of_which_none_is_long() {
    let timeout = |milliseconds| Timeout::of(core::time::Duration::from_millis(milliseconds));
    let text = |milliseconds| format!("{}", timeout(milliseconds).unwrap());
    assert_eq!(text(1), "1ms");
    assert_eq!(text(1_500), "1s500ms");
    assert_eq!(text(90_000), "1m30s");
    assert_eq!(text(129_600_000), "1d12h");
    assert_eq!(text(3_650 * 86_400_000), "3650d");
    assert_eq!(timeout(0), None, "which would be for ever");
    assert_eq!(timeout(3_650 * 86_400_000 + 1), None);
    let now: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
    assert_eq!(timeout(90_500).unwrap().end(now), "2026-01-01T00:01:30.5Z".parse().unwrap());
    assert_eq!(timeout(1).unwrap().end(Timestamp::MAX), Timestamp::MAX, "nobody can write a later one");
}

#[test]
fn a_pool_is_open_for_a_while_number_by_number() {
    let minute = Timeout::of(core::time::Duration::from_secs(60)).unwrap();
    let office = ZoneName::of("office").unwrap();
    let ports = |text: &str| text.parse().unwrap();
    let text = open_for(Some(&office), ports("21-22/tcp"), minute).unwrap();
    assert!(text.as_str().ends_with("open_zone_office_tcp { 21 timeout 1m, 22 timeout 1m }\n"));
    // One that is gone already keeps none of the others open.
    let text = close_early(None, ports("53-54/udp")).unwrap();
    let told = "add element inet portreeve open_world_udp { 53, 54 }\n\
                delete element inet portreeve open_world_udp { 53, 54 }\n";
    assert_eq!(text.as_str(), told);
    assert_eq!(open_for(None, ports("53/dccp"), minute), None);
}

fn specs() -> impl Strategy<Value = Vec<PortRange>> {
    let range = (0_u16..=u16::MAX, 0_u16..300)
        .prop_map(|(first, more)| PortRange { first, last: first.saturating_add(more) });
    prop::collection::vec(range, 1..20)
}

proptest! {
    /// Whatever stands in a policy, the text is made of words of nft, numbers and names of ours.
    #[test]
    fn nobody_slips_a_word_in(name in ".{1,20}", interface in ".{1,16}", from in any::<bool>()) {
        let mut policy = serving(&["443/tcp"], &[&name]);
        let from: &[&str] = if from { &["10.0.0.0/8"] } else { &[] };
        policy.zones = vec![zone(&name, from, &[&interface])];
        let Ok(gate) = of(&policy) else { return Ok(()) };
        let written = create(&Body::from(&gate), Revision::of(1));
        let plain = create(&Body::from(&Gate::Declared(Declared::default())), Revision::of(1));
        let (head, _) = plain.as_str().split_once("add element").unwrap();
        let own = written.as_str().strip_prefix(head).unwrap();
        let quoted = format!("\"{interface}\"");
        let stem = format!("\"{}\"", interface.trim_end_matches('*'));
        let bare = own.replace(&quoted, "").replace(&stem, "");
        let is_known = |letter: char| letter.is_ascii_alphanumeric() || "\t\n {}_=!,.@/;-".contains(letter);
        prop_assert!(bare.chars().all(is_known), "{}", bare);
    }

    /// The intervals of a set are what was declared, and none of them touches the next.
    #[test]
    fn a_set_holds_what_is_declared(ranges in specs()) {
        let specs = ranges.iter().map(|&range| crate::port::PortSpec { range, protocol: Protocol::Tcp });
        let ports: Ports = specs.collect();
        let intervals = |ranges: &[PortRange]| -> Intervals {
            ranges.iter().map(|it| Interval { first: it.first.into(), last: it.last.into() }).collect()
        };
        let (_, merged) = ports.iter().next().unwrap();
        prop_assert_eq!(intervals(merged), intervals(&ranges));
        prop_assert!(merged.windows(2).all(|pair| u32::from(pair[0].last) + 1 < u32::from(pair[1].first)));
    }
}

#[test]
fn what_is_open_to_a_zone_is_over_with_it_and_all_with_the_table() {
    let standing = |policy: &Policy| {
        let mut listing = Listing::read(r#"{"nftables":[]}"#).unwrap();
        listing.create(&Body::from(&of(policy).unwrap()), Revision::of(1));
        listing.standing().unwrap().unwrap()
    };
    let mut policy = serving(&["443/tcp"], &["office"]);
    policy.zones = vec![zone("office", &["203.0.113.0/24"], &[])];
    let (with, without) = (standing(&policy), standing(&serving(&["443/tcp"], &["world"])));
    let port = Kept { what: "80/tcp".parse().unwrap(), left: None };
    // The sets of a trial's zones outlive it: nothing was open to `tried` any more.
    let open = ["office", "world", "tried"].map(|zone| Open { zone: zone.into(), port, from: None });
    let blocked = vec![Kept { what: "192.0.2.7".parse().unwrap(), left: None }];
    let temporary = Temporary { open: open.into(), blocked, ..Temporary::default() };
    let over = |then| {
        let over = temporary.over(Some(&with), then);
        (over.open.into_iter().map(|open| open.zone).collect::<Vec<_>>().join(" "), over.blocked.len())
    };
    assert_eq!(over(Some(&with)), ("".into(), 0));
    assert_eq!(over(Some(&without)), ("office".into(), 0));
    assert_eq!(over(None), ("office world".into(), 1));
}
