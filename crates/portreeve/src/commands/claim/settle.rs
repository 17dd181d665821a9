//! Asks the ledger for one thing, and has the kernel follow.

use portreeve_core::{
    ledger::{Ask, Entry, Refusal, State},
    words::Words,
};

use crate::{
    exit::Exit,
    failure::Failure,
    ledger::{
        Held, ask, failure,
        home::Home,
        kernel::{self, Kept},
        sight,
    },
    settings::{Format, Settings},
    show::{claim::RefusalView, out::Out},
    store::Store as _,
};

/// What was granted, and what became of it.
pub(in crate::commands) struct Settled {
    /// What the ledger says.
    pub(in crate::commands) entry: Entry,
    /// What the kernel does.
    pub(in crate::commands) kept: Kept,
    /// Whether somebody listens there.
    pub(in crate::commands) state: State,
}

/// Asks for `asked`, and tells what came of it.
///
/// # Errors
///
/// The ledger refuses, or is not to be had.
pub(in crate::commands) fn settle(
    asked: &Ask,
    home: &Home,
    what: Words,
    settings: &Settings,
    out: &mut Out,
    tell: impl FnOnce(&Settled, &mut Out) -> Result<(), Failure>,
) -> Result<Exit, Failure> {
    if let Some(name) = asked.standing().filter(|_| home.is_unmade()) {
        let refusal = Refusal::NoSuchClaim { name: name.clone(), beside: None };
        return refuse(&refusal, home, what, settings, out);
    }
    let now = sight::now()?;
    let look = sight::look_for(std::slice::from_ref(asked), settings)?;
    let world = look.world();
    let held = Held::of_replaced(home);
    let mut store = home.open_within(asked.scope()).map_err(|error| failure::store(&error, what))?;
    let mut book = store.load().map_err(|error| failure::store(&error, what))?;
    // What has changed since is found out as it is written.
    let _turn = home.turn().map_err(|error| failure::store(&error, what))?;
    let mut seen = sight::seen(&world, home, &book);
    let answers = ask(&mut store, &mut book, std::slice::from_ref(asked), &mut seen, &now);
    let answers = answers.map_err(|error| failure::unanswered(&error, what))?;
    let entry = match answers.into_iter().next().expect("one answer an ask") {
        Ok(entry) => entry,
        Err(refusal) => return refuse(&refusal, home, what, settings, out),
    };
    out.changed();
    failure::tell_uncopied(&mut store, settings.lang);
    let kept = kernel::keep(asked.scope(), &mut store, &book, home, &mut seen, &now);
    held.warn_of_given(settings.lang);
    let state = entry.claim.state(&seen, &now);
    tell(&Settled { entry, kept, state }, out)?;
    Ok(Exit::Fine)
}

/// Says what the ledger refuses: an error, but in a document.
fn refuse(
    refusal: &Refusal,
    home: &Home,
    what: Words,
    settings: &Settings,
    out: &mut Out,
) -> Result<Exit, Failure> {
    if settings.format == Format::Json {
        out.json(&RefusalView::new(refusal, home, settings.lang))?;
        return Ok(Exit::Taken);
    }
    Err(failure::refused(refusal, home, what))
}
