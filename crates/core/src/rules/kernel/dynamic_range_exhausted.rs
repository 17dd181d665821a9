//! Connections to one destination use up the numbers for clients (A9, A23).

use alloc::{string::String, vec::Vec};

use crate::{
    facts::{DestinationCount, Namespace},
    finding::{Finding, Severity},
    port::PortRange,
    rules::{Page, Rule},
    text,
    words::{Text, Words},
    world::World,
};

/// Most of the client range is spent on one (address, port), from one address of the host.
pub(super) const RULE: Rule = Rule {
    name: "dynamic-range-exhausted",
    severity: Severity::High,
    article: &["A9", "A23"],
    outranks: &[],
    page: Page {
        what: Words {
            en: "Connections to one address and port use 80 % or more of the numbers that this kernel hands out to clients.",
            ja: "1 つの宛先(アドレスとポート)への接続が、エフェメラルポートの 80% 以上を使っています。",
        },
        why: Words {
            en: "When the last number is gone, connect(2) to that destination fails with EADDRNOTAVAIL.",
            ja: "エフェメラルポートを使い切ると、その宛先への connect(2) は EADDRNOTAVAIL で失敗します。",
        },
        fix: Words {
            en: "Keep connections open and use them again (a pool), give the destination more addresses or ports, or widen net.ipv4.ip_local_port_range.",
            ja: "接続を使い回す(コネクションプール)か、宛先のアドレスやポートを増やすか、net.ipv4.ip_local_port_range を広げます。",
        },
    },
    check,
};

/// In hundredths of the range.
const SHARE_MAX: u64 = 80;

fn check(world: &World<'_>) -> Vec<Finding> {
    world.namespaces().flat_map(judge).collect()
}

fn judge(namespace: &Namespace) -> Vec<Finding> {
    let available = count_available(namespace);
    let exhausting = |destination: &&DestinationCount| {
        destination.count > 0 && u64::from(destination.count) * 100 >= u64::from(available) * SHARE_MAX
    };
    let destinations = namespace.connections_by_destination.iter().filter(exhausting);
    destinations.map(|destination| finding(namespace, destination, available)).collect()
}

/// How many numbers the kernel may hand out: its range without what is reserved, which may overlap.
fn count_available(namespace: &Namespace) -> u32 {
    let range = namespace.client_range;
    let mut reserved: Vec<PortRange> = namespace.reserved.clone();
    reserved.sort_unstable();
    let (mut next, mut kept) = (u32::from(range.first), 0);
    for hole in reserved {
        let first = u32::from(hole.first).max(next);
        let end = u32::from(hole.last.min(range.last)) + 1;
        if first < end {
            kept += end - first;
            next = end;
        }
    }
    range.count().saturating_sub(kept)
}

fn finding(namespace: &Namespace, destination: &DestinationCount, available: u32) -> Finding {
    let DestinationCount { protocol, source, address, port, count } = destination;
    let Text { en, ja } = match source {
        Some(source) => text!(" from {source}", "{source} から "),
        None => Text::default(),
    };
    let mut finding = RULE.finding(
        text!(
            "{count} of {available} client ports are in use{en} to {address} port {port}/{protocol}: soon nobody can connect there",
            "エフェメラルポート {available} 個のうち {count} 個を {ja}{address} の {port}/{protocol} への接続が使っており、まもなく新しい接続ができなくなります"
        ),
        text!(
            "use connections again instead of opening new ones, or widen net.ipv4.ip_local_port_range",
            "接続を使い回すか、net.ipv4.ip_local_port_range を広げてください"
        ),
    );
    finding.netns = Some(namespace.id);
    finding.run(namespace.own.then(|| String::from("portreeve explain dynamic-range-exhausted")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        port::Protocol,
        rules::testing::{Scene, scene},
    };

    /// 28,232 numbers lie in 32768-60999; 80 % of them are 22,585.6.
    fn connected(count: u32) -> Scene {
        connected_too(scene(), None, count)
    }

    fn connected_too(scene: Scene, source: Option<&str>, count: u32) -> Scene {
        let address = "192.0.2.7".parse().unwrap();
        let source = source.map(|source| source.parse().unwrap());
        let destination = DestinationCount { protocol: Protocol::Tcp, source, address, port: 5432, count };
        scene.namespace(|namespace| namespace.connections_by_destination.push(destination))
    }

    #[test]
    fn each_address_of_the_host_has_the_whole_range() {
        let halves = connected_too(scene(), Some("192.0.2.1"), 20_000);
        let halves = connected_too(halves, Some("192.0.2.2"), 20_000);
        assert_eq!(halves.rules(), [""; 0]);
        let full = connected_too(halves, Some("192.0.2.3"), 28_000);
        assert_eq!(
            full.texts(RULE.name),
            [
                "28000 of 28232 client ports are in use from 192.0.2.3 to 192.0.2.7 port 5432/tcp: soon nobody can connect there"
            ]
        );
    }

    #[test]
    fn four_fifths_of_the_range_to_one_destination_are_found() {
        assert_eq!(
            connected(22_586).texts(RULE.name),
            [
                "22586 of 28232 client ports are in use to 192.0.2.7 port 5432/tcp: soon nobody can connect there"
            ]
        );
        assert_eq!(connected(22_585).rules(), [""; 0]);
    }

    #[test]
    fn reserved_numbers_are_not_there_to_be_used() {
        let range = |first, last| PortRange { first, last };
        let reserve = |scene: Scene| {
            scene.namespace(|namespace| {
                namespace.reserved =
                    alloc::vec![range(1, 40_767), range(40_000, 42_767), range(42_768, 42_768)];
            })
        };
        // 60999 - 42768 = 18,231 are left, and 80 % of them are 14,584.8.
        assert_eq!(reserve(connected(14_585)).rules(), [RULE.name]);
        assert_eq!(reserve(connected(14_584)).rules(), [""; 0]);
    }
}
