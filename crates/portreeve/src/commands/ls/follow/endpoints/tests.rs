//! Rounds of looks and noises, and the news that they make.

use super::*;

fn endpoint(port: u16, protocol: Protocol) -> Endpoint {
    let address = Address { ip: std::net::Ipv4Addr::LOCALHOST.into(), interface: None };
    Endpoint { netns: 1, port, protocol, family: Family::Ipv4, address, device: None }
}

/// TCP sockets by cookie, each on a port.
fn sockets(list: &[(u64, u16)]) -> Sockets {
    list.iter().map(|&(cookie, port)| (Key::Cookie(cookie), endpoint(port, Protocol::Tcp))).collect()
}

fn second(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

const OPENED: Happening = Happening::Opened;
const CLOSED: Happening = Happening::Closed;

/// Steps with noises of `(cookie, what, second)`; the look is at second 100. News as `(what, port, second)`.
fn step(
    endpoints: &mut Endpoints,
    noises: &[(u64, Happening, i64)],
    seen: &[(u64, u16)],
    heard: &[(u64, u16)],
) -> Vec<(Kind, u16, i64)> {
    step_of(endpoints, noises, &sockets(seen), &sockets(heard), &[])
}

fn step_of(
    endpoints: &mut Endpoints,
    noises: &[(u64, Happening, i64)],
    seen: &Sockets,
    heard: &Sockets,
    awaited: &[u64],
) -> Vec<(Kind, u16, i64)> {
    let noise = |&(cookie, happening, at)| Noise { key: Key::Cookie(cookie), happening, at: second(at) };
    let noises: Vec<_> = noises.iter().map(noise).collect();
    let round =
        Round { noises: &noises, seen, heard, sees: &|_, _| true, saw: &|_, _| true, at: second(100) };
    let is_awaited = |key| awaited.iter().any(|&cookie| Key::Cookie(cookie) == key);
    let news = endpoints.step(&round, is_awaited);
    news.iter().map(|news| (news.kind, news.endpoint.port, news.at.as_second())).collect()
}

#[test]
fn what_was_heard_is_told_when_it_happened_and_once() {
    let mut endpoints = Endpoints::begin(&sockets(&[(1, 22)]));
    let seen = [(1, 22), (2, 80)];
    assert_eq!(step(&mut endpoints, &[(2, OPENED, 7)], &seen, &[]), [(Kind::Opened, 80, 7)]);
    assert_eq!(step(&mut endpoints, &[], &seen, &[]), []);
    assert_eq!(step(&mut endpoints, &[(2, CLOSED, 8)], &[(1, 22)], &[]), [(Kind::Closed, 80, 8)]);
    assert_eq!(step(&mut endpoints, &[], &[(1, 22)], &[]), []);
}

#[test]
fn what_no_look_ever_saw_is_told_in_order() {
    let mut endpoints = Endpoints::default();
    let noises = [(1, OPENED, 1), (2, OPENED, 2), (1, CLOSED, 3), (2, CLOSED, 4)];
    let news = step(&mut endpoints, &noises, &[], &[(1, 80), (2, 81)]);
    assert_eq!(
        news,
        [(Kind::Opened, 80, 1), (Kind::Opened, 81, 2), (Kind::Closed, 80, 3), (Kind::Closed, 81, 4)]
    );
}

#[test]
fn a_restart_is_told_where_it_was_heard_and_is_none_where_it_was_not() {
    let mut endpoints = Endpoints::begin(&sockets(&[(1, 80)]));
    let noises = [(1, CLOSED, 1), (2, OPENED, 2)];
    assert_eq!(
        step(&mut endpoints, &noises, &[(2, 80)], &[]),
        [(Kind::Closed, 80, 1), (Kind::Opened, 80, 2)]
    );
    let later = sockets(&[(3, 80)]);
    assert_eq!(step_of(&mut endpoints, &[], &later, &Sockets::new(), &[]), []);
}

#[test]
fn an_endpoint_closes_with_the_last_of_its_sockets() {
    let mut endpoints = Endpoints::begin(&sockets(&[(1, 80), (2, 80)]));
    assert_eq!(step(&mut endpoints, &[(1, CLOSED, 1)], &[(2, 80)], &[]), []);
    assert_eq!(step(&mut endpoints, &[(3, OPENED, 2)], &[(2, 80), (3, 80)], &[]), []);
    assert_eq!(step(&mut endpoints, &[(2, CLOSED, 3), (3, CLOSED, 4)], &[], &[]), [(Kind::Closed, 80, 4)]);
}

#[test]
fn looks_alone_tell_where_nothing_is_heard() {
    let mut endpoints = Endpoints::begin(&sockets(&[(1, 53)]));
    let seen = sockets(&[(2, 80)]);
    let news = step_of(&mut endpoints, &[], &seen, &Sockets::new(), &[]);
    assert_eq!(news, [(Kind::Opened, 80, 100), (Kind::Closed, 53, 100)]);
}

#[test]
fn a_look_that_misses_a_socket_is_doubted_where_its_end_would_be_heard() {
    let endpoints = Endpoints::begin(&sockets(&[(1, 80)]));
    let doubts = |seen: &[(u64, u16)], awaited: bool, hears: bool| {
        endpoints.doubt(&sockets(seen), |_| awaited, |_| hears)
    };
    assert!(doubts(&[], false, true));
    assert!(!doubts(&[], true, true), "its end was heard");
    assert!(!doubts(&[], false, false), "nobody would tell");
    assert!(!doubts(&[(1, 80)], false, true));
}

#[test]
fn what_looks_cannot_see_closes_when_it_is_heard() {
    let mut endpoints = Endpoints::default();
    assert_eq!(step(&mut endpoints, &[(1, OPENED, 1)], &[], &[(1, 80)]), [(Kind::Opened, 80, 1)]);
    for _ in 0..3 {
        assert_eq!(step(&mut endpoints, &[], &[], &[]), []);
    }
    assert_eq!(step(&mut endpoints, &[(1, CLOSED, 9)], &[], &[]), [(Kind::Closed, 80, 9)]);
}

#[test]
fn after_a_loss_looks_decide_about_everything() {
    let mut endpoints = Endpoints::default();
    step(&mut endpoints, &[(1, OPENED, 1)], &[], &[(1, 80)]);
    endpoints.distrust();
    assert_eq!(step(&mut endpoints, &[], &[], &[]), [(Kind::Closed, 80, 100)]);
}

#[test]
fn what_is_still_to_be_heard_is_no_news_yet() {
    let mut endpoints = Endpoints::begin(&sockets(&[(1, 80)]));
    let seen = sockets(&[(2, 81)]);
    let news = step_of(&mut endpoints, &[], &seen, &Sockets::new(), &[1, 2]);
    assert_eq!(news, [], "1 has closed and 2 has opened since the look began");
    let noises = [(1, CLOSED, 101), (2, OPENED, 102)];
    assert_eq!(
        step(&mut endpoints, &noises, &[(2, 81)], &[]),
        [(Kind::Closed, 80, 101), (Kind::Opened, 81, 102)]
    );
}

#[test]
fn a_socket_that_waits_again_was_never_closed() {
    let mut endpoints = Endpoints::begin(&sockets(&[(1, 80)]));
    assert_eq!(step(&mut endpoints, &[(1, CLOSED, 1), (1, OPENED, 2)], &[(1, 80)], &[]), []);
}

#[test]
fn what_is_not_asked_for_is_not_told() {
    let mut endpoints = Endpoints::default();
    assert_eq!(step(&mut endpoints, &[(1, OPENED, 1), (1, CLOSED, 2)], &[], &[]), []);
}

/// Steps through looks, each as sockets and whether it sees port 80 at all; what they tell, and how many were out of sight.
fn watch(endpoints: &mut Endpoints, looks: &[(&[(u64, u16)], bool)]) -> Vec<(Vec<(Kind, u16)>, usize)> {
    let mut saw_before = true;
    let mut step = |&(seen, sees_all): &(&[(u64, u16)], bool)| {
        let (seen, heard) = (sockets(seen), Sockets::new());
        let sees = |_: Key, endpoint: &Endpoint| sees_all || endpoint.port != 80;
        let saw = |_: Key, endpoint: &Endpoint| saw_before || endpoint.port != 80;
        let round =
            Round { noises: &[], seen: &seen, heard: &heard, sees: &sees, saw: &saw, at: second(100) };
        let news = endpoints.step(&round, |_| false);
        saw_before = sees_all;
        let told = news.iter().map(|news| (news.kind, news.endpoint.port)).collect();
        (told, endpoints.out_of_sight(&seen, |_| false))
    };
    looks.iter().map(&mut step).collect()
}

#[test]
fn what_a_look_cannot_see_is_not_closed() {
    let mut endpoints = Endpoints::begin(&sockets(&[(1, 80), (2, 81)]));
    let looks: [(&[_], _); 5] =
        [(&[(2, 81)], false), (&[], false), (&[(1, 80)], true), (&[], false), (&[], true)];
    let told = watch(&mut endpoints, &looks);
    let expected = [
        (vec![], 1),
        (vec![(Kind::Closed, 81)], 1),
        // It was there all the time.
        (vec![], 0),
        (vec![], 1),
        // It went meanwhile.
        (vec![(Kind::Closed, 80)], 0),
    ];
    assert_eq!(told, expected);
}

#[test]
fn what_comes_into_sight_is_present_and_did_not_open() {
    let mut endpoints = Endpoints::default();
    let looks: [(&[_], _); 3] = [(&[], false), (&[(1, 80), (2, 81)], true), (&[(1, 80), (2, 81)], true)];
    let told = watch(&mut endpoints, &looks);
    assert_eq!(told, [(vec![], 0), (vec![(Kind::Present, 80), (Kind::Opened, 81)], 0), (vec![], 0)]);
}

#[test]
fn who_took_a_place_out_of_sight_is_told_and_who_took_it_in_sight_is_not() {
    let mut endpoints = Endpoints::begin(&sockets(&[(1, 80), (2, 81)]));
    let looks: [(&[_], _); 3] =
        [(&[(2, 81)], false), (&[(3, 80), (4, 81)], true), (&[(5, 80), (4, 81)], true)];
    let told = watch(&mut endpoints, &looks);
    assert_eq!(told, [(vec![], 1), (vec![(Kind::Closed, 80), (Kind::Present, 80)], 0), (vec![], 0)]);
}
