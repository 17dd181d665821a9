//! Tries a change of the gate with real packets before it is made: one that does something else than the policy says is
//! refused (A15, A16).

use std::{error::Error as _, time::Duration};

use portreeve_core::{
    gate::{Keep, Standing, Timeout},
    plan::{Change, Mismatch, Promise, Rehearsed, rehearsal},
    text,
    words::{Text, Words, inflect},
};
use portreeve_host::enforce::{
    Door,
    firewall::check,
    scratch::{RoomError, ScratchError},
};

use super::{FAILED, Planned};
use crate::{
    door::{self, quoted},
    exit::Exit,
    failure::{Failure, io_cause, warn},
    settings::{Settings, Verbosity},
    show::{escape::visible, out::Out},
};

/// A trial must not be over before the packets are there.
const TRIAL_MIN: Duration = Duration::from_secs(60);
/// So many packets are told of which something else became.
const TOLD_MAX: usize = 3;

/// What a rehearsal came to.
#[derive(Debug)]
pub(super) enum Tried {
    /// Of every packet became what must; this many of them.
    Right(u32),
    /// The same of those packets that got to the gate; this is to be said of the others.
    InPart(Text),
    /// It could not be tried.
    Not(Text),
}

/// Tries `change` where the gate stands as behind `door`.
///
/// # Errors
///
/// It does something else than the policy says, or cannot be written.
pub(super) fn rehearse(
    door: &mut Door,
    planned: &Planned,
    change: &Change,
    keep: Keep,
) -> Result<Tried, Failure> {
    let keep = match keep {
        Keep::OnTrial(_) => Keep::OnTrial(Timeout::of(TRIAL_MIN).expect("a minute is a time")),
        Keep::AtOnce => Keep::AtOnce,
    };
    // Of what is open or kept out for a while the policy says nothing.
    let stands = door.standing.as_ref().map(Standing::without_temporary);
    let transaction = change.what.transaction(stands.as_ref(), keep, door.now);
    let transaction = transaction.map_err(|error| door::unwritten(error, FAILED))?;
    let Some(rehearsal) = rehearsal(&planned.look.world(), Promise::Declared) else {
        return Ok(Tried::Not(text!("the packet filter was not seen", "ファイアウォールが見えません")));
    };
    match door.rehearse(rehearsal, &transaction) {
        Ok(Ok(Rehearsed { right, lost })) => Ok(lost
            .first()
            .map_or(Tried::Right(right), |first| Tried::InPart(lost_words(right, &lost, first)))),
        Ok(Err(wrong)) => Err(mismatch(&wrong)),
        Err(error) => Ok(Tried::Not(why(&error))),
    }
}

/// `--rehearse-only`: everything but the change.
///
/// # Errors
///
/// What would stand against the change; that it could not be tried.
pub(super) fn only(
    planned: &Planned,
    change: &Change,
    seen: Option<&Standing>,
    settings: &Settings,
    out: &mut Out,
) -> Result<Exit, Failure> {
    let mut door = door::open_unmoved(seen, FAILED, None)?;
    let keep = Keep::AtOnce;
    let transaction = change.what.transaction(door.standing.as_ref(), keep, door.now);
    let transaction = transaction.map_err(|error| door::unwritten(error, FAILED))?;
    check(&transaction).map_err(|error| door::failure(error.into(), FAILED))?;
    match rehearse(&mut door, planned, change, keep)? {
        Tried::Not(why) => Err(Failure::new(Exit::Unreachable, NOT_TRIED).because(why).hint(Words {
            en: "portreeve apply makes the change without a rehearsal",
            ja: "portreeve apply ならリハーサルなしで適用できます",
        })),
        Tried::InPart(why) => Err(Failure::new(Exit::Unreachable, IN_PART).because(why).hint(AGAIN)),
        Tried::Right(_) if settings.verbosity == Verbosity::Quiet => Ok(Exit::Fine),
        Tried::Right(right) => {
            out.line("")?;
            out.sentences(right_words(right).in_lang(out.lang))?;
            out.say(Words { en: "Nothing was changed.", ja: "変更は行っていません。" })?;
            Ok(Exit::Fine)
        }
    }
}

const NOT_TRIED: Words =
    Words { en: "the change could not be rehearsed", ja: "リハーサルを実行できません" };

const IN_PART: Words = Words {
    en: "the change could be rehearsed only in part",
    ja: "リハーサルを一部しか実行できませんでした",
};
const AGAIN: Words = Words {
    en: "a busy host may lose packets: try once more with portreeve apply --rehearse-only; where the same is lost again, only a trial tells what the gate does to it",
    ja: "負荷が高いとパケットが失われることがあります。portreeve apply --rehearse-only でもう一度お試しください。同じ結果になる場合、そのパケットの扱いは試行でしか確かめられません",
};

/// Says what came of it.
pub(super) fn tell(tried: &Tried, settings: &Settings, out: &mut Out) -> Result<(), Failure> {
    match tried {
        _ if settings.verbosity == Verbosity::Quiet => {}
        Tried::Right(right) => {
            out.line("")?;
            out.sentences(right_words(*right).in_lang(out.lang))?;
        }
        Tried::InPart(Text { en, ja }) => {
            let told = text!("warning: rehearsed in part: {en}", "警告: リハーサルは一部のみです: {ja}");
            warn(&visible(told.in_lang(settings.lang)));
            warn(&format!("hint: {}", AGAIN.in_lang(settings.lang)));
        }
        Tried::Not(Text { en, ja }) => {
            let told = text!("warning: not rehearsed: {en}", "警告: リハーサルは行っていません: {ja}");
            warn(&visible(told.in_lang(settings.lang)));
        }
    }
    Ok(())
}

fn right_words(right: u32) -> Text {
    let en = inflect(right as usize, "packet", "packets");
    text!(
        "Rehearsed with {right} {en}: each was let in or refused as the policy says.",
        "リハーサル済みです({right} パケット、すべて policy のとおりに通過または遮断)。"
    )
}

fn lost_words(right: u32, lost: &[Mismatch], first: &Mismatch) -> Text {
    let (count, Text { en: en_first, ja: ja_first }) = (lost.len(), first.packet());
    let (all, en) = (count + right as usize, inflect(count, "packet", "packets"));
    text!(
        "{count} {en} of {all} never got to the gate, as {en_first}; each of the others was let in or refused as the policy says",
        "{all} パケットのうち {count} 個がゲートに届きませんでした(例: {ja_first})。ほかはすべて policy のとおりに通過または遮断されました"
    )
}

fn mismatch(wrong: &[Mismatch]) -> Failure {
    let mut failure = Failure::new(Exit::Refused, FAILED).because(Words {
        en: "the rehearsal went wrong: the gate would not do what the policy says",
        ja: "リハーサルの結果、ゲートが policy のとおりに動作しないことがわかりました",
    });
    for mismatch in wrong.iter().take(TOLD_MAX) {
        failure = failure.because(mismatch.why());
    }
    let more = wrong.len().saturating_sub(TOLD_MAX);
    if more > 0 {
        failure = failure.because(text!("and so with {more} more", "ほかに {more} 件"));
    }
    failure.hint(Words {
        en: "nothing was changed; this is a mistake of portreeve, of nft or of the kernel: portreeve plan -o nft shows the rules",
        ja: "変更は行っていません。portreeve、nft、カーネルのいずれかの不具合です。ルールは portreeve plan -o nft で確認できます",
    })
}

/// Why it could not be tried.
fn why(error: &ScratchError) -> Text {
    match error {
        ScratchError::Room(RoomError::NotPermitted) => text!(
            "no network namespace may be made here, as in a container",
            "ネットワーク名前空間を作る権限がありません(コンテナの中など)"
        ),
        ScratchError::Room(RoomError::Setting(name, error)) => {
            let cause = io_cause(error);
            let (en, ja) = (cause.en, cause.ja);
            text!(
                "{name} cannot be set in a network namespace: {en}",
                "名前空間内で {name} を設定できません({ja})"
            )
        }
        ScratchError::Room(error) => quoted(error.source().unwrap_or(error)),
        error => quoted(error.source().unwrap_or(error)),
    }
}
