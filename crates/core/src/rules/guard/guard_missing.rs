//! The guard was confirmed, and does not keep what it should (A20, A24).

use alloc::{vec, vec::Vec};

use crate::{
    facts::{AtBoot, GuardStands, LeftGuard},
    finding::{Finding, Severity},
    rules::{Page, Rule},
    text,
    words::{Text, Words, inflect},
    world::World,
};

/// A reboot or somebody with root's rights took it away.
pub(super) const RULE: Rule = Rule {
    name: "guard-missing",
    severity: Severity::High,
    article: &["A20", "A24"],
    outranks: &[],
    page: Page {
        what: Words {
            en: "A guard was confirmed on this host, and it is not in the kernel any more, some of its programs do not run, or it keeps something else than what was confirmed.",
            ja: "このホストで確定したガードが、カーネルからなくなっているか、一部のプログラムが動いていないか、確定した内容と異なるものを対象にしています。",
        },
        why: Words {
            en: "Whoever binds a declared port first has it again, and nobody writes it down.",
            ja: "宣言済みのポートを、先に bind した者が再び使えるようになっており、その記録も残りません。",
        },
        fix: Words {
            en: "Put it in force again: `portreeve apply`. `portreeve gate enable` has each boot do so. If it is not wanted any more: `portreeve off guard`.",
            ja: "`portreeve apply` で再び有効にします。`portreeve gate enable` を実行すると、起動のたびに復元されます。不要であれば `portreeve off guard` を実行します。",
        },
    },
    check,
};

fn check(world: &World<'_>) -> Vec<Finding> {
    world.snapshot.guard.as_ref().and_then(finding).into_iter().collect()
}

fn finding(&LeftGuard { ports, stands, at_boot, .. }: &LeftGuard) -> Option<Finding> {
    let Text { en, ja } = match stands {
        GuardStands::Whole => return None,
        GuardStands::Gone => text!("it is not in the kernel any more", "カーネルから失われている"),
        GuardStands::Cut => {
            text!("some of its programs do not run any more", "一部のプログラムが動いていない")
        }
        GuardStands::Changed => {
            text!("it keeps something else", "確定した内容と異なるものを対象にしている")
        }
    };
    let en_ports = inflect(usize::try_from(ports).unwrap_or(usize::MAX), "port", "ports");
    let said = text!(
        "the guard that was confirmed for {ports} {en_ports} is not in force: {en}",
        "{ports} 個のポートについて確定したガードが有効ではありません({ja})"
    );
    let fix = text!("put it in force again", "再び有効にしてください");
    let again = vec!["portreeve apply".into()];
    let lasting = (at_boot == AtBoot::NotEnabled).then(|| "portreeve gate enable".into());
    Some(RULE.finding(said, fix).run(again.into_iter().chain(lasting)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::testing::{Scene, scene};

    fn left(stands: GuardStands, at_boot: AtBoot) -> Scene {
        let mut scene = scene().service("web", "443/tcp", "nginx.service");
        scene.snapshot.guard = Some(LeftGuard { ports: 2, stands, at_boot, absent: Vec::new() });
        scene
    }

    #[test]
    fn a_guard_that_does_not_keep_what_was_confirmed_is_found() {
        for (stands, why) in [
            (GuardStands::Gone, "it is not in the kernel any more"),
            (GuardStands::Cut, "some of its programs do not run any more"),
            (GuardStands::Changed, "it keeps something else"),
        ] {
            let scene = left(stands, AtBoot::NotEnabled);
            let said = alloc::format!("the guard that was confirmed for 2 ports is not in force: {why}");
            assert_eq!(scene.texts("guard-missing"), [said]);
            assert_eq!(scene.commands("guard-missing"), ["portreeve apply", "portreeve gate enable"]);
        }
        assert_eq!(left(GuardStands::Gone, AtBoot::Enabled).commands("guard-missing"), ["portreeve apply"]);
    }

    #[test]
    fn one_that_does_and_a_host_where_none_was_confirmed_are_not() {
        assert!(left(GuardStands::Whole, AtBoot::NotEnabled).texts("guard-missing").is_empty());
        assert!(scene().service("web", "443/tcp", "nginx.service").texts("guard-missing").is_empty());
    }
}
