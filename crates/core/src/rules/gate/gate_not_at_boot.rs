//! The gate stands, and the next boot begins without it (A15, A20).

use alloc::vec::Vec;

use crate::{
    facts::{AtBoot, KeptGate, LeftGate},
    finding::{Finding, Severity},
    gate::BOOT_UNIT,
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
            en: "The gate is in force, and the next boot does not put it in force again: no unit of systemd is enabled that does, it is not as portreeve writes it or its program is gone, or what it would put in force is not kept in /var/lib/portreeve/gate.",
            ja: "ゲートは稼働していますが、次の起動では復元されません。復元する systemd のユニットが有効化(enable)されていないか、書き換えられているか、プログラムがないか、復元する内容が /var/lib/portreeve/gate に保存されていません。",
        },
        why: Words {
            en: "The kernel forgets its rules when it stops. After the next boot every port is open until somebody applies the policy again. Where no systemd runs this is not looked for.",
            ja: "カーネルのルールは停止すると失われます。次の起動後は、誰かが policy を適用し直すまで、すべてのポートが開いたままです。systemd のない環境では、この点は確認しません。",
        },
        fix: Words {
            en: "Enable it once: `portreeve gate enable`. It writes the unit anew where that is another one, and keeps the gate as it stands where that is not kept.",
            ja: "一度だけ `portreeve gate enable` を実行します。ユニットが違っていれば書き直します。保存されていなければ、現在のゲートも保存します。",
        },
    },
    check,
};

fn check(world: &World<'_>) -> Vec<Finding> {
    let standing = world.gate().filter(|(_, now)| *now != GateNow::Gone);
    let said = standing.and_then(|(left, _)| said(left));
    let fix = || text!("enable it at boot", "起動時に有効になるようにしてください");
    let finding = |said| RULE.finding(said, fix()).run(["portreeve gate enable".into()]);
    said.map(finding).into_iter().collect()
}

/// Why the next boot begins without it; nothing where it does not, or nobody knows.
fn said(left: &LeftGate) -> Option<Text> {
    match (&left.kept, left.at_boot) {
        (_, AtBoot::Unknown) | (KeptGate::Whole { .. }, AtBoot::Enabled) => None,
        (_, AtBoot::NotEnabled) => Some(text!(
            "the gate is in force, and the next boot begins without it: {BOOT_UNIT} is not enabled",
            "ゲートは稼働していますが、次の起動では有効になりません({BOOT_UNIT} が有効化されていません)"
        )),
        (_, AtBoot::Unfit) => Some(text!(
            "the gate is in force, and the next boot begins without it: {BOOT_UNIT} is not as portreeve writes it, or a drop-in changes it, or the program that it starts is gone or not root's alone",
            "ゲートは稼働していますが、次の起動では有効になりません({BOOT_UNIT} が書き換えられているか、ドロップインで変更されているか、起動するプログラムがないか、root 以外が変更できます)"
        )),
        (KeptGate::Whole { .. }, AtBoot::Failed) => Some(text!(
            "the gate is in force, and the next boot may begin without it: {BOOT_UNIT} failed when it was started last",
            "ゲートは稼働していますが、次の起動では有効にならないおそれがあります({BOOT_UNIT} の前回の起動が失敗しています)"
        )),
        (KeptGate::Unreadable, AtBoot::Enabled | AtBoot::Failed) => Some(text!(
            "the gate is in force, and the next boot begins without it: what is kept of it in /var/lib/portreeve/gate cannot be read",
            "ゲートは稼働していますが、次の起動では有効になりません(/var/lib/portreeve/gate に保存された内容を読めません)"
        )),
        (KeptGate::Nothing, AtBoot::Enabled | AtBoot::Failed) => Some(text!(
            "the gate is in force, and the next boot begins without it: it is not kept in /var/lib/portreeve/gate",
            "ゲートは稼働していますが、次の起動では有効になりません(/var/lib/portreeve/gate に保存されていません)"
        )),
    }
}

#[cfg(test)]
mod tests {
    use crate::{
        facts::{AtBoot, KeptGate},
        gate::{Body, Listing, Revision},
        rules::gate::testing::{gated, kept},
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
    fn one_that_comes_back_or_of_which_nobody_knows_and_one_that_is_gone_are_not() {
        for at_boot in [AtBoot::Enabled, AtBoot::Unknown] {
            assert!(gated(at_boot, Some).texts("gate-not-at-boot").is_empty(), "{at_boot:?}");
        }
        // That it is gone is the cause that counts.
        assert_eq!(gated(AtBoot::NotEnabled, |_| None).rules(), ["gate-removed"]);
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
        for at_boot in [AtBoot::Enabled, AtBoot::Failed] {
            let said = said(KeptGate::Unreadable, at_boot);
            assert!(said.ends_with("what is kept of it in /var/lib/portreeve/gate cannot be read"), "{said}");
        }
        let said = gated(AtBoot::Unfit, Some).texts("gate-not-at-boot").concat();
        assert!(said.contains("is gone or not root's alone"), "{said}");
        let said = gated(AtBoot::Failed, Some).texts("gate-not-at-boot").concat();
        assert!(said.ends_with("portreeve-boot.service failed when it was started last"), "{said}");
    }

    #[test]
    fn a_table_for_addresses_alone_is_no_gate_that_a_boot_must_bring_back() {
        let mut table = Listing::read(r#"{"nftables":[]}"#).unwrap();
        table.create(&Body::open(), Revision::of(7));
        let host = kept(KeptGate::Nothing, AtBoot::Enabled, |_| Some(table.text()));
        assert!(host.texts("gate-not-at-boot").is_empty());
    }
}
