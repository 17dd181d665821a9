//! A port is refused to everybody but somebody who is not on this host (A24).

use alloc::vec::Vec;

use crate::{
    facts::{GuardStands, LeftGuard},
    finding::{Finding, Severity},
    guard::Mode,
    owner::Owner,
    policy::{Guarding, Service},
    rules::{Page, Rule, declared::list},
    text,
    words::{Text, Words},
    world::World,
};

/// A mistyped unit is noticed at the next restart else.
pub(super) const RULE: Rule = Rule {
    name: "guard-owner-never-seen",
    severity: Severity::Warning,
    article: &["A24"],
    outranks: &[],
    page: Page {
        what: Words {
            en: "The guard refuses the ports of a service to everybody but its owner, and this host has no unit of that name.",
            ja: "ガードがサービスのポートを owner 以外に拒否していますが、その owner のユニットがこのホストにありません。",
        },
        why: Words {
            en: "Nobody can bind them: whoever runs the service now goes on, and fails when it starts again.",
            ja: "誰もそのポートを bind できません。動作中のサービスはそのまま動き続けますが、次に起動するときに失敗します。",
        },
        fix: Words {
            en: "Name the unit that runs the service (`systemctl status PID`), or install it; `portreeve check` says which units are missing.",
            ja: "サービスを実行しているユニットを owner に書くか(`systemctl status PID`)、そのユニットをインストールします。ないユニットは `portreeve check` で分かります。",
        },
    },
    check,
};

fn check(world: &World<'_>) -> Vec<Finding> {
    let (Some(policy), Some(guard)) = (world.policy, &world.snapshot.guard) else { return Vec::new() };
    if guard.stands != GuardStands::Whole {
        return Vec::new();
    }
    policy.services.iter().filter_map(|service| finding(service, guard)).collect()
}

/// Of several owners one is enough.
fn finding(service: &Service, guard: &LeftGuard) -> Option<Finding> {
    let is_absent = |owner: &Owner| matches!(owner, Owner::Unit(unit) if guard.absent.contains(unit));
    let is_enforced = service.guard == Some(Guarding::Kept(Mode::Enforce));
    if !is_enforced || service.owners.is_empty() || !service.owners.iter().all(is_absent) {
        return None;
    }
    let (name, Text { en, ja }) = (&service.name, list(&service.owners));
    let finding = RULE.finding(
        text!(
            "nobody can bind the ports of {name}: {en} is not on this host",
            "{name} のポートを bind できるものがありません。このホストに {ja} がありません"
        ),
        text!(
            "name the unit that runs it as its owner, or install it",
            "実行しているユニットを owner に書くか、ユニットをインストールしてください"
        ),
    );
    Some(finding.at(*service.ports.first()?).of(service).run(["portreeve check".into()]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        facts::AtBoot,
        rules::testing::{Scene, scene},
    };

    fn web(mode: Mode, absent: &[&str]) -> Scene {
        let mut scene = scene()
            .service("web", "443/tcp", "ngnix.service")
            .declared(|service| service.guard = Some(Guarding::Kept(mode)));
        let absent = absent.iter().map(|unit| (*unit).into()).collect();
        scene.snapshot.guard =
            Some(LeftGuard { ports: 1, stands: GuardStands::Whole, at_boot: AtBoot::Enabled, absent });
        scene
    }

    #[test]
    fn a_port_that_nobody_can_bind_is_found() {
        let scene = web(Mode::Enforce, &["ngnix.service"]);
        assert_eq!(
            scene.texts(RULE.name),
            ["443/tcp: nobody can bind the ports of web: ngnix.service is not on this host"]
        );
        assert_eq!(scene.commands(RULE.name), ["portreeve check"]);
    }

    #[test]
    fn one_that_is_watched_or_has_another_owner_is_not() {
        assert!(web(Mode::Observe, &["ngnix.service"]).texts(RULE.name).is_empty());
        assert!(web(Mode::Enforce, &["other.service"]).texts(RULE.name).is_empty());
        let shared = web(Mode::Enforce, &["ngnix.service"])
            .declared(|service| service.owners.push(Owner::User("www-data".into())));
        assert!(shared.texts(RULE.name).is_empty());
    }
}
