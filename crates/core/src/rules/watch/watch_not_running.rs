//! The watch is enabled, and nobody watches (A19, A20).

use alloc::{format, vec::Vec};

use crate::{
    finding::{Finding, Severity},
    rules::{Page, Rule},
    text,
    watch::UNIT,
    words::Words,
    world::World,
};

/// Whoever watches instead, by hand, is enough.
pub(super) const RULE: Rule = Rule {
    name: "watch-not-running",
    severity: Severity::Warning,
    article: &["A19", "A20"],
    outranks: &[],
    page: Page {
        what: Words {
            en: "portreeve-watch.service is enabled, so this host ought to watch by itself, and nobody watches: somebody stopped it, or it cannot begin.",
            ja: "portreeve-watch.service が有効化(enable)され、常時監視のはずですが、監視が動作していません。停止されたか、起動に失敗しています。",
        },
        why: Words {
            en: "Nobody is told of who probes this host or tries passwords, and nobody is kept out for it. Where the policy is wrong, or written by halves, the watch does not begin before it is mended.",
            ja: "ポートの探索もパスワードの試行も検出されず、遮断もされません。policy に誤りがある間や書きかけの間、監視は起動できません。",
        },
        fix: Words {
            en: "See why in its journal (`journalctl -u portreeve-watch`), and start it again: `systemctl restart portreeve-watch.service`. Where this host is not to watch: `portreeve watch disable`.",
            ja: "ジャーナル(`journalctl -u portreeve-watch`)で原因を確認し、`systemctl restart portreeve-watch.service` で再開します。監視が不要な場合は `portreeve watch disable` を実行します。",
        },
    },
    check,
};

fn check(world: &World<'_>) -> Vec<Finding> {
    let is_missing = world.snapshot.watch.is_some_and(|left| left.enabled && !left.runs);
    is_missing.then(finding).into_iter().collect()
}

fn finding() -> Finding {
    let said = text!(
        "nobody watches this host, though {UNIT} is enabled",
        "{UNIT} は有効ですが、監視が動作していません"
    );
    let fix = text!("see why, and start it again", "原因を確認し、再開してください");
    RULE.finding(said, fix).run([format!("systemctl status {UNIT}"), format!("systemctl restart {UNIT}")])
}

#[cfg(test)]
mod tests {
    use crate::{facts::LeftWatch, rules::testing::scene};

    fn found(watch: Option<LeftWatch>) -> usize {
        let mut scene = scene();
        scene.snapshot.watch = watch;
        scene.texts("watch-not-running").len()
    }

    #[test]
    fn a_watch_that_is_enabled_and_does_not_run_is_found() {
        assert_eq!(found(Some(LeftWatch { enabled: true, runs: false })), 1);
    }

    #[test]
    fn one_that_runs_or_that_nobody_wants_is_none() {
        assert_eq!(found(Some(LeftWatch { enabled: true, runs: true })), 0);
        assert_eq!(found(Some(LeftWatch { enabled: false, runs: false })), 0);
        assert_eq!(found(None), 0, "nobody looked");
    }
}
