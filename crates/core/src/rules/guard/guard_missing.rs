//! The guard was confirmed, and does not keep what it should (A20, A24).

use alloc::vec::Vec;

use crate::{
    facts::{AtBoot, GuardStands, LeftGuard},
    finding::{Finding, Severity},
    rules::{Page, Rule, guard::again},
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
            en: "Where it is gone, `portreeve apply --boot` puts back what was confirmed, and `portreeve gate enable` has each boot do so. `portreeve apply` puts in force what the policy says by now. If it is not wanted any more: `portreeve off guard`.",
            ja: "失われている場合は `portreeve apply --boot` で確定した内容を復元します(`portreeve gate enable` を実行すると、起動のたびに復元されます)。現在の policy を適用するには `portreeve apply` を実行します。不要であれば `portreeve off guard` を実行します。",
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
    let (fix, commands) = again(stands);
    let lasting = (at_boot == AtBoot::NotEnabled).then_some("portreeve gate enable");
    Some(RULE.finding(said, fix).run(commands.into_iter().chain(lasting).map(Into::into)))
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
        const BACK: [&str; 2] = ["portreeve apply --boot", "portreeve plan"];
        const ANEW: [&str; 2] = ["portreeve plan", "portreeve apply"];
        for (stands, why, commands) in [
            (GuardStands::Gone, "it is not in the kernel any more", BACK),
            (GuardStands::Cut, "some of its programs do not run any more", ANEW),
            (GuardStands::Changed, "it keeps something else", ANEW),
        ] {
            let scene = left(stands, AtBoot::NotEnabled);
            let said = alloc::format!("the guard that was confirmed for 2 ports is not in force: {why}");
            assert_eq!(scene.texts("guard-missing"), [said]);
            let lasting = commands.into_iter().chain(["portreeve gate enable"]).collect::<Vec<_>>();
            assert_eq!(scene.commands("guard-missing"), lasting);
            assert_eq!(left(stands, AtBoot::Enabled).commands("guard-missing"), commands);
        }
    }

    #[test]
    fn one_that_does_and_a_host_where_none_was_confirmed_are_not() {
        assert!(left(GuardStands::Whole, AtBoot::NotEnabled).texts("guard-missing").is_empty());
        assert!(scene().service("web", "443/tcp", "nginx.service").texts("guard-missing").is_empty());
    }
}
