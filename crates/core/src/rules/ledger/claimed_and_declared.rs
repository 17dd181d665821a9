//! The policy declares for one what the ledger claims for another (A23, A24, A25).

use alloc::vec::Vec;

use crate::{
    desired::DesiredPort,
    finding::{Finding, Severity},
    ledger::Claim,
    rules::{Page, Rule},
    text,
    words::Words,
    world::World,
};

/// The number has two owners.
pub(super) const RULE: Rule = Rule {
    name: "claimed-and-declared",
    severity: Severity::Warning,
    article: &["A23", "A24", "A25"],
    outranks: &[],
    page: Page {
        what: Words {
            en: "The policy declares a number for a service, and the ledger has a claim of it under another name; or it declares the name of a claim at another number.",
            ja: "policy があるサービスに宣言しているポートが台帳では別の名前で申請されているか、申請と同じ名前のサービスが別のポートで宣言されています。",
        },
        why: Words {
            en: "Each of the two counts on the number, and whoever starts second cannot bind it; or a service starts on another number than the policy says. It happens where a port is declared after it was claimed; the other way round the claim is refused.",
            ja: "双方がその番号を使うつもりでいるため、後から起動した側は bind できません。名前が同じ場合は、policy と違うポートで起動することになります。申請済みのポートを後から宣言すると起こります(逆の順序では申請が拒否されます)。",
        },
        fix: Words {
            en: "Give the claim up with `portreeve release`, or declare another port; where both are the same service, call them the same.",
            ja: "`portreeve release` で申請を解放するか、別のポートを宣言します。同じサービスであれば、名前をそろえます。",
        },
    },
    check,
};

fn check(world: &World<'_>) -> Vec<Finding> {
    let netns = world.own_namespace().map(|own| own.id);
    let claims = world.standing_claims().map(|claimed| claimed.claim);
    let found = claims.filter_map(|claim| Some(finding(claim, rival(world, claim)?)));
    found.map(|finding| Finding { netns, ..finding }).collect()
}

/// What the policy declares of the place of `claim` for somebody else.
fn rival<'a>(world: &'a World<'a>, claim: &Claim) -> Option<&'a DesiredPort<'a>> {
    let numbers = claim.ports.first..=claim.ports.last;
    let near = numbers.flat_map(|port| world.desired.at(claim.protocol, port));
    let mut others = near.filter(|declared| declared.service.name != claim.name.as_str());
    let of_number = others.find(|declared| declared.stands().any(|stand| stand.meets(&claim.stand())));
    of_number.or_else(|| elsewhere(world, claim))
}

/// What the policy declares under the name of `claim`, where none of it is what is claimed.
fn elsewhere<'a>(world: &'a World<'a>, claim: &Claim) -> Option<&'a DesiredPort<'a>> {
    let is_named = |declared: &&DesiredPort<'_>| {
        declared.service.name == claim.name.as_str() && declared.spec.protocol == claim.protocol
    };
    let mut named = world.desired.ports().iter().filter(is_named).peekable();
    let first = named.peek().copied();
    first.filter(|_| !named.any(|declared| declared.spec.range.overlaps(claim.ports)))
}

fn finding(claim: &Claim, declared: &DesiredPort<'_>) -> Finding {
    let (spec, name, uid) = (claim.spec(), &claim.name, claim.claimant.uid);
    let (service, place) = (&declared.service.name, &declared.service.place);
    let declared_spec = declared.spec;
    let said = if service.as_str() == name.as_str() {
        text!(
            "{name} has {spec} by a claim of user {uid}, and is declared at {declared_spec} ({place})",
            "{name} はユーザー {uid} の申請では {spec} ですが、{declared_spec} に宣言されています({place})"
        )
    } else {
        text!(
            "{spec} is claimed for {name} by user {uid}, and declared for {service} ({place})",
            "{spec} はユーザー {uid} が {name} として申請済みですが、{service} に宣言されています({place})"
        )
    };
    let fix =
        text!("release the claim, or declare another port", "申請を解放するか、別のポートを宣言してください");
    let finding = RULE.finding(said, fix);
    finding.at(spec).run([claim.release()])
}

#[cfg(test)]
mod tests {
    use crate::rules::testing::scene;

    const NAME: &str = "claimed-and-declared";

    #[test]
    fn a_number_that_is_claimed_for_one_and_declared_for_another_is_found() {
        let both = scene()
            .service("pool", "20600-20610/tcp 20500/udp", "pool.service")
            .claims(&[(1000, "web 20605/tcp"), (1000, "mail 20500/tcp")]);
        let said =
            "20605/tcp: 20605/tcp is claimed for web by user 1000, and declared for pool (policy.toml:1:1)";
        assert_eq!(both.texts(NAME), [said]);
        assert_eq!(both.commands(NAME), ["portreeve release web --protocol tcp --scope host:4c1d"]);
    }

    #[test]
    fn what_is_called_the_same_or_has_ended_is_no_contradiction() {
        let declared = || scene().service("web", "20600/tcp", "web.service");
        assert!(declared().claims(&[(1000, "web 20600/tcp")]).found(NAME).is_empty());
        assert!(declared().ended_claims(&[(1000, "other 20600/tcp")]).found(NAME).is_empty());
        assert!(declared().claims(&[(1000, "other 20601/tcp")]).found(NAME).is_empty());
        assert!(declared().claims(&[(1000, "web 20600/udp")]).found(NAME).is_empty());
    }

    #[test]
    fn a_name_that_is_claimed_at_one_number_and_declared_at_another_is_found() {
        let two = scene().service("web", "20600/tcp", "web.service").claims(&[(1000, "web 20700/tcp")]);
        let said = "20700/tcp: web has 20700/tcp by a claim of user 1000, and is declared at 20600/tcp (policy.toml:1:1)";
        assert_eq!(two.texts(NAME), [said]);
    }
}
