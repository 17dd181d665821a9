//! Rulesets of iptables by chance, for both families: at most 30 rules of what people write.

use super::{
    dice::Dice,
    rules::{Program, Rule, Rules},
};

/// What differs between the families.
struct Family {
    tables: [&'static str; 4],
    sources: &'static [&'static str],
    destinations: &'static [&'static str],
    refusals: &'static [&'static str],
    translations: &'static [&'static str],
}

const IPV4: Family = Family {
    tables: ["4 raw", "4 mangle", "4 nat", "4 filter"],
    sources: &[
        "-s 203.0.113.7/32",
        "! -s 203.0.113.0/24",
        "-s 198.18.0.0/16",
        "-s 192.0.2.0/24",
        "-m iprange --src-range 198.18.7.70-203.0.113.7",
        "-m iprange ! --src-range 10.0.0.0-192.0.2.255",
    ],
    destinations: &[
        "-d 203.0.113.1/32",
        "! -d 203.0.113.2/32",
        "-d 10.88.0.0/24",
        "-m iprange --dst-range 192.0.2.1-192.0.2.7",
    ],
    refusals: &["icmp-port-unreachable", "icmp-admin-prohibited", "icmp-host-prohibited", "tcp-reset"],
    translations: &[
        "DNAT --to-destination 10.88.0.2:80",
        "DNAT --to-destination 10.88.0.3",
        "DNAT --to-destination 192.0.2.7:53",
        "DNAT --to-destination 203.0.113.2:22",
        "REDIRECT --to-ports 80",
        "REDIRECT",
        "ACCEPT",
        "RETURN",
    ],
};

const IPV6: Family = Family {
    tables: ["6 raw", "6 mangle", "6 nat", "6 filter"],
    sources: &["-s 2001:db8:1::7/128", "! -s 2001:db8:1::/64", "-s 2001:db8:77::/64", "-s fd00:88::/64"],
    destinations: &["-d 2001:db8:1::1/128", "! -d 2001:db8:1::1/128", "-d fd00:88::/64"],
    refusals: &["icmp6-port-unreachable", "icmp6-adm-prohibited", "icmp6-no-route", "tcp-reset"],
    translations: &[
        "DNAT --to-destination [fd00:88::2]:80",
        "DNAT --to-destination fd00:88::3",
        "REDIRECT --to-ports 80",
        "ACCEPT",
    ],
};

const BUILT_IN: [&[&str]; 4] = [
    &["PREROUTING", "OUTPUT"],
    &["PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"],
    &["PREROUTING", "INPUT", "OUTPUT", "POSTROUTING"],
    &["INPUT", "FORWARD", "OUTPUT"],
];

/// Chains of the filter table that are jumped to, each of which jumps only to the next.
const CALLED: [&str; 2] = ["one", "two"];

pub(super) fn rules(dice: &mut Dice, program: Program) -> Rules {
    let mut frame = Vec::new();
    for family in [&IPV4, &IPV6] {
        for (table, chains) in family.tables.iter().zip(BUILT_IN) {
            for chain in chains {
                let may_drop = table.ends_with("filter") && *chain != "OUTPUT";
                let policy = if may_drop { dice.pick(&["ACCEPT", "DROP"]) } else { "ACCEPT" };
                frame.push(Rule { table, text: format!(":{chain} {policy} [0:0]") });
            }
        }
        frame.extend(CALLED.map(|chain| Rule { table: family.tables[3], text: format!(":{chain} - [0:0]") }));
    }
    let count = 6 + dice.below(25);
    let rules = (0..count).map(|_| {
        let family = if dice.chance(65) { &IPV4 } else { &IPV6 };
        rule(dice, family)
    });
    Rules { program, rules: rules.collect(), frame }
}

fn rule(dice: &mut Dice, family: &Family) -> Rule {
    let (place, chain) = match dice.below(20) {
        0 => (0, "PREROUTING"),
        1 => (1, "PREROUTING"),
        2 => (1, dice.pick(&["INPUT", "FORWARD"])),
        3..6 => (2, "PREROUTING"),
        6..12 => (3, "INPUT"),
        12..15 => (3, "FORWARD"),
        _ => (3, dice.pick(&CALLED)),
    };
    let protocol = if place == 2 || dice.chance(70) { dice.pick(&["tcp", "tcp", "udp"]) } else { "" };
    let mut words = vec![format!("-A {chain}")];
    if dice.chance(40) {
        let through = ["-o br0", "! -o lan0", "-i wan0 -o br0"];
        let from = ["-i wan0", "! -i wan0", "-i lan0", "-i br0", "-i w+"];
        let is_through = chain == "FORWARD" && dice.chance(50);
        words.push(dice.pick(if is_through { &through } else { &from }).into());
    }
    if dice.chance(40) {
        words.push(dice.pick(family.sources).into());
    }
    if dice.chance(25) {
        words.push(dice.pick(family.destinations).into());
    }
    if !protocol.is_empty() {
        words.push(ports(dice, protocol));
    }
    if place != 0 && dice.chance(35) {
        words.push(state(dice));
    }
    words.push(format!("-j {}", target(dice, family, place, chain, protocol)));
    Rule { table: family.tables[place], text: words.join(" ").replace("-j -g", "-g") }
}

fn ports(dice: &mut Dice, protocol: &str) -> String {
    let asked = dice.pick(&[
        "--dport 22",
        "--dport 53:443",
        "! --dport 80",
        "--dport 1024:",
        "! --dport :80",
        "multiport --dports 22,80,443",
        "multiport ! --dports 22,53:80",
    ]);
    match asked.strip_prefix("multiport ") {
        Some(asked) => format!("-p {protocol} -m multiport {asked}"),
        None if protocol == "tcp" && dice.chance(15) => {
            let flags =
                ["--syn", "! --syn", "--tcp-flags FIN,SYN,RST,ACK SYN", "--tcp-flags SYN,FIN SYN,FIN"];
            format!("-p tcp -m tcp {asked} {}", dice.pick(&flags))
        }
        None => format!("-p {protocol} -m {protocol} {asked}"),
    }
}

fn state(dice: &mut Dice) -> String {
    dice.pick(&[
        "-m conntrack --ctstate NEW",
        "-m conntrack --ctstate RELATED,ESTABLISHED",
        "-m conntrack --ctstate INVALID",
        "-m conntrack ! --ctstate NEW",
        "-m conntrack --ctstate NEW,UNTRACKED",
        "-m conntrack --ctstate DNAT",
        "-m conntrack --ctorigdstport 80 --ctdir ORIGINAL",
        "-m state --state NEW",
        "-m addrtype --dst-type LOCAL",
        "-m addrtype ! --dst-type LOCAL",
        "-m mark --mark 0x1/0x1",
        "-m mark ! --mark 0x2",
        "-m connmark --mark 0x4",
        "-m comment --comment \"a, comment\"",
        "-m pkttype --pkt-type unicast",
        "-m physdev --physdev-in shop0",
        "-m physdev ! --physdev-is-bridged",
        "-m policy --dir in --pol none",
        "-m recent --name nobody --rcheck",
    ])
    .into()
}

fn target(dice: &mut Dice, family: &Family, place: usize, chain: &str, protocol: &str) -> String {
    let marks = [
        "MARK --set-xmark 0x1/0xffffffff",
        "MARK --or-mark 0x2",
        "MARK --xor-mark 0x3",
        "CONNMARK --set-xmark 0x4/0xffffffff",
        "CONNMARK --save-mark",
        "CONNMARK --restore-mark",
        "DROP",
        "ACCEPT",
    ];
    match place {
        0 => dice.pick(&["CT --notrack", "DROP", "ACCEPT"]).into(),
        1 => dice.pick(&marks).into(),
        2 => dice.pick(family.translations).into(),
        _ => filter(dice, family, chain, protocol),
    }
}

fn filter(dice: &mut Dice, family: &Family, chain: &str, protocol: &str) -> String {
    let next = match chain {
        "one" => "two",
        "two" => "RETURN",
        _ => dice.pick(&CALLED),
    };
    match dice.below(16) {
        0..4 => "ACCEPT".into(),
        4 => "ACCEPT -m limit --limit 10000/sec --limit-burst 10000".into(),
        5..7 => "DROP".into(),
        7 => {
            "DROP -m hashlimit --hashlimit-above 10000/sec --hashlimit-burst 10000 --hashlimit-mode srcip --hashlimit-name few".into()
        }
        8 | 9 => {
            let refusals = if protocol == "tcp" { family.refusals } else { &family.refusals[..3] };
            format!("REJECT --reject-with {}", dice.pick(refusals))
        }
        10..13 => next.into(),
        13 if next != "RETURN" => format!("-g {next}"),
        14 => "RETURN".into(),
        15 if chain == "INPUT" => "NFLOG --nflog-group 5".into(),
        _ => "LOG --log-prefix \"seen: \"".into(),
    }
}
