//! `portreeve steer register|move`: has packets for a service led to the socket of a process (A5, A12, A22).

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use portreeve_core::{
    address::Family,
    facts::{Gap, Listener},
    nearest::nearest,
    plan::{Lead, Steers, Unled, Whose, joined, socket},
    port::Protocol,
    steer::{Routes, Tenant},
    text,
    words::{Text, Words},
    world::World,
};
use portreeve_host::enforce::steer::{Slot, Steer, socket::is_process};

use super::{
    awaited::{self, in_force, seen},
    drain,
};
use crate::{
    door,
    exit::Exit,
    failure::{Failure, warn},
    look,
    settings::{Settings, Verbosity},
    show::{escape::visible, next, out::Out},
    steers::{self, Former},
};

pub(super) const NOT_LED: Words =
    Words { en: "nothing is led anywhere else", ja: "誘導先を変更できません" };

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
    let end = Instant::now() + patience.unwrap_or_default();
    let is_loud = settings.verbosity != Verbosity::Quiet;
    let mut led = Changed::default();
    let mut missing = None;
    let look = loop {
        let (look, still) = awaited::more(service, whose, missing, end, settings)?;
        // Whoever is there already gets what is his while the rest is waited for.
        let more = lead(&look.world(), service, whose, Deed::Register, settings)?;
        out.changed();
        if is_loud {
            more.tell(&led, out)?;
        }
        led = more.after(led);
        if still == 0 || Instant::now() >= end {
            break look;
        }
        missing = Some(still);
    };
    if !is_loud {
        return Ok(Exit::Fine);
    }
    led.next(out)?;
    out.finish()?;
    led.warn_of_the_rest(service, settings);
    let Steers { routes, led, .. } = steers::known(None).map_err(|error| steers::failure(&error, NOT_LED))?;
    steers::tell_dead(&look.world(), &routes, &led, Some(service), settings);
    Ok(Exit::Fine)
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
    let look = seen(settings)?;
    // Who names one socket means that one.
    let deed = if whose.is_some_and(|whose| whose.fd.is_none()) { Deed::Move } else { Deed::MoveOne };
    let led = lead(&look.world(), service, whose, deed, settings)?;
    out.changed();
    let is_loud = settings.verbosity != Verbosity::Quiet;
    if is_loud {
        led.tell(&Changed::default(), out)?;
        led.next(out)?;
    }
    out.finish()?;
    let former: Vec<u64> = led
        .former
        .iter()
        .filter(|cookie| led.leads.iter().chain(&led.later).all(|lead| lead.cookie != **cookie))
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
        "by {protocol} over {family} it goes to the socket that had it before: move that too before you end whose that is, portreeve steer move {service} --to-pid PID --fd FD",
        "{family} の {protocol} は引き続き以前のソケットに誘導されます。そのプロセスを停止する前に、こちらも切り替えてください: portreeve steer move {service} --to-pid PID --fd FD"
    )
}

fn later() -> Text {
    text!(
        "while what is on trial lasts, nothing comes in for this one, as its owner or its places are others; then it does: portreeve steer status",
        "試行中は owner または宛先が異なるため、ここには届きません。試行が終わると誘導されます: portreeve steer status"
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
#[derive(Default)]
struct Changed {
    leads: Vec<Lead>,
    /// The same of what is so once what is on trial is over.
    later: Vec<Lead>,
    former: Vec<u64>,
    /// The ways on which it goes where it went before.
    stay: Vec<(Protocol, Family)>,
    /// Whether it went elsewhere before.
    is_moved: bool,
    /// The receipts of the change, where anybody had it before, the newest first.
    receipts: Vec<u32>,
}

impl Changed {
    /// Says what still goes where it went, and whether all does while a change of owners is on trial.
    fn warn_of_the_rest(&self, service: &str, settings: &Settings) {
        if self.leads.is_empty() {
            warn(&visible(later().in_lang(settings.lang)));
        }
        for stay in BTreeSet::from_iter(&self.stay) {
            warn(&visible(stays(service, *stay).in_lang(settings.lang)));
        }
    }

    /// The same with what was changed `before` it.
    fn after(mut self, before: Self) -> Self {
        self.receipts.extend(before.receipts);
        self.is_moved |= before.is_moved;
        self
    }

    /// Says what is led to whom, each socket once, but for what was so `before`.
    fn tell(&self, before: &Self, out: &mut Out) -> Result<(), Failure> {
        let told_before = before.leads.iter().chain(&before.later);
        let mut seen: BTreeSet<u64> = told_before.map(|lead| lead.cookie).collect();
        let now = self.leads.iter().map(|lead| (lead, told(lead)));
        let later = self.later.iter().map(|lead| (lead, told_for_later(lead)));
        let mut each = now.chain(later).filter(|(lead, _)| seen.insert(lead.cookie));
        each.try_for_each(|(_, said)| out.sentences(said.in_lang(out.lang)))
    }

    /// What shows it, and what takes it back.
    fn next(&self, out: &mut Out) -> Result<(), Failure> {
        let undo = self.receipts.iter().map(|number| format!("portreeve undo {number}"));
        let commands: Vec<String> = ["portreeve steer status".into()].into_iter().chain(undo).collect();
        next::print(&commands, out)
    }
}

/// What is about to be led for one service of the name: on trial there may be another one.
struct Turn<'r> {
    tenant: Tenant<'r>,
    leads: Vec<Lead>,
    former: Vec<u64>,
    stay: Vec<(Protocol, Family)>,
    /// Whether anything of it went elsewhere before.
    is_moved: bool,
}

fn lead(
    world: &World<'_>,
    name: &str,
    whose: Option<Whose>,
    deed: Deed,
    settings: &Settings,
) -> Result<Changed, Failure> {
    let fail = |error| steers::failure(&error, NOT_LED);
    let pinned = Steer::pinned().map_err(fail)?;
    let slots = pinned.as_ref().map_or(Ok(Vec::new()), |pinned| pinned.steer.stands()).map_err(fail)?;
    let routes = in_force()?;
    let own: Vec<Tenant<'_>> = routes.tenants().filter(|tenant| tenant.key().0 == name).collect();
    if own.is_empty() {
        return Err(unsteered(name, &routes, settings));
    }
    let plain: Vec<Turn<'_>> =
        own.iter().filter_map(|tenant| turn(world, *tenant, &slots, whose, &[]).ok()).collect();
    let mut turns = Vec::new();
    let mut why = Unled::Nobody;
    for tenant in own {
        // Of several sockets the one is meant that is for the other one of that name.
        let others = plain.iter().filter(|other| other.tenant.key() != tenant.key());
        let meant: Vec<u64> = others.flat_map(|other| &other.leads).map(|lead| lead.cookie).collect();
        match turn(world, tenant, &slots, whose, &meant) {
            Ok(turn) => turns.push(turn),
            Err(unled) => why = unled,
        }
    }
    if turns.is_empty() {
        return Err(unled(name, whose, &why, world));
    }
    turns.iter().try_for_each(|turn| refuse_halves(world, turn, whose, deed))?;
    let tried = pinned.map_or(Ok(None), |pinned| pinned.steer.routes_on_trial()).map_err(fail)?;
    let mut changed = Changed::default();
    for turn in turns {
        let is_for_later = tried.as_ref().is_some_and(|tried| tried.tenant(turn.tenant.key()).is_none());
        take(turn, is_for_later, &mut changed)?;
    }
    Ok(changed)
}

/// What is to be led for `tenant`; of several sockets one that is `meant` otherwise.
///
/// # Errors
///
/// Nothing is.
fn turn<'r>(
    world: &World<'_>,
    tenant: Tenant<'r>,
    slots: &[Slot],
    whose: Option<Whose>,
    meant: &[u64],
) -> Result<Turn<'r>, Unled> {
    let of = |way: (Protocol, Family)| match socket(world, tenant, way, whose) {
        Err(why @ (Unled::Several(_) | Unled::Apart(_))) => match why.among(way.1, meant) {
            Some(lead) => Ok(lead.clone()),
            None => Err(why),
        },
        found => found,
    };
    let found: Vec<Result<Lead, Unled>> = tenant.ways().map(of).collect();
    let leads = joined(found.iter().flatten().cloned());
    if leads.is_empty() {
        return Err(found.into_iter().find_map(Result::err).unwrap_or(Unled::Nobody));
    }
    let own = || slots.iter().filter(|slot| (slot.service.as_str(), slot.tenancy) == tenant.key());
    let is_taken = |slot: &&Slot| {
        leads.iter().any(|lead| lead.spec.protocol == slot.protocol && lead.families.contains(&slot.family))
    };
    let staying = own().filter(|slot| slot.cookie.is_some() && !is_taken(slot));
    let stay = staying.map(|slot| (slot.protocol, slot.family)).collect();
    let former = own().filter_map(|slot| slot.cookie).collect();
    let leaves = |lead: &Lead| {
        let mut of_it = own().filter(|slot| slot.protocol == lead.spec.protocol);
        of_it.any(|slot| {
            lead.families.contains(&slot.family) && slot.cookie.is_some_and(|had| had != lead.cookie)
        })
    };
    let is_moved = leads.iter().any(leaves);
    Ok(Turn { tenant, leads, former, stay, is_moved })
}

/// Refuses what would move some of it, or nothing in truth.
fn refuse_halves(
    world: &World<'_>,
    turn: &Turn<'_>,
    whose: Option<Whose>,
    deed: Deed,
) -> Result<(), Failure> {
    let (name, _) = turn.tenant.key();
    if let (Deed::Move, Some(whose), [way, ..]) = (deed, whose, turn.stay.as_slice()) {
        return Err(partly(name, whose.pid, *way));
    }
    let beside = turn.leads.iter().find(|lead| is_beside_former(world, lead, &turn.former));
    beside.filter(|_| deed != Deed::Register).map_or(Ok(()), |lead| Err(shared(name, lead)))
}

fn take(turn: Turn<'_>, is_for_later: bool, changed: &mut Changed) -> Result<(), Failure> {
    if turn.is_moved {
        let was = Former { service: turn.tenant.key(), cookies: &turn.former, undoes: None };
        let passed = steers::move_all(&turn.leads, &was, door::open(NOT_LED)?, NOT_LED)?;
        changed.receipts.insert(0, passed.receipt.number);
        changed.is_moved = true;
    } else {
        steers::lead_all(turn.leads.iter(), NOT_LED)?;
    }
    let Turn { leads, former, stay, .. } = turn;
    if is_for_later { &mut changed.later } else { &mut changed.leads }.extend(leads);
    changed.former.extend(former);
    changed.stay.extend(stay);
    Ok(())
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

fn unknown<'n>(name: &str, mut steered: impl Iterator<Item = &'n str>) -> Failure {
    let failure = Failure::usage(NOT_LED)
        .because(text!("no service {name} is steered", "{name} というサービスは誘導の対象ではありません"));
    match nearest(name, steered.by_ref()) {
        Some(near) => {
            let near = visible(near).into_owned();
            failure.hint(text!("did you mean {near}?", "{near} のことですか?"))
        }
        None => failure.hint(text!("portreeve steer status", "portreeve steer status")),
    }
}

/// Nothing is led to it: the policy may have it, and nobody applied that yet.
fn unsteered(name: &str, routes: &Routes, settings: &Settings) -> Failure {
    let policy = look::policy(settings);
    let declared = policy.iter().flat_map(|policy| &policy.services).find(|service| service.name == name);
    let shown = visible(name).into_owned();
    let Some(declared) = declared else { return unknown(&shown, routes.services()) };
    if declared.steer.is_some() {
        return Failure::new(Exit::Refused, NOT_LED)
            .because(text!("nothing is steered to {shown} yet", "{shown} への誘導はまだ有効ではありません"))
            .hint(text!("portreeve apply", "portreeve apply"));
    }
    Failure::usage(NOT_LED)
        .because(text!(
            "the policy steers no service {shown}",
            "policy に、steer を指定したサービス {shown} がありません"
        ))
        .hint(text!(
            "write steer = {{ when_dead = \"refuse\" }} there, and portreeve apply",
            "policy に steer = {{ when_dead = \"refuse\" }} と書き、portreeve apply を実行してください"
        ))
}

fn unled(name: &str, whose: Option<Whose>, why: &Unled, world: &World<'_>) -> Failure {
    let failure = Failure::new(Exit::Refused, NOT_LED);
    let process = whose.map(|whose| (whose.pid, world.snapshot.processes.get(&whose.pid)));
    let is_hidden = world.snapshot.gaps.iter().any(Gap::hides_holders);
    match process {
        Some((pid, None)) if *why == Unled::Nobody && !is_process(pid) => failure
            .because(text!("there is no process {pid}", "プロセス {pid} はありません"))
            .hint(text!("see who listens: portreeve ls", "待ち受けを確認してください: portreeve ls")),
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

fn told_for_later(lead: &Lead) -> Text {
    let Lead { service, spec, pid, who: Text { en, ja }, .. } = lead;
    let (protocol, place) = (spec.protocol, lead.place());
    text!(
        "Once the trial is over, what is for {service} goes to {en}, pid {pid}, at {place} ({protocol}).",
        "試行が終わった後は、{service} 宛ての通信を {ja}(pid {pid}、{place}、{protocol})に誘導します。"
    )
}
