//! Somebody looks for open ports of this host (A14, A19).

use alloc::vec::Vec;

use super::lately::{named, suspected, why};
use crate::{
    finding::{Finding, Severity},
    rules::{Page, Rule},
    text,
    watch::Kind,
    words::{Text, Words, inflect},
    world::World,
};

/// Whoever is kept out is none.
pub(super) const RULE: Rule = Rule {
    name: "probed-now",
    severity: Severity::Notice,
    article: &["A14", "A19"],
    outranks: &[],
    page: Page {
        what: Words {
            en: "Within the last hour the watch has told of somebody who looks for open ports of this host, alone or as one of many, or asks a web server for what only a probe asks for, and who is not kept out.",
            ja: "直近 1 時間に、このホストの開いているポートを探している送信元(単独、または多数による分担)、または Web サーバーに探査特有のパスを要求している送信元が見つかり、遮断されていません。",
        },
        why: Words {
            en: "Most of it is the noise of the internet, and finds nothing where only declared ports are open. Within one's own network it is a program or a person that should not do so.",
            ja: "多くはインターネットの雑音であり、宣言したポートだけを開けていれば何も見つかりません。内部ネットワークからであれば、想定外のプログラムや人による探査です。",
        },
        fix: Words {
            en: "See what he did: `portreeve why ADDRESS`. `[watch] mode = \"block\"` has the gate keep out whoever is proven to probe.",
            ja: "`portreeve why アドレス` で内容を確認します。`[watch] mode = \"block\"` と書くと、実在が確認できた送信元をゲートで遮断します。",
        },
    },
    check,
};

fn check(world: &World<'_>) -> Vec<Finding> {
    let suspected = suspected(world, &[Kind::PortScan, Kind::DistributedScan, Kind::PathProbing]);
    let Some(why) = why(&suspected) else { return Vec::new() };
    let Text { en, ja } = named(&suspected);
    let count: u64 = suspected.iter().map(|it| u64::from(it.count)).sum();
    let en_sources = inflect(usize::try_from(count).unwrap_or(2), "source", "sources");
    let said = text!(
        "within the hour {count} {en_sources} looked for what is open here: {en}",
        "直近 1 時間に、{count} 個の送信元が開いているポートやパスを探査: {ja}"
    );
    let fix = text!("see what that was", "内容を確認してください");
    [RULE.finding(said, fix).run([why])].into()
}

#[cfg(test)]
mod tests {
    use crate::rules::watch::testing::{behind_gate, suspect, watched};

    #[test]
    fn whoever_probes_now_and_is_let_in_is_found() {
        let scan = || suspect("203.0.113.7", "port-scan");
        let scene = watched(&[scan(), suspect("203.0.113.8", "path-probing"), scan()]);
        assert_eq!(
            scene.texts("probed-now"),
            ["within the hour 2 sources looked for what is open here: 203.0.113.7, 203.0.113.8"]
        );
        assert_eq!(scene.commands("probed-now"), ["portreeve why 203.0.113.7"]);
        let many: alloc::vec::Vec<_> =
            (1..=6).map(|nth| suspect(&alloc::format!("203.0.113.{nth}"), "port-scan")).collect();
        assert!(watched(&many).texts("probed-now")[0].ends_with("203.0.113.3 and 2 more"));
    }

    #[test]
    fn many_who_share_the_work_count_each_and_need_not_be_known() {
        let many = |source: &str| {
            let mut many = suspect(source, "distributed-scan");
            many.count = 60;
            many
        };
        let scene = watched(&[suspect("203.0.113.7", "port-scan"), many("203.0.113.8")]);
        assert_eq!(
            scene.texts("probed-now"),
            ["within the hour 61 sources looked for what is open here: 203.0.113.8, 203.0.113.7"]
        );
        let scene = watched(&[many("0.0.0.0")]);
        assert_eq!(
            scene.texts("probed-now"),
            ["within the hour 60 sources looked for what is open here: none of them is known by address"]
        );
        assert_eq!(scene.commands("probed-now"), ["portreeve watch status"]);
        let scene = watched(&[many("0.0.0.0"), suspect("203.0.113.7", "port-scan")]);
        assert!(
            scene.texts("probed-now")[0].ends_with("61 sources looked for what is open here: 203.0.113.7")
        );
    }

    #[test]
    fn whoever_did_long_ago_or_is_kept_out_is_none() {
        let mut old = suspect("203.0.113.7", "port-scan");
        old.at -= jiff::SignedDuration::from_hours(1);
        let mut blocked = suspect("203.0.113.8", "port-scan");
        blocked.blocked_until = Some(blocked.at + jiff::SignedDuration::from_hours(1));
        assert!(watched(&[old, blocked.clone()]).texts("probed-now").is_empty());
        blocked.blocked_until = Some(blocked.at - jiff::SignedDuration::from_secs(1));
        assert_eq!(watched(&[blocked]).texts("probed-now").len(), 1, "he may come in again");
        assert!(watched(&[suspect("203.0.113.9", "brute-force")]).texts("probed-now").is_empty());
    }

    #[test]
    fn the_gate_says_who_is_kept_out() {
        let by_hand = suspect("203.0.113.7", "port-scan");
        let mut gone = suspect("203.0.113.8", "port-scan");
        gone.blocked_until = Some(gone.at + jiff::SignedDuration::from_hours(1));
        let mut many = suspect("203.0.113.9", "distributed-scan");
        many.count = 60;
        let found = |kept_out: &[&str]| {
            let scene = behind_gate(&[by_hand.clone(), gone.clone(), many.clone()], kept_out);
            scene.texts("probed-now").pop().unwrap_or_default()
        };
        let one = "within the hour 61 sources looked for what is open here: 203.0.113.9, 203.0.113.8";
        assert_eq!(found(&["203.0.113.7", "203.0.113.9"]), one);
        assert!(found(&[]).ends_with("203.0.113.9, 203.0.113.8, 203.0.113.7"));
        // Nobody saw the gate.
        let mut scene = behind_gate(&[by_hand, gone], &["203.0.113.7"]);
        scene.snapshot.firewall = None;
        assert!(scene.texts("probed-now")[0].ends_with(": 203.0.113.7"));
    }
}
