//! Takes the guard out of the kernel, whatever it keeps and whatever is on trial (A20, A24).

use portreeve_core::{guard::Rules, words::Words};
use portreeve_host::enforce::guard::{Guard, Pinned, take_away};
use rustix::process::geteuid;

use crate::{
    door,
    failure::Failure,
    guards::{self, Comes, standing},
    settings::{Settings, Verbosity},
    show::out::Out,
};

const FAILED: Words = Words { en: "cannot take the guard away", ja: "ガードを取り除けません" };
const GONE: Words = Words {
    en: "Took the guard away: whoever comes first may bind any port again.",
    ja: "ガードを取り除きました。どのポートも、先に bind した者が使えます。",
};
const NONE: Words =
    Words { en: "There is no guard of portreeve's.", ja: "portreeve のガードはありません。" };

/// What it keeps here is written down first, so that an undo puts it back.
///
/// # Errors
///
/// Somebody else put something there, or the kernel refuses.
pub(super) fn take(settings: &Settings, out: &mut Out) -> Result<(), Failure> {
    let fail = |error| guards::failure(&error, FAILED);
    let pinned = if geteuid().is_root() { Guard::pinned().map_err(fail)? } else { None };
    let has_any = match &pinned {
        Some(Pinned { guard, .. }) => !standing(guard).map_err(fail)?.entries.is_empty(),
        None => false,
    };
    if has_any {
        guards::keep_through(door::open(FAILED)?, &Rules::default(), Comes::default(), FAILED)?;
    }
    // What other namespaces have kept goes too.
    if pinned.is_some() {
        take_away().map_err(fail)?;
        out.changed();
    }
    if settings.verbosity == Verbosity::Quiet {
        return Ok(());
    }
    out.say(if pinned.is_some() { GONE } else { NONE })
}
