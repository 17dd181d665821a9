//! Leads packets to a socket that another process has (A5, A12, A22).

use portreeve_core::{
    plan::Lead,
    text,
    words::{Text, Words},
};
use portreeve_host::enforce::steer::{Steer, socket};

use super::failure;
use crate::{exit::Exit, failure::Failure, ledger::whole, show::escape::visible};

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
    let steer = Steer::stand().map_err(|error| failure(&error, what))?;
    leads.into_iter().try_for_each(|lead| one(&steer, lead, what))
}

fn one(steer: &Steer, lead: &Lead, what: Words) -> Result<(), Failure> {
    let no_socket = |why: Text| {
        let service = visible(&lead.service).into_owned();
        Failure::new(Exit::Unreachable, what).because(why).hint(text!(
            "once it listens again: portreeve steer register {service}",
            "再び待ち受けを始めてから実行してください: portreeve steer register {service}"
        ))
    };
    let found = socket::find(lead.pid, lead.fd).map_err(|error| {
        let said = visible(&whole(&error)).into_owned();
        no_socket(text!("its socket cannot be taken: {said}", "ソケットを取得できません: {said}"))
    })?;
    // A descriptor may be another's by now.
    if found.cookie != lead.cookie {
        return Err(no_socket(text!("its socket is gone", "ソケットが閉じられています")));
    }
    for family in lead.families.iter().filter(|family| found.families.contains(family)) {
        let led = steer.lead(&lead.service, (found.protocol, *family), &found.socket);
        led.map_err(|error| failure(&error, what))?;
    }
    Ok(())
}
