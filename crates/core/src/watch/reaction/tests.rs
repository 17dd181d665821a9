//! What becomes of whoever is suspected, over time.

use alloc::{collections::BTreeSet, vec, vec::Vec};
use core::net::IpAddr;

use super::*;
use crate::{
    facts::{Lifelines, testing::snapshot},
    logs::{Reading, header, read},
    policy::Policy,
    port::Protocol,
    receipt::{Deed, tests::receipt},
    watch::{Event, Happening, Known, Touch, Written},
};

const HERE: &str = "192.0.2.1";
const SYN: u8 = 2;

struct Scene {
    watch: Watch,
    choice: WatchChoice,
    bonds: Bonds,
    second: i64,
}

impl Scene {
    fn new(mode: WatchMode) -> Self {
        let choice =
            WatchChoice { mode, allow: vec!["198.51.100.0/24".parse().unwrap()], ..WatchChoice::default() };
        let policy = Policy { watch: choice.clone(), ..Policy::default() };
        let lifelines = Lifelines { resolvers: vec!["192.0.2.53".parse().unwrap()], ..Lifelines::default() };
        let bonds = Bonds::of(&snapshot(Timestamp::UNIX_EPOCH), Some(&policy), &lifelines, &[]);
        Self { watch: Watch::new([1, 2], Timestamp::UNIX_EPOCH), choice, bonds, second: 0 }
    }

    fn now(&self) -> Timestamp {
        Timestamp::from_second(self.second).unwrap()
    }

    fn happens(&mut self, what: Happening<'_>) -> Vec<Reaction> {
        self.second += 1;
        let known = Known { declared: BTreeSet::new(), own: vec![HERE.parse().unwrap()], ..Known::default() };
        let at = self.now();
        let told = self.watch.step(&known, &Event { at, what });
        let react = |suspicion: Suspicion| {
            let reaction = self.watch.reaction(&suspicion, &self.choice, &self.bonds);
            self.watch.reacted(suspicion.source, &reaction, at);
            reaction
        };
        told.into_iter().map(react).collect()
    }

    /// sshd writes that of somebody, each time of another connection.
    fn writes(&mut self, from: &str, what: &str, times: u32) -> Vec<Reaction> {
        let service = self.watch.service("ssh");
        let mut reactions = vec![];
        for _ in 0..times {
            let pid = self.second;
            let line = alloc::format!(
                "Jun 21 16:47:48 host sshd[{pid}]: {what} password for root from {from} port 50 ssh2"
            );
            let header = header::split(&line).unwrap();
            let Reading::Attempt(attempt) = read(header.program, header.message) else { panic!("{line}") };
            reactions.extend(self.happens(Happening::Written(Written::of(service, &header, attempt))));
        }
        reactions
    }

    /// Somebody scans, and shakes hands before where that is `proven`.
    fn scans(&mut self, from: &str, is_proven: bool) -> Vec<Reaction> {
        let from: IpAddr = from.parse().unwrap();
        if is_proven {
            self.happens(Happening::Handshake { from });
        }
        let touch = |port| {
            let to = HERE.parse().unwrap();
            Touch { from, to, protocol: Protocol::Tcp, from_port: 40_000, port, flags: SYN }
        };
        [23, 3389, 5900, 6379, 11_211, 27_017]
            .into_iter()
            .flat_map(|port| self.happens(Happening::Touch(touch(port))))
            .collect()
    }
}

fn hours(hours: i64) -> SignedDuration {
    SignedDuration::from_hours(hours)
}

#[test]
fn only_proven_sources_are_kept_out_and_only_where_the_policy_says_so() {
    let mut scene = Scene::new(WatchMode::Block);
    assert_eq!(scene.scans("203.0.113.7", true), [Reaction::Block(hours(1))]);
    assert_eq!(scene.scans("203.0.113.8", false), [Reaction::Spare(Mercy::Unproven)]);
    let from = "203.0.113.8".parse().unwrap();
    let late = scene.happens(Happening::Handshake { from });
    assert_eq!(late, [Reaction::Block(hours(1))], "his address is his after all");
    let mut scene = Scene::new(WatchMode::Observe);
    assert_eq!(scene.scans("203.0.113.7", true), [Reaction::WouldBlock(hours(1))]);
    scene.choice = WatchChoice { mode: WatchMode::Block, block_unproven: true, ..scene.choice };
    assert_eq!(scene.scans("203.0.113.9", false), [Reaction::Block(hours(1))]);
}

#[test]
fn whoever_has_a_bond_is_never_kept_out() {
    let mut scene = Scene::new(WatchMode::Block);
    assert_eq!(scene.scans("192.0.2.53", true), [Reaction::Spare(Mercy::Bond(Bond::Resolver))]);
    assert_eq!(scene.scans("198.51.100.7", true), [Reaction::Spare(Mercy::Bond(Bond::Allowed))]);
}

#[test]
fn whoever_is_kept_out_is_no_news_until_he_comes_back() {
    let mut scene = Scene::new(WatchMode::Block);
    let blocked = |length| vec![Reaction::Block(hours(length))];
    assert_eq!(scene.scans("203.0.113.7", true), blocked(1));
    assert_eq!(scene.scans("203.0.113.7", true), vec![]);
    scene.second += 3_600;
    assert_eq!(scene.scans("203.0.113.7", true), blocked(2));
    scene.watch.forgive(Source::of("203.0.113.7".parse().unwrap()));
    assert_eq!(scene.scans("203.0.113.7", true), blocked(1), "nothing was held against him");
}

/// What the kernel remembers of him would else keep what he does from being told again.
#[test]
fn whoever_is_to_be_news_again_is_named_once() {
    let mut scene = Scene::new(WatchMode::Block);
    let [one, other] = ["203.0.113.7", "203.0.113.8"];
    let source = |address: &str| Source::of(address.parse().unwrap());
    scene.scans(one, true);
    scene.scans(other, true);
    let named = |scene: &mut Scene| scene.watch.forgotten(scene.now());
    assert_eq!(named(&mut scene), [source(one), source(other)]);
    assert_eq!(named(&mut scene), []);
    scene.watch.forgive(source(one));
    assert_eq!(named(&mut scene), [source(one)]);
    scene.second += 3_600;
    assert_eq!(named(&mut scene), [source(other)], "his time is over");
    assert_eq!(named(&mut scene), []);
}

#[test]
fn whoever_was_spared_for_the_moment_is_judged_again() {
    let mut scene = Scene::new(WatchMode::Block);
    scene.choice.blocks_per_minute_max = 1;
    assert_eq!(scene.scans("203.0.113.7", true), [Reaction::Block(hours(1))]);
    assert_eq!(scene.scans("203.0.113.8", true), [Reaction::Spare(Mercy::Limit(Limit::Minute))]);
    scene.second += 60;
    assert_eq!(scene.scans("203.0.113.8", true), [Reaction::Block(hours(1))]);
}

#[test]
fn blocks_of_the_past_count() {
    let mut scene = Scene::new(WatchMode::Block);
    let at = |second| Timestamp::from_second(second).unwrap();
    let block = |source: &str, why: Option<&str>| {
        let (source, why) = (source.parse().unwrap(), why.map(Into::into));
        Deed::Block { source, until: Some(at(10_000)), why }
    };
    let unblock = Deed::Unblock { source: "203.0.113.8".parse().unwrap() };
    let scan = Some("port-scan");
    let deeds = [block("203.0.113.7", scan), block("203.0.113.8", scan), unblock, block("203.0.113.9", None)];
    let history = (1..).zip(deeds).map(|(number, deed)| receipt(number, deed, None)).collect();
    scene.watch.recall(&history, scene.now());
    assert_eq!(scene.scans("203.0.113.7", true), []);
    assert_eq!(scene.scans("203.0.113.8", true), [Reaction::Block(hours(1))], "he was forgiven");
    assert_eq!(scene.scans("203.0.113.9", true), [Reaction::Block(hours(1))], "a person did that");
    scene.second = 10_000;
    assert_eq!(scene.scans("203.0.113.7", true), [Reaction::Block(hours(2))]);
}

#[test]
fn whoever_could_not_be_kept_out_is_judged_again() {
    let mut scene = Scene::new(WatchMode::Block);
    assert_eq!(scene.scans("203.0.113.7", true), [Reaction::Block(hours(1))]);
    let mut scene = Scene::new(WatchMode::Observe);
    let told = scene.scans("203.0.113.7", true);
    assert_eq!((told.len(), scene.scans("203.0.113.7", true).len()), (1, 0), "he is told of once");
    let source = Source::of("203.0.113.7".parse().unwrap());
    for mercy in [Mercy::NoGate, Mercy::Failed] {
        scene.watch.reacted(source, &Reaction::Spare(mercy), scene.now());
        assert_eq!(scene.scans("203.0.113.7", true), told);
    }
}

#[test]
fn nobody_is_kept_out_for_what_many_do() {
    let mut scene = Scene::new(WatchMode::Block);
    let sources = (1..=20).map(|number| alloc::format!("203.0.113.{number}"));
    let reactions: Vec<_> = sources.flat_map(|source| scene.writes(&source, "Failed", 1)).collect();
    assert_eq!(reactions, [Reaction::Spare(Mercy::Group)]);
}

/// Whoever watches first and blocks then begins so, and whoever is here is gone some time.
#[test]
fn whoever_was_not_kept_out_is_judged_again_when_that_may_have_changed() {
    let mut scene = Scene::new(WatchMode::Observe);
    assert_eq!(scene.scans("203.0.113.7", true), [Reaction::WouldBlock(hours(1))]);
    assert_eq!(scene.scans("198.51.100.7", true), [Reaction::Spare(Mercy::Bond(Bond::Allowed))]);
    assert_eq!(scene.scans("203.0.113.7", false), [], "he is known");
    scene.choice.mode = WatchMode::Block;
    scene.watch.reconsider(scene.now(), true);
    assert_eq!(scene.watch.forgotten(scene.now()).len(), 2, "what else remembers them is told");
    assert_eq!(scene.scans("203.0.113.7", false), [Reaction::Block(hours(1))]);
    assert_eq!(scene.scans("198.51.100.7", false), [Reaction::Spare(Mercy::Bond(Bond::Allowed))]);

    scene.bonds = Bonds::default();
    scene.watch.reconsider(scene.now(), false);
    assert_eq!(scene.scans("198.51.100.7", false), [], "it was lately");
    scene.second += 3_600;
    scene.watch.reconsider(scene.now(), false);
    assert_eq!(scene.scans("198.51.100.7", true), [Reaction::Block(hours(1))]);
}

#[test]
fn whoever_guesses_on_is_judged_again_too() {
    let mut scene = Scene::new(WatchMode::Observe);
    let guesses = |scene: &mut Scene| scene.writes("203.0.113.7", "Failed", 6);
    assert_eq!(guesses(&mut scene), [Reaction::WouldBlock(hours(1))]);
    assert_eq!(guesses(&mut scene), []);
    scene.choice.mode = WatchMode::Block;
    scene.watch.reconsider(scene.now(), true);
    assert_eq!(guesses(&mut scene), [Reaction::Block(hours(1))]);
}

/// A touch of a port can be anybody's who writes another's address; a login cannot.
#[test]
fn whoever_has_logged_in_lately_is_not_kept_out_for_packets_that_may_be_forged() {
    let mut scene = Scene::new(WatchMode::Block);
    assert_eq!(scene.writes("203.0.113.7", "Accepted", 1), []);
    assert_eq!(scene.scans("203.0.113.7", true), [Reaction::Spare(Mercy::Bond(Bond::Welcome))]);
    assert_eq!(scene.writes("203.0.113.7", "Failed", 12), [Reaction::Block(hours(1))]);
    assert_eq!(scene.writes("203.0.113.8", "Accepted", 1), []);
    scene.second += 25 * 3_600;
    assert_eq!(scene.scans("203.0.113.8", true), [Reaction::Block(hours(1))], "that was long ago");
}

/// After a reboot, or when somebody has emptied the packet filter, the gate stands without its blocks.
#[test]
fn whoever_the_gate_does_not_keep_out_any_more_is_judged_as_if_his_time_were_over() {
    let mut scene = Scene::new(WatchMode::Block);
    let (address, source) = ("203.0.113.7", Source::of("203.0.113.7".parse().unwrap()));
    assert_eq!(scene.scans(address, true), [Reaction::Block(hours(1))]);
    assert_eq!(scene.watch.forgotten(scene.now()), [source]);
    scene.second += 1;
    scene.watch.compare(&[source].into(), scene.now());
    assert_eq!(scene.scans(address, true), [], "it does");
    assert_eq!(scene.watch.forgotten(scene.now()), []);
    scene.second += 1;
    scene.watch.compare(&BTreeSet::new(), scene.now());
    assert_eq!(scene.watch.forgotten(scene.now()), [source]);
    assert_eq!(scene.scans(address, true), [Reaction::Block(hours(2))]);
}

#[test]
fn whoever_was_kept_out_already_is_judged_again_an_hour_later_or_when_that_is_over() {
    let source = Source::of("203.0.113.7".parse().unwrap());
    let mut scene = Scene::new(WatchMode::Observe);
    let told = scene.scans("203.0.113.7", true);
    let goes_on = |scene: &mut Scene, seconds| {
        scene.second += seconds;
        scene.watch.reconsider(scene.now(), false);
        scene.scans("203.0.113.7", true)
    };
    for (left, seconds) in [(None, 3_600), (Some(hours(2)), 3_600), (Some(SignedDuration::from_secs(90)), 90)]
    {
        let spared = Reaction::Spare(Mercy::KeptOut(left));
        scene.watch.reacted(source, &spared, scene.now());
        assert_eq!(goes_on(&mut scene, seconds - 20), [], "{left:?}");
        assert_eq!(goes_on(&mut scene, 20), told, "{left:?}");
    }
    scene.watch.reacted(source, &Reaction::Spare(Mercy::KeptOut(None)), scene.now());
    scene.watch.compare(&[source].into(), scene.now());
    assert_eq!(goes_on(&mut scene, 1), []);
    scene.watch.compare(&BTreeSet::new(), scene.now());
    assert_eq!(goes_on(&mut scene, 1), told, "nobody keeps him out");
}

#[test]
fn of_a_block_of_another_watch_each_knows_once() {
    let mut scene = Scene::new(WatchMode::Block);
    let source = "203.0.113.7".parse().unwrap();
    let block = |until: i64, why: Option<&str>| {
        let until = Some(Timestamp::from_second(until).unwrap());
        Deed::Block { source, until, why: why.map(Into::into) }
    };
    scene.watch.learn(&block(3_000, None), scene.now());
    assert_eq!(scene.scans("203.0.113.7", true), [Reaction::Block(hours(1))], "a person did that");
    scene.watch.learn(&block(3_610, Some("port-scan")), scene.now());
    scene.second = 3_609;
    assert_eq!(scene.scans("203.0.113.7", true), [Reaction::Block(hours(2))], "it was its own");
    scene.second += 7_300;
    scene.watch.learn(&block(scene.second + 14_400, Some("port-scan")), scene.now());
    assert_eq!(scene.scans("203.0.113.7", true), []);
    scene.watch.learn(&Deed::Unblock { source }, scene.now());
    assert_eq!(scene.scans("203.0.113.7", true), [Reaction::Block(hours(1))]);
}
