//! A step of the watch takes no memory unless it tells of somebody (A19).

use std::net::Ipv4Addr;

use allocation_counter::measure;
use jiff::Timestamp;
use portreeve_core::{
    logs::{Reading, header, read},
    port::Protocol,
    watch::{Event, FirstTouches, Happening, Known, Touch, Watch, Written},
};

fn counted(act: impl FnOnce()) -> u64 {
    measure(act).count_total
}

fn touch(from: u32, port: u16) -> Happening<'static> {
    Happening::Touch(Touch {
        from: Ipv4Addr::from_bits(0x0a00_0000 + from).into(),
        to: Ipv4Addr::new(192, 0, 2, 1).into(),
        protocol: Protocol::Tcp,
        from_port: 40_000,
        port,
        flags: 2,
    })
}

#[test]
fn only_what_is_told_takes_memory() {
    let known = Known { own: vec![Ipv4Addr::new(192, 0, 2, 1).into()], ..Known::default() };
    let mut watch = Watch::new([1, 2], Timestamp::UNIX_EPOCH);
    let at = |second: u32| Timestamp::from_second(second.into()).expect("it is one");
    let mut told = 0;
    let quiet = counted(|| {
        for number in 0..100_000 {
            for port in [23, 3_389] {
                told += watch.step(&known, &Event { at: at(number / 100), what: touch(number, port) }).len();
            }
            let from = Ipv4Addr::from_bits(0x0b00_0000 + number).into();
            told += watch
                .step(&known, &Event { at: at(number / 100), what: Happening::Handshake { from } })
                .len();
        }
    });
    assert_eq!((quiet, told), (0, 0));

    let loud = counted(|| {
        for port in [5_900, 6_379] {
            told += watch.step(&known, &Event { at: at(2_000), what: touch(99_999, port) }).len();
        }
    });
    assert!(told == 1 && loud > 0, "{told} {loud}");
}

/// A look at each port finds no group, and then one.
#[test]
fn a_look_takes_none_unless_many_are_told_of() {
    let known = Known { own: vec![Ipv4Addr::new(192, 0, 2, 1).into()], ..Known::default() };
    let mut watch = Watch::new([1, 2], Timestamp::UNIX_EPOCH);
    let counted_of =
        |more| (1_024..9_000).map(move |port| FirstTouches { protocol: Protocol::Udp, port, more });
    // Ten within ten minutes are usual.
    let [few, many] = [1, 200].map(|more| counted_of(more).collect::<Vec<_>>());
    let mut told = 0;
    let mut look = |minute: i64, touches: &[FirstTouches]| {
        let at = Timestamp::from_second(minute * 60).expect("it is one");
        counted(|| told += watch.step(&known, &Event { at, what: Happening::Counted(touches) }).len())
    };
    // For two days, of which the second one begins.
    assert_eq!((0..2 * 24 * 60).map(|minute| look(minute, &few)).sum::<u64>(), 0);
    assert!(look(3 * 24 * 60, &many) > 0);
    assert_eq!((1..300).map(|minute| look(3 * 24 * 60 + minute, &many)).sum::<u64>(), 0, "it goes on");
    assert_eq!(told, 1, "one line of all ports");
}

#[test]
fn lines_of_logs_take_none() {
    let line = "Nov 29 10:00:00 host sshd[77]: Failed password for root from 203.0.113.7 port 4000 ssh2";
    let header = header::split(line).expect("it has one");
    let Reading::Attempt(attempt) = read(header.program, header.message) else { panic!("it is one") };
    let mut watch = Watch::new([1, 2], Timestamp::UNIX_EPOCH);
    let service = watch.service("ssh");
    let known = Known::default();
    let quiet = counted(|| {
        for _ in 0..1_000 {
            let header = header::split(line).expect("it has one");
            assert!(matches!(read(header.program, header.message), Reading::Attempt(_)));
            // One connection is one try, however often it is told.
            let what = Happening::Written(Written::of(service, &header, attempt));
            assert!(watch.step(&known, &Event { at: Timestamp::UNIX_EPOCH, what }).is_empty());
        }
    });
    assert_eq!(quiet, 0);
}

#[test]
fn requests_to_web_servers_take_none() {
    let requests = [("/a/../b?c", 200), ("/a", 401), ("/b", 404), ("/.env", 404)].map(|(path, status)| {
        let when = "10/Oct/2026:13:55:36 +0000";
        format!("203.0.113.7 - ann [{when}] \"GET {path} HTTP/1.1\" {status} 1 \"-\" \"-\"")
    });
    let mut watch = Watch::new([1, 2], Timestamp::UNIX_EPOCH);
    let service = watch.service("web");
    let known = Known::default();
    let quiet = counted(|| {
        for line in requests.iter().cycle().take(16) {
            let header = header::split(line).expect("it has one");
            let Reading::Attempt(attempt) = read(header.program, header.message) else { panic!("it is one") };
            let what = Happening::Written(Written::of(service, &header, attempt));
            assert!(watch.step(&known, &Event { at: Timestamp::UNIX_EPOCH, what }).is_empty());
        }
    });
    assert_eq!(quiet, 0);
}
