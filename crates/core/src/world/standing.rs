//! By what right somebody holds a declared port: as its owner, as the owner's kin, or by none (A13, A24).

use alloc::{collections::BTreeSet, format, string::ToString, vec::Vec};

use crate::{
    facts::{Gap, GapKind, HolderGap, Process},
    owner::{Identity, Match, Owner, is_service_manager},
    published::{behind, target},
    unit,
    world::{Holding, World},
};

/// More ports than this are not named in a gap.
const PORTS_NAMED_MAX: usize = 4;

/// Those who hold `holding` and are surely neither owners nor kin of anybody who may be one.
#[derive(Debug)]
pub struct Strangers<'a> {
    /// The first of them.
    pub first: &'a Process,
    /// Whether somebody holds it who may be the owner.
    pub beside_owner: bool,
}

/// The strangers on a declared port; `None` where there are none, or nobody was seen.
#[must_use]
pub fn strangers<'a>(world: &World<'_>, holding: &Holding<'a>) -> Option<Strangers<'a>> {
    let (others, mut family) = divide(world, holding, |verdict| verdict == Match::No);
    let beside_owner = !family.pids.is_empty();
    let mut others = others.into_iter().filter(|&(pid, process)| !family.recognises(pid, process));
    let (_, first) = others.next()?;
    Some(Strangers { first, beside_owner })
}

/// The `.socket` for which the service manager opened it, where the guard would refuse it to that.
#[must_use]
pub fn unowned_socket<'a>(holding: &Holding<'a>) -> Option<&'a str> {
    let owners = &holding.declared?.service.owners;
    let openers = holding.listeners.iter().filter_map(|listener| Identity::of_socket_unit(listener));
    openers.filter(|opener| opener.matches_any(owners) == Match::No).find_map(|opener| opener.unit)
}

/// The gap of all declared ports whose holder cannot be told from their owner, if there are any.
///
/// Where a holder was not seen at all, other gaps say so.
pub(super) fn undecided(world: &World<'_>) -> Option<Gap> {
    let mut ports: Vec<_> = world
        .every_holding()
        .iter()
        .filter(|holding| is_undecided(world, holding))
        .map(Holding::spec)
        .collect();
    ports.dedup();
    let named: Vec<_> = ports.iter().take(PORTS_NAMED_MAX).map(ToString::to_string).collect();
    let more = if ports.len() > PORTS_NAMED_MAX { " …" } else { "" };
    let count = u32::try_from(ports.len()).unwrap_or(u32::MAX);
    let detail = format!("{}{more}", named.join(" "));
    (count > 0).then_some(Gap { what: GapKind::UndecidedOwners, count, detail })
}

fn is_undecided(world: &World<'_>, holding: &Holding<'_>) -> bool {
    if holding.holders.is_empty() {
        let unheld = holding.widest().gap.is_some_and(HolderGap::is_adrift);
        return unheld && verdict(world, holding, &holding.identity) == Match::Unknown;
    }
    let (doubtful, mut family) = divide(world, holding, |verdict| verdict == Match::Unknown);
    let mut doubtful =
        doubtful.into_iter().filter(|(_, process)| !holds_for_another(world, holding, process));
    doubtful.any(|(pid, process)| !family.recognises(pid, process))
}

/// The holders with a verdict that `apart` picks, and the family of the others who are or may be owners.
fn divide<'a>(
    world: &World<'_>,
    holding: &Holding<'a>,
    apart: impl Fn(Match) -> bool,
) -> (Vec<(u32, &'a Process)>, Family<'a>) {
    let (mut others, mut family) = (Vec::new(), Family::default());
    for &(pid, process) in &holding.holders {
        match verdict_of(world, holding, process) {
            verdict if apart(verdict) => others.push((pid, process)),
            Match::Yes | Match::Unknown => family.admit(pid, process),
            Match::No => {}
        }
    }
    (others, family)
}

/// Whether a holder is meant; whoever forwards for a container is as that is, where it is seen whose the port is inside.
fn verdict_of(world: &World<'_>, holding: &Holding<'_>, process: &Process) -> Match {
    let own = verdict(world, holding, &Identity::of_holder(process, holding.widest()));
    let Some(target) = target(process).filter(|_| own == Match::Unknown) else { return own };
    let listeners = behind(world.snapshot, target).into_iter();
    let inside = listeners.flat_map(|listener| world.snapshot.holders(listener)).map(|(_, process)| process);
    let verdicts = inside.map(|process| verdict(world, holding, &Identity::of_process(process)));
    verdicts.reduce(|one, other| if one == other { one } else { Match::Unknown }).unwrap_or(own)
}

/// Whether somebody is meant by any service that is declared where the holding stands.
fn verdict(world: &World<'_>, holding: &Holding<'_>, identity: &Identity<'_>) -> Match {
    let mut verdict = Match::No;
    for desired in world.desired.covering(holding.widest()) {
        match identity.matches_any(&desired.service.owners) {
            Match::Yes => return Match::Yes,
            Match::Unknown => verdict = Match::Unknown,
            Match::No => {}
        }
    }
    verdict
}

/// Whether root's own machinery holds it for somebody whom it does not name, which is ordinary.
///
/// The service manager does for the unit that it will start, an engine's forwarder for a container.
fn holds_for_another(world: &World<'_>, holding: &Holding<'_>, process: &Process) -> bool {
    let identity = Identity::of_holder(process, holding.widest());
    let contained = |owner: &Owner| matches!(owner, Owner::Container(_));
    let mut services = world.desired.covering(holding.widest()).map(|desired| desired.service);
    is_service_manager(process)
        || (identity.forwards_for_containers()
            && services.any(|service| service.owners.iter().any(contained)))
}

/// Processes that hold a socket by right, to tell a worker or master of theirs from a stranger.
///
/// A master of nginx is root and its workers are not: a policy that names either user means both.
#[derive(Default)]
struct Family<'a> {
    pids: BTreeSet<u32>,
    parents: BTreeSet<u32>,
    units: BTreeSet<&'a str>,
}

impl<'a> Family<'a> {
    fn admit(&mut self, pid: u32, process: &'a Process) {
        self.pids.insert(pid);
        self.parents.extend(process.parent.as_ref().map(|parent| parent.pid).filter(|&pid| pid > 1));
        self.units.extend(process.unit.as_deref().filter(|unit| unit::is_service(unit)));
    }

    /// Parent, child or sibling of a member, or in the same service; who is recognised is a member from then on.
    fn recognises(&mut self, pid: u32, process: &'a Process) -> bool {
        let parent = process.parent.as_ref().map(|parent| parent.pid).filter(|&pid| pid > 1);
        let kin = self.parents.contains(&pid)
            || parent.is_some_and(|parent| self.pids.contains(&parent) || self.parents.contains(&parent))
            || process.unit.as_deref().is_some_and(|unit| self.units.contains(unit));
        if kin {
            self.admit(pid, process);
        }
        kin
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        facts::Process,
        rules::testing::{Scene, scene},
    };

    fn undecided(scene: &Scene) -> Option<(u32, alloc::string::String)> {
        scene.with_world(|world| {
            let mut gaps = world.gaps_that_matter().filter(|gap| gap.what == GapKind::UndecidedOwners);
            gaps.next().map(|gap| (gap.count, gap.detail.clone()))
        })
    }

    fn unplaced(process: &mut Process) {
        (process.cgroup, process.unit) = (None, None);
    }

    /// A host of the older cgroups shows nobody's unit.
    #[test]
    fn a_holder_without_a_cgroup_may_be_a_thief() {
        let scene = scene()
            .service("web", "80/tcp 443/tcp", "nginx.service")
            .reach("world")
            .listens("nginx.service", "0.0.0.0:443/tcp")
            .again("[::]:443/tcp");
        assert_eq!(undecided(&scene), None);
        let scene = scene.program("python3", "mallory").process(unplaced);
        assert_eq!(undecided(&scene), Some((1, "443/tcp".into())));
        assert_eq!(scene.rules(), ["declared-but-silent"], "80 alone, and nobody is accused");
        assert_eq!(undecided(&scene.hidden()), Some((1, "443/tcp".into())), "the other socket is still his");
    }

    #[test]
    fn where_nobody_was_seen_or_anybody_may_be_there_other_gaps_speak() {
        let hidden = scene()
            .service("web", "443/tcp", "nginx.service")
            .listens("session-4.scope", "0.0.0.0:443/tcp")
            .hidden()
            .socket(|socket| (socket.socket_cgroup, socket.socket_unit) = (None, None));
        assert_eq!(undecided(&hidden), None);
        let anybody = scene()
            .service("web", "443/tcp", "nginx.service")
            .declared(|service| service.owners.clear())
            .listens("nginx.service", "0.0.0.0:443/tcp")
            .process(unplaced);
        assert_eq!(undecided(&anybody), None);
    }

    #[test]
    fn a_socket_without_a_descriptor_may_be_anybodys() {
        let in_flight = scene()
            .service_of("web", "443/tcp", Owner::User("www-data".into()))
            .listens("session-4.scope", "0.0.0.0:443/tcp")
            .hidden()
            .socket(|socket| socket.gap = Some(HolderGap::NoDescriptor));
        assert_eq!(undecided(&in_flight), Some((1, "443/tcp".into())));
        let kernel = in_flight.socket(|socket| socket.gap = Some(HolderGap::Kernel));
        assert_eq!(undecided(&kernel), None);
    }

    #[test]
    fn a_scripts_name_leaves_it_open_who_runs_it() {
        let honest = scene()
            .service_of("app", "8080/tcp", Owner::Exe("/srv/honest.py".into()))
            .reach("world")
            .listens("session-4.scope", "0.0.0.0:8080/tcp")
            .program("python3", "nobody")
            .process(|process| process.script = Some("/srv/honest.py".into()));
        assert_eq!(undecided(&honest), Some((1, "8080/tcp".into())));
        let named = honest.clone().declared(|service| service.owners.push(Owner::User("nobody".into())));
        assert_eq!((undecided(&named), named.rules()), (None, alloc::vec![]));
        let other = honest.process(|process| process.script = Some("/srv/other.py".into()));
        assert_eq!((undecided(&other), other.rules()), (None, alloc::vec!["stolen-port"]));
    }

    #[test]
    fn kin_of_the_owner_are_the_owners() {
        let scene = scene()
            .service("web", "443/tcp", "nginx.service")
            .listens("nginx.service", "0.0.0.0:443/tcp")
            .worker("www-data")
            .process(unplaced);
        assert_eq!(undecided(&scene), None);
    }

    #[test]
    fn the_service_manager_and_an_engines_forwarder_stand_for_others() {
        let activated = scene()
            .service("shop", "8080/tcp", "shop.service")
            .listens("init.scope", "0.0.0.0:8080/tcp")
            .program("systemd", "root")
            .socket(|socket| {
                socket.socket_cgroup = Some("/system.slice/http.socket".into());
                socket.socket_unit = Some("http.socket".into());
            });
        assert_eq!(undecided(&activated), None);
        let published = scene()
            .service_of("shop", "8080/tcp", Owner::Container("shop".into()))
            .listens("docker.service", "0.0.0.0:8080/tcp")
            .program("docker-proxy", "root");
        assert_eq!(undecided(&published), None);
        let unit = published.clone().declared(|service| {
            service.owners = alloc::vec![Owner::Unit("shop.service".into())];
        });
        assert_eq!(undecided(&unit.process(unplaced)), Some((1, "8080/tcp".into())));
    }
}
