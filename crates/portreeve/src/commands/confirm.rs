//! `portreeve confirm`: keeps the change that is on trial, if it still is (A15).

mod programs;

use clap::{Arg, ArgMatches};
use portreeve_core::{
    gate,
    receipt::{Current, Deed, End, Receipt, Tried},
    text,
    words::{Lang, Text, Words},
};
use portreeve_host::{
    boot::at_boot,
    enforce::{
        Door, DoorError,
        firewall::{EnforceError, Refusal},
    },
    sys::signals::Held,
};

use super::{Command, apply::in_force};
use crate::{
    clients::{self, Comes},
    door::{self, see_to_next_boot},
    exit::Exit,
    failure::Failure,
    programs::headroom,
    settings::{Settings, Verbosity},
    show::{age::ago, next, out::Out},
    steers,
};

/// `confirm`.
pub(super) const COMMAND: Command = Command {
    name: "confirm",
    about: Words { en: "Keep the change that is on trial", ja: "試行中の変更の確定" },
    examples: &["portreeve confirm"],
    takes: &[],
    arguments,
    run,
};

/// The gate is in force, and what came with it is not.
pub(super) const NOT_RESERVED: Words = Words {
    en: "the gate is in force, but what the policy declares is not kept from clients",
    ja: "ゲートは有効ですが、宣言したポートをクライアント用の範囲から除外できません",
};
/// The programs in the kernel are told, and what came with that is not done.
pub(super) const PROGRAMS_NOT_RESERVED: Words = Words {
    en: "the guard and what is steered are in force, but what the policy declares is not kept from clients",
    ja: "ガードと誘導は有効ですが、宣言したポートをクライアント用の範囲から除外できません",
};
const FAILED: Words = Words { en: "cannot confirm the change", ja: "変更を確定できません" };

fn arguments(_: Lang) -> Vec<Arg> {
    Vec::new()
}

fn run(_: &ArgMatches, settings: &Settings, out: &mut Out) -> Result<Exit, Failure> {
    keep(settings, out)
}

/// Keeps what is on trial.
///
/// # Errors
///
/// Nothing is, or no longer.
pub(super) fn keep(settings: &Settings, out: &mut Out) -> Result<Exit, Failure> {
    let door = door::open(FAILED)?;
    let Some(standing) = door.standing.as_ref().filter(|standing| standing.trial.is_some()) else {
        return programs::keep_alone(door, settings, out);
    };
    if door.history.tried(standing) == Tried::Changed {
        return Err(changed());
    }
    // Somebody's whose receipts are elsewhere has none here.
    let tried = door.history.trial(standing).and_then(|trial| programs::tried(&door.history, trial.number));
    let (of, reserves) =
        door.history.trial(standing).map_or((0, None), |trial| (trial.number, trial.reserves.clone()));
    let transaction = gate::confirm(standing).map_err(|error| door::unwritten(error, FAILED))?;
    let _signals = Held::back();
    let headroom = tried.as_ref().map(|(_, now)| headroom(&door, now, FAILED)).transpose()?;
    let passed = match door.pass(Deed::Confirm { of }, &transaction) {
        Err(DoorError::Enforce(EnforceError::Refused(Refusal::TooLate))) => return Err(too_late(None)),
        passed => passed.map_err(|error| door::failure(error, FAILED))?,
    };
    out.changed();
    if settings.verbosity != Verbosity::Quiet {
        let (Text { en, ja }, enable) = in_force(passed.standing.as_ref());
        let said = text!("Kept: the change is {en}", "変更を確定しました。{ja}");
        out.sentences(said.in_lang(settings.lang))?;
        let commands = ["portreeve undo"].into_iter().chain(enable).chain(["portreeve gate status"]);
        next::print(&commands.map(str::to_owned).collect::<Vec<_>>(), out)?;
    }
    see_to_next_boot(&passed, settings);
    drop(headroom);
    if let Some((number, now)) = tried {
        programs::keep_with_gate(number, &now, of)?;
    }
    if let Some(ports) = reserves {
        let comes = Comes { with: Some(of), undoes: None };
        clients::reserve(&ports, comes, passed.standing.as_ref(), NOT_RESERVED)?;
    }
    steers::lead_found_at_last(settings);
    Ok(Exit::Fine)
}

/// To confirm twice is no mistake; to confirm what the kernel took back is too late.
fn nothing(door: &Door, settings: &Settings, out: &mut Out) -> Result<Exit, Failure> {
    // The kernel takes back what is on trial, but no table.
    if let Some(receipt) = door.gone() {
        let failure = gone(door.history.is_ended_by_boot(receipt, at_boot()));
        return Err(failure.hint(if is_rest_tried(door) { UNDO_REST.into() } else { apply_again() }));
    }
    if is_rest_tried(door) {
        let trial = door.history.ended(door.standing.as_ref(), door.now);
        let ended =
            trial.map_or_else(|| door::unwritten(gate::Refused::NoTrial, FAILED), |(it, _)| ended(it));
        return Err(ended.hint(UNDO_REST));
    }
    let of_gate = || door.history.ended(door.standing.as_ref(), door.now);
    let before_boot = || door.history.ended_before_boot(door.standing.as_ref(), door.now);
    match door.history.programs_ended(door.now).or_else(of_gate).or_else(before_boot) {
        Some((trial, End::Lapsed(until))) => return Err(too_late(Some((trial, ago(until, door.now))))),
        Some((trial, End::Reboot)) => return Err(rebooted(trial)),
        Some((trial, End::Early)) => return Err(ended(trial)),
        None => {}
    }
    match door.history.current(door.standing.as_ref()) {
        Current::By(Receipt { deed: Deed::Confirm { of }, .. }) => {
            if settings.verbosity != Verbosity::Quiet {
                let said = text!(
                    "Nothing to do: the change of receipt {of} is confirmed already.",
                    "記録 {of} の変更は既に確定しています。"
                );
                out.sentences(said.in_lang(settings.lang))?;
            }
            Ok(Exit::Fine)
        }
        _ => Err(door::unwritten(gate::Refused::NoTrial, FAILED)),
    }
}

fn gone(is_ended_by_boot: bool) -> Failure {
    let why = if is_ended_by_boot {
        Words {
            en: "the gate is gone: a reboot of the machine took it away",
            ja: "ゲートがありません: 再起動で消えています",
        }
    } else {
        Words {
            en: "the gate is gone: another program removed it",
            ja: "ゲートがありません: portreeve 以外の操作で取り除かれています",
        }
    };
    Failure::new(Exit::TakenBack, FAILED).because(why)
}

fn apply_again() -> Text {
    text!("portreeve apply", "portreeve apply")
}

/// Whether the guard and what is steered are on trial still, with a gate that is not.
fn is_rest_tried(door: &Door) -> bool {
    let left = door.history.programs_left(door.standing.as_ref(), door.now);
    left.is_some_and(|left| !left.is_kept)
}

/// What was tried together is kept together.
const UNDO_REST: Words = Words {
    en: "portreeve undo takes back what the guard and the steering have on trial with it; then portreeve apply",
    ja: "portreeve undo で、同時に試行中のガードと誘導を元に戻してから、portreeve apply を実行してください",
};

/// Whoever confirms keeps what he applied, and nothing that came in beside it.
fn changed() -> Failure {
    Failure::new(Exit::Refused, FAILED)
        .because(Words {
            en: "somebody else has changed the gate since: what is on trial is not what was applied, and the kernel takes it back when its time is over",
            ja: "試行の開始後に、ほかの手段でゲートが変更されています。適用した内容と異なるため確定していません。試行の期限が来れば、カーネルが元に戻します",
        })
        .hint(Words {
            en: "portreeve undo takes it back at once; then portreeve plan, and portreeve apply anew",
            ja: "portreeve undo で直ちに元に戻してから、portreeve plan で確認し、portreeve apply を再度実行してください",
        })
}

fn ended(trial: &Receipt) -> Failure {
    let number = trial.number;
    door::unwritten(gate::Refused::NoTrial, FAILED).because(text!(
        "somebody else ended the trial of receipt {number} before its time",
        "記録 {number} の試行は、portreeve 以外の操作により期限前に終了しています"
    ))
}

fn rebooted(trial: &Receipt) -> Failure {
    let number = trial.number;
    door::unwritten(gate::Refused::NoTrial, FAILED).because(text!(
        "a reboot ended the trial of receipt {number} before its time",
        "記録 {number} の試行は、再起動により期限前に終了しています"
    ))
}

fn too_late(trial: Option<(&Receipt, Text)>) -> Failure {
    let failure = door::too_late(FAILED);
    let Some((receipt, Text { en, ja })) = trial else { return failure };
    let number = receipt.number;
    failure.because(text!(
        "the trial of receipt {number} ended {en}",
        "記録 {number} の試行は {ja}に終了しました"
    ))
}
