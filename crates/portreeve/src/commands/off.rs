//! `portreeve off`: takes out of the kernel what portreeve left there (A20).

mod guard;
mod steer;
mod trial;

use clap::{Arg, ArgMatches};
use portreeve_core::{
    gate::{self, BOOT_UNIT},
    plan::Undo,
    receipt::{Becomes, Cause, Deed},
    text,
    words::{Lang, Text, Words, inflect},
};
use portreeve_host::{
    boot::{self, Disabled},
    enforce::{Door, DoorError, firewall::StandingError, receipts::ReceiptsError},
    pins::{
        FOLDER,
        off::{OffError, Taken, off},
    },
    sys::signals::Held,
};

use self::trial::Half;
use super::{
    Command,
    doctor::foreign,
    plan::{sessions_arguments, undo},
    spare::spare,
};
use crate::{
    clients::{self, Comes, boot::has_any},
    directories,
    door::{self, see_to_next_boot},
    exit::Exit,
    failure::{Failure, io_cause},
    settings::{Settings, Verbosity},
    show::{self, out::Out},
    units,
};

const WHAT: &str = "what";
const GATE: &str = "gate";
const PINS: &str = "pins";
const GUARD: &str = "guard";
const STEER: &str = "steer";
const NOT_OFF: Words = Words { en: "nothing was taken away", ja: "何も取り除いていません" };
const NOT_GIVEN_BACK: Words = Words {
    en: "the gate is gone, but what the policy declares is still kept from clients",
    ja: "ゲートは取り除きましたが、宣言したポートはまだクライアント用の範囲から除外されています",
};
const NO_GATE: Words = Words { en: "cannot take the gate away", ja: "ゲートを取り除けません" };

/// `off`.
pub(super) const COMMAND: Command = Command {
    name: "off",
    about: Words {
        en: "Take out of the kernel what portreeve left there",
        ja: "portreeve がカーネルに残したものの撤去",
    },
    examples: &["portreeve off gate", "portreeve off guard", "portreeve off steer", "portreeve off pins"],
    takes: &[],
    arguments,
    run,
};

fn arguments(lang: Lang) -> Vec<Arg> {
    let what = Words {
        en: "gate: the table that filters packets, and what puts it back at boot; guard: what keeps ports for their owners; steer: what leads packets to sockets; pins: what doctor --pin left for a group (without it: all)",
        ja: "gate: パケットを遮断するテーブルと起動時の復元設定、guard: 所有者以外の bind の制限、steer: ソケットへの誘導、pins: doctor --pin が残したもの(省略時はすべて)",
    };
    let what = [Arg::new(WHAT)
        .value_name("gate|guard|steer|pins")
        .value_parser([GATE, GUARD, STEER, PINS])
        .hide_possible_values(true)
        .help(what.in_lang(lang))];
    what.into_iter().chain(sessions_arguments(lang)).collect()
}

fn run(own: &ArgMatches, settings: &Settings, out: &mut Out) -> Result<Exit, Failure> {
    let asked = own.get_one::<String>(WHAT).map(String::as_str);
    take(asked, own, settings, out)?;
    Ok(Exit::Fine)
}

/// All of it.
///
/// # Errors
///
/// What cannot be taken away stays; what was taken away before stays away.
pub(super) fn everything(own: &ArgMatches, settings: &Settings, out: &mut Out) -> Result<(), Failure> {
    take(None, own, settings, out)
}

fn take(asked: Option<&str>, own: &ArgMatches, settings: &Settings, out: &mut Out) -> Result<(), Failure> {
    out.outlive_reader(NOT_OFF);
    match asked {
        Some(GUARD) => trial::refuse_half(GUARD, Half::Steering)?,
        Some(STEER) => trial::refuse_half(STEER, Half::Guard)?,
        _ => {}
    }
    let is_meant = |what| asked.is_none_or(|asked| asked == what);
    // What is taken away last an undo puts back first: of all that is the gate.
    if is_meant(STEER) {
        steer::take(settings, out)?;
    }
    if is_meant(GUARD) {
        guard::take(settings, out)?;
    }
    if is_meant(GATE) {
        take_gate(own, settings, out)?;
    }
    if is_meant(PINS) {
        take_pins(settings, out)?;
    }
    Ok(())
}

/// Takes the gate away, whatever is on trial, and what would put it back: what it refused comes in again, as far as others'
/// rules let it.
fn take_gate(own: &ArgMatches, settings: &Settings, out: &mut Out) -> Result<(), Failure> {
    let door = Door::open(&directories::gate()?).map_err(stuck)?;
    let (undo, mut over, mut is_trial_over) = (undo(own), Text::default(), false);
    let said: Text = match &door.standing {
        None if door.forget().map_err(stuck)? => {
            out.changed();
            drop(door);
            clients::give_back(Comes::default(), None, NOT_GIVEN_BACK)?;
            Words {
                en: "The gate was gone already; the next boot does not put it back any more.",
                ja: "ゲートは既にありませんでした。次回の起動時にも復元されません。",
            }
            .into()
        }
        None => Words {
            en: "There is no gate of portreeve's.", ja: "portreeve のゲートはありません。"
        }
        .into(),
        Some(standing) => {
            spare(own, settings, &Undo::NoGate, (NO_GATE, "portreeve off gate"))?;
            over = show::gate::over(&door::temporary(NO_GATE)?.over(Some(standing), None));
            let transaction = gate::remove(standing);
            let _signals = Held::back();
            let was = door.was();
            let deed = Deed::Gate { cause: Cause::Off, becomes: Becomes::Nothing, was, until: None };
            let passed = door.pass(deed, &transaction).map_err(stuck)?;
            out.changed();
            see_to_next_boot(&passed, settings);
            is_trial_over = trial::end(passed.receipt.number, NOT_GIVEN_BACK)?;
            let comes = Comes { with: Some(passed.receipt.number), undoes: None };
            clients::give_back(comes, passed.standing.as_ref(), NOT_GIVEN_BACK)?;
            text!(
                "Took the gate away: nothing of portreeve's filters packets any more. {undo} puts it back until the next boot, and portreeve gate enable then at each.",
                "ゲートを取り除きました。portreeve によるパケットの遮断はなくなりました。{undo} で元に戻せます(再起動後も有効にするには portreeve gate enable)。"
            )
        }
    };
    if settings.verbosity != Verbosity::Quiet {
        out.sentences(said.in_lang(out.lang))?;
        out.sentences(over.in_lang(out.lang))?;
        if is_trial_over {
            out.say(trial::OVER)?;
        }
    }
    // The unit is the host's, and no other namespace's.
    if directories::gate()? == directories::usual_gate() { take_unit(settings, out) } else { Ok(()) }
}

/// Why the gate stays; where nothing can be written nft still takes it away.
fn stuck(error: DoorError) -> Failure {
    let is_unwritable = match &error {
        DoorError::Lock(_) | DoorError::NoUndo(_) => true,
        DoorError::Receipts(error) => !matches!(error, ReceiptsError::Full),
        _ => false,
    };
    let is_unread = matches!(error, DoorError::Standing(StandingError::Read(_)));
    let failure = door::failure(error, NO_GATE);
    if is_unread {
        return failure.hint(Words {
            en: "the table by hand, then what would put it back at boot: nft delete table inet portreeve && portreeve off gate",
            ja: "テーブルを手動で取り除いてから、起動時の復元も解除してください: nft delete table inet portreeve && portreeve off gate",
        });
    }
    if !is_unwritable {
        return failure;
    }
    failure.hint(Words {
        en: "without any record, until the next boot: nft delete table inet portreeve",
        ja: "記録を残さず、次回の起動まで取り除く場合: nft delete table inet portreeve",
    })
}

fn take_unit(settings: &Settings, out: &mut Out) -> Result<(), Failure> {
    let failed = Words {
        en: "the gate is gone, but what puts it back at boot is not",
        ja: "ゲートは取り除きましたが、起動時の復元設定を取り除けません",
    };
    let taken = boot::disable().map_err(|error| units::failure(&error, failed))?;
    if taken.had_any {
        out.changed();
    }
    let said = match taken {
        Disabled { had_any: false, masked: None } => return Ok(()),
        Disabled { masked: None, .. } => {
            text!("Took {BOOT_UNIT} away.", "{BOOT_UNIT} を取り除きました。")
        }
        Disabled { had_any: true, masked: Some(masked) } => text!(
            "Took away what enabled {BOOT_UNIT}, and left {masked} masked; systemctl unmask {masked} takes the mask away.",
            "{BOOT_UNIT} の有効化を解除しました。{masked} のマスクは残しています(解除するには systemctl unmask {masked})。"
        ),
        Disabled { masked: Some(masked), .. } => text!(
            "Left {masked} masked; systemctl unmask {masked} takes the mask away.",
            "{masked} のマスクは残しています(解除するには systemctl unmask {masked})。"
        ),
    };
    if settings.verbosity == Verbosity::Quiet {
        return Ok(());
    }
    out.sentences(said.in_lang(settings.lang))?;
    if taken.had_any && has_any() { out.say(UNRESERVED) } else { Ok(()) }
}

const UNRESERVED: Words = Words {
    en: "The next boot reserves no more what is claimed; portreeve gate enable has it so again.",
    ja: "申請済みのポートも、次回の起動からは予約されません(再び予約するには portreeve gate enable)。",
};

fn take_pins(settings: &Settings, out: &mut Out) -> Result<(), Failure> {
    let taken = off().map_err(failure)?;
    if taken != Taken::default() {
        out.changed();
    }
    if settings.verbosity == Verbosity::Quiet {
        return Ok(());
    }
    let Taken { pins, .. } = taken;
    let en_pins = inflect(pins, "pin", "pins");
    let said = if taken == Taken::default() {
        text!("Nothing of portreeve's is pinned.", "portreeve が固定(pin)したものはありません。")
    } else {
        text!(
            "Took {pins} {en_pins} away and unmounted {FOLDER}.",
            "{pins} 個の pin を取り除き、{FOLDER} をアンマウントしました。"
        )
    };
    out.sentences(said.in_lang(settings.lang))
}

fn failure(error: OffError) -> Failure {
    let failed = Words { en: "cannot take the pins away", ja: "pin を取り除けません" };
    match error {
        OffError::NotRoot => Failure::usage(failed)
            .because(Words {
                en: "only root can unmount", ja: "アンマウントできるのは root だけです"
            })
            .hint(text!("sudo portreeve off pins", "sudo portreeve off pins")),
        OffError::Foreign(stranger) => foreign(&stranger),
        OffError::Step { source, .. } => Failure::new(Exit::Unreachable, failed)
            .because(text!(
                "the kernel refused a step below {FOLDER}",
                "{FOLDER} の操作をカーネルが拒否しました"
            ))
            .because(io_cause(&source)),
    }
}
