//! Takes the guard out of the kernel, whatever it keeps and whatever is on trial (A20, A24).

use portreeve_core::{guard::Rules, programs::Programs, steer::Routes, words::Words};
use portreeve_host::enforce::guard::{Guard, Pinned, take_away};
use rustix::process::geteuid;

use crate::{
    clients, door,
    failure::Failure,
    guards,
    programs::{self, Comes},
    settings::{Settings, Verbosity},
    show::out::Out,
};

const FAILED: Words = Words { en: "cannot take the guard away", ja: "ガードを取り除けません" };
const GONE: Words = Words {
    en: "Took the guard away: whoever comes first may bind any port again.",
    ja: "ガードを取り除きました。どのポートも、先に bind した者が使えます。",
};
/// Where nothing can be written down, as on a full disk.
const WITHOUT_RECEIPT: Words = Words {
    en: "mend that and run it again; or, with no receipt and until the next apply or boot: rm -r /sys/fs/bpf/portreeve/guard-*",
    ja: "原因を解消して再度実行してください。記録なしで直ちに解除する場合(次の apply または再起動まで): rm -r /sys/fs/bpf/portreeve/guard-*",
};
const NONE: Words =
    Words { en: "There is no guard of portreeve's.", ja: "portreeve のガードはありません。" };

/// What it keeps here is written down first, so that an undo puts it back, and nobody confirms what was on trial.
///
/// # Errors
///
/// Somebody else put something there, or the kernel refuses.
pub(super) fn take(settings: &Settings, out: &mut Out) -> Result<(), Failure> {
    if !geteuid().is_root() {
        return Err(door::not_root(FAILED));
    }
    let fail = |error| guards::failure(&error, FAILED);
    let pinned = Guard::pinned().map_err(fail)?;
    let does_any = match &pinned {
        Some(Pinned { guard, .. }) => {
            !guards::kept_by(guard).map_err(fail)?.entries.is_empty()
                || guard.trial().map_err(fail)?.is_some()
        }
        // The next boot is not to bring it back either.
        None => !programs::confirmed().rules.entries.is_empty(),
    };
    let mut told = None;
    if does_any {
        // What is steered stays so.
        let now = Programs { rules: Rules::default(), ..programs::standing(FAILED)? };
        let passed = programs::tell(&now, Comes::default(), FAILED);
        told = Some(passed.map_err(|failure| failure.hint(WITHOUT_RECEIPT))?.receipt.number);
    }
    // What other namespaces have kept goes too, and what is left of one that was taken apart.
    let had_any = take_away().map_err(fail)? || does_any;
    if had_any {
        out.changed();
        clients::go_with_half(&Routes::default(), told, FAILED)?;
    }
    if settings.verbosity == Verbosity::Quiet {
        return Ok(());
    }
    out.say(if had_any { GONE } else { NONE })
}
