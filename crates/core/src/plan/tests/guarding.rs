//! What the guard is to keep is planned where it keeps something else, and goes with the undo (A15, A24).

use alloc::{string::ToString, vec::Vec};

use super::host;
use crate::{
    facts::{Foothold, SocketState},
    guard::{Mode, Rules},
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
