//! `portreeve watch enable|disable`: the host watches by itself (A19).

use std::{
    thread,
    time::{Duration, Instant},
};

use portreeve_core::{text, words::Words};
use portreeve_host::{events::probing, root, watching};

use super::{pulse::Runs, status};
use crate::{
    exit::Exit,
    failure::{Failure, warn},
    ledger::whole,
    settings::{Settings, Verbosity},
    show::{escape::visible, next, out::Out},
    units,
};

const NOT_ENABLED: Words =
    Words { en: "this host does not watch by itself", ja: "常時監視を設定できません" };
const NOT_DISABLED: Words =
    Words { en: "this host goes on watching", ja: "常時監視を解除できません" };

const UNHEARD: Words = Words {
    en: "warning: it has not said yet that it runs; see: journalctl -u portreeve-watch",
    ja: "警告: 監視が始まったことをまだ確認できません。次のコマンドで確認してください: journalctl -u portreeve-watch",
};
/// As long as a watch takes to begin on a slow host.
const PATIENCE: Duration = Duration::from_secs(10);
const NAP: Duration = Duration::from_millis(50);

/// Has the host watch from now on.
///
/// # Errors
///
/// Where something that root does not own alone would be started, or something is in the way.
pub(super) fn enable(settings: &Settings, out: &mut Out) -> Result<Exit, Failure> {
    if !root::is_of_host() {
        return Err(units::not_root(NOT_ENABLED));
    }
    let program = units::program(NOT_ENABLED)?;
    let is_new = watching::enable(&program).map_err(|error| units::failure(&error, NOT_ENABLED))?;
    if is_new {
        out.changed();
    }
    let speaks = speaks();
    if settings.verbosity == Verbosity::Quiet {
        return Ok(Exit::Fine);
    }
    let unit = watching::SERVICE;
    let said = if is_new {
        text!(
            "This host watches by itself now, and after each boot ({unit}); what it tells is in the journal: journalctl -u portreeve-watch",
            "常時監視を開始しました。起動時にも自動的に始まります({unit})。結果はジャーナルに記録されます: journalctl -u portreeve-watch"
        )
    } else {
        text!("Nothing to do: {unit} runs.", "{unit} は既に動作しています。")
    };
    out.sentences(said.in_lang(settings.lang))?;
    if !speaks {
        warn(UNHEARD.in_lang(settings.lang));
    }
    next::print(&["portreeve watch status".into(), "portreeve watch disable".into()], out)?;
    Ok(Exit::Fine)
}

/// Whether the watch says that it runs, after some time at most: whoever asks next is not told that nobody watches.
fn speaks() -> bool {
    let start = Instant::now();
    loop {
        if status::runs() == Some(Runs::Yes) {
            return true;
        }
        if start.elapsed() > PATIENCE || !watching::is_active() {
            return false;
        }
        thread::sleep(NAP);
    }
}

/// What the kernel remembers for the next watch goes.
///
/// # Errors
///
/// Where it cannot be taken away.
pub(in crate::commands) fn forget(what: Words) -> Result<(), Failure> {
    probing::forget().map(drop).map_err(|error| {
        let why = visible(&whole(&error)).into_owned();
        let because =
            text!("what the kernel remembers of it stays: {why}", "カーネル内の記録を削除できません: {why}");
        Failure::new(Exit::Unreachable, what).because(because)
    })
}

/// Ends that.
///
/// # Errors
///
/// What is there is somebody else's, or cannot be taken away.
pub(super) fn disable(settings: &Settings, out: &mut Out) -> Result<Exit, Failure> {
    if !root::is_of_host() {
        return Err(units::not_root(NOT_DISABLED));
    }
    let had_one = watching::disable().map_err(|error| units::failure(&error, NOT_DISABLED))?;
    forget(NOT_DISABLED)?;
    if had_one {
        out.changed();
    }
    if settings.verbosity != Verbosity::Quiet {
        out.say(if had_one {
            Words {
                en: "This host watches no more; whoever is blocked stays so until his time is over.",
                ja: "常時監視を解除しました。遮断中の送信元は、期限まで遮断されたままです。",
            }
        } else {
            Words {
                en: "This host did not watch by itself.", ja: "常時監視は設定されていません。"
            }
        })?;
    }
    Ok(Exit::Fine)
}
