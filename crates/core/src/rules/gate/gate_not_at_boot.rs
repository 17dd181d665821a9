//! The gate stands, and the next boot begins without it (A15, A20).

use alloc::{format, string::ToString, vec::Vec};

use crate::{
    facts::{AtBoot, KeptGate, LeftGate},
    finding::{Finding, Severity},
    gate::{BOOT_UNIT, EARLY_UNIT, Hindrance},
    rules::{Page, Rule},
    text,
    words::{Text, Words},
    world::{GateNow, World},
};

/// Rules of nftables are gone when the machine is switched off.
pub(super) const RULE: Rule = Rule {
    name: "gate-not-at-boot",
    severity: Severity::Warning,
    article: &["A15", "A20"],
    outranks: &[],
    page: Page {
        what: Words {
            en: "The gate is in force, and the next boot does not put it in force again: no unit of systemd is enabled that does, it is masked or not as portreeve writes it, a drop-in changes it, its program is gone, or what it would put in force is not kept in /var/lib/portreeve/gate.",
            ja: "ゲートは稼働していますが、次の起動では復元されません。復元する systemd のユニットが有効化(enable)されていないか、マスクされているか、書き換えやドロップインで変更されているか、プログラムがないか、復元する内容が /var/lib/portreeve/gate に保存されていません。",
        },
        why: Words {
            en: "The kernel forgets its rules when it stops. After the next boot every port is open until somebody applies the policy again. Where no systemd runs this is not looked for.",
            ja: "カーネルのルールは停止すると失われます。次の起動後は、誰かが policy を適用し直すまで、すべてのポートが開いたままです。systemd のない環境では、この点は確認しません。",
        },
        fix: Words {
            en: "Enable it once: `portreeve gate enable`. It writes the unit anew where that is another one, and keeps the gate as it stands where that is not kept. A mask (`systemctl unmask portreeve-boot.service`) and a drop-in (`systemctl cat portreeve-boot.service` shows it) are taken away first.",
            ja: "一度だけ `portreeve gate enable` を実行します。ユニットが違っていれば書き直します。保存されていなければ、現在のゲートも保存します。マスク(`systemctl unmask portreeve-boot.service`)とドロップイン(`systemctl cat portreeve-boot.service` で表示)は、先に取り除きます。",
        },
    },
    check,
};

fn check(world: &World<'_>) -> Vec<Finding> {
    let judging = world.gate().filter(|(_, now)| !matches!(now, GateNow::Gone | GateNow::Asleep));
    judging.and_then(|(left, _)| finding(left)).into_iter().collect()
}

/// Why the next boot begins without it, and what helps; nothing where it does not, or nobody knows.
fn finding(left: &LeftGate) -> Option<Finding> {
    if let Some(Hindrance { why: Text { en, ja }, fix, commands }) = Hindrance::of(left.at_boot) {
        let said = text!(
            "the gate is in force, and the next boot begins without it: {en}",
            "ゲートは稼働していますが、次の起動では有効になりません({ja})"
        );
        return Some(RULE.finding(said, fix).run(commands.iter().map(ToString::to_string)));
    }
    let said = match (&left.kept, left.at_boot) {
        (KeptGate::Whole { .. }, AtBoot::Failed) => return Some(failed()),
        (KeptGate::Whole { .. }, AtBoot::Late) => return Some(late()),
        (_, AtBoot::Unknown) | (KeptGate::Whole { .. }, _) => return None,
        (KeptGate::Unreadable, _) => text!(
            "the gate is in force, and the next boot begins without it: what is kept of it in /var/lib/portreeve/gate cannot be read",
            "ゲートは稼働していますが、次の起動では有効になりません(/var/lib/portreeve/gate に保存された内容を読めません)"
        ),
        (KeptGate::Nothing, _) => text!(
            "the gate is in force, and the next boot begins without it: it is not kept in /var/lib/portreeve/gate",
            "ゲートは稼働していますが、次の起動では有効になりません(/var/lib/portreeve/gate に保存されていません)"
        ),
    };
    let fix = text!("enable it at boot", "起動時に有効になるようにしてください");
    Some(RULE.finding(said, fix).run(["portreeve gate enable".into()]))
}

/// It is enabled: what it wants is a look at why it failed, and another start.
fn failed() -> Finding {
    let said = text!(
        "the gate is in force, and the next boot may begin without it: {BOOT_UNIT} failed when it was started last",
        "ゲートは稼働していますが、次の起動では有効にならないおそれがあります({BOOT_UNIT} の前回の起動が失敗しています)"
    );
    let fix = text!(
        "see why it failed, and once that is mended start it again",
        "失敗の原因を確認し、解消してから再度起動してください"
    );
    let commands = [format!("systemctl status {BOOT_UNIT}"), format!("systemctl restart {BOOT_UNIT}")];
    RULE.finding(said, fix).run(commands)
}

/// The gate comes in time; services would be there before the guard is.
fn late() -> Finding {
    let said = text!(
        "the next boot puts back the guard and what is steered after services have started: {EARLY_UNIT} is not enabled, is masked, or is not as portreeve writes it",
        "次の起動では、ガードと誘導の復元がサービスの起動より後になります({EARLY_UNIT} が有効化されていないか、マスクされているか、書き換えられています)"
    );
    let fix = text!(
        "take away a mask or a drop-in that systemctl shows, and enable it anew",
        "systemctl で表示されるマスクやドロップインがあれば取り除き、有効化し直してください"
    );
    let commands = [format!("systemctl status {EARLY_UNIT}"), "portreeve gate enable".into()];
    RULE.finding(said, fix).run(commands)
}

#[cfg(test)]
mod tests {
    use crate::{
        facts::{AtBoot, KeptGate},
        gate::{Body, Listing, Revision},
        rules::gate::testing::{asleep, gated, kept},
    };

    #[test]
    fn a_gate_that_no_boot_brings_back_is_found() {
        let host = gated(AtBoot::NotEnabled, Some);
        assert_eq!(
            host.texts("gate-not-at-boot"),
            [
                "the gate is in force, and the next boot begins without it: portreeve-boot.service is not enabled"
            ]
        );
    }

    #[test]
    fn one_that_comes_back_or_of_which_nobody_knows_and_one_that_judges_nothing_are_not() {
        for at_boot in [AtBoot::Enabled, AtBoot::Unknown] {
            assert!(gated(at_boot, Some).texts("gate-not-at-boot").is_empty(), "{at_boot:?}");
        }
        // That it is gone, or sleeps, is the cause that counts.
        assert_eq!(gated(AtBoot::NotEnabled, |_| None).rules(), ["gate-removed"]);
        for left in [KeptGate::Nothing, KeptGate::Unreadable] {
            let host = kept(left, AtBoot::NotEnabled, |listing| Some(asleep(&listing)));
            assert_eq!(host.rules(), ["gate-drifted"]);
        }
    }

    /// Whoever empties /var/lib empties the next boot.
    #[test]
    fn a_gate_that_is_not_kept_is_found() {
        let host = kept(KeptGate::Nothing, AtBoot::Enabled, Some);
        assert_eq!(
            host.texts("gate-not-at-boot"),
            [
                "the gate is in force, and the next boot begins without it: it is not kept in /var/lib/portreeve/gate"
            ]
        );
        assert_eq!(host.rules(), ["gate-not-at-boot"]);
        for at_boot in [AtBoot::Enabled, AtBoot::NotEnabled] {
            assert!(kept(KeptGate::Nothing, at_boot, |_| None).rules().is_empty(), "there never was one");
        }
        assert!(kept(KeptGate::Nothing, AtBoot::Unknown, Some).rules().is_empty());
    }

    #[test]
    fn a_gate_that_a_boot_cannot_read_or_did_not_bring_back_is_found() {
        let said = |left, at_boot| kept(left, at_boot, Some).texts("gate-not-at-boot").concat();
        let late = gated(AtBoot::Late, Some).texts("gate-not-at-boot").concat();
        assert!(late.contains("after services have started: portreeve-early.service"), "{late}");
        for at_boot in [AtBoot::Enabled, AtBoot::Failed] {
            let said = said(KeptGate::Unreadable, at_boot);
            assert!(said.ends_with("what is kept of it in /var/lib/portreeve/gate cannot be read"), "{said}");
        }
        let said = gated(AtBoot::Failed, Some).texts("gate-not-at-boot").concat();
        assert!(said.ends_with("portreeve-boot.service failed when it was started last"), "{said}");
        let commands = gated(AtBoot::Failed, Some).commands("gate-not-at-boot");
        assert_eq!(
            commands,
            ["systemctl status portreeve-boot.service", "systemctl restart portreeve-boot.service"]
        );
    }

    /// To enable the unit is refused where that would be in vain.
    #[test]
    fn whatever_is_in_the_way_is_told_and_what_helps() {
        let told = |at_boot| {
            let host = gated(at_boot, Some);
            (host.texts("gate-not-at-boot").concat(), host.commands("gate-not-at-boot").concat())
        };
        for (at_boot, why, command) in [
            (AtBoot::Masked, "portreeve-boot.service is masked", "systemctl unmask portreeve-boot.service"),
            (AtBoot::DropIn, "a drop-in changes", "systemctl cat portreeve-boot.service"),
            (AtBoot::Edited, "is not as portreeve writes it", "portreeve gate enable"),
            (
                AtBoot::NoProgram,
                "is gone, cannot be executed, or is not root's alone",
                "portreeve gate enable",
            ),
        ] {
            let (said, commands) = told(at_boot);
            assert!(said.contains(why) && commands.starts_with(command), "{said}: {commands}");
        }
    }

    #[test]
    fn a_table_for_addresses_alone_is_no_gate_that_a_boot_must_bring_back() {
        let mut table = Listing::read(r#"{"nftables":[]}"#).unwrap();
        table.create(&Body::open(), Revision::of(7));
        let host = kept(KeptGate::Nothing, AtBoot::Enabled, |_| Some(table.text()));
        assert!(host.texts("gate-not-at-boot").is_empty());
    }
}
