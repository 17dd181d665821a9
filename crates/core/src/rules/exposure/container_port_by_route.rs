//! A container's port is not published by its engine, and whoever routes through this host gets to it (A15, A16, A20).

use alloc::{format, vec::Vec};
use core::net::SocketAddr;

use crate::{
    finding::{Finding, Severity},
    rules::{Page, Rule},
    text,
    words::Words,
    world::{Passage, Routed, World},
};

/// The container's own address is enough.
pub(super) const RULE: Rule = Rule {
    name: "container-port-by-route",
    severity: Severity::Warning,
    article: &["A15", "A16", "A20"],
    outranks: &[],
    page: Page {
        what: Words {
            en: "Something listens in a container on a port that its engine does not publish, or whose published port is closed, and packets from other hosts to the container's own address are passed on to it.",
            ja: "コンテナエンジンが公開していないポート、または公開先が閉じているポートがコンテナ内で待ち受けており、ほかのホストからコンテナ自身のアドレスへ送られたパケットが転送されて届きます。",
        },
        why: Words {
            en: "A host that forwards is a router: any neighbour that adds a route to the network of the containers by this host asks them directly, past all that was published or was not. Docker before version 28 leaves that open where the policy of FORWARD is ACCEPT.",
            ja: "転送が有効なホストはルーターです。隣のホストが、コンテナのネットワークへの経路をこのホスト経由で追加すれば、公開の有無に関係なくコンテナに直接届きます。Docker 28 より前のバージョンでは、FORWARD の policy が ACCEPT だとこの状態になります。",
        },
        fix: Words {
            en: "Drop what is passed on and not meant to be: `iptables -P FORWARD DROP` where the engine lets in what it publishes, or update Docker to version 28 or newer. Otherwise waive this, if the network of the containers is meant to be routed.",
            ja: "意図しない転送を遮断します。コンテナエンジンが公開ポートの許可ルールを入れる環境なら `iptables -P FORWARD DROP`、または Docker を 28 以降に更新します。コンテナのネットワークへの経路が意図したものなら容認(waive)します。",
        },
    },
    check,
};

fn check(world: &World<'_>) -> Vec<Finding> {
    let mut found: Vec<Finding> = Vec::new();
    for routed in world.routed() {
        // A port for two families is one door.
        let next = finding(&routed);
        if !found.iter().any(|known| (known.netns, known.ports) == (next.netns, next.ports)) {
            found.push(next);
        }
    }
    found
}

fn finding(routed: &Routed<'_>) -> Finding {
    let Routed { listener, process, container, address, published } = routed;
    let (spec, name) = (listener.spec(), &process.name);
    let at = SocketAddr::new(*address, listener.port);
    let short = container.id.get(..12).unwrap_or(&container.id);
    let whose = container.name.as_deref().unwrap_or(short);
    let here = routed.published_at().next().map(|it| SocketAddr::new(it.address, it.port));
    let what = match (published.map(Passage::named), here) {
        (Some(ports), _) => text!(
            "{name} in container {whose} is published as {ports}, and whoever routes through this host gets to {at} directly, past that",
            "コンテナ {whose} の {name} は {ports} で公開されていますが、このホストを経由する経路からは、公開ポートを通らず {at} に直接届きます"
        ),
        (None, Some(own)) if !own.ip().is_loopback() => text!(
            "{name} in container {whose} is published ({own}) and closed there, and whoever routes through this host gets to {at} all the same",
            "コンテナ {whose} の {name} の公開ポート({own})は閉じていますが、このホストを経由する経路からは {at} に届きます"
        ),
        (None, Some(own)) => text!(
            "{name} in container {whose} is published for this host alone ({own}), and whoever routes through this host gets to {at}",
            "コンテナ {whose} の {name} はこのホスト専用に公開されています({own})が、このホストを経由する経路から {at} に届きます"
        ),
        (None, None) => text!(
            "{name} in container {whose} is not published, and whoever routes through this host gets to {at}",
            "コンテナ {whose} の {name} は公開されていませんが、このホストを経由する経路から {at} に届きます"
        ),
    };
    let finding = RULE.finding(
        what,
        text!(
            "drop what is passed on and not meant to be, or waive this where {address} is meant to be routed to",
            "意図しない転送を遮断してください。{address} への経路が意図したものなら容認(waive)してください"
        ),
    );
    let mut finding = finding.at(spec).run([format!("portreeve who {spec}")]);
    finding.address = Some(listener.address.clone());
    finding.netns = Some(listener.netns);
    finding
}

#[cfg(test)]
mod tests {
    use alloc::{string::String, vec::Vec};

    use crate::{
        facts::{
            Container, Published,
            testing::{interface, namespace},
        },
        rules::testing::{Scene, published, scene},
    };

    /// A host with a container at 172.17.0.2, in which something listens on 80.
    fn host(spot: &str, change: impl FnOnce(&mut Container)) -> Scene {
        let mut scene = scene().listens("docker-0123.scope", spot).program("httpd", "root");
        let mut inside = namespace();
        (inside.id, inside.own) = (2, false);
        inside.interfaces = [interface("lo", &["127.0.0.1"]), interface("eth0", &["172.17.0.2"])].into();
        scene.snapshot.namespaces.push(inside);
        let mut container = Container {
            runtime: "docker".into(),
            id: "0123456789abcdef".into(),
            name: Some("shop".into()),
            ..Container::default()
        };
        change(&mut container);
        scene.socket(|socket| socket.netns = 2).process(|process| process.container = Some(container))
    }

    fn found(scene: Scene, rules: &str) -> Vec<String> {
        scene.filtered(published(rules), &[]).texts("container-port-by-route")
    }

    #[test]
    fn a_port_that_nobody_published_and_a_route_leads_to_is_found() {
        assert_eq!(
            found(host("0.0.0.0:81/tcp", |_| ()), ""),
            [
                "81/tcp: httpd in container shop is not published, and whoever routes through this host gets to 172.17.0.2:81"
            ]
        );
    }

    #[test]
    fn one_that_a_rule_sends_packets_on_to_is_not_said_to_be_unpublished() {
        assert_eq!(
            found(host("0.0.0.0:80/tcp", |_| ()), ""),
            [
                "80/tcp: httpd in container shop is published as 8080/tcp, and whoever routes through this host gets to 172.17.0.2:80 directly, past that"
            ]
        );
    }

    #[test]
    fn what_is_dropped_on_its_way_is_not() {
        assert!(found(host("0.0.0.0:81/tcp", |_| ()), "-A FORWARD -i eth0 -j DROP\n").is_empty());
        assert!(found(host("127.0.0.1:81/tcp", |_| ()), "").is_empty(), "nobody outside is heard");
    }

    #[test]
    fn what_is_published_is_another_question() {
        let at = |address: &str| Published {
            protocol: crate::port::Protocol::Tcp,
            address: address.parse().unwrap(),
            port: 8080,
            inside: 80,
        };
        let to = |address: &str| {
            let published = [at(address)].into();
            found(host("0.0.0.0:80/tcp", |container| container.published = published), "").len()
        };
        assert_eq!(to("0.0.0.0"), 0);
        assert_eq!(to("127.0.0.1"), 1, "published to this host alone");
        let own = host("0.0.0.0:81/tcp", |container| {
            container.published = [Published { inside: 81, ..at("127.0.0.1") }].into();
        });
        let told = found(own, "").concat();
        assert!(told.contains("is published for this host alone (127.0.0.1:8080)"), "{told}");
    }

    #[test]
    fn what_is_published_and_closed_is_still_routed_to() {
        let closed = "-A FORWARD -m conntrack --ctstate DNAT -j DROP\n";
        let at = Published {
            protocol: crate::port::Protocol::Tcp,
            address: "0.0.0.0".parse().unwrap(),
            port: 8080,
            inside: 80,
        };
        let told = found(host("0.0.0.0:80/tcp", |container| container.published = [at].into()), closed);
        assert_eq!(
            told,
            [
                "80/tcp: httpd in container shop is published (0.0.0.0:8080) and closed there, and whoever routes through this host gets to 172.17.0.2:80 all the same"
            ]
        );
    }

    #[test]
    fn networks_of_pods_are_routed_on_purpose() {
        assert!(
            found(host("0.0.0.0:81/tcp", |container| container.runtime = "kubernetes".into()), "").is_empty()
        );
    }

    #[test]
    fn a_host_that_passes_nothing_on_is_no_router() {
        let mut scene = host("0.0.0.0:81/tcp", |_| ()).filtered(published(""), &[]);
        let listings = &mut scene.snapshot.firewall.as_mut().unwrap().listings;
        listings.insert(crate::facts::Listing::Settings, "net.ipv4.ip_forward = 0\n".into());
        assert!(scene.texts("container-port-by-route").is_empty());
    }
}
