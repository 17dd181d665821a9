//! `portreeve guard refused`: who bound a number that is not his, or was kept from it (A17, A24).

use portreeve_core::words::Words;
use portreeve_host::root;

use super::FAILED;
use crate::{
    exit::Exit,
    failure::{Failure, warn},
    guards, policy_file,
    settings::{Format, Settings, Verbosity},
    show::{guard::refused as show, out::Out},
    table_file::TableFile,
};

const UNREAD: Words = Words {
    en: "note: no service is named, as the policy cannot be read; what is wrong with it: portreeve check",
    ja: "注意: policy を読めないため、サービス名は表示されません。portreeve check で確認してください",
};

/// Tells them, the newest first.
///
/// # Errors
///
/// The kernel does not tell, or the policy is wrong.
pub(super) fn run(settings: &Settings, out: &mut Out) -> Result<Exit, Failure> {
    // Whoever was refused is told so also where the policy has a mistake by now.
    let parsed = policy_file::load(&settings.policy, TableFile::load()?.registry()).unwrap_or_else(|_| {
        warn(UNREAD.in_lang(settings.lang));
        None
    });
    let policy = parsed.map(|parsed| parsed.policy);
    let refusals = guards::refused(policy.as_ref()).map_err(|error| guards::failure(&error, FAILED))?;
    if refusals.is_none() && !root::is_of_host() {
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
