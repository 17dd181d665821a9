//! The changes that close ports by name, whatever else the policy says by now (A16).

use alloc::{collections::BTreeSet, format, string::String, vec, vec::Vec};

use super::{
    Asked, Change, Effect, Grounds, Plan, Refused, because_changed, endless, inside, of_the_gate, reversal,
    seen, simulated, standing, temporary, zone,
};
use crate::{
    address::Family,
    exposure::{Exposure, Reached, Senders, To, exposed},
    firewall::{Filter, Intervals},
    gate::{Body, Closed, Foundation, Gate, InterfacePattern, Open, Ports, Standing, Temporary},
    port::PortSpec,
    text,
    words::Text,
    world::{Passage, World},
};

/// The changes that close `ports`: of the gate that is `confirmed`, without what the policy says anew; and where there is
/// none, by one that closes these ports and leaves all else as it is.
///
/// What is open to them for a while is so no longer, and what somebody else has made of the gate is taken out.
///
/// # Errors
///
/// What stands against changing anything.
pub fn close(
    world: &World<'_>,
    ports: &Ports,
    confirmed: Option<&Body>,
    asked: &Asked,
) -> Result<Plan, Refused> {
    let filter = seen(world)?;
    let standing = standing(world)?;
    let unconfirmed = |standing: &Standing| Refused::Unconfirmed(standing.foundation);
    let own = standing.as_ref().map(|standing| confirmed.ok_or_else(|| unconfirmed(standing))).transpose()?;
    let before = standing.as_ref().and_then(Standing::body);
    let passages = world.passages();
    let sent_on: Ports = passages.iter().filter(|it| it.leaves()).flat_map(Passage::specs).collect();
    let closed = Closed {
        ports: ports.clone(),
        refusal: world.policy.map(|policy| policy.refusal).unwrap_or_default(),
        // It is closed by number: where somebody else listens at another address, nobody is let in to him.
        published: ports.and(&sent_on).except(&inside::of_the_host(world)),
        inside: inside::interfaces(world, filter),
    };
    let wanted = match own {
        Some(body) => body.closing(&closed).ok_or(Refused::Unconfirmed(Foundation::AsMade))?,
        None => Body::from(&Gate::Closed(closed)),
    };
    let shut = shut(&temporary(world)?, ports, standing.as_ref());
    let mut plan = Plan::default();
    if before != Some(&wanted) || !shut.is_empty() {
        plan.undo = reversal(own, standing.as_ref());
        let why = because_changed(because(ports), standing.as_ref(), before == own);
        plan.changes = vec![of_the_gate(Effect::closing(wanted, shut), why)];
        let after = simulated(world, &plan.changes)?;
        plan.zones = zone::changes(world, filter, &after);
        plan.based_on = Grounds::of(world, &plan, standing.as_ref(), &after, &asked.footholds);
    }
    Ok(plan)
}

/// What of `ports` packets from outside get to all the same once `changes` are made, or of which it cannot be told: a rule
/// sends them to another port, which is open.
///
/// # Errors
///
/// The packet filter was not seen.
pub fn remaining(world: &World<'_>, changes: &[Change], ports: &Ports) -> Result<Vec<PortSpec>, Refused> {
    let own = inside::interfaces(world, seen(world)?);
    if ports.is_empty() {
        return Ok(Vec::new());
    }
    let after = simulated(world, changes)?;
    let inside = numbers(&after, &own);
    let is_open = |run: &Exposure| match run.reached {
        Reached::Dropped | Reached::Rejected => false,
        Reached::Reachable | Reached::Unknown => true,
        Reached::Partly => {
            !run.doubts.is_empty()
                || run.passing.iter().any(|passing| {
                    let by = passing.interfaces.iter().flat_map(Intervals::iter);
                    let mut by = by.flat_map(|interval| interval.first..=interval.last).peekable();
                    by.peek().is_none() || by.any(|number| !inside.contains(&number))
                })
        }
    };
    let open = ports.specs().flat_map(|spec| {
        let run = |family| {
            let to = To { family, protocol: spec.protocol, addresses: None, ports: spec.range };
            exposed(&after, &Senders::World, &to)
        };
        let runs = Family::ALL.into_iter().flat_map(run).filter(is_open);
        runs.map(move |run| PortSpec { range: run.range(), protocol: spec.protocol }).collect::<Vec<_>>()
    });
    let open: Ports = open.collect();
    Ok(open.specs().collect())
}

/// The numbers of interfaces in the packets of a filter.
fn numbers(filter: &Filter, names: &[InterfacePattern]) -> BTreeSet<u128> {
    let is_meant = |name: &str| InterfacePattern::of(name).is_some_and(|own| names.contains(&own));
    let numbered = filter.around.interfaces.iter().zip(0_u128..);
    numbered.filter(|(interface, _)| is_meant(&interface.name)).map(|(_, number)| number).collect()
}

/// What is open outside the generations and is so no longer once `ports` are closed where the gate stands so: of these what
/// is open for a while, and whatever somebody else opened without an end.
#[must_use]
pub fn shut(temporary: &Temporary, ports: &Ports, standing: Option<&Standing>) -> Vec<Open> {
    let mut all = temporary.opened(ports);
    let others: Vec<Open> = endless(standing).into_iter().filter(|open| !all.contains(open)).collect();
    all.extend(others);
    all
}

fn because(ports: &Ports) -> Text {
    let ports: Vec<String> = ports.specs().map(|spec| format!("{spec}")).collect();
    let ports = ports.join(", ");
    text!("somebody asks for {ports} to be closed", "{ports} を閉じるよう指定されています")
}

#[cfg(test)]
mod tests;
