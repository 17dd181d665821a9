//! A scan of hosts that are made of chance and a clock.

use alloc::collections::BTreeMap;

use super::*;
use crate::outside::BATCH;

const TARGET: IpAddr = IpAddr::V4(core::net::Ipv4Addr::new(203, 0, 113, 7));
const ROUTER: IpAddr = IpAddr::V4(core::net::Ipv4Addr::new(203, 0, 113, 1));
const OWN: IpAddr = IpAddr::V4(core::net::Ipv4Addr::new(203, 0, 113, 9));
const TICK: Duration = Duration::from_micros(50);

/// What a host says at a port, the `nth` time that it is asked there, at a time.
type Host<'a> = dyn FnMut(u16, u8, Duration) -> Option<Saying> + 'a;

fn scan(ports: &[u16], rate_max: u32, host: &mut Host<'_>) -> (Outcome, Duration) {
    scan_past(&|_, _| false, ports, rate_max, host)
}

/// The same, where the own filter stops what is sent to a port the `nth` time.
fn scan_past(
    stops: &dyn Fn(u16, u8) -> bool,
    ports: &[u16],
    rate_max: u32,
    host: &mut Host<'_>,
) -> (Outcome, Duration) {
    let mut sweep = Sweep::new(Wanted { ports, rate_max }, &Key::new([3, 4]));
    let (mut now, mut batch) = (Duration::ZERO, Vec::new());
    let mut asked = BTreeMap::new();
    loop {
        match sweep.step(now, &mut batch) {
            Step::Over => return (sweep.outcome(), now),
            Step::Wait(until) => now = until.max(now + TICK),
            Step::Send => {
                now += TICK;
                for port in batch.clone() {
                    let nth = asked.entry(port).and_modify(|nth| *nth += 1).or_insert(1);
                    if stops(port, *nth) {
                        sweep.kept_in(port, OWN);
                    } else if let Some(saying) = host(port, *nth, now) {
                        sweep.hear(now, Answer { port, saying }, ROUTER);
                    }
                }
            }
        }
    }
}

fn every() -> Vec<u16> {
    (1..=u16::MAX).collect()
}

fn count(outcome: &Outcome, seen: Seen) -> usize {
    outcome.glimpses.iter().filter(|glimpse| glimpse.seen == seen).count()
}

/// A row of numbers as by chance (Knuth's MMIX).
fn chance() -> impl FnMut() -> u64 {
    let mut state = 1_u64;
    move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state >> 33
    }
}

#[test]
fn a_host_that_refuses_is_asked_once() {
    let (outcome, took) = scan(&every(), 100_000, &mut |_, _, _| Some(Saying::Closed));
    assert_eq!((outcome.rounds, outcome.sent, outcome.lost), (1, 65_535, (65_535, 0)));
    assert_eq!((count(&outcome, Seen::Closed), outcome.ended), (65_535, Ended::Whole));
    assert!(took < Duration::from_millis(900), "{took:?}");
}

#[test]
fn it_takes_as_long_as_is_foretold() {
    let [short, long] = Sweep::lengths(65_535, 20_000);
    assert_eq!((short.as_secs(), long.as_secs()), (4, 20));
    let took = |host: &mut Host<'_>| scan(&every(), 20_000, host).1;
    assert!(took(&mut |_, _, _| Some(Saying::Closed)) < short);
    let mostly_silent = took(&mut |port, _, _| (port < 20).then_some(Saying::Open));
    assert!(short < mostly_silent && mostly_silent < long, "{mostly_silent:?}");
}

#[test]
fn a_host_that_says_nothing_is_asked_twice() {
    let (outcome, took) = scan(&every(), 100_000, &mut |_, _, _| None);
    assert_eq!((outcome.rounds, outcome.sent), (2, 131_070));
    assert_eq!(count(&outcome, Seen::Silent), 65_535);
    assert!(took < Duration::from_secs(4), "{took:?}");
}

#[test]
fn an_open_port_is_asked_once_more() {
    let mut closes = |port, nth, _| (port == 22 || nth == 1).then_some(Saying::Open);
    let (outcome, _) = scan(&[22, 80], 1_000, &mut closes);
    assert_eq!((outcome.sent, count(&outcome, Seen::Open)), (2 + 2 + 2, 2), "80 fell silent: it was open");
    let mut closed = |port, nth, _| Some(if port == 22 || nth == 1 { Saying::Open } else { Saying::Closed });
    let (outcome, _) = scan(&[22, 80], 1_000, &mut closed);
    let seen: Vec<_> = outcome.glimpses.iter().map(|glimpse| (glimpse.port, glimpse.seen)).collect();
    assert_eq!(seen, [(22, Seen::Open), (80, Seen::Closed)]);
}

#[test]
fn who_stops_packets_is_named() {
    let (outcome, _) = scan(&[25], 1_000, &mut |_, _, _| Some(Saying::Unreachable));
    let glimpse = outcome.glimpses[0];
    assert_eq!((glimpse.seen, glimpse.by), (Seen::Filtered, Some(ROUTER)));
    let (outcome, _) = scan(&[25], 1_000, &mut |_, _, _| Some(Saying::Closed));
    assert_eq!(outcome.glimpses[0].by, None);
    assert_ne!(TARGET, ROUTER);
}

#[test]
fn what_the_own_filter_stops_is_tried_once_more_and_is_nobodys_answer() {
    let most = |port: u16, _| port % 100 != 7;
    let (outcome, _) = scan_past(&most, &every(), 100_000, &mut |_, _, _| Some(Saying::Closed));
    assert_eq!((outcome.rounds, outcome.sent, outcome.lost), (2, 656, (656, 0)));
    assert_eq!((outcome.kept_in, outcome.stopped), (64_879, 2 * 64_879));
    let stopped = outcome.glimpses.iter().filter(|it| it.by == Some(OWN) && it.seen == Seen::Filtered);
    assert_eq!((stopped.count(), outcome.slowed, outcome.ended), (64_879, 0, Ended::Whole));

    let at_first = |_, nth| nth == 1;
    let (outcome, _) = scan_past(&at_first, &every(), 100_000, &mut |_, _, _| Some(Saying::Closed));
    assert_eq!((count(&outcome, Seen::Closed), outcome.kept_in, outcome.stopped), (65_535, 0, 65_535));

    let all = |_, _| true;
    let (outcome, _) = scan_past(&all, &every(), 100_000, &mut |_, _, _| Some(Saying::Closed));
    assert_eq!((outcome.sent, outcome.kept_in, outcome.rounds), (0, 65_535, 2));
}

/// 20 open ports; each packet, there and back, is lost with this chance in a hundred; everything else refuses, or is silent.
fn lossy(percent: u64, is_silent: bool) -> (Vec<u16>, Outcome) {
    let mut next = chance();
    let mut host = move |port: u16, _, _| {
        let is_lost = next() % 100 < percent || next() % 100 < percent;
        let saying = if port % 3_000 == 77 { Some(Saying::Open) } else { Some(Saying::Closed) };
        saying.filter(|saying| !is_lost && (!is_silent || *saying == Saying::Open))
    };
    let (outcome, _) = scan(&every(), 100_000, &mut host);
    let open = outcome.glimpses.iter().filter(|glimpse| glimpse.seen == Seen::Open);
    (open.map(|glimpse| glimpse.port).collect(), outcome)
}

#[test]
fn loss_hides_no_open_port_and_invents_none() {
    let truth: Vec<u16> = every().into_iter().filter(|port| port % 3_000 == 77).collect();
    for (percent, is_silent) in [(1, false), (5, false), (1, true)] {
        let (open, outcome) = lossy(percent, is_silent);
        assert_eq!(open, truth, "{percent} {is_silent}");
        assert_eq!((outcome.slowed, outcome.unheard), (0, 0), "{percent} {is_silent}");
        if !is_silent {
            let lost = outcome.lost.1 * 1_000 / outcome.lost.0;
            assert!(lost.abs_diff(percent * 20) < 3 + percent * 2, "{lost} in a thousand");
        }
    }
}

#[test]
fn a_few_in_a_hundred_thousand_are_no_reason_for_doubt() {
    let unheard = |all, before, now| Yields { all, before, now }.next();
    assert_eq!(unheard(65_535, 50, 8), 0, "a link that loses one in twenty");
    assert_eq!(unheard(600, 50, 8), 1);
    assert_eq!(unheard(65_535, 2_000, 1_500), 1_125, "whoever answers as often as a rate allows");
    assert_eq!(unheard(10, 1, 1), 0, "a single one is chance");
}

#[test]
fn of_few_ports_one_may_be_missed_where_much_is_lost() {
    let percent = |lost| {
        let mut next = chance();
        let unheard = (0..200).map(|_| {
            let mut host = |port: u16, _, _| (port < 4 && next() % 100 >= lost).then_some(Saying::Open);
            let (outcome, _) = scan(&[1, 2, 3, 4], 1_000, &mut host);
            (count(&outcome, Seen::Open), outcome.unheard > 0)
        });
        unheard.collect::<Vec<_>>()
    };
    let [much, little] = [60, 2].map(percent);
    let those = |is_told| much.iter().filter(|it| it.0 > 0 && it.0 < 3 && it.1 == is_told).count();
    assert!(those(true) > 15 && those(false) * 2 < those(true), "{much:?}");
    assert!(little.iter().filter(|(_, is_told)| *is_told).count() < 8, "{little:?}");
    assert!(little.iter().all(|(open, _)| *open == 3));
}

/// As Linux does: the first repetition is answered at once, each further one half a second after the last answer.
#[test]
fn a_listener_that_answers_twice_a_second_is_waited_for() {
    let mut answered = None;
    let mut host = |port, nth, now: Duration| match (port, nth) {
        (23, _) => Some(Saying::Open),
        // Both answers are lost on the way.
        (22, 1) => None,
        (22, 2) => {
            answered = Some(now);
            None
        }
        (22, _) => answered.is_some_and(|at| now >= at + Duration::from_millis(500)).then_some(Saying::Open),
        _ => None,
    };
    let (outcome, _) = scan(&(1..=500).collect::<Vec<u16>>(), 20_000, &mut host);
    assert_eq!(count(&outcome, Seen::Open), 2);
}

#[test]
fn who_opens_everything_is_told_as_such() {
    let (outcome, _) = scan(&every(), 100_000, &mut |_, _, _| Some(Saying::Open));
    assert!(outcome.opens_everything && outcome.sent == 65_535);
    let (outcome, _) = scan(&[22, 80], 1_000, &mut |_, _, _| Some(Saying::Open));
    assert!(!outcome.opens_everything, "two open ports are two open ports");
    let mut most = |port, _, _| Some(if port == 9 { Saying::Closed } else { Saying::Open });
    let (outcome, _) = scan(&(1..=64).collect::<Vec<u16>>(), 1_000, &mut most);
    assert!(!outcome.opens_everything);
}

/// Answers `rate` a second, as a filter counts packets, and drops the rest; of the ports those below `open` listen.
fn limited(ports: u16, open: u16, rate: f64, burst: f64) -> (Outcome, Duration) {
    let (mut left, mut at) = (burst, Duration::ZERO);
    let every: Vec<u16> = (1..=ports).collect();
    scan(&every, 20_000, &mut |port, _, now| {
        left = (left + now.saturating_sub(at).as_secs_f64() * rate).min(burst);
        at = now;
        let is_let = left >= 1.0;
        left -= if is_let { 1.0 } else { 0.0 };
        is_let.then_some(if port < open { Saying::Open } else { Saying::Closed })
    })
}

#[test]
fn who_answers_a_thousand_a_second_is_asked_more_slowly() {
    let (outcome, took) = limited(u16::MAX, 100, 1_000.0, 100.0);
    let (open, silent) = (count(&outcome, Seen::Open), count(&outcome, Seen::Silent));
    assert!(
        open == 99 && silent < 20 && outcome.unheard == 0,
        "{open} {silent} {} {took:?}",
        outcome.unheard
    );
    assert!(outcome.slowed > 0 && took < Duration::from_secs(150), "{took:?}");
}

#[test]
fn a_limit_of_first_packets_hides_no_listener_of_a_few_hundred_ports() {
    for rate in [20.0, 50.0, 200.0] {
        let (outcome, took) = limited(300, 151, rate, 5.0);
        assert_eq!((count(&outcome, Seen::Open), outcome.unheard), (150, 0), "{rate} {took:?}");
        assert!(took < Duration::from_secs(60), "{rate} {took:?}");
    }
}

#[test]
fn who_answers_too_slowly_for_so_many_leaves_ports_unheard() {
    let (outcome, took) = limited(20_000, 2_001, 50.0, 5.0);
    let missing = 2_000 - count(&outcome, Seen::Open);
    assert!(missing > 500 && outcome.unheard > 500, "{missing} {} {took:?}", outcome.unheard);
    assert!(took < Duration::from_secs(200), "{took:?}");
}

#[test]
fn who_stops_packets_and_says_so_once_a_second_is_not_asked_more_slowly() {
    let mut said = BTreeMap::new();
    let mut host = |_, _, now: Duration| {
        let second = said.entry(now.as_secs()).or_insert(0);
        *second += 1;
        (*second <= 6).then_some(Saying::Unreachable)
    };
    let (outcome, took) = scan(&(1..=10_000).collect::<Vec<u16>>(), 20_000, &mut host);
    assert_eq!((outcome.slowed, outcome.unheard), (0, 0));
    assert!(took < Duration::from_secs(7), "{took:?}");
}

#[test]
fn who_goes_away_in_the_middle_ends_it() {
    let mut host = |_, _, now| (now < Duration::from_secs(1)).then_some(Saying::Closed);
    let (outcome, took) = scan(&every(), 10_000, &mut host);
    assert_eq!(outcome.ended, Ended::Vanished);
    assert!(outcome.unasked > 20_000 && took < Duration::from_secs(5), "{} {took:?}", outcome.unasked);
    assert_eq!(outcome.glimpses.len() + outcome.unasked, 65_535);
}

#[test]
fn who_has_gone_when_all_were_asked_is_told_and_who_only_paused_is_not() {
    let some: Vec<u16> = (1..=1_000).collect();
    let (left, back) = (Duration::from_millis(300), Duration::from_millis(1_200));
    let mut goes = |_, _, now| (now < left).then_some(Saying::Closed);
    let (outcome, _) = scan(&some, 1_500, &mut goes);
    assert_eq!((outcome.ended, outcome.unasked), (Ended::Vanished, 0));
    assert!(count(&outcome, Seen::Silent) > 300);
    let mut pauses = |_, _, now| (now < left || now > back).then_some(Saying::Closed);
    let (outcome, _) = scan(&some, 1_500, &mut pauses);
    assert_eq!((outcome.ended, count(&outcome, Seen::Closed)), (Ended::Whole, 1_000));
    // A filter that drops four in ten, whichever these are.
    let (outcome, _) = scan(&some, 1_500, &mut |port, _, _| (port % 10 < 6).then_some(Saying::Closed));
    assert_eq!((outcome.ended, count(&outcome, Seen::Silent)), (Ended::Whole, 400));
}

#[test]
fn who_loses_his_way_tells_what_is_known_if_anything_is() {
    let begin = || Sweep::new(Wanted { ports: &every(), rate_max: 1_000 }, &Key::new([3, 4]));
    let (mut sweep, mut batch) = (begin(), Vec::new());
    assert_eq!(sweep.step(Duration::ZERO, &mut batch), Step::Send);
    let mut never = begin();
    assert_eq!(never.step(Duration::ZERO, &mut Vec::new()), Step::Send);
    never.put_back(BATCH);
    assert!(!never.end(Ended::Cut), "not one packet left");
    sweep.hear(TICK, Answer { port: batch[0], saying: Saying::Open }, TARGET);
    assert!(sweep.end(Ended::Cut));
    assert_eq!(sweep.step(TICK, &mut batch), Step::Over);
    let outcome = sweep.outcome();
    assert_eq!((outcome.ended, count(&outcome, Seen::Open)), (Ended::Cut, 1));
}

#[test]
fn what_was_stopped_tells_what_is_known() {
    let mut sweep = Sweep::new(Wanted { ports: &every(), rate_max: 20_000 }, &Key::new([3, 4]));
    let mut batch = Vec::new();
    assert_eq!(sweep.step(Duration::ZERO, &mut batch), Step::Send);
    assert_eq!(batch.len(), 3, "as many as leave in a millisecond and a half at first");
    sweep.hear(TICK, Answer { port: batch[0], saying: Saying::Open }, TARGET);
    // Nobody was asked there, so whatever says so is no answer.
    let unasked = every().into_iter().find(|port| !batch.contains(port)).unwrap();
    sweep.hear(TICK, Answer { port: unasked, saying: Saying::Open }, TARGET);
    sweep.stop();
    assert_eq!(sweep.step(TICK, &mut batch), Step::Over);
    let outcome = sweep.outcome();
    assert_eq!((outcome.ended, outcome.glimpses.len(), outcome.unasked), (Ended::Stopped, 3, 65_532));
    assert_eq!(count(&outcome, Seen::Open), 1);
}

#[test]
fn what_did_not_leave_is_sent_later() {
    let mut sweep = Sweep::new(Wanted { ports: &[1, 2, 3], rate_max: 20_000 }, &Key::new([3, 4]));
    let mut batch = Vec::new();
    assert_eq!(sweep.step(Duration::ZERO, &mut batch), Step::Send);
    let late = batch[1..].to_vec();
    sweep.put_back(2);
    sweep.slow_down(Duration::ZERO);
    assert_eq!(sweep.step(Duration::from_secs(1), &mut batch), Step::Send);
    assert_eq!(batch, late);
    assert_eq!(sweep.outcome().sent, 3);
}
