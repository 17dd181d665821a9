//! Rulesets, each made by the program that people make them with, and how they are listed.

use crate::perimeter::{Question, Side, questions};

/// Rules of a host, and what is worth asking about them.
#[derive(Clone, Copy, Debug)]
pub struct Ruleset {
    /// What it is called.
    pub name: &'static str,
    /// A shell's commands that make it on a host within a [`crate::Perimeter`].
    pub script: &'static str,
    /// Ports that its rules name, and neighbours of them.
    pub ports: &'static [u16],
    /// Ports to which only a few packets may go in a while.
    pub metered: &'static [u16],
    /// Addresses beyond [`RECEIVERS`] that packets go to.
    pub receivers: &'static [&'static str],
}

/// All that need no container engine.
pub const RULESETS: &[Ruleset] = &[
    Ruleset {
        name: "ufw",
        script: include_str!("../rulesets/ufw.sh"),
        ports: &[22, 53, 80, 113, 137, 443, 5432, 7999, 8000, 8004, 8005, 8006, 8010, 8011, 9000],
        metered: &[2222],
        receivers: &[],
    },
    Ruleset {
        name: "firewalld",
        script: include_str!("../rulesets/firewalld.sh"),
        ports: &[22, 53, 80, 81, 443, 5432, 7999, 8000, 8005, 8010, 8011, 8080, 9000, 9001, 9090],
        metered: &[],
        receivers: &[],
    },
    Ruleset {
        name: "fail2ban",
        script: include_str!("../rulesets/fail2ban.sh"),
        ports: &[21, 22, 23, 79, 80, 110, 143, 144, 443, 993, 995, 8080],
        metered: &[],
        receivers: &[],
    },
    Ruleset {
        name: "workstation",
        script: include_str!("../rulesets/workstation.sh"),
        ports: &[
            22, 25, 53, 80, 113, 443, 631, 1023, 1024, 1900, 4000, 4003, 4004, 4999, 5000, 5003, 5353, 5432,
            5433, 6000, 6005, 6010, 6011, 6999, 7000, 7005, 7009, 7010, 7777, 8000, 8005, 8010, 8080, 8081,
            9090, 59999, 60000, 65535,
        ],
        metered: &[],
        receivers: &[],
    },
    Ruleset {
        name: "kubernetes",
        script: include_str!("../rulesets/kubernetes.sh"),
        ports: &[22, 53, 80, 5353, 5432, 30079, 30080, 30081],
        metered: &[],
        receivers: &["10.96.0.10", "10.96.0.11", "10.96.0.53"],
    },
    Ruleset {
        name: "mixed",
        script: include_str!("../rulesets/mixed.sh"),
        ports: &[
            22, 25, 53, 80, 113, 443, 514, 999, 1000, 1010, 1011, 2525, 2526, 2527, 5060, 5061, 5432, 6999,
            7000, 7005, 7009, 7010, 7999, 8000, 8001, 8010, 8080,
        ],
        metered: &[],
        receivers: &[],
    },
];

/// What a host is given on which Docker has published 8080 and 8443 for ports 80 and 443 of a container, 9090 on
/// 203.0.113.2 alone, and 53 over UDP.
pub const DOCKER: Ruleset = Ruleset {
    name: "docker",
    script: include_str!("../rulesets/docker.sh"),
    ports: &[22, 53, 80, 443, 5353, 8080, 8443, 9090],
    metered: &[],
    receivers: &["172.17.0.1", "172.17.0.2"],
};

/// Who asks: of each side somebody, of the world also a second one and one from afar.
pub const SENDERS: &[(Side, &str)] = &[
    (Side::World, "203.0.113.7"),
    (Side::World, "203.0.113.8"),
    (Side::World, "198.18.7.77"),
    (Side::Network, "192.0.2.7"),
    (Side::Container, "10.88.0.2"),
    (Side::World, "2001:db8:1::7"),
    (Side::World, "2001:db8:1::8"),
    (Side::World, "2001:db8:77::77"),
    (Side::Network, "2001:db8:2::7"),
    (Side::Container, "fd00:88::2"),
];

/// Where packets go: to the host at each side, and through it.
pub const RECEIVERS: &[&str] = &[
    "203.0.113.1",
    "203.0.113.2",
    "192.0.2.1",
    "10.88.0.1",
    "10.88.0.2",
    "192.0.2.7",
    "2001:db8:1::1",
    "2001:db8:2::1",
    "fd00:88::2",
    "2001:db8:2::7",
];

/// A shell's commands that list all rules, addresses, routes and settings of a host in files of [`LISTINGS`].
pub const LIST: &str = "set -e; mkdir -p /run/listings && cd /run/listings
nft -j list ruleset >nft.json
nft -t --debug=netlink list ruleset >nft-netlink.txt
iptables-save >iptables-save.txt
ip6tables-save >ip6tables-save.txt
iptables-legacy-save >iptables-legacy-save.txt
ip6tables-legacy-save >ip6tables-legacy-save.txt
ipset save >ipset.txt
ip -j addr >addr.json
{ ip -j route; ip -j -6 route; ip -j route show table local; ip -j -6 route show table local; } | jq -s add >route.json
{ ip -j rule; ip -j -6 rule; } >rule.json
sysctl -a -r '^net\\.' >sysctl.txt 2>/dev/null";

/// Where [`LIST`] leaves them on the host.
pub const LISTINGS: &str = "/run/listings";

impl Ruleset {
    /// What is asked about it: every sender, receiver and port with every other.
    #[must_use]
    pub fn questions(&self) -> Vec<Question> {
        let receivers = [RECEIVERS, self.receivers].concat();
        let mut asked = questions(SENDERS, &receivers, self.ports);
        asked.extend(questions(&SENDERS[..1], &RECEIVERS[..1], self.metered));
        asked
    }
}
