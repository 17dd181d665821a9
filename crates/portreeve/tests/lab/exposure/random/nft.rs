//! Rulesets of nft by chance: at most 30 rules of what people write.

use super::{
    dice::Dice,
    rules::{Program, Rule, Rules},
};

/// What a rule may ask for besides.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Network {
    Any,
    Ipv4,
    Ipv6,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Transport {
    Any,
    Tcp,
    Udp,
    Both,
}

/// Chains that are jumped to, each of which jumps only to those after it.
const CALLED: [&str; 3] = ["one", "two", "three"];

const FRAME: &str = "add table inet t
add set inet t doors { type inet_service; flags interval; auto-merge; elements = { 53, 79-80, 1024-65535 }; }
add set inet t guests { type ipv4_addr; flags interval; elements = { 203.0.113.0/28, 198.18.7.0-198.18.7.100 }; }
add set inet t guests6 { type ipv6_addr; flags timeout; elements = { 2001:db8:1::7 timeout 1h, fd00:88::2 }; }
add set inet t pairs { type ipv4_addr . inet_service; elements = { 203.0.113.7 . 22, 192.0.2.7 . 53, 10.88.0.2 . 443 }; }
add set inet t spans { type inet_proto . inet_service; flags interval; elements = { tcp . 79-443, udp . 0-53 }; }
add chain inet t one
add chain inet t two
add chain inet t three
add map inet t ways { type inet_service : verdict; elements = { 22 : accept, 53 : jump two, 80 : goto three, 443 : return, 1023 : drop }; }
add map inet t rest { type inet_service : verdict; elements = { 22 : accept, 53 : jump two, * : drop }; }
add map inet t sides { type ifname : verdict; elements = { wan0 : jump two, lan0 : goto three, br0 : continue }; }";

pub(super) fn rules(dice: &mut Dice) -> Rules {
    let mut frame: Vec<String> = FRAME.lines().map(String::from).collect();
    let policy = |dice: &mut Dice| dice.pick(&["accept", "drop"]).to_string();
    let mut bases = Vec::new();
    for (name, kind, hook, priority, share) in [
        ("raw", "filter", "prerouting", "-300", 20),
        ("early", "filter", "prerouting", "-150", 40),
        ("nat", "nat", "prerouting", "-100", 60),
        ("input", "filter", "input", "0", 100),
        ("forward", "filter", "forward", "0", 100),
        ("late", "filter", "input", "20", 30),
        ("after", "filter", "forward", "-10", 30),
    ] {
        if dice.chance(share) {
            let policy = if matches!(name, "input" | "forward") { policy(dice) } else { "accept".into() };
            frame.push(format!(
                "add chain inet t {name} {{ type {kind} hook {hook} priority {priority}; policy {policy}; }}"
            ));
            bases.push(name);
        }
    }
    let has_other = dice.chance(35);
    if has_other {
        frame.extend(other_table(dice));
    }
    let count = 6 + dice.below(25);
    let places = [&bases[..], &["input", "input", "forward", "input"], &CALLED].concat();
    let rule = |dice: &mut Dice| {
        if has_other && dice.chance(15) {
            return Rule { table: "", text: rule_of_other(dice) };
        }
        let chain = dice.pick(&places);
        Rule { table: "", text: format!("add rule inet t {chain} {}", rule(dice, chain)) }
    };
    let rules = (0..count).map(|_| rule(dice)).collect();
    let frame = frame.into_iter().map(|text| Rule { table: "", text }).collect();
    Rules { program: Program::Nft, frame, rules }
}

/// A table of another family, whose chains come before or after those of the first.
fn other_table(dice: &mut Dice) -> Vec<String> {
    let chain = |hook, priority, policy| {
        format!("add chain ip u {hook} {{ type filter hook {hook} priority {priority}; policy {policy}; }}")
    };
    let sets = FRAME.lines().filter(|line| line.contains(" doors ") || line.contains(" guests "));
    let mut frame = vec!["add table ip u".into()];
    frame.extend(sets.map(|line| line.replace("inet t", "ip u")));
    frame.push(chain("input", dice.pick(&["5", "-5"]), dice.pick(&["accept", "accept", "drop"])));
    frame.push(chain("forward", dice.pick(&["5", "-5"]), dice.pick(&["accept", "accept", "drop"])));
    frame
}

fn rule_of_other(dice: &mut Dice) -> String {
    let asked = match dice.below(3) {
        0 => interface(dice, false),
        1 => addresses(dice, Network::Ipv4),
        _ => ports(dice, Transport::Tcp).unwrap_or_default(),
    };
    let chain = dice.pick(&["input", "input", "forward"]);
    format!("add rule ip u {chain} {asked} {}", dice.pick(&["accept", "drop", "reject", "meta mark set 0x1"]))
}

fn rule(dice: &mut Dice, chain: &str) -> String {
    let network = [Network::Any, Network::Any, Network::Ipv4, Network::Ipv4, Network::Ipv6][dice.below(5)];
    let transport = [Transport::Any, Transport::Tcp, Transport::Tcp, Transport::Udp, Transport::Both];
    let transport = if chain == "nat" { transport[1 + dice.below(3)] } else { transport[dice.below(5)] };
    let mut words = Vec::new();
    if dice.chance(40) {
        words.push(interface(dice, matches!(chain, "forward" | "after")));
    }
    if network != Network::Any {
        words.push(addresses(dice, network));
    }
    words.extend(ports(dice, transport));
    if matches!(transport, Transport::Tcp | Transport::Udp) && chain != "raw" && dice.chance(8) {
        words.push("ct original proto-dst 53-80".into());
    }
    if transport == Transport::Tcp && dice.chance(10) {
        let flags =
            ["tcp flags syn", "tcp flags & (fin | syn | rst | ack) == syn", "tcp flags & (fin | ack) != 0"];
        words.push(dice.pick(&flags).into());
    }
    if dice.chance(30) {
        words.push(state(dice, chain));
    }
    words.push(end(dice, chain, network, transport));
    words.join(" ")
}

fn interface(dice: &mut Dice, is_through: bool) -> String {
    if is_through && dice.chance(50) {
        return dice
            .pick(&[
                "oifname br0",
                "oifname lan0",
                "oif != wan0",
                "iifname . oifname { wan0 . br0, lan0 . wan0 }",
            ])
            .into();
    }
    dice.pick(&[
        "iifname wan0",
        "iifname lan0",
        "iifname != wan0",
        "iif br0",
        "iifname { wan0, br0 }",
        "iifname != { lan0, br0 }",
        "iifname \"w*\"",
    ])
    .into()
}

fn addresses(dice: &mut Dice, network: Network) -> String {
    let choices: &[&str] = match network {
        Network::Ipv4 => &[
            "ip saddr 203.0.113.7",
            "ip saddr != 203.0.113.7",
            "ip saddr 203.0.113.0/24",
            "ip saddr { 198.18.0.0/16, 10.88.0.0/24 }",
            "ip saddr 192.0.2.0-203.0.113.7",
            "ip saddr != { 192.0.2.7, 203.0.113.8 }",
            "ip saddr @guests",
            "ip saddr != @guests",
            "ip daddr 203.0.113.1",
            "ip daddr != 203.0.113.2",
            "ip daddr { 10.88.0.2, 192.0.2.7, 203.0.113.2 }",
            "ip saddr 203.0.113.7 ip daddr 203.0.113.1",
        ],
        _ => &[
            "ip6 saddr 2001:db8:1::7",
            "ip6 saddr != 2001:db8:1::/64",
            "ip6 saddr { 2001:db8:77::/64, fd00:88::/64 }",
            "ip6 saddr @guests6",
            "ip6 saddr != @guests6",
            "ip6 daddr 2001:db8:1::1",
            "ip6 daddr != { 2001:db8:1::1, fd00:88::2 }",
            "ip6 daddr 2001:db8:2::/64",
        ],
    };
    dice.pick(choices).into()
}

fn ports(dice: &mut Dice, transport: Transport) -> Option<String> {
    let protocol = match transport {
        Transport::Any => return None,
        Transport::Both if dice.chance(20) => return Some("meta l4proto . th dport @spans".into()),
        Transport::Both => "meta l4proto { tcp, udp } th",
        Transport::Tcp => "tcp",
        Transport::Udp => "udp",
    };
    let asked = dice.pick(&[
        "22",
        "53",
        "80",
        "!= 443",
        "{ 22, 80, 443 }",
        "!= { 22, 53 }",
        "53-443",
        "!= 80-1023",
        "< 80",
        ">= 1024",
        "@doors",
        "!= @doors",
        "{ 22-53, 1023 }",
    ]);
    Some(format!("{protocol} dport {asked}"))
}

fn state(dice: &mut Dice, chain: &str) -> String {
    if chain == "raw" {
        return dice.pick(&["fib daddr type local", "fib daddr type != local", "meta mark 0"]).into();
    }
    dice.pick(&[
        "ct state new",
        "ct state established,related",
        "ct state invalid",
        "ct state { new, untracked }",
        "ct state != established",
        "ct state untracked",
        "ct status dnat",
        "ct direction original",
        "meta mark 0x1",
        "meta mark != 0x1",
        "meta mark & 0x2 == 0x2",
        "ct mark 0x3",
        "fib daddr type local",
        "fib daddr type != local",
        "fib daddr . iif type local",
        "fib saddr . iif oif != 0",
        "fib saddr . iif oif missing",
        "fib saddr type != unicast",
        "meta protocol ip",
        "meta l4proto != icmp",
        "iiftype ether",
        "meta pkttype host",
    ])
    .into()
}

/// What the rule does in the end.
fn end(dice: &mut Dice, chain: &str, network: Network, transport: Transport) -> String {
    match chain {
        "raw" => return dice.pick(&["notrack", "notrack", "drop", "meta mark set 0x1", "accept"]).into(),
        "early" => {
            return dice
                .pick(&[
                    "meta mark set 0x1",
                    "meta mark set 0x2",
                    "meta mark set meta mark or 0x2",
                    "meta mark set meta mark xor 0x3",
                    "ct mark set 0x3",
                    "ct mark set meta mark",
                    "drop",
                    "accept",
                ])
                .into();
        }
        "nat" => return translate(dice, network, transport),
        _ => {}
    }
    let own = CALLED.iter().position(|called| *called == chain).map_or(0, |place| place + 1);
    let called = &CALLED[own..];
    match dice.below(20) {
        0..5 => "accept".into(),
        5 => "limit rate 100000/second burst 100000 packets accept".into(),
        6..9 => "drop".into(),
        9 => "limit rate over 100000/second burst 100000 packets drop".into(),
        10 | 11 if !called.is_empty() => format!("jump {}", dice.pick(called)),
        12 if !called.is_empty() => format!("goto {}", dice.pick(called)),
        13 => "return".into(),
        14 if transport == Transport::Tcp => "reject with tcp reset".into(),
        14 | 15 => "reject".into(),
        16 => match network {
            Network::Ipv4 => "reject with icmp host-prohibited".into(),
            Network::Ipv6 => "reject with icmpv6 admin-prohibited".into(),
            Network::Any => "reject with icmpx host-unreachable".into(),
        },
        17 if own == 0 && transport == Transport::Tcp => dice
            .pick(&[
                "tcp dport vmap @ways",
                "tcp dport vmap @rest",
                "tcp dport vmap { 0-79 : jump two, 80 : accept, 443-65535 : drop }",
                "iifname . tcp dport vmap { wan0 . 22 : accept, lan0 . 53 : drop, br0 . 80 : goto three }",
            ])
            .into(),
        17 if own == 0 => "iifname vmap @sides".into(),
        18 if network == Network::Ipv4 && transport == Transport::Tcp => {
            "ip saddr . tcp dport @pairs accept".into()
        }
        18 if transport == Transport::Udp => "meta mark set udp dport map { 22 : 0x1, 53 : 0x2 }".into(),
        18 => "meta mark set 0x1".into(),
        _ => "counter continue".into(),
    }
}

fn translate(dice: &mut Dice, network: Network, transport: Transport) -> String {
    let has_ports = transport != Transport::Any;
    match network {
        Network::Any if transport == Transport::Tcp && dice.chance(25) => {
            "redirect to :tcp dport map { 22 : 80, 53 : 22 }".into()
        }
        Network::Any => dice.pick(&["redirect", "redirect to :80", "accept", "return"]).into(),
        Network::Ipv4 if has_ports => dice
            .pick(&[
                "dnat ip to 10.88.0.2",
                "dnat ip to 10.88.0.2:80",
                "dnat ip to 10.88.0.3:443",
                "dnat ip to 192.0.2.7:53",
                "dnat ip to 203.0.113.2",
                "redirect to :22",
                "dnat ip to 127.0.0.1",
                "dnat ip to 10.88.0.2-10.88.0.3",
                "dnat ip to numgen inc mod 2 map { 0 : 10.88.0.2, 1 : 10.88.0.3 }",
                "dnat ip to ip saddr map { 203.0.113.7 : 10.88.0.2, 198.18.7.77 : 192.0.2.7 }",
            ])
            .into(),
        Network::Ipv4 => "dnat ip to 10.88.0.2".into(),
        Network::Ipv6 => dice
            .pick(&["dnat ip6 to fd00:88::2", "dnat ip6 to [fd00:88::3]:80", "redirect to :22", "accept"])
            .into(),
    }
}
