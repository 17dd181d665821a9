//! What could not be seen, said where it matters.

use portreeve_core::{
    facts::{Gap, GapKind, HolderGap, Listener},
    words::{Lang, Words},
};

use super::escape::visible;
use crate::{
    exit::Exit,
    settings::{Gaps, Settings},
};

const NOT_SEEN: Words = Words { en: "not seen", ja: "見えなかったもの" };

/// A line: what was not seen, why, and what to do.
pub(crate) fn line(gap: &Gap, lang: Lang) -> String {
    let why = gap.why();
    let (why, fix) = (visible(why.in_lang(lang)).into_owned(), gap.fix().in_lang(lang));
    match lang {
        Lang::En => format!("{}: {why}; {fix}", NOT_SEEN.en),
        Lang::Ja => format!("{}: {why}。{fix}", NOT_SEEN.ja),
    }
}

/// Whether somebody holds `listener` who could not be seen.
pub(crate) fn hides_holder(listener: &Listener) -> bool {
    let hidden =
        matches!(listener.gap, Some(HolderGap::OtherUser | HolderGap::OutOfSight | HolderGap::Vanished));
    hidden && listener.holders.is_empty()
}

/// Whether more listeners could be missing because of `gap`.
pub(crate) const fn hides_listeners(gap: &Gap) -> bool {
    matches!(
        gap.what,
        GapKind::ForeignNamespaces | GapKind::MissingSource | GapKind::UnsteadyRead | GapKind::TooMany
    )
}

/// Whether more listeners of the observer's own namespace could be missing because of `gap`.
pub(crate) const fn hides_own_listeners(gap: &Gap) -> bool {
    hides_listeners(gap) && !matches!(gap.what, GapKind::ForeignNamespaces)
}

/// Whether `gap` keeps holders out of sight.
pub(crate) const fn hides_holders(gap: &Gap) -> bool {
    matches!(gap.what, GapKind::HiddenOwners | GapKind::HiddenProcesses | GapKind::VanishedProcesses)
}

/// The code of an answer that gaps may have changed.
pub(crate) fn exit(settings: &Settings, matter: bool) -> Exit {
    if matter && settings.gaps == Gaps::Matter { Exit::Gaps } else { Exit::Fine }
}
