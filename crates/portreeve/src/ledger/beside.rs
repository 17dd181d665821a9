//! The claims of the usual ledger, for commands that judge and tell what is bound (A24, A25).

use portreeve_core::{
    facts::{Gap, GapKind},
    words::Lang,
    world::Claims,
};
use portreeve_host::claimant;

use super::{
    failure,
    home::{Home, Obeyed},
    processes,
};
use crate::{exit::Exit, settings::Settings, store::StoreError};

/// What it says, where there is one and whoever asks may read it.
///
/// # Errors
///
/// It is there and cannot be read: a gap of the judgement.
pub(crate) fn claims(settings: &Settings) -> Result<Option<Claims>, Gap> {
    // Where the host has no name, or a user no home, nobody can have claimed anything.
    let home = match Home::unnamed(settings) {
        Ok(home) => home,
        Err(failure) if failure.exit() == Some(Exit::Usage) => {
            return Err(unread(failure.whole(settings.lang).0));
        }
        Err(_) => return Ok(None),
    };
    let Some(now) = claimant::now() else { return Ok(None) };
    let Some(book) = home.look().map_err(|error| told(&error, settings.lang))? else { return Ok(None) };
    let processes = processes(&home.machine, &book);
    let (store_ends_leases, is_obeyed) = (home.ends_leases(), home.obeyed == Obeyed::ByHost);
    let Home { machine, scope, .. } = home;
    Ok(Some(Claims { book, machine, scope, processes, store_ends_leases, is_obeyed, now }))
}

/// In the language of whoever asks: no snapshot keeps it.
fn told(error: &StoreError, lang: Lang) -> Gap {
    unread(failure::told(error).1.in_lang(lang).into())
}

fn unread(detail: String) -> Gap {
    Gap { what: GapKind::UnreadLedger, count: 1, detail }
}
