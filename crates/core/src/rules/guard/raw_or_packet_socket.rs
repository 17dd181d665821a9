//! Somebody hears what comes for every port, without binding any (A5, A24).

use alloc::{collections::BTreeMap, format, vec::Vec};

use crate::{
    facts::OtherSocket,
    finding::{Finding, Severity},
    kinds,
    rules::{Page, Rule},
    text,
    words::{Text, Words},
    world::{World, name_of},
};

/// Neither guard nor ports stand between it and the packets.
pub(super) const RULE: Rule = Rule {
    name: "raw-or-packet-socket",
    severity: Severity::Notice,
    article: &["A5", "A24"],
    outranks: &[],
    page: Page {
        what: Words {
            en: "A process has a raw or packet socket that gets what comes for any port (raw(7), packet(7)), and is no client of DHCP.",
            ja: "DHCP クライアント以外のプロセスが、すべてのポート宛てのパケットを受け取れるソケット(raw または packet)を開いています(raw(7)、packet(7))。",
        },
        why: Words {
            en: "It reads the traffic of every service and can answer in its place, binding nothing: the guard is not asked, and a packet socket hears also what the gate drops.",
            ja: "bind せずに全サービスの通信を読み取り、代わりに応答することもできます。bind しないためガードは検査できず、packet ソケットにはゲートが破棄するパケットも届きます。",
        },
        fix: Words {
            en: "A capture (tcpdump) or a monitor that you know is fine: waive it. Of any other, find out who started it, and end it.",
            ja: "tcpdump や監視ツールなど把握しているものであれば waive してください。心当たりがなければ、誰が起動したのかを調べて終了させます。",
        },
    },
    check,
};

fn check(world: &World<'_>) -> Vec<Finding> {
    let mut heard: BTreeMap<u32, Heard> = BTreeMap::new();
    for socket in &world.snapshot.other {
        if let Some(what) = Heard::by(socket)
            && world.is_own(socket.netns)
        {
            for &pid in &socket.pids {
                let most = heard.entry(pid).or_insert(what);
                *most = what.max(*most);
            }
        }
    }
    heard.into_iter().filter_map(|(pid, what)| finding(world, pid, what)).collect()
}

/// What comes to a socket whatever port it is for, the least first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Heard {
    /// One protocol that has ports.
    Protocol(&'static str),
    /// Every packet.
    All,
}

impl Heard {
    /// `None` of a socket that gets nothing that is for a port, such as the echoes of a ping or LLDP.
    fn by(socket: &OtherSocket) -> Option<Self> {
        match (socket.kind.as_str(), socket.number) {
            // ETH_P_ALL, ETH_P_IP and ETH_P_IPV6 (linux/if_ether.h).
            ("packet", 3 | 0x0800 | 0x86dd) => Some(Self::All),
            // As IANA numbers them (RFC 9293, RFC 768, RFC 4340, RFC 9260, RFC 3828).
            ("raw", 6) => Some(Self::Protocol("TCP")),
            ("raw", 17) => Some(Self::Protocol("UDP")),
            ("raw", 33) => Some(Self::Protocol("DCCP")),
            ("raw", 132) => Some(Self::Protocol("SCTP")),
            ("raw", 136) => Some(Self::Protocol("UDP-Lite")),
            _ => None,
        }
    }

    fn text(self, Text { en: en_who, ja: ja_who }: &Text, pid: u32) -> Text {
        match self {
            Self::All => text!(
                "{en_who}, pid {pid}, gets every packet, whatever port it is for, by a packet socket",
                "{ja_who}、pid {pid} が、packet ソケットでどのポート宛てのパケットも受け取っています"
            ),
            Self::Protocol(name) => text!(
                "{en_who}, pid {pid}, gets every packet of {name}, whatever port it is for, by a raw socket",
                "{ja_who}、pid {pid} が、raw ソケットでどのポート宛ての {name} パケットも受け取っています"
            ),
        }
    }
}

fn finding(world: &World<'_>, pid: u32, heard: Heard) -> Option<Finding> {
    let process = world.snapshot.processes.get(&pid)?;
    if kinds::may_ask_by_dhcp(process) {
        return None;
    }
    let mut finding = RULE.finding(
        heard.text(&name_of(process), pid),
        text!(
            "a capture or monitor that you know is fine; of any other find out who started it, and end it",
            "把握しているキャプチャーや監視であれば問題ありません。心当たりがなければ、起動した者を調べて終了させてください"
        ),
    );
    finding.holders = [pid].into();
    Some(finding.run([format!("ps -fp {pid}")]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::testing::{Scene, scene};

    /// A program of root's beside the web of nginx, with such a socket; its own namespace is 1.
    fn with(program: &str, kind: &str, number: u32, netns: u64) -> Scene {
        let mut scene = scene().listens("nginx.service", "0.0.0.0:80/tcp").program(program, "root");
        let pids: Vec<u32> = scene.snapshot.processes.keys().copied().collect();
        scene.snapshot.other.push(OtherSocket { kind: kind.into(), number, netns, inode: 9, pids });
        scene
    }

    fn own() -> u64 {
        scene().snapshot.namespaces[0].id
    }

    #[test]
    fn whoever_hears_every_port_is_found_once() {
        let mut capture = with("tcpdump", "packet", 3, own());
        let raw = OtherSocket { kind: "raw".into(), number: 6, ..capture.snapshot.other[0].clone() };
        assert_eq!(
            capture.texts(RULE.name),
            ["tcpdump (user root), pid 1001, gets every packet, whatever port it is for, by a packet socket"]
        );
        capture.snapshot.other.push(raw.clone());
        assert_eq!(capture.texts(RULE.name).len(), 1, "most is told");
        capture.snapshot.other[0] = raw;
        assert_eq!(
            capture.texts(RULE.name),
            [
                "tcpdump (user root), pid 1001, gets every packet of TCP, whatever port it is for, by a raw socket"
            ]
        );
        assert_eq!(capture.commands(RULE.name), ["ps -fp 1001"]);
    }

    #[test]
    fn pings_neighbours_and_clients_of_dhcp_are_not() {
        let quiet = [
            with("ping", "raw", 1, own()),
            with("nmap", "raw", 255, own()),
            with("lldpd", "packet", 0x88cc, own()),
            with("dhclient", "packet", 3, own()),
            with("systemd-networkd", "packet", 0x0800, own()),
            with("tcpdump", "packet", 3, own() + 1),
        ];
        for scene in quiet {
            assert!(scene.texts(RULE.name).is_empty(), "{:?}", scene.snapshot.other);
        }
    }
}
