//! A guarded port was opened when nobody asked yet whose it is (A24).

use alloc::{collections::BTreeMap, format, vec::Vec};

use crate::{
    facts::{GuardStands, Listener},
    finding::{Finding, Severity},
    guard::Mode,
    policy::Guarding,
    port::PortSpec,
    rules::{Page, Rule, declared::list},
    text,
    words::{Text, Words},
    world::{Holding, World, restart_command, unowned_socket},
};

/// The guard takes nothing from whoever has it.
pub(super) const RULE: Rule = Rule {
    name: "opened-before-guard",
    severity: Severity::Notice,
    article: &["A24"],
    outranks: &[],
    page: Page {
        what: Words {
            en: "The guard keeps this port for its owner, and the socket on it was bound before the guard stood as it does now.",
            ja: "ガードの対象のポートですが、そのソケットは現在のガードが有効になる前に bind されたものです。",
        },
        why: Words {
            en: "Whoever bound it was not asked whose the port is, and nothing was written down: who opened it is a guess.",
            ja: "bind した時点では所有者かどうかが検査されておらず、記録もないため、誰が開いたのかは推測しかできません。",
        },
        fix: Words {
            en: "Restart the service when it suits: then it binds under the guard.",
            ja: "都合のよいときにサービスを再起動すると、ガードの検査を受けて bind し直されます。",
        },
    },
    check,
};

fn check(world: &World<'_>) -> Vec<Finding> {
    if world.snapshot.guard.as_ref().is_none_or(|guard| guard.stands != GuardStands::Whole) {
        return Vec::new();
    }
    let mut services: BTreeMap<&str, Vec<&Holding<'_>>> = BTreeMap::new();
    for (service, holding) in world.holdings().filter_map(unasked) {
        services.entry(service).or_default().push(holding);
    }
    services.into_values().filter_map(|holdings| finding(&holdings)).collect()
}

/// A holding that an enforced service of ours is declared on, and that was never judged.
fn unasked<'w, 'a>(holding: &'w Holding<'a>) -> Option<(&'a str, &'w Holding<'a>)> {
    let service = holding.declared?.service;
    let is_enforced = service.guard == Some(Guarding::Kept(Mode::Enforce));
    let is_unasked = |listener: &&Listener| listener.opening.is_none() && !listener.ephemeral;
    (is_enforced && holding.listeners.iter().any(is_unasked)).then_some((service.name.as_str(), holding))
}

fn finding(holdings: &[&Holding<'_>]) -> Option<Finding> {
    let first = holdings.first()?;
    let mut ports: Vec<_> = holdings.iter().map(|holding| holding.spec()).collect();
    ports.sort_unstable();
    ports.dedup();
    if let Some(unit) = holdings.iter().find_map(|holding| unowned_socket(holding)) {
        return Some(of_stranger(unit, ports, first));
    }
    let Text { en, ja } = first.who();
    let Text { en: en_ports, ja: ja_ports } = list(ports);
    let finding = RULE.finding(
        text!(
            "{en} bound {en_ports} before the guard stood: whether it might was not asked",
            "{ja} は、ガードが有効になる前に {ja_ports} を bind しており、所有者かどうかは検査されていません"
        ),
        text!("restart it when it suits", "都合のよいときに再起動してください"),
    );
    let command =
        restart_command(&first.identity).unwrap_or_else(|| format!("portreeve who {}", first.spec()));
    Some(finding.about(first).run([command]))
}

/// It could not be opened again: the guard asks for the `.socket`, whichever service that starts.
fn of_stranger(unit: &str, ports: Vec<PortSpec>, first: &Holding<'_>) -> Finding {
    let Text { en, ja } = list(ports);
    let finding = RULE.finding(
        text!(
            "{unit} has {en} from before the guard stood, and is no owner: the guard would refuse it now",
            "{unit} は、ガードが有効になる前から {ja} を保持していますが owner ではないため、開き直すとガードに拒否されます"
        ),
        text!(
            "stop that unit, or name it as an owner of the service too",
            "このユニットを停止するか、サービスの owner に加えてください"
        ),
    );
    let finding = Finding { severity: Severity::High, ..finding };
    finding.about(first).run([format!("portreeve who {}", first.spec())])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        facts::{AtBoot, LeftGuard, Opening},
        rules::testing::{Scene, scene},
    };

    fn web(mode: Mode, stands: GuardStands) -> Scene {
        let mut scene = scene()
            .listens("nginx.service", "0.0.0.0:80/tcp")
            .again("0.0.0.0:443/tcp")
            .service("web", "80/tcp 443/tcp", "nginx.service")
            .declared(|service| service.guard = Some(Guarding::Kept(mode)));
        scene.snapshot.guard =
            Some(LeftGuard { ports: 2, stands, at_boot: AtBoot::Enabled, absent: Vec::new() });
        scene
    }

    #[test]
    fn what_was_bound_before_it_is_found_once_a_service() {
        let scene = web(Mode::Enforce, GuardStands::Whole);
        assert_eq!(
            scene.texts(RULE.name),
            ["80/tcp: nginx bound 80/tcp, 443/tcp before the guard stood: whether it might was not asked"]
        );
        assert_eq!(scene.commands(RULE.name), ["systemctl restart nginx.service"]);
    }

    /// Whatever `Service=` says, a restart of the socket would end with EPERM.
    #[test]
    fn a_socket_unit_that_the_guard_would_refuse_is_more_than_a_notice() {
        let scene = web(Mode::Enforce, GuardStands::Whole).program("systemd", "root").socket(|socket| {
            socket.socket_cgroup = Some("/system.slice/shop.socket".into());
            socket.socket_unit = Some("shop.socket".into());
        });
        let found = scene.judge().into_iter().find(|finding| finding.rule == RULE.name).expect("a finding");
        assert_eq!(found.severity, Severity::High);
        assert!(found.text.en.contains("shop.socket has 80/tcp, 443/tcp"), "{found:?}");
        assert_eq!(found.commands.len(), 1);
        assert!(found.commands[0].starts_with("portreeve who"), "{found:?}");
    }

    #[test]
    fn what_was_asked_is_only_watched_or_not_kept_now_is_not() {
        let mut asked = web(Mode::Enforce, GuardStands::Whole);
        let taken = asked.snapshot.taken;
        let opening = Opening { at: taken, pid: 7, started: taken, name: "nginx".into(), uid: 0, mark: None };
        for listener in &mut asked.snapshot.listeners {
            listener.opening = Some(opening.clone());
        }
        assert!(asked.texts(RULE.name).is_empty());
        assert!(web(Mode::Observe, GuardStands::Whole).texts(RULE.name).is_empty());
        assert!(web(Mode::Enforce, GuardStands::Gone).texts(RULE.name).is_empty());
    }
}
