//! A database, cache, search engine, queue, or the Docker API can be reached by anybody (A16, A20).

use alloc::{format, vec::Vec};

use crate::{
    address::Breadth,
    facts::Listener,
    finding::{Finding, Severity},
    kinds::{Kind, Nature, is_carrier},
    reach::is_open_to_world,
    rules::{Page, Rule},
    text,
    words::{Text, Words},
    world::{Holding, World},
};

/// A datastore on every address, or on one that the internet routes to.
pub(super) const RULE: Rule = Rule {
    name: "datastore-open-to-world",
    severity: Severity::High,
    article: &["A16", "A20"],
    outranks: &["wider-on-ipv6"],
    page: Page {
        what: Words {
            en: "A database, cache, search engine, queue, or the Docker API listens on every address or on a public one.",
            ja: "データベース、キャッシュ、検索エンジン、キュー、または Docker API が、全アドレスかグローバルアドレスで待ち受けています。",
        },
        why: Words {
            en: "Such services are searched for day and night. Many ask for no password, and whoever gets in has the data or the host.",
            ja: "この種のサービスは常に探索の対象になっています。認証のないものも多く、侵入されるとデータやホストごと奪われます。",
        },
        fix: Words {
            en: "Let it listen on 127.0.0.1 and ::1 alone, or on an address of a private network.",
            ja: "127.0.0.1 と ::1 だけ、またはプライベートネットワークのアドレスだけで待ち受けるようにします。",
        },
    },
    check,
};

fn check(world: &World<'_>) -> Vec<Finding> {
    world.holdings().filter_map(|holding| judge(world, holding)).collect()
}

fn judge(world: &World<'_>, holding: &Holding<'_>) -> Option<Finding> {
    let namespace = world.snapshot.namespace(holding.netns());
    let open = holding.listeners.iter().find(|listener| is_open_to_world(listener, namespace))?;
    let kind = holding.kind.filter(|kind| kind.is(Nature::Datastore))?;
    let wide = open.breadth() == Breadth::Wildcard;
    let mut finding = RULE
        .finding(
            if wide { describe_wide(kind, holding) } else { describe_public(kind, holding, open) },
            text!(
                "let it listen on 127.0.0.1 and ::1 alone, or on an address of a private network",
                "127.0.0.1 と ::1、またはプライベートネットワークのアドレスだけで待ち受けるようにしてください"
            ),
        )
        .about(holding);
    finding.address = Some(open.address.clone());
    Some(finding.run([format!("portreeve who {}", holding.spec())]))
}

fn describe_wide(kind: &Kind, holding: &Holding<'_>) -> Text {
    let Text { en, ja } = holding.who();
    let Text { en: en_what, ja: ja_what } = what(kind, holding);
    text!(
        "{en_what} answers anyone who can reach this host ({en})",
        "このホストに到達できれば誰でも {ja_what} に接続できます({ja})"
    )
}

fn describe_public(kind: &Kind, holding: &Holding<'_>, open: &Listener) -> Text {
    let Text { en, ja } = holding.who();
    let Text { en: en_what, ja: ja_what } = what(kind, holding);
    let address = &open.address;
    text!(
        "{en_what} answers anyone who can reach {address} ({en})",
        "{address} に到達できれば誰でも {ja_what} に接続できます({ja})"
    )
}

/// Only a program's own name makes it certain; a number, or a carrier on it, does not.
fn what(kind: &Kind, holding: &Holding<'_>) -> Text {
    let (name, spec) = (kind.name, holding.spec());
    if holding.programs().iter().all(|program| is_carrier(program)) {
        return text!(
            "what listens on {spec}, the usual number of {name},",
            "{spec}({name} でよく使われる番号)で待ち受けているプログラム"
        );
    }
    text!("{name} on {spec}", "{spec} の {name}")
}

#[cfg(test)]
mod tests {
    use crate::{facts::testing::interface, rules::testing::scene};

    #[test]
    fn redis_on_every_address_is_found_on_any_number() {
        let scene = scene().listens("redis-server.service", "0.0.0.0:6379/tcp").again("[::]:6379/tcp");
        assert_eq!(
            scene.texts("datastore-open-to-world"),
            ["6379/tcp: Redis on 6379/tcp answers anyone who can reach this host (redis-server)"]
        );
        assert_eq!(scene.rules(), ["datastore-open-to-world"]);
        let elsewhere = crate::rules::testing::scene().listens("redis-server.service", "0.0.0.0:7000/tcp");
        assert_eq!(elsewhere.found("datastore-open-to-world"), ["7000/tcp 0.0.0.0"]);
    }

    #[test]
    fn redis_at_home_is_none() {
        for spot in [
            "127.0.0.1:6379/tcp",
            "[::1]:6379/tcp",
            "10.0.0.5:6379/tcp",
            "100.64.3.2:6379/tcp",
            "[fd00::1]:6379/tcp",
        ] {
            assert_eq!(scene().listens("redis-server.service", spot).rules(), [""; 0], "{spot}");
        }
    }

    #[test]
    fn a_public_address_is_as_open_as_every_one() {
        let scene = scene()
            .listens("postgresql@15-main.service", "203.0.113.5:5432/tcp")
            .program("postgres", "postgres");
        assert_eq!(
            scene.texts("datastore-open-to-world"),
            [
                "5432/tcp: PostgreSQL on 5432/tcp answers anyone who can reach 203.0.113.5 (postgresql@15-main)"
            ]
        );
    }

    #[test]
    fn of_two_addresses_the_public_one_is_named() {
        let scene = scene()
            .listens("postgresql@15-main.service", "10.0.0.5:5432/tcp")
            .program("postgres", "postgres")
            .again("203.0.113.5:5432/tcp");
        assert_eq!(
            scene.texts("datastore-open-to-world"),
            [
                "5432/tcp: PostgreSQL on 5432/tcp answers anyone who can reach 203.0.113.5 (postgresql@15-main)"
            ]
        );
        assert_eq!(scene.found("datastore-open-to-world"), ["5432/tcp 203.0.113.5"]);
    }

    #[test]
    fn a_web_server_on_the_number_of_redis_is_none() {
        assert_eq!(scene().listens("nginx.service", "0.0.0.0:6379/tcp").rules(), [""; 0]);
    }

    #[test]
    fn a_hidden_program_is_judged_by_its_number_and_unit() {
        assert_eq!(
            scene().listens("session-3.scope", "0.0.0.0:6379/tcp").hidden().found("datastore-open-to-world"),
            ["6379/tcp 0.0.0.0"]
        );
        assert_eq!(scene().listens("nginx.service", "0.0.0.0:6379/tcp").hidden().rules(), [""; 0]);
        assert_eq!(
            scene()
                .listens("session-3.scope", "203.0.113.5:6379/tcp")
                .hidden()
                .texts("datastore-open-to-world"),
            [
                "6379/tcp: what listens on 6379/tcp, the usual number of Redis, answers anyone who can reach 203.0.113.5 (an unseen holder of a socket that session-3.scope opened)"
            ]
        );
        let published = scene().listens("docker.service", "0.0.0.0:6379/tcp").program("docker-proxy", "root");
        assert_eq!(published.found("datastore-open-to-world"), ["6379/tcp 0.0.0.0"]);
    }

    #[test]
    fn a_device_of_a_private_network_is_not_the_world() {
        let scene = scene()
            .interface(interface("docker0", &["172.17.0.1"]))
            .listens("redis-server.service", "0.0.0.0:6379/tcp")
            .socket(|socket| socket.device = Some("docker0".into()));
        assert_eq!(scene.rules(), [""; 0]);
    }

    #[test]
    fn declared_narrowly_it_is_wider_than_declared_and_dangerous() {
        let scene = scene()
            .service("cache", "6379/tcp", "redis-server.service")
            .at("127.0.0.1")
            .listens("redis-server.service", "0.0.0.0:6379/tcp");
        assert_eq!(scene.rules(), ["bound-wider-than-declared", "datastore-open-to-world"]);
    }
}
