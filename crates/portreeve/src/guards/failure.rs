//! Why the guard does not stand, or cannot be asked, in words.

use portreeve_core::{
    text,
    words::{Text, Words},
};
use portreeve_host::enforce::guard::GuardError;

use crate::{
    door::WITH_SUDO,
    exit::Exit,
    failure::{Failure, io_cause},
    ledger::whole,
    pinned,
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
    if let GuardError::Pinned(error) = error {
        return pinned::failure(error, what, "portreeve off guard");
    }
    let failure = Failure::new(Exit::Unreachable, what).because(because(error));
    let failure = match error {
        GuardError::NoCgroup { source, .. } | GuardError::NoCookie(source) => {
            failure.because(io_cause(source))
        }
        _ => failure,
    };
    match error {
        GuardError::NoCgroup2 => failure.hint(Words {
            en: "mount it: mount -t cgroup2 cgroup2 /sys/fs/cgroup",
            ja: "マウントしてください: mount -t cgroup2 cgroup2 /sys/fs/cgroup",
        }),
        _ => failure.hint(pinned::DOCTOR),
    }
}

fn because(error: &GuardError) -> Text {
    match error {
        GuardError::NoCgroup2 => text!(
            "the cgroup2 hierarchy is not mounted, by which units are told apart",
            "ユニットの判別に必要な cgroup2 がマウントされていません"
        ),
        GuardError::Unguardable(protocol, port) => {
            text!("{port}/{protocol} cannot be guarded", "{port}/{protocol} はガードの対象にできません")
        }
        error => {
            let said = visible(&whole(error)).into_owned();
            text!("the kernel refused: {said}", "カーネルが拒否しました: {said}")
        }
    }
}
