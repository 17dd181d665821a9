//! A port runs a program that no package brought (A18).

use alloc::{format, string::String, vec::Vec};

use crate::{
    facts::{Code, CodeFile, Process},
    finding::{Finding, Severity},
    rules::{Page, Rule},
    text,
    words::{Text, Words},
    world::{Holding, World},
};

/// The program itself, or its script, is of no package.
pub(super) const RULE: Rule = Rule {
    name: "code-of-no-package",
    severity: Severity::Notice,
    article: &["A18"],
    outranks: &[],
    page: Page {
        what: Words {
            en: "The program behind an open port, or the script that it runs, is of no package.",
            ja: "ポートを開いているプログラム、または実行中のスクリプトが、どのパッケージにも属していません。",
        },
        why: Words {
            en: "No package manager updates it, and no list tells of its holes: somebody has to do both by hand.",
            ja: "パッケージ管理では更新されず、脆弱性の有無も一覧からは分かりません。人の手で管理する必要があります。",
        },
        fix: Words {
            en: "Know who updates it and when; where the distribution has a package, prefer that.",
            ja: "誰がいつ更新するかを決めておきます。ディストリビューションのパッケージがあれば、そちらを使います。",
        },
    },
    check,
};

fn check(world: &World<'_>) -> Vec<Finding> {
    let Some(code) = &world.snapshot.code else { return Vec::new() };
    let mut findings: Vec<Finding> = Vec::new();
    for finding in world.holdings().filter_map(|holding| judge(code, holding)) {
        let is_known = |known: &Finding| (known.netns, &known.holders) == (finding.netns, &finding.holders);
        if !findings.iter().any(is_known) {
            findings.push(finding);
        }
    }
    findings
}

fn judge(code: &Code, holding: &Holding<'_>) -> Option<Finding> {
    let (pid, process) = holding.holders.first()?;
    let file = code.of(*pid).find(|file| is_own(process, file))?;
    // Where there is no database at all, nothing is of a package.
    code.root(file).filter(|root| root.database.is_some() && file.package.is_none())?;
    let Text { en, ja } = holding.who();
    let (path, built) = (&file.path, built(file));
    let finding = RULE.finding(
        text!(
            "{en} runs {path}, which is of no package{built}",
            "{ja} は、どのパッケージにも属さない {path} を実行しています{built}"
        ),
        text!("know who updates it, and when", "誰がいつ更新するかを確認してください"),
    );
    Some(finding.about(holding))
}

/// Whether it is what the process is: its script, else its program.
fn is_own(process: &Process, file: &CodeFile) -> bool {
    let own = process.script.as_ref().or(process.exe.as_ref());
    own.is_some_and(|own| *own == file.path)
}

fn built(file: &CodeFile) -> String {
    file.build.as_ref().map(|build| format!(" ({build})")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{facts::Build, patches::testing::sshd};

    #[test]
    fn a_program_of_no_package_is_found_with_its_build() {
        let scene = sshd("0.0.0.0:22/tcp", |code| {
            code.files[0].package = None;
            code.files[0].build =
                Some(Build { by: "go1.22.1".into(), name: Some("example.com/sshd".into()), version: None });
        });
        assert_eq!(
            scene.texts(RULE.name),
            ["22/tcp: ssh runs /usr/sbin/ssh, which is of no package (go1.22.1 example.com/sshd)"]
        );
    }

    #[test]
    fn a_library_of_no_package_or_a_root_without_packages_is_none() {
        assert_eq!(sshd("0.0.0.0:22/tcp", |code| code.files[1].package = None).rules(), [""; 0]);
        let bare = sshd("0.0.0.0:22/tcp", |code| {
            code.files[0].package = None;
            code.roots[0].database = None;
        });
        assert_eq!(bare.rules(), [""; 0]);
    }
}
