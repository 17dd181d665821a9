//! What the guard is to keep, and that nobody else has it already (A24).

use alloc::{
    boxed::Box,
    string::{String, ToString},
    vec::Vec,
};

use super::{
    Asked, Change, Effect, Plan, Refused,
    evict::{evict, may_be_evicted},
};
use crate::{
    desired::DesiredPort,
    facts::{Connection, TcpState},
    guard::{Entry, Mode, Named, Rules, wanted},
    ledger::Stand,
    owner::{Identity, Match},
    policy::{Guarding, Policy, Service},
    port::{PortSpec, Protocol},
    text,
    words::{Text, inflect},
    world::{Holding, World, name_of, strangers},
};

/// The duties that this serves.
const ARTICLE: &[&str] = &["A24"];

/// What the guard keeps now, and whom the policy names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Guards {
    /// The rules for good; none where it does not stand.
    pub rules: Rules,
    /// The whole seconds until the kernel takes back what is on trial.
    pub seconds_left: Option<u64>,
    /// Whom the policy names.
    pub named: Named,
}

/// Somebody holds a port that only its owner is to bind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// The port.
    pub spec: PortSpec,
    /// The service that it belongs to.
    pub service: String,
    /// Who holds it.
    pub who: Text,
    /// Whether he can be made to listen no more.
    pub may_be_evicted: bool,
}

impl Held {
    /// That he was there before, and nothing is taken from him.
    #[must_use]
    pub fn too_late(&self) -> Text {
        let Self { spec, service, who: Text { en, ja }, .. } = self;
        text!(
            "warning: {spec} is refused to whoever does not own {service}, but {en} bound it before that: see who it is (portreeve who {spec}) and stop it",
            "警告: {spec} は {service} の owner 以外には拒否されますが、その前に {ja} が bind しています。portreeve who {spec} で確認し、停止してください"
        )
    }

    /// Why nothing is changed.
    #[must_use]
    pub fn why(&self) -> Text {
        let Self { spec, service, who: Text { en, ja }, .. } = self;
        text!(
            "{spec} is to be refused to whoever does not own {service}, and {en} holds it",
            "{service} の owner 以外に拒否するはずの {spec} を、{ja} が保持しています"
        )
    }

    /// What to do about it.
    #[must_use]
    pub fn fix(&self) -> Text {
        let spec = self.spec;
        if !self.may_be_evicted {
            return text!(
                "see who it is (portreeve who {spec}), stop it or name it as an owner; or guard = \"observe\" for now",
                "portreeve who {spec} で確認し、停止するか owner に加えてください。当面は guard = \"observe\" にもできます"
            );
        }
        text!(
            "see who it is (portreeve who {spec}), stop it, have it give up the port (--evict) or name it as an owner; or guard = \"observe\" for now",
            "portreeve who {spec} で確認し、停止するか、--evict で待ち受けを終わらせるか、owner に加えてください。当面は guard = \"observe\" にもできます"
        )
    }
}

/// Adds to `plan` what the guard is to keep for `policy`, where it keeps something else.
///
/// # Errors
///
/// It cannot, or a stranger holds what is to be refused to strangers: the guard takes nothing from whoever has it.
pub(super) fn keep(
    world: &World<'_>,
    policy: &Policy,
    guards: &Guards,
    asked: &Asked,
    plan: &mut Plan,
) -> Result<(), Refused> {
    let mut wanted = wanted(policy, &guards.named).map_err(Refused::Guard)?;
    wanted.keep_standing(policy, &guards.rules);
    plan.unguarded = wanted.unguarded;
    if wanted.rules == guards.rules {
        if asked.evicts {
            return evict(world, &wanted.rules, &asked.footholds, plan);
        }
        plan.held = held(world, &wanted.rules);
        return Ok(());
    }
    if let Some(seconds_left) = guards.seconds_left {
        return Err(Refused::OnTrial { seconds_left });
    }
    let held = held(world, &wanted.rules).filter(|_| !asked.evicts);
    if let Some(held) = held {
        return Err(Refused::Held(Box::new(held)));
    }
    let is_reversible = plan.changes.is_empty() || !plan.undo.is_empty();
    plan.changes.push(made(wanted.rules.clone(), because()));
    plan.undo.extend(is_reversible.then(|| made(guards.rules.clone(), as_it_was())));
    // Once it is refused to him he does not come back.
    if asked.evicts { evict(world, &wanted.rules, &asked.footholds, plan) } else { Ok(()) }
}

/// The first port that is held by a stranger and would be refused to him.
#[must_use]
pub fn held(world: &World<'_>, rules: &Rules) -> Option<Held> {
    every_held(world, rules).next().map(|(held, _)| held)
}

/// Every one, with the sockets that listen on it: of one where nobody does they are not to be had.
pub(super) fn every_held<'w, 'a>(
    world: &'w World<'a>,
    rules: &'w Rules,
) -> impl Iterator<Item = (Held, Option<&'w Holding<'a>>)> {
    let own = world.own_namespace().map(|own| own.id);
    let of_listener = move |holding: &'w Holding<'a>| {
        let spec = holding.spec();
        let service = holding.declared?.service;
        let is_kept = is_enforced(service, spec, rules) && Some(holding.widest().netns) == own;
        let stranger = strangers(world, holding).filter(|_| is_kept)?;
        let may_be_evicted = holding.listeners.iter().all(|listener| may_be_evicted(listener));
        let held = Held { spec, service: service.name.clone(), who: name_of(stranger.first), may_be_evicted };
        Some((held, Some(holding)))
    };
    let sockets = world.snapshot.connections.iter().flatten();
    let sockets = sockets.filter(move |socket| Some(socket.netns) == own);
    let listened_on = world.every_holding().iter().filter_map(of_listener);
    listened_on.chain(sockets.filter_map(|socket| Some((taken(world, socket, rules)?, None))))
}

/// Whether a stranger has bound what `socket` has and does not listen yet, or is connected where no state keeps him from going back:
/// of that the guard would hear no more.
fn taken(world: &World<'_>, socket: &Connection, rules: &Rules) -> Option<Held> {
    let spec = socket.spec();
    let may_listen = socket.state == TcpState::BoundInactive || socket.protocol == Protocol::Udp;
    let (protocol, ports) = (socket.protocol, spec.range);
    let stand = Stand { protocol, ports, address: Some(&socket.address), device: None, v6only: false };
    let mut declared = world.desired.at(socket.protocol, socket.port);
    let is_meant = |desired: &&DesiredPort<'_>| {
        is_enforced(desired.service, spec, rules) && desired.stands().any(|declared| declared.meets(&stand))
    };
    let service = declared.find(is_meant).filter(|_| may_listen)?.service;
    let mut holders = socket.pids.iter().filter_map(|pid| Some((pid, world.snapshot.processes.get(pid)?)));
    let (pid, stranger) = holders
        .find(|(_, process)| Identity::of_process(process).matches_any(&service.owners) == Match::No)?;
    // Of one that does not listen no list of listeners tells the process.
    let Text { en, ja } = name_of(stranger);
    let who = text!("{en}, pid {pid},", "{ja}(pid {pid})");
    Some(Held { spec, service: service.name.clone(), who, may_be_evicted: false })
}

fn is_enforced(service: &Service, spec: PortSpec, rules: &Rules) -> bool {
    service.guard == Some(Guarding::Kept(Mode::Enforce))
        && rules.entries.contains_key(&(spec.protocol, spec.range.first))
}

const fn made(rules: Rules, because: Text) -> Change {
    Change { what: Effect::guarded(rules), because, article: ARTICLE }
}

/// What is done, in a sentence.
pub(super) fn words(rules: &Rules) -> Text {
    let is_enforced = |entries: &&Vec<Entry>| entries.iter().any(|entry| entry.mode == Mode::Enforce);
    let enforced = rules.entries.values().filter(is_enforced).count();
    let observed = rules.entries.len() - enforced;
    let (en_enforced, en_observed) = (inflect(enforced, "port", "ports"), inflect(observed, "port", "ports"));
    match (enforced, observed) {
        (0, 0) => text!("guard no ports any more", "ポートのガードをやめる"),
        (0, _) => text!(
            "write down who binds {observed} {en_observed} without owning them",
            "{observed} 個のポートについて、所有者以外の bind を記録する"
        ),
        (_, 0) => text!(
            "refuse {enforced} {en_enforced} to whoever does not own them",
            "{enforced} 個のポートについて、所有者以外の bind を拒否する"
        ),
        _ => text!(
            "refuse {enforced} {en_enforced} to whoever does not own them, and write down who binds {observed} more",
            "{enforced} 個のポートについて所有者以外の bind を拒否し、{observed} 個について記録する"
        ),
    }
}

/// The same for all who want the same.
pub(super) fn digested(rules: &Rules) -> String {
    serde_json::to_string(rules).unwrap_or_else(|error| error.to_string())
}

fn because() -> Text {
    text!(
        "what the policy declares is its owners', and whoever binds a number first has it",
        "宣言したポートは owner のものですが、先に bind した者が使えてしまうためです"
    )
}

fn as_it_was() -> Text {
    text!("the guard kept this before", "変更前のガードに戻します")
}
