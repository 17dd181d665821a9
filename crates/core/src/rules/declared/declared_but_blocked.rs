//! A declared service listens, and a rule keeps those out who are meant to reach it (A15, A20).

use alloc::{format, string::String, vec, vec::Vec};

use super::list;
use crate::{
    address::Family,
    desired::DesiredPort,
    exposure::families,
    finding::{Finding, Severity},
    policy::{Service, WORLD},
    port::PortSpec,
    rules::{Page, Rule},
    text,
    words::{Text, Words},
    world::{KeptOut, World},
};

/// A rule closes what the policy opens: somebody else's, or one of a gate that is not as it declares.
pub(super) const RULE: Rule = Rule {
    name: "declared-but-blocked",
    severity: Severity::Warning,
    article: &["A15", "A20"],
    outranks: &[],
    page: Page {
        what: Words {
            en: "A declared service listens where it is meant to, or a rule sends its packets on to a container, and a rule of the firewall keeps out a zone that is meant to reach it: all of it over IPv4 or IPv6, or at least a quarter of its addresses. A few banned addresses of a larger zone are not told.",
            ja: "宣言どおりに待ち受けているサービスや、ルールによってコンテナへ転送されるポートに、届くはずのゾーンからのパケットをファイアウォールのルールが遮断しています。IPv4 か IPv6 のどちらかでゾーン全体、またはゾーンのアドレスの 4 分の 1 以上が遮断されている場合が対象で、広いゾーンのうち一部のアドレスだけの BAN は対象外です。",
        },
        why: Words {
            en: "The service runs and looks healthy here, and nobody can use it from there.",
            ja: "このホスト上では正常に見えますが、そのゾーンからは誰も利用できません。",
        },
        fix: Words {
            en: "Open the port in the firewall that closes it, or take the zone out of the service's reach. Where the gate of portreeve closes it, `portreeve apply` lets in what the policy declares.",
            ja: "閉じているファイアウォールでポートを開けるか、サービスの reach からそのゾーンを外します。portreeve のゲートが閉じている場合は、`portreeve apply` で policy の宣言どおりに通ります。",
        },
    },
    check,
};

fn check(world: &World<'_>) -> Vec<Finding> {
    let heard = world.holdings().filter_map(|holding| {
        let declared = holding.declared?;
        let families = holding.listeners.iter().copied().flat_map(families);
        let subject =
            Subject { spec: holding.spec(), service: declared.service, families: families.collect() };
        Some(finding(&subject, &world.kept_out(holding))?.about(holding))
    });
    heard.chain(sent_on(world)).collect()
}

/// A declared port, and the families over which somebody is to be reached there.
struct Subject<'a> {
    spec: PortSpec,
    service: &'a Service,
    families: Vec<Family>,
}

/// What keeps packets from those to whom a rule sends them on from a port where nobody listens.
fn sent_on<'a>(world: &World<'a>) -> Vec<Finding> {
    let single = world.desired.ports().iter().filter(|desired| {
        let PortSpec { range, protocol } = desired.spec;
        let mut listeners = world.listeners_at(protocol, range.first);
        range.is_one() && !listeners.any(|listener| listener.hears() && desired.covers(listener))
    });
    let judged = single.filter_map(|desired| {
        let DesiredPort { spec, service } = *desired;
        let subject = Subject { spec, service, families: world.sent_on(spec) };
        Some(finding(&subject, &world.kept_out_of_sent_on(*desired))?.at(spec).of(service))
    });
    judged.collect()
}

fn finding(subject: &Subject<'_>, kept_out: &[KeptOut<'_>]) -> Option<Finding> {
    kept_out.first()?;
    let Subject { spec, service: Service { name, .. }, .. } = subject;
    let Text { en, ja } = list(each(kept_out.iter().map(|one| one.zone)));
    let commands = each(apart(kept_out).flat_map(opened));
    let uncured = apart(kept_out).filter(|one| opened(one).is_empty());
    let uncured = each(uncured.map(named));
    let fix = if kept_out.iter().all(|one| one.is_of_gate) {
        text!(
            "the gate is not as the policy declares: apply it, or take {en} out of {name}'s reach there",
            "ゲートが policy の宣言どおりではありません。適用するか、policy の {name} の reach から {ja} を外してください"
        )
    } else if commands.is_empty() {
        text!(
            "change that rule, or take {en} out of {name}'s reach in the policy",
            "そのルールを変更するか、policy の {name} の reach から {ja} を外してください"
        )
    } else if !uncured.is_empty() {
        let Text { en: en_rules, ja: ja_rules } = list(uncured);
        text!(
            "open {spec} there and change {en_rules} by hand, or take {en} out of {name}'s reach in the policy",
            "コマンドで {spec} を開けたうえで {ja_rules} を手動で変更するか、policy の {name} の reach から {ja} を外してください"
        )
    } else {
        text!(
            "open {spec} there, or take {en} out of {name}'s reach in the policy",
            "そのファイアウォールで {spec} を開けるか、policy の {name} の reach から {ja} を外してください"
        )
    };
    let found = RULE.finding(what(subject, kept_out), fix);
    Some(found.run(commands.into_iter().chain([format!("portreeve exposure {spec}")])))
}

/// Those who are not let in by what lets in the world.
fn apart<'a, 'k>(kept_out: &'a [KeptOut<'k>]) -> impl Iterator<Item = &'a KeptOut<'k>> {
    kept_out.iter().filter(|one| {
        let same = |other: &KeptOut<'_>| other.zone == WORLD && other.rule == one.rule;
        one.zone == WORLD || !kept_out.iter().any(same)
    })
}

/// The commands that let one of them in, as far as these are known.
fn opened(one: &KeptOut<'_>) -> Vec<String> {
    // A rule that somebody writes into the gate is none that the policy declares, and would be gone with the next change.
    if one.is_of_gate { vec!["portreeve apply".into()] } else { one.openings.clone() }
}

fn named(one: &KeptOut<'_>) -> String {
    format!("`{}`", one.rule)
}

/// Who is kept out, and by what.
fn what(subject: &Subject<'_>, kept_out: &[KeptOut<'_>]) -> Text {
    let Subject { spec, service: Service { name, .. }, .. } = subject;
    let Text { en, ja } = list(each(kept_out.iter().map(|one| one.zone)));
    let rules = each(kept_out.iter().map(named));
    let Text { en: en_extent, ja: ja_extent } = extent(&subject.families, kept_out, rules.len() == 1);
    let Text { en: en_rules, ja: ja_rules } = list(rules);
    text!(
        "{name} is meant to be reached from {en} on {spec}, and {en_rules} {en_extent}",
        "{name} の {spec} は {ja} から届くはずですが、{ja_rules} が{ja_extent}"
    )
}

/// How much the rules keep out, and over which family where the service hears both.
fn extent(heard: &[Family], kept_out: &[KeptOut<'_>], is_one_rule: bool) -> Text {
    let (en_over, ja_over) = match each(kept_out.iter().map(|one| one.family)).as_slice() {
        [Family::Ipv4] if heard.contains(&Family::Ipv6) => (" over IPv4", " IPv4 で"),
        [Family::Ipv6] if heard.contains(&Family::Ipv4) => (" over IPv6", " IPv6 で"),
        _ => ("", ""),
    };
    let en_keep = if is_one_rule { "keeps" } else { "keep" };
    let (en_part, ja_part) = if kept_out.iter().any(|one| one.is_whole) {
        ("that", "")
    } else {
        ("a large part of that", "かなりの範囲を")
    };
    Text {
        en: format!("{en_keep} {en_part} out{en_over}"), ja: format!("{ja_over}{ja_part}遮断しています")
    }
}

/// Each once, in order.
fn each<T: PartialEq>(all: impl Iterator<Item = T>) -> Vec<T> {
    all.fold(Vec::new(), |mut found, next| {
        if !found.contains(&next) {
            found.push(next);
        }
        found
    })
}

#[cfg(test)]
mod tests {
    use alloc::{format, string::String, vec::Vec};

    use crate::{
        facts::Listing,
        gate::{Keep, Ports},
        plan::{Asked, Plan, close, plan, simulate},
        rules::testing::{Scene, filtering, published, scene, translated, zone},
        world::World,
    };

    #[test]
    fn a_rule_that_keeps_the_world_from_a_declared_service_is_named() {
        let scene = scene()
            .service("web", "443/tcp", "nginx.service")
            .reach("world")
            .listens("nginx.service", "0.0.0.0:443/tcp")
            .filtered(filtering(""), &[]);
        assert_eq!(
            scene.texts("declared-but-blocked"),
            [
                "443/tcp: web is meant to be reached from world on 443/tcp, and `ip filter INPUT: policy drop` keeps that out"
            ]
        );
        let commands = scene.commands("declared-but-blocked");
        assert_eq!(commands[0], "iptables-legacy -A INPUT -p tcp --dport 443 -j ACCEPT");
    }

    #[test]
    fn the_command_opens_no_more_than_is_declared() {
        let mut scene = scene()
            .service("db", "5433/tcp", "shop.service")
            .reach("office")
            .listens("shop.service", "0.0.0.0:5433/tcp")
            .filtered(filtering(""), &[]);
        scene.policy.as_mut().unwrap().zones.push(zone("office", &["192.0.2.7/32"], &["eth0"]));
        let commands = scene.commands("declared-but-blocked");
        assert_eq!(
            commands[0],
            "iptables-legacy -A INPUT -i eth0 -s 192.0.2.7 -p tcp --dport 5433 -j ACCEPT"
        );
    }

    /// What is to be done where a gate is made so before the service is declared, and nothing else keeps it out.
    fn gated(gate: impl Fn(&World<'_>) -> Plan) -> Vec<String> {
        let mut scene = scene().policy().filtered(filtering("-A INPUT -j ACCEPT\n"), &[]);
        let changes = scene.with_world(|world| gate(world)).changes;
        let done = simulate(&scene.snapshot, &changes, Keep::AtOnce).unwrap();
        scene.snapshot = done;
        let declared: Scene = scene
            .service("web", "443/tcp", "nginx.service")
            .reach("world")
            .listens("nginx.service", "0.0.0.0:443/tcp");
        declared.commands("declared-but-blocked")
    }

    #[test]
    fn no_rule_is_written_into_the_gate_by_hand() {
        let told = ["portreeve apply", "portreeve exposure 443/tcp"];
        assert_eq!(gated(|world| plan(world, &Asked::default()).unwrap()), told);
        let ports: Ports = ["443/tcp".parse().unwrap()].into_iter().collect();
        assert_eq!(gated(|world| close(world, &ports, None, &Asked::default()).unwrap()), told);
    }

    /// A web server for the world behind `rules`, of IPv6 too where there are some.
    fn web(spot: &str, rules: &str, of_ipv6: Option<&str>) -> Scene {
        let mut firewall = filtering(rules);
        if let Some(rules) = of_ipv6 {
            let text = filtering(rules).listings[&Listing::IptablesLegacy].clone();
            firewall.listings.insert(Listing::Ip6tablesLegacy, text);
        }
        served(spot).filtered(firewall, &[])
    }

    fn served(spot: &str) -> Scene {
        scene().service("web", "443/tcp", "nginx.service").reach("world").listens("nginx.service", spot)
    }

    const LETS_IN: &str = "-A INPUT -p tcp -m tcp --dport 443 -j ACCEPT\n";

    #[test]
    fn the_rule_that_keeps_most_out_is_named_and_who_is_banned_stays_so() {
        let ban = ":f2b - [0:0]\n-A INPUT -p tcp -j f2b\n-A f2b -s 192.0.2.9/32 -j REJECT\n";
        let scene = web("0.0.0.0:443/tcp", ban, None);
        let told = scene.texts("declared-but-blocked");
        assert!(told[0].ends_with("and `ip filter INPUT: policy drop` keeps that out"), "{told:?}");
        let commands = scene.commands("declared-but-blocked");
        assert_eq!(commands[0], "iptables-legacy -A INPUT -p tcp --dport 443 -j ACCEPT");
        let open = web("0.0.0.0:443/tcp", &format!("{ban}{LETS_IN}"), None);
        assert!(open.texts("declared-but-blocked").is_empty(), "a ban is meant");
    }

    #[test]
    fn a_large_part_of_a_zone_is_missed() {
        let found = |part: &str| {
            let rules = format!("-A INPUT -s {part} -p tcp -m tcp --dport 443 -j DROP\n{LETS_IN}");
            let scene = web("0.0.0.0:443/tcp", &rules, None);
            (scene.texts("declared-but-blocked"), scene.commands("declared-but-blocked"))
        };
        let (told, commands) = found("128.0.0.0/1");
        assert!(told[0].ends_with("--dport 443 -j DROP` keeps a large part of that out"), "{told:?}");
        assert_eq!(commands, ["portreeve exposure 443/tcp"], "the rule is about sources");
        assert_eq!(found("128.0.0.0/8"), Default::default());
        assert_eq!(found("128.0.0.0/1 -m string --string x --algo bm"), Default::default(), "who knows");
    }

    #[test]
    fn each_family_that_is_kept_out_is_told_of() {
        let told = |rules: &str, of_ipv6: &str| {
            let scene = web("[::]:443/tcp", rules, Some(of_ipv6));
            (scene.texts("declared-but-blocked"), scene.commands("declared-but-blocked"))
        };
        let (both, commands) = told("", "");
        let rules = "`ip filter INPUT: policy drop`, `ip6 filter INPUT: policy drop` keep that out";
        assert!(both[0].ends_with(rules), "{both:?}");
        let opens = ["iptables", "ip6tables"]
            .map(|program| format!("{program}-legacy -A INPUT -p tcp --dport 443 -j ACCEPT"));
        assert_eq!(commands[..2], opens);
        let (one, commands) = told(LETS_IN, "");
        assert!(one[0].ends_with("`ip6 filter INPUT: policy drop` keeps that out over IPv6"), "{one:?}");
        assert_eq!(commands[0], opens[1]);
        assert_eq!(told(LETS_IN, LETS_IN), Default::default());
    }

    #[test]
    fn the_next_rule_behind_what_a_command_opens_is_told_at_once() {
        let mut firewall = filtering("");
        let listed = firewall.listings.get_mut(&Listing::IptablesLegacy).unwrap();
        listed.push_str("*mangle\n:INPUT DROP [0:0]\nCOMMIT\n");
        let scene = served("0.0.0.0:443/tcp").filtered(firewall, &[]);
        let told = scene.texts("declared-but-blocked");
        let rules = "`ip mangle INPUT: policy drop`, `ip filter INPUT: policy drop` keep that out";
        assert!(told[0].ends_with(rules), "{told:?}");
        let opens = ["iptables-legacy -t mangle", "iptables-legacy"]
            .map(|program| format!("{program} -A INPUT -p tcp --dport 443 -j ACCEPT"));
        assert_eq!(scene.commands("declared-but-blocked")[..2], opens);
    }

    #[test]
    fn of_what_is_bound_to_a_device_other_devices_keep_nobody_out() {
        let rules = LETS_IN.replace("-p tcp -m tcp", "-i docker0 -p tcp -m tcp");
        let told = |device: &str| {
            let bound = served("0.0.0.0:443/tcp").socket(|socket| socket.device = Some(device.into()));
            bound.filtered(filtering(&rules), &[]).texts("declared-but-blocked").len()
        };
        assert_eq!((told("docker0"), told("eth0")), (0, 1));
    }

    #[test]
    fn what_gets_in_from_the_ports_of_servers_alone_is_kept_out() {
        let told = |from: &str| {
            let rules = format!("-A INPUT -p tcp -m tcp --sport {from} --dport 443 -j DROP\n{LETS_IN}");
            web("0.0.0.0:443/tcp", &rules, None).texts("declared-but-blocked")
        };
        assert!(told("1024:65535")[0].ends_with("-j DROP` keeps that out"));
        assert_eq!((told("0:1023"), told("53")), Default::default());
    }

    #[test]
    fn what_is_sent_on_to_a_container_and_kept_from_it_is_blocked_and_not_silent() {
        let judged = |rules: &str| {
            let shop = scene().service("shop", "8080/tcp", "docker.service").reach("world");
            let scene = shop.filtered(published(rules), &[]);
            (scene.rules(), scene.texts("declared-but-blocked"), scene.commands("declared-but-blocked"))
        };
        let (rules, told, commands) = judged("-A FORWARD -p tcp -m tcp --dport 80 -j DROP\n");
        assert_eq!(rules, ["declared-but-blocked"]);
        assert!(told[0].ends_with("-A FORWARD -p tcp -m tcp --dport 80 -j DROP` keeps that out"), "{told:?}");
        let sent_on = "-m conntrack --ctstate DNAT --ctdir ORIGINAL --ctorigdstport 8080 -j ACCEPT";
        assert_eq!(commands[0], format!("iptables-legacy -I FORWARD 1 -p tcp {sent_on}"));
        assert!(judged("").1.is_empty());
    }

    /// As Docker keeps its networks apart; without a default route its containers are most of those who may come.
    #[test]
    fn a_hosts_own_containers_are_not_the_world_that_is_kept_out() {
        let mut firewall = published("-A FORWARD -i docker0 -j DROP\n");
        let sent_on = firewall.listings[&Listing::IptablesLegacy].replace("! -i docker0 ", "");
        let routes = r#"[{"dst":"203.0.113.0/24","dev":"eth0"},{"dst":"172.17.0.0/16","dev":"docker0"}]"#;
        firewall.listings.extend([(Listing::IptablesLegacy, sent_on), (Listing::Routes, routes.into())]);
        let mut scene = scene().service("shop", "8080/tcp", "docker.service").reach("world");
        assert!(scene.clone().filtered(firewall.clone(), &[]).found("declared-but-blocked").is_empty());
        scene.policy.as_mut().unwrap().zones.push(zone("inner", &[], &["docker0"]));
        let found = scene.filtered(firewall, &[]).found("declared-but-blocked");
        assert_eq!(found, ["8080/tcp"], "of these the policy speaks");
    }

    #[test]
    fn a_rule_that_no_command_is_for_is_named_beside_those_for_others() {
        let rules = format!("-A INPUT -s 128.0.0.0/1 -p tcp -m tcp --dport 443 -j DROP\n{LETS_IN}");
        let findings = web("[::]:443/tcp", &rules, Some("")).judge();
        let found = findings.iter().find(|finding| finding.rule == "declared-but-blocked").unwrap();
        assert_eq!(found.commands[0], "ip6tables-legacy -A INPUT -p tcp --dport 443 -j ACCEPT");
        let by_hand = "--dport 443 -j DROP` by hand, or take world out of web's reach in the policy";
        assert!(found.fix.en.ends_with(by_hand), "{:?}", found.fix);
    }

    #[test]
    fn every_zone_that_is_kept_out_is_named_with_its_commands() {
        let mut scene = web("0.0.0.0:443/tcp", "", None)
            .declared(|service| service.reach = ["lan", "one"].map(Into::into).into());
        let zones = [zone("lan", &["198.51.100.0/25"], &[]), zone("one", &["198.51.100.200/32"], &[])];
        scene.policy.as_mut().unwrap().zones.extend(zones);
        let told = scene.texts("declared-but-blocked");
        assert!(told[0].contains("from lan, one on 443/tcp"), "{told:?}");
        let commands = scene.commands("declared-but-blocked");
        assert_eq!(commands[0], "iptables-legacy -A INPUT -s 198.51.100.0/25 -p tcp --dport 443 -j ACCEPT");
        assert_eq!(commands[1], "iptables-legacy -A INPUT -s 198.51.100.200 -p tcp --dport 443 -j ACCEPT");
    }

    #[test]
    fn where_the_port_was_another_one_before_no_command_opens_it() {
        let rules = "-A INPUT -p tcp -m tcp --dport 9001 -j DROP\n-A INPUT -j ACCEPT\n";
        let sent = "-A PREROUTING -p tcp -m tcp --dport 443 -j REDIRECT --to-ports 9001";
        let scene = served("0.0.0.0:443/tcp").filtered(translated(rules, sent), &[]);
        let told = scene.texts("declared-but-blocked");
        assert!(told[0].contains("--dport 9001 -j DROP`"), "{told:?}");
        assert_eq!(scene.commands("declared-but-blocked"), ["portreeve exposure 443/tcp"]);
    }

    #[test]
    fn what_is_let_in_or_meant_for_the_host_alone_is_not() {
        let accept = "-A INPUT -p tcp -m tcp --dport 443 -j ACCEPT\n";
        let open = scene()
            .service("web", "443/tcp", "nginx.service")
            .reach("world")
            .listens("nginx.service", "0.0.0.0:443/tcp")
            .filtered(filtering(accept), &[]);
        assert!(open.texts("declared-but-blocked").is_empty());
        let near = scene()
            .service("web", "443/tcp", "nginx.service")
            .listens("nginx.service", "0.0.0.0:443/tcp")
            .filtered(filtering(""), &[]);
        assert!(near.texts("declared-but-blocked").is_empty());
    }
}
