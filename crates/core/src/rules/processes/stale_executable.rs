//! A service still runs code that was replaced or deleted on disk: the update has not arrived (A18).

use alloc::{
    collections::BTreeSet,
    format,
    string::{String, ToString},
    vec::Vec,
};

use super::{Estate, about, judge_estates};
use crate::{
    facts::{ExeState, Process},
    finding::{Finding, Severity},
    rules::{Page, Rule, declared::list},
    text,
    words::{Text, Words},
    world::{World, restart_command},
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
            en: "A security update takes effect only when the process starts again; until then the hole is open.",
            ja: "セキュリティ更新は、プロセスを再起動するまで反映されません。それまで脆弱性が残ります。",
        },
        fix: Words {
            en: "Restart the service, or the whole host after an update of many libraries.",
            ja: "サービスを再起動します。多くのライブラリを更新した後は、ホストごと再起動します。",
        },
    },
    check,
};

fn check(world: &World<'_>) -> Vec<Finding> {
    let concerns =
        |holding: &crate::world::Holding<'_>| holding.holders.iter().any(|(_, process)| is_stale(process));
    judge_estates(world, concerns, judge)
}

fn is_stale(process: &Process) -> bool {
    is_program_stale(process) || process.stale_files.as_ref().is_some_and(|files| !files.is_empty())
}

fn is_program_stale(process: &Process) -> bool {
    matches!(process.exe_state, ExeState::Replaced | ExeState::Deleted)
}

fn judge(estate: &Estate<'_, '_>) -> Option<Finding> {
    let mut processes: Vec<_> = estate.holdings.iter().flat_map(|holding| &holding.holders).collect();
    let mut seen = BTreeSet::new();
    processes.retain(|(pid, process)| is_stale(process) && seen.insert(*pid));
    let (_, first) = processes.first()?;
    let pids = processes.iter().map(|(pid, _)| *pid).collect();
    let finding = RULE.finding(describe(estate, &processes, first), advise(estate));
    Some(about(finding, estate, pids).run(command(estate, first)))
}

fn describe(estate: &Estate<'_, '_>, processes: &[&(u32, &Process)], first: &Process) -> Text {
    let Text { en, ja } = estate.first().who();
    let Text { en: en_ports, ja: ja_ports } = list(estate.ports());
    if processes.iter().any(|(_, process)| process.exe_state == ExeState::Deleted) {
        return text!(
            "{en} ({en_ports}) runs a program that was deleted on disk",
            "{ja_ports} の {ja} は、ディスクから削除されたプログラムのまま動いています"
        );
    }
    if is_program_stale(first) {
        return text!(
            "{en} ({en_ports}) runs a program that was replaced on disk",
            "{ja_ports} の {ja} は、ディスク上で更新される前のプログラムのまま動いています"
        );
    }
    let Text { en: en_files, ja: ja_files } = list(stale_files(processes));
    text!(
        "{en} ({en_ports}) runs libraries that were replaced on disk: {en_files}",
        "{ja_ports} の {ja} は、ディスク上で更新される前のライブラリのまま動いています: {ja_files}"
    )
}

fn stale_files(processes: &[&(u32, &Process)]) -> BTreeSet<String> {
    let files = processes.iter().flat_map(|(_, process)| process.stale_files.iter().flatten());
    files.map(|path| path.rsplit('/').next().unwrap_or(path).to_string()).collect()
}

fn advise(estate: &Estate<'_, '_>) -> Text {
    let Text { en, ja } = estate.first().who();
    text!("restart {en}", "{ja} を再起動してください")
}

/// Pid 1 is not restarted but executes itself anew (systemctl(1)).
fn command(estate: &Estate<'_, '_>, first: &Process) -> Option<String> {
    match first.unit.as_deref() {
        Some("init.scope") => Some("systemctl daemon-reexec".into()),
        _ => restart_command(&estate.first().identity)
            .or_else(|| Some(format!("portreeve who {}", estate.first().spec()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::testing::{Scene, scene};
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
