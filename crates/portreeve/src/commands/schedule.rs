//! `portreeve schedule daily|hourly|off`: the host looks after its ports by itself, and speaks only of what changed
//! (A17, A20).

use clap::{Arg, ArgMatches};
use portreeve_core::{
    text,
    words::{Lang, Words},
};
use portreeve_host::schedule::{self, By, Every, Put, ScheduleError};
use rustix::process::geteuid;

use super::Command;
use crate::{
    exit::Exit,
    failure::Failure,
    settings::{Settings, Verbosity},
    show::{next, out::Out, schedule as show},
    units,
};

const WHEN: &str = "when";
const OFF: &str = "off";

/// `schedule`.
pub(super) const COMMAND: Command = Command {
    name: "schedule",
    about: Words {
        en: "Look regularly, and speak only of what changed", ja: "定期的な確認と変化の通知"
    },
    examples: &["portreeve schedule daily", "portreeve schedule off", "portreeve schedule"],
    takes: &[],
    arguments,
    run,
};

const FAILED: Words = Words { en: "cannot schedule the audit", ja: "定期実行を設定できません" };

fn arguments(lang: Lang) -> Vec<Arg> {
    let when = Words {
        en: "daily, hourly or off (without it: what is scheduled, and when it last ran)",
        ja: "daily、hourly、off のいずれか(省略時は現在の設定と最終実行日時を表示)",
    };
    vec![
        Arg::new(WHEN)
            .value_name("daily|hourly|off")
            .value_parser([Every::Day.name(), Every::Hour.name(), OFF])
            .hide_possible_values(true)
            .help(when.in_lang(lang)),
    ]
}

fn run(own: &ArgMatches, settings: &Settings, out: &mut Out) -> Result<Exit, Failure> {
    let Some(asked) = own.get_one::<String>(WHEN) else {
        out.sentences(show::standing().in_lang(settings.lang))?;
        return Ok(Exit::Fine);
    };
    if !geteuid().is_root() {
        return Err(units::not_root(FAILED));
    }
    match Every::ALL.into_iter().find(|every| every.name() == asked) {
        Some(every) => put(every, settings, out),
        None => take(settings, out),
    }
}

fn put(every: Every, settings: &Settings, out: &mut Out) -> Result<Exit, Failure> {
    let program = units::program(FAILED)?;
    let put =
        schedule::put(&program, every).map_err(|error| failure(&error, &program.display().to_string()))?;
    if matches!(put, Put::Now(_)) {
        out.changed();
    }
    if settings.verbosity == Verbosity::Quiet {
        return Ok(Exit::Fine);
    }
    let name = every.name();
    let said = match put {
        Put::Already(By::Systemd) => text!(
            "Nothing to do: already set to {name} (portreeve-audit.timer).",
            "既に {name} に設定されています(portreeve-audit.timer)。"
        ),
        Put::Already(By::Cron) => text!(
            "Nothing to do: already set to {name} (/etc/cron.d/portreeve).",
            "既に {name} に設定されています(/etc/cron.d/portreeve)。"
        ),
        Put::Now(By::Systemd) => text!(
            "This host now audits itself {name} (portreeve-audit.timer); changes are written to the journal: journalctl -u portreeve-audit",
            "{name} の定期実行を設定しました(portreeve-audit.timer)。変化はジャーナルに記録されます: journalctl -u portreeve-audit"
        ),
        Put::Now(By::Cron) => text!(
            "This host now audits itself {name} (/etc/cron.d/portreeve); cron mails changes to root.",
            "{name} の定期実行を設定しました(/etc/cron.d/portreeve)。変化は cron が root にメールで知らせます。"
        ),
    };
    out.sentences(said.in_lang(settings.lang))?;
    next::print(&["portreeve schedule".into(), "portreeve schedule off".into()], out)?;
    Ok(Exit::Fine)
}

fn take(settings: &Settings, out: &mut Out) -> Result<Exit, Failure> {
    let failed = Words {
        en: "what is scheduled is not taken away", ja: "定期実行の設定を取り除けません"
    };
    let had_one = schedule::take().map_err(|error| match error {
        ScheduleError::Unit(error) => units::failure(&error, failed),
        ScheduleError::Nothing => Failure::new(Exit::Unreachable, failed),
    })?;
    if had_one {
        out.changed();
    }
    if settings.verbosity != Verbosity::Quiet {
        out.say(if had_one {
            Words {
                en: "Scheduled audits are off; the last results are kept.",
                ja: "定期実行を解除しました。前回の結果は残っています。",
            }
        } else {
            Words { en: "Nothing was scheduled.", ja: "定期実行は設定されていません。" }
        })?;
    }
    Ok(Exit::Fine)
}

fn failure(error: &ScheduleError, program: &str) -> Failure {
    match error {
        ScheduleError::Unit(error) => units::failure(error, FAILED),
        ScheduleError::Nothing => Failure::new(Exit::Unreachable, FAILED)
            .because(Words {
                en: "there is neither systemd nor /etc/cron.d",
                ja: "systemd も /etc/cron.d もありません",
            })
            .hint(text!(
                "let whatever starts programs here run: {program} audit --since-last --tell",
                "この環境の定期実行の仕組みから実行してください: {program} audit --since-last --tell"
            )),
    }
}
