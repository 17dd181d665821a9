//! A port runs a package for which a security update waits (A18).

use alloc::{format, string::String, vec::Vec};

use crate::{
    finding::{Finding, Severity},
    patches::{Patch, Security, commands, of_holding},
    policy::WORLD,
    reach::Verdict,
    rules::{Page, Rule, declared::list},
    text,
    words::{Text, Words},
    world::{Holding, World},
};

/// A security archive has a newer version of what runs, or an advisory names the installed one.
pub(super) const RULE: Rule = Rule {
    name: "security-update-waiting",
    severity: Severity::High,
    article: &["A18"],
    outranks: &[],
    page: Page {
        what: Words {
            en: "A program behind an open port, or a library that it has loaded, is of a package for which a security archive has a newer version, or that an advisory names.",
            ja: "ポートを開いているプログラム、または読み込まれたライブラリのパッケージについて、セキュリティ用アーカイブに新しい版があるか、アドバイザリが出ています。",
        },
        why: Words {
            en: "A hole that was mended is a hole that is known: who scans for it needs the port and an afternoon.",
            ja: "修正が公開された脆弱性は、攻撃方法も知られています。ポートが開いていれば、短時間で突かれるおそれがあります。",
        },
        fix: Words {
            en: "Install the update and start the service again. Reach by the world makes it high, else it is a warning.",
            ja: "更新を適用し、サービスを再起動します。外部から到達できる場合は「重大」、それ以外は「警告」です。",
        },
    },
    check,
};

fn check(world: &World<'_>) -> Vec<Finding> {
    let waiting = |holding: &Holding<'_>| {
        let patches = of_holding(world, holding);
        let waiting: Vec<_> = patches.into_iter().filter(|patch| patch.security == Security::Yes).collect();
        (!waiting.is_empty()).then(|| finding(world, holding, &waiting))
    };
    let mut findings: Vec<Finding> = Vec::new();
    for finding in world.holdings().filter_map(waiting) {
        // The ports of one owner have one cause: the worst of them tells of it.
        match findings
            .iter_mut()
            .find(|known| known.holders == finding.holders && known.netns == finding.netns)
        {
            Some(known) if known.severity >= finding.severity => {}
            Some(known) => *known = finding,
            None => findings.push(finding),
        }
    }
    findings
}

/// The same of what no port is known of, as of a root that does not run here: who gets there cannot be told.
pub(super) fn unlistening(patches: &[Patch<'_>]) -> Vec<Finding> {
    let waiting: Vec<_> = patches.iter().filter(|patch| patch.security == Security::Yes).cloned().collect();
    let first = waiting.first().map(|patch| told(&patch.who, &waiting).run(commands(&waiting)));
    first.into_iter().collect()
}

fn finding(world: &World<'_>, holding: &Holding<'_>, waiting: &[Patch<'_>]) -> Finding {
    let mut finding = told(&holding.who(), waiting).about(holding).run(commands(waiting));
    finding.severity = if is_out_of_reach(world, holding) { Severity::Warning } else { RULE.severity };
    finding
}

fn told(Text { en, ja }: &Text, waiting: &[Patch<'_>]) -> Finding {
    let Text { en: en_packages, ja: ja_packages } = list(waiting.iter().filter_map(named));
    RULE.finding(
        text!(
            "a security update waits for what {en} runs: {en_packages}",
            "{ja} が使う {ja_packages} にセキュリティ更新があります"
        ),
        text!("install it, and start {en} again", "更新を適用し、{ja} を再起動してください"),
    )
}

/// `libkrb5-3 1.20-3`, with whatever names the hole.
fn named(patch: &Patch<'_>) -> Option<String> {
    let package = patch.package?;
    let secure = package.offer.as_ref().and_then(|offer| offer.security.as_ref());
    let version = secure.map(|version| format!(" {version}")).unwrap_or_default();
    let mended = patch.advisories.iter().filter(|advisory| advisory.fixed.is_some());
    let ids: Vec<&str> = mended.map(|advisory| &*advisory.id).collect();
    let named = if ids.is_empty() { String::new() } else { format!(" ({})", ids.join(" ")) };
    Some(format!("{}{version}{named}", package.called()))
}

/// Whether the world surely does not get there.
fn is_out_of_reach(world: &World<'_>, holding: &Holding<'_>) -> bool {
    let reach = world.reach_of_all(&holding.listeners);
    let of_world = reach.iter().find(|reach| reach.zone == WORLD);
    of_world.is_some_and(|reach| reach.verdict == Verdict::Blocked)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        facts::{Code, Offer},
        patches::{patches, testing::sshd},
    };

    fn waits(code: &mut Code) {
        let newer = || Some(String::from("1.20-3"));
        let offer = Offer { candidate: newer(), newest: newer(), security: newer() };
        code.roots[0].packages[1].offer = Some(offer);
    }

    #[test]
    fn what_waits_is_named_with_what_to_type() {
        let scene = sshd("0.0.0.0:22/tcp", waits);
        assert_eq!(
            scene.texts(RULE.name),
            ["22/tcp: a security update waits for what ssh runs: libkrb5-3 1.20-3"]
        );
        assert_eq!(
            scene.commands(RULE.name),
            ["apt-get install --only-upgrade libkrb5-3", "systemctl restart ssh.service"]
        );
        assert_eq!(scene.severities(RULE.name), [Severity::High]);
    }

    #[test]
    fn who_is_out_of_reach_is_warned() {
        assert_eq!(sshd("127.0.0.1:22/tcp", waits).severities(RULE.name), [Severity::Warning]);
    }

    #[test]
    fn a_newer_version_elsewhere_is_none() {
        let scene = sshd("0.0.0.0:22/tcp", |code| {
            waits(code);
            code.roots[0].packages[1].offer.as_mut().unwrap().security = None;
        });
        assert_eq!(scene.found(RULE.name), [""; 0]);
    }

    #[test]
    fn what_waits_behind_no_port_is_one_finding_of_who_can_be_reached() {
        let found = |change: fn(&mut Code)| {
            sshd("127.0.0.1:22/tcp", change).with_world(|world| {
                let of = |finding: Finding| (finding.severity, finding.ports, finding.text.en);
                unlistening(&patches(world)).into_iter().map(of).collect::<Vec<_>>()
            })
        };
        let text = "a security update waits for what ssh runs: libkrb5-3 1.20-3";
        assert_eq!(found(waits), [(Severity::High, None, text.into())]);
        assert_eq!(found(|_| {}), []);
    }

    #[test]
    fn several_ports_of_one_owner_have_one_cause() {
        let scene = sshd("127.0.0.1:22/tcp", waits).again("0.0.0.0:2222/tcp");
        assert_eq!(scene.found(RULE.name), ["2222/tcp 0.0.0.0"], "the one that can be reached");
    }
}
