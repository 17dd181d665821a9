//! Leads what comes in for a service to the sockets that got it before (A15, A22).

use portreeve_core::{
    gate::Transaction,
    plan::{joined, kept},
    receipt::Deed,
    steer::{Tenancy, Tenant},
    text,
    words::{Text, Words},
};
use portreeve_host::enforce::{Door, Passed};

use crate::{
    exit::Exit,
    failure::Failure,
    look,
    show::escape::visible,
    steers::{self, Former, WANTED},
};

const NOT_MOVED: Words = Words { en: "nothing is moved back", ja: "誘導先を元に戻せません" };

/// What takes the change of receipt `of` back, before which the sockets `was` got what came in for `service`.
pub(super) fn back(of: u32, (service, tenancy): (&str, Tenancy), was: &[u64]) -> (Deed, Transaction, Text) {
    let name = visible(service).into_owned();
    let said = text!(
        "Taken back: what is for {name} goes to the socket that got it before receipt {of}.",
        "{name} の誘導先を、記録 {of} より前のソケットに戻しました。"
    );
    let (service, now, was) = (service.to_owned(), was.to_vec(), Vec::new());
    (Deed::Lead { service, tenancy, now, was, undoes: Some(of) }, Transaction::default(), said)
}

/// Leads to `former` again.
///
/// # Errors
///
/// It is gone, the service is not steered any more, or the kernel refuses.
pub(super) fn lead(door: Door, former: &Former<'_>) -> Result<Passed, Failure> {
    let steered = steers::in_force().map_err(|error| steers::failure(&error, NOT_MOVED))?;
    // Whoever had it has it again, whatever the policy says by now.
    let snapshot = look::here(&WANTED)?;
    let tenant = steered.tenant(former.service);
    let ways = tenant.into_iter().flat_map(Tenant::ways);
    let had = |way| former.cookies.iter().find_map(|cookie| kept(&snapshot, former.service, way, *cookie));
    let leads = joined(ways.filter_map(had));
    let (name, _) = former.service;
    if leads.is_empty() && tenant.is_none() {
        let service = visible(name).into_owned();
        return Err(Failure::new(Exit::Refused, NOT_MOVED)
            .because(text!(
                "nothing is steered to the {service} that it was about: it is not steered any more, or its owner or its places are others",
                "この記録の対象だった {service} への誘導はなくなっています(owner や宛先が変わった場合を含む)"
            ))
            .hint(OTHERS));
    }
    if leads.is_empty() {
        return Err(gone(name));
    }
    let led = steers::led().map_err(|error| steers::failure(&error, NOT_MOVED))?;
    let own = led.iter().filter(|led| led.tenant() == former.service);
    let now: Vec<u64> = own.map(|led| led.cookie).collect();
    steers::move_all(&leads, &Former { cookies: &now, ..*former }, door, NOT_MOVED)
}

const OTHERS: Words = Words {
    en: "portreeve history tells what else portreeve undo RECEIPT takes back",
    ja: "ほかの変更は portreeve history で確認し、portreeve undo RECEIPT で取り消せます",
};

fn gone(service: &str) -> Failure {
    let service = visible(service).into_owned();
    Failure::new(Exit::Refused, NOT_MOVED)
        .because(text!(
            "the socket that got what came in for {service} before is closed",
            "{service} の以前の誘導先だったソケットは閉じられています"
        ))
        .hint(text!(
            "start that process again, then portreeve steer register {service} --pid PID; portreeve history tells what else portreeve undo RECEIPT takes back",
            "プロセスを起動し直し、portreeve steer register {service} --pid PID を実行してください。ほかの変更は portreeve history で確認し、portreeve undo RECEIPT で取り消せます"
        ))
}
