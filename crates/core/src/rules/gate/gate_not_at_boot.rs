//! The gate stands, and the next boot begins without it (A15, A20).

use alloc::vec::Vec;

use crate::{
    facts::AtBoot,
    finding::{Finding, Severity},
    gate::BOOT_UNIT,
    rules::{Page, Rule},
    text,
    words::Words,
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
            en: "The gate is in force, and no enabled unit of systemd puts it in force again when the host boots.",
            ja: "ゲートは稼働していますが、起動時に有効にする systemd のユニットが有効化(enable)されていません。",
        },
        why: Words {
            en: "The kernel forgets its rules when it stops. After the next boot every port is open until somebody applies the policy again. Where no systemd runs this is not looked for.",
            ja: "カーネルのルールは停止すると失われます。次の起動後は、誰かが policy を適用し直すまで、すべてのポートが開いたままです。systemd のない環境では、この点は確認しません。",
        },
        fix: Words {
            en: "Enable it once: `portreeve gate enable`.",
            ja: "一度だけ `portreeve gate enable` を実行します。",
        },
    },
    check,
};

fn check(world: &World<'_>) -> Vec<Finding> {
    let is_found =
        world.gate().is_some_and(|(left, now)| now != GateNow::Gone && left.at_boot == AtBoot::NotEnabled);
    let finding = || {
        RULE.finding(
            text!(
                "the gate is in force, and the next boot begins without it: {BOOT_UNIT} is not enabled",
                "ゲートは稼働していますが、次の起動では有効になりません({BOOT_UNIT} が有効化されていません)"
            ),
            text!("enable it at boot", "起動時に有効になるようにしてください"),
        )
    };
    is_found.then(|| finding().run(["portreeve gate enable".into()])).into_iter().collect()
}

#[cfg(test)]
mod tests {
    use crate::{facts::AtBoot, rules::gate::testing::gated};

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
}
