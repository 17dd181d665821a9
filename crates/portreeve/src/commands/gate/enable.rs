//! `portreeve gate enable`: the gate stands again at each boot, before there is a network (A15, A16).

use portreeve_core::{
    gate::{BOOT_UNIT, Body, Rest, Standing},
    receipt::Integrity,
    text,
    words::Words,
};
use portreeve_host::{
    boot,
    enforce::receipts::{self, ReceiptsError},
    systemd::{Begins, UnitError},
};
use rustix::process::geteuid;

use crate::{
    after_boot::{KEPT_ANEW, keep_standing},
    clients::boot::has_any,
    directories, door,
    exit::Exit,
    failure::Failure,
    settings::{Settings, Verbosity},
    show::{next, out::Out},
    units,
};

const FAILED: Words = Words {
    en: "the gate is not put back at the next boot",
    ja: "次回の起動時にゲートを復元するよう設定できません",
};

/// Sees to it that the next boot puts the confirmed gate back.
///
/// # Errors
///
/// Where something that root does not own alone would be started, or something is in the way.
pub(super) fn run(settings: &Settings, out: &mut Out) -> Result<Exit, Failure> {
    if !geteuid().is_root() {
        return Err(units::not_root(FAILED));
    }
    if directories::gate()? != directories::usual_gate() {
        return Err(not_the_hosts());
    }
    let program = units::program(FAILED)?;
    let stood = stood()?;
    let is_new = boot::enable(&program, begins(stood)).map_err(|error| match error {
        UnitError::NoSystemd => without_systemd(&program.display().to_string()),
        error => units::failure(&error, FAILED),
    })?;
    if is_new || stood == Stood::Unkept {
        out.changed();
    }
    if settings.verbosity == Verbosity::Quiet {
        return Ok(Exit::Fine);
    }
    let said = if is_new {
        text!(
            "Enabled {BOOT_UNIT}: the gate that is confirmed stands again at each boot, before there is a network.",
            "{BOOT_UNIT} を有効にしました。確定済みのゲートは、起動のたびにネットワークより先に復元されます。"
        )
    } else {
        text!("Nothing to do: {BOOT_UNIT} is enabled.", "{BOOT_UNIT} は既に有効です。")
    };
    out.sentences(said.in_lang(settings.lang))?;
    if stood == Stood::Unkept {
        out.say(KEPT_ANEW)?;
    }
    if stood == Stood::Never {
        out.say(if has_any() { ONLY_RESERVED } else { NOTHING })?;
    }
    let apply = matches!(stood, Stood::Never | Stood::Otherwise).then_some("portreeve apply");
    let commands = apply.into_iter().chain(["portreeve gate status"]);
    next::print(&commands.map(str::to_owned).collect::<Vec<_>>(), out)?;
    Ok(Exit::Fine)
}

const NOTHING: Words = Words {
    en: "But no gate is confirmed yet, so there is nothing to put back.",
    ja: "ただし、確定済みのゲートがないため、復元するものはまだありません。",
};
const ONLY_RESERVED: Words = Words {
    en: "No gate is confirmed yet: what is claimed is kept from clients again at each boot, and nothing else.",
    ja: "確定済みのゲートはまだありません。起動のたびに復元されるのは、申請済みポートの予約(クライアントに割り当てない設定)だけです。",
};

/// How the gate stands, as far as it matters to whoever enables it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stood {
    /// As it is kept.
    AsKept,
    /// It was not kept, and is so now.
    Unkept,
    /// None is confirmed.
    Never,
    /// Not as it is kept, or nobody knows.
    Otherwise,
}

/// How the gate stands; what is confirmed and of which nothing is kept, or nothing that can be read, is kept now.
fn stood() -> Result<Stood, Failure> {
    let Ok(door) = door::open(FAILED) else { return Ok(Stood::Otherwise) };
    let confirmed = door.standing.as_ref().map(Standing::body);
    let folder = directories::gate()?;
    let is_as_confirmed = |it: &Standing| door.history.integrity(it, None) == Integrity::AsConfirmed;
    let is_confirmed = door.standing.as_ref().is_some_and(is_as_confirmed);
    let is_gate = |body: &Body| body.rest() != Rest::All && is_confirmed;
    Ok(match (receipts::boot(&folder), confirmed) {
        (Ok(Some(kept)), Some(Some(body))) if kept.gate == *body => Stood::AsKept,
        (Ok(None) | Err(ReceiptsError::Garbled { .. }), Some(Some(body))) if is_gate(body) => {
            keep_standing(&door, FAILED)?;
            Stood::Unkept
        }
        (Ok(None), None | Some(Some(_))) => Stood::Never,
        _ => Stood::Otherwise,
    })
}

/// To start the unit changes no packet's way where the gate stands as it is kept; elsewhere that is for whoever applies,
/// who is asked whether he is still here.
fn begins(stood: Stood) -> Begins {
    if stood == Stood::Otherwise { Begins::NextBoot } else { Begins::Now }
}

fn not_the_hosts() -> Failure {
    Failure::new(Exit::Refused, FAILED).because(Words {
        en: "the host puts back its own gate as it boots, and this is that of another network namespace, or PORTREEVE_STATE names another place",
        ja: "起動時に復元できるのはホスト自身のゲートだけです。別のネットワーク名前空間にいるか、PORTREEVE_STATE が設定されています",
    })
    .hint(Words {
        en: "unset PORTREEVE_STATE, or run it outside the namespace",
        ja: "PORTREEVE_STATE を解除するか、ホストの名前空間で実行してください",
    })
}

fn without_systemd(program: &str) -> Failure {
    Failure::new(Exit::Unreachable, FAILED).because(units::no_systemd()).hint(text!(
        "let your init run this before the network comes up, and after whatever flushes the packet filter: {program} apply --boot",
        "ネットワークより前、かつファイアウォールを初期化する処理より後に、次のコマンドを起動処理で実行してください: {program} apply --boot"
    ))
}
