//! Whom the guard is to let bind what, as the policy declares it (A15, A24).

use alloc::{
    collections::{BTreeMap, btree_map},
    format,
    string::{String, ToString},
    vec::Vec,
};
use core::{iter, net::IpAddr};

use super::{Badge, Containers, ENTRIES_MAX, Entry, Mode, NUMBERS_MAX, Rules};
use crate::{
    address::Address,
    owner::Owner,
    policy::{Guarding, Policy, Service},
    port::{PortRange, PortSpec, Protocol},
    text, unit,
    words::Text,
};

/// What the guard is to keep.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// The rules.
    pub rules: Rules,
    /// The services whose ports it cannot keep.
    pub unguarded: Vec<Unguarded>,
}

/// What the names of a policy stand for on a host.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Named {
    /// The numbers of the users, as far as there are any.
    pub users: BTreeMap<String, u32>,
    /// The containers.
    pub containers: Containers,
}

/// A service whose ports are not guarded, though the policy does not say so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unguarded {
    /// Its name.
    pub service: String,
    /// Why.
    pub why: Unguardable,
    /// Whether its ports stay guarded as they are, since its owner is only not to be found now.
    pub stays: bool,
}

/// Why the kernel cannot tell whether somebody is an owner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unguardable {
    /// Anybody may hold the ports.
    Anybody,
    /// A program: whoever replaces its file would be locked out, and of an interpreter everybody is it.
    Exe,
    /// Docker has no container of this name.
    NoContainer(String),
    /// Every process is in the root of the cgroups.
    EveryCgroup,
    /// There is no user of this name.
    NoUser(String),
    /// On another interface the same number is somebody else's, and the guard knows no interfaces.
    Device,
    /// Its sockets run no programs of the guard.
    Protocol(Protocol),
}

impl Unguardable {
    /// Whether it is so on this host now, and not of the policy everywhere.
    #[must_use]
    pub const fn is_of_host(&self) -> bool {
        matches!(self, Self::NoUser(_) | Self::NoContainer(_))
    }

    /// Why, in a sentence without an end.
    #[must_use]
    pub fn words(&self) -> Text {
        match self {
            Self::Anybody => text!("it names no owner", "owner がない"),
            Self::Exe => text!(
                "an owner by exe cannot be guarded: the file changes with each update",
                "exe で指定した owner は、更新のたびにファイルが変わるため対象にできない"
            ),
            Self::NoContainer(name) => text!(
                "Docker has no container {name} now (of podman name the unit that starts it)",
                "Docker にコンテナ {name} がない(podman の場合は起動するユニットを指定する)"
            ),
            Self::EveryCgroup => {
                text!("every process is in the cgroup /", "すべてのプロセスが cgroup / に属する")
            }
            Self::NoUser(name) => text!("there is no user {name}", "ユーザー {name} が存在しない"),
            Self::Device => text!("it is tied to an interface", "device を指定している"),
            Self::Protocol(protocol) => {
                text!("sockets of {protocol} cannot be guarded", "{protocol} のソケットは対象にできない")
            }
        }
    }
}

/// Why no rules can be made of a policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GuardMistake {
    /// More owners of one number than are told apart.
    Owners(PortSpec),
    /// More numbers than the kernel holds.
    Numbers(u64),
}

impl GuardMistake {
    /// Why, in a sentence.
    #[must_use]
    pub fn words(&self) -> Text {
        match self {
            Self::Owners(spec) => text!(
                "{spec} has more than {ENTRIES_MAX} owners with their addresses",
                "{spec} の owner とアドレスの組が {ENTRIES_MAX} 個を超えています"
            ),
            Self::Numbers(count) => text!(
                "{count} numbers are to be guarded, and {NUMBERS_MAX} can be",
                "ガードの対象が {count} 個あり、上限の {NUMBERS_MAX} 個を超えています"
            ),
        }
    }
}

/// By what the kernel knows `owner`.
///
/// # Errors
///
/// The kernel cannot tell him from others.
pub fn guardable(owner: &Owner, named: &Named) -> Result<Vec<Badge>, Unguardable> {
    let badge = match owner {
        Owner::Unit(unit) => return Ok(of_unit(unit)),
        Owner::Cgroup(path) if path == "/" => return Err(Unguardable::EveryCgroup),
        Owner::Cgroup(path) => Badge::Cgroup(path.clone()),
        Owner::User(name) => {
            let number = name.parse().ok().or_else(|| named.users.get(name).copied());
            Badge::User(number.ok_or_else(|| Unguardable::NoUser(name.clone()))?)
        }
        Owner::Mark(name) => Badge::Mark(name.clone()),
        Owner::Exe(_) => return Err(Unguardable::Exe),
        Owner::Container(name) => return contained(name, &named.containers),
    };
    Ok([badge].into())
}

/// Of a template whose instances are connections the socket is another unit, which opens the port.
fn of_unit(unit: &str) -> Vec<Badge> {
    let socket = unit::accepting(unit).map(|name| Badge::Unit(format!("{name}.socket")));
    iter::once(Badge::Unit(unit.into())).chain(socket).collect()
}

fn contained(name: &str, containers: &Containers) -> Result<Vec<Badge>, Unguardable> {
    let badges = containers.badges(name);
    if badges.is_empty() { Err(Unguardable::NoContainer(name.into())) } else { Ok(badges) }
}

/// What the guard is to keep for `policy`: nothing, where no service of it speaks of the guard.
///
/// # Errors
///
/// It asks for more than the kernel holds.
pub fn wanted(policy: &Policy, named: &Named) -> Result<Wanted, GuardMistake> {
    let mut wanted = Wanted::default();
    if !policy.speaks_of_guard() {
        return Ok(wanted);
    }
    let mut ports: Vec<(PortSpec, &Service, Vec<Entry>)> = Vec::new();
    for service in &policy.services {
        let Some(mode) = mode(service) else { continue };
        let Ok(entries) = entries(service, mode, named) else { continue };
        ports.extend(service.ports.iter().map(|spec| (*spec, service, entries.clone())));
    }
    wanted.unguarded = unguarded(policy, named);
    let count = ports.iter().map(|(spec, ..)| u64::from(spec.range.count())).sum();
    if count > NUMBERS_MAX as u64 {
        return Err(GuardMistake::Numbers(count));
    }
    // In whatever order a person writes them, the rules are the same.
    ports.sort_by_key(|(_, service, _)| &service.name);
    wanted.rules = rules(&ports)?;
    Ok(wanted)
}

impl Wanted {
    /// Keeps what `standing` rules say of the ports of services of `policy` whose owners are only not to be found now: a container
    /// that is being made anew, or whose engine does not run, does not leave its ports to anybody.
    pub fn keep_standing(&mut self, policy: &Policy, standing: &Rules) {
        for unguarded in self.unguarded.iter_mut().filter(|it| it.why.is_of_host()) {
            let service = policy.services.iter().find(|service| service.name == unguarded.service);
            let specs = service.into_iter().flat_map(|service| &service.ports);
            let numbers =
                specs.flat_map(|spec| (spec.range.first..=spec.range.last).map(|port| (spec.protocol, port)));
            for number in numbers {
                let Some(entries) = standing.entries.get(&number) else { continue };
                if let btree_map::Entry::Vacant(number) = self.rules.entries.entry(number) {
                    number.insert(entries.clone());
                    unguarded.stays = true;
                }
            }
        }
    }
}

/// The services of `policy` whose owners the kernel cannot tell, beside others that it can; nobody where no service speaks of the
/// guard.
#[must_use]
pub fn unguarded(policy: &Policy, named: &Named) -> Vec<Unguarded> {
    let services = policy.services.iter().filter(|_| policy.speaks_of_guard());
    let unguarded = |service: &Service| {
        let why = entries(service, mode(service)?, named).err()?;
        Some(Unguarded { service: service.name.clone(), why, stays: false })
    };
    services.filter_map(unguarded).collect()
}

/// How its ports are kept; those of a service that says nothing are watched.
const fn mode(service: &Service) -> Option<Mode> {
    match service.guard {
        None => Some(Mode::Observe),
        Some(Guarding::Kept(mode)) => Some(mode),
        Some(Guarding::Off) => None,
    }
}

/// Who may bind each of its ports.
fn entries(service: &Service, mode: Mode, named: &Named) -> Result<Vec<Entry>, Unguardable> {
    if service.owners.is_empty() {
        return Err(Unguardable::Anybody);
    }
    if service.device.is_some() {
        return Err(Unguardable::Device);
    }
    let odd = service.ports.iter().find(|spec| !matches!(spec.protocol, Protocol::Tcp | Protocol::Udp));
    if let Some(odd) = odd {
        return Err(Unguardable::Protocol(odd.protocol));
    }
    let badges = service.owners.iter().map(|owner| guardable(owner, named)).collect::<Result<Vec<_>, _>>()?;
    let badges = badges.concat();
    let addresses: Vec<Option<Address>> = match service.addresses.as_slice() {
        [] => [None].into(),
        addresses => addresses.iter().map(place).collect(),
    };
    let entry = |address: &Option<Address>, owner: &Badge| Entry {
        owner: owner.clone(),
        address: address.clone(),
        mode,
        service: 0,
    };
    let of = |address| badges.iter().map(move |owner| entry(address, owner));
    Ok(addresses.iter().flat_map(of).collect())
}

/// The address as the kernel compares it: `::` takes every one of both families.
fn place(address: &Address) -> Option<Address> {
    match address.ip.to_canonical() {
        IpAddr::V6(ip) if ip.is_unspecified() => None,
        ip => Some(Address { ip, interface: None }),
    }
}

/// The rules by number; services of one number are told apart by their order in `ports`.
fn rules(ports: &[(PortSpec, &Service, Vec<Entry>)]) -> Result<Rules, GuardMistake> {
    let mut rules = Rules::default();
    let mut services: BTreeMap<(Protocol, u16), u8> = BTreeMap::new();
    for (spec, _, entries) in ports {
        for port in spec.range.first..=spec.range.last {
            let number = (spec.protocol, port);
            let service = services.entry(number).or_default();
            let kept = rules.entries.entry(number).or_default();
            if kept.len() + entries.len() > ENTRIES_MAX {
                return Err(GuardMistake::Owners(PortSpec {
                    protocol: spec.protocol,
                    range: PortRange::one(port),
                }));
            }
            kept.extend(entries.iter().map(|entry| Entry { service: *service, ..entry.clone() }));
            *service += 1;
        }
    }
    Ok(rules)
}

impl Unguarded {
    /// The service and why, in words.
    #[must_use]
    pub fn words(&self) -> Text {
        let (service, Text { en, ja }) = (self.service.to_string(), self.why.words());
        if self.stays {
            return text!(
                "{service}: {en}; its ports stay guarded as they are",
                "{service}: {ja}(これまでのガードはそのまま残る)"
            );
        }
        text!("{service}: {en}", "{service}: {ja}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        port::PortRange,
        rules::testing::{Scene, scene},
    };

    fn of(scene: &Scene) -> Wanted {
        let named = Named { users: [("www-data".into(), 33)].into(), ..Named::default() };
        wanted(scene.policy.as_ref().expect("a policy"), &named).expect("not too much")
    }

    fn kept(mode: Mode) -> impl Fn(&mut Service) {
        move |service| service.guard = Some(Guarding::Kept(mode))
    }

    fn at(wanted: &Wanted, port: u16) -> Vec<(&Badge, Mode, u8)> {
        let entries = wanted.rules.entries.get(&(Protocol::Tcp, port)).into_iter().flatten();
        entries.map(|entry| (&entry.owner, entry.mode, entry.service)).collect()
    }

    #[test]
    fn nothing_is_guarded_before_somebody_says_so_and_then_all_is_watched() {
        let quiet = scene().service("web", "443/tcp", "web.service");
        assert_eq!(of(&quiet), Wanted::default());
        let spoken = quiet
            .service("db", "5432/tcp", "db.service")
            .declared(kept(Mode::Enforce))
            .service("out", "9000/tcp", "out.service")
            .declared(|service| service.guard = Some(Guarding::Off));
        let wanted = of(&spoken);
        assert_eq!(at(&wanted, 443), [(&Badge::Unit("web.service".into()), Mode::Observe, 0)]);
        assert_eq!(at(&wanted, 5432), [(&Badge::Unit("db.service".into()), Mode::Enforce, 0)]);
        assert!(at(&wanted, 9000).is_empty() && wanted.unguarded.is_empty());
    }

    #[test]
    fn who_cannot_be_told_from_others_is_not_guarded_and_that_is_said() {
        let of_owner = |owner: Owner| {
            let wanted = of(&scene().service_of("it", "443/tcp", owner).declared(kept(Mode::Enforce)));
            let [Unguarded { why, .. }] = &wanted.unguarded[..] else { return None };
            assert!(wanted.rules.entries.is_empty());
            Some(why.clone())
        };
        assert_eq!(of_owner(Owner::Exe("/usr/sbin/nginx".into())), Some(Unguardable::Exe));
        assert_eq!(of_owner(Owner::Cgroup("/".into())), Some(Unguardable::EveryCgroup));
        assert_eq!(
            of_owner(Owner::User("nobody-here".into())),
            Some(Unguardable::NoUser("nobody-here".into()))
        );
        assert_eq!(of_owner(Owner::Container("shop".into())), Some(Unguardable::NoContainer("shop".into())));
        for owner in
            [Owner::User("www-data".into()), Owner::User("7".into()), Owner::Cgroup("/a.slice".into())]
        {
            assert_eq!(of_owner(owner.clone()), None, "{owner:?}");
        }
        let anybody = scene().service("it", "443/tcp", "a.service").declared(|service| {
            service.owners.clear();
            service.guard = Some(Guarding::Kept(Mode::Enforce));
        });
        assert_eq!(of(&anybody).unguarded[0].why, Unguardable::Anybody);
    }

    #[test]
    fn what_is_not_to_be_found_now_stays_guarded() {
        let scene =
            scene().service_of("it", "443/tcp", Owner::Container("it".into())).declared(kept(Mode::Enforce));
        let scene = scene.service("other", "80/tcp", "other.service");
        let entry = Entry {
            owner: Badge::Unit("docker-1.scope".into()),
            address: None,
            mode: Mode::Enforce,
            service: 0,
        };
        let standing =
            Rules { entries: [443, 444].map(|port| ((Protocol::Tcp, port), [entry.clone()].into())).into() };
        let mut wanted = of(&scene);
        assert_eq!((at(&wanted, 443).len(), wanted.unguarded[0].stays), (0, false));
        wanted.keep_standing(scene.policy.as_ref().expect("a policy"), &standing);
        assert_eq!((at(&wanted, 443).len(), at(&wanted, 444).len(), wanted.unguarded[0].stays), (1, 0, true));
        let mut first = of(&scene);
        first.keep_standing(scene.policy.as_ref().expect("a policy"), &Rules::default());
        assert!(!first.unguarded[0].stays, "there was nothing");
    }

    #[test]
    fn services_of_one_number_are_told_apart_in_whatever_order_they_are_written() {
        let at_address = |address: &'static str| {
            move |service: &mut Service| {
                service.addresses = [address.parse().expect("an address")].into();
                service.guard = Some(Guarding::Kept(Mode::Enforce));
            }
        };
        let one = |scene: Scene| scene.service("a", "443/tcp", "a.service").declared(at_address("192.0.2.1"));
        let other = |scene: Scene| scene.service("b", "443/tcp", "b.service").declared(at_address("::"));
        let wanted = of(&one(other(scene())));
        assert_eq!(wanted.rules, of(&other(one(scene()))).rules);
        assert_eq!(at(&wanted, 443).iter().map(|(.., service)| *service).collect::<Vec<_>>(), [0, 1]);
        let addresses = wanted.rules.entries[&(Protocol::Tcp, 443)].iter().map(|entry| entry.address.clone());
        assert_eq!(addresses.collect::<Vec<_>>(), [Some("192.0.2.1".parse().expect("an address")), None]);
    }

    #[test]
    fn more_than_the_kernel_holds_is_a_mistake() {
        let wide = scene().service("a", "0-65535/tcp 0-65535/udp", "a.service").declared(kept(Mode::Observe));
        assert_eq!(of(&wide).rules.entries.len(), NUMBERS_MAX);
        let wider = wide.service("b", "80/tcp", "b.service");
        let mistake = wanted(wider.policy.as_ref().expect("a policy"), &Named::default());
        assert_eq!(mistake, Err(GuardMistake::Numbers(131_073)));
        let many = scene().service("a", "80/tcp", "a.service").declared(|service| {
            service.guard = Some(Guarding::Kept(Mode::Enforce));
            service.owners = (0..17).map(|uid| Owner::User(uid.to_string())).collect();
        });
        let mistake = wanted(many.policy.as_ref().expect("a policy"), &Named::default());
        let spec = PortSpec { protocol: Protocol::Tcp, range: PortRange::one(80) };
        assert_eq!(mistake, Err(GuardMistake::Owners(spec)));
    }
}
