//! Why the guard does not stand, or cannot be asked, in words.

use portreeve_core::{
    text,
    words::{Text, Words},
};
use portreeve_host::enforce::guard::{BPFFS, GuardError};

use crate::{
    commands::foreign,
    door::WITH_SUDO,
    exit::Exit,
    failure::{Failure, io_cause},
    ledger::whole,
    show::escape::visible,
};

/// Nobody else sees whose ports are kept.
pub(crate) fn not_root(what: Words) -> Failure {
    let because = Words {
        en: "only root may change or read the guard",
        ja: "ガードを変更・参照できるのは root だけです",
    };
    Failure::usage(what).because(because).hint(WITH_SUDO)
}

/// What a user may know of himself is nowhere to be read.
pub(crate) fn not_shown(what: Words) -> Failure {
    let because = Words {
        en: "no guard stands, or it shows users nothing yet",
        ja: "ガードが有効でないか、ユーザー向けの記録がまだ用意されていません",
    };
    let hint = Words {
        en: "root sees whether it stands (sudo portreeve guard status), and portreeve apply by root shows users their own",
        ja: "root で状態を確認してください(sudo portreeve guard status)。root が portreeve apply を実行すると、各ユーザーに自分の記録が公開されます",
    };
    Failure::new(Exit::Unreachable, what).because(because).hint(hint)
}

/// The same as the end of a command.
pub(crate) fn failure(error: &GuardError, what: Words) -> Failure {
    if let GuardError::Foreign(stranger) = error {
        return foreign(stranger);
    }
    let (exit, why) = match error {
        GuardError::OtherLayout(_) => (Exit::Refused, because(error)),
        _ => (Exit::Unreachable, because(error)),
    };
    let failure = Failure::new(exit, what).because(why);
    let failure = match error {
        GuardError::Step { source, .. }
        | GuardError::NoCgroup { source, .. }
        | GuardError::NoCookie(source) => failure.because(io_cause(source)),
        _ => failure,
    };
    failure.hint(hint(error))
}

fn because(error: &GuardError) -> Text {
    match error {
        GuardError::NoCgroup2 => text!(
            "the cgroup2 hierarchy is not mounted, by which units are told apart",
            "ユニットの判別に必要な cgroup2 がマウントされていません"
        ),
        GuardError::NoBpffs => text!(
            "no bpffs is mounted at {BPFFS}, so nothing keeps the guard in the kernel",
            "{BPFFS} に bpffs がマウントされていないため、ガードをカーネルに残せません"
        ),
        GuardError::OtherLayout(path) => {
            let path = visible(&path.display().to_string()).into_owned();
            text!(
                "another version of portreeve put a guard at {path}",
                "別のバージョンの portreeve によるガードが {path} にあります"
            )
        }
        GuardError::Unguardable(protocol, port) => {
            text!("{port}/{protocol} cannot be guarded", "{port}/{protocol} はガードの対象にできません")
        }
        error => {
            let said = visible(&whole(error)).into_owned();
            text!("the kernel refused: {said}", "カーネルが拒否しました: {said}")
        }
    }
}

fn hint(error: &GuardError) -> Text {
    match error {
        GuardError::NoCgroup2 => text!(
            "mount it: mount -t cgroup2 cgroup2 /sys/fs/cgroup",
            "マウントしてください: mount -t cgroup2 cgroup2 /sys/fs/cgroup"
        ),
        GuardError::NoBpffs => {
            text!("mount one: mount -t bpf bpf {BPFFS}", "マウントしてください: mount -t bpf bpf {BPFFS}")
        }
        GuardError::OtherLayout(_) => text!(
            "take it away with that version: portreeve off guard",
            "そのバージョンで取り除いてください: portreeve off guard"
        ),
        _ => text!(
            "see what the kernel allows here: portreeve doctor",
            "カーネルで使える機能を確認してください: portreeve doctor"
        ),
    }
}
