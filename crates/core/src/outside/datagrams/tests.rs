//! Datagrams to hosts that are made of a clock and a limit.

use super::*;

const FOUR: IpAddr = IpAddr::V4(core::net::Ipv4Addr::new(203, 0, 113, 7));
const SIX: IpAddr = IpAddr::V6(core::net::Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 7));
const TICK: Duration = Duration::from_micros(50);

/// What a host says at a port at a time.
type Host<'a> = dyn FnMut(u16, Duration) -> Option<Saying> + 'a;

fn begin(ports: &[u16], target: IpAddr) -> Datagrams {
    Datagrams::new(Wanted { ports, rate_max: 20_000 }, target, BTreeMap::new(), Key::new([3, 4]))
}

fn scan(ports: &[u16], target: IpAddr, host: &mut Host<'_>) -> (Outcome, Duration) {
    let mut scan = begin(ports, target);
    let (mut now, mut batch) = (Duration::ZERO, Vec::new());
    loop {
        match scan.step(now, &mut batch) {
            Step::Over => return (scan.outcome(), now),
            Step::Wait(until) => now = until.max(now + TICK),
            Step::Send => {
                now += TICK;
                for port in batch.clone() {
                    match host(port, now) {
                        Some(Saying::Open) => scan.hear(now, port, b"yes"),
                        Some(saying) => scan.told(now, Answer { port, saying }, target),
                        None => {}
                    }
                }
            }
        }
    }
}

/// A bucket of six, into which one comes after each `every` (net/ipv4/inetpeer.c, `inet_peer_xrlim_allow`).
fn linux(every: Duration) -> impl FnMut(Duration) -> bool {
    let (mut full, mut last) = (every * 6, Duration::ZERO);
    move |now| {
        full = (full + (now - last)).min(every * 6);
        last = now;
        let may = full >= every;
        full -= if may { every } else { Duration::ZERO };
        may
    }
}

fn count(outcome: &Outcome, seen: Seen) -> usize {
    outcome.glimpses.iter().filter(|glimpse| glimpse.seen == seen).count()
}

fn ports(count: u16) -> Vec<u16> {
    (20_000..20_000 + count).collect()
}

#[test]
fn every_port_that_refuses_is_told_as_fast_as_linux_says_so() {
    for (target, every, most) in [(FOUR, SECOND, 27), (SIX, SECOND / 10, 5)] {
        let mut may = linux(every);
        let (outcome, took) = scan(&ports(30), target, &mut |_, now| may(now).then_some(Saying::Closed));
        assert_eq!(count(&outcome, Seen::Closed), 30, "{target}: {took:?}");
        assert!(took < Duration::from_secs(most), "{target}: {took:?}");
        assert_eq!((outcome.rounds, outcome.sent), (2, 30 + 24), "{target}");
    }
}

#[test]
fn who_is_slower_than_linux_is_waited_for() {
    let mut may = linux(SECOND / 4);
    let (outcome, took) = scan(&ports(30), SIX, &mut |_, now| may(now).then_some(Saying::Closed));
    assert_eq!(count(&outcome, Seen::Closed), 30, "{took:?}");
    assert!(took < Duration::from_secs(12), "{took:?}");
}

#[test]
fn who_goes_away_among_those_that_refuse_ends_it() {
    for (target, every, most) in [(FOUR, SECOND, 70), (SIX, SECOND / 10, 9)] {
        let mut may = linux(every);
        let mut host = |_, now| (now < every * 20 && may(now)).then_some(Saying::Closed);
        let (outcome, took) = scan(&ports(2_000), target, &mut host);
        assert_eq!((outcome.ended, outcome.rounds), (Ended::Vanished, 2), "{target}: {took:?}");
        assert!(took < Duration::from_secs(most), "{target}: {took:?}");
        assert!((10..30).contains(&count(&outcome, Seen::Closed)), "{target}: {outcome:?}");
    }
}

#[test]
fn who_refuses_a_few_of_many_is_still_there() {
    for (target, every) in [(FOUR, SECOND), (SIX, SECOND / 10)] {
        let mut may = linux(every);
        let mut host = |port, now| (port % 50 == 0 && may(now)).then_some(Saying::Closed);
        let (outcome, _) = scan(&ports(1_000), target, &mut host);
        assert_eq!((outcome.ended, count(&outcome, Seen::Closed)), (Ended::Whole, 20), "{target}");
        let most = u64::from(outcome.rounds) * 1_000;
        assert!(outcome.sent < most + most / 12, "{target}: {}", outcome.sent);
    }
}

#[test]
fn whoever_says_nothing_is_asked_twice_and_not_slowly() {
    let (outcome, took) = scan(&ports(50), FOUR, &mut |_, _| None);
    assert_eq!((count(&outcome, Seen::Silent), outcome.rounds, outcome.sent), (50, 2, 100));
    assert!(took < Duration::from_secs(3), "{took:?}");
    assert_eq!((outcome.lost, outcome.ended, outcome.unasked), ((0, 0), Ended::Whole, 0));
}

#[test]
fn open_ports_answer_at_once_beside_many_that_refuse() {
    let mut may = linux(SECOND);
    let mut host = |port, now| match port {
        20_003 | 20_013 => Some(Saying::Open),
        20_001 | 20_011 => None,
        _ => may(now).then_some(Saying::Closed),
    };
    let (outcome, took) = scan(&ports(20), FOUR, &mut host);
    assert_eq!([Seen::Open, Seen::Silent, Seen::Closed].map(|seen| count(&outcome, seen)), [2, 2, 16]);
    assert!(took < Duration::from_secs(18), "{took:?}");
}

/// A host that is asked often and refuses each time would be asked for ever.
#[test]
fn rounds_end_however_long_somebody_refuses() {
    let mut told = 0;
    let mut host = |_: u16, _| {
        told += 1;
        (told % 40 == 0).then_some(Saying::Unreachable)
    };
    let (outcome, _) = scan(&ports(200), SIX, &mut host);
    let most = 200 * u64::from(ROUNDS_MAX);
    assert!(outcome.rounds <= ROUNDS_MAX && outcome.sent <= most * 2, "{}", outcome.sent);
}

#[test]
fn no_more_leave_in_a_second_than_services_take() {
    let mut times = Vec::new();
    scan(&ports(1_000), FOUR, &mut |_, now| {
        times.push(now);
        None
    });
    let first = times.iter().filter(|time| **time < SECOND / 2).count();
    assert!((500..=544).contains(&first), "{first}");
}

#[test]
fn an_error_of_tftp_answers_from_another_port() {
    let mut scan = begin(&[69, 4_000], FOUR);
    for time in [Duration::ZERO, SECOND] {
        assert_eq!(scan.step(time, &mut Vec::new()), Step::Send);
    }
    // Neither asked nor an error.
    scan.hear(TICK, 50_000, b"yes");
    scan.hear(TICK, 50_000, b"\0\x05\0\x01File not found\0");
    // It is told once, and a second one of nobody's.
    scan.hear(TICK, 50_000, b"\0\x05\0\x01File not found\0");
    scan.stop();
    let seen: Vec<_> = scan.outcome().glimpses.iter().map(|it| (it.port, it.seen)).collect();
    assert_eq!(seen, [(69, Seen::Open), (4_000, Seen::Silent)]);
}

#[test]
fn syslog_is_sent_nothing_and_is_silent() {
    let mut asked = Vec::new();
    let (outcome, _) = scan(&[514, 53], FOUR, &mut |port, _| {
        asked.push(port);
        None
    });
    assert_eq!((asked, count(&outcome, Seen::Silent)), ([53, 53].into(), 2));
    let services = BTreeMap::from([(9_000, String::from("syslog"))]);
    let wanted = Wanted { ports: &[9_000], rate_max: 1 };
    let mut scan = Datagrams::new(wanted, FOUR, services, Key::new([1, 2]));
    assert_eq!(scan.step(Duration::ZERO, &mut Vec::new()), Step::Over);
}

#[test]
fn what_did_not_leave_is_sent_later_and_what_was_stopped_is_told() {
    let mut scan = begin(&ports(40), FOUR);
    let mut batch = Vec::new();
    assert_eq!(scan.step(Duration::ZERO, &mut batch), Step::Send);
    let late = batch.clone();
    scan.put_back(&late);
    assert_eq!(scan.step(SECOND, &mut batch), Step::Send);
    assert_eq!((&batch, batch.len()), (&late, 1), "each by itself");
    assert_eq!(scan.step(SECOND * 2, &mut batch), Step::Send);
    // A port that nobody was asked about is none of ours.
    scan.hear(SECOND, 1, b"yes");
    scan.stop();
    assert_eq!(scan.step(SECOND, &mut batch), Step::Over);
    let outcome = scan.outcome();
    assert_eq!((outcome.ended, outcome.sent, outcome.glimpses.len()), (Ended::Stopped, 2, 2));
    assert_eq!(outcome.unasked, 38);
}

#[test]
fn all_ports_take_a_night_by_ipv4() {
    let hours = |family| long(65_535, 20_000, family).as_secs() / 3_600;
    assert_eq!((hours(Family::Ipv4), hours(Family::Ipv6)), (18, 1));
    assert_eq!(long(10, 0, Family::Ipv4), Duration::from_secs(10 + 10 + 1));
}

proptest::proptest! {
    /// Whatever comes, from whichever port, each port that was asked is told once, and nothing else.
    #[test]
    fn hostile_words_and_errors_invent_no_port(
        words in proptest::collection::vec(
            (0_u16..100, proptest::collection::vec(0_u8..8, 0..12), 0_u8..16, 0_u8..16),
            0..60,
        ),
    ) {
        let asked: Vec<u16> = (50..90).collect();
        let mut scan = begin(&asked, FOUR);
        let (mut now, mut batch) = (Duration::ZERO, Vec::new());
        for (port, bytes, kind, code) in words {
            now += SECOND / 4;
            scan.step(now, &mut batch);
            scan.hear(now, port, &bytes);
            if let Some(saying) = crate::outside::of_datagram(kind, code, SIX, FOUR) {
                scan.told(now, Answer { port, saying }, SIX);
            }
        }
        let outcome = scan.outcome();
        proptest::prop_assert!(outcome.glimpses.iter().all(|it| asked.contains(&it.port)));
        proptest::prop_assert_eq!(outcome.glimpses.len() + outcome.unasked, asked.len());
    }
}
