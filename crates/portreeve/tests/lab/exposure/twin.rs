//! Policies by chance: what a plan says that zones gain and lose, and what `exposure` says once it is applied, is what
//! becomes of real packets (A14, A15, A16).
//!
//! `cargo xtask soak` tries 50 where others try 5; `PORTREEVE_SEED=7` tries that one alone.

use std::{collections::BTreeSet, env, net::IpAddr, ops::RangeInclusive};

use portreeve_lab::{
    perimeter::{Outcome, Question, Side, questions},
    ruleset::{LIST, RECEIVERS, SENDERS},
};
use serde_json::Value;

use super::{place::Place, random::dice::Dice, score::Score};
use crate::lab::site::lab;

/// The seeds that everybody tries, and those of whoever wants all of it.
const SEEDS: RangeInclusive<u64> = 1..=5;
const ALL_SEEDS: RangeInclusive<u64> = 1..=50;
/// Whoever wants all of it sets this to `full`.
const STORM: &str = "PORTREEVE_STORM";
/// Whoever wants one seed sets this to it.
const SEED: &str = "PORTREEVE_SEED";
/// How many policies a place sees, one after the other: it has no more source ports than that.
const EACH_PLACE: usize = 10;
/// How many questions are asked about each.
const ASKED: usize = 400;
/// The ports on both sides of every edge that a policy may draw.
const PORTS: [u16; 10] = [21, 22, 23, 80, 81, 443, 999, 1000, 1010, 1011];

/// A zone: its name, what the policy says of it, and whether a packet with this sender and by this interface is in it.
type Zone = (&'static str, &'static str, fn(&Question) -> bool);

const ZONES: [Zone; 6] = [
    ("lan", "interface = [\"lan0\"]", |question| interface(question) == "lan0"),
    ("afar", "from = [\"198.18.0.0/16\", \"2001:db8:77::/64\"]", |question| is_afar(question.from)),
    ("one", "from = [\"203.0.113.8/32\", \"2001:db8:1::8/128\"]", |question| {
        ends_with(question.from, "113.8", ":1::8")
    }),
    ("near", "from = [\"203.0.113.0/24\", \"2001:db8:1::/64\"]\ninterface = [\"wan0\"]", |question| {
        interface(question) == "wan0"
            && (question.from.to_string().starts_with("203.0.113.")
                || question.from.to_string().starts_with("2001:db8:1::"))
    }),
    ("pods", "interface = [\"br*\"]", |question| interface(question) == "br0"),
    ("most", "from = [\"128.0.0.0/1\", \"2000::/3\"]", |question| match question.from {
        IpAddr::V4(address) => address.octets()[0] >= 128,
        IpAddr::V6(address) => address.octets()[0] >> 5 == 1,
    }),
];

const SERVICES: [&str; 10] = [
    "22/tcp",
    "80/tcp",
    "443/tcp",
    "443/udp",
    "1000-1010/tcp",
    "1000-1010/udp",
    "21/tcp",
    "81/udp",
    "23/tcp",
    "999/udp",
];

fn interface(question: &Question) -> &'static str {
    question.side.interface()
}

fn is_afar(from: IpAddr) -> bool {
    let from = from.to_string();
    from.starts_with("198.18.") || from.starts_with("2001:db8:77:")
}

fn ends_with(from: IpAddr, four: &str, six: &str) -> bool {
    let from = from.to_string();
    from.ends_with(four) || from.ends_with(six)
}

/// A policy as a person writes it.
fn policy(dice: &mut Dice) -> String {
    let mut text = "version = 1\n".to_owned();
    let zones: Vec<_> = ZONES.iter().filter(|_| dice.chance(60)).collect();
    for (name, about, _) in &zones {
        text += &format!("[zone.{name}]\n{about}\n");
    }
    for (number, ports) in SERVICES.iter().enumerate() {
        if dice.chance(55) {
            let mut reach: Vec<&str> = zones.iter().map(|zone| zone.0).filter(|_| dice.chance(35)).collect();
            if reach.is_empty() || dice.chance(15) {
                reach = vec![dice.pick(&["world", "host"])];
            }
            text += &format!(
                "[service.s{number}]\nports = [\"{ports}\"]\nowner = {{ user = \"root\" }}\nreach = {reach:?}\n"
            );
        }
    }
    text
}

/// Rules of somebody else, which the gate does not touch.
const OTHERS: [&str; 4] = [
    "",
    "table inet other { chain input { type filter hook input priority 0; policy accept; tcp dport { 22, 1005 } drop; }; }",
    "table inet other { chain input { type filter hook input priority 0; policy drop; ct state established accept; \
     iifname wan0 accept; udp dport 443 reject; }; }",
    "table ip other { chain pre { type nat hook prerouting priority dstnat; iifname wan0 tcp dport 80 dnat to 10.88.0.2:443; \
     tcp dport 81 redirect to :80; }; }",
];

fn seeds() -> RangeInclusive<u64> {
    match env::var(SEED) {
        Ok(seed) => {
            let seed = seed.parse().expect("a seed is a number");
            seed..=seed
        }
        Err(_) if env::var(STORM).is_ok_and(|storm| storm == "full") => ALL_SEEDS,
        Err(_) => SEEDS,
    }
}

/// Whatever policy chance brings, the kernel does what the plan said, and is seen to do it.
#[test]
fn policies_by_chance() {
    let mut score = Score::of("policies");
    let seeds: Vec<_> = seeds().collect();
    for some in seeds.chunks(EACH_PLACE) {
        let place = Place::create();
        lab(place.host().run("mkdir -p /etc/portreeve"));
        for seed in some {
            let mut own = Score::of(&format!("seed {seed}"));
            try_seed(&place, *seed, &mut own);
            println!("{own}");
            score.join(own);
        }
    }
    score.pass();
}

fn try_seed(place: &Place, seed: u64, score: &mut Score) {
    let mut dice = Dice::of(seed);
    let others = OTHERS[dice.below(OTHERS.len())];
    run(place, &format!("nft flush ruleset; printf '%s' '{others}' | nft -f -"), 0);
    let mut all = questions(SENDERS, RECEIVERS, &PORTS);
    let asked: Vec<_> = (0..ASKED).map(|_| all.swap_remove(dice.below(all.len()))).collect();
    // Twice: from no gate to one, and from that to another.
    for _ in 0..2 {
        let policy = policy(&mut dice);
        lab(place.host().write("/etc/portreeve/policy.toml", &policy));
        let planned = run(place, "portreeve plan -o json --no-session || [ $? = 1 ]", 0);
        let plan: Value = serde_json::from_str(&planned).expect("a plan is JSON");
        let before = place.outcomes(&asked);
        let said = place.answers("portreeve apply --no-trial --no-session", LIST, &asked);
        let after = place.outcomes(&asked);
        score.add(&asked, &after, &said);
        for (question, (before, after)) in asked.iter().zip(before.iter().zip(&after)) {
            let about =
                || format!("seed {seed}: {question}: {before:?}, then {after:?} with\n{others}\n{policy}");
            keeps_word(&plan, question, [before, after], &about);
        }
    }
}

/// A packet to this host fares as the plan says of every zone that it is in.
fn keeps_word(plan: &Value, question: &Question, outcomes: [&Outcome; 2], about: &impl Fn() -> String) {
    let is_own = Side::ALL
        .into_iter()
        .any(|side| side.own_addresses().iter().any(|own| own.parse() == Ok(question.to)));
    if !is_own {
        return;
    }
    let zones = plan["zones"].as_array().expect("`zones` is promised");
    let mut changed = BTreeSet::new();
    let in_zone = |zone: &Value| match zone["zone"].as_str().expect("a zone has a name") {
        "world" => true,
        name => ZONES.iter().any(|(own, _, contains)| *own == name && contains(question)),
    };
    for zone in zones.iter().filter(|zone| in_zone(zone)) {
        for list in ["gains", "loses"] {
            let runs = zone[list].as_array().expect("it is promised");
            for run in runs.iter().filter(|run| is_about(run, question)) {
                changed.insert(list);
                for (key, outcome) in ["before", "after"].into_iter().zip(outcomes) {
                    let arrives = matches!(outcome, Outcome::Arrives { .. });
                    match run[key].as_str().expect("a verdict is a word") {
                        "reachable" => assert!(arrives, "{zone} {key}: {}", about()),
                        "dropped" | "rejected" => assert!(!arrives, "{zone} {key}: {}", about()),
                        _ => {}
                    }
                }
            }
        }
    }
    // What comes and goes is told, of the world at least, which contains every zone.
    let arrive = outcomes.map(|outcome| matches!(outcome, Outcome::Arrives { .. }));
    match arrive {
        [true, false] => assert!(changed.contains("loses"), "nobody was told: {}", about()),
        [false, true] => assert!(changed.contains("gains"), "nobody was told: {}", about()),
        _ => {}
    }
}

fn is_about(run: &Value, question: &Question) -> bool {
    let family = if question.from.is_ipv4() { "ipv4" } else { "ipv6" };
    let port = u64::from(question.port);
    let spans = run["port"].as_u64().is_some_and(|first| first <= port)
        && run["port_last"].as_u64().is_some_and(|last| port <= last);
    let is_of = run["families"].as_array().is_some_and(|all| all.iter().any(|own| own == family));
    spans && is_of && run["protocol"] == question.protocol.to_string()
}

#[track_caller]
fn run(place: &Place, command: &str, code: i32) -> String {
    let output = lab(place.host().run(command));
    assert_eq!(output.status, code, "{command}: {output:#?}");
    output.stdout
}
