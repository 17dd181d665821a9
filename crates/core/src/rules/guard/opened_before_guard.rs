//! A guarded port was opened when nobody asked yet whose it is (A24).

use alloc::{collections::BTreeMap, format, string::String, vec, vec::Vec};

use crate::{
    facts::{GuardStands, Listener},
    finding::{Finding, Severity},
    guard::Mode,
    policy::Guarding,
    rules::{Page, Rule, declared::list},
    text, unit,
    words::{Text, Words},
    world::{Holding, World, restart_command},
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
    let Text { en, ja } = first.who();
    let Text { en: en_ports, ja: ja_ports } = list(ports);
    let finding = RULE.finding(
        text!(
            "{en} bound {en_ports} before the guard stood: whether it might was not asked",
            "{ja} は、ガードが有効になる前に {ja_ports} を bind しており、所有者かどうかは検査されていません"
        ),
        text!("restart it when it suits", "都合のよいときに再起動してください"),
    );
    Some(finding.about(first).run(commands(first)))
}

/// What opens it again: where the service manager did, that does for the `.socket`, which fails while a service has it.
fn commands(first: &Holding<'_>) -> Vec<String> {
    let sockets = first.listeners.iter().filter_map(|listener| listener.socket_unit.as_deref());
    let socket = sockets.into_iter().find(|unit| unit.ends_with(".socket") && unit::is_plain(unit));
    let service = first.identity.unit.filter(|unit| unit::is_service(unit) && unit::is_plain(unit));
    if let Some(socket) = socket {
        let stop = service.map(|service| format!("systemctl stop {service}"));
        return stop.into_iter().chain([format!("systemctl restart {socket}")]).collect();
    }
    let restart = restart_command(&first.identity);
    vec![restart.unwrap_or_else(|| format!("portreeve who {}", first.spec()))]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        facts::{AtBoot, LeftGuard, Opening},
        owner::Owner,
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

    #[test]
    fn what_the_service_manager_opened_it_opens_again() {
        let activated = |unit: &'static str| {
            let scene = web(Mode::Enforce, GuardStands::Whole);
            let scene =
                scene.declared(|service| service.owners = [Owner::Unit("nginx.service".into())].into());
            let mut scene = scene.process(|process| process.unit = Some(unit.into()));
            for listener in &mut scene.snapshot.listeners {
                listener.socket_cgroup = Some("/system.slice/nginx.socket".into());
                listener.socket_unit = Some("nginx.socket".into());
            }
            scene.commands(RULE.name)
        };
        assert_eq!(
            activated("nginx.service"),
            ["systemctl stop nginx.service", "systemctl restart nginx.socket"]
        );
        assert_eq!(activated("init.scope"), ["systemctl restart nginx.socket"]);
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
