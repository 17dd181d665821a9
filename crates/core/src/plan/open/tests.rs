//! What is said of ports that somebody opens for a while.

use core::time::Duration;

use super::*;
use crate::{
    facts::Firewall,
    gate::{Body, Keep, Revision},
    plan::{Asked, plan, simulate},
    rules::testing::{Scene, filtering, scene, translated},
};

/// A host whose gate lets in 443/tcp, behind what else there is.
fn gated(firewall: Firewall) -> Scene {
    let mut scene = scene().service("web", "443/tcp", "nginx.service").reach("world").filtered(firewall, &[]);
    let changes = scene.with_world(|world| plan(world, &Asked::default()).unwrap().changes);
    scene.snapshot = simulate(&scene.snapshot, &changes, Keep::AtOnce).unwrap();
    scene
}

fn asked(scene: &Scene, ports: &str) -> Opening {
    let hour = Timeout::of(Duration::from_secs(3600)).unwrap();
    scene.with_world(|world| opening(world, WORLD, ports.parse().unwrap(), hour).unwrap())
}

const ACCEPT: &str = "-A INPUT -j ACCEPT\n";

#[test]
fn what_nothing_of_ours_keeps_closed_is_not_opened() {
    let open = Opening::Open { also: Vec::new(), shut: Vec::new() };
    let gate = gated(filtering(ACCEPT));
    assert_eq!(asked(&gate, "8080/tcp"), open);
    assert_eq!(asked(&gate, "443/tcp"), Opening::Needless);
    // To open it for longer is no mistake.
    let mut again = gate;
    let minute = Timeout::of(Duration::from_secs(60)).unwrap();
    again.snapshot = opened(&again.snapshot, None, "8080/tcp".parse().unwrap(), minute).unwrap();
    assert_eq!(asked(&again, "8080/tcp"), open);
    // What is open for a while besides is no matter of this one.
    assert_eq!(asked(&again, "9090/tcp"), open);
}

/// As after a first trial that nobody confirmed, also where a source is kept out.
#[test]
fn a_table_that_lets_everything_in_keeps_nothing_closed() {
    let mut table = Listing::read(r#"{"nftables":[]}"#).unwrap();
    table.create(&Body::open(), Revision::of(7));
    for text in [
        table.text(),
        table.text().replace(r#""name":"blocked4""#, r#""elem":["203.0.113.7"],"name":"blocked4""#),
    ] {
        let mut firewall = filtering(ACCEPT);
        firewall.listings.insert(Kind::Nft, text);
        assert_eq!(asked(&scene().filtered(firewall, &[]), "8080/tcp"), Opening::Needless);
    }
}

#[test]
fn a_rule_of_others_that_keeps_it_closed_is_named() {
    let Opening::Open { shut, .. } = asked(&gated(filtering("")), "9500/tcp") else { panic!() };
    let [shut] = shut.try_into().unwrap();
    assert_eq!(shut.rule.as_deref(), Some("ip filter INPUT: policy drop"));
    assert!(!shut.is_of_gate && shut.families == [Family::Ipv4]);
    assert_eq!(shut.commands, ["iptables-legacy -A INPUT -p tcp --dport 9500 -j ACCEPT"]);
}

/// Who comes in by the interface that everybody comes by is kept out, whoever gets in by another one; some banned sources are not
/// what was asked about.
#[test]
fn a_rule_of_others_that_keeps_it_closed_to_an_interface_is_named() {
    let shut = |rules: &str| {
        let Opening::Open { shut, .. } = asked(&gated(filtering(rules)), "9500/tcp") else { panic!() };
        shut.into_iter()
            .filter(|shut| shut.families.contains(&Family::Ipv4))
            .map(|it| (it.reached, it.rule))
            .collect::<Vec<_>>()
    };
    let by_eth0 = "-A INPUT -i eth0 -p tcp -m tcp --dport 9500 -j DROP\n-A INPUT -j ACCEPT\n";
    let [(Reached::Partly, Some(rule))] = &shut(by_eth0)[..] else { panic!("{:?}", shut(by_eth0)) };
    assert!(rule.contains("eth0"), "{rule}");
    assert_eq!(shut("-A INPUT -s 203.0.113.66/32 -j DROP\n-A INPUT -j ACCEPT\n"), []);
}

#[test]
fn each_family_that_others_keep_out_is_told() {
    let mut firewall = filtering("");
    let text = firewall.listings[&Kind::IptablesLegacy].clone();
    firewall.listings.insert(Kind::Ip6tablesLegacy, text);
    let Opening::Open { shut, .. } = asked(&gated(firewall), "9500/tcp") else { panic!() };
    let families: Vec<_> = shut.iter().map(|shut| shut.families.as_slice()).collect();
    assert_eq!(families, [[Family::Ipv4], [Family::Ipv6]], "each by a rule of its own");
    let one = with_other_family(Vec::new(), shut[0].clone());
    let both = with_other_family(one, Shut { families: [Family::Ipv6].into(), ..shut[0].clone() });
    assert_eq!(both, [Shut { families: Family::ALL.into(), ..shut[0].clone() }], "one rule for both");
}

#[test]
fn what_a_rule_sends_on_goes_with_where_it_is_sent() {
    let redirects = "-A PREROUTING -p tcp -m tcp --dport 7777 -j REDIRECT --to-ports 8080\n";
    let gate = gated(translated(ACCEPT, redirects));
    let also = alloc::vec!["7777/tcp".parse().unwrap()];
    assert_eq!(asked(&gate, "8080/tcp"), Opening::Open { also, shut: Vec::new() });
    let Opening::Open { shut, .. } = asked(&gate, "7777/tcp") else { panic!() };
    assert!(!shut.is_empty() && shut.iter().all(|it| it.is_of_gate && it.commands.is_empty()), "{shut:?}");
}
