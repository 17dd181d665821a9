//! What the guard is to keep is planned where it keeps something else, and goes with the undo (A15, A24).

use alloc::{string::ToString, vec::Vec};

use super::host;
use crate::{
    address::Family,
    facts::{Connection, Foothold, Peer, SocketState, TcpState},
    guard::{Mode, Named, Rules},
    owner::Owner,
    plan::{Asked, Guards, Plan, Refused, plan},
    policy::{Guarding, Service},
    port::Protocol,
    rules::testing::Scene,
};

fn enforced(service: &mut Service) {
    service.guard = Some(Guarding::Kept(Mode::Enforce));
}

fn asked(guards: Guards) -> Asked {
    Asked { guards: Some(guards), ..Asked::default() }
}

fn planned(scene: &Scene, guards: Guards) -> Result<Plan, Refused> {
    scene.with_world(|world| plan(world, &asked(guards)))
}

fn kinds(plan: &Plan) -> Vec<&'static str> {
    plan.changes.iter().map(|change| change.what.kind()).collect()
}

fn scene() -> Scene {
    host(&[("web", "443/tcp", "world")], "").declared(enforced)
}

#[test]
fn what_the_guard_is_to_keep_is_a_change_until_it_does() {
    let scene = scene();
    let first = planned(&scene, Guards::default()).expect("a plan");
    assert_eq!(kinds(&first), ["gate", "guard"]);
    let rules = first.guards().expect("rules").clone();
    assert!(rules.entries.contains_key(&(Protocol::Tcp, 443)));
    assert_eq!(first.changes[1].what.words().en, "refuse 1 port to whoever does not own them");
    assert_eq!(
        (first.changes[1].article, first.undo[1].what.guards()),
        (&["A24"][..], Some(&Rules::default()))
    );
    assert!(first.gate().is_some_and(|change| change.what.kind() == "gate"));
    let standing = Guards { rules: rules.clone(), ..Guards::default() };
    assert_eq!(kinds(&planned(&scene, standing.clone()).expect("a plan")), ["gate"], "it keeps them");
    assert_eq!(
        planned(&scene, Guards { seconds_left: Some(9), ..standing }).map(|it| kinds(&it).len()),
        Ok(1)
    );
    let another = Guards { seconds_left: Some(9), ..Guards::default() };
    assert_eq!(planned(&scene, another), Err(Refused::OnTrial { seconds_left: 9 }));
}

#[test]
fn of_a_policy_that_says_nothing_of_it_nothing_is_guarded_any_more() {
    let quiet = host(&[("web", "443/tcp", "world")], "");
    assert_eq!(kinds(&planned(&quiet, Guards::default()).expect("a plan")), ["gate"]);
    let rules = planned(&scene(), Guards::default()).expect("a plan").guards().expect("rules").clone();
    let over = planned(&quiet, Guards { rules: rules.clone(), ..Guards::default() }).expect("a plan");
    assert_eq!(over.guards(), Some(&Rules::default()));
    assert_eq!(over.changes[1].what.words().en, "guard no ports any more");
    assert_eq!(over.undo[1].what.guards(), Some(&rules));
    // Of a saved host nobody knows what its guard keeps.
    let saved = scene().with_world(|world| plan(world, &Asked::default()).expect("a plan"));
    assert_eq!(kinds(&saved), ["gate"]);
}

/// The guard takes nothing from whoever has it already, so that it would promise what is not so.
#[test]
fn nothing_is_enforced_over_a_stranger() {
    let stolen = scene().listens("session-4.scope", "0.0.0.0:443/tcp").program("python3", "eve");
    let refused = planned(&stolen, Guards::default()).expect_err("a stranger");
    let Refused::Held(ref by) = refused else { panic!("{refused:?}") };
    // Also where what comes in at the declared address is led past him: his next bind would be refused.
    let steered = |mode| {
        stolen.clone().declared(move |service| {
            service.addresses = ["192.0.2.7".parse().expect("an address")].into();
            service.steer = Some(crate::steer::WhenDead::Refuse.into());
            service.guard = Some(Guarding::Kept(mode));
        })
    };
    assert!(matches!(planned(&steered(Mode::Enforce), Guards::default()), Err(Refused::Held(_))));
    assert!(planned(&steered(Mode::Observe), Guards::default()).is_ok());
    assert_eq!((by.spec.to_string().as_str(), by.service.as_str()), ("443/tcp", "web"));
    assert!(refused.fix().en.contains("portreeve who 443/tcp"), "{refused:?}");
    let observed = stolen.declared(|service| service.guard = Some(Guarding::Kept(Mode::Observe)));
    assert!(planned(&observed, Guards::default()).is_ok(), "he is written down");
}

/// Where that is asked for a stranger gives up what he listens on, after it is refused to him, and for good.
#[test]
fn a_stranger_is_evicted_where_that_is_asked_for() {
    let evicting = |scene: &Scene, guards: Guards, footholds: Vec<Foothold>| {
        let asked = Asked { evicts: true, footholds, ..asked(guards) };
        scene.with_world(|world| plan(world, &asked))
    };
    let stolen = || scene().listens("session-4.scope", "0.0.0.0:443/tcp").program("python3", "eve");
    let made = evicting(&stolen(), Guards::default(), Vec::new()).expect("a plan");
    assert_eq!(kinds(&made), ["gate", "guard", "evict"]);
    let last = made.changes[2].clone();
    assert!(!last.what.is_reversible() && made.changes[1].what.is_reversible());
    assert_eq!(last.what.words().en, "have python3 (user eve) listen on 443/tcp no more");
    assert_eq!(made.undo.len(), 2, "of him nothing is taken back");
    let evicted: Vec<_> = made.evictions().map(|it| it.cookies.clone()).collect();
    assert_eq!(evicted, [[stolen().snapshot.listeners[0].cookie]]);
    assert!(made.evictions().all(|it| it.stop.is_none()), "a session is stopped by nobody's unit");
    // Also where it is refused to him already.
    let standing = Guards { rules: made.guards().expect("rules").clone(), ..Guards::default() };
    assert_eq!(kinds(&evicting(&stolen(), standing, Vec::new()).expect("a plan")), ["gate", "evict"]);
    // Nobody's way in is closed, nothing of an owner's, and nothing that cannot be.
    let foothold = Foothold {
        protocol: Protocol::Tcp,
        peer: "192.0.2.9".parse().expect("an address"),
        local: "192.0.2.1".parse().expect("an address"),
        port: 443,
        interface: None,
        who: "sshd (pid 811)".into(),
    };
    let shared = stolen().guest("own.service", "web", "web");
    let bound = stolen().socket(|socket| socket.state = SocketState::Bound);
    for (scene, footholds) in [(stolen(), [foothold].into()), (shared, Vec::new()), (bound, Vec::new())] {
        let refused = evicting(&scene, Guards::default(), footholds);
        assert!(matches!(refused, Err(Refused::Held(_))), "{refused:?}");
    }
}

/// The service manager opens it again for as long as its unit is to run, and the guard asks for that unit.
#[test]
fn what_the_service_manager_holds_for_a_stranger_is_a_strangers() {
    let activated = |owner: Owner| {
        let scene = scene().declared(move |service| service.owners = [owner.clone()].into());
        scene.listens("init.scope", "0.0.0.0:443/tcp").program("systemd", "root").socket(|socket| {
            socket.socket_cgroup = Some("/system.slice/shop.socket".into());
            socket.socket_unit = Some("shop.socket".into());
        })
    };
    let users = [("root".into(), 0), ("web".into(), 33)].into();
    let guards = Guards { named: Named { users, ..Named::default() }, ..Guards::default() };
    let of_web = activated(Owner::Unit("web.service".into()));
    for evicts in [false, true] {
        let asked = Asked { evicts, ..asked(guards.clone()) };
        let refused = of_web.with_world(|world| plan(world, &asked)).expect_err("a stranger");
        assert!(refused.why().en.ends_with("and shop.socket holds it"), "{refused:?}");
        assert!(refused.fix().en.starts_with("systemctl disable --now shop.socket"), "{refused:?}");
    }
    // Also once it has handed the socket on.
    let started = of_web.guest("shop.service", "sleep", "root");
    let refused = planned(&started, guards.clone()).expect_err("a stranger");
    assert!(refused.why().en.ends_with("and shop.socket holds it"), "{refused:?}");
    for owner in [
        Owner::Unit("shop.service".into()),
        Owner::Unit("shop.socket".into()),
        Owner::Cgroup("/system.slice".into()),
        Owner::User("root".into()),
    ] {
        assert!(planned(&activated(owner.clone()), guards.clone()).is_ok(), "{owner}");
    }
    assert!(planned(&activated(Owner::User("web".into())), guards).is_err());
}

/// Who was evicted has the number still, and neither listens nor comes back: what else changes is no matter of his.
#[test]
fn whoever_is_refused_already_keeps_nobody_from_another_change() {
    let scene = scene();
    let mut bound = scene.clone().listens("session-4.scope", "0.0.0.0:443/tcp").program("python3", "eve");
    let listener = bound.snapshot.listeners.pop().expect("a listener");
    let rules = planned(&scene, Guards::default()).expect("a plan").guards().expect("rules").clone();
    let socket = Connection {
        protocol: Protocol::Tcp,
        family: Family::Ipv4,
        address: listener.address.clone(),
        port: 443,
        peer: Peer { address: listener.address.clone(), port: 0 },
        state: TcpState::BoundInactive,
        netns: listener.netns,
        inode: listener.inode,
        cookie: listener.cookie,
        pids: listener.holders.iter().map(|hold| hold.pid).collect(),
        socket_unit: None,
    };
    bound.snapshot.connections = Some([socket].into());
    assert!(matches!(planned(&bound, Guards::default()), Err(Refused::Held(_))), "of what is new");
    let more = bound.clone().service("db", "5432/tcp", "db.service").declared(enforced);
    let standing = Guards { rules, ..Guards::default() };
    for (scene, changes) in [(&bound, 1), (&more, 2)] {
        for evicts in [false, true] {
            let asked = Asked { evicts, ..asked(standing.clone()) };
            let made = scene.with_world(|world| plan(world, &asked)).expect("a plan");
            assert_eq!((kinds(&made).len(), made.evictions().count()), (changes, 0));
            let held = made.held.expect("he is told of");
            assert_eq!(held.spec.to_string(), "443/tcp");
        }
    }
    // Of another owner it is a promise that is not so.
    let changed = bound.declared(|service| service.owners = [Owner::Unit("other.service".into())].into());
    assert!(matches!(planned(&changed, standing), Err(Refused::Held(_))));
}
