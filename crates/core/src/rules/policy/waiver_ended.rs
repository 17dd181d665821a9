//! A person lived with a finding until a day that has passed (A20).

use alloc::{format, vec::Vec};

use crate::{
    finding::{Finding, Severity},
    policy::Waiver,
    rules::{Page, Rule, find},
    text,
    words::Words,
    world::World,
};

/// A waiver whose last day is over.
pub(super) const RULE: Rule = Rule {
    name: "waiver-ended",
    severity: Severity::Warning,
    article: &["A20"],
    outranks: &[],
    page: Page {
        what: Words {
            en: "The last day of a waiver in the policy has passed.",
            ja: "policy にある容認(waive)の期限が過ぎました。",
        },
        why: Words {
            en: "It was meant to be looked at again by then. What it waived counts again.",
            ja: "その日までに見直す約束でした。容認していた指摘は、再び件数に含まれます。",
        },
        fix: Words {
            en: "Put the matter right and remove the waiver, or decide anew and give it another date.",
            ja: "問題を解決して容認を削除するか、改めて判断して期限を延ばします。",
        },
    },
    check,
};

fn check(world: &World<'_>) -> Vec<Finding> {
    let waivers = world.policy.into_iter().flat_map(|policy| &policy.waivers);
    waivers.filter_map(|waiver| judge(world, waiver)).collect()
}

fn judge(world: &World<'_>, waiver: &Waiver) -> Option<Finding> {
    let until = waiver.until.filter(|until| *until < world.today())?;
    let rule = &waiver.rule;
    let mut finding = RULE.finding(
        text!("the waiver of {rule} ended on {until}", "{rule} の容認(waive)は {until} で期限が切れました"),
        text!(
            "put the matter right and remove the waiver, or give it another date",
            "問題を解決して容認を削除するか、期限を延ばしてください"
        ),
    );
    finding.ports = waiver.ports.first().copied();
    finding.place = Some(waiver.place.clone());
    // A rule's own name is safe to type; whatever else the file says is not repeated.
    Some(finding.run(find(rule).map(|rule| format!("portreeve explain {}", rule.name))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::testing::scene;

    #[test]
    fn a_waiver_holds_through_its_last_day_and_then_speaks() {
        let scene = |until| {
            scene()
                .listens("redis-server.service", "0.0.0.0:6379/tcp")
                .service("cache", "6379/tcp", "redis-server.service")
                .reach("lan")
                .waives("datastore-open-to-world", "6379/tcp", until)
        };
        // The scene's day is 2026-01-01.
        let last_day = scene("2026-01-01").judge();
        assert!(last_day.iter().all(|finding| finding.rule != RULE.name && finding.waived.is_some()));
        let after = scene("2025-12-31");
        assert_eq!(
            after.texts(RULE.name),
            ["6379/tcp: the waiver of datastore-open-to-world ended on 2025-12-31"]
        );
        assert!(after.judge().iter().all(|finding| finding.waived.is_none()));
        assert_eq!(after.commands(RULE.name), ["portreeve explain datastore-open-to-world"]);
    }

    #[test]
    fn a_waiver_without_an_end_never_ends() {
        let mut scene = scene().waives("runs-as-root", "", "2000-01-01");
        scene.policy.as_mut().unwrap().waivers[0].until = None;
        assert_eq!(scene.rules(), [""; 0]);
    }
}
