//! Leads packets to a socket that another process has (A5, A12, A22).

use std::collections::BTreeSet;

use portreeve_core::{
    plan::Lead,
    receipt::{Deed, Outcome},
    steer::Tenancy,
    text,
    words::Words,
};
use portreeve_host::enforce::{
    Door, Passed,
    steer::{Found, SocketError, Steer, socket},
};

use super::failure;
use crate::{door, exit::Exit, failure::Failure, ledger::whole, show::escape::visible};

/// Root may take a descriptor of any process, unless something contains root itself.
pub(crate) const CONTAINED: Words = Words {
    en: "whatever contains this process keeps pidfd_getfd from it (seccomp, or no CAP_SYS_PTRACE): run it outside, in a unit with + before the command",
    ja: "このプロセスの実行環境が pidfd_getfd を禁じています(seccomp、または CAP_SYS_PTRACE なし)。制限のない環境(ユニットではコマンドの前に + を付ける)で実行してください",
};
const NOT_NOTED: Words =
    Words { en: "what was moved is not on record", ja: "誘導先の切り替えを記録できません" };

/// Where what comes in for a service went before.
pub(crate) struct Former<'f> {
    /// The service, and which one of that name.
    pub(crate) service: (&'f str, Tenancy),
    /// The sockets that got it.
    pub(crate) cookies: &'f [u64],
    /// The receipt whose change is taken back by it.
    pub(crate) undoes: Option<u32>,
}

/// Leads to each of these instead of to the former ones, and writes that down through `door`.
///
/// # Errors
///
/// As of [`lead_all`], or where it is done and cannot be written down.
pub(crate) fn move_all(
    leads: &[Lead],
    former: &Former<'_>,
    door: Door,
    what: Words,
) -> Result<Passed, Failure> {
    let steer = Steer::stand().map_err(|error| failure(&error, what))?;
    // Where one cannot be taken nothing has been led anywhere yet.
    let taken = take_all(leads.iter(), what)?;
    let led = lead_taken(&steer, taken.iter().map(|(lead, found)| (*lead, found)), what);
    let now = leads.iter().map(|lead| lead.cookie).collect();
    let Former { service, cookies, undoes } = *former;
    // Of both families it may be one socket.
    let was = cookies.iter().copied().collect::<BTreeSet<u64>>().into_iter().collect();
    let (service, tenancy) = (service.0.to_owned(), service.1);
    let deed = Deed::Lead { service, tenancy, now, was, undoes };
    let failed = |error| door::failure(error, NOT_NOTED);
    match led {
        Ok(()) => door.done(deed).map_err(failed),
        // Some may be led there; the former ones can be led to again all the same.
        Err(why) => door.note(deed, Outcome::Unknown).map_err(failed).and(Err(why)),
    }
}

/// Leads to each of these.
///
/// # Errors
///
/// The first one that is gone, or to which the kernel leads nothing.
pub(crate) fn lead_all<'l>(leads: impl Iterator<Item = &'l Lead>, what: Words) -> Result<(), Failure> {
    let leads: Vec<&Lead> = leads.collect();
    if leads.is_empty() {
        return Ok(());
    }
    let taken = take_all(leads.into_iter(), what)?;
    let steer = Steer::stand().map_err(|error| failure(&error, what))?;
    lead_taken(&steer, taken.iter().map(|(lead, found)| (*lead, found)), what)
}

/// The sockets to which they lead, in the same order.
fn take_all<'l>(
    leads: impl Iterator<Item = &'l Lead>,
    what: Words,
) -> Result<Vec<(&'l Lead, Found)>, Failure> {
    let failed = |lead, untaken: Untaken| untaken.failure(lead, what);
    leads.map(|lead| Ok((lead, take(lead).map_err(|untaken| failed(lead, untaken))?))).collect()
}

/// Leads to each of these.
///
/// # Errors
///
/// The kernel refuses.
pub(super) fn lead_taken<'l>(
    steer: &Steer,
    taken: impl Iterator<Item = (&'l Lead, &'l Found)>,
    what: Words,
) -> Result<(), Failure> {
    for (lead, found) in taken {
        for family in lead.families.iter().filter(|family| found.families.contains(family)) {
            let led = steer.lead((&lead.service, lead.tenancy), (found.protocol, *family), &found.socket);
            led.map_err(|error| failure(&error, what))?;
        }
    }
    Ok(())
}

/// Why a socket is not taken; `None` where its descriptor is another's by now.
pub(super) struct Untaken(Option<SocketError>);

impl Untaken {
    /// Whether it is there, and kept from this process.
    pub(super) const fn is_refused(&self) -> bool {
        matches!(self.0, Some(SocketError::Closed { .. }))
    }

    /// The same as the end of a command.
    pub(super) fn failure(&self, lead: &Lead, what: Words) -> Failure {
        let why = self.0.as_ref().map_or_else(
            || text!("its socket is gone", "ソケットが閉じられています"),
            |error| {
                let said = visible(&whole(error)).into_owned();
                text!("its socket cannot be taken: {said}", "ソケットを取得できません: {said}")
            },
        );
        let failure = Failure::new(Exit::Unreachable, what).because(why);
        if self.is_refused() {
            return failure.hint(CONTAINED);
        }
        let service = visible(&lead.service).into_owned();
        failure.hint(text!(
            "once it listens again: portreeve steer register {service}",
            "再び待ち受けを始めてから実行してください: portreeve steer register {service}"
        ))
    }
}

/// The socket to which it leads.
///
/// # Errors
///
/// It is gone, or kept from this process.
pub(super) fn take(lead: &Lead) -> Result<Found, Untaken> {
    let found = socket::find(lead.pid, lead.fd).map_err(|error| Untaken(Some(error)))?;
    if found.cookie == lead.cookie { Ok(found) } else { Err(Untaken(None)) }
}
