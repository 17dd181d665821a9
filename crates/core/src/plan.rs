//! The changes that would make the host agree with the policy, and what each zone gains and loses by them (A15, A16).

mod answers;
mod close;
mod edge;
mod effect;
mod evict;
mod grounds;
mod guard;
mod held;
mod inside;
mod lapse;
mod open;
mod passage;
mod protect;
mod refused;
mod rehearsal;
mod reserve;
mod simulate;
mod steer;
mod undo;
mod zone;

pub(crate) use self::inside::outer;
pub use self::{
    answers::UntrackedAnswers,
    close::{close, remaining, shut},
    effect::Effect,
    evict::{Eviction, LedAndEvicted},
    grounds::{Ground, Grounds, GroundsError},
    guard::Guards,
    held::{Held, Release, held},
    open::{Opening, Shut, opening},
    passage::ProtocolPassage,
    protect::{protect, protect_after},
    refused::{Cut, Refused, Unmanaged},
    rehearsal::{Fate, Hook, Link, Mismatch, Probe, Promise, Rehearsal, Rehearsed, Seen, rehearsal},
    reserve::{KeptBack, Reservation, Unreserved, have_any, led_no_more, reserve, still_told, united},
    simulate::simulate,
    steer::{
        Dead, Diverted, Lead, Loss, Steers, Unled, Whose, choice, dead, is_served, joined, kept, leads,
        refuse_diverted, socket,
    },
    undo::{Undo, undone},
    zone::{PortChange, ZoneChange},
};

use alloc::{string::String, vec, vec::Vec};

use self::lapse::lapsed;
use crate::{
    facts::{Foothold, Gap, Listing, Snapshot},
    firewall::{self, Filter},
    gate::{Body, Foundation, Gate, Keep, Open, Standing, Temporary},
    guard::{Rules, Unguarded},
    port::PortRange,
    programs::Programs,
    text,
    words::{Text, inflect},
    world::World,
};

/// What a person asks for beside the policy.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    /// The connections by which people are on the host, and whoever asks among them.
    pub footholds: Vec<Foothold>,
    /// What portreeve has the kernel keep back from clients.
    pub kept: KeptBack,
    /// What the guard keeps; of a saved host nobody knows.
    pub guards: Option<Guards>,
    /// What is steered; likewise.
    pub steers: Option<Steers>,
    /// Whether strangers are to give up the ports that only their owners are to bind.
    pub evicts: bool,
}

impl Asked {
    /// What the programs in the kernel are told, as far as anybody knows.
    fn told(&self) -> Programs {
        let rules = self.guards.as_ref().map(|guards| guards.rules.clone());
        let routes = self.steers.as_ref().map(|steers| steers.routes.clone());
        Programs { rules: rules.unwrap_or_default(), routes: routes.unwrap_or_default() }
    }
}

/// The changes that would make the host agree with the policy.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// What the changes rest on.
    pub based_on: Grounds,
    /// The changes, in the order in which they are made; none where the host agrees.
    pub changes: Vec<Change>,
    /// What each zone gains and loses, where it does.
    pub zones: Vec<ZoneChange>,
    /// From which zones the protocols come that have no ports to judge.
    pub protocols: Vec<ProtocolPassage>,
    /// The answers to what this host began that would be refused, where there are any.
    pub untracked: Option<UntrackedAnswers>,
    /// Why what is declared is not kept from clients, where that is so.
    pub unreserved: Option<Unreserved>,
    /// The services whose ports the guard cannot keep, where the policy speaks of it.
    pub unguarded: Vec<Unguarded>,
    /// Who holds what is refused to him already, since before: of that the guard takes nothing.
    pub held: Option<Held>,
    /// What is led to services and finds no socket of their owners', even once the changes are made.
    pub dead: Vec<Dead>,
    /// Who gets nothing more of what comes in somewhere, as it is led elsewhere, or led no more.
    pub losses: Vec<Loss>,
    /// What the programs in the kernel are told before the changes.
    pub told: Programs,
    /// The changes that take all of it back, in the order in which they are made; none where somebody else has changed the
    /// gate, which cannot be made so again.
    pub undo: Vec<Change>,
}

impl Plan {
    /// The change of the gate; `None` where it stays as it is.
    #[must_use]
    pub fn gate(&self) -> Option<&Change> {
        self.changes.iter().find(|change| change.what.is_of_gate())
    }

    /// What the kernel is to keep from clients for the policy; `None` where that stays as it is.
    #[must_use]
    pub fn reserves(&self) -> Option<&[PortRange]> {
        self.changes.iter().find_map(|change| change.what.reserves())
    }

    /// What the guard is to keep; `None` where that stays as it is.
    #[must_use]
    pub fn guards(&self) -> Option<&Rules> {
        self.changes.iter().find_map(|change| change.what.guards())
    }

    /// What the programs in the kernel are to be told; `None` where that stays as it is.
    #[must_use]
    pub fn programs(&self) -> Option<Programs> {
        let routes = self.changes.iter().find_map(|change| change.what.steers());
        let (rules, routes) = (self.guards(), routes.map(|(routes, _)| routes));
        (rules.is_some() || routes.is_some()).then(|| Programs {
            rules: rules.unwrap_or(&self.told.rules).clone(),
            routes: routes.unwrap_or(&self.told.routes).clone(),
        })
    }

    /// Who is to give up a port.
    pub fn evictions(&self) -> impl Iterator<Item = &Eviction> {
        self.changes.iter().filter_map(|change| change.what.evicts())
    }

    /// The sockets that are to be led to.
    pub fn leads(&self) -> impl Iterator<Item = &Lead> {
        self.changes.iter().filter_map(|change| change.what.leads())
    }
}

/// One change of the host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// What is done.
    pub what: Effect,
    /// Why.
    pub because: Text,
    /// The duties of the article that it serves.
    pub article: &'static [&'static str],
}

/// The duties that the gate serves.
const OF_THE_GATE: &[&str] = &["A15", "A16"];

/// The changes that would make the host agree with the policy of `world`.
///
/// # Errors
///
/// What stands against changing anything.
pub fn plan(world: &World<'_>, asked: &Asked) -> Result<Plan, Refused> {
    let policy = world.policy.ok_or(Refused::NoPolicy)?;
    let filter = seen(world)?;
    let standing = standing(world)?;
    let inside = inside::interfaces(world, filter);
    let gate = Gate::of(policy, &world.desired, inside, inside::forwarded(world)).map_err(Refused::Gate)?;
    let wanted = Body::from(&gate);
    let before = standing.as_ref().and_then(Standing::body);
    let mut plan = Plan { protocols: passage::protocols(policy), ..Plan::default() };
    let mut left = None;
    if before != Some(&wanted) {
        plan.undo = reversal(before, standing.as_ref());
        let why = because_changed(because(world), standing.as_ref(), before.is_some());
        plan.changes = vec![of_the_gate(Effect::closing(wanted, endless(standing.as_ref())), why)];
        let made = simulate(world.snapshot, &plan.changes, Keep::AtOnce)?;
        // What is open for a while stays so, but to a zone that goes: nobody else gains or loses it by the change.
        let before = lapsed(world.snapshot)?;
        let after = lapsed(&made)?.map_or_else(|| read(&made), Ok)?;
        plan.zones = zone::changes(world, before.as_ref().unwrap_or(filter), &after);
        plan.untracked = answers::untracked(world, &after);
        let open = open_to_zones(world, standing.as_ref())?;
        if !open.is_empty() {
            plan.zones.extend(zone::gone(world, &open, filter, &read(&made)?));
        }
        left = Some(after);
    }
    keep_back(world, asked, &mut plan);
    if let Some(guards) = &asked.guards {
        guard::keep(world, policy, guards, asked, &mut plan)?;
    }
    if let Some(steers) = &asked.steers {
        steer::lead(world, policy, steers, &mut plan)?;
    }
    plan.told = asked.told();
    if !plan.changes.is_empty() {
        let after = left.as_ref().unwrap_or(filter);
        plan.based_on = Grounds::of(world, &plan, standing.as_ref(), after, &asked.footholds);
    }
    Ok(plan)
}

/// Adds to `plan` what the kernel is to keep from clients; taken back as a whole it can only be where the rest can.
fn keep_back(world: &World<'_>, asked: &Asked, plan: &mut Plan) {
    let Some(own) = world.own_namespace().filter(|own| own.client_range != PortRange::UNTOLD) else { return };
    match reserve::of_policy(own, &world.desired, &asked.kept) {
        Ok(Some((change, undo))) => {
            let is_reversible = plan.changes.is_empty() || !plan.undo.is_empty();
            plan.changes.push(change);
            plan.undo.extend(is_reversible.then_some(undo));
        }
        Ok(None) => {}
        Err(unreserved) => plan.unreserved = Some(unreserved),
    }
}

/// What is open for a while to zones of the gate as it stands.
fn open_to_zones(world: &World<'_>, standing: Option<&Standing>) -> Result<Vec<Open>, Refused> {
    let zones: Vec<String> = standing.into_iter().flat_map(Standing::zones).collect();
    let open = temporary(world)?.open.into_iter();
    Ok(open.filter(|open| zones.contains(&open.zone)).collect())
}

/// What is open and kept out for a while.
fn temporary(world: &World<'_>) -> Result<Temporary, Refused> {
    let listing = world.snapshot.firewall.as_ref().and_then(|listings| listings.text(Listing::Nft));
    listing.map_or(Ok(Temporary::default()), Temporary::read).map_err(Refused::Table)
}

/// What somebody else opened without an end; what is made anew has none of it.
fn endless(standing: Option<&Standing>) -> Vec<Open> {
    let patched = standing.filter(|standing| standing.foundation == Foundation::AsMade);
    patched.map(|standing| standing.endless.clone()).unwrap_or_default()
}

/// The changes that take a change of the gate back, where it stood so, of `before` as far as it is whole.
fn reversal(before: Option<&Body>, standing: Option<&Standing>) -> Vec<Change> {
    match (before, standing) {
        (Some(body), _) => vec![of_the_gate(Effect::gate(body.clone()), as_it_was())],
        (None, None) => vec![of_the_gate(Effect::no_gate(), unmade())],
        // What somebody else wrote cannot be written again.
        (None, Some(_)) => Vec::new(),
    }
}

const fn of_the_gate(what: Effect, because: Text) -> Change {
    Change { what, because, article: OF_THE_GATE }
}

/// The packet filter, of which all must be seen: what is not may be what keeps somebody in or out.
fn seen<'a>(world: &'a World<'_>) -> Result<&'a Filter, Refused> {
    if let Some(filter) = world.filter() {
        return Ok(filter);
    }
    let gaps = world.snapshot.gaps.iter().filter(|gap| gap.hides_firewall());
    let unreadable = world.snapshot.firewall.as_ref().and_then(|listings| firewall::read(listings).err());
    Err(match unreadable {
        Some(unreadable) => Refused::Unreadable(unreadable),
        None => Refused::Unseen(gaps.cloned().collect::<Vec<Gap>>()),
    })
}

/// The packet filter as it is once `changes` are made.
fn simulated(world: &World<'_>, changes: &[Change]) -> Result<Filter, Refused> {
    read(&simulate(world.snapshot, changes, Keep::AtOnce)?)
}

/// The packet filter that `snapshot` shows.
fn read(snapshot: &Snapshot) -> Result<Filter, Refused> {
    let filter = snapshot.firewall.as_ref().map_or_else(|| Ok(Filter::default()), firewall::read);
    filter.map_err(Refused::Unreadable)
}

/// The gate as it stands, on which nothing may be on trial.
fn standing(world: &World<'_>) -> Result<Option<Standing>, Refused> {
    let standing = world.standing().map_err(Refused::Table)?;
    let trial = standing.as_ref().and_then(|standing| Some((standing.trial?.seconds_left, standing.tried())));
    match trial {
        Some((seconds_left, Some(_))) => Err(Refused::OnTrial { seconds_left }),
        Some((seconds_left, None)) => Err(Refused::SpoiltTrial { seconds_left }),
        None => Ok(standing),
    }
}

fn because(world: &World<'_>) -> Text {
    let declared = world.desired.ports().iter().filter(|port| port.service.reaches_beyond_host()).count();
    let en = inflect(declared, "port", "ports");
    text!(
        "the policy opens {declared} {en} to others, and the rest is to be refused",
        "policy が外部に開くポートは {declared} 件で、それ以外は遮断します"
    )
}

/// The same, and what becomes of what somebody else has changed, unless the gate `is_whole`.
fn because_changed(because: Text, standing: Option<&Standing>, is_whole: bool) -> Text {
    let Text { en, ja } = &because;
    match standing {
        Some(standing) if standing.foundation.is_made_anew() => text!(
            "{en}; somebody else has changed what every trial rests on, so the gate is made anew as a whole, in one step and without a trial",
            "{ja}。試行の土台となる部分がほかの手段で書き換えられているため、ゲート全体を一度の変更で作り直します(試行はできません)"
        ),
        Some(_) if !is_whole => text!(
            "{en}; what somebody else has changed of the gate is taken out",
            "{ja}。ほかの手段でゲートに加えられた変更は取り除きます"
        ),
        _ => because,
    }
}

fn as_it_was() -> Text {
    text!("the gate was so before", "変更前のゲートに戻します")
}

fn unmade() -> Text {
    text!("there was no gate before", "変更前にゲートはありませんでした")
}

#[cfg(test)]
mod tests;
