//! `portreeve guard refused`: who bound a number that is not his, or was kept from it (A17, A24).

use rustix::process::geteuid;

use super::FAILED;
use crate::{
    exit::Exit,
    failure::Failure,
    guards, policy_file,
    settings::{Format, Settings, Verbosity},
    show::{guard::refused as show, out::Out},
    table_file::TableFile,
};

/// Tells them, the newest first.
///
/// # Errors
///
/// The kernel does not tell, or the policy is wrong.
pub(super) fn run(settings: &Settings, out: &mut Out) -> Result<Exit, Failure> {
    let parsed = policy_file::load(&settings.policy, TableFile::load()?.registry())?;
    let policy = parsed.map(|parsed| parsed.policy);
    let refusals = guards::refused(policy.as_ref()).map_err(|error| guards::failure(&error, FAILED))?;
    if refusals.is_none() && !geteuid().is_root() {
        return Err(guards::not_shown(FAILED));
    }
    let refusals = refusals.unwrap_or_default();
    if settings.format == Format::Json {
        out.json(&show::view(&refusals))?;
    } else if settings.verbosity != Verbosity::Quiet {
        show::print(&refusals, out)?;
    }
    Ok(Exit::Fine)
}
