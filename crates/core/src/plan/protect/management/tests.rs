//! Policies that keep those out who manage the host, and that do not.

use alloc::{format, string::String};

use crate::{
    facts::Foothold,
    gate::Keep,
    plan::{
        Asked, Refused, Unmanaged, protect, simulate,
        tests::{host, planned},
    },
    policy::{Management, Zone},
    port::Protocol,
    rules::testing::{Scene, zone},
};

const OPEN: &str = "-A INPUT -j ACCEPT\n";

/// A host with sshd on 22, which is managed from these networks and interfaces.
fn managed(scene: Scene, from: &[&str], interfaces: &[&str]) -> Scene {
    let mut scene =
        scene.listens("ssh.service", "0.0.0.0:22/tcp").again("[::]:22/tcp").program("sshd", "root");
    let management = Some(Management::Ssh);
    scene.policy.as_mut().unwrap().zones.push(Zone { management, ..zone("admin", from, interfaces) });
    scene
}

/// What is refused to somebody who is here by 443, which is open to everybody.
fn answer(scene: &Scene) -> Result<(), Refused> {
    let changes = planned(scene).changes;
    scene.with_world(|world| protect(world, &changes, &[here()]))
}

fn here() -> Foothold {
    Foothold {
        protocol: Protocol::Tcp,
        peer: "198.51.100.9".parse().unwrap(),
        local: "203.0.113.1".parse().unwrap(),
        port: 443,
        interface: None,
        who: "web".into(),
    }
}

#[track_caller]
fn refused(scene: &Scene) -> Unmanaged {
    match answer(scene) {
        Err(Refused::Unmanaged(unmanaged)) => *unmanaged,
        other => panic!("{other:?}"),
    }
}

const WEB: (&str, &str, &str) = ("web", "443/tcp", "world");

#[test]
fn whoever_manages_a_host_may_come_back() {
    for reach in ["admin", "world"] {
        let scene = host(&[WEB, ("ssh", "22/tcp", reach)], OPEN);
        assert_eq!(answer(&managed(scene, &["198.51.100.0/24"], &[])), Ok(()), "{reach}");
    }
    // Also by a rule of somebody else that lets in nobody of another family.
    let rules = "-A INPUT -p tcp -j ACCEPT\n";
    let scene = managed(host(&[WEB, ("ssh", "22/tcp", "admin")], rules), &["198.51.100.0/24"], &["eth0"]);
    assert_eq!(answer(&scene), Ok(()));
}

#[test]
fn a_policy_without_the_port_is_refused_with_zone_port_and_rule() {
    let scene = managed(host(&[WEB, ("ssh", "22/tcp", "host")], OPEN), &["198.51.100.0/24"], &[]);
    let unmanaged = refused(&scene);
    assert_eq!((unmanaged.zone.as_str(), unmanaged.ports), ("admin", "22/tcp".parse().ok()));
    assert_eq!(unmanaged.rule.as_deref(), Some("inet portreeve dropped: counter name \"refused\" drop"));
    let why = Refused::Unmanaged(unmanaged.into()).why();
    assert!(why.en.starts_with("whoever manages this host from admin could not reach 22/tcp"), "{why:?}");
    // Nobody who is here may be found, and it is said all the same.
    let changes = planned(&scene).changes;
    let nobody = scene.with_world(|world| protect(world, &changes, &[]));
    assert!(matches!(nobody, Err(Refused::Unmanaged(_))), "{nobody:?}");
}

#[test]
fn a_family_that_got_in_is_not_lost() {
    // Declared at an address of IPv4 alone.
    let scene = host(&[WEB, ("ssh", "22/tcp", "admin")], OPEN).at("203.0.113.1");
    let four = managed(scene.clone(), &["198.51.100.0/24"], &[]);
    assert_eq!(answer(&four), Ok(()));
    let both = managed(scene, &["198.51.100.0/24", "2001:db8:9::/48"], &[]);
    assert_eq!(refused(&both).ports, "22/tcp".parse().ok());
}

#[test]
fn whom_somebody_else_bans_is_banned_without_us() {
    let rules = format!("-A INPUT -s 198.51.100.7/32 -j DROP\n{OPEN}");
    let scene = host(&[WEB, ("ssh", "22/tcp", "admin")], &rules);
    assert_eq!(answer(&managed(scene, &["198.51.100.0/24"], &[])), Ok(()));
    // All of the zone is.
    let rules = format!("-A INPUT -s 198.51.100.0/24 -p tcp -m tcp --dport 22 -j DROP\n{OPEN}");
    let scene = host(&[WEB, ("ssh", "22/tcp", "admin")], &rules);
    assert_eq!(answer(&managed(scene, &["198.51.100.0/24"], &[])), Ok(()));
    // By IPv6 it got in, and does not any more.
    let scene = host(&[WEB, ("ssh", "22/tcp", "host")], &rules);
    let both = managed(scene, &["198.51.100.0/24", "2001:db8:9::/48"], &[]);
    assert_eq!(refused(&both).ports, "22/tcp".parse().ok());
    // Half of it would be.
    let mut half = managed(host(&[WEB, ("ssh", "22/tcp", "desk")], OPEN), &["198.51.100.0/24"], &[]);
    half.policy.as_mut().unwrap().zones.push(zone("desk", &["198.51.100.0/25"], &[]));
    assert_eq!(refused(&half).ports, "22/tcp".parse().ok());
}

#[test]
fn a_port_that_was_closed_before_stands_against_no_other_change() {
    let services = [("ssh", "22/tcp", "world"), WEB, ("dns", "53/tcp", "world")];
    let mut scene = managed(host(&services, OPEN), &["198.51.100.0/24"], &[]);
    let close = |scene: &Scene, port: &str| {
        let ports = [port.parse().unwrap()].into_iter().collect();
        let confirmed = scene.with_world(|world| crate::plan::standing(world).unwrap());
        let confirmed = confirmed.as_ref().and_then(crate::gate::Standing::body);
        let plan = scene.with_world(|world| crate::plan::close(world, &ports, confirmed, &Asked::default()));
        plan.unwrap().changes
    };
    scene.snapshot = simulate(&scene.snapshot, &planned(&scene).changes, Keep::AtOnce).unwrap();
    let changes = close(&scene, "22/tcp");
    let refused = scene.with_world(|world| protect(world, &changes, &[]));
    assert!(matches!(refused, Err(Refused::Unmanaged(_))), "{refused:?}");
    // Whoever did it all the same closes another one.
    scene.snapshot = simulate(&scene.snapshot, &changes, Keep::AtOnce).unwrap();
    let changes = close(&scene, "53/tcp");
    assert_eq!(changes.len(), 1);
    assert_eq!(scene.with_world(|world| protect(world, &changes, &[here()])), Ok(()));
}

#[test]
fn the_ports_may_be_named() {
    let with = |ports: &str| {
        let mut scene = managed(host(&[WEB, ("ssh", "22/tcp", "host")], OPEN), &["198.51.100.0/24"], &[]);
        let ports = ports.split(' ').map(|spec| spec.parse().unwrap()).collect();
        scene.policy.as_mut().unwrap().zones[0].management = Some(Management::Ports(ports));
        scene
    };
    assert_eq!(answer(&with("443/tcp")), Ok(()));
    assert_eq!(refused(&with("443/tcp 9443/tcp")).ports, "9443/tcp".parse().ok());
    assert_eq!(refused(&with("440-443/tcp")).ports, "440-443/tcp".parse().ok());
}

#[test]
fn what_cannot_be_told_is_not_safe() {
    // Nobody lets in by ssh but to the host itself.
    let mut scene = host(&[WEB], OPEN).listens("ssh.service", "127.0.0.1:22/tcp").program("sshd", "root");
    let management = Some(Management::Ssh);
    let admin = Zone { management, ..zone("admin", &["198.51.100.0/24"], &[]) };
    scene.policy.as_mut().unwrap().zones.push(admin);
    let unmanaged = refused(&scene);
    assert_eq!((unmanaged.ports, unmanaged.rule), (None, None));
    // No interface has that name, so nobody can come in by it.
    let gone = managed(host(&[WEB, ("ssh", "22/tcp", "world")], OPEN), &[], &["wg0"]);
    let unmanaged = refused(&gone);
    assert_eq!((unmanaged.ports, unmanaged.rule), ("22/tcp".parse().ok(), None::<String>));
}

#[test]
fn where_nothing_is_changed_nobody_is_kept_out() {
    let mut scene = managed(host(&[WEB, ("ssh", "22/tcp", "host")], OPEN), &["198.51.100.0/24"], &[]);
    let changes = planned(&scene).changes;
    scene.snapshot = simulate(&scene.snapshot, &changes, Keep::AtOnce).unwrap();
    assert_eq!(answer(&scene), Ok(()));
}
