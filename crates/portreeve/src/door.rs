//! The way to change the gate, and what keeps it shut (A15, A16).

mod why;

pub(crate) use self::why::{WITH_SUDO, failure, not_root, quoted, receipts, standing};

use portreeve_core::{
    facts::AtBoot,
    gate::{self, BOOT_UNIT, Standing, Temporary},
    plan::{Ground, Refused},
    port::PortRange,
    receipt::{Becomes, Current, Deed, Receipt},
    text,
    words::{Text, Words},
};
use portreeve_host::{
    boot::at_boot,
    enforce::{
        Door, Passed,
        firewall::{StandingError, listing},
        look,
    },
    keep::KeepError,
};

use crate::{
    after_boot::follow,
    commands, directories,
    exit::Exit,
    failure::{Failure, warn},
    settings::Settings,
    show::{
        age::ago,
        escape::visible,
        gate::{self as show, who, words},
    },
};

/// Waits for the way to be free; `what` says what is attempted.
///
/// # Errors
///
/// Where something does not let us.
pub(crate) fn open(what: Words) -> Result<Door, Failure> {
    open_as_seen(None, what)
}

/// The same for whoever has `seen` the gate.
///
/// # Errors
///
/// As of [`open`].
pub(crate) fn open_as_seen(seen: Option<&Standing>, what: Words) -> Result<Door, Failure> {
    Door::open_as_seen(&directories::gate()?, seen).map_err(|error| failure(error, what))
}

/// The same for whoever changes the gate only where it is still as it was `seen`, and nothing is on trial; `again` is what to
/// type where it is not, if that is more than to plan once more.
///
/// # Errors
///
/// As of [`open`]; that it is not so.
pub(crate) fn open_unmoved(
    seen: Option<&Standing>,
    what: Words,
    again: Option<&str>,
) -> Result<Door, Failure> {
    let door = open_as_seen(seen, what)?;
    if let Some(standing) = door.standing.as_ref().filter(|standing| standing.trial.is_some()) {
        let whose = door.history.trial(standing).map(show::whose);
        return Err(whose.into_iter().fold(on_trial(what), Failure::because));
    }
    if !is_as_seen(&door, seen) {
        let moved = moved(vec![Ground::Gate], &door, what);
        return Err(match again {
            Some(again) => moved.hint(text!("type it again: {again}", "もう一度実行してください: {again}")),
            None => moved,
        });
    }
    Ok(door)
}

/// Whether nobody has changed the gate since it was `seen`.
pub(crate) fn is_as_seen(door: &Door, seen: Option<&Standing>) -> bool {
    let revision = |standing: Option<&Standing>| standing.map(|standing| standing.revision);
    revision(door.standing.as_ref()) == revision(seen)
}

/// Refuses a change where the gate that was confirmed is gone: what it leaves would stand in the place of that one, also at
/// the next boot, and nobody would miss it any more.
///
/// # Errors
///
/// It is gone.
pub(crate) fn refuse_without_confirmed(door: &Door, what: Words) -> Result<(), Failure> {
    if !door.misses_gate() {
        return Ok(());
    }
    let (en_unit, ja_unit) = match at_boot() {
        AtBoot::Enabled => (
            format!(" (or systemctl restart {BOOT_UNIT})"),
            format!("(または systemctl restart {BOOT_UNIT})"),
        ),
        _ => Default::default(),
    };
    Err(Failure::new(Exit::Refused, what)
        .because(Words {
            en: "the gate that was confirmed here is gone, and after this nobody would miss it, nor the next boot put it back",
            ja: "確定済みのゲートがなくなっています。このまま変更すると、そのことが分からなくなり、起動時にも復元されなくなります",
        })
        .hint(text!(
            "put it in force again: portreeve apply{en_unit}; or give it up: portreeve off gate",
            "再び有効にするには portreeve apply{ja_unit}、不要であれば portreeve off gate を実行してください"
        )))
}

/// What a change rests on has moved; whoever changed the gate last is named, where that is known.
pub(crate) fn moved(grounds: Vec<Ground>, door: &Door, what: Words) -> Failure {
    let is_gate = grounds.contains(&Ground::Gate);
    let failure = commands::refusal(&Refused::Moved(grounds), what);
    let stands = door.standing.as_ref().and_then(Standing::body);
    match door.history.current(door.standing.as_ref()) {
        Current::By(receipt) if is_gate && stands.is_some() && stands == door.confirmed().as_ref() => {
            let (number, who) = (receipt.number, who(&receipt.who));
            let (Text { en, ja }, Text { en: en_ago, ja: ja_ago }) =
                (words(&receipt.deed), ago(receipt.at, door.now));
            failure.because(text!(
                "it stands by receipt {number} of {who}, {en_ago}: {en}",
                "現在のゲートは記録 {number} によるものです(実行者 {who}、{ja_ago}): {ja}"
            ))
        }
        _ => failure,
    }
}

/// What is open and who is kept out for a while, as it stands now.
///
/// # Errors
///
/// It cannot be told.
pub(crate) fn temporary(what: Words) -> Result<Temporary, Failure> {
    let read = |listing: Option<String>| {
        listing.as_deref().map_or(Ok(Temporary::default()), Temporary::read).map_err(StandingError::Read)
    };
    listing().and_then(read).map_err(|error| standing(&error, what))
}

/// Refuses the number that means no port (tcp(7), ip(7)): nobody can listen there.
///
/// # Errors
///
/// It is the only one of `range`.
pub(crate) fn refuse_zero(range: PortRange, what: Words) -> Result<(), Failure> {
    if range.last > 0 {
        return Ok(());
    }
    Err(Failure::usage(what)
        .because(Words {
            en: "nobody can listen on port 0, which means any free one",
            ja: "ポート 0 では待ち受けできません(空きポートの自動割り当てを意味します)",
        })
        .hint(text!(
            "from 1 to 65535, such as 8080/tcp",
            "1 から 65535 の番号を指定してください(例: 8080/tcp)"
        )))
}

/// Nothing can be kept for so long.
pub(crate) fn no_time(what: Words) -> Failure {
    Failure::usage(what)
        .because(Words {
            en: "the time is less than a millisecond or more than ten years",
            ja: "時間が 1 ミリ秒未満か、10 年を超えています",
        })
        .hint(text!("such as 30m, 2h", "例: 30m、2h"))
}

/// The trial was over first.
pub(crate) fn too_late(what: Words) -> Failure {
    Failure::new(Exit::TakenBack, what)
        .because(Words {
            en: "too late: the trial is over, and the kernel has taken the change back",
            ja: "期限切れです: 試行は終了し、カーネルが変更を元に戻しました",
        })
        .hint(Words {
            en: "to try it once more: portreeve apply", ja: "もう一度試すには: portreeve apply"
        })
}

/// Another change runs.
pub(crate) fn on_trial(what: Words) -> Failure {
    Failure::new(Exit::Refused, what)
        .because(Words { en: "another change is on trial", ja: "別の変更が試行中です" })
        .hint(Words {
            en: "portreeve gate status says whose; portreeve confirm keeps it, portreeve undo takes it back",
            ja: "portreeve gate status で実行者を確認し、portreeve confirm で確定、または portreeve undo で取り消してください",
        })
}

/// Refuses a change of the gate while the guard or what is steered is on trial without one: what takes back the last change would mean
/// that trial.
///
/// # Errors
///
/// Something is on trial.
pub(crate) fn refuse_in_trial(door: &Door, what: Words) -> Result<(), Failure> {
    if door.history.programs_on_trial(door.now).is_some() { Err(on_trial(what)) } else { Ok(()) }
}

/// Whose the trial is that runs now, where a receipt of it is here.
pub(crate) fn whose_trial() -> Option<Text> {
    let (listing, history) = look(&directories::gate().ok()?).ok()?;
    let standing = Standing::read(&listing.ok()??).ok()??;
    history.trial(&standing).map(show::whose)
}

/// Why core writes no such change.
pub(crate) fn unwritten(error: gate::Refused, what: Words) -> Failure {
    match error {
        gate::Refused::OnTrial => on_trial(what),
        gate::Refused::NoTrial => Failure::new(Exit::TakenBack, what)
            .because(Words { en: "nothing is on trial", ja: "試行中の変更はありません" })
            .hint(text!("portreeve gate status", "portreeve gate status")),
        gate::Refused::Anew => commands::refusal(&Refused::Anew, what),
    }
}

/// After a change: starts the unit that takes care of what is kept, and says where nothing could be, which nobody is
/// spared, however quiet it should be.
pub(crate) fn see_to_next_boot(passed: &Passed, settings: &Settings) {
    follow(passed.standing.as_ref());
    let Some(error) = &passed.unkept else { return };
    warn(&visible(unkept(&passed.receipt, error).in_lang(settings.lang)));
}

/// What comes of it depends on what the next boot would have kept.
fn unkept(receipt: &Receipt, error: &KeepError) -> Text {
    let path = error.path().display();
    match receipt.deed {
        _ if !receipt.changes_confirmed() => text!(
            "warning: the change is in force, but no record of it could be saved ({path}). Free the disk, then: portreeve gate status",
            "警告: 変更は有効ですが、記録を保存できませんでした({path})。空き容量を確保してから portreeve gate status を実行してください"
        ),
        Deed::Gate { becomes: Becomes::Nothing, .. } => text!(
            "warning: the gate is gone, but no record of that could be saved ({path}): the next boot may put it back. Free the disk, then: portreeve gate status",
            "警告: ゲートは取り除かれましたが、記録を保存できませんでした({path})。次回の起動時に復元されるおそれがあります。空き容量を確保してから portreeve gate status を実行してください"
        ),
        _ => text!(
            "warning: the change is in force, but no record of it could be saved ({path}): the next boot restores what was confirmed before it, or nothing. Free the disk, then: portreeve gate status",
            "警告: 変更は有効ですが、記録を保存できませんでした({path})。次回の起動時には、この変更より前に確定したゲートに戻るか、ゲートがなくなります。空き容量を確保してから portreeve gate status を実行してください"
        ),
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use portreeve_core::receipt::{Cause, LAYOUT, Outcome, Was, Who};

    use super::*;

    fn said(deed: Deed) -> String {
        let receipt = Receipt {
            layout: LAYOUT,
            number: 1,
            at: Timestamp::UNIX_EPOCH,
            who: Who::default(),
            deed,
            seen: None,
            made: None,
            outcome: Outcome::Done,
            gate: None,
            rehearsed: None,
            reserves: None,
            tells: None,
            boot_id: None,
            booted: None,
        };
        let source = std::io::ErrorKind::StorageFull.into();
        unkept(&receipt, &KeepError::Write { path: "/var/lib/portreeve/gate".into(), source }).en
    }

    #[test]
    fn what_could_not_be_saved_is_told_by_what_the_next_boot_does() {
        let gate = |becomes, until| Deed::Gate { cause: Cause::Apply, becomes, was: Was::Nothing, until };
        let kept = said(gate(Becomes::Gate, None));
        assert!(
            kept.contains(
                "(/var/lib/portreeve/gate): the next boot restores what was confirmed before it, or nothing."
            ),
            "{kept}"
        );
        assert!(
            said(Deed::Confirm { of: 1 })
                .contains("the next boot restores what was confirmed before it, or nothing.")
        );
        assert!(said(gate(Becomes::Nothing, None)).contains("the next boot may put it back."));
        let trial = said(gate(Becomes::Gate, Some(Timestamp::UNIX_EPOCH)));
        assert!(!trial.contains("boot") && trial.ends_with("portreeve gate status"), "{trial}");
    }
}
