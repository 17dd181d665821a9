//! The policy has the watch block, and nobody watches, or nothing stands that could keep anybody out (A16, A19).

use alloc::vec::Vec;

use crate::{
    facts::Gap,
    finding::{Finding, Severity},
    policy::WatchMode,
    rules::{Page, Rule},
    text,
    words::Words,
    world::World,
};

/// Sources are kept out by two sets of the gate's table.
pub(super) const RULE: Rule = Rule {
    name: "watch-cannot-block",
    severity: Severity::Notice,
    article: &["A16", "A19"],
    outranks: &[],
    page: Page {
        what: Words {
            en: "The policy says `[watch] mode = \"block\"`, and nobody watches, or there is no gate, or somebody else has changed what keeps sources out in it.",
            ja: "policy に `[watch] mode = \"block\"` とありますが、監視が動作していないか、ゲートがないか、送信元を遮断する部分がほかの手段で書き換えられています。",
        },
        why: Words {
            en: "Sources are kept out by the gate's own table. Without it the watch tells of whoever probes this host, and does nothing about him.",
            ja: "送信元の遮断にはゲート専用のテーブルを使います。それがなければ、探査している相手を知らせるだけで、遮断はしません。",
        },
        fix: Words {
            en: "Have the host watch: `portreeve watch enable`. Apply the policy: `portreeve apply`. Where nobody is to be blocked, write `mode = \"observe\"`.",
            ja: "`portreeve watch enable` で常時監視を設定し、`portreeve apply` で policy を適用します。遮断しない場合は `mode = \"observe\"` と書きます。",
        },
    },
    check,
};

fn check(world: &World<'_>) -> Vec<Finding> {
    let blocks = world.policy.is_some_and(|policy| policy.watch.mode == WatchMode::Block);
    let missing = blocks.then(|| [unwatched(world), ungated(world)]);
    missing.into_iter().flatten().flatten().collect()
}

/// That nobody watches: where somebody ought to by himself, that is another finding.
fn unwatched(world: &World<'_>) -> Option<Finding> {
    world.snapshot.watch.filter(|left| !left.runs && !left.enabled)?;
    let said = text!(
        "the policy has the watch block, and nobody watches",
        "policy に遮断の指定がありますが、監視が動作していません"
    );
    let fix = text!("have the host watch", "常時監視を設定してください");
    Some(RULE.finding(said, fix).run(["portreeve watch enable".into()]))
}

fn ungated(world: &World<'_>) -> Option<Finding> {
    let is_seen = world.snapshot.firewall.is_some() && !world.snapshot.gaps.iter().any(Gap::hides_firewall);
    if !is_seen || world.own_namespace().is_none() {
        return None;
    }
    let is_able = match world.standing() {
        Ok(standing) => standing.is_some_and(|standing| !standing.foundation.is_made_anew()),
        // What is listed otherwise nobody can tell.
        Err(_) => true,
    };
    let found = || {
        let said = text!(
            "the policy has the watch block, and there is no gate that could",
            "policy に遮断の指定がありますが、遮断できるゲートがありません"
        );
        let fix = text!("apply the policy", "policy を適用してください");
        RULE.finding(said, fix).run(["portreeve apply".into()])
    };
    (!is_able).then(found)
}

#[cfg(test)]
mod tests {
    use crate::{
        facts::{AtBoot, LeftWatch},
        policy::WatchMode,
        rules::{
            gate::testing::{asleep, gated},
            testing::Scene,
        },
    };

    fn watched(mut scene: Scene, mode: WatchMode) -> usize {
        scene.policy.as_mut().unwrap().watch.mode = mode;
        scene.texts("watch-cannot-block").len()
    }

    #[test]
    fn a_watch_that_cannot_block_is_found() {
        assert_eq!(watched(gated(AtBoot::Enabled, |_| None), WatchMode::Block), 1);
        let sleeps = gated(AtBoot::Enabled, |listing| Some(asleep(&listing)));
        assert_eq!(watched(sleeps, WatchMode::Block), 1);
    }

    #[test]
    fn a_policy_that_has_nobody_watch_block_is_found() {
        let found = |enabled, runs, mode| {
            let mut scene = gated(AtBoot::Enabled, Some);
            scene.snapshot.watch = Some(LeftWatch { enabled, runs });
            watched(scene, mode)
        };
        assert_eq!(found(false, false, WatchMode::Block), 1);
        assert_eq!(found(false, true, WatchMode::Block), 0, "by hand");
        assert_eq!(found(true, false, WatchMode::Block), 0, "that it does not run is another finding");
        assert_eq!(found(false, false, WatchMode::Observe), 0);
    }

    #[test]
    fn one_that_can_or_need_not_is_none() {
        assert_eq!(watched(gated(AtBoot::Enabled, Some), WatchMode::Block), 0);
        assert_eq!(watched(gated(AtBoot::Enabled, |_| None), WatchMode::Observe), 0);
        let mut unseen = gated(AtBoot::Enabled, |_| None);
        unseen.snapshot.firewall = None;
        assert_eq!(watched(unseen, WatchMode::Block), 0, "nobody looked");
    }
}
