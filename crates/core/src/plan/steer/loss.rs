//! Who gets nothing more of what comes in, once it is led elsewhere, or nowhere (A5, A15).

use alloc::{
    string::{String, ToString as _},
    vec::Vec,
};
use core::net::IpAddr;

use crate::{
    address::{Address, Family},
    exposure::families,
    facts::{Led, Listener},
    owner::Match,
    policy::Policy,
    port::PortSpec,
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
    /// At which address; `None` at every one.
    pub address: Option<Address>,
    /// The service to which they are led from then on, or were until then.
    pub service: String,
    /// Who listens there and gets none of them then; `None` where nobody listens there, and they are led no more.
    pub who: Option<Text>,
}

impl Loss {
    /// What is lost, in a sentence.
    #[must_use]
    pub fn words(&self) -> Text {
        let Self { spec, service, .. } = self;
        let (en_at, ja_at) = match &self.address {
            Some(address) => (address.to_string(), address.to_string()),
            None => ("every address".into(), "すべてのアドレス".into()),
        };
        match &self.who {
            Some(Text { en, ja }) => text!(
                "{en} gets nothing more of what comes in for {en_at} on {spec}: it is led to {service}.",
                "{ja} には {ja_at} の {spec} 宛ての通信が届かなくなり、{service} に誘導されます。"
            ),
            None => text!(
                "Nobody gets what comes in for {en_at} on {spec} any more: it was led to {service}, which does not listen there.",
                "{ja_at} の {spec} 宛ての通信は、誘導がなくなると誰にも届きません({service} はそこで待ち受けていません)。"
            ),
        }
    }
}

/// All of them, where what was led by `before` is led by `after`, and then to the services of `live`.
pub(super) fn losses(
    world: &World<'_>,
    policy: &Policy,
    (before, after): (&Routes, &Routes),
    live: &[Led],
) -> Vec<Loss> {
    let is_new = |route: &&Route| !before.0.contains(route);
    let taken = after.0.iter().filter(is_new).flat_map(|route| {
        world.holdings().filter(move |it| is_taken(world, policy, route, (before, after), live, it)).map(
            move |it| Loss {
                spec: it.spec(),
                address: route.address.clone(),
                service: route.service.clone(),
                who: Some(it.who()),
            },
        )
    });
    let ended = before.0.iter().filter(|route| is_ended(world, route, after, live)).map(|route| Loss {
        spec: PortSpec { protocol: route.protocol, range: route.ports },
        address: route.address.clone(),
        service: route.service.clone(),
        who: None,
    });
    taken.chain(ended).collect()
}

/// Whether `holding` gets some of what `route` leads to somebody else then.
fn is_taken(
    world: &World<'_>,
    policy: &Policy,
    route: &Route,
    (before, after): (&Routes, &Routes),
    live: &[Led],
    holding: &Holding<'_>,
) -> bool {
    let service = policy.services.iter().find(|service| service.name == route.service);
    let is_owners =
        service.is_some_and(|service| holding.identity.matches_any(&service.owners) == Match::Yes);
    let is_taken = |listener: &&Listener| {
        asked(route, listener).any(|ip| {
            let to = |routes: &Routes| {
                routes.lead(route.protocol, ip, listener.port).map(|route| route.service.clone())
            };
            let is_led = route.when_dead == WhenDead::Refuse || is_live(route, Family::of(ip), live);
            is_led && to(after).as_ref() == Some(&route.service) && to(before) != to(after)
        })
    };
    world.is_own(holding.netns()) && !is_owners && holding.listeners.iter().any(is_taken)
}

/// Whether what `route` leads is led to nobody any more, and nobody listens there.
fn is_ended(world: &World<'_>, route: &Route, after: &Routes, live: &[Led]) -> bool {
    let is_led = |ip: IpAddr| after.lead(route.protocol, ip, route.ports.first).is_some();
    let ips = || route.families().iter().map(|family| at(route, *family));
    let hears = |listener: &&Listener| asked(route, listener).next().is_some();
    let mut own = world.holdings().filter(|it| world.is_own(it.netns())).flat_map(|it| it.listeners.clone());
    ips().any(|ip| is_live(route, Family::of(ip), live) && !is_led(ip)) && !own.any(|it| hears(&it))
}

/// The addresses at which `listener` hears what `route` leads: of each family one.
fn asked(route: &Route, listener: &Listener) -> impl Iterator<Item = IpAddr> {
    let is_of_route = route.protocol == listener.protocol && route.ports.contains(listener.port);
    let bound = listener.address.ip.to_canonical();
    let heard = families(listener).into_iter().filter(move |_| is_of_route);
    let own = heard.filter(|family| route.families().contains(family)).map(|family| at(route, family));
    own.filter_map(move |ip| match (bound.is_unspecified(), ip.is_unspecified()) {
        (true, _) => Some(ip),
        (false, true) => Some(bound),
        (false, false) => (ip == bound).then_some(ip),
    })
}

fn at(route: &Route, family: Family) -> IpAddr {
    let own = route.address.as_ref().filter(|_| !route.is_anywhere());
    own.map_or_else(|| family.wildcard(), |address| address.ip.to_canonical())
}

fn is_live(route: &Route, family: Family, live: &[Led]) -> bool {
    live.iter().any(|led| {
        (led.service.as_str(), led.protocol, led.family) == (route.service.as_str(), route.protocol, family)
    })
}
