//! `portreeve steer register|move`: has packets for a service led to the socket of a process (A5, A12, A22).

use std::{
    thread,
    time::{Duration, Instant},
};

use portreeve_core::{
    address::Family,
    facts::{Gap, Listener},
    nearest::nearest,
    plan::{Lead, Steers, Unled, Whose, joined, socket, ways},
    policy::Service,
    port::Protocol,
    steer::{Ownership, Routes, wanted},
    text,
    words::{Text, Words},
    world::World,
};
use portreeve_host::enforce::steer::{Slot, Steer};

use super::drain;
use crate::{
    door,
    exit::Exit,
    failure::{Failure, warn},
    look::Look,
    settings::{Settings, Verbosity},
    show::{escape::visible, next, out::Out},
    steers::{self, Former, WANTED},
};

/// Between two looks for a socket.
const PAUSE: Duration = Duration::from_millis(100);
const NOT_LED: Words = Words { en: "nothing is led anywhere else", ja: "誘導先を変更できません" };

/// Whose socket is meant, where somebody says so.
pub(super) fn whose(pid: Option<u32>, fd: Option<u32>) -> Option<Whose> {
    pid.map(|pid| Whose { pid, fd })
}

/// Has packets for `service` led to its owner's socket; waits as long as `patience` until there is one.
///
/// # Errors
///
/// It is not steered, no owner has a socket that will do, or the kernel refuses.
pub(super) fn run(
    service: &str,
    whose: Option<Whose>,
    patience: Option<Duration>,
    settings: &Settings,
    out: &mut Out,
) -> Result<Exit, Failure> {
    let look = wait_for_socket(service, whose, patience.unwrap_or_default(), settings)?;
    let led = lead(&look, service, whose, Deed::Register)?;
    out.changed();
    if settings.verbosity == Verbosity::Quiet {
        return Ok(Exit::Fine);
    }
    for lead in &led.leads {
        out.sentences(told(lead).in_lang(settings.lang))?;
    }
    led.next(out)?;
    out.finish()?;
    led.warn_of_the_rest(service, settings);
    let Steers { routes, led, .. } = steers::known(None).map_err(|error| steers::failure(&error, NOT_LED))?;
    steers::tell_dead(&look.world(), &routes, &led, Some(service), settings);
    Ok(Exit::Fine)
}

/// A look in which somebody has a socket for it, or the last one before `patience` is over.
fn wait_for_socket(
    service: &str,
    whose: Option<Whose>,
    patience: Duration,
    settings: &Settings,
) -> Result<Look, Failure> {
    let end = Instant::now() + patience;
    loop {
        let look = Look::take(settings, &WANTED)?;
        if Instant::now() >= end || !is_awaited(&look.world(), service, whose) {
            return Ok(look);
        }
        thread::sleep(PAUSE);
    }
}

/// Whether nobody has a socket for it yet.
fn is_awaited(world: &World<'_>, name: &str, whose: Option<Whose>) -> bool {
    let (Some(Ok(routes)), Ok(service)) = (world.policy.map(wanted), service(world, name)) else {
        return false;
    };
    let mut found = ways(owned(service), &routes).map(|way| socket(world, service, way, whose));
    found.all(|found| found == Err(Unled::Nobody))
}

/// The same from one process to another; waits as long as `patience` until the former one has accepted what it has.
///
/// # Errors
///
/// As of [`run`].
pub(super) fn shift(
    service: &str,
    whose: Option<Whose>,
    patience: Option<Duration>,
    settings: &Settings,
    out: &mut Out,
) -> Result<Exit, Failure> {
    let look = Look::take(settings, &WANTED)?;
    // Who names one socket means that one.
    let deed = if whose.is_some_and(|whose| whose.fd.is_none()) { Deed::Move } else { Deed::MoveOne };
    let led = lead(&look, service, whose, deed)?;
    out.changed();
    let is_loud = settings.verbosity != Verbosity::Quiet;
    for lead in led.leads.iter().filter(|_| is_loud) {
        out.sentences(told(lead).in_lang(settings.lang))?;
    }
    if is_loud {
        led.next(out)?;
    }
    out.finish()?;
    let former: Vec<u64> = led
        .former
        .iter()
        .filter(|cookie| led.leads.iter().all(|lead| lead.cookie != **cookie))
        .copied()
        .collect();
    let waiting = match patience {
        Some(patience) => drain::wait(&former, patience)?,
        None => 0,
    };
    if waiting > 0 {
        let text = text!(
            "{waiting} connections still wait for the former process: let it run until it has accepted them",
            "旧プロセスに受付待ちの接続が {waiting} 件残っています。処理が終わるまで停止しないでください"
        );
        warn(&visible(text.in_lang(settings.lang)));
        return Ok(Exit::Uncertain);
    }
    if is_loud {
        led.warn_of_the_rest(service, settings);
    }
    if is_loud && patience.is_some() && led.stay.is_empty() {
        // Of whoever had it before the last move nothing is known by now.
        out.say(if led.is_moved { DRAINED } else { WAS_LED })?;
    }
    Ok(Exit::Fine)
}

fn stays(service: &str, (protocol, family): (Protocol, Family)) -> Text {
    let family = family.written();
    text!(
        "by {protocol} over {family} it goes to the former process still: move that too before you end it, portreeve steer move {service} --to-pid PID --fd FD",
        "{family} の {protocol} は引き続き旧プロセスに誘導されます。旧プロセスを停止する前に、こちらも切り替えてください: portreeve steer move {service} --to-pid PID --fd FD"
    )
}

fn later(service: &str) -> Text {
    text!(
        "while what is on trial lasts, nothing comes in for {service} of this owner; then it does: portreeve steer status",
        "試行中は、この owner の {service} 宛ての通信はありません。試行が終わると誘導されます: portreeve steer status"
    )
}

const DRAINED: Words = Words {
    en: "Nobody waits for the former process any more.",
    ja: "旧プロセスの受付待ちの接続はなくなりました。",
};

const WAS_LED: Words = Words {
    en: "It went there already: whether somebody waits for a former process was not looked at.",
    ja: "既にこのプロセスに誘導されていました。旧プロセスの受付待ちの接続は確認していません。",
};

/// What is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Deed {
    /// Whatever a process has a socket for is led to it.
    Register,
    /// All that a former process takes is led to another.
    Move,
    /// The same of one socket.
    MoveOne,
}

/// What is led now, and to which sockets it was before.
struct Changed {
    leads: Vec<Lead>,
    former: Vec<u64>,
    /// The ways on which it goes where it went before.
    stay: Vec<(Protocol, Family)>,
    /// Whether it went elsewhere before.
    is_moved: bool,
    /// The receipt of the change, where anybody had it before.
    receipt: Option<u32>,
    /// Whether the service of another owner has its place while that is on trial.
    is_for_later: bool,
}

impl Changed {
    /// Says what still goes where it went, and whether all does while a change of owners is on trial.
    fn warn_of_the_rest(&self, service: &str, settings: &Settings) {
        if self.is_for_later {
            warn(&visible(later(service).in_lang(settings.lang)));
        }
        for stay in &self.stay {
            warn(&visible(stays(service, *stay).in_lang(settings.lang)));
        }
    }

    /// What shows it, and what takes it back.
    fn next(&self, out: &mut Out) -> Result<(), Failure> {
        let undo = self.receipt.map(|number| format!("portreeve undo {number}"));
        let commands: Vec<String> = ["portreeve steer status".into()].into_iter().chain(undo).collect();
        next::print(&commands, out)
    }
}

fn lead(look: &Look, name: &str, whose: Option<Whose>, deed: Deed) -> Result<Changed, Failure> {
    let world = look.world();
    let fail = |error| steers::failure(&error, NOT_LED);
    let pinned = Steer::pinned().map_err(fail)?;
    let slots = pinned.as_ref().map_or(Ok(Vec::new()), |pinned| pinned.steer.stands()).map_err(fail)?;
    let mut own: Vec<&Slot> = slots.iter().filter(|slot| slot.service == name).collect();
    if !own.is_empty() && !world.policy.is_some_and(|policy| policy.steers(name)) {
        return Err(forgotten(name));
    }
    let service = service(&world, name)?;
    own.retain(|slot| (slot.service.as_str(), slot.owners) == owned(service));
    if own.is_empty() {
        return Err(unsteered(name));
    }
    let routes = world.policy.map_or(Ok(Routes::default()), wanted);
    let routes =
        routes.map_err(|mistake| Failure::usage(NOT_LED).because(mistake.words()).hint(mistake.fix()))?;
    let found: Vec<Result<Lead, Unled>> =
        ways(owned(service), &routes).map(|way| socket(&world, service, way, whose)).collect();
    let leads = joined(found.iter().flatten().cloned());
    if leads.is_empty() {
        let why = found.into_iter().find_map(Result::err).unwrap_or(Unled::Nobody);
        return Err(unled(name, whose, &why, &world));
    }
    let is_taken = |slot: &&Slot| {
        leads.iter().any(|lead| lead.spec.protocol == slot.protocol && lead.families.contains(&slot.family))
    };
    let staying = own.iter().copied().filter(|slot| slot.cookie.is_some() && !is_taken(slot));
    let stay: Vec<_> = staying.map(|slot| (slot.protocol, slot.family)).collect();
    if let (Deed::Move, Some(whose), [way, ..]) = (deed, whose, stay.as_slice()) {
        return Err(partly(name, whose.pid, *way));
    }
    let former = own.into_iter().filter_map(|slot| slot.cookie).collect::<Vec<u64>>();
    let is_moved = !former.is_empty() && leads.iter().any(|lead| !former.contains(&lead.cookie));
    let beside = leads.iter().find(|lead| is_beside_former(&world, lead, &former));
    if let Some(lead) = beside.filter(|_| deed != Deed::Register) {
        return Err(shared(name, lead));
    }
    let receipt = if is_moved {
        let was = Former { service: owned(service), cookies: &former, undoes: None };
        let passed = steers::move_all(&leads, &was, door::open(NOT_LED)?, NOT_LED)?;
        Some(passed.receipt.number)
    } else {
        steers::lead_all(leads.iter(), NOT_LED)?;
        None
    };
    let tried = pinned.map_or(Ok(None), |pinned| pinned.steer.routes_on_trial()).map_err(fail)?;
    let is_for_later = tried.is_some_and(|tried| tried.owned().all(|tried| tried != owned(service)));
    Ok(Changed { leads, former, stay, is_moved, receipt, is_for_later })
}

/// Whether it shares its number with a former socket (SO_REUSEPORT): whichever is led to, the kernel chooses among them.
fn is_beside_former(world: &World<'_>, lead: &Lead, former: &[u64]) -> bool {
    let is_former =
        |listener: &&Listener| former.contains(&listener.cookie) && listener.cookie != lead.cookie;
    let is_there = |listener: &Listener| (&listener.address, listener.spec()) == (&lead.address, lead.spec);
    !former.contains(&lead.cookie) && world.snapshot.listeners.iter().filter(is_former).any(is_there)
}

fn shared(service: &str, lead: &Lead) -> Failure {
    let (service, place) = (visible(service).into_owned(), lead.place());
    Failure::new(Exit::Refused, NOT_LED)
        .because(text!(
            "both processes listen at {place} (SO_REUSEPORT), and the kernel chooses among them whichever is led to",
            "両方のプロセスが {place} で待ち受けています(SO_REUSEPORT)。どちらに誘導しても、カーネルが両方に振り分けます"
        ))
        .hint(text!(
            "let the new one listen on another number; or end the former one, then portreeve steer register {service}",
            "新しい版を別の番号で待ち受けさせるか、旧プロセスを停止してから portreeve steer register {service} を実行してください"
        ))
}

/// Whoever ends the former process then would have some refused.
fn partly(service: &str, pid: u32, (protocol, family): (Protocol, Family)) -> Failure {
    let (service, family) = (visible(service).into_owned(), family.written());
    Failure::new(Exit::Refused, NOT_LED)
        .because(text!(
            "process {pid} has no socket for {service} by {protocol} over {family}, and the former one has",
            "旧プロセスと異なり、プロセス {pid} には {service} の {family} の {protocol} を受け取るソケットがありません"
        ))
        .hint(text!(
            "let it listen there too, or move one socket by its descriptor: --to-pid {pid} --fd FD",
            "そこでも待ち受けるようにするか、ディスクリプタを指定して 1 つずつ切り替えてください: --to-pid {pid} --fd FD"
        ))
}

/// By its name, and whose it is.
fn owned(service: &Service) -> (&str, Ownership) {
    (&service.name, Ownership::of(&service.owners))
}

fn service<'w>(world: &World<'w>, name: &str) -> Result<&'w Service, Failure> {
    let services = world.policy.map(|policy| policy.services.as_slice()).unwrap_or_default();
    let found = services.iter().find(|service| service.name == name);
    let steered = found.filter(|service| service.steer.is_some());
    steered.ok_or_else(|| {
        let name = visible(name).into_owned();
        if found.is_none() {
            let names = services.iter().filter(|service| service.steer.is_some());
            return unknown(&name, names.map(|service| service.name.as_str()));
        }
        Failure::usage(NOT_LED)
            .because(text!(
                "the policy steers no service {name}",
                "policy に、steer を指定したサービス {name} がありません"
            ))
            .hint(text!(
                "write steer = {{ when_dead = \"refuse\" }} there, and portreeve apply",
                "policy に steer = {{ when_dead = \"refuse\" }} と書き、portreeve apply を実行してください"
            ))
    })
}

/// It is led to still, as after an undo, and nobody knows whose it is.
fn forgotten(name: &str) -> Failure {
    let name = visible(name).into_owned();
    Failure::usage(NOT_LED)
        .because(text!(
            "the policy does not steer {name} any more, so nobody knows whose it is",
            "{name} は policy で誘導の対象になっておらず、owner を特定できません"
        ))
        .hint(text!(
            "write it there again with its owner; or portreeve apply, which ends what is led to it",
            "policy に owner とともに書き戻すか、portreeve apply で誘導をやめてください"
        ))
}

fn unknown<'n>(name: &str, mut steered: impl Iterator<Item = &'n str>) -> Failure {
    let failure = Failure::usage(NOT_LED)
        .because(text!("the policy has no service {name}", "policy にサービス {name} はありません"));
    match nearest(name, steered.by_ref()) {
        Some(near) => {
            let near = visible(near).into_owned();
            failure.hint(text!("did you mean {near}?", "{near} のことですか?"))
        }
        None => failure.hint(text!("portreeve steer status", "portreeve steer status")),
    }
}

fn unsteered(name: &str) -> Failure {
    let name = visible(name).into_owned();
    Failure::new(Exit::Refused, NOT_LED)
        .because(text!("nothing is steered to {name} yet", "{name} への誘導はまだ有効ではありません"))
        .hint(text!("portreeve apply", "portreeve apply"))
}

fn unled(name: &str, whose: Option<Whose>, why: &Unled, world: &World<'_>) -> Failure {
    let failure = Failure::new(Exit::Refused, NOT_LED);
    let process = whose.map(|whose| (whose.pid, world.snapshot.processes.get(&whose.pid)));
    let is_hidden = world.snapshot.gaps.iter().any(Gap::hides_holders);
    match process {
        Some((pid, None)) if *why == Unled::Nobody && is_hidden => failure
            .because(text!(
                "what process {pid} has open cannot be seen from here",
                "プロセス {pid} のディスクリプタを、この環境から確認できません"
            ))
            .hint(steers::CONTAINED),
        Some((pid, None)) if *why == Unled::Nobody => failure
            .because(text!(
                "process {pid} has no socket on which anything could arrive",
                "プロセス {pid} には待ち受け中のソケットがありません"
            ))
            .hint(text!("see who listens: portreeve ls", "待ち受けを確認してください: portreeve ls")),
        Some((pid, Some(_))) if *why == Unled::Nobody => {
            let name = visible(name).into_owned();
            if let Some(fd) = whose.and_then(|whose| whose.fd) {
                return failure.because(text!(
                    "descriptor {fd} of process {pid} is no socket of an owner of {name} that takes what is led to it",
                    "プロセス {pid} のディスクリプタ {fd} は、{name} の owner が持つ、誘導先にできるソケットではありません"
                )).hint(text!(
                    "see its descriptors: portreeve steer register {name} --pid {pid}, or ls -l /proc/{pid}/fd",
                    "portreeve steer register {name} --pid {pid} または ls -l /proc/{pid}/fd で確認してください"
                ));
            }
            failure
                .because(text!(
                    "process {pid} is no owner of {name}, or has no socket that takes what is led to it",
                    "プロセス {pid} は {name} の owner でないか、誘導先にできるソケットを持っていません"
                ))
                .hint(text!(
                    "see who listens: portreeve ls; the policy says who owns {name}",
                    "portreeve ls で待ち受けを、policy で {name} の owner を確認してください"
                ))
        }
        _ => failure.because(why.why()).hint(why.fix()),
    }
}

fn told(lead: &Lead) -> Text {
    let Lead { service, spec, pid, who: Text { en, ja }, .. } = lead;
    let (protocol, place) = (spec.protocol, lead.place());
    text!(
        "What is for {service} goes to {en}, pid {pid}, at {place} ({protocol}).",
        "{service} 宛ての通信を {ja}(pid {pid}、{place}、{protocol})に誘導します。"
    )
}
