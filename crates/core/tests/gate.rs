//! The gate's texts, and what rules that the kernel made of them do to packets (A15, A16).
//!
//! A listing is made in a network namespace with the interfaces of [`around`] (`unshare -n`, `ip link add`): a table that
//! sends 8080/tcp and 993/tcp into containers, then the text, then `nft -j list ruleset` of nft 1.0.6; a line for each object.

use std::{fs, net::IpAddr, path::PathBuf, time::Duration};

use portreeve_core::{
    address::Family,
    desired::desire,
    exposure::{Reached, exposures},
    firewall::{
        Fate, Field, Filter, Interface, Intervals, Packets, Rewritten, Route, Ruleset, Sender, State,
        Surroundings, nft, number, walk,
    },
    gate::{
        self, Body, Closed, Extent, Foundation, Gate, Generation, InterfacePattern, Keep, LOG_GROUP, Listing,
        Openings, Refusal, Refused, Revision, Standing, TOLD_FOR, TOLD_SOURCES_MAX, Telling, Timeout,
        Transaction,
    },
    policy::{Policy, Source, parse},
    registry::Registry,
};
use proptest::prelude::*;
use serde_json::Value;

fn text(name: &str) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/gate").join(name);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn policy(text: &str) -> Policy {
    let source = Source { name: "policy.toml".into(), text };
    parse(&[source], Registry::builtin()).unwrap_or_else(|mistakes| panic!("{mistakes:#?}")).policy
}

fn declared(name: &str, refusal: Refusal, inside: &[&str]) -> Body {
    let policy = Policy { refusal, ..policy(&text(name)) };
    body(&policy, inside)
}

fn body(policy: &Policy, inside: &[&str]) -> Body {
    let inside = inside.iter().map(|name| InterfacePattern::of(name).expect("an interface"));
    Body::from(&Gate::of(policy, &desire(policy), inside.collect(), Openings::default()).expect("a gate"))
}

fn zones() -> Body {
    declared("zones.toml", Refusal::Drop, &[])
}

/// Some protocols come from zones alone, and one from nowhere.
fn protocols() -> Body {
    body(&policy(&text("protocols.toml")), &["docker0"])
}

fn closed() -> Body {
    let ports = ["8081/tcp", "6379/tcp", "53/udp", "8080/tcp"];
    let ports = ports.map(|port| port.parse().expect("a port"));
    Body::from(&Gate::Closed(Closed {
        ports: ports.into_iter().collect(),
        refusal: Refusal::Drop,
        published: ["8080/tcp".parse().expect("a port")].into_iter().collect(),
        inside: vec![InterfacePattern::of("docker0").expect("an interface")],
    }))
}

fn standing(listing: &str) -> Standing {
    Standing::read(&text(listing)).expect("a listing").expect("a gate")
}

fn minute() -> Timeout {
    Timeout::of(Duration::from_secs(60)).expect("some time")
}

/// Compares a text with a file, whose comments are for its readers.
fn is_as_written(written: &str, name: &str) {
    let golden = text(name);
    let lines = golden.lines().filter(|line| !line.trim_start().starts_with('#'));
    assert!(written.lines().eq(lines), "{name}:\n{written}");
}

/// What follows the part that every gate has.
fn own_part(transaction: &Transaction) -> &str {
    let text = transaction.as_str();
    text.find("add element").map(|at| &text[at..]).expect("a revision")
}

#[test]
fn every_text_is_as_it_was_judged() {
    is_as_written(own_part(&gate::create(&zones(), Revision::of(100))), "zones.nft");
    is_as_written(own_part(&gate::create(&closed(), Revision::of(7))), "closed.nft");
    is_as_written(own_part(&gate::create(&protocols(), Revision::of(9))), "protocols.nft");
    let less = declared("less.toml", Refusal::Reject, &["docker0"]);
    let trial =
        gate::apply(&less, &standing("zones.json"), Keep::OnTrial(minute()), jiff::Timestamp::UNIX_EPOCH)
            .unwrap();
    is_as_written(trial.as_str(), "trial.nft");
    is_as_written(gate::confirm(&standing("trial.json")).unwrap().as_str(), "confirm.nft");
    is_as_written(gate::take_back(&standing("trial.json")).unwrap().as_str(), "take-back.nft");
}

/// A listing of the host before there was a gate.
fn before() -> Listing {
    let mut listing = Listing::read(&text("zones.json")).expect("a listing");
    listing.remove();
    listing
}

/// The objects of a listing, without what only the kernel knows: handles, and the time that is left.
fn objects(text: &str) -> Vec<Value> {
    let root: Value = serde_json::from_str(text).expect("JSON");
    let mut objects = root["nftables"].as_array().expect("a listing").clone();
    for object in &mut objects {
        let inner = object.as_object_mut().and_then(|object| object.values_mut().next()).expect("an object");
        inner.as_object_mut().expect("an object").remove("handle");
        for entry in inner.get_mut("elem").and_then(Value::as_array_mut).into_iter().flatten() {
            if let Some(time) = entry.pointer_mut("/0/elem").and_then(Value::as_object_mut) {
                time.remove("expires");
            }
        }
    }
    objects
}

fn lists(listing: &Listing, name: &str) {
    let (ours, kernels) = (objects(&listing.text()), objects(&text(name)));
    for (ours, kernels) in ours.iter().zip(&kernels) {
        assert_eq!(ours, kernels, "{name}");
    }
    assert_eq!(ours.len(), kernels.len(), "{name}");
}

#[test]
fn a_change_lists_as_the_kernel_lists_it() {
    let mut listing = before();
    listing.create(&closed(), Revision::of(7));
    lists(&listing, "closed.json");
    let mut listing = before();
    listing.create(&zones(), Revision::of(100));
    lists(&listing, "zones.json");
    let mut listing = Listing::read(&text("protocols.json")).expect("a listing");
    listing.remove();
    listing.create(&protocols(), Revision::of(9));
    lists(&listing, "protocols.json");
    let mut listing = before();
    listing.create(&zones(), Revision::of(100));
    let less = declared("less.toml", Refusal::Reject, &["docker0"]);
    listing
        .apply(
            &less,
            &listing.standing().unwrap().unwrap(),
            Keep::OnTrial(minute()),
            jiff::Timestamp::UNIX_EPOCH,
        )
        .unwrap();
    lists(&listing, "trial.json");
    let mut back = listing.clone();
    back.take_back(&listing.standing().unwrap().unwrap()).unwrap();
    lists(&back, "back.json");
    listing.confirm(&listing.standing().unwrap().unwrap()).unwrap();
    lists(&listing, "less.json");
}

/// The first gate of a host, on trial: all of it is one text.
#[test]
fn a_gate_that_was_made_on_trial_lists_as_the_kernel_lists_it() {
    let gate = declared("zones.toml", Refusal::Drop, &["br-*", "docker0", "br-1", "eth1"]);
    let mut listing = before();
    listing.create(&Body::open(), Revision::of(100));
    listing
        .apply(
            &gate,
            &Standing::made(Revision::of(100)),
            Keep::OnTrial(minute()),
            jiff::Timestamp::UNIX_EPOCH,
        )
        .unwrap();
    lists(&listing, "first.json");
}

#[test]
fn what_stands_is_known_for_what_was_made() {
    let less = declared("less.toml", Refusal::Reject, &["docker0"]);
    for (listing, body) in [
        ("zones.json", zones()),
        ("trial.json", zones()),
        ("less.json", less),
        ("closed.json", closed()),
        ("protocols.json", protocols()),
    ] {
        assert_eq!(standing(listing).body(), Some(&body), "{listing}");
    }
}

#[test]
fn a_gate_reads_back_as_it_is_saved() {
    let less = declared("less.toml", Refusal::Reject, &["docker0"]);
    for body in [zones(), less, closed(), protocols(), Body::open()] {
        assert_eq!(Body::read(&body.saved()), Some(body));
    }
    for wrong in ["", "{}", "[1]", r#"[{"table": {}}]"#, r#"[{"rule": {"chain": "a_input"}}]"#] {
        assert_eq!(Body::read(wrong), None, "{wrong}");
    }
    // What no gate is made of is none.
    let foreign = closed().saved().replace("dropped", "dropped; flush ruleset");
    assert_eq!(Body::read(&foreign), None);
}

#[test]
fn what_somebody_else_wrote_into_a_generation_is_noticed() {
    let changed = |from: &str, to: &str| {
        let listing = text("zones.json");
        assert!(listing.contains(from), "{from}");
        Standing::read(&listing.replacen(from, to, 1)).unwrap().unwrap().body() != Some(&zones())
    };
    assert!(changed(r#""elem": [80, 443]"#, r#""elem": [80, 443, 6379]"#));
    assert!(changed(r#""right": "@a_world_udp"}}, {"goto""#, r#""right": "@a_world_udp"}}, {"jump""#));
    assert!(changed(r#"{"goto": {"target": "dropped"}}"#, r#"{"accept": null}"#));
    assert!(changed(r#""right": "wg0""#, r#""right": "wg*""#));
    assert!(changed(r#"["br-*", "eth1"]"#, r#"["br-*", "eth1", "eth2"]"#));
    assert!(changed(
        r#"{"goto": {"target": "dropped"}}"#,
        r#"{"log": null}, {"goto": {"target": "dropped"}}"#
    ));
}

#[test]
fn what_somebody_else_wrote_around_the_generations_is_noticed() {
    let body = |from: &str, to: &str| {
        let listing = text("zones.json");
        assert!(listing.contains(from), "{from}");
        Standing::read(&listing.replacen(from, to, 1)).unwrap().unwrap().body().cloned()
    };
    // The kernel's own: who is blocked for a while, and how many were.
    let blocked = r#""name": "blocked4", "table": "portreeve", "type": "ipv4_addr", "handle": 21"#;
    let with =
        format!(r#"{blocked}, "elem": [{{"elem": {{"val": "192.0.2.7", "timeout": 60, "expires": 9}}}}]"#);
    assert_eq!(body(blocked, &with), Some(zones()));
    assert_eq!(body(r#""packets": 0"#, r#""packets": 7"#), Some(zones()));
    // A later nft writes some of it in another way.
    assert_eq!(body(r#""flags": ["timeout"]"#, r#""flags": "timeout""#), Some(zones()));
    assert_eq!(body(r#""iif"}}, "right": "lo""#, r#""iif"}}, "right": "wan0""#), None);
    assert_eq!(body(r#""prio": -10, "policy": "accept""#, r#""prio": -10, "policy": "drop""#), None);
    assert_eq!(body(r#"{"counter": "refused"}, {"drop": null}"#, r#"{"accept": null}"#), None);
    assert_eq!(body(r#""name": "open_world_udp""#, r#""name": "open_world""#), None);
}

#[test]
fn a_generation_is_read_back_as_it_was_kept() {
    for body in
        [zones(), closed(), protocols(), declared("less.toml", Refusal::Reject, &["docker0", "veth*"])]
    {
        let kept = serde_json::to_string(&body).unwrap();
        assert_eq!(serde_json::from_str::<Body>(&kept).unwrap(), body, "{kept}");
        let hostile = kept.replace("a_world_tcp", "a_world_tcp; flush ruleset");
        assert!(hostile == kept || serde_json::from_str::<Body>(&hostile).is_err(), "{hostile}");
        assert!(serde_json::from_str::<Body>("\"{}\"").is_err());
    }
}

#[test]
fn what_is_told_goes_to_one_group() {
    let text = gate::create(&zones(), Revision::of(1));
    let groups = text.as_str().matches(" group ").count();
    assert_eq!(text.as_str().matches(&format!(" group {LOG_GROUP} ")).count(), groups);
}

/// Whoever listens counts by the numbers of the rules.
#[test]
fn as_many_sources_are_told_apart_as_is_said() {
    let text = gate::create(&zones(), Revision::of(1));
    let set = format!("size {TOLD_SOURCES_MAX}; flags dynamic,timeout; timeout {}m; }}", TOLD_FOR.as_mins());
    assert_eq!(text.as_str().matches(&set).count(), 2, "{set}");
    assert_eq!(text.as_str().matches("flags dynamic").count(), 2);
}

/// An invalid packet is told of where it is refused, and dropped without a word where a port is open.
#[test]
fn what_is_refused_is_told_of_before_it_is_dropped_also_where_it_is_invalid() {
    let text = gate::create(&zones(), Revision::of(1));
    let chain = |name: &str| {
        let rest = text.as_str().split_once(&format!("chain {name} {{")).unwrap().1;
        rest.split_once("\n\t}").unwrap().0.trim().to_owned()
    };
    for refused in ["dropped", "rejected"] {
        assert!(chain(refused).starts_with("jump tell\n"), "{refused}");
    }
    assert!(!chain("pass").contains("tell"));
    assert!(chain("tell_now").starts_with("ct state invalid log "));
}

#[test]
fn it_is_known_of_which_packets_a_gate_tells() {
    assert_eq!(standing("zones.json").tells(), Telling::All);
    assert_eq!(standing("trial.json").tells(), Telling::All);
    assert_eq!(standing("closed.json").tells(), Telling::Closed);
    // A first trial that nobody confirmed lets everything in.
    assert_eq!(Standing::made(Revision::of(1)).tells(), Telling::Nothing);
    let changed = |from: &str, to: &str| {
        let listing = text("zones.json");
        assert!(listing.contains(from), "{from}");
        Standing::read(&listing.replacen(from, to, 1)).unwrap().unwrap().tells()
    };
    assert_eq!(changed(r#"{"jump": {"target": "tell"}}"#, r#"{"return": null}"#), Telling::Unknown);
    let table = r#"{"table": {"family": "inet", "name": "portreeve""#;
    assert_eq!(changed(table, &format!(r#"{table}, "flags": ["dormant"]"#)), Telling::Nothing);
}

#[test]
fn a_gate_is_found_as_it_stands() {
    assert_eq!(Standing::read(r#"{"nftables": []}"#), Ok(None));
    let made = standing("zones.json");
    assert_eq!((made.revision, made.confirmed, made.trial), (Revision::of(100), Generation::A, None));
    let tried = standing("trial.json");
    assert_eq!((tried.revision, tried.confirmed), (Revision::of(101), Generation::A));
    let trial = tried.trial.unwrap();
    assert_eq!(trial.generation, Generation::B);
    assert!((58..=60).contains(&trial.seconds_left), "{trial:?}");
    let confirmed = standing("less.json");
    let found = (confirmed.revision, confirmed.confirmed, confirmed.trial);
    assert_eq!(found, (Revision::of(102), Generation::B, None));
}

#[test]
fn a_table_that_is_not_as_it_was_made_is_told() {
    let error = |from: &str, to: &str| {
        let listing = text("zones.json");
        assert!(listing.contains(from), "{from}");
        Standing::read(&listing.replacen(from, to, 1)).unwrap_err().to_string()
    };
    assert_eq!(error(r#""elem": [1]"#, r#""elem": [2]"#), "the table inet portreeve has layout 2, not 1");
    assert_eq!(Standing::read("[]").unwrap_err().to_string(), "no listing of nft's");
    assert!(Standing::read("[").unwrap_err().to_string().starts_with("not JSON"));
}

/// What cannot tell which change it is of is made anew, as is what sleeps or is empty.
#[test]
fn a_table_that_somebody_damaged_is_told() {
    let read = |from: &str, to: &str| {
        let listing = text("zones.json");
        assert!(listing.contains(from), "{from}");
        Standing::read(&listing.replacen(from, to, 1)).unwrap().unwrap().foundation
    };
    assert_eq!(read(r#""elem": [100]"#, r#""elem": []"#), Foundation::Changed);
    assert_eq!(read(r#""elem": [1]"#, r#""elem": []"#), Foundation::Changed);
    let own = r#"{"family": "inet", "name": "portreeve""#;
    assert_eq!(
        read(own, &own.replace("{\"family", "{\"flags\": [\"dormant\"], \"family")),
        Foundation::Asleep
    );
    let empty = r#"{"nftables": [{"table": {"family": "inet", "name": "portreeve"}}]}"#;
    assert_eq!(Standing::read(empty).unwrap().unwrap().foundation, Foundation::Emptied);
}

/// Where nobody can tell what is confirmed, what is on trial is not cleared by whoever confirms it.
#[test]
fn whoever_changes_what_is_confirmed_has_changed_the_foundation() {
    for instead in [r#"{"accept": null}"#, r#"{"goto": {"target": "b_input"}}"#] {
        let changed = |name| text(name).replacen(r#"{"goto": {"target": "a_input"}}"#, instead, 1);
        let standing = Standing::read(&changed("zones.json")).unwrap().unwrap();
        assert_eq!(
            (standing.foundation, standing.body(), standing.own_body()),
            (Foundation::Changed, None, None)
        );
        let tried = Standing::read(&changed("trial.json")).unwrap().unwrap();
        let mut listing = Listing::read(&changed("trial.json")).unwrap();
        listing.confirm(&tried).unwrap();
        let confirmed = listing.standing().unwrap().unwrap();
        let less = declared("less.toml", Refusal::Reject, &["docker0"]);
        assert_eq!((confirmed.foundation, confirmed.body()), (Foundation::AsMade, Some(&less)), "{instead}");
    }
}

proptest! {
    /// Somebody else may write into the table, and nft into the listing.
    #[test]
    fn no_listing_is_too_broken(at in 0_usize..44_000, length in 0_usize..40, instead in "[\\[\\]{}:,\"0-9a-z_]{0,9}") {
        let whole = text("trial.json");
        let end = (at + length).min(whole.len());
        let broken = [&whole[..at.min(whole.len())], instead.as_str(), &whole[end..]].concat();
        if let Ok(mut listing) = Listing::read(&broken) && let Ok(Some(standing)) = listing.standing() {
            let _ = listing.confirm(&standing);
            let mut other = Listing::read(&broken).unwrap();
            other.expire();
            if let Ok(Some(standing)) = other.standing() {
                other.apply(&Body::open(), &standing, Keep::AtOnce, jiff::Timestamp::UNIX_EPOCH).unwrap();
            }
            prop_assert!(Listing::read(&other.text()).is_ok() && Listing::read(&listing.text()).is_ok());
        }
        if let Ok(Some(standing)) = Standing::read(&broken) {
            let changes = [gate::confirm(&standing), gate::take_back(&standing), Ok(gate::remove(&standing))];
            for text in changes.iter().flatten() {
                let is_known = |letter: char| letter.is_ascii_alphanumeric() || "\n {}_,".contains(letter);
                prop_assert!(text.as_str().chars().all(is_known), "{}", text.as_str());
            }
        }
    }
}

#[test]
fn one_change_at_a_time_is_on_trial() {
    let trial = standing("trial.json");
    assert_eq!(
        gate::apply(&zones(), &trial, Keep::AtOnce, jiff::Timestamp::UNIX_EPOCH),
        Err(Refused::OnTrial)
    );
    assert_eq!(gate::confirm(&standing("zones.json")), Err(Refused::NoTrial));
    assert_eq!(gate::take_back(&standing("less.json")), Err(Refused::NoTrial));
}

/// Whatever a stranger leaves of a trial judges until its time is over, and undo takes it back.
#[test]
fn a_trial_of_which_a_part_is_gone_is_taken_back_but_not_kept() {
    let entry = |family: &str, hook: &str, left: u64| {
        format!(
            r#"[{{"elem": {{"val": "{family}", "timeout": 60, "expires": {left}}}}}, {{"goto": {{"target": "b_{hook}"}}}}]"#
        )
    };
    let both = |hook: &str, left| [entry("ipv4", hook, left), entry("ipv6", hook, left)].join(", ");
    let lists = |input: &str, forward: &str| {
        let whole = text("trial.json");
        let part = whole.replacen(&both("input", 59), input, 1).replacen(&both("forward", 59), forward, 1);
        assert_ne!(whole, part);
        Standing::read(&part).unwrap().unwrap()
    };
    for (input, forward) in [
        (entry("ipv4", "input", 59), both("forward", 59)),
        (String::new(), both("forward", 59)),
        (both("input", 59), entry("ipv6", "forward", 59)),
    ] {
        let standing = lists(&input, &forward);
        let trial = standing.trial.unwrap();
        assert_eq!((trial.seconds_left, trial.extent), (59, Extent::Part));
        assert_eq!(standing.tried(), None, "nobody keeps it");
        let back = gate::take_back(&standing).unwrap();
        let begins = "flush map inet portreeve trial_input\nflush map inet portreeve trial_forward\n";
        assert!(back.as_str().starts_with(begins), "{}", back.as_str());
    }
    let whole = standing("trial.json");
    assert_eq!((whole.trial.unwrap().extent, whole.tried().is_some()), (Extent::Whole, true));
    // The time of the first was over before the last were listed.
    assert_eq!(lists(&entry("ipv4", "input", 0), &both("forward", 0)).trial, None);
    assert_eq!(lists("", &both("forward", 0)).trial, None);
}

/// The host on which the listings were made.
fn around() -> Surroundings {
    let interface = |name: &str, networks: &[&str]| Interface {
        name: name.into(),
        networks: networks.iter().map(|network| network.parse().expect("a network")).collect(),
        ..Interface::default()
    };
    let route = |to: &str, interface| Route {
        to: to.parse().expect("a network"),
        interface: Some(interface),
        ..Route::default()
    };
    Surroundings {
        interfaces: [
            interface("lo", &["127.0.0.1/8", "::1/128"]),
            interface("wan0", &["198.51.100.2/24", "192.0.2.1/32", "2001:db8::2/64", "2001:db8::1/64"]),
            interface("eth1", &["10.0.0.1/24"]),
            interface("wg0", &["10.8.0.1/24"]),
            interface("br-lan", &["10.1.0.1/24", "fd00::1/64"]),
            interface("docker0", &["172.17.0.1/16"]),
        ]
        .into(),
        routes: [route("172.17.0.0/16", 5), route("0.0.0.0/0", 1), route("::/0", 1)].into(),
        forwards: [true, true],
        ..Surroundings::default()
    }
}

fn rules(listing: &str) -> Filter {
    let mut ruleset = Ruleset::default();
    nft::read(&text(listing), &nft::Details::default(), &around(), &mut ruleset).expect("a listing");
    Filter { ruleset, around: around() }
}

const TCP: u128 = 6;
const UDP: u128 = 17;
const SYN: u128 = 2;
const WORLD: &str = "198.51.100.9";
const WORLD6: &str = "2001:db8:9::9";
const OFFICE: &str = "203.0.113.200";
const OFFICE6: &str = "2001:db8:1::9";
const DESK: &str = "203.0.113.7";

/// First packets of connections, to every port of the first address of `wan0`.
fn sent(interface: &str, from: &str, protocol: u128) -> Packets {
    let from: IpAddr = from.parse().expect("an address");
    let (family, own) =
        if from.is_ipv4() { (Family::Ipv4, "198.51.100.2") } else { (Family::Ipv6, "2001:db8::2") };
    let packets = Packets::all(family);
    [
        (Field::InInterface, around().interface(interface).expect("an interface") as u128),
        (Field::Source, number(from)),
        (Field::Destination, number(own.parse().expect("an address"))),
        (Field::Protocol, protocol),
        (Field::SourcePort, 40_000),
        (Field::TcpFlags, SYN),
        (Field::State, State::New.number()),
        (Field::Direction, 0),
        (Field::Status, 0),
        (Field::Mark, 0),
        (Field::ConnectionMark, 0),
    ]
    .into_iter()
    .fold(packets, |packets, (field, number)| packets.with(field, Intervals::one(number)))
}

fn to(packets: Packets, address: &str) -> Packets {
    packets.with(Field::Destination, Intervals::one(number(address.parse().expect("an address"))))
}

/// The ports that are reached, where of every other one it is certain that it is refused as `refused` says.
fn reached(filter: &Filter, packets: &Packets, refused: Reached) -> Vec<(u128, u128)> {
    let mut all: Vec<(u128, u128)> = Vec::new();
    let mut next = 0;
    for exposure in exposures(filter, &[(Sender::Outside, packets.clone())]) {
        assert_eq!(exposure.ports.first, next, "no port is passed over");
        next = exposure.ports.last + 1;
        assert!(exposure.doubts.is_empty() && !exposure.is_rate_limited, "{exposure:?}");
        match exposure.reached {
            Reached::Reachable => match all.last_mut() {
                Some(last) if last.1 + 1 == exposure.ports.first => last.1 = exposure.ports.last,
                _ => all.push((exposure.ports.first, exposure.ports.last)),
            },
            other => assert_eq!(other, refused, "{exposure:?}"),
        }
    }
    assert_eq!(next, 65_536);
    all
}

fn ones(ports: &[u128]) -> Vec<(u128, u128)> {
    ports.iter().map(|port| (*port, *port)).collect()
}

/// The sets of a trial's zones outlive it, and nothing leads to them then.
#[test]
fn a_gate_has_the_zones_of_what_judges() {
    let mut listing = Listing::read(r#"{"nftables": []}"#).unwrap();
    listing.create(&Body::open(), Revision::of(100));
    let open = listing.standing().unwrap().unwrap();
    listing.apply(&zones(), &open, Keep::OnTrial(minute()), jiff::Timestamp::UNIX_EPOCH).unwrap();
    let mut tried = listing.standing().unwrap().unwrap();
    let named = |standing: &Standing| standing.zones().collect::<Vec<_>>();
    assert_eq!(named(&open), Vec::<String>::new());
    assert_eq!(named(&tried), named(&standing("zones.json")));
    assert!(named(&tried).contains(&"office".to_owned()), "{tried:?}");
    tried.trial = None;
    assert_eq!(named(&tried), Vec::<String>::new(), "its time is over");
}

#[test]
fn each_zone_gets_in_where_the_policy_says_and_nowhere_else() {
    let rules = rules("zones.json");
    let open = |packets: &Packets| reached(&rules, packets, Reached::Dropped);
    assert_eq!(open(&sent("wan0", WORLD, TCP)), ones(&[80, 443]));
    assert_eq!(open(&sent("wan0", WORLD6, TCP)), ones(&[80, 443]));
    assert_eq!(open(&sent("wan0", WORLD, UDP)), ones(&[443]));
    assert_eq!(open(&sent("wan0", WORLD, 132)), []);
    let office = [(21, 21), (80, 80), (443, 443), (993, 993), (30_000, 30_100)];
    assert_eq!(open(&sent("wan0", OFFICE, TCP)), office);
    assert_eq!(open(&sent("wan0", OFFICE6, TCP)), office);
    assert_eq!(open(&sent("wan0", OFFICE6, UDP)), ones(&[443]));
    // The desk stands in the office.
    let desk = [&[(21, 21), (80, 80), (443, 443), (445, 445)], &office[3..]].concat();
    assert_eq!(open(&sent("wan0", DESK, TCP)), desk);
    assert_eq!(open(&sent("eth1", WORLD, TCP)), ones(&[80, 443, 993]));
    assert_eq!(open(&sent("br-lan", "fd00::9", TCP)), ones(&[80, 443, 993]));
    // In two zones by two signs.
    assert_eq!(open(&sent("br-lan", DESK, TCP)), desk);
    // A zone with both is where both are.
    assert_eq!(open(&sent("wg0", "10.8.0.9", TCP)), ones(&[80, 443, 445]));
    assert_eq!(open(&sent("wg0", "10.9.0.9", TCP)), ones(&[80, 443]));
    assert_eq!(open(&sent("wan0", "10.8.0.9", TCP)), ones(&[80, 443]));
}

#[test]
fn an_address_that_is_declared_is_the_only_one() {
    let rules = rules("zones.json");
    let open = |packets: Packets| reached(&rules, &packets, Reached::Dropped);
    assert_eq!(open(to(sent("wan0", WORLD, TCP), "192.0.2.1")), ones(&[80, 443, 9_443]));
    assert_eq!(open(to(sent("wan0", WORLD6, TCP), "2001:db8::1")), ones(&[80, 443, 9_443]));
    assert_eq!(open(to(sent("wan0", WORLD6, TCP), "2001:db8::2")), ones(&[80, 443]));
}

/// What becomes of a new connection to one port of the host.
fn fate(rules: &Filter, packets: &Packets, port: u128) -> Fate {
    let packets = packets.clone().with(Field::DestinationPort, Intervals::one(port));
    let mut parts = walk(&rules.ruleset, &rules.around, Sender::Outside, &packets);
    assert_eq!(parts.len(), 1, "{parts:#?}");
    assert!(parts[0].doubts.is_empty(), "{parts:#?}");
    parts.remove(0).fate
}

#[test]
fn a_published_port_is_judged_by_the_port_that_was_asked_for() {
    let container = |address: &str, port| {
        let address = number(address.parse().expect("an address"));
        let [address, port] = [address, port].map(Intervals::one);
        Fate::Leaves(Rewritten { address: Some(address), port: Some(port) })
    };
    let (zones, trial) = (rules("zones.json"), rules("trial.json"));
    // 80 and 1993 are the containers' ports, of which 80 is open to the world, and 993 to the office.
    assert_eq!(fate(&zones, &sent("wan0", WORLD, TCP), 8_080), Fate::Dropped);
    assert_eq!(fate(&zones, &sent("wan0", WORLD, TCP), 993), Fate::Dropped);
    assert_eq!(fate(&zones, &sent("wan0", OFFICE, TCP), 993), container("172.17.0.3", 1_993));
    assert_eq!(fate(&trial, &sent("wan0", OFFICE, TCP), 993), Fate::Rejected);
    // From one container to another: nobody from outside.
    assert_eq!(fate(&trial, &sent("docker0", "172.17.0.9", TCP), 993), container("172.17.0.3", 1_993));
    assert_eq!(fate(&zones, &sent("docker0", "172.17.0.9", TCP), 8_080), Fate::Dropped);
    // What a router passes on is none of the gate's.
    let routed = to(sent("wan0", WORLD, TCP), "172.17.0.9");
    assert_eq!(fate(&zones, &routed, 22), Fate::Leaves(Rewritten { address: None, port: None }));
}

#[test]
fn the_generation_on_trial_judges() {
    for listing in ["trial.json", "less.json"] {
        let rules = rules(listing);
        let open = |packets: &Packets| reached(&rules, packets, Reached::Rejected);
        assert_eq!(open(&sent("wan0", WORLD, TCP)), ones(&[25, 443]), "{listing}");
        assert_eq!(open(&sent("wan0", WORLD6, TCP)), ones(&[443]), "{listing}");
        assert_eq!(open(&sent("eth1", OFFICE, TCP)), ones(&[443]), "{listing}");
        assert_eq!(open(&sent("wan0", WORLD, UDP)), [], "{listing}");
    }
}

#[test]
fn closing_leaves_all_else_as_it_is() {
    let rules = rules("closed.json");
    let open = |packets: &Packets| reached(&rules, packets, Reached::Dropped);
    let tcp = [(0, 6_378), (6_380, 8_079), (8_082, 65_535)];
    assert_eq!(open(&sent("wan0", WORLD, TCP)), tcp);
    assert_eq!(open(&sent("wan0", WORLD6, TCP)), tcp);
    assert_eq!(open(&sent("wan0", WORLD, UDP)), [(0, 52), (54, 65_535)]);
    let invalid = sent("wan0", WORLD, TCP).with(Field::State, Intervals::one(State::Invalid.number()));
    assert_eq!(open(&invalid), tcp);
    // Nobody can tell from here whether it belongs to a connection older than the gate.
    let late = sent("wan0", WORLD, TCP).with(Field::TcpFlags, Intervals::one(0x10));
    let parts = walk(&rules.ruleset, &rules.around, Sender::Outside, &late);
    let unsure = parts.iter().filter(|part| part.fate == Fate::Unknown);
    let ports: Vec<_> = unsure.flat_map(|part| part.packets.of(Field::DestinationPort).iter()).collect();
    assert_eq!(
        ports.iter().map(|it| (it.first, it.last)).collect::<Vec<_>>(),
        [(6_379, 6_379), (8_081, 8_081)]
    );
}

#[test]
fn some_packets_pass_whatever_is_declared() {
    let rules = rules("less.json");
    let arrives = Fate::Arrives(Rewritten { address: None, port: None });
    let (tcp, tcp6) = (sent("wan0", WORLD, TCP), sent("wan0", WORLD6, TCP));
    let with = |packets: &Packets, field, number| packets.clone().with(field, Intervals::one(number));
    for state in [State::Established, State::Related] {
        assert_eq!(fate(&rules, &with(&tcp, Field::State, state.number()), 6_379), arrives);
    }
    // What conntrack calls so may be whoever opens a connection anew.
    let invalid = State::Invalid.number();
    assert_eq!(fate(&rules, &with(&tcp, Field::State, invalid), 443), arrives);
    assert_eq!(fate(&rules, &with(&tcp, Field::State, invalid), 6_379), Fate::Dropped);
    assert_eq!(fate(&rules, &with(&tcp, Field::State, State::Untracked.number()), 443), arrives);
    // GRE has no ports.
    assert_eq!(fate(&rules, &with(&tcp, Field::Protocol, 47), 0), arrives);
    let control = |packets: &Packets, protocol, kind, state: State| {
        let packets = with(&with(packets, Field::Protocol, protocol), Field::IcmpType, kind);
        fate(&rules, &with(&packets, Field::State, state.number()), 0)
    };
    for (kind, state, own) in [
        (8, State::New, arrives.clone()),
        (8, State::Invalid, Fate::Dropped),
        // Errors about what conntrack does not know, such as a packet that was too big.
        (3, State::Invalid, arrives.clone()),
        (11, State::Invalid, arrives.clone()),
        (5, State::New, Fate::Dropped),
        (13, State::New, Fate::Dropped),
    ] {
        assert_eq!(control(&tcp, 1, kind, state), own, "{kind} {state:?}");
    }
    for (kind, state, own) in [
        (128, State::New, arrives.clone()),
        (2, State::Invalid, arrives.clone()),
        // Neighbours are taken out of tracking.
        (135, State::Untracked, arrives.clone()),
        (136, State::Untracked, arrives.clone()),
        (134, State::Untracked, arrives.clone()),
        (137, State::Untracked, Fate::Dropped),
        (139, State::New, Fate::Dropped),
    ] {
        assert_eq!(control(&tcp6, 58, kind, state), own, "{kind} {state:?}");
    }
    let offer = with(&sent("eth1", "10.0.0.9", UDP), Field::SourcePort, 67);
    assert_eq!(fate(&rules, &offer, 68), arrives);
    assert_eq!(fate(&rules, &with(&offer, Field::SourcePort, 66), 68), Fate::Rejected);
    let offer = with(&to(sent("wan0", "fe80::9", UDP), "2001:db8::2"), Field::SourcePort, 547);
    assert_eq!(fate(&rules, &offer, 546), Fate::Rejected, "it answers to an address of the link alone");
}

#[test]
fn a_protocol_without_ports_comes_from_where_the_policy_says() {
    let rules = rules("protocols.json");
    let arrives = Fate::Arrives(Rewritten { address: None, port: None });
    let of = |interface: &str, source: &str, protocol: u8| {
        let packets = sent(interface, source, TCP).with(Field::Protocol, Intervals::one(protocol.into()));
        fate(&rules, &packets, 0)
    };
    let (gre, esp, ospf, ipip, igmp, vrrp) = (47, 50, 89, 4, 2, 112);
    for (interface, source, passing) in [
        ("wan0", WORLD, vec![igmp, vrrp]),
        ("wan0", WORLD6, vec![igmp, vrrp]),
        ("wan0", "203.0.113.9", vec![gre, esp, igmp, vrrp]),
        ("wan0", "2001:db8:1::9", vec![gre, esp, igmp, vrrp]),
        ("eth1", "10.0.0.9", vec![esp, ospf, igmp, vrrp]),
    ] {
        for protocol in [gre, esp, ospf, ipip, igmp, vrrp] {
            let own = if passing.contains(&protocol) { arrives.clone() } else { Fate::Rejected };
            assert_eq!(of(interface, source, protocol), own, "{source} {protocol}");
        }
    }
}
