//! What the guard is to keep, and that nobody else has it already (A24).

use alloc::{
    boxed::Box,
    string::{String, ToString},
    vec::Vec,
};

use super::{
    Asked, Change, Effect, Plan, Refused,
    evict::evict,
    held::{Held, held, is_refused_already},
};
use crate::{
    guard::{Entry, Mode, Named, Rules, wanted},
    policy::Policy,
    text,
    words::{Text, inflect},
    world::World,
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

/// Adds to `plan` what the guard is to keep for `policy`, where it keeps something else.
///
/// # Errors
///
/// It cannot, or a stranger holds what is to be refused to strangers from now on: the guard takes nothing from whoever has it.
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
    if wanted.rules != guards.rules {
        if let Some(seconds_left) = guards.seconds_left {
            return Err(Refused::OnTrial { seconds_left });
        }
        let is_new = |held: &Held| !is_refused_already(held, &wanted.rules, &guards.rules);
        let mut held = held(world, &wanted.rules).filter(is_new);
        if let Some(held) = held.find(|_| !asked.evicts) {
            return Err(Refused::Held(Box::new(held)));
        }
        let is_reversible = plan.changes.is_empty() || !plan.undo.is_empty();
        plan.changes.push(made(wanted.rules.clone(), because()));
        plan.undo.extend(is_reversible.then(|| made(guards.rules.clone(), as_it_was())));
    }
    if asked.evicts {
        // Once it is refused to him he does not come back.
        return evict(world, (&wanted.rules, &guards.rules), &asked.footholds, plan);
    }
    plan.held = held(world, &wanted.rules).next();
    Ok(())
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
