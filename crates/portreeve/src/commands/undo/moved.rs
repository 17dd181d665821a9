//! Leads what comes in for a service to the sockets that got it before (A15, A22).

use portreeve_core::{
    address::Family,
    gate::Transaction,
    plan::{Lead, Whose, joined, socket, ways},
    policy::Service,
    port::Protocol,
    receipt::Deed,
    text,
    words::{Text, Words},
    world::World,
};
use portreeve_host::enforce::{Door, Passed};

use crate::{
    exit::Exit,
    failure::Failure,
    look::Look,
    settings::Settings,
    show::escape::visible,
    steers::{self, Former, WANTED},
};

const NOT_MOVED: Words = Words { en: "nothing is moved back", ja: "誘導先を元に戻せません" };

/// What takes the change of receipt `of` back, before which the sockets `was` got what came in for `service`.
pub(super) fn back(of: u32, service: &str, was: &[u64]) -> (Deed, Transaction, Text) {
    let name = visible(service).into_owned();
    let said = text!(
        "Taken back: what is for {name} goes to the socket that got it before receipt {of}.",
        "{name} の誘導先を、記録 {of} より前のソケットに戻しました。"
    );
    let (service, now, was) = (service.to_owned(), was.to_vec(), Vec::new());
    (Deed::Lead { service, now, was, undoes: Some(of) }, Transaction::default(), said)
}

/// Leads to `former` again.
///
/// # Errors
///
/// It is gone, the service is not steered any more, or the kernel refuses.
pub(super) fn lead(door: Door, former: &Former<'_>, settings: &Settings) -> Result<Passed, Failure> {
    let steered = steers::known(None).map_err(|error| steers::failure(&error, NOT_MOVED))?;
    let look = Look::take(settings, &WANTED)?;
    let world = look.world();
    let services = world.policy.map(|policy| policy.services.as_slice()).unwrap_or_default();
    let service = services.iter().find(|service| service.name == former.service);
    let found = service.into_iter().flat_map(|service| {
        let ways = ways(&service.name, &steered.routes);
        ways.filter_map(|way| had(&world, service, way, former.cookies))
    });
    let leads = joined(found);
    if leads.is_empty() {
        return Err(gone(former.service));
    }
    let own = steered.led.iter().filter(|led| led.service == former.service);
    let now: Vec<u64> = own.map(|led| led.cookie).collect();
    steers::move_all(&leads, &Former { cookies: &now, ..*former }, door, NOT_MOVED)
}

/// One of these sockets, where it takes what comes in this way and an owner has it yet.
fn had(world: &World<'_>, service: &Service, way: (Protocol, Family), cookies: &[u64]) -> Option<Lead> {
    let listeners = world.snapshot.listeners.iter().filter(|listener| cookies.contains(&listener.cookie));
    let mut found = listeners.flat_map(|listener| listener.holders.iter()).filter_map(|hold| {
        let whose = Whose { pid: hold.pid, fd: Some(hold.descriptor()?) };
        socket(world, service, way, Some(whose)).ok()
    });
    found.find(|lead| cookies.contains(&lead.cookie))
}

fn gone(service: &str) -> Failure {
    let service = visible(service).into_owned();
    Failure::new(Exit::Refused, NOT_MOVED)
        .because(text!(
            "the socket that got what came in for {service} before is closed, or none of its owner's",
            "{service} の以前の誘導先だったソケットは閉じられたか、owner のものではありません"
        ))
        .hint(text!(
            "start that process again, then portreeve steer register {service} --pid PID",
            "プロセスを起動し直し、portreeve steer register {service} --pid PID を実行してください"
        ))
}
