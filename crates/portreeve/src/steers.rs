//! What is steered here, and to whose sockets (A5, A12).

mod lead;

pub(crate) use self::lead::lead_all;

use portreeve_core::{
    plan::{Led, Steers, joined, socket, ways},
    policy::Policy,
    steer::Routes,
    text,
    words::{Text, Words},
};
use portreeve_host::{
    enforce::steer::{Pinned, Steer, SteerError, refuse_unready},
    events::listening::now as boot_clock,
    observe::{Namespaces, Wanted},
};

use crate::{
    exit::Exit,
    failure::{Failure, io_cause, warn},
    ledger::whole,
    look::Look,
    pinned,
    settings::Settings,
    show::escape::visible,
};

/// What is steered here for good; nothing where it is not in the kernel.
///
/// # Errors
///
/// It cannot be asked.
pub(crate) fn standing() -> Result<Routes, SteerError> {
    Steer::pinned()?.map_or(Ok(Routes::default()), |pinned| pinned.steer.routes())
}

/// The same for a plan, and what has a socket.
///
/// # Errors
///
/// As of [`standing`], or where `policy` asks for some and it could not stand.
pub(crate) fn known(policy: Option<&Policy>) -> Result<Steers, SteerError> {
    if policy.is_some_and(speaks_of_it) {
        refuse_unready()?;
    }
    let Some(Pinned { steer, is_whole }) = Steer::pinned()? else { return Ok(Steers::default()) };
    // What was taken from it is put there again with all the rest.
    let routes = if is_whole { steer.routes()? } else { Routes::default() };
    let seconds_left = steer.trial()?.map(|until| until.saturating_sub(boot_clock()) / 1_000_000_000);
    let led = steer.stands()?.into_iter().filter_map(|slot| {
        let cookie = slot.cookie?;
        Some(Led { service: slot.service, protocol: slot.protocol, family: slot.family, cookie })
    });
    Ok(Steers { routes, seconds_left, led: led.collect() })
}

/// Leads to what is found of services that are steered and have no socket, as after an undo; of the others a person is told.
pub(crate) fn lead_found(settings: &Settings, what: Words) -> Result<(), Failure> {
    let Some(Pinned { steer, .. }) = Steer::pinned().map_err(|error| failure(&error, what))? else {
        return Ok(());
    };
    let fail = |error| failure(&error, what);
    let (routes, slots) = (steer.routes().map_err(fail)?, steer.stands().map_err(fail)?);
    if routes.0.is_empty() {
        return Ok(());
    }
    let look = Look::take(settings, &Wanted { namespaces: Namespaces::Own, ..Wanted::LISTENERS })?;
    let world = look.world();
    for name in routes.services() {
        let services = world.policy.into_iter().flat_map(|policy| &policy.services);
        let service = services.clone().find(|service| service.name == name);
        let has_none = |(protocol, family)| {
            let mut own = slots.iter().filter(|slot| slot.service == name);
            !own.any(|slot| (slot.protocol, slot.family) == (protocol, family) && slot.cookie.is_some())
        };
        let dead: Vec<_> = service
            .into_iter()
            .flat_map(|service| ways(service, &routes))
            .filter(|way| has_none(*way))
            .collect();
        let found = dead.iter().filter_map(|way| socket(&world, service?, *way, None).ok());
        let leads = joined(found);
        lead_all(leads.iter(), what)?;
        if service.is_none() || (leads.is_empty() && !dead.is_empty()) {
            let name = visible(name).into_owned();
            let text = text!(
                "warning: nothing is led to {name}: no socket of it was found; portreeve steer register {name}",
                "警告: {name} のソケットが見つからないため、誘導先がありません。portreeve steer register {name} で登録してください"
            );
            warn(&visible(text.in_lang(settings.lang)));
        }
    }
    Ok(())
}

/// Whether `policy` steers any service.
pub(crate) fn speaks_of_it(policy: &Policy) -> bool {
    policy.services.iter().any(|service| service.steer.is_some())
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
