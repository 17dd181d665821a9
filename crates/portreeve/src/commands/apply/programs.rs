//! What `apply` tells the programs in the kernel: with the gate, or alone (A12, A15, A24).

use clap::ArgMatches;
use jiff::Timestamp;
use portreeve_core::{
    gate::Standing,
    plan::{Eviction, Held, Release, held},
    port::PortRange,
    programs::Programs,
    text,
    words::{Text, Words},
};
use portreeve_host::{
    enforce::{Passed, guard::marks, unlisten::UnlistenError},
    sys::signals::Held as Signals,
};

use super::{FAILED, RESERVED_LATER, Way, alone as on_trial, ask, leading, told};
use crate::{
    clients,
    commands::{
        confirm::PROGRAMS_NOT_RESERVED,
        plan::{self, Planned},
    },
    door,
    exit::Exit,
    failure::{Failure, warn},
    programs::{self, Comes},
    settings::{Settings, Verbosity},
    show::{escape::visible, out::Out},
    steers,
    unlisten::unlisten,
};

const NOT_TOLD: Words = Words {
    en: "the gate is as planned, but the guard and what is steered are not",
    ja: "ゲートは計画どおりですが、ガードと誘導を変更できません",
};

/// What comes with a change of the gate that has `passed`, and is on trial as long as that.
pub(super) fn with_gate(
    now: &Programs,
    passed: &Passed,
    until: Option<Timestamp>,
    settings: &Settings,
) -> Result<(), Failure> {
    let comes = Comes { with: Some(passed.receipt.number), until, ..Comes::default() };
    let is_unmarked = is_unmarked(now);
    programs::tell(now, comes, NOT_TOLD)?;
    tell_unmarked(is_unmarked, settings);
    Ok(())
}

/// Whether an owner is to be known by a mark that no socket can have yet.
fn is_unmarked(now: &Programs) -> bool {
    now.rules.have_marks() && !marks::are_known()
}

fn tell_unmarked(is_unmarked: bool, settings: &Settings) {
    if is_unmarked {
        warn(UNMARKED.in_lang(settings.lang));
    }
}

const UNMARKED: Words = Words {
    en: "warning: no socket is marked yet: services that the policy knows by a mark (guard mark) have to start again before they bind",
    ja: "警告: 印の付いたソケットはまだありません。policy で mark を使うサービス(guard mark)は、再起動するまで bind できません",
};

/// Tells of a stranger who bound what is refused to him between the look at the host and the change; what becomes of one who was
/// evicted was told already.
pub(super) fn tell_too_late(planned: &Planned, now: &Programs, settings: &Settings) {
    // Whether he did is found by the next plan too.
    let Ok(look) = planned.look.again(&plan::WANTED) else { return };
    let is_evicted = |held: &Held| {
        let listens = held.release == Release::Evict;
        !listens && planned.plan.evictions().any(|eviction| eviction.spec == held.spec)
    };
    if let Some(held) = held(&look.world(), &now.rules).find(|held| !is_evicted(held)) {
        warn(&visible(held.too_late().in_lang(settings.lang)));
    }
}

/// Has strangers give up their ports, now that these are refused to them; whoever does not is told of, and what is left to be done
/// about the others.
pub(super) fn evict(planned: &Planned, settings: &Settings) -> bool {
    let told: Vec<_> = planned.plan.evictions().map(|eviction| (eviction, evicted(eviction))).collect();
    for (eviction, answer) in &told {
        let said = match answer {
            // Whoever has gone meanwhile has nothing left.
            Err(UnlistenError::Gone) => continue,
            Err(error) => listens_yet(eviction, error),
            Ok(()) => eviction.rest(),
        };
        warn(&visible(said.in_lang(settings.lang)));
    }
    told.iter().all(|(_, answer)| matches!(answer, Ok(()) | Err(UnlistenError::Gone)))
}

/// What became of his sockets: the worst of it.
fn evicted(eviction: &Eviction) -> Result<(), UnlistenError> {
    let port = eviction.spec.range.first;
    let mut answers: Vec<_> = eviction.cookies.iter().map(|cookie| unlisten(port, *cookie)).collect();
    let badness = |answer: &Result<(), UnlistenError>| match answer {
        Err(UnlistenError::Gone) => 0,
        Ok(()) => 1,
        Err(_) => 2,
    };
    answers.sort_by_key(badness);
    answers.pop().unwrap_or(Ok(()))
}

fn listens_yet(Eviction { spec, who: Text { en, ja }, .. }: &Eviction, error: &UnlistenError) -> Text {
    text!(
        "warning: {en} listens on {spec} yet: {error}",
        "警告: {ja} は {spec} で待ち受けを続けています({error})"
    )
}

/// The same where nothing else changes.
pub(super) fn evict_alone(planned: &Planned, settings: &Settings, out: &mut Out) -> Result<Exit, Failure> {
    let is_done = evict(planned, settings);
    out.changed();
    if !is_done {
        return Ok(Exit::Refused);
    }
    tell_too_late(planned, &planned.plan.told, settings);
    if settings.verbosity != Verbosity::Quiet {
        let said = text!(
            "Applied: no stranger listens on a port that is refused to him.",
            "適用しました。所有者以外による待ち受けを終わらせました。"
        );
        told(&said, &["portreeve guard refused"], out)?;
    }
    Ok(Exit::Fine)
}

/// What comes alone, as the gate `stands`.
pub(super) fn alone(
    planned: &Planned,
    now: &Programs,
    way: Way,
    stands: Option<&Standing>,
    own: &ArgMatches,
    settings: &Settings,
    out: &mut Out,
) -> Result<Exit, Failure> {
    let door = door::open_unmoved(stands, FAILED, None)?;
    let signals = Signals::back();
    // Whoever is led to is there before anybody is led; a trial is as long as it is meant after that.
    let seated = leading::lead(planned, FAILED)?;
    let door = door.later();
    let until = match way {
        Way::AtOnce => None,
        Way::Asking(_, timeout) | Way::Alone(timeout) => Some(timeout.end(door.now)),
    };
    let is_unmarked = is_unmarked(now);
    let reserves = planned.plan.reserves();
    let door = door.reserving(reserves.filter(|_| until.is_some()));
    let passed = programs::tell_through(door, now, Comes { until, ..Comes::default() }, FAILED)?;
    seated.keep();
    out.changed();
    reserve(reserves, &passed, until, settings, out)?;
    tell_unmarked(is_unmarked, settings);
    evict(planned, settings);
    tell_too_late(planned, now, settings);
    if until.is_none() {
        steers::lead_found(settings, leading::NOT_LED)?;
    }
    drop(signals);
    let undo = plan::undo_of(passed.receipt.number, own);
    match (way, until) {
        (Way::Asking(length, _), until) => ask(length, until, &undo, settings, out),
        (Way::Alone(_), Some(until)) => on_trial(until, &undo, settings, out),
        _ if settings.verbosity == Verbosity::Quiet => Ok(Exit::Fine),
        _ => applied(now, &undo, out),
    }
}

/// Has the kernel keep from clients what comes with a change that has `passed`: of one on trial `confirm` does.
fn reserve(
    reserves: Option<&[PortRange]>,
    passed: &Passed,
    until: Option<Timestamp>,
    settings: &Settings,
    out: &mut Out,
) -> Result<(), Failure> {
    match reserves {
        Some(ports) if until.is_none() => {
            let comes = clients::Comes { with: Some(passed.receipt.number), undoes: None };
            clients::reserve(ports, comes, passed.standing.as_ref(), PROGRAMS_NOT_RESERVED)
        }
        Some(_) if settings.verbosity != Verbosity::Quiet => out.say(RESERVED_LATER),
        _ => Ok(()),
    }
}

fn applied(now: &Programs, undo: &str, out: &mut Out) -> Result<Exit, Failure> {
    let ((Text { en: en_what, ja: ja_what }, shown), (Text { en, ja }, enable)) =
        (programs::called(now), programs::in_force());
    let said = text!("Applied: {en_what} {en}.", "適用しました。{ja_what}{ja}です。");
    let commands: Vec<&str> = [undo].into_iter().chain(enable).chain(shown).collect();
    told(&said, &commands, out)
}
