//! `portreeve guard refused`: who bound a number that is not his, or was kept from it (A17, A24).

mod follow;

use portreeve_core::{policy::Policy, words::Words};
use portreeve_host::root;

use super::FAILED;
use crate::{
    exit::Exit,
    failure::{Failure, warn},
    guards, policy_file,
    settings::{Format, Settings, Verbosity},
    show::{
        guard::refused::{self as show, Refusal},
        out::Out,
    },
    table_file::TableFile,
};

const UNREAD: Words = Words {
    en: "note: no service is named, as the policy cannot be read; what is wrong with it: portreeve check",
    ja: "注意: policy を読めないため、サービス名は表示されません。portreeve check で確認してください",
};

/// Tells them, the newest first; and each further time, where that is asked for.
///
/// # Errors
///
/// The kernel does not tell.
pub(super) fn run(is_followed: bool, settings: &Settings, out: &mut Out) -> Result<Exit, Failure> {
    if is_followed {
        return follow::run(settings, out);
    }
    let refusals = refusals(policy(true, settings)?.as_ref())?;
    match settings.format {
        Format::Json => out.json(&show::view(&refusals))?,
        Format::Ndjson => refusals.iter().try_for_each(|it| out.ndjson(&show::refusal_view(it)))?,
        _ if settings.verbosity == Verbosity::Quiet => {}
        _ => show::print(&refusals, out)?,
    }
    Ok(Exit::Fine)
}

/// The policy that names services; none where it cannot be read, which is said where it `is_told`: whoever was refused is told so also
/// where the policy has a mistake by now.
fn policy(is_told: bool, settings: &Settings) -> Result<Option<Policy>, Failure> {
    let parsed = policy_file::load(&settings.policy, TableFile::load()?.registry());
    if parsed.is_err() && is_told {
        warn(UNREAD.in_lang(settings.lang));
    }
    Ok(parsed.ok().flatten().map(|parsed| parsed.policy))
}

/// Those whom the kernel remembers, the newest first.
fn refusals(policy: Option<&Policy>) -> Result<Vec<Refusal>, Failure> {
    match told(policy)? {
        None if !root::is_of_host() => Err(guards::not_shown(FAILED)),
        refusals => Ok(refusals.unwrap_or_default()),
    }
}

/// The same; `None` where no guard stands, or nothing is shown to users.
fn told(policy: Option<&Policy>) -> Result<Option<Vec<Refusal>>, Failure> {
    guards::refused(policy).map_err(|error| guards::failure(&error, FAILED))
}
