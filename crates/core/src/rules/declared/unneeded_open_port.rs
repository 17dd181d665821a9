//! A port is open that no service of the policy declares (A16, A17).

use alloc::{format, vec::Vec};

use crate::{
    address::Breadth,
    facts::{Listener, Process},
    finding::{Finding, Severity},
    firewall::Intervals,
    kinds,
    port::{PortSpec, Protocol},
    reach::{Basis, Reach, Verdict},
    rules::{Page, Rule, comers, is_from_outside},
    text,
    words::{Text, Words},
    world::{Holding, World},
};

/// A listener that no service declares, on a host that has a policy.
pub(super) const RULE: Rule = Rule {
    name: "unneeded-open-port",
    severity: Severity::Warning,
    article: &["A16", "A17"],
    outranks: &["unclaimed-port"],
    page: Page {
        what: Words {
            en: "Something listens on a port that no service of the policy declares.",
            ja: "policy のどのサービスも宣言していないポートで、何かが待ち受けています。",
        },
        why: Words {
            en: "Each open port is a way in. One that nobody decided on is one that nobody patches or watches.",
            ja: "開いているポートは侵入口になります。開けると決めた人のいないポートは、更新も監視もされません。",
        },
        fix: Words {
            en: "Stop the program if it is not needed; otherwise declare it as a service in the policy.",
            ja: "不要ならプログラムを止め、必要なら policy にサービスとして宣言します。",
        },
    },
    check,
};

fn check(world: &World<'_>) -> Vec<Finding> {
    if world.policy.is_none() {
        return Vec::new();
    }
    let undeclared = world.holdings().filter(|it| it.declared.is_none() && !is_needed(world, it));
    undeclared.map(|holding| finding(world, holding)).collect()
}

/// Whether whoever listens at `spec` claimed it, or gets what is declared elsewhere, whoever he is: a look that asked for no names
/// knows that too.
pub(in crate::rules) fn is_needed_at(world: &World<'_>, spec: PortSpec) -> bool {
    let mut there = world.holdings().filter(|it| it.spec() == spec).peekable();
    let is_led_to = |it: &Holding<'_>| gets_others(world, it, |listener| world.is_led_to(listener));
    there.peek().is_some() && there.all(|it| is_claimed(world, it) || is_led_to(it))
}

/// Whether it is the host's own, was claimed, or gets what is declared elsewhere.
fn is_needed(world: &World<'_>, holding: &Holding<'_>) -> bool {
    let is_led_to = |listener: &Listener| is_led_to(world, holding, listener);
    asks_for_an_address(holding) || is_claimed(world, holding) || gets_others(world, holding, is_led_to)
}

fn is_claimed(world: &World<'_>, holding: &Holding<'_>) -> bool {
    holding.listeners.iter().all(|listener| world.is_claimants(listener))
}

/// Whether others come to it by what is declared elsewhere and is led to it, and by its own number nobody.
fn gets_others(world: &World<'_>, holding: &Holding<'_>, is_led_to: impl Fn(&Listener) -> bool) -> bool {
    let is_apart = |listener: &Listener| {
        // Over UDP its answers leave from where it is bound, so it has to hear where it is asked.
        listener.breadth() == Breadth::Loopback
            || listener.protocol == Protocol::Udp && world.is_led_to(listener)
    };
    holding.listeners.iter().all(|listener| is_apart(listener))
        && holding.listeners.iter().any(|listener| is_led_to(listener))
}

/// Whether what is declared elsewhere is led to it, or is to be.
fn is_led_to(world: &World<'_>, holding: &Holding<'_>, listener: &Listener) -> bool {
    world.is_led_to(listener) || world.is_to_be_led_to(listener, &holding.identity)
}

/// Whether it is the socket at which this host itself is answered by DHCP, which nobody else serves or closes.
fn asks_for_an_address(holding: &Holding<'_>) -> bool {
    let PortSpec { range, protocol } = holding.spec();
    let is_client = |process: &Process| kinds::is_dhcp_client(process, range.first, protocol);
    holding.identity.container.is_none()
        && !holding.holders.is_empty()
        && holding.holders.iter().all(|(_, process)| is_client(process))
}

/// Whether packets from others for its very number are known to get in: no firewall stands before it.
fn is_reached(world: &World<'_>, holding: &Holding<'_>) -> bool {
    let past = |reach: &Reach| reach.basis == Basis::Firewall && reach.verdict >= Verdict::Partly;
    holding.listeners.iter().any(|listener| world.reach_where_bound(listener).first().is_some_and(past))
}

fn finding(world: &World<'_>, holding: &Holding<'_>) -> Finding {
    let Text { en, ja } = holding.who();
    let spec = holding.spec();
    let address = &holding.widest().address;
    let entrances = holding.listeners.iter().map(|listener| world.entrances(listener));
    let entrances = entrances.fold(Intervals::none(), |all, some| all.or(&some));
    // By the number at which it is declared the world comes to it, and that is as it should be.
    let is_led_here = holding.listeners.iter().any(|listener| world.is_led_to_here(listener));
    let is_reached = !is_led_here && is_reached(world, holding);
    let what = if is_led_here {
        text!(
            "{en} listens on {spec} at {address}, where no service declares it: it gets what is led to it without",
            "{ja} が、宣言のない {spec}({address})でも待ち受けています。誘導される通信には不要です"
        )
    } else if !is_reached {
        text!(
            "{en} listens on {spec} at {address}, which no service declares",
            "どのサービスも宣言していない {spec}({address})で {ja} が待ち受けています"
        )
    } else {
        let Text { en: en_whom, ja: ja_whom } = comers(world, &entrances);
        text!(
            "{en} listens on {spec} at {address}, which no service declares and {en_whom} can reach",
            "どのサービスも宣言していない {spec}({address})で {ja} が待ち受けていて、{ja_whom}から届きます"
        )
    };
    let mut finding = RULE.finding(what, fix(world, holding));
    if is_reached && is_from_outside(world, &entrances) {
        finding.severity = Severity::High;
    }
    finding.about(holding).run([format!("portreeve who {spec}")])
}

/// Who gets what is declared elsewhere needs his socket, and nobody else needs to come to it.
fn fix(world: &World<'_>, holding: &Holding<'_>) -> Text {
    let mut led = holding.listeners.iter().filter(|listener| is_led_to(world, holding, listener));
    if let Some(led) = led.next() {
        if led.protocol == Protocol::Udp {
            return text!(
                "let it listen at the address of its service alone: over UDP its answers leave from where it is bound",
                "サービスのアドレスだけで待ち受けるようにしてください。UDP の応答は bind したアドレスから送られます"
            );
        }
        return text!(
            "let it listen on loopback alone: what is led to it comes there too",
            "ループバックだけで待ち受けるようにしてください。誘導された通信はそこにも届きます"
        );
    }
    let spec = holding.spec();
    if let Some(route) = holding.listeners.iter().find_map(|listener| world.awaiting(listener)) {
        let service = &route.service;
        if is_led_to_elsewhere(world, holding) {
            return text!(
                "what is led to {service} comes to another socket of it: have it listen there alone, or declare {spec} in the policy",
                "サービス {service} の誘導先は、同じプロセスの別のソケットです。設定でこのポートの待ち受けをやめ、必要なら policy に {spec} を宣言してください"
            );
        }
        return text!(
            "an owner of {service} has it, and {service} is led to another socket: stop it once it has no connections left and is not to be moved to, or declare {spec} in the policy",
            "サービス {service} の owner のソケットで、{service} の誘導先は別のソケットです。接続が残っておらず、誘導先に切り替える予定もなければ停止し、必要なら policy に {spec} を宣言してください"
        );
    }
    text!(
        "stop it if nobody needs it, or declare {spec} in the policy",
        "不要なら停止し、必要なら policy に {spec} を宣言してください"
    )
}

/// Whether its process is led to by another socket, so that whoever stops it takes that away, too.
fn is_led_to_elsewhere(world: &World<'_>, holding: &Holding<'_>) -> bool {
    let has = |pid: u32| holding.holders.iter().any(|(own, _)| *own == pid);
    world.holdings().any(|other| {
        other.listeners.iter().any(|listener| world.is_led_to(listener))
            && other.holders.iter().any(|(pid, _)| has(*pid))
    })
}

#[cfg(test)]
mod tests {
    use alloc::{borrow::ToOwned, format, vec::Vec};

    use crate::{
        address::Family,
        facts::{Consent, Firewall, GuardStands, Led, LeftSteer},
        finding::Severity,
        port::{PortRange, Protocol},
        rules::testing::{filtering, scene, translated},
        steer::{Route, Routes, Steering, Tenancy, WhenDead, wanted},
    };

    #[test]
    fn a_listener_that_nobody_declared_is_found() {
        let scene = scene()
            .service("web", "443/tcp", "nginx.service")
            .listens("nginx.service", "0.0.0.0:443/tcp")
            .listens("session-4.scope", "[::]:8099/tcp")
            .program("nc", "dev");
        assert_eq!(
            scene.texts("unneeded-open-port"),
            ["8099/tcp: nc (user dev) listens on 8099/tcp at ::, which no service declares"]
        );
    }

    #[test]
    fn a_socket_that_packets_are_led_to_is_not_to_be_stopped() {
        let fixes = |address: &str, is_led: bool| {
            let mut scene = scene().policy().listens("shop.service", &format!("{address}:8080/tcp"));
            let cookie = scene.snapshot.listeners[0].cookie + u64::from(!is_led);
            let led = Led {
                service: "shop".into(),
                tenancy: Tenancy::default(),
                protocol: Protocol::Tcp,
                family: Family::Ipv4,
                cookie,
            };
            scene.snapshot.steer = Some(LeftSteer {
                stands: GuardStands::Whole,
                dead: Vec::new(),
                led: [led].into(),
                routes: Routes::default(),
            });
            let found = scene.judge().into_iter().filter(|finding| finding.rule == "unneeded-open-port");
            found.map(|finding| finding.fix.en).collect::<Vec<_>>()
        };
        assert!(fixes("0.0.0.0", true)[0].starts_with("let it listen on loopback alone"));
        assert!(fixes("0.0.0.0", false)[0].starts_with("stop it"));
        assert_eq!((fixes("127.0.0.1", true).len(), fixes("127.0.0.1", false).len()), (0, 1));
    }

    /// Whoever may not see what is steered, and root before the first `apply`, go by the policy.
    #[test]
    fn a_socket_on_the_port_that_is_named_for_it_is_declared() {
        let fixes = |place: &str, unit: &str| {
            let scene = scene().service("web", "9000/tcp", "web.service").declared(|service| {
                service.steer = Some(Steering { target_port: Some(8001), ..WhenDead::Refuse.into() });
            });
            let found = scene.listens(unit, place).judge();
            let found = found.into_iter().filter(|finding| finding.rule == "unneeded-open-port");
            found.map(|finding| finding.fix.en).collect::<Vec<_>>()
        };
        assert_eq!(fixes("127.0.0.1:8001/tcp", "web.service"), [""; 0]);
        assert!(fixes("0.0.0.0:8001/tcp", "web.service")[0].starts_with("let it listen on loopback alone"));
        assert!(fixes("127.0.0.1:8001/tcp", "other.service")[0].starts_with("stop it"));
        assert!(fixes("127.0.0.1:8002/tcp", "web.service")[0].starts_with("stop it"));
        assert!(fixes("127.0.0.1:8001/udp", "web.service")[0].starts_with("stop it"));
    }

    /// The former process after a move, or the next one before it.
    #[test]
    fn who_owns_what_is_led_to_another_socket_is_not_just_to_be_stopped() {
        let fix = |unit: &str| {
            let mut scene = scene()
                .service("web", "9000/tcp", "web.service")
                .declared(|service| service.steer = Some(WhenDead::Refuse.into()))
                .listens(unit, "127.0.0.1:8001/tcp");
            let routes = wanted(scene.policy.as_ref().unwrap()).unwrap();
            let stands = GuardStands::Whole;
            scene.snapshot.steer = Some(LeftSteer { stands, dead: Vec::new(), led: Vec::new(), routes });
            let found = scene.judge().into_iter().find(|finding| finding.rule == "unneeded-open-port");
            found.unwrap().fix.en
        };
        assert!(fix("web.service").starts_with("an owner of web has it"));
        assert!(fix("other.service").starts_with("stop it"));
    }

    #[test]
    fn whose_other_socket_is_led_to_is_not_to_be_stopped() {
        let mut scene = scene()
            .service("web", "9000/tcp", "web.service")
            .declared(|service| service.steer = Some(WhenDead::Refuse.into()))
            .listens("web.service", "127.0.0.1:8001/tcp")
            .again("127.0.0.1:8002/tcp");
        let routes = wanted(scene.policy.as_ref().unwrap()).unwrap();
        let (tenancy, cookie) = (routes.0[0].tenancy, scene.snapshot.listeners[0].cookie);
        let (protocol, family) = (Protocol::Tcp, Family::Ipv4);
        let led = [Led { service: "web".into(), tenancy, protocol, family, cookie }].into();
        scene.snapshot.steer = Some(LeftSteer { stands: GuardStands::Whole, dead: Vec::new(), led, routes });
        let found = scene.judge().into_iter().find(|finding| finding.rule == "unneeded-open-port").unwrap();
        assert!(found.text.en.contains("8002/tcp") && found.fix.en.starts_with("what is led to web comes"));
    }

    #[test]
    fn who_is_led_to_from_another_number_is_not_reached_by_his_own() {
        let told = |open: u16| {
            let rule = format!("-A INPUT -p tcp -m tcp --dport {open} -j ACCEPT\n");
            let mut scene = scene().policy().listens("postfix@-.service", "0.0.0.0:25/tcp");
            let tenancy = Tenancy::default();
            let route = Route {
                service: "post".into(),
                tenancy,
                owners: Vec::new(),
                protocol: Protocol::Tcp,
                address: None,
                ports: PortRange::one(2525),
                when_dead: WhenDead::Refuse,
                local: false,
                target_port: Some(25),
            };
            let cookie = scene.snapshot.listeners[0].cookie;
            let (protocol, family) = (Protocol::Tcp, Family::Ipv4);
            scene.snapshot.steer = Some(LeftSteer {
                stands: GuardStands::Whole,
                dead: Vec::new(),
                led: [Led { service: "post".into(), tenancy, protocol, family, cookie }].into(),
                routes: Routes([route].into()),
            });
            let findings = scene.filtered(filtering(&rule), &[]).judge();
            findings.into_iter().find(|finding| finding.rule == "unneeded-open-port").unwrap().severity
        };
        assert_eq!([2525, 25].map(told), [Severity::Warning, Severity::High]);
    }

    #[test]
    fn one_that_packets_get_to_is_worse() {
        let told_of = |firewall| {
            let scene = scene().policy().listens("nc.service", "0.0.0.0:8099/tcp").filtered(firewall, &[]);
            let findings = scene.judge();
            let found = findings.into_iter().find(|finding| finding.rule == "unneeded-open-port").unwrap();
            let (_, whom) = found.text.en.split_once("which no service declares").unwrap();
            (found.severity, whom.to_owned())
        };
        let told = |rules| told_of(filtering(rules));
        let of = |severity, whom: &str| (severity, whom.to_owned());
        let world = of(Severity::High, " and the world can reach");
        assert_eq!(told("-A INPUT -p tcp -m tcp --dport 8099 -j ACCEPT\n"), world);
        assert_eq!(told(""), of(Severity::Warning, ""));
        assert_eq!(told_of(Firewall::default()), world, "where there are no rules nobody lists interfaces");
        // What a host's own containers reach is not open to anybody else.
        let inner = of(Severity::Warning, " and whoever comes in by docker0 can reach");
        assert_eq!(told("-A INPUT -i docker0 -p tcp -m tcp --dport 8099 -j ACCEPT\n"), inner);
        assert_eq!(told("-A INPUT -s 172.17.0.0/16 -p tcp -m tcp --dport 8099 -j ACCEPT\n"), inner);
    }

    #[test]
    fn packets_that_a_rule_sends_elsewhere_do_not_get_to_it() {
        let sent = "-A PREROUTING -d 203.0.113.1 -p tcp -j DNAT --to-destination 172.17.0.2";
        let scene = scene().policy().listens("lis.service", "0.0.0.0:8002/tcp");
        let findings = scene.filtered(translated("", sent), &[]).judge();
        let found = findings.iter().find(|finding| finding.rule == "unneeded-open-port").unwrap();
        assert_eq!(found.severity, Severity::Warning);
        assert!(!found.text.en.contains("world"), "{}", found.text.en);
    }

    #[test]
    fn a_client_of_dhcp_is_no_service() {
        let found = |spot: &str, program: &str| {
            let scene = scene().policy().listens("networking.service", spot).program(program, "root");
            scene.found("unneeded-open-port").len()
        };
        assert_eq!(found("0.0.0.0:68/udp", "dhclient"), 0);
        assert_eq!(found("[fe80::1%eth0]:546/udp", "systemd-networkd"), 0);
        // Its server is one, and so is whoever else takes the number or the name.
        assert_eq!(found("0.0.0.0:67/udp", "systemd-networkd"), 1);
        assert_eq!(found("0.0.0.0:68/tcp", "dhclient"), 1);
        assert_eq!(found("0.0.0.0:68/udp", "nc"), 1);
        let named = scene().policy().listens("session-4.scope", "0.0.0.0:68/udp").program("nc", "root");
        let named = named.process(|process| process.name = "dhclient".into());
        assert_eq!(named.found("unneeded-open-port").len(), 1);
        let busybox =
            scene().policy().listens("ifup@eth0.service", "0.0.0.0:68/udp").program("busybox", "root");
        let udhcpc = busybox.process(|process| process.name = "udhcpc".into());
        assert_eq!(udhcpc.found("unneeded-open-port").len(), 0);
    }

    #[test]
    fn without_a_policy_nothing_is_unneeded() {
        assert!(scene().listens("nc.service", "0.0.0.0:8099/tcp").texts("unneeded-open-port").is_empty());
    }

    #[test]
    fn both_families_and_a_hundred_sockets_of_one_owner_are_one_finding() {
        let mut scene = scene().policy().listens("shop.service", "[::]:8080/tcp");
        for _ in 0..100 {
            scene = scene.again("0.0.0.0:8080/tcp");
        }
        assert_eq!(scene.found("unneeded-open-port"), ["8080/tcp 0.0.0.0"]);
    }

    #[test]
    fn a_clients_datagram_socket_is_no_open_port() {
        let scene = scene().policy().listens("systemd-resolved.service", "0.0.0.0:41234/udp");
        assert!(scene.ephemeral().texts("unneeded-open-port").is_empty());
    }

    #[test]
    fn where_a_host_is_asked_for_its_consent_is_no_open_port() {
        let found = |change: fn(&mut Consent)| {
            let mut scene = scene().policy().listens("session-4.scope", "192.168.1.5:29317/udp");
            let (pid, netns) =
                (scene.snapshot.listeners[0].holders[0].pid, scene.snapshot.listeners[0].netns);
            let until = scene.snapshot.taken + jiff::SignedDuration::from_secs(60);
            let mut consent = Consent { port: 29_317, netns, pid, until, answered: Vec::new() };
            change(&mut consent);
            scene.snapshot.consents = [consent].into();
            scene.found("unneeded-open-port").len()
        };
        assert_eq!(found(|_| ()), 0);
        assert_eq!(found(|consent| consent.pid += 1), 1, "another process has it");
        assert_eq!(found(|consent| consent.port += 1), 1);
        assert_eq!(found(|consent| consent.netns += 1), 1, "another network namespace consents");
        assert_eq!(found(|consent| consent.until -= jiff::SignedDuration::from_secs(60)), 1, "it is over");
    }

    #[test]
    fn an_address_that_the_service_does_not_name_is_undeclared() {
        let scene = scene()
            .service("db", "5432/tcp", "postgresql.service")
            .at("127.0.0.1")
            .listens("postgresql.service", "127.0.0.1:5432/tcp")
            .again("192.168.1.5:5432/tcp");
        assert_eq!(scene.found("unneeded-open-port"), ["5432/tcp 192.168.1.5"]);
    }
}
