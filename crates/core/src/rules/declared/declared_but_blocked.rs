//! A declared service listens, and a rule keeps those out who are meant to reach it (A15, A20).

use alloc::{format, vec::Vec};

use crate::{
    finding::{Finding, Severity},
    firewall::{Filter, Place, opening},
    reach::{Basis, Reach, Verdict},
    rules::{Page, Rule},
    text,
    words::Words,
    world::{Holding, World},
};

/// Somebody else's rule closes what the policy opens.
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
            en: "Open the port in the firewall that closes it, or take the zone out of the service's reach.",
            ja: "閉じているファイアウォールでポートを開けるか、サービスの reach からそのゾーンを外します。",
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
    Some(finding(filter, holding, &shut.zone, place).about(holding))
}

fn finding(filter: &Filter, holding: &Holding<'_>, zone: &str, place: Place) -> Finding {
    let spec = holding.spec();
    let name = holding.declared.map(|declared| declared.service.name.as_str()).unwrap_or_default();
    let rule = filter.ruleset.named(place);
    let finding = RULE.finding(
        text!(
            "{name} is meant to be reached from {zone} on {spec}, and `{rule}` keeps that out",
            "{name} の {spec} は {zone} から届くはずですが、`{rule}` が遮断しています"
        ),
        text!(
            "open {spec} there, or take {zone} out of {name}'s reach in the policy",
            "そのファイアウォールで {spec} を開けるか、policy の {name} の reach から {zone} を外してください"
        ),
    );
    finding
        .run(opening(&filter.ruleset, place, spec).into_iter().chain([format!("portreeve exposure {spec}")]))
}

#[cfg(test)]
mod tests {
    use crate::rules::testing::{filtering, scene};

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
        assert_eq!(commands[0], "iptables -I INPUT -p tcp --dport 443 -j ACCEPT");
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
