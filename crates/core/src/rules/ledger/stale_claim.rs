//! A claim ended, and nobody has taken it out (A24, A25).

use alloc::vec::Vec;

use crate::{
    finding::{Finding, Severity},
    ledger::{Claim, Lease, State},
    rules::{Page, Rule},
    text,
    words::{Text, Words},
    world::World,
};

/// Its number is kept for nobody.
pub(super) const RULE: Rule = Rule {
    name: "stale-claim",
    severity: Severity::Notice,
    article: &["A24", "A25"],
    outranks: &[],
    page: Page {
        what: Words {
            en: "A claim ended, as its time is over or its process has gone, and it is still written in the ledger.",
            ja: "期限切れ、またはプロセスの終了により終わった申請が、台帳に残っています。",
        },
        why: Words {
            en: "Anybody may have its number, so nothing is blocked; but whoever ended it may still count on it, and the kernel keeps the number from clients until the ledger is asked again.",
            ja: "その番号はほかの申請に割り当てられるため支障はありませんが、申請した側がまだ使えると思っている可能性があります。また、次に台帳が使われるまでカーネルの予約も残ります。",
        },
        fix: Words {
            en: "Release it, or claim it again where it is still needed.",
            ja: "不要なら解放し、まだ必要なら申請し直します。",
        },
    },
    check,
};

fn check(world: &World<'_>) -> Vec<Finding> {
    let ended = world.claims().filter(|claimed| claimed.state == State::Stale);
    let netns = world.own_namespace().map(|own| own.id);
    ended.map(|claimed| Finding { netns, ..finding(claimed.claim) }).collect()
}

fn finding(claim: &Claim) -> Finding {
    let (spec, name) = (claim.spec(), &claim.name);
    let Text { en, ja } = why(&claim.lease);
    let finding = RULE.finding(
        text!("{name} claims {spec} no more: {en}", "{name} の {spec} の申請は終わっています({ja})"),
        text!("release it, or claim it again", "解放するか、申請し直してください"),
    );
    finding.at(spec).run([claim.release()])
}

fn why(lease: &Lease) -> Text {
    match lease {
        Lease::While { process } => {
            let pid = process.pid;
            text!("process {pid} has gone", "プロセス {pid} は終了しました")
        }
        Lease::Until { until, .. } => {
            let until = until.strftime("%Y-%m-%d %H:%M:%SZ");
            text!("its time was over at {until}", "期限は {until} でした")
        }
        Lease::Permanent => text!("it was given up", "解放されました"),
    }
}

#[cfg(test)]
mod tests {
    use crate::rules::testing::scene;

    #[test]
    fn a_claim_that_ended_is_found_with_how_it_goes_away() {
        let ended = scene().ended_claims(&[(1000, "job 20500/tcp")]);
        assert_eq!(
            ended.texts("stale-claim"),
            ["20500/tcp: job claims 20500/tcp no more: its time was over at 2027-01-15 08:01:00Z"]
        );
        assert_eq!(ended.commands("stale-claim"), ["portreeve release job --protocol tcp --scope host:4c1d"]);
        assert_eq!(ended.rules(), ["stale-claim"]);
    }

    #[test]
    fn a_claim_that_holds_is_none() {
        assert!(scene().claims(&[(1000, "job 20500/tcp")]).found("stale-claim").is_empty());
    }
}
