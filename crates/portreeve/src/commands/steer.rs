//! `portreeve steer status|register|move`: which packets are led to whose socket (A5, A12, A22).

mod awaited;
mod drain;
mod register;

use std::{collections::BTreeSet, time::Duration};

use clap::{Arg, ArgMatches};
use portreeve_core::{
    plan::choice,
    words::{Lang, Words},
};
use portreeve_host::{
    enforce::steer::{Pinned, Slot, Steer},
    observe::foreign_steering,
    root,
};

use super::Command;
use crate::{
    exit::Exit,
    failure::Failure,
    look, programs,
    settings::{Common, Format, Settings, Verbosity, options},
    show::{next, out::Out, steer as show},
    steers,
};

const ACTION: &str = "action";
const STATUS: &str = "status";
const REGISTER: &str = "register";
const MOVE: &str = "move";
const SERVICE: &str = "service";
const PID: &str = "pid";
const TO_PID: &str = "to-pid";
const FD: &str = "fd";
const DRAIN: &str = "drain";
const WAIT: &str = "wait";

/// `steer`.
pub(super) const COMMAND: Command = Command {
    name: "steer",
    about: Words {
        en: "Which packets are led to whose socket?", ja: "サービス宛て通信のソケットへの誘導"
    },
    examples: &[
        "portreeve steer status",
        "portreeve steer register web",
        "portreeve steer register web --pid 812 --fd 6",
        "portreeve steer move web --to-pid 913 --drain 10s",
    ],
    takes: &[Common::Output(&[Format::Table, Format::Json]), Common::Policy],
    arguments,
    run,
};

const FAILED: Words =
    Words { en: "cannot tell what is steered", ja: "誘導の状態を確認できません" };

fn arguments(lang: Lang) -> Vec<Arg> {
    let action = Words {
        en: "status: what is steered, and what came of it; register: lead to the socket of its owner; move: from one process to another",
        ja: "status: 誘導の状態と件数を表示、register: owner のソケットを誘導先に登録、move: 誘導先を別のプロセスに切り替え",
    };
    let service = Words { en: "A service of the policy", ja: "policy のサービス名" };
    let pid = Words { en: "The process whose socket is meant", ja: "ソケットを持つプロセス" };
    let to_pid = Words {
        en: "The process that gets new connections from now on",
        ja: "新しい接続を渡すプロセス",
    };
    let fd = Words {
        en: "Its descriptor, where several would do",
        ja: "候補が複数ある場合のファイルディスクリプタ",
    };
    let drain = Words {
        en: "Wait so long at most until the former one has accepted what it has",
        ja: "旧プロセスが受付済みの接続を処理し終えるまで待つ最長時間",
    };
    let wait = Words {
        en: "Wait so long at most until its owner has a socket for each family and protocol",
        ja: "owner がすべてのアドレスファミリー・プロトコルのソケットを開くまで待つ最長時間",
    };
    let number = |name: &'static str, value: &'static str, help: Words| {
        options::value(name, value, help, lang).value_parser(options::number(0..=u32::MAX))
    };
    vec![
        Arg::new(ACTION)
            .value_name("status|register|move")
            .value_parser([STATUS, REGISTER, MOVE])
            .default_value(STATUS)
            .hide_possible_values(true)
            .hide_default_value(true)
            .help(action.in_lang(lang)),
        Arg::new(SERVICE).value_name("SERVICE").help(service.in_lang(lang)),
        number(PID, "PID", pid),
        number(TO_PID, "PID", to_pid).conflicts_with(PID),
        number(FD, "FD", fd),
        options::value(WAIT, "TIME", wait, lang).value_parser(options::duration),
        options::value(DRAIN, "TIME", drain, lang).value_parser(options::duration),
    ]
}

fn run(own: &ArgMatches, settings: &Settings, out: &mut Out) -> Result<Exit, Failure> {
    if !root::is_of_host() {
        return Err(steers::not_root(FAILED));
    }
    let action = own.get_one::<String>(ACTION).map_or(STATUS, String::as_str);
    let service = own.get_one::<String>(SERVICE).map(String::as_str);
    let [pid, to_pid, fd] = [PID, TO_PID, FD].map(|name| own.get_one::<u32>(name).copied());
    let [wait, drain] = [WAIT, DRAIN].map(|name| own.get_one::<Duration>(name).copied());
    match (action, service, pid, to_pid) {
        (STATUS | MOVE, ..) if wait.is_some() => Err(unlike()),
        (STATUS, None, None, None) if fd.is_none() && drain.is_none() => status(settings, out),
        (REGISTER, Some(service), pid, None) if drain.is_none() && (fd.is_none() || pid.is_some()) => {
            register::run(service, register::whose(pid, fd), wait, settings, out)
        }
        (MOVE, Some(service), None, Some(pid)) => {
            register::shift(service, register::whose(Some(pid), fd), drain, settings, out)
        }
        _ => Err(unlike()),
    }
}

fn unlike() -> Failure {
    let said = Words {
        en: "these words do not go together", ja: "引数の組み合わせが正しくありません"
    };
    Failure::usage(said).hint(Words {
        en: "portreeve steer register SERVICE [--pid PID [--fd FD]] [--wait TIME], or portreeve steer move SERVICE --to-pid PID [--fd FD] [--drain TIME]",
        ja: "portreeve steer register SERVICE [--pid PID [--fd FD]] [--wait TIME]、または portreeve steer move SERVICE --to-pid PID [--fd FD] [--drain TIME]",
    })
}

fn status(settings: &Settings, out: &mut Out) -> Result<Exit, Failure> {
    let fail = |error| steers::failure(&error, FAILED);
    let pinned = Steer::pinned().map_err(fail)?;
    let steer = pinned.as_ref().map(|pinned| &pinned.steer);
    let routes = steer.map_or(Ok(Default::default()), Steer::routes).map_err(fail)?;
    let slots = steer.map_or(Ok(Vec::new()), Steer::stands).map_err(fail)?;
    let until = steer.map_or(Ok(None), Steer::trial).map_err(fail)?.map(programs::moments());
    let tried = steer.map_or(Ok(None), Steer::routes_on_trial).map_err(fail)?;
    // Whatever the policy says by now, and whether it can be read.
    let seen = awaited::seen(settings)?;
    let (is_there, is_whole) =
        (pinned.is_some(), pinned.as_ref().is_none_or(|Pinned { is_whole, .. }| *is_whole));
    let is_missed = !is_there && !programs::confirmed().routes.0.is_empty();
    let stands = show::Stands {
        is_there,
        is_whole,
        is_missed,
        until,
        tried: tried.as_ref(),
        routes: &routes,
        slots: &slots,
        foreign: &foreign_steering::found(),
        snapshot: &seen.snapshot,
    };
    if settings.format == Format::Json {
        out.json(&show::view(&stands))?;
        return Ok(Exit::Fine);
    }
    if settings.verbosity == Verbosity::Quiet {
        return Ok(Exit::Fine);
    }
    show::print(&stands, out)?;
    let commands: &[&str] = match (until, is_whole, is_there) {
        (Some(_), ..) => &["portreeve confirm", "portreeve undo"],
        (None, false, _) => &["portreeve apply"],
        (None, true, _) if is_missed => &["portreeve apply --boot", "portreeve plan", "portreeve off steer"],
        (None, true, true) => &["portreeve off steer"],
        (None, true, false) => &["portreeve plan"],
    };
    let named = |is: fn(&&Slot) -> bool| -> BTreeSet<&str> {
        slots.iter().filter(|slot| slot.is_of(&routes)).filter(is).map(|slot| slot.service.as_str()).collect()
    };
    let (all, live) = (named(|_| true), named(|slot| slot.cookie.is_some()));
    let policy = look::policy(settings);
    let is_steered = |service: &str| policy.as_ref().is_none_or(|policy| policy.steers(service));
    let dead = all.difference(&live).filter(|service| is_steered(service));
    // Of several sockets none is registered unless it is named, and why is said with the plan.
    let (world, led) = (seen.world(), steers::led().map_err(fail)?);
    let (several, dead): (Vec<&str>, Vec<&str>) =
        dead.partition(|service| choice(&world, (&routes, &led), service).is_some());
    let plan = several.first().map(|_| "portreeve plan".into());
    let registers = dead.iter().map(|service| format!("portreeve steer register {service}"));
    let all = plan.into_iter().chain(registers).chain(commands.iter().map(ToString::to_string));
    next::print(&all.collect::<Vec<_>>(), out)?;
    Ok(Exit::Fine)
}
