//! `portreeve watch status`: whether somebody watches, and how that goes (A19, A20, A26).

use jiff::Timestamp;
use portreeve_core::words::Words;
use portreeve_host::{
    root,
    watching::writer::{Writes, writes},
};

use super::{
    pulse::Runs,
    told::{self, Told, ToldError},
};
use crate::{
    directories,
    door::WITH_SUDO,
    exit::Exit,
    failure::Failure,
    settings::{Format, Settings, Verbosity},
    show::{next, out::Out, watch::status as show},
};

const FAILED: Words =
    Words { en: "cannot tell how the watch is", ja: "監視の状況を確認できません" };
const NOT_ROOT: Words = Words {
    en: "only root may read what the watch keeps",
    ja: "監視の記録を参照できるのは root だけです",
};

/// Tells it; where nobody watches, as a finding.
///
/// # Errors
///
/// Without root, or where it cannot be read.
pub(super) fn tell(settings: &Settings, out: &mut Out) -> Result<Exit, Failure> {
    if !root::is_of_host() {
        return Err(Failure::usage(FAILED).because(NOT_ROOT).hint(WITH_SUDO));
    }
    let now = Timestamp::now();
    let (told, runs) = now_by(now).map_err(|error| told::failure(&error, FAILED))?;
    if settings.format == Format::Ndjson {
        out.ndjson(&show::document(&told, runs))?;
    } else if settings.verbosity != Verbosity::Quiet {
        show::print(&told, runs, now, out)?;
        let command = if runs == Runs::No { "portreeve watch enable" } else { "portreeve watch list" };
        next::print(&[command.into()], out)?;
    }
    Ok(if runs == Runs::No { Exit::Found } else { Exit::Fine })
}

/// Whether somebody watches; `None` where nobody can tell.
pub(super) fn runs() -> Option<Runs> {
    now_by(Timestamp::now()).ok().map(|(_, runs)| runs)
}

/// What the watch said last, and whether it runs at `now`.
///
/// # Errors
///
/// Something is kept, and cannot be told.
pub(crate) fn now_by(now: Timestamp) -> Result<(Told, Runs), ToldError> {
    let Some(folder) = directories::watch() else { return Ok((Told::default(), Runs::No)) };
    let writes = writes(&folder);
    let told = match Told::read(&folder) {
        // Whoever runs writes it anew within half a minute.
        Err(ToldError::Garbled { .. }) if matches!(writes, Writes::Somebody(_)) => Told::default(),
        told => told?,
    };
    let runs = told.pulse.runs(writes, told.at, now);
    Ok((told, runs))
}
