//! Whether a host can still be managed from where its policy says that it is (A15).

use alloc::{boxed::Box, string::String, vec::Vec};

use crate::{
    address::{Breadth, Family},
    exposure::{Exposure, Reached, Senders, To, exposed},
    firewall::{Filter, Place},
    plan::{Refused, Unmanaged},
    policy::{Management, Zone},
    port::{PortRange, PortSpec, Protocol},
    world::{Holding, World},
};

/// Programs that let people in by ssh, and the units that open its port before any of them runs.
const SSH: [&str; 2] = ["sshd", "dropbear"];
const SSH_UNITS: [&str; 6] =
    ["ssh.service", "sshd.service", "ssh.socket", "sshd.socket", "dropbear.service", "dropbear.socket"];

/// Whether each zone of the policy from which this host is managed still gets to the ports by which it is, where
/// `after` takes the place of `before`.
///
/// # Errors
///
/// The first zone that does not, or of which it cannot be told.
pub(super) fn managed(world: &World<'_>, before: &Filter, after: &Filter) -> Result<(), Refused> {
    let zones = world.policy.into_iter().flat_map(|policy| &policy.zones);
    let managing = zones.filter_map(|zone| Some((zone, zone.management.as_ref()?)));
    for (zone, management) in managing {
        let ports = ports(world, management);
        if ports.is_empty() {
            return Err(unmanaged(zone, None, None));
        }
        for spec in ports {
            if let Some(lost) = lost(zone, spec, before, after) {
                let rule = lost.map(|place| after.ruleset.named(place));
                return Err(unmanaged(zone, Some(spec), rule));
            }
        }
    }
    Ok(())
}

/// Whether the policy says of any zone that this host is managed from there.
pub(super) fn is_declared(world: &World<'_>) -> bool {
    world.policy.is_some_and(|policy| policy.zones.iter().any(|zone| zone.management.is_some()))
}

fn unmanaged(zone: &Zone, ports: Option<PortSpec>, rule: Option<String>) -> Refused {
    Refused::Unmanaged(Box::new(Unmanaged { zone: zone.name.clone(), ports, rule }))
}

/// The ports by which a zone manages this host.
fn ports(world: &World<'_>, management: &Management) -> Vec<PortSpec> {
    match management {
        Management::Ports(ports) => ports.clone(),
        Management::Ssh => {
            let own = world.own_namespace().map(|namespace| namespace.id);
            let is_ssh = |it: &&Holding<'_>| {
                Some(it.netns()) == own
                    && it.spec().protocol == Protocol::Tcp
                    && it.breadth() != Breadth::Loopback
                    && lets_in_by_ssh(it)
            };
            world.holdings().filter(is_ssh).map(Holding::spec).collect()
        }
    }
}

fn lets_in_by_ssh(holding: &Holding<'_>) -> bool {
    let is_unit = |unit: &str| SSH_UNITS.contains(&unit);
    holding.programs().iter().any(|program| SSH.contains(program))
        || holding.identity.unit.is_some_and(is_unit)
}

/// What takes one of `ports` from a zone: the rule, where one is known. `None` where nothing does, as where nobody of it
/// got there before.
fn lost(zone: &Zone, ports: PortSpec, before: &Filter, after: &Filter) -> Option<Option<Place>> {
    let senders = Senders::Zone(zone);
    let PortSpec { range, protocol } = ports;
    let (mut is_reached, mut was_shut) = (false, false);
    let mut first = None;
    for family in Family::ALL {
        let to = To { family, protocol, addresses: None, ports: range };
        let (before, after) = (exposed(before, &senders, &to), exposed(after, &senders, &to));
        let worse = after.iter().find(|run| !gets_in(run) && !is_as_before(run, &before));
        match worse {
            // Where nobody got in before, the other family may be the one that is used.
            Some(run) if before.iter().any(arrives) => return Some(decisive(run)),
            Some(run) => first = first.or(Some(decisive(run))),
            None if after.iter().any(arrives) => is_reached |= covers(&after, range),
            None => was_shut |= covers(&after, range),
        }
    }
    // Where no packet of the zone can be judged, or a doubt is left, that it was shut before is not known of all.
    let is_kept = is_reached || was_shut && first.is_none();
    if is_kept { None } else { Some(first.flatten()) }
}

/// Whether every packet of the zone gets to some address of this host.
fn gets_in(run: &Exposure) -> bool {
    let is_everybody = run.passing.iter().any(|some| some.sources.is_none() && some.interfaces.is_none());
    run.reached == Reached::Reachable || run.reached == Reached::Partly && is_everybody
}

/// Whether only those get in who did, such as all but whom somebody else keeps out for a while, or nobody.
fn is_as_before(run: &Exposure, before: &[Exposure]) -> bool {
    let holds = |was: &&Exposure| was.ports.first <= run.ports.first && run.ports.last <= was.ports.last;
    let was = before.iter().find(holds);
    run.reached == Reached::Partly
        && was.is_some_and(|was| was.reached == Reached::Partly && was.passing == run.passing)
        || is_shut(run) && overlapping(before, run).all(is_shut)
}

fn is_shut(run: &Exposure) -> bool {
    matches!(run.reached, Reached::Dropped | Reached::Rejected)
}

fn overlapping<'a>(runs: &'a [Exposure], one: &Exposure) -> impl Iterator<Item = &'a Exposure> {
    let (first, last) = (one.ports.first, one.ports.last);
    runs.iter().filter(move |run| run.ports.first <= last && first <= run.ports.last)
}

fn arrives(run: &Exposure) -> bool {
    matches!(run.reached, Reached::Reachable | Reached::Partly)
}

fn covers(runs: &[Exposure], range: PortRange) -> bool {
    let count: u128 = runs.iter().map(|run| run.ports.last + 1 - run.ports.first).sum();
    count == u128::from(range.count())
}

fn decisive(run: &Exposure) -> Option<Place> {
    // First what lets some in, then what keeps the others out.
    run.doubts.first().or(run.decided_by.last()).copied()
}

#[cfg(test)]
mod tests;
