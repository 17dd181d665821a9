//! Somebody listens in the pool of the ledger and has claimed nothing (A24, A25).

use alloc::{format, vec::Vec};

use crate::{
    finding::{Finding, Severity},
    rules::{Page, Rule},
    text,
    words::{Text, Words},
    world::{Holding, World},
};

/// The next who asks the ledger would have got the number.
pub(super) const RULE: Rule = Rule {
    name: "unclaimed-port",
    severity: Severity::Notice,
    article: &["A24", "A25"],
    outranks: &[],
    page: Page {
        what: Words {
            en: "Something listens in the range from which the ledger gives numbers, on one that nobody has claimed.",
            ja: "台帳が番号を割り当てる範囲で、申請されていない番号を使って待ち受けているものがあります。",
        },
        why: Words {
            en: "The ledger gives nobody a number on which somebody listens now; when this one is not running, its number may be given to another, and it does not start again.",
            ja: "使用中の番号は割り当てられませんが、停止している間に別の申請へ割り当てられ、次に起動できなくなることがあります。",
        },
        fix: Words {
            en: "Claim the number for it (`portreeve claim NAME 20500/tcp --force-bound`), or declare it in the policy.",
            ja: "その番号を申請する(`portreeve claim NAME 20500/tcp --force-bound`)か、policy に宣言します。",
        },
    },
    check,
};

/// Where nobody uses the ledger, nobody is reminded of it.
fn check(world: &World<'_>) -> Vec<Finding> {
    if world.standing_claims().next().is_none() {
        return Vec::new();
    }
    world.holdings().filter(|holding| is_unclaimed(world, holding)).map(finding).collect()
}

fn is_unclaimed(world: &World<'_>, holding: &Holding<'_>) -> bool {
    let (spec, own) = (holding.spec(), world.own_namespace());
    own.is_some_and(|own| own.id == holding.netns())
        && world.pool().contains(spec.range.first)
        && holding.declared.is_none()
        && world.registry.assignment(spec.range.first, spec.protocol).is_none()
        && holding.listeners.iter().any(|listener| world.claim_of(listener).is_none())
}

fn finding(holding: &Holding<'_>) -> Finding {
    let (Text { en, ja }, spec) = (holding.who(), holding.spec());
    let finding = RULE.finding(
        text!(
            "{en} listens on {spec}, which the ledger gives to others and nobody has claimed",
            "{ja} が待ち受けている {spec} は、台帳の割り当て範囲にありますが、申請されていません"
        ),
        text!(
            "claim it under a name, or declare it in the policy",
            "名前を付けて申請するか、policy に宣言してください"
        ),
    );
    finding.about(holding).run([format!("portreeve who {spec}")])
}

#[cfg(test)]
mod tests {
    use crate::{
        port::PortRange,
        rules::testing::{Scene, scene},
    };

    const NAME: &str = "unclaimed-port";

    /// A host on which `spot` is listened on and 20500/tcp is claimed and kept.
    fn host(spot: &str) -> Scene {
        let kept = scene().namespace(|own| own.reserved = [PortRange { first: 20_000, last: 29_999 }].into());
        kept.claims(&[(100, "web 20500/tcp")]).listens("shop.service", spot)
    }

    #[test]
    fn a_listener_in_the_pool_without_a_claim_is_found() {
        assert_eq!(
            host("127.0.0.1:20501/tcp").texts(NAME),
            ["20501/tcp: shop listens on 20501/tcp, which the ledger gives to others and nobody has claimed"]
        );
    }

    #[test]
    fn whoever_claimed_it_or_stands_elsewhere_is_none() {
        for spot in ["127.0.0.1:20500/tcp", "127.0.0.1:19999/tcp", "127.0.0.1:30000/tcp"] {
            assert_eq!(host(spot).rules(), [""; 0], "{spot}");
        }
        assert_eq!(host("127.0.0.1:20500/udp").rules(), [NAME], "another protocol");
    }

    #[test]
    fn what_iana_assigns_or_the_policy_declares_is_none() {
        // IANA assigns 25000/tcp to icl-twobase1.
        assert_eq!(host("127.0.0.1:25000/tcp").rules(), [""; 0]);
        let declared = host("127.0.0.1:20501/tcp").service("shop", "20501/tcp", "shop.service");
        assert_eq!(declared.rules(), [""; 0]);
    }

    #[test]
    fn where_nobody_claims_nobody_is_reminded() {
        assert_eq!(scene().listens("shop.service", "127.0.0.1:20501/tcp").rules(), [""; 0]);
        let ended = scene().ended_claims(&[(100, "web 20500/tcp")]);
        assert!(ended.listens("shop.service", "127.0.0.1:20501/tcp").found(NAME).is_empty());
    }

    /// With a policy it is first of all a port that nobody declared.
    #[test]
    fn an_undeclared_port_is_one_finding() {
        let told = host("0.0.0.0:20501/tcp").policy().rules();
        assert_eq!(told, ["unneeded-open-port"]);
    }
}
