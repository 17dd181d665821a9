//! Declared ports that a client could get are kept from clients, and given back by the undo (A9, A24).

use alloc::{string::String, vec, vec::Vec};

use super::host;
use crate::{
    gate::Keep,
    guard::Mode,
    plan::{Asked, KeptBack, Plan, Unreserved, plan, simulate},
    policy::Guarding,
    port::PortRange,
    rules::testing::Scene,
    steer::{Steering, WhenDead},
};

const OPEN: &str = "";

fn ports(text: &str) -> Vec<PortRange> {
    text.split_terminator(',').map(|range| range.parse().expect("a range")).collect()
}

fn kept(ours: &str, declared: &str, otherwise: &str) -> Asked {
    let kept = KeptBack { ours: ports(ours), declared: ports(declared), otherwise: ports(otherwise) };
    Asked { kept, ..Asked::default() }
}

fn planned(scene: &Scene, asked: &Asked) -> Plan {
    scene.with_world(|world| plan(world, asked).expect("a plan"))
}

fn reserved(scene: Scene, text: &str) -> Scene {
    scene.namespace(|own| own.reserved = ports(text))
}

fn list(scene: &Scene) -> String {
    let own = scene.snapshot.own_namespace().expect("it is there");
    own.reserved.iter().map(|range| alloc::format!("{range} ")).collect()
}

/// The host that agrees with its policy but for what is kept from clients.
fn gated(services: &[(&str, &str, &str)], list: &str) -> Scene {
    let mut scene = reserved(host(services, OPEN), list);
    let gate = planned(&scene, &Asked::default()).changes.swap_remove(0);
    scene.snapshot = simulate(&scene.snapshot, &[gate], Keep::AtOnce).expect("it is made");
    scene
}

const SERVICES: &[(&str, &str, &str)] =
    &[("rtp", "40000-40009/udp", "world"), ("db", "33000/tcp", "host"), ("web", "443/tcp", "world")];

/// What is kept of a service that is steered so.
fn kept_of_steered(specs: &str, steering: Steering, mode: Mode) -> Option<String> {
    // The last one is steered.
    let scene = host(&[("rtp", "50000/udp", "world"), ("web", "40000/tcp", "world")], OPEN);
    let scene = scene.declared(|service| {
        service.ports = specs.split(',').map(|spec| spec.parse().expect("a port")).collect();
        service.addresses = vec!["192.0.2.1".parse().expect("an address")];
        service.guard = Some(Guarding::Kept(mode));
        service.steer = Some(steering);
    });
    let plan = planned(&scene, &Asked::default());
    let ports = plan.reserves()?.iter().map(alloc::string::ToString::to_string).collect::<Vec<_>>();
    Some(ports.join(","))
}

/// The service itself has to bind the number when it starts again, whatever is led to whom meanwhile.
#[test]
fn what_is_steered_is_kept_wherever_somebody_binds_that_very_number() {
    for mode in [Mode::Observe, Mode::Enforce] {
        for when_dead in [WhenDead::Pass, WhenDead::Refuse] {
            let kept = kept_of_steered("40000/tcp", when_dead.into(), mode);
            assert_eq!(kept.as_deref(), Some("40000,50000"), "{when_dead:?}");
        }
    }
}

/// Answers of UDP leave from the number that its socket is bound to, so nothing of that is led to another one.
#[test]
fn what_is_led_to_another_number_is_kept_only_where_it_may_come_to_whoever_binds_it() {
    let kept = |specs, when_dead: WhenDead, target| {
        let steering = Steering { target_port: Some(target), ..when_dead.into() };
        kept_of_steered(specs, steering, Mode::Enforce).expect("50000 is kept")
    };
    assert_eq!(kept("40000/tcp", WhenDead::Refuse, 8_080), "50000");
    assert_eq!(kept("40000/tcp", WhenDead::Pass, 8_080), "40000,50000");
    assert_eq!(kept("40000/tcp,40000/udp", WhenDead::Refuse, 8_080), "40000,50000");
    assert_eq!(kept("40000-40009/tcp", WhenDead::Refuse, 40_005), "40005,50000");
}

/// Clients would have none left, and nothing of what others declare could be kept.
#[test]
fn of_all_ports_of_an_address_none_is_kept_but_the_one_that_is_bound() {
    for when_dead in [WhenDead::Pass, WhenDead::Refuse] {
        for specs in ["1-65535/tcp", "1-9000/tcp,9001-65535/tcp"] {
            let kept = kept_of_steered(specs, when_dead.into(), Mode::Enforce);
            assert_eq!(kept.as_deref(), Some("50000"), "{specs}");
        }
    }
    let steering = Steering { target_port: Some(40_000), ..WhenDead::Refuse.into() };
    let kept = kept_of_steered("1-65535/tcp", steering, Mode::Enforce);
    assert_eq!(kept.as_deref(), Some("40000,50000"));
}

#[test]
fn what_is_declared_in_the_client_range_is_kept_and_given_back_by_the_undo() {
    let mut scene = gated(SERVICES, "8080,50000");
    let plan = planned(&scene, &Asked::default());
    let [change] = plan.changes.as_slice() else { panic!("{plan:?}") };
    assert_eq!(change.what.kind(), "reserve");
    assert_eq!(change.what.words().en, "keep 33000,40000-40009 from clients");
    assert_eq!(change.what.reserves(), Some(&ports("33000,40000-40009")[..]));
    assert!(change.because.en.contains("32768-60999"), "{}", change.because.en);
    assert_eq!(change.article, ["A9", "A24"]);
    assert!(plan.zones.is_empty(), "it opens and closes nothing");
    scene.snapshot = simulate(&scene.snapshot, &plan.changes, Keep::AtOnce).expect("it is made");
    assert_eq!(list(&scene), "8080 33000 40000-40009 50000 ");
    // As it is on record then, there is nothing to do.
    let done = kept("33000,40000-40009", "33000,40000-40009", "");
    assert_eq!(planned(&scene, &done).changes, []);
    scene.snapshot = simulate(&scene.snapshot, &plan.undo, Keep::AtOnce).expect("it is taken back");
    assert_eq!(list(&scene), "8080 50000 ", "what somebody else keeps back stays");
}

#[test]
fn what_is_declared_no_longer_is_given_back_unless_it_is_claimed() {
    let scene = gated(&[("db", "33000/tcp", "host")], "33000-33002");
    let before = kept("33000-33002", "33000-33001", "33002");
    let plan = planned(&scene, &before);
    assert_eq!(plan.changes[0].what.words().en, "let clients have 33001 again");
    let claimed = kept("33000-33002", "33000-33001", "33001-33002");
    assert_eq!(planned(&scene, &claimed).changes, []);
}

/// A claim may end: what is declared stays.
#[test]
fn what_only_a_claim_has_reserved_becomes_the_policys_too() {
    let scene = gated(&[("db", "33000/tcp", "host")], "33000");
    let plan = planned(&scene, &kept("33000", "", "33000"));
    assert_eq!(plan.changes[0].what.words().en, "keep from clients what is kept now, for the policy too");
    let foreign = planned(&scene, &kept("", "", ""));
    assert_eq!(foreign.changes, [], "what somebody else keeps is kept");
}

/// A policy that lets in whole ranges is applied all the same.
#[test]
fn clients_keep_a_thousand_ports_or_nothing_is_kept_from_them() {
    let few = |declared: &str, list: &str| {
        let plan = planned(&gated(&[("pool", declared, "host")], list), &Asked::default());
        assert!(plan.unreserved.is_none() || plan.changes.is_empty());
        plan.unreserved
    };
    // 32768-60999 has 28,232 numbers.
    assert_eq!(few("32768-59975/udp", ""), None);
    let range = PortRange { first: 32_768, last: 60_999 };
    let refused = Unreserved { range, left: 1_023, needed: 1_024 };
    assert_eq!(few("32768-59976/udp", ""), Some(refused.clone()));
    assert!(refused.why().en.contains("1023 ports left") && refused.why().ja.contains("1023 個"));
    assert!(few("32768-59975/udp", "60999").is_some(), "what others keep back counts too");
    assert_eq!(few("32768-60999/udp", "32768-60999"), None, "this takes nothing more from them");
    let small = gated(&[("pool", "40000-40050/udp", "host")], "");
    let small = small.namespace(|own| own.client_range = PortRange { first: 40_000, last: 40_099 });
    let unreserved = planned(&small, &Asked::default()).unreserved;
    assert_eq!(unreserved.map(|it| (it.left, it.needed)), Some((49, 50)), "half of a small range");
}

/// A first gate and what is kept go with one apply; the gate comes first, as it can be on trial.
#[test]
fn the_gate_comes_first_and_both_are_taken_back() {
    let scene = host(SERVICES, OPEN);
    let plan = planned(&scene, &Asked::default());
    let kinds = |changes: &[crate::plan::Change]| -> Vec<_> {
        changes.iter().map(|change| change.what.kind()).collect()
    };
    assert_eq!(
        (kinds(&plan.changes), kinds(&plan.undo)),
        (["gate", "reserve"].into(), ["no-gate", "reserve"].into())
    );
    let other = gated(SERVICES, "");
    let moved = plan.based_on.moved(planned(&other, &Asked::default()).based_on);
    assert!(moved.count() > 0, "what is planned is another thing");
}

#[test]
fn of_a_host_whose_client_range_is_not_known_nothing_is_kept() {
    let scene = gated(SERVICES, "").namespace(|own| own.client_range = PortRange::UNTOLD);
    assert_eq!(planned(&scene, &Asked::default()).changes, []);
}
