//! Whose scan is one of ours, and for how long.

use alloc::{collections::BTreeSet, string::String, vec, vec::Vec};

use super::*;
use crate::{
    facts::{Lifelines, Snapshot, testing::snapshot},
    policy::{WatchChoice, WatchMode},
    port::Protocol,
    watch::{Bond, Event, Happening, Known, Mercy, Reaction, Touch},
};

const HERE: &str = "192.0.2.1";
const OURS: &str = "198.51.100.1";

struct Scene {
    watch: Watch,
    given: Vec<Consent>,
    second: i64,
    blocks: bool,
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

impl Scene {
    /// A host that consents for a hundred seconds to the scans of these.
    fn consenting(to: &[&str]) -> Self {
        let answered = to.iter().map(|address| address.parse().unwrap()).collect();
        let given = vec![Consent { port: 29_317, netns: 1, pid: 7, until: at(100), answered }];
        Self { watch: Watch::new([1, 2], at(0)), given, second: 0, blocks: true }
    }

    fn bonds(&self) -> Bonds {
        let snapshot = Snapshot { consents: self.given.clone(), ..snapshot(at(self.second)) };
        Bonds::of(&snapshot, None, &Lifelines::default(), &[])
    }

    /// What is told of whoever asks for so many ports from `first` on, and what becomes of him.
    fn scans(&mut self, from: &str, first: u16) -> Vec<Reaction> {
        let from: IpAddr = from.parse().unwrap();
        let to: IpAddr = HERE.parse().unwrap();
        let known = Known { declared: BTreeSet::new(), own: vec![to], ..Known::default() };
        let mode = if self.blocks { WatchMode::Block } else { WatchMode::Observe };
        let choice = WatchChoice { mode, block_unproven: true, ..WatchChoice::default() };
        let mut reactions = Vec::new();
        // None is of a family with another one.
        for port in (0..6).map(|nth| first + nth * 1_009) {
            self.second += 1;
            let touch = Touch { from, to, protocol: Protocol::Tcp, from_port: 40_000, port, flags: 2 };
            let event = Event { at: at(self.second), what: Happening::Touch(touch) };
            for suspicion in self.watch.step(&known, &event) {
                let bonds = self.bonds();
                let reaction = self.watch.reaction(&suspicion, &choice, &bonds);
                self.watch.reacted(suspicion.source, &reaction, event.at);
                if matches!(reaction, Reaction::Spare(Mercy::Consent(_))) {
                    self.watch.excuse(suspicion.source, &bonds);
                }
                reactions.push(reaction);
            }
        }
        reactions
    }

    fn looks(&mut self) {
        self.watch.excuse_no_more(&self.given, at(self.second));
        self.watch.expect(&self.given, at(self.second));
    }
}

fn own() -> [Reaction; 1] {
    [Reaction::Spare(Mercy::Consent(at(100)))]
}

fn is_blocked(reactions: &[Reaction]) -> bool {
    matches!(reactions, [Reaction::Block(_)])
}

#[test]
fn who_was_answered_is_told_of_once_and_never_kept_out() {
    let mut scene = Scene::consenting(&[OURS]);
    assert_eq!(scene.scans(OURS, 20_000), own());
    scene.looks();
    assert_eq!(scene.scans(OURS, 30_000), [], "the rest of the same scan");
    assert!(is_blocked(&scene.scans("198.51.100.7", 20_000)), "nobody told him that he may");
}

#[test]
fn whoever_goes_on_after_it_is_judged_by_that_alone() {
    let mut scene = Scene::consenting(&[OURS]);
    assert_eq!(scene.scans(OURS, 20_000), own());
    scene.second = 100;
    scene.looks();
    assert!(scene.watch.forgotten(at(100)).contains(&Source::of(OURS.parse().unwrap())), "it is news");
    assert!(is_blocked(&scene.scans(OURS, 40_000)));
}

#[test]
fn a_consent_that_is_taken_back_is_over_at_the_next_look() {
    let mut scene = Scene::consenting(&[OURS]);
    assert_eq!(scene.scans(OURS, 20_000), own());
    scene.given.clear();
    scene.looks();
    assert!(is_blocked(&scene.scans(OURS, 40_000)));
}

#[test]
fn whoever_was_told_of_before_he_was_answered_is_told_of_as_ours_then() {
    let mut scene = Scene::consenting(&[]);
    scene.blocks = false;
    assert_eq!(scene.scans(OURS, 20_000).len(), 1);
    assert_eq!(scene.scans(OURS, 30_000), [], "he is known");
    scene.given = Scene::consenting(&[OURS]).given;
    scene.looks();
    assert_eq!(scene.scans(OURS, 40_000), own());
    scene.looks();
    assert_eq!(scene.scans(OURS, 50_000), [], "once");
}

#[test]
fn nobody_is_excused_by_a_consent_that_is_over_or_answered_nobody() {
    let mut scene = Scene::consenting(&[OURS]);
    scene.second = 100;
    assert!(is_blocked(&scene.scans(OURS, 20_000)));
    assert!(is_blocked(&Scene::consenting(&[]).scans(OURS, 20_000)));
}

#[test]
fn a_neighbour_of_the_same_network_is_told_of_and_not_kept_out_with_him() {
    let mut scene = Scene::consenting(&["2001:db8::1"]);
    assert_eq!(scene.scans("2001:db8::1", 20_000), own());
    let told = scene.scans("2001:db8::2", 30_000);
    assert_eq!(told, [Reaction::Spare(Mercy::Bond(Bond::Scanner))]);
    assert_eq!(scene.scans("2001:db8::1", 40_000), [], "his own are none of that");
}

#[test]
fn only_the_search_for_ports_is_excused() {
    let mut scene = Scene::consenting(&[OURS]);
    let of = |kind| Suspicion {
        at: at(1),
        source: Source::of(OURS.parse().unwrap()),
        kind,
        confidence: crate::watch::Confidence::Proven,
        score: 0,
        first: at(0),
        last: at(1),
        contacts: 5,
        ports: Vec::new(),
        service: Some(String::from("ssh")),
        users: 1,
        welcomed: 0,
        group: None,
    };
    let bonds = scene.bonds();
    assert_eq!(scene.watch.consent(&of(Kind::PortScan), &bonds), Some(at(100)));
    for kind in [Kind::BruteForce, Kind::PasswordSpray, Kind::PathProbing, Kind::DistributedScan] {
        assert_eq!(scene.watch.consent(&of(kind), &bonds), None, "{kind:?}");
    }
    scene.second = 1;
}
