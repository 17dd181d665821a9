//! `portreeve apply --boot`: puts the gate back that was confirmed last, as the host boots (A15, A16).

use portreeve_core::{
    text,
    words::{Text, Words},
};
use portreeve_host::enforce::boot::{Loaded, Unwritten, load, load_programs};

use crate::{
    clients::boot::reserve_again,
    directories, door,
    exit::Exit,
    failure::{Failure, keep_cause, warn},
    ledger::{kernel::why, warn_of_replaced},
    settings::{Settings, Verbosity},
    show::{escape::visible, out::Out},
};

const NO_PROGRAMS: Words = Words {
    en: "what was confirmed of the gate is in force, but the guard and what is steered are not put back",
    ja: "ゲートの処理は完了しましたが、ガードと誘導を復元できません",
};
const NOT_EARLY: Words = Words {
    en: "the guard and what is steered are not put back",
    ja: "ガードと誘導を復元できません",
};
const FAILED: Words = Words { en: "the gate is not put back", ja: "ゲートを復元できません" };

/// Puts the gate back; that there is none is no failure.
///
/// # Errors
///
/// What is kept cannot be read, or nft does not take it.
pub(super) fn run(settings: &Settings, out: &mut Out) -> Result<Exit, Failure> {
    // A host without its gate is told of first; one whose clients may get a number that is claimed is not left without a gate.
    let loaded = load(&directories::gate()?).map_err(|error| door::failure(error, FAILED));
    warn_of_replaced(settings.lang);
    reserve(settings);
    let programs = load_programs(&directories::gate()?).map_err(|error| door::failure(error, NO_PROGRAMS));
    let loaded = loaded?;
    let said = match loaded {
        Loaded::Nothing => text!("No gate is confirmed.", "確定済みのゲートはありません。"),
        Loaded::Already => {
            text!("Nothing to do: the confirmed gate stands.", "確定済みのゲートは既に稼働しています。")
        }
        Loaded::OnTrial => return Err(door::on_trial(FAILED)),
        Loaded::Now(number) => text!(
            "The confirmed gate is in force again, by receipt {number}.",
            "確定済みのゲートを復元しました(記録 {number})。"
        ),
        Loaded::Untold(why) => return Err(untold(&why)),
    };
    if settings.verbosity != Verbosity::Quiet {
        out.sentences(said.in_lang(settings.lang))?;
    }
    if programs? && settings.verbosity != Verbosity::Quiet {
        out.say(PROGRAMS)?;
    }
    Ok(Exit::Fine)
}

/// The same of all but the gate, before any service starts: what flushes the packet filter may come after that.
///
/// # Errors
///
/// What is kept cannot be read, or the kernel refuses.
pub(super) fn early(settings: &Settings, out: &mut Out) -> Result<Exit, Failure> {
    reserve(settings);
    let programs = load_programs(&directories::gate()?).map_err(|error| door::failure(error, NOT_EARLY));
    if programs? && settings.verbosity != Verbosity::Quiet {
        out.say(PROGRAMS)?;
    }
    Ok(Exit::Fine)
}

/// Keeps from clients again what was kept.
fn reserve(settings: &Settings) {
    if let Err(error) = reserve_again() {
        let Text { en, ja } = why(&error);
        let said = text!(
            "warning: what is claimed or declared is not kept from clients: {en}",
            "警告: 申請・宣言されたポートをクライアント用の範囲から除外できませんでした: {ja}"
        );
        warn(&visible(said.in_lang(settings.lang)));
    }
}

const PROGRAMS: Words = Words {
    en: "What was confirmed of the guard and of what is steered is in force again.",
    ja: "確定済みのガードと誘導を復元しました。",
};

fn untold(why: &Unwritten) -> Failure {
    let what = Words {
        en: "the confirmed gate is in force again, but no receipt tells of it",
        ja: "確定済みのゲートを復元しましたが、記録を残せませんでした",
    };
    match why {
        Unwritten::Unread(error) => door::receipts(error, what),
        Unwritten::Unkept(error) => {
            let path = error.path().display();
            Failure::new(Exit::Unreachable, what)
                .because(text!("cannot write {path}", "{path} に書き込めません"))
                .because(keep_cause(error))
        }
    }
}
