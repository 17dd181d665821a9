//! `portreeve watch status`: whether somebody watches, and how that goes (A19, A20, A26).

use jiff::Timestamp;
use portreeve_core::words::Words;
use portreeve_host::root;

use super::told::{self, Told};
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
    let folder = directories::watch();
    let told = folder.map_or_else(|| Ok(Told::default()), |folder| Told::read(&folder));
    let told = told.map_err(|error| told::failure(&error, FAILED))?;
    let now = Timestamp::now();
    let runs = told.pulse.runs(told.at, now);
    if settings.format == Format::Ndjson {
        out.ndjson(&show::document(&told, runs))?;
    } else if settings.verbosity != Verbosity::Quiet {
        show::print(&told, runs, now, out)?;
        let command = if runs { "portreeve watch list" } else { "portreeve watch enable" };
        next::print(&[command.into()], out)?;
    }
    Ok(if runs { Exit::Fine } else { Exit::Found })
}
