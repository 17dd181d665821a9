//! A service still runs code that was replaced or deleted on disk: the update has not arrived (A18).

use alloc::{
    collections::BTreeSet,
    format,
    string::{String, ToString},
    vec::Vec,
};

use super::{Estate, about, judge_estates};
use crate::{
    facts::{CodeFile, ExeState, Package, Process},
    finding::{Finding, Severity},
    patches,
    rules::{Page, Rule, declared::list},
    text,
    words::{Text, Words},
    world::{Holding, World, renew_command},
};

/// The process runs a program or library that is no longer the one on disk.
pub(super) const RULE: Rule = Rule {
    name: "stale-executable",
    severity: Severity::Warning,
    article: &["A18"],
    outranks: &[],
    page: Page {
        what: Words {
            en: "A process behind an open port runs a program or library that was replaced or deleted on disk since it started.",
            ja: "ポートを開いているプロセスが、起動後に更新または削除された古いプログラムやライブラリのまま動いています。",
        },
        why: Words {
            en: "A security update takes effect only when the process starts again; until then the hole is open. What came from a security archive makes it high.",
            ja: "セキュリティ更新は、プロセスを再起動するまで反映されません。それまで脆弱性が残ります。セキュリティ用アーカイブの版に更新されている場合は「重大」です。",
        },
        fix: Words {
            en: "Restart the service, or the whole host after an update of many libraries.",
            ja: "サービスを再起動します。多くのライブラリを更新した後は、ホストごと再起動します。",
        },
    },
    check,
};

fn check(world: &World<'_>) -> Vec<Finding> {
    let concerns = |holding: &Holding<'_>| {
        holding.holders.iter().any(|(pid, process)| Stale::of(world, *pid, process).is_some())
    };
    judge_estates(world, concerns, |estate| judge(world, estate))
}

/// A process that runs what is not on the disk any more.
struct Stale<'a> {
    pid: u32,
    process: &'a Process,
    /// The files, as far as their packages were looked for.
    files: Vec<&'a CodeFile>,
    /// Their packages.
    packages: Vec<&'a Package>,
    /// The names of the libraries among them.
    libraries: BTreeSet<String>,
}

impl<'a> Stale<'a> {
    fn of(world: &World<'a>, pid: u32, process: &'a Process) -> Option<Self> {
        let code = world.snapshot.code.as_ref().filter(|code| code.processes.contains_key(&pid));
        let root = |file: &CodeFile| code.and_then(|code| code.root(file));
        let is_stale = |file: &&CodeFile| patches::is_stale(root(file), file, process);
        let files: Vec<_> = code.into_iter().flat_map(|code| code.of(pid)).filter(is_stale).collect();
        let packages = files.iter().filter_map(|file| code.and_then(|code| code.package(file))).collect();
        let libraries: BTreeSet<String> = match code {
            Some(_) => files.iter().map(|file| name(&file.path)).collect(),
            None => process.stale_files.iter().flatten().map(|path| name(path)).collect(),
        };
        let stale = Self { pid, process, files, packages, libraries };
        (stale.kind() != Kind::Libraries || !stale.libraries.is_empty()).then_some(stale)
    }

    fn kind(&self) -> Kind {
        match (self.process.exe_state, self.script()) {
            (ExeState::Deleted, _) => Kind::DeletedProgram,
            (ExeState::Replaced, _) => Kind::ReplacedProgram,
            (_, Some(ExeState::Deleted)) => Kind::DeletedScript,
            (_, Some(_)) => Kind::ChangedScript,
            (_, None) => Kind::Libraries,
        }
    }

    /// What became of the script of an interpreter, where that was changed.
    fn script(&self) -> Option<ExeState> {
        let script = self.process.script.as_ref()?;
        self.files.iter().find(|file| file.path == *script).map(|file| file.state)
    }

    fn severity(&self) -> Severity {
        let is_secure = |package: &&Package| package.is_from_security == Some(true);
        if self.packages.iter().any(is_secure) { Severity::High } else { RULE.severity }
    }
}

fn name(path: &str) -> String {
    path.rsplit('/').next().unwrap_or(path).to_string()
}

fn judge<'a>(world: &World<'a>, estate: &Estate<'_, 'a>) -> Option<Finding> {
    let mut seen = BTreeSet::new();
    let holders = estate.holdings.iter().flat_map(|holding| &holding.holders);
    let first_met = holders.filter(|(pid, _)| seen.insert(*pid));
    let stale: Vec<_> = first_met.filter_map(|(pid, process)| Stale::of(world, *pid, process)).collect();
    let first = stale.first()?;
    let pids = stale.iter().map(|stale| stale.pid).collect();
    let finding = RULE.finding(describe(estate, &stale), advise(estate));
    let mut finding = about(finding, estate, pids).run([command(estate, first.process)]);
    finding.severity = stale.iter().map(Stale::severity).max().unwrap_or(RULE.severity);
    Some(finding)
}

/// What is old of a process; of several the first counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    DeletedProgram,
    ReplacedProgram,
    DeletedScript,
    ChangedScript,
    Libraries,
}

/// A sentence for what is old of all of its processes, or one for each kind with the ports behind which that is so.
fn describe(estate: &Estate<'_, '_>, stale: &[Stale<'_>]) -> Text {
    let kinds: BTreeSet<Kind> = stale.iter().map(Stale::kind).collect();
    let said = kinds.iter().map(|&kind| {
        let alike: Vec<_> = stale.iter().filter(|stale| stale.kind() == kind).collect();
        describe_one(estate, kind, &alike)
    });
    let (en, ja): (Vec<_>, Vec<_>) = said.map(|Text { en, ja }| (en, ja)).unzip();
    Text { en: en.join("; "), ja: ja.join("。") }
}

fn describe_one(estate: &Estate<'_, '_>, kind: Kind, stale: &[&Stale<'_>]) -> Text {
    let is_behind = |holding: &&&Holding<'_>| {
        holding.pids().into_iter().any(|pid| stale.iter().any(|stale| stale.pid == pid))
    };
    let holdings: Vec<_> = estate.holdings.iter().filter(is_behind).copied().collect();
    let behind = Estate { holdings };
    let Text { en, ja } = behind.first().who();
    let Text { en: en_ports, ja: ja_ports } = list(behind.ports());
    let (en_what, ja_what) = match kind {
        Kind::DeletedProgram => ("a program that was deleted on disk", "ディスクから削除されたプログラム"),
        Kind::ReplacedProgram => {
            ("a program that was replaced on disk", "ディスク上で更新される前のプログラム")
        }
        Kind::DeletedScript => ("a script that was deleted on disk", "ディスクから削除されたスクリプト"),
        Kind::ChangedScript => {
            ("a script that was changed on disk since", "ディスク上で変更される前のスクリプト")
        }
        Kind::Libraries => return describe_libraries(&behind, stale),
    };
    text!("{en} ({en_ports}) runs {en_what}", "{ja_ports} の {ja} は、{ja_what}のまま動いています")
}

fn describe_libraries(behind: &Estate<'_, '_>, stale: &[&Stale<'_>]) -> Text {
    let Text { en, ja } = behind.first().who();
    let Text { en: en_ports, ja: ja_ports } = list(behind.ports());
    let libraries: BTreeSet<&String> = stale.iter().flat_map(|stale| &stale.libraries).collect();
    let Text { en: en_files, ja: ja_files } = list(libraries);
    text!(
        "{en} ({en_ports}) runs libraries that were replaced on disk: {en_files}",
        "{ja_ports} の {ja} は、ディスク上で更新される前のライブラリのまま動いています: {ja_files}"
    )
}

fn advise(estate: &Estate<'_, '_>) -> Text {
    let Text { en, ja } = estate.first().who();
    text!("restart {en}", "{ja} を再起動してください")
}

fn command(estate: &Estate<'_, '_>, first: &Process) -> String {
    renew_command(first, &estate.first().identity)
        .unwrap_or_else(|| format!("portreeve who {}", estate.first().spec()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        facts::Code,
        patches::testing::sshd,
        rules::testing::{Scene, scene},
    };
    use alloc::vec;

    fn dovecot() -> Scene {
        scene().listens("dovecot.service", "0.0.0.0:993/tcp").again("[::]:993/tcp").again("0.0.0.0:995/tcp")
    }

    #[test]
    fn replaced_code_is_found_once_a_unit_and_restarted_by_name() {
        let scene = dovecot().process(|process| process.exe_state = ExeState::Replaced);
        assert_eq!(
            scene.texts(RULE.name),
            ["993/tcp: dovecot (993/tcp, 995/tcp) runs a program that was replaced on disk"]
        );
        assert_eq!(scene.commands(RULE.name), ["systemctl restart dovecot.service"]);
    }

    #[test]
    fn replaced_libraries_are_named() {
        let scene = dovecot().process(|process| {
            process.stale_files = Some(vec!["/usr/lib/libssl.so.3".into(), "/usr/lib/libcrypto.so.3".into()]);
        });
        let texts = scene.texts(RULE.name);
        assert!(texts[0].ends_with("replaced on disk: libcrypto.so.3, libssl.so.3"), "{texts:?}");
    }

    #[test]
    fn the_running_file_a_memory_file_and_an_unread_one_are_none() {
        for state in [ExeState::Same, ExeState::Memfd, ExeState::Unknown] {
            assert_eq!(dovecot().process(|process| process.exe_state = state).rules(), [""; 0], "{state:?}");
        }
        assert_eq!(dovecot().process(|process| process.stale_files = None).rules(), [""; 0]);
    }

    #[test]
    fn a_stale_worker_is_found_too() {
        let scene = scene().listens("nginx.service", "0.0.0.0:80/tcp").worker("www-data");
        let scene = scene.process(|process| process.exe_state = ExeState::Deleted);
        assert_eq!(
            scene.texts(RULE.name),
            ["80/tcp: nginx (80/tcp) runs a program that was deleted on disk"]
        );
    }

    /// ssh, whose program or script is stale as `change` has it.
    fn ssh(change: impl FnOnce(&mut Code)) -> Scene {
        sshd("0.0.0.0:22/tcp", change)
    }

    #[test]
    fn what_a_security_update_replaced_is_high() {
        let replaced = |is_from_security| {
            ssh(|code| {
                code.files[1].state = ExeState::Replaced;
                code.roots[0].packages[1].is_from_security = is_from_security;
            })
        };
        assert_eq!(
            replaced(Some(true)).texts(RULE.name),
            ["22/tcp: ssh (22/tcp) runs libraries that were replaced on disk: libkrb5.so.3"]
        );
        assert_eq!(replaced(Some(true)).severities(RULE.name), [Severity::High]);
        for other in [Some(false), None] {
            assert_eq!(replaced(other).severities(RULE.name), [Severity::Warning]);
        }
    }

    #[test]
    fn a_script_that_was_changed_is_found() {
        let script = ssh(|code| code.files[0].state = ExeState::Replaced)
            .process(|process| process.script = Some("/usr/sbin/ssh".into()));
        assert_eq!(
            script.texts(RULE.name),
            ["22/tcp: ssh (22/tcp) runs a script that was changed on disk since"]
        );
    }

    #[test]
    fn a_script_that_was_deleted_is_found() {
        let script = ssh(|code| {
            code.files[0] = CodeFile {
                path: "/srv/p.py".into(),
                state: ExeState::Deleted,
                package: None,
                ..code.files[0].clone()
            }
        });
        let script = script.process(|process| process.script = Some("/srv/p.py".into()));
        assert_eq!(script.texts(RULE.name), ["22/tcp: ssh (22/tcp) runs a script that was deleted on disk"]);
    }

    /// One owner, two processes: what is true of one is not said of the other.
    #[test]
    fn what_is_old_of_one_process_is_not_said_of_another() {
        let scene = ssh(|code| code.files[0].state = ExeState::Replaced)
            .process(|process| process.script = Some("/usr/sbin/ssh".into()));
        let mut scene = scene.listens("ssh.service", "0.0.0.0:2222/tcp");
        let other = *scene.snapshot.processes.keys().next_back().unwrap();
        let code = scene.snapshot.code.as_mut().unwrap();
        let library = CodeFile { state: ExeState::Replaced, ..code.files[1].clone() };
        code.files.push(library);
        code.processes.insert(other, vec![2]);
        assert_eq!(
            scene.texts(RULE.name),
            ["22/tcp: ssh (22/tcp) runs a script that was changed on disk since; \
              ssh (2222/tcp) runs libraries that were replaced on disk: libkrb5.so.3"]
        );
    }

    #[test]
    fn a_library_that_a_program_unpacked_for_itself_is_none() {
        let unpacked = |path: &'static str| {
            ssh(move |code| {
                let file = CodeFile {
                    path: path.into(),
                    state: ExeState::Deleted,
                    package: None,
                    ..code.files[1].clone()
                };
                code.files[1] = file;
            })
        };
        assert_eq!(unpacked("/var/cache/app/jna1.so").rules(), [""; 0]);
        assert_eq!(
            unpacked("/usr/lib/libold.so.1").found(RULE.name).len(),
            1,
            "packages alone put files there"
        );
    }

    #[test]
    fn a_unit_name_that_a_shell_could_misread_is_never_typed() {
        let hostile = scene().listens("x.service", "0.0.0.0:8080/tcp").process(|process| {
            process.unit = Some("a;reboot .service".into());
            process.exe_state = ExeState::Replaced;
        });
        assert_eq!(hostile.commands(RULE.name), ["portreeve who 8080/tcp"]);
    }

    #[test]
    fn the_service_manager_executes_itself_anew() {
        let scene = scene()
            .listens("init.scope", "[::]:22/tcp")
            .program("systemd", "root")
            .process(|process| process.exe_state = ExeState::Replaced);
        assert_eq!(scene.commands(RULE.name), ["systemctl daemon-reexec"]);
    }
}
