//! A port is open that no service of the policy declares (A16, A17).

use alloc::{format, vec::Vec};

use crate::{
    finding::{Finding, Severity},
    owner::Identity,
    rules::{Page, Rule},
    text,
    words::Words,
    world::World,
};

/// A listener that no service declares, on a host that has a policy.
pub(super) const RULE: Rule = Rule {
    name: "unneeded-open-port",
    severity: Severity::Warning,
    article: &["A16", "A17"],
    outranks: &[],
    page: Page {
        what: Words {
            en: "Something listens on a port that no service of the policy declares.",
            ja: "policy のどのサービスも宣言していないポートで、何かが待ち受けています。",
        },
        why: Words {
            en: "Each open port is a way in. One that nobody decided on is one that nobody patches or watches.",
            ja: "開いているポートは侵入口になります。誰も開けると決めていないポートは、誰も更新せず、誰も監視していません。",
        },
        fix: Words {
            en: "Stop the program if it is not needed; otherwise declare it as a service in the policy.",
            ja: "不要ならプログラムを止め、必要なら policy にサービスとして宣言します。",
        },
    },
    check,
};

fn check(world: &World<'_>) -> Vec<Finding> {
    if world.policy.is_none() {
        return Vec::new();
    }
    world
        .listeners()
        .filter(|listener| world.declared(listener).is_none())
        .map(|listener| {
            let spec = listener.spec();
            let who = world.identities(listener).first().and_then(Identity::lasting);
            let who = who.unwrap_or_else(|| "?".into());
            RULE.finding(
                text!(
                    "{who} listens on {spec}, which no service declares",
                    "どのサービスも宣言していない {spec} で {who} が待ち受けています"
                ),
                text!(
                    "stop it, or declare {spec} in the policy",
                    "停止するか、policy に {spec} を宣言してください"
                ),
            )
            .about(listener)
            .run([format!("portreeve who {spec}")])
        })
        .collect()
}
