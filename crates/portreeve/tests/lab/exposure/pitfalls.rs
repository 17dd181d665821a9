//! Small rulesets, routes and settings of which it is easy to say something wrong (A15, A17, A20).

use portreeve_lab::{
    perimeter::{Question, Side, questions},
    ruleset::{LIST, RECEIVERS, SENDERS},
};

use super::{place::Place, score::Score};

/// Whatever `script` makes of a host, nothing is said that packets to 53 and 80 do not do.
#[track_caller]
fn judge(name: &str, script: &str) {
    judge_of(name, script, &questions(SENDERS, RECEIVERS, &[53, 80, 65535]));
}

/// The same of these questions alone.
#[track_caller]
fn judge_of(name: &str, script: &str, asked: &[Question]) {
    let place = Place::create();
    let said = place.answers(&format!("set -e\n{script}"), LIST, asked);
    let mut score = Score::of(name);
    score.add(asked, &place.outcomes(asked), &said);
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

/// nft 1.0.6 lists none of these families, nor the protocol of the last one, where something else is asked behind it.
#[test]
fn a_family_that_is_not_listed() {
    let chains = "chain in { type filter hook input priority 0; policy accept;
        ct l3proto ipv4 tcp dport 53 drop
        meta nfproto ipv6 ct protocol tcp tcp dport 80 drop
        ct protocol udp th dport 80 drop; }";
    judge("unlisted family", &nft("inet", chains));
}

/// Whom the rules let in once he has knocked is not whom they let in now.
#[test]
fn a_set_that_rules_fill() {
    let chains = "set k { type ipv4_addr; flags dynamic; timeout 1h; }
        chain in { type filter hook input priority 0; policy drop;
        udp dport 53 add @k { ip saddr } drop
        tcp dport 80 ip saddr @k accept; }";
    judge("knocking", &nft("inet", chains));
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

/// A table that somebody wrote with nft and named as iptables names its own: iptables-save shows `-A INPUT -p tcp -j DROP`.
#[test]
fn a_table_named_like_one_of_iptables() {
    judge(
        "named",
        "nft -f - <<'RULES'
table ip filter {
  chain INPUT { type filter hook input priority 0; policy accept; tcp dport { 53, 8080 } drop; }
}
RULES",
    );
}

/// Rules of nft among those of iptables, before one with an extension and behind it.
#[test]
fn rules_of_nft_among_those_of_iptables() {
    judge(
        "among",
        "iptables -N DOCKER-USER; iptables -I FORWARD -j DOCKER-USER
iptables -t nat -A PREROUTING -i wan0 -p tcp --dport 80 -j DNAT --to-destination 10.88.0.3:53
iptables -A DOCKER-USER -m conntrack --ctorigdstport 80 -j RETURN
iptables -A INPUT -p udp -m multiport --dports 80,81 -j DROP
nft insert rule ip filter DOCKER-USER tcp dport '{ 3306, 5432 }' drop
nft add rule ip filter DOCKER-USER udp dport '{ 53, 54 }' drop
nft insert rule ip filter INPUT iifname wan0 tcp dport '{ 53, 5432 }' drop",
    );
}

/// Chains that iptables-save leaves out, because they are called otherwise than its own.
#[test]
fn chains_named_otherwise_than_those_of_iptables() {
    judge(
        "otherwise",
        "nft -f - <<'RULES'
table ip nat {
  chain prerouting { type nat hook prerouting priority dstnat; iifname wan0 tcp dport 80 dnat to 10.88.0.3:53; }
}
table ip filter {
  chain input { type filter hook input priority 0; policy drop; ct state established,related accept; tcp dport 53 accept; }
  chain forward { type filter hook forward priority 0; policy drop; ct status dnat accept; }
}
table ip6 filter {
  chain input { type filter hook input priority 0; policy drop; tcp dport { 53, 80 } accept; }
}
RULES",
    );
}

/// A network may be the host's own without an address of it on any interface.
#[test]
fn a_network_that_is_all_the_hosts_own() {
    let chains = "chain thru { type filter hook forward priority 0; policy drop; }
        chain in { type filter hook input priority 0; policy accept; tcp dport 80 drop; }";
    let script = format!("ip route add local 198.18.9.0/24 dev lo\n{}", nft("inet", chains));
    judge_of("any address", &script, &questions(SENDERS, &["203.0.113.1", "198.18.9.9"], &[53, 80, 65535]));
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

/// One interface does not forward what comes in there, though the others do.
#[test]
fn an_interface_that_does_not_forward() {
    judge("no forwarding", "sysctl -qw net.ipv4.conf.lan0.forwarding=0 net.ipv6.conf.lan0.forwarding=0");
    judge(
        "forwarding",
        "sysctl -qw net.ipv4.ip_forward=0 net.ipv6.conf.all.forwarding=0 net.ipv4.conf.lan0.forwarding=1
sysctl -qw net.ipv6.conf.lan0.force_forwarding=1 2>/dev/null || :",
    );
}

/// A route may say no, and how.
#[test]
fn routes_that_refuse() {
    judge(
        "routes",
        "ip route add blackhole 10.88.0.2/32
ip -6 route add blackhole fd00:88::2/128",
    );
    judge("prohibited", "ip -6 route add prohibit 2001:db8:2::7/128");
    judge_of(
        "refusals",
        "ip route add unreachable 10.88.0.2/32
ip route add prohibit 192.0.2.7/32",
        &few(&["10.88.0.2", "192.0.2.7"]),
    );
}

/// Questions of which each sender asks so few that the kernel answers each that there is no way: of IPv4 it tells nobody
/// more than five times at once (net/ipv4/route.c, `ip_error`).
fn few(receivers: &[&str]) -> Vec<Question> {
    let senders = [(Side::World, "203.0.113.7"), (Side::World, "203.0.113.8")];
    senders.iter().zip(receivers).flat_map(|(sender, to)| questions(&[*sender], &[*to], &[53])).collect()
}

/// Where there is no way at all the sender is told so; a host that passes nothing on only says it of IPv6.
#[test]
fn there_is_no_way_there() {
    let gone = "ip route del 192.0.2.0/24
ip -6 route del 2001:db8:2::/64
while ip route del default; do :; done 2>/dev/null
while ip -6 route del default; do :; done 2>/dev/null";
    judge_of("nowhere", gone, &few(&["192.0.2.7", "192.0.2.7"]));
    let kept = "sysctl -qw net.ipv4.ip_forward=0 net.ipv6.conf.all.forwarding=0";
    let mut asked = questions(SENDERS, RECEIVERS, &[53, 80, 65535]);
    // To whom there is no way either nobody can tell it.
    asked.retain(|question| question.from.to_string() != "2001:db8:77::77");
    judge_of("nowhere, host", &format!("{kept}\n{gone}"), &asked);
}

/// A packet that came by another way than its answer would go is lost where that is asked for.
#[test]
fn the_way_back_is_another() {
    judge(
        "way back",
        "sysctl -qw net.ipv4.conf.all.rp_filter=1 net.ipv4.conf.wan0.rp_filter=1
ip route replace 198.18.0.0/16 via 192.0.2.7",
    );
}

/// The same where it is only asked for that there is a way at all.
#[test]
fn there_is_no_way_back() {
    judge(
        "no way back",
        "sysctl -qw net.ipv4.conf.all.rp_filter=2
ip route add blackhole 203.0.113.8/32",
    );
}

/// A rule about what is within a rate holds for the first packet, and one about what is beyond it does not.
#[test]
fn a_rate_that_is_kept() {
    let chains = "chain in { type filter hook input priority 0; policy accept;
        udp dport 53 limit rate 100000/second burst 100000 packets drop
        tcp dport 53 limit rate over 100000/second burst 100000 packets accept
        tcp dport 80 limit rate over 100000/second burst 100000 packets drop
        tcp dport { 53, 80 } reject; }";
    judge("rates", &nft("inet", chains));
}

/// A table of bridges sees what comes by a bridge.
#[test]
fn rules_of_a_bridge() {
    let chain =
        "chain in { type filter hook input priority 0; policy accept; ip protocol udp udp dport 53 drop; }";
    judge("bridge", &nft("bridge", chain));
}

/// Rules may choose other tables of routes, or none.
#[test]
fn rules_choose_the_route() {
    judge(
        "rules",
        "ip rule add to 192.0.2.7 blackhole
ip -6 rule add from 2001:db8:1::7 to fd00:88::/64 prohibit",
    );
}
