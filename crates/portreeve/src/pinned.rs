//! Why nothing stays in the kernel, or what stays there cannot be told, in words (A24).

use portreeve_core::{text, words::Words};
use portreeve_host::bpffs::{BPFFS, PinnedError};

use crate::{
    commands::foreign,
    exit::Exit,
    failure::{Failure, io_cause},
    ledger::whole,
    show::escape::visible,
};

/// The same as the end of a command; `off` takes away what another portreeve put there.
pub(crate) fn failure(error: &PinnedError, what: Words, off: &str) -> Failure {
    let unreachable = || Failure::new(Exit::Unreachable, what);
    match error {
        PinnedError::Foreign(stranger) => foreign(stranger),
        PinnedError::NoBpffs => unreachable()
            .because(text!(
                "no bpffs is mounted at {BPFFS}, so nothing would stay in the kernel",
                "{BPFFS} に bpffs がマウントされていないため、カーネルに残せません"
            ))
            .hint(text!(
                "mount one: mount -t bpf bpf {BPFFS}",
                "マウントしてください: mount -t bpf bpf {BPFFS}"
            )),
        PinnedError::OtherLayout(path) => {
            let path = visible(&path.display().to_string()).into_owned();
            Failure::new(Exit::Refused, what)
                .because(text!(
                    "another version of portreeve put {path} there",
                    "{path} は別のバージョンの portreeve が作成したものです"
                ))
                .hint(text!(
                    "take it away with that version: {off}",
                    "そのバージョンで取り除いてください: {off}"
                ))
        }
        PinnedError::Step { source, .. } => {
            let said = visible(&whole(error)).into_owned();
            unreachable()
                .because(text!("the kernel refused: {said}", "カーネルが拒否しました: {said}"))
                .because(io_cause(source))
                .hint(DOCTOR)
        }
    }
}

/// What tells what the kernel allows.
pub(crate) const DOCTOR: Words = Words {
    en: "see what the kernel allows here: portreeve doctor",
    ja: "カーネルで使える機能を確認してください: portreeve doctor",
};
