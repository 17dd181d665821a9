//! Runs of touches by many, and whether that is told.

use alloc::{format, string::ToString as _, vec, vec::Vec};
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

use super::*;
use crate::{
    port::PortRange,
    watch::{Event, Happening, Suspicion, Watch},
};

const SYN: u8 = 2;
const HERE: &str = "192.0.2.1";
const DAY: i64 = 24 * 60 * 60;

/// A host whose watch looks every ten seconds, and what was told of groups.
struct Scene {
    watch: Watch,
    known: Known,
    second: i64,
    told: Vec<Suspicion>,
}

impl Scene {
    fn new() -> Self {
        let known = Known {
            declared: [(Protocol::Tcp, PortRange::one(443))].into(),
            served: [(Protocol::Tcp, 22)].into(),
            own: vec![HERE.parse().unwrap()],
            ..Known::default()
        };
        let watch = Watch::new([1, 2], Timestamp::UNIX_EPOCH);
        Self { watch, known, second: 0, told: Vec::new() }
    }

    fn happens(&mut self, what: Happening<'_>) {
        let at = Timestamp::from_second(self.second).unwrap();
        let told = self.watch.step(&self.known, &Event { at, what });
        self.told.extend(told.into_iter().filter(|told| told.kind == Kind::DistributedScan));
    }

    /// The kernel tells of each.
    fn touches(&mut self, from: impl Into<IpAddr>, ports: &[u16]) -> &mut Self {
        let (from, to) = (from.into(), self.known.own[0]);
        for port in ports {
            let touch =
                Touch { from, to, protocol: Protocol::Tcp, from_port: 40_000, port: *port, flags: SYN };
            self.happens(Happening::Touch(touch));
        }
        self
    }

    /// It counted so many.
    fn counts(&mut self, port: u16, more: i32) -> &mut Self {
        self.happens(Happening::Counted(&[FirstTouches { protocol: Protocol::Tcp, port, more }]));
        self
    }

    fn later(&mut self, seconds: i64) -> &mut Self {
        self.second += seconds;
        self.happens(Happening::Counted(&[]));
        self
    }

    /// A day on which so many touch a port every ten minutes.
    fn day(&mut self, port: u16, each: i32) -> &mut Self {
        for minute in 0..24 * 60 {
            self.later(60);
            if minute % 10 == 0 {
                self.counts(port, each);
            }
        }
        self
    }

    fn texts(&self) -> Vec<alloc::string::String> {
        self.told.iter().map(|told| told.text().en).collect()
    }
}

/// One of as many networks as are asked for.
fn scattered(number: u32) -> Ipv4Addr {
    Ipv4Addr::from_bits(0x0a00_0000 + number * 256)
}

fn neighbour(number: u8) -> Ipv4Addr {
    Ipv4Addr::new(198, 51, 100, number)
}

#[test]
fn many_who_touch_one_port_are_told_of_once() {
    let mut scene = Scene::new();
    (1..=19).for_each(|number| _ = scene.touches(scattered(number), &[23]));
    assert_eq!(scene.later(10).told, []);
    (20..=60).for_each(|number| _ = scene.touches(scattered(number), &[23]));
    scene.later(10);
    assert_eq!(
        scene.texts(),
        [
            "60 sources asked for one to three undeclared ports each in 20.0 s: 23 (tcp); no handshake: may be forged"
        ]
    );
    let told = &scene.told[0];
    let group = told.group.as_ref().unwrap();
    assert_eq!(group.sources, (1..=16).map(|number| Source::V4(scattered(number))).collect::<Vec<_>>());
    assert_eq!((group.count, group.network, told.contacts), (60, None, 60));
    assert_eq!((told.source, told.confidence), (Source::V4(scattered(60)), Confidence::Unproven));
    (61..=200).for_each(|number| _ = scene.touches(scattered(number), &[23]).later(10));
    assert_eq!(scene.told.len(), 1, "it goes on");
}

#[test]
fn whoever_is_only_counted_is_one_of_many_too() {
    let mut scene = Scene::new();
    (1..=5).for_each(|number| _ = scene.touches(scattered(number), &[6_379]));
    scene.counts(6_379, 14).later(10);
    assert_eq!(scene.told, []);
    // One who was counted is told of after all, with a second port.
    scene.counts(6_379, -1).touches(scattered(6), &[6_379, 23]).later(10);
    assert_eq!(scene.told, []);
    scene.counts(6_379, 1);
    let group = scene.told[0].group.clone().unwrap();
    assert_eq!((group.count, group.sources.len()), (20, 6));
    // Nobody of these is known.
    let mut scene = Scene::new();
    scene.counts(23, 60_000);
    let group = scene.told[0].group.clone().unwrap();
    assert_eq!((group.count, group.sources.len(), scene.told[0].source), (60_000, 0, Source::NOBODY));
}

#[test]
fn many_ports_are_one_line() {
    let mut scene = Scene::new();
    let ports = [23, 2_323, 3_389, 5_432, 5_900, 6_379, 9_200];
    ports.iter().for_each(|port| _ = scene.counts(*port, 12));
    let all: Vec<_> =
        ports.iter().map(|port| FirstTouches { protocol: Protocol::Tcp, port: *port, more: 12 }).collect();
    scene.second += 10;
    scene.happens(Happening::Counted(&all));
    let [told] = scene.told.as_slice() else { panic!("{:?}", scene.texts()) };
    assert_eq!(told.ports.iter().map(|contact| contact.port).collect::<Vec<_>>(), ports);
    // 168 touches, of at least a third as many sources.
    assert_eq!((told.contacts, told.group.as_ref().unwrap().count), (168, 56));
    assert!(told.text().en.contains(": 23 2323 3389 5432 5900 6379 9200 (tcp)"), "{}", told.text().en);
    // Of a flood in the name of everybody each port has its share in its own time.
    (1_024..5_000).for_each(|port| _ = scene.counts(port, 25));
    assert_eq!(scene.told.len(), 1);
}

#[test]
fn many_of_one_network_are_a_group_whatever_they_touch() {
    let mut scene = Scene::new();
    (1..=60).for_each(|number| _ = scene.touches(neighbour(number), &[1_000 + u16::from(number)]));
    scene.later(10);
    let [told] = scene.told.as_slice() else { panic!("{:?}", scene.texts()) };
    let group = told.group.as_ref().unwrap();
    assert_eq!(group.network.unwrap().to_string(), "198.51.100.0/24");
    assert_eq!((group.count, group.sources.len(), told.ports.len()), (60, 16, 16));
    assert!(
        told.text().en.starts_with("60 sources of 198.51.100.0/24 asked for one to three"),
        "{}",
        told.text().en
    );
    let mut scene = Scene::new();
    for number in 0..30_u128 {
        let from = Ipv6Addr::from_bits(0x2001_0db8_0007 << 80 | number << 64 | 1);
        scene.touches(from, &[2_000 + u16::try_from(number).unwrap()]);
    }
    scene.later(10);
    let group = scene.told[0].group.as_ref().unwrap();
    assert_eq!((group.network.unwrap().to_string().as_str(), group.count), ("2001:db8:7::/48", 30));
}

#[test]
fn whoever_is_told_of_by_himself_is_none_of_many() {
    let mut scene = Scene::new();
    (1..=60).for_each(|number| _ = scene.touches(neighbour(number), &[23, 111, 6_379, 5_900]));
    (1..=60).for_each(|number| _ = scene.touches(scattered(number), &[9_200, 27_017, 5_432, 3_306, 11_211]));
    scene.later(10);
    assert_eq!(scene.told, []);
    assert_eq!(scene.watch.suspects.len(), 120, "each of them is");
}

#[test]
fn what_many_innocents_ask_for_makes_no_group() {
    let mut scene = Scene::new();
    let served: Vec<u16> = vec![8_080];
    scene.known.served.insert((Protocol::Tcp, served[0]));
    scene.later(10);
    scene.known.served.remove(&(Protocol::Tcp, served[0]));
    for number in 1..=200 {
        // A declared port that is silent, one where somebody listened until just now, what neighbours ask for.
        scene
            .touches(scattered(number), &[443, 8_080])
            .touches(neighbour(u8::try_from(number).unwrap()), &[445]);
    }
    (1..=19).for_each(|number| _ = scene.touches(neighbour(number), &[23]));
    scene.counts(443, 500).counts(8_080, 500).counts(445, 500).counts(22, 500);
    for port in [33_440, 443] {
        let touches = FirstTouches { protocol: Protocol::Udp, port, more: 500 };
        scene.happens(Happening::Counted(&[touches]));
    }
    assert_eq!(scene.told, []);
    // A day later whoever comes does not mean what was there.
    scene.later(DAY + 1).counts(8_080, 20);
    assert_eq!(scene.told.len(), 1);
}

#[test]
fn few_in_ten_minutes_are_none_however_long_they_come() {
    let mut scene = Scene::new();
    for number in 1..=2_000 {
        scene.touches(scattered(number), &[23]).later(33);
    }
    assert_eq!(scene.told, [], "nineteen in ten minutes");
    let mut scene = Scene::new();
    for number in 1..=100 {
        scene.touches(scattered(number), &[23]).later(25);
    }
    assert_eq!(scene.told.len(), 1);
}

#[test]
fn the_same_few_who_never_stop_are_few() {
    let mut scene = Scene::new();
    for _ in 0..500 {
        (1..=15).for_each(|number| _ = scene.touches(scattered(number), &[23]));
        scene.later(60);
    }
    assert_eq!(scene.told, []);
}

#[test]
fn it_takes_ten_times_as_many_as_are_usual() {
    let mut scene = Scene::new();
    (0..7).for_each(|_| _ = scene.day(23, 5));
    assert_eq!(scene.told, []);
    scene.later(600).counts(23, 49).later(10);
    assert_eq!(scene.told, []);
    scene.counts(23, 1);
    assert_eq!(scene.told.len(), 1, "fifty");
    // Another port is as usual as it was.
    let mut scene = Scene::new();
    (0..7).for_each(|_| _ = scene.day(23, 5));
    scene.later(600).counts(2_323, 20);
    assert_eq!(scene.told.len(), 1);
}

#[test]
fn what_a_bad_day_brings_is_not_usual() {
    let mut scene = Scene::new();
    (0..4).for_each(|_| _ = scene.day(23, 1));
    (0..3).for_each(|_| _ = scene.day(23, 19));
    assert_eq!(scene.told, []);
    scene.later(600).counts(23, 20);
    assert_eq!(scene.told.len(), 1);
}

#[test]
fn what_came_back_after_an_hour_is_told_again() {
    let mut scene = Scene::new();
    scene.counts(23, 20);
    (0..70).for_each(|_| _ = scene.later(60).counts(23, 2));
    assert_eq!(scene.told.len(), 1, "it went on for an hour");
    scene.later(30 * 60).counts(23, 30);
    assert_eq!(scene.told.len(), 1, "it was quiet for half of one");
    scene.later(2 * 60 * 60).counts(23, 30);
    assert_eq!(scene.told.len(), 2);
    scene.later(601).counts(2_323, 30);
    assert_eq!(scene.told.len(), 3, "another one");
}

#[test]
fn a_group_comes_back_on_another_day() {
    let mut scene = Scene::new();
    for day in 1..=3 {
        (1..=60).for_each(|number| _ = scene.touches(neighbour(number), &[23, 6_379]));
        scene.later(10);
        assert_eq!(scene.told.len(), day);
        scene.later(DAY);
    }
}

#[test]
fn many_who_finished_handshakes_are_proven() {
    let mut scene = Scene::new();
    for number in 1..=20 {
        let from = scattered(number).into();
        scene.happens(Happening::Handshake { from });
        scene.touches(scattered(number), &[23]);
    }
    scene.later(10);
    assert_eq!(scene.told[0].confidence, Confidence::Proven);
    assert!(scene.texts()[0].ends_with(": 23 (tcp)"), "{:?}", scene.texts());
}

#[test]
fn what_is_usual_goes_on_in_another_watch() {
    let mut scene = Scene::new();
    (0..8).for_each(|_| _ = scene.day(23, 5));
    let usual = scene.watch.usual();
    let text = serde_json::to_string(&usual).unwrap();
    assert!(text.contains(r#""ports":[["tcp",23,[0,720,720,720,720,720,720,720]]]"#), "{text}");
    let usual: Usual = serde_json::from_str(&text).unwrap();
    let told_after = |days: i64, more: i32| {
        let now = Timestamp::from_second(scene.second + days * DAY).unwrap();
        let mut watch = Watch::new([1, 2], now);
        watch.recall_usual(&usual, now);
        let touches = [FirstTouches { protocol: Protocol::Tcp, port: 23, more }];
        let event = |second| Event {
            at: now + SignedDuration::from_secs(second),
            what: Happening::Counted(&touches),
        };
        (watch.step(&scene.known, &event(10)).len(), watch.usual())
    };
    assert_eq!((told_after(0, 49).0, told_after(0, 50).0), (0, 1));
    assert_eq!((told_after(3, 49).0, told_after(3, 50).0), (0, 1));
    assert_eq!(told_after(9, 20).0, 1, "nobody knows any more");
    let kept = told_after(0, 7).1;
    assert_eq!(kept.ports, [PortDays(Protocol::Tcp, 23, vec![7, 720, 720, 720, 720, 720, 720, 720])]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Whether each is told of or counted, of one protocol or another, and in which order: twenty are a group, and one.
    #[test]
    fn it_is_all_the_same_how_many_are_heard_of(
        told in prop::collection::vec(any::<prop::sample::Index>(), 0..40),
        counted in 0..40_i32,
        is_counted_first: bool,
    ) {
        let mut scene = Scene::new();
        let sources: BTreeSet<u32> = told.iter().map(|index| u32::try_from(index.index(60)).unwrap()).collect();
        if is_counted_first {
            scene.counts(23, counted);
        }
        sources.iter().for_each(|number| _ = scene.touches(scattered(*number), &[23]));
        if !is_counted_first {
            scene.counts(23, counted);
        }
        scene.later(10).later(10);
        let all = i32::try_from(sources.len()).unwrap() + counted;
        prop_assert_eq!(scene.told.len(), usize::from(all >= 20), "{} of {}", format!("{:?}", scene.texts()), all);
        if let Some(told) = scene.told.first() {
            let group = told.group.as_ref().unwrap();
            prop_assert!(i32::try_from(group.count).unwrap() >= 20 && i32::try_from(group.count).unwrap() <= all);
        }
    }

    /// Nineteen are no group, whatever they touch and whenever, of one network or of many.
    #[test]
    fn few_are_never_many(touches in prop::collection::vec((0..19_u8, 0..8_u16, 0..400_i64), 0..400)) {
        let mut scene = Scene::new();
        for (number, port, seconds) in touches {
            let from = if number < 10 { neighbour(number) } else { scattered(number.into()) };
            scene.touches(from, &[1_000 + port]).later(seconds);
        }
        prop_assert_eq!(scene.texts().len(), 0);
    }
}
