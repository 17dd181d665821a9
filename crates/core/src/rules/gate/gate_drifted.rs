//! The gate stands, and somebody else has changed what it lets in (A15, A16, A20).

use alloc::vec::Vec;

use jiff::Timestamp;

use crate::{
    finding::{Finding, Severity},
    rules::{Page, Rule},
    text,
    words::Words,
    world::{GateNow, World},
};

/// What is in the table is not what was confirmed.
pub(super) const RULE: Rule = Rule {
    name: "gate-drifted",
    severity: Severity::High,
    article: &["A15", "A16", "A20"],
    outranks: &[],
    page: Page {
        what: Words {
            en: "The table of the gate stands, and its rules or sets are not those that were confirmed: somebody changed them with another program. Or somebody put it to sleep (`flags dormant`), so that it refuses nothing. Or a newer portreeve made it, and this one cannot read it.",
            ja: "ゲートのテーブルはありますが、ルールやセットが確定した内容と違います。別のプログラムで変更されています。または、休止状態(`flags dormant`)にされ、何も遮断していません。または、より新しい portreeve で作られていて、内容を読み取れません。",
        },
        why: Words {
            en: "What comes in is no longer what the policy declares, and the next boot or `portreeve apply` brings back what was confirmed: neither state is what anybody decided.",
            ja: "実際に通る通信が policy の宣言と食い違い、しかも次の起動や `portreeve apply` で確定時の内容に戻ります。どちらの状態も、誰かが決めたものではなくなります。",
        },
        fix: Words {
            en: "See what differs with `portreeve plan`, and put the gate in force as declared with `portreeve apply`; where that makes the whole table anew, as it does of one that sleeps, `--no-trial` is needed. What should be open belongs into the policy; what is open for a while, to `portreeve open`.",
            ja: "`portreeve plan` で違いを確認し、`portreeve apply` で宣言どおりに戻します。テーブル全体を作り直す場合(休止状態の場合など)は `--no-trial` が必要です。開けたいポートは policy に書き、一時的な開放には `portreeve open` を使います。",
        },
    },
    check,
};

fn check(world: &World<'_>) -> Vec<Finding> {
    let found = world.gate().and_then(|(left, now)| match now {
        GateNow::Stands | GateNow::Gone => None,
        GateNow::Changed => {
            Some(changed(left.at()?).run(["portreeve plan".into(), "portreeve apply".into()]))
        }
        GateNow::Asleep => Some(asleep().run(["portreeve apply --no-trial".into()])),
        GateNow::Undermined => {
            Some(changed(left.at()?).run(["portreeve plan".into(), "portreeve apply --no-trial".into()]))
        }
        GateNow::Newer => Some(newer().run(["portreeve gate status".into()])),
    });
    found.into_iter().collect()
}

fn asleep() -> Finding {
    let fix = text!("make it anew", "作り直してください");
    let said = text!(
        "somebody has put the gate to sleep (flags dormant): nothing is refused",
        "ゲートが休止状態(flags dormant)にされており、何も遮断していません"
    );
    RULE.finding(said, fix)
}

fn newer() -> Finding {
    RULE.finding(
        Words {
            en: "a newer portreeve made the gate that stands, so whether it is as it was confirmed cannot be told",
            ja: "稼働中のゲートはより新しい portreeve で作られているため、確定した内容かどうかを判定できません",
        }
        .into(),
        text!("update portreeve, or take the gate away", "portreeve を更新するか、ゲートを取り除いてください"),
    )
}

fn changed(at: Timestamp) -> Finding {
    let at = at.strftime("%Y-%m-%d %H:%M:%SZ");
    RULE.finding(
        text!(
            "the gate is not as it was confirmed at {at}: somebody else changed its rules or sets",
            "ゲートが {at} に確定した内容と違います。ルールかセットが別のプログラムで変更されています"
        ),
        text!("see what differs, and apply the policy again", "違いを確認し、policy を適用し直してください"),
    )
}

#[cfg(test)]
mod tests {
    use alloc::{string::String, vec::Vec};

    use crate::{
        facts::AtBoot,
        rules::gate::testing::{asleep, gated},
    };

    fn found(change: impl FnOnce(String) -> String) -> bool {
        let host = gated(AtBoot::Enabled, |listing| Some(change(listing)));
        assert!(host.texts("gate-removed").is_empty());
        host.texts("gate-drifted")
            == [
                "the gate is not as it was confirmed at 2025-12-31 08:00:00Z: somebody else changed its rules or sets",
            ]
    }

    #[test]
    fn a_port_that_somebody_added_is_found() {
        assert!(found(|listing| {
            let wider = listing.replace("[443]", "[443,8080]");
            assert_ne!(wider, listing);
            wider
        }));
    }

    #[test]
    fn a_rule_that_this_program_never_writes_is_found() {
        assert!(found(|listing| {
            let rule = r#"{"rule":{"family":"inet","table":"portreeve","chain":"a_input","expr":[{"accept":null}]}}]}"#;
            listing.strip_suffix("]}").map(|begin| [begin, ",", rule].concat()).expect("it is a listing")
        }));
        assert!(found(|listing| listing.replace("\"revision\"", "\"revised\"")));
    }

    #[test]
    fn a_chain_that_this_program_never_makes_is_found() {
        let evil = r#"{"chain":{"family":"inet","table":"portreeve","name":"evil","type":"filter","hook":"input","prio":-500,"policy":"accept"}}]}"#;
        assert!(found(|listing| {
            listing.strip_suffix("]}").map(|begin| [begin, ",", evil].concat()).expect("it is a listing")
        }));
    }

    fn runs(change: impl FnOnce(String) -> String) -> Vec<String> {
        gated(AtBoot::Enabled, |listing| Some(change(listing))).commands("gate-drifted")
    }

    #[test]
    fn what_is_offered_is_what_can_be_done() {
        let wider = |listing: String| listing.replace("[443]", "[443,8080]");
        assert_eq!(runs(wider), ["portreeve plan", "portreeve apply"]);
        let rule =
            r#"{"rule":{"family":"inet","table":"portreeve","chain":"input","expr":[{"accept":null}]}}]}"#;
        let foreign = |listing: String| [listing.strip_suffix("]}").unwrap(), ",", rule].concat();
        assert_eq!(runs(foreign), ["portreeve plan", "portreeve apply --no-trial"]);
        assert_eq!(
            runs(|listing| listing.replace("\"revision\"", "\"revised\"")),
            ["portreeve plan", "portreeve apply --no-trial"]
        );
        let sleeping = gated(AtBoot::Enabled, |listing| Some(asleep(&listing)));
        assert_eq!(sleeping.commands("gate-drifted"), ["portreeve apply --no-trial"]);
        let said = ["somebody has put the gate to sleep (flags dormant): nothing is refused"];
        assert_eq!(sleeping.texts("gate-drifted"), said);
    }

    #[test]
    fn a_gate_of_a_newer_portreeve_is_told() {
        let layout = r#""elem":[1]"#;
        let newer = |listing: String| {
            assert_eq!(listing.matches(layout).count(), 1, "{listing}");
            listing.replace(layout, r#""elem":[2]"#)
        };
        assert_eq!(runs(newer), ["portreeve gate status"]);
        let host = gated(AtBoot::Enabled, |listing| Some(newer(listing)));
        let [text] = host.texts("gate-drifted").try_into().unwrap();
        assert!(text.starts_with("a newer portreeve made the gate"), "{text}");
        assert_eq!(host.texts("gate-removed"), [] as [&str; 0]);
    }

    #[test]
    fn a_port_that_is_open_without_an_end_is_found_and_one_for_a_while_is_not() {
        let opened = |elements: &'static str| {
            found(|listing| {
                let set = r#""name":"open_world_tcp""#;
                assert_eq!(listing.matches(set).count(), 1);
                listing.replace(set, &["\"elem\":", elements, ",", set].concat())
            })
        };
        assert!(opened("[4444]"));
        assert!(opened(r#"[{"elem":{"val":22,"timeout":60,"expires":59}},4444]"#));
        assert!(opened(r#"[{"elem":{"val":4444,"comment":"mine"}}]"#));
        assert!(!opened(r#"[{"elem":{"val":22,"timeout":60,"expires":59}}]"#));
        // Less than a second is left.
        assert!(!opened(r#"[{"elem":{"val":22,"timeout":60}}]"#));
    }

    #[test]
    fn what_stands_as_it_was_confirmed_has_not_drifted() {
        assert!(!found(|listing| listing));
        // What is kept out for a while is no part of it.
        assert!(!found(|listing| {
            let blocked =
                r#""elem":[{"elem":{"val":"192.0.2.1","timeout":60,"expires":59}}],"name":"blocked4""#;
            let held = listing.replace(r#""name":"blocked4""#, blocked);
            assert_ne!(held, listing);
            held
        }));
    }
}
