//! What is planned for hosts in a line or three, and what is refused.

mod drift;
mod guarding;
mod promises;
mod reserving;
mod steering;

use core::time::Duration;

use super::*;
use crate::{
    exposure::Reached,
    facts::{Firewall, GapKind, Listing},
    gate::{self, Keep, Refusal, Timeout},
    rules::testing::{Scene, filtering, published, scene},
};

fn minute() -> Keep {
    Keep::OnTrial(Timeout::of(Duration::from_secs(60)).unwrap())
}

#[test]
fn where_no_gate_is_one_is_made() {
    let scene = scene().service("web", "443/tcp", "nginx.service").reach("world");
    scene.filtered(filtering(""), &[]).with_world(|world| {
        let plan = plan(world, &Asked::default()).unwrap();
        let [change] = plan.changes.as_slice() else { panic!("{plan:?}") };
        let text = |keep| change.what.transaction(None, keep, world.now).unwrap();
        let at_once = text(Keep::AtOnce);
        assert!(at_once.as_str().starts_with("create table inet portreeve\n"));
        assert!(at_once.as_str().contains("add element inet portreeve revision { 1767225600 }"));
        // What everything passes is confirmed, and the gate on trial beside it.
        let on_trial = text(minute());
        assert!(on_trial.as_str().contains("add element inet portreeve revision { 1767225601 }"));
        assert!(on_trial.as_str().contains("ipv4 timeout 1m : goto b_input"));
        assert!(on_trial.as_str().contains("confirmed_input goto a_input"));
        let [undo] = plan.undo.as_slice() else { panic!("{plan:?}") };
        assert_eq!(undo.what, Effect::no_gate());
    });
}

#[test]
fn what_was_not_seen_is_not_changed() {
    let refused = |firewall: Option<Firewall>, gaps: &[Gap]| {
        let mut scene = scene().policy();
        scene.snapshot.firewall = firewall;
        scene.snapshot.gaps.extend_from_slice(gaps);
        scene.with_world(|world| plan(world, &Asked::default()).unwrap_err())
    };
    let gap = Gap::new(GapKind::HiddenFirewall, 1);
    assert_eq!(refused(None, core::slice::from_ref(&gap)), Refused::Unseen(vec![gap]));
    assert_eq!(refused(None, &[]), Refused::Unseen(Vec::new()));
    let broken = Firewall { listings: [(Listing::Nft, "{".into())].into() };
    assert!(matches!(refused(Some(broken), &[]), Refused::Unreadable(_)));
    let scene = scene().filtered(filtering(""), &[]);
    assert_eq!(scene.with_world(|world| plan(world, &Asked::default()).unwrap_err()), Refused::NoPolicy);
}

#[test]
fn one_trial_at_a_time() {
    let refused = |listing: &str| {
        let mut firewall = filtering("");
        firewall.listings.insert(Listing::Nft, listing.into());
        let scene = scene().policy().filtered(firewall, &[]);
        scene.with_world(|world| plan(world, &Asked::default()).unwrap_err())
    };
    let listing = include_str!("../../tests/gate/trial.json");
    let whole = refused(listing);
    assert_eq!(whole, Refused::OnTrial { seconds_left: 59 });
    assert!(whole.why().en.contains("in 59 s") && whole.fix().en.contains("portreeve confirm"));
    // What somebody else has changed nobody can confirm.
    let changed = listing.replace("\"told4\"", "\"told\"");
    assert_ne!(changed, listing);
    let spoilt = refused(&changed);
    assert_eq!(spoilt, Refused::SpoiltTrial { seconds_left: 59 });
    assert!(spoilt.why().en.contains("in 59 s") && !spoilt.fix().en.contains("confirm"));
}

#[test]
fn an_unknown_layout_is_left_alone() {
    let mut firewall = filtering("");
    let listing = include_str!("../../tests/gate/zones.json").replacen("\"elem\": [1]", "\"elem\": [2]", 1);
    firewall.listings.insert(Listing::Nft, listing);
    let refused = scene()
        .policy()
        .filtered(firewall, &[])
        .with_world(|world| plan(world, &Asked::default()).unwrap_err());
    assert_eq!(refused, Refused::Table(gate::ReadError::Layout(2)));
}

/// A host with its packet filter, and the policy of these services.
pub(super) fn host(services: &[(&str, &str, &str)], rules: &str) -> Scene {
    let with = |scene: Scene, (name, ports, zone): &(&str, &str, &str)| {
        scene.service(name, ports, "own.service").reach(zone)
    };
    services.iter().fold(scene().policy(), with).filtered(published(rules), &[])
}

pub(super) fn planned(scene: &Scene) -> Plan {
    scene.with_world(|world| plan(world, &Asked::default()).unwrap())
}

/// The host once its plan is carried out.
pub(super) fn after(scene: &Scene, changes: &[Change]) -> Scene {
    let mut after = scene.clone();
    after.snapshot = simulate(&scene.snapshot, changes, Keep::AtOnce).unwrap();
    after
}

#[test]
fn what_is_done_is_not_planned_again() {
    let mut scene = host(&[("web", "443/tcp", "world")], "");
    let done = after(&scene, &planned(&scene).changes);
    let again = planned(&done);
    assert_eq!((again.changes, again.zones, again.undo), (Vec::new(), Vec::new(), Vec::new()));
    // Another policy is another generation, and its undo the one before it.
    scene = scene.service("db", "5432/tcp", "own.service").reach("world");
    scene.snapshot = done.snapshot;
    let plan = planned(&scene);
    let text = |changes: &[Change], scene: &Scene| {
        let listing = scene.snapshot.firewall.as_ref().unwrap().text(Listing::Nft).unwrap();
        let standing = Standing::read(listing).unwrap();
        changes[0].what.transaction(standing.as_ref(), Keep::AtOnce, scene.now).unwrap()
    };
    assert!(text(&plan.changes, &scene).as_str().contains("b_world_tcp"));
    let undone = text(&plan.undo, &after(&scene, &plan.changes));
    assert!(
        undone.as_str().contains("set a_world_tcp { type inet_service; flags interval; elements = { 443 } }")
    );
}

/// What is open to a zone for a while goes with it, which nobody would see otherwise.
#[test]
fn what_is_open_to_a_zone_that_goes_is_told_as_lost() {
    let mut scene = host(&[("web", "443/tcp", "world")], "-A INPUT -j ACCEPT\n");
    let zone = crate::rules::testing::zone("office", &["198.51.100.0/24"], &[]);
    scene.policy.as_mut().unwrap().zones.push(zone);
    let mut done = after(&scene, &planned(&scene).changes);
    let listing = done.snapshot.firewall.as_mut().unwrap().listings.get_mut(&Listing::Nft).unwrap();
    let set = "\"name\":\"open_zone_office_tcp\",";
    let elements = r#""elem":[{"elem":{"val":8080,"timeout":3600,"expires":3599}}],"#;
    assert_eq!(listing.matches(set).count(), 1);
    *listing = listing.replace(set, &[elements, set].concat());
    let told = |scene: &Scene| {
        let zones = planned(scene).zones.into_iter().filter(|zone| zone.zone == "office");
        zones.flat_map(|zone| zone.loses).map(|lost| (lost.ports, lost.after)).collect::<Vec<_>>()
    };
    done = done.service("db", "5432/tcp", "own.service").reach("world");
    assert_eq!(told(&done), [], "the zone stays");
    done.policy.as_mut().unwrap().zones.clear();
    assert_eq!(told(&done), [("8080/tcp".parse().unwrap(), Reached::Dropped)]);
    done = done.service("shop", "8080/tcp", "own.service").reach("world");
    assert_eq!(told(&done), [], "everybody gets there then");
}

#[test]
fn whoever_is_refused_is_told_where_the_policy_prefers_it() {
    let mut scene = host(&[("web", "443/tcp", "world")], "-A INPUT -j ACCEPT\n");
    scene.policy.as_mut().unwrap().refusal = Refusal::Reject;
    let scene = scene.listens("other.service", "0.0.0.0:6379/tcp");
    let plan = planned(&scene);
    let lost = plan.zones.iter().flat_map(|zone| &zone.loses);
    assert!(plan.zones.iter().any(|zone| !zone.loses.is_empty()));
    // DHCP comes in everywhere.
    for change in lost.filter(|change| ![68, 546].contains(&change.ports.range.first)) {
        assert_eq!(change.after, Reached::Rejected, "{change:?}");
    }
    // It is another gate than one that drops.
    let mut done = after(&scene, &plan.changes);
    assert_eq!(planned(&done).changes, []);
    done.policy.as_mut().unwrap().refusal = Refusal::Drop;
    assert_eq!(planned(&done).changes.len(), 1);
}

#[test]
fn what_is_on_trial_judges_and_no_more_is_planned() {
    let mut scene = host(&[("web", "443/tcp", "world")], "");
    scene.snapshot = simulate(&scene.snapshot, &planned(&scene).changes, minute()).unwrap();
    scene.with_world(|world| {
        assert_eq!(plan(world, &Asked::default()), Err(Refused::OnTrial { seconds_left: 60 }));
        assert!(world.passages().is_empty());
    });
}
