//! A gate was confirmed on this host, and its table is gone (A15, A16, A20).

use alloc::{string::ToString, vec::Vec};
use core::iter;

use crate::{
    facts::{AtBoot, KeptGate, LeftGate},
    finding::{Finding, Severity},
    gate::{BOOT_UNIT, Hindrance},
    rules::{Page, Rule},
    text,
    words::{Text, Words},
    world::{GateNow, World},
};

/// Whoever flushes all rules takes the gate with them.
pub(super) const RULE: Rule = Rule {
    name: "gate-removed",
    severity: Severity::Critical,
    article: &["A15", "A16", "A20"],
    outranks: &[],
    page: Page {
        what: Words {
            en: "A gate was confirmed on this host, and its table is not there, or is empty: nothing keeps out what no service declares.",
            ja: "このホストで確定したゲートのテーブルがないか、空になっています。宣言のないポートへの通信を遮断するものがない状態です。",
        },
        why: Words {
            en: "Debian's /etc/nftables.conf begins with `flush ruleset`, so a reload of nftables.service takes the gate away; so does `nft delete table inet portreeve`, and a boot where nothing puts the gate in force. Whoever relied on it is unprotected and does not know it.",
            ja: "Debian の /etc/nftables.conf は `flush ruleset` で始まるため、nftables.service を再読み込みするとゲートも消えます。`nft delete table inet portreeve` や、ゲートを有効にする仕組みのない再起動でも同じです。守られているつもりのまま、無防備になります。",
        },
        fix: Words {
            en: "Put it in force again with `portreeve apply`; find out who took it away and take `flush ruleset` out of what does it. If the gate is no longer wanted, `portreeve off gate` forgets it.",
            ja: "`portreeve apply` でもう一度有効にします。取り除いた原因を調べ、`flush ruleset` をやめさせます。ゲートが不要になったのなら、`portreeve off gate` で記録も消えます。",
        },
    },
    check,
};

fn check(world: &World<'_>) -> Vec<Finding> {
    let gone = world.gate().filter(|(_, now)| *now == GateNow::Gone);
    let is_emptied = || matches!(world.standing(), Ok(Some(_)));
    gone.map(|(left, _)| finding(left, is_emptied())).into_iter().collect()
}

/// Who took it away nobody has watched: only since when it should stand is known, and whether the boot put it back.
fn finding(left: &LeftGate, is_emptied: bool) -> Finding {
    let since = left.at().map(|at| at.strftime("%Y-%m-%d %H:%M:%SZ").to_string());
    let Text { en, ja } = since.map_or_else(
        || text!("the gate that was confirmed here", "このホストで確定したゲート"),
        |at| text!("the gate that was confirmed at {at}", "{at} に確定したゲート"),
    );
    let hindrance = Hindrance::of(left.at_boot);
    let said = match (&left.kept, left.at_boot) {
        (_, AtBoot::Failed) => text!(
            "{en} is gone: {BOOT_UNIT} failed to put it back",
            "{ja}がありません。{BOOT_UNIT} が復元に失敗しています"
        ),
        (KeptGate::Unreadable, _) => text!(
            "{en} is gone, and what is kept of it in /var/lib/portreeve/gate cannot be read",
            "{ja}がなく、/var/lib/portreeve/gate に保存された内容も読めません"
        ),
        _ if is_emptied => text!(
            "{en} is gone: another program emptied its table",
            "{ja}がありません。portreeve 以外の操作でテーブルが空にされています"
        ),
        _ if left.ended_by_boot => {
            let Text { en: en_why, ja: ja_why } = hindrance.as_ref().map_or_else(Text::default, |it| {
                let Text { en, ja } = &it.why;
                text!(", as {en}", "({ja})")
            });
            text!(
                "{en} is gone: a reboot of the machine took it away{en_why}",
                "{ja}がありません。再起動で消えています{ja_why}"
            )
        }
        _ => text!(
            "{en} is gone: another program removed it",
            "{ja}がありません。portreeve 以外の操作で取り除かれています"
        ),
    };
    let fix = match (&left.kept, left.at_boot) {
        (_, AtBoot::Failed) => text!(
            "see why it failed (systemctl status {BOOT_UNIT}), and apply the policy again",
            "失敗の原因を確認し(systemctl status {BOOT_UNIT})、policy を適用し直してください"
        ),
        (KeptGate::Unreadable, _) => {
            text!(
                "apply the policy again, which keeps it anew",
                "policy を適用し直してください(保存し直します)"
            )
        }
        _ if left.ended_by_boot => {
            let Text { en, ja } = hindrance.as_ref().map_or_else(Text::default, |it| {
                let Text { en, ja } = &it.fix;
                text!("; then for the next boot: {en}", "。次回の起動に備え、{ja}")
            });
            text!("apply the policy again{en}", "policy を適用し直してください{ja}")
        }
        _ => text!(
            "apply the policy again, and take `flush ruleset` out of whatever reloads other rules",
            "policy を適用し直し、ほかのルールの再読み込みから `flush ruleset` を取り除いてください"
        ),
    };
    let helps = hindrance.filter(|_| left.ended_by_boot).map_or(&[][..], |it| it.commands);
    // A table that is made anew has nothing that a trial could go back to.
    let apply = if is_emptied { "portreeve apply --no-trial" } else { "portreeve apply" };
    let commands = iter::once(apply).chain(helps.iter().copied()).chain(["portreeve gate status"]);
    RULE.finding(said, fix).run(commands.map(ToString::to_string))
}

#[cfg(test)]
mod tests {
    use crate::{
        facts::{AtBoot, Gap, GapKind, KeptGate},
        rules::{
            gate::testing::{gated, kept},
            testing::filtering,
        },
    };

    #[test]
    fn a_gate_that_was_confirmed_and_is_not_there_is_missed() {
        let host = gated(AtBoot::Enabled, |_| None);
        let said =
            ["the gate that was confirmed at 2025-12-31 08:00:00Z is gone: another program removed it"];
        assert_eq!(host.texts("gate-removed"), said);
        assert_eq!(host.rules(), ["gate-removed"]);
    }

    /// What is named as a gate and has no chain at a hook keeps nobody out.
    #[test]
    fn a_gate_whose_table_was_emptied_is_missed() {
        let empty = r#"{"nftables":[{"table":{"family":"inet","name":"portreeve"}}]}"#;
        let host = gated(AtBoot::NotEnabled, |_| Some(empty.into()));
        let said = [
            "the gate that was confirmed at 2025-12-31 08:00:00Z is gone: another program emptied its table",
        ];
        assert_eq!(host.texts("gate-removed"), said);
        assert_eq!(host.rules(), ["gate-removed"]);
        let commands = ["portreeve apply --no-trial", "portreeve gate status"];
        assert_eq!(host.commands("gate-removed"), commands);
        assert!(kept(KeptGate::Nothing, AtBoot::Enabled, |_| Some(empty.into())).rules().is_empty());
    }

    /// Nobody else is blamed for what a boot did, nor told of his `flush ruleset`.
    #[test]
    fn a_gate_that_no_boot_put_back_was_taken_by_the_boot() {
        let mut host = gated(AtBoot::DropIn, |_| None);
        host.snapshot.gate.as_mut().unwrap().ended_by_boot = true;
        let said = host.texts("gate-removed").concat();
        assert!(
            said.ends_with(
                "a reboot of the machine took it away, as a drop-in changes what portreeve-boot.service does"
            ),
            "{said}"
        );
        let commands = ["portreeve apply", "systemctl cat portreeve-boot.service", "portreeve gate status"];
        assert_eq!(host.commands("gate-removed"), commands);
        assert!(!host.judge().remove(0).fix.en.contains("flush"));
    }

    /// Nobody is blamed where the boot is known to have failed.
    #[test]
    fn a_gate_that_the_boot_could_not_put_back_is_missed() {
        let said = |left, at_boot| kept(left, at_boot, |_| None).texts("gate-removed");
        let failed = "the gate that was confirmed here is gone: portreeve-boot.service failed to put it back";
        assert_eq!(said(KeptGate::Unreadable, AtBoot::Failed), [failed]);
        let unread = said(KeptGate::Unreadable, AtBoot::Enabled);
        assert!(unread[0].contains("cannot be read"), "{unread:?}");
        let host = gated(AtBoot::Failed, |_| None);
        let fix = host.judge().remove(0).fix.en;
        assert!(fix.starts_with("see why it failed (systemctl status portreeve-boot.service)"), "{fix}");
        let whole = host.texts("gate-removed");
        assert!(
            whole[0].ends_with("2025-12-31 08:00:00Z is gone: portreeve-boot.service failed to put it back")
        );
    }

    #[test]
    fn one_that_stands_or_never_was_is_not_missed() {
        assert!(gated(AtBoot::Enabled, Some).texts("gate-removed").is_empty());
        let mut never = gated(AtBoot::Enabled, |_| None);
        never.snapshot.gate = None;
        assert!(never.texts("gate-removed").is_empty());
    }

    #[test]
    fn where_the_rules_were_not_seen_nothing_is_missed() {
        let hidden = [Gap::new(GapKind::HiddenFirewall, 1)];
        let host = gated(AtBoot::Enabled, |_| None).filtered(filtering(""), &hidden);
        assert!(host.texts("gate-removed").is_empty());
        let mut skipped = gated(AtBoot::Enabled, |_| None);
        skipped.snapshot.firewall = None;
        assert!(skipped.texts("gate-removed").is_empty());
    }
}
