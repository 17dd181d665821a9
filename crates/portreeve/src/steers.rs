//! What is steered here, and to whose sockets (A5, A12).

mod again;
mod lead;
mod seated;

pub(crate) use self::{
    again::Again,
    lead::{CONTAINED, Former, lead_all, move_all},
    seated::Seated,
};

use std::collections::BTreeSet;

use portreeve_core::{
    facts::Led,
    plan::{Dead, Steers, dead, kept, leads},
    policy::Policy,
    steer::Routes,
    text,
    words::{Text, Words},
    world::World,
};
use portreeve_host::{
    enforce::steer::{Pinned, Slot, Steer, SteerError, refuse_unready},
    events::listening::now as boot_clock,
    observe::{Namespaces, Wanted},
};

use crate::{
    exit::Exit,
    failure::{Failure, io_cause, warn},
    ledger::whole,
    look::{self, Look},
    pinned,
    settings::{PolicyChoice, Settings},
    show::escape::visible,
};

/// The sockets of this network namespace with whoever holds them.
pub(crate) const WANTED: Wanted = Wanted { namespaces: Namespaces::Own, ..Wanted::LISTENERS };

/// What is steered here for good; nothing where it is not in the kernel.
///
/// # Errors
///
/// It cannot be asked.
pub(crate) fn standing() -> Result<Routes, SteerError> {
    Steer::pinned()?.map_or(Ok(Routes::default()), |pinned| pinned.steer.routes())
}

/// The same with what is on trial.
///
/// # Errors
///
/// As of [`standing`].
pub(crate) fn in_force() -> Result<Routes, SteerError> {
    let Some(Pinned { steer, .. }) = Steer::pinned()? else { return Ok(Routes::default()) };
    let tried = steer.routes_on_trial()?.unwrap_or_default();
    Ok(steer.routes()?.0.into_iter().chain(tried.0).collect())
}

/// The same for a plan, and what has a socket.
///
/// # Errors
///
/// As of [`standing`], or where `policy` asks for some and it could not stand.
pub(crate) fn known(policy: Option<&Policy>) -> Result<Steers, SteerError> {
    if policy.is_some_and(Policy::speaks_of_steering) {
        refuse_unready()?;
    }
    let Some(Pinned { steer, is_whole }) = Steer::pinned()? else { return Ok(Steers::default()) };
    // What was taken from it is put there again with all the rest.
    let routes = if is_whole { steer.routes()? } else { Routes::default() };
    let seconds_left = steer.trial()?.map(|until| until.saturating_sub(boot_clock()) / 1_000_000_000);
    Ok(Steers { routes, seconds_left, led: led_by(&steer)? })
}

/// What is steered now, for good or on trial, and what has a socket.
///
/// # Errors
///
/// As of [`standing`].
pub(crate) fn steered() -> Result<Steers, SteerError> {
    Ok(Steers { routes: in_force()?, seconds_left: None, led: led()? })
}

/// The sockets that packets are led to, for good or on trial.
///
/// # Errors
///
/// They cannot be asked.
pub(crate) fn led() -> Result<Vec<Led>, SteerError> {
    Steer::pinned()?.map_or(Ok(Vec::new()), |pinned| led_by(&pinned.steer))
}

/// Those that routes lead to, for good or on trial: what a trial has left that is over is nobody's any more.
fn led_by(steer: &Steer) -> Result<Vec<Led>, SteerError> {
    let (routes, tried) = (steer.routes()?, steer.routes_on_trial()?.unwrap_or_default());
    let led = steer.stands()?.into_iter().filter_map(Slot::led);
    Ok(led.filter(|led| routes.use_socket(led) || tried.use_socket(led)).collect())
}

/// Leads to what is found of services that are steered and have no socket, as after an undo, whatever the policy says by now; of the
/// others a person is told. Nobody loses what he has.
pub(crate) fn lead_found(settings: &Settings, what: Words) -> Result<(), Failure> {
    let Steers { routes, led, .. } = known(None).map_err(|error| failure(&error, what))?;
    if routes.0.is_empty() {
        return Ok(());
    }
    let look = Look::take(&Settings { policy: PolicyChoice::Without, ..settings.clone() }, &WANTED)?;
    let world = look.world();
    lead_all(leads(&world, (&routes, &routes), &led).iter(), what)?;
    let led = self::led().map_err(|error| failure(&error, what))?;
    tell_dead(&world, &routes, &led, None, settings);
    Ok(())
}

/// The same where the change itself is done by then: what cannot be led to is told.
pub(crate) fn lead_found_at_last(settings: &Settings) {
    lead_found(settings, NOT_LED).unwrap_or_else(|failure| tell_failed(&failure, settings));
}

/// Tells of each service that had another socket by `former`, which is open yet: it was moved since, and that is another change.
pub(crate) fn tell_moved(former: &[Led], settings: &Settings) {
    let Ok(led) = led() else { return };
    let has_another = |it: &&Led| led.iter().any(|led| led.is_for_the_same(it) && led.cookie != it.cookie);
    let mut moved = former.iter().filter(has_another).peekable();
    if moved.peek().is_none() {
        return;
    }
    let Ok(snapshot) = look::here(&WANTED) else { return };
    let is_open = |it: &&Led| kept(&snapshot, it.tenant(), (it.protocol, it.family), it.cookie).is_some();
    let names: BTreeSet<&str> = moved.filter(is_open).map(|former| former.service.as_str()).collect();
    for name in names {
        let text = text!(
            "note: what is for {name} was moved since, and stays where it was moved to; portreeve history shows that change",
            "注意: {name} の誘導先はその後に切り替えられており、切り替え先のままです。その変更は portreeve history で確認できます"
        );
        warn(&visible(text.in_lang(settings.lang)));
    }
}

const NOT_LED: Words = Words {
    en: "not all that comes in is led to its socket",
    ja: "一部の通信をソケットに誘導できません",
};

fn tell_failed(failure: &Failure, settings: &Settings) {
    let (why, hint) = failure.whole(settings.lang);
    let hint = hint.map(|hint| format!("; {hint}")).unwrap_or_default();
    let text = text!("warning: {why}{hint}", "警告: {why}{hint}");
    warn(&visible(text.in_lang(settings.lang)));
}

/// Tells why nobody is led to, of each service, or of this one alone, that has no socket for some of what is led to it by `routes`.
pub(crate) fn tell_dead(
    world: &World<'_>,
    routes: &Routes,
    led: &[Led],
    service: Option<&str>,
    settings: &Settings,
) {
    let mut dead = dead(world, routes, led);
    dead.retain(|dead| service.is_none_or(|service| dead.service == service));
    warn_of(&dead, settings);
}

/// The same of those.
pub(crate) fn warn_of(dead: &[Dead], settings: &Settings) {
    let mut told = BTreeSet::new();
    // Of one that has none at all that is said once.
    let said =
        dead.iter().filter(|dead| told.insert((&dead.service, dead.stranger.as_ref().map(|_| dead.way))));
    for Text { en, ja } in said.map(Dead::words) {
        warn(&visible(text!("warning: {en}", "警告: {ja}").in_lang(settings.lang)));
    }
}

/// Nobody else sees what is steered.
pub(crate) fn not_root(what: Words) -> Failure {
    let because = Words {
        en: "only root may change or read what is steered",
        ja: "誘導を変更・参照できるのは root だけです",
    };
    Failure::usage(what).because(because).hint(crate::door::WITH_SUDO)
}

/// The same as the end of a command.
pub(crate) fn failure(error: &SteerError, what: Words) -> Failure {
    if let SteerError::Pinned(error) = error {
        return pinned::failure(error, what, "portreeve off steer");
    }
    let failure = Failure::new(Exit::Unreachable, what).because(because(error));
    match error {
        SteerError::NoCookie(source) => failure.because(io_cause(source)).hint(pinned::DOCTOR),
        SteerError::NoSlot(_) => failure.hint(Words {
            en: "see what is steered: portreeve steer status; the policy's services are steered from portreeve apply on",
            ja: "誘導の状態は portreeve steer status で確認できます。policy のサービスは portreeve apply の後から誘導されます",
        }),
        _ => failure.hint(pinned::DOCTOR),
    }
}

fn because(error: &SteerError) -> Text {
    match error {
        SteerError::NoSlot(service) => {
            let service = visible(service).into_owned();
            text!("nothing is steered to {service}", "{service} への誘導は設定されていません")
        }
        error => {
            let said = visible(&whole(error)).into_owned();
            text!("the kernel refused: {said}", "カーネルが拒否しました: {said}")
        }
    }
}
