//! Small rulesets, routes and settings of which it is easy to say something wrong (A15, A17, A20).

use portreeve_lab::{
    perimeter::questions,
    ruleset::{LIST, RECEIVERS, SENDERS},
};

use super::{place::Place, score::Score};

/// Whatever `script` makes of a host, nothing is said that packets to 53 and 80 do not do.
#[track_caller]
fn judge(name: &str, script: &str) {
    let asked = questions(SENDERS, RECEIVERS, &[53, 80, 65535]);
    let place = Place::create();
    let said = place.answers(&format!("set -e\n{script}"), LIST, &asked);
    let mut score = Score::of(name);
    score.add(&asked, &place.outcomes(&asked), &said);
    score.pass_in_doubt();
}

/// Rules of nft, of a table `t` of this family.
fn nft(family: &str, chains: &str) -> String {
    format!("nft -f - <<'RULES'\ntable {family} t {{\n{chains}\n}}\nRULES\n")
}

/// A packet that is sent on to the loopback arrives where its interface may have such addresses.
#[test]
fn the_loopback_of_an_interface() {
    let chains = "chain pre { type nat hook prerouting priority -100; tcp dport 53 dnat to 127.0.0.1:80; }";
    judge("loopback", &format!("sysctl -qw net.ipv4.conf.wan0.route_localnet=1\n{}", nft("ip", chains)));
}

/// An element whose time is over lets nobody in.
#[test]
fn a_set_with_an_end() {
    let chains = "set s { type ipv4_addr; flags timeout; elements = { 203.0.113.7 timeout 1s, 203.0.113.8 timeout 1h }; }
        set c { type ipv4_addr . inet_service; flags interval;
                elements = { 198.18.0.0/16 . 53, 192.0.2.0-192.0.2.100 . 50-60 }; }
        chain in { type filter hook input priority 0; policy drop; ip saddr @s accept; ip saddr . tcp dport @c accept; }";
    judge("timeouts", &format!("{}sleep 1.2", nft("ip", chains)));
}

/// A range of one address is that address, the host's own too.
#[test]
fn a_range_with_the_hosts_own_address() {
    let chains = "chain pre { type nat hook prerouting priority -100;
          ip daddr 203.0.113.1 udp dport 53 dnat to 10.88.0.1-10.88.0.1
          ip daddr 203.0.113.2 udp dport 53 dnat to 203.0.113.1-203.0.113.2; }
        chain thru { type filter hook forward priority 0; policy drop; }";
    judge("own range", &nft("ip", chains));
}

/// nft 1.0.6 lists `meta nfproto ipv6 … reject with tcp reset` without the family: for IPv4 it does not hold.
#[test]
fn a_reset_of_one_family() {
    let chains = "chain in { type filter hook input priority 0; policy accept;
        meta nfproto ipv6 tcp dport 53 reject with tcp reset; }";
    judge("reset", &nft("inet", chains));
}

/// Of chains with the same priority the one that came last is asked first (net/netfilter/core.c,
/// `nf_hook_entries_grow`).
#[test]
fn refusals_of_the_same_priority() {
    judge(
        "same refusal",
        "nft -f - <<'RULES'
table inet a {
  chain in { type filter hook input priority 0; policy accept; tcp dport 53 drop; }
}
table inet b {
  chain in { type filter hook input priority 0; policy accept; tcp dport 53 reject; }
}
RULES",
    );
}

/// So the mark that stays is that of the first table.
#[test]
fn marks_of_the_same_priority() {
    judge(
        "same mark",
        "nft -f - <<'RULES'
table ip a {
  chain pre { type filter hook prerouting priority -150; tcp dport 53 meta mark set 1; }
}
table ip b {
  chain pre { type filter hook prerouting priority -150; tcp dport 53 meta mark set 2; }
  chain in { type filter hook input priority 0; policy accept; meta mark 2 drop; }
}
RULES",
    );
}

/// And where a packet is sent on to is what the last table says.
#[test]
fn translations_of_the_same_priority() {
    judge("same nat", "nft -f - <<'RULES'
table ip a {
  chain pre { type nat hook prerouting priority -100; ip daddr 203.0.113.1 tcp dport 53 dnat to 10.88.0.2:80; }
}
table ip b {
  chain pre { type nat hook prerouting priority -100; ip daddr 203.0.113.1 tcp dport 53 dnat to 192.0.2.7:81; }
}
table ip c {
  chain thru { type filter hook forward priority 0; policy drop; oifname lan0 accept; }
}
RULES");
}

/// A whole network is mapped number by number: the last byte stays, and 10.88.0.1 is the host's own.
#[test]
fn a_network_is_mapped_onto_another() {
    judge(
        "netmap",
        "iptables -t nat -A PREROUTING -d 203.0.113.1 -p udp --dport 53 -j NETMAP --to 10.88.0.0/24
iptables -P FORWARD DROP",
    );
}

/// What is sent on to where it was going anyway is not sent on: its connection has no DNAT.
#[test]
fn a_translation_that_changes_nothing() {
    judge(
        "no change",
        "iptables -t nat -A PREROUTING -p tcp --dport 1024: -j REDIRECT
iptables -A INPUT -m conntrack --ctstate DNAT -j DROP",
    );
}
