//! Who gets nothing more of what comes in, once it is led elsewhere, or nowhere (A5, A15).

use alloc::{
    collections::BTreeSet,
    format,
    string::{String, ToString as _},
    vec::Vec,
};
use core::net::IpAddr;

use crate::{
    address::{Address, Family},
    exposure::families,
    facts::{Led, Listener},
    port::{PortRange, PortSpec, Protocol},
    steer::{Route, Routes, WhenDead},
    text,
    words::Text,
    world::{Holding, World},
};

/// Packets that somebody gets now, and will not get any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loss {
    /// Where they go.
    pub spec: PortSpec,
    /// At which address; `None` at every one that is led nowhere else.
    pub address: Option<Address>,
    /// Over which families.
    pub families: Vec<Family>,
    /// The service to which they are led then; `None` where they are led to nobody in particular.
    pub service: Option<String>,
    /// Whether that one has no socket either.
    pub is_dead: bool,
    /// Who gets them now.
    pub who: Text,
}

impl Loss {
    /// What is lost, in a sentence.
    #[must_use]
    pub fn words(&self) -> Text {
        let Self { spec, who: Text { en, ja }, .. } = self;
        let (en_at, ja_at): (String, String) = match (&self.address, self.families.as_slice()) {
            (Some(address), _) => (address.to_string(), address.to_string()),
            (None, [family]) => {
                let family = family.written();
                (
                    format!("addresses of {family} that no other route names"),
                    format!("ほかの経路にない {family} のアドレス"),
                )
            }
            (None, _) => ("addresses that no other route names".into(), "ほかの経路にないアドレス".into()),
        };
        match &self.service {
            Some(service) if self.is_dead => text!(
                "{en} gets nothing more of what comes in for {en_at} on {spec}: it is led to {service}, and no socket of that is registered.",
                "{ja} には {ja_at} の {spec} 宛ての通信が届かなくなります({service} に誘導されますが、誘導先のソケットが登録されていません)。"
            ),
            Some(service) => text!(
                "{en} gets nothing more of what comes in for {en_at} on {spec}: it is led to {service}.",
                "{ja} には {ja_at} の {spec} 宛ての通信が届かなくなり、{service} に誘導されます。"
            ),
            None => text!(
                "{en} gets nothing more of what comes in for {en_at} on {spec}: it is led to nobody any more, and {en} does not listen there.",
                "{ja} には {ja_at} の {spec} 宛ての通信が届かなくなります(誘導がなくなり、{ja} はそこで待ち受けていません)。"
            ),
        }
    }
}

/// What is led, and what has a socket.
pub(in crate::plan) type Steering<'s> = (&'s Routes, &'s [Led]);

/// All of them, where `before` becomes `after`.
pub(in crate::plan) fn losses(world: &World<'_>, before: Steering<'_>, after: Steering<'_>) -> Vec<Loss> {
    let mut all: Vec<Loss> = Vec::new();
    for route in before.0.0.iter().chain(after.0.0.iter().filter(|route| !before.0.0.contains(route))) {
        for family in route.families() {
            let losses = places(world, route, *family).into_iter();
            for loss in losses.flat_map(|place| place.losses(world, before, after)) {
                join(&mut all, loss);
            }
        }
    }
    all
}

/// The same ports again, as of the other family, or ports that only go on.
fn join(all: &mut Vec<Loss>, next: Loss) {
    let is_alike = |loss: &Loss| {
        (&loss.address, &loss.service, loss.is_dead, &loss.who, loss.spec.protocol)
            == (&next.address, &next.service, next.is_dead, &next.who, next.spec.protocol)
    };
    let same = all.iter_mut().find(|loss| is_alike(loss) && loss.spec == next.spec);
    if let Some(loss) = same {
        let more = next.families.iter().filter(|family| !loss.families.contains(family));
        loss.families.extend(more.copied().collect::<Vec<_>>());
        return;
    }
    let range = next.spec.range;
    let is_near = |own: PortRange| {
        own.contains(range.first) && own.contains(range.last)
            || u32::from(own.last) + 1 == u32::from(range.first)
    };
    let goes_on = |loss: &Loss| loss.families == next.families && is_near(loss.spec.range);
    match all.iter_mut().find(|loss| is_alike(loss) && goes_on(loss)) {
        Some(loss) => loss.spec.range.last = loss.spec.range.last.max(range.last),
        None => all.push(next),
    }
}

/// An address at ports of a route.
struct Place {
    protocol: Protocol,
    ip: IpAddr,
    /// The address where it is a single one.
    address: Option<Address>,
    ports: PortRange,
    /// Whether it is one of those that a route at any address takes: whoever loses all of them is told of once.
    is_part: bool,
}

/// The address of `route`; of one at any address also each at which somebody listens on one of its ports.
fn places(world: &World<'_>, route: &Route, family: Family) -> Vec<Place> {
    let address = route.address.clone().filter(|_| !route.is_anywhere());
    let ip = address.as_ref().map_or_else(|| family.wildcard(), |address| address.ip.to_canonical());
    let own = Place { protocol: route.protocol, ip, address, ports: route.ports, is_part: false };
    if own.address.is_some() {
        return [own].into();
    }
    let listens = |listener: &&Listener| {
        let ip = listener.address.ip.to_canonical();
        listener.protocol == route.protocol
            && route.ports.contains(listener.port)
            && Family::of(ip) == family
            && !ip.is_unspecified()
    };
    let holdings = world.holdings().filter(|holding| world.is_own(holding.netns()));
    let listeners = holdings.flat_map(|holding| holding.listeners.iter().copied()).filter(listens);
    let single = listeners.map(|listener| Place {
        protocol: route.protocol,
        ip: listener.address.ip.to_canonical(),
        address: Some(listener.address.clone()),
        ports: PortRange::one(listener.port),
        is_part: true,
    });
    [own].into_iter().chain(single).collect()
}

/// Whether both are of one owner.
fn is_the_same(one: &Holding<'_>, other: &Holding<'_>) -> bool {
    let lasting = one.identity.lasting();
    core::ptr::eq(one, other) || lasting.is_some() && lasting == other.identity.lasting()
}

/// Whoever shares a number with the socket of this cookie: the kernel chooses among them also where it is led to one.
fn sharing<'w, 'a>(world: &'w World<'a>, cookie: u64) -> Vec<&'w Holding<'a>> {
    let every = || world.every_holding().iter();
    let mut all = every().flat_map(|holding| &holding.listeners);
    let Some(led) = all.find(|listener| listener.cookie == cookie) else { return Vec::new() };
    let place = |it: &'w Listener| (it.netns, it.spec(), it.family, &it.address, it.v6only, it.uid);
    let shares = |holding: &&Holding<'a>| holding.listeners.iter().any(|other| place(other) == place(led));
    every().filter(shares).collect()
}

/// Who gets packets.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Taker {
    /// Whoever has this socket, as they are led to it for this service.
    Led(u64),
    /// Nobody: they are led to a service without one.
    Nobody,
    /// Whoever is bound there.
    Bound,
}

impl Place {
    fn losses(&self, world: &World<'_>, before: Steering<'_>, after: Steering<'_>) -> Vec<Loss> {
        let bound = self.bound(world);
        let lost = |range: PortRange| {
            let (now, then) = (self.taker(before, range.first), self.taker(after, range.first));
            if now == then || self.is_part && now.0 != Taker::Bound {
                return Vec::new();
            }
            let next = self.holders(world, &then.0, &bound, range.first);
            let keeps = |who: &&Holding<'_>| next.iter().any(|next| is_the_same(who, next));
            let losers = self.holders(world, &now.0, &bound, range.first).into_iter();
            let loss = |who: &Holding<'_>| Loss {
                spec: PortSpec { range, protocol: self.protocol },
                address: self.address.clone(),
                families: [Family::of(self.ip)].into(),
                is_dead: then.0 == Taker::Nobody,
                service: then.1.clone(),
                who: who.who(),
            };
            losers.filter(|who| !keeps(who)).map(loss).collect()
        };
        self.runs(before.0, after.0, &bound).into_iter().flat_map(lost).collect()
    }

    /// Who gets packets to `port`, and the service that they are led to.
    fn taker(&self, (routes, led): Steering<'_>, port: u16) -> (Taker, Option<String>) {
        let Some(route) = routes.lead(self.protocol, self.ip, port) else { return (Taker::Bound, None) };
        let family = Family::of(self.ip);
        let own = led.iter().find(|led| led.family == family && route.uses(led));
        match (own, route.when_dead) {
            (Some(led), _) => (Taker::Led(led.cookie), Some(route.service.clone())),
            (None, WhenDead::Refuse) => (Taker::Nobody, Some(route.service.clone())),
            (None, WhenDead::Pass) => (Taker::Bound, None),
        }
    }

    /// Whoever gets what comes in for `port` by this: several where they share the number (SO_REUSEPORT, socket(7)).
    fn holders<'w, 'a>(
        &self,
        world: &'w World<'a>,
        taker: &Taker,
        bound: &[(&'a Listener, &'w Holding<'a>)],
        port: u16,
    ) -> Vec<&'w Holding<'a>> {
        match taker {
            Taker::Nobody => Vec::new(),
            Taker::Led(cookie) => sharing(world, *cookie),
            Taker::Bound => {
                // The kernel looks for a socket at the very address first, and then for one of the very family.
                let rank = |listener: &Listener| {
                    (listener.address.ip.is_unspecified(), listener.family != Family::of(self.ip))
                };
                let here = || bound.iter().filter(|(listener, _)| listener.port == port);
                let first = here().map(|(listener, _)| rank(listener)).min();
                here()
                    .filter(|(listener, _)| Some(rank(listener)) == first)
                    .map(|(_, holding)| *holding)
                    .collect()
            }
        }
    }

    /// The listeners that hear what comes in for it.
    fn bound<'w, 'a>(&self, world: &'w World<'a>) -> Vec<(&'a Listener, &'w Holding<'a>)> {
        let family = Family::of(self.ip);
        let hears = |listener: &Listener| {
            let ip = listener.address.ip.to_canonical();
            listener.protocol == self.protocol
                && self.ports.contains(listener.port)
                && families(listener).contains(&family)
                && (ip.is_unspecified() || ip == self.ip)
        };
        let own = world.holdings().filter(|holding| world.is_own(holding.netns()));
        own.flat_map(|holding| holding.listeners.iter().map(move |listener| (*listener, holding)))
            .filter(|(listener, _)| hears(listener))
            .collect()
    }

    /// The runs of its ports within which the same holds.
    fn runs(&self, before: &Routes, after: &Routes, bound: &[(&Listener, &Holding<'_>)]) -> Vec<PortRange> {
        let PortRange { first, last } = self.ports;
        let routes = before
            .0
            .iter()
            .chain(&after.0)
            .filter(|route| route.protocol == self.protocol && route.ports.overlaps(self.ports));
        let begins = routes
            .flat_map(|route| [u32::from(route.ports.first), u32::from(route.ports.last) + 1])
            .chain(bound.iter().flat_map(|(listener, _)| {
                let port = u32::from(listener.port);
                [port, port + 1]
            }));
        let inner: BTreeSet<u16> = begins
            .filter_map(|port| u16::try_from(port).ok())
            .filter(|port| (first..=last).contains(port))
            .collect();
        let mut begins: Vec<u16> = inner.into_iter().collect();
        if begins.first() != Some(&first) {
            begins.insert(0, first);
        }
        let ends = begins.iter().skip(1).map(|next| next - 1).chain([last]);
        begins.iter().zip(ends).map(|(first, last)| PortRange { first: *first, last }).collect()
    }
}
