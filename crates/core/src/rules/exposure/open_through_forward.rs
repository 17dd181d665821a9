//! A rule sends packets on to a container or another host, and no service declares the port (A15, A16, A20).

use alloc::{format, vec::Vec};

use crate::{
    finding::{Finding, Severity},
    rules::{Page, Rule, comers, is_from_outside},
    text,
    words::{Text, Words},
    world::{Passage, World},
};

/// A port that is sent on before any rule about incoming packets sees it.
pub(super) const RULE: Rule = Rule {
    name: "open-through-forward",
    severity: Severity::High,
    article: &["A15", "A16", "A20"],
    outranks: &["unneeded-open-port", "bound-wider-than-declared"],
    page: Page {
        what: Words {
            en: "A rule sends packets from the world on to a container, another host or another port of this one, and no service of the policy declares the port, or the one of this host that it leads to, for all who get there.",
            ja: "外部からのパケットをコンテナ、ほかのホスト、またはこのホストの別のポートへ転送するルールがあり、そのポート(このホストの別のポートに転送する場合は転送先でもよい)を、届く送信元すべてに対して宣言しているサービスが policy にありません。",
        },
        why: Words {
            en: "What is sent on is no longer incoming: rules about incoming packets never see it. Docker, libvirt and Kubernetes publish ports that way, past the firewall that a person keeps.",
            ja: "転送されるパケットは受信扱いにならないため、受信用のルールを通りません。Docker、libvirt、Kubernetes はこの方法でポートを公開するので、管理者のファイアウォールを素通りします。",
        },
        fix: Words {
            en: "Do not publish the port, or publish it on 127.0.0.1 only; where the rule leads to another port of this host, delete it. Otherwise declare the port as a service in the policy.",
            ja: "ポートの公開をやめるか、127.0.0.1 だけで公開します。このホストの別のポートに転送するルールなら、削除します。必要なら policy にサービスとして宣言します。",
        },
    },
    check,
};

fn check(world: &World<'_>) -> Vec<Finding> {
    if world.policy.is_none() {
        return Vec::new();
    }
    // What is published, this host's own containers get to, as a gate leaves them to.
    let is_inner = |passage: &Passage| passage.leaves() && !is_from_outside(world, passage.entrances());
    let passages = world.passages().iter().filter(|passage| !is_inner(passage));
    let undeclared = passages.filter_map(|passage| passage.undeclared(world));
    undeclared.map(|passage| finding(world, &passage)).collect()
}

fn finding(world: &World<'_>, passage: &Passage) -> Finding {
    let (ports, Text { en, ja }) = (passage.named(), passage.target());
    let Text { en: en_undo, ja: ja_undo } = passage.undoing();
    let fix = text!(
        "{en_undo}, or declare {ports} in the policy for all who get there",
        "{ja_undo}か、policy に {ports} を宣言し、届く送信元のゾーンをすべて reach に含めてください"
    );
    let Text { en: en_whom, ja: ja_whom } = comers(world, passage.entrances());
    let mut finding = RULE.finding(
        text!(
            "{ports} is sent on to {en}, and packets from {en_whom} get there",
            "{ports} は {ja} へ転送され、{ja_whom}からのパケットが届きます"
        ),
        fix,
    );
    if !is_from_outside(world, passage.entrances()) {
        finding.severity = Severity::Warning;
    }
    passage.about(finding, world).run(passage.specs().next().map(|spec| format!("portreeve exposure {spec}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        facts::Listing,
        gate::Keep,
        plan::{Asked, plan, simulate},
        rules::testing::{Scene, published, scene, translated, zone},
    };

    #[test]
    fn a_published_port_that_nobody_declared_is_found() {
        let scene = scene().policy().filtered(published(""), &[]);
        assert_eq!(
            scene.texts("open-through-forward"),
            ["8080/tcp: 8080/tcp is sent on to 172.17.0.2:80, and packets from the world get there"]
        );
    }

    #[test]
    fn it_speaks_for_the_forwarder_that_keeps_the_number() {
        let scene =
            scene().policy().listens("docker.service", "0.0.0.0:8080/tcp").program("docker-proxy", "root");
        assert_eq!(scene.filtered(published(""), &[]).rules(), ["open-through-forward"]);
    }

    #[test]
    fn a_port_that_leads_to_another_of_this_host_is_found_unless_either_is_declared() {
        let rules = "-A INPUT -m conntrack --ctstate DNAT -j ACCEPT\n";
        let to_8002 = "-A PREROUTING -i eth0 -p tcp -m tcp --dport 2222 -j REDIRECT --to-ports 8002";
        let found =
            |scene: Scene| scene.filtered(translated(rules, to_8002), &[]).texts("open-through-forward");
        assert_eq!(
            found(scene().policy()),
            ["2222/tcp: 2222/tcp is sent on to 203.0.113.1:8002, and packets from the world get there"]
        );
        for declared in ["2222/tcp", "8002/tcp"] {
            assert!(found(scene().service("lis", declared, "lis.service").reach("world")).is_empty());
        }
    }

    #[test]
    fn another_address_of_this_host_is_told_of_where_somebody_listens() {
        let same = "-A PREROUTING -d 192.0.2.9/32 -j DNAT --to-destination 203.0.113.1";
        let scene = scene().policy().listens("x.service", "203.0.113.1:9000/tcp");
        let findings = scene.filtered(translated("-A INPUT -j ACCEPT\n", same), &[]);
        assert_eq!(findings.rules(), ["unneeded-open-port"]);
    }

    #[test]
    fn one_that_more_get_through_than_the_service_is_declared_for_is_found() {
        let to_8002 = "-A PREROUTING -i eth0 -p tcp -m tcp --dport 2222 -j REDIRECT --to-ports 8002";
        let found = |service: &str, accepted: &str| {
            let mut scene = scene().service("lis", service, "lis.service").reach("office");
            scene.policy.as_mut().unwrap().zones.push(zone("office", &["192.0.2.0/24"], &[]));
            scene.filtered(translated(accepted, to_8002), &[]).found("open-through-forward")
        };
        let all = "-A INPUT -m conntrack --ctstate DNAT -j ACCEPT\n";
        let few = "-A INPUT -s 192.0.2.0/24 -m conntrack --ctstate DNAT -j ACCEPT\n";
        for service in ["2222/tcp", "8002/tcp"] {
            assert_eq!(found(service, all), ["2222/tcp"]);
            assert!(found(service, few).is_empty());
        }
    }

    #[test]
    fn each_service_answers_for_its_own_ports() {
        let mut scene = scene().service("shop", "443/tcp", "x.service").reach("office");
        scene.policy.as_mut().unwrap().zones.push(zone("office", &["192.0.2.0/24"], &[]));
        let scene = scene.service("open", "2222/tcp", "x.service").reach("world");
        let sent = "-A PREROUTING -p tcp -m multiport --dports 443,2222 -j DNAT --to-destination 172.17.0.2";
        let rules = "-A FORWARD -s 192.0.2.0/24 -j ACCEPT\n-A FORWARD -p tcp -m tcp --dport 2222 -j ACCEPT\n-A FORWARD -i eth0 -j DROP\n-A FORWARD -i docker0 -j DROP\n";
        assert!(scene.filtered(translated(rules, sent), &[]).found("open-through-forward").is_empty());
    }

    #[test]
    fn a_rule_for_many_ports_is_one_finding_about_those_that_nobody_declared() {
        let many =
            "-A PREROUTING -i eth0 -p udp -m udp --dport 20000:29999 -j DNAT --to-destination 172.17.0.2";
        let found = |scene: Scene| scene.filtered(translated("", many), &[]).texts("open-through-forward");
        assert_eq!(
            found(scene().policy()),
            [
                "20000-29999/udp: 20000-29999/udp is sent on to 172.17.0.2, and packets from the world get there"
            ]
        );
        let some = scene().service("rtp", "20000-24999/udp", "rtp.service").reach("world");
        assert_eq!(
            found(some),
            [
                "25000-29999/udp: 25000-29999/udp is sent on to 172.17.0.2, and packets from the world get there"
            ]
        );
    }

    #[test]
    fn one_that_only_containers_get_through_is_none_of_the_worlds() {
        let judged = |rules: &str, to: &str| {
            let inner = format!("-A PREROUTING -i docker0 -p tcp -m tcp --dport 8080 {to}");
            scene().policy().filtered(translated(rules, &inner), &[]).judge()
        };
        let container = judged("", "-j DNAT --to-destination 172.17.0.2:80");
        assert!(container.is_empty(), "{container:?}");
        let own = judged("-A INPUT -m conntrack --ctstate DNAT -j ACCEPT\n", "-j REDIRECT --to-ports 8002");
        let [found] = own.as_slice() else { panic!("{own:?}") };
        assert_eq!(
            found.text.en,
            "8080/tcp is sent on to 172.17.0.1:8002, and packets from whoever comes in by docker0 get there"
        );
        assert_eq!((found.rule, found.severity), ("open-through-forward", Severity::Warning));
    }

    /// As where Docker runs without its forwarders: its containers get there by the same rule.
    #[test]
    fn what_is_published_for_this_host_alone_neighbours_get_to_until_a_gate_closes_it() {
        let inner =
            "-A PREROUTING -d 127.0.0.1/32 -p tcp -m tcp --dport 8083 -j DNAT --to-destination 172.17.0.2:80";
        let mut firewall = translated("-A INPUT -j ACCEPT\n", inner);
        let routed = "net.ipv4.ip_forward = 1\nnet.ipv4.conf.all.route_localnet = 1\n";
        firewall.listings.insert(Listing::Settings, routed.into());
        let mut scene =
            scene().service("own", "22/tcp", "own.service").reach("world").filtered(firewall, &[]);
        let findings = scene.judge();
        let found: Vec<_> = findings.iter().filter(|found| found.rule == RULE.name).collect();
        let [found] = found.as_slice() else { panic!("{findings:?}") };
        assert!(found.fix.en.starts_with("have a gate close it"), "{}", found.fix.en);
        let gate = scene.with_world(|world| plan(world, &Asked::default())).unwrap();
        scene.snapshot = simulate(&scene.snapshot, &gate.changes, Keep::AtOnce).unwrap();
        assert!(scene.found("open-through-forward").is_empty());
    }

    #[test]
    fn a_declared_one_and_one_that_is_dropped_on_its_way_are_not() {
        let declared = scene().service("shop", "8080/tcp", "docker.service").reach("world");
        assert!(declared.filtered(published(""), &[]).texts("open-through-forward").is_empty());
        let dropped = scene().policy().filtered(published("-A FORWARD -i eth0 -j DROP\n"), &[]);
        assert!(dropped.texts("open-through-forward").is_empty());
    }
}
