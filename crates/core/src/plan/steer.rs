//! What is to be steered and to whose sockets, and that nobody loses his own connection by it (A5, A12, A22).

mod apart;
mod carried;
mod loss;
mod missed;
mod socket;

pub use self::{
    apart::socket,
    carried::leads,
    loss::Loss,
    missed::{choice, is_served},
    socket::{Unled, Whose, kept},
};

use alloc::{
    boxed::Box,
    string::{String, ToString as _},
    vec::Vec,
};

use core::net::SocketAddr;

use self::missed::is_unmissed;

pub(super) use self::loss::losses;
use super::{Change, Effect, LedAndEvicted, Plan, Refused};
use crate::{
    address::{Address, Family},
    facts::{Foothold, Led},
    policy::Policy,
    port::{PortSpec, Protocol},
    steer::{Routes, Tenancy, Tenant, wanted},
    steered::stranger,
    text,
    words::{Text, inflect},
    world::{World, name_of},
};

/// The duties that this serves.
const ARTICLE: &[&str] = &["A5", "A12"];

/// What is steered now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Steers {
    /// The routes for good; none where it does not stand.
    pub routes: Routes,
    /// The whole seconds until the kernel takes back what is on trial.
    pub seconds_left: Option<u64>,
    /// What has a socket.
    pub led: Vec<Led>,
}

/// A socket to which packets for a service are to be led.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lead {
    /// The service.
    pub service: String,
    /// Which service of that name.
    pub tenancy: Tenancy,
    /// The families of the packets.
    pub families: Vec<Family>,
    /// Where it is bound.
    pub address: Address,
    /// Its number.
    pub spec: PortSpec,
    /// A process that has it.
    pub pid: u32,
    /// Its descriptor there.
    pub fd: u32,
    /// The kernel's number for it.
    pub cookie: u64,
    /// Who that is.
    pub who: Text,
}

impl Lead {
    /// The same as it is once that is done.
    pub fn led(&self) -> impl Iterator<Item = Led> {
        self.families.iter().map(|family| Led {
            service: self.service.clone(),
            tenancy: self.tenancy,
            protocol: self.spec.protocol,
            family: *family,
            cookie: self.cookie,
        })
    }

    /// Where it listens, as a person types it.
    #[must_use]
    pub fn place(&self) -> SocketAddr {
        SocketAddr::new(self.address.ip, self.spec.range.first)
    }
}

/// A connection whose like would be led to a service from now on, or whose other end the host would take for itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diverted {
    /// It.
    pub foothold: Foothold,
    /// The service.
    pub service: String,
    /// Whether it is the other end.
    pub is_peer: bool,
}

impl Diverted {
    /// Why nothing is changed.
    #[must_use]
    pub fn why(&self) -> Text {
        let (spec, who, service) = (self.foothold.ports(), &self.foothold.who, &self.service);
        if self.is_peer {
            let peer = &self.foothold.peer;
            return text!(
                "you are here from {peer} ({who}), and this host would take packets for it in itself, for {service}",
                "操作中の接続({who})の接続元 {peer} 宛てのパケットを、このホストが {service} 宛てとして受け取るようになります"
            );
        }
        text!(
            "you are here by {spec} ({who}), and new connections to it would be led to {service}",
            "操作中の接続({spec}、{who})と同じ宛先への新しい接続が {service} に誘導されます"
        )
    }

    /// What to do about it.
    #[must_use]
    pub fn fix(&self) -> Text {
        let spec = self.foothold.ports();
        if self.is_peer {
            return text!(
                "leave local out, or correct the address; --cut-my-own-session goes on all the same",
                "local を外すか、アドレスを直してください。--cut-my-own-session を付けると続行します"
            );
        }
        text!(
            "leave {spec} out of what is steered, or come by another way; --cut-my-own-session goes on all the same",
            "{spec} を誘導の対象から外すか、別の経路で接続してください。--cut-my-own-session を付けると続行します"
        )
    }
}

/// Adds to `plan` what is to be steered for `policy`, where something else is, and the sockets that have to be led to.
///
/// # Errors
///
/// It asks for more than the kernel holds, or something is on trial.
pub(super) fn lead(
    world: &World<'_>,
    policy: &Policy,
    steers: &Steers,
    plan: &mut Plan,
) -> Result<(), Refused> {
    let routes = wanted(policy).map_err(Refused::Steer)?;
    if routes != steers.routes {
        if let Some(seconds_left) = steers.seconds_left {
            return Err(Refused::OnTrial { seconds_left });
        }
        let is_reversible = plan.changes.is_empty() || !plan.undo.is_empty();
        plan.changes.push(made(Effect::steered(routes.clone(), steers.routes.clone()), because()));
        let back = || made(Effect::steered(steers.routes.clone(), routes.clone()), as_it_was());
        plan.undo.extend(is_reversible.then(back));
    }
    let leads = leads(world, (&steers.routes, &routes), &steers.led);
    let live = led_then(&steers.led, &leads);
    refuse_evicted(plan, &live)?;
    plan.losses = losses(world, (&steers.routes, &steers.led), (&routes, &live));
    plan.dead = dead(world, &routes, &live);
    plan.changes.extend(leads.into_iter().map(|lead| made(Effect::lead(lead), to_whom())));
    Ok(())
}

/// Refuses to lead to a socket that the same plan has listen no more.
fn refuse_evicted(plan: &Plan, live: &[Led]) -> Result<(), Refused> {
    let both = plan.evictions().find_map(|eviction| {
        let led = live.iter().find(|led| eviction.cookies.contains(&led.cookie))?;
        Some(LedAndEvicted { eviction: eviction.clone(), service: led.service.clone() })
    });
    both.map_or(Ok(()), |both| Err(Refused::LedAndEvicted(Box::new(both))))
}

/// What has a socket once that is done.
fn led_then(led: &[Led], leads: &[Lead]) -> Vec<Led> {
    let new: Vec<Led> = leads.iter().flat_map(Lead::led).collect();
    let stays = |led: &&Led| !new.iter().any(|new| new.is_for_the_same(led));
    led.iter().filter(stays).cloned().chain(new.iter().cloned()).collect()
}

/// Refuses to lead connections like those by which people are here to a service that did not get them before, and to take in what
/// is for where they are.
///
/// # Errors
///
/// The first one.
pub fn refuse_diverted(changes: &[Change], footholds: &[Foothold]) -> Result<(), Refused> {
    let Some((now, before)) = changes.iter().find_map(|change| change.what.steers()) else { return Ok(()) };
    let diverted = footholds.iter().find_map(|foothold| {
        let to = |routes: &Routes| {
            let route = routes.lead(foothold.protocol, foothold.local.ip, foothold.port);
            route.map(|route| route.service.clone())
        };
        let service = to(now).filter(|service| to(before).as_ref() != Some(service))?;
        Some(Diverted { foothold: foothold.clone(), service, is_peer: false })
    });
    let diverted = diverted.or_else(|| cut_off(now, before, footholds));
    diverted.map_or(Ok(()), |diverted| Err(Refused::Diverted(Box::new(diverted))))
}

/// Somebody here whose own address would be one of this host's from now on.
fn cut_off(now: &Routes, before: &Routes, footholds: &[Foothold]) -> Option<Diverted> {
    let (local, had) = (now.local(), before.local());
    footholds.iter().find_map(|foothold| {
        let peer = foothold.peer.ip.to_canonical();
        let is_new = local.contains(&peer) && !had.contains(&peer);
        let mut routes = now.0.iter().filter(|_| is_new);
        let route = routes.find(|route| route.local && route.is_at(peer))?;
        Some(Diverted { foothold: foothold.clone(), service: route.service.clone(), is_peer: true })
    })
}

/// Packets that are led to a service and find no socket of its owner's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dead {
    /// The service.
    pub service: String,
    /// Their protocol and family.
    pub way: (Protocol, Family),
    /// Why there is none.
    pub why: Unled,
    /// Whether others for the service find one.
    pub is_partly: bool,
    /// Who gets them, and is no owner.
    pub stranger: Option<Text>,
}

impl Dead {
    /// What becomes of them, in a sentence without an end, and what to do about it.
    #[must_use]
    pub fn words(&self) -> Text {
        let (Self { service, way: (protocol, family), .. }, Text { en, ja }) = (self, self.why.why());
        let Text { en: en_fix, ja: ja_fix } = self.why.fix();
        let family = family.written();
        if let Some(Text { en: en_who, ja: ja_who }) = &self.stranger {
            text!(
                "what comes in for {service} by {protocol} over {family} goes to no owner of it ({en_who}): {en}; {en_fix}",
                "{service} 宛ての {family} の {protocol} が、owner ではないプロセス({ja_who})に届いています: {ja}。{ja_fix}"
            )
        } else if self.is_partly {
            text!(
                "some of what is led to {service} finds no socket, by {protocol} over {family}: {en}; {en_fix}",
                "{service} に誘導する通信のうち、{family} の {protocol} には誘導先がありません: {ja}。{ja_fix}"
            )
        } else {
            text!(
                "nothing is led to {service}: {en}; {en_fix}",
                "{service} には誘導先がありません: {ja}。{ja_fix}"
            )
        }
    }
}

/// Each way of each service that has none beside `led`, but for what nobody misses.
pub fn dead(world: &World<'_>, routes: &Routes, led: &[Led]) -> Vec<Dead> {
    let of = |tenant: Tenant<'_>| {
        let (name, tenancy) = tenant.key();
        let is_partly = led.iter().any(|led| led.tenant() == (name, tenancy));
        let dead = move |Astray { way, stranger }| {
            let why = socket(world, tenant, way, None).err()?;
            Some(Dead { service: name.into(), way, why, is_partly, stranger })
        };
        let mut astray = astray(world, tenant, led);
        astray.retain(|it| it.stranger.is_some() || !is_unmissed(world, tenant, it.way, led));
        astray.into_iter().filter_map(dead).collect::<Vec<_>>()
    };
    routes.tenants().flat_map(of).collect()
}

/// By which protocol and family packets come in for a service that find no socket of its owner's.
struct Astray {
    way: (Protocol, Family),
    /// Who gets them, and is no owner.
    stranger: Option<Text>,
}

fn astray(world: &World<'_>, tenant: Tenant<'_>, led: &[Led]) -> Vec<Astray> {
    let of = |way: (Protocol, Family)| {
        let stranger = match led_over(tenant, way, led) {
            Some(led) => {
                let (pid, process) = stranger(world, tenant.owners(), led)?;
                let Text { en, ja } = name_of(process);
                Some(text!("{en}, pid {pid}", "{ja}、pid {pid}"))
            }
            None => None,
        };
        Some(Astray { way, stranger })
    };
    tenant.ways().filter_map(of).collect()
}

/// The one of `led` to which what comes in for `tenant` over `way` is led.
fn led_over<'l>(tenant: Tenant<'_>, way: (Protocol, Family), led: &'l [Led]) -> Option<&'l Led> {
    led.iter().find(|led| led.tenant() == tenant.key() && (led.protocol, led.family) == way)
}

/// Each socket once, with all the families that it is for.
pub fn joined(leads: impl IntoIterator<Item = Lead>) -> Vec<Lead> {
    let mut all: Vec<Lead> = Vec::new();
    for lead in leads {
        let is_same = |other: &&mut Lead| {
            (other.cookie, &other.service, other.tenancy) == (lead.cookie, &lead.service, lead.tenancy)
        };
        match all.iter_mut().find(is_same) {
            Some(other) => {
                other.families.extend(lead.families);
            }
            None => all.push(lead),
        }
    }
    all
}

const fn made(what: Effect, because: Text) -> Change {
    Change { what, because, article: ARTICLE }
}

/// What is done, in a sentence.
pub(super) fn words(routes: &Routes) -> Text {
    let services: Vec<&str> = routes.services().collect();
    let count = services.len();
    let en_services = inflect(count, "service", "services");
    let Text { en, ja } = taken_in(routes);
    match services.as_slice() {
        [] => text!("steer nothing any more", "誘導をやめる"),
        [only] => {
            text!(
                "lead what comes in for {only} to its socket{en}",
                "{only} 宛ての通信をそのソケットに誘導する{ja}"
            )
        }
        _ => text!(
            "lead what comes in for {count} {en_services} to their sockets{en}",
            "{count} 個のサービス宛ての通信を、それぞれのソケットに誘導する{ja}"
        ),
    }
}

/// For which addresses the host takes packets in, whether an interface has them or not.
fn taken_in(routes: &Routes) -> Text {
    let local = routes.local();
    let Some(first) = local.first() else { return Text::default() };
    match local.len() - 1 {
        0 => text!(", and have this host take in {first}", "({first} 宛てをこのホストで受け取る)"),
        more => text!(
            ", and have this host take in {first} and {more} more",
            "({first} と、ほか {more} 個のアドレス宛てをこのホストで受け取る)"
        ),
    }
}

/// The same of a socket.
pub(super) fn words_of(lead: &Lead) -> Text {
    let (Lead { service, who: Text { en, ja }, .. }, place) = (lead, lead.place());
    text!("lead {service} to {en} at {place}", "{service} を {ja} の {place} に誘導する")
}

/// The same for all who want the same.
pub(super) fn digested(routes: &Routes) -> String {
    serde_json::to_string(routes).unwrap_or_else(|error| error.to_string())
}

fn because() -> Text {
    text!(
        "the pair of address and port decides who is spoken to, wherever its socket listens",
        "宛先のアドレスとポートの組でサービスが決まるようにするためです"
    )
}

fn to_whom() -> Text {
    text!("its owner has this socket", "owner がこのソケットを持っているためです")
}

fn as_it_was() -> Text {
    text!("this was steered before", "変更前の誘導に戻します")
}
