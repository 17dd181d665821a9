//! `portreeve watch list|block|forgive`: who is kept out now, and why, and one more or one less (A16, A19).

use std::{net::IpAddr, time::Duration};

use jiff::Timestamp;
use portreeve_core::{
    gate::{self, BlockedSource, Kept},
    receipt::{Deed, History, Outcome, Receipt},
    text,
    watch::{Source, is_held},
    words::{Text, Words},
};

use super::told::Told;
use crate::{
    commands::close::{address, keep_out, whom},
    directories,
    door::{self, see_to_next_boot},
    exit::Exit,
    failure::Failure,
    settings::{Format, Settings, Verbosity},
    show::{
        next,
        out::Out,
        watch::blocked::{self as show, Blocked},
    },
};

const UNTOLD: Words =
    Words { en: "cannot tell who is kept out", ja: "遮断中の送信元を確認できません" };
const FAILED: Words =
    Words { en: "cannot let the source in again", ja: "送信元の遮断を解除できません" };

/// Tells who is kept out.
///
/// # Errors
///
/// Without root, or where the gate cannot be read.
pub(super) fn list(settings: &Settings, out: &mut Out) -> Result<Exit, Failure> {
    let door = door::open(UNTOLD)?;
    let temporary = door::temporary(UNTOLD)?;
    let mut all: Vec<_> = temporary.blocked.iter().map(|kept| told(kept, &door.history)).collect();
    all.sort_by_key(|blocked| (blocked.kept.left, blocked.kept.what));
    if settings.format == Format::Ndjson {
        all.iter().try_for_each(|blocked| show::tell(blocked, door.now, out))?;
        return Ok(Exit::Fine);
    }
    if settings.verbosity == Verbosity::Quiet && all.is_empty() {
        return Ok(Exit::Fine);
    }
    show::print(&all, out)?;
    if let Some(first) = all.first() {
        next::print(&[format!("portreeve watch forgive {}", first.kept.what)], out)?;
    }
    Ok(Exit::Fine)
}

/// The newest receipt of whoever is kept out.
pub(crate) fn told<'h>(kept: &Kept<IpAddr>, history: &'h History) -> Blocked<'h> {
    let source = BlockedSource::of(kept.what);
    let is_it = |receipt: &&Receipt| match &receipt.deed {
        Deed::Block { source: own, .. } => {
            receipt.outcome == Outcome::Done && BlockedSource::of(*own) == source
        }
        _ => false,
    };
    Blocked { kept: *kept, receipt: history.newest_first().find(is_it) }
}

/// Keeps out whom `word` names, as `close --from` does.
///
/// # Errors
///
/// As there.
pub(super) fn block(
    word: &str,
    length: Option<Duration>,
    settings: &Settings,
    out: &mut Out,
) -> Result<Exit, Failure> {
    keep_out(word, length, false, settings, out)
}

/// Lets in again whom `word` names.
///
/// # Errors
///
/// It is no address, or the gate cannot be changed.
pub(super) fn forgive(word: &str, settings: &Settings, out: &mut Out) -> Result<Exit, Failure> {
    out.outlive_reader(FAILED);
    let source = address(word)?;
    let door = door::open(FAILED)?;
    let Text { en, ja } = whom(source);
    let temporary = door::temporary(FAILED)?;
    let is_kept_out = temporary.blocked_for(BlockedSource::of(source), Some(Duration::ZERO)).is_some();
    let is_known = door.standing.is_some() && is_held(&door.history, Source::of(source), last_told(source));
    if !is_kept_out && !is_known {
        if settings.verbosity != Verbosity::Quiet {
            let said =
                text!("Nothing to do: {en} is not kept out.", "変更は不要です。{ja} は遮断されていません。");
            out.sentences(said.in_lang(settings.lang))?;
        }
        return Ok(Exit::Fine);
    }
    let unblock = gate::unblock(BlockedSource::of(source));
    let passed = door.pass(Deed::Unblock { source }, &unblock);
    let passed = passed.map_err(|error| door::failure(error, FAILED))?;
    out.changed();
    if settings.verbosity != Verbosity::Quiet {
        let said = if is_kept_out {
            text!("{en} may come in again.", "{ja} の遮断を解除しました。")
        } else {
            text!(
                "{en} is not kept out, and nothing is held against it any more.",
                "{ja} は遮断されていません。それまでの記録を破棄しました。"
            )
        };
        out.sentences(said.in_lang(settings.lang))?;
        next::print(&["portreeve watch list".into()], out)?;
    }
    see_to_next_boot(&passed, settings);
    Ok(Exit::Fine)
}

/// When the watch told of whoever sends from `address` last, as far as is kept.
fn last_told(address: IpAddr) -> Option<Timestamp> {
    let told = Told::read(&directories::watch()?).ok()?;
    let own = told.all.iter().map(|told| &told.suspicion).filter(|it| it.source == Source::of(address));
    own.map(|suspicion| suspicion.at).max()
}
