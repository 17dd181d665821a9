//! `portreeve apply [PLAN]`: makes the host agree with the policy, on trial until somebody says that he is still here
//! (A15, A16).

mod boot;
mod countdown;
mod leading;
mod programs;
mod rehearse;

use std::{ffi::OsString, io::IsTerminal as _, time::Duration};

use clap::{Arg, ArgMatches, builder::ValueParser};
use jiff::Timestamp;
use portreeve_core::{
    gate::{Hindrance, Keep, Standing, Timeout},
    plan::{Change, Ground, Grounds, Refused},
    port::PortRange,
    receipt::{Becomes, Cause, Deed},
    text,
    words::{Lang, Text, Words},
};
use portreeve_host::{enforce::guard::show_users, sys::signals::Held};
use rustix::process::geteuid;
use serde::Deserialize;

use self::{
    countdown::Answer,
    rehearse::{rehearse, tell},
};
use super::{
    Command, confirm,
    plan::{self, Planned, evict_argument, failure, sessions_arguments, standing},
};
use crate::{
    after_boot::{AfterBoot, KEPT_ANEW, after_boot, follow, keep_standing},
    clients::{self, Comes},
    door::{self, see_to_next_boot},
    exit::Exit,
    failure::{Failure, io_cause},
    programs::headroom,
    read,
    settings::{Common, Input, Settings, Verbosity, input, options},
    show::{self, next, out::Out},
    steers,
};

const PLAN: &str = "plan";
const TRIAL: &str = "trial";
const NO_TRIAL: &str = "no-trial";
const BOOT: &str = "boot";
const WHOLE: &str = "whole";
const EARLY: &str = "early";
const REHEARSE_ONLY: &str = "rehearse-only";
/// How long a trial is on a terminal, where nobody says.
const USUAL: Duration = Duration::from_secs(60);
/// A plan of a million ports.
const PLAN_BYTES_MAX: usize = 64 << 20;

/// `apply`.
pub(super) const COMMAND: Command = Command {
    name: "apply",
    about: Words { en: "Make the host agree with the policy", ja: "policy の適用" },
    examples: &[
        "portreeve apply",
        "portreeve apply --trial 2m",
        "portreeve apply plan.json --no-trial",
        "portreeve apply --rehearse-only",
    ],
    takes: &[Common::Policy],
    arguments,
    run,
};

const RESERVED_LATER: Words = Words {
    en: "What is to be kept from clients is kept once the change is confirmed.",
    ja: "クライアントに割り当てないようにする変更は、確定後に行います。",
};
const FAILED: Words = Words { en: "nothing was applied", ja: "適用できません" };

fn arguments(lang: Lang) -> Vec<Arg> {
    let plan = Words {
        en: "Only if the host is as it was when this was made by plan -o json (-: standard input)",
        ja: "plan -o json の出力を指定すると、計画時から状況が変わっていない場合だけ適用(- は標準入力)",
    };
    let trial = Words {
        en: "For so long, unless somebody confirms it (default on a terminal: 60s)",
        ja: "試行の長さ。確定しなければ元に戻る(端末での既定値: 60s)",
    };
    let no_trial = Words { en: "For good at once", ja: "試行せず、直ちに確定する" };
    let only = Words {
        en: "Only try it with packets in a network namespace of its own, and change nothing",
        ja: "専用の名前空間でパケットを送って試すだけで、変更はしない",
    };
    let mut arguments = vec![
        Arg::new(PLAN).value_name("PLAN").value_parser(ValueParser::os_string()).help(plan.in_lang(lang)),
        options::value(TRIAL, "TIME", trial, lang).value_parser(options::duration),
        options::flag(NO_TRIAL, no_trial, lang).conflicts_with(TRIAL),
        options::flag(REHEARSE_ONLY, only, lang).conflicts_with_all([TRIAL, NO_TRIAL]),
    ];
    arguments.extend(sessions_arguments(lang));
    arguments.push(evict_argument(lang));
    let boot = Words {
        en: "Put back what was confirmed last, as the host boots (gate enable); early: all but the gate",
        ja: "最後に確定した内容を、ホストの起動時に復元する(gate enable が使用)。early はゲート以外のみ",
    };
    let others = arguments.iter().map(|other| other.get_id().clone()).chain([options::POLICY.into()]);
    let others: Vec<_> = others.collect();
    let boot = options::choice(BOOT, "early", [WHOLE, EARLY], boot, lang);
    let boot = boot.num_args(0..=1).require_equals(true).default_missing_value(WHOLE);
    arguments.push(boot.conflicts_with_all(others));
    arguments
}

/// How a change comes into force.
#[derive(Clone, Copy)]
enum Way {
    /// For good.
    AtOnce,
    /// Somebody is asked whether he is still here.
    Asking(Duration, Timeout),
    /// Whoever comes in time confirms it.
    Alone(Timeout),
}

fn run(own: &ArgMatches, settings: &Settings, out: &mut Out) -> Result<Exit, Failure> {
    match own.get_one::<String>(BOOT).map(String::as_str) {
        Some(EARLY) => return boot::early(settings, out),
        Some(_) => return boot::run(settings, out),
        None => {}
    }
    let is_only_tried = own.get_flag(REHEARSE_ONLY);
    if !is_only_tried {
        out.outlive_reader(FAILED);
    }
    // Of what is only tried nobody is asked whether he is still here.
    let way = if is_only_tried { Way::AtOnce } else { way(own)? };
    let saved = own.get_one::<OsString>(PLAN).map(|name| grounds(&input(name))).transpose()?;
    let planned = Planned::make(own, settings, FAILED)?;
    if let Some(saved) = saved.filter(|_| !planned.plan.changes.is_empty()) {
        let moved: Vec<Ground> = saved.moved(planned.plan.based_on).collect();
        if !moved.is_empty() {
            return Err(door::moved(moved, &door::open(FAILED)?, FAILED));
        }
    }
    refuse_tried_eviction(&planned, way, own, settings)?;
    let Some(change) = planned.plan.gate() else {
        return beside_gate(&planned, is_only_tried, way, own, settings, out);
    };
    match planned.protect(own) {
        Err(Refused::NoFoothold) if is_only_tried => {}
        answer => answer.map_err(|refused| failure(&refused, FAILED))?,
    }
    let seen = standing(&planned.look.snapshot)?;
    refuse_trial(seen.as_ref(), way, own, settings)?;
    if settings.verbosity != Verbosity::Quiet {
        show::plan::print(&planned.plan, settings.verbosity, out)?;
    }
    out.finish()?;
    if is_only_tried {
        return rehearse::only(&planned, change, seen.as_ref(), settings, out);
    }
    let (until, stands) = carry_out(&planned, change, seen.as_ref(), way, settings, out)?;
    let undo = &*plan::undo(own);
    match (way, until) {
        (Way::Asking(length, _), until) => ask(length, until, undo, settings, out),
        (Way::Alone(..), Some(until)) => alone(until, undo, settings, out),
        _ => at_once(stands.as_ref(), (!planned.plan.undo.is_empty()).then_some(undo), settings, out),
    }
}

/// Leaves the gate as it is, and has the kernel keep what is declared from clients, and for its owners, where that changes.
fn beside_gate(
    planned: &Planned,
    is_only_tried: bool,
    way: Way,
    own: &ArgMatches,
    settings: &Settings,
    out: &mut Out,
) -> Result<Exit, Failure> {
    // Of an apply that was killed the next one says what became of it.
    let door = door::open(FAILED)?;
    if settings.verbosity != Verbosity::Quiet {
        show::plan::print(&planned.plan, settings.verbosity, out)?;
        // What is led for good at once is told of when it is.
        if !matches!(way, Way::AtOnce) || planned.plan.programs().is_none() {
            planned.tell_dead(settings);
        }
    }
    let seen = standing(&planned.look.snapshot)?;
    let is_unmoved =
        seen.as_ref().and_then(Standing::body) == door.standing.as_ref().and_then(Standing::body);
    let is_kept_anew = !is_only_tried && is_unmoved && keep_standing(&door, FAILED)?;
    if is_kept_anew && settings.verbosity != Verbosity::Quiet {
        out.say(KEPT_ANEW)?;
    }
    let stands = door.standing.clone();
    drop(door);
    follow(stands.as_ref());
    planned.refuse_diverted(own).map_err(|refused| failure(&refused, FAILED))?;
    if is_only_tried {
        return Ok(Exit::Fine);
    }
    if let Some(now) = planned.plan.programs() {
        return programs::alone(planned, &now, way, stands.as_ref(), own, settings, out);
    }
    if let Some(ports) = planned.plan.reserves() {
        keep_from_clients(ports, stands.as_ref(), own, settings, out)?;
    }
    if planned.plan.leads().next().is_some() {
        return leading::alone(planned, settings, out);
    }
    if planned.plan.evictions().next().is_some() {
        return programs::evict_alone(planned, settings, out);
    }
    // What users read of it somebody may have taken away.
    show_users();
    Ok(Exit::Fine)
}

/// Has the kernel keep `ports` from clients at once, as there is nothing to try.
fn keep_from_clients(
    ports: &[PortRange],
    stands: Option<&Standing>,
    own: &ArgMatches,
    settings: &Settings,
    out: &mut Out,
) -> Result<Exit, Failure> {
    let door = door::open_unmoved(stands, FAILED, None)?;
    let number = clients::reserve_through(door, ports, Comes::default(), FAILED)?.receipt.number;
    out.changed();
    if settings.verbosity == Verbosity::Quiet {
        return Ok(Exit::Fine);
    }
    let said = Words {
        en: "Applied: the kernel keeps from clients what the policy declares.",
        ja: "適用しました。policy で宣言したポートは、カーネルがクライアントに割り当てません。",
    };
    told(&said.into(), &[&plan::undo_of(number, own)], out)
}

/// Refuses to try what the kernel could not take back: by which command it is done for good.
fn refuse_tried_eviction(
    planned: &Planned,
    way: Way,
    own: &ArgMatches,
    settings: &Settings,
) -> Result<(), Failure> {
    if matches!(way, Way::AtOnce) || planned.plan.evictions().next().is_none() {
        return Ok(());
    }
    let because = Words {
        en: "whoever listens no more does not do so again when the trial is over",
        ja: "終わらせた待ち受けは、試行が終わっても元に戻りません",
    };
    let session = plan::by_none(own);
    let commands = plan::further(&format!("portreeve apply --no-trial --evict{session}"), &settings.policy);
    let command = commands.first().map_or("portreeve apply --no-trial --evict", String::as_str);
    Err(Failure::new(Exit::Refused, FAILED).because(because).hint(text!(
        "for good at once: {command}; or try the rest first, with guard = \"observe\" of that service",
        "直ちに確定するか({command})、先にそのサービスを guard = \"observe\" にして試してください"
    )))
}

/// Refuses to try what is made anew: by which command it is done at once.
fn refuse_trial(
    seen: Option<&Standing>,
    way: Way,
    own: &ArgMatches,
    settings: &Settings,
) -> Result<(), Failure> {
    let is_made_anew = seen.is_some_and(|seen| seen.foundation.is_made_anew());
    if matches!(way, Way::AtOnce) || !is_made_anew {
        return Ok(());
    }
    let (session, evicting) = (plan::by_none(own), plan::by_evicting(own));
    let command = plan::further(&format!("portreeve apply --no-trial{session}{evicting}"), &settings.policy);
    let refused = failure(&Refused::Anew, FAILED);
    Err(match command.first() {
        Some(command) => refused.hint(text!(
            "in one step and for good, if whoever is here can come back: {command}",
            "操作中の接続から再接続できる場合に限り、一度の変更で直ちに確定します: {command}"
        )),
        None => refused,
    })
}

/// Makes the change where the gate is still as it was `seen`; when the kernel takes it back, if it does, and how the gate
/// stands then.
fn carry_out(
    planned: &Planned,
    change: &Change,
    seen: Option<&Standing>,
    way: Way,
    settings: &Settings,
    out: &mut Out,
) -> Result<(Option<Timestamp>, Option<Standing>), Failure> {
    let keep = match way {
        Way::AtOnce => Keep::AtOnce,
        Way::Asking(_, timeout) | Way::Alone(timeout) => Keep::OnTrial(timeout),
    };
    let reserves = planned.plan.reserves();
    let on_trial = reserves.filter(|_| keep != Keep::AtOnce);
    let mut door = door::open_unmoved(seen, FAILED, None)?.reserving(on_trial);
    tell(&rehearse(&mut door, planned, change, keep)?, settings, out)?;
    out.finish()?;
    // From here on it is done as a whole, whoever types Ctrl-C or goes.
    let _signals = Held::back();
    let now = planned.plan.programs();
    let headroom = now.as_ref().map(|now| headroom(&door, now, FAILED)).transpose()?;
    // Whoever is led to is there before anybody is led, and where one cannot be taken nothing is changed; a trial is as long as it is
    // meant after that.
    let seated = leading::lead(planned, FAILED)?;
    let door = door.later();
    let until = match keep {
        Keep::AtOnce => None,
        Keep::OnTrial(timeout) => Some(timeout.end(door.now)),
    };
    let transaction = change.what.transaction(door.standing.as_ref(), keep, door.now);
    let transaction = transaction.map_err(|error| door::unwritten(error, FAILED))?;
    let was = door.was();
    let deed = Deed::Gate { cause: Cause::Apply, becomes: Becomes::Gate, was, until };
    let passed = door.telling(now.clone()).pass(deed, &transaction);
    let passed = passed.map_err(|error| door::failure(error, FAILED))?;
    seated.keep();
    out.changed();
    see_to_next_boot(&passed, settings);
    drop(headroom);
    now.as_ref().map_or(Ok(()), |now| programs::with_gate(now, &passed, until, settings))?;
    programs::evict(planned, settings);
    if let Some(now) = now {
        programs::tell_too_late(planned, &now, settings);
        if until.is_none() {
            steers::lead_found(settings, leading::NOT_LED)?;
        }
    }
    match reserves {
        Some(ports) if keep == Keep::AtOnce => {
            let comes = Comes { with: Some(passed.receipt.number), undoes: None };
            clients::reserve(ports, comes, passed.standing.as_ref(), confirm::NOT_RESERVED)?;
        }
        Some(_) if settings.verbosity != Verbosity::Quiet => out.say(RESERVED_LATER)?,
        _ => {}
    }
    Ok((until, passed.standing))
}

/// On a terminal somebody can be asked; elsewhere it must be said.
fn way(own: &ArgMatches) -> Result<Way, Failure> {
    let asked = own.get_one::<Duration>(TRIAL).copied();
    let is_terminal = std::io::stdin().is_terminal() && std::io::stderr().is_terminal();
    let timeout = |length| Timeout::of(length).ok_or_else(|| door::no_time(FAILED));
    match asked {
        _ if own.get_flag(NO_TRIAL) => Ok(Way::AtOnce),
        Some(length) if !is_terminal => Ok(Way::Alone(timeout(length)?)),
        None if !is_terminal && !geteuid().is_root() => Err(door::not_root(FAILED)),
        None if !is_terminal => Err(Failure::usage(FAILED)
            .because(Words {
                en: "this is no terminal, so nobody can be asked whether he is still here",
                ja: "端末ではないため、接続が続いているかを確認できません",
            })
            .hint(Words {
                en: "portreeve apply --trial 60s, then portreeve confirm; or --no-trial",
                ja: "portreeve apply --trial 60s の後に portreeve confirm を実行するか、--no-trial を指定してください",
            })),
        length => {
            let length = length.unwrap_or(USUAL);
            Ok(Way::Asking(length, timeout(length)?))
        }
    }
}

/// What a saved plan rests on.
fn grounds(input: &Input) -> Result<Grounds, Failure> {
    #[derive(Deserialize)]
    struct Saved {
        version: u32,
        based_on: String,
    }
    let (name, bytes) = match input {
        Input::Stdin => ("<stdin>".into(), read::bounded(std::io::stdin(), PLAN_BYTES_MAX)),
        Input::File(path) => (path.display().to_string(), read::file(path, PLAN_BYTES_MAX)),
    };
    let what = text!("cannot read the plan {name}", "計画 {name} を読めません");
    let hint = || text!("portreeve plan -o json > plan.json", "portreeve plan -o json > plan.json");
    let bytes = bytes.map_err(|error| Failure::usage(what.clone()).because(error.text()).hint(hint()))?;
    let no_plan = || {
        Failure::usage(what.clone())
            .because(Words {
                en: "it is not what plan -o json writes",
                ja: "plan -o json の出力ではありません",
            })
            .hint(hint())
    };
    let saved: Saved = serde_json::from_slice(&bytes).map_err(|_| no_plan())?;
    if saved.version != 1 {
        return Err(no_plan());
    }
    saved.based_on.parse().map_err(|_| no_plan())
}

fn ask(
    length: Duration,
    until: Option<Timestamp>,
    undo: &str,
    settings: &Settings,
    out: &mut Out,
) -> Result<Exit, Failure> {
    match countdown::ask(length, settings.lang).map_err(|error| unasked(&error))? {
        Answer::Here => confirm::keep(settings, out),
        Answer::Back => super::undo::end_trial(settings, out),
        Answer::Stopped => Err(still_on_trial(until, undo)),
        Answer::Silence => Err(door::too_late(Words {
            en: "nobody said that he is still here",
            ja: "応答がありませんでした",
        })),
    }
}

/// Whoever stops the countdown does not stop the trial.
fn still_on_trial(until: Option<Timestamp>, undo: &str) -> Failure {
    let until = until.map_or_else(String::new, |until| until.strftime("%H:%M:%SZ").to_string());
    let said = text!("the change is still on trial until {until}", "変更はまだ試行中です({until} まで)");
    Failure::new(Exit::Uncertain, said).hint(text!(
        "portreeve confirm keeps it, {undo} takes it back at once",
        "portreeve confirm で確定、{undo} で直ちに取り消せます"
    ))
}

fn unasked(error: &std::io::Error) -> Failure {
    Failure::new(
        Exit::TakenBack,
        Words {
            en: "nobody can be asked, so the kernel takes the change back",
            ja: "確認できないため、変更はカーネルが元に戻します",
        },
    )
    .because(io_cause(error))
}

fn alone(until: Timestamp, undo: &str, settings: &Settings, out: &mut Out) -> Result<Exit, Failure> {
    if settings.verbosity == Verbosity::Quiet {
        return Ok(Exit::Fine);
    }
    let until = until.strftime("%Y-%m-%d %H:%M:%SZ").to_string();
    let said = text!(
        "On trial: the kernel takes it back at {until} unless somebody confirms it.",
        "試行中です。{until} までに確定しなければ、カーネルが元に戻します。"
    );
    told(&said, &["portreeve confirm", undo], out)
}

fn at_once(
    stands: Option<&Standing>,
    undo: Option<&str>,
    settings: &Settings,
    out: &mut Out,
) -> Result<Exit, Failure> {
    if settings.verbosity == Verbosity::Quiet {
        return Ok(Exit::Fine);
    }
    let (Text { en, ja }, enable) = in_force(stands);
    let said = text!("Applied: {en}", "適用しました。{ja}");
    let commands: Vec<&str> = undo.into_iter().chain(enable).chain(["portreeve gate status"]).collect();
    told(&said, &commands, out)
}

/// How long the gate that `stands`, and is for good, is in force, and what makes it longer.
pub(super) fn in_force(stands: Option<&Standing>) -> (Text, Option<&'static str>) {
    let until_reboot = || {
        Words { en: "in force until the machine is rebooted.", ja: "再起動するまで有効です。" }.into()
    };
    match after_boot(stands) {
        AfterBoot::Stands => {
            (Words { en: "in force, also after the next boot.", ja: "再起動後も有効です。" }.into(), None)
        }
        AfterBoot::Gone(at_boot) => {
            let helps = Hindrance::of(at_boot).and_then(|hindrance| hindrance.commands.first().copied());
            (until_reboot(), helps)
        }
        AfterBoot::Unsaved | AfterBoot::Apart | AfterBoot::Unknown => (until_reboot(), None),
    }
}

fn told(said: &Text, commands: &[&str], out: &mut Out) -> Result<Exit, Failure> {
    out.line("")?;
    out.sentences(said.in_lang(out.lang))?;
    let commands: Vec<String> = commands.iter().map(|&command| command.to_owned()).collect();
    next::print(&commands, out)?;
    Ok(Exit::Fine)
}
