//! A declared service listens, and a rule keeps those out who are meant to reach it (A15, A20).

use alloc::{format, string::String, vec, vec::Vec};

use crate::{
    finding::{Finding, Severity},
    firewall::{Admission, Chain, Filter, Layer, Place, openings},
    gate::TABLE,
    policy::HOST,
    reach::{Basis, Reach, Verdict},
    rules::{Page, Rule},
    text,
    words::Words,
    world::{Holding, World},
};

/// A rule closes what the policy opens: somebody else's, or one of a gate that is older than the policy.
pub(super) const RULE: Rule = Rule {
    name: "declared-but-blocked",
    severity: Severity::Warning,
    article: &["A15", "A20"],
    outranks: &[],
    page: Page {
        what: Words {
            en: "A declared service listens where it is meant to, and a rule of the firewall keeps out a zone that is meant to reach it.",
            ja: "宣言どおりに待ち受けているサービスに、届くはずのゾーンからのパケットをファイアウォールのルールが遮断しています。",
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
    let Some(filter) = world.filter() else { return Vec::new() };
    world.holdings().filter_map(|holding| judge(world, filter, holding)).collect()
}

fn judge(world: &World<'_>, filter: &Filter, holding: &Holding<'_>) -> Option<Finding> {
    let service = holding.declared?.service;
    let listener = holding.widest();
    let is_shut = |reach: &Reach| {
        reach.basis == Basis::Firewall
            && reach.verdict == Verdict::Blocked
            && service.reach.contains(&reach.zone)
    };
    let shut = world.reach(listener).into_iter().find(is_shut)?;
    // Where no rule decides, the address does, and that is another rule's business.
    let place = world.decided_by(listener, &shut.zone)?;
    Some(finding(world, filter, holding, (&shut.zone, place)).about(holding))
}

fn finding(
    world: &World<'_>,
    filter: &Filter,
    holding: &Holding<'_>,
    (zone, place): (&str, Place),
) -> Finding {
    let spec = holding.spec();
    let name = holding.declared.map(|declared| declared.service.name.as_str()).unwrap_or_default();
    let rule = filter.ruleset.named(place);
    let is_of_gate = is_of_gate(&filter.ruleset.chains[place.chain.0]);
    let finding = RULE.finding(
        text!(
            "{name} is meant to be reached from {zone} on {spec}, and `{rule}` keeps that out",
            "{name} の {spec} は {zone} から届くはずですが、`{rule}` が遮断しています"
        ),
        if is_of_gate {
            text!(
                "the gate is older than the policy: apply it, or take {zone} out of {name}'s reach there",
                "ゲートに policy が反映されていません。適用するか、policy の {name} の reach から {zone} を外してください"
            )
        } else {
            text!(
                "open {spec} there, or take {zone} out of {name}'s reach in the policy",
                "そのファイアウォールで {spec} を開けるか、policy の {name} の reach から {zone} を外してください"
            )
        },
    );
    // A rule that somebody writes into the gate is none that the policy declares, and would be gone with the next change.
    let openings = if is_of_gate {
        vec!["portreeve apply".into()]
    } else {
        opened_for(world, filter, holding, (zone, place))
    };
    finding.run(openings.into_iter().chain([format!("portreeve exposure {spec}")]))
}

/// The commands that open the port for those in `zone` alone.
fn opened_for(
    world: &World<'_>,
    filter: &Filter,
    holding: &Holding<'_>,
    (zone, place): (&str, Place),
) -> Vec<String> {
    let Some(firewall) = &world.snapshot.firewall else { return Vec::new() };
    let loopback = [String::from("lo")];
    let known = world.policy.into_iter().flat_map(|policy| &policy.zones).find(|known| known.name == zone);
    let (interfaces, from) = match known {
        Some(zone) => (zone.interfaces.as_slice(), zone.from.as_slice()),
        None if zone == HOST => (&loopback[..], &[][..]),
        None => (&[][..], &[][..]),
    };
    let admission = Admission { spec: holding.spec(), interfaces, from, is_by_these_alone: false };
    openings(&filter.ruleset, firewall, place, &admission)
}

fn is_of_gate(chain: &Chain) -> bool {
    chain.layer == Layer::Inet && chain.table == TABLE
}

#[cfg(test)]
mod tests {
    use alloc::{string::String, vec::Vec};

    use crate::{
        gate::{Keep, Ports},
        plan::{Asked, Plan, close, plan, simulate},
        rules::testing::{Scene, filtering, scene, zone},
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
        assert_eq!(gated(|world| close(world, &ports, &Asked::default()).unwrap()), told);
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
