//! The oracle itself, on rules of which a person can say what becomes of each packet.

use std::path::Path;

use portreeve_lab::{
    Chroot, Perimeter,
    perimeter::{Outcome, Question, Side, questions},
};

use crate::lab::site::{PORTREEVE, lab};

const WORLD: (Side, &str) = (Side::World, "203.0.113.7");
const WORLD6: (Side, &str) = (Side::World, "2001:db8:1::7");

/// A host with these rules of nft, and what lies around it.
fn host(rules: &str) -> (Chroot, Perimeter) {
    let chroot = lab(Chroot::create(Path::new(PORTREEVE)));
    let perimeter = lab(Perimeter::around(chroot.namespace()));
    load(&chroot, rules);
    (chroot, perimeter)
}

fn load(chroot: &Chroot, rules: &str) {
    lab(chroot.write("/run/rules", rules));
    let loaded = lab(chroot.run("nft -f /run/rules"));
    assert_eq!(loaded.status, 0, "{loaded:#?}");
}

fn arrives(at: &str, port: u16) -> Outcome {
    Outcome::Arrives { at: at.into(), port }
}

fn told(perimeter: &Perimeter, questions: &[Question]) -> Vec<String> {
    let outcomes = lab(perimeter.ask(questions));
    let word = |outcome| match outcome {
        Outcome::Arrives { at, port } => format!("{at}:{port}"),
        Outcome::Rejected => "rejected".into(),
        Outcome::Dropped => "dropped".into(),
    };
    questions
        .iter()
        .zip(outcomes)
        .map(|(question, outcome)| format!("{question} {}", word(outcome)))
        .collect()
}

/// Without a rule everything arrives, at every side and over both families, where nobody listens too.
#[test]
fn without_rules_everything_arrives() {
    let (_host, perimeter) = host("");
    let senders: Vec<_> = Side::ALL
        .into_iter()
        .flat_map(|side| side.addresses().iter().map(move |from| (side, *from)))
        .collect();
    let own: Vec<_> = Side::ALL.into_iter().flat_map(Side::own_addresses).copied().collect();
    let asked = questions(&senders, &own, &[22, 80, 65535]);
    assert_eq!(asked.len(), 2 * 7 * 4 * 2 * 3, "families, senders, receivers, protocols, ports");
    let outcomes = lab(perimeter.ask(&asked));
    for (question, outcome) in asked.iter().zip(outcomes) {
        assert_eq!(outcome, arrives("host", question.port), "{question}");
    }
    let through = questions(&[WORLD, WORLD6], &["192.0.2.7", "10.88.0.2", "fd00:88::3"], &[80]);
    assert_eq!(
        told(&perimeter, &through),
        [
            "wan0 203.0.113.7 -> 192.0.2.7 80/tcp lan0:80",
            "wan0 203.0.113.7 -> 192.0.2.7 80/udp lan0:80",
            "wan0 203.0.113.7 -> 10.88.0.2 80/tcp br0:80",
            "wan0 203.0.113.7 -> 10.88.0.2 80/udp br0:80",
            "wan0 2001:db8:1::7 -> fd00:88::3 80/tcp br0:80",
            "wan0 2001:db8:1::7 -> fd00:88::3 80/udp br0:80",
        ]
    );
}

/// Every way of refusing is told from the others, and from a port on which nobody listens.
#[test]
fn a_refusal_is_no_closed_port() {
    let (_host, perimeter) = host(
        "table inet t { chain input { type filter hook input priority 0; policy accept;
           tcp dport 1 drop
           tcp dport 2 reject with tcp reset
           tcp dport 3 reject with icmpx admin-prohibited
           udp dport 3 reject with icmpx admin-prohibited
           meta l4proto { tcp, udp } th dport 4 reject
           meta l4proto { tcp, udp } th dport 5 reject with icmpx no-route;
         }
         }",
    );
    for who in [(WORLD, "203.0.113.1"), (WORLD6, "2001:db8:1::1")] {
        let asked = questions(&[who.0], &[who.1], &[1, 2, 3, 4, 5, 6]);
        let refused = [
            Outcome::Dropped,
            arrives("host", 1),
            Outcome::Rejected,
            arrives("host", 2),
            Outcome::Rejected,
            Outcome::Rejected,
            Outcome::Rejected,
            Outcome::Rejected,
            Outcome::Rejected,
            Outcome::Rejected,
            arrives("host", 6),
            arrives("host", 6),
        ];
        assert_eq!(lab(perimeter.ask(&asked)), refused);
    }
}

/// A packet that is sent on is seen where it comes to, at the port that it comes to.
#[test]
fn a_packet_that_is_sent_on_is_seen_where_it_comes_to() {
    let (_host, perimeter) = host(
        "table ip t {
           chain pre { type nat hook prerouting priority dstnat;
             iifname wan0 tcp dport 8080 dnat to 10.88.0.2:80
             iifname wan0 tcp dport 8081 redirect to :81; }
           chain post { type nat hook postrouting priority srcnat; oifname br0 masquerade; }
           chain forward { type filter hook forward priority 0; policy drop;
             iifname wan0 oifname br0 ct status dnat accept;
         }
         }",
    );
    let asked =
        questions(&[WORLD, (Side::Network, "192.0.2.7")], &["203.0.113.1", "10.88.0.2"], &[80, 8080, 8081]);
    let tcp: Vec<_> = told(&perimeter, &asked).into_iter().filter(|line| line.contains("/tcp")).collect();
    assert_eq!(
        tcp,
        [
            "wan0 203.0.113.7 -> 203.0.113.1 80/tcp host:80",
            "wan0 203.0.113.7 -> 203.0.113.1 8080/tcp br0:80",
            "wan0 203.0.113.7 -> 203.0.113.1 8081/tcp host:81",
            "wan0 203.0.113.7 -> 10.88.0.2 80/tcp dropped",
            "wan0 203.0.113.7 -> 10.88.0.2 8080/tcp br0:80",
            "wan0 203.0.113.7 -> 10.88.0.2 8081/tcp host:81",
            "lan0 192.0.2.7 -> 203.0.113.1 80/tcp host:80",
            "lan0 192.0.2.7 -> 203.0.113.1 8080/tcp host:8080",
            "lan0 192.0.2.7 -> 203.0.113.1 8081/tcp host:8081",
            "lan0 192.0.2.7 -> 10.88.0.2 80/tcp dropped",
            "lan0 192.0.2.7 -> 10.88.0.2 8080/tcp dropped",
            "lan0 192.0.2.7 -> 10.88.0.2 8081/tcp dropped",
        ]
    );
}

/// What arrives once and then no more is no answer but an error.
#[test]
fn what_changes_from_one_packet_to_the_next_is_no_answer() {
    let (_host, perimeter) = host(
        "table inet t { chain input { type filter hook input priority 0; policy drop;
           tcp dport 22 limit rate 1/hour burst 1 packets accept;
         }
         }",
    );
    let asked = questions(&[WORLD], &["203.0.113.1"], &[22]);
    let error = perimeter.ask(&asked).expect_err("one of two packets arrives").to_string();
    assert!(error.contains("203.0.113.7 -> 203.0.113.1 22/tcp: first Arrives"), "{error}");
    assert!(error.ends_with("then Dropped"), "{error}");
}
