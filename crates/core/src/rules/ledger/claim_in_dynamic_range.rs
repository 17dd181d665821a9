//! A claimed number may go to any client (A9, A24).

use alloc::vec::Vec;

use crate::{
    facts::Namespace,
    finding::{Finding, Severity},
    ledger::Claim,
    rules::{Page, Rule},
    text,
    words::Words,
    world::World,
};

/// The kernel hands it out before its owner starts.
pub(super) const RULE: Rule = Rule {
    name: "claim-in-dynamic-range",
    severity: Severity::Warning,
    article: &["A9", "A24"],
    outranks: &["service-in-dynamic-range"],
    page: Page {
        what: Words {
            en: "A claimed number lies where this kernel takes numbers for clients from, and is not reserved.",
            ja: "申請済みの番号が、カーネルがクライアントに自動で割り当てる範囲(エフェメラルポート)にあり、予約されていません。",
        },
        why: Words {
            en: "Any outgoing connection may get the number, and whoever claimed it then cannot bind it. It happens where the claim was made without the right to reserve, or where somebody replaced the list, as `sysctl --system` does.",
            ja: "外向きの接続にその番号が割り当てられると、申請した側は bind できません。予約の権限なしで申請した場合や、`sysctl --system` などで予約リストが置き換えられた場合に起こります。",
        },
        fix: Words {
            en: "Have the kernel keep it: `portreeve claims --repair` as root; or claim a number outside of the range.",
            ja: "root で `portreeve claims --repair` を実行してカーネルに予約させるか、範囲外の番号を申請します。",
        },
    },
    check,
};

fn check(world: &World<'_>) -> Vec<Finding> {
    let Some(own) = world.own_namespace() else { return Vec::new() };
    let found = world.unreserved_claims().filter(|claimed| is_handed_out(claimed.claim, own));
    found.map(|claimed| finding(claimed.claim, own)).collect()
}

/// Whether a client may get one of its numbers.
pub(super) fn is_handed_out(claim: &Claim, own: &Namespace) -> bool {
    (claim.ports.first..=claim.ports.last).any(|port| own.hands_out(port))
}

fn finding(claim: &Claim, own: &Namespace) -> Finding {
    let (spec, name) = (claim.spec(), &claim.name);
    let finding = RULE.finding(
        text!(
            "{spec} is claimed for {name}, and the kernel may hand it to a client",
            "{spec} は {name} 用に申請済みですが、カーネルがクライアントに割り当てることがあります"
        ),
        text!("have the kernel keep it", "カーネルに予約させてください"),
    );
    let mut finding = finding.at(spec).run(["portreeve claims --repair".into()]);
    finding.netns = Some(own.id);
    finding
}

#[cfg(test)]
mod tests {
    use crate::{
        port::PortRange,
        rules::testing::{Scene, scene},
    };

    const NAME: &str = "claim-in-dynamic-range";

    fn keeping(first: u16, last: u16) -> Scene {
        scene().namespace(|own| own.reserved = [PortRange { first, last }].into())
    }

    #[test]
    fn a_claimed_number_that_a_client_may_get_is_found_and_told_once() {
        let claimed = scene().claims(&[(1000, "ci 50000/tcp")]);
        assert_eq!(
            claimed.texts(NAME),
            ["50000/tcp: 50000/tcp is claimed for ci, and the kernel may hand it to a client"]
        );
        assert_eq!(claimed.commands(NAME), ["portreeve claims --repair"]);
        assert_eq!(claimed.rules(), [NAME]);
    }

    #[test]
    fn what_the_kernel_keeps_is_safe_whoever_reserved_it() {
        assert_eq!(keeping(49_990, 50_010).claims(&[(1000, "ci 50000/tcp")]).rules(), [""; 0]);
        let half = keeping(50_000, 50_001).claims(&[(1000, "ci 50000-50003/tcp")]);
        assert_eq!(half.rules(), [NAME], "half of it is not kept");
    }

    #[test]
    fn numbers_that_no_client_gets_and_claims_that_ended_are_none() {
        assert!(scene().claims(&[(1000, "web 20500/tcp")]).found(NAME).is_empty());
        assert!(scene().ended_claims(&[(1000, "ci 50000/tcp")]).found(NAME).is_empty());
    }
}
