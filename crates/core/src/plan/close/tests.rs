//! What is closed by name on hosts in a line or three, and what stays as it was.

use alloc::string::ToString;

use super::*;
use crate::{
    facts::{Firewall, Foothold, Listing},
    firewall,
    gate::{Keep, Refusal, Rest, Timeout},
    plan::{
        plan, protect, simulate,
        tests::{after, host, planned},
    },
    port::Protocol,
    rules::testing::{Scene, scene},
};

fn ports(words: &str) -> Ports {
    words.split(' ').map(|word| word.parse::<PortSpec>().unwrap()).collect()
}

/// Where the gate stands as it was confirmed.
fn closed(scene: &Scene, words: &str) -> Plan {
    let confirmed = standing_of(scene).and_then(|standing| standing.own_body().cloned());
    scene.with_world(|world| close(world, &ports(words), confirmed.as_ref(), &Asked::default()).unwrap())
}

fn standing_of(scene: &Scene) -> Option<Standing> {
    let listing = scene.snapshot.firewall.as_ref().unwrap().text(Listing::Nft);
    listing.and_then(|listing| Standing::read(listing).unwrap())
}

fn left(scene: &Scene, changes: &[Change], words: &str) -> Vec<String> {
    let left = scene.with_world(|world| remaining(world, changes, &ports(words)).unwrap());
    left.iter().map(ToString::to_string).collect()
}

/// What the world, and the network of containers, get to by IPv4 once all is done.
fn reached(scene: &Scene, spec: &str, interface: &str) -> Reached {
    let spec: PortSpec = spec.parse().unwrap();
    let filter = firewall::read(scene.snapshot.firewall.as_ref().unwrap()).unwrap();
    let network = if interface == "docker0" { "172.17.0.9/32" } else { "198.51.100.9/32" };
    let senders = Senders::Behind(interface, network.parse().unwrap());
    let to = To { family: Family::Ipv4, protocol: spec.protocol, addresses: None, ports: spec.range };
    exposed(&filter, &senders, &to)[0].reached
}

/// What each zone loses, and that none gains anything.
fn losses(plan: &Plan) -> Vec<String> {
    assert!(plan.zones.iter().all(|zone| zone.gains.is_empty()), "{plan:?}");
    let of = |zone: &zone::ZoneChange| {
        zone.loses.iter().map(|lost| alloc::format!("{} {}", zone.zone, lost.ports)).collect::<Vec<_>>()
    };
    let mut losses: Vec<_> = plan.zones.iter().flat_map(of).collect();
    // Of two families that matter to others there is one each.
    losses.dedup();
    losses
}

fn body(plan: &Plan) -> &Body {
    plan.changes[0].what.wanted().unwrap()
}

const OPEN: &str = "-A INPUT -j ACCEPT\n";

#[test]
fn without_a_gate_only_what_was_named_is_closed() {
    let scene = host(&[], OPEN);
    let plan = closed(&scene, "8080/tcp 53/udp");
    assert_eq!(losses(&plan), ["world 8080/tcp", "world 53/udp"]);
    assert_eq!(plan.undo[0].what, Effect::no_gate());
    assert!(left(&scene, &plan.changes, "8080/tcp 53/udp").is_empty());
    assert_eq!(left(&scene, &[], "8080/tcp 53/udp"), ["8080/tcp", "53/udp"]);
    let done = after(&scene, &plan.changes);
    for (spec, interface, expected) in [
        ("8080/tcp", "eth0", Reached::Dropped),
        ("8080/udp", "eth0", Reached::Reachable),
        ("53/udp", "eth0", Reached::Dropped),
        // A published port is closed to others than the containers; any other one to these, too.
        ("8080/tcp", "docker0", Reached::Reachable),
        ("53/udp", "docker0", Reached::Dropped),
        ("443/tcp", "eth0", Reached::Reachable),
    ] {
        assert_eq!(reached(&done, spec, interface), expected, "{spec} {interface}");
    }
    let again = closed(&done, "8080/tcp");
    assert_eq!((again.changes, again.undo), (Vec::new(), Vec::new()));
}

#[test]
fn more_ports_are_added_to_those_that_are_closed() {
    let scene = host(&[], OPEN);
    let first = closed(&scene, "8080-8081/tcp");
    let done = after(&scene, &first.changes);
    let second = closed(&done, "8082/tcp 6379/tcp");
    assert_eq!(losses(&second), ["world 6379/tcp", "world 8082/tcp"]);
    assert_eq!(second.undo[0].what.wanted(), Some(body(&first)));
    assert_eq!(body(&second), body(&closed(&scene, "6379/tcp 8080-8082/tcp")));
    // What was refused with an answer is so further on.
    let mut polite = scene.clone();
    polite.policy.as_mut().unwrap().refusal = Refusal::Reject;
    let rejecting = closed(&polite, "80/tcp");
    let done = after(&scene, &rejecting.changes);
    let more = closed(&done, "81/tcp");
    assert_eq!(reached(&after(&done, &more.changes), "81/tcp", "eth0"), Reached::Rejected);
}

/// Containers of the network that publishes a port come to the engine's forwarder, whatever is declared for others.
#[test]
fn a_forwarder_stays_open_to_containers() {
    let scene = host(&[("shop", "8081/tcp", "world")], OPEN)
        .listens("docker.service", "0.0.0.0:8081/tcp")
        .program("docker-proxy", "root")
        .listens("docker.service", "0.0.0.0:8082/tcp")
        .program("docker-proxy", "root")
        .listens("redis-server.service", "0.0.0.0:6379/tcp");
    let done = after(&scene, &planned(&scene).changes);
    assert_eq!(planned(&done).changes, [], "it is as it was planned");
    let shut = after(&done, &closed(&done, "8081/tcp").changes);
    for (spec, interface, open, closed) in [
        ("8081/tcp", "eth0", Reached::Reachable, Reached::Dropped),
        ("8082/tcp", "eth0", Reached::Dropped, Reached::Dropped),
        ("8081/tcp", "docker0", Reached::Reachable, Reached::Reachable),
        ("8082/tcp", "docker0", Reached::Reachable, Reached::Reachable),
        // Whatever else listens there is none of theirs.
        ("6379/tcp", "docker0", Reached::Dropped, Reached::Dropped),
        ("8082/udp", "docker0", Reached::Dropped, Reached::Dropped),
    ] {
        let found = [&done, &shut].map(|scene| reached(scene, spec, interface));
        assert_eq!(found, [open, closed], "{spec} {interface}");
    }
}

/// Where a forwarder holds one address, or one family, and a user the other one, containers get to the forwarder alone.
#[test]
fn a_user_with_the_number_of_a_forwarder_is_none_of_the_containers() {
    let scene = host(&[], OPEN)
        .listens("docker.service", "203.0.113.1:8080/tcp")
        .program("docker-proxy", "root")
        .listens("session-1.scope", "172.17.0.1:8080/tcp")
        .listens("docker.service", "[::]:8088/tcp")
        .program("docker-proxy", "root")
        .socket(|socket| socket.v6only = true)
        .listens("session-1.scope", "0.0.0.0:8088/tcp");
    let fate = |scene: &Scene, address: &str, port: u16| {
        let address: core::net::IpAddr = address.parse().unwrap();
        let filter = firewall::read(scene.snapshot.firewall.as_ref().unwrap()).unwrap();
        let network = if address.is_ipv4() { "172.17.0.9/32" } else { "fd00::9/128" };
        let to = To {
            family: Family::of(address),
            protocol: Protocol::Tcp,
            addresses: Some(Intervals::one(firewall::number(address))),
            ports: crate::port::PortRange::one(port),
        };
        exposed(&filter, &Senders::Behind("docker0", network.parse().unwrap()), &to)[0].reached
    };
    let done = after(&scene, &planned(&scene).changes);
    assert_eq!(planned(&done).changes, [], "it is read back");
    for (address, port, expected) in [
        ("203.0.113.1", 8080, Reached::Reachable),
        ("172.17.0.1", 8080, Reached::Dropped),
        ("2001:db8::1", 8088, Reached::Reachable),
        ("203.0.113.1", 8088, Reached::Dropped),
    ] {
        assert_eq!(fate(&done, address, port), expected, "[{address}]:{port}");
    }
    // A gate that closes ports knows these by number alone.
    let shut = after(&scene, &closed(&scene, "8080/tcp").changes);
    assert_eq!(fate(&shut, "172.17.0.1", 8080), Reached::Dropped);
}

/// The gate of this host is the policy's, with a zone and an address of its own.
fn declared() -> Scene {
    let mut scene =
        host(&[("web", "80/tcp 443/tcp 443/udp", "world"), ("db", "5000-5999/tcp", "office")], OPEN);
    scene.policy.as_mut().unwrap().zones.push(crate::rules::testing::zone(
        "office",
        &["198.51.100.0/24"],
        &[],
    ));
    let scene = scene.service("dns", "53/udp", "own.service").reach("world").at("203.0.113.1");
    after(&scene, &planned(&scene).changes)
}

#[test]
fn ports_are_taken_out_of_the_gate_that_stands() {
    let scene = declared();
    let plan = closed(&scene, "443/tcp 5432/tcp 53/udp");
    assert_eq!(
        losses(&plan),
        [
            "world 443/tcp",
            "world 5432/tcp",
            "world 53/udp",
            "office 443/tcp",
            "office 5432/tcp",
            "office 53/udp"
        ]
    );
    assert!(left(&scene, &plan.changes, "443/tcp 5432/tcp 53/udp").is_empty());
    assert_eq!(body(&plan).rest(), Rest::Refused);
    let done = after(&scene, &plan.changes);
    let open = |spec| reached(&done, spec, "eth0") == Reached::Reachable;
    assert!(
        ["80/tcp", "443/udp", "5000/tcp", "5431/tcp", "5433/tcp", "5999/tcp"].map(open).iter().all(|it| *it)
    );
    assert!(["443/tcp", "5432/tcp", "53/udp", "8080/tcp"].map(open).iter().all(|it| !*it));
    assert!(closed(&done, "443/tcp").changes.is_empty());
    assert!(closed(&scene, "8080/tcp 22/tcp").changes.is_empty(), "it lets in neither");
    // All that it opens may be closed.
    let nothing = closed(&scene, "0-65535/tcp 0-65535/udp");
    assert!(left(&scene, &nothing.changes, "0-65535/tcp").is_empty());
    let done = after(&scene, &nothing.changes);
    assert_eq!(closed(&done, "80/tcp").changes, Vec::new(), "it is read back");
}

/// A policy that says something else by now is not applied by the way.
#[test]
fn what_the_policy_says_anew_does_not_come_in_by_a_close() {
    let mut scene = declared().service("new", "22/tcp", "own.service").reach("world");
    let plan = closed(&scene, "443/tcp");
    let done = after(&scene, &plan.changes);
    assert_eq!(reached(&done, "22/tcp", "eth0"), Reached::Dropped);
    // The same gate as that of the policy from before without the port.
    let services = &mut scene.policy.as_mut().unwrap().services;
    services.pop();
    services[0].ports.remove(1);
    let wanted = scene.with_world(plan_of);
    assert_eq!(wanted.changes[0].what.wanted(), plan.changes[0].what.wanted());
    // Nor does a close need one.
    scene.policy = None;
    assert_eq!(closed(&scene, "443/tcp").changes, plan.changes);
}

fn plan_of(world: &World<'_>) -> Plan {
    plan(world, &Asked::default()).unwrap()
}

/// The same host, with this port open to everybody for a while.
fn open_for_a_while(mut scene: Scene, port: u16) -> Scene {
    let listings = &mut scene.snapshot.firewall.as_mut().unwrap().listings;
    let text = listings.get_mut(&Listing::Nft).unwrap();
    let mut listing: serde_json::Value = serde_json::from_str(text).unwrap();
    let objects = listing["nftables"].as_array_mut().unwrap();
    let set = objects.iter_mut().filter_map(|object| object.get_mut("set"));
    let set = set.into_iter().find(|set| set["name"] == "open_world_tcp").unwrap();
    set["elem"] = serde_json::json!([{"elem": {"val": port, "timeout": 60, "expires": 59}}, {"elem": {"val": 9999, "timeout": 60}}]);
    *text = listing.to_string();
    scene
}

#[test]
fn what_is_open_for_a_while_is_shut_by_the_same_text() {
    let scene = open_for_a_while(declared(), 8443);
    assert_eq!(reached(&scene, "8443/tcp", "eth0"), Reached::Reachable);
    let plan = closed(&scene, "8443/tcp");
    let [change] = plan.changes.as_slice() else { panic!("{plan:?}") };
    let text = scene.snapshot.firewall.as_ref().unwrap().text(Listing::Nft).unwrap();
    let standing = Standing::read(text).unwrap();
    let text = change.what.transaction(standing.as_ref(), Keep::AtOnce, scene.now).unwrap();
    let shut = "add element inet portreeve open_world_tcp { 8443 }\ndelete element inet portreeve open_world_tcp { 8443 }\n";
    assert!(text.as_str().ends_with(shut), "{}", text.as_str());
    assert_eq!(losses(&plan), ["world 8443/tcp", "office 8443/tcp"]);
    let done = after(&scene, &plan.changes);
    assert_eq!(reached(&done, "8443/tcp", "eth0"), Reached::Dropped);
    assert_eq!(reached(&done, "9999/tcp", "eth0"), Reached::Reachable, "another one stays open");
    assert_eq!(body(&plan), plan.undo[0].what.wanted().unwrap(), "the gate itself is the same");
}

#[test]
fn whoever_is_here_is_not_cut() {
    let foothold = Foothold {
        protocol: Protocol::Tcp,
        peer: "198.51.100.9".parse().unwrap(),
        local: "203.0.113.1".parse().unwrap(),
        port: 22,
        interface: None,
        who: "sshd (pid 811)".into(),
    };
    let answer = |scene: &Scene, words: &str| {
        let changes = closed(scene, words).changes;
        scene.with_world(|world| protect(world, &changes, core::slice::from_ref(&foothold)))
    };
    let scene = host(&[], OPEN);
    assert_eq!(answer(&scene, "8080/tcp"), Ok(()));
    assert!(matches!(answer(&scene, "22/tcp"), Err(Refused::WouldCut(_))));
    assert!(matches!(answer(&scene, "1-1023/tcp"), Err(Refused::WouldCut(_))));
    // Also where the port is open to him for a while alone.
    let scene = open_for_a_while(declared(), 22);
    assert_eq!(answer(&scene, "443/tcp"), Ok(()));
    assert!(matches!(answer(&scene, "22/tcp"), Err(Refused::WouldCut(_))));
}

/// A port that a rule leads to another one of this host.
fn redirected(scene: Scene) -> Scene {
    let mut firewall: Firewall = scene.snapshot.firewall.clone().unwrap();
    let legacy = firewall.listings.get_mut(&Listing::IptablesLegacy).unwrap();
    *legacy = legacy.replace(
        "-A PREROUTING",
        "-A PREROUTING -p tcp -m tcp --dport 2222 -j REDIRECT --to-ports 22\n-A PREROUTING",
    );
    scene.filtered(firewall, &[])
}

#[test]
fn a_port_that_leads_to_another_is_closed_or_told_to_be_open() {
    let scene = redirected(host(&[("ssh", "22/tcp", "world")], OPEN));
    let plan = closed(&scene, "2222/tcp");
    assert_eq!(losses(&plan), ["world 2222/tcp"]);
    assert!(left(&scene, &plan.changes, "2222/tcp").is_empty());
    // A gate that lets in what is declared judges by the port of the listener.
    let done = after(&scene, &planned(&scene).changes);
    let plan = closed(&done, "2222/tcp");
    assert_eq!(plan.changes, Vec::new());
    assert_eq!(left(&done, &plan.changes, "2222/tcp"), ["2222/tcp"]);
}

#[test]
fn what_is_on_trial_or_was_not_seen_is_left_alone() {
    let mut scene = host(&[("web", "443/tcp", "world")], OPEN);
    let minute = Keep::OnTrial(Timeout::of(core::time::Duration::from_secs(60)).unwrap());
    scene.snapshot = simulate(&scene.snapshot, &planned(&scene).changes, minute).unwrap();
    let refused = |scene: &Scene| {
        scene.with_world(|world| close(world, &ports("80/tcp"), None, &Asked::default()).unwrap_err())
    };
    assert_eq!(refused(&scene), Refused::OnTrial { seconds_left: 60 });
    assert_eq!(refused(&self::scene()), Refused::Unseen(Vec::new()));
    // Somebody else has written into the table.
    let mut changed = declared();
    let listings = &mut changed.snapshot.firewall.as_mut().unwrap().listings;
    let text = listings.get_mut(&Listing::Nft).unwrap();
    let rule =
        r#",{"rule":{"family":"inet","table":"portreeve","chain":"input","expr":[{"accept":null}]}}]}"#;
    *text = [text.strip_suffix("]}").unwrap(), rule].concat();
    let plan = closed(&changed, "443/tcp");
    assert!(plan.changes[0].because.en.contains("made anew as a whole"), "{plan:?}");
    assert_eq!(plan.undo[0].what, Effect::gate(standing_of(&changed).unwrap().own_body().unwrap().clone()));
    assert!(left(&changed, &plan.changes, "443/tcp").is_empty());
}

/// What stands is not what is closed further: what somebody else let in would be confirmed with it.
#[test]
fn what_somebody_else_has_changed_is_taken_out_by_a_close() {
    let scene = declared();
    let confirmed = standing_of(&scene).unwrap().own_body().unwrap().clone();
    let expected = closed(&scene, "443/tcp");
    let rule =
        r#",{"rule":{"family":"inet","table":"portreeve","chain":"a_input","expr":[{"accept":null}]}}]}"#;
    let element = |text: &str| text.replace(r#""elem":[80,443]"#, r#""elem":[80,443,9500]"#);
    let ruled = |text: &str| [text.strip_suffix("]}").unwrap(), rule].concat();
    for change in [&element as &dyn Fn(&str) -> String, &ruled] {
        let mut changed = declared();
        let listings = &mut changed.snapshot.firewall.as_mut().unwrap().listings;
        let text = listings.get_mut(&Listing::Nft).unwrap();
        let other = change(text);
        assert_ne!(*text, other);
        *text = other;
        let close =
            |confirmed| changed.with_world(|it| close(it, &ports("443/tcp"), confirmed, &Asked::default()));
        let plan = close(Some(&confirmed)).unwrap();
        assert_eq!((body(&plan), &plan.undo), (body(&expected), &expected.undo));
        assert!(plan.changes[0].because.en.ends_with("is taken out"), "{plan:?}");
        assert_eq!(close(None), Err(Refused::Unconfirmed(Foundation::AsMade)), "nobody knows what it was");
    }
}
