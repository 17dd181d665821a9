//! Others are guarded, and of this service the kernel cannot tell the owner (A24).

use alloc::vec::Vec;

use crate::{
    finding::{Finding, Severity},
    guard::{Named, Unguarded, unguarded},
    policy::Service,
    rules::{Page, Rule},
    text,
    words::{Text, Words},
    world::World,
};

/// It looks guarded and is not.
pub(super) const RULE: Rule = Rule {
    name: "port-without-guard",
    severity: Severity::Notice,
    article: &["A24"],
    outranks: &[],
    page: Page {
        what: Words {
            en: "The policy has the guard keep the ports of some services, and of this one the kernel cannot tell whose they are: it names no owner, or one by exe, or an interface.",
            ja: "policy の一部のサービスはガードの対象ですが、このサービスは所有者をカーネルで判別できないため対象になりません(owner がない、exe で指定している、device を指定している、など)。",
        },
        why: Words {
            en: "Whoever binds it first has it, and nobody writes it down.",
            ja: "先に bind した者がそのポートを使えてしまい、その記録も残りません。",
        },
        fix: Words {
            en: "Name the unit, the user or the cgroup that owns it. Where that is meant, write guard = \"off\" for the service.",
            ja: "owner に unit、user、cgroup のいずれかを指定します。意図したものであれば、そのサービスに guard = \"off\" と書きます。",
        },
    },
    check,
};

fn check(world: &World<'_>) -> Vec<Finding> {
    let Some(policy) = world.policy else { return Vec::new() };
    // Which users and containers this host has is not what a policy is judged by.
    let mut unguarded = unguarded(policy, &Named::default());
    unguarded.retain(|it| !it.why.is_of_host());
    let finding = |it: &Unguarded| {
        let service = policy.services.iter().find(|service| service.name == *it.service)?;
        finding(it, service)
    };
    unguarded.iter().filter_map(finding).collect()
}

fn finding(unguarded: &Unguarded, service: &Service) -> Option<Finding> {
    let (name, Text { en, ja }) = (&service.name, unguarded.why.words());
    let finding = RULE.finding(
        text!(
            "the guard does not keep the ports of {name}, as it does those of others: {en}",
            "ほかのサービスと異なり、{name} のポートはガードの対象になっていません({ja})"
        ),
        text!(
            "name its unit, user or cgroup as its owner, or write guard = \"off\" where that is meant",
            "owner に unit、user、cgroup のいずれかを指定してください。意図したものであれば guard = \"off\" と書いてください"
        ),
    );
    Some(finding.at(*service.ports.first()?).of(service))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        guard::Mode,
        owner::Owner,
        policy::Guarding,
        rules::testing::{Scene, scene},
    };

    /// A shop that is known by its executable alone, beside the web of nginx.
    fn beside_web(web: Option<Guarding>, shop: Option<Guarding>) -> Scene {
        let mut scene = scene().service("web", "443/tcp", "nginx.service").service_of(
            "shop",
            "8080/tcp",
            Owner::Exe("/usr/bin/shop".into()),
        );
        let policy = scene.policy.as_mut().expect("a policy");
        for (service, guard) in policy.services.iter_mut().zip([web, shop]) {
            service.guard = guard;
        }
        scene
    }

    #[test]
    fn who_is_not_guarded_beside_others_is_found() {
        for mode in [Mode::Observe, Mode::Enforce] {
            let found = beside_web(Some(Guarding::Kept(mode)), None).texts(RULE.name);
            assert_eq!(found.len(), 1);
            assert!(found[0].starts_with("8080/tcp: the guard does not keep the ports of shop"), "{found:?}");
            assert!(found[0].contains("exe"), "{found:?}");
        }
    }

    #[test]
    fn where_nobody_is_guarded_or_it_is_meant_nothing_is() {
        assert!(beside_web(None, None).texts(RULE.name).is_empty());
        let kept = Some(Guarding::Kept(Mode::Enforce));
        assert!(beside_web(kept, Some(Guarding::Off)).texts(RULE.name).is_empty());
    }
}
